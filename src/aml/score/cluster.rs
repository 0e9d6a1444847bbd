//! Scores of clusters, from the cluster's own row and its addresses (never from alert rows).

use super::{Explain, Explanation, ScoreError, Version, score_rows, scorer};
use crate::aml::bundle::{Bundle, Kind};
use crate::aml::sot::Batch;

/// How likely a cluster holds an illicit address, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterScore {
    /// The cluster.
    pub cluster_id: String,
    /// Probability, 0 to 1: calibrated where the bundle says how.
    pub score: f64,
    /// Log-odds: the sum of the trees.
    pub raw_score: f64,
    /// Which model said so.
    pub model_version: Version,
    /// Present when asked for.
    pub explanation: Option<Explanation>,
}

/// Scores every cluster of a batch, in the order of its clusters table.
///
/// # Errors
/// When the bundle has no cluster scorer or the batch no clusters table.
pub fn score_clusters(
    bundle: &Bundle,
    batch: &Batch,
    explain: Explain,
) -> Result<Vec<ClusterScore>, ScoreError> {
    let scorer = scorer(bundle, Kind::ClusterScorer)?;
    let absent = || ScoreError::NoTable { batch: batch.id.name(), table: "clusters" };
    let clusters = batch.clusters.as_ref().ok_or_else(absent)?;
    let scored = score_rows(scorer, batch, explain);
    let rows = clusters.iter().zip(scored).map(|(cluster, row)| ClusterScore {
        cluster_id: cluster.cluster_id.clone(),
        score: row.score,
        raw_score: row.raw_score,
        model_version: scorer.version().clone(),
        explanation: row.explanation,
    });
    Ok(rows.collect())
}
