//! Scores of rows of features as plain numbers, for callers that bring or want tensors.
//!
//! The same models, the same numbers: a row of features scores as its alert or cluster does.

use super::ScoreError;
use crate::aml::bundle::{Bundle, Kind, Scorer};
use crate::aml::features::Rows;
use crate::aml::sot::Batch;
use crate::determinism::{math, par};

/// Features of many rows, one row after the other, each in the model's order; NaN is missing.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureRows {
    values: Vec<f64>,
    width: usize,
}

/// What a model says of many rows, each as many as there are rows.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorScores {
    /// Probabilities; for the ranker, the score that keeps its order.
    pub scores: Vec<f64>,
    /// Sums of the trees.
    pub raw_scores: Vec<f64>,
    /// Where a row stands by falling raw score, counted from 1; equal ones by id, or as they came.
    pub ranks: Vec<usize>,
}

impl FeatureRows {
    /// Rows of `width` features each; `None` where the values do not make whole rows.
    pub fn new(values: Vec<f64>, width: usize) -> Option<Self> {
        (width > 0 && values.len() % width == 0).then_some(FeatureRows { values, width })
    }

    /// The features of every row of the model's table.
    ///
    /// # Errors
    /// When the batch has no such table.
    pub fn of(scorer: &Scorer, batch: &Batch) -> Result<Self, ScoreError> {
        ids(scorer, batch)?;
        let (reader, width) = (scorer.features().reader(batch), scorer.features().features().len());
        let mut values = vec![0.0; reader.n_rows() * width];
        par::for_each_chunk(&mut values, width, |row, out| reader.read(row, out));
        Ok(FeatureRows { values, width })
    }

    /// How many rows.
    pub fn n_rows(&self) -> usize {
        self.values.len() / self.width
    }

    fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.width..(row + 1) * self.width]
    }
}

/// The ids of the rows of the model's table.
///
/// # Errors
/// When the batch has no such table.
pub fn ids<'a>(scorer: &Scorer, batch: &'a Batch) -> Result<Vec<&'a str>, ScoreError> {
    let absent = |table| ScoreError::NoTable { batch: batch.id.name(), table };
    match scorer.features().rows() {
        Rows::Alerts => {
            let alerts = batch.alerts.as_ref().ok_or_else(|| absent("alerts"))?;
            Ok(alerts.iter().map(|alert| alert.alert_id.as_str()).collect())
        }
        Rows::Clusters => {
            let clusters = batch.clusters.as_ref().ok_or_else(|| absent("clusters"))?;
            Ok(clusters.iter().map(|cluster| cluster.cluster_id.as_str()).collect())
        }
    }
}

/// The model of a kind.
///
/// # Errors
/// When the bundle has none.
pub fn model(bundle: &Bundle, kind: Kind) -> Result<&Scorer, ScoreError> {
    super::scorer(bundle, kind)
}

/// Scores rows by the model of a kind; `ids` put rows of equal raw scores in order, as the ranking does.
pub fn scores(kind: Kind, scorer: &Scorer, rows: &FeatureRows, ids: Option<&[String]>) -> TensorScores {
    let raw_scores = par::map(rows.n_rows(), |row| scorer.predictor().raw_row(rows.row(row)));
    let id = |row: usize| ids.and_then(|ids| ids.get(row));
    let shown = |raw: f64| if kind == Kind::AlertRanker { math::sigmoid(raw) } else { scorer.score(raw) };
    let mut order: Vec<usize> = (0..raw_scores.len()).collect();
    order.sort_by(|a, b| raw_scores[*b].total_cmp(&raw_scores[*a]).then_with(|| id(*a).cmp(&id(*b))));
    let mut ranks = vec![0; order.len()];
    order.into_iter().enumerate().for_each(|(place, row)| ranks[row] = place + 1);
    TensorScores { scores: raw_scores.iter().map(|raw| shown(*raw)).collect(), raw_scores, ranks }
}

/// The exact contributions of every feature to every row's raw score, one row after the other. With the
/// [base value](crate::gbdt::infer::Explainer::base_value) they add up to it.
pub fn contributions(scorer: &Scorer, rows: &FeatureRows) -> Vec<f64> {
    let blocks = par::map_blocks(rows.n_rows(), super::BLOCK, |block| {
        super::contributions_of(scorer, &rows.values[block.start * rows.width..block.end * rows.width])
    });
    blocks.fold(Vec::with_capacity(rows.values.len()), |mut all, block| {
        all.extend_from_slice(&block);
        all
    })
}
