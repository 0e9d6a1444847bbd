//! The binary objective: log loss of `sigmoid(slope * score)`.
//!
//! Gradient `-slope y / (1 + exp(slope y score))` with y = +1 or -1, and hessian `|g| (slope - |g|)`, both times the row's
//! weight, as in LightGBM.

use crate::determinism::{fixed, math, par};
use crate::gbdt::data::Derivatives;
use crate::gbdt::params::Logistic;

/// The rows of two classes.
pub(super) struct Classes<'a> {
    rules: &'a Logistic,
    labels: &'a [f32],
    weights: Option<&'a [f32]>,
}

impl<'a> Classes<'a> {
    pub(super) fn new(rules: &'a Logistic, labels: &'a [f32], weights: Option<&'a [f32]>) -> Self {
        Classes { rules, labels, weights }
    }

    pub(super) fn sigmoid(&self) -> f64 {
        self.rules.sigmoid
    }

    /// The log-odds of the weighted share of positives (before `scale_pos_weight`), or 0 when not asked for.
    pub(super) fn start(&self) -> f64 {
        if !self.rules.boost_from_average {
            return 0.0;
        }
        let weights: Vec<f64> = (0..self.labels.len()).map(|row| self.weight(row)).collect();
        let positive: Vec<f64> = weights.iter().zip(self.labels).map(|(w, &y)| w * f64::from(y)).collect();
        let total = fixed::sum(&weights);
        if total <= 0.0 {
            return 0.0;
        }
        let share = (fixed::sum(&positive) / total).clamp(1e-15, 1.0 - 1e-15);
        math::ln(share / (1.0 - share)) / self.rules.sigmoid
    }

    pub(super) fn derive(&self, scores: &[f64], pairs: &mut [Derivatives]) {
        let Logistic { sigmoid, scale_pos_weight, .. } = *self.rules;
        par::for_each_chunk(pairs, BLOCK, |block, part| {
            let first = block * BLOCK;
            let rows = scores[first..].iter().zip(&self.labels[first..]);
            for (pair, (&score, &label)) in part.iter_mut().zip(rows) {
                let sign = 2.0 * f64::from(label) - 1.0;
                let factor = 1.0 + (scale_pos_weight - 1.0) * f64::from(label);
                let response = sigmoid / (1.0 + math::exp_lane(sign * sigmoid * score));
                pair.gradient = -sign * response * factor;
                pair.hessian = response * (sigmoid - response) * factor;
            }
            if let Some(weights) = self.weights {
                for (pair, &weight) in part.iter_mut().zip(&weights[first..]) {
                    pair.gradient *= f64::from(weight);
                    pair.hessian *= f64::from(weight);
                }
            }
        });
    }

    fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| f64::from(weights[row]))
    }
}

/// Rows of a block; no result depends on it.
const BLOCK: usize = 8192;
