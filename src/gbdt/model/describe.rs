//! What a model says of itself: readable trees and importances.

use std::fmt::Write as _;

use super::{Child, Default, Missing, Model, Node, Objective, Rule, Tree};

/// How much the trees lean on a feature.
#[derive(Clone, Debug, PartialEq)]
pub struct Importance {
    /// The feature.
    pub name: String,
    /// Nodes that ask it.
    pub splits: u64,
    /// Their loss reduction, added in tree and node order.
    pub gain: f64,
    /// The training rows that they asked.
    pub cover: u64,
}

/// One entry per feature, in schema order.
pub fn importances(model: &Model) -> Vec<Importance> {
    let nothing = |name: &str| Importance { name: name.to_owned(), splits: 0, gain: 0.0, cover: 0 };
    let mut all: Vec<Importance> = model.schema.names().map(nothing).collect();
    for node in model.trees.iter().flat_map(|tree| &tree.nodes) {
        let one = &mut all[node.feature as usize];
        one.splits += 1;
        one.gain += node.gain;
        one.cover = one.cover.saturating_add(node.count);
    }
    all
}

/// The model for reading: a heading, importances by falling gain, and every tree, one line a node.
pub fn dump(model: &Model) -> String {
    let mut out = String::new();
    let (n_trees, n_features) = (model.trees.len(), model.schema.len());
    let averaged = if model.average { ", averaged" } else { "" };
    let _ = writeln!(out, "{}: {n_trees} trees{averaged}, {n_features} features", objective(model.objective));
    let _ = writeln!(out, "sha256 {}\n\nfeature\tsplits\tgain\tcover", model.digest());
    let mut all = importances(model);
    all.sort_by(|a, b| b.gain.total_cmp(&a.gain).then_with(|| b.splits.cmp(&a.splits)));
    for one in all {
        let _ = writeln!(out, "{}\t{}\t{}\t{}", one.name, one.splits, one.gain, one.cover);
    }
    for (index, tree) in model.trees.iter().enumerate() {
        let _ = writeln!(out, "\ntree {index}: {} leaves, shrinkage {}", tree.leaves.len(), tree.shrinkage);
        dump_tree(&mut out, model, tree);
    }
    out
}

fn objective(objective: Objective) -> String {
    match objective {
        Objective::Binary { sigmoid } => format!("binary (sigmoid {sigmoid})"),
        Objective::Lambdarank => "lambdarank".to_owned(),
        Objective::Regression => "regression".to_owned(),
    }
}

/// Blanks before the lines of a tree; what lies deeper is not set in further, for a chain of nodes would fill the page.
const DEEPEST: usize = 200;

/// Depth first, yes before no; a stack of our own, so that no tree is too deep.
fn dump_tree(out: &mut String, model: &Model, tree: &Tree) {
    let mut open = vec![(tree.root(), 1, "")];
    while let Some((place, depth, answer)) = open.pop() {
        let _ = write!(out, "{:1$}{answer}", "", (2 * depth).min(DEEPEST));
        match place {
            Child::Leaf(leaf) => {
                let leaf = tree.leaves[leaf as usize];
                let _ = writeln!(out, "{} (rows {}, weight {})", leaf.value, leaf.count, leaf.weight);
            }
            Child::Node(node) => {
                let node = &tree.nodes[node as usize];
                let question = question(model, node);
                let _ = writeln!(out, "{question}? (rows {}, gain {})", node.count, node.gain);
                open.push((node.right, depth + 1, "no: "));
                open.push((node.left, depth + 1, "yes: "));
            }
        }
    }
}

fn question(model: &Model, node: &Node) -> String {
    let name = &model.schema.features[node.feature as usize].name;
    let side = if node.default == Default::Left { "yes" } else { "no" };
    match (&node.rule, node.missing) {
        (Rule::Categorical { .. }, _) => format!("{name} in {:?}", codes(node)),
        (Rule::Numerical { threshold }, Missing::None) => format!("{name} <= {threshold}"),
        (Rule::Numerical { threshold }, Missing::Nan) => format!("{name} <= {threshold}, missing {side}"),
        (Rule::Numerical { threshold }, Missing::Zero) => {
            format!("{name} <= {threshold}, zero or missing {side}")
        }
    }
}

fn codes(node: &Node) -> Vec<u32> {
    match &node.rule {
        Rule::Numerical { .. } => vec![],
        Rule::Categorical { left } => left.codes().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gbdt::data::Schema;
    use crate::gbdt::model::{CategorySet, Leaf};

    fn model() -> Model {
        let leaf = |value, count| Leaf { value, weight: 1.0, count };
        let node = |feature, rule, left, right, count| Node {
            feature,
            rule,
            missing: Missing::Nan,
            default: Default::Left,
            left,
            right,
            gain: 2.5,
            value: 0.0,
            weight: 0.0,
            count,
        };
        let set = Rule::Categorical { left: CategorySet { words: vec![0b1010] } };
        let tree = Tree {
            nodes: vec![
                node(0, Rule::Numerical { threshold: 0.5 }, Child::Node(1), Child::Leaf(0), 9),
                node(1, set, Child::Leaf(1), Child::Leaf(2), 5),
            ],
            leaves: vec![leaf(0.25, 4), leaf(-1.0, 3), leaf(1.0, 2)],
            shrinkage: 0.1,
        };
        Model {
            schema: Schema::numerical(["amount", "kind", "unused"]),
            objective: Objective::Lambdarank,
            trees: vec![tree, Tree::constant(0.5)],
            average: false,
            quantiles: vec![],
            parameters: vec![],
        }
    }

    #[test]
    fn dumps_read_like_questions() {
        let text = dump(&model());
        let trees = &text[text.find("tree 0").expect("a first tree")..];
        let expected = "\
tree 0: 3 leaves, shrinkage 0.1
  amount <= 0.5, missing yes? (rows 9, gain 2.5)
    yes: kind in [1, 3]? (rows 5, gain 2.5)
      yes: -1 (rows 3, weight 1)
      no: 1 (rows 2, weight 1)
    no: 0.25 (rows 4, weight 1)

tree 1: 1 leaves, shrinkage 1
  0.5 (rows 0, weight 0)
";
        assert_eq!(trees, expected);
    }

    #[test]
    fn importances_count_splits_gain_and_cover() {
        let all = importances(&model());
        let of = |i: usize| (all[i].splits, all[i].gain, all[i].cover);
        assert_eq!([of(0), of(1), of(2)], [(1, 2.5, 9), (1, 2.5, 5), (0, 0.0, 0)]);
    }
}
