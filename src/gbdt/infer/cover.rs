//! How many training rows came to each place of a tree: what a walk that does not know a feature is weighed by.
//!
//! LightGBM counts rows, and so do models trained here. Where a tree has no counts (an imported one may not), the sums of
//! hessians stand in for them; where it has neither, each leaf counts one.

use crate::gbdt::model::{Child, Tree};

/// Training rows (or their stand-in) under each place of a tree. A node's cover is the sum of its leaves', so that shares
/// always add up to one.
pub(super) struct Cover {
    nodes: Vec<f64>,
    leaves: Vec<f64>,
}

impl Cover {
    pub(super) fn of(tree: &Tree) -> Self {
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
    pub(super) fn expectation(&self, tree: &Tree) -> f64 {
        let total = self.at(tree.root());
        tree.leaves.iter().zip(&self.leaves).map(|(leaf, cover)| cover / total * leaf.value).sum()
    }

    /// The share of a node's rows that take an edge; a half where no row came.
    pub(super) fn share(&self, node: usize, child: Child) -> f64 {
        if self.nodes[node] > 0.0 { self.at(child) / self.nodes[node] } else { 0.5 }
    }
}
