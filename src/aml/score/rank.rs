//! The order in which to work through a batch's alerts.
//!
//! LambdaRank's raw scores put the alerts in order: higher first, equal ones by alert id, then by position. The score
//! that is shown is the logistic function of the raw score: it keeps the order and lies in (0, 1), but it is no
//! probability, and two alerts may show the same number where their raw scores differ beyond its precision.

use super::{Explain, ScoreError, Version, score_rows, scorer};
use crate::aml::bundle::{Bundle, Kind};
use crate::aml::sot::Batch;
use crate::determinism::math;

/// An alert's place in the queue.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertRank {
    /// The alert.
    pub alert_id: String,
    /// 1 is first.
    pub rank: usize,
    /// Logistic function of the raw score; no probability.
    pub score: f64,
    /// The sum of the trees: what orders the queue.
    pub raw_score: f64,
    /// Which model said so.
    pub model_version: Version,
    /// Row of the alerts table.
    pub row: usize,
}

/// Ranks every alert of a batch, rank 1 first.
///
/// # Errors
/// When the bundle has no alert ranker or the batch no alerts table.
pub fn rank_alerts(bundle: &Bundle, batch: &Batch) -> Result<Vec<AlertRank>, ScoreError> {
    let scorer = scorer(bundle, Kind::AlertRanker)?;
    let absent = || ScoreError::NoTable { batch: batch.id.name(), table: "alerts" };
    let alerts = batch.alerts.as_ref().ok_or_else(absent)?;
    let scored = score_rows(scorer, batch, Explain::No);
    let unranked = alerts.iter().zip(scored).enumerate().map(|(row, (alert, scored))| AlertRank {
        alert_id: alert.alert_id.clone(),
        rank: 0,
        score: math::sigmoid(scored.raw_score),
        raw_score: scored.raw_score,
        model_version: scorer.version().clone(),
        row,
    });
    let mut queue: Vec<AlertRank> = unranked.collect();
    queue.sort_by(|a, b| b.raw_score.total_cmp(&a.raw_score).then_with(|| a.alert_id.cmp(&b.alert_id)));
    queue.iter_mut().enumerate().for_each(|(i, alert)| alert.rank = i + 1);
    Ok(queue)
}
