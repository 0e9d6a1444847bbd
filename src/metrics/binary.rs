//! Quality of scores for two classes. Labels are 1 (positive, anything above 0) or 0.
//!
//! Rows are put in a total order (score, then label, then weight) before anything is added, so a metric does not
//! depend on the order of rows. A metric that the data leave undefined (no rows, one class) is `None`, never a number
//! that could be mistaken for a result.

use std::cmp::Ordering;

use crate::determinism::{math, par};

/// Area under the ROC curve: the chance that a positive scores above a negative, ties counting half.
///
/// # Shape
/// One score, and one weight if any, per label. `None` unless both classes have weight.
///
/// # Sources
/// Hanley, McNeil, Radiology 143 (1982): the rank-sum form.
pub fn auc(labels: &[f32], scores: &[f64], weights: Option<&[f32]>) -> Option<f64> {
    let (mut negatives_below, mut positives, mut area) = (0.0, 0.0, 0.0);
    for tie in ascending(labels, scores, weights).chunk_by(|a, b| a.score == b.score) {
        let (positive, negative) = masses(tie);
        area += positive * (negatives_below + 0.5 * negative);
        negatives_below += negative;
        positives += positive;
    }
    let pairs = positives * negatives_below;
    (pairs > 0.0).then(|| area / pairs)
}

/// Area under the precision-recall curve as the step-wise sum of precision times gain in recall, rows of one score
/// entering together.
///
/// # Shape
/// One score, and one weight if any, per label. `None` when there are no positives.
///
/// # Sources
/// As scikit-learn's `average_precision_score`.
pub fn average_precision(labels: &[f32], scores: &[f64], weights: Option<&[f32]>) -> Option<f64> {
    let (mut found, mut taken, mut sum) = (0.0, 0.0, 0.0);
    for tie in ascending(labels, scores, weights).rchunk_by_score() {
        let (positive, negative) = masses(tie);
        found += positive;
        taken += positive + negative;
        if positive > 0.0 {
            sum += positive * (found / taken);
        }
    }
    (found > 0.0).then(|| sum / found)
}

/// Mean negative log likelihood of probabilities, each kept 1e-15 away from 0 and 1.
///
/// # Shape
/// One probability, and one weight if any, per label. `None` without weight.
pub fn binary_logloss(labels: &[f32], probabilities: &[f64], weights: Option<&[f32]>) -> Option<f64> {
    mean(labels, probabilities, weights, |positive, p| {
        let likelihood: f64 = if positive { p } else { 1.0 - p };
        -math::ln(likelihood.max(1e-15))
    })
}

/// Mean squared error of probabilities.
///
/// # Shape
/// One probability, and one weight if any, per label. `None` without weight.
///
/// # Sources
/// Brier, Monthly Weather Review 78 (1950).
pub fn brier(labels: &[f32], probabilities: &[f64], weights: Option<&[f32]>) -> Option<f64> {
    mean(labels, probabilities, weights, |positive, p| {
        let error = p - f64::from(u8::from(positive));
        error * error
    })
}

/// Share of positives among the `budget` highest scores (all rows, if there are fewer), ties by position.
///
/// # Shape
/// One score per label. `None` when nothing is taken.
pub fn precision_at(labels: &[f32], scores: &[f64], budget: usize) -> Option<f64> {
    let mut order: Vec<usize> = (0..labels.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)));
    let taken = &order[..budget.min(order.len())];
    let found = taken.iter().filter(|&&row| labels[row] > 0.0).count();
    (!taken.is_empty()).then(|| found as f64 / taken.len() as f64)
}

/// A row as metrics see it.
#[derive(Clone, Copy)]
struct Row {
    score: f64,
    positive: bool,
    weight: f32,
}

impl Row {
    fn compare(&self, other: &Row) -> Ordering {
        let by_score = self.score.total_cmp(&other.score);
        by_score.then(self.positive.cmp(&other.positive)).then(self.weight.total_cmp(&other.weight))
    }
}

fn ascending(labels: &[f32], scores: &[f64], weights: Option<&[f32]>) -> Vec<Row> {
    let row = |i: usize| Row {
        // both zeros are one score
        score: scores[i] + 0.0,
        positive: labels[i] > 0.0,
        weight: weights.map_or(1.0, |w| w[i]),
    };
    let mut rows: Vec<Row> = (0..labels.len()).map(row).collect();
    par::sort_by(&mut rows, Row::compare);
    rows
}

/// Groups of equal score, the highest first.
trait ByScore {
    fn rchunk_by_score(&self) -> impl Iterator<Item = &[Row]>;
}

impl ByScore for Vec<Row> {
    fn rchunk_by_score(&self) -> impl Iterator<Item = &[Row]> {
        self.chunk_by(|a, b| a.score == b.score).rev()
    }
}

/// Weight of the positives and of the negatives.
fn masses(rows: &[Row]) -> (f64, f64) {
    rows.iter().fold((0.0, 0.0), |(positive, negative), row| {
        let weight = f64::from(row.weight);
        if row.positive { (positive + weight, negative) } else { (positive, negative + weight) }
    })
}

fn mean(
    labels: &[f32],
    probabilities: &[f64],
    weights: Option<&[f32]>,
    loss: impl Fn(bool, f64) -> f64 + Sync,
) -> Option<f64> {
    let part = |range: std::ops::Range<usize>| {
        range.fold((0.0, 0.0), |(sum, total), i| {
            let weight = f64::from(weights.map_or(1.0, |w| w[i]));
            (sum + weight * loss(labels[i] > 0.0, probabilities[i]), total + weight)
        })
    };
    let blocks = par::map_blocks(labels.len(), BLOCK, part);
    let (sum, total) = blocks.fold((0.0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1));
    (total > 0.0).then(|| sum / total)
}

/// Rows of a block of a mean; part of the result's definition.
const BLOCK: usize = 4096;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pairwise_auc(labels: &[f32], scores: &[f64], weights: &[f32]) -> Option<f64> {
        let (mut won, mut pairs) = (0.0, 0.0);
        for i in 0..labels.len() {
            for j in 0..labels.len() {
                if labels[i] > 0.0 && labels[j] == 0.0 {
                    let mass = f64::from(weights[i]) * f64::from(weights[j]);
                    pairs += mass;
                    won += mass
                        * if scores[i] > scores[j] { 1.0 } else { 0.5 * f64::from(scores[i] == scores[j]) };
                }
            }
        }
        (pairs > 0.0).then(|| won / pairs)
    }

    /// Precision and recall recounted from scratch at every distinct score.
    fn naive_average_precision(labels: &[f32], scores: &[f64]) -> Option<f64> {
        let total = labels.iter().filter(|&&y| y > 0.0).count() as f64;
        let mut cuts = scores.to_vec();
        cuts.sort_by(|a, b| b.total_cmp(a));
        cuts.dedup();
        let (mut sum, mut recall_before) = (0.0, 0.0);
        for cut in cuts {
            let taken = scores.iter().filter(|&&s| s >= cut).count() as f64;
            let found = (0..labels.len()).filter(|&i| scores[i] >= cut && labels[i] > 0.0).count() as f64;
            sum += (found / total - recall_before) * found / taken;
            recall_before = found / total;
        }
        (total > 0.0).then_some(sum)
    }

    fn close(a: Option<f64>, b: Option<f64>) -> bool {
        match (a, b) {
            (Some(a), Some(b)) => (a - b).abs() < 1e-12,
            (a, b) => a == b,
        }
    }

    proptest! {
        #[test]
        fn fast_equals_naive(rows in prop::collection::vec((0..2u8, 0..6i32, 0..4u8), 0..60)) {
            let labels: Vec<f32> = rows.iter().map(|r| f32::from(r.0)).collect();
            let scores: Vec<f64> = rows.iter().map(|r| f64::from(r.1) / 3.0).collect();
            let weights: Vec<f32> = rows.iter().map(|r| f32::from(r.2)).collect();
            let ones = vec![1.0; rows.len()];
            prop_assert!(close(auc(&labels, &scores, None), pairwise_auc(&labels, &scores, &ones)));
            prop_assert!(close(auc(&labels, &scores, Some(&weights)), pairwise_auc(&labels, &scores, &weights)));
            prop_assert!(close(average_precision(&labels, &scores, None), naive_average_precision(&labels, &scores)));
        }

        #[test]
        fn the_order_of_rows_changes_nothing(rows in prop::collection::vec((0..2u8, -4..5i32, 1..9u8), 1..50)) {
            let unzip = |rows: &[(u8, i32, u8)]| {
                let labels: Vec<f32> = rows.iter().map(|r| f32::from(r.0)).collect();
                let scores: Vec<f64> = rows.iter().map(|r| f64::from(r.1) / 7.0).collect();
                let weights: Vec<f32> = rows.iter().map(|r| f32::from(r.2) / 10.0).collect();
                [auc(&labels, &scores, Some(&weights)), average_precision(&labels, &scores, Some(&weights))]
            };
            let mut reversed = rows.clone();
            reversed.reverse();
            prop_assert_eq!(unzip(&rows), unzip(&reversed));
        }
    }

    #[test]
    fn known_values() {
        let labels = [0.0, 0.0, 1.0, 1.0];
        let scores = [0.1, 0.4, 0.35, 0.8];
        assert_eq!(auc(&labels, &scores, None), Some(0.75));
        let precision = average_precision(&labels, &scores, None).expect("positives");
        assert!((precision - 0.833_333_333_333).abs() < 1e-9);
        assert_eq!(precision_at(&labels, &scores, 2), Some(0.5));
        assert_eq!(brier(&[1.0, 0.0], &[0.5, 0.5], None), Some(0.25));
        let loss = binary_logloss(&[1.0, 0.0], &[0.5, 0.5], None).expect("rows");
        assert!((loss - std::f64::consts::LN_2).abs() < 1e-15);
    }

    #[test]
    fn undefined_is_none() {
        assert_eq!(auc(&[1.0, 1.0], &[0.1, 0.2], None), None);
        assert_eq!(average_precision(&[0.0], &[0.1], None), None);
        assert_eq!(brier(&[], &[], None), None);
        assert_eq!(precision_at(&[1.0], &[0.5], 0), None);
    }
}
