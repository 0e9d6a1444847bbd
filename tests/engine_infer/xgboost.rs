//! Models by XGBoost 3.4.1 and what XGBoost says of rows that try its roundings (`tools/peers/make_golden_xgboost.py`). XGBoost adds
//! in f32: sums agree to its rounding, and every decision must be the same for that, as leaves differ by far more.

use std::fs;
use std::path::{Path, PathBuf};

use aml_miner::gbdt::infer::{Explainer, Predictor};
use aml_miner::gbdt::model::xgboost::{XgboostError, from_bytes, from_json, from_ubj, is_json, is_ubj};
use aml_miner::gbdt::model::{Model, Objective};
use serde_json::{Value, json};

const NAMES: [&str; 4] = ["xgboost_binary", "xgboost_logitraw", "xgboost_rank", "xgboost_categories"];
const FEATURES: usize = 4;

fn golden(name: &str, extension: &str) -> Vec<u8> {
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    fs::read(folder.join(name).with_extension(extension)).expect("a golden file of make_golden_xgboost.py")
}

/// Features, margin, score, contributions with the base value.
fn lines(name: &str) -> Vec<Vec<f64>> {
    let text = String::from_utf8(golden(name, "tsv")).expect("text");
    let number = |word: &str| word.parse().expect("a number");
    let lines: Vec<Vec<f64>> = text.lines().map(|line| line.split('\t').map(number).collect()).collect();
    assert!(lines.len() >= 100 && lines.iter().all(|line| line.len() == 2 * FEATURES + 3));
    lines
}

fn model(name: &str) -> Model {
    from_json(&golden(name, "json")).expect("a golden file of make_golden_xgboost.py")
}

#[test]
fn scores_and_contributions_are_xgboosts() {
    for name in NAMES {
        let model = model(name);
        let (predictor, explainer) = (Predictor::new(&model), Explainer::new(&model));
        let smallest = smallest_step(&model);
        for (i, line) in lines(name).iter().enumerate() {
            let (row, said) = line.split_at(FEATURES);
            let raw = predictor.raw_row(row);
            assert_eq!(raw.to_bits(), model.raw_score(row).to_bits(), "{name}, row {i}");
            assert!(
                (raw - said[0]).abs() < 3e-6 && 3e-6 < smallest,
                "{name}, row {i} {row:?}: {raw} {}",
                said[0]
            );
            let score = predictor.score_row(row);
            assert!((score - said[1]).abs() < 3e-6, "{name}, row {i}: {score} {}", said[1]);
            let got = explainer.contributions(row);
            for (got, said) in got.values.iter().chain([&got.base_value]).zip(&said[2..]) {
                assert!((got - said).abs() < 2e-5, "{name}, row {i}: {got} {said}");
            }
        }
    }
}

/// How far apart the values of two leaves that share a parent are at least: a wrong decision shows by that much.
fn smallest_step(model: &Model) -> f64 {
    use aml_miner::gbdt::model::Child::Leaf;
    let nodes = model.trees.iter().flat_map(|tree| tree.nodes.iter().map(move |node| (tree, node)));
    let step = |(tree, node): (&aml_miner::gbdt::model::Tree, &aml_miner::gbdt::model::Node)| match (
        node.left, node.right,
    ) {
        (Leaf(left), Leaf(right)) => {
            Some((tree.leaves[left as usize].value - tree.leaves[right as usize].value).abs())
        }
        _ => None,
    };
    nodes.filter_map(step).fold(f64::INFINITY, f64::min)
}

#[test]
fn models_are_what_they_say() {
    assert_eq!(model("xgboost_binary").objective, Objective::Binary { sigmoid: 1.0 });
    assert_eq!(model("xgboost_rank").objective, Objective::Lambdarank);
    let names = model("xgboost_binary");
    assert_eq!(names.schema.names().collect::<Vec<_>>(), ["f0", "f1", "f2", "f3"]);
    assert!(is_json(&golden("xgboost_rank", "json")) && !is_json(b"tree\n"));
    for name in NAMES {
        let model = model(name);
        assert_eq!(Model::from_bytes(&model.to_bytes()).expect("our own format"), model, "{name}");
        let root = model.trees[0].nodes[0].count;
        assert!(root.abs_diff(1 << 30) < 100, "{name}: {root}");
    }
}

/// What is said of a model with one value changed.
fn refused(at: &str, value: Value) -> String {
    let mut whole: Value = serde_json::from_slice(&golden("xgboost_binary", "json")).expect("JSON");
    *whole.pointer_mut(at).expect("a place of the model") = value;
    from_json(whole.to_string().as_bytes()).expect_err(at).to_string()
}

#[test]
fn what_is_no_model_is_refused_by_name() {
    let tree = "/learner/gradient_booster/model/trees/0";
    let says = |at: &str, value: Value, words: &str| {
        let found = refused(at, value);
        assert!(found.contains(words), "{at}: {found}");
    };
    says("/learner/gradient_booster/name", json!("dart"), "the booster `dart` cannot be run");
    says("/learner/gradient_booster/name", json!("gblinear"), "the booster `gblinear`");
    says("/learner/objective/name", json!("multi:softprob"), "the objective `multi:softprob`");
    says("/learner/learner_model_param/num_class", json!("3"), "num_class = 3");
    says("/learner/learner_model_param/base_score", json!("[1E0,2E0]"), "base_score: expected one number");
    says("/learner/learner_model_param/base_score", json!("1.5"), "is not finite");
    says(
        "/learner/learner_model_param/num_feature",
        json!("99999999999"),
        "num_feature: expected a number up to",
    );
    says("/learner/learner_model_param/num_feature", json!("1"), "the schema has 1");
    says(&format!("{tree}/left_children/0"), json!(0), "a node that is reached once");
    says(
        &format!("{tree}/left_children/0"),
        json!(1_000_000),
        "node 1000000: expected a node that is reached once",
    );
    says(&format!("{tree}/right_children/0"), json!(-1), "two children, found child -1");
    says(&format!("{tree}/split_conditions"), json!([0.5]), "split_conditions: expected");
    says(&format!("{tree}/left_children"), json!([]), "expected 1 values");
    says(&format!("{tree}/split_conditions/0"), json!(-1e300), "number out of range");
    says(&format!("{tree}/split_type/0"), json!(1), "categories");
}

#[test]
fn the_binary_twin_is_the_same_model() {
    for name in NAMES {
        let (json, ubj) = (golden(name, "json"), golden(name, "ubj"));
        assert_eq!(from_ubj(&ubj).expect("XGBoost's own file"), model(name), "{name}");
        assert!(is_ubj(&ubj) && !is_json(&ubj) && !is_ubj(&json), "{name}");
        assert_eq!(from_bytes(&ubj).expect("UBJSON"), from_bytes(&json).expect("JSON"), "{name}");
    }
}

#[test]
fn damaged_binary_files_are_errors_and_never_panics() {
    let whole = golden("xgboost_categories", "ubj");
    for cut in (0..whole.len()).step_by(29) {
        assert!(matches!(from_ubj(&whole[..cut]), Err(XgboostError::Ubj(_))), "cut at {cut}");
    }
    for at in (0..whole.len()).step_by(7) {
        for byte in [0, 0xff, b'L', b'['] {
            let mut damaged = whole.clone();
            damaged[at] = byte;
            let _any_answer_but_a_panic = from_ubj(&damaged);
        }
    }
}

#[test]
fn damaged_files_are_errors_and_never_panics() {
    let whole = golden("xgboost_categories", "json");
    for cut in (0..whole.len()).step_by(97) {
        assert!(matches!(from_json(&whole[..cut]), Err(XgboostError::Json(_))), "cut at {cut}");
    }
    for at in (0..whole.len()).step_by(13) {
        let mut damaged = whole.clone();
        damaged[at] = b'9';
        let _any_answer_but_a_panic = from_json(&damaged);
    }
}
