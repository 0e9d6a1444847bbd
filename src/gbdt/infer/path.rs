//! The ways from a tree's root to its leaves, with the questions of each feature put together.

use super::cover::Cover;
use crate::gbdt::model::{Child, Tree};

/// What a leaf asks of a row, feature by feature.
#[derive(Clone, Debug)]
pub(super) struct Path {
    pub(super) value: f64,
    pub(super) steps: Vec<Step>,
}

#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) feature: u32,
    /// The share of training rows that satisfy its questions.
    pub(super) q: f64,
    /// The nodes that ask it, and whether the path leaves them to the left.
    edges: Vec<(u32, bool)>,
}

impl Step {
    /// Whether all of its questions are answered in its favour; `left` has the answer of each node.
    pub(super) fn satisfied(&self, left: &[bool]) -> bool {
        self.edges.iter().all(|&(node, side)| left[node as usize] == side)
    }

    /// A bit for each of eight rows that satisfies all questions; `left` has those that go left at each node.
    pub(super) fn satisfied_by(&self, left: &[u8]) -> u8 {
        self.edges.iter().fold(u8::MAX, |rows, &(node, side)| {
            rows & if side { left[node as usize] } else { !left[node as usize] }
        })
    }
}

/// Whether a row goes left, node by node.
pub(super) fn answers(tree: &Tree, row: &[f64]) -> impl Iterator<Item = bool> {
    tree.nodes.iter().map(|node| node.goes_left(row[node.feature as usize]))
}

/// The way to each leaf, from left to right.
pub(super) fn paths(tree: &Tree) -> Vec<Path> {
    let cover = Cover::of(tree);
    let mut paths = vec![];
    let mut stack = vec![(tree.root(), vec![])];
    while let Some((at, steps)) = stack.pop() {
        match at {
            Child::Leaf(leaf) => paths.push(Path { value: tree.leaves[leaf as usize].value, steps }),
            Child::Node(node) => {
                let of = &tree.nodes[node as usize];
                let share = cover.share(node as usize, of.left);
                stack.push((of.right, with(&steps, of.feature, 1.0 - share, (node, false))));
                stack.push((of.left, with(&steps, of.feature, share, (node, true))));
            }
        }
    }
    paths
}

/// The steps with one more question.
fn with(steps: &[Step], feature: u32, share: f64, edge: (u32, bool)) -> Vec<Step> {
    let mut steps = steps.to_vec();
    match steps.iter_mut().find(|step| step.feature == feature) {
        Some(step) => {
            step.q *= share;
            step.edges.push(edge);
        }
        None => steps.push(Step { feature, q: share, edges: vec![edge] }),
    }
    steps
}
