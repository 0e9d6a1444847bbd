//! The only place that trains: Dataset + Plan in, Model out.
//!
//! One round of boosting, in the order of [`Training::round`]: derivatives of the loss at the current scores
//! ([`objective`]) -> integers ([`cells`]) -> one tree grown leaf by leaf ([`grow`], with [`histogram`], [`split`],
//! [`partition`], [`frontier`]) over a bag of rows and some features ([`sample`]) -> scores moved by its leaves
//! ([`scores`], [`walk`]) -> metrics told to whoever observes ([`observe`]).
//!
//! # Determinism
//! The same dataset and plan give the same model, bit for bit, for any number of threads and on any platform: sums over
//! rows are integers, other arithmetic is row by row, random draws are functions of (seed, round, key), and all
//! choices are total orders. With row keys, the order of rows does not matter either (of queries and rows within
//! them, for ranking).
//!
//! Sources: Friedman, Annals of Statistics 29 (2001); Ke et al., "LightGBM", NeurIPS 2017.

mod cells;
mod custom;
mod frontier;
mod grow;
mod histogram;
mod lambdarank;
mod logistic;
mod objective;
mod observe;
mod partition;
mod sample;
mod scores;
mod split;
mod walk;

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::determinism::rng::Stream;
use crate::gbdt::data::{Dataset, Derivatives};
use crate::gbdt::model::{Model, Tree};
use crate::gbdt::params::Plan;
use cells::Cells;
use grow::{Grower, Grown};
use objective::Loss;
use observe::Stopping;
use sample::Bag;
use scores::Scores;

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
    for set in validation {
        let same = Arc::ptr_eq(set.bins().cuts(), data.bins().cuts());
        assert!(same, "a validation set is made by Dataset::validation of its training set");
    }
    let mut training = Training::new(plan, data, validation);
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
struct Training<'a> {
    plan: &'a Plan,
    data: &'a Dataset,
    validation: Vec<(&'a Dataset, Scores)>,
    loss: Loss<'a>,
    start: f64,
    usable: Vec<u32>,
    bag: Bag,
    grower: Grower<'a>,
    pairs: Vec<Derivatives>,
    cells: Cells,
    scores: Scores,
    trees: Vec<Tree>,
}

impl<'a> Training<'a> {
    fn new(plan: &'a Plan, data: &'a Dataset, validation: &[&'a Dataset]) -> Self {
        let n_rows = data.n_rows();
        let loss = Loss::new(plan, data);
        let start = loss.start();
        Training {
            plan,
            data,
            validation: validation.iter().map(|&set| (set, Scores::constant(set.n_rows(), 0.0))).collect(),
            loss,
            start,
            usable: sample::usable(data),
            bag: Bag::all(n_rows),
            grower: Grower::new(data.bins(), &plan.growth, plan.boosting.learning_rate),
            pairs: vec![Derivatives::default(); n_rows],
            cells: Cells::new(n_rows),
            scores: Scores::constant(n_rows, start),
            trees: Vec::new(),
        }
    }

    /// One tree more; breaks when no split helps.
    fn round(&mut self, round: u32) -> ControlFlow<()> {
        let sampling = &self.plan.sampling;
        self.bag.renew(sampling, round, self.data);
        let features = sample::features(sampling, round, &self.usable);
        self.loss.derive(&self.scores.0, &mut self.pairs);
        let chance = Stream::new(sampling.seed, "rounding").round(u64::from(round));
        self.cells.set(&self.pairs, self.data, chance);
        let Some(mut grown) = self.grower.grow(&self.cells, &self.bag.rows, &features) else {
            return ControlFlow::Break(());
        };
        if self.trees.is_empty() {
            self.fold_start(&mut grown);
        }
        self.scores.add_grown(&grown, self.data.bins(), &self.bag.rest);
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
