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
    let starts = starts(groups);
    let query = |q: usize| {
        let rows = starts[q]..starts[q] + groups[q] as usize;
        ndcg_of_query(&grades[rows.clone()], &scores[rows], k, gain)
    };
    let sum: f64 = par::map(groups.len(), query).iter().sum();
    if groups.is_empty() { 1.0 } else { sum / groups.len() as f64 }
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
    let mut order: Vec<usize> = (0..grades.len()).collect();
    order.sort_by(|&a, &b| (scores[b] + 0.0).total_cmp(&(scores[a] + 0.0)).then(a.cmp(&b)));
    let mut best: Vec<f64> = grades.iter().map(|&grade| gain(grade)).collect();
    best.sort_by(|a, b| b.total_cmp(a));
    let ideal = dcg(best.into_iter().take(k));
    if ideal > 0.0 { dcg(order.iter().take(k).map(|&row| gain(grades[row]))) / ideal } else { 1.0 }
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

    #[test]
    fn ties_go_by_position() {
        assert_eq!(ndcg_at(&[1, 0], &[0.0, 0.0], &[2], 1), 1.0);
        assert_eq!(ndcg_at(&[0, 1], &[0.0, -0.0], &[2], 1), 0.0);
    }
}
