//! The best question for a feature of categories: sums by category in, the set that goes left out.
//!
//! Few categories are set apart one by one. Many are put in the order of gradient by smoothed hessian, and the sets tried are
//! the first so many and the last so many of that order: among all sets, the best one is such a run (for a convex loss
//! without the smoothing).
//!
//! Sources: Fisher, "On grouping for maximum homogeneity", JASA 53 (1958); limits and smoothing as in LightGBM.

use crate::gbdt::kernel::cell::Sum;
use crate::gbdt::kernel::gain::{Rules, Sums, Terms};
use crate::gbdt::params::Grouping;

/// How categories are judged.
pub(super) struct Grouped<'a, R> {
    pub(super) grouping: &'a Grouping,
    /// Steps by which categories are put in order, and the least rows of a side.
    pub(super) terms: &'a Terms,
    /// Of one category against the others.
    pub(super) one: R,
    /// Of sets.
    pub(super) many: R,
}

/// Which categories go left.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Found<S> {
    pub(super) score: f64,
    pub(super) codes: Vec<usize>,
    pub(super) left: S,
}

impl<R: Rules> Grouped<'_, R> {
    /// The best set that scores more than `floor`; of equal ones the first tried.
    ///
    /// # Shape
    /// `bins`: sums that count rows, of each category by code, then of missing values, which go right; `total`: of all.
    pub(super) fn best<S: Sum>(&self, bins: &[S], total: S, floor: f64) -> Option<Found<S>> {
        let (_, known) = bins.split_last()?;
        if known.len() <= self.grouping.max_cat_to_onehot {
            self.best_single(known, total, floor)
        } else {
            self.best_run(known, total, floor)
        }
    }

    fn best_single<S: Sum>(&self, known: &[S], total: S, floor: f64) -> Option<Found<S>> {
        let mut best: Option<Found<S>> = None;
        for (code, &left) in known.iter().enumerate().filter(|(_, bin)| **bin != S::default()) {
            let score = self.one.judge(Sums::of(left), Sums::of(total.minus(left)));
            if score > best.as_ref().map_or(floor, |best| best.score) {
                best = Some(Found { score, codes: vec![code], left });
            }
        }
        best
    }

    fn best_run<S: Sum>(&self, known: &[S], total: S, floor: f64) -> Option<Found<S>> {
        let order = self.order(known);
        let most = self.grouping.max_cat_threshold.min(order.len().div_ceil(2));
        let first = self.longest(order.iter().take(most).map(|&code| known[code]), total, floor);
        let floor = first.map_or(floor, |(score, ..)| score);
        let last = self.longest(order.iter().rev().take(most).map(|&code| known[code]), total, floor);
        let found = |(score, n, left): (f64, usize, S), codes: Vec<usize>| Found {
            score,
            codes: codes[..n].to_vec(),
            left,
        };
        match (first, last) {
            (_, Some(last)) => Some(found(last, order.into_iter().rev().collect())),
            (Some(first), None) => Some(found(first, order)),
            (None, None) => None,
        }
    }

    /// Categories with the rows to say something, by gradient per hessian.
    fn order<S: Sum>(&self, known: &[S]) -> Vec<usize> {
        let Terms { gradient_step, hessian_step, .. } = *self.terms;
        let smooth = self.grouping.cat_smooth;
        let ratio = |sum: S| sum.gradient() * gradient_step / (sum.hessian() * hessian_step + smooth);
        let enough = |&(_, sum): &(usize, &S)| sum.count() >= smooth.max(1.0);
        let mut order: Vec<(f64, usize)> =
            known.iter().enumerate().filter(enough).map(|(code, &sum)| (ratio(sum), code)).collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        order.into_iter().map(|(_, code)| code).collect()
    }

    /// The number of categories in turn that score most together, above a floor: score, number and sums.
    fn longest<S: Sum>(
        &self,
        categories: impl Iterator<Item = S>,
        total: S,
        floor: f64,
    ) -> Option<(f64, usize, S)> {
        let per_group = self.grouping.min_data_per_group as f64;
        let mut best: Option<(f64, usize, S)> = None;
        let (mut left, mut group) = (S::default(), 0.0);
        for (i, sum) in categories.enumerate() {
            left = left.plus(sum);
            group += sum.count();
            let right = total.minus(left);
            if right.count() < per_group.max(self.terms.min_count) {
                break;
            }
            if left.count() < self.terms.min_count || group < per_group {
                continue;
            }
            group = 0.0;
            let score = self.many.judge(Sums::of(left), Sums::of(right));
            if score > best.map_or(floor, |(score, ..)| score) {
                best = Some((score, i + 1, left));
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::gbdt::kernel::cell::{Cell, Close, Counted};

    type S = Counted<Close>;

    fn sum(rows: &[(i16, u16)]) -> S {
        rows.iter().fold(S::default(), |all, &(g, h)| {
            all.plus(Counted { sum: Close::of(Close::row(g.into(), i64::from(h) + 1)), n_rows: 1 })
        })
    }

    const TERMS: Terms = Terms {
        gradient_step: 1.0,
        hessian_step: 1.0,
        lambda_l1: 0.0,
        lambda_l2: 0.5,
        min_sum_hessian: 0.0,
        min_count: 1.0,
    };

    /// The score of every set of categories.
    fn best_of_all(known: &[S], total: S, terms: &Terms) -> f64 {
        let sets = 1..(1u32 << known.len()) - 1;
        let score = |set: u32| {
            let members = (0..known.len()).filter(|code| set >> code & 1 == 1);
            let left = members.fold(S::default(), |left, code| left.plus(known[code]));
            terms.judge(Sums::of(left), Sums::of(total.minus(left)))
        };
        sets.map(score).fold(0.0, f64::max)
    }

    proptest! {
        /// Without smoothing and limits, the best run is as good as the best of all sets.
        #[test]
        fn the_best_run_is_the_best_set(
            categories in prop::collection::vec(prop::collection::vec((-40i16..40, 0u16..50), 1..6), 5..9),
        ) {
            let known: Vec<S> = categories.iter().map(|rows| sum(rows)).collect();
            let bins: Vec<S> = known.iter().copied().chain([S::default()]).collect();
            let total = known.iter().fold(S::default(), |all, &bin| all.plus(bin));
            let grouping = Grouping {
                max_cat_to_onehot: 1, max_cat_threshold: 100, cat_smooth: 0.0, cat_l2: 0.0, min_data_per_group: 1,
            };
            let terms = Terms { lambda_l2: 0.0, ..TERMS };
            let asked = Grouped { grouping: &grouping, terms: &terms, one: terms, many: terms };
            let found = asked.best(&bins, total, 0.0).map_or(0.0, |found| found.score);
            let all = best_of_all(&known, total, &terms);
            prop_assert!((found - all).abs() <= 1e-9 * all.max(1.0), "{found} {all}");
        }
    }

    #[test]
    fn few_categories_are_set_apart() {
        let known = [sum(&[(9, 3), (8, 3)]), sum(&[(-1, 3)]), sum(&[(-2, 2)])];
        let bins = [known[0], known[1], known[2], sum(&[(1, 1)])];
        let total = bins.iter().fold(S::default(), |all, &bin| all.plus(bin));
        let grouping = Grouping {
            max_cat_to_onehot: 4,
            max_cat_threshold: 32,
            cat_smooth: 10.0,
            cat_l2: 10.0,
            min_data_per_group: 100,
        };
        let asked = Grouped { grouping: &grouping, terms: &TERMS, one: TERMS, many: TERMS };
        let found = asked.best(&bins, total, 0.0).expect("a split");
        assert_eq!((found.codes, found.left), (vec![0], known[0]));
        assert!(best_of_all(&bins, total, &TERMS) >= found.score);
    }
}
