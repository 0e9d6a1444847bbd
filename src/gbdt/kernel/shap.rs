//! Shapley values of trees over bytes, by quadrature: the sum that every body computes, and the layout they share.
//!
//! Splits stand level by level, so that neighbours do not wait for each other. With t a point, u = 1 - t, q the product of
//! the cover ratios of a split's feature down to its left edge (q0: down to the split), and s = 1 where the row satisfies the
//! feature's questions down to that edge:
//!
//! ```text
//! m = q u + s t                        the feature's first question on the path
//!     (q u + s t) / (q0 u + t)         a later one, while the row satisfies those before ("open")
//!     the left edge's cover ratio      a later one, once it does not
//! down   C(left) = C m                 C(right) = C - C(left)       C(root) = the points' weights
//! up     D = B(left) - B(right)        B = B(right) + m D           B(leaf) = its value
//! gain   (s q0 - q) * sum over points of C D        times 1 / (q0 u + t)^2 at a later question; 0 unless open
//! ```
//!
//! because the two edges' factors add up to 1, and their gains to 0. The gains of a feature are added tree after tree, split
//! after split from the last to the first of the preorder, eight points after eight; the sum over eight points is
//! ((0 + 1) + (2 + 3)) + ((4 + 5) + (6 + 7)), and zeros stand in for points that a rule does not have. [`row`] has
//! points as its lanes, [`block`] has rows: they do the same operations on the same numbers, and so give the same bits.

mod block;
mod row;

use std::collections::VecDeque;

use super::quadrature::Quadrature;
use super::tree::{ByteTree, End};

pub(in crate::gbdt) use block::{BlockScratch, Rows};
pub(in crate::gbdt) use row::RowScratch;

use super::lanes::LANES;

/// Trees compiled for explanation.
#[derive(Clone, Debug)]
pub(in crate::gbdt) struct Shap {
    trees: Vec<Tree>,
    /// By the number of points of a rule; only those that a tree needs.
    rules: Vec<Option<Rule>>,
    n_columns: usize,
    n_features: usize,
}

/// Quadrature points in eights; the weight of a place beyond the last point is 0.
#[derive(Clone, Debug)]
struct Rule {
    n_points: usize,
    eights: Vec<Points>,
}

#[derive(Clone, Debug)]
struct Points {
    t: [f64; LANES],
    u: [f64; LANES],
    weight: [f64; LANES],
}

#[derive(Clone, Debug)]
struct Tree {
    columns: Vec<u32>,
    at_most: Vec<u8>,
    splits: Vec<Split>,
    leaves: Vec<f64>,
    /// Questions that are not the first of their feature, in the order of the splits.
    later: Vec<Later>,
    /// 1 / (q0 u + t) by eight points, then by question: ones for all first questions, then `later`.
    inverses: Vec<[f64; LANES]>,
    /// The rule for its paths.
    n_points: usize,
    /// How it is walked when rows are lanes: right subtrees before left ones.
    steps: Vec<Step>,
    /// What a row gains by eight splits at a time while they are open: q0 - q to the left, 0 - q to the right.
    gains: Vec<[[f64; LANES]; 2]>,
    /// The splits in the order in which their gains are added, and their features.
    order: Vec<[u32; 2]>,
    depth: usize,
}

#[derive(Clone, Copy, Debug)]
struct Split {
    q: f64,
    q0: f64,
    /// The left edge's cover ratio.
    share: f64,
    /// Left and right: a split, or behind all splits a leaf.
    ends: [u32; 2],
    feature: u32,
    /// 0 for the first question of its feature, or 1 + its position in [`Tree::later`].
    later: u32,
}

/// A later question is open where the one before is open and led to its side.
#[derive(Clone, Copy, Debug)]
struct Later {
    split: u32,
    before: u32,
    /// Whether the path leaves the one before to the left.
    left: bool,
}

#[derive(Clone, Copy, Debug)]
struct Step {
    split: u32,
    /// Twice the depth, and 1 on a right side: where the split's C and B are kept.
    place: u32,
    /// Down, to the split's children; otherwise up, from them.
    down: bool,
}

impl Shap {
    /// Compiles trees; the feature and the left edge's cover ratio of each split stand in the order of the tree's splits.
    ///
    /// # Panics
    /// When a feature is not below `n_features`, or lists differ in length.
    pub(in crate::gbdt) fn new<'a>(
        trees: impl IntoIterator<Item = (&'a ByteTree, Vec<u32>, Vec<f64>)>,
        n_features: usize,
    ) -> Self {
        let mut shap = Shap { trees: vec![], rules: vec![], n_columns: 0, n_features };
        for (tree, features, shares) in trees {
            assert!(features.iter().all(|&f| (f as usize) < n_features), "features that exist");
            assert!(features.len() == tree.splits().len() && shares.len() == features.len(), "one a split");
            shap.n_columns = shap.n_columns.max(tree.n_columns());
            let mut compiled = Tree::new(tree, &features, &shares);
            let n_points = compiled.n_points;
            shap.rules.resize(shap.rules.len().max(n_points + 1), None);
            compiled.check();
            compiled.invert(shap.rules[n_points].get_or_insert_with(|| Rule::new(n_points)));
            shap.trees.push(compiled);
        }
        shap
    }

    fn rule(&self, tree: &Tree) -> &Rule {
        self.rules[tree.n_points].as_ref().expect("made with the tree")
    }
}

/// Of up to eight splits; zeros beyond.
fn gains(splits: &[Split]) -> [[f64; LANES]; 2] {
    let by = |gain: fn(&Split) -> f64| std::array::from_fn(|i| splits.get(i).map_or(0.0, gain));
    [by(|split| split.q0 - split.q), by(|split| 0.0 - split.q)]
}

impl Rule {
    fn new(n_points: usize) -> Self {
        let all = Quadrature::new(n_points);
        let eight = |values: &[f64], first: usize, rest: f64| {
            std::array::from_fn(|i| values.get(first + i).copied().unwrap_or(rest))
        };
        let eights = (0..n_points).step_by(LANES).map(|first| Points {
            t: eight(&all.t, first, 0.5),
            u: eight(&all.u, first, 0.5),
            weight: eight(&all.weight, first, 0.0),
        });
        Rule { n_points, eights: eights.collect() }
    }
}

/// What is above a split while a tree is laid out.
#[derive(Clone, Copy)]
struct Above {
    /// The parent's new position, and whether the split is to its left.
    parent: Option<(u32, bool)>,
    distinct: usize,
    place: u32,
}

impl Tree {
    fn new(tree: &ByteTree, features: &[u32], shares: &[f64]) -> Self {
        let mut own = Tree {
            columns: vec![],
            at_most: vec![],
            splits: vec![],
            leaves: tree.leaves().to_vec(),
            later: vec![],
            inverses: vec![],
            n_points: 0,
            steps: vec![],
            gains: vec![],
            order: vec![],
            depth: 0,
        };
        let mut parents = vec![];
        let mut distinct = 0;
        let mut queue = VecDeque::from([(tree.root(), Above { parent: None, distinct: 0, place: 0 })]);
        while let Some((end, above)) = queue.pop_front() {
            let at = own.splits.len() as u32;
            let number = match end {
                End::Split(_) => at,
                End::Leaf(leaf) => tree.splits().len() as u32 + leaf as u32,
            };
            if let Some((parent, left)) = above.parent {
                own.splits[parent as usize].ends[usize::from(!left)] = number;
            }
            let End::Split(old) = end else { continue };
            own.push(above, features[old], shares[old], &parents);
            parents.push(above.parent);
            let split = tree.splits()[old];
            own.columns.push(split.column);
            own.at_most.push(split.at_most);
            own.depth = own.depth.max(above.place as usize / 2 + 1);
            let now = above.distinct + usize::from(own.splits[at as usize].later == 0);
            distinct = distinct.max(now);
            for (side, end) in split.ends.into_iter().enumerate() {
                let place = (above.place | 1) + 1 + side as u32;
                queue.push_back((end, Above { parent: Some((at, side == 0)), distinct: now, place }));
            }
        }
        own.n_points = distinct.div_ceil(2);
        own.lay_steps();
        own.gains = own.splits.chunks(LANES).map(gains).collect();
        own
    }

    /// Adds a split; its ends follow when they are reached.
    fn push(&mut self, above: Above, feature: u32, share: f64, parents: &[Option<(u32, bool)>]) {
        let split = self.splits.len() as u32;
        let before = self.last_of(feature, above.parent, parents);
        if let Some((before, left)) = before {
            self.later.push(Later { split, before, left });
        }
        let q0 = before.map_or(1.0, |(before, left)| {
            let before = self.splits[before as usize];
            if left { before.q } else { before.q0 - before.q }
        });
        let later = if before.is_some() { self.later.len() as u32 } else { 0 };
        self.splits.push(Split { q: q0 * share, q0, share, ends: [0; 2], feature, later });
    }

    /// Climbs from an edge until it leaves a split of this feature.
    fn last_of(
        &self,
        feature: u32,
        mut edge: Option<(u32, bool)>,
        parents: &[Option<(u32, bool)>],
    ) -> Option<(u32, bool)> {
        while let Some((split, _)) = edge {
            if self.splits[split as usize].feature == feature {
                return edge;
            }
            edge = parents[split as usize];
        }
        None
    }

    /// Down through the splits that have a split below, and up through all.
    fn lay_steps(&mut self) {
        let n = self.splits.len() as u32;
        let mut stack = vec![];
        if n > 0 {
            stack.push(Step { split: 0, place: 0, down: true });
        }
        while let Some(step) = stack.pop() {
            if !step.down {
                self.steps.push(step);
                self.order.push([step.split, self.splits[step.split as usize].feature]);
                continue;
            }
            let ends = self.splits[step.split as usize].ends;
            if ends.iter().any(|&end| end < n) {
                self.steps.push(step);
            }
            stack.push(Step { down: false, ..step });
            // the right child is taken from the stack first
            for (side, &end) in ends.iter().enumerate().filter(|(_, end)| **end < n) {
                stack.push(Step { split: end, place: (step.place | 1) + 1 + side as u32, down: true });
            }
        }
    }

    fn invert(&mut self, rule: &Rule) {
        for points in &rule.eights {
            self.inverses.push([1.0; LANES]);
            for later in &self.later {
                let q0 = self.splits[later.split as usize].q0;
                self.inverses.push(std::array::from_fn(|i| 1.0 / (q0 * points.u[i] + points.t[i])));
            }
        }
    }

    /// What the loop over one row does not look at again.
    ///
    /// # Panics
    /// When an end is neither a split nor a leaf, or a later question is not in the list.
    fn check(&self) {
        let n_ends = self.splits.len() + self.leaves.len();
        let sound = |split: &Split| {
            split.ends.iter().all(|&end| (end as usize) < n_ends) && split.later as usize <= self.later.len()
        };
        assert!(self.splits.iter().all(sound), "ends and later questions that exist");
    }

    /// Those of one eight.
    fn inverses(&self, eight: usize) -> &[[f64; LANES]] {
        let n = self.later.len() + 1;
        &self.inverses[eight * n..(eight + 1) * n]
    }
}
