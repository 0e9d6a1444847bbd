//! Models by LightGBM 4.7.0 and what LightGBM says of rows with every special value (`tools/peers/make_golden.py`):
//! the same raw scores to the bit, the same contributions to 1e-9; read back from our own text and our own file, the same again.

use std::fs;
use std::path::{Path, PathBuf};

use aml_miner::gbdt::infer::{Explainer, Predictor};
use aml_miner::gbdt::model::lightgbm::{LightgbmError, from_text, to_text};
use aml_miner::gbdt::model::{Model, ModelFault};

use crate::models::{Draws, Shape, matrix, model, row};

const NAMES: [&str; 8] =
    ["numeric", "no_missing", "zero_as_missing", "categorical", "dart", "forest", "rank", "constant"];

struct Golden {
    model: Model,
    rows: Vec<Vec<f64>>,
    raw: Vec<f64>,
    score: Vec<f64>,
    contributions: Vec<Vec<f64>>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn text(name: &str) -> String {
    fs::read_to_string(folder().join(name).with_extension("txt")).expect("a golden file of make_golden.py")
}

fn golden(name: &str) -> Golden {
    let model = from_text(&text(name)).expect("a golden file of make_golden.py");
    let n = model.schema.len();
    let table = fs::read_to_string(folder().join(name).with_extension("tsv"))
        .expect("a golden file of make_golden.py");
    let mut golden = Golden { model, rows: vec![], raw: vec![], score: vec![], contributions: vec![] };
    for line in table.lines() {
        let values: Vec<f64> =
            line.split('\t').map(|word| word.parse().expect("a golden file of make_golden.py")).collect();
        assert_eq!(values.len(), 2 * n + 3);
        golden.rows.push(values[..n].to_vec());
        golden.raw.push(values[n]);
        golden.score.push(values[n + 1]);
        golden.contributions.push(values[n + 2..].to_vec());
    }
    assert!(golden.rows.len() >= 10);
    golden
}

#[test]
fn raw_scores_are_lightgbms_to_the_bit() {
    for name in NAMES {
        let golden = golden(name);
        let predictor = Predictor::new(&golden.model);
        let batch = predictor.raw(&matrix(&golden.model.schema, &golden.rows)).unwrap();
        for (i, row) in golden.rows.iter().enumerate() {
            let expected = golden.raw[i];
            assert_eq!(golden.model.raw_score(row).to_bits(), expected.to_bits(), "{name}, row {i}: {row:?}");
            assert_eq!(predictor.raw_row(row).to_bits(), expected.to_bits(), "{name}, row {i}: {row:?}");
            assert_eq!(batch[i].to_bits(), expected.to_bits(), "{name}, row {i}");
            let score = predictor.score_row(row);
            assert!((score - golden.score[i]).abs() <= 1e-15, "{name}, row {i}: {score}");
        }
    }
}

#[test]
fn contributions_are_lightgbms() {
    for name in NAMES {
        let golden = golden(name);
        let explainer = Explainer::new(&golden.model);
        for (i, row) in golden.rows.iter().enumerate() {
            let got = explainer.contributions(row);
            for (got, expected) in got.values.iter().chain([&got.base_value]).zip(&golden.contributions[i]) {
                assert!((got - expected).abs() <= 1e-9, "{name}, row {i}: {got} is not {expected}");
            }
        }
    }
}

#[test]
fn text_and_file_read_back() {
    for name in NAMES {
        let Golden { model, .. } = golden(name);
        assert_eq!(from_text(&to_text(&model)).unwrap(), model, "{name}");
        assert_eq!(Model::from_bytes(&model.to_bytes()).unwrap(), model, "{name}");
    }
    for seed in 0..20 {
        let model = model(seed, Shape { features: 7, trees: 9, leaves: 12 });
        let mut back = from_text(&to_text(&model)).unwrap();
        back.schema = model.schema.clone(); // a categorical feature that no tree reads comes back numerical
        let draws = &mut Draws::new(seed);
        for _ in 0..50 {
            let row = row(draws, 7);
            assert_eq!(back.raw_score(&row).to_bits(), model.raw_score(&row).to_bits());
        }
    }
}

#[test]
fn names_that_lightgbm_cannot_hold_are_replaced() {
    let mut model = golden("numeric").model;
    let names = ["a b", "a_b", "", "x:[1]", "é", "a\tb"];
    model.schema.features.iter_mut().zip(names).for_each(|(f, name)| f.name = name.to_owned());
    let back = from_text(&to_text(&model)).unwrap();
    let names: Vec<&str> = back.schema.names().collect();
    assert_eq!(names, ["a_b", "a_b_1", "Column_2", "x__1_", "é", "a_b_5"]);
    assert_eq!(back.trees, model.trees);
}

/// Every tree size in the header is where LightGBM's reader jumps to.
#[test]
fn tree_sizes_point_at_trees() {
    let text = to_text(&golden("categorical").model);
    let sizes = text.lines().find_map(|line| line.strip_prefix("tree_sizes=")).unwrap();
    let mut at = text.find("Tree=0").unwrap();
    for (i, size) in sizes.split(' ').enumerate() {
        assert!(text[at..].starts_with(&format!("Tree={i}\n")));
        at += size.parse::<usize>().unwrap();
    }
    assert!(text[at..].starts_with("end of trees\n"));
}

#[test]
fn what_cannot_be_run_is_refused_by_name() {
    let text = text("categorical");
    let refuse = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        from_text(&text.replacen(from, to, 1)).unwrap_err().to_string()
    };
    assert_eq!(
        refuse("num_class=1", "num_class=3"),
        "a multiclass model (num_class=3) cannot be run by this engine"
    );
    assert_eq!(refuse("is_linear=0", "is_linear=1"), "a linear tree (tree 0) cannot be run by this engine");
    let poisson = refuse("objective=binary sigmoid:1", "objective=poisson");
    assert_eq!(poisson, "the objective `poisson` cannot be run by this engine");
    assert_eq!(
        refuse("version=v4", "version=v9"),
        "LightGBM format version `v9` is unknown, expected v3 or v4"
    );
    assert_eq!(refuse("max_feature_idx=5\n", ""), "header: the line `max_feature_idx=` is missing");
    assert_eq!(
        refuse("leaf_value=", "leaf_value=x "),
        "tree 0: `leaf_value=`: expected 12 numbers, found 13"
    );
    assert_eq!(from_text("{}"), Err(LightgbmError::NotLightgbm));
    let cut = &text[..text.find("Tree=5").unwrap()];
    assert!(matches!(from_text(cut), Err(LightgbmError::Truncated { .. })));
    let looped = text.replacen("left_child=", "left_child=0 ", 1);
    let looped = looped.replacen("right_child", "was", 1);
    assert!(from_text(&looped).is_err());
}

/// Whatever is cut out of, or changed in, a text: an error or a sound model, never a panic.
#[test]
fn damaged_texts_never_panic() {
    let text = text("forest");
    let draws = &mut Draws::new(1);
    let end = text.find("end of trees").unwrap();
    let mut refused = 0;
    for _ in 0..1000 {
        let mut bytes = text.clone().into_bytes();
        let at = draws.below(end);
        bytes[at] = b"0123456789-= \nZ."[draws.below(16)];
        if draws.below(4) == 0 {
            bytes.drain(at..(at + 1 + draws.below(200)).min(end));
        }
        match from_text(std::str::from_utf8(&bytes).unwrap()) {
            Ok(model) => assert!(Predictor::new(&model).raw_row(&vec![0.0; model.schema.len()]).is_finite()),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 100, "{refused}");
}

#[test]
fn unsound_texts_name_the_tree() {
    let text = text("numeric");
    let line = text.lines().find(|line| line.starts_with("left_child=")).unwrap();
    let looped = text.replacen(line, &line.replacen("left_child=1 ", "left_child=0 ", 1), 1);
    assert!(matches!(
        from_text(&looped),
        Err(LightgbmError::Model(ModelFault::Child { tree: 0, node: 0, .. }))
    ));
}
