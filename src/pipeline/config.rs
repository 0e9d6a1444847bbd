//! `training.yaml`: how a bundle is trained. Unknown keys are errors; the models' parameters have LightGBM's names and are checked
//! by the engine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_norway::Value;

use super::calibrate::Method;
use super::select::Selection;
use super::time_folds::TimeFolds;
use super::tune::{Overrides, Space, SpaceError};
use crate::aml::bundle::Kind;
use crate::aml::derive::ColumnExtent;
use crate::aml::features::{Family, FeatureSet};
use crate::aml::target::Undated;
use crate::gbdt::params::{ObjectiveKind, ParamError, Params};

/// The settings of a training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Version of the bundle.
    pub version: String,
    /// Key of every random draw; a model's own `seed` comes before it.
    pub seed: u64,
    /// Where targets come from.
    pub target: TargetTable,
    /// What to do with labels that say no time of creation.
    pub undated_labels: UndatedLabels,
    /// Days after the latest processing date on which training takes place: labels created by then are known.
    pub label_delay_days: u32,
    /// Share of the processing dates, the latest ones, that is held out while the number of rounds is chosen.
    pub validation_share: f64,
    /// How ways of training are judged.
    pub folds: TimeFolds,
    /// How much rows of each class count.
    pub class_weight: ClassWeight,
    /// Whether rows count by their label's confidence.
    pub confidence_weights: bool,
    /// Which features models may read.
    pub selection: Selection,
    /// How the scorers' raw scores become probabilities.
    pub calibration: Method,
    /// Whose share of positives a probability is about.
    pub calibration_rows: CalibrationRows,
    /// The share of labels that are wrong, as far as is known: what probabilities see through.
    pub label_noise: f64,
    /// Whether batches of several networks may make one bundle.
    pub networks: Networks,
    /// What becomes of the batches' labels where a file of labels is given.
    pub custom_labels: CustomLabelUse,
    /// Families that callers may not hold.
    pub masking: Masking,
    /// Features that models do not read.
    pub exclude: Vec<String>,
    /// Whether models read what changed since an earlier batch, which is known where `derive` was given one.
    pub changes: bool,
    /// Whether models read the columns that `derive` writes behind the official ones, known where a batch has transfers.
    pub graph: bool,
    /// Alerts in a query that the ranker learns from; a batch is cut into parts of about so many. 0 is the whole batch.
    pub ranker_query_rows: u32,
    /// Typologies whose alerts are not learned from, to see how a model does on a kind that it never met.
    pub exclude_typologies: Vec<String>,
    /// Parameters of the alert scorer.
    pub alert_scorer: BTreeMap<String, Value>,
    /// Parameters of the alert ranker.
    pub alert_ranker: BTreeMap<String, Value>,
    /// Parameters of the cluster scorer.
    pub cluster_scorer: BTreeMap<String, Value>,
    /// Where `tune` looks, other than the table of parameters says.
    pub search: Searches,
}

/// Ranges or choices by parameter, for each model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Searches {
    /// The alert scorer's.
    pub alert_scorer: Overrides,
    /// The alert ranker's.
    pub alert_ranker: Overrides,
    /// The cluster scorer's.
    pub cluster_scorer: Overrides,
}

/// Where targets come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetTable {
    /// The labels table.
    Labels,
    /// The ground truth table.
    GroundTruth,
    /// What became of addresses thirty days later.
    Evolution,
}

/// Whose share of positives a probability is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CalibrationRows {
    /// Rows like those with labels.
    Labelled,
    /// All rows of the batches, labelled or not.
    All,
}

/// Whether batches of several networks may make one bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Networks {
    /// A second network is an error.
    Single,
    /// All in one bundle.
    Pooled,
}

/// What becomes of the batches' labels where a file of labels is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CustomLabelUse {
    /// Both count.
    Add,
    /// The file alone counts.
    Replace,
}

/// What to do with labels that say no time of creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UndatedLabels {
    /// Leave them out.
    Drop,
    /// Trust that they were known in time.
    Accept,
}

/// How much rows of each class count.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ClassWeight {
    /// `none` or `balanced`.
    Word(ClassWord),
    /// Positive rows count so many times.
    Positive(f64),
}

/// [`ClassWeight`] without a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClassWord {
    /// Each row once.
    None,
    /// Both classes count the same in sum.
    Balanced,
}

/// On a share of the training rows some families are made missing, so that a model learns what to do without them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Masking {
    /// Names of families.
    pub families: Vec<String>,
    /// Share of rows, chosen by a hash of batch and row id.
    pub share: f64,
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: cannot be read: {reason}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: std::io::Error,
    },
    /// The text is not a configuration.
    #[error("{file}: {reason}")]
    Syntax {
        /// The file.
        file: String,
        /// Where and what.
        reason: String,
    },
    /// A number outside its range, or a name that does not exist.
    #[error("{key}: expected {expected}, found {found}")]
    Value {
        /// The key.
        key: &'static str,
        /// The legal values.
        expected: &'static str,
        /// The value.
        found: String,
    },
    /// A model's parameters are refused by the engine.
    #[error("{model}: {reason}")]
    Parameter {
        /// Which model.
        model: &'static str,
        /// What is wrong.
        reason: ParamError,
    },
    /// A search range is none.
    #[error("{model}: {reason}")]
    Search {
        /// Which model.
        model: &'static str,
        /// What is wrong.
        reason: SpaceError,
    },
    /// A model's parameter is no single value.
    #[error("{model}: {key}: expected a number, a word or true or false")]
    Kind {
        /// Which model.
        model: &'static str,
        /// The parameter.
        key: String,
    },
}

impl Default for Config {
    fn default() -> Self {
        Config::parse(DEFAULT, "training.yaml").expect("the built-in configuration is valid")
    }
}

impl Default for Masking {
    fn default() -> Self {
        Masking { families: vec![], share: 0.0 }
    }
}

impl From<UndatedLabels> for Undated {
    fn from(choice: UndatedLabels) -> Self {
        match choice {
            UndatedLabels::Drop => Undated::Drop,
            UndatedLabels::Accept => Undated::Accept,
        }
    }
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, holds an unknown key or a value out of range.
    pub fn open(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|reason| ConfigError::Read { path: path.to_owned(), reason })?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Self::parse(&text, &name)
    }

    /// Reads YAML text; keys that are absent have the values of the built-in configuration.
    ///
    /// # Errors
    /// When it holds an unknown key or a value out of range.
    pub fn parse(text: &str, file: &str) -> Result<Self, ConfigError> {
        let syntax =
            |e: serde_norway::Error| ConfigError::Syntax { file: file.to_owned(), reason: e.to_string() };
        let mut merged: Value = serde_norway::from_str(DEFAULT).map_err(syntax)?;
        let given: Value = serde_norway::from_str(text).map_err(syntax)?;
        if let (Value::Mapping(merged), Value::Mapping(given)) = (&mut merged, given) {
            merged.extend(given);
        }
        let wire: Wire = serde_norway::from_value(merged).map_err(syntax)?;
        let config = wire.0;
        config.check()?;
        Ok(config)
    }

    /// The checked parameters of a model; `rounds` fixes their number and forbids early stopping.
    ///
    /// # Errors
    /// When the engine refuses a parameter.
    pub fn params(&self, kind: Kind, rounds: Option<usize>) -> Result<Params, ConfigError> {
        let model = kind.name();
        let refuse = |reason| ConfigError::Parameter { model, reason };
        let mut params = Params::default();
        params.set("seed", &self.seed.to_string()).map_err(refuse)?;
        for (key, value) in self.of(kind) {
            let text = scalar(value).ok_or_else(|| ConfigError::Kind { model, key: key.clone() })?;
            params.set(key, &text).map_err(refuse)?;
        }
        let objective = if kind == Kind::AlertRanker { "lambdarank" } else { "binary" };
        params.set("objective", objective).map_err(refuse)?;
        if let Some(rounds) = rounds {
            params.set("num_iterations", &rounds.max(1).to_string()).map_err(refuse)?;
            params.set("early_stopping_round", "0").map_err(refuse)?;
        }
        Ok(params)
    }

    /// Where parameters of a model are looked for.
    ///
    /// # Errors
    /// When the search section names no parameter of this kind of model, or gives no range.
    pub fn space(&self, kind: Kind) -> Result<Space, ConfigError> {
        let (objective, asked) = match kind {
            Kind::AlertScorer => (ObjectiveKind::Binary, &self.search.alert_scorer),
            Kind::AlertRanker => (ObjectiveKind::Lambdarank, &self.search.alert_ranker),
            Kind::ClusterScorer => (ObjectiveKind::Binary, &self.search.cluster_scorer),
        };
        Space::of(objective, asked).map_err(|reason| ConfigError::Search { model: kind.name(), reason })
    }

    /// The families to mask.
    pub fn masked_families(&self) -> Vec<Family> {
        let is_masked = |family: &Family| self.masking.families.iter().any(|name| name == family.name());
        Family::ALL.into_iter().filter(is_masked).collect()
    }

    /// The address features that are derived for models.
    pub fn columns(&self) -> ColumnExtent {
        if self.graph { ColumnExtent::All } else { ColumnExtent::Official }
    }

    /// The features that models read.
    pub fn read_of(&self, features: FeatureSet) -> FeatureSet {
        features.without(|feature| {
            let is_excluded = self.exclude.iter().any(|name| *name == feature.name);
            let unread = match feature.family {
                Family::Change => !self.changes,
                Family::Graph => !self.graph,
                _ => false,
            };
            is_excluded || unread
        })
    }

    fn check_folds(&self) -> Result<(), ConfigError> {
        let count = |key, found: u32| {
            let (expected, found_text) = ("2 to 20", found.to_string());
            let legal = (2..=20).contains(&found);
            if legal { Ok(()) } else { Err(ConfigError::Value { key, expected, found: found_text }) }
        };
        count("folds.count", self.folds.count)?;
        count("folds.group_parts", self.folds.group_parts)?;
        match self.class_weight {
            ClassWeight::Positive(factor) if !(factor.is_finite() && factor > 0.0) => {
                let (key, expected) = ("class_weight", "none, balanced or a number above 0");
                Err(ConfigError::Value { key, expected, found: factor.to_string() })
            }
            _ => Ok(()),
        }
    }

    fn of(&self, kind: Kind) -> &BTreeMap<String, Value> {
        match kind {
            Kind::AlertScorer => &self.alert_scorer,
            Kind::AlertRanker => &self.alert_ranker,
            Kind::ClusterScorer => &self.cluster_scorer,
        }
    }

    /// The share of targets that are wrong: labels may be, what was planted or came about is not.
    pub(super) fn noise_of_targets(&self) -> f64 {
        if self.target == TargetTable::Labels { self.label_noise } else { 0.0 }
    }

    /// The parameters of a model, to change.
    pub(super) fn parameters_mut(&mut self, kind: Kind) -> &mut BTreeMap<String, Value> {
        match kind {
            Kind::AlertScorer => &mut self.alert_scorer,
            Kind::AlertRanker => &mut self.alert_ranker,
            Kind::ClusterScorer => &mut self.cluster_scorer,
        }
    }

    fn check(&self) -> Result<(), ConfigError> {
        let share = |key, found: f64, most: f64, expected| {
            let found_text = found.to_string();
            let legal = (0.0..=most).contains(&found);
            if legal { Ok(()) } else { Err(ConfigError::Value { key, expected, found: found_text }) }
        };
        share("validation_share", self.validation_share, 0.9, "0 to 0.9")?;
        share("label_noise", self.label_noise, 0.4, "0 to 0.4")?;
        share("masking.share", self.masking.share, 1.0, "0 to 1")?;
        share("selection.max_correlation", self.selection.max_correlation, 1.0, "0 to 1")?;
        share("selection.min_importance", self.selection.min_importance, 1.0, "0 to 1")?;
        share("selection.min_stability", self.selection.min_stability, 1.0, "0 to 1")?;
        self.check_folds()?;
        let unknown = |name: &&String| Family::ALL.iter().all(|family| family.name() != **name);
        if let Some(found) = self.masking.families.iter().find(unknown).cloned() {
            let expected = "alert, address, flow, temporal or cluster";
            return Err(ConfigError::Value { key: "masking.families", expected, found });
        }
        for kind in Kind::ALL {
            if self.of(kind).contains_key("objective") {
                let (expected, found) = ("no objective: each model has its own", "objective".to_owned());
                return Err(ConfigError::Value { key: kind.name(), expected, found });
            }
            let refuse = |reason| ConfigError::Parameter { model: kind.name(), reason };
            self.params(kind, None)?.plan().map_err(refuse)?;
            self.space(kind)?;
        }
        Ok(())
    }
}

/// [`Config`] read without its own defaults, which would recurse.
#[derive(Deserialize)]
#[serde(transparent)]
struct Wire(#[serde(with = "WireConfig")] Config);

#[derive(Deserialize)]
#[serde(remote = "Config", deny_unknown_fields)]
struct WireConfig {
    version: String,
    seed: u64,
    target: TargetTable,
    undated_labels: UndatedLabels,
    label_delay_days: u32,
    validation_share: f64,
    folds: TimeFolds,
    class_weight: ClassWeight,
    confidence_weights: bool,
    selection: Selection,
    calibration: Method,
    calibration_rows: CalibrationRows,
    label_noise: f64,
    networks: Networks,
    custom_labels: CustomLabelUse,
    masking: Masking,
    exclude: Vec<String>,
    #[serde(default)]
    changes: bool,
    #[serde(default)]
    graph: bool,
    ranker_query_rows: u32,
    exclude_typologies: Vec<String>,
    alert_scorer: BTreeMap<String, Value>,
    alert_ranker: BTreeMap<String, Value>,
    cluster_scorer: BTreeMap<String, Value>,
    #[serde(default)]
    search: Searches,
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::Bool(b) => Some(b.to_string()),
        Value::Number(n) => Some(n.to_string()),
        Value::String(s) => Some(s.clone()),
        Value::Sequence(items) => {
            let items: Option<Vec<String>> = items.iter().map(scalar).collect();
            items.map(|items| items.join(","))
        }
        _ => None,
    }
}

/// The shipped configuration.
pub const DEFAULT: &str = include_str!("../../models/training.yaml");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_file_is_the_default() {
        assert_eq!(Config::default(), Config::parse(DEFAULT, "training.yaml").expect("valid"));
    }

    #[test]
    fn mistakes_are_named() {
        let refuse = |text: &str| Config::parse(text, "t.yaml").expect_err("refused").to_string();
        assert!(refuse("sead: 1").contains("sead"));
        assert!(refuse("label_noise: 0.5").starts_with("label_noise: expected 0 to 0.4"));
        assert!(refuse("validation_share: 2").starts_with("validation_share: expected 0 to 0.9"));
        assert!(refuse("alert_scorer: {num_leafs: 3}").starts_with("alert_scorer: "));
        assert!(refuse("alert_scorer: {num_leaves: {a: 1}}").contains("num_leaves"));
        assert!(refuse("masking: {families: [labels], share: 0.1}").contains("labels"));
        assert!(refuse("alert_ranker: {objective: binary}").contains("objective"));
        assert!(refuse("search: {alert_ranker: {eta: 3}}").contains("alert_ranker: search: learning_rate"));
        assert!(refuse("search: {scorer: {eta: [0.1, 0.2]}}").contains("unknown field `scorer`"));
    }
}
