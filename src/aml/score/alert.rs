//! Scores of alerts.

use super::{Explain, Explanation, ScoreError, Version, score_rows, scorer};
use crate::aml::bundle::{Bundle, Kind};
use crate::aml::sot::Batch;

/// How likely an alert's address is illicit, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertScore {
    /// The alert.
    pub alert_id: String,
    /// Probability, 0 to 1: calibrated where the bundle says how.
    pub score: f64,
    /// Log-odds: the sum of the trees.
    pub raw_score: f64,
    /// Which model said so.
    pub model_version: Version,
    /// Present when asked for.
    pub explanation: Option<Explanation>,
}

/// Scores every alert of a batch, in the order of its alerts table.
///
/// # Errors
/// When the bundle has no alert scorer or the batch no alerts table.
pub fn score_alerts(bundle: &Bundle, batch: &Batch, explain: Explain) -> Result<Vec<AlertScore>, ScoreError> {
    let scorer = scorer(bundle, Kind::AlertScorer)?;
    let absent = || ScoreError::NoTable { batch: batch.id.name(), table: "alerts" };
    let alerts = batch.alerts.as_ref().ok_or_else(absent)?;
    let scored = score_rows(scorer, batch, explain);
    let rows = alerts.iter().zip(scored).map(|(alert, row)| AlertScore {
        alert_id: alert.alert_id.clone(),
        score: row.score,
        raw_score: row.raw_score,
        model_version: scorer.version().clone(),
        explanation: row.explanation,
    });
    Ok(rows.collect())
}
