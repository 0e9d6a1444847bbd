//! What training is asked for: a plan, data, and whatever else a caller brings along.

use std::sync::Arc;

use super::observe::{CustomMetric, Observe};
use super::{Course, Finish, Trained, Training, boost};
use crate::gbdt::data::{Dataset, Schema, Task};
use crate::gbdt::kernel::Level;
use crate::gbdt::kernel::cell::{Close, Narrow};
use crate::gbdt::model::{Model, Objective};
use crate::gbdt::params::{Mode, Plan};

/// Trains a model; `validation` is measured after each round and may stop training early.
///
/// # Panics
/// When `validation` was not made by [`Dataset::validation`] of `data`.
pub fn train(plan: &Plan, data: &Dataset, validation: Option<&Dataset>, observer: &mut dyn Observe) -> Model {
    train_watching(plan, data, validation.as_slice(), observer)
}

/// [`train`] with any number of validation sets.
///
/// # Panics
/// When one of them was not made by [`Dataset::validation`] of `data`.
pub fn train_watching(
    plan: &Plan,
    data: &Dataset,
    validation: &[&Dataset],
    observer: &mut dyn Observe,
) -> Model {
    Trainer::new(plan, data).watching(validation).run(observer).model
}

/// [`train_watching`] with the vector instructions of a level, which change no bit of the model.
///
/// # Panics
/// When one of the validation sets was not made by [`Dataset::validation`] of `data`.
pub fn train_at(
    level: Level,
    plan: &Plan,
    data: &Dataset,
    validation: &[&Dataset],
    observer: &mut dyn Observe,
) -> Model {
    Trainer::new(plan, data).at(level).watching(validation).run(observer).model
}

/// Training with everything that may be asked of it.
#[derive(Clone)]
pub struct Trainer<'a> {
    pub(super) level: Level,
    pub(super) plan: &'a Plan,
    pub(super) data: &'a Dataset,
    pub(super) validation: Vec<&'a Dataset>,
    pub(super) metrics: Vec<&'a dyn CustomMetric>,
    pub(super) before: Option<&'a Model>,
}

impl<'a> Trainer<'a> {
    /// Trains on `data` by `plan`, and measures nothing.
    pub fn new(plan: &'a Plan, data: &'a Dataset) -> Self {
        let (validation, metrics) = (Vec::new(), Vec::new());
        Trainer { level: Level::detect(), plan, data, validation, metrics, before: None }
    }

    /// With the vector instructions of a level, which change no bit of the model.
    #[must_use]
    pub fn at(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// Measures these sets after each round.
    ///
    /// # Panics
    /// When one of them was not made by [`Dataset::validation`] of the training set.
    #[must_use]
    pub fn watching(mut self, validation: &[&'a Dataset]) -> Self {
        for set in validation {
            let same = Arc::ptr_eq(set.bins().cuts(), self.data.bins().cuts());
            assert!(same, "a validation set is made by Dataset::validation of its training set");
        }
        self.validation.extend(validation);
        self
    }

    /// Measures by these metrics too, after those of the plan; any of them may stop training.
    #[must_use]
    pub fn measuring(mut self, metrics: &[&'a dyn CustomMetric]) -> Self {
        self.metrics.extend(metrics);
        self
    }

    /// Adds trees to those of a model, whose scores all sets start from ([`Dataset::with_init_scores`] of
    /// [`Model::raw_scores`]). The result has the trees of both, and rounds are counted on: by the same parameters,
    /// training that is continued gives the trees of training in one go.
    ///
    /// # Errors
    /// When the model has other features or another objective, averages its trees, or sets have no scores to start
    /// from.
    pub fn continuing(mut self, model: &'a Model) -> Result<Self, ContinueError> {
        check_model(self.plan, self.data.bins().cuts().schema(), self.data.task(), model)?;
        if model.average || self.plan.boosting.mode == Mode::Forest {
            return Err(ContinueError::Average);
        }
        let sets = std::iter::once(self.data).chain(self.validation.iter().copied());
        if let Some(set) = sets.into_iter().position(|set| set.init_scores().is_none()) {
            return Err(ContinueError::NoScores { set });
        }
        self.before = Some(model);
        Ok(self)
    }

    /// Trains.
    pub fn run(&self, observer: &mut dyn Observe) -> Trained {
        let mut training = self.begin();
        let Course { history, ending, best_iteration } = boost(self.plan, &mut *training, observer);
        Trained { model: training.finish(best_iteration), history, ending, best_iteration }
    }

    /// Training before its first round.
    pub(super) fn begin(&self) -> Box<dyn Finish + '_> {
        let binary = matches!(self.data.task(), Task::Binary { .. });
        if binary && self.data.n_rows() >= MANY_ROWS {
            Box::new(Training::<Narrow>::new(self))
        } else {
            Box::new(Training::<Close>::new(self))
        }
    }
}

/// From how many rows on the width of rows shows in the time of training more than in anything else.
const MANY_ROWS: usize = 1 << 16;

/// Checks that a model's raw scores are of the data's features and mean what the data are labelled for.
pub(super) fn check_model(
    plan: &Plan,
    schema: &Schema,
    task: &Task,
    model: &Model,
) -> Result<(), ContinueError> {
    if *schema != model.schema {
        return Err(ContinueError::features(schema, &model.schema));
    }
    let expected = match (task, model.objective) {
        (Task::Binary { .. }, Objective::Binary { sigmoid }) if sigmoid == plan.logistic.sigmoid => {
            return Ok(());
        }
        (Task::Lambdarank { .. }, Objective::Lambdarank) | (Task::Custom(_), _) => return Ok(()),
        (Task::Lambdarank { .. }, _) => "ranking",
        _ => "binary with the sigmoid of the plan",
    };
    Err(ContinueError::Objective { expected, found: model.objective })
}

/// Why a model cannot be continued or refitted.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ContinueError {
    /// Not the features of the data.
    #[error("feature {position}: expected `{expected}`, as in the data, found `{found}` in the model")]
    Feature {
        /// Counting from 0.
        position: usize,
        /// In the data; empty where they have no more.
        expected: String,
        /// In the model; empty where it has no more.
        found: String,
    },
    /// Scores of another meaning.
    #[error("the model is {found:?}, expected {expected}")]
    Objective {
        /// What the data are labelled for.
        expected: &'static str,
        /// The model's.
        found: Objective,
    },
    /// A random forest.
    #[error(
        "the model to continue averages its trees (boosting = rf), so more trees would change what each says"
    )]
    Average,
    /// A set that would start from nothing.
    #[error(
        "set {set} (0 is the training set) has no scores to start from; give it those of the model to continue"
    )]
    NoScores {
        /// The set.
        set: usize,
    },
}

impl ContinueError {
    fn features(data: &Schema, model: &Schema) -> Self {
        let position = data.features.iter().zip(&model.features).position(|(a, b)| a != b);
        let position = position.unwrap_or(data.len().min(model.len()));
        let name = |schema: &Schema| schema.names().nth(position).unwrap_or_default().to_owned();
        ContinueError::Feature { position, expected: name(data), found: name(model) }
    }
}
