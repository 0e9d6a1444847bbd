//! Temporal family: when the address was active, against the window that the row speaks of. Times come from the feature
//! row; where it has none, from the flow rows.

use super::view::{AddressView, DAY_MS};
use super::{Family, ModelFeature, Unit};

/// The address columns that hold times; read by name, never as features of their own: a date is no behaviour.
pub(super) const FIRST: &str = "first_activity_timestamp";
/// See [`FIRST`].
pub(super) const LAST: &str = "last_activity_timestamp";

/// The family in its order.
pub(super) fn features() -> Vec<ModelFeature> {
    FEATURES.to_vec()
}

const fn time(
    name: &'static str,
    unit: Unit,
    doc: &'static str,
    read: fn(&AddressView<'_>) -> f64,
) -> ModelFeature {
    ModelFeature::address(Family::Temporal, name, unit, doc, read)
}

static FEATURES: [ModelFeature; 6] = [
    time("recency_days", Unit::Days, "End of the window minus last activity.", |a| {
        (a.window.end_ms() - a.last_ms()) / DAY_MS
    }),
    time("recency_share", Unit::Share, "`recency_days` over the window's length.", |a| {
        (a.window.end_ms() - a.last_ms()) / a.window.length_ms()
    }),
    time("first_seen_share", Unit::Share, "First activity's place in the window: 0 at its start.", |a| {
        1.0 - (a.window.end_ms() - a.first_ms()) / a.window.length_ms()
    }),
    time("span_share", Unit::Share, "First to last activity over the window's length.", |a| {
        (a.last_ms() - a.first_ms()) / a.window.length_ms()
    }),
    time("span_hours", Unit::Hours, "First to last activity.", |a| (a.last_ms() - a.first_ms()) / HOUR_MS),
    time("processing_weekday", Unit::Level, "Weekday of the processing date, Monday 0.", |a| {
        a.window.weekday()
    }),
];

const HOUR_MS: f64 = 3_600_000.0;
