//! Folds for judging a way of training: learn from the past, be judged on what came later, on nobody known.
//!
//! In flow dated rows with the groups they belong to (address, or all addresses of a pattern instance); out flow, per fold, the rows
//! learned from and the rows judged. Processing dates are cut into `count + 1` blocks; fold `k` is judged on block `k + 1` and learns
//! from what ended `embargo_days` before: everything (`expanding`) or the block before alone (`blocked`).
//!
//! Invariants: no group stands on both sides of a fold; every learned date lies before the judged ones. Where few judged rows
//! (under a tenth) have a group that was seen before, those groups' earlier rows are left out of the learning. Where many have,
//! as on consecutive days of one network, that would leave next to nothing: then a share of all groups, chosen by hash, is judged,
//! and the others are learned from. The share is of all groups, old and new alike, so the judged rows keep their mix.
//!
//! One date alone has no past: then the folds are by group only ([`Basis::Groups`]), and whoever asks is told.

use std::collections::BTreeSet;

use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};

use super::folds::{FoldError, Folds};

/// How folds are cut.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TimeFolds {
    /// How many folds.
    pub count: u32,
    /// What a fold learns from.
    pub windows: Windows,
    /// Days before the first judged date that nobody learns from.
    pub embargo_days: u32,
    /// One in so many groups is judged where groups come again and again.
    pub group_parts: u32,
}

/// What a fold learns from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Windows {
    /// All earlier dates.
    Expanding,
    /// The block of dates before the judged one.
    Blocked,
}

/// What separates the sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// Time, and groups.
    Time,
    /// Groups alone: all rows are of one date.
    Groups,
}

/// One fold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fold {
    /// Number, from 0.
    pub number: usize,
    /// Positions of the rows learned from, ascending.
    pub learn: Vec<usize>,
    /// Positions of the rows judged, ascending.
    pub test: Vec<usize>,
    /// The first judged date: the day on which training is imagined.
    pub cut: NaiveDate,
}

/// A row as folds see it.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Processing date.
    pub date: NaiveDate,
    /// Name of its group, as [`Folds::group`] gives it.
    pub group: &'a str,
}

impl Default for TimeFolds {
    fn default() -> Self {
        TimeFolds { count: 4, windows: Windows::Expanding, embargo_days: 7, group_parts: 4 }
    }
}

impl TimeFolds {
    /// The folds of rows. A fold that has nothing on one side is left out, so fewer may come than were asked for.
    ///
    /// # Errors
    /// When fewer than two folds or parts are asked for, or no fold has rows on both sides.
    pub fn cut(&self, rows: &[Place<'_>], folds: &Folds) -> Result<(Basis, Vec<Fold>), FoldError> {
        if self.count < 2 || self.group_parts < 2 {
            return Err(FoldError::TooFew { found: self.count.min(self.group_parts) });
        }
        let dates: BTreeSet<NaiveDate> = rows.iter().map(|row| row.date).collect();
        let dates: Vec<NaiveDate> = dates.into_iter().collect();
        let (basis, mut cut) = match dates.len() {
            0 | 1 => (Basis::Groups, self.by_group(rows, folds)),
            _ => (Basis::Time, self.by_time(rows, folds, &dates)),
        };
        cut.retain(|fold| !fold.learn.is_empty() && !fold.test.is_empty());
        if cut.is_empty() {
            return Err(FoldError::Empty { dates: dates.len(), embargo_days: self.embargo_days });
        }
        Ok((basis, cut))
    }

    fn by_time(&self, rows: &[Place<'_>], folds: &Folds, dates: &[NaiveDate]) -> Vec<Fold> {
        let count = (self.count as usize).min(dates.len() - 1);
        let edge = |block: usize| dates[block * dates.len() / (count + 1)];
        let fold = |k: usize| {
            let cut = edge(k + 1);
            let end = (k + 2 <= count).then(|| edge(k + 2));
            let begin = if self.windows == Windows::Blocked { edge(k) } else { NaiveDate::MIN };
            let until = back(cut, self.embargo_days);
            let learned = |date: NaiveDate| date >= begin && date < until;
            let judged = |date: NaiveDate| date >= cut && end.is_none_or(|end| date < end);
            let (learn, test) = apart(rows, folds, k as u32 % folds.count(), &learned, &judged);
            Fold { number: k, learn, test, cut }
        };
        (0..count).map(fold).collect()
    }

    fn by_group(&self, rows: &[Place<'_>], folds: &Folds) -> Vec<Fold> {
        let fold = |k: u32| {
            let (test, learn) = (0..rows.len()).partition(|&row| folds.fold(rows[row].group) == k);
            Fold { number: k as usize, learn, test, cut: rows.first().map_or(NaiveDate::MIN, |r| r.date) }
        };
        (0..folds.count()).map(fold).collect()
    }
}

/// Rows whose date is learned from, and rows whose date is judged, without a group in common.
pub fn apart(
    rows: &[Place<'_>],
    folds: &Folds,
    part: u32,
    learned: &dyn Fn(NaiveDate) -> bool,
    judged: &dyn Fn(NaiveDate) -> bool,
) -> (Vec<usize>, Vec<usize>) {
    let mut learn: Vec<usize> = (0..rows.len()).filter(|&row| learned(rows[row].date)).collect();
    let mut test: Vec<usize> = (0..rows.len()).filter(|&row| judged(rows[row].date)).collect();
    let known: BTreeSet<&str> = learn.iter().map(|&row| rows[row].group).collect();
    let again = test.iter().filter(|&&row| known.contains(rows[row].group)).count();
    if 10 * again > test.len() {
        learn.retain(|&row| folds.fold(rows[row].group) != part);
        test.retain(|&row| folds.fold(rows[row].group) == part);
    } else {
        let held: BTreeSet<&str> = test.iter().map(|&row| rows[row].group).collect();
        learn.retain(|&row| !held.contains(rows[row].group));
    }
    (learn, test)
}

fn back(date: NaiveDate, days: u32) -> NaiveDate {
    date.checked_sub_days(Days::new(u64::from(days))).unwrap_or(NaiveDate::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn day(n: u32) -> NaiveDate {
        NaiveDate::default() + Days::new(u64::from(n))
    }

    fn cut(settings: &TimeFolds, rows: &[(u32, String)]) -> Result<(Basis, Vec<Fold>), FoldError> {
        let folds = Folds::new(settings.group_parts, 1, []).expect("parts");
        let places: Vec<Place<'_>> =
            rows.iter().map(|(date, group)| Place { date: day(*date), group }).collect();
        settings.cut(&places, &folds)
    }

    #[test]
    fn expanding_windows_keep_the_past_and_blocked_ones_the_block_before() {
        let rows: Vec<(u32, String)> = (0..50).map(|n| (n, format!("g{n}"))).collect();
        let settings = TimeFolds { embargo_days: 2, ..TimeFolds::default() };
        let (basis, folds) = cut(&settings, &rows).expect("folds");
        assert_eq!(basis, Basis::Time);
        let spans: Vec<_> = folds.iter().map(|f| (f.learn.len(), f.test[0], f.test.len())).collect();
        assert_eq!(spans, [(8, 10, 10), (18, 20, 10), (28, 30, 10), (38, 40, 10)]);
        let (_, folds) = cut(&TimeFolds { windows: Windows::Blocked, ..settings }, &rows).expect("folds");
        let spans: Vec<_> = folds.iter().map(|f| (f.learn[0], f.learn.len())).collect();
        assert_eq!(spans, [(0, 8), (10, 8), (20, 8), (30, 8)]);
    }

    #[test]
    fn one_date_is_cut_by_group_and_an_embargo_that_takes_all_is_an_error() {
        let rows: Vec<(u32, String)> = (0..80).map(|n| (3, format!("g{}", n % 20))).collect();
        let (basis, folds) = cut(&TimeFolds::default(), &rows).expect("folds");
        assert_eq!((basis, folds.len()), (Basis::Groups, 4));
        assert_eq!(folds.iter().map(|f| f.test.len()).sum::<usize>(), 80);
        let two: Vec<(u32, String)> = (0..8).map(|n| (n % 2, format!("g{n}"))).collect();
        let error =
            cut(&TimeFolds { embargo_days: 30, ..TimeFolds::default() }, &two).expect_err("nothing left");
        assert_eq!(error, FoldError::Empty { dates: 2, embargo_days: 30 });
        assert!(cut(&TimeFolds { count: 1, ..TimeFolds::default() }, &two).is_err());
    }

    proptest! {
        #[test]
        fn sides_share_neither_group_nor_time(
            rows in proptest::collection::vec((0_u32..60, 0_u32..40), 2..200),
            embargo_days in 0_u32..20,
            blocked in any::<bool>(),
        ) {
            let rows: Vec<(u32, String)> = rows.iter().map(|(d, g)| (*d, format!("g{g}"))).collect();
            let windows = if blocked { Windows::Blocked } else { Windows::Expanding };
            let settings = TimeFolds { windows, embargo_days, ..TimeFolds::default() };
            let Ok((basis, folds)) = cut(&settings, &rows) else { return Ok(()) };
            for fold in folds {
                let learned: BTreeSet<&str> = fold.learn.iter().map(|&row| rows[row].1.as_str()).collect();
                prop_assert!(fold.test.iter().all(|&row| !learned.contains(rows[row].1.as_str())));
                if basis == Basis::Time {
                    let last = fold.learn.iter().map(|&row| rows[row].0).max().expect("not empty");
                    let first = fold.test.iter().map(|&row| rows[row].0).min().expect("not empty");
                    prop_assert!(last + embargo_days < first, "{last} {first}");
                }
            }
        }
    }
}
