//! The question of largest gain among all bins of one feature of one leaf: sums by bin in, the best threshold out.
//!
//! The score of a question is `S(left) + S(right)` with `S = T(G)^2 / (H + lambda_l2)` and `T` the soft threshold by
//! `lambda_l1`, over one common denominator, for a division takes as long as all the rest. Of equal scores the lower bin wins,
//! then missing values to the right. A bin without rows asks the same as the bin before it; of such a run the last bin is
//! taken, as LightGBM does: values in a gap of the training rows join the rows below it.
//!
//! Sums are integers that f64 holds exactly, so running sums in lanes of a vector are those of a loop; each score is one fixed
//! formula.

use std::cmp::Ordering;

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
    pub(in crate::gbdt) min_count: f64,
}

impl Terms {
    /// Twice the loss that the best value of a leaf with these sums takes away.
    pub(in crate::gbdt) fn score<C: Cell>(&self, sums: C) -> f64 {
        let gradient = soft(sums.gradient() * self.gradient_step, self.lambda_l1);
        let curvature = sums.hessian() * self.hessian_step + self.lambda_l2;
        if curvature > 0.0 { gradient * gradient / curvature } else { 0.0 }
    }

    /// The score of a split, minus infinity where a side is too small.
    #[inline(always)]
    fn judge(&self, left: Sums, right: Sums) -> f64 {
        let gl = soft(left.gradient * self.gradient_step, self.lambda_l1);
        let gr = soft(right.gradient * self.gradient_step, self.lambda_l1);
        let (hl, hr) = (left.hessian * self.hessian_step, right.hessian * self.hessian_step);
        let rows = (left.count >= self.min_count) & (right.count >= self.min_count);
        let weight = (hl >= self.min_sum_hessian) & (hr >= self.min_sum_hessian);
        let (hl, hr) = (hl + self.lambda_l2, hr + self.lambda_l2);
        let score = (gl * gl * hr + gr * gr * hl) / (hl * hr);
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

/// A cell as numbers of steps.
#[derive(Clone, Copy)]
struct Sums {
    gradient: f64,
    hessian: f64,
    count: f64,
}

impl Sums {
    #[inline(always)]
    fn of<C: Cell>(cell: C) -> Self {
        Sums { gradient: cell.gradient(), hessian: cell.hessian(), count: cell.count() }
    }
}

/// A question: values of bins up to `bin` go left.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::gbdt) struct Best {
    pub(in crate::gbdt) score: f64,
    pub(in crate::gbdt) bin: usize,
    pub(in crate::gbdt) missing_left: bool,
}

impl Best {
    /// The sums of the rows that go left.
    pub(in crate::gbdt) fn left<C: Cell>(&self, bins: &[C]) -> C {
        let missing = if self.missing_left { bins[bins.len() - 1] } else { C::default() };
        bins[..=self.bin].iter().fold(missing, |sum, &bin| sum.plus(bin))
    }
}

stamped! {
    /// The best question that scores more than `floor`.
    ///
    /// # Shape
    /// `bins`: the sums of at most 256 bins by ascending value, then those of missing values. `total`: the sums of all.
    pub(in crate::gbdt) fn best<C: Cell>(bins: &[C], total: C, terms: &Terms, floor: f64) -> Option<Best> = best_body
}

#[inline(always)]
fn best_body<C: Cell>(bins: &[C], total: C, terms: &Terms, floor: f64) -> Option<Best> {
    let (&missing, known) = bins.split_last()?;
    let any_missing = missing != C::default();
    let (score, mut bin, missing_left) = match any_missing {
        false => sweep::<C, false>(known, missing, total, terms),
        true => sweep::<C, true>(known, missing, total, terms),
    };
    if score.partial_cmp(&floor) != Some(Ordering::Greater) {
        return None;
    }
    // behind the last bin only missing values are left to tell apart
    let n_questions = known.len() - usize::from(missing_left || !any_missing);
    while bin + 1 < n_questions && known[bin + 1] == C::default() {
        bin += 1;
    }
    Some(Best { score, bin, missing_left })
}

/// The best score, its first bin and the side of missing values, which are tried on both sides where there are any.
#[inline(always)]
fn sweep<C: Cell, const ANY_MISSING: bool>(
    known: &[C],
    missing: C,
    total: C,
    terms: &Terms,
) -> (f64, usize, bool) {
    // behind the last bin, the sums of all rows leave no rows for the other side
    let mut below = [total; MOST];
    let mut sum = C::default();
    for (below, &bin) in below.iter_mut().zip(known) {
        sum = sum.plus(bin);
        *below = sum;
    }
    let below = &below[..known.len().div_ceil(LANES) * LANES];
    let (right, right_bin) = most_of(below, C::default(), total, terms);
    if !ANY_MISSING {
        return (right, right_bin, false);
    }
    let (left, left_bin) = most_of(below, missing, total, terms);
    if left > right || (left == right && left_bin < right_bin) {
        return (left, left_bin, true);
    }
    (right, right_bin, false)
}

/// The largest score, and the first bin that has it, when rows of `extra` go left with each bin.
#[inline(always)]
fn most_of<C: Cell>(below: &[C], extra: C, total: C, terms: &Terms) -> (f64, usize) {
    let mut scores = [f64::NEG_INFINITY; MOST];
    let scores = &mut scores[..below.len()];
    judge_all(below, extra, (total, terms), scores);
    first_of_most(scores)
}

/// The score of each bin, when rows of `extra` go left with it.
#[inline(always)]
fn judge_all<C: Cell>(below: &[C], extra: C, (total, terms): (C, &Terms), scores: &mut [f64]) {
    for (scores, below) in scores.chunks_exact_mut(LANES).zip(below.chunks_exact(LANES)) {
        for lane in 0..LANES {
            let left = below[lane].plus(extra);
            scores[lane] = terms.judge(Sums::of(left), Sums::of(total.minus(left)));
        }
    }
}

/// The largest score, and the first bin that has it.
#[inline(always)]
fn first_of_most(scores: &[f64]) -> (f64, usize) {
    let mut most = [f64::NEG_INFINITY; LANES];
    for scores in scores.chunks_exact(LANES) {
        for lane in 0..LANES {
            most[lane] = if scores[lane] > most[lane] { scores[lane] } else { most[lane] };
        }
    }
    let most = most.iter().fold(f64::NEG_INFINITY, |most, &score| if score > most { score } else { most });
    (most, scores.iter().position(|&score| score == most).unwrap_or(0))
}

/// Bins worked on side by side.
const LANES: usize = 8;
/// The most bins of known values.
const MOST: usize = 256;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Level;
    use super::super::cell::{Close, Narrow, Wide};
    use super::*;

    /// Every question in turn, in the order of preference.
    fn naive<C: Cell>(bins: &[C], total: C, terms: &Terms, floor: f64) -> Option<Best> {
        let n_bins = bins.len() - 1;
        let mut found: Option<Best> = None;
        for bin in 0..n_bins {
            let is_last_of_run = bins[bin + 1..n_bins].first().is_none_or(|&next| next != C::default());
            for missing_left in [false, true] {
                let asked = Best { score: 0.0, bin, missing_left };
                let left = asked.left(bins);
                let score = terms.judge(Sums::of(left), Sums::of(total.minus(left)));
                let least = found.map_or(floor, |best| best.score);
                let doubled = missing_left && bins[n_bins] == C::default();
                if is_last_of_run && !doubled && score > least {
                    found = Some(Best { score, ..asked });
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
        let floor = terms.score(total) * (1.0 + 1e-12);
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
                gradient_step: 0.25, hessian_step: 0.5, lambda_l1, lambda_l2, min_sum_hessian, min_count: min_count.into(),
            };
            agrees::<Narrow>(&rows, n_bins, &terms);
            agrees::<Close>(&rows, n_bins, &terms);
            agrees::<Wide>(&rows, n_bins, &terms);
        }
    }
}
