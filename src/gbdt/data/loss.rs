//! A loss of the caller's own: what training asks of it, and nothing of how training works.
//!
//! Whoever implements [`CustomLoss`] holds the labels; training hands it scores and takes derivatives. A model
//! trained so is an ordinary [`Model`](crate::gbdt::model::Model): it is stored, explained and converted like any other.

use std::fmt;
use std::sync::Arc;

/// First and second derivative of the loss of one row by its raw score.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Derivatives {
    /// The slope; training moves the score against it.
    pub gradient: f64,
    /// The curvature; at least 0.
    pub hessian: f64,
}

/// What the raw score of a model means to its users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// The raw score is the answer.
    Identity,
    /// The raw score is a log-odds; the answer is a probability.
    Logistic,
}

/// A loss that is twice differentiable in the raw scores of its rows.
///
/// # Determinism
/// The trained model is the same everywhere when [`derive`](Self::derive) is: take `exp`, `ln` and their like from
/// [`determinism::math`](crate::determinism::math), and add in a fixed order.
pub trait CustomLoss: fmt::Debug + Send + Sync {
    /// How many rows it has labels for.
    fn n_rows(&self) -> usize;

    /// The score of every row before the first tree; 0 unless said otherwise.
    fn start(&self) -> f64 {
        0.0
    }

    /// Writes the derivatives at these scores.
    ///
    /// # Shape
    /// Both slices have one place per row. A derivative that is not finite counts as 0, a negative hessian as 0.
    fn derive(&self, scores: &[f64], derivatives: &mut [Derivatives]);

    /// What the raw score means.
    fn link(&self) -> Link {
        Link::Identity
    }

    /// The mean loss at these scores, which early stopping watches: smaller is better. `None` is "not measured".
    fn value(&self, scores: &[f64]) -> Option<f64> {
        let _ = scores;
        None
    }
}

/// A shared [`CustomLoss`]; two are equal when they are the same one.
#[derive(Clone, Debug)]
pub struct SharedLoss(Arc<dyn CustomLoss>);

impl SharedLoss {
    /// The loss itself.
    pub fn get(&self) -> &dyn CustomLoss {
        self.0.as_ref()
    }
}

impl<L: CustomLoss + 'static> From<L> for SharedLoss {
    fn from(loss: L) -> Self {
        SharedLoss(Arc::new(loss))
    }
}

impl PartialEq for SharedLoss {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
