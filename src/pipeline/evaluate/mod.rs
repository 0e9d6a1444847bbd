//! How good a bundle is on batches with known answers, beside what needs no model.
//!
//! In flow a bundle and batches, one at a time; out flows a [`Report`], the same to the bit for the same batches in the same
//! order. Every figure stands beside those of a flat score (the base rate, the same for all), a copy of the alert's severity and
//! a copy of its confidence, on the same rows. Targets come from labels and, where a batch has it, from ground truth. Budgets are
//! alerts a batch: the mean over batches of the share of positives among the first so many. `official_columns` is the same batch
//! as a caller sees it who holds no flows and no clusters, only alerts and the official address columns.
//!
//! [`Section`]s are the short tables; the [`Study`] is all the rest, on one target with all tables. A figure that the data
//! leave undefined is absent with its reason ([`Part`]), never invented.

mod ablation;
mod adversary;
mod budget;
mod cross;
mod day;
mod duel;
mod feature;
mod figures;
mod finding;
mod group;
mod headline;
mod leakage;
mod marks;
mod part;
mod pool;
mod resample;
mod settings;
mod shape;
mod skew;
mod study;
mod threshold;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::folds::FoldError;
use super::train::TrainError;
use crate::aml::bundle::{Bundle, Kind};
use crate::aml::derive::features;
use crate::aml::features::Rows as RowsOf;
use crate::aml::score::ScoreError;
use crate::aml::sot::{AddressFeatures, Batch};
use crate::aml::target::{self, Source, TargetError, Undated};

pub use ablation::Ablation;
pub use adversary::Adversary;
pub use budget::Yield;
pub use cross::cross_validate;
pub use day::Day;
pub use duel::Duel;
pub use feature::{Dependence, FeatureRow};
pub use figures::{Figures, Section};
pub use finding::{Finding, Status};
pub use group::Group;
pub use headline::Headline;
pub use leakage::{LabelAges, Leakage, Overlap, SingleFeature};
pub use part::Part;
pub use settings::{Settings, SettingsError};
pub use shape::{Calibration, CalibrationBin, Curves, Distribution, RatePoint};
pub use skew::Skew;
pub use study::{BatchNote, ModelStudy, Study};
pub use threshold::{LineRow, Lines, ThresholdRow, Thresholds};

use adversary::Period;
use figures::Judged;
use pool::{Pool, Scored};
use study::Material;

/// Figures of a bundle on some batches: `evaluation.json`.
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
    /// All the rest; absent for models trained in folds and in reports of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub study: Option<Study>,
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
    /// Nothing was scored.
    #[error("nothing to judge: no batch has alerts, or clusters for a cluster scorer")]
    NoRows,
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
    against: Option<&'a Bundle>,
    settings: Settings,
    report: Report,
    study: Study,
    /// By kind of row, target and view.
    judged: BTreeMap<(&'static str, &'static str, View), Judged>,
    alerts: Pool,
    clusters: Pool,
    reference: Option<Period>,
}

impl<'a> Evaluation<'a> {
    /// Nothing judged yet, settings as they come.
    pub fn new(bundle: &'a Bundle, title: &str) -> Self {
        let models =
            bundle.manifest().models.iter().map(|(name, entry)| (name.clone(), entry.version.clone()));
        let report = Report {
            title: title.to_owned(),
            models: models.collect(),
            bundle_sha256: bundle.digest().to_string(),
            ..Report::default()
        };
        Evaluation {
            bundle,
            against: None,
            settings: Settings::default(),
            report,
            study: Study::default(),
            judged: BTreeMap::new(),
            alerts: Pool::default(),
            clusters: Pool::default(),
            reference: None,
        }
    }

    /// With these settings.
    ///
    /// # Errors
    /// When a value is out of range.
    pub fn settings(mut self, settings: Settings) -> Result<Self, SettingsError> {
        self.settings = settings.checked()?;
        Ok(self)
    }

    /// Compared with another bundle, the champion, on the same rows.
    #[must_use]
    pub fn against(mut self, champion: &'a Bundle) -> Self {
        self.against = Some(champion);
        self.study.against_sha256 = champion.digest().to_string();
        self
    }

    /// Takes the alerts of a batch of the training period, which judged alerts are to be told from.
    pub fn add_reference(&mut self, batch: &Batch) {
        let Some(scorer) = self.bundle.scorer(Kind::AlertScorer) else { return };
        let matrix = scorer.features().matrix(batch);
        let period = self.reference.get_or_insert_with(Period::default);
        period.columns.resize(matrix.n_features(), vec![]);
        for (f, all) in period.columns.iter_mut().enumerate() {
            all.extend((0..matrix.n_rows()).map(|row| matrix.value(row, f)));
        }
        period.units.extend(pool::alert_unit_keys(batch));
    }

    /// Scores a batch. What is absent from it is noted, not made up.
    ///
    /// # Errors
    /// When it cannot be scored.
    pub fn add(&mut self, batch: &Batch) -> Result<(), EvaluateError> {
        self.note(batch);
        for view in [View::AllTables, View::OfficialColumns] {
            let seen = view.of(batch);
            if seen.alerts.is_some() {
                self.judge_alerts(&seen, view)?;
            }
            if view == View::AllTables && seen.clusters.is_some() {
                self.judge_clusters(&seen)?;
            }
        }
        Ok(())
    }

    /// The figures; without any target those that need none, such as drift.
    ///
    /// # Errors
    /// When no batch had alerts or clusters.
    pub fn finish(mut self) -> Result<Report, EvaluateError> {
        let sections = self.judged.into_iter().filter(|(_, judged)| !judged.is_empty());
        self.report.sections = sections
            .map(|((rows, target, view), judged)| judged.section(rows, target, view.name()))
            .collect();
        if self.alerts.is_empty() && self.clusters.is_empty() {
            return Err(EvaluateError::NoRows);
        }
        self.study.fill(&Material {
            bundle: self.bundle,
            settings: &self.settings,
            alerts: &self.alerts,
            clusters: &self.clusters,
            reference: self.reference.as_ref(),
        });
        self.report.study = Some(self.study);
        Ok(self.report)
    }

    /// Names the batch and audits what needs no scores; the round trip through JSON is made for the first batch alone.
    fn note(&mut self, batch: &Batch) {
        self.report.batches.push(batch.id.name());
        let manifest = self.bundle.manifest();
        self.study.leakage.overlap.add(self.bundle, batch);
        self.study.leakage.labels.extend(LabelAges::of(manifest, batch));
        if self.study.batches.is_empty() {
            self.study.leakage.skew = skew::skew(self.bundle, batch);
        }
        self.study.batches.push(BatchNote::of(batch));
    }

    fn judge_alerts(&mut self, batch: &Batch, view: View) -> Result<(), EvaluateError> {
        let mut scored = marks::of_alert_models(self.bundle, batch)?;
        scored.extend(marks::of_alert_copies(batch));
        if view == View::AllTables {
            let rival = self.against.map(|other| marks::of_alert_models(other, batch)).transpose()?;
            let scored = Scored { marks: scored.clone(), rival: rival.unwrap_or_default() };
            self.alerts.add(self.bundle, batch, RowsOf::Alerts, scored);
        }
        for (name, source) in sources(batch) {
            let targets = target::of_alerts(batch, &source)?;
            self.judged.entry((ALERTS, name, view)).or_default().add(&targets, &scored);
            if view == View::AllTables {
                self.alerts.target(name, &targets);
            }
        }
        Ok(())
    }

    fn judge_clusters(&mut self, batch: &Batch) -> Result<(), EvaluateError> {
        if self.bundle.scorer(Kind::ClusterScorer).is_none() {
            return Ok(());
        }
        let mut scored = marks::of_cluster_models(self.bundle, batch)?;
        scored.extend(marks::of_cluster_copies(batch));
        let rival = self.against.map(|other| marks::of_cluster_models(other, batch)).transpose()?;
        let both = Scored { marks: scored.clone(), rival: rival.unwrap_or_default() };
        self.clusters.add(self.bundle, batch, RowsOf::Clusters, both);
        for (name, source) in sources(batch) {
            let targets = target::of_clusters(batch, &source)?;
            self.judged.entry((CLUSTERS, name, View::AllTables)).or_default().add(&targets, &scored);
            self.clusters.target(name, &targets);
        }
        Ok(())
    }
}

impl BatchNote {
    fn of(batch: &Batch) -> Self {
        let tables = [
            ("alerts", batch.alerts.is_none()),
            ("features", batch.features.is_none()),
            ("clusters", batch.clusters.is_none()),
            ("money_flows", batch.money_flows.is_none()),
            ("address_labels", batch.labels.is_none()),
            ("ground_truth", batch.ground_truth.is_none()),
        ];
        BatchNote {
            batch: batch.id.name(),
            alerts: batch.alerts.as_ref().map_or(0, Vec::len),
            clusters: batch.clusters.as_ref().map_or(0, Vec::len),
            without: tables
                .iter()
                .filter(|(_, absent)| *absent)
                .map(|(name, _)| (*name).to_owned())
                .collect(),
        }
    }
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
            View::OfficialColumns => {
                let features = batch.features.as_ref().map(official);
                Batch { features, money_flows: None, clusters: None, ..batch.clone() }
            }
        }
    }
}

/// The table without the columns that are derived beyond the official ones.
fn official(table: &AddressFeatures) -> AddressFeatures {
    let beyond: BTreeSet<String> = features().into_iter().map(|feature| feature.name).collect();
    let columns = table.columns.iter().filter(|column| !beyond.contains(&column.name)).cloned().collect();
    AddressFeatures { addresses: table.addresses.clone(), columns }
}

/// The targets that a batch offers, by the name they have in reports.
fn sources(batch: &Batch) -> Vec<(&'static str, Source)> {
    let mut sources = vec![];
    if batch.labels.as_ref().is_some_and(|labels| !labels.is_empty()) {
        // judged with hindsight: whatever is known by now
        sources.push((LABELS, Source::Labels { cut_off_ms: i64::MAX, undated: Undated::Accept }));
    }
    if batch.ground_truth.is_some() {
        sources.push((GROUND_TRUTH, Source::GroundTruth));
    }
    sources
}

const ALERTS: &str = "alerts";
const CLUSTERS: &str = "clusters";
const LABELS: &str = "labels";
const GROUND_TRUTH: &str = "ground_truth";
