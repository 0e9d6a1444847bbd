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
mod associations;
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
mod sightings;
mod typologies;

pub use address::{Account, Column, address_features, columns};
pub use alerts::{alert_id, alerts, dedupe, severity_of};
pub use changes::{Previous, PreviousError, change_features};
pub use clusters::clusters;
pub use document::address_columns_page;
pub use flows::money_flows;
pub use graph::{Edge, Flow, FlowGraph};
pub use graph_features::{Feature, features, graph_features};
pub use patterns::{
    DETECTORS, Detector, FURTHER_DETECTORS, further_patterns, pattern_id, patterns, unpaid_hop,
};
pub use proximity::{PROXIMITY_DEFINITION, PROXIMITY_RISK, proximity_features};
pub use typologies::{ExchangePayments, Facts, Finding, NearThreshold, TYPOLOGIES, Typology};

use std::ops::Range;
use std::path::Path;

use self::alerts::Docket;
use self::associations::Associations;
use self::chronicle::Chronicle;
use self::flows::Pairs;
use self::graph_features::{Beyond, Scene};
use self::patterns::Found;
use self::sightings::Sightings;
use crate::aml::sot::{
    AddressFeatures, AddressLabel, Alert, Batch, BatchId, CHANGES, Change, Cluster, Comparison, MoneyFlow,
    NumberColumn, Pattern, Spill, Transfers, WriteError,
};

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
    /// Of the clusters.
    pub clusters: ClusterExtent,
    /// What labels of other addresses say, in both.
    pub proximity: ProximityExtent,
    /// [`CHANGES`] since this batch stand behind all other columns, also behind those that the batch came with.
    pub previous: Option<&'p Previous>,
    /// Where address features wait that nothing reads until they are handed on; in memory where this is `None`.
    pub aside: Option<Aside<'p>>,
}

/// Room for columns that wait.
#[derive(Clone, Copy, Debug)]
pub struct Aside<'p> {
    /// Bytes that may stay in memory.
    pub limit: usize,
    /// The folder of the file that takes the rest.
    pub folder: &'p Path,
}

impl Extent<'_> {
    fn aside(&self, rows: usize) -> Spill {
        match self.aside {
            Some(Aside { limit, folder }) => Spill::new(rows, limit, folder),
            None => Spill::in_memory(rows),
        }
    }
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
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

/// Which clusters are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClusterExtent {
    /// Those of one address, which models learned from.
    #[default]
    SameEntity,
    /// Also those of one pattern, and of addresses that pay each other, behind them.
    All,
}

/// Fills every absent table that the present ones determine.
pub fn complete(batch: Batch) -> Batch {
    complete_and_list(batch).0
}

/// [`complete`], with these columns of address features where they are absent.
pub fn complete_with(batch: Batch, columns: ColumnExtent) -> Batch {
    let extent = Extent { columns, ..Extent::default() };
    complete_observed(batch, extent, &Unobserved).expect("what is put aside stays in memory").0
}

/// [`complete`], with the tables that were filled in, in the order of derivation.
///
/// Transfers outside the batch's window are left out of account; a window of 0 days is an unknown one and keeps all.
pub fn complete_and_list(batch: Batch) -> (Batch, Vec<Derived>) {
    complete_observed(batch, Extent::default(), &Unobserved).expect("what is put aside stays in memory")
}

/// Who follows a derivation, and may make room as it goes.
pub trait Observe: Sync {
    /// The stage of this name has ended.
    fn done(&self, _stage: &'static str) {}

    /// Transfers have been read; nothing asks for them any more.
    fn read(&self, _batch: &mut Batch) {}

    /// Clusters of given alerts were filled in and no later stage reads them.
    fn settled_clusters(&self, _batch: &mut Batch) {}

    /// Patterns were filled in, row by row where they are asked for.
    fn settled_patterns(&self, batch: &mut Batch, patterns: Rows<'_, Pattern>) {
        batch.patterns = Some((patterns.rows)(0..patterns.len));
    }

    /// Alerts were filled in, address by address, with the clusters of them; what of them stays in the batch.
    fn settled_alerts(
        &self,
        _id: &BatchId,
        alerts: AlertParts<'_>,
    ) -> (Option<Vec<Alert>>, Option<Vec<Cluster>>) {
        let (mut all, mut clusters) = (Vec::new(), Vec::new());
        for (part, of_part) in alerts.parts {
            all.extend(part);
            clusters.extend(of_part);
        }
        (Some(all), alerts.asked.then_some(clusters))
    }

    /// The flows were filled in, row by row where they are asked for.
    fn settled_flows(&self, batch: &mut Batch, flows: Rows<'_, MoneyFlow>) {
        batch.money_flows = Some((flows.rows)(0..flows.len));
    }

    /// The same of the features, of which the batch holds the addresses alone by now.
    fn settled_features(&self, batch: &mut Batch, features: FeatureColumns<'_>) {
        if let Some(table) = &mut batch.features {
            table.columns = features.columns.collect();
        }
    }
}

/// Rows of a table that are made when they are asked for.
#[derive(Clone, Copy)]
pub struct Rows<'r, T> {
    /// How many there are.
    pub len: usize,
    /// Some of them.
    pub rows: &'r (dyn Fn(Range<usize>) -> Vec<T> + Sync),
}

/// Alerts of some addresses after the others, in byte order of the addresses, then by typology, with their clusters.
pub struct AlertParts<'a> {
    /// Whether clusters are wanted; there are none otherwise.
    pub asked: bool,
    /// Made when they are taken.
    pub parts: &'a mut (dyn Iterator<Item = (Vec<Alert>, Vec<Cluster>)> + Send),
}

/// The columns of the features, made as they are taken.
pub struct FeatureColumns<'f> {
    /// What they are called, in their order.
    pub names: Vec<String>,
    /// They themselves.
    pub columns: &'f mut (dyn Iterator<Item = NumberColumn> + Send + Sync),
}

struct Unobserved;

impl Observe for Unobserved {}

/// [`complete_and_list`] to an extent, observed.
///
/// # Errors
/// When columns could not be put aside: only where `extent` names a folder for them.
pub fn complete_observed(
    mut batch: Batch,
    extent: Extent<'_>,
    observer: &dyn Observe,
) -> Result<(Batch, Vec<Derived>), WriteError> {
    let mut derived = Vec::new();
    let chronicle = batch.transfers.as_ref().map(|transfers| Chronicle::within(&batch.id, transfers));
    observer.read(&mut batch);
    let transfers = chronicle.as_ref();
    observer.done("order");
    // apart from the batch, whose other tables come and go while the graph refers to them
    let given = batch.money_flows.take();
    let unasked = given.is_some() && !is_graph_asked(&batch, extent);
    let (pairs, graph) = if unasked { (None, None) } else { graph_of(given.as_deref(), transfers) };
    derived.extend(pairs.is_some().then_some(Derived::MoneyFlows));
    observer.done("flows");
    let view = View { graph: graph.as_ref(), transfers };
    let aside = extent.aside(graph.as_ref().map_or(0, FlowGraph::len));
    view.fill_tables(&mut batch, extent, &aside, &mut derived, observer);
    let added = view.added(&batch, extent, &mut derived);
    if let (Some(pairs), Some(graph), Some(transfers)) = (pairs, &graph, transfers) {
        let rows = |some: Range<usize>| pairs.rows(transfers, graph, some);
        observer.settled_flows(&mut batch, Rows { len: pairs.len(), rows: &rows });
    }
    if let Some(added) = added {
        let is_all = extent.columns == ColumnExtent::All && added.is_derived;
        let scene = graph.zip(chronicle).filter(|_| is_all);
        settle_features(&mut batch, added, scene, &aside, observer);
    }
    batch.money_flows = given.or(batch.money_flows);
    aside.finish()?;
    Ok((batch, derived))
}

/// Lets go of what no rule of derivation reads, for who wants what it makes and nothing else of the batch: what only tells transfers
/// apart, prices, planted roles, and labels that call nobody an exchange nor, where nearness is asked for, risky.
pub fn let_go(batch: &mut Batch, proximity: ProximityExtent) {
    batch.transfers.iter_mut().for_each(Transfers::forget_ids);
    (batch.asset_prices, batch.ground_truth) = (None, None);
    if let Some(labels) = &mut batch.labels {
        // copied, so that few that are kept do not hold on to the memory of all
        let is_near = proximity == ProximityExtent::Added;
        let is_read =
            |label: &&AddressLabel| alerts::is_exchange(label) || is_near && proximity::is_grave(label);
        *labels = labels.iter().filter(is_read).cloned().collect();
    }
}

/// Features that were derived, or that columns come behind.
struct Added {
    is_derived: bool,
    /// Behind all others.
    last: Vec<NumberColumn>,
}

/// Hands on the features: their own columns, those beyond the official ones if there is a scene for them, and those that were
/// computed already.
fn settle_features(
    batch: &mut Batch,
    added: Added,
    scene: Option<(FlowGraph<'_>, Chronicle)>,
    aside: &Spill,
    observer: &dyn Observe,
) {
    let Added { is_derived, last } = added;
    let window = window_of(&batch.id);
    let done = |family: &'static str| observer.done(family);
    let given = batch.features.as_mut().map(|table| std::mem::take(&mut table.columns));
    let given = given.filter(|_| !is_derived).unwrap_or_default();
    let official = if is_derived { columns() } else { Vec::new() };
    let beyond = scene.iter().flat_map(|_| features()).map(|feature| feature.name);
    let names = official.iter().map(|column| column.name.to_owned());
    let names = names.chain(given.iter().map(|column| column.name.clone())).chain(beyond);
    let names = names.chain(last.iter().map(|column| column.name.clone())).collect();
    let beyond = scene.map(|(graph, transfers)| {
        Beyond::of(Box::new(move || Scene::new(graph, transfers, window)), aside, &done)
    });
    let official = official
        .into_iter()
        .map(|column| NumberColumn { name: column.name.to_owned(), values: aside.take(column.name) });
    let columns = &mut official.chain(given).chain(beyond.into_iter().flatten()).chain(last);
    observer.settled_features(batch, FeatureColumns { names, columns });
}

/// Whether a table is absent that is made from the graph of flows.
fn is_graph_asked(batch: &Batch, extent: Extent<'_>) -> bool {
    let is_for_clusters = batch.clusters.is_none() && extent.clusters == ClusterExtent::All;
    batch.features.is_none() || batch.patterns.is_none() || batch.alerts.is_none() || is_for_clusters
}

/// The graph of flows that are given, else of transfers, with the pairs that these make.
fn graph_of<'f>(
    flows: Option<&'f [MoneyFlow]>,
    transfers: Option<&Chronicle>,
) -> (Option<Pairs>, Option<FlowGraph<'f>>) {
    match (flows, transfers) {
        (Some(flows), _) => (None, Some(FlowGraph::new(flows))),
        (None, transfers) => transfers.map(Pairs::of).unzip(),
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
        aside: &Spill,
        derived: &mut Vec<Derived>,
        observer: &dyn Observe,
    ) {
        let (graph, transfers) = (self.graph, self.transfers);
        if let Some(graph) = graph.filter(|_| batch.features.is_none()) {
            address::put_aside(graph, transfers, aside);
            derived.push(Derived::Features);
        }
        observer.done("official columns");
        let absent = graph.filter(|_| batch.patterns.is_none());
        let found = absent.map(|graph| (graph, patterns::patterns_of(graph, transfers)));
        derived.extend(found.as_ref().map(|_| Derived::Patterns));
        observer.done("patterns");
        if let Some(graph) = graph.filter(|_| derived.contains(&Derived::Features)) {
            batch.features = Some(official(graph, extent, aside));
        }
        if batch.alerts.is_none() && batch.features.is_some() {
            let found = found.as_ref().map(|(graph, found)| Sightings::Found(found, graph));
            self.raise_alerts(batch, found, extent, derived, observer);
        } else if batch.clusters.is_none() {
            batch.clusters = batch.alerts.as_deref().map(|alerts| self.clusters_of(batch, alerts, extent));
            if batch.clusters.is_some() {
                derived.push(Derived::Clusters);
                observer.done("clusters");
                observer.settled_clusters(batch);
            }
        }
        if let Some((graph, mut found)) = found {
            found.extend(self.look_further(batch, graph, extent));
            observer.done("further patterns");
            let rows = |some: Range<usize>| patterns::rows(&found[some], graph);
            observer.settled_patterns(batch, Rows { len: found.len(), rows: &rows });
        }
    }

    /// The clusters of alerts that the batch came with.
    fn clusters_of(&self, batch: &Batch, alerts: &[Alert], extent: Extent<'_>) -> Vec<Cluster> {
        let mut found = clusters(batch, alerts);
        if extent.clusters == ClusterExtent::All {
            let mut associations = Associations::default();
            associations.gather(alerts);
            found.extend(associations.clusters(batch, self.graph));
        }
        found
    }

    /// Alerts, and clusters of them where the batch has none; from patterns that were found, else from its own.
    fn raise_alerts(
        &self,
        batch: &mut Batch,
        found: Option<Sightings<'_>>,
        extent: Extent<'_>,
        derived: &mut Vec<Derived>,
        observer: &dyn Observe,
    ) {
        let Some(features) = &batch.features else { return };
        let patterns = found.unwrap_or(Sightings::Given(batch.patterns.as_deref().unwrap_or_default()));
        let mut docket = Docket::of(batch, features, patterns, self.graph, self.transfers);
        let asked = batch.clusters.is_none();
        let is_all = asked && extent.clusters == ClusterExtent::All;
        let mut associations = is_all.then(Associations::default);
        let mut parts = std::iter::from_fn(|| {
            let Some(alerts) = docket.next() else {
                // behind the last alerts, and only once
                return associations.take().map(|all| (Vec::new(), all.clusters(batch, self.graph)));
            };
            let clusters = if asked { clusters::clusters_of(batch, &alerts) } else { Vec::new() };
            associations.iter_mut().for_each(|all| all.gather(&alerts));
            Some((alerts, clusters))
        });
        let (alerts, clusters) = observer.settled_alerts(&batch.id, AlertParts { asked, parts: &mut parts });
        derived.push(Derived::Alerts);
        derived.extend(asked.then_some(Derived::Clusters));
        batch.alerts = alerts;
        if asked {
            batch.clusters = clusters;
        }
        observer.done("alerts");
    }

    /// Patterns behind those that alerts come from.
    fn look_further(&self, batch: &Batch, graph: &FlowGraph<'_>, extent: Extent<'_>) -> Vec<Found> {
        let mut found = Vec::new();
        if extent.patterns == PatternExtent::All {
            found = patterns::further_patterns_of(graph, self.transfers);
        }
        if extent.proximity == ProximityExtent::Added {
            found.extend(proximity::patterns(graph, &proximity::risky(batch, graph)));
        }
        found
    }

    /// What comes to the features beyond those of transfers; `None` where they stay as they are.
    fn added(&self, batch: &Batch, extent: Extent<'_>, derived: &mut Vec<Derived>) -> Option<Added> {
        let is_derived = derived.contains(&Derived::Features);
        let mut last = self.near(batch, extent).filter(|_| is_derived).unwrap_or_default();
        let own = batch.features.as_ref().zip(extent.previous);
        last.extend(own.map(|(own, previous)| previous.changes(own)).unwrap_or_default());
        if !is_derived && !last.is_empty() {
            derived.push(Derived::Features);
        }
        (is_derived || !last.is_empty()).then_some(Added { is_derived, last })
    }

    /// Columns of nearness to labelled addresses, if they are asked for.
    fn near(&self, batch: &Batch, extent: Extent<'_>) -> Option<Vec<NumberColumn>> {
        let graph = self.graph.filter(|_| extent.proximity == ProximityExtent::Added)?;
        Some(proximity::columns(graph, &proximity::risky(batch, graph)))
    }
}

/// Of the features that were put aside those that later stages read.
fn official(graph: &FlowGraph<'_>, extent: Extent<'_>, aside: &Spill) -> AddressFeatures {
    let read = columns().into_iter().filter(|column| is_read_later(column.name, extent));
    let column = |name: &str| NumberColumn { name: name.to_owned(), values: aside.column(name) };
    let columns = read.map(|official| column(official.name)).collect();
    AddressFeatures { addresses: graph.addresses.clone(), columns }
}

/// Whether anything reads an official column once all of them are computed.
fn is_read_later(column: &str, extent: Extent<'_>) -> bool {
    let compared = |change: &Change| match change.comparison {
        Comparison::Delta(name) | Comparison::Growth(name) => name == column,
        Comparison::New => false,
    };
    let changes = extent.previous.is_some() && CHANGES.iter().any(compared);
    alerts::READ.contains(&column) || clusters::READ.contains(&column) || changes
}

/// The batch's window; empty where it is unknown.
fn window_of(id: &BatchId) -> Range<i64> {
    if id.window_days == 0 { 0..0 } else { id.window_ms() }
}

/// Puts the patterns of [`FURTHER_DETECTORS`] behind those of the batch; alerts and clusters stay as they are.
pub fn add_further_patterns(batch: &mut Batch) {
    let (Some(flows), Some(patterns)) = (&batch.money_flows, &mut batch.patterns) else { return };
    let transfers = batch.transfers.as_ref().map(|transfers| Chronicle::within(&batch.id, transfers));
    let graph = FlowGraph::new(flows);
    patterns.extend(patterns::rows(&patterns::further_patterns_of(&graph, transfers.as_ref()), &graph));
}

/// A feature as files may hold it: what is too large for a number is unknown.
fn known(feature: f64) -> f64 {
    if feature.is_infinite() { f64::NAN } else { feature }
}

/// Absent and infinite amounts count as nothing: one bad price must not make a whole neighbourhood NaN.
fn finite(amount: f64) -> f64 {
    if amount.is_finite() { amount } else { 0.0 }
}
