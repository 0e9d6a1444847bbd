//! [`Model`] -> LightGBM text: what `lightgbm.Booster(model_file=...)` of version 4 loads.

use std::collections::BTreeSet;
use std::fmt::{Display, Write as _};

use crate::gbdt::data::{FeatureKind, Schema};
use crate::gbdt::model::{CategorySet, Model, Node, Objective, Rule, Tree};

/// The model as LightGBM would save it. Numbers read back exactly.
///
/// Names that LightGBM's format cannot hold (it separates them by spaces and refuses JSON's marks) get `_` for each such
/// character, and their position where that makes two names one. Levels of categories are lost: the codes remain.
pub fn to_text(model: &Model) -> String {
    let trees: Vec<String> = model.trees.iter().enumerate().map(|(i, tree)| tree_text(i, tree)).collect();
    let mut out = String::new();
    let mut line = |text: &str| {
        out.push_str(text);
        out.push('\n');
    };
    line("tree");
    line("version=v4");
    line("num_class=1");
    line("num_tree_per_iteration=1");
    line("label_index=0");
    line(&format!("max_feature_idx={}", model.schema.len() as i64 - 1));
    line(&format!("objective={}", objective(model.objective)));
    if model.average {
        line("average_output");
    }
    line(&format!("feature_names={}", names(&model.schema).join(" ")));
    line(&format!("feature_infos={}", infos(model).join(" ")));
    line(&format!("tree_sizes={}", join(trees.iter().map(String::len))));
    line("");
    trees.iter().for_each(|tree| out.push_str(tree));
    out.push_str("end of trees\n\nfeature_importances:\n");
    out.push_str(&importances(model));
    out.push_str("\nparameters:\n");
    for (name, value) in &model.parameters {
        if let Some(value) = parameter(name, value) {
            let _ = writeln!(out, "[{name}: {value}]");
        }
    }
    out.push_str("\nend of parameters\n\npandas_categorical:null\n");
    out
}

pub(super) fn objective(objective: Objective) -> String {
    match objective {
        Objective::Binary { sigmoid } => format!("binary sigmoid:{}", number(sigmoid)),
        Objective::Lambdarank => "lambdarank".to_owned(),
        Objective::Regression => "regression".to_owned(),
    }
}

/// A name as LightGBM can hold it.
pub fn plain_name(name: &str) -> String {
    let forbidden = |c: char| c.is_whitespace() || c.is_control() || "\",:[]{}".contains(c);
    name.chars().map(|c| if forbidden(c) { '_' } else { c }).collect()
}

/// The names of features as LightGBM can hold them, no two alike.
pub(super) fn names(schema: &Schema) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let mut names = vec![];
    for (position, name) in schema.names().enumerate() {
        let mut plain = plain_name(name);
        if plain.is_empty() {
            plain = format!("Column_{position}");
        }
        while !taken.insert(plain.clone()) {
            plain = format!("{plain}_{position}");
        }
        names.push(plain);
    }
    names
}

/// The range of a numerical feature where its quantiles are known, the codes that the trees know of a categorical one.
fn infos(model: &Model) -> Vec<String> {
    let none = || "none".to_owned();
    let info = |(i, feature): (usize, &crate::gbdt::data::Feature)| match feature.kind {
        FeatureKind::Numerical => {
            let quantiles = model.quantiles.get(i).map_or([].as_slice(), Vec::as_slice);
            let range = quantiles.first().zip(quantiles.last());
            range.map_or_else(none, |(&min, &max)| format!("[{}:{}]", number(min), number(max)))
        }
        FeatureKind::Categorical { .. } => {
            let codes = codes(model, i);
            if codes.is_empty() {
                none()
            } else {
                codes.iter().map(u32::to_string).collect::<Vec<_>>().join(":")
            }
        }
    };
    model.schema.features.iter().enumerate().map(info).collect()
}

/// The codes of a feature that some tree sends left.
pub(super) fn codes(model: &Model, feature: usize) -> BTreeSet<u32> {
    let nodes =
        model.trees.iter().flat_map(|tree| &tree.nodes).filter(|node| node.feature as usize == feature);
    let sets = nodes.filter_map(|node| match &node.rule {
        Rule::Categorical { left } => Some(left),
        Rule::Numerical { .. } => None,
    });
    sets.flat_map(CategorySet::codes).collect()
}

/// Features by falling number of splits, as LightGBM lists them.
fn importances(model: &Model) -> String {
    let mut splits: Vec<(u64, usize)> = (0..model.schema.len()).map(|feature| (0, feature)).collect();
    for node in model.trees.iter().flat_map(|tree| &tree.nodes) {
        splits[node.feature as usize].0 += 1;
    }
    splits.retain(|&(count, _)| count > 0);
    splits.sort_by_key(|&(count, feature)| (std::cmp::Reverse(count), feature));
    let names = names(&model.schema);
    splits.iter().map(|&(count, feature)| format!("{}={count}\n", names[feature])).collect()
}

/// LightGBM reads `[name: value]` back by the type it knows for the name: flags are 1 and 0, lists hold no spaces.
fn parameter(name: &str, value: &str) -> Option<String> {
    let plain = |c: char| !c.is_control() && !":[]".contains(c);
    let known = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    match value {
        _ if !known || !value.chars().all(plain) => None,
        "true" => Some("1".to_owned()),
        "false" => Some("0".to_owned()),
        _ => Some(value.to_owned()),
    }
}

fn tree_text(index: usize, tree: &Tree) -> String {
    let (nodes, leaves) = (&tree.nodes, &tree.leaves);
    let sets: Vec<&[u32]> = nodes.iter().filter_map(category_words).collect();
    let mut sets_before = 0;
    let thresholds: Vec<String> = nodes.iter().map(|node| threshold(node, &mut sets_before)).collect();
    let mut out = format!("Tree={index}\n");
    let mut line = |key: &str, value: String| {
        let _ = writeln!(out, "{key}={value}");
    };
    line("num_leaves", leaves.len().to_string());
    line("num_cat", sets.len().to_string());
    line("split_feature", join(nodes.iter().map(|n| n.feature)));
    line("split_gain", join(nodes.iter().map(|n| number(n.gain))));
    line("threshold", join(thresholds));
    line("decision_type", join(nodes.iter().map(Node::decision_type)));
    line("left_child", join(nodes.iter().map(|n| n.left.code())));
    line("right_child", join(nodes.iter().map(|n| n.right.code())));
    line("leaf_value", join(leaves.iter().map(|l| number(l.value))));
    line("leaf_weight", join(leaves.iter().map(|l| number(l.weight))));
    line("leaf_count", join(leaves.iter().map(|l| l.count)));
    line("internal_value", join(nodes.iter().map(|n| number(n.value))));
    line("internal_weight", join(nodes.iter().map(|n| number(n.weight))));
    line("internal_count", join(nodes.iter().map(|n| n.count)));
    if !sets.is_empty() {
        let ends = sets.iter().scan(0, |end, set| {
            *end += set.len();
            Some(*end)
        });
        line("cat_boundaries", join(std::iter::once(0).chain(ends)));
        line("cat_threshold", join(sets.iter().copied().flatten()));
    }
    line("is_linear", "0".to_owned());
    line("shrinkage", number(tree.shrinkage));
    out.push_str("\n\n");
    out
}

fn category_words(node: &Node) -> Option<&[u32]> {
    match &node.rule {
        Rule::Numerical { .. } => None,
        Rule::Categorical { left } => Some(&left.words),
    }
}

/// A number, or the position of the node's category set.
fn threshold(node: &Node, sets_before: &mut usize) -> String {
    match node.rule {
        Rule::Numerical { threshold } => number(threshold),
        Rule::Categorical { .. } => {
            *sets_before += 1;
            (*sets_before - 1).to_string()
        }
    }
}

/// The shortest decimal that reads back exactly.
fn number(x: f64) -> String {
    let text = format!("{x:?}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

fn join<T: Display>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(" ")
}
