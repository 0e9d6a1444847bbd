//! The best question for one leaf: a histogram in, the split of largest gain out.
//!
//! Gain is `S(left) + S(right) - S(leaf)` with `S = T(G)^2 / (H + lambda_l2)` and `T` the soft threshold by `lambda_l1`:
//! one formula in f64 over exact integer sums. Ties go to the lower feature, then the lower bin, then missing values
//! to the right. A bin without rows asks the same as the bin before it; of such a run the last bin is taken, as LightGBM
//! does: values in a gap of the training rows join the rows below it.
//!
//! Missing values are tried on both sides. Where a leaf has none of a feature, a missing value met later
//! goes to the child with more training rows (to the left, when even).
//!
//! Sources: Chen, Guestrin, KDD 2016, equation 7 and algorithm 3 (default directions); `lambda_l1` as in LightGBM.

use super::cells::{Cell, Packing};
use super::histogram::{Bins, Histogram};
use crate::determinism::par;
use crate::gbdt::data::{BinnedMatrix, MISSING_BIN};
use crate::gbdt::model::Default as Side;
use crate::gbdt::params::Growth;

/// A question and what it gains.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Split {
    pub(super) gain: f64,
    pub(super) feature: u32,
    /// Bins up to this one go left.
    pub(super) bin: u8,
    /// Where missing values go.
    pub(super) default: Side,
    pub(super) left: Cell,
    pub(super) right: Cell,
}

/// The rules by which leaves are judged in one round.
#[derive(Clone, Copy)]
pub(super) struct Judge<'a> {
    pub(super) growth: &'a Growth,
    pub(super) packing: &'a Packing,
}

impl Judge<'_> {
    /// The best split of a leaf with these sums over the given features.
    pub(super) fn best(
        &self,
        data: &BinnedMatrix,
        histogram: &Histogram,
        total: Cell,
        features: &[u32],
    ) -> Option<Split> {
        let search = |i: usize| {
            let feature = features[i] as usize;
            let n_bins = data.cuts().n_bins(feature);
            self.best_of_feature(histogram.feature(feature), n_bins, total, features[i])
        };
        let found = if features.len() < 4 || par::width() == 1 {
            (0..features.len()).map(search).collect()
        } else {
            par::map_blocks(features.len(), features.len().div_ceil(2 * par::width()), |range| {
                range.map(search).collect::<Vec<_>>()
            })
            .fold(Vec::new(), |mut all, part| {
                all.extend(part);
                all
            })
        };
        found.into_iter().flatten().fold(None, |best: Option<Split>, split| match best {
            Some(best) if best.gain >= split.gain => Some(best),
            _ => Some(split),
        })
    }

    fn best_of_feature(&self, bins: &Bins, n_bins: usize, total: Cell, feature: u32) -> Option<Split> {
        let missing = bins[usize::from(MISSING_BIN)];
        let any_missing = self.packing.count(missing) > 0;
        let mut best = Best { threshold: self.score(total) + self.growth.min_gain_to_split, found: None };
        let mut below = Cell::default();
        for (bin, &cell) in bins[..n_bins].iter().enumerate() {
            if self.packing.count(cell) == 0 {
                continue;
            }
            // the first bin with rows has nothing below it to ask about
            if let Some(bin) = bin.checked_sub(1) {
                self.consider_both_sides(&mut best, below, (total, missing), bin);
            }
            below.add(cell);
        }
        if any_missing {
            self.consider(&mut best, below, total, n_bins - 1, Side::Right);
        }
        let (score, bin, side, left) = best.found?;
        let right = total.without(left);
        let larger =
            if self.packing.count(left) >= self.packing.count(right) { Side::Left } else { Side::Right };
        Some(Split {
            gain: score - self.score(total),
            feature,
            bin: bin as u8,
            default: if any_missing { side } else { larger },
            left,
            right,
        })
    }

    #[inline]
    fn consider_both_sides(&self, best: &mut Best, below: Cell, (total, missing): (Cell, Cell), bin: usize) {
        self.consider(best, below, total, bin, Side::Right);
        if self.packing.count(missing) > 0 {
            self.consider(best, below.plus(missing), total, bin, Side::Left);
        }
    }

    #[inline]
    fn consider(&self, best: &mut Best, left: Cell, total: Cell, bin: usize, side: Side) {
        let right = total.without(left);
        let least = self.packing.count(left).min(self.packing.count(right));
        if least < self.growth.min_data_in_leaf.max(1) {
            return;
        }
        let least = f64::min(self.packing.hessian(left), self.packing.hessian(right));
        if least < self.growth.min_sum_hessian_in_leaf {
            return;
        }
        let score = self.score(left) + self.score(right);
        if score > best.threshold {
            *best = Best { threshold: score, found: Some((score, bin, side, left)) };
        }
    }

    /// Twice the loss that the best value of a leaf with these sums takes away.
    #[inline]
    fn score(&self, sums: Cell) -> f64 {
        let gradient = soft(self.packing.gradient(sums), self.growth.lambda_l1);
        let curvature = self.packing.hessian(sums) + self.growth.lambda_l2;
        if curvature > 0.0 { gradient * gradient / curvature } else { 0.0 }
    }

    /// The value that takes most loss away, before the learning rate.
    pub(super) fn value(&self, sums: Cell, hessian: f64) -> f64 {
        let gradient = soft(self.packing.gradient(sums), self.growth.lambda_l1);
        let curvature = hessian + self.growth.lambda_l2;
        if curvature > 0.0 { -gradient / curvature } else { 0.0 }
    }

    /// Whether a leaf has the rows for two.
    pub(super) fn divisible(&self, sums: Cell, depth: u32) -> bool {
        let deep = self.growth.max_depth.is_some_and(|limit| depth >= limit);
        !deep && self.packing.count(sums) >= 2 * self.growth.min_data_in_leaf.max(1)
    }
}

/// The best question so far: score, bin, side of the missing, sums of the left.
struct Best {
    threshold: f64,
    found: Option<(f64, usize, Side, Cell)>,
}

#[inline]
fn soft(gradient: f64, lambda_l1: f64) -> f64 {
    if lambda_l1 == 0.0 {
        return gradient;
    }
    let reduced = (gradient.abs() - lambda_l1).max(0.0);
    if gradient < 0.0 { -reduced } else { reduced }
}
