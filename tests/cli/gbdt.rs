//! `gbdt train | predict | convert | dump | bench` on small tables: files, streams, reports, exit codes.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use aml_miner::determinism::digest::Digest;
use aml_miner::determinism::rng::Stream;
use aml_miner::gbdt::model::Model;
use serde_json::Value;

use super::{aml_miner, stderr, stdout};

/// A folder with tables, in which commands name files by their names.
pub(super) struct Desk(tempfile::TempDir);

impl Desk {
    pub(super) fn new() -> Self {
        let desk = Desk(tempfile::tempdir().expect("a folder"));
        desk.put("train.csv", &table(600, 1));
        desk.put("valid.csv", &table(200, 2));
        desk
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(super) fn put(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("written");
    }

    pub(super) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).expect("readable")
    }

    pub(super) fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&self.read(name)).expect("JSON")
    }

    /// Runs `gbdt` with words split at blanks, `@name` standing for a file of the desk; exit code, stdout, stderr.
    pub(super) fn run(&self, words: &str) -> (Option<i32>, String, String) {
        let file = |word: &str| match word.strip_prefix('@') {
            Some(name) => self.path(name).to_str().expect("UTF-8").to_owned(),
            None => word.to_owned(),
        };
        let words: Vec<String> = ["gbdt"].into_iter().chain(words.split_whitespace()).map(file).collect();
        let output = aml_miner(&words.iter().map(String::as_str).collect::<Vec<_>>());
        (output.status.code(), stdout(&output), stderr(&output))
    }

    /// [`Desk::run`], which must succeed; its stdout.
    pub(super) fn done(&self, words: &str) -> String {
        let (code, out, err) = self.run(words);
        assert_eq!(code, Some(0), "{words}: {err}");
        out
    }

    /// What a command says that refuses its input.
    pub(super) fn refused(&self, words: &str) -> String {
        let (code, _, err) = self.run(words);
        assert_eq!(code, Some(2), "{words}: {err}");
        err
    }

    pub(super) fn model(&self, name: &str) -> Model {
        Model::from_bytes(&self.read(name)).expect("a model")
    }
}

/// Numbers in (0, 1) of a row.
pub(super) fn draws(seed: u64, row: usize) -> [f64; 4] {
    let stream = Stream::new(seed, "table").round(row as u64);
    std::array::from_fn(|i| stream.below(i as u64, 1 << 20) as f64 / f64::from(1 << 20))
}

/// A label that two of three features tell, with noise; one of them is missing at times.
pub(super) fn table(rows: usize, seed: u64) -> String {
    let mut text = "label,amount,age,noise,id\n".to_owned();
    for row in 0..rows {
        let [a, b, c, d] = draws(seed, row);
        let label = u8::from(a + 0.5 * b + 0.3 * d > 0.9);
        let age = if row % 9 == 0 { String::new() } else { b.to_string() };
        writeln!(text, "{label},{a},{age},{c},{row}").expect("a string takes text");
    }
    text
}

/// Grades of 20 documents a query, without and with the query's column.
fn queries(queries: usize, group: Option<&str>) -> String {
    let mut text = format!("grade,{}x,y\n", group.map(|name| format!("{name},")).unwrap_or_default());
    for row in 0..queries * 20 {
        let [a, b, ..] = draws(3, row);
        let query = group.map(|_| format!("{},", row / 20)).unwrap_or_default();
        writeln!(text, "{},{query}{a},{b}", (a * 4.0) as u8).expect("a string takes text");
    }
    text
}

const TRAIN: &str =
    "train --data @train.csv --label label --key id --param num_iterations=12 --param num_leaves=7";

/// The numbers of lines separated by tabs.
fn lines(text: &str) -> Vec<Vec<f64>> {
    let number = |word: &str| word.parse().expect("a number");
    text.lines().map(|line| line.split('\t').map(number).collect()).collect()
}

fn seconds(report: &Value, stages: &[&str]) {
    for stage in stages {
        assert!(report[stage].as_f64().is_some_and(|s| (0.0..600.0).contains(&s)), "{stage}: {report}");
    }
}

#[test]
fn train_writes_a_model_and_its_report() {
    let desk = Desk::new();
    let words = format!(
        "{TRAIN} --param metric=auc,binary_logloss --valid @valid.csv --output @m.model --report @r.json"
    );
    let printed = desk.done(&words);
    let model = desk.model("m.model");
    let digest = Digest::of(&desk.read("m.model")).to_string();
    assert_eq!(model.digest().to_string(), digest);
    assert_eq!(model.schema.names().collect::<Vec<_>>(), ["amount", "age", "noise"]);
    assert!(printed.ends_with(&format!("m.model: 12 trees, sha256 {digest}\n")), "{printed}");
    let report = desk.json("r.json");
    assert_eq!(
        (&report["rows"], &report["features"], &report["trees"]),
        (&600.into(), &3.into(), &12.into())
    );
    assert_eq!(report["model_sha256"], digest.as_str());
    seconds(&report, &["load_seconds", "bin_seconds", "train_seconds", "write_seconds"]);
    if cfg!(target_os = "linux") {
        assert!(report["peak_memory_bytes"].as_u64().is_some_and(|b| b > 1 << 20), "{report}");
    }
    let metrics = &report["metrics"]["valid.csv"];
    assert!(metrics["auc"].as_f64().is_some_and(|auc| (0.8..1.0).contains(&auc)), "{report}");
    assert!(metrics["binary_logloss"].as_f64().is_some_and(|loss| loss < 0.6), "{report}");
    // quiet, on other threads, from parameters in a file: the same bytes
    desk.put("p.yaml", "num_iterations: 12\nnum_leaves: 31\nmetric: [auc, binary_logloss]\n");
    let quiet = "train --data @train.csv --label label --key id --params @p.yaml --param num_leaves=7 --quiet --threads 3";
    assert_eq!(desk.done(&format!("{quiet} --output @n.model")), "");
    assert!(desk.read("m.model") == desk.read("n.model"));
}

#[test]
fn keys_make_the_order_of_rows_irrelevant_and_early_stopping_keeps_the_best() {
    let desk = Desk::new();
    let text = table(600, 1);
    let (head, rows) = text.split_once('\n').expect("a header");
    let reversed: Vec<&str> = rows.lines().rev().collect();
    desk.put("turned.csv", &format!("{head}\n{}\n", reversed.join("\n")));
    let bagged = "--param bagging_fraction=0.6 --param bagging_freq=1 --output";
    desk.done(&format!("{TRAIN} {bagged} @a.model"));
    desk.done(&format!("{} {bagged} @b.model", TRAIN.replace("train.csv", "turned.csv")));
    assert!(desk.read("a.model") == desk.read("b.model"));
    let words = "train --data @train.csv --label label --key id --valid @valid.csv --param num_iterations=500 \
                 --param early_stopping_round=5 --param metric=binary_logloss --output @c.model --report @r.json";
    desk.done(words);
    let trees = desk.model("c.model").trees.len();
    assert!(trees < 400, "{trees} trees of 500");
    assert_eq!(desk.json("r.json")["trees"], trees);
}

#[test]
fn queries_come_from_a_column_or_from_the_file_beside() {
    let desk = Desk::new();
    desk.put("q.csv", &queries(30, Some("query")));
    desk.put("p.csv", &queries(30, None));
    desk.put("p.csv.query", &"20\n".repeat(30));
    let words = "--param objective=lambdarank --param num_iterations=5 --param num_leaves=7";
    desk.done(&format!("train --data @q.csv --label grade --group query {words} --output @q.model"));
    desk.done(&format!("train --data @p.csv {words} --output @p.model"));
    assert!(desk.read("q.model") == desk.read("p.model"));
    let scores = desk.done("predict --model @q.model --data @q.csv --label grade --group query --kind raw");
    assert_eq!(scores, desk.done("predict --model @p.model --data @p.csv --kind raw"));
    assert_eq!(scores.lines().count(), 600);
    // weights of rows, from a column or beside
    let weighted = |text: String| -> String {
        let weight = |(row, line): (usize, &str)| match row {
            0 => format!("{line},w\n"),
            _ => format!("{line},{}\n", 1 + row % 3),
        };
        text.lines().enumerate().map(weight).collect()
    };
    desk.put("w.csv", &weighted(table(600, 1)));
    desk.put("train.csv.weight", &(1..=600).map(|row| format!("{}\n", 1 + row % 3)).collect::<String>());
    desk.done(&format!("{TRAIN} --output @beside.model"));
    desk.done(&format!("{} --weight w --output @column.model", TRAIN.replace("train.csv", "w.csv")));
    assert!(desk.read("beside.model") == desk.read("column.model"));
    std::fs::remove_file(desk.path("train.csv.weight")).expect("removed");
    desk.done(&format!("{TRAIN} --output @none.model"));
    assert!(desk.read("beside.model") != desk.read("none.model"));
}

#[test]
fn training_continues_from_a_model_or_from_given_scores() {
    let desk = Desk::new();
    let rounds = |n: u32| TRAIN.replace("num_iterations=12", &format!("num_iterations={n}"));
    let raw = |model: &str| {
        desk.done(&format!("predict --model @{model} --data @train.csv --label label --kind raw"))
    };
    desk.done(&format!("{TRAIN} --output @whole.model"));
    desk.done(&format!("{} --output @five.model", rounds(5)));
    desk.done(&format!("{} --init-model @five.model --output @rest.model", rounds(7)));
    assert_eq!(raw("rest.model"), raw("whole.model"), "5 and 7 rounds are 12");
    // text of another library's format does as well
    desk.done("convert --model @five.model --output @five.txt");
    desk.done(&format!("{} --init-model @five.txt --output @text.model", rounds(7)));
    assert_eq!(raw("text.model"), raw("whole.model"));
    // the scores of the model beside the data: the same trees, alone
    for data in ["train", "valid"] {
        let scores =
            desk.done(&format!("predict --model @five.model --data @{data}.csv --label label --kind raw"));
        desk.put(&format!("{data}.csv.init"), &scores);
    }
    desk.done(&format!("{} --output @alone.model", rounds(7)));
    let given = std::fs::read_to_string(desk.path("train.csv.init")).expect("written above");
    let (given, alone, whole) = (lines(&given), lines(&raw("alone.model")), lines(&raw("whole.model")));
    for row in 0..whole.len() {
        assert!((given[row][0] + alone[row][0] - whole[row][0]).abs() < 1e-12, "row {row}");
    }
    let err = desk.refused(&format!("{TRAIN} --init-model @five.model --output @no.model"));
    assert!(err.contains("train.csv: initial scores (.init) beside it and --init-model"), "{err}");
}

#[test]
fn a_model_of_other_features_is_not_continued() {
    let desk = Desk::new();
    desk.done(&format!("{TRAIN} --output @m.model"));
    desk.put(
        "more.csv",
        &table(600, 1)
            .lines()
            .enumerate()
            .map(|(row, line)| {
                format!("{line},{}\n", if row == 0 { "more".to_owned() } else { row.to_string() })
            })
            .collect::<String>(),
    );
    let more = TRAIN.replace("train.csv", "more.csv");
    let err = desk.refused(&format!("{more} --init-model @m.model --output @no.model"));
    assert!(err.contains("more.csv: column `more`, which the model to continue does not have"), "{err}");
    desk.done(&format!("{more} --output @more.model"));
    let err = desk.refused(&format!("{TRAIN} --init-model @more.model --output @no.model"));
    assert!(err.contains("train.csv: no column `more`, which the model to continue has"), "{err}");
    let rf = "--param boosting=rf --param bagging_freq=1 --param bagging_fraction=0.6";
    desk.done(&format!("{TRAIN} {rf} --output @rf.model"));
    let err = desk.refused(&format!("{TRAIN} --init-model @rf.model --output @no.model"));
    assert!(err.contains("rf.model: the model to continue averages its trees"), "{err}");
    assert!(!desk.path("no.model").exists());
}

#[test]
fn predict_gives_one_line_a_row_of_every_kind() {
    let desk = Desk::new();
    desk.done(&format!("{TRAIN} --output @m.model"));
    let predict = |kind: &str| {
        desk.done(&format!("predict --model @m.model --data @valid.csv --label label --kind {kind}"))
    };
    let (score, raw) = (lines(&predict("score")), lines(&predict("raw")));
    let (leaf, contrib) = (lines(&predict("leaf")), lines(&predict("contrib")));
    assert_eq!([&score, &raw, &leaf, &contrib].map(Vec::len), [200; 4]);
    for row in 0..200 {
        assert_eq!([&score, &raw, &leaf, &contrib].map(|all| all[row].len()), [1, 1, 12, 3 + 1]);
        let probability = 1.0 / (1.0 + aml_miner::determinism::math::exp(-raw[row][0]));
        assert!((score[row][0] - probability).abs() < 1e-12, "row {row}");
        assert!((contrib[row].iter().sum::<f64>() - raw[row][0]).abs() < 1e-9, "row {row}");
        assert!(leaf[row].iter().all(|leaf| leaf.fract() == 0.0 && (0.0..7.0).contains(leaf)), "row {row}");
    }
    let base = contrib[0][3];
    assert!(contrib.iter().all(|row| row[3] == base), "the base value is the same for all");
    let words = "predict --model @m.model --data @valid.csv --threads 3 --output @out.tsv --report @r.json";
    assert_eq!(desk.done(words), "");
    assert_eq!(desk.read("out.tsv"), predict("score").into_bytes());
    let report = desk.json("r.json");
    assert_eq!(
        (&report["rows"], &report["features"], &report["trees"]),
        (&200.into(), &3.into(), &12.into())
    );
    assert_eq!(report["model_sha256"], desk.model("m.model").digest().to_string().as_str());
    seconds(&report, &["load_seconds", "predict_seconds", "write_seconds"]);
}

/// Tables of pairs against the contributions that their rows add up to; contributions against a background against its mean raw score.
#[test]
fn explanations_of_other_games_add_up() {
    let desk = Desk::new();
    desk.done(&format!("{TRAIN} --output @m.model"));
    let predict = |words: &str| {
        lines(&desk.done(&format!("predict --model @m.model --data @valid.csv --label label --kind {words}")))
    };
    let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{a} {b}");
    let (raw, contrib, pairs) = (predict("raw"), predict("contrib"), predict("interaction"));
    let against = predict("contrib --background @train.csv");
    let background = "predict --model @m.model --data @train.csv --label label --kind raw";
    let background = lines(&desk.done(background));
    let mean = background.iter().map(|row| row[0]).sum::<f64>() / background.len() as f64;
    assert_eq!([&pairs, &against].map(Vec::len), [200; 2]);
    for row in 0..200 {
        let (pairs, against) = (&pairs[row], &against[row]);
        assert_eq!((pairs.len(), against.len()), (3 * 3 + 1, 3 + 1));
        for i in 0..3 {
            near(pairs[3 * i..3 * (i + 1)].iter().sum(), contrib[row][i]);
            (0..i).for_each(|j| assert_eq!(pairs[3 * i + j], pairs[3 * j + i], "row {row}: {i}, {j}"));
        }
        near(pairs[9], contrib[row][3]);
        near(against[3], mean);
        near(against.iter().sum(), raw[row][0]);
    }
    assert!(pairs.iter().any(|row| row[1].abs() > 1e-3), "amount and age decide together");
    desk.put("empty.csv", "label,amount,age,noise\n");
    for (words, named) in [
        ("--background @valid.csv", "--background"),
        ("--kind contrib --background @none.csv", "none.csv"),
        ("--kind contrib --background @empty.csv", "at least one row"),
    ] {
        let (code, _, err) = desk.run(&format!("predict --model @m.model --data @valid.csv {words}"));
        assert!(code == Some(2) && err.contains(named), "{words}: {err}");
    }
}

#[test]
fn convert_changes_the_format_and_no_prediction() {
    let desk = Desk::new();
    desk.done(&format!("{TRAIN} --output @m.model"));
    let scores = |model: &str| desk.done(&format!("predict --model @{model} --data @valid.csv --kind raw"));
    let expected = scores("m.model");
    assert_eq!(desk.done("convert --model @m.model --output @m.txt"), "");
    assert!(desk.read("m.txt").starts_with(b"tree\nversion=v4\n"));
    assert_eq!(scores("m.txt"), expected);
    desk.done("convert --model @m.txt --output @back.model");
    assert_eq!(scores("back.model"), expected);
    desk.done("convert --model @m.model --output @same.model");
    assert!(desk.read("same.model") == desk.read("m.model"));
    desk.done("convert --model @m.model --output @m.json");
    desk.done("convert --model @m.model --output @m.onnx");
    assert!(desk.read("m.onnx").windows(21).any(|bytes| bytes == b"TreeEnsembleRegressor"));
    let json = desk.json("m.json");
    assert_eq!(json["tree_info"].as_array().map(Vec::len), Some(12), "{json}");
}

#[test]
fn dump_shows_importances_and_trees() {
    let desk = Desk::new();
    desk.done(&format!("{TRAIN} --output @m.model"));
    let text = desk.done("dump --model @m.model");
    let digest = desk.model("m.model").digest();
    assert!(text.contains("12 trees, 3 features\n"), "{text}");
    assert!(text.contains(&format!("sha256 {digest}\n")), "{text}");
    let importances: Vec<&str> =
        text.lines().skip_while(|l| *l != "feature\tsplits\tgain\tcover").skip(1).take(3).collect();
    assert!(importances[0].starts_with("amount\t"), "{importances:?}");
    let gain = |line: &str| line.split('\t').nth(2).and_then(|g| g.parse::<f64>().ok()).expect("a gain");
    assert!(gain(importances[0]) >= gain(importances[1]) && gain(importances[1]) >= gain(importances[2]));
    assert!(text.contains("amount <= "), "{text}");
}

#[test]
fn bench_times_batch_and_single_rows() {
    let desk = Desk::new();
    desk.done(&format!("{TRAIN} --output @m.model"));
    let text = desk.done("bench --model @m.model --data @valid.csv --label label --report @r.json");
    let report = desk.json("r.json");
    let names = ["batch_us", "single_us", "single_p99_us", "single_p999_us"];
    for name in ["predict", "explain"].iter().flat_map(|what| names.map(|name| format!("{what}_{name}"))) {
        let time = report[&name].as_f64().expect("a number");
        assert!(time > 0.0 && time < 1e6, "{name} {time}");
        assert!(text.contains(&format!("{name}\t{time:.3}\n")), "{text}");
    }
    assert_eq!(
        (&report["rows"], &report["features"], &report["trees"]),
        (&200.into(), &3.into(), &12.into())
    );
    assert!(report["model_sha256"].is_string());
}

#[test]
fn what_is_wrong_is_named_and_nothing_is_written() {
    let desk = Desk::new();
    desk.done(&format!("{TRAIN} --output @m.model"));
    desk.put("empty.csv", "label,amount,age,noise\n");
    desk.put("words.csv", "label,amount,age,noise\n1,much,2,3\n");
    desk.put("narrow.csv", "label,size\n1,2\n");
    desk.put("bare.model", "AMLGBDT");
    desk.put("cut.model", "");
    std::fs::write(desk.path("cut.model"), &desk.read("m.model")[..200]).expect("written");
    desk.put("other.json", "{\"learner\": {}}");
    desk.put("p.yaml", "num_leafs: 3\n");
    desk.put("codes.csv", "label,c\n1,3\n0,-1\n1,2\n");
    for (words, named) in [
        ("train --data @none.csv --output @o", "none.csv"),
        ("train --data @train.csv --label no --output @o", "no column `no`"),
        ("train --data @train.csv --param num_leafs=7 --output @o", "num_leafs"),
        ("train --data @train.csv --param num_leaves --output @o", "expected KEY=VALUE"),
        ("train --data @train.csv --param num_leaves=1 --output @o", "num_leaves"),
        ("train --data @train.csv --params @p.yaml --output @o", "num_leafs"),
        ("train --data @train.csv --label amount --output @o", "label"),
        ("train --data @empty.csv --output @o", "empty.csv"),
        (
            "train --data @codes.csv --categorical c --output @o",
            "column `c`, row 1: expected a category code: a whole number from 0 to 2147483647, found -1",
        ),
        ("train --data @train.csv --valid @narrow.csv --output @o", "no column `amount`"),
        ("train --data @train.csv --param objective=lambdarank --output @o", "--group"),
        ("train --data @train.csv --group id --output @o", "lambdarank"),
        ("predict --model @none.model --data @valid.csv", "none.model"),
        ("predict --model @bare.model --data @valid.csv", "bare.model"),
        ("predict --model @cut.model --data @valid.csv", "cut.model"),
        ("predict --model @other.json --data @valid.csv", "other.json"),
        ("predict --model @m.model --data @none.csv", "none.csv"),
        ("predict --model @m.model --data @narrow.csv", "no column `amount`"),
        ("predict --model @m.model --data @words.csv", "column `amount`"),
        ("predict --model @m.model --data @valid.csv --kind all", "all"),
        ("convert --model @m.model --output @o.exe", "extension"),
        ("convert --model @none.model --output @o.txt", "none.model"),
        ("dump --model @train.csv", "neither a model"),
        ("bench --model @m.model --data @empty.csv --label label", "no rows"),
    ] {
        let (code, out, err) = desk.run(words);
        assert_eq!(code, Some(2), "{words}: {err}");
        assert!(err.starts_with("error: ") && err.contains(named), "{words}: {err}");
        assert_eq!(out, "", "{words}");
    }
    let names = |dir: &Path| -> Vec<String> {
        let entries = std::fs::read_dir(dir).expect("readable");
        entries.map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned()).collect()
    };
    let left = names(desk.0.path());
    assert!(
        left.iter().all(|name| name != "o" && !name.starts_with("o.") && !name.starts_with('.')),
        "{left:?}"
    );
    // a place that cannot be written is the machine's fault
    let (code, _, err) = desk.run(&format!("{TRAIN} --output @no/such/folder/m.model"));
    assert_eq!(code, Some(3), "{err}");
}

/// Text is a category; a validation file that knows others, in another order, is measured by the training file's codes.
#[test]
fn text_columns_are_categories_in_every_file() {
    let desk = Desk::new();
    let rows = |colours: &[&str], seed: u64| {
        let mut text = "label,colour,size\n".to_owned();
        for row in 0..800 {
            let [which, size, noise, _] = draws(seed, row);
            let colour = colours[(which * colours.len() as f64) as usize];
            let label = u8::from((matches!(colour, "red" | "blue" | "olive") as u8 as f64) + noise > 1.1);
            writeln!(text, "{label},{colour},{size}").expect("to a string");
        }
        text
    };
    desk.put("train.csv", &rows(&["red", "green", "blue", "grey", "olive", "pink", "teal"], 5));
    desk.put("valid.csv", &rows(&["violet", "blue", "red", "green", "grey"], 6));
    let settings =
        "--param num_iterations=20 --param min_data_per_group=5 --param metric=auc --param cat_smooth=1";
    desk.done(&format!(
        "train --data @train.csv --valid @valid.csv {settings} --output @m.model --report @r.json"
    ));
    let report = desk.json("r.json");
    let auc = report["metrics"]["valid.csv"]["auc"].as_f64().expect("an AUC");
    assert!(auc > 0.85, "{report}");
    desk.put("numbers.csv", "label,colour,size\n1,3,0.5\n0,4,0.5\n");
    let (code, _, err) =
        desk.run(&format!("train --data @train.csv --valid @numbers.csv {settings} --output @m.model"));
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("column `colour`: expected text, as in the training data, found numbers"), "{err}");
}
