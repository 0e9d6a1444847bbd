//! One batch: the tables of a network, a processing date and a window, as they were found or derived.
//!
//! A table that is absent is `None`; a table with no rows is `Some` and empty. Transfers, money flows, labels, assets,
//! prices and ground truth are kept in the order of their keys, so nothing computed from them depends on the order of
//! rows in a file; alerts, clusters and feature rows keep the order in which they came, as answers follow it.
//! Amounts are `f64`, correctly rounded from the file's decimals; NaN where absent.

use chrono::NaiveDate;

use super::transfers::Transfers;
use crate::determinism::intern::Interner;

/// What identifies a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct BatchId {
    /// Lower-case network name; empty where nothing says it (HTTP bodies).
    pub network: String,
    /// The day the window ends before.
    pub processing_date: NaiveDate,
    /// Length of the half-open window `[processing_date - window_days, processing_date)` in UTC days.
    pub window_days: u32,
}

/// The tables of a batch.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Network, date and window.
    pub id: BatchId,
    /// Alerts (generation 1, or derived).
    pub alerts: Option<Vec<Alert>>,
    /// One row per address (generations 1 and 2, or derived).
    pub features: Option<AddressFeatures>,
    /// Clusters of alerts (generation 1, or derived).
    pub clusters: Option<Vec<Cluster>>,
    /// Directed pairs (generations 1 and 2, or derived).
    pub money_flows: Option<Vec<MoneyFlow>>,
    /// Pattern detections (generation 2, or derived).
    pub patterns: Option<Vec<Pattern>>,
    /// Raw transfers (generation 3).
    pub transfers: Option<Transfers>,
    /// Labels of addresses, several rows per address allowed.
    pub labels: Option<Vec<AddressLabel>>,
    /// Assets (generation 3).
    pub assets: Option<Vec<Asset>>,
    /// Daily prices (generation 3).
    pub asset_prices: Option<Vec<AssetPrice>>,
    /// Planted roles, for evaluation only; never an input of a feature.
    pub ground_truth: Option<Vec<GroundTruth>>,
}

impl BatchId {
    /// `{network}-{date}-{window}d`.
    pub fn name(&self) -> String {
        format!("{}-{}-{}d", self.network, self.processing_date, self.window_days)
    }

    /// The window's first and one-past-last instant, milliseconds since 1970 UTC.
    pub fn window_ms(&self) -> std::ops::Range<i64> {
        const DAY: i64 = 86_400_000;
        let end = self.processing_date.signed_duration_since(NaiveDate::default()).num_days() * DAY;
        end - i64::from(self.window_days) * DAY..end
    }
}

impl Batch {
    /// How many transfers lie outside the window; all of them where it is unknown.
    pub fn transfers_outside_window(&self) -> usize {
        let window = self.id.window_ms();
        let times = self.transfers.iter().flat_map(|transfers| transfers.times());
        times.filter(|at| !window.contains(at)).count()
    }
}

/// A suspicion about one address.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    /// Unique in a batch after deduplication.
    pub alert_id: String,
    /// The day it was raised for.
    pub processing_date: NaiveDate,
    /// Window length in days.
    pub window_days: u32,
    /// The suspect.
    pub address: String,
    /// Open set, upper case by convention (`STRUCTURING`); compared without case.
    pub typology_type: String,
    /// Often empty: then the evidence holds it.
    pub pattern_id: String,
    /// Often empty: then the evidence holds it.
    pub pattern_type: String,
    /// low, medium, high, critical; open.
    pub severity: String,
    /// Open set; `unknown` by default.
    pub suspected_address_type: String,
    /// Open set.
    pub suspected_address_subtype: String,
    /// 0 to 1.
    pub alert_confidence_score: f64,
    /// Free text.
    pub description: String,
    /// US dollars.
    pub volume_usd: f64,
    /// JSON text.
    pub evidence_json: String,
    /// Short tokens.
    pub risk_indicators: Vec<String>,
}

/// A group of alerts.
#[derive(Clone, Debug, PartialEq)]
pub struct Cluster {
    /// Unique in a batch.
    pub cluster_id: String,
    /// The day it was made for.
    pub processing_date: NaiveDate,
    /// Window length in days.
    pub window_days: u32,
    /// `same_entity`, `same_pattern` ...; open.
    pub cluster_type: String,
    /// May be empty.
    pub primary_address: String,
    /// May be empty.
    pub pattern_id: String,
    /// One of the related alerts.
    pub primary_alert_id: String,
    /// The members.
    pub related_alert_ids: Vec<String>,
    /// The members' addresses.
    pub addresses_involved: Vec<String>,
    /// How many members.
    pub total_alerts: u64,
    /// US dollars.
    pub total_volume_usd: f64,
    /// The members' highest severity.
    pub severity_max: String,
    /// The members' mean confidence.
    pub confidence_avg: f64,
    /// Milliseconds since 1970 UTC; 0 where unknown.
    pub earliest_alert_timestamp: i64,
    /// Milliseconds since 1970 UTC; 0 where unknown.
    pub latest_alert_timestamp: i64,
}

/// A column of numbers over addresses.
#[derive(Clone, Debug, PartialEq)]
pub struct NumberColumn {
    /// The official column name.
    pub name: String,
    /// One per address; NaN where null.
    pub values: Vec<f64>,
}

/// The address-features table: one row per address, whatever columns the file has.
#[derive(Clone, Debug, Default)]
pub struct AddressFeatures {
    /// Row `i` is the address with id `i`.
    pub addresses: Interner,
    /// Numeric and boolean (0/1) columns, in file order. Text and list columns are not kept: no model feature reads them.
    pub columns: Vec<NumberColumn>,
}

impl AddressFeatures {
    /// A column by name.
    pub fn column(&self, name: &str) -> Option<&[f64]> {
        self.columns.iter().find(|c| c.name == name).map(|c| c.values.as_slice())
    }

    /// One value; NaN where the address or the column is absent.
    pub fn value(&self, address: &str, column: &str) -> f64 {
        match (self.addresses.get(address), self.column(column)) {
            (Some(row), Some(values)) => values[row as usize],
            _ => f64::NAN,
        }
    }
}

/// Everything that went from one address to another within the window.
#[derive(Clone, Debug, PartialEq)]
pub struct MoneyFlow {
    /// Sender.
    pub from_address: String,
    /// Recipient.
    pub to_address: String,
    /// Transfers.
    pub tx_count: u64,
    /// Native units, assets mixed.
    pub amount_sum: f64,
    /// US dollars.
    pub amount_usd_sum: f64,
    /// Milliseconds since 1970 UTC.
    pub first_seen_timestamp: i64,
    /// Milliseconds since 1970 UTC.
    pub last_seen_timestamp: i64,
    /// max(1, whole days between first and last).
    pub active_days: u64,
    /// US dollars per transfer.
    pub avg_tx_size_usd: f64,
    /// Distinct assets.
    pub unique_assets: u64,
    /// Symbol of the largest single transfer by US dollars.
    pub dominant_asset: String,
    /// Transfers by UTC hour; empty where unknown.
    pub hourly_pattern: Vec<u64>,
    /// Transfers by weekday, Monday first; empty where unknown.
    pub weekly_pattern: Vec<u64>,
    /// min / max of the two directions' US dollars, 0 when one-sided.
    pub reciprocity_ratio: f64,
    /// Whether money also went back.
    pub is_bidirectional: bool,
}

/// A detected structure of addresses.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    /// `{type}_{hash}`.
    pub pattern_id: String,
    /// `cycle`, `motif_fanin` ...; open.
    pub pattern_type: String,
    /// First 16 hexadecimal digits of SHA-256 over type and sorted addresses.
    pub pattern_hash: String,
    /// Members; in path order for paths and cycles.
    pub addresses_involved: Vec<String>,
    /// Parallel to the addresses.
    pub address_roles: Vec<String>,
    /// 0 to 1; NaN where absent.
    pub severity_score: f64,
    /// 0 to 1; NaN where absent.
    pub confidence_score: f64,
    /// 0 to 1; NaN where absent.
    pub risk_score: f64,
    /// US dollars that moved in it.
    pub volume_usd: f64,
    /// Milliseconds since 1970 UTC of the first transfer in evidence; 0 where unknown.
    pub pattern_start_time: i64,
    /// Milliseconds since 1970 UTC of the last transfer in evidence; 0 where unknown.
    pub pattern_end_time: i64,
    /// Transfers in evidence.
    pub evidence_transaction_count: u64,
    /// `cycle_detection`, `motif_detection` ...
    pub detection_method: String,
}

/// One movement of an asset.
#[derive(Clone, Debug, PartialEq)]
pub struct Transfer {
    /// Transaction.
    pub tx_id: String,
    /// Event within the transaction.
    pub event_index: String,
    /// Edge within the event.
    pub edge_index: String,
    /// Block number.
    pub block_height: u64,
    /// Milliseconds since 1970 UTC.
    pub block_timestamp: i64,
    /// Sender.
    pub from_address: String,
    /// Recipient.
    pub to_address: String,
    /// Ticker.
    pub asset_symbol: String,
    /// `native` or a contract address.
    pub asset_contract: String,
    /// Native units.
    pub amount: f64,
    /// US dollars.
    pub amount_usd: f64,
    /// Native units.
    pub fee: f64,
}

/// What somebody says an address is.
#[derive(Clone, Debug, PartialEq)]
pub struct AddressLabel {
    /// Network.
    pub network: String,
    /// The labelled address.
    pub address: String,
    /// Free text.
    pub label: String,
    /// Open set.
    pub address_type: String,
    /// Open set.
    pub address_subtype: String,
    /// verified, community ...; open.
    pub trust_level: String,
    /// Who says so.
    pub source: String,
    /// low, medium, high, critical; open.
    pub risk_level: String,
    /// 0 to 1; 1 where the column is absent.
    pub confidence_score: f64,
    /// When it became known, milliseconds since 1970 UTC; `None` where undated.
    pub created_timestamp: Option<i64>,
}

/// An asset of a network.
#[derive(Clone, Debug, PartialEq)]
pub struct Asset {
    /// Ticker.
    pub asset_symbol: String,
    /// `native` or a contract address.
    pub asset_contract: String,
    /// Network.
    pub network: String,
}

/// A daily price.
#[derive(Clone, Debug, PartialEq)]
pub struct AssetPrice {
    /// Ticker.
    pub asset_symbol: String,
    /// `native` or a contract address.
    pub asset_contract: String,
    /// The day.
    pub price_date: NaiveDate,
    /// US dollars per unit.
    pub price_usd: f64,
}

/// A planted role.
#[derive(Clone, Debug, PartialEq)]
pub struct GroundTruth {
    /// Who.
    pub address: String,
    /// What it did, such as `cycle_node`.
    pub role: String,
    /// Human-readable name of the scheme.
    pub pattern_type: String,
    /// Which scheme.
    pub pattern_instance_id: String,
    /// Steps from the flagged address; -1 where it does not apply.
    pub hop_distance: i64,
}
