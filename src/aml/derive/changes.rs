//! How an address's row differs from the one it had before: columns for who has an earlier batch at hand.
//!
//! In: the official columns of a batch, and those of an earlier one of the same network and window length. Out: a column
//! for each [`Change`], per day between the two, so that a day without a batch does not look like a leap. Windows of
//! consecutive days overlap: a difference is what the new days brought minus what left the window. Nothing after the
//! batch's own window enters, and of every address only its own two rows.

use super::address;
use super::chronicle::Chronicle;
use super::graph::FlowGraph;
use super::graph_features::Feature;
use crate::aml::sot::{AddressFeatures, Batch, BatchId, NumberColumn};
use crate::determinism::par;

/// A column of the family `changes`.
#[derive(Clone, Copy, Debug)]
pub struct Change {
    /// The column's name.
    pub name: &'static str,
    /// Its unit in tables of address columns.
    pub unit: &'static str,
    /// In words and symbols.
    pub formula: &'static str,
    of: &'static str,
    how: How,
}

/// How two values become one.
#[derive(Clone, Copy, Debug)]
enum How {
    /// Their difference per day; an address that had no row before had 0.
    Delta,
    /// The later over the earlier; NaN where the earlier is 0 or absent.
    Growth,
    /// 1 where there was no row before.
    New,
}

/// The columns, in their order.
pub const CHANGES: [Change; 14] = [
    change(
        "delta_degree_in",
        "count",
        "today's degree_in minus the earlier batch's, per day between them",
        How::Delta,
    ),
    change("delta_degree_out", "count", "the same of degree_out", How::Delta),
    change("delta_tx_in_count", "count", "the same of tx_in_count", How::Delta),
    change("delta_tx_out_count", "count", "the same of tx_out_count", How::Delta),
    change("delta_total_in_usd", "usd", "the same of total_in_usd", How::Delta),
    change("delta_total_out_usd", "usd", "the same of total_out_usd", How::Delta),
    change("delta_max_tx_usd", "usd", "the same of max_tx_usd", How::Delta),
    change("delta_activity_days", "days", "the same of activity_days", How::Delta),
    change("delta_khop2_count", "count", "the same of khop2_count", How::Delta),
    change("delta_kcore", "count", "the same of kcore", How::Delta),
    change("growth_degree_total", "ratio", "today's degree_total over the earlier batch's", How::Growth),
    change("growth_tx_total_count", "ratio", "the same of tx_total_count", How::Growth),
    change("growth_total_volume_usd", "ratio", "the same of total_volume_usd", How::Growth),
    change("new_since_previous", "flag", "1 where the earlier batch has no row of the address", How::New),
];

const fn change(name: &'static str, unit: &'static str, formula: &'static str, how: How) -> Change {
    let of = match how {
        How::Delta => behind(name, "delta_"),
        How::Growth => behind(name, "growth_"),
        How::New => name,
    };
    Change { name, unit, formula, of, how }
}

/// The name without its prefix.
const fn behind(name: &'static str, prefix: &str) -> &'static str {
    name.split_at(prefix.len()).1
}

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
        let (now, then) = (today.column(change.of), self.features.column(change.of));
        let of = |row: usize, place: Option<u32>| {
            let now = now.map_or(f64::NAN, |values| values[row]);
            let before = |place: u32| then.map_or(f64::NAN, |values| values[place as usize]);
            match change.how {
                How::Delta => (now - place.map_or(0.0, before)) / self.days,
                How::Growth => {
                    place.map(before).filter(|&then| then != 0.0).map_or(f64::NAN, |then| now / then)
                }
                How::New => f64::from(u8::from(place.is_none())),
            }
        };
        places.iter().enumerate().map(|(row, &place)| of(row, place)).collect()
    }
}

/// The official columns of a batch without features, from its flows or its transfers.
fn official(batch: &Batch) -> Option<AddressFeatures> {
    let transfers = batch.transfers.as_deref().map(|transfers| Chronicle::within(&batch.id, transfers));
    let derived = transfers.as_ref().filter(|_| batch.money_flows.is_none()).map(super::flows::flows_of);
    let flows = batch.money_flows.as_deref().or(derived.as_ref().map(|(flows, _)| flows.as_slice()))?;
    Some(address::features_of(&FlowGraph::new(flows), transfers.as_ref()))
}
