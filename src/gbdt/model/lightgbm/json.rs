//! [`Model`] -> JSON of the shape that `lightgbm.Booster.dump_model()` of version 4 gives, which tools around LightGBM read.
//!
//! Written token by token: a chain of ten thousand nodes is as deep as it is long, and no stack should depend on that.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::write::{codes, names, objective};
use crate::gbdt::data::FeatureKind;
use crate::gbdt::model::{Child, Default, Missing, Model, Node, Rule, Tree};

/// The model as LightGBM would dump it. Numbers read back exactly but for infinities, which JSON lacks: they become 1e300, as
/// there. Names are those of the [text](super::to_text).
pub fn to_json(model: &Model) -> String {
    let names = names(&model.schema);
    let infos: serde_json::Map<String, Value> =
        names.iter().enumerate().filter_map(|(i, name)| Some((name.clone(), info(model, i)?))).collect();
    let mut splits = vec![0u64; names.len()];
    let nodes = model.trees.iter().flat_map(|tree| &tree.nodes);
    nodes.for_each(|node| splits[node.feature as usize] += 1);
    let used = names.iter().zip(splits).filter(|(_, splits)| *splits > 0);
    let importances: serde_json::Map<String, Value> =
        used.map(|(name, n)| (name.clone(), json!(n))).collect();
    let mut out = String::from(
        "{\"name\":\"tree\",\"version\":\"v4\",\"num_class\":1,\"num_tree_per_iteration\":1,\"label_index\":0",
    );
    let mut field = |name: &str, value: Value| {
        let _ = write!(out, ",\n\"{name}\":{value}");
    };
    field("max_feature_idx", json!(names.len() as i64 - 1));
    field("objective", json!(objective(model.objective)));
    field("average_output", json!(model.average));
    field("feature_names", json!(names));
    field("monotone_constraints", json!([]));
    field("feature_infos", Value::Object(infos));
    out.push_str(",\n\"tree_info\":[");
    for (index, tree) in model.trees.iter().enumerate() {
        out.push_str(if index > 0 { ",\n" } else { "\n" });
        write_tree(&mut out, index, tree);
    }
    let _ = writeln!(
        out,
        "],\n\"feature_importances\":{},\n\"pandas_categorical\":null}}",
        Value::Object(importances)
    );
    out
}

/// The range of a numerical feature where its quantiles are known, or the codes that the trees know of a categorical one.
fn info(model: &Model, feature: usize) -> Option<Value> {
    let range = |min: f64, max: f64, values: Vec<u32>| json!({"min_value": finite(min), "max_value": finite(max), "values": values});
    match model.schema.features[feature].kind {
        FeatureKind::Numerical => {
            let quantiles = model.quantiles.get(feature)?;
            Some(range(*quantiles.first()?, *quantiles.last()?, vec![]))
        }
        FeatureKind::Categorical { .. } => {
            let codes = codes(model, feature);
            Some(range(
                f64::from(*codes.first()?),
                f64::from(*codes.last()?),
                codes.iter().copied().collect(),
            ))
        }
    }
}

/// What is still to be written, the next last.
enum Token {
    Place(Child),
    Text(&'static str),
}

fn write_tree(out: &mut String, index: usize, tree: &Tree) {
    let n_sets = tree.nodes.iter().filter(|node| matches!(node.rule, Rule::Categorical { .. })).count();
    let (n_leaves, shrinkage) = (tree.leaves.len(), finite(tree.shrinkage));
    let _ = write!(
        out,
        "{{\"tree_index\":{index},\"num_leaves\":{n_leaves},\"num_cat\":{n_sets},\"shrinkage\":{shrinkage},\"tree_structure\":"
    );
    let mut open = vec![Token::Text("}"), Token::Place(tree.root())];
    while let Some(token) = open.pop() {
        match token {
            Token::Text(text) => out.push_str(text),
            Token::Place(Child::Leaf(leaf)) => write_leaf(out, tree, leaf),
            Token::Place(Child::Node(index)) => {
                let node = &tree.nodes[index as usize];
                write_node(out, index, node);
                open.push(Token::Text("}"));
                open.push(Token::Place(node.right));
                open.push(Token::Text(",\"right_child\":"));
                open.push(Token::Place(node.left));
                open.push(Token::Text(",\"left_child\":"));
            }
        }
    }
}

fn write_leaf(out: &mut String, tree: &Tree, index: u32) {
    let leaf = &tree.leaves[index as usize];
    let (value, weight, count) = (finite(leaf.value), finite(leaf.weight), leaf.count);
    // of a tree that is one leaf LightGBM says no more
    let _ = match tree.nodes.len() {
        0 => write!(out, "{{\"leaf_value\":{value},\"leaf_count\":{count}}}"),
        _ => write!(
            out,
            "{{\"leaf_index\":{index},\"leaf_value\":{value},\"leaf_weight\":{weight},\"leaf_count\":{count}}}"
        ),
    };
}

/// A node up to its children.
fn write_node(out: &mut String, index: u32, node: &Node) {
    let (threshold, decision) = match &node.rule {
        Rule::Numerical { threshold } => (json!(finite(*threshold)), "<="),
        Rule::Categorical { left } => {
            (json!(left.codes().map(|code| code.to_string()).collect::<Vec<_>>().join("||")), "==")
        }
    };
    let missing = match node.missing {
        Missing::None => "None",
        Missing::Zero => "Zero",
        Missing::Nan => "NaN",
    };
    let _ = write!(
        out,
        "{{\"split_index\":{index},\"split_feature\":{},\"split_gain\":{},\"threshold\":{threshold},\"decision_type\":\"{decision}\",\
         \"default_left\":{},\"missing_type\":\"{missing}\",\"internal_value\":{},\"internal_weight\":{},\"internal_count\":{}",
        node.feature,
        finite(node.gain),
        decision == "<=" && node.default == Default::Left,
        finite(node.value),
        finite(node.weight),
        node.count,
    );
}

/// The number, as far from 0 as LightGBM writes one.
fn finite(x: f64) -> f64 {
    if x.is_nan() { 0.0 } else { x.clamp(-1e300, 1e300) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gbdt::data::Schema;
    use crate::gbdt::model::{CategorySet, Leaf, Objective};

    fn node(feature: u32, rule: Rule, left: Child, right: Child) -> Node {
        let (missing, default) = (Missing::Nan, Default::Left);
        Node { feature, rule, missing, default, left, right, gain: 2.5, value: 0.5, weight: 3.0, count: 9 }
    }

    fn model(trees: Vec<Tree>) -> Model {
        Model {
            schema: Schema::numerical(["amount", "a kind"]),
            objective: Objective::Binary { sigmoid: 1.0 },
            trees,
            average: false,
            quantiles: vec![vec![-1.0, 0.0, 4.5]],
            parameters: vec![],
        }
    }

    #[test]
    fn trees_are_nested_as_lightgbm_has_them() {
        let leaf = |value| Leaf { value, weight: 1.5, count: 4 };
        let set = Rule::Categorical { left: CategorySet { words: vec![0b1010] } };
        let threshold = Rule::Numerical { threshold: f64::INFINITY };
        let nodes = vec![
            node(0, threshold, Child::Node(1), Child::Leaf(0)),
            node(1, set, Child::Leaf(1), Child::Leaf(2)),
        ];
        let tree = Tree { nodes, leaves: vec![leaf(0.1), leaf(-1.0), leaf(1.0)], shrinkage: 0.1 };
        let json: Value =
            serde_json::from_str(&to_json(&model(vec![tree, Tree::constant(0.5)]))).expect("JSON");
        assert_eq!(json["feature_names"], json!(["amount", "a_kind"]));
        assert_eq!(
            json["feature_infos"],
            json!({"amount": {"min_value": -1.0, "max_value": 4.5, "values": []}})
        );
        assert_eq!(json["feature_importances"], json!({"amount": 1, "a_kind": 1}));
        let root = &json["tree_info"][0]["tree_structure"];
        assert_eq!((&root["threshold"], &root["decision_type"]), (&json!(1e300), &json!("<=")));
        assert_eq!(root["right_child"]["leaf_value"], json!(0.1));
        let inner = &root["left_child"];
        assert_eq!((&inner["threshold"], &inner["decision_type"]), (&json!("1||3"), &json!("==")));
        assert_eq!((&inner["default_left"], &inner["split_index"]), (&json!(false), &json!(1)));
        assert_eq!(inner["left_child"]["leaf_index"], json!(1));
        assert_eq!(json["tree_info"][1]["tree_structure"]["leaf_value"], json!(0.5));
    }

    #[test]
    fn a_chain_as_long_as_you_like_is_written() {
        let depth = 200_000;
        let link = |i: u32| {
            node(
                0,
                Rule::Numerical { threshold: 0.0 },
                Child::Leaf(i),
                if i + 1 < depth { Child::Node(i + 1) } else { Child::Leaf(depth) },
            )
        };
        let leaves = (0..=depth).map(|i| Leaf { value: f64::from(i), weight: 1.0, count: 1 }).collect();
        let tree = Tree { nodes: (0..depth).map(link).collect(), leaves, shrinkage: 1.0 };
        let text = to_json(&model(vec![tree]));
        assert_eq!(text.matches("leaf_index").count(), depth as usize + 1);
        assert_eq!(text.matches('{').count(), text.matches('}').count());
    }
}
