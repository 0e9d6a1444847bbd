//! Alert family: the alert's own row and the numbers in its evidence.

use super::view::AlertView;
use super::vocabulary::{self, PATTERN_TYPES, SUSPECTED_TYPES, TYPOLOGIES};
use super::{Family, ModelFeature, Unit, ratio};

/// The family in its order.
pub(super) fn features() -> Vec<ModelFeature> {
    FEATURES.to_vec()
}

const fn own(
    name: &'static str,
    unit: Unit,
    doc: &'static str,
    read: fn(&AlertView<'_>) -> f64,
) -> ModelFeature {
    ModelFeature::alert(Family::Alert, name, unit, doc, read)
}

macro_rules! is_word {
    ($name:literal, $vocabulary:ident, $code:literal, $column:ident) => {
        own(
            $name,
            Unit::Flag,
            concat!("Whether `", stringify!($column), "` is this word of its vocabulary."),
            |v| flag(vocabulary::code(&$vocabulary, $column(v)) == Some($code)),
        )
    };
}

macro_rules! is_other {
    ($name:literal, $vocabulary:ident, $column:ident) => {
        own(
            $name,
            Unit::Flag,
            concat!("Whether `", stringify!($column), "` is outside its vocabulary."),
            |v| flag(vocabulary::code(&$vocabulary, $column(v)).is_none()),
        )
    };
}

static FEATURES: [ModelFeature; 40] = [
    own("alert_confidence", Unit::Share, "Confidence of the rule that raised the alert.", |v| {
        v.alert.alert_confidence_score
    }),
    own("alert_severity", Unit::Level, "Severity: info 0, low 1, medium 2, high 3, critical 4.", |v| {
        vocabulary::severity(&v.alert.severity)
    }),
    own("alert_volume_usd", Unit::Usd, "Volume of the alert.", |v| v.alert.volume_usd),
    own("alert_volume_share", Unit::Ratio, "Volume of the alert over the address's volume.", |v| {
        let flows = super::flow::volume_usd(&v.address);
        ratio(v.alert.volume_usd, flows)
    }),
    own("risk_indicator_count", Unit::Count, "How many risk indicators the alert lists.", |v| {
        v.alert.risk_indicators.len() as f64
    }),
    own("evidence_length", Unit::Count, "Addresses or hops of the structure in the evidence.", |v| {
        v.evidence.length
    }),
    own("evidence_volume_usd", Unit::Usd, "Volume named in the evidence.", |v| v.evidence.volume_usd),
    own("evidence_transactions", Unit::Count, "Transfers named in the evidence.", |v| {
        v.evidence.transactions
    }),
    own("evidence_duration_hours", Unit::Hours, "First to last transfer in the evidence.", |v| {
        v.evidence.duration_hours
    }),
    own(
        "evidence_severity",
        Unit::Share,
        "Severity that the detector gave the structure in the evidence.",
        |v| v.evidence.severity,
    ),
    own("evidence_risk", Unit::Share, "Risk that the detector gave the structure in the evidence.", |v| {
        v.evidence.risk
    }),
    own(
        "evidence_is_hub",
        Unit::Flag,
        "Whether the address is the centre of the structure in the evidence.",
        |v| part(v, &["center", "centre", "hub"]),
    ),
    own(
        "evidence_is_end",
        Unit::Flag,
        "Whether the address is an end of the structure in the evidence.",
        |v| part(v, &["source", "destination"]),
    ),
    is_word!("typology_peel_chain", TYPOLOGIES, 0, typology_type),
    is_word!("typology_structuring", TYPOLOGIES, 1, typology_type),
    is_word!("typology_ping_pong", TYPOLOGIES, 2, typology_type),
    is_word!("typology_fresh_to_exchange", TYPOLOGIES, 4, typology_type),
    is_word!("typology_rapid_fanout", TYPOLOGIES, 5, typology_type),
    is_word!("typology_velocity_anomaly", TYPOLOGIES, 8, typology_type),
    is_word!("typology_cycle_detection", TYPOLOGIES, 10, typology_type),
    is_word!("typology_layering_path", TYPOLOGIES, 11, typology_type),
    is_word!("typology_smurfing_network", TYPOLOGIES, 12, typology_type),
    is_word!("typology_proximity_risk", TYPOLOGIES, 13, typology_type),
    is_word!("typology_motif_fanin", TYPOLOGIES, 14, typology_type),
    is_word!("typology_motif_fanout", TYPOLOGIES, 15, typology_type),
    is_other!("typology_other", TYPOLOGIES, typology_type),
    is_word!("pattern_cycle", PATTERN_TYPES, 0, pattern_type),
    is_word!("pattern_layering_path", PATTERN_TYPES, 1, pattern_type),
    is_word!("pattern_smurfing_network", PATTERN_TYPES, 2, pattern_type),
    is_word!("pattern_proximity_risk", PATTERN_TYPES, 3, pattern_type),
    is_word!("pattern_motif_fanin", PATTERN_TYPES, 4, pattern_type),
    is_word!("pattern_motif_fanout", PATTERN_TYPES, 5, pattern_type),
    is_word!("pattern_temporal_burst", PATTERN_TYPES, 6, pattern_type),
    is_word!("pattern_threshold_evasion", PATTERN_TYPES, 7, pattern_type),
    is_other!("pattern_other", PATTERN_TYPES, pattern_type),
    is_word!("suspected_wallet", SUSPECTED_TYPES, 1, suspected_address_type),
    is_word!("suspected_merchant", SUSPECTED_TYPES, 2, suspected_address_type),
    is_word!("suspected_institutional", SUSPECTED_TYPES, 4, suspected_address_type),
    is_word!("suspected_unknown", SUSPECTED_TYPES, 0, suspected_address_type),
    is_other!("suspected_other", SUSPECTED_TYPES, suspected_address_type),
];

/// Whether the address has one of these parts; NaN where the evidence names none.
fn part(view: &AlertView<'_>, words: &[&str]) -> f64 {
    let role = view.evidence.role.as_deref();
    role.map_or(f64::NAN, |role| flag(words.iter().any(|word| role.eq_ignore_ascii_case(word))))
}

fn typology_type<'a>(view: &'a AlertView<'_>) -> &'a str {
    &view.alert.typology_type
}

/// The alert's pattern type, or the evidence's where the column is empty: real files name it there alone.
fn pattern_type<'a>(view: &'a AlertView<'_>) -> &'a str {
    if view.alert.pattern_type.is_empty() {
        view.evidence.pattern_type.as_deref().unwrap_or_default()
    } else {
        &view.alert.pattern_type
    }
}

fn suspected_address_type<'a>(view: &'a AlertView<'_>) -> &'a str {
    &view.alert.suspected_address_type
}

fn flag(yes: bool) -> f64 {
    f64::from(u8::from(yes))
}
