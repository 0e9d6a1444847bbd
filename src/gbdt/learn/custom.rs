//! A loss of the caller's own, as a round of boosting needs it: derivatives that are finite, whatever the caller wrote.

use crate::determinism::par;
use crate::gbdt::data::{CustomLoss, Derivatives, Link};
use crate::gbdt::model::Objective;

/// The loss of a [`Task::Custom`](crate::gbdt::data::Task::Custom).
pub(super) struct Custom<'a>(pub(super) &'a dyn CustomLoss);

impl Custom<'_> {
    pub(super) fn start(&self) -> f64 {
        let start = self.0.start();
        if start.is_finite() { start } else { 0.0 }
    }

    pub(super) fn derive(&self, scores: &[f64], derivatives: &mut [Derivatives]) {
        derivatives.fill(Derivatives::default());
        self.0.derive(scores, derivatives);
        par::for_each_chunk(derivatives, BLOCK, |_, part| {
            part.iter_mut().for_each(|row| *row = usable(*row));
        });
    }

    pub(super) fn meaning(&self) -> Objective {
        match self.0.link() {
            Link::Identity => Objective::Regression,
            Link::Logistic => Objective::Binary { sigmoid: 1.0 },
        }
    }
}

/// Training is total: what is not finite says nothing, and a loss that bends down has no minimum to step to.
fn usable(row: Derivatives) -> Derivatives {
    let finite = |x: f64| if x.is_finite() { x } else { 0.0 };
    Derivatives { gradient: finite(row.gradient), hessian: finite(row.hessian).max(0.0) }
}

/// Rows of a block; no result depends on it.
const BLOCK: usize = 8192;
