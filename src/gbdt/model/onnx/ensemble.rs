//! Trees as the parallel lists of a `TreeEnsembleRegressor`.

use super::OnnxError;
use super::steps::Steps;
use crate::gbdt::model::{Child, Model, Node, Tree};

/// One entry a node of the operator: chains for our nodes, then our leaves, tree by tree.
#[derive(Debug, Default)]
pub(super) struct Ensemble {
    pub(super) tree: Vec<i64>,
    /// Counted from 0 in every tree.
    pub(super) node: Vec<i64>,
    pub(super) feature: Vec<i64>,
    pub(super) is_leaf: Vec<bool>,
    pub(super) threshold: Vec<f64>,
    pub(super) if_true: Vec<i64>,
    pub(super) if_false: Vec<i64>,
    pub(super) nan_is_true: Vec<bool>,
    /// Tree, node and value of every leaf.
    pub(super) leaves: Vec<(i64, i64, f64)>,
}

impl Ensemble {
    pub(super) fn of(model: &Model) -> Result<Self, OnnxError> {
        let mut ensemble = Ensemble::default();
        for (number, tree) in model.trees.iter().enumerate() {
            ensemble.add(number, tree)?;
        }
        if model.trees.is_empty() {
            ensemble.add(0, &Tree::constant(0.0))?; // the operator wants a tree
        }
        Ok(ensemble)
    }

    fn add(&mut self, number: usize, tree: &Tree) -> Result<(), OnnxError> {
        let chains: Vec<Steps> = tree.nodes.iter().map(Steps::of).collect();
        let too_long = chains.iter().enumerate().find(|(_, steps)| steps.ends.len() > MOST_STEPS);
        if let Some((node, steps)) = too_long {
            return Err(OnnxError::Set { tree: number, node, steps: steps.ends.len(), most: MOST_STEPS });
        }
        // where the chain of every node begins, and after them all the first leaf
        let mut starts = vec![0];
        starts.extend(chains.iter().scan(0, |end, steps| {
            *end += steps.ends.len() as i64;
            Some(*end)
        }));
        let place = |child: Child| match child {
            Child::Node(node) => starts[node as usize],
            Child::Leaf(leaf) => starts[chains.len()] + i64::from(leaf),
        };
        for (position, (node, steps)) in tree.nodes.iter().zip(&chains).enumerate() {
            let children = [place(node.left), place(node.right)];
            self.chain(number as i64, starts[position], (node, steps), children);
        }
        for (leaf, id) in tree.leaves.iter().zip(starts[chains.len()]..) {
            self.leaves.push((number as i64, id, leaf.value));
            self.push(number as i64, id, None);
        }
        Ok(())
    }

    /// `x <= end` for one end after another: true leads to the child of the step, false to the next end.
    fn chain(&mut self, tree: i64, start: i64, (node, steps): (&Node, &Steps), [left, right]: [i64; 2]) {
        let child = |step: usize| if steps.left[step] { left } else { right };
        let last = steps.ends.len() - 1;
        for (step, &threshold) in steps.ends.iter().enumerate() {
            let id = start + step as i64;
            let if_false = if step == last { child(step + 1) } else { id + 1 };
            let branch = Branch {
                feature: i64::from(node.feature),
                threshold,
                edges: [child(step), if_false],
                nan_is_true: steps.nan == step,
            };
            self.push(tree, id, Some(branch));
        }
    }

    /// Adds a branch, or a leaf.
    fn push(&mut self, tree: i64, id: i64, branch: Option<Branch>) {
        self.is_leaf.push(branch.is_none());
        let branch = branch.unwrap_or_default();
        self.tree.push(tree);
        self.node.push(id);
        self.feature.push(branch.feature);
        self.threshold.push(branch.threshold);
        self.if_true.push(branch.edges[0]);
        self.if_false.push(branch.edges[1]);
        self.nan_is_true.push(branch.nan_is_true);
    }
}

#[derive(Default)]
struct Branch {
    feature: i64,
    threshold: f64,
    /// Where true and false lead.
    edges: [i64; 2],
    nan_is_true: bool,
}

/// onnxruntime walks false edges by recursion.
const MOST_STEPS: usize = 1000;
