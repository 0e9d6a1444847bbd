//! The best question for one leaf: its histogram in, the split of largest gain out.
//!
//! Gain is the score of a question, by the formula of [`gain`], less the score of the leaf left whole. Ties go to the lower
//! feature, then as [`gain`] says. Missing values are tried on both sides. Where a leaf has none of a feature, a missing
//! value met later goes to the child of the larger hessian, in exact steps (to the left, when even).
//!
//! Sources: Chen, Guestrin, KDD 2016, equation 7 and algorithm 3 (default directions); `lambda_l1` as in LightGBM.

use crate::gbdt::data::Cuts;
use crate::gbdt::data::tiles::Tiles;
use crate::gbdt::kernel::Level;
use crate::gbdt::kernel::cell::Cell;
use crate::gbdt::kernel::derive::Steps;
use crate::gbdt::kernel::gain::{self, Best, Terms};
use crate::gbdt::kernel::parting::Question;
use crate::gbdt::model::Default as Side;
use crate::gbdt::params::Growth;

/// A question and what it gains.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Split<C> {
    pub(super) gain: f64,
    pub(super) feature: u32,
    /// Bins up to this one go left.
    pub(super) bin: usize,
    /// Where missing values go.
    pub(super) default: Side,
    pub(super) left: C,
    pub(super) right: C,
}

impl<C: Cell> Split<C> {
    fn new(best: Best, feature: u32, bins: &[C], total: C, whole: f64) -> Self {
        let left = best.left(bins);
        let right = total.minus(left);
        let any_missing = bins[bins.len() - 1] != C::default();
        let to_left = if any_missing { best.missing_left } else { left.hessian() >= right.hessian() };
        let default = if to_left { Side::Left } else { Side::Right };
        Split { gain: best.score - whole, feature, bin: best.bin, default, left, right }
    }

    /// The question to a row's code.
    pub(super) fn question(&self, cuts: &Cuts) -> Question {
        let last = self.bin as u16;
        let missing = cuts.missing_code(self.feature as usize) as u16;
        Question::UpTo { last, also: if self.default == Side::Left { missing } else { last } }
    }
}

/// The rules by which leaves are judged in one round.
#[derive(Clone, Copy)]
pub(super) struct Judge<'a> {
    pub(super) level: Level,
    pub(super) growth: &'a Growth,
    pub(super) terms: Terms,
}

impl<'a> Judge<'a> {
    pub(super) fn new<C: Cell>(level: Level, growth: &'a Growth, steps: Steps) -> Self {
        let terms = Terms {
            gradient_step: 1.0 / steps.gradient,
            hessian_step: 1.0 / steps.hessian,
            lambda_l1: growth.lambda_l1,
            lambda_l2: growth.lambda_l2,
            min_sum_hessian: growth.min_sum_hessian_in_leaf,
            min_count: if C::COUNTS { growth.min_data_in_leaf.max(1) as f64 } else { 1.0 },
        };
        Judge { level, growth, terms }
    }

    /// The best split by a feature of a tile that the tree may use.
    ///
    /// # Shape
    /// `sums`: the tile's cells; `total`: the sums of the leaf; `usable`: one per feature.
    pub(super) fn best<C: Cell>(
        &self,
        tiles: &Tiles,
        tile: usize,
        sums: &[C],
        total: C,
        usable: &[bool],
    ) -> Option<Split<C>> {
        let whole = self.terms.score(total);
        // what a split into like halves gains by rounding alone is no gain
        let floor = whole + self.growth.min_gain_to_split + whole * ROUNDING;
        let first = tiles.cells(tile).start;
        let bins = |feature: u32| {
            let place = tiles.place(feature as usize);
            &sums[place.start - first..place.end - first]
        };
        let features = tiles.features(tile).iter().filter(|&&feature| usable[feature as usize]);
        let found = features.filter_map(|&feature| {
            gain::best(self.level, bins(feature), total, &self.terms, floor).map(|best| (feature, best))
        });
        let (feature, best) = found.reduce(|a, b| {
            let leads = b.1.score > a.1.score || (b.1.score == a.1.score && b.0 < a.0);
            if leads { b } else { a }
        })?;
        Some(Split::new(best, feature, bins(feature), total, whole))
    }

    /// The value that takes most loss away, before the learning rate.
    pub(super) fn value(&self, gradient: f64, hessian: f64) -> f64 {
        let gradient = gain::soft(gradient, self.growth.lambda_l1);
        let curvature = hessian + self.growth.lambda_l2;
        if curvature > 0.0 { -gradient / curvature } else { 0.0 }
    }

    /// Whether a leaf has the rows for two.
    pub(super) fn divisible(&self, n_rows: usize, depth: u32) -> bool {
        let deep = self.growth.max_depth.is_some_and(|limit| depth >= limit);
        !deep && n_rows as u64 >= 2 * self.growth.min_data_in_leaf.max(1)
    }
}

/// The one of larger gain, of equal ones that of the lower feature.
pub(super) fn better<C>(a: Split<C>, b: Split<C>) -> Split<C> {
    if b.gain > a.gain || (b.gain == a.gain && b.feature < a.feature) { b } else { a }
}

/// What a score may owe to rounding, as a share of it.
const ROUNDING: f64 = 1e-12;
