//! Batches -> a bundle.
//!
//! [`Trainer::add`] takes the labelled rows out of one batch at a time; [`Trainer::finish`] trains. For each model, the latest
//! processing dates are held out to choose the number of rounds, and rows before them whose address, or whose pattern
//! instance, also stands among the held-out rows are left out of the learning; then the model is trained anew on all rows
//! for that many rounds. The result depends on the batches and their order alone, and holds no time stamp.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate};

use super::config::{Config, ConfigError, TargetTable};
use super::examples::Examples;
use super::folds::{Folds, Side, by_time};
use crate::aml::bundle::{Kind, Manifest, ModelEntry, Training, TrainingBatch};
use crate::aml::features::{FeatureSet, Registry, Rows};
use crate::aml::sot::Batch;
use crate::aml::target::{self, Source, TargetError};
use crate::determinism::digest::{Digest, Hasher};
use crate::gbdt::data::{DataError, Dataset};
use crate::gbdt::infer::Predictor;
use crate::gbdt::learn::{self, Silent};
use crate::gbdt::model::{Model, lightgbm};
use crate::gbdt::params::ParamError;
use crate::metrics::{binary, ranking};

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
    /// The engine refuses the data.
    #[error("{model}: {reason}")]
    Data {
        /// Which model.
        model: &'static str,
        /// What is wrong.
        reason: DataError,
    },
}

/// Collects labelled rows, then trains.
#[derive(Debug)]
pub struct Trainer {
    config: Config,
    source: Source,
    cut_off: NaiveDate,
    alerts: FeatureSet,
    clusters: FeatureSet,
    alert_rows: Option<Examples>,
    cluster_rows: Option<Examples>,
    memberships: Vec<(String, String)>,
    training: Training,
    networks: BTreeSet<String>,
    windows: BTreeSet<u32>,
    first: Option<NaiveDate>,
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
            alert_rows: None,
            cluster_rows: None,
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
        append(&mut self.alert_rows, alerts);
        append(&mut self.cluster_rows, clusters);
        Ok(())
    }

    /// Trains the models asked for.
    ///
    /// # Errors
    /// When no batch was added, targets are of one class or none, a feature tells them, or parameters do not fit.
    pub fn finish(mut self, kinds: &[Kind]) -> Result<(Vec<Trained>, Manifest), TrainError> {
        self.training.to = self.latest().to_string();
        let (Some(alerts), Some(clusters)) = (self.alert_rows.take(), self.cluster_rows.take()) else {
            return Err(TrainError::NoBatch);
        };
        let mut trained = vec![];
        for &kind in kinds {
            let (set, rows) = match kind.rows() {
                Rows::Alerts => (&self.alerts, &alerts),
                Rows::Clusters => (&self.clusters, &clusters),
            };
            trained.push(self.train(kind, set, rows)?);
        }
        Ok((trained, self.manifest()))
    }

    fn train(&self, kind: Kind, features: &FeatureSet, examples: &Examples) -> Result<Trained, TrainError> {
        let refuse = |reason| TrainError::Target { model: kind.name(), reason };
        target::check(&examples.matrix, &examples.targets, examples.dropped_labels).map_err(refuse)?;
        let mut masked = examples.clone();
        let (families, share) = (self.config.masked_families(), self.config.masking.share);
        masked.mask(features, &families, share, self.config.seed);
        let (learned, held) = self.split(examples);
        let (rounds, metrics) = match has_both(&examples.take(&held)) && has_both(&examples.take(&learned)) {
            true => self.choose_rounds(kind, &masked.take(&learned), &examples.take(&held))?,
            false => (None, BTreeMap::new()),
        };
        let fixed = rounds.or(Some(self.config.params(kind, None)?.num_iterations as usize));
        let model = fit(&self.config, kind, &masked, fixed)?;
        let (rows, positives) = (examples.len(), examples.positives());
        Ok(Trained { kind, model, rows, positives, metrics })
    }

    /// Trains on the earlier rows, stops by the later ones, and says how many rounds were best and how good they were.
    fn choose_rounds(
        &self,
        kind: Kind,
        learned: &Examples,
        held: &Examples,
    ) -> Result<(Option<usize>, BTreeMap<String, f64>), TrainError> {
        let params = self.config.params(kind, None)?;
        let plan = params.plan().map_err(|reason| TrainError::Parameter { model: kind.name(), reason })?;
        let refuse = |reason| TrainError::Data { model: kind.name(), reason };
        let train = dataset(learned, kind, &plan).map_err(refuse)?;
        let valid = train.validation(&held.matrix, held.task(kind)).map_err(refuse)?;
        let model = learn::train(&plan, &train, Some(&valid), &mut Silent);
        let metrics = measure(kind, &model, held);
        Ok((Some(model.trees.len()), metrics))
    }

    /// Positions learned from, and positions held out: the latest dates.
    fn split(&self, examples: &Examples) -> (Vec<usize>, Vec<usize>) {
        let dates: BTreeSet<NaiveDate> = examples.subjects.iter().map(|s| s.date).collect();
        let dates: Vec<NaiveDate> = dates.into_iter().collect();
        let kept = ((1.0 - self.config.validation_share) * dates.len() as f64).ceil() as usize;
        let Some(&cut) = dates.get(kept.max(1)) else { return ((0..examples.len()).collect(), vec![]) };
        let memberships = self.memberships.iter().map(|(a, i)| (a.as_str(), i.as_str()));
        let folds = Folds::new(2, self.config.seed, memberships).expect("two folds are enough");
        let side = |row: &usize| by_time(examples.subjects[*row].date, cut, 0);
        let held: Vec<usize> = (0..examples.len()).filter(|row| side(row) == Side::Test).collect();
        let seen: BTreeSet<&str> =
            held.iter().map(|&row| folds.group(&examples.subjects[row].address)).collect();
        let learned = (0..examples.len())
            .filter(|row| side(row) == Side::Train)
            .filter(|&row| !seen.contains(folds.group(&examples.subjects[row].address)));
        (learned.collect(), held)
    }

    fn note(&mut self, batch: &Batch) {
        let truth = batch.ground_truth.iter().flatten();
        self.memberships.extend(truth.map(|t| (t.address.clone(), t.pattern_instance_id.clone())));
        self.networks.insert(batch.id.network.clone());
        self.windows.insert(batch.id.window_days);
        let date = batch.id.processing_date;
        let begin = date.checked_sub_days(Days::new(u64::from(batch.id.window_days))).unwrap_or(date);
        self.first = Some(self.first.map_or(begin, |first| first.min(begin)));
    }

    fn latest(&self) -> NaiveDate {
        let dates =
            self.alert_rows.iter().chain(&self.cluster_rows).flat_map(|e| &e.subjects).map(|s| s.date);
        dates.max().unwrap_or_default()
    }

    fn manifest(self) -> Manifest {
        let target = match self.config.target {
            TargetTable::Labels => "labels",
            TargetTable::GroundTruth => "ground_truth",
        };
        let training = Training {
            from: self.first.map_or_else(String::new, |date| date.to_string()),
            window_days: self.windows.into_iter().collect(),
            cut_off: self.cut_off.to_string(),
            target: target.to_owned(),
            ..self.training
        };
        Manifest {
            version: self.config.version.clone(),
            engine_version: env!("CARGO_PKG_VERSION").to_owned(),
            network: self.networks.into_iter().collect::<Vec<_>>().join(","),
            training,
            ..Manifest::default()
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
    let params = config.params(kind, rounds)?;
    let plan = params.plan().map_err(|reason| TrainError::Parameter { model: kind.name(), reason })?;
    let data =
        dataset(examples, kind, &plan).map_err(|reason| TrainError::Data { model: kind.name(), reason })?;
    Ok(learn::train(&plan, &data, None, &mut Silent))
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

fn append(all: &mut Option<Examples>, next: Examples) {
    match all {
        Some(all) => all.append(next),
        None => *all = Some(next),
    }
}

fn dataset(examples: &Examples, kind: Kind, plan: &crate::gbdt::params::Plan) -> Result<Dataset, DataError> {
    Dataset::fit(&examples.matrix, examples.task(kind), plan.binning())?.with_keys(examples.keys())
}

fn has_both(examples: &Examples) -> bool {
    (1..examples.len()).contains(&examples.positives())
}

fn measure(kind: Kind, model: &Model, held: &Examples) -> BTreeMap<String, f64> {
    let predictor = Predictor::new(model);
    let scores = predictor.scores(&held.matrix).expect("the model was trained on these features");
    let labels = held.labels();
    let mut metrics = BTreeMap::new();
    metrics.insert("held_out_rows".to_owned(), held.len() as f64);
    metrics.insert("held_out_base_rate".to_owned(), held.positives() as f64 / held.len() as f64);
    let mut put = |name: &str, value: Option<f64>| value.map(|v| metrics.insert(name.to_owned(), v));
    put("auc", binary::auc(&labels, &scores, None));
    put("average_precision", binary::average_precision(&labels, &scores, None));
    if kind == Kind::AlertRanker {
        put("ndcg@10", Some(ranking::ndcg_at(&held.grades(), &scores, &held.groups(), 10)));
    } else {
        put("brier", binary::brier(&labels, &scores, None));
    }
    metrics
}
