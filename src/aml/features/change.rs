//! Change family: the address's feature row against the one it had in an earlier batch, as [`derive`](crate::aml::derive)
//! writes it where it is given that batch; absent everywhere else, so that models trained without it do not know it.

use super::address::COLUMNS;
use super::{ModelFeature, Unit};
use crate::aml::derive::CHANGES;

/// The family in its order.
pub(super) fn features() -> Vec<ModelFeature> {
    let unit = |word: &str| match word {
        "usd" => Unit::Usd,
        "days" => Unit::Days,
        "flag" => Unit::Flag,
        "ratio" => Unit::Ratio,
        _ => Unit::Count,
    };
    let places = COLUMNS.len()..;
    places
        .zip(&CHANGES)
        .map(|(place, change)| ModelFeature::change(place, change, unit(change.unit)))
        .collect()
}

/// The columns that the family reads; they stand behind the official ones wherever columns are counted.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    CHANGES.iter().map(|change| change.name)
}
