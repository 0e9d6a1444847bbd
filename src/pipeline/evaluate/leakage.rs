//! The audit for what would make figures too good to be true.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::adversary::Adversary;
use super::part::Part;
use super::pool::Rows;
use super::skew::Skew;
use crate::aml::bundle::{Bundle, Manifest};
use crate::aml::sot::Batch;
use crate::metrics::binary;

/// Everything that was looked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Leakage {
    /// Judged batches against the training's.
    pub overlap: Overlap,
    /// Labels against the data's time.
    pub labels: Vec<LabelAges>,
    /// The features that alone order rows best, by model.
    pub single_features: BTreeMap<String, Part<Vec<SingleFeature>>>,
    /// A single feature's AUC from which it is suspected.
    pub single_feature_limit: f64,
    /// Whether two periods are told apart.
    pub adversary: Part<Adversary>,
    /// Features on disk against features of a request.
    pub skew: Part<Skew>,
}

/// Judged batches against those of training.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Overlap {
    /// The latest processing date of training.
    pub trained_to: String,
    /// Judged batches of the same name as a training batch.
    pub trained_on: Vec<String>,
    /// Judged batches whose window begins before the latest processing date of training: on the same network, they share transfers.
    pub sharing_days: Vec<String>,
    /// Networks of judged batches that training did not hold.
    #[serde(default)]
    pub unknown_networks: BTreeSet<String>,
}

/// When the labels of one batch became known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LabelAges {
    /// The batch.
    pub batch: String,
    /// Rows of its labels table.
    pub labels: usize,
    /// Without a time of creation.
    pub undated: usize,
    /// Created after the window's end: right for a target, wrong for an input.
    pub newer_than_data: usize,
    /// Created before the training's cut-off: training may have known them.
    pub known_in_training: usize,
}

/// One feature as a score of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SingleFeature {
    /// Its name.
    pub feature: String,
    /// Area under the ROC curve in its better direction, missing values below all others.
    pub auc: f64,
    /// Whether more of it means more risk.
    pub rising: bool,
    /// Whether it reaches the limit.
    pub suspect: bool,
}

/// The features that alone order rows best.
pub(super) fn single_features(rows: &Rows<'_>, limit: f64) -> Part<Vec<SingleFeature>> {
    if !rows.has_both() {
        return Part::absent(super::headline::one_class(rows));
    }
    let one = |(f, name): (usize, &str)| {
        let column = rows.matrix.column(f);
        let value = |row: usize| if column.get(row).is_nan() { f64::NEG_INFINITY } else { column.get(row) };
        let values: Vec<f64> = (0..column.len()).map(value).collect();
        let auc = binary::auc(&rows.labels, &values, None)?;
        let better = auc.max(1.0 - auc);
        Some(SingleFeature {
            feature: name.to_owned(),
            auc: better,
            rising: auc >= 0.5,
            suspect: better >= limit,
        })
    };
    let mut all: Vec<SingleFeature> = rows.matrix.schema().names().enumerate().filter_map(one).collect();
    all.sort_by(|a, b| b.auc.total_cmp(&a.auc).then_with(|| a.feature.cmp(&b.feature)));
    all.truncate(SHOWN);
    Part::Present(all)
}

impl Overlap {
    /// Notes a judged batch.
    pub(super) fn add(&mut self, bundle: &Bundle, batch: &Batch) {
        let manifest = bundle.manifest();
        self.trained_to.clone_from(&manifest.training.to);
        let name = batch.id.name();
        if manifest.training.batches.iter().any(|trained| trained.batch == name) {
            self.trained_on.push(name.clone());
        }
        let same_network = manifest.network.split(',').any(|network| network == batch.id.network);
        if !bundle.knows(&batch.id.network) {
            self.unknown_networks.insert(batch.id.network.clone());
        }
        let begins = batch.id.window_ms().start;
        let trained_to = date_ms(&manifest.training.to);
        if same_network && trained_to.is_some_and(|to| begins < to) {
            self.sharing_days.push(name);
        }
    }
}

impl LabelAges {
    /// Counts the labels of a batch; `None` where it has no table of them.
    pub(super) fn of(manifest: &Manifest, batch: &Batch) -> Option<Self> {
        let labels = batch.labels.as_ref()?;
        let (end, cut_off) = (batch.id.window_ms().end, date_ms(&manifest.training.cut_off));
        let count = |is: &dyn Fn(i64) -> bool| {
            labels.iter().filter(|label| label.created_timestamp.is_some_and(is)).count()
        };
        Some(LabelAges {
            batch: batch.id.name(),
            labels: labels.len(),
            undated: labels.iter().filter(|label| label.created_timestamp.is_none()).count(),
            newer_than_data: count(&|created| created >= end),
            known_in_training: count(&|created| cut_off.is_some_and(|cut_off| created < cut_off)),
        })
    }
}

fn date_ms(text: &str) -> Option<i64> {
    let date: NaiveDate = text.parse().ok()?;
    Some(date.signed_duration_since(NaiveDate::default()).num_milliseconds())
}

const SHOWN: usize = 10;
