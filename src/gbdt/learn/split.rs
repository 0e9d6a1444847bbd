//! The best question for one leaf: its sums by feature and code in, the split of largest gain out.
//!
//! Gain is the score of a question, by the formula of [`gain`], less the score of the leaf left whole. Ties go to the lower
//! feature, then as [`gain`] says. Missing values are tried on both sides. Where a leaf has none of a feature, a missing
//! value met later goes to the child of the larger hessian, in exact steps (to the left, when even). Missing and unknown
//! categories go right.
//!
//! Sources: Chen, Guestrin, KDD 2016, equation 7 and algorithm 3 (default directions); `lambda_l1` as in LightGBM.

use super::category::Grouped;
use super::cells::Cells;
use super::place::{Ground, Place};
use crate::gbdt::data::Cuts;
use crate::gbdt::kernel::Level;
use crate::gbdt::kernel::cell::{Cell, Counted, Sum};
use crate::gbdt::kernel::gain::{self, Best, Bounded, Rules, Sums, Terms};
use crate::gbdt::kernel::parting::Question;
use crate::gbdt::model::Default as Side;

/// Which codes of a feature go left.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Rule {
    /// Bins up to this one.
    UpTo(usize),
    /// Categories whose bit is set, as [`Question::AnyOf`] has it.
    AnyOf(Box<[u64]>),
}

/// A question and what it gains.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Split<C> {
    pub(super) gain: f64,
    pub(super) feature: u32,
    pub(super) rule: Rule,
    /// Where missing values go.
    pub(super) default: Side,
    pub(super) left: C,
    pub(super) right: C,
    /// Whether both sides are known to have the rows.
    pub(super) counted: bool,
}

impl<C: Cell> Split<C> {
    /// The question to a row's code.
    pub(super) fn question(&self, cuts: &Cuts) -> Question {
        match &self.rule {
            Rule::AnyOf(words) => Question::AnyOf(words.clone()),
            Rule::UpTo(bin) => {
                let last = *bin as u16;
                let missing = cuts.missing_code(self.feature as usize) as u16;
                Question::UpTo { last, also: if self.default == Side::Left { missing } else { last } }
            }
        }
    }
}

/// The rules by which leaves are judged in one round.
#[derive(Clone, Copy)]
pub(super) struct Judge<'a> {
    pub(super) level: Level,
    pub(super) ground: Ground<'a>,
    pub(super) terms: Terms,
    /// Whether values are held to anything.
    is_bounded: bool,
    /// The most steps of hessian that a row has.
    largest_row: f64,
}

/// A leaf to be split.
#[derive(Clone, Copy)]
pub(super) struct Whole<'a, S> {
    total: S,
    place: &'a Place,
    /// What it scores left whole.
    score: f64,
}

impl<'a, C: Cell> Whole<'a, C> {
    /// Its place.
    pub(super) fn place(&self) -> &'a Place {
        self.place
    }

    /// The same with its rows counted.
    pub(super) fn counted(self, n_rows: usize) -> Whole<'a, Counted<C>> {
        let Whole { total: sum, place, score } = self;
        Whole { total: Counted { sum, n_rows: n_rows as u32 }, place, score }
    }
}

impl<'a> Judge<'a> {
    pub(super) fn new<C: Cell>(level: Level, ground: Ground<'a>, cells: &Cells<C>) -> Self {
        let (growth, steps) = (ground.growth, cells.steps());
        let terms = Terms {
            gradient_step: 1.0 / steps.gradient,
            hessian_step: 1.0 / steps.hessian,
            lambda_l1: growth.lambda_l1,
            lambda_l2: growth.lambda_l2,
            min_sum_hessian: growth.min_sum_hessian_in_leaf,
            // of sums that do not count rows, there are as many steps at least
            min_count: growth.min_data_in_leaf.max(1) as f64,
        };
        let monotone = growth.monotone_constraints.iter().any(|&direction| direction != 0);
        let is_bounded = monotone || growth.path_smooth > 0.0 || growth.max_delta_step < f64::INFINITY;
        Judge { level, ground, terms, is_bounded, largest_row: cells.largest_hessian() }
    }

    /// Whether a feature is judged by sums that count rows from the start: sets of categories are formed by counts, and so
    /// are smoothed values.
    pub(super) fn needs_counts(&self, cuts: &Cuts, feature: u32) -> bool {
        self.ground.growth.path_smooth > 0.0 || cuts.is_categorical(feature as usize)
    }

    /// A leaf of these sums.
    pub(super) fn whole<'p, C: Cell>(&self, total: C, place: &'p Place) -> Whole<'p, C> {
        let sums = Sums::of(total);
        let score =
            if self.is_bounded { self.terms.score_at(sums, place.value) } else { self.terms.score(sums) };
        Whole { total, place, score }
    }

    /// The best split by a feature; whether its sides have the rows is not known yet unless their hessians prove it.
    ///
    /// # Shape
    /// `bins`: sums by code, of missing values last.
    pub(super) fn best<C: Cell>(&self, feature: u32, bins: &[C], leaf: Whole<'_, C>) -> Option<Split<C>> {
        let best = self.ask(feature, bins, leaf)?;
        let left = best.left(bins);
        let split = split_of(feature, best, [left, leaf.total.minus(left)], bins[bins.len() - 1], leaf.score);
        let counted = self.has_rows(split.left) && self.has_rows(split.right);
        Some(Split { counted, ..split })
    }

    /// The best split by a feature whose sides have the rows.
    ///
    /// # Shape
    /// As [`Judge::best`].
    pub(super) fn best_counted<C: Cell>(
        &self,
        feature: u32,
        bins: &[Counted<C>],
        leaf: Whole<'_, Counted<C>>,
        categorical: bool,
    ) -> Option<Split<C>> {
        if categorical {
            return self.best_set(feature, bins, leaf);
        }
        let best = self.ask(feature, bins, leaf)?;
        let left = best.left(bins);
        let sums = [left, leaf.total.minus(left)].map(|side| side.sum);
        let split = split_of(feature, best, sums, bins[bins.len() - 1].sum, leaf.score);
        Some(Split { counted: true, ..split })
    }

    /// The best question to a numerical feature.
    fn ask<S: Sum>(&self, feature: u32, bins: &[S], leaf: Whole<'_, S>) -> Option<Best> {
        if self.is_bounded {
            let direction = self.ground.direction(feature);
            self.ask_by(feature, bins, leaf, &self.bounded(&self.terms, leaf.place, direction))
        } else {
            self.ask_by(feature, bins, leaf, &self.terms)
        }
    }

    fn ask_by<S: Sum, R: Rules>(
        &self,
        feature: u32,
        bins: &[S],
        leaf: Whole<'_, S>,
        rules: &R,
    ) -> Option<Best> {
        let floor = self.floor(leaf.score);
        if self.ground.growth.extra_trees {
            let bin = leaf.place.drawn_bin(&self.ground, feature, bins.len() - 1);
            gain::at(bins, leaf.total, rules, bin, floor)
        } else {
            gain::best(self.level, bins, leaf.total, rules, floor)
        }
    }

    /// The best split by a set of categories.
    fn best_set<C: Cell>(
        &self,
        feature: u32,
        bins: &[Counted<C>],
        leaf: Whole<'_, Counted<C>>,
    ) -> Option<Split<C>> {
        let (grouping, terms) = (&self.ground.growth.categories, &self.terms);
        let many = Terms { lambda_l2: terms.lambda_l2 + grouping.cat_l2, ..*terms };
        let floor = self.floor(leaf.score);
        let found = if self.is_bounded {
            let [one, many] = [terms, &many].map(|terms| self.bounded(terms, leaf.place, 0));
            Grouped { grouping, terms, one, many }.best(bins, leaf.total, floor)?
        } else {
            Grouped { grouping, terms, one: *terms, many }.best(bins, leaf.total, floor)?
        };
        let mut words = vec![0u64; (bins.len() - 1).div_ceil(64)];
        found.codes.iter().for_each(|code| words[code / 64] |= 1 << (code % 64));
        Some(Split {
            gain: found.score - leaf.score,
            feature,
            rule: Rule::AnyOf(words.into()),
            default: Side::Right,
            left: found.left.sum,
            right: leaf.total.minus(found.left).sum,
            counted: true,
        })
    }

    /// What a split must score more than: what a split into like halves gains by rounding alone is no gain.
    fn floor(&self, whole: f64) -> f64 {
        whole + self.ground.growth.min_gain_to_split + whole.abs() * ROUNDING
    }

    fn bounded<'t>(&self, terms: &'t Terms, place: &Place, direction: i32) -> Bounded<'t> {
        let limits = place.children_limits(self.ground.growth);
        Bounded { terms, limits, direction: f64::from(direction) }
    }

    /// Whether the hessian alone proves that a side has the rows.
    fn has_rows<C: Cell>(&self, side: C) -> bool {
        side.hessian() >= self.terms.min_count * self.largest_row || self.terms.min_count <= 1.0
    }

    /// The places of a leaf's children, with so many rows each.
    pub(super) fn children<C: Cell>(
        &self,
        place: &Place,
        split: &Split<C>,
        n_rows: [usize; 2],
    ) -> [Place; 2] {
        let limits = place.children_limits(self.ground.growth);
        let value = |sums: C, n_rows: usize| limits.hold(self.free_value(sums), n_rows as f64);
        place.children(&self.ground, split, [value(split.left, n_rows[0]), value(split.right, n_rows[1])])
    }

    /// The place of the root.
    pub(super) fn root<C: Cell>(&self, total: C) -> Place {
        Place::root(&self.ground, self.free_value(total))
    }

    /// The value that takes most loss away from a leaf with these sums, before the learning rate.
    fn free_value<C: Cell>(&self, sums: C) -> f64 {
        let (gradient, hessian) = self.slope(sums);
        self.terms.value(gradient, hessian)
    }

    /// The gradient and hessian of sums.
    pub(super) fn slope<C: Cell>(&self, sums: C) -> (f64, f64) {
        (sums.gradient() * self.terms.gradient_step, sums.hessian() * self.terms.hessian_step)
    }

    /// The value of a finished leaf by its exact sums, before the learning rate.
    pub(super) fn value(&self, place: &Place, (gradient, hessian): (f64, f64), n_rows: usize) -> f64 {
        place.limits(self.ground.growth).hold(self.terms.value(gradient, hessian), n_rows as f64)
    }

    /// Whether a leaf has the rows for two.
    pub(super) fn divisible(&self, n_rows: usize, depth: u32) -> bool {
        let growth = self.ground.growth;
        let deep = growth.max_depth.is_some_and(|limit| depth >= limit);
        !deep && n_rows as u64 >= 2 * growth.min_data_in_leaf.max(1)
    }
}

/// A split into sides of these sums; whether they have the rows is not known.
fn split_of<C: Cell>(feature: u32, best: Best, [left, right]: [C; 2], missing: C, whole: f64) -> Split<C> {
    let any_missing = missing != C::default();
    let to_left = if any_missing { best.missing_left } else { left.hessian() >= right.hessian() };
    let default = if to_left { Side::Left } else { Side::Right };
    Split {
        gain: best.score - whole,
        feature,
        rule: Rule::UpTo(best.bin),
        default,
        left,
        right,
        counted: false,
    }
}

/// Whether the one gains more, or as much by a lower feature.
pub(super) fn leads<C>(one: &Split<C>, other: &Split<C>) -> bool {
    one.gain > other.gain || (one.gain == other.gain && one.feature < other.feature)
}

/// What a score may owe to rounding, as a share of it.
const ROUNDING: f64 = 1e-12;
