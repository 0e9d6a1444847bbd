//! Which point to try next: a function of the seed and of the trials so far, and of nothing else. So a search that is taken
//! up again after any number of trials goes on as if it had never stopped.

use serde::{Deserialize, Serialize};

use super::grid::Grid;
use super::space::{Point, Space};
use super::tpe::Tpe;
use super::trial::Trial;
use crate::determinism::rng::Stream;

/// A way to choose points.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sampler {
    /// Where good points are dense and bad ones are not.
    Tpe(Tpe),
    /// Anywhere.
    Random {
        /// Key of the draws.
        seed: u64,
    },
    /// The points of a lattice, in a random order.
    Grid(Grid),
}

impl Sampler {
    /// What it is called.
    pub fn name(&self) -> &'static str {
        match self {
            Sampler::Tpe(_) => "tpe",
            Sampler::Random { .. } => "random",
            Sampler::Grid(_) => "grid",
        }
    }

    /// Whether there is a `number`-th point.
    pub fn has_point(&self, space: &Space, number: u64) -> bool {
        match self {
            Sampler::Tpe(_) | Sampler::Random { .. } => true,
            Sampler::Grid(grid) => grid.len(space).is_none_or(|points| number < points),
        }
    }

    /// The `number`-th point; `None` when all points were tried.
    pub fn suggest(&self, space: &Space, history: &[Trial], number: u64) -> Option<Point> {
        match self {
            Sampler::Tpe(tpe) => Some(tpe.suggest(space, history, number)),
            Sampler::Random { seed } => Some(random(space, *seed, history, number)),
            Sampler::Grid(grid) => grid.suggest(space, number),
        }
    }
}

/// A uniform point; a new one if eight tries find one.
fn random(space: &Space, seed: u64, history: &[Trial], number: u64) -> Point {
    let draws = Stream::new(seed, "random search").round(number);
    let point = |attempt: u64| -> Point {
        let unit = |d: usize| draws.round(attempt).unit(d as u64);
        space.dimensions().iter().enumerate().map(|(d, dimension)| dimension.domain.at(unit(d))).collect()
    };
    let new = (0..8).map(point).find(|point| history.iter().all(|trial| trial.point != *point));
    new.unwrap_or_else(|| point(0))
}

#[cfg(test)]
mod tests {
    use super::super::space::{Dimension, Domain};
    use super::super::trial::End;
    use super::*;
    use crate::gbdt::params::Scale;

    #[test]
    fn random_points_are_uniform_by_scale() {
        let domain = Domain::Float { low: 0.01, high: 1.0, scale: Scale::Log };
        let space = Space::new(vec![Dimension { name: "x".to_owned(), domain }]).expect("legal");
        let sampler = Sampler::Random { seed: 1 };
        let below =
            (0..10_000).filter(|&i| sampler.suggest(&space, &[], i).expect("endless")[0] < 0.1).count();
        assert!((4_800..5_200).contains(&below), "{below}");
    }

    #[test]
    fn random_avoids_what_was_tried() {
        let domain = Domain::Choice(vec!["a".to_owned(), "b".to_owned()]);
        let space = Space::new(vec![Dimension { name: "x".to_owned(), domain }]).expect("legal");
        let tried = Trial { number: 0, point: vec![0.0], costs: vec![1.0], end: End::Complete };
        let sampler = Sampler::Random { seed: 5 };
        let again =
            (1..50).filter(|&i| sampler.suggest(&space, std::slice::from_ref(&tried), i) == Some(vec![0.0]));
        assert!(again.count() <= 2);
    }
}
