//! The objectives of pairs: rows of a query that stand in the wrong order, weighted by what swapping them does.
//!
//! For a pair of rows of unequal grade, with `d` = score of the better grade minus the other's, the weight is what
//! swapping the two would change: of NDCG, `|gain_i - gain_j| |discount_i - discount_j| / idealDCG` (lambdarank); of average
//! precision (rank_map, grades above 0 being relevant); or 1 (rank_pairwise). `lambdarank_norm` divides it by
//! `0.01 + |d|` unless all scores of the query are one. Lambda is `-slope weight / (1 + exp(slope d))` for the better row and its
//! opposite for the other, p being `1 / (1 + exp(slope d))`; the hessian is `2 slope^2 weight p (1 - p)` for both (see below).
//! `lambdarank_norm` also multiplies a query's values by `log2(1 + S) / S`, S the sum of |lambda| over both rows of all pairs; or, where each row has so many drawn
//! pairs, by one over their number. Each row's terms are added in the order of pairs, and ties of score go by row key, so neither
//! threads nor the order of queries matter. Which pairs there are is up to [`pairs`](super::pairs).
//!
//! Sources: Burges, "From RankNet to LambdaRank to LambdaMART", MSR-TR-2010-82; the norms as in LightGBM, whose table
//! of sigmoids is a real exponential here; pairs, the norm of drawn pairs and the hessian as in XGBoost 3.
//!
//! Why twice: the true hessian of a pair's loss is `slope^2 weight p (1 - p)` on the diagonal and its opposite beside it, as a
//! pair is served by moving either row. A boosting step looks at the diagonal alone, moves both, and so goes twice too far; twice the
//! diagonal is the least multiple of it that bounds the whole (docs/decisions/005).

use std::ops::Range;

use super::pairs;
use super::positions::Biases;
use super::queries;
use crate::determinism::rng::Stream;
use crate::determinism::{math, par};
use crate::gbdt::data::{Dataset, Derivatives};
use crate::gbdt::params::{Goal, PairMethod, Ranking};
use crate::metrics::ranking::discount;

/// The rows of all queries.
pub(super) struct Ranked<'a> {
    rules: &'a Ranking,
    grades: &'a [u8],
    weights: Option<&'a [f32]>,
    data: &'a Dataset,
    queries: Vec<Query>,
    discounts: Vec<f64>,
    biases: Option<Biases<'a>>,
}

/// One query's rows, and one over the most that can be reached: its ideal DCG, or how many are relevant (0 when none).
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
        let biases = data.positions().map(|positions| Biases::new(positions, rules.bias));
        let mut ranked = Ranked { rules, grades, weights, data, queries: Vec::new(), discounts, biases };
        let query = |rows: Range<usize>| {
            let inverse_ideal = ranked.inverse_ideal(&grades[rows.clone()]);
            Query { rows, inverse_ideal }
        };
        ranked.queries = queries::ranges(groups).into_iter().map(query).collect();
        ranked
    }

    fn inverse_ideal(&self, grades: &[u8]) -> f64 {
        let ideal = match self.rules.goal {
            Goal::Ndcg => {
                let mut gains: Vec<f64> = grades.iter().map(|&grade| self.rules.gain(grade)).collect();
                gains.sort_by(|a, b| b.total_cmp(a));
                let first = gains.iter().zip(&self.discounts).take(self.rules.truncation());
                first.fold(0.0, |sum, (gain, discount)| sum + gain * discount)
            }
            Goal::Precision => grades.iter().filter(|&&grade| grade > 0).count() as f64,
            Goal::Order => 1.0,
        };
        if ideal > 0.0 { 1.0 / ideal } else { 0.0 }
    }

    pub(super) fn derive(&mut self, round: u32, scores: &[f64], derivatives: &mut [Derivatives]) {
        let adjusted = self.biases.as_ref().map(|biases| biases.added_to(scores));
        self.derive_queries(round, adjusted.as_deref().unwrap_or(scores), derivatives);
        if let Some(biases) = &mut self.biases {
            biases.learn(derivatives);
        }
    }

    fn derive_queries(&self, round: u32, scores: &[f64], derivatives: &mut [Derivatives]) {
        let mut parts = queries::parts(derivatives, self.queries.iter().map(|query| &query.rows));
        let chance = Stream::new(self.rules.seed, "pairs").round(u64::from(round));
        par::for_each(&mut parts, |q, part| self.derive_query(&self.queries[q], chance, scores, part));
    }

    fn derive_query(&self, query: &Query, chance: Stream, scores: &[f64], pairs: &mut [Derivatives]) {
        pairs.fill(Derivatives::default());
        if query.inverse_ideal == 0.0 {
            return;
        }
        let ranks = self.ranks(query, scores);
        let sum = match self.rules.goal {
            Goal::Ndcg => {
                let swap = Ndcg { discounts: &self.discounts, inverse_ideal: query.inverse_ideal };
                self.add_pairs(&swap, chance, &ranks, pairs)
            }
            Goal::Precision => {
                self.add_pairs(&Precision::new(&ranks, query.inverse_ideal), chance, &ranks, pairs)
            }
            Goal::Order => self.add_pairs(&Order, chance, &ranks, pairs),
        };
        let norm = match self.rules.pairs {
            _ if !self.rules.norm => 1.0,
            PairMethod::Mean => 1.0 / f64::from(self.rules.per_row),
            PairMethod::TopK if sum > 0.0 => math::log2(1.0 + sum) / sum,
            PairMethod::TopK => 1.0,
        };
        for (row, pair) in query.rows.clone().zip(pairs) {
            let factor = norm * self.weights.map_or(1.0, |weights| f64::from(weights[row]));
            pair.gradient *= factor;
            pair.hessian *= factor;
        }
    }

    /// Adds what all pairs of a query ask; returns the sum of |lambda| over both rows of each.
    fn add_pairs<S: Swap>(
        &self,
        swap: &S,
        chance: Stream,
        ranks: &[Rank],
        derivatives: &mut [Derivatives],
    ) -> f64 {
        let mut sum = 0.0;
        match self.rules.pairs {
            PairMethod::TopK => {
                for i in 0..ranks.len().min(self.rules.truncation()) {
                    for j in i + 1..ranks.len() {
                        sum += self.add_pair(swap, ranks, (i, j), derivatives);
                    }
                }
            }
            PairMethod::Mean => {
                let row = |rank: &Rank| pairs::Row { key: rank.key, grade: rank.grade };
                let rows: Vec<pairs::Row> = ranks.iter().map(row).collect();
                pairs::draw(&rows, self.rules.per_row, chance, |i, j| {
                    sum += self.add_pair(swap, ranks, (i.min(j), i.max(j)), derivatives);
                });
            }
        }
        sum
    }

    /// Adds what a pair of positions asks of its two rows; returns the sum of both |lambda|.
    #[inline]
    fn add_pair<S: Swap>(
        &self,
        swap: &S,
        ranks: &[Rank],
        (i, j): (usize, usize),
        derivatives: &mut [Derivatives],
    ) -> f64 {
        let (upper, lower) = (&ranks[i], &ranks[j]);
        if upper.grade == lower.grade {
            return 0.0;
        }
        let (better, worse) = if upper.grade > lower.grade { (upper, lower) } else { (lower, upper) };
        let difference = better.score - worse.score;
        let mut weight = swap.changes(ranks, i, j);
        if self.rules.norm && ranks[0].score != ranks[ranks.len() - 1].score {
            weight /= 0.01 + difference.abs();
        }
        let slope = self.rules.sigmoid;
        let p = 1.0 / (1.0 + math::exp_lane(slope * difference));
        let lambda = slope * weight * p;
        let hessian = 2.0 * slope * slope * weight * p * (1.0 - p);
        derivatives[better.at].gradient -= lambda;
        derivatives[better.at].hessian += hessian;
        derivatives[worse.at].gradient += lambda;
        derivatives[worse.at].hessian += hessian;
        2.0 * lambda
    }

    /// The rows of a query by descending score, ties by key.
    fn ranks(&self, query: &Query, scores: &[f64]) -> Vec<Rank> {
        let rank = |(at, row): (usize, usize)| {
            let grade = self.grades[row];
            Rank {
                at,
                score: scores[row] + 0.0,
                key: self.data.key(row),
                grade: if self.rules.goal == Goal::Precision { grade.min(1) } else { grade },
                gain: self.rules.gain(grade),
            }
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
    /// What is compared: for average precision, whether it is relevant.
    grade: u8,
    gain: f64,
}

/// How much a measure of the order changes when two rows of unequal grade change places.
trait Swap {
    /// The change for positions i < j; never negative.
    fn changes(&self, ranks: &[Rank], i: usize, j: usize) -> f64;
}

struct Ndcg<'a> {
    discounts: &'a [f64],
    inverse_ideal: f64,
}

impl Swap for Ndcg<'_> {
    #[inline]
    fn changes(&self, ranks: &[Rank], i: usize, j: usize) -> f64 {
        let discounts = (self.discounts[i] - self.discounts[j]).abs();
        (ranks[i].gain - ranks[j].gain).abs() * discounts * self.inverse_ideal
    }
}

/// Average precision: the mean over relevant rows of the share of relevant rows down to each.
struct Precision {
    /// Relevant rows down to each position, itself included.
    relevant: Vec<f64>,
    /// The sum of 1 / position over them, positions counting from 1.
    inverse_positions: Vec<f64>,
    inverse_ideal: f64,
}

impl Precision {
    fn new(ranks: &[Rank], inverse_ideal: f64) -> Self {
        let mut swap = Precision { relevant: vec![], inverse_positions: vec![], inverse_ideal };
        let (mut relevant, mut inverse) = (0.0, 0.0);
        for (position, rank) in ranks.iter().enumerate() {
            if rank.grade > 0 {
                relevant += 1.0;
                inverse += 1.0 / (position as f64 + 1.0);
            }
            swap.relevant.push(relevant);
            swap.inverse_positions.push(inverse);
        }
        swap
    }
}

impl Swap for Precision {
    #[inline]
    fn changes(&self, ranks: &[Rank], i: usize, j: usize) -> f64 {
        // of i and j one is relevant: at the upper place it is one more for every relevant row between, and for itself
        // counts those above it alone
        let own = f64::from(ranks[i].grade);
        let upper = (self.relevant[i] - own + 1.0) / (i as f64 + 1.0);
        let lower = self.relevant[j] / (j as f64 + 1.0);
        let up_to = self.inverse_positions[j] - f64::from(ranks[j].grade) / (j as f64 + 1.0);
        let between = up_to - self.inverse_positions[i];
        (upper - lower + between).max(0.0) * self.inverse_ideal
    }
}

/// The order itself: every pair counts the same.
struct Order;

impl Swap for Order {
    #[inline]
    fn changes(&self, _: &[Rank], _: usize, _: usize) -> f64 {
        1.0
    }
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
        Ranked::new(rules, grades, &[grades.len() as u32], None, &data).derive(0, scores, &mut pairs);
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
        let ideal: f64 = (0..n.min(rules.truncation())).map(|i| best[i] * discount(i)).sum();
        let flat = scores.iter().all(|&s| s == scores[0]);
        let (mut pairs, mut sum) = (vec![Derivatives::default(); n], 0.0);
        for (high, low) in (0..n).flat_map(|a| (0..n).map(move |b| (a, b))) {
            let (i, j) = (position(high), position(low));
            if grades[high] <= grades[low] || i.min(j) >= rules.truncation() || ideal == 0.0 {
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
            pairs[high].hessian += 2.0 * weight * p * (1.0 - p);
            pairs[low].hessian += 2.0 * weight * p * (1.0 - p);
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
