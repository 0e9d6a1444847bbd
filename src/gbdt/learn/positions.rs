//! What a place on the screen does to a label: a row shown first is clicked more often, whatever it holds.
//!
//! Each position that rows were shown at has a bias, which is added to the scores of its rows while pairs are compared and is no
//! part of the model. After a round it takes a Newton step up the likelihood that the pairs' lambdas climb:
//! `bias += learning_rate (-G - r n bias) / (H + r n + 0.001)`, with G, H the sums of its rows' gradients and hessians, n their
//! number and r the regularisation. Sums are fixed-point, so no order changes them.
//!
//! Sources: LightGBM 4's `UpdatePositionBiasFactors`; Hu et al., "Unbiased LambdaMART", WWW 2019, for the idea.

use crate::determinism::fixed::{self, Scale};
use crate::gbdt::data::Derivatives;
use crate::gbdt::params::BiasRules;

/// The bias of every position.
pub(super) struct Biases<'a> {
    rules: BiasRules,
    /// Which of `known` a row was shown at.
    positions: &'a [u32],
    /// Positions, ascending, each once.
    known: Vec<u32>,
    counts: Vec<u64>,
    values: Vec<f64>,
}

impl<'a> Biases<'a> {
    /// All 0; `positions` has one per row.
    pub(super) fn new(positions: &'a [u32], rules: BiasRules) -> Self {
        let mut known = positions.to_vec();
        known.sort_unstable();
        known.dedup();
        let mut biases =
            Biases { rules, positions, counts: vec![0; known.len()], values: vec![0.0; known.len()], known };
        for &position in positions {
            let at = biases.at(position);
            biases.counts[at] += 1;
        }
        biases
    }

    fn at(&self, position: u32) -> usize {
        self.known.partition_point(|&known| known < position)
    }

    /// The scores of rows where they were shown.
    pub(super) fn added_to(&self, scores: &[f64]) -> Vec<f64> {
        scores
            .iter()
            .zip(self.positions)
            .map(|(score, &position)| score + self.values[self.at(position)])
            .collect()
    }

    /// A step after a round with these derivatives.
    pub(super) fn learn(&mut self, derivatives: &[Derivatives]) {
        let gradients = self.sums(derivatives, |row| row.gradient);
        let hessians = self.sums(derivatives, |row| row.hessian);
        for (i, bias) in self.values.iter_mut().enumerate() {
            let pull = self.rules.regularization * self.counts[i] as f64;
            let slope = -gradients[i] - pull * *bias;
            *bias += self.rules.learning_rate * slope / (hessians[i] + pull + DAMPING);
        }
    }

    fn sums(&self, derivatives: &[Derivatives], of: impl Fn(&Derivatives) -> f64) -> Vec<f64> {
        let scale = Scale::for_max(fixed::max_abs(derivatives.iter().map(&of)), 62);
        let mut steps = vec![0i128; self.known.len()];
        for (row, &position) in derivatives.iter().zip(self.positions) {
            steps[self.at(position)] += i128::from(scale.steps(of(row)));
        }
        steps.into_iter().map(|steps| scale.value(steps)).collect()
    }
}

/// Keeps a step finite where a position has no pairs.
const DAMPING: f64 = 0.001;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_newtons() {
        let positions = [9, 4, 9, 4_000_000_000];
        let rules = BiasRules { learning_rate: 0.5, regularization: 0.25 };
        let mut biases = Biases::new(&positions, rules);
        let rows = [(-1.0, 0.5), (2.0, 0.25), (-3.0, 1.0), (0.0, 0.0)];
        let rows = rows.map(|(gradient, hessian)| Derivatives { gradient, hessian });
        let (mut four, mut nine) = (0.0, 0.0);
        for _ in 0..5 {
            biases.learn(&rows);
            four += 0.5 * (-2.0 - 0.25 * four) / (0.25 + 0.25 + 0.001);
            nine += 0.5 * (4.0 - 0.5 * nine) / (1.5 + 0.5 + 0.001);
        }
        let found = biases.added_to(&[0.0; 4]);
        for (found, expected) in found.iter().zip([nine, four, nine, 0.0]) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
    }
}
