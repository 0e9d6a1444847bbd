//! New answers of old trees: the questions stay, each leaf's value is found anew from other rows.
//!
//! Tree after tree, as in training: derivatives at the scores of the trees so far -> their sums by leaf -> the value that
//! takes most loss away under the plan's `lambda_l1`, `lambda_l2`, `max_delta_step`, `path_smooth` and monotone constraints,
//! times what the tree weighs -> a mean of the old value and the new. On the rows that a model was trained on, with nothing
//! of the old values kept, refitting gives the model again.
//!
//! Gains and covers stay those of the rows that the questions were chosen by, as in LightGBM; a leaf that no row reaches keeps
//! its value, where LightGBM lets it fade to 0.

use super::cells::{Cells, FineSums};
use super::objective::Loss;
use super::place;
use super::trainer::{self, ContinueError};
use crate::determinism::par;
use crate::determinism::rng::Stream;
use crate::gbdt::data::{DataError, Dataset, Derivatives, FeatureMatrix, Task};
use crate::gbdt::kernel::Level;
use crate::gbdt::kernel::cell::Close;
use crate::gbdt::kernel::gain::{self, Limits};
use crate::gbdt::model::{Child, Model, Rule, Tree};
use crate::gbdt::params::Plan;

/// The model with leaf values of `decay` times the old and `1 - decay` times those that the rows of `matrix` ask for;
/// LightGBM's own decay is 0.9.
///
/// # Errors
/// When the decay is no share, the data are not labelled for the model, or are illegal.
pub fn refit(
    plan: &Plan,
    model: &Model,
    matrix: &FeatureMatrix,
    task: Task,
    decay: f64,
) -> Result<Model, RefitError> {
    if !(0.0..=1.0).contains(&decay) {
        return Err(RefitError::Decay { found: decay });
    }
    trainer::check_model(plan, matrix.schema(), &task, model)?;
    let data = Dataset::fit(matrix, task, plan.binning())?;
    let mut refitting = Refitting::new(plan, matrix, &data, decay);
    let mut refitted = model.clone();
    for (i, tree) in refitted.trees.iter_mut().enumerate() {
        refitting.round(i as u32, tree, i == 0 || model.average);
        if !model.average {
            refitting.add(tree, i == 0);
        }
    }
    Ok(refitted)
}

/// Why a model cannot be refitted.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RefitError {
    /// No share.
    #[error("decay: expected a number from 0 to 1, found {found}")]
    Decay {
        /// What was asked for.
        found: f64,
    },
    /// Another model than the data are for.
    #[error(transparent)]
    Model(#[from] ContinueError),
    /// Data that nothing can be learned from.
    #[error(transparent)]
    Data(#[from] DataError),
}

/// Refitting under way.
struct Refitting<'a> {
    plan: &'a Plan,
    matrix: &'a FeatureMatrix,
    data: &'a Dataset,
    decay: f64,
    loss: Loss<'a>,
    start: f64,
    scores: Vec<f64>,
    pairs: Vec<Derivatives>,
    cells: Cells<Close>,
    /// The leaf of each row in the tree at hand.
    leaves: Vec<u32>,
}

/// What the rows below a place say of its value.
#[derive(Clone, Copy, Default)]
struct Evidence {
    sums: FineSums,
    n_rows: usize,
}

/// A place whose value is sought: its limits, and the value of its own before the tree's weight.
#[derive(Clone, Copy)]
struct Spot {
    limits: Limits,
    value: f64,
}

impl<'a> Refitting<'a> {
    fn new(plan: &'a Plan, matrix: &'a FeatureMatrix, data: &'a Dataset, decay: f64) -> Self {
        let loss = Loss::new(plan, data);
        let (start, n_rows) = (loss.start(), data.n_rows());
        Refitting {
            plan,
            matrix,
            data,
            decay,
            loss,
            start,
            scores: vec![start; n_rows],
            pairs: Vec::new(),
            cells: Cells::new(Level::detect(), n_rows),
            leaves: Vec::new(),
        }
    }

    /// New values for one tree, of which the start is a part if so said.
    fn round(&mut self, round: u32, tree: &mut Tree, with_start: bool) {
        let chance = Stream::new(self.plan.sampling.seed, "rounding").round(u64::from(round));
        let current = self.loss.derive(Level::detect(), round, &self.scores, &mut self.pairs);
        self.cells.set(&current, self.data, chance);
        self.leaves = leaves_of(tree, self.matrix);
        let (of_nodes, of_leaves) = self.evidence(tree);
        let spots = self.spots(tree, &of_nodes, &of_leaves);
        let start = if with_start { self.start } else { 0.0 };
        let (shrinkage, decay) = (tree.shrinkage, self.decay);
        let renew = |old: &mut f64, spot: Spot, n_rows: usize| {
            let scaled = |value: f64| start + value * shrinkage;
            let new = match n_rows {
                0 => old.max(scaled(spot.limits.low)).min(scaled(spot.limits.high)),
                _ => scaled(spot.value),
            };
            *old = *old * decay + new * (1.0 - decay);
        };
        for ((node, spot), rows) in tree.nodes.iter_mut().zip(spots.0).zip(&of_nodes) {
            renew(&mut node.value, spot, rows.n_rows);
        }
        for ((leaf, spot), rows) in tree.leaves.iter_mut().zip(spots.1).zip(&of_leaves) {
            renew(&mut leaf.value, spot, rows.n_rows);
        }
    }

    /// Adds a tree to the scores; the first has the start in it.
    fn add(&mut self, tree: &Tree, first: bool) {
        let leaves = &self.leaves;
        par::for_each_chunk(&mut self.scores, BLOCK, |block, part| {
            for (i, score) in part.iter_mut().enumerate() {
                let before = if first { 0.0 } else { *score };
                *score = before + tree.leaves[leaves[block * BLOCK + i] as usize].value;
            }
        });
    }

    /// The sums of each node and of each leaf.
    fn evidence(&self, tree: &Tree) -> (Vec<Evidence>, Vec<Evidence>) {
        let mut rows = vec![Vec::new(); tree.leaves.len()];
        self.leaves.iter().zip(0u32..).for_each(|(&leaf, row)| rows[leaf as usize].push(row));
        let of_rows = |rows: &Vec<u32>| Evidence { sums: self.cells.fine_sums(rows), n_rows: rows.len() };
        let of_leaves: Vec<Evidence> = rows.iter().map(of_rows).collect();
        let mut of_nodes = vec![Evidence::default(); tree.nodes.len()];
        for (i, node) in tree.nodes.iter().enumerate().rev() {
            let [left, right] = [node.left, node.right].map(|child| at(child, &of_nodes, &of_leaves));
            of_nodes[i] = Evidence { sums: left.sums.plus(right.sums), n_rows: left.n_rows + right.n_rows };
        }
        (of_nodes, of_leaves)
    }

    /// The value of each node and of each leaf, from the root down.
    fn spots(&self, tree: &Tree, of_nodes: &[Evidence], of_leaves: &[Evidence]) -> (Vec<Spot>, Vec<Spot>) {
        let growth = &self.plan.growth;
        let free = place::unlimited(growth);
        let root = at(tree.root(), of_nodes, of_leaves);
        let root = self.spot(root, Limits { path_smooth: 0.0, ..free });
        let (mut nodes, mut leaves) = (vec![root; tree.nodes.len()], vec![root; tree.leaves.len()]);
        for (i, node) in tree.nodes.iter().enumerate() {
            let spot = nodes[i];
            let limits = Limits { parent: spot.value, path_smooth: growth.path_smooth, ..spot.limits };
            let children = [node.left, node.right];
            let values = children.map(|child| self.spot(at(child, of_nodes, of_leaves), limits).value);
            let direction = match node.rule {
                Rule::Numerical { .. } => place::direction(growth, node.feature),
                Rule::Categorical { .. } => 0,
            };
            let bounds = place::bounds_of_children(direction, (limits.low, limits.high), values);
            for (child, (low, high)) in children.into_iter().zip(bounds) {
                let spot = self.spot(at(child, of_nodes, of_leaves), Limits { low, high, ..limits });
                match child {
                    Child::Node(node) => nodes[node as usize] = spot,
                    Child::Leaf(leaf) => leaves[leaf as usize] = spot,
                }
            }
        }
        (nodes, leaves)
    }

    fn spot(&self, evidence: Evidence, limits: Limits) -> Spot {
        let growth = &self.plan.growth;
        let (gradient, hessian) = evidence.sums.values(self.cells.steps());
        let value = gain::optimum(gain::soft(gradient, growth.lambda_l1), hessian + growth.lambda_l2);
        Spot { limits, value: limits.hold(value, evidence.n_rows as f64) }
    }
}

fn at(child: Child, of_nodes: &[Evidence], of_leaves: &[Evidence]) -> Evidence {
    match child {
        Child::Node(node) => of_nodes[node as usize],
        Child::Leaf(leaf) => of_leaves[leaf as usize],
    }
}

fn leaves_of(tree: &Tree, matrix: &FeatureMatrix) -> Vec<u32> {
    let mut leaves = vec![0; matrix.n_rows()];
    par::for_each_chunk(&mut leaves, BLOCK, |block, part| {
        let mut row = vec![0.0; matrix.n_features()];
        for (i, leaf) in part.iter_mut().enumerate() {
            matrix.copy_row(block * BLOCK + i, &mut row);
            *leaf = tree.leaf_of(&row) as u32;
        }
    });
    leaves
}

/// Rows of a block; no result depends on it.
const BLOCK: usize = 4096;
