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
mod changes;
mod chronicle;
mod clusters;
mod document;
mod few;
mod flows;
mod graph;
mod graph_features;
mod lists;
mod patterns;
mod proximity;
mod reach;
mod typologies;

pub use address::{Account, Column, address_features, columns};
pub use alerts::{alert_id, alerts, dedupe, severity_of};
pub use changes::{Previous, PreviousError, change_features};
pub use clusters::clusters;
pub use document::address_columns_page;
pub use flows::money_flows;
pub use graph::{Edge, FlowGraph};
pub use graph_features::{Feature, features, graph_features};
pub use patterns::{
    DETECTORS, Detector, FURTHER_DETECTORS, further_patterns, pattern_id, patterns, unpaid_hop,
};
pub use proximity::{PROXIMITY_DEFINITION, PROXIMITY_RISK, proximity_features};
pub use typologies::{ExchangePayments, Facts, Finding, NearThreshold, TYPOLOGIES, Typology};

use std::ops::Range;

use self::chronicle::Chronicle;
use self::graph_features::{Beyond, Scene};
use crate::aml::sot::{Batch, BatchId, MoneyFlow, NumberColumn};

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
#[derive(Clone, Copy, Debug, Default)]
pub struct Extent<'p> {
    /// Of the features.
    pub columns: ColumnExtent,
    /// Of the patterns.
    pub patterns: PatternExtent,
    /// What labels of other addresses say, in both.
    pub proximity: ProximityExtent,
    /// [`CHANGES`](crate::aml::sot::CHANGES) since this batch stand behind all other columns, also behind those that the batch came with.
    pub previous: Option<&'p Previous>,
}

/// Whether nearness to labelled addresses is computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProximityExtent {
    /// Nothing but payments is looked at.
    #[default]
    None,
    /// [`proximity_features`] stand behind all other columns, [`PROXIMITY_RISK`] behind all other patterns.
    Added,
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
    complete_observed(batch, Extent::default(), &Unobserved)
}

/// Who follows a derivation, and may make room as it goes.
pub trait Observe: Sync {
    /// The stage of this name has ended.
    fn done(&self, _stage: &'static str) {}

    /// Transfers have been read; nothing asks for them any more.
    fn read(&self, _batch: &mut Batch) {}

    /// This table was filled in and no later stage reads it.
    fn settled(&self, _batch: &mut Batch, _table: Derived) {}

    /// The same of the features, behind which further columns stand if they were asked for: over the same addresses,
    /// computed as they are taken.
    fn settled_features(&self, batch: &mut Batch, further: Further<'_>) {
        if let Some(table) = &mut batch.features {
            table.columns.extend(further.columns);
        }
    }
}

/// Columns that are computed as they are taken.
pub struct Further<'f> {
    /// What they are called, in their order.
    pub names: Vec<String>,
    /// They themselves.
    pub columns: &'f mut (dyn Iterator<Item = NumberColumn> + Send + Sync),
}

struct Unobserved;

impl Observe for Unobserved {}

/// [`complete_and_list`] to an extent, observed.
pub fn complete_observed(
    mut batch: Batch,
    extent: Extent<'_>,
    observer: &dyn Observe,
) -> (Batch, Vec<Derived>) {
    let mut derived = Vec::new();
    let chronicle = batch.transfers.as_deref().map(|transfers| Chronicle::within(&batch.id, transfers));
    observer.read(&mut batch);
    let transfers = chronicle.as_ref();
    observer.done("order");
    let mut ends = None;
    fill(&mut batch.money_flows, Derived::MoneyFlows, &mut derived, || {
        let (flows, of_flows) = flows::flows_of(transfers?);
        ends = Some(of_flows);
        Some(flows)
    });
    // apart from the batch, whose other tables come and go while the graph refers to them
    let flows = batch.money_flows.take();
    let asked = batch.features.is_none() || batch.patterns.is_none() || batch.alerts.is_none();
    let graph = flows.as_deref().filter(|_| asked).map(|flows| graph_of(flows, ends.as_deref(), transfers));
    observer.done("flows");
    let view = View { graph: graph.as_ref(), transfers };
    view.fill_tables(&mut batch, extent, &mut derived, observer);
    let is_all = extent.columns == ColumnExtent::All && derived.contains(&Derived::Features);
    let scene = view.graph.zip(transfers).filter(|_| is_all);
    let scene = scene.map(|(graph, transfers)| Scene::new(graph, transfers, window_of(&batch.id)));
    let near = view.near(&batch, extent).filter(|_| derived.contains(&Derived::Features)).unwrap_or_default();
    let own = batch.features.as_ref().zip(extent.previous);
    let changes = own.map(|(own, previous)| previous.changes(own)).unwrap_or_default();
    if !changes.is_empty() && !derived.contains(&Derived::Features) {
        derived.push(Derived::Features);
    }
    drop(graph);
    drop(chronicle);
    batch.money_flows = flows;
    if derived.contains(&Derived::MoneyFlows) {
        observer.settled(&mut batch, Derived::MoneyFlows);
    }
    observer.done("ledger");
    if derived.contains(&Derived::Features) {
        let done = |family: &'static str| observer.done(family);
        let beyond = scene.iter().flat_map(|_| features()).map(|feature| feature.name);
        let names = beyond.chain(near.iter().chain(&changes).map(|column| column.name.clone())).collect();
        let mut further = scene.map(|scene| Beyond::of(scene, &done));
        let columns = &mut further.iter_mut().flatten().chain(near).chain(changes);
        observer.settled_features(&mut batch, Further { names, columns });
    }
    (batch, derived)
}

/// The graph of flows; those that transfers make bring the numbers of their `ends`.
fn graph_of<'f>(
    flows: &'f [MoneyFlow],
    ends: Option<&[u32]>,
    transfers: Option<&Chronicle>,
) -> FlowGraph<'f> {
    match (ends, transfers) {
        (Some(ends), Some(transfers)) => FlowGraph::of_numbered(flows, transfers.addresses().clone(), ends),
        _ => FlowGraph::new(flows),
    }
}

/// What tables are filled in from.
struct View<'v> {
    graph: Option<&'v FlowGraph<'v>>,
    transfers: Option<&'v Chronicle>,
}

impl View<'_> {
    /// Every table but the flows.
    fn fill_tables(
        &self,
        batch: &mut Batch,
        extent: Extent<'_>,
        derived: &mut Vec<Derived>,
        observer: &dyn Observe,
    ) {
        let (graph, transfers) = (self.graph, self.transfers);
        fill(&mut batch.features, Derived::Features, derived, || {
            graph.map(|graph| address::features_of(graph, transfers))
        });
        observer.done("official columns");
        fill(&mut batch.patterns, Derived::Patterns, derived, || {
            graph.map(|graph| patterns::patterns_of(graph, transfers))
        });
        observer.done("patterns");
        if batch.alerts.is_none() && batch.features.is_some() {
            batch.alerts = Some(alerts::alerts_of(batch, graph, transfers));
            derived.push(Derived::Alerts);
        }
        observer.done("alerts");
        if batch.clusters.is_none() {
            batch.clusters = batch.alerts.as_deref().map(|alerts| clusters(batch, alerts));
            derived.extend(batch.clusters.is_some().then_some(Derived::Clusters));
        }
        observer.done("clusters");
        for table in [Derived::Clusters, Derived::Alerts].into_iter().filter(|table| derived.contains(table))
        {
            observer.settled(batch, table);
        }
        if derived.contains(&Derived::Patterns) {
            self.look_further(batch, extent);
            observer.done("further patterns");
            observer.settled(batch, Derived::Patterns);
        }
    }

    /// Patterns behind those that alerts come from.
    fn look_further(&self, batch: &mut Batch, extent: Extent<'_>) {
        let Some(graph) = self.graph else { return };
        let mut found = Vec::new();
        if extent.patterns == PatternExtent::All {
            found = patterns::further_patterns_of(graph, self.transfers);
        }
        if extent.proximity == ProximityExtent::Added {
            found.extend(proximity::patterns(graph, &proximity::risky(batch, graph)));
        }
        if let Some(patterns) = &mut batch.patterns {
            patterns.extend(found);
        }
    }

    /// Columns of nearness to labelled addresses, if they are asked for.
    fn near(&self, batch: &Batch, extent: Extent<'_>) -> Option<Vec<NumberColumn>> {
        let graph = self.graph.filter(|_| extent.proximity == ProximityExtent::Added)?;
        Some(proximity::columns(graph, &proximity::risky(batch, graph)))
    }
}

/// The batch's window; empty where it is unknown.
fn window_of(id: &BatchId) -> Range<i64> {
    if id.window_days == 0 { 0..0 } else { id.window_ms() }
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
