//! What makes a model whole: every reader of a file asks here before it hands a model out, so that the engines
//! may index without asking again.

use std::collections::BTreeSet;

use super::{Child, Model, Objective, Rule, Tree};
use crate::gbdt::data::Schema;

/// Why decoded parts do not make a model.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelFault {
    /// Two features share a name.
    #[error("feature `{name}` appears more than once")]
    DuplicateFeature {
        /// The name.
        name: String,
    },
    /// A tree without nodes has one leaf, and every node adds one.
    #[error("tree {tree}: {nodes} nodes need {} leaves, found {leaves}", nodes + 1)]
    LeafCount {
        /// Position of the tree.
        tree: usize,
        /// Its nodes.
        nodes: usize,
        /// Its leaves.
        leaves: usize,
    },
    /// A node reads a feature that the schema does not have.
    #[error("tree {tree}, node {node}: reads feature {feature}, the schema has {n_features}")]
    Feature {
        /// Position of the tree.
        tree: usize,
        /// Position of the node.
        node: usize,
        /// The feature it reads.
        feature: u32,
        /// Features in the schema.
        n_features: usize,
    },
    /// A threshold that no value can be compared with.
    #[error("tree {tree}, node {node}: the threshold is not a number")]
    Threshold {
        /// Position of the tree.
        tree: usize,
        /// Position of the node.
        node: usize,
    },
    /// A child that does not exist or does not follow its parent.
    #[error("tree {tree}, node {node}: the child {child:?} is not a later node nor a leaf of the tree")]
    Child {
        /// Position of the tree.
        tree: usize,
        /// Position of the parent.
        node: usize,
        /// Where the edge leads.
        child: Child,
    },
    /// Two edges lead to one place (and so none to another).
    #[error("tree {tree}, node {node}: {child:?} is reached a second time")]
    Reached {
        /// Position of the tree.
        tree: usize,
        /// Position of the second parent.
        node: usize,
        /// Where both edges lead.
        child: Child,
    },
    /// An infinite or undefined number where sums need a finite one.
    #[error("tree {tree}: {what} {index} is not finite")]
    NotFinite {
        /// Position of the tree.
        tree: usize,
        /// What holds the number.
        what: &'static str,
        /// Position of its holder.
        index: usize,
    },
    /// The slope of the logistic function makes no probability.
    #[error("the objective's sigmoid is {sigmoid}, expected a positive finite number")]
    Sigmoid {
        /// The slope found.
        sigmoid: f64,
    },
    /// Quantiles are given for all features or for none, and never fall.
    #[error("training quantiles: {problem}")]
    Quantiles {
        /// What is wrong with them.
        problem: String,
    },
}

impl Model {
    /// Whether the parts fit together.
    ///
    /// # Errors
    /// The first fault in the order schema, objective, trees, quantiles.
    pub fn check(&self) -> Result<(), ModelFault> {
        check_schema(&self.schema)?;
        if let Objective::Binary { sigmoid } = self.objective {
            if !(sigmoid > 0.0 && sigmoid.is_finite()) {
                return Err(ModelFault::Sigmoid { sigmoid });
            }
        }
        for (index, tree) in self.trees.iter().enumerate() {
            check_tree(index, tree, self.schema.len())?;
        }
        check_quantiles(&self.quantiles, self.schema.len())
    }
}

fn check_schema(schema: &Schema) -> Result<(), ModelFault> {
    let mut seen = BTreeSet::new();
    match schema.names().find(|name| !seen.insert(*name)) {
        Some(name) => Err(ModelFault::DuplicateFeature { name: name.to_owned() }),
        None => Ok(()),
    }
}

fn check_tree(tree: usize, t: &Tree, n_features: usize) -> Result<(), ModelFault> {
    let (nodes, leaves) = (t.nodes.len(), t.leaves.len());
    if leaves != nodes + 1 {
        return Err(ModelFault::LeafCount { tree, nodes, leaves });
    }
    for (node, n) in t.nodes.iter().enumerate() {
        if n.feature as usize >= n_features {
            return Err(ModelFault::Feature { tree, node, feature: n.feature, n_features });
        }
        match n.rule {
            Rule::Numerical { threshold } if threshold.is_nan() => {
                return Err(ModelFault::Threshold { tree, node });
            }
            _ => {}
        }
    }
    check_edges(tree, t)?;
    check_numbers(tree, t)
}

/// Every place but the root is reached by exactly one edge, from an earlier node: with one leaf more than nodes there are as
/// many edges as places, so a place that is missed shows as another that is reached twice.
fn check_edges(tree: usize, t: &Tree) -> Result<(), ModelFault> {
    let mut node_seen = vec![false; t.nodes.len()];
    let mut leaf_seen = vec![false; t.leaves.len()];
    for (node, n) in t.nodes.iter().enumerate() {
        for child in [n.left, n.right] {
            let seen = match child {
                Child::Node(to) if to as usize > node => node_seen.get_mut(to as usize),
                Child::Node(_) => None,
                Child::Leaf(to) => leaf_seen.get_mut(to as usize),
            };
            match seen {
                None => return Err(ModelFault::Child { tree, node, child }),
                Some(true) => return Err(ModelFault::Reached { tree, node, child }),
                Some(seen) => *seen = true,
            }
        }
    }
    Ok(())
}

fn check_numbers(tree: usize, t: &Tree) -> Result<(), ModelFault> {
    let fault = |what, index| Err(ModelFault::NotFinite { tree, what, index });
    for (index, leaf) in t.leaves.iter().enumerate() {
        if !leaf.value.is_finite() {
            return fault("the value of leaf", index);
        }
        if !leaf.weight.is_finite() {
            return fault("the weight of leaf", index);
        }
    }
    if t.shrinkage.is_nan() {
        return fault("the shrinkage, tree", tree);
    }
    Ok(())
}

fn check_quantiles(quantiles: &[Vec<f64>], n_features: usize) -> Result<(), ModelFault> {
    let problem = |problem| Err(ModelFault::Quantiles { problem });
    if !quantiles.is_empty() && quantiles.len() != n_features {
        return problem(format!("expected none or {n_features} lists, found {}", quantiles.len()));
    }
    for (feature, values) in quantiles.iter().enumerate() {
        if !values.windows(2).all(|pair| pair[0] <= pair[1]) || values.iter().any(|x| x.is_nan()) {
            return problem(format!("those of feature {feature} do not rise"));
        }
    }
    Ok(())
}
