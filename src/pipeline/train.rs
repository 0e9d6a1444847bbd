//! Batches -> a bundle.
//!
//! [`Trainer::add`] takes the labelled rows out of one batch at a time; [`Trainer::gather`] ends that and hands over to
//! [`Material`], which judges and trains. The result depends on the batches and their order alone, and holds no time stamp.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{Days, NaiveDate};

use super::config::{Config, ConfigError, TargetTable};
use super::config::{CustomLabelUse, Networks};
use super::cross::FoldScores;
use super::examples::Examples;
use super::folds::{FoldError, Folds};
use super::material::Table;
pub use super::material::{Material, fit};
use super::warning::{ALERTS_ADVISED, GROUPS_ADVISED, Warning};
use crate::aml::bundle::{Dropped, Kind, Manifest, ModelEntry, Training, TrainingBatch};
use crate::aml::calibration::Calibrated;
use crate::aml::features::{FeatureSet, Registry, Rows};
use crate::aml::sot::Batch;
use crate::aml::target::{Combine, CustomLabels, Evolution, LabelStrategy, Source, TargetError, WithLabels};
use crate::determinism::digest::{Digest, Hasher};
use crate::gbdt::data::DataError;
use crate::gbdt::model::{Model, lightgbm};
use crate::gbdt::params::ParamError;

/// Why a bundle cannot be trained.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// Nothing was added.
    #[error("no batch to train on")]
    NoBatch,
    /// Batches of two networks.
    #[error(
        "batch {batch} is of network {found}, those before of {expected}: train each by itself (--network {found}), or set `networks: pooled`"
    )]
    Network {
        /// The batch.
        batch: String,
        /// The network so far.
        expected: String,
        /// Its network.
        found: String,
    },
    /// Evolution targets come from two batches.
    #[error("batch {batch}: `target: evolution` needs the batch thirty days later beside it")]
    NeedsLater {
        /// The batch.
        batch: String,
    },
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
    /// The selection left nothing to read.
    #[error("{model}: the selection drops every feature: raise its limits")]
    NoFeature {
        /// Which model.
        model: &'static str,
    },
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
    custom: Option<Arc<CustomLabels>>,
    cut_off: NaiveDate,
    cut_off_ms: i64,
    alerts: FeatureSet,
    clusters: FeatureSet,
    alert_rows: Vec<Examples>,
    cluster_rows: Vec<Examples>,
    memberships: Vec<(String, String)>,
    training: Training,
    networks: BTreeMap<String, usize>,
    windows: BTreeSet<u32>,
    first: Option<NaiveDate>,
    columns: Option<BTreeSet<String>>,
    warnings: Vec<Warning>,
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
    /// Every parameter that differs from the engine's default, by LightGBM's names.
    pub parameters: BTreeMap<String, String>,
    /// Features left out, with reasons.
    pub dropped: Vec<Dropped>,
    /// Scores of rows by models that had not seen them; `None` where nothing asked for folds or none could be cut.
    pub out_of_fold: Option<FoldScores>,
    /// From raw scores to probabilities.
    pub calibration: Option<Calibrated>,
    /// What should be told.
    pub warnings: Vec<Warning>,
}

impl Trained {
    /// Scores of rows by models that had not seen them, as they would stand in answers, at 0 %, 1 % ... 100 % of the rows; none
    /// where there are no folds.
    fn score_quantiles(&self) -> Vec<f64> {
        let folds = self.out_of_fold.iter().flat_map(|scores| &scores.folds);
        let mut scores: Vec<f64> = match &self.calibration {
            Some(calibrated) => {
                folds.flat_map(|fold| &fold.raw).map(|&raw| calibrated.map.probability(raw)).collect()
            }
            None => folds.flat_map(|fold| &fold.scores).copied().collect(),
        };
        scores.sort_by(f64::total_cmp);
        let Some(last) = scores.len().checked_sub(1) else { return vec![] };
        (0..=100).map(|percent| scores[last * percent / 100]).collect()
    }
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
            TargetTable::GroundTruth | TargetTable::Evolution => Source::GroundTruth,
        };
        let kept = |rows| config.read_of(registry.all(rows).clone());
        Trainer {
            source,
            custom: None,
            cut_off,
            cut_off_ms,
            alerts: kept(Rows::Alerts),
            clusters: kept(Rows::Clusters),
            alert_rows: vec![],
            cluster_rows: vec![],
            memberships: vec![],
            training: Training::default(),
            networks: BTreeMap::new(),
            windows: BTreeSet::new(),
            first: None,
            columns: None,
            warnings: vec![],
            config,
        }
    }

    /// Labels of one's own beside the batches', or in their place, as the configuration says.
    #[must_use]
    pub fn with_labels(mut self, labels: CustomLabels) -> Self {
        self.training.labels_sha256 = Some(labels.digest().to_string());
        self.training.label_sources = labels.sources().into_iter().map(|(s, n)| (s.to_owned(), n)).collect();
        self.custom = Some(Arc::new(labels));
        self
    }

    /// Takes the labelled rows of a batch that has all its tables.
    ///
    /// # Errors
    /// When the batch has no table to take targets from, is of another network, or needs a later one beside it.
    pub fn add(&mut self, batch: &Batch) -> Result<(), TrainError> {
        if self.config.target == TargetTable::Evolution {
            return Err(TrainError::NeedsLater { batch: batch.id.name() });
        }
        let (Some(labels), TargetTable::Labels) = (self.custom.clone(), self.config.target) else {
            return self.add_by(batch, &self.source.clone());
        };
        let combine = match self.config.custom_labels {
            CustomLabelUse::Add => Combine::Add,
            CustomLabelUse::Replace => Combine::Replace,
        };
        let (cut_off_ms, undated) = (self.cut_off_ms, self.config.undated_labels.into());
        self.add_by(batch, &WithLabels { labels: &labels, combine, cut_off_ms, undated })
    }

    /// Takes the rows of a batch whose targets follow from the batch thirty days later.
    ///
    /// # Errors
    /// When the batches are no pair, lack a table, or are of another network.
    pub fn add_pair(&mut self, batch: &Batch, later: &Batch) -> Result<(), TrainError> {
        self.add_by(batch, &Evolution { later })
    }

    /// Takes the rows of a batch that a strategy says something of.
    ///
    /// # Errors
    /// When the batch does not hold what the strategy reads, or is of another network.
    pub fn add_by(&mut self, batch: &Batch, strategy: &dyn LabelStrategy) -> Result<(), TrainError> {
        let refuse = |kind: Kind| move |reason| TrainError::Target { model: kind.name(), reason };
        self.note(batch)?;
        let alerts = Examples::by(batch, &self.alerts, strategy).map_err(refuse(Kind::AlertScorer))?;
        let alerts = self.learnable(batch, alerts);
        let clusters = Examples::by(batch, &self.clusters, strategy).map_err(refuse(Kind::ClusterScorer))?;
        let mut hasher = Hasher::new();
        hasher.update(&alerts.digest().0);
        hasher.update(&clusters.digest().0);
        let (name, sha256) = (batch.id.name(), hasher.finish().to_string());
        let entry = TrainingBatch { batch: name, alerts: alerts.len(), clusters: clusters.len(), sha256 };
        self.training.batches.push(entry);
        strategy.name().clone_into(&mut self.training.target);
        *self.networks.entry(batch.id.network.clone()).or_default() += alerts.len();
        self.alert_rows.push(alerts);
        self.cluster_rows.push(clusters);
        Ok(())
    }

    /// All rows together.
    ///
    /// # Errors
    /// When no batch was added.
    pub fn gather(mut self) -> Result<Material, TrainError> {
        let members = self.memberships.iter().map(|(a, i)| (a.as_str(), i.as_str()));
        let groups = Folds::new(self.config.folds.group_parts, self.config.seed, members)?;
        let manifest = self.manifest();
        self.warn();
        let rows = |parts| Examples::concat(parts).ok_or(TrainError::NoBatch);
        let alerts = Table { features: self.alerts, rows: rows(self.alert_rows)? };
        let clusters = Table { features: self.clusters, rows: rows(self.cluster_rows)? };
        let (config, warnings) = (self.config, self.warnings);
        Ok(Material { config, alerts, clusters, groups, manifest, warnings })
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

    /// Without the alerts of typologies that are left out.
    fn learnable(&self, batch: &Batch, rows: Examples) -> Examples {
        if self.config.exclude_typologies.is_empty() {
            return rows;
        }
        let alerts = batch.alerts.as_deref().unwrap_or_default();
        let typology = |row: usize| &alerts[rows.subjects[row].row].typology_type;
        let left_out = |row: &usize| self.config.exclude_typologies.contains(typology(*row));
        let kept: Vec<usize> = (0..rows.len()).filter(|row| !left_out(row)).collect();
        rows.take(&kept)
    }

    fn note(&mut self, batch: &Batch) -> Result<(), TrainError> {
        let (network, name) = (&batch.id.network, batch.id.name());
        if let (Networks::Single, Some(known)) = (self.config.networks, self.networks.keys().next()) {
            if known != network {
                let (expected, found) = (known.clone(), network.clone());
                return Err(TrainError::Network { batch: name, expected, found });
            }
        }
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
        self.windows.insert(batch.id.window_days);
        let date = batch.id.processing_date;
        let begin = date.checked_sub_days(Days::new(u64::from(batch.id.window_days))).unwrap_or(date);
        self.first = Some(self.first.map_or(begin, |first| first.min(begin)));
        self.compare_columns(batch, name);
        Ok(())
    }

    fn compare_columns(&mut self, batch: &Batch, name: String) {
        let own: BTreeSet<String> =
            batch.features.iter().flat_map(|table| &table.columns).map(|c| c.name.clone()).collect();
        let first = self.columns.get_or_insert_with(|| own.clone());
        if *first != own {
            let absent = first.difference(&own).cloned().collect();
            let new = own.difference(first).cloned().collect();
            self.warnings.push(Warning::Columns { batch: name, absent, new });
        }
    }

    fn warn(&mut self) {
        let alerts = self.alert_rows.iter().map(Examples::len).sum();
        let groups = self.alert_rows.iter().filter(|rows| !rows.is_empty()).count();
        let late = self.alert_rows.iter().map(|rows| rows.dropped_labels).sum();
        if alerts < ALERTS_ADVISED {
            self.warnings.push(Warning::FewAlerts { found: alerts });
        }
        if groups < GROUPS_ADVISED {
            self.warnings.push(Warning::FewGroups { found: groups });
        }
        if late > 0 {
            self.warnings.push(Warning::LateLabels { found: late, cut_off: self.cut_off.to_string() });
        }
        if self.networks.len() > 1 {
            self.warnings.push(Warning::Pooled { networks: self.networks.clone().into_iter().collect() });
        }
    }

    fn latest(&self) -> NaiveDate {
        let rows = self.alert_rows.iter().chain(&self.cluster_rows);
        rows.flat_map(|e| &e.subjects).map(|s| s.date).max().unwrap_or_default()
    }

    fn manifest(&self) -> Manifest {
        let training = Training {
            from: self.first.map_or_else(String::new, |date| date.to_string()),
            to: self.latest().to_string(),
            window_days: self.windows.iter().copied().collect(),
            cut_off: self.cut_off.to_string(),
            seed: self.config.seed,
            ..self.training.clone()
        };
        Manifest {
            version: self.config.version.clone(),
            engine_version: env!("CARGO_PKG_VERSION").to_owned(),
            network: self.networks.keys().cloned().collect::<Vec<_>>().join(","),
            training,
            ..Manifest::default()
        }
    }
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
            folds: one.out_of_fold.as_ref().map(FoldScores::means).unwrap_or_default(),
            calibration: one.calibration.clone(),
            score_quantiles: one.score_quantiles(),
            dropped: one.dropped.clone(),
            parameters: one.parameters.clone(),
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
