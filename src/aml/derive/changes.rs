//! How an address's row differs from the one it had before: columns for who has an earlier batch at hand.
//!
//! In: the official columns of a batch, and those of an earlier one of the same network and window length. Out: a column
//! for each [`Change`], per day between the two, so that a day without a batch does not look like a leap. Windows of
//! consecutive days overlap: a difference is what the new days brought minus what left the window. Nothing after the
//! batch's own window enters, and of every address only its own two rows.

use super::chronicle::Chronicle;
use super::graph_features::Feature;
use super::{address, graph_of};
use crate::aml::sot::{AddressFeatures, Batch, BatchId, CHANGES, Change, Comparison, NumberColumn};
use crate::determinism::par;

/// The columns as address columns.
pub fn change_features() -> Vec<Feature> {
    let feature = |change: &Change| Feature {
        name: change.name.to_owned(),
        family: "changes",
        unit: change.unit,
        formula: change.formula.to_owned(),
    };
    CHANGES.iter().map(feature).collect()
}

/// The rows of an earlier batch, found to be one that a batch can be compared with.
#[derive(Clone, Debug)]
pub struct Previous {
    features: AddressFeatures,
    days: f64,
}

/// Why a batch cannot be compared with another.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PreviousError {
    /// Another network, or a window of another length.
    #[error("previous batch: expected one of {expected}, found {found}")]
    Kind {
        /// What it should be of.
        expected: String,
        /// What it is.
        found: String,
    },
    /// Not from before.
    #[error("previous batch: expected a processing date before {expected}, found {found}")]
    Date {
        /// The batch's own date.
        expected: chrono::NaiveDate,
        /// The other's.
        found: chrono::NaiveDate,
    },
    /// Neither features nor anything to derive them from.
    #[error("previous batch: expected features, money flows or transfers in {found}, found none")]
    Empty {
        /// Which batch.
        found: String,
    },
}

impl Previous {
    /// Takes an earlier batch's features, or derives their official columns where it has none.
    ///
    /// # Errors
    /// When it is of another network or window length, not from before, or has nothing to read.
    pub fn of(id: &BatchId, mut earlier: Batch) -> Result<Self, PreviousError> {
        let kind = |id: &BatchId| format!("network {}, {} days", id.network, id.window_days);
        let (expected, found) = (kind(id), kind(&earlier.id));
        if expected != found {
            return Err(PreviousError::Kind { expected, found });
        }
        let days = id.processing_date.signed_duration_since(earlier.id.processing_date).num_days();
        if days < 1 {
            let (expected, found) = (id.processing_date, earlier.id.processing_date);
            return Err(PreviousError::Date { expected, found });
        }
        let features = earlier.features.take().or_else(|| official(&earlier));
        let features = features.ok_or_else(|| PreviousError::Empty { found: earlier.id.name() })?;
        Ok(Previous { features, days: days as f64 })
    }

    /// The columns for the addresses of a table.
    pub(super) fn changes(&self, today: &AddressFeatures) -> Vec<NumberColumn> {
        let places: Vec<Option<u32>> =
            today.addresses.names().map(|name| self.features.addresses.get(name)).collect();
        par::map(CHANGES.len(), |at| NumberColumn {
            name: CHANGES[at].name.to_owned(),
            values: self.change(&CHANGES[at], today, &places),
        })
    }

    fn change(&self, change: &Change, today: &AddressFeatures, places: &[Option<u32>]) -> Vec<f64> {
        let values = |of: fn(&Self, f64, Option<f64>) -> f64, column: &str| {
            let (now, then) = (today.column(column), self.features.column(column));
            let now = |row: usize| now.map_or(f64::NAN, |values| values[row]);
            let then = |place: u32| then.map_or(f64::NAN, |values| values[place as usize]);
            let rows = places.iter().enumerate();
            rows.map(|(row, &place)| of(self, now(row), place.map(then))).collect()
        };
        match change.comparison {
            Comparison::Delta(column) => {
                values(|own, now, then| (now - then.unwrap_or(0.0)) / own.days, column)
            }
            Comparison::Growth(column) => values(
                |_, now, then| then.filter(|&then| then != 0.0).map_or(f64::NAN, |then| now / then),
                column,
            ),
            Comparison::New => places.iter().map(|place| f64::from(u8::from(place.is_none()))).collect(),
        }
    }
}

/// The official columns of a batch without features, from its flows or its transfers.
fn official(batch: &Batch) -> Option<AddressFeatures> {
    let transfers = batch.transfers.as_ref().map(|transfers| Chronicle::within(&batch.id, transfers));
    let (_, graph) = graph_of(batch.money_flows.as_deref(), transfers.as_ref());
    graph.map(|graph| address::features_of(&graph, transfers.as_ref()))
}
