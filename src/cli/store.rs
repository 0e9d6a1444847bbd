//! `aml-miner score --store DIR`: all results of a batch as one day of a store, which `serve --results DIR` reads.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat};
use serde::Serialize;

use super::Fault;
use super::clock::SystemClock;
use crate::aml::bundle::{Bundle, Kind};
use crate::aml::score::{self, Explain, answer};
use crate::aml::sot::Batch;
use crate::server::{
    AlertResults, Clock as _, ClusterResults, DayMetadata, Outcome, Part, RankingResults, ResultStore,
    StoreError, Timing,
};

/// Scores, ranks and scores clusters, as far as batch and bundle have them, and writes the day.
pub(super) fn store(dir: &Path, batch: &Batch, bundle: &Bundle, explain: Explain) -> Result<(), Fault> {
    let mut day = Day::new(batch, bundle);
    if batch.alerts.is_some() && bundle.scorer(Kind::AlertScorer).is_some() {
        day.alerts(batch, bundle, explain)?;
    }
    if batch.alerts.is_some() && bundle.scorer(Kind::AlertRanker).is_some() {
        day.rankings(batch, bundle)?;
    }
    if batch.clusters.is_some() && bundle.scorer(Kind::ClusterScorer).is_some() {
        day.clusters(batch, bundle, explain)?;
    }
    let outcome = ResultStore::new(dir).write(&day.metadata, &day.parts).map_err(|error| match error {
        StoreError::Io { .. } => Fault::internal(error),
        error => Fault::input(error),
    })?;
    let (date, dir) = (&day.metadata.processing_date, dir.display());
    match outcome {
        Outcome::Written => println!("results of {date} stored in {dir}"),
        Outcome::Present => println!("the same results of {date} are stored in {dir} already"),
    }
    Ok(())
}

/// A day in the making.
struct Day {
    metadata: DayMetadata,
    parts: Vec<(Part, Vec<u8>)>,
    clock: SystemClock,
}

impl Day {
    fn new(batch: &Batch, bundle: &Bundle) -> Self {
        let clock = SystemClock::start();
        let now = DateTime::from_timestamp_millis(clock.unix_ms()).unwrap_or_default();
        let metadata = DayMetadata {
            network: batch.id.network.clone(),
            processing_date: batch.id.processing_date.to_string(),
            window_days: batch.id.window_days,
            model_digest: bundle.digest().to_string(),
            model_versions: BTreeMap::new(),
            rows: BTreeMap::new(),
            score_digests: BTreeMap::new(),
            processed_at: now.to_rfc3339_opts(SecondsFormat::Millis, true),
        };
        Day { metadata, parts: vec![], clock }
    }

    fn alerts(&mut self, batch: &Batch, bundle: &Bundle, explain: Explain) -> Result<(), Fault> {
        let start = self.clock.monotonic();
        let scores = score::score_alerts(bundle, batch, explain).map_err(Fault::input)?;
        let mut answer = answer::alerts(&scores);
        let timing = self.timing(start, answer.rows.len());
        answer.rows.iter_mut().for_each(|row| row.latency_ms = Some(timing.avg_latency_ms));
        let digest = answer.digest.to_string();
        let results = AlertResults {
            processing_date: self.metadata.processing_date.clone(),
            model_version: version(bundle, Kind::AlertScorer),
            total_alerts: answer.rows.len(),
            scores: answer.rows,
            metadata: timing,
        };
        self.add(
            Part::Alerts,
            (Kind::AlertScorer, &results.model_version),
            results.total_alerts,
            digest,
            &results,
        )
    }

    fn rankings(&mut self, batch: &Batch, bundle: &Bundle) -> Result<(), Fault> {
        let start = self.clock.monotonic();
        let answer = answer::ranking(&score::rank_alerts(bundle, batch).map_err(Fault::input)?);
        let digest = answer.digest.to_string();
        let results = RankingResults {
            processing_date: self.metadata.processing_date.clone(),
            model_version: version(bundle, Kind::AlertRanker),
            total_alerts: answer.rows.len(),
            metadata: self.timing(start, answer.rows.len()),
            rankings: answer.rows,
        };
        self.add(
            Part::Rankings,
            (Kind::AlertRanker, &results.model_version),
            results.total_alerts,
            digest,
            &results,
        )
    }

    fn clusters(&mut self, batch: &Batch, bundle: &Bundle, explain: Explain) -> Result<(), Fault> {
        let start = self.clock.monotonic();
        let scores = score::score_clusters(bundle, batch, explain).map_err(Fault::input)?;
        let mut answer = answer::clusters(&scores);
        let timing = self.timing(start, answer.rows.len());
        answer.rows.iter_mut().for_each(|row| row.latency_ms = Some(timing.avg_latency_ms));
        let digest = answer.digest.to_string();
        let results = ClusterResults {
            processing_date: self.metadata.processing_date.clone(),
            model_version: version(bundle, Kind::ClusterScorer),
            total_clusters: answer.rows.len(),
            scores: answer.rows,
            metadata: timing,
        };
        let rows = results.total_clusters;
        self.add(Part::Clusters, (Kind::ClusterScorer, &results.model_version), rows, digest, &results)
    }

    fn add<T: Serialize>(
        &mut self,
        part: Part,
        (kind, version): (Kind, &str),
        rows: usize,
        digest: String,
        results: &T,
    ) -> Result<(), Fault> {
        self.parts.push((part, serde_json::to_vec(results).map_err(Fault::internal)?));
        self.metadata.model_versions.insert(kind.name().to_owned(), version.to_owned());
        self.metadata.rows.insert(part.name().to_owned(), rows);
        self.metadata.score_digests.insert(part.name().to_owned(), digest);
        Ok(())
    }

    fn timing(&self, start: Duration, rows: usize) -> Timing {
        let total = self.clock.monotonic().saturating_sub(start).as_secs_f64() * 1e3;
        Timing {
            processed_at: self.metadata.processed_at.clone(),
            total_latency_ms: total,
            avg_latency_ms: total / rows.max(1) as f64,
        }
    }
}

fn version(bundle: &Bundle, kind: Kind) -> String {
    bundle.scorer(kind).map(|scorer| scorer.version().to_string()).unwrap_or_default()
}
