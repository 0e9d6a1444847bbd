//! The cross-entropy objective of ranking: a query's scores, as a distribution by softmax, against one made of its grades.
//!
//! The target of a row is `2^grade - u`, u uniform in [0, 1) by (seed, round, row key), divided by their sum over the query; the
//! derivatives are LightGBM's, to the third order of its expansion, and the hessian is `rho (1 - rho)`, rho the softmax. Sums
//! go by row key, so neither threads nor the order of rows matter. A query of one row asks nothing.
//!
//! Sources: Bruch, "An Alternative Cross Entropy Loss for Learning-to-Rank", WWW 2021 (arXiv 1911.09798), as in
//! LightGBM's `rank_xendcg`.

use std::ops::Range;

use super::queries;
use crate::determinism::rng::Stream;
use crate::determinism::{math, par};
use crate::gbdt::data::{Dataset, Derivatives};

/// The rows of all queries.
pub(super) struct Softmaxed<'a> {
    seed: u64,
    grades: &'a [u8],
    weights: Option<&'a [f32]>,
    data: &'a Dataset,
    queries: Vec<Range<usize>>,
}

impl<'a> Softmaxed<'a> {
    pub(super) fn new(
        seed: u64,
        grades: &'a [u8],
        groups: &[u32],
        weights: Option<&'a [f32]>,
        data: &'a Dataset,
    ) -> Self {
        Softmaxed { seed, grades, weights, data, queries: queries::ranges(groups) }
    }

    pub(super) fn derive(&self, round: u32, scores: &[f64], derivatives: &mut [Derivatives]) {
        let chance = Stream::new(self.seed, "xendcg").round(u64::from(round));
        let mut parts = queries::parts(derivatives, self.queries.iter());
        par::for_each(&mut parts, |q, part| self.derive_query(&self.queries[q], chance, scores, part));
    }

    fn derive_query(&self, rows: &Range<usize>, chance: Stream, scores: &[f64], out: &mut [Derivatives]) {
        out.fill(Derivatives::default());
        if rows.len() < 2 {
            return;
        }
        let mut order: Vec<usize> = rows.clone().collect();
        order.sort_by_key(|&row| (self.data.key(row), row));
        let shares = softmax(&order.iter().map(|&row| scores[row]).collect::<Vec<f64>>());
        let target = |&row: &usize| (1u64 << self.grades[row]) as f64 - chance.unit(self.data.key(row));
        let targets: Vec<f64> = order.iter().map(target).collect();
        let total = targets.iter().fold(0.0, |sum, x| sum + x).max(LEAST);
        let first: Vec<f64> = shares.iter().zip(&targets).map(|(rho, target)| rho - target / total).collect();
        let second = expanded(&shares, &first);
        let third = expanded(&shares, &second);
        for (i, &row) in order.iter().enumerate() {
            let weight = self.weights.map_or(1.0, |weights| f64::from(weights[row]));
            out[row - rows.start] = Derivatives {
                gradient: weight * (first[i] + second[i] + third[i]),
                hessian: weight * shares[i] * (1.0 - shares[i]),
            };
        }
    }
}

/// The next term of the expansion: each row's share of what the others' terms come to.
fn expanded(shares: &[f64], terms: &[f64]) -> Vec<f64> {
    let odds: Vec<f64> = shares.iter().zip(terms).map(|(rho, term)| term / (1.0 - rho).max(LEAST)).collect();
    let sum = odds.iter().fold(0.0, |sum, x| sum + x);
    shares.iter().zip(&odds).map(|(rho, own)| rho * (sum - own)).collect()
}

fn softmax(scores: &[f64]) -> Vec<f64> {
    let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = scores.iter().map(|score| math::exp_lane(score - largest)).collect();
    let total = powers.iter().fold(0.0, |sum, x| sum + x);
    powers.iter().map(|power| power / total).collect()
}

/// Keeps a division finite where one row has the whole share.
const LEAST: f64 = 1e-15;
