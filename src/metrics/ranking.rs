//! Quality of an order within queries.
//!
//! Sources: Järvelin, Kekäläinen, ACM TOIS 20 (2002), with gain 2^grade - 1 as in Burges et al., ICML 2005.

use crate::determinism::{math, par};

/// The place of each value in rising order, from 0; equal values share the mean of their places.
pub fn tied_ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    for tie in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let shared = before as f64 + (tie.len() as f64 - 1.0) / 2.0;
        tie.iter().for_each(|&row| ranks[row] = shared);
        before += tie.len();
    }
    ranks
}

/// Mean normalised discounted cumulative gain of the first `k` positions, with gain `2^grade - 1`.
///
/// Rows of a query are ordered by score, highest first, ties by position. A query in which nothing is relevant counts 1,
/// as in LightGBM and XGBoost. Without queries the mean is 1.
///
/// # Shape
/// One score per grade; `groups` holds the rows of each query, in order, and adds up to the number of grades.
pub fn ndcg_at(grades: &[u8], scores: &[f64], groups: &[u32], k: usize) -> f64 {
    ndcg_with(grades, scores, groups, k, &|grade| (1u64 << grade.min(62)) as f64 - 1.0)
}

/// [`ndcg_at`] with another gain of a grade.
pub fn ndcg_with(
    grades: &[u8],
    scores: &[f64],
    groups: &[u32],
    k: usize,
    gain: &(dyn Fn(u8) -> f64 + Sync),
) -> f64 {
    mean(&ndcg_of_queries(grades, scores, groups, k, gain), None)
}

/// [`ndcg_with`] of each query alone, in their order.
pub fn ndcg_of_queries(
    grades: &[u8],
    scores: &[f64],
    groups: &[u32],
    k: usize,
    gain: &(dyn Fn(u8) -> f64 + Sync),
) -> Vec<f64> {
    of_queries(grades, scores, groups, |grades, scores| ndcg_of_query(grades, scores, k, gain))
}

/// Mean average precision of the first `k` positions: per query, the mean over its relevant rows (grade above 0; at most
/// `k` of them) of the share of relevant rows down to each that stands among the first `k`.
///
/// Order and queries without relevant rows count as for [`ndcg_at`].
///
/// # Sources
/// LightGBM's `map@k`.
pub fn map_at(grades: &[u8], scores: &[f64], groups: &[u32], k: usize) -> f64 {
    mean(&map_of_queries(grades, scores, groups, k), None)
}

/// [`map_at`] of each query alone, in their order.
pub fn map_of_queries(grades: &[u8], scores: &[f64], groups: &[u32], k: usize) -> Vec<f64> {
    of_queries(grades, scores, groups, |grades, scores| precision_of_query(grades, scores, k))
}

/// The mean of values of queries by their weights (`None`: all alike), 1 where they weigh nothing.
///
/// # Shape
/// One weight per value.
pub fn mean(of_queries: &[f64], weights: Option<&[f64]>) -> f64 {
    let weight = |q: usize| weights.map_or(1.0, |weights| weights[q]);
    let total: f64 = (0..of_queries.len()).map(weight).sum();
    let sum: f64 = of_queries.iter().enumerate().map(|(q, value)| value * weight(q)).sum();
    if total > 0.0 { sum / total } else { 1.0 }
}

/// The weight of each query: the mean of its rows' weights, as in LightGBM; 0 for a query without rows.
pub fn query_weights(weights: &[f32], groups: &[u32]) -> Vec<f64> {
    let starts = starts(groups);
    let weight = |(&start, &n): (&usize, &u32)| {
        let sum: f64 = weights[start..start + n as usize].iter().map(|&w| f64::from(w)).sum();
        sum / f64::from(n.max(1))
    };
    starts.iter().zip(groups).map(weight).collect()
}

fn of_queries(
    grades: &[u8],
    scores: &[f64],
    groups: &[u32],
    of_query: impl Fn(&[u8], &[f64]) -> f64 + Sync + Send,
) -> Vec<f64> {
    let starts = starts(groups);
    par::map(groups.len(), |q| {
        let rows = starts[q]..starts[q] + groups[q] as usize;
        of_query(&grades[rows.clone()], &scores[rows])
    })
}

fn starts(groups: &[u32]) -> Vec<usize> {
    let running = groups.iter().scan(0, |end, &n| {
        let start = *end;
        *end += n as usize;
        Some(start)
    });
    running.collect()
}

fn ndcg_of_query(grades: &[u8], scores: &[f64], k: usize, gain: &dyn Fn(u8) -> f64) -> f64 {
    let order = order(scores);
    let mut best: Vec<f64> = grades.iter().map(|&grade| gain(grade)).collect();
    best.sort_by(|a, b| b.total_cmp(a));
    let ideal = dcg(best.into_iter().take(k));
    if ideal > 0.0 { dcg(order.iter().take(k).map(|&row| gain(grades[row]))) / ideal } else { 1.0 }
}

fn precision_of_query(grades: &[u8], scores: &[f64], k: usize) -> f64 {
    let (mut found, mut sum) = (0.0, 0.0);
    for (position, &row) in order(scores).iter().take(k).enumerate() {
        if grades[row] > 0 {
            found += 1.0;
            sum += found / (position as f64 + 1.0);
        }
    }
    let relevant = grades.iter().filter(|&&grade| grade > 0).count().min(k);
    if relevant > 0 { sum / relevant as f64 } else { 1.0 }
}

/// Rows by descending score, ties by position.
fn order(scores: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| (scores[b] + 0.0).total_cmp(&(scores[a] + 0.0)).then(a.cmp(&b)));
    order
}

/// Gains discounted by position.
fn dcg(gains: impl Iterator<Item = f64>) -> f64 {
    gains.enumerate().fold(0.0, |sum, (position, gain)| sum + gain * discount(position))
}

/// 1 / log2(position + 2), positions counting from 0.
pub fn discount(position: usize) -> f64 {
    1.0 / math::log2(position as f64 + 2.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The best order found by trying all.
    fn best_dcg(gains: &mut Vec<f64>, at: usize, k: usize) -> f64 {
        if at == gains.len() {
            return dcg(gains.iter().copied().take(k));
        }
        let mut best = 0.0f64;
        for i in at..gains.len() {
            gains.swap(at, i);
            best = best.max(best_dcg(gains, at + 1, k));
            gains.swap(at, i);
        }
        best
    }

    proptest! {
        #[test]
        fn the_ideal_is_the_best_of_all_orders(rows in prop::collection::vec((0..4u8, 0..3i32), 1..6), k in 1..7usize) {
            let grades: Vec<u8> = rows.iter().map(|r| r.0).collect();
            let scores: Vec<f64> = rows.iter().map(|r| f64::from(r.1)).collect();
            let gain = |grade: u8| f64::from((1u32 << grade) - 1);
            let mut order: Vec<usize> = (0..rows.len()).collect();
            order.sort_by_key(|&i| (-rows[i].1, i));
            let got = dcg(order.iter().map(|&i| gain(grades[i])).take(k));
            let best = best_dcg(&mut grades.iter().map(|&g| gain(g)).collect(), 0, k);
            let expected = if best > 0.0 { got / best } else { 1.0 };
            let found = ndcg_at(&grades, &scores, &[rows.len() as u32], k);
            prop_assert!((found - expected).abs() < 1e-12, "{} {}", found, expected);
        }
    }

    #[test]
    fn an_empty_query_counts_one() {
        assert_eq!(ndcg_at(&[0, 0, 2, 0], &[1.0, 2.0, 0.0, 1.0], &[2, 2], 1), 0.5);
        assert_eq!(ndcg_at(&[], &[], &[], 5), 1.0);
    }

    proptest! {
        /// Precision at each relevant row by counting who stands above it.
        #[test]
        fn average_precision_equals_its_definition(rows in prop::collection::vec((0..3u8, 0..4i32), 1..12), k in 1..14usize) {
            let n = rows.len();
            let above = |a: usize, b: usize| rows[a].1 > rows[b].1 || (rows[a].1 == rows[b].1 && a < b);
            let position = |b: usize| (0..n).filter(|&a| above(a, b)).count() + 1;
            let relevant: Vec<usize> = (0..n).filter(|&b| rows[b].0 > 0).collect();
            let precision = |&b: &usize| {
                let hits = relevant.iter().filter(|&&a| position(a) <= position(b)).count();
                hits as f64 / position(b) as f64
            };
            let sum: f64 = relevant.iter().filter(|&&b| position(b) <= k).map(precision).sum();
            let expected = if relevant.is_empty() { 1.0 } else { sum / relevant.len().min(k) as f64 };
            let grades: Vec<u8> = rows.iter().map(|r| r.0).collect();
            let scores: Vec<f64> = rows.iter().map(|r| f64::from(r.1)).collect();
            let found = map_at(&grades, &scores, &[n as u32], k);
            prop_assert!((found - expected).abs() < 1e-12, "{} {}", found, expected);
        }
    }

    #[test]
    fn queries_weigh_as_their_rows_do() {
        let weights = query_weights(&[1.0, 3.0, 5.0], &[2, 0, 1]);
        assert_eq!(weights, [2.0, 0.0, 5.0]);
        assert_eq!(mean(&[1.0, 7.0, 0.5], Some(&weights)), 4.5 / 7.0);
        assert_eq!(mean(&[0.25], Some(&[0.0])), 1.0);
    }

    #[test]
    fn ties_go_by_position() {
        assert_eq!(ndcg_at(&[1, 0], &[0.0, 0.0], &[2], 1), 1.0);
        assert_eq!(ndcg_at(&[0, 1], &[0.0, -0.0], &[2], 1), 0.0);
    }
}
