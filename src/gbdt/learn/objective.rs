//! What a round needs of a loss: where scores start, and the derivatives at the current scores.

use super::custom::Custom;
use super::lambdarank::Ranked;
use super::logistic::Classes;
use crate::gbdt::data::{Dataset, Derivatives, Task};
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

    /// The derivatives at these scores, one pair per row.
    pub(super) fn derive(&self, scores: &[f64], pairs: &mut [Derivatives]) {
        match self {
            Loss::Logistic(classes) => classes.derive(scores, pairs),
            Loss::Lambdarank(ranked) => ranked.derive(scores, pairs),
            Loss::Custom(custom) => custom.derive(scores, pairs),
        }
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
