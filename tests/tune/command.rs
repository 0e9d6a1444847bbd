//! `aml-miner tune` as its users run it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

/// Small batches and a configuration of few rounds, made once.
fn material() -> &'static Path {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path().join("data");
        let made = Command::new(BINARY)
            .args(["simulate", "--seed", "5", "--days", "3", "--window-days", "30"])
            .args(["--addresses", "400", "--patterns", "24", "--quiet", "--output"])
            .arg(&data)
            .output()
            .expect("the program runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        std::fs::write(folder.path().join("quick.yaml"), QUICK).expect("written");
        folder
    });
    folder.path()
}

/// A command on the small batches; `home` is where it runs.
fn tune(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    for name in ["LOG_LEVEL", "AML_MINER_THREADS", "RANDOM_SEED"] {
        command.env_remove(name);
    }
    command.arg("tune").args(arguments).arg("--data").arg(material().join("data")).current_dir(home);
    command.arg("--config").arg(material().join("quick.yaml"));
    command
}

fn run(home: &Path, arguments: &[&str]) -> Output {
    tune(home, arguments).output().expect("the program runs")
}

fn succeed(home: &Path, arguments: &[&str]) -> String {
    let output = run(home, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The files that a search leaves.
fn left(home: &Path) -> [Vec<u8>; 3] {
    ["best.yaml", "best.yaml.trials", "page.html"].map(|name| std::fs::read(home.join(name)).expect(name))
}

fn home() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

#[test]
fn threads_change_nothing_and_a_finished_search_is_told_again() {
    let (one, three) = (home(), home());
    let first = succeed(one.path(), &[SEARCH, &["--threads", "1"]].concat());
    let other = succeed(three.path(), &[SEARCH, &["--threads", "3"]].concat());
    assert_eq!(first, other);
    assert_eq!(left(one.path()), left(three.path()));
    let before = left(one.path());
    assert_eq!(succeed(one.path(), SEARCH), first);
    assert_eq!(left(one.path()), before);
}

/// Killed in the middle, at whatever moment, and taken up again: the bytes of an unbroken search.
#[test]
fn killed_searches_end_with_the_same_bytes() {
    let (whole, broken) = (home(), home());
    let expected = succeed(whole.path(), SEARCH);
    let state = broken.path().join("best.yaml.trials");
    let mut interrupted = 0;
    for lines in [2, 5, 7] {
        let mut child = tune(broken.path(), SEARCH)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program runs");
        interrupted += usize::from(kill_after(&mut child, &state, lines));
    }
    assert!(interrupted >= 2, "the searches ended before they could be killed");
    // as if the power had gone in the middle of a line
    let mut bytes = std::fs::read(&state).expect("the state is there");
    bytes.extend_from_slice(b"{\"number\":");
    std::fs::write(&state, bytes).expect("written");
    assert_eq!(succeed(broken.path(), SEARCH), expected);
    assert_eq!(left(broken.path()), left(whole.path()));
}

#[cfg(target_os = "linux")]
#[test]
fn a_second_search_on_the_same_file_is_refused_until_the_first_ends() {
    let home = home();
    let long = ["scorer", "--output", "best.yaml", "--trials", "900"];
    let mut first =
        tune(home.path(), &long).stderr(Stdio::null()).stdout(Stdio::null()).spawn().expect("runs");
    let state = home.path().join("best.yaml.trials");
    while std::fs::read_to_string(&state).unwrap_or_default().lines().count() < 2 {
        assert!(first.try_wait().expect("it can be asked").is_none(), "the first search ended");
        std::thread::sleep(std::time::Duration::from_millis(3));
    }
    let second = run(home.path(), &long);
    let text = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(2), "{text}");
    assert!(text.contains("best.yaml.trials: another search is writing it"), "{text}");
    first.kill().expect("it can be killed");
    first.wait().expect("it ends");
    let found = std::fs::read_to_string(&state).expect("there").lines().count();
    let more = (found + 1).to_string();
    succeed(home.path(), &["scorer", "--output", "best.yaml", "--trials", &more]);
}

/// Kills a process when a file has so many lines; whether it was still running.
fn kill_after(child: &mut Child, state: &Path, lines: usize) -> bool {
    loop {
        if child.try_wait().expect("it can be asked").is_some() {
            return false;
        }
        let text = std::fs::read_to_string(state).unwrap_or_default();
        if text.lines().count() >= lines {
            child.kill().expect("it can be killed");
            child.wait().expect("it ends");
            return true;
        }
        std::thread::sleep(std::time::Duration::from_millis(3));
    }
}

#[test]
fn the_result_trains_and_keeps_the_rest() {
    let home = home();
    succeed(home.path(), SEARCH);
    let text = std::fs::read_to_string(home.path().join("best.yaml")).expect("there");
    assert!(text.contains("# few rounds") && text.contains("label_delay_days: 60"), "{text}");
    assert!(text.contains("num_leaves: ") && text.contains("cluster_scorer:"), "{text}");
    let trained = Command::new(BINARY)
        .args(["train", "scorer", "--config", "best.yaml", "--output", "models", "--data"])
        .arg(material().join("data"))
        .current_dir(home.path())
        .output()
        .expect("the program runs");
    assert!(trained.status.success(), "{}", String::from_utf8_lossy(&trained.stderr));
    let page = std::fs::read_to_string(home.path().join("page.html")).expect("there");
    assert!(page.contains("<svg") && page.contains("num_leaves") && !page.contains("http"), "{page}");
}

/// Asked for the points of a search, the command gives the figures that the search had.
#[test]
fn points_have_the_figures_of_the_search() {
    let home = home();
    succeed(home.path(), &["scorer", "--output", "best.yaml", "--no-pruning", "--trials", "3"]);
    let state = std::fs::read_to_string(home.path().join("best.yaml.trials")).expect("there");
    let names: Vec<Value> = serde_json::from_str::<Value>(state.lines().next().expect("a header"))
        .expect("JSON")["space"]["dimensions"]
        .as_array()
        .expect("dimensions")
        .iter()
        .map(|dimension| dimension["name"].clone())
        .collect();
    let trials: Vec<Value> =
        state.lines().skip(1).map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let mut points = String::new();
    for trial in &trials {
        let pairs = names.iter().zip(trial["point"].as_array().expect("values"));
        let fields: Vec<String> = pairs.map(|(name, value)| format!("{name}:{}", whole(value))).collect();
        points += &format!("{{{}}}\n", fields.join(","));
    }
    std::fs::write(home.path().join("points.jsonl"), points).expect("written");
    let answers = succeed(home.path(), &["scorer", "--points", "points.jsonl", "--quiet"]);
    let answers: Vec<Value> = answers.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!((answers[0]["objective"].as_str(), answers.len()), (Some("auc"), 4));
    for (trial, answer) in trials.iter().zip(&answers[1..]) {
        let of = |values: &Value| -> Vec<f64> {
            values.as_array().expect("figures").iter().filter_map(Value::as_f64).collect()
        };
        let costs: Vec<f64> = of(&trial["costs"]).into_iter().map(|cost| -cost).collect();
        assert_eq!(costs, of(&answer["folds"]));
    }
}

/// 15.0 as 15.
fn whole(value: &Value) -> String {
    let number = value.as_f64().expect("a number");
    if number.fract() == 0.0 { format!("{number:.0}") } else { number.to_string() }
}

#[test]
fn every_model_and_objective() {
    for (which, objective) in [
        ("scorer", "log_loss"),
        ("scorer", "reward"),
        ("scorer", "average_precision"),
        ("ranker", "ndcg@10"),
        ("clusters", "auc"),
    ] {
        let home = home();
        let found =
            succeed(home.path(), &[which, "--objective", objective, "--trials", "2", "--output", "b.yaml"]);
        assert!(found.contains(&format!("best {objective}: ")), "{found}");
    }
    for sampler in ["random", "grid"] {
        let home = home();
        let arguments = ["clusters", "--sampler", sampler, "--trials", "2", "--output", "b.yaml", "--quiet"];
        assert!(succeed(home.path(), &arguments).contains("2 trials on "));
    }
}

#[test]
fn mistakes_are_said_and_leave_nothing() {
    let home = home();
    let refused = |arguments: &[&str], expected: &str| {
        let output = run(home.path(), arguments);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
        assert!(text.contains(expected), "{arguments:?}: {text}");
    };
    refused(
        &["ranker", "--objective", "log_loss", "--output", "b.yaml"],
        "alert_ranker: has no log_loss; its objectives are",
    );
    refused(&["ranker", "--objective", "reward", "--output", "b.yaml"], "alert_ranker: has no reward");
    refused(&["scorer"], "--output");
    refused(&["scorer", "--trials", "0", "--output", "b.yaml"], "--trials");
    refused(&["scorer", "--folds", "1", "--output", "b.yaml"], "--folds");
    refused(&["scorer", "--points", "absent"], "absent: ");
    std::fs::write(home.path().join("points"), "{\"num_leaves\": 5}\n").expect("written");
    refused(&["scorer", "--points", "points"], "line 1: point: learning_rate: absent");
    std::fs::write(home.path().join("points"), "[]\n").expect("written");
    refused(&["scorer", "--points", "points"], "line 1: ");
    assert!(!home.path().join("b.yaml").exists());
    succeed(home.path(), &["clusters", "--trials", "1", "--output", "b.yaml"]);
    refused(
        &["clusters", "--trials", "1", "--seed", "7", "--output", "b.yaml"],
        "is of another search: sampler is",
    );
}

#[test]
fn data_that_cannot_be_searched_on() {
    let home = home();
    let empty: PathBuf = home.path().join("empty");
    std::fs::create_dir(&empty).expect("made");
    let output = Command::new(BINARY)
        .args(["tune", "scorer", "--output", "b.yaml", "--data", "empty"])
        .current_dir(home.path())
        .output()
        .expect("the program runs");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("no batch"), "{text}");
}

const BINARY: &str = env!("CARGO_BIN_EXE_aml-miner");

/// A search of nine trials with files beside it.
const SEARCH: &[&str] = &["scorer", "--output", "best.yaml", "--report", "page.html", "--trials", "9"];

const QUICK: &str = "\
# a quick configuration
target: ground_truth
label_delay_days: 60
folds: {count: 2, windows: expanding, embargo_days: 0, group_parts: 2}
alert_scorer:
  num_iterations: 6 # few rounds
  num_leaves: 7
  min_data_in_leaf: 10
alert_ranker:
  num_iterations: 4
  num_leaves: 7
cluster_scorer:
  num_iterations: 4
  num_leaves: 4
  min_data_in_leaf: 5
search:
  alert_scorer:
    num_leaves: {low: 3, high: 15}
";
