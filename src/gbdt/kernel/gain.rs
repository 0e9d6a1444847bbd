//! The question of largest gain among all bins of one feature of one leaf: sums by bin in, the best threshold out.
//!
//! Unless bounds ask for more ([`Bounded`]), the score of a question is `S(left) + S(right)` with `S = T(G)^2 / (H + lambda_l2)` and `T` the soft threshold by
//! `lambda_l1`, over one common denominator, for a division takes as long as all the rest. Of equal scores the lower bin wins,
//! then missing values to the right. A bin without rows asks the same as the bin before it; of such a run the last bin is
//! taken, as LightGBM does: values in a gap of the training rows join the rows below it.
//!
//! Sums are integers that f64 holds exactly, so running sums in lanes of a vector are those of a loop; each score is one fixed
//! formula.

use std::cmp::Ordering;

use super::cell::Sum;
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
    /// The least [`Sum::count`] of a side; at least 1.
    pub(in crate::gbdt) min_count: f64,
}

/// How a question is judged.
pub(in crate::gbdt) trait Rules: Copy {
    /// The score of a split, minus infinity where it may not be.
    fn judge(&self, left: Sums, right: Sums) -> f64;
}

impl Terms {
    /// Gradient and hessian of sums, each beyond its lambda.
    #[inline(always)]
    fn slope(&self, sums: Sums) -> (f64, f64) {
        let gradient = soft(sums.gradient * self.gradient_step, self.lambda_l1);
        (gradient, sums.hessian * self.hessian_step + self.lambda_l2)
    }

    /// The value that takes most loss away.
    pub(in crate::gbdt) fn value(&self, gradient: f64, hessian: f64) -> f64 {
        optimum(soft(gradient, self.lambda_l1), hessian + self.lambda_l2)
    }

    /// Twice the loss that a value takes away from a leaf with these sums.
    #[inline(always)]
    pub(in crate::gbdt) fn score_at(&self, sums: Sums, value: f64) -> f64 {
        let (gradient, curvature) = self.slope(sums);
        -(2.0 * gradient * value + curvature * value * value)
    }

    /// Twice the loss that the best value of a leaf with these sums takes away.
    pub(in crate::gbdt) fn score(&self, sums: Sums) -> f64 {
        let (gradient, curvature) = self.slope(sums);
        if curvature > 0.0 { gradient * gradient / curvature } else { 0.0 }
    }

    /// Whether both sides have the rows and the weight.
    #[inline(always)]
    fn allows(&self, left: Sums, right: Sums) -> bool {
        let (hl, hr) = (left.hessian * self.hessian_step, right.hessian * self.hessian_step);
        let rows = (left.count >= self.min_count) & (right.count >= self.min_count);
        rows & (hl >= self.min_sum_hessian) & (hr >= self.min_sum_hessian)
    }
}

impl Rules for Terms {
    #[inline(always)]
    fn judge(&self, left: Sums, right: Sums) -> f64 {
        let ((gl, hl), (gr, hr)) = (self.slope(left), self.slope(right));
        let score = (gl * gl * hr + gr * gr * hl) / (hl * hr);
        if self.allows(left, right) { score } else { f64::NEG_INFINITY }
    }
}

/// What the value of a leaf is held to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::gbdt) struct Limits {
    /// The least and the largest value.
    pub(in crate::gbdt) low: f64,
    pub(in crate::gbdt) high: f64,
    /// The largest magnitude before smoothing and bounds.
    pub(in crate::gbdt) max_delta_step: f64,
    /// How many rows of its own a leaf needs to be as far from `parent` as not; 0 is no smoothing.
    pub(in crate::gbdt) path_smooth: f64,
    /// What values are smoothed towards.
    pub(in crate::gbdt) parent: f64,
}

impl Limits {
    /// The value within these limits that is best by itself, of a leaf with so many rows.
    #[inline(always)]
    pub(in crate::gbdt) fn hold(&self, value: f64, n_rows: f64) -> f64 {
        let value = within(value, -self.max_delta_step, self.max_delta_step);
        let value = if self.path_smooth > 0.0 {
            let own = n_rows / self.path_smooth;
            (value * own + self.parent) / (own + 1.0)
        } else {
            value
        };
        within(value, self.low, self.high)
    }
}

#[inline(always)]
fn within(x: f64, low: f64, high: f64) -> f64 {
    let x = if x < low { low } else { x };
    if x > high { high } else { x }
}

/// Judged by the values that sides may have, which also must not be the wrong way round.
#[derive(Clone, Copy, Debug)]
pub(in crate::gbdt) struct Bounded<'a> {
    pub(in crate::gbdt) terms: &'a Terms,
    pub(in crate::gbdt) limits: Limits,
    /// 1.0 where the right side's value must not be below the left's, -1.0 where not above, else 0.0.
    pub(in crate::gbdt) direction: f64,
}

impl Bounded<'_> {
    /// The value of a side.
    #[inline(always)]
    fn value(&self, side: Sums) -> f64 {
        let (gradient, curvature) = self.terms.slope(side);
        self.limits.hold(optimum(gradient, curvature), side.count)
    }
}

impl Rules for Bounded<'_> {
    #[inline(always)]
    fn judge(&self, left: Sums, right: Sums) -> f64 {
        let (low, high) = (self.value(left), self.value(right));
        let score = self.terms.score_at(left, low) + self.terms.score_at(right, high);
        let ordered = self.direction * (high - low) >= 0.0;
        if ordered & self.terms.allows(left, right) { score } else { f64::NEG_INFINITY }
    }
}

/// Where a parabola of this slope and curvature is lowest.
#[inline(always)]
pub(in crate::gbdt) fn optimum(gradient: f64, curvature: f64) -> f64 {
    if curvature > 0.0 { -gradient / curvature } else { 0.0 }
}

/// `gradient` moved towards 0 by `lambda_l1`, not beyond.
#[inline(always)]
pub(in crate::gbdt) fn soft(gradient: f64, lambda_l1: f64) -> f64 {
    let reduced = gradient.abs() - lambda_l1;
    let reduced = if reduced > 0.0 { reduced } else { 0.0 };
    if gradient < 0.0 { -reduced } else { reduced }
}

/// A sum as numbers of steps, and a count.
#[derive(Clone, Copy, Debug)]
pub(in crate::gbdt) struct Sums {
    gradient: f64,
    hessian: f64,
    count: f64,
}

impl Sums {
    #[inline(always)]
    pub(in crate::gbdt) fn of<S: Sum>(sum: S) -> Self {
        Sums { gradient: sum.gradient(), hessian: sum.hessian(), count: sum.count() }
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
    pub(in crate::gbdt) fn left<S: Sum>(&self, bins: &[S]) -> S {
        let missing = if self.missing_left { bins[bins.len() - 1] } else { S::default() };
        bins[..=self.bin].iter().fold(missing, |sum, &bin| sum.plus(bin))
    }
}

stamped! {
    /// The best question that scores more than `floor`.
    ///
    /// # Shape
    /// `bins`: the sums of at most 256 bins by ascending value, then those of missing values. `total`: the sums of all.
    pub(in crate::gbdt) fn best<S: Sum, R: Rules>(bins: &[S], total: S, rules: &R, floor: f64) -> Option<Best> = best_body
}

#[inline(always)]
fn best_body<S: Sum, R: Rules>(bins: &[S], total: S, rules: &R, floor: f64) -> Option<Best> {
    let (&missing, known) = bins.split_last()?;
    let any_missing = missing != S::default();
    let (score, mut bin, missing_left) = match any_missing {
        false => sweep::<S, R, false>(known, missing, total, rules),
        true => sweep::<S, R, true>(known, missing, total, rules),
    };
    if score.partial_cmp(&floor) != Some(Ordering::Greater) {
        return None;
    }
    // behind the last bin only missing values are left to tell apart
    let n_questions = known.len() - usize::from(missing_left || !any_missing);
    while bin + 1 < n_questions && known[bin + 1] == S::default() {
        bin += 1;
    }
    Some(Best { score, bin, missing_left })
}

/// The best score, its first bin and the side of missing values, which are tried on both sides where there are any.
#[inline(always)]
fn sweep<S: Sum, R: Rules, const ANY_MISSING: bool>(
    known: &[S],
    missing: S,
    total: S,
    rules: &R,
) -> (f64, usize, bool) {
    // behind the last bin, the sums of all rows leave no rows for the other side
    let mut below = [total; MOST];
    let mut sum = S::default();
    for (below, &bin) in below.iter_mut().zip(known) {
        sum = sum.plus(bin);
        *below = sum;
    }
    let below = &below[..known.len().div_ceil(LANES) * LANES];
    let (right, right_bin) = most_of(below, S::default(), total, rules);
    if !ANY_MISSING {
        return (right, right_bin, false);
    }
    let (left, left_bin) = most_of(below, missing, total, rules);
    if left > right || (left == right && left_bin < right_bin) {
        return (left, left_bin, true);
    }
    (right, right_bin, false)
}

/// The largest score, and the first bin that has it, when rows of `extra` go left with each bin.
#[inline(always)]
fn most_of<S: Sum, R: Rules>(below: &[S], extra: S, total: S, rules: &R) -> (f64, usize) {
    let mut scores = [f64::NEG_INFINITY; MOST];
    let scores = &mut scores[..below.len()];
    judge_all(below, extra, (total, rules), scores);
    first_of_most(scores)
}

/// The score of each bin, when rows of `extra` go left with it.
#[inline(always)]
fn judge_all<S: Sum, R: Rules>(below: &[S], extra: S, (total, rules): (S, &R), scores: &mut [f64]) {
    for (scores, below) in scores.chunks_exact_mut(LANES).zip(below.chunks_exact(LANES)) {
        for lane in 0..LANES {
            let left = below[lane].plus(extra);
            scores[lane] = rules.judge(Sums::of(left), Sums::of(total.minus(left)));
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

/// The better side for missing values at one question, where it scores more than `floor`.
///
/// # Shape
/// As [`best`]; `bin`: of a known value, not the last.
pub(in crate::gbdt) fn at<S: Sum, R: Rules>(
    bins: &[S],
    total: S,
    rules: &R,
    bin: usize,
    floor: f64,
) -> Option<Best> {
    let sides = if bins[bins.len() - 1] == S::default() { &[false][..] } else { &[false, true] };
    let ask = |&missing_left: &bool| {
        let asked = Best { score: 0.0, bin, missing_left };
        let left = asked.left(bins);
        Best { score: rules.judge(Sums::of(left), Sums::of(total.minus(left))), ..asked }
    };
    let better = |a: Best, b: Best| if b.score > a.score { b } else { a };
    sides.iter().map(ask).reduce(better).filter(|best| best.score > floor)
}

/// Bins worked on side by side.
const LANES: usize = 8;
/// The most bins of known values.
const MOST: usize = 256;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Level;
    use super::super::cell::{Cell, Close, Counted, Narrow};
    use super::*;

    /// Every question in turn, in the order of preference.
    fn naive<S: Sum, R: Rules>(bins: &[S], total: S, rules: &R, floor: f64) -> Option<Best> {
        let n_bins = bins.len() - 1;
        let mut found: Option<Best> = None;
        for bin in 0..n_bins {
            let is_last_of_run = bins[bin + 1..n_bins].first().is_none_or(|&next| next != S::default());
            let least = found.map_or(floor, |best| best.score);
            if let Some(best) = at(bins, total, rules, bin, least).filter(|_| is_last_of_run) {
                found = Some(best);
            }
        }
        found
    }

    type Rows<'a> = &'a [(u8, i16, u16)];

    fn agrees<S: Sum>(rows: Rows<'_>, n_bins: usize, terms: &Terms, of: impl Fn(i64, i64) -> S) {
        let mut bins = vec![S::default(); n_bins + 1];
        for &(bin, gradient, hessian) in rows {
            let bin = &mut bins[usize::from(bin) % (n_bins + 1)];
            *bin = bin.plus(of(gradient.into(), i64::from(hessian) + 1));
        }
        let total = bins.iter().fold(S::default(), |sum, &bin| sum.plus(bin));
        let floor = terms.score(Sums::of(total)) * (1.0 + 1e-12);
        let limits = Limits { low: -0.25, high: 0.5, max_delta_step: 1.0, path_smooth: 2.0, parent: 0.125 };
        let bounded = [-1.0, 0.0, 1.0].map(|direction| Bounded { terms, limits, direction });
        for level in Level::available() {
            assert_eq!(best(level, &bins, total, terms, floor), naive(&bins, total, terms, floor), "{level}");
            for rules in &bounded {
                assert_eq!(best(level, &bins, total, rules, 0.0), naive(&bins, total, rules, 0.0), "{level}");
            }
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
            agrees(&rows, n_bins, &terms, |g, h| Narrow::of(Narrow::row(g, h)));
            agrees(&rows, n_bins, &terms, |g, h| Close::of(Close::row(g, h)));
            agrees(&rows, n_bins, &terms, |g, h| Counted { sum: Close::of(Close::row(g, h)), n_rows: 1 });
        }
    }

    #[test]
    fn without_limits_bounded_is_free() {
        let terms = Terms {
            gradient_step: 0.25,
            hessian_step: 0.5,
            lambda_l1: 0.5,
            lambda_l2: 1.0,
            min_sum_hessian: 0.0,
            min_count: 1.0,
        };
        let unlimited = Limits {
            low: f64::NEG_INFINITY,
            high: f64::INFINITY,
            max_delta_step: f64::INFINITY,
            path_smooth: 0.0,
            parent: 0.0,
        };
        let bounded = Bounded { terms: &terms, limits: unlimited, direction: 0.0 };
        for (g, h) in [(10.0, 4.0), (-7.0, 9.0), (1.0, 1.0)] {
            let left = Sums { gradient: g, hessian: h, count: 1.0 };
            let right = Sums { gradient: -2.0 * g, hessian: 3.0, count: 1.0 };
            let (free, held) = (terms.judge(left, right), bounded.judge(left, right));
            assert!((free - held).abs() <= 1e-12 * free.abs(), "{free} {held}");
        }
    }
}
