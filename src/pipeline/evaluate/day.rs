//! Batch by batch: whether figures hold from day to day.

use serde::{Deserialize, Serialize};

use super::part::Part;
use super::pool::Rows;
use super::settings::Settings;
use crate::metrics::{binary, calibration, drift, ranking};

/// One batch; figures that it leaves undefined are absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Day {
    /// Its name.
    pub batch: String,
    /// Rows with a target.
    pub rows: usize,
    /// Positive ones.
    pub positives: usize,
    /// Area under the ROC curve.
    pub auc: Option<f64>,
    /// Average precision.
    pub average_precision: Option<f64>,
    /// NDCG of its first 10.
    pub ndcg_at_10: f64,
    /// Positives found within the main budget.
    pub hits: usize,
    /// The main budget.
    pub budget: usize,
    /// Mean score.
    pub mean_score: f64,
    /// Expected calibration error; absent for an order.
    pub ece: Option<f64>,
    /// Population stability index of its scores against the first batch's.
    pub score_psi: Option<f64>,
}

/// A row for each batch.
pub(super) fn days(rows: &Rows<'_>, settings: &Settings) -> Part<Vec<Day>> {
    let ranges = rows.ranges();
    let Some(first) = ranges.first().cloned() else { return Part::absent("no batch has rows") };
    let budget = settings.main_budget();
    let day = |(range, batch): (&std::ops::Range<usize>, &String)| {
        let (labels, scores) = (&rows.labels[range.clone()], &rows.scores[range.clone()]);
        let grades = &rows.grades[range.clone()];
        let precision = binary::precision_at(labels, scores, budget).unwrap_or(0.0);
        Day {
            batch: batch.clone(),
            rows: labels.len(),
            positives: labels.iter().filter(|&&label| label > 0.0).count(),
            auc: binary::auc(labels, scores, None),
            average_precision: binary::average_precision(labels, scores, None),
            ndcg_at_10: ranking::ndcg_at(grades, scores, &[labels.len() as u32], 10),
            hits: (precision * budget.min(labels.len()) as f64).round() as usize,
            budget,
            mean_score: scores.iter().sum::<f64>() / labels.len() as f64,
            ece: if rows.is_probability() { calibration::ece(labels, scores, 10) } else { None },
            score_psi: drift::psi_of_samples(&rows.scores[first.clone()], scores),
        }
    };
    Part::Present(ranges.iter().zip(&rows.batches).map(day).collect())
}
