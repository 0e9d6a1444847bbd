//! The ranking objective: pairs of a query that stand in the wrong order, weighted by what swapping them does to NDCG.
//!
//! For positions i < j of a query by descending score, i above the truncation level and grades unequal: with
//! `d` = score of the better grade minus the other's, the pair's weight is
//! `|gain_i - gain_j| |discount_i - discount_j| / idealDCG`, divided by `0.01 + |d|` under `lambdarank_norm` (unless all
//! scores of the query are one); lambda is `-slope weight / (1 + exp(slope d))` for the better row and its opposite for
//! the other; the hessian is `slope^2 weight p (1 - p)` for both. `lambdarank_norm` also multiplies a query's values by
//! `log2(1 + S) / S`, S the sum of |lambda| over both rows of all pairs. Each row's terms are added in the order of pairs,
//! and ties of score go by row key, so neither threads nor the order of queries matter.
//!
//! Sources: Burges, "From RankNet to LambdaRank to LambdaMART", MSR-TR-2010-82; the norms as in LightGBM, whose table
//! of sigmoids is a real exponential here.

use std::ops::Range;

use crate::determinism::{math, par};
use crate::gbdt::data::{Dataset, Derivatives};
use crate::gbdt::params::Ranking;
use crate::metrics::ranking::discount;

/// The rows of all queries.
pub(super) struct Ranked<'a> {
    rules: &'a Ranking,
    grades: &'a [u8],
    weights: Option<&'a [f32]>,
    data: &'a Dataset,
    queries: Vec<Query>,
    discounts: Vec<f64>,
}

/// One query's rows, and one over its ideal DCG (0 when nothing is relevant).
struct Query {
    rows: Range<usize>,
    inverse_ideal: f64,
}

impl<'a> Ranked<'a> {
    pub(super) fn new(
        rules: &'a Ranking,
        grades: &'a [u8],
        groups: &[u32],
        weights: Option<&'a [f32]>,
        data: &'a Dataset,
    ) -> Self {
        let longest = groups.iter().copied().max().unwrap_or(0) as usize;
        let discounts = (0..longest).map(discount).collect();
        let mut ranked = Ranked { rules, grades, weights, data, queries: Vec::new(), discounts };
        let mut start = 0;
        for &n in groups {
            let rows = start..start + n as usize;
            start = rows.end;
            let inverse_ideal = ranked.inverse_ideal(&grades[rows.clone()]);
            ranked.queries.push(Query { rows, inverse_ideal });
        }
        ranked
    }

    fn inverse_ideal(&self, grades: &[u8]) -> f64 {
        let mut gains: Vec<f64> = grades.iter().map(|&grade| self.gain(grade)).collect();
        gains.sort_by(|a, b| b.total_cmp(a));
        let first = gains.iter().zip(&self.discounts).take(self.rules.truncation_level);
        let ideal = first.fold(0.0, |sum, (gain, discount)| sum + gain * discount);
        if ideal > 0.0 { 1.0 / ideal } else { 0.0 }
    }

    /// The gain of a grade; grades beyond the table count as its last.
    fn gain(&self, grade: u8) -> f64 {
        let table = &self.rules.label_gain;
        table.get(usize::from(grade)).or(table.last()).copied().unwrap_or(0.0)
    }

    pub(super) fn derive(&self, scores: &[f64], pairs: &mut [Derivatives]) {
        let mut rest = pairs;
        let mut parts = Vec::with_capacity(self.queries.len());
        for query in &self.queries {
            let (part, after) = rest.split_at_mut(query.rows.len());
            parts.push(part);
            rest = after;
        }
        par::for_each(&mut parts, |q, part| self.derive_query(&self.queries[q], scores, part));
    }

    fn derive_query(&self, query: &Query, scores: &[f64], pairs: &mut [Derivatives]) {
        pairs.fill(Derivatives::default());
        if query.inverse_ideal == 0.0 {
            return;
        }
        let ranks = self.ranks(query, scores);
        let mut sum = 0.0;
        for i in 0..ranks.len().min(self.rules.truncation_level) {
            for j in i + 1..ranks.len() {
                sum += self.derive_pair(&ranks, i, j, query, pairs);
            }
        }
        let norm = if self.rules.norm && sum > 0.0 { math::log2(1.0 + sum) / sum } else { 1.0 };
        for (row, pair) in query.rows.clone().zip(pairs) {
            let factor = norm * self.weights.map_or(1.0, |weights| f64::from(weights[row]));
            pair.gradient *= factor;
            pair.hessian *= factor;
        }
    }

    /// Adds what a pair of positions asks of its two rows; returns the sum of both |lambda|.
    #[inline]
    fn derive_pair(
        &self,
        ranks: &[Rank],
        i: usize,
        j: usize,
        query: &Query,
        pairs: &mut [Derivatives],
    ) -> f64 {
        let (upper, lower) = (&ranks[i], &ranks[j]);
        if upper.grade == lower.grade {
            return 0.0;
        }
        let (better, worse) = if upper.grade > lower.grade { (upper, lower) } else { (lower, upper) };
        let difference = better.score - worse.score;
        let discounts = (self.discounts[i] - self.discounts[j]).abs();
        let mut weight = (better.gain - worse.gain).abs() * discounts * query.inverse_ideal;
        if self.rules.norm && ranks[0].score != ranks[ranks.len() - 1].score {
            weight /= 0.01 + difference.abs();
        }
        let slope = self.rules.sigmoid;
        let p = 1.0 / (1.0 + math::exp_lane(slope * difference));
        let lambda = slope * weight * p;
        let hessian = slope * slope * weight * p * (1.0 - p);
        pairs[better.at].gradient -= lambda;
        pairs[better.at].hessian += hessian;
        pairs[worse.at].gradient += lambda;
        pairs[worse.at].hessian += hessian;
        2.0 * lambda
    }

    /// The rows of a query by descending score, ties by key.
    fn ranks(&self, query: &Query, scores: &[f64]) -> Vec<Rank> {
        let rank = |(at, row): (usize, usize)| Rank {
            at,
            score: scores[row] + 0.0,
            key: self.data.key(row),
            grade: self.grades[row],
            gain: self.gain(self.grades[row]),
        };
        let mut ranks: Vec<Rank> = query.rows.clone().enumerate().map(rank).collect();
        ranks.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.key.cmp(&b.key)).then(a.at.cmp(&b.at)));
        ranks
    }
}

/// A row at its position.
struct Rank {
    /// Position in the query as the data have it.
    at: usize,
    score: f64,
    key: u64,
    grade: u8,
    gain: f64,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::determinism::math;
    use crate::gbdt::data::{Binning, Column, FeatureMatrix, Schema, Task};
    use crate::gbdt::params::{ObjectiveKind, Params};

    fn dataset(grades: &[u8]) -> Dataset {
        let column = Column::F64(vec![0.0; grades.len()]);
        let matrix = FeatureMatrix::new(Schema::numerical(["x"]), vec![column]).expect("one column");
        let task = Task::lambdarank(grades.to_vec(), vec![grades.len() as u32]);
        Dataset::fit(&matrix, task, &Binning::default()).expect("legal")
    }

    fn rules(truncation_level: u32, norm: bool) -> Ranking {
        let params = Params {
            objective: ObjectiveKind::Lambdarank,
            lambdarank_truncation_level: truncation_level,
            lambdarank_norm: norm,
            ..Params::default()
        };
        params.plan().expect("in range").ranking
    }

    fn derived(rules: &Ranking, grades: &[u8], scores: &[f64]) -> Vec<Derivatives> {
        let data = dataset(grades);
        let mut pairs = vec![Derivatives::default(); grades.len()];
        Ranked::new(rules, grades, &[grades.len() as u32], None, &data).derive(scores, &mut pairs);
        pairs
    }

    /// Every ordered pair of rows, positions found by counting who stands above.
    fn naive(rules: &Ranking, grades: &[u8], scores: &[f64]) -> Vec<Derivatives> {
        let n = grades.len();
        let above = |a: usize, b: usize| scores[a] > scores[b] || (scores[a] == scores[b] && a < b);
        let position = |row: usize| (0..n).filter(|&other| above(other, row)).count();
        let gain = |row: usize| f64::from((1u32 << grades[row]) - 1);
        let discount = |position: usize| 1.0 / math::log2(position as f64 + 2.0);
        let mut best: Vec<f64> = (0..n).map(gain).collect();
        best.sort_by(|a, b| b.total_cmp(a));
        let ideal: f64 = (0..n.min(rules.truncation_level)).map(|i| best[i] * discount(i)).sum();
        let flat = scores.iter().all(|&s| s == scores[0]);
        let (mut pairs, mut sum) = (vec![Derivatives::default(); n], 0.0);
        for (high, low) in (0..n).flat_map(|a| (0..n).map(move |b| (a, b))) {
            let (i, j) = (position(high), position(low));
            if grades[high] <= grades[low] || i.min(j) >= rules.truncation_level || ideal == 0.0 {
                continue;
            }
            let d = scores[high] - scores[low];
            let mut weight = (gain(high) - gain(low)) * (discount(i) - discount(j)).abs() / ideal;
            if rules.norm && !flat {
                weight /= 0.01 + d.abs();
            }
            let p = math::sigmoid(-d);
            pairs[high].gradient -= weight * p;
            pairs[low].gradient += weight * p;
            pairs[high].hessian += weight * p * (1.0 - p);
            pairs[low].hessian += weight * p * (1.0 - p);
            sum += 2.0 * weight * p;
        }
        let norm = if rules.norm && sum > 0.0 { math::log2(1.0 + sum) / sum } else { 1.0 };
        let scaled = |p: &Derivatives| Derivatives { gradient: p.gradient * norm, hessian: p.hessian * norm };
        pairs.iter().map(scaled).collect()
    }

    fn far(a: &[Derivatives], b: &[Derivatives]) -> f64 {
        let apart = |(a, b): (&Derivatives, &Derivatives)| {
            (a.gradient - b.gradient).abs().max((a.hessian - b.hessian).abs())
        };
        a.iter().zip(b).map(apart).fold(0.0, f64::max)
    }

    proptest! {
        #[test]
        fn pairs_equal_the_naive_twin(
            rows in prop::collection::vec((0u8..5, -8i32..8), 1..40),
            truncation in 1u32..35,
            norm: bool,
        ) {
            let grades: Vec<u8> = rows.iter().map(|r| r.0).collect();
            let scores: Vec<f64> = rows.iter().map(|r| f64::from(r.1) / 4.0).collect();
            let rules = rules(truncation, norm);
            let found = derived(&rules, &grades, &scores);
            prop_assert!(far(&found, &naive(&rules, &grades, &scores)) < 1e-10);
            let sum: f64 = found.iter().map(|p| p.gradient).sum();
            prop_assert!(sum.abs() < 1e-10, "lambdas add up to {}", sum);
            let shifted: Vec<f64> = scores.iter().map(|s| s + 16.0).collect();
            prop_assert!(far(&found, &derived(&rules, &grades, &shifted)) == 0.0);
        }
    }
}
