//! [`Model`] -> the bytes of an ONNX file.

use serde_json::json;

use super::OnnxError;
use super::ensemble::Ensemble;
use super::protobuf::Message;
use crate::gbdt::data::FeatureKind;
use crate::gbdt::model::{Model, Objective};

/// The model as an ONNX file.
///
/// # Errors
/// When a set of categories or the file is larger than readers take.
pub fn to_bytes(model: &Model) -> Result<Vec<u8>, OnnxError> {
    let mut file = Message::default();
    file.integer(1, IR_VERSION);
    file.text(2, "aml-miner");
    file.text(3, env!("CARGO_PKG_VERSION"));
    file.message(7, &graph(model, &Ensemble::of(model)?));
    for (domain, version) in OPERATOR_SETS {
        let mut set = Message::default();
        set.text(1, domain);
        set.integer(2, version);
        file.message(8, &set);
    }
    for (key, value) in metadata(model) {
        let mut entry = Message::default();
        entry.text(1, key);
        entry.text(2, &value);
        file.message(14, &entry);
    }
    let file = file.into_bytes();
    match file.len() {
        bytes if bytes > MOST_BYTES => Err(OnnxError::Size { bytes, most: MOST_BYTES }),
        _ => Ok(file),
    }
}

fn metadata(model: &Model) -> [(&'static str, String); 3] {
    let feature = |feature: &crate::gbdt::data::Feature| match &feature.kind {
        FeatureKind::Numerical => json!({"name": feature.name}),
        FeatureKind::Categorical { levels } => json!({"name": feature.name, "levels": levels}),
    };
    let objective = match model.objective {
        Objective::Binary { .. } => "binary",
        Objective::Lambdarank => "lambdarank",
        Objective::Regression => "regression",
    };
    let features: Vec<_> = model.schema.features.iter().map(feature).collect();
    [
        ("model_sha256", model.digest().to_string()),
        ("objective", objective.to_owned()),
        ("features", json!(features).to_string()),
    ]
}

/// `features` -> trees -> `raw_score` -> the mean of a random forest -> the logistic function -> `score`.
fn graph(model: &Model, ensemble: &Ensemble) -> Message {
    let mut graph = Message::default();
    graph.message(1, &regressor(ensemble));
    let mut at = "raw_score";
    let slope = match model.objective {
        Objective::Binary { sigmoid } => sigmoid,
        Objective::Lambdarank | Objective::Regression => 1.0,
    };
    let divisor = if model.average { model.trees.len().max(1) as f64 } else { 1.0 };
    let factor = slope / divisor;
    if factor != 1.0 {
        graph.message(1, &operator("Mul", &["raw_score", "factor"], "scaled"));
        at = "scaled";
    }
    let last = if matches!(model.objective, Objective::Binary { .. }) { "Sigmoid" } else { "Identity" };
    graph.message(1, &operator(last, &[at], "score"));
    graph.text(2, "aml_miner");
    if factor != 1.0 {
        graph.message(5, &scalar("factor", factor as f32));
    }
    graph.message(11, &port("features", DOUBLE, model.schema.len()));
    graph.message(12, &port("raw_score", FLOAT, 1));
    graph.message(12, &port("score", FLOAT, 1));
    graph
}

fn operator(name: &str, inputs: &[&str], output: &str) -> Message {
    let mut node = Message::default();
    inputs.iter().for_each(|input| node.text(1, input));
    node.text(2, output);
    node.text(4, name);
    node
}

fn regressor(ensemble: &Ensemble) -> Message {
    let mut node = operator("TreeEnsembleRegressor", &["features"], "raw_score");
    node.text(7, "ai.onnx.ml");
    let flags = |flags: &[bool]| flags.iter().map(|&flag| i64::from(flag)).collect::<Vec<_>>();
    let mode = |is_leaf: &bool| if *is_leaf { "LEAF" } else { "BRANCH_LEQ" };
    let leaves = &ensemble.leaves;
    let attributes = [
        attribute("aggregate_function", STRING, |a| a.text(4, "SUM")),
        attribute("n_targets", INT, |a| a.integer(3, 1)),
        integers("nodes_falsenodeids", &ensemble.if_false),
        integers("nodes_featureids", &ensemble.feature),
        integers("nodes_missing_value_tracks_true", &flags(&ensemble.nan_is_true)),
        attribute("nodes_modes", STRINGS, |a| ensemble.is_leaf.iter().for_each(|leaf| a.text(9, mode(leaf)))),
        integers("nodes_nodeids", &ensemble.node),
        integers("nodes_treeids", &ensemble.tree),
        integers("nodes_truenodeids", &ensemble.if_true),
        doubles("nodes_values_as_tensor", &ensemble.threshold),
        attribute("post_transform", STRING, |a| a.text(4, "NONE")),
        integers("target_ids", &vec![0; leaves.len()]),
        integers("target_nodeids", &leaves.iter().map(|leaf| leaf.1).collect::<Vec<_>>()),
        integers("target_treeids", &leaves.iter().map(|leaf| leaf.0).collect::<Vec<_>>()),
        doubles("target_weights_as_tensor", &leaves.iter().map(|leaf| leaf.2).collect::<Vec<_>>()),
    ];
    attributes.iter().for_each(|attribute| node.message(5, attribute));
    node
}

fn attribute(name: &str, kind: i64, value: impl FnOnce(&mut Message)) -> Message {
    let mut attribute = Message::default();
    attribute.text(1, name);
    value(&mut attribute);
    attribute.integer(20, kind);
    attribute
}

fn integers(name: &str, values: &[i64]) -> Message {
    attribute(name, INTS, |attribute| attribute.integers(8, values.iter().copied()))
}

fn doubles(name: &str, values: &[f64]) -> Message {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    attribute(name, TENSOR, |attribute| {
        attribute.message(5, &tensor(name, DOUBLE, &[values.len() as i64], &bytes));
    })
}

fn scalar(name: &str, value: f32) -> Message {
    tensor(name, FLOAT, &[], &value.to_le_bytes())
}

fn tensor(name: &str, kind: i64, shape: &[i64], bytes: &[u8]) -> Message {
    let mut tensor = Message::default();
    shape.iter().for_each(|&n| tensor.integer(1, n));
    tensor.integer(2, kind);
    tensor.text(8, name);
    tensor.bytes(9, bytes);
    tensor
}

/// An input or output: rows × `width`.
fn port(name: &str, kind: i64, width: usize) -> Message {
    let mut shape = Message::default();
    let mut rows = Message::default();
    rows.text(2, "rows");
    shape.message(1, &rows);
    let mut columns = Message::default();
    columns.integer(1, width as i64);
    shape.message(1, &columns);
    let mut matrix = Message::default();
    matrix.integer(1, kind);
    matrix.message(2, &shape);
    let mut of = Message::default();
    of.message(1, &matrix);
    let mut port = Message::default();
    port.text(1, name);
    port.message(2, &of);
    port
}

/// Of ONNX 1.11 (2022), the first with trees in f64.
const IR_VERSION: i64 = 8;
const OPERATOR_SETS: [(&str, i64); 2] = [("", 16), ("ai.onnx.ml", 3)];
const MOST_BYTES: usize = i32::MAX as usize;

// kinds of tensors
const FLOAT: i64 = 1;
const DOUBLE: i64 = 11;
// kinds of attributes
const INT: i64 = 2;
const STRING: i64 = 3;
const TENSOR: i64 = 4;
const INTS: i64 = 7;
const STRINGS: i64 = 8;
