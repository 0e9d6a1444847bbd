//! ONNX files, decoded by a reader of protobuf's encoding and walked as ONNX describes its operators: every decision and every sum must be
//! the model's, to the bit. `tests/peers.rs` asks onnxruntime the same.
#![allow(clippy::panic, reason = "all of this is test code: a panic is a failed test")]

use std::collections::BTreeMap;

use aml_miner::gbdt::data::FeatureKind;
use aml_miner::gbdt::model::onnx::{OnnxError, to_bytes};
use aml_miner::gbdt::model::{CategorySet, Child, Model, Objective, Rule, Tree};

use crate::models::{Draws, Shape, exact, model, row};

// ------------------------------------------------------------------ protobuf, in

/// A field of a message.
enum Field<'a> {
    Integer(i64),
    Bytes(&'a [u8]),
}

/// The fields of a message, each with its number.
fn fields(mut bytes: &[u8]) -> Vec<(u64, Field<'_>)> {
    let mut fields = vec![];
    while !bytes.is_empty() {
        let tag = varint(&mut bytes);
        let field = match tag & 7 {
            0 => Field::Integer(varint(&mut bytes) as i64),
            2 => {
                let length = varint(&mut bytes) as usize;
                let (value, rest) = bytes.split_at(length);
                bytes = rest;
                Field::Bytes(value)
            }
            other => panic!("wire type {other}"),
        };
        fields.push((tag >> 3, field));
    }
    fields
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let (&byte, rest) = bytes.split_first().expect("a varint ends");
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    value
}

fn every(message: &[u8], number: u64) -> Vec<&[u8]> {
    let bytes = |(n, field)| match field {
        Field::Bytes(bytes) if n == number => Some(bytes),
        _ => None,
    };
    fields(message).into_iter().filter_map(bytes).collect()
}

fn one(message: &[u8], number: u64) -> &[u8] {
    let found = every(message, number);
    assert_eq!(found.len(), 1, "field {number}");
    found[0]
}

fn text(message: &[u8], number: u64) -> &str {
    std::str::from_utf8(one(message, number)).expect("text")
}

fn integer(message: &[u8], number: u64) -> i64 {
    let found = fields(message).into_iter().find_map(|(n, field)| match field {
        Field::Integer(value) if n == number => Some(value),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("no integer in field {number}"))
}

fn packed(mut bytes: &[u8]) -> Vec<i64> {
    let mut values = vec![];
    while !bytes.is_empty() {
        values.push(varint(&mut bytes) as i64);
    }
    values
}

// ------------------------------------------------------------------ ONNX

/// Operators by name with their inputs and output, and the trees.
struct Graph {
    operators: Vec<(String, Vec<String>, String)>,
    factor: Option<f32>,
    trees: Vec<BTreeMap<i64, Branch>>,
    metadata: BTreeMap<String, String>,
}

/// `feature, threshold, if_true, if_false, nan_is_true`, or the sum of what a leaf adds.
#[derive(Clone, Copy)]
enum Branch {
    Node { feature: usize, threshold: f64, edges: [i64; 2], nan_is_true: bool },
    Leaf(f64),
}

impl Graph {
    fn read(file: &[u8]) -> Self {
        assert_eq!(integer(file, 1), 8, "the version of the format");
        let sets = every(file, 8).into_iter().map(|set| (text(set, 1), integer(set, 2)));
        assert_eq!(sets.collect::<Vec<_>>(), [("", 16), ("ai.onnx.ml", 3)]);
        let graph = one(file, 7);
        let words = |node, field| {
            every(node, field).into_iter().map(|word| String::from_utf8(word.to_vec()).expect("text"))
        };
        let operators = every(graph, 1)
            .into_iter()
            .map(|node| (text(node, 4).to_owned(), words(node, 1).collect(), text(node, 2).to_owned()));
        let factor = every(graph, 5)
            .first()
            .map(|tensor| f32::from_le_bytes(one(tensor, 9).try_into().expect("one f32")));
        Graph {
            operators: operators.collect(),
            factor,
            trees: trees(every(graph, 1)[0]),
            metadata: every(file, 14)
                .into_iter()
                .map(|e| (text(e, 1).to_owned(), text(e, 2).to_owned()))
                .collect(),
        }
    }

    fn raw(&self, row: &[f64]) -> f64 {
        self.trees.iter().fold(0.0, |sum, tree| sum + leaf(tree, row))
    }
}

fn leaf(tree: &BTreeMap<i64, Branch>, row: &[f64]) -> f64 {
    let mut at = 0;
    loop {
        match tree[&at] {
            Branch::Leaf(value) => return value,
            Branch::Node { feature, threshold, edges, nan_is_true } => {
                let x = row[feature];
                let is_true = x <= threshold || x.is_nan() && nan_is_true;
                at = edges[usize::from(!is_true)];
            }
        }
    }
}

fn trees(node: &[u8]) -> Vec<BTreeMap<i64, Branch>> {
    assert_eq!((text(node, 4), text(node, 7)), ("TreeEnsembleRegressor", "ai.onnx.ml"));
    let attributes: BTreeMap<&str, &[u8]> = every(node, 5).into_iter().map(|a| (text(a, 1), a)).collect();
    let integers = |name: &str| packed(one(attributes[name], 8));
    let doubles = |name: &str| {
        let tensor = one(attributes[name], 5);
        let values =
            one(tensor, 9).chunks(8).map(|bytes| f64::from_le_bytes(bytes.try_into().expect("8 bytes")));
        let values: Vec<f64> = values.collect();
        assert_eq!((integer(tensor, 1), integer(tensor, 2)), (values.len() as i64, 11), "{name}");
        values
    };
    assert_eq!(one(attributes["aggregate_function"], 4), b"SUM");
    assert_eq!(one(attributes["post_transform"], 4), b"NONE");
    let (features, thresholds) = (integers("nodes_featureids"), doubles("nodes_values_as_tensor"));
    let (yes, no) = (integers("nodes_truenodeids"), integers("nodes_falsenodeids"));
    let nan = integers("nodes_missing_value_tracks_true");
    let (of, ids) = (integers("nodes_treeids"), integers("nodes_nodeids"));
    let mut trees: Vec<BTreeMap<i64, Branch>> = vec![];
    for (i, mode) in every(attributes["nodes_modes"], 9).into_iter().enumerate() {
        trees.resize(trees.len().max(of[i] as usize + 1), BTreeMap::new());
        let branch = match mode {
            b"LEAF" => Branch::Leaf(f64::NAN),
            b"BRANCH_LEQ" => Branch::Node {
                feature: features[i] as usize,
                threshold: thresholds[i],
                edges: [yes[i], no[i]],
                nan_is_true: nan[i] == 1,
            },
            other => panic!("{other:?}"),
        };
        assert!(trees[of[i] as usize].insert(ids[i], branch).is_none(), "node {i} stands twice");
    }
    let leaves = integers("target_treeids").into_iter().zip(integers("target_nodeids"));
    for ((tree, id), value) in leaves.zip(doubles("target_weights_as_tensor")) {
        trees[tree as usize].insert(id, Branch::Leaf(value));
    }
    assert!(integers("target_ids").iter().all(|&target| target == 0));
    trees
}

// ------------------------------------------------------------------ tests

#[test]
fn every_decision_and_sum_is_the_models() {
    for seed in 0..30 {
        let shape = Shape { features: 7, trees: 6, leaves: 24 };
        let model = model(seed, shape);
        let graph = Graph::read(&to_bytes(&model).expect("a small model"));
        assert_eq!(graph.trees.len(), model.trees.len());
        let draws = &mut Draws::new(1000 + seed);
        for i in 0..400 {
            let row = row(draws, shape.features);
            assert_eq!(
                graph.raw(&row).to_bits(),
                model.raw_score(&row).to_bits(),
                "seed {seed}, row {i}: {row:?}"
            );
        }
    }
}

/// onnxruntime visits false edges first and wants each to lead to a node that it has not met.
#[test]
fn false_edges_lead_to_nodes_not_met_before() {
    for seed in 0..10 {
        let model = model(seed, Shape { features: 7, trees: 3, leaves: 40 });
        for tree in &Graph::read(&to_bytes(&model).expect("a small model")).trees {
            let mut met = vec![false; tree.len()];
            let mut open = vec![(0, false)];
            while let Some((at, by_true)) = open.pop() {
                assert!(
                    !met[at as usize] || by_true,
                    "seed {seed}: {at} is met a second time, by a false edge"
                );
                if std::mem::replace(&mut met[at as usize], true) {
                    continue;
                }
                if let Branch::Node { edges: [yes, no], .. } = tree[&at] {
                    open.extend([(yes, true), (no, false)]);
                }
            }
            assert!(met.iter().all(|&met| met), "seed {seed}: nothing leads to some node");
        }
    }
}

#[test]
fn objectives_are_plain_operators() {
    let mut of = model(1, Shape { features: 4, trees: 4, leaves: 8 });
    let mut graph = |objective, average| {
        (of.objective, of.average) = (objective, average);
        let graph = Graph::read(&to_bytes(&of).expect("a small model"));
        let names: Vec<String> = graph.operators.iter().map(|(name, ..)| name.clone()).collect();
        assert_eq!(graph.operators.last().expect("operators").2, "score");
        (names.join(" "), graph.factor)
    };
    let expect = |operators: &str, factor| (format!("TreeEnsembleRegressor {operators}"), factor);
    assert_eq!(graph(Objective::Binary { sigmoid: 1.0 }, false), expect("Sigmoid", None));
    assert_eq!(graph(Objective::Binary { sigmoid: 0.5 }, false), expect("Mul Sigmoid", Some(0.5)));
    assert_eq!(graph(Objective::Binary { sigmoid: 2.0 }, true), expect("Mul Sigmoid", Some(0.5)));
    assert_eq!(graph(Objective::Lambdarank, false), expect("Identity", None));
    assert_eq!(graph(Objective::Regression, true), expect("Mul Identity", Some(0.25)));
}

#[test]
fn what_the_file_says_of_the_model() {
    let mut model = model(2, Shape { features: 3, trees: 1, leaves: 4 });
    model.schema.features[2].name = "a \"name\"".to_owned();
    model.schema.features[2].kind = FeatureKind::Categorical { levels: vec!["x".into(), "y".into()] };
    let metadata = Graph::read(&to_bytes(&model).expect("a small model")).metadata;
    assert_eq!(metadata["model_sha256"], model.digest().to_string());
    assert_eq!(metadata["objective"], "binary");
    let features: serde_json::Value = serde_json::from_str(&metadata["features"]).expect("JSON");
    let expected =
        serde_json::json!([{"name": "f0"}, {"name": "f1"}, {"name": "a \"name\"", "levels": ["x", "y"]}]);
    assert_eq!(features, expected);
}

#[test]
fn a_model_without_trees_is_zero() {
    let mut model = model(3, Shape { features: 3, trees: 1, leaves: 2 });
    model.trees.clear();
    assert_eq!(Graph::read(&to_bytes(&model).expect("a small model")).raw(&[1.0; 3]), 0.0);
    model.trees.push(Tree::constant(1.5));
    assert_eq!(Graph::read(&to_bytes(&model).expect("a small model")).raw(&[1.0; 3]), 1.5);
}

#[test]
fn sets_that_readers_cannot_walk_are_refused() {
    let mut model: Model = exact(4, Shape { features: 3, trees: 1, leaves: 2 });
    let mut tree = Tree::constant(0.0);
    tree.leaves.push(tree.leaves[0]);
    tree.nodes = model.trees[0].nodes[..1].to_vec();
    tree.nodes[0].feature = 2;
    (tree.nodes[0].left, tree.nodes[0].right) = (Child::Leaf(0), Child::Leaf(1));
    model.trees = vec![tree];
    for (codes, fits) in [(500, true), (501, false)] {
        let left: CategorySet = (0..codes).map(|code| 2 * code).collect();
        model.trees[0].nodes[0].rule = Rule::Categorical { left };
        let said = to_bytes(&model).map(|_| ());
        let expected = OnnxError::Set { tree: 0, node: 0, steps: 1002, most: 1000 };
        assert_eq!(said, if fits { Ok(()) } else { Err(expected) });
    }
}
