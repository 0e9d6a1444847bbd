//! The registry of model features: every number that a model may read, each one a function with a name, a unit, a
//! formula in words and a note on leakage. A batch flows in, a matrix with one row per alert (or cluster) flows out.
//!
//! What an alert may read is fixed: its own row, the feature row and the flow rows keyed to its address, and the
//! clusters that name it. Never other alerts, never a statistic over the request, never a label: so a score does
//! not depend on what else is in the call. A cluster reads its own row and the rows keyed to its addresses.
//! [`view`] makes this a matter of types. Absent is NaN, never 0; an unknown word of a vocabulary is `other`.
//!
//! Names are a promise: a formula that changes takes a new name, so an old bundle refuses to load and names it.

mod address;
mod alert;
mod alerts;
mod change;
mod cluster;
mod clusters;
mod document;
mod evidence;
mod flow;
mod graph;
mod registry;
mod temporal;
mod unit;
pub mod view;
pub mod vocabulary;

use std::borrow::Cow;
use std::fmt;

use crate::aml::sot::{Batch, Change};
use crate::determinism::par;
use crate::gbdt::data::{Column, Feature, FeatureMatrix, Schema};

pub use address::{COLUMNS, OfficialColumn};
pub use document::document;
pub use evidence::Evidence;
pub use graph::COLUMNS as GRAPH_COLUMNS;
pub use registry::{DuplicateFeature, Reader, Registry};
pub use unit::Unit;
use view::{AddressView, AlertView, ClusterView, Index};

/// Where a feature's number comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// The alert's own row.
    Alert,
    /// The address's feature row.
    Address,
    /// The address's flow rows.
    Flow,
    /// Times of the feature row or the flow rows against the window.
    Temporal,
    /// The clusters that name the alert, or the cluster's own row.
    Cluster,
    /// The address's feature row against the one it had in an earlier batch.
    Change,
    /// Columns behind the official ones: single transfers, their order, and the address's surroundings.
    Graph,
}

impl Family {
    /// All of them, in the order of the registry.
    pub const ALL: [Family; 7] = [
        Family::Alert,
        Family::Address,
        Family::Flow,
        Family::Temporal,
        Family::Cluster,
        Family::Change,
        Family::Graph,
    ];

    /// Lower-case name.
    pub fn name(self) -> &'static str {
        match self {
            Family::Alert => "alert",
            Family::Address => "address",
            Family::Flow => "flow",
            Family::Temporal => "temporal",
            Family::Cluster => "cluster",
            Family::Change => "change",
            Family::Graph => "graph",
        }
    }
}

/// What a matrix has a row for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// One row per alert.
    Alerts,
    /// One row per cluster.
    Clusters,
}

/// How the members' values of an address feature become one value of the cluster; NaN members are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fold {
    /// The largest.
    Max,
    /// The arithmetic mean, added in the order of the addresses.
    Mean,
}

/// The function of a feature.
#[derive(Clone, Copy)]
enum Read {
    Column(usize),
    Address(fn(&AddressView<'_>) -> f64),
    Alert(fn(&AlertView<'_>) -> f64),
    Cluster(fn(&ClusterView<'_>) -> f64),
    Members(Fold, Member),
}

#[derive(Clone, Copy)]
enum Member {
    Column(usize),
    Address(fn(&AddressView<'_>) -> f64),
}

/// One number that a model may read.
#[derive(Clone)]
pub struct ModelFeature {
    /// Unique within [`Rows`].
    pub name: Cow<'static, str>,
    /// Where it comes from.
    pub family: Family,
    /// What it is measured in.
    pub unit: Unit,
    /// Its formula in words.
    pub doc: Cow<'static, str>,
    /// Why it cannot tell the target.
    pub leakage: &'static str,
    read: Read,
}

impl ModelFeature {
    const fn column(place: usize, column: &'static OfficialColumn) -> Self {
        let (name, doc) = (Cow::Borrowed(column.name), Cow::Borrowed(column.doc));
        let leakage = "official column computed from transfers inside the window";
        let (family, unit, read) = (Family::Address, column.unit, Read::Column(place));
        ModelFeature { name, family, unit, doc, leakage, read }
    }

    fn change(place: usize, change: &'static Change, unit: Unit) -> Self {
        let (name, doc) = (Cow::Borrowed(change.name), Cow::Owned(sentence(change.formula)));
        let leakage =
            "two rows of official columns, from transfers inside the window and inside an earlier one";
        ModelFeature { name, family: Family::Change, unit, doc, leakage, read: Read::Column(place) }
    }

    fn graph(place: usize, name: &'static str, unit: Unit, formula: &str) -> Self {
        let (name, doc) = (Cow::Borrowed(name), Cow::Owned(sentence(formula)));
        let leakage = "computed from transfers inside the window, labels unread";
        ModelFeature { name, family: Family::Graph, unit, doc, leakage, read: Read::Column(place) }
    }

    const fn address(
        family: Family,
        name: &'static str,
        unit: Unit,
        doc: &'static str,
        read: fn(&AddressView<'_>) -> f64,
    ) -> Self {
        let leakage = "rows keyed to the address, transfers inside the window only";
        let (name, doc) = (Cow::Borrowed(name), Cow::Borrowed(doc));
        ModelFeature { name, family, unit, doc, leakage, read: Read::Address(read) }
    }

    const fn alert(
        family: Family,
        name: &'static str,
        unit: Unit,
        doc: &'static str,
        read: fn(&AlertView<'_>) -> f64,
    ) -> Self {
        let leakage = "known when the alert is raised; no label enters it";
        let (name, doc) = (Cow::Borrowed(name), Cow::Borrowed(doc));
        ModelFeature { name, family, unit, doc, leakage, read: Read::Alert(read) }
    }

    const fn cluster(
        name: &'static str,
        unit: Unit,
        doc: &'static str,
        read: fn(&ClusterView<'_>) -> f64,
    ) -> Self {
        let leakage = "the cluster's own row, known when it is made";
        let (name, doc) = (Cow::Borrowed(name), Cow::Borrowed(doc));
        ModelFeature { name, family: Family::Cluster, unit, doc, leakage, read: Read::Cluster(read) }
    }

    /// The feature of a cluster that folds this feature of its addresses; `None` for features of alerts or clusters.
    fn folded(&self, fold: Fold) -> Option<Self> {
        let member = match self.read {
            Read::Column(place) => Member::Column(place),
            Read::Address(read) => Member::Address(read),
            _ => return None,
        };
        let (word, what) = match fold {
            Fold::Max => ("max", "Largest"),
            Fold::Mean => ("mean", "Mean"),
        };
        Some(ModelFeature {
            name: Cow::Owned(format!("member_{word}_{}", self.name)),
            doc: Cow::Owned(format!("{what} over the cluster's addresses of `{}`.", self.name)),
            read: Read::Members(fold, member),
            ..self.clone()
        })
    }

    fn of_alert(&self, view: &AlertView<'_>) -> f64 {
        match self.read {
            Read::Column(place) => view.address.column(place),
            Read::Address(read) => read(&view.address),
            Read::Alert(read) => read(view),
            Read::Cluster(_) | Read::Members(..) => f64::NAN,
        }
    }

    fn of_cluster(&self, view: &ClusterView<'_>) -> f64 {
        match self.read {
            Read::Cluster(read) => read(view),
            Read::Members(fold, member) => {
                let value = |address: &AddressView<'_>| match member {
                    Member::Column(place) => address.column(place),
                    Member::Address(read) => read(address),
                };
                fold.over(view.members.iter().map(value))
            }
            Read::Column(_) | Read::Address(_) | Read::Alert(_) => f64::NAN,
        }
    }
}

impl fmt::Debug for ModelFeature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ModelFeature({})", self.name)
    }
}

impl Fold {
    fn over(self, values: impl Iterator<Item = f64>) -> f64 {
        let (mut sum, mut max, mut count) = (0.0, f64::NAN, 0.0);
        for value in values.filter(|v| !v.is_nan()) {
            sum += value;
            max = f64::max(max, value);
            count += 1.0;
        }
        match self {
            Fold::Max => max,
            Fold::Mean if count == 0.0 => f64::NAN,
            Fold::Mean => sum / count,
        }
    }
}

/// Features in an order, for one kind of row.
#[derive(Clone, Debug)]
pub struct FeatureSet {
    rows: Rows,
    features: Vec<ModelFeature>,
}

/// A name that this build has no feature for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("feature `{name}` is unknown to this build: use the version that made the bundle, or train anew")]
pub struct UnknownFeature {
    /// The name asked for.
    pub name: String,
}

impl FeatureSet {
    /// Every feature of an alert, in the order of the registry.
    pub fn alerts() -> Self {
        FeatureSet { rows: Rows::Alerts, features: alerts::features() }
    }

    /// Every feature of a cluster, in the order of the registry.
    pub fn clusters() -> Self {
        FeatureSet { rows: Rows::Clusters, features: clusters::features() }
    }

    /// Every feature of a kind of row.
    pub fn all(rows: Rows) -> Self {
        match rows {
            Rows::Alerts => Self::alerts(),
            Rows::Clusters => Self::clusters(),
        }
    }

    /// The set without the features of which `drop` says so.
    #[must_use]
    pub fn without(mut self, drop: impl Fn(&ModelFeature) -> bool) -> Self {
        self.features.retain(|feature| !drop(feature));
        self
    }

    /// In order.
    pub fn features(&self) -> &[ModelFeature] {
        &self.features
    }

    /// What a row stands for.
    pub fn rows(&self) -> Rows {
        self.rows
    }

    /// Names in order; all numerical. Its fingerprint is what a bundle records.
    pub fn schema(&self) -> Schema {
        Schema { features: self.features.iter().map(|f| Feature::numerical(f.name.clone())).collect() }
    }

    /// Computes every feature of every row, rows in the order of the batch's table; no rows where the table is absent.
    ///
    /// # Shape
    /// One row per alert or cluster, one `f64` column per feature; NaN where absent.
    ///
    /// # Determinism
    /// A row depends on what its view holds: not on other rows, nor on the order of rows of any table.
    pub fn matrix(&self, batch: &Batch) -> FeatureMatrix {
        let (reader, width) = (self.reader(batch), self.features.len());
        let mut rows = vec![0.0; reader.n_rows() * width];
        par::for_each_chunk(&mut rows, width.max(1), |row, out| reader.read(row, out));
        let column = |f: usize| Column::F64(rows.iter().skip(f).step_by(width).copied().collect());
        let columns = (0..width).map(column).collect();
        FeatureMatrix::new(self.schema(), columns).expect("one column per feature, names are unique")
    }

    /// What reads the rows of a batch one at a time, for whoever needs no matrix of them all.
    pub fn reader<'a>(&'a self, batch: &'a Batch) -> RowReader<'a> {
        RowReader { set: self, batch, index: Index::new(batch, self.rows) }
    }
}

/// Computes the features of one row after another.
pub struct RowReader<'a> {
    set: &'a FeatureSet,
    batch: &'a Batch,
    index: Index<'a>,
}

impl RowReader<'_> {
    /// Rows of the batch's table; none where the table is absent.
    pub fn n_rows(&self) -> usize {
        match self.set.rows {
            Rows::Alerts => self.batch.alerts.as_ref().map_or(0, Vec::len),
            Rows::Clusters => self.batch.clusters.as_ref().map_or(0, Vec::len),
        }
    }

    /// The features of a row, in the order of the set; NaN where absent.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn read(&self, row: usize, out: &mut [f64]) {
        let features = self.set.features.iter();
        match self.set.rows {
            Rows::Alerts => {
                let view = self.index.alert(&self.batch.alerts.as_deref().unwrap_or_default()[row]);
                features.zip(out).for_each(|(feature, out)| *out = feature.of_alert(&view));
            }
            Rows::Clusters => {
                let view = self.index.cluster(&self.batch.clusters.as_deref().unwrap_or_default()[row]);
                features.zip(out).for_each(|(feature, out)| *out = feature.of_cluster(&view));
            }
        }
    }
}

/// A formula as a sentence.
fn sentence(formula: &str) -> String {
    let mut letters = formula.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).chain(['.']).collect()
}

/// `a / b`; NaN where `b` is 0 or either is absent.
fn ratio(a: f64, b: f64) -> f64 {
    if b == 0.0 { f64::NAN } else { a / b }
}

/// The quotient that is at most 1; NaN where either is absent or both are 0.
fn smaller_over_larger(a: f64, b: f64) -> f64 {
    if a <= b { ratio(a, b) } else { ratio(b, a) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique() {
        for set in [FeatureSet::alerts(), FeatureSet::clusters()] {
            let names: BTreeSet<_> = set.features().iter().map(|f| f.name.clone()).collect();
            assert_eq!(names.len(), set.features().len());
        }
    }

    /// What a model reads of the address table is refused there when it is no number.
    #[test]
    fn columns_are_known_to_hold_numbers() {
        use crate::aml::sot::NUMBER_COLUMNS;
        assert!(NUMBER_COLUMNS.windows(2).all(|pair| pair[0] < pair[1]));
        let times = [temporal::FIRST, temporal::LAST];
        for name in address::names().chain(change::names()).chain(graph::names()).chain(times) {
            assert!(NUMBER_COLUMNS.binary_search(&name).is_ok(), "{name}");
        }
    }

    #[test]
    fn a_set_follows_the_order_of_names() {
        let names = ["total_in_usd", "alert_confidence"];
        let set = Registry::default().named(Rows::Alerts, names).expect("both known");
        assert_eq!(set.schema().names().collect::<Vec<_>>(), names);
    }
}
