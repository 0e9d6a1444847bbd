//! Batches -> a bundle.
//!
//! [`Trainer::add`] takes the labelled rows out of one batch at a time; [`Trainer::gather`] ends that. [`Material`] judges a way of
//! training on folds ([`Material::cross`]) and trains ([`Material::train`]): the latest processing dates are held out to choose the
//! number of rounds, without a group (address, pattern instance) in common with the rows learned from; then the model is
//! trained anew on all rows for that many rounds. The result depends on the batches and their order alone, and holds no
//! time stamp.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate};

use super::config::{Config, ConfigError, TargetTable};
use super::cross::{Cross, measure, places};
use super::examples::Examples;
use super::folds::{FoldError, Folds};
use super::learner::{Learner, Overrides, has_both};
use crate::aml::bundle::{Kind, Manifest, ModelEntry, Training, TrainingBatch};
use crate::aml::features::{FeatureSet, Registry, Rows};
use crate::aml::sot::Batch;
use crate::aml::target::{self, Source, TargetError};
use crate::determinism::digest::{Digest, Hasher};
use crate::gbdt::data::DataError;
use crate::gbdt::infer::Predictor;
use crate::gbdt::model::{Model, lightgbm};
use crate::gbdt::params::ParamError;

/// Why a bundle cannot be trained.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// Nothing was added.
    #[error("no batch to train on")]
    NoBatch,
    /// Targets are absent, of one class, or told by a feature.
    #[error("{model}: {reason}")]
    Target {
        /// Which model.
        model: &'static str,
        /// What is wrong.
        reason: TargetError,
    },
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The engine refuses the parameters for these data.
    #[error("{model}: {reason}")]
    Parameter {
        /// Which model.
        model: &'static str,
        /// What is wrong.
        reason: ParamError,
    },
    /// Folds cannot be made.
    #[error(transparent)]
    Folds(#[from] FoldError),
    /// Every fold has rows of one class only on one side.
    #[error("{model}: every fold has rows of one class only on one side: more batches, or fewer folds")]
    OneClassFolds {
        /// Which model.
        model: &'static str,
    },
    /// The engine refuses the data.
    #[error("{model}: {reason}")]
    Data {
        /// Which model.
        model: &'static str,
        /// What is wrong.
        reason: DataError,
    },
}

/// Collects labelled rows.
#[derive(Debug)]
pub struct Trainer {
    config: Config,
    source: Source,
    cut_off: NaiveDate,
    alerts: FeatureSet,
    clusters: FeatureSet,
    alert_rows: Vec<Examples>,
    cluster_rows: Vec<Examples>,
    memberships: Vec<(String, String)>,
    training: Training,
    networks: BTreeSet<String>,
    windows: BTreeSet<u32>,
    first: Option<NaiveDate>,
}

/// All labelled rows, ready to learn from.
#[derive(Debug)]
pub struct Material {
    /// The settings.
    pub config: Config,
    alerts: Table,
    clusters: Table,
    groups: Folds,
    manifest: Manifest,
}

/// Rows of one kind and what they consist of.
#[derive(Debug)]
struct Table {
    features: FeatureSet,
    rows: Examples,
}

/// One trained model.
#[derive(Debug)]
pub struct Trained {
    /// Which of the three.
    pub kind: Kind,
    /// The model.
    pub model: Model,
    /// Training rows.
    pub rows: usize,
    /// Positive ones.
    pub positives: usize,
    /// Figures on the held-out dates.
    pub metrics: BTreeMap<String, f64>,
}

/// The files of a bundle, by name; the manifest is last.
pub type Files = Vec<(String, Vec<u8>)>;

impl Trainer {
    /// A trainer for batches of which the latest has this processing date.
    pub fn new(config: Config, latest: NaiveDate) -> Self {
        Self::with_registry(config, latest, &Registry::default())
    }

    /// The same where models may read features of one's own.
    pub fn with_registry(config: Config, latest: NaiveDate, registry: &Registry) -> Self {
        let cut_off =
            latest.checked_add_days(Days::new(u64::from(config.label_delay_days))).unwrap_or(latest);
        let cut_off_ms = cut_off.signed_duration_since(NaiveDate::default()).num_milliseconds();
        let source = match config.target {
            TargetTable::Labels => Source::Labels { cut_off_ms, undated: config.undated_labels.into() },
            TargetTable::GroundTruth => Source::GroundTruth,
        };
        let kept =
            |rows| registry.all(rows).clone().without(|f| config.exclude.iter().any(|name| *name == f.name));
        Trainer {
            source,
            cut_off,
            alerts: kept(Rows::Alerts),
            clusters: kept(Rows::Clusters),
            alert_rows: vec![],
            cluster_rows: vec![],
            memberships: vec![],
            training: Training::default(),
            networks: BTreeSet::new(),
            windows: BTreeSet::new(),
            first: None,
            config,
        }
    }

    /// Takes the labelled rows of a batch that has all its tables.
    ///
    /// # Errors
    /// When the batch has no table to take targets from.
    pub fn add(&mut self, batch: &Batch) -> Result<(), TrainError> {
        let refuse = |kind: Kind| move |reason| TrainError::Target { model: kind.name(), reason };
        let alerts = Examples::of(batch, &self.alerts, self.source).map_err(refuse(Kind::AlertScorer))?;
        let clusters =
            Examples::of(batch, &self.clusters, self.source).map_err(refuse(Kind::ClusterScorer))?;
        let mut hasher = Hasher::new();
        hasher.update(&alerts.digest().0);
        hasher.update(&clusters.digest().0);
        let (name, sha256) = (batch.id.name(), hasher.finish().to_string());
        let entry = TrainingBatch { batch: name, alerts: alerts.len(), clusters: clusters.len(), sha256 };
        self.training.batches.push(entry);
        self.note(batch);
        self.alert_rows.push(alerts);
        self.cluster_rows.push(clusters);
        Ok(())
    }

    /// All rows together.
    ///
    /// # Errors
    /// When no batch was added.
    pub fn gather(self) -> Result<Material, TrainError> {
        let members = self.memberships.iter().map(|(a, i)| (a.as_str(), i.as_str()));
        let groups = Folds::new(self.config.folds.group_parts, self.config.seed, members)?;
        let manifest = self.manifest();
        let rows = |parts| Examples::concat(parts).ok_or(TrainError::NoBatch);
        let alerts = Table { features: self.alerts, rows: rows(self.alert_rows)? };
        let clusters = Table { features: self.clusters, rows: rows(self.cluster_rows)? };
        Ok(Material { config: self.config, alerts, clusters, groups, manifest })
    }

    /// Trains the models asked for.
    ///
    /// # Errors
    /// When no batch was added, targets are of one class or none, a feature tells them, or parameters do not fit.
    pub fn finish(self, kinds: &[Kind]) -> Result<(Vec<Trained>, Manifest), TrainError> {
        let material = self.gather()?;
        let trained = kinds.iter().map(|&kind| material.train(kind)).collect::<Result<_, _>>()?;
        Ok((trained, material.manifest))
    }

    fn note(&mut self, batch: &Batch) {
        match &batch.ground_truth {
            Some(truth) => {
                let members = truth.iter().map(|t| (t.address.clone(), t.pattern_instance_id.clone()));
                self.memberships.extend(members);
            }
            None => {
                let found = batch.alerts.iter().flatten().filter(|alert| !alert.pattern_id.is_empty());
                self.memberships.extend(found.map(|a| (a.address.clone(), a.pattern_id.clone())));
            }
        }
        self.networks.insert(batch.id.network.clone());
        self.windows.insert(batch.id.window_days);
        let date = batch.id.processing_date;
        let begin = date.checked_sub_days(Days::new(u64::from(batch.id.window_days))).unwrap_or(date);
        self.first = Some(self.first.map_or(begin, |first| first.min(begin)));
    }

    fn latest(&self) -> NaiveDate {
        let rows = self.alert_rows.iter().chain(&self.cluster_rows);
        rows.flat_map(|e| &e.subjects).map(|s| s.date).max().unwrap_or_default()
    }

    fn manifest(&self) -> Manifest {
        let target = match self.config.target {
            TargetTable::Labels => "labels",
            TargetTable::GroundTruth => "ground_truth",
        };
        let training = Training {
            from: self.first.map_or_else(String::new, |date| date.to_string()),
            to: self.latest().to_string(),
            window_days: self.windows.iter().copied().collect(),
            cut_off: self.cut_off.to_string(),
            target: target.to_owned(),
            ..self.training.clone()
        };
        Manifest {
            version: self.config.version.clone(),
            engine_version: env!("CARGO_PKG_VERSION").to_owned(),
            network: self.networks.iter().cloned().collect::<Vec<_>>().join(","),
            training,
            ..Manifest::default()
        }
    }
}

impl Material {
    /// The labelled rows of one kind of model, cut into folds.
    ///
    /// # Errors
    /// When targets are of one class or none, a feature tells them, or no fold has both classes on both sides.
    pub fn cross(&self, kind: Kind) -> Result<Cross<'_>, TrainError> {
        let Table { features, rows } = self.table(kind);
        self.check(kind)?;
        Cross::new(&self.config, kind, features, rows, &self.groups)
    }

    /// What a model of this kind is learned from.
    pub fn examples(&self, kind: Kind) -> &Examples {
        &self.table(kind).rows
    }

    /// Trains one model.
    ///
    /// # Errors
    /// When targets are of one class or none, a feature tells them, or parameters do not fit.
    pub fn train(&self, kind: Kind) -> Result<Trained, TrainError> {
        self.check(kind)?;
        let Table { features, rows } = self.table(kind);
        let nothing = Overrides::new();
        let learner = Learner { config: &self.config, kind, overrides: &nothing };
        let masked = learner.masked(features, rows);
        let all: Vec<usize> = (0..rows.len()).collect();
        let (learn, stop) = learner.hold_out(&places(rows, &self.groups), &all, &self.groups, 0);
        let (learned, held) = (masked.take(&learn), rows.take(&stop));
        let (rounds, metrics) = match has_both(&learned) && has_both(&held) {
            true => {
                let model = learner.fit_stopping(&learned, &held)?;
                (model.trees.len(), held_out(kind, &model, &held))
            }
            false => (learner.plan(None)?.num_iterations() as usize, BTreeMap::new()),
        };
        let model = learner.fit(&masked, rounds)?;
        Ok(Trained { kind, model, rows: rows.len(), positives: rows.positives(), metrics })
    }

    fn check(&self, kind: Kind) -> Result<(), TrainError> {
        let refuse = |reason| TrainError::Target { model: kind.name(), reason };
        let rows = &self.table(kind).rows;
        target::check(&rows.matrix, &rows.targets, rows.dropped_labels).map_err(refuse)
    }

    fn table(&self, kind: Kind) -> &Table {
        match kind.rows() {
            Rows::Alerts => &self.alerts,
            Rows::Clusters => &self.clusters,
        }
    }
}

/// Trains a model on examples, for a fixed number of rounds where one is given.
///
/// # Errors
/// When the engine refuses parameters or data.
pub fn fit(
    config: &Config,
    kind: Kind,
    examples: &Examples,
    rounds: Option<usize>,
) -> Result<Model, TrainError> {
    let nothing = Overrides::new();
    let learner = Learner { config, kind, overrides: &nothing };
    let rounds = rounds.map_or_else(|| learner.plan(None).map(|p| p.num_iterations() as usize), Ok)?;
    learner.fit(examples, rounds)
}

/// The bytes of a bundle's files: models, their LightGBM text, and the manifest over all of them. Models of `kept` (an
/// earlier manifest) that were not trained now stay as they are.
pub fn files(trained: &[Trained], mut manifest: Manifest, kept: Option<&Manifest>) -> Files {
    let mut files = Files::new();
    if let Some(kept) = kept {
        manifest.models = kept.models.clone();
    }
    for one in trained {
        let stem = format!("{}_v{}", one.kind.name(), manifest.version);
        let (file, text_file) = (format!("{stem}.model"), format!("{stem}.txt"));
        let (bytes, text) = (one.model.to_bytes(), lightgbm::to_text(&one.model).into_bytes());
        let entry = ModelEntry {
            version: version(one.kind, &manifest),
            sha256: Digest::of(&bytes).to_string(),
            text_sha256: Digest::of(&text).to_string(),
            fingerprint: one.model.schema.fingerprint().to_string(),
            features: one.model.schema.names().map(str::to_owned).collect(),
            rows: one.rows,
            positives: one.positives,
            trees: one.model.trees.len(),
            metrics: one.metrics.clone(),
            file: file.clone(),
            text_file: text_file.clone(),
        };
        manifest.models.insert(one.kind.name().to_owned(), entry);
        files.push((file, bytes));
        files.push((text_file, text));
    }
    let mut text = serde_json::to_vec_pretty(&manifest).expect("a manifest of text and numbers serialises");
    text.push(b'\n');
    files.push((crate::aml::bundle::MANIFEST.to_owned(), text));
    files
}

/// `{model}_{network}_v{version}_{from}_{to}_w{window}d`.
fn version(kind: Kind, manifest: &Manifest) -> String {
    let training = &manifest.training;
    let windows: Vec<String> = training.window_days.iter().map(u32::to_string).collect();
    let (network, windows) = (manifest.network.replace(',', "+"), windows.join("+"));
    let (model, semver) = (kind.name(), &manifest.version);
    format!("{model}_{network}_v{semver}_{}_{}_w{windows}d", training.from, training.to)
}

fn held_out(kind: Kind, model: &Model, held: &Examples) -> BTreeMap<String, f64> {
    let predictor = Predictor::new(model);
    let raw = predictor.raw(&held.matrix).expect("the model was trained on these features");
    let scores: Vec<f64> = raw.iter().map(|&raw| predictor.score(raw)).collect();
    let mut metrics = measure(kind, held, &raw, &scores);
    metrics.insert("held_out_rows".to_owned(), held.len() as f64);
    metrics.insert("held_out_base_rate".to_owned(), held.positives() as f64 / held.len() as f64);
    metrics
}
