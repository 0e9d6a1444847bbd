//! What a point is worth: models trained with its values on every fold, and judged there.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::goal::Goal;
use super::journal::{FORMAT, Header, StateError};
use super::sampler::Sampler;
use super::space::{Point, Space};
use super::trial::MedianRule;
use super::yaml;
use crate::aml::bundle::Kind;
use crate::determinism::digest::{Digest, Hasher};
use crate::gbdt::params::{SPEC, Spec};
use crate::pipeline::config::{Config, ConfigError};
use crate::pipeline::cross::{Cross, FoldScore};
use crate::pipeline::learner::Overrides;
use crate::pipeline::optimise::{FoldCosts, SearchError};
use crate::pipeline::train::TrainError;
use crate::pipeline::validate::{Facts, Reading, reward};

/// A model's settings under search.
#[derive(Debug)]
pub struct Tuner<'a> {
    config: &'a Config,
    kind: Kind,
    cross: &'a Cross<'a>,
    goal: Goal,
    facts: &'a [Facts],
    space: Space,
    fixed: Overrides,
}

/// Why parameters cannot be searched for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TuneError {
    /// The configuration, or its search section, is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The models cannot be trained.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// The state file cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// A figure that this kind of model does not have.
    #[error("{model}: has no {goal}; its objectives are {expected}")]
    Goal {
        /// Which model.
        model: &'static str,
        /// The figure.
        goal: &'static str,
        /// What would do.
        expected: String,
    },
    /// A figure that a fold's rows leave undefined.
    #[error("{model}: fold {fold}: {goal} is not defined on its rows; more batches, or fewer folds")]
    Undefined {
        /// Which model.
        model: &'static str,
        /// The fold's number.
        fold: usize,
        /// The figure.
        goal: &'static str,
    },
    /// Every trial was stopped, or none was asked for.
    #[error("search: no trial was completed; more trials, or no pruning")]
    NothingComplete,
    /// The loop gave up.
    #[error("search: {0}")]
    Executor(String),
}

impl From<SearchError<TuneError, StateError>> for TuneError {
    fn from(error: SearchError<TuneError, StateError>) -> Self {
        match error {
            SearchError::Cost(fault) => fault,
            SearchError::Journal(fault) => TuneError::State(fault),
            SearchError::Executor(text) => TuneError::Executor(text),
        }
    }
}

impl<'a> Tuner<'a> {
    /// A search of the configuration's space. `facts` are the batches' in their order; only [`Goal::Reward`] reads them.
    ///
    /// # Errors
    /// When the model does not have the figure, or the search section is wrong.
    pub fn new(
        config: &'a Config,
        kind: Kind,
        cross: &'a Cross<'a>,
        goal: Goal,
        facts: &'a [Facts],
    ) -> Result<Self, TuneError> {
        Self::check(kind, goal)?;
        let space = config.space(kind)?;
        let mut fixed = Overrides::new();
        let bagged = space.dimensions().iter().any(|d| d.name == "bagging_fraction");
        if bagged && config.params(kind, None)?.bagging_freq == 0 {
            // without it a bagging fraction would have no effect
            fixed.insert("bagging_freq".to_owned(), "1".to_owned());
        }
        Ok(Tuner { config, kind, cross, goal, facts, space, fixed })
    }

    /// Whether this kind of model has the figure; worth asking before batches are read.
    ///
    /// # Errors
    /// When it does not; the message names those it has.
    pub fn check(kind: Kind, goal: Goal) -> Result<(), TuneError> {
        if goal.suits(kind) {
            return Ok(());
        }
        let names: Vec<&str> =
            Goal::ALL.into_iter().filter(|goal| goal.suits(kind)).map(Goal::name).collect();
        let (model, goal, expected) = (kind.name(), goal.name(), names.join(", "));
        Err(TuneError::Goal { model, goal, expected })
    }

    /// Where it looks.
    pub fn space(&self) -> &Space {
        &self.space
    }

    /// The point nearest to the configuration's own values.
    pub fn current(&self) -> Option<Point> {
        let params = self.config.params(self.kind, None).ok()?;
        let texts = SPEC.iter().map(|spec| (spec.name.to_owned(), spec.show(&params)));
        self.space.nearest(&texts.collect())
    }

    /// All that the trials of this search depend on.
    pub fn header(&self, sampler: &Sampler, pruning: MedianRule, first: &[Point]) -> Header {
        let settings = serde_norway::to_string(self.config).unwrap_or_default();
        Header {
            format: FORMAT.to_owned(),
            engine_version: env!("CARGO_PKG_VERSION").to_owned(),
            model: self.kind.name().to_owned(),
            objective: self.goal.name().to_owned(),
            data_sha256: self.rows_and_folds().to_string(),
            config_sha256: Digest::of(settings.as_bytes()).to_string(),
            sampler: sampler.clone(),
            pruning,
            first: first.to_vec(),
            space: self.space.clone(),
        }
    }

    /// The figure on every fold.
    ///
    /// # Errors
    /// When the engine refuses the values, or the figure is not defined on a fold.
    pub fn figures(&self, point: &[f64]) -> Result<Vec<f64>, TuneError> {
        let mut figures = vec![];
        self.costs(point, &mut |cost| {
            figures.push(self.goal.cost(cost));
            ControlFlow::Continue(())
        })?;
        Ok(figures)
    }

    /// The text of a configuration with the values of a point. Comments and other sections stay, unless the text is written in a
    /// way that cannot be edited line by line; then it is the same settings, written anew.
    ///
    /// # Errors
    /// When the text is no configuration.
    pub fn configured(&self, text: &str, point: &[f64]) -> Result<String, TuneError> {
        let values = self.overrides(point);
        let mut expected = Config::parse(text, "configuration")?;
        let section = expected.parameters_mut(self.kind);
        section.retain(|name, _| Spec::find(name).map_or(true, |spec| !values.contains_key(spec.name)));
        for (name, value) in &values {
            let value = serde_norway::from_str(value).unwrap_or_else(|_| value.clone().into());
            section.insert(name.clone(), value);
        }
        let edited = yaml::with_values(text, self.kind.name(), &values);
        let same = |found: &Config| {
            let mut rest = found.clone();
            rest.parameters_mut(self.kind).clone_from(expected.clone().parameters_mut(self.kind));
            rest == expected && found.params(self.kind, None).ok() == expected.params(self.kind, None).ok()
        };
        match Config::parse(&edited, "configuration") {
            Ok(found) if same(&found) => Ok(edited),
            _ => Ok(serde_norway::to_string(&expected).expect("settings of text and numbers serialise")),
        }
    }

    fn overrides(&self, point: &[f64]) -> Overrides {
        let mut values = self.fixed.clone();
        values.extend(self.space.texts(point));
        values
    }

    fn figure(&self, fold: &FoldScore) -> Result<f64, TuneError> {
        let value = match self.goal {
            Goal::Reward => self.reward(fold),
            goal => fold.metrics.get(goal.metric()).copied(),
        };
        let (model, number, goal) = (self.kind.name(), fold.number, self.goal.name());
        value.ok_or(TuneError::Undefined { model, fold: number, goal })
    }

    /// Mean over batches of what the judged rows' scores would be awarded, as specified; batches one after the other.
    fn reward(&self, fold: &FoldScore) -> Option<f64> {
        let subjects = &self.cross.examples().subjects;
        let mut batches: BTreeMap<u32, (Vec<f64>, Facts)> = BTreeMap::new();
        for (&row, &score) in fold.rows.iter().zip(&fold.scores) {
            let subject = &subjects[row];
            let known = self.facts.get(subject.batch as usize)?.alerts.get(subject.row)?;
            let (scores, facts) = batches.entry(subject.batch).or_default();
            scores.push(score);
            facts.alerts.push(known.clone());
        }
        let sum: f64 =
            batches.values().map(|(scores, facts)| reward(scores, facts, Reading::Specified)).sum();
        (!batches.is_empty()).then(|| sum / batches.len() as f64)
    }

    fn rows_and_folds(&self) -> Digest {
        let mut hasher = Hasher::new();
        hasher.update(&self.cross.examples().digest().0);
        for fold in self.cross.folds() {
            for side in [&fold.learn, &fold.test] {
                hasher.update(&(side.len() as u64).to_le_bytes());
                side.iter().for_each(|&row| hasher.update(&(row as u64).to_le_bytes()));
            }
        }
        if self.goal == Goal::Reward {
            hasher.update(format!("{:?}", self.facts).as_bytes());
        }
        hasher.finish()
    }
}

impl FoldCosts for Tuner<'_> {
    type Fault = TuneError;

    fn costs(&self, point: &[f64], after: &mut dyn FnMut(f64) -> ControlFlow<()>) -> Result<(), TuneError> {
        let mut fault = None;
        self.cross.score(&self.overrides(point), &mut |fold| match self.figure(fold) {
            Ok(value) => after(self.goal.cost(value)),
            Err(error) => {
                fault = Some(error);
                ControlFlow::Break(())
            }
        })?;
        fault.map_or(Ok(()), Err)
    }
}
