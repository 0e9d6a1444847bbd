//! Examples -> a model: weights, masking of families, and how many rounds.
//!
//! The rows that stop the training early are of the latest dates and of groups that are not learned from; they are never rows
//! that the model is judged on. The result depends on the rows, their order and the configuration alone.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::config::{ClassWeight, ClassWord, Config};
use super::examples::Examples;
use super::folds::Folds;
use super::time_folds::{Place, apart};
use super::train::TrainError;
use crate::aml::bundle::Kind;
use crate::aml::features::FeatureSet;
use crate::gbdt::data::{DataError, Dataset, Task};
use crate::gbdt::learn::{self, Silent};
use crate::gbdt::model::Model;
use crate::gbdt::params::{Params, Plan};

/// Parameters that come before the configuration's, by LightGBM's names.
pub type Overrides = BTreeMap<String, String>;

/// What one kind of model is learned with.
#[derive(Clone, Copy, Debug)]
pub struct Learner<'a> {
    /// The settings.
    pub config: &'a Config,
    /// Which model.
    pub kind: Kind,
    /// What comes before the settings.
    pub overrides: &'a Overrides,
}

impl Learner<'_> {
    /// Checked parameters; `rounds` fixes their number and forbids early stopping.
    ///
    /// # Errors
    /// When the engine refuses one.
    pub fn plan(&self, rounds: Option<usize>) -> Result<Plan, TrainError> {
        let model = self.kind.name();
        let refuse = |reason| TrainError::Parameter { model, reason };
        let mut params: Params = self.config.params(self.kind, None)?;
        for (key, value) in self.overrides {
            params.set(key, value).map_err(refuse)?;
        }
        if let Some(rounds) = rounds {
            params.num_iterations = u32::try_from(rounds.max(1)).unwrap_or(u32::MAX);
            params.early_stopping_round = 0;
            params.early_stopping_min_delta = 0.0;
            params.first_metric_only = false;
        }
        params.plan().map_err(refuse)
    }

    /// Learns for a fixed number of rounds.
    ///
    /// # Errors
    /// When the engine refuses parameters or data.
    pub fn fit(&self, examples: &Examples, rounds: usize) -> Result<Model, TrainError> {
        let plan = self.plan(Some(rounds))?;
        let data = self.dataset(examples, &plan).map_err(|reason| self.refused(reason))?;
        Ok(learn::train(&plan, &data, None, &mut Silent))
    }

    /// Learns from the one and stops by the other.
    ///
    /// # Errors
    /// When the engine refuses parameters or data.
    pub fn fit_stopping(&self, learned: &Examples, stop: &Examples) -> Result<Model, TrainError> {
        let plan = self.plan(None)?;
        let train = self.dataset(learned, &plan).map_err(|reason| self.refused(reason))?;
        let valid = train.validation(&stop.matrix, stop.task(self.kind));
        let valid = valid.map_err(|reason| self.refused(reason))?;
        Ok(learn::train(&plan, &train, Some(&valid), &mut Silent))
    }

    /// The rows with the configured families missing on the configured share of them.
    pub fn masked(&self, features: &FeatureSet, examples: &Examples) -> Examples {
        let mut masked = examples.clone();
        let (families, share) = (self.config.masked_families(), self.config.masking.share);
        masked.mask(features, &families, share, self.config.seed);
        masked
    }

    /// Of the rows `among`, those learned from and those that stop the training: the latest dates, no group on both sides.
    /// Where there is one date alone, a part of the groups.
    pub fn hold_out(
        &self,
        places: &[Place<'_>],
        among: &[usize],
        folds: &Folds,
        part: u32,
    ) -> (Vec<usize>, Vec<usize>) {
        let own: Vec<Place<'_>> = among.iter().map(|&row| places[row]).collect();
        let mut dates: Vec<NaiveDate> = own.iter().map(|place| place.date).collect();
        dates.sort();
        dates.dedup();
        let kept = ((1.0 - self.config.validation_share) * dates.len() as f64).ceil() as usize;
        let (learn, stop) = match dates.get(kept.max(1)) {
            Some(&cut) => apart(&own, folds, part, &|date| date < cut, &|date| date >= cut),
            None if self.config.validation_share == 0.0 => ((0..own.len()).collect(), vec![]),
            None => (0..own.len()).partition(|&row| folds.fold(own[row].group) != part),
        };
        let back = |rows: Vec<usize>| rows.into_iter().map(|row| among[row]).collect();
        (back(learn), back(stop))
    }

    fn dataset(&self, examples: &Examples, plan: &Plan) -> Result<Dataset, DataError> {
        let parts = match self.kind {
            Kind::AlertRanker => examples.in_parts(self.config.ranker_query_rows),
            Kind::AlertScorer | Kind::ClusterScorer => return self.whole(examples, plan),
        };
        self.whole(&parts, plan)
    }

    fn whole(&self, examples: &Examples, plan: &Plan) -> Result<Dataset, DataError> {
        let task = weighted(examples.task(self.kind), self.config, examples);
        Dataset::fit(&examples.matrix, task, plan.binning())?.with_keys(examples.keys())
    }

    fn refused(&self, reason: DataError) -> TrainError {
        TrainError::Data { model: self.kind.name(), reason }
    }
}

/// Rows count by their label's confidence, where configured, times their class's weight.
fn weighted(mut task: Task, config: &Config, examples: &Examples) -> Task {
    let (rows, positives) = (examples.len() as f64, examples.positives() as f64);
    let (positive, negative) = match config.class_weight {
        ClassWeight::Word(ClassWord::None) => (1.0, 1.0),
        ClassWeight::Word(ClassWord::Balanced) => {
            (rows / (2.0 * positives.max(1.0)), rows / (2.0 * (rows - positives).max(1.0)))
        }
        ClassWeight::Positive(factor) => (factor, 1.0),
    };
    let weight = |target: &crate::aml::target::Target| {
        let confidence = if config.confidence_weights { target.weight } else { 1.0 };
        (confidence * if target.positive { positive } else { negative }) as f32
    };
    let own: Vec<f32> = examples.targets.iter().map(weight).collect();
    match &mut task {
        Task::Binary { weights, .. } | Task::Lambdarank { weights, .. } => *weights = Some(own),
        // a loss of one's own weighs its rows itself
        Task::Custom(_) => {}
    }
    task
}

/// Whether rows of both classes are there.
pub fn has_both(examples: &Examples) -> bool {
    (1..examples.len()).contains(&examples.positives())
}
