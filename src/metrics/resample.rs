//! Figures of rows that count several times, without sorting again: what a bootstrap asks for hundreds of times.
//!
//! A resample is a whole number per row: how often it was drawn. [`Sorted`] puts the rows of one score in order once and then
//! answers for any resample; its AUC is exact integer arithmetic. [`draws`] draws units (days, pattern instances) with
//! replacement. Rows of one day resemble each other, and so do rows of one instance on several days; a row's count is the
//! product of its day's and its instance's (pigeonhole bootstrap), which errs on the wide side.
//!
//! Sources: Efron, Tibshirani, An Introduction to the Bootstrap (1993), chapter 13 (percentile intervals); Owen, Annals of
//! Applied Statistics 1 (2007) (rows that two kinds of units cross).

use std::ops::ControlFlow;

use crate::determinism::rng::Stream;
use crate::metrics::ranking::discount;

/// Rows in falling order of one score.
#[derive(Clone, Debug)]
pub struct Sorted {
    /// Row numbers, the highest score first, equal scores by position.
    order: Vec<u32>,
    /// One past the last place of each run of equal scores.
    ties: Vec<u32>,
    positive: Vec<bool>,
}

impl Sorted {
    /// Sorts once.
    ///
    /// # Shape
    /// One score per label.
    pub fn new(labels: &[f32], scores: &[f64]) -> Self {
        let mut order: Vec<u32> = (0..labels.len() as u32).collect();
        let score = |row: u32| scores[row as usize] + 0.0;
        order.sort_by(|&a, &b| score(b).total_cmp(&score(a)).then(a.cmp(&b)));
        let is_last =
            |&place: &usize| place + 1 == order.len() || score(order[place]) != score(order[place + 1]);
        let ties = (0..order.len()).filter(is_last).map(|place| place as u32 + 1).collect();
        Sorted { ties, positive: labels.iter().map(|&label| label > 0.0).collect(), order }
    }

    /// Area under the ROC curve when row `i` counts `counts[i]` times; `None` unless both classes have rows.
    pub fn auc(&self, counts: &[u32]) -> Option<f64> {
        let (mut positives, mut negatives, mut twice_won) = (0u128, 0u128, 0u128);
        self.each_tie(counts, |positive, negative| {
            // this run's negatives are below all positives so far, and tie with the run's own
            twice_won += u128::from(negative) * (2 * positives + u128::from(positive));
            positives += u128::from(positive);
            negatives += u128::from(negative);
            ControlFlow::Continue(())
        });
        let pairs = positives * negatives;
        (pairs > 0).then(|| twice_won as f64 / (2 * pairs) as f64)
    }

    /// Average precision when row `i` counts `counts[i]` times; `None` without positives.
    pub fn average_precision(&self, counts: &[u32]) -> Option<f64> {
        let (mut found, mut taken, mut sum) = (0u64, 0u64, 0.0);
        self.each_tie(counts, |positive, negative| {
            found += positive;
            taken += positive + negative;
            if positive > 0 {
                sum += positive as f64 * (found as f64 / taken as f64);
            }
            ControlFlow::Continue(())
        });
        (found > 0).then(|| sum / found as f64)
    }

    /// Positive rows expected among the first `budget` of the resample when equal scores are worked in random order.
    pub fn hits(&self, counts: &[u32], budget: u64) -> f64 {
        let (mut left, mut hits) = (budget, 0.0);
        self.each_tie(counts, |positive, negative| {
            let rows = positive + negative;
            let taken = rows.min(left);
            if taken > 0 {
                hits += taken as f64 * (positive as f64 / rows as f64);
            }
            left -= taken;
            if left > 0 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        hits
    }

    /// NDCG of the first `k` of the resample, gain `2^grade - 1`; 1 where nothing is relevant.
    pub fn ndcg(&self, grades: &[u8], counts: &[u32], k: usize) -> f64 {
        let mut of_grade = [0u64; 64];
        for (&grade, &count) in grades.iter().zip(counts) {
            of_grade[usize::from(grade.min(63))] += u64::from(count);
        }
        let best = (0..of_grade.len()).rev().map(|grade| (grade as u8, of_grade[grade]));
        let ideal = dcg(best, k);
        let found = self.order.iter().map(|&row| (grades[row as usize], u64::from(counts[row as usize])));
        if ideal > 0.0 { dcg(found, k) / ideal } else { 1.0 }
    }

    /// Rows of each run of equal scores, positive and negative, until told to stop.
    fn each_tie(&self, counts: &[u32], mut take: impl FnMut(u64, u64) -> ControlFlow<()>) {
        let mut begin = 0;
        for &end in &self.ties {
            let (mut positive, mut negative) = (0, 0);
            for &row in &self.order[begin..end as usize] {
                let count = u64::from(counts[row as usize]);
                if self.positive[row as usize] { positive += count } else { negative += count }
            }
            begin = end as usize;
            if take(positive, negative).is_break() {
                break;
            }
        }
    }
}

/// How often each of `units` units was drawn in `units` draws with replacement.
pub fn draws(stream: Stream, units: usize) -> Vec<u32> {
    let mut counts = vec![0; units];
    for draw in 0..units as u64 {
        counts[stream.below(draw, units as u64) as usize] += 1;
    }
    counts
}

/// The two quantiles that leave `(1 - level) / 2` outside on each side; `None` without values.
///
/// # Shape
/// Values in any order. Between two values the nearer end decides by linear interpolation.
pub fn interval(values: &mut [f64], level: f64) -> Option<(f64, f64)> {
    values.sort_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    let at = |share: f64| {
        let place = share.clamp(0.0, 1.0) * last as f64;
        let (below, rest) = (place as usize, place - place.floor());
        values[below] + rest * (values[(below + 1).min(last)] - values[below])
    };
    Some((at((1.0 - level) / 2.0), at((1.0 + level) / 2.0)))
}

/// Gains of the first `k` places, each pair a grade and how many places it fills.
fn dcg(rows: impl Iterator<Item = (u8, u64)>, k: usize) -> f64 {
    let (mut place, mut sum) = (0, 0.0);
    for (grade, count) in rows {
        let gain = (1u64 << grade.min(62)) as f64 - 1.0;
        for _ in 0..count {
            if place == k {
                return sum;
            }
            sum += gain * discount(place);
            place += 1;
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::metrics::{binary, ranking};

    /// Row by row: the chance of a place among the first `k`, every place of a tie being equally likely.
    fn mean_hits(labels: &[f32], scores: &[f64], k: usize) -> f64 {
        let hits = |row: usize| {
            let above = scores.iter().filter(|&&s| s > scores[row]).count();
            let tied = scores.iter().filter(|&&s| s == scores[row]).count();
            let places = (above..above + tied).filter(|&place| place < k).count();
            f64::from(labels[row]) * places as f64 / tied as f64
        };
        (0..labels.len()).map(hits).sum()
    }

    proptest! {
        /// The oracle writes every row down as often as it counts and asks the plain metrics.
        #[test]
        fn counting_is_repeating(rows in prop::collection::vec((0..4u8, 0..6i32, 0..4u32), 1..50), k in 1..12usize) {
            let grades: Vec<u8> = rows.iter().map(|r| r.0).collect();
            let labels: Vec<f32> = grades.iter().map(|&g| f32::from(u8::from(g > 1))).collect();
            let scores: Vec<f64> = rows.iter().map(|r| f64::from(r.1) / 3.0).collect();
            let counts: Vec<u32> = rows.iter().map(|r| r.2).collect();
            let repeated: Vec<usize> =
                (0..rows.len()).flat_map(|i| std::iter::repeat_n(i, counts[i] as usize)).collect();
            let all_labels: Vec<f32> = repeated.iter().map(|&i| labels[i]).collect();
            let all_scores: Vec<f64> = repeated.iter().map(|&i| scores[i]).collect();
            let all_grades: Vec<u8> = repeated.iter().map(|&i| grades[i]).collect();
            let close = |a: Option<f64>, b: Option<f64>| match (a, b) {
                (Some(a), Some(b)) => (a - b).abs() < 1e-12,
                (a, b) => a == b,
            };
            let sorted = Sorted::new(&labels, &scores);
            prop_assert!(close(sorted.auc(&counts), binary::auc(&all_labels, &all_scores, None)));
            prop_assert!(close(sorted.average_precision(&counts), binary::average_precision(&all_labels, &all_scores, None)));
            prop_assert!((sorted.hits(&counts, k as u64) - mean_hits(&all_labels, &all_scores, k)).abs() < 1e-9);
            let ndcg = ranking::ndcg_at(&all_grades, &all_scores, &[repeated.len() as u32], k);
            prop_assert!((sorted.ndcg(&grades, &counts, k) - ndcg).abs() < 1e-12);
        }

        #[test]
        fn draws_add_up(units in 1..200usize, seed in 0..50u64) {
            let counts = draws(Stream::new(seed, "t"), units);
            prop_assert_eq!(counts.iter().sum::<u32>() as usize, units);
            prop_assert_eq!(&counts, &draws(Stream::new(seed, "t"), units));
        }
    }

    #[test]
    fn intervals_are_quantiles() {
        let mut values: Vec<f64> = (0..=100).rev().map(f64::from).collect();
        assert_eq!(interval(&mut values, 0.5), Some((25.0, 75.0)));
        assert_eq!(interval(&mut [3.0], 0.95), Some((3.0, 3.0)));
        assert_eq!(interval(&mut [], 0.95), None);
    }

    /// The interval of a mean covers the true mean about as often as it says.
    #[test]
    fn intervals_cover() {
        let covered = (0..200).filter(|&trial| {
            let world = Stream::new(trial, "world");
            let values: Vec<f64> = (0..40).map(|i| world.unit(i)).collect();
            let mut means: Vec<f64> = (0..200)
                .map(|round| {
                    let counts = draws(Stream::new(trial, "draw").round(round), values.len());
                    let sum: f64 = values.iter().zip(&counts).map(|(v, &c)| v * f64::from(c)).sum();
                    sum / values.len() as f64
                })
                .collect();
            let (low, high) = interval(&mut means, 0.9).expect("means");
            (low..=high).contains(&0.5)
        });
        assert!((165..=195).contains(&covered.count()));
    }
}
