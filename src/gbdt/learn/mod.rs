//! The only place that trains: Dataset + Plan in, Model out.
//!
//! One round of boosting, in the order of [`Training::round`]: derivatives of the loss at the current scores
//! ([`objective`]) -> integers ([`cells`]) -> one tree grown leaf by leaf ([`grow`], with [`wave`], [`histogram`],
//! [`split`], [`category`], [`place`], [`partition`], [`frontier`]) over a bag of rows and some features ([`sample`]) -> scores moved by its leaves
//! ([`scores`], [`walk`]) -> metrics told to whoever observes ([`observe`]).
//!
//! # Determinism
//! The same dataset and plan give the same model, bit for bit, for any number of threads and on any platform: sums over
//! rows are integers, other arithmetic is row by row, random draws are functions of (seed, round, key), and all
//! choices are total orders. With row keys, the order of rows does not matter either (of queries and rows within
//! them, for ranking).
//!
//! Sources: Friedman, Annals of Statistics 29 (2001); Ke et al., "LightGBM", NeurIPS 2017.

mod category;
mod cells;
mod custom;
mod frontier;
mod grow;
mod histogram;
mod lambdarank;
mod logistic;
mod objective;
mod observe;
mod pairs;
mod partition;
mod place;
mod positions;
mod queries;
mod sample;
mod scores;
mod split;
mod walk;
mod wave;
mod xendcg;

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::determinism::rng::Stream;
use crate::gbdt::data::{Dataset, Derivatives, Task};
use crate::gbdt::kernel::Level;
use crate::gbdt::kernel::cell::{Cell, Close, Narrow};
use crate::gbdt::model::{Model, Tree};
use crate::gbdt::params::Plan;
use cells::Cells;
use grow::{Grower, Grown};
use objective::Loss;
use observe::Stopping;
use place::Ground;
use sample::Bag;
use scores::Scores;

pub use objective::derivatives;
pub use observe::{Better, Measurement, Observe, Round, Silent};

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
    train_at(Level::detect(), plan, data, validation, observer)
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
    for set in validation {
        let same = Arc::ptr_eq(set.bins().cuts(), data.bins().cuts());
        assert!(same, "a validation set is made by Dataset::validation of its training set");
    }
    if matches!(data.task(), Task::Binary { .. }) && data.n_rows() >= MANY_ROWS {
        boost(Training::<Narrow>::new(level, plan, data, validation), observer)
    } else {
        boost(Training::<Close>::new(level, plan, data, validation), observer)
    }
}

/// From how many rows on the width of rows shows in the time of training more than in anything else.
const MANY_ROWS: usize = 1 << 16;

/// The rounds of training.
fn boost<C: Cell>(mut training: Training<'_, C>, observer: &mut dyn Observe) -> Model {
    let plan = training.plan;
    let mut stopping = Stopping::new(&plan.evaluation);
    for round in 0..plan.boosting.num_iterations {
        if training.round(round).is_break() {
            break;
        }
        let measurements = training.measure();
        let (iteration, num_iterations) = (round + 1, plan.boosting.num_iterations);
        let asked = observer.round(&Round { iteration, num_iterations, measurements: &measurements });
        if stopping.round(iteration, &measurements).is_break() || asked.is_break() {
            break;
        }
    }
    let keep = stopping.keep(training.trees.len());
    training.finish(keep)
}

/// Training under way.
struct Training<'a, C: Cell> {
    plan: &'a Plan,
    data: &'a Dataset,
    validation: Vec<(&'a Dataset, Scores)>,
    loss: Loss<'a>,
    start: f64,
    candidates: Vec<u32>,
    bag: Bag,
    grower: Grower<'a, C>,
    pairs: Vec<Derivatives>,
    cells: Cells<C>,
    scores: Scores,
    trees: Vec<Tree>,
}

impl<'a, C: Cell> Training<'a, C> {
    fn new(level: Level, plan: &'a Plan, data: &'a Dataset, validation: &[&'a Dataset]) -> Self {
        let n_rows = data.n_rows();
        let loss = Loss::new(plan, data);
        let start = loss.start();
        Training {
            plan,
            data,
            validation: validation.iter().map(|&set| (set, Scores::constant(set.n_rows(), 0.0))).collect(),
            loss,
            start,
            candidates: sample::candidates(data),
            bag: Bag::all(n_rows),
            grower: Grower::new(level, data, plan.boosting.learning_rate),
            pairs: Vec::new(),
            cells: Cells::new(level, n_rows),
            scores: Scores::constant(n_rows, start),
            trees: Vec::new(),
        }
    }

    /// One tree more; breaks when no split helps.
    fn round(&mut self, round: u32) -> ControlFlow<()> {
        let sampling = &self.plan.sampling;
        self.bag.renew(sampling, round, self.data);
        let usable = sample::features(sampling, round, &self.candidates, self.data.bins().n_features());
        let current = self.loss.derive(round, &self.scores.0, &mut self.pairs);
        let chance = Stream::new(sampling.seed, "rounding").round(u64::from(round));
        self.cells.set(&current, self.data, chance);
        let ground = Ground::new(&self.plan.growth, sampling, round, &usable);
        let Some(mut grown) = self.grower.grow(&self.cells, &self.bag.rows, ground) else {
            return ControlFlow::Break(());
        };
        if self.trees.is_empty() {
            self.fold_start(&mut grown);
        }
        self.scores.add_grown(&grown, self.grower.partition(), self.data.bins(), &self.bag.rest);
        for (set, scores) in &mut self.validation {
            scores.add_other(&grown, set.bins());
        }
        self.trees.push(grown.tree);
        ControlFlow::Continue(())
    }

    /// Makes the starting score part of the first tree, whose leaves then are all of the score.
    fn fold_start(&mut self, grown: &mut Grown) {
        grown.tree.leaves.iter_mut().for_each(|leaf| leaf.value += self.start);
        grown.tree.nodes.iter_mut().for_each(|node| node.value += self.start);
        self.scores = Scores::constant(self.data.n_rows(), 0.0);
    }

    fn measure(&self) -> Vec<Measurement> {
        let measure = |(i, (set, scores)): (usize, &(&Dataset, Scores))| {
            observe::measure(&self.plan.evaluation, self.loss.meaning(), i, set, &scores.0)
        };
        self.validation.iter().enumerate().flat_map(measure).collect()
    }

    fn finish(mut self, keep: usize) -> Model {
        self.trees.truncate(keep);
        if self.trees.is_empty() {
            self.trees.push(Tree::constant(self.start));
        }
        let cuts = self.data.bins().cuts();
        Model {
            schema: cuts.schema().clone(),
            objective: self.loss.meaning(),
            trees: self.trees,
            average: false,
            quantiles: cuts.quantiles(),
            parameters: self.plan.record().to_vec(),
        }
    }
}
