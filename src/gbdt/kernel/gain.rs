//! The question of largest gain among all bins of one feature of one leaf: sums by bin in, the best threshold out.
//!
//! The score of a question is `S(left) + S(right)` with `S = T(G)^2 / (H + lambda_l2)` and `T` the soft threshold by
//! `lambda_l1`. Of equal scores the lower bin wins, then missing values to the right. A bin without rows asks
//! the same as the bin before it; of such a run the last bin is taken, as LightGBM does: values in a gap of the training
//! rows join the rows below it.
//!
//! Prefix sums are integers and each score is one fixed formula in f64, so lanes of a vector give the bits of a loop.

use super::cell::Cell;
use super::level::stamped;

/// What a split is judged by.
#[derive(Clone, Copy, Debug)]
pub(in crate::gbdt) struct Terms {
    /// The gradient of one step.
    pub(in crate::gbdt) gradient_step: f64,
    /// The hessian of one step.
    pub(in crate::gbdt) hessian_step: f64,
    pub(in crate::gbdt) lambda_l1: f64,
    pub(in crate::gbdt) lambda_l2: f64,
    /// The least hessian of a side.
    pub(in crate::gbdt) min_sum_hessian: f64,
    /// The least [`Cell::count`] of a side; at least 1.
    pub(in crate::gbdt) min_count: u32,
}

impl Terms {
    /// Twice the loss that the best value of a leaf with these sums takes away.
    #[inline(always)]
    pub(in crate::gbdt) fn score<C: Cell>(&self, sums: C) -> f64 {
        let gradient = soft(sums.gradient() * self.gradient_step, self.lambda_l1);
        let curvature = sums.hessian() * self.hessian_step + self.lambda_l2;
        if curvature > 0.0 { gradient * gradient / curvature } else { 0.0 }
    }

    /// The score of a split, minus infinity where a side is too small.
    #[inline(always)]
    fn judge<C: Cell>(&self, left: C, right: C) -> f64 {
        let score = self.score(left) + self.score(right);
        let rows = (left.count() >= self.min_count) & (right.count() >= self.min_count);
        let weight = (left.hessian() * self.hessian_step >= self.min_sum_hessian)
            & (right.hessian() * self.hessian_step >= self.min_sum_hessian);
        if rows & weight { score } else { f64::NEG_INFINITY }
    }
}

/// `gradient` moved towards 0 by `lambda_l1`, not beyond.
#[inline(always)]
pub(in crate::gbdt) fn soft(gradient: f64, lambda_l1: f64) -> f64 {
    let reduced = gradient.abs() - lambda_l1;
    let reduced = if reduced > 0.0 { reduced } else { 0.0 };
    if gradient < 0.0 { -reduced } else { reduced }
}

/// A question: values of bins up to `bin` go left.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::gbdt) struct Best<C> {
    pub(in crate::gbdt) score: f64,
    pub(in crate::gbdt) bin: usize,
    pub(in crate::gbdt) missing_left: bool,
    pub(in crate::gbdt) left: C,
}

stamped! {
    /// The best question that scores more than `floor`.
    ///
    /// # Shape
    /// `bins`: the sums of at most [`MOST`] bins by ascending value, then those of missing values. `total`: the sums of all.
    pub(in crate::gbdt) fn best<C: Cell>(bins: &[C], total: C, terms: &Terms, floor: f64) -> Option<Best<C>> = best_body
}

#[inline(always)]
fn best_body<C: Cell>(bins: &[C], total: C, terms: &Terms, floor: f64) -> Option<Best<C>> {
    let (&missing, known) = bins.split_last().expect("a place for missing values");
    let any_missing = missing != C::default();
    // behind the last bin only missing values are left to tell apart
    let n_questions = if any_missing { known.len() } else { known.len().saturating_sub(1) };
    let below = prefix_sums(known, total);
    let to_right = sweep(&below, n_questions, C::default(), (total, terms));
    let mut found = (to_right, false);
    if any_missing {
        let to_left = sweep(&below, known.len() - 1, missing, (total, terms));
        if to_left.0 > to_right.0 || (to_left.0 == to_right.0 && to_left.1 < to_right.1) {
            found = (to_left, true);
        }
    }
    let ((score, mut bin), missing_left) = found;
    if !(score > floor) {
        return None;
    }
    let left = if missing_left { below[bin].plus(missing) } else { below[bin] };
    let n_questions = if missing_left { known.len() - 1 } else { n_questions };
    while bin + 1 < n_questions && known[bin + 1] == C::default() {
        bin += 1;
    }
    Some(Best { score, bin, missing_left, left })
}

/// The sums up to each bin; behind the last bin, the sums of all rows, whose question no side is left for.
#[inline(always)]
fn prefix_sums<C: Cell>(known: &[C], total: C) -> [C; MOST] {
    let mut below = [total; MOST];
    let mut sum = C::default();
    for (below, &bin) in below.iter_mut().zip(known) {
        sum = sum.plus(bin);
        *below = sum;
    }
    below
}

/// The best score and the first bin that has it, when rows of `extra` go left with every bin.
#[inline(always)]
fn sweep<C: Cell>(
    below: &[C; MOST],
    n_questions: usize,
    extra: C,
    (total, terms): (C, &Terms),
) -> (f64, usize) {
    let mut scores = [f64::NEG_INFINITY; MOST];
    let mut most = [f64::NEG_INFINITY; LANES];
    for (scores, below) in scores.chunks_exact_mut(LANES).zip(below.chunks_exact(LANES)).take(n_questions.div_ceil(LANES))
    {
        for lane in 0..LANES {
            let left = below[lane].plus(extra);
            scores[lane] = terms.judge(left, total.minus(left));
        }
    }
    scores[n_questions..].fill(f64::NEG_INFINITY);
    for scores in scores.chunks_exact(LANES).take(n_questions.div_ceil(LANES)) {
        for lane in 0..LANES {
            most[lane] = if scores[lane] > most[lane] { scores[lane] } else { most[lane] };
        }
    }
    let most = most.iter().fold(f64::NEG_INFINITY, |most, &score| if score > most { score } else { most });
    let bin = scores[..n_questions].iter().position(|&score| score == most).unwrap_or(0);
    (most, bin)
}

/// The most bins of known values.
pub(in crate::gbdt) const MOST: usize = 256;
/// Scores computed side by side.
const LANES: usize = 8;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Level;
    use super::super::cell::{Narrow, Wide};
    use super::*;

    /// Every question in turn, in the order of preference.
    fn naive<C: Cell>(bins: &[C], total: C, terms: &Terms, floor: f64) -> Option<Best<C>> {
        let n_bins = bins.len() - 1;
        let mut found: Option<Best<C>> = None;
        for bin in 0..n_bins {
            let is_last_of_run = bins[bin + 1..n_bins].first().is_none_or(|&next| next != C::default());
            for missing_left in [false, true] {
                let missing = if missing_left { bins[n_bins] } else { C::default() };
                let left = bins[..=bin].iter().fold(missing, |sum, &bin| sum.plus(bin));
                let score = terms.judge(left, total.minus(left));
                let least = found.map_or(floor, |best| best.score);
                let doubled = missing_left && bins[n_bins] == C::default();
                if is_last_of_run && !doubled && score > least {
                    found = Some(Best { score, bin, missing_left, left });
                }
            }
        }
        found
    }

    fn agrees<C: Cell>(rows: &[(u8, i16, u16)], n_bins: usize, terms: &Terms) {
        let mut bins = vec![C::default(); n_bins + 1];
        for &(bin, gradient, hessian) in rows {
            let bin = &mut bins[usize::from(bin) % (n_bins + 1)];
            *bin = bin.plus(C::of(C::row(gradient.into(), i64::from(hessian) + 1)));
        }
        let total = bins.iter().fold(C::default(), |sum, &bin| sum.plus(bin));
        let floor = terms.score(total);
        let expected = naive(&bins, total, terms, floor);
        for level in Level::available() {
            assert_eq!(best(level, &bins, total, terms, floor), expected, "{level}");
        }
    }

    proptest! {
        #[test]
        fn every_level_equals_the_naive_twin(
            rows in prop::collection::vec((0u8..=255, -40i16..40, prop_oneof![Just(3u16), 0u16..100]), 1..120),
            n_bins in prop_oneof![1usize..20, Just(255usize)],
            lambda_l1 in prop_oneof![Just(0.0), Just(2.5)],
            lambda_l2 in prop_oneof![Just(0.0), Just(1.0)],
            min_sum_hessian in prop_oneof![Just(0.0), Just(30.0)],
            min_count in 1u32..5,
        ) {
            let terms = Terms {
                gradient_step: 0.25, hessian_step: 0.5, lambda_l1, lambda_l2, min_sum_hessian, min_count,
            };
            agrees::<Narrow>(&rows, n_bins, &terms);
            agrees::<Wide>(&rows, n_bins, &terms);
        }
    }
}
