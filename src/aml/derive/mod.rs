//! Fills what a batch lacks: `transfers -> money_flows -> address features -> patterns -> alerts -> clusters`.
//!
//! In flows a checked [`Batch`] of any generation, out flows the same batch with every table that its others
//! determine. A table that is present, even with no rows, is never touched. Nothing here reads the order of rows:
//! transfers and flows are put into the order of their keys first and every float sum follows that order, so the
//! result is the same for shuffled input and for any number of threads.
//!
//! Labels are read by one rule only (payments to exchanges), and only those known on the processing date; the risk
//! that a label states never enters an alert, because models learn to predict it from alerts.

mod address;
mod alerts;
mod chronicle;
mod clusters;
mod document;
mod few;
mod flows;
mod graph;
mod graph_features;
mod lists;
mod patterns;
mod typologies;

pub use address::{Account, Column, address_features, columns};
pub use alerts::{alert_id, alerts, dedupe, severity_of};
pub use clusters::clusters;
pub use document::address_columns_page;
pub use flows::money_flows;
pub use graph::{Edge, FlowGraph};
pub use graph_features::{Feature, features, graph_features};
pub use patterns::{
    DETECTORS, Detector, FURTHER_DETECTORS, further_patterns, pattern_id, patterns, unpaid_hop,
};
pub use typologies::{ExchangePayments, Facts, Finding, NearThreshold, TYPOLOGIES, Typology};

use std::ops::Range;

use self::chronicle::Chronicle;
use crate::aml::sot::{AddressFeatures, Batch, BatchId, NumberColumn};

/// A table that derivation can fill in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Derived {
    /// Directed pairs, from transfers.
    MoneyFlows,
    /// One row per address, from flows and transfers.
    Features,
    /// Structures in the flow graph.
    Patterns,
    /// Suspicions, from features, flows and patterns.
    Alerts,
    /// Alerts of one address.
    Clusters,
}

impl Derived {
    /// The table's file name without extension.
    pub fn table(self) -> &'static str {
        match self {
            Derived::MoneyFlows => "money_flows",
            Derived::Features => "features",
            Derived::Patterns => "patterns",
            Derived::Alerts => "alerts",
            Derived::Clusters => "clusters",
        }
    }
}

/// How much is put into the tables that are filled in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// Of the features.
    pub columns: ColumnExtent,
    /// Of the patterns.
    pub patterns: PatternExtent,
    /// Whether transfers are still there in the end.
    pub transfers: TransferExtent,
}

/// What becomes of a batch's transfers, most of its memory, once they have been read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TransferExtent {
    /// They stay.
    #[default]
    Kept,
    /// They make room.
    Released,
}

/// Which columns address features get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColumnExtent {
    /// [`columns`]: the official ones, which models read.
    #[default]
    Official,
    /// Also those of [`features`] behind them, where the batch has transfers.
    All,
}

/// Which patterns are looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PatternExtent {
    /// [`DETECTORS`]: those that alerts come from.
    #[default]
    Alerting,
    /// Also those of [`FURTHER_DETECTORS`] behind them; no alert or cluster comes from them.
    All,
}

/// Fills every absent table that the present ones determine.
pub fn complete(batch: Batch) -> Batch {
    complete_and_list(batch).0
}

/// [`complete`], with the tables that were filled in, in the order of derivation.
///
/// Transfers outside the batch's window are left out of account; a window of 0 days is an unknown one and keeps all.
pub fn complete_and_list(batch: Batch) -> (Batch, Vec<Derived>) {
    complete_to(batch, Extent::default(), &mut |_| {})
}

/// [`complete_and_list`] to an extent; `done` is told the name of each stage when it ends.
pub fn complete_to(
    mut batch: Batch,
    extent: Extent,
    done: &mut dyn FnMut(&'static str),
) -> (Batch, Vec<Derived>) {
    let mut derived = Vec::new();
    let chronicle = batch.transfers.as_deref().map(|transfers| Chronicle::within(&batch.id, transfers));
    let transfers = chronicle.as_ref();
    if extent.transfers == TransferExtent::Released {
        batch.transfers = None;
    }
    done("order");
    let mut ends = None;
    fill(&mut batch.money_flows, Derived::MoneyFlows, &mut derived, || {
        let (flows, of_flows) = flows::flows_of(transfers?);
        ends = Some(of_flows);
        Some(flows)
    });
    let asked = batch.features.is_none() || batch.patterns.is_none() || batch.alerts.is_none();
    let graph = batch.money_flows.as_deref().filter(|_| asked).map(|flows| match (ends, transfers) {
        (Some(ends), Some(transfers)) => FlowGraph::of_numbered(flows, transfers.addresses().clone(), &ends),
        _ => FlowGraph::new(flows),
    });
    let graph = graph.as_ref();
    done("flows");
    fill(&mut batch.features, Derived::Features, &mut derived, || {
        graph.map(|graph| address::features_of(graph, transfers))
    });
    done("official columns");
    fill(&mut batch.patterns, Derived::Patterns, &mut derived, || {
        graph.map(|graph| patterns::patterns_of(graph, transfers))
    });
    done("patterns");
    if batch.alerts.is_none() && batch.features.is_some() {
        batch.alerts = Some(alerts::alerts_of(&batch, graph, transfers));
        derived.push(Derived::Alerts);
    }
    if batch.clusters.is_none() {
        batch.clusters = batch.alerts.as_deref().map(|alerts| clusters(&batch, alerts));
        derived.extend(batch.clusters.is_some().then_some(Derived::Clusters));
    }
    done("alerts and clusters");
    let is_wanted = |table: Derived, wanted: bool| wanted && derived.contains(&table);
    if is_wanted(Derived::Patterns, extent.patterns == PatternExtent::All) {
        let further = graph.map(|graph| patterns::further_patterns_of(graph, transfers));
        batch.patterns.iter_mut().for_each(|patterns| patterns.extend(further.iter().flatten().cloned()));
        done("further patterns");
    }
    if is_wanted(Derived::Features, extent.columns == ColumnExtent::All) {
        if let (Some(graph), Some(transfers), Some(table)) = (graph, transfers, &mut batch.features) {
            let columns = graph_features::columns_beyond(graph, transfers, window_of(&batch.id), done);
            append(table, graph, columns);
        }
    }
    (batch, derived)
}

/// The batch's window; empty where it is unknown.
fn window_of(id: &BatchId) -> Range<i64> {
    if id.window_days == 0 { 0..0 } else { id.window_ms() }
}

/// Puts the columns of [`features`] behind those of the address features, where the batch has transfers.
///
/// They are for tables that others read; no shipped model does, so [`complete`] leaves them out. Columns whose names
/// the table already has stay as they are.
pub fn add_graph_features(batch: &mut Batch) {
    let (Some(transfers), Some(flows)) = (&batch.transfers, &batch.money_flows) else { return };
    let (transfers, graph) = (Chronicle::within(&batch.id, transfers), FlowGraph::new(flows));
    let Some(table) = &mut batch.features else { return };
    let columns = graph_features::columns_beyond(&graph, &transfers, window_of(&batch.id), &mut |_| {});
    append(table, &graph, columns);
}

/// Puts columns over the addresses of a graph behind those of a table; those whose names it has are left out.
fn append(table: &mut AddressFeatures, graph: &FlowGraph<'_>, columns: Vec<NumberColumn>) {
    let same_rows = table.addresses.is_shared_with(&graph.addresses);
    let ids: Vec<Option<u32>> = match same_rows {
        true => Vec::new(),
        false => table.addresses.names().map(|name| graph.addresses.get(name)).collect(),
    };
    for NumberColumn { name, mut values } in columns {
        if table.column(&name).is_none() {
            if !same_rows {
                values = ids.iter().map(|id| id.map_or(f64::NAN, |id| values[id as usize])).collect();
            }
            table.columns.push(NumberColumn { name, values });
        }
    }
}

/// Puts the patterns of [`FURTHER_DETECTORS`] behind those of the batch; alerts and clusters stay as they are.
pub fn add_further_patterns(batch: &mut Batch) {
    let (Some(flows), Some(patterns)) = (&batch.money_flows, &mut batch.patterns) else { return };
    let transfers = batch.transfers.as_deref().map(|transfers| Chronicle::within(&batch.id, transfers));
    patterns.extend(patterns::further_patterns_of(&FlowGraph::new(flows), transfers.as_ref()));
}

fn fill<T>(
    table: &mut Option<T>,
    name: Derived,
    derived: &mut Vec<Derived>,
    make: impl FnOnce() -> Option<T>,
) {
    if table.is_none() {
        *table = make();
        derived.extend(table.is_some().then_some(name));
    }
}

/// Absent and infinite amounts count as nothing: one bad price must not make a whole neighbourhood NaN.
fn finite(amount: f64) -> f64 {
    if amount.is_finite() { amount } else { 0.0 }
}
