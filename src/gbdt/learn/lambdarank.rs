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
use super::ranks::Ranks;
use crate::determinism::rng::Stream;
use crate::determinism::{math, par};
use crate::gbdt::data::{Dataset, Derivatives};
use crate::gbdt::kernel::{LANES, Level, lambda};
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

    pub(super) fn derive(
        &mut self,
        level: Level,
        round: u32,
        scores: &[f64],
        derivatives: &mut [Derivatives],
    ) {
        let adjusted = self.biases.as_ref().map(|biases| biases.added_to(scores));
        let stream = Stream::new(self.rules.seed, "pairs").round(u64::from(round));
        self.derive_queries(Chance { level, stream }, adjusted.as_deref().unwrap_or(scores), derivatives);
        if let Some(biases) = &mut self.biases {
            biases.learn(derivatives);
        }
    }

    fn derive_queries(&self, chance: Chance, scores: &[f64], derivatives: &mut [Derivatives]) {
        let mut parts = queries::parts(derivatives, self.queries.iter().map(|query| &query.rows));
        let mut tasks: Vec<_> = self.queries.chunks(QUERIES).zip(parts.chunks_mut(QUERIES)).collect();
        par::for_each(&mut tasks, |_, (queries, parts)| {
            let mut room = Room { chance, ranks: Ranks::default(), terms: Terms::default() };
            for (query, part) in queries.iter().zip(parts.iter_mut()) {
                self.derive_query(query, scores, part, &mut room);
            }
        });
    }

    fn derive_query(&self, query: &Query, scores: &[f64], derivatives: &mut [Derivatives], room: &mut Room) {
        derivatives.fill(Derivatives::default());
        if query.inverse_ideal == 0.0 {
            return;
        }
        room.ranks.set(query.rows.clone().map(|row| (scores[row], self.data.key(row))), |at| {
            let grade = self.grades[query.rows.start + at];
            let compared = if self.rules.goal == Goal::Precision { grade.min(1) } else { grade };
            (f64::from(compared), self.rules.gain(grade))
        });
        let sum = match self.rules.goal {
            Goal::Ndcg => {
                let swap = Ndcg { discounts: &self.discounts, inverse_ideal: query.inverse_ideal };
                self.add_pairs(&swap, room, derivatives)
            }
            Goal::Precision => {
                self.add_pairs(&Precision::new(&room.ranks, query.inverse_ideal), room, derivatives)
            }
            Goal::Order => self.add_pairs(&Order, room, derivatives),
        };
        let norm = match self.rules.pairs {
            _ if !self.rules.norm => 1.0,
            PairMethod::Mean => 1.0 / f64::from(self.rules.per_row),
            PairMethod::TopK if sum > 0.0 => math::log2(1.0 + sum) / sum,
            PairMethod::TopK => 1.0,
        };
        for (row, pair) in query.rows.clone().zip(derivatives) {
            let factor = norm * self.weights.map_or(1.0, |weights| f64::from(weights[row]));
            pair.gradient *= factor;
            pair.hessian *= factor;
        }
    }

    /// Adds what all pairs of a query ask; returns the sum of |lambda| over both rows of each.
    fn add_pairs<S: Swap>(&self, swap: &S, room: &mut Room, derivatives: &mut [Derivatives]) -> f64 {
        let Room { chance, ranks, terms } = room;
        terms.clear(ranks.len());
        let mut sum = 0.0;
        match self.rules.pairs {
            PairMethod::TopK => {
                for i in 0..ranks.len().min(self.rules.truncation()) {
                    let below = i + 1..ranks.len();
                    self.ask(chance.level, swap, ranks, (i, below.clone()), terms);
                    sum = terms.add(i, below, sum);
                }
            }
            PairMethod::Mean => {
                let row = |(&key, &grade): (&u64, &f64)| pairs::Row { key, grade };
                let rows: Vec<pairs::Row> = ranks.keys.iter().zip(&ranks.grades).map(row).collect();
                pairs::draw(&rows, self.rules.per_row, chance.stream, |i, j| {
                    let (i, j) = (i.min(j), i.max(j));
                    self.ask(chance.level, swap, ranks, (i, j..j + 1), terms);
                    sum = terms.add(i, j..j + 1, sum);
                });
            }
        }
        for (place, &at) in ranks.at.iter().enumerate() {
            derivatives[at] =
                Derivatives { gradient: terms.gradients[place], hessian: terms.hessians[place] };
        }
        sum
    }

    /// The pairs of a row with some below it.
    fn ask<S: Swap>(
        &self,
        level: Level,
        swap: &S,
        ranks: &Ranks,
        (i, below): (usize, Range<usize>),
        terms: &mut Terms,
    ) {
        let upper = lambda::Upper {
            score: ranks.scores[i],
            grade: ranks.grades[i],
            slope: self.rules.sigmoid,
            by_distance: self.rules.norm && !ranks.is_flat(),
        };
        let weights = terms.of_pairs.0[below.clone()].iter_mut().zip(below.clone());
        weights.for_each(|(weight, j)| *weight = swap.changes(ranks, i, j));
        // whole vectors, as far as the rows behind the last
        let whole = below.start..below.start + below.len().next_multiple_of(LANES);
        let (gradients, hessians) = &mut terms.of_pairs;
        lambda::pairs(
            level,
            upper,
            lambda::Below {
                scores: &ranks.scores[whole.clone()],
                grades: &ranks.grades[whole.clone()],
                gradients: &mut gradients[whole.clone()],
                hessians: &mut hessians[whole],
            },
        );
    }
}

/// What pairs are derived by beside the rows.
#[derive(Clone, Copy)]
struct Chance {
    level: Level,
    stream: Stream,
}

/// What one thread derives queries with, one after another.
struct Room {
    chance: Chance,
    ranks: Ranks,
    terms: Terms,
}

/// What the rows of a query are asked, by position.
#[derive(Default)]
struct Terms {
    gradients: Vec<f64>,
    hessians: Vec<f64>,
    /// Gradients and hessians of one row's pairs, by the position of the other.
    of_pairs: (Vec<f64>, Vec<f64>),
}

impl Terms {
    /// Nothing asked of so many rows.
    fn clear(&mut self, n_rows: usize) {
        let Terms { gradients, hessians, of_pairs } = self;
        for (column, length) in [(gradients, n_rows), (hessians, n_rows)] {
            column.clear();
            column.resize(length, 0.0);
        }
        of_pairs.0.resize(of_pairs.0.len().max(n_rows + LANES), 0.0);
        of_pairs.1.resize(of_pairs.1.len().max(n_rows + LANES), 0.0);
    }

    /// Adds the pairs of a row with those below it to both, in their order; returns `sum` and |lambda| over both.
    fn add(&mut self, i: usize, below: Range<usize>, mut sum: f64) -> f64 {
        let (mut gradient, mut hessian) = (self.gradients[i], self.hessians[i]);
        let pairs = self.of_pairs.0[below.clone()].iter().zip(&self.of_pairs.1[below.clone()]);
        let others = self.gradients[below.clone()].iter_mut().zip(&mut self.hessians[below]);
        for ((of_pair, of_either), (other, other_hessian)) in pairs.zip(others) {
            gradient += of_pair;
            hessian += of_either;
            *other -= of_pair;
            *other_hessian += of_either;
            sum += 2.0 * of_pair.abs();
        }
        (self.gradients[i], self.hessians[i]) = (gradient, hessian);
        sum
    }
}

/// How much a measure of the order changes when two rows of unequal grade change places.
trait Swap {
    /// The change for positions i < j; never negative.
    fn changes(&self, ranks: &Ranks, i: usize, j: usize) -> f64;
}

struct Ndcg<'a> {
    discounts: &'a [f64],
    inverse_ideal: f64,
}

impl Swap for Ndcg<'_> {
    #[inline]
    fn changes(&self, ranks: &Ranks, i: usize, j: usize) -> f64 {
        let discounts = (self.discounts[i] - self.discounts[j]).abs();
        (ranks.gains[i] - ranks.gains[j]).abs() * discounts * self.inverse_ideal
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
    fn new(ranks: &Ranks, inverse_ideal: f64) -> Self {
        let mut swap = Precision { relevant: vec![], inverse_positions: vec![], inverse_ideal };
        let (mut relevant, mut inverse) = (0.0, 0.0);
        for (position, &grade) in ranks.grades.iter().enumerate() {
            if grade > 0.0 {
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
    fn changes(&self, ranks: &Ranks, i: usize, j: usize) -> f64 {
        // of i and j one is relevant: at the upper place it is one more for every relevant row between, and for itself
        // counts those above it alone
        let own = ranks.grades[i];
        let upper = (self.relevant[i] - own + 1.0) / (i as f64 + 1.0);
        let lower = self.relevant[j] / (j as f64 + 1.0);
        let up_to = self.inverse_positions[j] - ranks.grades[j] / (j as f64 + 1.0);
        let between = up_to - self.inverse_positions[i];
        (upper - lower + between).max(0.0) * self.inverse_ideal
    }
}

/// The order itself: every pair counts the same.
struct Order;

impl Swap for Order {
    #[inline]
    fn changes(&self, _: &Ranks, _: usize, _: usize) -> f64 {
        1.0
    }
}

/// Queries that one thread derives in a run; no result depends on it.
const QUERIES: usize = 16;

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
        Ranked::new(rules, grades, &[grades.len() as u32], None, &data).derive(
            Level::detect(),
            0,
            scores,
            &mut pairs,
        );
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
