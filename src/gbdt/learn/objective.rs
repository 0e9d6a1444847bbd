//! What a round needs of a loss: where scores start, and the derivatives at the current scores.

use std::ops::Range;

use super::custom::Custom;
use super::lambdarank::Ranked;
use super::logistic::Classes;
use crate::gbdt::data::{Dataset, Derivatives, Task};
use crate::gbdt::kernel::Level;
use crate::gbdt::kernel::derive::Slopes;
use crate::gbdt::model::Objective;
use crate::gbdt::params::Plan;

/// A loss over the labels of a training set. The task's kind decides which.
pub(super) enum Loss<'a> {
    Logistic(Classes<'a>),
    Lambdarank(Ranked<'a>),
    Custom(Custom<'a>),
}

impl<'a> Loss<'a> {
    pub(super) fn new(plan: &'a Plan, data: &'a Dataset) -> Self {
        match data.task() {
            Task::Binary { labels, weights } => {
                Loss::Logistic(Classes::new(&plan.logistic, labels, weights.as_deref()))
            }
            Task::Lambdarank { grades, groups, weights } => {
                Loss::Lambdarank(Ranked::new(&plan.ranking, grades, groups, weights.as_deref(), data))
            }
            Task::Custom(loss) => Loss::Custom(Custom(loss.get())),
        }
    }

    /// The score of every row before the first tree.
    pub(super) fn start(&self) -> f64 {
        match self {
            Loss::Logistic(classes) => classes.start(),
            Loss::Lambdarank(_) => 0.0,
            Loss::Custom(custom) => custom.start(),
        }
    }

    /// The derivatives at these scores; `pairs` holds them where a row's depend on other rows.
    pub(super) fn derive<'b>(&'b self, scores: &'b [f64], pairs: &'b mut Vec<Derivatives>) -> Current<'b> {
        match self {
            Loss::Logistic(classes) => return Current::OfScores(classes, scores),
            Loss::Lambdarank(ranked) => ranked.derive(scores, sized(pairs, scores.len())),
            Loss::Custom(custom) => custom.derive(scores, sized(pairs, scores.len())),
        }
        Current::Whole(pairs)
    }

    /// What a model's raw score means under this loss.
    pub(super) fn meaning(&self) -> Objective {
        match self {
            Loss::Logistic(classes) => Objective::Binary { sigmoid: classes.sigmoid() },
            Loss::Lambdarank(_) => Objective::Lambdarank,
            Loss::Custom(custom) => custom.meaning(),
        }
    }
}

fn sized(pairs: &mut Vec<Derivatives>, n_rows: usize) -> &mut [Derivatives] {
    pairs.resize(n_rows, Derivatives::default());
    pairs
}

/// The derivatives of all rows at the current scores, to be had block by block.
pub(super) enum Current<'a> {
    /// Made of each row's score when asked for.
    OfScores(&'a Classes<'a>, &'a [f64]),
    /// Already made.
    Whole(&'a [Derivatives]),
}

impl Current<'_> {
    /// Those of a run of rows, at most [`BLOCK`](crate::gbdt::kernel::derive::BLOCK).
    pub(super) fn block(&self, level: Level, rows: Range<usize>, slopes: &mut Slopes) {
        match self {
            Current::OfScores(classes, scores) => classes.derive(level, rows, scores, slopes),
            Current::Whole(pairs) => {
                let places = slopes.gradients.iter_mut().zip(&mut slopes.hessians);
                for ((gradient, hessian), pair) in places.zip(&pairs[rows]) {
                    (*gradient, *hessian) = (pair.gradient, pair.hessian);
                }
            }
        }
    }
}
