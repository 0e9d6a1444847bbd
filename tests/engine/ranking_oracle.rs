//! The ranking objectives against twins that try every pair, find positions by counting and measure a swap by swapping.

use aml_miner::determinism::math;
use aml_miner::determinism::rng::Stream;
use aml_miner::gbdt::data::{Column, Dataset, Derivatives, FeatureMatrix, Schema, Task};
use aml_miner::gbdt::learn::derivatives;
use aml_miner::gbdt::params::Plan;
use proptest::prelude::*;

use crate::made;

const SEED: u64 = 9;
const ROUND: u32 = 4;

/// Rows of one query.
#[derive(Debug)]
struct Rows {
    grades: Vec<u8>,
    scores: Vec<f64>,
    keys: Vec<u64>,
}

impl Rows {
    fn of(cells: &[(u8, i32)]) -> Self {
        Rows {
            grades: cells.iter().map(|cell| cell.0).collect(),
            scores: cells.iter().map(|cell| f64::from(cell.1) / 4.0).collect(),
            keys: (0..cells.len() as u64).map(|row| (row * 7919 + 13) % 101).collect(),
        }
    }

    fn len(&self) -> usize {
        self.grades.len()
    }

    /// How many rows stand above a row.
    fn position(&self, row: usize) -> usize {
        let above = |other: &usize| {
            let (a, b) = (self.scores[*other], self.scores[row]);
            a > b || (a == b && self.keys[*other] < self.keys[row])
        };
        (0..self.len()).filter(above).count()
    }

    /// Grades from the first position to the last.
    fn in_order(&self) -> Vec<u8> {
        let mut rows: Vec<usize> = (0..self.len()).collect();
        rows.sort_by_key(|&row| self.position(row));
        rows.iter().map(|&row| self.grades[row]).collect()
    }

    fn is_flat(&self) -> bool {
        self.scores.iter().all(|&score| score == self.scores[0])
    }

    fn dataset(&self, plan: &Plan) -> Dataset {
        let column = Column::F64(vec![0.0; self.len()]);
        let matrix = FeatureMatrix::new(Schema::numerical(["x"]), vec![column]).expect("one column");
        let task = Task::lambdarank(self.grades.clone(), vec![self.len() as u32]);
        let data = Dataset::fit(&matrix, task, plan.binning()).expect("legal");
        data.with_keys(self.keys.clone()).expect("one key a row")
    }

    fn found(&self, plan: &Plan) -> Vec<Derivatives> {
        derivatives(plan, &self.dataset(plan), &self.scores, ROUND)
    }
}

/// What is measured of an order.
type Measure = fn(&[u8], usize) -> f64;

fn gain(grade: u8) -> f64 {
    f64::from((1u32 << grade) - 1)
}

fn dcg(grades: &[u8]) -> f64 {
    grades.iter().enumerate().map(|(i, &grade)| gain(grade) / math::log2(i as f64 + 2.0)).sum()
}

/// NDCG of all positions, the ideal cut at `k`.
fn ndcg(grades: &[u8], k: usize) -> f64 {
    let mut best = grades.to_vec();
    best.sort_by(|a, b| b.cmp(a));
    best.truncate(k);
    if dcg(&best) > 0.0 { dcg(grades) / dcg(&best) } else { 0.0 }
}

fn average_precision(grades: &[u8], _: usize) -> f64 {
    let relevant = |upto: usize| grades[..upto].iter().filter(|&&grade| grade > 0).count() as f64;
    let all = relevant(grades.len());
    let precision = |i: usize| if grades[i] > 0 { relevant(i + 1) / (i as f64 + 1.0) } else { 0.0 };
    if all > 0.0 { (0..grades.len()).map(precision).sum::<f64>() / all } else { 0.0 }
}

/// Lambdas of these pairs of rows, the first of a pair having the better grade; `measure` is `None` where pairs weigh 1.
fn lambdas(
    rows: &Rows,
    pairs: &[(usize, usize)],
    measure: Option<Measure>,
    k: usize,
    norm: bool,
) -> (Vec<Derivatives>, f64) {
    let order = rows.in_order();
    let (mut all, mut sum) = (vec![Derivatives::default(); rows.len()], 0.0);
    for &(high, low) in pairs {
        let mut weight = measure.map_or(1.0, |measure| {
            let mut swapped = order.clone();
            swapped.swap(rows.position(high), rows.position(low));
            (measure(&swapped, k) - measure(&order, k)).abs()
        });
        let d = rows.scores[high] - rows.scores[low];
        if norm && !rows.is_flat() {
            weight /= 0.01 + d.abs();
        }
        let p = math::sigmoid(-d);
        all[high].gradient -= weight * p;
        all[low].gradient += weight * p;
        all[high].hessian += 2.0 * weight * p * (1.0 - p);
        all[low].hessian += 2.0 * weight * p * (1.0 - p);
        sum += 2.0 * weight * p;
    }
    (all, sum)
}

/// Every ordered pair of rows that one of the first `k` positions takes part in.
fn top_pairs(rows: &Rows, level: fn(u8) -> u8, k: usize) -> Vec<(usize, usize)> {
    let all = (0..rows.len()).flat_map(|a| (0..rows.len()).map(move |b| (a, b)));
    let counts = |&(a, b): &(usize, usize)| {
        level(rows.grades[a]) > level(rows.grades[b]) && rows.position(a).min(rows.position(b)) < k
    };
    all.filter(counts).collect()
}

/// For each row and each time, a partner drawn by the row's key among the rows of other grades, best grade first.
fn drawn_pairs(rows: &Rows, level: fn(u8) -> u8, times: u64) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    for (row, time) in (0..rows.len()).flat_map(|row| (0..times).map(move |time| (row, time))) {
        let own = level(rows.grades[row]);
        let mut others: Vec<usize> =
            (0..rows.len()).filter(|&other| level(rows.grades[other]) != own).collect();
        others.sort_by_key(|&other| (std::cmp::Reverse(level(rows.grades[other])), rows.position(other)));
        if others.is_empty() {
            continue;
        }
        let chance = Stream::new(SEED, "pairs").round(u64::from(ROUND)).round(time);
        let other = others[chance.below(rows.keys[row], others.len() as u64) as usize];
        pairs.push(if level(rows.grades[other]) < own { (row, other) } else { (other, row) });
    }
    pairs
}

fn scaled(all: Vec<Derivatives>, by: f64) -> Vec<Derivatives> {
    all.iter().map(|d| Derivatives { gradient: d.gradient * by, hessian: d.hessian * by }).collect()
}

fn apart(a: &[Derivatives], b: &[Derivatives]) -> f64 {
    let apart = |(a, b): (&Derivatives, &Derivatives)| {
        (a.gradient - b.gradient).abs().max((a.hessian - b.hessian).abs())
    };
    a.iter().zip(b).map(apart).fold(0.0, f64::max)
}

fn objective(name: &str) -> (Option<Measure>, fn(u8) -> u8) {
    match name {
        "lambdarank" => (Some(ndcg), |grade| grade),
        "rank_map" => (Some(average_precision), |grade| grade.min(1)),
        _ => (None, |grade| grade),
    }
}

fn cells() -> impl Strategy<Value = Vec<(u8, i32)>> {
    prop::collection::vec((0u8..4, -6i32..6), 1..25)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn top_pairs_equal_every_swap(
        cells in cells(),
        k in 1usize..30,
        norm: bool,
        name in prop::sample::select(vec!["lambdarank", "rank_map", "rank_pairwise"]),
    ) {
        let rows = Rows::of(&cells);
        let (measure, level) = objective(name);
        let plan = made::plan(&[
            ("objective", name), ("lambdarank_truncation_level", &k.to_string()), ("lambdarank_norm", &norm.to_string()),
        ]);
        let (all, sum) = lambdas(&rows, &top_pairs(&rows, level, k), measure, k, norm);
        let expected = if norm && sum > 0.0 { scaled(all, math::log2(1.0 + sum) / sum) } else { all };
        let found = rows.found(&plan);
        prop_assert!(apart(&found, &expected) < 1e-10, "{:?} {:?}", found, expected);
    }

    #[test]
    fn drawn_pairs_equal_every_swap(
        cells in cells(),
        times in 1u64..5,
        norm: bool,
        name in prop::sample::select(vec!["lambdarank", "rank_map", "rank_pairwise"]),
    ) {
        let rows = Rows::of(&cells);
        let (measure, level) = objective(name);
        let plan = made::plan(&[
            ("objective", name), ("lambdarank_pair_method", "mean"), ("seed", &SEED.to_string()),
            ("lambdarank_num_pair_per_sample", &times.to_string()), ("lambdarank_norm", &norm.to_string()),
        ]);
        let (all, _) = lambdas(&rows, &drawn_pairs(&rows, level, times), measure, usize::MAX, norm);
        let expected = if norm { scaled(all, 1.0 / times as f64) } else { all };
        let found = rows.found(&plan);
        prop_assert!(apart(&found, &expected) < 1e-10, "{:?} {:?}", found, expected);
    }

    /// Along every direction the loss of all pairs bends no more than the hessians say; along one, of a single pair, just as much.
    #[test]
    fn hessians_bound_the_bend_of_all_pairs(cells in cells(), steps in prop::collection::vec(-3i32..4, 25)) {
        let rows = Rows::of(&cells);
        let plan = made::plan(&[("objective", "rank_pairwise"), ("lambdarank_norm", "false")]);
        let pairs = top_pairs(&rows, |grade| grade, 30);
        let step = |row: usize| f64::from(steps[row]);
        let bend = |&(high, low): &(usize, usize)| {
            let p = math::sigmoid(rows.scores[low] - rows.scores[high]);
            let apart = step(high) - step(low);
            p * (1.0 - p) * apart * apart
        };
        let bound = |all: &[Derivatives]| -> f64 {
            all.iter().enumerate().map(|(row, d)| d.hessian * step(row) * step(row)).sum()
        };
        let found = bound(&rows.found(&plan));
        let bends: f64 = pairs.iter().map(bend).sum();
        prop_assert!(bends <= found * (1.0 + 1e-12), "{bends} {found}");
        if let ([(high, low)], 2) = (&pairs[..], rows.len()) && step(*high) == -step(*low) {
            prop_assert!((bends - found).abs() <= 1e-12 * found, "{bends} {found}");
        }
    }

    /// The expansion written as sums over pairs of rows.
    #[test]
    fn cross_entropy_equals_its_expansion(cells in cells()) {
        let rows = Rows::of(&cells);
        let plan = made::plan(&[("objective", "rank_xendcg"), ("seed", &SEED.to_string())]);
        let n = rows.len();
        let total: f64 = rows.scores.iter().map(|&score| math::exp(score)).sum();
        let share: Vec<f64> = rows.scores.iter().map(|&score| math::exp(score) / total).collect();
        let chance = Stream::new(SEED, "xendcg").round(u64::from(ROUND));
        let target: Vec<f64> = (0..n).map(|i| gain(rows.grades[i]) + 1.0 - chance.unit(rows.keys[i])).collect();
        let all: f64 = target.iter().sum();
        let next = |terms: &[f64]| -> Vec<f64> {
            let others = |i: usize| (0..n).filter(move |&j| j != i).map(|j| terms[j] / (1.0 - share[j])).sum::<f64>();
            (0..n).map(|i| share[i] * others(i)).collect()
        };
        let first: Vec<f64> = (0..n).map(|i| share[i] - target[i] / all).collect();
        let second = next(&first);
        let third = next(&second);
        let whole = |i: usize| Derivatives {
            gradient: first[i] + second[i] + third[i],
            hessian: share[i] * (1.0 - share[i]),
        };
        let expected: Vec<Derivatives> = if n == 1 { vec![Derivatives::default()] } else { (0..n).map(whole).collect() };
        let found = rows.found(&plan);
        prop_assert!(apart(&found, &expected) < 1e-9, "{:?} {:?}", found, expected);
    }

    /// A query's weight multiplies all of its derivatives and none of another's.
    #[test]
    fn weights_belong_to_queries(
        (first, second) in (cells(), cells()),
        name in prop::sample::select(vec!["lambdarank", "rank_map", "rank_pairwise", "rank_xendcg"]),
    ) {
        let both = Rows::of(&[&first[..], &second[..]].concat());
        let plan = made::plan(&[("objective", name)]);
        let groups = vec![first.len() as u32, second.len() as u32];
        let of = |weights: &[f32]| {
            let column = Column::F64(vec![0.0; both.len()]);
            let matrix = FeatureMatrix::new(Schema::numerical(["x"]), vec![column]).expect("one column");
            let task = Task::lambdarank_weighted(both.grades.clone(), groups.clone(), weights);
            let data = Dataset::fit(&matrix, task, plan.binning()).expect("legal");
            derivatives(&plan, &data, &both.scores, ROUND)
        };
        let (plain, weighted) = (of(&[1.0, 1.0]), of(&[0.5, 4.0]));
        let (a, b) = plain.split_at(first.len());
        let expected = [scaled(a.to_vec(), 0.5), scaled(b.to_vec(), 4.0)].concat();
        prop_assert!(apart(&weighted, &expected) == 0.0);
    }
}
