//! The short table: one kind of row, one target, one view; every way to score on one line.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::aml::target::Targets;
use crate::metrics::{binary, calibration, ranking};

/// Figures on one kind of row, against one kind of target.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Section {
    /// `alerts` or `clusters`.
    pub rows_of: String,
    /// `labels` or `ground_truth`.
    pub target: String,
    /// `all_tables` or `official_columns`.
    pub view: String,
    /// Rows with a target.
    pub rows: usize,
    /// Positive rows.
    pub positives: usize,
    /// Share of positive rows.
    pub base_rate: f64,
    /// By what was ranked with.
    pub figures: Vec<Figures>,
}

/// Figures of one way to score; absent where undefined.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// A model, or what needs none.
    pub scorer: String,
    /// Area under the ROC curve.
    pub auc: Option<f64>,
    /// Area under the precision-recall curve.
    pub average_precision: Option<f64>,
    /// Share of positives among a batch's first 10, mean over batches.
    pub precision_at_10: Option<f64>,
    /// The same of 50.
    pub precision_at_50: Option<f64>,
    /// The same of 100.
    pub precision_at_100: Option<f64>,
    /// Mean over batches; a batch without a relevant row counts 1.
    pub ndcg_at_10: Option<f64>,
    /// Mean squared error; absent for scores that are no probabilities.
    pub brier: Option<f64>,
    /// Expected calibration error in ten bins of equal width; absent likewise.
    #[serde(default)]
    pub ece: Option<f64>,
}

/// Rows with targets and any number of scores.
#[derive(Clone, Debug, Default)]
pub(super) struct Judged {
    labels: Vec<f32>,
    grades: Vec<u8>,
    groups: Vec<u32>,
    scores: BTreeMap<&'static str, Vec<f64>>,
}

impl Judged {
    /// The rows of a batch that have a target, with every way to score them; `marks` has a score for each row of the table.
    pub(super) fn add(&mut self, targets: &Targets, marks: &BTreeMap<&'static str, Vec<f64>>) {
        let kept: Vec<usize> = (0..targets.rows.len()).filter(|&row| targets.rows[row].is_some()).collect();
        if kept.is_empty() {
            return;
        }
        let known = || targets.rows.iter().flatten();
        self.labels.extend(known().map(|target| f32::from(u8::from(target.positive))));
        self.grades.extend(known().map(|target| target.grade));
        self.groups.push(kept.len() as u32);
        marks.iter().for_each(|(name, marks)| self.score(name, kept.iter().map(|&row| marks[row])));
    }

    /// More scores of one name, in the order of the rows.
    pub(super) fn score(&mut self, name: &'static str, scores: impl Iterator<Item = f64>) {
        self.scores.entry(name).or_default().extend(scores);
    }

    /// Labels, grades and the rows of each batch as they are.
    pub(super) fn begin(&mut self, labels: Vec<f32>, grades: Vec<u8>, groups: Vec<u32>) {
        self.labels.extend(labels);
        self.grades.extend(grades);
        self.groups.extend(groups);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    pub(super) fn section(mut self, rows_of: &str, target: &str, view: &str) -> Section {
        let positives = self.labels.iter().filter(|&&label| label == 1.0).count();
        let base_rate = positives as f64 / self.labels.len().max(1) as f64;
        self.scores.insert(FLAT, vec![base_rate; self.labels.len()]);
        let order = ["alert_scorer", "alert_ranker", "cluster_scorer", FLAT, SEVERITY, CONFIDENCE];
        let figures = order.iter().filter_map(|name| self.scores.get(name).map(|s| self.figures(name, s)));
        Section {
            rows_of: rows_of.to_owned(),
            target: target.to_owned(),
            view: view.to_owned(),
            rows: self.labels.len(),
            positives,
            base_rate,
            figures: figures.collect(),
        }
    }

    fn figures(&self, name: &str, scores: &[f64]) -> Figures {
        let at = |budget| self.precision_at(scores, budget);
        let is_probability = name != "alert_ranker";
        let brier = || binary::brier(&self.labels, scores, None);
        let ece = || calibration::ece(&self.labels, scores, 10);
        Figures {
            scorer: name.to_owned(),
            auc: binary::auc(&self.labels, scores, None),
            average_precision: binary::average_precision(&self.labels, scores, None),
            precision_at_10: at(10),
            precision_at_50: at(50),
            precision_at_100: at(100),
            ndcg_at_10: Some(ranking::ndcg_at(&self.grades, scores, &self.groups, 10)),
            brier: is_probability.then(brier).flatten(),
            ece: is_probability.then(ece).flatten(),
        }
    }

    /// Mean over batches that have rows.
    fn precision_at(&self, scores: &[f64], budget: usize) -> Option<f64> {
        let (mut begin, mut sum, mut batches) = (0, 0.0, 0.0);
        for &rows in &self.groups {
            let range = begin..begin + rows as usize;
            begin = range.end;
            if let Some(precision) = binary::precision_at(&self.labels[range.clone()], &scores[range], budget)
            {
                sum += precision;
                batches += 1.0;
            }
        }
        (batches > 0.0).then(|| sum / batches)
    }
}

/// The same score for all.
pub(super) const FLAT: &str = "flat score (base rate)";
/// The alert's own severity.
pub(super) const SEVERITY: &str = "severity copy";
/// The alert's own confidence.
pub(super) const CONFIDENCE: &str = "confidence copy";
