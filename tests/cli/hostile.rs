//! What a command line meets besides good input: readers who leave, full disks, absurd settings, freakish models.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

use super::{aml_miner, stderr, stdout};

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aml-miner"));
    command.env_remove("AML_MINER_THREADS").env_remove("LOG_LEVEL");
    command
}

fn of_project(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name).display().to_string()
}

/// A table of three columns: label, feature, and something else.
fn write_table(dir: &Path, name: &str, row: impl Fn(usize) -> String) -> String {
    let rows: String = (0..200).map(row).collect();
    let path = dir.join(name);
    std::fs::write(&path, format!("y,a,b\n{rows}")).expect("written");
    path.display().to_string()
}

/// `| head`: whoever closes the pipe has seen enough.
#[test]
fn a_reader_who_leaves_is_no_failure() {
    let demo = of_project("fixtures/demo");
    let dump =
        ["gbdt".to_owned(), "dump".into(), "--model".into(), of_project("models/alert_scorer_v1.0.0.model")];
    for arguments in [dump.to_vec(), vec!["request".into(), demo.clone()], vec!["inspect".into(), demo]] {
        let mut child =
            program().args(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("ends");
        assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()), "{arguments:?}");
    }
}

/// The same of notes: training goes on, and its model is whole.
#[test]
fn nobody_has_to_read_the_notes() {
    let dir = tempfile::tempdir().expect("a folder");
    let row = |i: usize| format!("{},{},{}\n", i % 2, i % 7 + i % 2, i);
    let (train, model) = (write_table(dir.path(), "t.csv", row), dir.path().join("m.model"));
    let mut child = program()
        .args(["gbdt", "train", "--data", &train, "--valid", &train, "--output"])
        .arg(&model)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("runs");
    drop(child.stderr.take());
    assert_eq!(child.wait().expect("ends").code(), Some(0));
    assert!(model.exists());
}

#[test]
fn a_full_disk_behind_stdout_is_told() {
    let Ok(full) = File::options().write(true).open("/dev/full") else { return };
    let output =
        program().args(["inspect", &of_project("fixtures/demo")]).stdout(full).output().expect("runs");
    assert_eq!(output.status.code(), Some(3));
    assert!(stderr(&output).starts_with("error: the output cannot be written: "), "{}", stderr(&output));
}

/// A hundred thousand threads take a machine down before they are refused by it.
#[test]
fn threads_have_a_limit() {
    for n in ["0", "1025", "100000", "99999999999"] {
        let output = aml_miner(&["--threads", n, "inspect", "x"]);
        assert_eq!(output.status.code(), Some(2), "{n}");
        assert!(stderr(&output).contains("1..=1024"), "{}", stderr(&output));
    }
}

#[test]
fn what_cannot_be_learned_from_is_named() {
    let dir = tempfile::tempdir().expect("a folder");
    let output = dir.path().join("m.model");
    let train = |data: &str, extra: &[&str]| {
        let mut arguments = vec!["gbdt", "train", "--data", data, "--label", "y", "--output"];
        arguments.push(output.to_str().expect("text"));
        arguments.extend(extra);
        let run = aml_miner(&arguments);
        assert_eq!(run.status.code(), Some(2), "{}", stderr(&run));
        assert!(!output.exists(), "nothing is written");
        stderr(&run)
    };
    let tiny =
        write_table(dir.path(), "tiny.csv", |i| format!("{},{i},1\n", if i == 5 { "1e-50" } else { "1" }));
    assert!(train(&tiny, &[]).contains("tiny.csv: row 5: expected label 0 or 1, found 0.000"));
    let bare = dir.path().join("bare.csv");
    std::fs::write(&bare, "y\n1\n0\n").expect("written");
    assert!(train(bare.to_str().expect("text"), &[]).contains("bare.csv: the data has no features"));
    let fine = write_table(dir.path(), "fine.csv", |i| format!("{},{},{}\n", i % 2, i % 7, i % 2));
    let text = train(&fine, &["--param", "learning_rate=1e308"]);
    assert!(text.contains("these parameters lead to no usable model: tree 0: the value of leaf"), "{text}");
}

/// A chain of 40,000 nodes, as LightGBM may be told to grow: printed, though not 80,000 blanks deep.
#[test]
fn a_chain_of_nodes_is_printed() {
    let leaves = 40_000;
    let each = |n: usize, value: &dyn Fn(usize) -> String| (0..n).map(value).collect::<Vec<_>>().join(" ");
    let nodes = leaves - 1;
    let right = |i: usize| if i + 1 < nodes { (i + 1).to_string() } else { (-1 - nodes as i64).to_string() };
    let tree = [
        format!("num_leaves={leaves}\nnum_cat=0"),
        format!("split_feature={}", each(nodes, &|_| "0".into())),
        format!("threshold={}", each(nodes, &|i| i.to_string())),
        format!("decision_type={}", each(nodes, &|_| "2".into())),
        format!("left_child={}", each(nodes, &|i| (-1 - i as i64).to_string())),
        format!("right_child={}", each(nodes, &right)),
        format!("leaf_value={}", each(leaves, &|_| "0.5".into())),
    ]
    .join("\n");
    let head = "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nmax_feature_idx=0\nobjective=regression\nfeature_names=a\n";
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("chain.txt");
    std::fs::write(&path, format!("{head}\nTree=0\n{tree}\n\nend of trees\n")).expect("written");
    let output = aml_miner(&["gbdt", "dump", "--model", path.to_str().expect("text")]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(stdout(&output).lines().filter(|line| line.contains("(rows ")).count(), leaves + nodes);
}
