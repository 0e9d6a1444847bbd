//! Where a leaf stands in its tree, and what follows for its splits: which features it may ask, and what values it may take.
//!
//! All of it follows from the path to the leaf, not from when the leaf is split; so leaves may be worked on in any order.
//!
//! Monotone constraints are held by bounds: below a split by a constrained feature, no value of the one side may cross the middle
//! between the two sides' values (LightGBM's method `basic`). So the order holds between every leaf on the left and every leaf
//! on the right.

use super::sample;
use super::split::{Rule, Split};
use crate::determinism::rng::Stream;
use crate::gbdt::kernel::cell::Cell;
use crate::gbdt::kernel::gain::Limits;
use crate::gbdt::params::{Growth, Sampling};

/// What is the same for all leaves of a tree.
#[derive(Clone, Copy)]
pub(super) struct Ground<'a> {
    pub(super) growth: &'a Growth,
    /// One per feature: whether the tree may use it.
    pub(super) usable: &'a [bool],
    /// Share of the usable features that a leaf may ask.
    pub(super) fraction: f64,
    /// Draws of the tree, by place.
    pub(super) chance: Stream,
}

impl<'a> Ground<'a> {
    pub(super) fn new(growth: &'a Growth, sampling: &Sampling, round: u32, usable: &'a [bool]) -> Self {
        let chance = Stream::new(sampling.seed, "node").round(u64::from(round));
        Ground { growth, usable, fraction: sampling.feature_fraction_bynode, chance }
    }

    /// One per feature: whether a leaf may ask it; `None` where that is what the tree may use.
    fn allowed(&self, key: u64, path: &[u32]) -> Option<Box<[bool]>> {
        let sets = &self.growth.interaction_constraints;
        if sets.is_empty() && self.fraction >= 1.0 {
            return None;
        }
        let fitting = sets.iter().filter(|set| path.iter().all(|feature| set.contains(feature)));
        let together: Vec<u32> = fitting.flatten().chain(path).copied().collect();
        let candidate = |&f: &u32| self.usable[f as usize] && (sets.is_empty() || together.contains(&f));
        let candidates = (0..self.usable.len() as u32).filter(candidate).collect();
        Some(sample::drawn(candidates, self.fraction, self.chance.round(key), self.usable.len()).into())
    }

    /// The direction in which a feature may move the score.
    pub(super) fn direction(&self, feature: u32) -> i32 {
        direction(self.growth, feature)
    }
}

/// A leaf's place.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) depth: u32,
    /// What draws go by: different for each place.
    key: u64,
    /// The features asked on the way here, where it matters.
    path: Vec<u32>,
    allowed: Option<Box<[bool]>>,
    low: f64,
    high: f64,
    /// The leaf's value before the learning rate, by its sums of rounded derivatives.
    pub(super) value: f64,
    /// Its parent's.
    parent: f64,
}

impl Place {
    /// The root's.
    pub(super) fn root(ground: &Ground<'_>, value: f64) -> Self {
        let value = Limits { path_smooth: 0.0, ..unlimited(ground.growth) }.hold(value, 0.0);
        Place {
            depth: 0,
            key: 1,
            path: Vec::new(),
            allowed: ground.allowed(1, &[]),
            low: f64::NEG_INFINITY,
            high: f64::INFINITY,
            value,
            parent: value,
        }
    }

    /// Those of the two children by a split, whose values within [`Place::children_limits`] are `values`.
    pub(super) fn children<C: Cell>(
        &self,
        ground: &Ground<'_>,
        split: &Split<C>,
        values: [f64; 2],
    ) -> [Place; 2] {
        let direction = match split.rule {
            Rule::UpTo(_) => ground.direction(split.feature),
            Rule::AnyOf(_) => 0,
        };
        let bounds = bounds_of_children(direction, (self.low, self.high), values);
        let mut path = self.path.clone();
        if !ground.growth.interaction_constraints.is_empty() && !path.contains(&split.feature) {
            path.push(split.feature);
        }
        [0, 1].map(|side| {
            let key = ground.chance.bits(self.key.wrapping_mul(2).wrapping_add(side as u64));
            Place {
                depth: self.depth + 1,
                key,
                allowed: ground.allowed(key, &path),
                path: path.clone(),
                low: bounds[side].0,
                high: bounds[side].1,
                value: values[side],
                parent: self.value,
            }
        })
    }

    /// What the leaf's own value is held to.
    pub(super) fn limits(&self, growth: &Growth) -> Limits {
        Limits { low: self.low, high: self.high, parent: self.parent, ..unlimited(growth) }
    }

    /// What the values of its children are held to.
    pub(super) fn children_limits(&self, growth: &Growth) -> Limits {
        Limits { low: self.low, high: self.high, parent: self.value, ..unlimited(growth) }
    }

    /// Whether the leaf may ask a feature.
    pub(super) fn allows(&self, ground: &Ground<'_>, feature: u32) -> bool {
        self.allowed.as_deref().unwrap_or(ground.usable)[feature as usize]
    }

    /// The bin drawn for the only question that the leaf asks a feature of so many bins.
    pub(super) fn drawn_bin(&self, ground: &Ground<'_>, feature: u32, n_bins: usize) -> usize {
        let chance = ground.chance.round(self.key ^ EXTRA);
        chance.below(u64::from(feature), (n_bins as u64).saturating_sub(1).max(1)) as usize
    }
}

/// The direction in which a feature may move the score.
pub(super) fn direction(growth: &Growth, feature: u32) -> i32 {
    growth.monotone_constraints.get(feature as usize).copied().unwrap_or(0)
}

/// The least and the largest value of each child of a leaf that has such bounds itself, when the children's values come to be
/// `values`.
pub(super) fn bounds_of_children(
    direction: i32,
    (low, high): (f64, f64),
    values: [f64; 2],
) -> [(f64, f64); 2] {
    let middle = values[0] * 0.5 + values[1] * 0.5;
    match direction {
        0 => [(low, high); 2],
        1.. => [(low, middle), (middle, high)],
        _ => [(middle, high), (low, middle)],
    }
}

/// Limits that hold whatever the place.
pub(super) fn unlimited(growth: &Growth) -> Limits {
    Limits {
        low: f64::NEG_INFINITY,
        high: f64::INFINITY,
        max_delta_step: growth.max_delta_step,
        path_smooth: growth.path_smooth,
        parent: 0.0,
    }
}

/// Sets draws of questions apart from draws of features.
const EXTRA: u64 = 0x0065_7874_7261;
