//! What a round needs of a loss: where scores start, and the derivatives at the current scores.

use std::ops::Range;

use super::custom::Custom;
use super::lambdarank::Ranked;
use super::logistic::Classes;
use super::xendcg::Softmaxed;
use crate::determinism::par;
use crate::gbdt::data::{Dataset, Derivatives, Task};
use crate::gbdt::kernel::Level;
use crate::gbdt::kernel::derive::{BLOCK, Slopes};
use crate::gbdt::model::Objective;
use crate::gbdt::params::{ObjectiveKind, Plan};

/// A loss over the labels of a training set. The task's kind decides which.
pub(super) enum Loss<'a> {
    Logistic(Classes<'a>),
    Pairs(Ranked<'a>),
    Softmax(Softmaxed<'a>),
    Custom(Custom<'a>),
}

impl<'a> Loss<'a> {
    pub(super) fn new(plan: &'a Plan, data: &'a Dataset) -> Self {
        match data.task() {
            Task::Binary { labels, weights } => {
                Loss::Logistic(Classes::new(&plan.logistic, labels, weights.as_deref()))
            }
            Task::Lambdarank { grades, groups, weights } => {
                let weights = weights.as_deref();
                if plan.objective() == ObjectiveKind::RankXendcg {
                    return Loss::Softmax(Softmaxed::new(plan.ranking.seed, grades, groups, weights, data));
                }
                Loss::Pairs(Ranked::new(&plan.ranking, grades, groups, weights, data))
            }
            Task::Custom(loss) => Loss::Custom(Custom(loss.get())),
        }
    }

    /// The score of every row before the first tree.
    pub(super) fn start(&self) -> f64 {
        match self {
            Loss::Logistic(classes) => classes.start(),
            Loss::Pairs(_) | Loss::Softmax(_) => 0.0,
            Loss::Custom(custom) => custom.start(),
        }
    }

    /// The derivatives at these scores; `pairs` holds them where a row's depend on other rows.
    pub(super) fn derive<'b>(
        &'b mut self,
        level: Level,
        round: u32,
        scores: &'b [f64],
        pairs: &'b mut Vec<Derivatives>,
    ) -> Current<'b> {
        match self {
            Loss::Logistic(classes) => return Current::OfScores(classes, scores),
            Loss::Pairs(ranked) => ranked.derive(level, round, scores, sized(pairs, scores.len())),
            Loss::Softmax(softmaxed) => softmaxed.derive(round, scores, sized(pairs, scores.len())),
            Loss::Custom(custom) => custom.derive(scores, sized(pairs, scores.len())),
        }
        Current::Whole(pairs)
    }

    /// What a model's raw score means under this loss.
    pub(super) fn meaning(&self) -> Objective {
        match self {
            Loss::Logistic(classes) => Objective::Binary { sigmoid: classes.sigmoid() },
            Loss::Pairs(_) | Loss::Softmax(_) => Objective::Lambdarank,
            Loss::Custom(custom) => custom.meaning(),
        }
    }
}

fn sized(pairs: &mut Vec<Derivatives>, n_rows: usize) -> &mut [Derivatives] {
    pairs.resize(n_rows, Derivatives::default());
    pairs
}

/// The derivatives of a plan's loss at given scores, as a round of training sees them: one per row, weights included. `round`
/// counts from 0 and matters to objectives that draw by chance; biases of positions are those before the first round.
///
/// # Panics
/// When there is not one score per row.
pub fn derivatives(plan: &Plan, data: &Dataset, scores: &[f64], round: u32) -> Vec<Derivatives> {
    assert_eq!(scores.len(), data.n_rows(), "one score per row");
    let (mut loss, mut pairs) = (Loss::new(plan, data), Vec::new());
    loss.derive(Level::Scalar, round, scores, &mut pairs).all(Level::Scalar, scores.len())
}

/// The derivatives of all rows at the current scores, to be had block by block.
pub(super) enum Current<'a> {
    /// Made of each row's score when asked for.
    OfScores(&'a Classes<'a>, &'a [f64]),
    /// Already made.
    Whole(&'a [Derivatives]),
}

impl Current<'_> {
    /// Those of all rows.
    pub(super) fn all(&self, level: Level, n_rows: usize) -> Vec<Derivatives> {
        let mut all = vec![Derivatives::default(); n_rows];
        par::for_each_chunk(&mut all, BLOCK, |block, part| {
            let mut slopes = Slopes::zero();
            let start = block * BLOCK;
            self.block(level, start..start + part.len(), &mut slopes);
            let both = slopes.gradients.iter().zip(&slopes.hessians);
            for (row, (&gradient, &hessian)) in part.iter_mut().zip(both) {
                *row = Derivatives { gradient, hessian };
            }
        });
        all
    }

    /// Those of a run of rows, at most [`BLOCK`].
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
