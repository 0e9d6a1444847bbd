//! Which feature contributed what: exact Shapley values of the path-dependent game, in f64, additive to the raw score.
//!
//! In that game a feature outside the coalition is averaged over the training rows: a walk that meets it takes both
//! branches, weighted by their cover. The Shapley weight of a coalition size is an integral over t in [0, 1], so that
//!
//! ```text
//! phi(i) = sum over leaves of value * integral of (s_i - q_i) * product over the path's other features j of (q_j u + s_j t)
//! ```
//!
//! with u = 1 - t, q the product of a feature's cover ratios along the path and s = 1 when the row satisfies all of that
//! feature's questions on it, 0 otherwise. The integrand is a polynomial of degree one below the number D of
//! distinct features, so ceil(D / 2) Gauss-Legendre points integrate it exactly, and every factor lies in [0, 1], so
//! nothing cancels at any depth.
//!
//! Points are lanes of an array. Down the tree, C(child) = C(node) m with m = q u + s t; up the tree B(node) = sum of m B(child);
//! the feature of the node gains C(node) (s - q) B(child). Where the feature was asked before on the path, with q0 and s0,
//! the old factor is divided out: m = (q u + s t) / (q0 u + t) and the gain is C(node) (s q0 - q) / (q0 u + t)^2 B(child) while s0 = 1;
//! once s0 = 0, m is the plain cover ratio and nothing is gained.
//!
//! Cover is the count of training rows; where a tree has none, the sum of hessians; where it has neither, one a leaf.
//!
//! # Sources
//! Wettenstein, Mitchell, Yu, Quadrature TreeSHAP, arXiv 2605.04497; Lundberg et al., Nature Machine Intelligence 2020 (the game).

use super::grid::Grid;
use super::quadrature::Quadrature;
use super::schema::{SchemaMismatch, compare};
use crate::determinism::par;
use crate::gbdt::data::{FeatureMatrix, Schema};
use crate::gbdt::kernel::ByteTree;
use crate::gbdt::model::{Child, Model, Tree};

/// A model compiled for explanation.
#[derive(Clone, Debug)]
pub struct Explainer {
    schema: Schema,
    grid: Grid,
    trees: Vec<Plan>,
    base_value: f64,
}

/// The contributions of one row: `base_value` and the sum of `values` make the raw score.
#[derive(Clone, Debug, PartialEq)]
pub struct Contributions {
    /// One per feature, in schema order; exactly 0 for a feature that no tree reads.
    pub values: Vec<f64>,
    /// The expected raw score over the training rows.
    pub base_value: f64,
}

/// The contributions of many rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanations {
    /// Rows x features, row by row.
    pub values: Vec<f64>,
    /// Features of a row.
    pub n_features: usize,
    /// The expected raw score over the training rows.
    pub base_value: f64,
}

impl Explanations {
    /// The contributions of one row, in schema order.
    pub fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.n_features..(row + 1) * self.n_features]
    }
}

/// Memory of one explanation after another; give one to each thread.
#[derive(Clone, Debug, std::default::Default)]
pub struct Scratch {
    /// The row's answers to every question.
    bytes: Vec<u8>,
    /// Per edge, whether the row satisfies every question of the edge's feature down to it.
    satisfied: Vec<bool>,
    /// C of each node.
    down: Vec<f64>,
    /// B of each node.
    up: Vec<f64>,
    /// Per feature of the tree.
    gained: Vec<f64>,
}

impl Explainer {
    /// Compiles a model.
    ///
    /// # Panics
    /// When the model does not pass [`Model::check`]; a model that was trained or read is sound.
    pub fn new(model: &Model) -> Self {
        let (grid, over_bytes) = Grid::of(model);
        let mut trees = vec![];
        let mut base_value = 0.0;
        for (tree, over_bytes) in model.trees.iter().zip(&over_bytes) {
            let cover = Cover::of(tree);
            base_value += cover.expectation(tree);
            trees.push(Plan::new(tree, &cover, over_bytes));
        }
        Explainer { schema: model.schema.clone(), grid, trees, base_value }
    }

    /// The features that a row holds, in order.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The expected raw score over the training rows.
    pub fn base_value(&self) -> f64 {
        self.base_value
    }

    /// The contributions of one row of feature values in schema order.
    ///
    /// # Panics
    /// When the row is shorter than the schema.
    pub fn contributions(&self, row: &[f64]) -> Contributions {
        let mut values = vec![0.0; self.schema().len()];
        self.contributions_into(row, &mut Scratch::default(), &mut values);
        Contributions { values, base_value: self.base_value }
    }

    /// The same without allocating once `scratch` has grown to the model's size; `out` has one place per feature.
    ///
    /// # Panics
    /// When the row or `out` is shorter than the schema.
    pub fn contributions_into(&self, row: &[f64], scratch: &mut Scratch, out: &mut [f64]) {
        assert!(row.len() >= self.schema().len(), "a row has a value for each feature");
        out.fill(0.0);
        scratch.bytes.resize(self.grid.n_columns(), 0);
        self.grid.row(row, &mut scratch.bytes);
        self.trees.iter().for_each(|tree| tree.explain(scratch, out));
    }

    /// The contributions of every row.
    ///
    /// # Errors
    /// When the matrix does not have the model's features.
    pub fn explain(&self, matrix: &FeatureMatrix) -> Result<Explanations, SchemaMismatch> {
        compare(self.schema(), matrix.schema())?;
        let n_features = self.schema().len();
        let mut values = vec![0.0; matrix.n_rows() * n_features];
        par::for_each_chunk(&mut values, BLOCK * n_features.max(1), |i, out| {
            let (mut row, mut scratch) = (vec![0.0; n_features], Scratch::default());
            for (j, out) in out.chunks_mut(n_features).enumerate() {
                matrix.copy_row(i * BLOCK + j, &mut row);
                self.contributions_into(&row, &mut scratch, out);
            }
        });
        Ok(Explanations { values, n_features, base_value: self.base_value })
    }
}

// ------------------------------------------------------------------ cover

/// Training rows (or their stand-in) under each place of a tree. A node's cover is the sum of its leaves', so that shares
/// always add up to one.
struct Cover {
    nodes: Vec<f64>,
    leaves: Vec<f64>,
}

impl Cover {
    fn of(tree: &Tree) -> Self {
        let counts: Vec<f64> = tree.leaves.iter().map(|leaf| leaf.count as f64).collect();
        let weights = || tree.leaves.iter().map(|leaf| leaf.weight.max(0.0)).collect::<Vec<_>>();
        let known = |cover: &Vec<f64>| cover.iter().any(|&c| c > 0.0);
        let leaves = Some(counts)
            .filter(known)
            .or_else(|| Some(weights()).filter(known))
            .unwrap_or_else(|| vec![1.0; tree.leaves.len()]);
        let mut cover = Cover { nodes: vec![0.0; tree.nodes.len()], leaves };
        for (i, node) in tree.nodes.iter().enumerate().rev() {
            cover.nodes[i] = cover.at(node.left) + cover.at(node.right);
        }
        cover
    }

    fn at(&self, place: Child) -> f64 {
        match place {
            Child::Node(node) => self.nodes[node as usize],
            Child::Leaf(leaf) => self.leaves[leaf as usize],
        }
    }

    /// The mean leaf value, in leaf order.
    fn expectation(&self, tree: &Tree) -> f64 {
        let total = self.at(tree.root());
        tree.leaves.iter().zip(&self.leaves).map(|(leaf, cover)| cover / total * leaf.value).sum()
    }

    /// The share of a node's rows that take an edge; a half where no row came.
    fn share(&self, node: usize, child: Child) -> f64 {
        if self.nodes[node] > 0.0 { self.at(child) / self.nodes[node] } else { 0.5 }
    }
}

// ------------------------------------------------------------------ one tree

/// What of a tree's explanation does not depend on the row.
#[derive(Clone, Debug)]
struct Plan {
    splits: Vec<Split>,
    /// The schema position of each feature that the tree reads.
    features: Vec<u32>,
    /// By split: the byte it reads, and the greatest that goes left.
    questions: Vec<(u32, u8)>,
    lanes: Lanes,
    /// Points, complements and weights in whole groups of lanes; the weight of a lane beyond the last point is 0.
    points: Quadrature,
    /// 1 / (q0 u + t) of splits that ask a feature again: group by group, lane by lane.
    inverses: Vec<f64>,
}

/// How many points are worked on at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lanes {
    Two,
    Four,
    Six,
    Eight,
}

#[derive(Clone, Debug)]
struct Split {
    /// Position in [`Plan::features`].
    slot: usize,
    /// The edge by which the path last left a node of this feature.
    before: Option<Again>,
    /// q before this node; 1 for a feature's first question.
    q0: f64,
    /// q behind each edge: left, right.
    q: [f64; 2],
    /// The node's own cover ratios.
    share: [f64; 2],
    child: [End; 2],
}

#[derive(Clone, Copy, Debug)]
struct Again {
    edge: usize,
    /// Among the splits that ask again.
    index: usize,
}

#[derive(Clone, Copy, Debug)]
enum End {
    Node(usize),
    Leaf(f64),
}

impl Plan {
    fn new(tree: &Tree, cover: &Cover, over_bytes: &ByteTree) -> Self {
        let questions = over_bytes.splits().iter().map(|split| (split.column, split.at_most)).collect();
        let mut features: Vec<u32> = tree.nodes.iter().map(|node| node.feature).collect();
        features.sort_unstable();
        features.dedup();
        let (splits, depth) = splits(tree, cover, &features);
        let lanes = Lanes::for_points(depth.div_ceil(2));
        let points = lanes.pad(Quadrature::new(depth.div_ceil(2)));
        let width = lanes.count();
        let mut inverses = vec![];
        for (t, u) in points.t.chunks(width).zip(points.u.chunks(width)) {
            for split in splits.iter().filter(|split| split.before.is_some()) {
                inverses.extend(t.iter().zip(u).map(|(t, u)| 1.0 / (split.q0 * u + t)));
            }
        }
        Plan { splits, features, questions, lanes, points, inverses }
    }

    fn explain(&self, scratch: &mut Scratch, out: &mut [f64]) {
        if self.splits.is_empty() {
            return;
        }
        self.ask(&scratch.bytes, &mut scratch.satisfied);
        for group in 0..self.points.t.len() / self.lanes.count() {
            match self.lanes {
                Lanes::Two => self.integrate::<2>(group, scratch, out),
                Lanes::Four => self.integrate::<4>(group, scratch, out),
                Lanes::Six => self.integrate::<6>(group, scratch, out),
                Lanes::Eight => self.integrate::<8>(group, scratch, out),
            }
        }
    }

    /// Whether each edge, and every earlier one of its feature on the path, is the row's.
    fn ask(&self, bytes: &[u8], satisfied: &mut Vec<bool>) {
        satisfied.clear();
        for (split, &(column, at_most)) in self.splits.iter().zip(&self.questions) {
            let still = split.before.is_none_or(|before| satisfied[before.edge]);
            let left = bytes[column as usize] <= at_most;
            satisfied.extend([still & left, still & !left]);
        }
    }

    fn integrate<const L: usize>(&self, group: usize, scratch: &mut Scratch, out: &mut [f64]) {
        let t = lanes::<L>(&self.points.t, group);
        let u = lanes::<L>(&self.points.u, group);
        let n_again = self.inverses.len() / self.points.t.len();
        let inverses = &self.inverses[group * n_again * L..(group + 1) * n_again * L];
        let n = self.splits.len();
        for (memory, size) in
            [(&mut scratch.down, n), (&mut scratch.up, n), (&mut scratch.gained, self.features.len())]
        {
            memory.clear();
            memory.resize(size * L, 0.0);
        }
        scratch.down[..L].copy_from_slice(lanes::<L>(&self.points.weight, group));
        self.descend::<L>([t, u], inverses, scratch);
        self.ascend::<L>([t, u], inverses, scratch);
        for (gained, &feature) in scratch.gained.chunks_exact(L).zip(&self.features) {
            out[feature as usize] += gained.iter().sum::<f64>();
        }
    }

    fn descend<const L: usize>(&self, points: [&[f64; L]; 2], inverses: &[f64], scratch: &mut Scratch) {
        for (node, split) in self.splits.iter().enumerate() {
            if split.child.iter().all(|end| matches!(end, End::Leaf(_))) {
                continue;
            }
            let factors = split.factors(node, points, inverses, &scratch.satisfied);
            let c = *lanes::<L>(&scratch.down, node);
            for (end, factor) in split.child.iter().zip(&factors.m) {
                if let End::Node(child) = *end {
                    let below = &mut scratch.down[child * L..(child + 1) * L];
                    for k in 0..L {
                        below[k] = c[k] * factor[k];
                    }
                }
            }
        }
    }

    fn ascend<const L: usize>(&self, points: [&[f64; L]; 2], inverses: &[f64], scratch: &mut Scratch) {
        for (node, split) in self.splits.iter().enumerate().rev() {
            let factors = split.factors(node, points, inverses, &scratch.satisfied);
            let below = split.child.map(|end| match end {
                End::Node(child) => *lanes::<L>(&scratch.up, child),
                End::Leaf(value) => [value; L],
            });
            let up = &mut scratch.up[node * L..(node + 1) * L];
            for k in 0..L {
                up[k] = factors.m[0][k] * below[0][k] + factors.m[1][k] * below[1][k];
            }
            if factors.gain != [0.0; 2] {
                let c = lanes::<L>(&scratch.down, node);
                let gained = &mut scratch.gained[split.slot * L..(split.slot + 1) * L];
                for k in 0..L {
                    let change = factors.gain[0] * below[0][k] + factors.gain[1] * below[1][k];
                    gained[k] += c[k] * factors.square[k] * change;
                }
            }
        }
    }
}

/// A node's multipliers for one row: of B and C by edge, of the gain by edge, and of the gain by lane.
struct Factors<const L: usize> {
    m: [[f64; L]; 2],
    gain: [f64; 2],
    square: [f64; L],
}

impl Split {
    #[inline]
    fn factors<const L: usize>(
        &self,
        node: usize,
        [t, u]: [&[f64; L]; 2],
        inverses: &[f64],
        satisfied: &[bool],
    ) -> Factors<L> {
        let s = [satisfied[2 * node], satisfied[2 * node + 1]];
        let inverse = match self.before {
            None => [1.0; L],
            // once a question of this feature went against the row, only cover is left
            Some(_) if s == [false; 2] => {
                return Factors { m: self.share.map(|share| [share; L]), gain: [0.0; 2], square: [0.0; L] };
            }
            Some(again) => *lanes::<L>(inverses, again.index),
        };
        let m = [0, 1].map(|side| {
            let (q, s) = (self.q[side], f64::from(u8::from(s[side])));
            std::array::from_fn(|k| (q * u[k] + s * t[k]) * inverse[k])
        });
        let gain = [0, 1].map(|side| f64::from(u8::from(s[side])) * self.q0 - self.q[side]);
        Factors { m, gain, square: inverse.map(|x| x * x) }
    }
}

impl Lanes {
    fn for_points(points: usize) -> Self {
        match points {
            0..=2 => Lanes::Two,
            3..=4 => Lanes::Four,
            5..=6 => Lanes::Six,
            _ => Lanes::Eight,
        }
    }

    fn count(self) -> usize {
        match self {
            Lanes::Two => 2,
            Lanes::Four => 4,
            Lanes::Six => 6,
            Lanes::Eight => 8,
        }
    }

    fn pad(self, mut points: Quadrature) -> Quadrature {
        let padded = points.t.len().next_multiple_of(self.count());
        points.t.resize(padded, 0.5);
        points.u.resize(padded, 0.5);
        points.weight.resize(padded, 0.0);
        points
    }
}

/// The splits of a tree, and the most distinct features on any path.
fn splits(tree: &Tree, cover: &Cover, features: &[u32]) -> (Vec<Split>, usize) {
    let mut splits: Vec<Split> = Vec::with_capacity(tree.nodes.len());
    // by node: the edge that leads to it, and the number of distinct features above it
    let mut above = vec![(None, 0); tree.nodes.len()];
    let (mut depth, mut n_again) = (0, 0);
    for (i, node) in tree.nodes.iter().enumerate() {
        let slot = features.binary_search(&node.feature).expect("the features of all nodes were collected");
        let (edge, distinct) = above[i];
        let before = last_edge_of(slot, edge, &splits, &above).map(|edge| {
            n_again += 1;
            Again { edge, index: n_again - 1 }
        });
        let q0 = before.map_or(1.0, |before| splits[before.edge / 2].q[before.edge % 2]);
        let distinct = distinct + usize::from(before.is_none());
        depth = depth.max(distinct);
        for (side, child) in [node.left, node.right].into_iter().enumerate() {
            if let Child::Node(child) = child {
                above[child as usize] = (Some(2 * i + side), distinct);
            }
        }
        let share = [node.left, node.right].map(|child| cover.share(i, child));
        let child = [node.left, node.right].map(|child| match child {
            Child::Node(node) => End::Node(node as usize),
            Child::Leaf(leaf) => End::Leaf(tree.leaves[leaf as usize].value),
        });
        splits.push(Split { slot, before, q0, q: share.map(|share| q0 * share), share, child });
    }
    (splits, depth)
}

/// Climbs from an edge to the root until an edge leaves a node of this feature.
fn last_edge_of(
    slot: usize,
    mut edge: Option<usize>,
    splits: &[Split],
    above: &[(Option<usize>, usize)],
) -> Option<usize> {
    while let Some(up) = edge {
        if splits[up / 2].slot == slot {
            return Some(up);
        }
        edge = above[up / 2].0;
    }
    None
}

/// The `index`-th whole group of lanes.
#[inline]
fn lanes<const L: usize>(values: &[f64], index: usize) -> &[f64; L] {
    values[index * L..].first_chunk().expect("memory is a whole number of groups")
}

/// Rows of one parallel task.
const BLOCK: usize = 64;
