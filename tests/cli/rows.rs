//! Files of rows that `gbdt` reads beside tables with a header: bare lines, LibSVM, side files.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use aml_miner::gbdt::model::Model;

use super::gbdt::{Desk, draws, table};

/// The data of `table` as LightGBM's bare lines: no header, and the identifier left out.
fn bare(rows: usize, seed: u64, separator: &str) -> String {
    let fields = |line: &str| {
        let fields = line.split(',').take(4).map(|field| if field.is_empty() { "NA" } else { field });
        fields.collect::<Vec<_>>().join(separator)
    };
    table(rows, seed).lines().skip(1).map(|line| fields(line) + "\n").collect()
}

/// The trees, without the names of features.
fn trees(model: &Model) -> String {
    format!("{:?}", model.trees)
}

#[test]
fn bare_lines_need_no_header_and_no_name() {
    let desk = Desk::new();
    let words = "--param num_iterations=12 --param num_leaves=7";
    let plain = |name: &str| desk.done(&format!("train --data @{name} {words} --output @{name}.model"));
    desk.put("headed.csv", &format!("label,amount,age,noise\n{}", bare(600, 1, ",")));
    plain("headed.csv");
    for (name, separator) in
        [("a.train", "\t"), ("b.train", ","), ("c", "  "), ("d.tsv", "\t"), ("e.csv", ","), ("f.txt", " ")]
    {
        desk.put(name, &bare(600, 1, separator));
        plain(name);
        let model = desk.model(&format!("{name}.model"));
        assert_eq!(model.schema.names().collect::<Vec<_>>(), ["Column_0", "Column_1", "Column_2"], "{name}");
        assert_eq!(trees(&model), trees(&desk.model("headed.csv.model")), "{name}");
    }
    // with the label and without, elsewhere than first, and by a model of other names
    let rows = bare(200, 2, "\t");
    desk.put("rows", &rows);
    let unlabelled = |line: &str| line.split_once('\t').map(|(_, rest)| format!("{rest}\n")).expect("fields");
    desk.put("unlabelled", &rows.lines().map(unlabelled).collect::<String>());
    let last = |line: &str| line.split_once('\t').map(|(y, rest)| format!("{rest}\t{y}\n")).expect("fields");
    desk.put("last", &rows.lines().map(last).collect::<String>());
    let predict = |model: &str, words: &str| {
        desk.done(&format!("predict --model @{model} --quiet --kind raw --data {words}"))
    };
    let expected = predict("headed.csv.model", "@valid.csv --label label");
    for words in ["@rows", "@unlabelled", "@last --label 3", "@rows --label 0"] {
        assert_eq!(predict("a.train.model", words), expected, "{words}");
        assert_eq!(predict("headed.csv.model", words), expected, "{words}");
    }
    // parts named by position
    let weighted = |(row, line): (usize, &str)| format!("{}\t{line}\t{}\n", row % 7, 1 + row % 3);
    desk.put("w", &bare(600, 1, "\t").lines().enumerate().map(weighted).collect::<String>());
    desk.put("a.train.weight", &(0..600).map(|row| format!("{}\n", 1 + row % 3)).collect::<String>());
    plain("a.train");
    desk.done(&format!("train --data @w --label 1 --weight 5 {words} --output @w.model"));
    let names: Vec<String> = desk.model("w.model").schema.names().map(str::to_owned).collect();
    assert_eq!(names, ["Column_0", "Column_1", "Column_2", "Column_3"]);
    assert_eq!(desk.model("a.train.model").trees.len(), 12);
}

#[test]
fn libsvm_lines_are_what_their_dense_twins_are() {
    let desk = Desk::new();
    let (mut svm, mut dense, mut sizes) = (String::new(), String::new(), String::new());
    for query in 0..30 {
        writeln!(sizes, "{}", 15 + query % 3).expect("a string takes text");
        for i in 0..15 + query % 3 {
            let [a, b, c, _] = draws(3, query * 20 + i);
            let c = if c < 0.5 { 0.0 } else { c };
            let grade = (a * 4.0) as u8;
            writeln!(dense, "{grade}\t0\t{a}\t{b}\t{c}").expect("a string takes text");
            let tail = if c == 0.0 { String::new() } else { format!(" 3:{c}") };
            writeln!(svm, "{grade} qid:{query} 2:{b} 1:{a}{tail} # doc {i}").expect("a string takes text");
        }
    }
    desk.put("rank.svm", &svm);
    desk.put(
        "plain.train",
        &svm.lines()
            .map(|l| l.replace(l.split(' ').nth(1).expect("qid"), ""))
            .fold(String::new(), |all, l| all + &l + "\n"),
    );
    desk.put("rank.train", &dense);
    for side in ["rank.train.group", "plain.train.query"] {
        desk.put(side, &sizes);
    }
    let words = "--param objective=lambdarank --param num_iterations=5 --param num_leaves=7";
    for name in ["rank.svm", "plain.train", "rank.train"] {
        desk.done(&format!("train --data @{name} --valid @{name} {words} --quiet --output @{name}.model"));
        assert!(desk.read(&format!("{name}.model")) == desk.read("rank.svm.model"), "{name}");
        let predict = |data| desk.done(&format!("predict --model @rank.svm.model --data @{data} --kind raw"));
        assert_eq!(predict(name), predict("rank.svm"), "{name}");
    }
    // indices beyond those of a file's own lines are 0; beyond the model's, an error
    desk.put("short.svm", "0 1:0.5\n1 2:0.25\n");
    desk.put("short.csv", "y,Column_0,Column_1,Column_2,Column_3\n0,0,0.5,0,0\n1,0,0,0.25,0\n");
    let predict = |data| desk.run(&format!("predict --model @rank.svm.model --data @{data} --kind raw"));
    assert_eq!(predict("short.svm"), predict("short.csv"));
    desk.put("long.svm", "0 1:0.5\n1 4:0.25\n");
    let (code, _, err) = predict("long.svm");
    assert_eq!((code, err.contains("make 5 columns instead of 4")), (Some(2), true), "{err}");
    // queries that nobody asked for do not stand in the way of two classes
    desk.put(
        "two.svm",
        &svm.lines().map(|line| format!("{}{}\n", line.len() % 2, &line[1..])).collect::<String>(),
    );
    desk.done("train --data @two.svm --param num_iterations=2 --output @two.model");
}

#[test]
fn faults_of_side_files_are_named() {
    let desk = Desk::new();
    desk.put("a.train", &bare(60, 1, "\t"));
    let run = |side: &str, text: &str, objective: &str| {
        desk.put(side, text);
        let (code, _, err) =
            desk.run(&format!("train --data @a.train --param objective={objective} --output @o"));
        std::fs::remove_file(desk.path(side)).expect("removed");
        assert_eq!(code, Some(2), "{side}: {err}");
        err
    };
    let numbers = |n: usize| "1\n".repeat(n);
    for (side, text, objective, named) in [
        (
            "a.train.weight",
            numbers(59),
            "binary",
            "a.train.weight: expected 60 weights, one per row, found 59",
        ),
        (
            "a.train.weight",
            format!("1\n\n-1\n{}", numbers(58)),
            "binary",
            "a.train.weight: line 3, column 1: expected a finite weight, not negative, found `-1`",
        ),
        (
            "a.train.query",
            "30\n31\n".to_owned(),
            "lambdarank",
            "a.train.query: expected sizes that add up to the 60 rows, found 61",
        ),
        (
            "a.train.group",
            "30\n0\n30\n".to_owned(),
            "lambdarank",
            "a.train.group: line 2, column 1: expected the rows of a query",
        ),
        (
            "a.train.position",
            format!("x\n{}", numbers(59)),
            "lambdarank",
            "a.train.position: line 1, column 1: expected a position",
        ),
        (
            "a.train.init",
            format!("{}inf\n", numbers(59)),
            "binary",
            "a.train.init: line 60, column 1: expected a finite initial score",
        ),
        ("a.train.query", "60\n".to_owned(), "binary", "queries have no effect with objective = binary"),
    ] {
        let err = run(side, &text, objective);
        assert!(err.contains(named), "{side}: {err}");
    }
    desk.put("a.train.group", "60\n");
    let err = run("a.train.query", "60\n", "lambdarank");
    assert!(
        err.contains("a.train.query: expected one side file of a kind, found `a.train.group` beside it"),
        "{err}"
    );
}

/// The folder of a public data set; `None`, said aloud, where it is not at hand and `REQUIRE_DATA` does not ask for it.
fn data(name: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let named = std::env::var_os("AML_MINER_DATA").map(PathBuf::from);
    let beside = ["../shared/data", "../../shared/data"].map(|place| root.join(place));
    let found = named.into_iter().chain(beside).map(|place| place.join(name)).find(|place| place.is_dir());
    if found.is_none() {
        assert!(std::env::var_os("REQUIRE_DATA").is_none(), "{name} is not at hand");
        eprintln!("skipped: no public data set {name} (set AML_MINER_DATA)");
    }
    found
}

/// LightGBM's own example of two classes, with its weights: what a table with a header and a column of weights gives.
#[test]
fn lightgbm_s_example_of_two_classes_is_read_with_its_weights() {
    let Some(folder) = data("lightgbm_binary") else { return };
    let desk = Desk::new();
    let text = |name: &str| std::fs::read_to_string(folder.join(name)).expect("readable");
    let names: Vec<String> = (0..28).map(|i| format!("Column_{i}")).collect();
    let (rows, weights) = (text("binary.train"), text("binary.train.weight"));
    let twin = rows.lines().zip(weights.lines()).map(|(row, w)| format!("{}\t{w}\n", row.trim_end()));
    desk.put("twin.tsv", &(format!("y\t{}\tw\n", names.join("\t")) + &twin.collect::<String>()));
    let words = "--param num_iterations=20 --param metric=auc --quiet --report @r.json";
    let at = |name: &str| folder.join(name).display().to_string();
    let valid = at("binary.test");
    desk.done(&format!("train --data @twin.tsv --weight w {words} --output @twin.model"));
    desk.done(&format!("train --data {} --valid {valid} {words} --output @m.model", at("binary.train")));
    assert!(desk.read("m.model") == desk.read("twin.model"));
    let report = desk.json("r.json");
    assert_eq!((&report["rows"], &report["features"]), (&7000.into(), &28.into()));
    let auc = report["metrics"]["binary.test"]["auc"].as_f64();
    assert!(auc.is_some_and(|auc| (0.8..0.9).contains(&auc)), "{report}");
    let scores = desk.done(&format!("predict --model @m.model --data {valid}"));
    assert_eq!(scores.lines().count(), 500);
}

/// LightGBM's own example of ranking: LibSVM under a name that does not say so, queries beside.
#[test]
fn lightgbm_s_example_of_ranking_is_read_with_its_queries() {
    let Some(folder) = data("lightgbm_lambdarank") else { return };
    let desk = Desk::new();
    let at = |name: &str| folder.join(name).display().to_string();
    let words =
        "--param objective=lambdarank --param num_iterations=10 --param metric=ndcg --param eval_at=5";
    let train = format!("train --data {} --valid {} {words}", at("rank.train"), at("rank.test"));
    desk.done(&format!("{train} --quiet --report @r.json --output @m.model"));
    let report = desk.json("r.json");
    assert_eq!((&report["rows"], &report["features"]), (&3005.into(), &301.into()));
    let ndcg = report["metrics"]["rank.test"]["ndcg@5"].as_f64();
    assert!(ndcg.is_some_and(|ndcg| (0.5..0.9).contains(&ndcg)), "{report}");
    let rows = std::fs::read_to_string(folder.join("rank.test")).expect("readable").lines().count();
    let raw = desk.done(&format!("predict --model @m.model --data {} --kind raw", at("rank.test")));
    assert_eq!(raw.lines().count(), rows);
}
