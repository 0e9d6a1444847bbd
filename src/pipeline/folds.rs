//! Who learns and who is judged: splits of alerts by time and by pattern instance.
//!
//! In flow the memberships of addresses in pattern instances; out flows, for a date and an address, the side it
//! stands on. Invariants: all addresses of an instance stand in one fold, and so do instances that share an address;
//! an address without instance has its own place by the hash of its name; training dates end `embargo_days` before the
//! first test date. An answer depends on the row alone, never on which other rows there are, nor on their order.
//!
//! Why: alerts of one scheme resemble each other, and so do the same address's alerts on neighbouring days. With random
//! rows on both sides a model that merely recognises them looks excellent (`docs/simulator.md` has figures). Windows
//! overlap: two days' batches share transfers unless they are `window_days` apart, so an embargo of the window's
//! length is what makes the sides disjoint in time; a shorter one leans on the instances being disjoint.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};

use crate::determinism::rng::Stream;

/// Where a row stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// It is learned from.
    Train,
    /// It is judged on.
    Test,
    /// It is in neither, so that the sides do not touch.
    Neither,
}

/// Addresses in folds, whole instances together.
#[derive(Clone, Debug)]
pub struct Folds {
    count: u32,
    stream: Stream,
    /// Address -> the name of its group: the first member's, in the order of names.
    groups: BTreeMap<String, String>,
}

/// A split of dated rows of addresses.
#[derive(Clone, Debug)]
pub struct Split {
    /// The first day that is judged.
    pub cut: NaiveDate,
    /// Days before the cut that nobody learns from.
    pub embargo_days: u32,
    /// Which addresses are judged: `None` judges all of them, those learned from included.
    pub held_out: Option<HeldOut>,
}

/// The fold that is judged.
#[derive(Clone, Debug)]
pub struct HeldOut {
    /// All folds.
    pub folds: Folds,
    /// The one that is judged; the others are learned from.
    pub fold: u32,
}

/// Why folds cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FoldError {
    /// One fold leaves nothing to learn from.
    #[error("folds: expected at least 2, found {found}")]
    TooFew {
        /// The number asked for.
        found: u32,
    },
    /// No fold has rows on both sides.
    #[error(
        "folds: {dates} processing dates with an embargo of {embargo_days} days leave nothing to learn from: more dates or a shorter embargo"
    )]
    Empty {
        /// Distinct processing dates.
        dates: usize,
        /// Days left out.
        embargo_days: u32,
    },
}

impl Folds {
    /// Folds of the addresses that `memberships` (address, instance) bind together.
    ///
    /// # Errors
    /// [`FoldError::TooFew`] below two folds.
    pub fn new<'a>(
        count: u32,
        seed: u64,
        memberships: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, FoldError> {
        if count < 2 {
            return Err(FoldError::TooFew { found: count });
        }
        Ok(Folds { count, stream: Stream::new(seed, "folds"), groups: groups(memberships) })
    }

    /// How many folds there are.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// The fold of an address.
    pub fn fold(&self, address: &str) -> u32 {
        let group = self.group(address);
        self.stream.round(Stream::new(0, group).bits(0)).below(0, u64::from(self.count)) as u32
    }

    /// The name that all addresses share which must stand together: the address itself where it is bound to none.
    pub fn group<'a>(&'a self, address: &'a str) -> &'a str {
        self.groups.get(address).map_or(address, String::as_str)
    }
}

impl Split {
    /// Where a row of `address` in the batch of `date` stands.
    pub fn side(&self, date: NaiveDate, address: &str) -> Side {
        let when = by_time(date, self.cut, self.embargo_days);
        let Some(HeldOut { folds, fold }) = &self.held_out else { return when };
        match (when, folds.fold(address) == *fold) {
            (Side::Train, false) => Side::Train,
            (Side::Test, true) => Side::Test,
            _ => Side::Neither,
        }
    }
}

/// Train before `cut - embargo_days`, test from `cut`.
pub fn by_time(date: NaiveDate, cut: NaiveDate, embargo_days: u32) -> Side {
    let learned_until = cut.checked_sub_days(Days::new(u64::from(embargo_days))).unwrap_or(NaiveDate::MIN);
    match date {
        date if date >= cut => Side::Test,
        date if date < learned_until => Side::Train,
        _ => Side::Neither,
    }
}

/// Address -> least address among all that chains of shared instances reach.
fn groups<'a>(memberships: impl IntoIterator<Item = (&'a str, &'a str)>) -> BTreeMap<String, String> {
    let mut members: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut instances: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (address, instance) in memberships {
        members.entry(instance).or_default().push(address);
        instances.entry(address).or_default().push(instance);
    }
    let mut groups: BTreeMap<String, String> = BTreeMap::new();
    for &first in instances.keys() {
        let mut open = vec![first];
        while let Some(address) = open.pop() {
            if groups.contains_key(address) {
                continue;
            }
            groups.insert(address.to_owned(), first.to_owned());
            for instance in &instances[address] {
                open.extend(members.remove(instance).unwrap_or_default());
            }
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn day(n: u32) -> NaiveDate {
        NaiveDate::default() + Days::new(u64::from(n))
    }

    #[test]
    fn one_fold_is_refused() {
        assert_eq!(Folds::new(1, 0, []).err(), Some(FoldError::TooFew { found: 1 }));
    }

    #[test]
    fn loose_addresses_spread_evenly_and_the_seed_moves_them() {
        let folds = Folds::new(5, 1, []).expect("five folds");
        let other = Folds::new(5, 2, []).expect("five folds");
        let names: Vec<String> = (0..5_000).map(|i| format!("a{i}")).collect();
        let mut counts = [0_u32; 5];
        names.iter().for_each(|name| counts[folds.fold(name) as usize] += 1);
        assert!(counts.iter().all(|&n| (850..1_150).contains(&n)), "{counts:?}");
        assert!(names.iter().any(|name| folds.fold(name) != other.fold(name)));
    }

    proptest! {
        #[test]
        fn an_instance_never_stands_on_both_sides(
            pairs in proptest::collection::vec((0_u32..60, 0_u32..25), 0..120),
            count in 2_u32..7,
            seed in any::<u64>(),
        ) {
            let named: Vec<(String, String)> =
                pairs.iter().map(|(a, i)| (format!("address{a}"), format!("instance{i}"))).collect();
            let folds = Folds::new(count, seed, named.iter().map(|(a, i)| (&**a, &**i))).expect("legal");
            let backwards = Folds::new(count, seed, named.iter().rev().map(|(a, i)| (&**a, &**i))).expect("legal");
            for (a, i) in &named {
                prop_assert!(folds.fold(a) < count);
                prop_assert_eq!(folds.fold(a), backwards.fold(a));
                for (b, j) in &named {
                    if i == j {
                        prop_assert_eq!(folds.fold(a), folds.fold(b));
                        for cut in [0, 50, 100] {
                            let held_out = Some(HeldOut { folds: folds.clone(), fold: 0 });
                            let split = Split { cut: day(cut), embargo_days: 5, held_out };
                            let sides = [split.side(day(10), a), split.side(day(90), b)];
                            prop_assert_ne!(sides, [Side::Train, Side::Test]);
                        }
                    }
                }
            }
        }

        /// The obvious twin: repeat "share an instance" until nothing changes.
        #[test]
        fn groups_equal_the_transitive_closure(
            pairs in proptest::collection::vec((0_u32..30, 0_u32..20), 0..60),
        ) {
            let named: Vec<(String, String)> = pairs.iter().map(|(a, i)| (format!("{a}"), format!("{i}"))).collect();
            let mut least: BTreeMap<&str, &str> = named.iter().map(|(a, _)| (&**a, &**a)).collect();
            loop {
                let before = least.clone();
                for (a, i) in &named {
                    for (b, j) in &named {
                        if i == j && least[&**b] < least[&**a] {
                            least.insert(a, least[&**b]);
                        }
                    }
                }
                if least == before {
                    break;
                }
            }
            let folds = Folds::new(2, 0, named.iter().map(|(a, i)| (&**a, &**i))).expect("legal");
            for (address, group) in least {
                prop_assert_eq!(folds.group(address), group);
            }
        }

        #[test]
        fn training_ends_an_embargo_before_the_first_test_day(
            date in 0_u32..400, cut in 0_u32..400, embargo in 0_u32..100,
        ) {
            match by_time(day(date), day(cut), embargo) {
                Side::Train => prop_assert!(date + embargo < cut),
                Side::Test => prop_assert!(date >= cut),
                Side::Neither => prop_assert!(date < cut && date + embargo >= cut),
            }
        }
    }
}
