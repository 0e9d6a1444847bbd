//! Every way to score the rows of a batch: the models of a bundle, and copies of what the rows say themselves.

use std::collections::BTreeMap;

use super::figures::{CONFIDENCE, SEVERITY};
use crate::aml::bundle::{Bundle, Kind};
use crate::aml::features::vocabulary;
use crate::aml::score::{self, Explain, ScoreError};
use crate::aml::sot::Batch;

/// Scores of each row of a table, by the name of who gave them.
pub(super) type Marks = BTreeMap<&'static str, Vec<f64>>;

/// Scores by the models of a bundle, one for each alert.
pub(super) fn of_alert_models(bundle: &Bundle, batch: &Batch) -> Result<Marks, ScoreError> {
    let mut marks = Marks::new();
    if bundle.scorer(Kind::AlertScorer).is_some() {
        let scores = score::score_alerts(bundle, batch, Explain::No)?;
        marks.insert(Kind::AlertScorer.name(), scores.iter().map(|s| s.score).collect());
    }
    if bundle.scorer(Kind::AlertRanker).is_some() {
        let mut ranks = score::rank_alerts(bundle, batch)?;
        ranks.sort_by_key(|rank| rank.row);
        marks.insert(Kind::AlertRanker.name(), ranks.iter().map(|r| r.raw_score).collect());
    }
    Ok(marks)
}

/// Scores by the models of a bundle, one for each cluster.
pub(super) fn of_cluster_models(bundle: &Bundle, batch: &Batch) -> Result<Marks, ScoreError> {
    let mut marks = Marks::new();
    if bundle.scorer(Kind::ClusterScorer).is_some() {
        let scores = score::score_clusters(bundle, batch, Explain::No)?;
        marks.insert(Kind::ClusterScorer.name(), scores.iter().map(|s| s.score).collect());
    }
    Ok(marks)
}

/// What each alert says of itself.
pub(super) fn of_alert_copies(batch: &Batch) -> Marks {
    let alerts = || batch.alerts.iter().flatten();
    Marks::from([
        (SEVERITY, alerts().map(|alert| severity_score(&alert.severity)).collect()),
        (CONFIDENCE, alerts().map(|alert| confidence_score(alert.alert_confidence_score)).collect()),
    ])
}

/// What each cluster says of itself.
pub(super) fn of_cluster_copies(batch: &Batch) -> Marks {
    let clusters = || batch.clusters.iter().flatten();
    Marks::from([
        (SEVERITY, clusters().map(|cluster| severity_score(&cluster.severity_max)).collect()),
        (CONFIDENCE, clusters().map(|cluster| confidence_score(cluster.confidence_avg)).collect()),
    ])
}

/// The severity's code over that of `critical`; 0 for an unknown word.
pub(super) fn severity_score(word: &str) -> f64 {
    confidence_score(vocabulary::severity(word) / 4.0)
}

/// 0 where absent.
pub(super) fn confidence_score(x: f64) -> f64 {
    if x.is_nan() { 0.0 } else { x }
}
