//! How good a bundle is on batches with known answers, beside what needs no model.
//!
//! Every figure stands beside those of a flat score (the base rate, the same for all), a copy of the alert's severity and a copy of
//! its confidence, on the same rows. Targets come from labels and, where a batch has it, from ground truth. Budgets are alerts a
//! batch: the mean over batches of the share of positives among the first so many. `official_columns` is the same batch
//! as a caller sees it who holds no flows and no clusters, only alerts and the official address columns.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::config::Config;
use super::examples::Examples;
use super::folds::{FoldError, Folds};
use super::train::{self, TrainError};
use crate::aml::bundle::{Bundle, Kind};
use crate::aml::features::{FeatureSet, Rows, vocabulary};
use crate::aml::score::{self, Explain, ScoreError};
use crate::aml::sot::Batch;
use crate::aml::target::{Source, TargetError, Undated};
use crate::gbdt::infer::Predictor;
use crate::metrics::{binary, ranking};

/// Figures of a bundle on some batches.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// What was judged, in words.
    pub title: String,
    /// Versions of the models.
    pub models: BTreeMap<String, String>,
    /// SHA-256 of the bundle's manifest; empty for models trained in folds.
    pub bundle_sha256: String,
    /// Names of the batches.
    pub batches: Vec<String>,
    /// One per kind of row, target and view.
    pub sections: Vec<Section>,
}

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
}

/// Why a bundle cannot be judged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluateError {
    /// A batch cannot be scored.
    #[error(transparent)]
    Score(#[from] ScoreError),
    /// A batch has no table to take targets from.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// A fold cannot be trained.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// Folds cannot be made.
    #[error(transparent)]
    Folds(#[from] FoldError),
    /// Nothing has a target.
    #[error("nothing to judge by: no batch has labels or ground truth on an alert")]
    NoTarget,
}

/// What a caller holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum View {
    AllTables,
    OfficialColumns,
}

/// Judges a bundle, one batch at a time.
#[derive(Debug)]
pub struct Evaluation<'a> {
    bundle: &'a Bundle,
    report: Report,
    /// By kind of row, target and view.
    judged: BTreeMap<(&'static str, &'static str, View), Judged>,
}

/// Rows with targets and any number of scores.
#[derive(Clone, Debug, Default)]
struct Judged {
    labels: Vec<f32>,
    grades: Vec<u8>,
    groups: Vec<u32>,
    scores: BTreeMap<&'static str, Vec<f64>>,
}

impl<'a> Evaluation<'a> {
    /// Nothing judged yet.
    pub fn new(bundle: &'a Bundle, title: &str) -> Self {
        let models =
            bundle.manifest().models.iter().map(|(name, entry)| (name.clone(), entry.version.clone()));
        let report = Report {
            title: title.to_owned(),
            models: models.collect(),
            bundle_sha256: bundle.digest().to_string(),
            ..Report::default()
        };
        Evaluation { bundle, report, judged: BTreeMap::new() }
    }

    /// Scores a batch that has all its tables.
    ///
    /// # Errors
    /// When it cannot be scored.
    pub fn add(&mut self, batch: &Batch) -> Result<(), EvaluateError> {
        self.report.batches.push(batch.id.name());
        for view in [View::AllTables, View::OfficialColumns] {
            let seen = view.of(batch);
            for (name, source) in sources(batch) {
                self.judge_alerts(&seen, view, name, source)?;
                if view == View::AllTables && self.bundle.scorer(Kind::ClusterScorer).is_some() {
                    self.judge_clusters(&seen, name, source)?;
                }
            }
        }
        Ok(())
    }

    /// The figures.
    ///
    /// # Errors
    /// When nothing had a target.
    pub fn finish(mut self) -> Result<Report, EvaluateError> {
        let sections = self.judged.into_iter().filter(|(_, judged)| !judged.labels.is_empty());
        self.report.sections =
            sections.map(|((rows, target, view), judged)| judged.section(rows, target, view)).collect();
        if self.report.sections.is_empty() { Err(EvaluateError::NoTarget) } else { Ok(self.report) }
    }

    fn judge_alerts(
        &mut self,
        batch: &Batch,
        view: View,
        target: &'static str,
        source: Source,
    ) -> Result<(), EvaluateError> {
        let examples = Examples::of(batch, &no_features(Rows::Alerts), source)?;
        let judged = self.judged.entry((ALERTS, target, view)).or_default();
        judged.begin(&examples);
        let pick = |all: &[f64]| examples.subjects.iter().map(|s| all[s.row]).collect::<Vec<f64>>();
        if self.bundle.scorer(Kind::AlertScorer).is_some() {
            let scores = score::score_alerts(self.bundle, batch, Explain::No)?;
            judged.score("alert_scorer", pick(&scores.iter().map(|s| s.score).collect::<Vec<_>>()));
        }
        if self.bundle.scorer(Kind::AlertRanker).is_some() {
            let mut ranks = score::rank_alerts(self.bundle, batch)?;
            ranks.sort_by_key(|rank| rank.row);
            judged.score("alert_ranker", pick(&ranks.iter().map(|r| r.raw_score).collect::<Vec<_>>()));
        }
        let alerts = batch.alerts.as_deref().unwrap_or_default();
        let severity = alerts.iter().map(|a| severity_score(&a.severity)).collect::<Vec<_>>();
        let confidence = alerts.iter().map(|a| or_zero(a.alert_confidence_score)).collect::<Vec<_>>();
        judged.score(SEVERITY, pick(&severity));
        judged.score(CONFIDENCE, pick(&confidence));
        Ok(())
    }

    fn judge_clusters(
        &mut self,
        batch: &Batch,
        target: &'static str,
        source: Source,
    ) -> Result<(), EvaluateError> {
        let examples = Examples::of(batch, &no_features(Rows::Clusters), source)?;
        let judged = self.judged.entry((CLUSTERS, target, View::AllTables)).or_default();
        judged.begin(&examples);
        let pick = |all: &[f64]| examples.subjects.iter().map(|s| all[s.row]).collect::<Vec<f64>>();
        let scores = score::score_clusters(self.bundle, batch, Explain::No)?;
        judged.score("cluster_scorer", pick(&scores.iter().map(|s| s.score).collect::<Vec<_>>()));
        let clusters = batch.clusters.as_deref().unwrap_or_default();
        let severity = clusters.iter().map(|c| severity_score(&c.severity_max)).collect::<Vec<_>>();
        let confidence = clusters.iter().map(|c| or_zero(c.confidence_avg)).collect::<Vec<_>>();
        judged.score(SEVERITY, pick(&severity));
        judged.score(CONFIDENCE, pick(&confidence));
        Ok(())
    }
}

/// Trains on all folds but one and judges that one, for each in turn: how good models of this kind are on these batches, where
/// whole pattern instances are unknown. The target is the ground truth.
///
/// `rounds` is the number of trees, as stopping early by the judged fold would flatter.
///
/// # Errors
/// When folds cannot be made or trained.
pub fn cross_validate(
    config: &Config,
    batches: &[Batch],
    folds: u32,
    rounds: usize,
) -> Result<Report, EvaluateError> {
    let mut report = Report { title: format!("{folds} folds, instances held out"), ..Report::default() };
    report.batches = batches.iter().map(|batch| batch.id.name()).collect();
    for view in [View::AllTables, View::OfficialColumns] {
        let seen: Vec<Batch> = batches.iter().map(|batch| view.of(batch)).collect();
        let judged = out_of_fold(config, &seen, folds, rounds)?;
        report.sections.push(judged.section(ALERTS, "ground_truth", view));
    }
    Ok(report)
}

/// Scores of every row by a model that saw neither it nor any address of its instance.
fn out_of_fold(
    config: &Config,
    batches: &[Batch],
    folds: u32,
    rounds: usize,
) -> Result<Judged, EvaluateError> {
    let set = FeatureSet::alerts().without(|f| config.exclude.iter().any(|name| *name == f.name));
    let (mut examples, mut severity, mut confidence) = (None::<Examples>, vec![], vec![]);
    for batch in batches {
        let next = Examples::of(batch, &set, Source::GroundTruth)?;
        let alerts = batch.alerts.as_deref().unwrap_or_default();
        severity.extend(next.subjects.iter().map(|s| severity_score(&alerts[s.row].severity)));
        confidence.extend(next.subjects.iter().map(|s| or_zero(alerts[s.row].alert_confidence_score)));
        match &mut examples {
            Some(all) => all.append(next),
            None => examples = Some(next),
        }
    }
    let examples = examples.ok_or(EvaluateError::NoTarget)?;
    let truth = batches.iter().flat_map(|batch| batch.ground_truth.iter().flatten());
    let members: Vec<(&str, &str)> =
        truth.map(|t| (t.address.as_str(), t.pattern_instance_id.as_str())).collect();
    let mut scores = vec![0.0; examples.len()];
    let mut raw = vec![0.0; examples.len()];
    for partition in 0..PARTITIONS {
        let cut = Folds::new(folds, partition, members.iter().copied())?;
        for fold in 0..folds {
            let side = |held: bool| {
                let all = 0..examples.len();
                all.filter(|&row| (cut.fold(&examples.subjects[row].address) == fold) == held)
                    .collect::<Vec<_>>()
            };
            let (learned, held) = (examples.take(&side(false)), side(true));
            for (kind, out) in [(Kind::AlertScorer, &mut scores), (Kind::AlertRanker, &mut raw)] {
                let model = train::fit(config, kind, &learned, Some(rounds))?;
                let predicted = Predictor::new(&model);
                let predicted =
                    predicted.scores(&examples.matrix.take_rows(&held)).expect("features of the same set");
                held.iter().zip(predicted).for_each(|(&row, score)| out[row] += score / PARTITIONS as f64);
            }
        }
    }
    let mut judged = Judged::default();
    judged.begin(&examples);
    judged.score("alert_scorer", scores);
    judged.score("alert_ranker", raw);
    judged.score(SEVERITY, severity);
    judged.score(CONFIDENCE, confidence);
    Ok(judged)
}

impl View {
    fn name(self) -> &'static str {
        match self {
            View::AllTables => "all_tables",
            View::OfficialColumns => "official_columns",
        }
    }

    fn of(self, batch: &Batch) -> Batch {
        match self {
            View::AllTables => batch.clone(),
            View::OfficialColumns => Batch { money_flows: None, clusters: None, ..batch.clone() },
        }
    }
}

impl Judged {
    fn begin(&mut self, examples: &Examples) {
        self.labels.extend(examples.labels());
        self.grades.extend(examples.grades());
        self.groups.extend(examples.groups());
    }

    fn score(&mut self, name: &'static str, scores: Vec<f64>) {
        self.scores.entry(name).or_default().extend(scores);
    }

    fn section(mut self, rows_of: &str, target: &str, view: View) -> Section {
        let positives = self.labels.iter().filter(|&&label| label == 1.0).count();
        let base_rate = positives as f64 / self.labels.len().max(1) as f64;
        self.scores.insert(FLAT, vec![base_rate; self.labels.len()]);
        let order = ["alert_scorer", "alert_ranker", "cluster_scorer", FLAT, SEVERITY, CONFIDENCE];
        let figures = order.iter().filter_map(|name| self.scores.get(name).map(|s| self.figures(name, s)));
        Section {
            rows_of: rows_of.to_owned(),
            target: target.to_owned(),
            view: view.name().to_owned(),
            rows: self.labels.len(),
            positives,
            base_rate,
            figures: figures.collect(),
        }
    }

    fn figures(&self, name: &str, scores: &[f64]) -> Figures {
        let at = |budget| self.precision_at(scores, budget);
        let brier = if name == "alert_ranker" { None } else { binary::brier(&self.labels, scores, None) };
        Figures {
            scorer: name.to_owned(),
            auc: binary::auc(&self.labels, scores, None),
            average_precision: binary::average_precision(&self.labels, scores, None),
            precision_at_10: at(10),
            precision_at_50: at(50),
            precision_at_100: at(100),
            ndcg_at_10: Some(ranking::ndcg_at(&self.grades, scores, &self.groups, 10)),
            brier,
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

/// The targets that a batch offers, by the name they have in reports.
fn sources(batch: &Batch) -> Vec<(&'static str, Source)> {
    let mut sources = vec![];
    if batch.labels.as_ref().is_some_and(|labels| !labels.is_empty()) {
        // judged with hindsight: whatever is known by now
        sources.push(("labels", Source::Labels { cut_off_ms: i64::MAX, undated: Undated::Accept }));
    }
    if batch.ground_truth.is_some() {
        sources.push(("ground_truth", Source::GroundTruth));
    }
    sources
}

fn no_features(rows: Rows) -> FeatureSet {
    FeatureSet::all(rows).without(|_| true)
}

/// The severity's code over that of `critical`; 0 for an unknown word.
fn severity_score(word: &str) -> f64 {
    or_zero(vocabulary::severity(word) / 4.0)
}

fn or_zero(x: f64) -> f64 {
    if x.is_nan() { 0.0 } else { x }
}

const ALERTS: &str = "alerts";
const CLUSTERS: &str = "clusters";
const FLAT: &str = "flat score (base rate)";
const SEVERITY: &str = "severity copy";
const CONFIDENCE: &str = "confidence copy";

/// Cuts into folds that out-of-fold scores are averaged over, so that no single cut decides.
const PARTITIONS: u64 = 3;
