//! The binary objective: log loss of `sigmoid(slope * score)`.
//!
//! The derivatives are those of [`derive::logistic`], times the row's weight, as in LightGBM.

use std::ops::Range;

use crate::determinism::{fixed, math};
use crate::gbdt::kernel::Level;
use crate::gbdt::kernel::derive::{self, Slopes};
use crate::gbdt::params::Logistic;

/// The rows of two classes.
pub(super) struct Classes<'a> {
    rules: &'a Logistic,
    labels: &'a [f32],
    weights: Option<&'a [f32]>,
    positive_weight: f64,
    negative_weight: f64,
}

impl<'a> Classes<'a> {
    pub(super) fn new(rules: &'a Logistic, labels: &'a [f32], weights: Option<&'a [f32]>) -> Self {
        let n_positive = labels.iter().filter(|&&y| y == 1.0).count() as f64;
        let n_negative = labels.len() as f64 - n_positive;
        let mut classes =
            Classes { rules, labels, weights, positive_weight: rules.scale_pos_weight, negative_weight: 1.0 };
        // the rarer class is made as heavy as the other, by rows whatever they weigh
        if rules.is_unbalance && n_positive > 0.0 && n_negative > 0.0 {
            classes.positive_weight = (n_negative / n_positive).max(1.0);
            classes.negative_weight = (n_positive / n_negative).max(1.0);
        }
        classes
    }

    pub(super) fn sigmoid(&self) -> f64 {
        self.rules.sigmoid
    }

    /// The log-odds of the weighted share of positives (before `scale_pos_weight` and `is_unbalance`), or 0 when not asked for.
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

    /// The derivatives of a run of rows.
    pub(super) fn derive(&self, level: Level, rows: Range<usize>, scores: &[f64], slopes: &mut Slopes) {
        let rules = derive::Logistic { slope: self.rules.sigmoid, positive_weight: self.positive_weight };
        derive::logistic(level, &scores[rows.clone()], &self.labels[rows.clone()], rules, slopes);
        if self.negative_weight != 1.0 {
            let places = slopes.gradients.iter_mut().zip(&mut slopes.hessians);
            for ((gradient, hessian), _) in places.zip(&self.labels[rows.clone()]).filter(|row| *row.1 == 0.0)
            {
                *gradient *= self.negative_weight;
                *hessian *= self.negative_weight;
            }
        }
        if let Some(weights) = self.weights {
            let places = slopes.gradients.iter_mut().zip(&mut slopes.hessians);
            for ((gradient, hessian), &weight) in places.zip(&weights[rows]) {
                *gradient *= f64::from(weight);
                *hessian *= f64::from(weight);
            }
        }
    }

    fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| f64::from(weights[row]))
    }
}
