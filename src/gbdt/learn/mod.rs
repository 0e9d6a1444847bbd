//! The only place that trains: Dataset + Plan in, Model out.
//!
//! One round of boosting, in the order of [`Training::round`]: derivatives of the loss at the current scores
//! ([`objective`]) -> integers ([`cells`]) -> one tree grown leaf by leaf ([`grow`], with [`wave`], [`histogram`],
//! [`split`], [`category`], [`place`], [`partition`], [`frontier`]) over a bag of rows and some features ([`sample`], [`goss`]) -> scores
//! moved by its leaves ([`scores`], [`walk`], [`dart`]) -> metrics told to whoever observes ([`observe`]) and kept ([`history`]).
//! [`trainer`] is the way in for whoever wants more than [`train`], [`cross`] trains on every fold ([`fold`]), and [`refit`] gives old
//! trees new leaf values.
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
mod cross;
mod custom;
mod dart;
mod fold;
mod frontier;
mod goss;
mod grow;
mod histogram;
mod history;
mod lambdarank;
mod logistic;
mod objective;
mod observe;
mod pairs;
mod partition;
mod place;
mod positions;
mod queries;
mod ranks;
mod refit;
mod sample;
mod scores;
mod split;
mod trainer;
mod walk;
mod wave;
mod xendcg;

use std::ops::ControlFlow;

use crate::determinism::rng::Stream;
use crate::gbdt::data::{Dataset, Derivatives};
use crate::gbdt::kernel::cell::Cell;
use crate::gbdt::model::{Model, Tree};
use crate::gbdt::params::{Mode, Plan};
use cells::Cells;
use dart::Dart;
use grow::{Grower, Grown};
use objective::{Current, Loss};
use observe::Stopping;
use place::Ground;
use sample::Bag;
use scores::Scores;

pub use cross::{CrossError, CrossValidated, cross_validate};
pub use fold::{Fold, FoldError};
pub use history::{Ending, History, Trained};
pub use objective::derivatives;
pub use observe::{Better, CustomMetric, Deadline, Measurement, Observe, Round, Silent};
pub use refit::{RefitError, refit};
pub use trainer::{ContinueError, Trainer, train, train_at, train_watching};

/// What rounds came to: their measurements, why they ended, and which was best.
struct Course {
    history: History,
    ending: Ending,
    best_iteration: Option<u32>,
}

/// Round after round, until the plan, a metric, an observer or the data end them.
fn boost<R: Rounds + ?Sized>(plan: &Plan, rounds: &mut R, observer: &mut dyn Observe) -> Course {
    let num_iterations = plan.boosting.num_iterations;
    let mut stopping = Stopping::new(&plan.evaluation);
    let (mut history, mut ending) = (History::default(), Ending::AllRounds);
    for iteration in 1..=num_iterations {
        if rounds.round().is_break() {
            ending = Ending::NoSplit;
            break;
        }
        let measurements = rounds.measure();
        let asked = observer.round(&Round { iteration, num_iterations, measurements: &measurements });
        let stopped = stopping.round(iteration, &measurements);
        history.rounds.push(measurements);
        if stopped.is_break() || asked.is_break() {
            ending = if stopped.is_break() { Ending::Stopped } else { Ending::Asked };
            break;
        }
    }
    Course { history, ending, best_iteration: stopping.best() }
}

/// What goes round by round: a training, or those of all folds.
trait Rounds {
    /// One tree more; breaks when no split helps.
    fn round(&mut self) -> ControlFlow<()>;

    /// The metrics of the validation sets.
    fn measure(&mut self) -> Vec<Measurement>;
}

/// Training under way, whatever the width of its cells.
trait Finish: Rounds {
    /// The model up to its best round, if there is one.
    fn finish(self: Box<Self>, best_iteration: Option<u32>) -> Model;
}

/// Training under way.
struct Training<'a, C: Cell> {
    asked: &'a Trainer<'a>,
    validation: Vec<(&'a Dataset, Scores)>,
    loss: Loss<'a>,
    /// The score before the first tree that is to become part of a tree.
    start: f64,
    candidates: Vec<u32>,
    bag: Bag,
    grower: Grower<'a, C>,
    pairs: Vec<Derivatives>,
    cells: Cells<C>,
    scores: Scores,
    dart: Option<Dart<'a>>,
    trees: Vec<Tree>,
    /// How many trees of the model that is continued.
    n_before: usize,
    /// The next round; those of the model that is continued count.
    round: u32,
}

impl<'a, C: Cell> Training<'a, C> {
    fn new(asked: &'a Trainer<'a>) -> Self {
        let Trainer { level, plan, data, .. } = *asked;
        let n_rows = data.n_rows();
        let loss = Loss::new(plan, data);
        let start = if data.init_scores().is_some() { 0.0 } else { loss.start() };
        let trees = asked.before.map_or_else(Vec::new, |before| before.trees.clone());
        let dart = plan.boosting.dart.as_ref().map(|rules| Dart::new(rules, &plan.boosting, trees.len()));
        // where trees are dropped, the start stays apart from them until the end
        let before = if dart.is_some() { start } else { 0.0 };
        let scored = |set: &&'a Dataset| (*set, Scores::of(set, before));
        Training {
            asked,
            validation: asked.validation.iter().map(scored).collect(),
            loss,
            start,
            candidates: sample::candidates(data),
            bag: Bag::all(n_rows),
            grower: Grower::new(level, data, plan.boosting.learning_rate),
            pairs: Vec::new(),
            cells: Cells::new(level, n_rows),
            scores: Scores::of(data, start),
            dart,
            n_before: trees.len(),
            round: trees.len() as u32,
            trees,
        }
    }

    /// The bag of a round, and the derivatives of its rows as cells.
    fn derive(&mut self, round: u32) {
        let Trainer { level, plan, data, .. } = *self.asked;
        self.bag.renew(&plan.sampling, round, data);
        let current = self.loss.derive(level, round, &self.scores.0, &mut self.pairs);
        let chance = Stream::new(plan.sampling.seed, "rounding").round(u64::from(round));
        match &plan.sampling.goss {
            Some(goss) if round >= goss.first_round => {
                let mut all = current.all(level, data.n_rows());
                self.bag = goss::draw(goss, plan.sampling.seed, round, data, &mut all);
                self.cells.set(&Current::Whole(&all), data, chance);
            }
            _ => self.cells.set(&current, data, chance),
        }
    }

    fn move_scores(&mut self, grown: &Grown, first: bool) {
        let data = self.asked.data;
        for (set, scores) in &mut self.validation {
            scores.add_other(grown, set.bins());
        }
        match self.asked.plan.boosting.mode {
            // every tree is grown from the start
            Mode::Forest => return,
            Mode::Dart => {}
            Mode::Gradient | Mode::Goss if first && data.init_scores().is_none() => {
                self.scores = Scores::constant(data.n_rows(), 0.0);
            }
            Mode::Gradient | Mode::Goss => {}
        }
        self.scores.add_grown(grown, self.grower.partition(), data.bins(), &self.bag.rest);
    }
}

impl<C: Cell> Rounds for Training<'_, C> {
    fn round(&mut self) -> ControlFlow<()> {
        let Trainer { plan, data, .. } = *self.asked;
        let round = self.round;
        self.round += 1;
        if let Some(dart) = &mut self.dart {
            dart.drop_trees(round, &self.trees, data.bins(), &mut self.scores);
        }
        self.derive(round);
        let usable = sample::features(&plan.sampling, round, &self.candidates, data.bins().n_features());
        let ground = Ground::new(&plan.growth, &plan.sampling, round, &usable);
        let Some(mut grown) = self.grower.grow(&self.cells, &self.bag.rows, ground) else {
            return ControlFlow::Break(());
        };
        let first = self.trees.len() == self.n_before;
        if plan.boosting.mode == Mode::Forest || (first && self.dart.is_none()) {
            grown.tree.add(self.start);
        }
        if let Some(dart) = &mut self.dart {
            dart.shrink(&mut grown);
        }
        self.move_scores(&grown, first);
        if let Some(dart) = &mut self.dart {
            dart.restore(&mut self.trees, data.bins(), &mut self.scores, &mut self.validation);
            dart.keep(&grown);
        }
        self.trees.push(grown.tree);
        ControlFlow::Continue(())
    }

    fn measure(&mut self) -> Vec<Measurement> {
        let divisor = match self.asked.plan.boosting.mode {
            Mode::Forest => self.trees.len() as f64,
            Mode::Gradient | Mode::Goss | Mode::Dart => 1.0,
        };
        let measure = |(i, (set, scores)): (usize, &(&Dataset, Scores))| {
            let scaled: Vec<f64>;
            let mut raw = &scores.0;
            if divisor != 1.0 {
                scaled = raw.iter().map(|score| score / divisor).collect();
                raw = &scaled;
            }
            observe::measure(self.asked, self.loss.meaning(), i, set, raw)
        };
        self.validation.iter().enumerate().flat_map(measure).collect()
    }
}

impl<C: Cell> Finish for Training<'_, C> {
    fn finish(mut self: Box<Self>, best_iteration: Option<u32>) -> Model {
        let n_before = self.n_before;
        self.trees.truncate(best_iteration.map_or(usize::MAX, |best| n_before + best as usize));
        if self.trees.is_empty() {
            self.trees.push(Tree::constant(self.start));
        } else if self.dart.is_some() {
            self.trees[0].add(self.start);
        }
        let Trainer { plan, data, .. } = *self.asked;
        let cuts = data.bins().cuts();
        let best = best_iteration.map(|best| (Model::BEST_ITERATION.to_owned(), best.to_string()));
        Model {
            schema: cuts.schema().clone(),
            objective: self.loss.meaning(),
            trees: self.trees,
            average: plan.boosting.mode == Mode::Forest,
            quantiles: cuts.quantiles(),
            parameters: plan.record().iter().cloned().chain(best).collect(),
        }
    }
}
