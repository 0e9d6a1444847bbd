//! The tree-structured Parzen estimator: points come from where good trials are dense and bad ones are not.
//!
//! The trials so far are split into the good and the rest; each part gives a density ([`Parzen`]), and among candidates drawn
//! from the good one's the point is taken at which the ratio of the two densities is largest, which is where the expected
//! improvement is. The first trials fill the space instead, one in each stratum of every dimension.
//!
//! # Sources
//! Bergstra, Bardenet, Bengio, Kegl, "Algorithms for Hyper-Parameter Optimization", NIPS 2011, section 4; Watanabe, "Tree-Structured
//! Parzen Estimator", arXiv:2304.11127, for the roles of the control numbers and for good trials that weigh by how good they are
//! (section 3.2, weights by expected improvement). Other defaults follow Optuna's documentation of `TPESampler` (at most 25 trials are
//! good; the newest 25 of the rest weigh fully; 24 candidates; ten trials to begin with), but that a fifth of the trials are good, not a
//! tenth: with weights more of them help. Strata: McKay, Beckman, Conover, Technometrics 21 (1979).

use serde::{Deserialize, Serialize};

use super::parzen::Parzen;
use super::space::{Point, Space};
use super::trial::Trial;
use crate::determinism::rng::Stream;

/// The estimator's control numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tpe {
    /// Key of the draws.
    pub seed: u64,
    /// Trials that fill the space before the first density.
    pub startup: u32,
    /// Candidates drawn for a point.
    pub candidates: u32,
    /// Share of trials that count as good.
    pub good_share: f64,
    /// Whether densities are of points or of each dimension alone.
    pub structure: Structure,
}

/// What the densities are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Structure {
    /// Whole points: dimensions that only work together are seen together.
    Joint,
    /// Each dimension alone, as in the paper.
    Separate,
}

impl Tpe {
    /// The usual control numbers.
    pub fn new(seed: u64) -> Self {
        Tpe { seed, startup: 10, candidates: 24, good_share: 0.2, structure: Structure::Joint }
    }

    pub(super) fn suggest(&self, space: &Space, history: &[Trial], number: u64) -> Point {
        if history.len() < self.startup as usize {
            return self.fill(space, number);
        }
        let (good, rest) = self.split(history);
        let gains = gains(&good, &rest);
        let all: Vec<usize> = (0..space.len()).collect();
        let parts: Vec<&[usize]> = match self.structure {
            Structure::Joint => vec![&all],
            Structure::Separate => all.chunks(1).collect(),
        };
        let draws = Stream::new(self.seed, "tpe").round(number);
        let tried = |candidate: &[f64]| history.iter().any(|trial| trial.point == candidate);
        let choose = |(part, dimensions): (usize, &&[usize])| {
            let likely = Parzen::new(space, dimensions, &points(&good), &gains);
            let unlikely = Parzen::new(space, dimensions, &points(&rest), &weights(rest.len()));
            self.best(&likely, &unlikely, draws.round(part as u64), &tried)
        };
        parts.iter().enumerate().flat_map(choose).collect()
    }

    /// The good trials and the rest, each from the oldest to the newest.
    fn split<'a>(&self, history: &'a [Trial]) -> (Vec<&'a Trial>, Vec<&'a Trial>) {
        let n_good = ((self.good_share * history.len() as f64).ceil() as usize).clamp(1, MOST_GOOD);
        let mut order: Vec<&Trial> = history.iter().collect();
        order.sort_by(|a, b| a.compare(b));
        let mut rest = order.split_off(n_good.min(order.len()));
        order.sort_by_key(|trial| trial.number);
        rest.sort_by_key(|trial| trial.number);
        (order, rest)
    }

    /// The candidate of the largest ratio; one that was tried already only if all were.
    fn best(
        &self,
        good: &Parzen<'_>,
        rest: &Parzen<'_>,
        draws: Stream,
        tried: &dyn Fn(&[f64]) -> bool,
    ) -> Point {
        let mut best: Option<(bool, f64, Point)> = None;
        for i in 0..u64::from(self.candidates.max(1)) {
            let candidate = good.draw(draws.round(i));
            let ratio = good.ln_density(&candidate) - rest.ln_density(&candidate);
            let key = (!tried(&candidate), ratio);
            let better = best.as_ref().is_none_or(|(new, most, _)| (key.0, key.1) > (*new, *most));
            if better {
                best = Some((key.0, key.1, candidate));
            }
        }
        best.map(|(_, _, candidate)| candidate).unwrap_or_default()
    }

    /// A Latin hypercube of `startup` points: in every dimension each stratum is met once.
    fn fill(&self, space: &Space, number: u64) -> Point {
        let strata = u64::from(self.startup.max(1));
        let draws = Stream::new(self.seed, "tpe startup");
        let (block, place) = (number / strata, (number % strata) as usize);
        let value = |(d, dimension): (usize, &super::space::Dimension)| {
            let draws = draws.round(block).round(d as u64);
            let mut order: Vec<u64> = (0..strata).collect();
            order.sort_by_key(|&stratum| (draws.bits(stratum), stratum));
            let within = draws.unit(strata + place as u64);
            dimension.domain.at((order[place] as f64 + within) / strata as f64)
        };
        space.dimensions().iter().enumerate().map(value).collect()
    }
}

/// A good trial weighs by how much it is better than the best of the rest, on average 1; all the same where none is better.
fn gains(good: &[&Trial], rest: &[&Trial]) -> Vec<f64> {
    let bar = rest.iter().map(|trial| trial.cost()).fold(f64::INFINITY, f64::min);
    let gains: Vec<f64> = good.iter().map(|trial| (bar - trial.cost()).max(0.0)).collect();
    let mean = gains.iter().sum::<f64>() / gains.len() as f64;
    if mean > 0.0 && mean.is_finite() {
        gains.iter().map(|gain| gain / mean).collect()
    } else {
        vec![1.0; gains.len()]
    }
}

/// The newest 25 weigh 1; older ones less, down to one part in their number.
fn weights(n: usize) -> Vec<f64> {
    let old = n.saturating_sub(FULL_WEIGHT);
    let least = 1.0 / n as f64;
    let ramp = |i: usize| if old < 2 { least } else { least + (1.0 - least) * i as f64 / (old - 1) as f64 };
    (0..n).map(|i| if i < old { ramp(i) } else { 1.0 }).collect()
}

fn points<'a>(trials: &[&'a Trial]) -> Vec<&'a Point> {
    trials.iter().map(|trial| &trial.point).collect()
}

/// Trials that weigh fully.
const FULL_WEIGHT: usize = 25;

/// The most trials that count as good.
const MOST_GOOD: usize = 25;

#[cfg(test)]
mod tests {
    use super::super::space::{Dimension, Domain};
    use super::super::trial::End;
    use super::*;
    use crate::gbdt::params::Scale;

    fn space() -> Space {
        let float = |name: &str| Dimension {
            name: name.to_owned(),
            domain: Domain::Float { low: 0.0, high: 1.0, scale: Scale::Linear },
        };
        Space::new(vec![float("x"), float("y")]).expect("legal")
    }

    fn trial(number: u64, point: Point, cost: f64) -> Trial {
        Trial { number, point, costs: vec![cost], end: End::Complete }
    }

    #[test]
    fn the_first_trials_meet_every_stratum() {
        let (space, tpe) = (space(), Tpe::new(4));
        for d in 0..2 {
            let strata: std::collections::BTreeSet<i64> =
                (0..10).map(|i| (tpe.suggest(&space, &[], i)[d] * 10.0 - 1e-9) as i64).collect();
            assert_eq!(strata.len(), 10, "{strata:?}");
        }
    }

    #[test]
    fn weights_by_hand() {
        assert_eq!(weights(0), Vec::<f64>::new());
        assert_eq!(weights(3), [1.0; 3]);
        let many = weights(30);
        assert_eq!(many[5..], [1.0; 25]);
        assert!((many[0] - 1.0 / 30.0).abs() < 1e-15 && (many[4] - 1.0).abs() < 1e-15);
    }

    #[test]
    fn gains_by_hand() {
        let trials = [3.0, 1.0, 2.0, 5.0, f64::INFINITY].map(|cost| trial(0, vec![], cost));
        let of = |good: &[usize], rest: &[usize]| {
            let pick = |places: &[usize]| places.iter().map(|&i| &trials[i]).collect::<Vec<_>>();
            gains(&pick(good), &pick(rest))
        };
        // 2, 4 and 3 below the 5 of the best of the rest
        let found = of(&[0, 1, 2], &[3, 4]);
        found.iter().zip([2.0 / 3.0, 4.0 / 3.0, 1.0]).for_each(|(a, b)| assert!((a - b).abs() < 1e-15));
        assert_eq!(of(&[1, 1], &[1]), [1.0, 1.0], "ties");
        assert_eq!(of(&[0, 1], &[]), [1.0, 1.0], "nothing to be better than");
        assert_eq!(of(&[0, 1], &[4]), [1.0, 1.0], "trials without a figure");
        assert_eq!(of(&[4, 1], &[3]), [0.0, 2.0]);
    }

    #[test]
    fn good_trials_are_a_fifth_and_at_least_one() {
        let tpe = Tpe::new(0);
        for (n, expected) in [(1, 1), (5, 1), (6, 2), (40, 8), (400, 25)] {
            let history: Vec<Trial> = (0..n).map(|i| trial(i, vec![0.5, 0.5], (n - i) as f64)).collect();
            let (good, rest) = tpe.split(&history);
            assert_eq!((good.len(), good.len() + rest.len()), (expected, n as usize));
            assert_eq!(good.last().expect("one").number, n - 1, "the cheapest is good");
        }
    }

    /// Trials near (0.8, 0.2) were good: later points come from there.
    #[test]
    fn points_come_from_where_it_is_good() {
        let space = space();
        for structure in [Structure::Joint, Structure::Separate] {
            let tpe = Tpe { structure, ..Tpe::new(1) };
            let mut history = vec![];
            for number in 0..60 {
                let point = tpe.suggest(&space, &history, number);
                let cost = (point[0] - 0.8) * (point[0] - 0.8) + (point[1] - 0.2) * (point[1] - 0.2);
                history.push(trial(number, point, cost));
            }
            let late: f64 = history[40..].iter().map(|t| t.costs[0]).sum::<f64>() / 20.0;
            let early: f64 = history[..10].iter().map(|t| t.costs[0]).sum::<f64>() / 10.0;
            assert!(late < early / 4.0, "{structure:?}: {late} {early}");
        }
    }

    /// Nothing but the trials so far and the number decides: the same history gives the same point.
    #[test]
    fn a_point_depends_on_history_and_number_alone() {
        let (space, tpe) = (space(), Tpe::new(9));
        let history: Vec<Trial> = (0..20).map(|i| trial(i, tpe.suggest(&space, &[], i), i as f64)).collect();
        assert_eq!(tpe.suggest(&space, &history, 20), tpe.suggest(&space, &history.clone(), 20));
        assert_ne!(tpe.suggest(&space, &history, 20), tpe.suggest(&space, &history, 21));
    }
}
