//! The points of a lattice, each once, in a random order: a search that is cut short has still looked everywhere.

use serde::{Deserialize, Serialize};

use super::space::{Domain, Point, Space};
use crate::determinism::rng::Stream;

/// A lattice of `levels` values a dimension (fewer where a dimension has fewer).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grid {
    /// Key of the order.
    pub seed: u64,
    /// Values of each numeric dimension, ends included; a single one is the middle.
    pub levels: u32,
}

impl Grid {
    /// How many points there are; `None` above 2^64.
    pub fn len(&self, space: &Space) -> Option<u64> {
        let mut counts = space.dimensions().iter().map(|d| self.count(&d.domain));
        counts.try_fold(1_u64, u64::checked_mul)
    }

    /// The point of trial `number`; `None` when all were tried. Beyond 2^64 points the last dimensions stay as they are.
    pub(super) fn suggest(&self, space: &Space, number: u64) -> Option<Point> {
        let total = self.len(space).unwrap_or(u64::MAX);
        if number >= total {
            return None;
        }
        let mut rest = self.place(number, total);
        let value = |domain: &Domain| {
            let count = self.count(domain);
            let level = rest % count;
            rest /= count;
            self.level(domain, level, count)
        };
        Some(space.dimensions().iter().map(|d| &d.domain).map(value).collect())
    }

    /// A permutation of `0..total`: multiplication by a number without a common divisor.
    fn place(&self, number: u64, total: u64) -> u64 {
        let draws = Stream::new(self.seed, "grid");
        let start = draws.below(0, total);
        let step = (1..).map(|i| 1 + draws.below(i, total)).find(|&step| gcd(step, total) == 1);
        let step = step.expect("1 has no common divisor with anything and is drawn at last");
        ((u128::from(number) * u128::from(step) + u128::from(start)) % u128::from(total)) as u64
    }

    fn count(&self, domain: &Domain) -> u64 {
        let levels = u64::from(self.levels.max(1));
        match domain {
            Domain::Choice(texts) => texts.len() as u64,
            Domain::Float { .. } | Domain::Int { .. } => {
                domain.count().map_or(levels, |count| count.min(levels))
            }
        }
    }

    fn level(&self, domain: &Domain, level: u64, count: u64) -> f64 {
        match domain {
            Domain::Choice(_) => level as f64,
            _ if count == 1 => domain.at(0.5),
            Domain::Int { low, .. } if domain.count() == Some(count) => *low as f64 + level as f64,
            Domain::Float { .. } | Domain::Int { .. } => domain.at(level as f64 / (count - 1) as f64),
        }
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::super::space::Dimension;
    use super::*;
    use crate::gbdt::params::Scale;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        /// Every point of the lattice once, then nothing.
        #[test]
        fn all_points_once(seed in any::<u64>(), levels in 1_u32..6, width in 1_i64..9, choices in 2_usize..4) {
            let domains = [
                Domain::Float { low: 0.01, high: 1.0, scale: Scale::Log },
                Domain::Int { low: 1, high: 1 + width, scale: Scale::Linear },
                Domain::Choice((0..choices).map(|i| format!("c{i}")).collect()),
            ];
            let named = domains.into_iter().enumerate().map(|(i, domain)| Dimension { name: format!("x{i}"), domain });
            let space = Space::new(named.collect()).expect("legal");
            let grid = Grid { seed, levels };
            let total = grid.len(&space).expect("small");
            let whole = u64::from(levels).min(width as u64 + 1);
            prop_assert_eq!(total, u64::from(levels) * whole * choices as u64);
            let texts: BTreeSet<String> =
                (0..total).map(|i| format!("{:?}", grid.suggest(&space, i).expect("within"))).collect();
            prop_assert_eq!(texts.len() as u64, total);
            prop_assert_eq!(grid.suggest(&space, total), None);
        }
    }

    #[test]
    fn the_ends_belong_to_the_lattice() {
        let domain = Domain::Float { low: 0.01, high: 1.0, scale: Scale::Log };
        let space = Space::new(vec![Dimension { name: "x".to_owned(), domain }]).expect("legal");
        let mut values: Vec<f64> =
            (0..3).map(|i| Grid { seed: 2, levels: 3 }.suggest(&space, i).expect("three")[0]).collect();
        values.sort_by(f64::total_cmp);
        assert_eq!(values, [0.01, 0.1, 1.0]);
    }
}
