//! A bundle: a manifest and up to three models that fit together, checked once when it is opened.
//!
//! The manifest says for each model its file with SHA-256, its features in order and their fingerprint. Opening refuses a file that
//! is not the one recorded, a model whose schema is not the manifest's, and a feature that this build does not know; what remains
//! cannot mismatch later. The manifest's own digest names the bundle, as it holds the digests of all else.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::aml::calibration::{Calibrated, Calibration};
use crate::aml::features::{Family, FeatureSet, Registry, Rows, UnknownFeature};
use crate::determinism::digest::Digest;
use crate::gbdt::infer::{Explainer, Predictor};
use crate::gbdt::model::describe::{Importance, importances};
use crate::gbdt::model::{FormatError, Model};

/// The three models.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Probability that an alert is of an illicit address.
    AlertScorer,
    /// Order of a batch's alerts.
    AlertRanker,
    /// Probability that a cluster holds an illicit address.
    ClusterScorer,
}

impl Kind {
    /// All three.
    pub const ALL: [Kind; 3] = [Kind::AlertScorer, Kind::AlertRanker, Kind::ClusterScorer];

    /// As in files and answers.
    pub fn name(self) -> &'static str {
        match self {
            Kind::AlertScorer => "alert_scorer",
            Kind::AlertRanker => "alert_ranker",
            Kind::ClusterScorer => "cluster_scorer",
        }
    }

    /// What the model has a row for.
    pub fn rows(self) -> Rows {
        match self {
            Kind::AlertScorer | Kind::AlertRanker => Rows::Alerts,
            Kind::ClusterScorer => Rows::Clusters,
        }
    }
}

/// `manifest.json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the bundle, `1.0.0`.
    pub version: String,
    /// Version of this crate when it was trained.
    pub engine_version: String,
    /// Networks of the training batches, comma-separated.
    pub network: String,
    /// What the models were trained on.
    pub training: Training,
    /// By [`Kind::name`]; a model that was not trained is absent.
    pub models: BTreeMap<String, ModelEntry>,
    /// Other files of the bundle and their SHA-256.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
}

/// Which data a bundle was made from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Training {
    /// First instant of the earliest window, `YYYY-MM-DD`.
    pub from: String,
    /// The latest processing date.
    pub to: String,
    /// Window lengths in days.
    pub window_days: Vec<u32>,
    /// Only labels created before this date were targets.
    pub cut_off: String,
    /// `labels`, `custom_labels`, `ground_truth`, `evolution`, or the name of a strategy of one's own.
    pub target: String,
    /// Key of every random draw that no model's parameters override.
    #[serde(default)]
    pub seed: u64,
    /// SHA-256 of the file of custom labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels_sha256: Option<String>,
    /// How many custom labels each source gave.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub label_sources: BTreeMap<String, usize>,
    /// One per batch, in order of training.
    pub batches: Vec<TrainingBatch>,
}

/// One training batch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TrainingBatch {
    /// `{network}-{date}-{window}d`.
    pub batch: String,
    /// Alerts with a target.
    pub alerts: usize,
    /// Clusters with a target.
    pub clusters: usize,
    /// SHA-256 over features and targets of its rows.
    pub sha256: String,
}

/// One model of a bundle.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ModelEntry {
    /// The name that stands in answers.
    pub version: String,
    /// The model in our own format.
    pub file: String,
    /// Its SHA-256.
    pub sha256: String,
    /// The same model as LightGBM text; it may be absent on disk.
    pub text_file: String,
    /// Its SHA-256.
    pub text_sha256: String,
    /// SHA-256 of names, kinds and order of the features.
    pub fingerprint: String,
    /// Names in the model's order.
    pub features: Vec<String>,
    /// Training rows.
    pub rows: usize,
    /// Positive training rows.
    pub positives: usize,
    /// Boosting rounds.
    pub trees: usize,
    /// Figures on rows held out while the number of rounds was chosen.
    pub metrics: BTreeMap<String, f64>,
    /// Mean figures over the folds that the way of training was judged on.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub folds: BTreeMap<String, f64>,
    /// From raw scores to probabilities; absent where the logistic function of the raw score is the score.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Calibrated>,
    /// Scores of labelled rows by models that had not seen them, as they would stand in answers: at 0 %, 1 % ... 100 % of the rows.
    /// What scores in service are compared with; empty where nothing asked for folds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub score_quantiles: Vec<f64>,
    /// Parameters of the engine, by LightGBM's names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
    /// Features that were on offer and left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<Dropped>,
}

/// A feature that the selection left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Dropped {
    /// Its name.
    pub feature: String,
    /// Why.
    pub reason: String,
}

/// One model, ready to score.
#[derive(Debug)]
pub struct Scorer {
    version: Arc<str>,
    features: FeatureSet,
    predictor: Predictor,
    explainer: Explainer,
    quantiles: Vec<Vec<f64>>,
    score_quantiles: Vec<f64>,
    importances: Vec<Importance>,
    calibration: Option<Calibration>,
    digest: Digest,
}

/// A manifest and its models.
#[derive(Debug)]
pub struct Bundle {
    manifest: Manifest,
    digest: Digest,
    scorers: BTreeMap<Kind, Scorer>,
}

/// Why a bundle does not open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// A file cannot be read.
    #[error("{}: cannot be read: {reason}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: std::io::Error,
    },
    /// The manifest is not what it should be.
    #[error("manifest.json: {reason}")]
    Manifest {
        /// Where and what.
        reason: String,
    },
    /// A file is not the one that the manifest records.
    #[error(
        "{file}: SHA-256 {found}, the manifest records {expected}: the file was changed or belongs to another bundle"
    )]
    Hash {
        /// The file.
        file: String,
        /// In the manifest.
        expected: String,
        /// Of the file.
        found: Digest,
    },
    /// A model file does not decode.
    #[error("{file}: {reason}")]
    Model {
        /// The file.
        file: String,
        /// What is wrong.
        reason: FormatError,
    },
    /// A model reads a feature that this build does not have.
    #[error("{model}: {reason}")]
    Feature {
        /// Which model.
        model: &'static str,
        /// Which feature.
        reason: UnknownFeature,
    },
    /// The model's own schema, the manifest's list and its fingerprint disagree.
    #[error("{model}: feature {place} is `{found}` in the model and `{expected}` in the manifest")]
    Order {
        /// Which model.
        model: &'static str,
        /// Position, from 0.
        place: usize,
        /// In the manifest.
        expected: String,
        /// In the model.
        found: String,
    },
    /// The list of features is not the one that was fingerprinted.
    #[error("{model}: features have fingerprint {found}, the manifest records {expected}")]
    Fingerprint {
        /// Which model.
        model: &'static str,
        /// In the manifest.
        expected: String,
        /// Computed.
        found: Digest,
    },
}

/// The manifest's file name.
pub const MANIFEST: &str = "manifest.json";

impl Bundle {
    /// Reads a folder: `manifest.json` and the model files that it names.
    ///
    /// # Errors
    /// When a file is absent or is not the recorded one, or the parts do not fit together or do not fit this build.
    pub fn open(dir: &Path) -> Result<Self, BundleError> {
        Self::open_with(dir, &Registry::default())
    }

    /// The same where models may read features of one's own.
    ///
    /// # Errors
    /// As [`Bundle::open`].
    pub fn open_with(dir: &Path, registry: &Registry) -> Result<Self, BundleError> {
        let manifest = read(dir, MANIFEST)?;
        let parsed = parse(&manifest)?;
        let mut files = BTreeMap::new();
        for entry in parsed.models.values() {
            let bytes = read(dir, &entry.file)?;
            files.insert(entry.file.clone(), bytes);
            if !entry.text_file.is_empty() && dir.join(&entry.text_file).exists() {
                verify(&entry.text_file, &entry.text_sha256, &read(dir, &entry.text_file)?)?;
            }
        }
        let parts: Vec<(&str, &[u8])> = files.iter().map(|(n, b)| (n.as_str(), b.as_slice())).collect();
        Self::from_parts_with(&manifest, &parts, registry)
    }

    /// A bundle from bytes in memory: the manifest and the model files by name.
    ///
    /// # Errors
    /// As [`Bundle::open`].
    pub fn from_parts(manifest: &[u8], files: &[(&str, &[u8])]) -> Result<Self, BundleError> {
        Self::from_parts_with(manifest, files, &Registry::default())
    }

    /// The same where models may read features of one's own.
    ///
    /// # Errors
    /// As [`Bundle::open`].
    pub fn from_parts_with(
        manifest: &[u8],
        files: &[(&str, &[u8])],
        registry: &Registry,
    ) -> Result<Self, BundleError> {
        let parsed = parse(manifest)?;
        if let Some(name) = parsed.models.keys().find(|n| Kind::ALL.iter().all(|k| k.name() != *n)) {
            return Err(BundleError::Manifest { reason: format!("unknown model `{name}`") });
        }
        let mut scorers = BTreeMap::new();
        for kind in Kind::ALL {
            let Some(entry) = parsed.models.get(kind.name()) else { continue };
            let bytes = files.iter().find(|(name, _)| *name == entry.file).map(|(_, bytes)| *bytes);
            let absent =
                || BundleError::Manifest { reason: format!("names `{}`, which is absent", entry.file) };
            scorers.insert(kind, Scorer::open(kind, entry, bytes.ok_or_else(absent)?, registry)?);
        }
        Ok(Bundle { manifest: parsed, digest: Digest::of(manifest), scorers })
    }

    /// What the bundle says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Whether batches of this network were trained on. Where not, scores are of a model that never saw the network's habits:
    /// whoever shows them should say so.
    pub fn knows(&self, network: &str) -> bool {
        self.manifest.network.split(',').any(|known| known == network)
    }

    /// Whether one of its models reads a feature of the family.
    pub fn reads(&self, family: Family) -> bool {
        let mut features = self.scorers.values().flat_map(|scorer| scorer.features.features());
        features.any(|feature| feature.family == family)
    }

    /// SHA-256 of the manifest's bytes: the bundle's identity, as it covers the digests of all models.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// A model; `None` where the bundle has none of this kind.
    pub fn scorer(&self, kind: Kind) -> Option<&Scorer> {
        self.scorers.get(&kind)
    }
}

impl Scorer {
    fn open(kind: Kind, entry: &ModelEntry, bytes: &[u8], registry: &Registry) -> Result<Self, BundleError> {
        verify(&entry.file, &entry.sha256, bytes)?;
        let model = Model::from_bytes(bytes)
            .map_err(|reason| BundleError::Model { file: entry.file.clone(), reason })?;
        if let Some(calibrated) = &entry.calibration {
            let refuse = |e| BundleError::Manifest { reason: format!("{}: {e}", kind.name()) };
            calibrated.map.check().map_err(refuse)?;
        }
        if !entry.score_quantiles.is_sorted() || entry.score_quantiles.iter().any(|score| !score.is_finite())
        {
            let reason =
                format!("{}: score_quantiles: expected finite numbers that do not fall", kind.name());
            return Err(BundleError::Manifest { reason });
        }
        let names = entry.features.iter().map(String::as_str);
        let features = registry
            .named(kind.rows(), names)
            .map_err(|reason| BundleError::Feature { model: kind.name(), reason })?;
        check_order(kind, entry, &model)?;
        let found = features.schema().fingerprint();
        if entry.fingerprint != found.to_string() || model.schema.fingerprint() != found {
            let (model, expected) = (kind.name(), entry.fingerprint.clone());
            return Err(BundleError::Fingerprint { model, expected, found });
        }
        Ok(Scorer {
            version: Arc::from(entry.version.as_str()),
            features,
            predictor: Predictor::new(&model),
            explainer: Explainer::new(&model),
            importances: importances(&model),
            quantiles: model.quantiles,
            score_quantiles: entry.score_quantiles.clone(),
            calibration: entry.calibration.as_ref().map(|calibrated| calibrated.map.clone()),
            digest: Digest::of(bytes),
        })
    }

    /// The score that stands in answers: a calibrated probability where the bundle holds a calibration.
    pub fn score(&self, raw: f64) -> f64 {
        let calibrated = self.calibration.as_ref().map(|map| map.probability(raw));
        calibrated.unwrap_or_else(|| self.predictor.score(raw))
    }

    /// The map from raw scores to probabilities.
    pub fn calibration(&self) -> Option<&Calibration> {
        self.calibration.as_ref()
    }

    /// The name that stands in answers.
    pub fn version(&self) -> &Arc<str> {
        &self.version
    }

    /// SHA-256 of the model's file.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// What it reads, in order.
    pub fn features(&self) -> &FeatureSet {
        &self.features
    }

    /// The compiled model.
    pub fn predictor(&self) -> &Predictor {
        &self.predictor
    }

    /// The compiled explainer of the same model.
    pub fn explainer(&self) -> &Explainer {
        &self.explainer
    }

    /// How much the trees lean on each feature, in the order of the features.
    pub fn importances(&self) -> &[Importance] {
        &self.importances
    }

    /// Quantiles of the scores that training expects, at 0 %, 1 % ... 100 %; empty where none are known.
    pub fn score_quantiles(&self) -> &[f64] {
        &self.score_quantiles
    }

    /// Training quantiles of a feature, at 0 %, 1 % ... 100 %; empty where none are known.
    pub fn quantiles(&self, feature: usize) -> &[f64] {
        self.quantiles.get(feature).map_or(&[], Vec::as_slice)
    }
}

fn check_order(kind: Kind, entry: &ModelEntry, model: &Model) -> Result<(), BundleError> {
    let absent = || "nothing".to_owned();
    for place in 0..entry.features.len().max(model.schema.len()) {
        let expected = entry.features.get(place).cloned().unwrap_or_else(absent);
        let found = model.schema.features.get(place).map_or_else(absent, |f| f.name.clone());
        if expected != found {
            return Err(BundleError::Order { model: kind.name(), place, expected, found });
        }
    }
    Ok(())
}

fn parse(manifest: &[u8]) -> Result<Manifest, BundleError> {
    serde_json::from_slice(manifest).map_err(|e| BundleError::Manifest { reason: e.to_string() })
}

fn verify(file: &str, expected: &str, bytes: &[u8]) -> Result<(), BundleError> {
    let found = Digest::of(bytes);
    if Digest::from_hex(expected) == Some(found) {
        return Ok(());
    }
    Err(BundleError::Hash { file: file.to_owned(), expected: expected.to_owned(), found })
}

/// Reads a file of the folder; a name that leads out of it is refused.
fn read(dir: &Path, name: &str) -> Result<Vec<u8>, BundleError> {
    if Path::new(name).components().count() != 1 || name.contains(['/', '\\']) || name == ".." {
        return Err(BundleError::Manifest { reason: format!("`{name}` is not a plain file name") });
    }
    let path = dir.join(name);
    std::fs::read(&path).map_err(|reason| BundleError::Read { path, reason })
}
