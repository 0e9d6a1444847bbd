//! The command line as its users see it: help, exit codes, and what the demo prints.
#![allow(clippy::print_stderr, reason = "a skipped test says so")]

#[path = "cli/batches.rs"]
mod batches;
#[path = "cli/gbdt.rs"]
mod gbdt;
#[path = "cli/hostile.rs"]
mod hostile;
#[path = "cli/order.rs"]
mod order;
#[path = "cli/rows.rs"]
mod rows;

use std::path::Path;
use std::process::{Command, Output};

/// The program, in a folder where nothing of the project lies.
fn aml_miner(arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_aml-miner"));
    for name in ["LOG_LEVEL", "API_PORT", "API_HOST", "AML_MINER_MODELS", "AML_MINER_THREADS"] {
        command.env_remove(name);
    }
    command.args(arguments).current_dir(folder.path()).output().expect("the program runs")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The commands that a help text lists.
fn listed(help: &str) -> Vec<String> {
    let lines =
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    // a name stands two blanks from the margin; what is further in continues a description
    let names = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names
        .filter_map(|line| line.split_whitespace().next())
        .filter(|n| *n != "help")
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_command_explains_itself() {
    let top = stdout(&aml_miner(&["--help"]));
    let commands = listed(&top);
    for expected in ["demo", "serve", "request", "gbdt"] {
        assert!(commands.iter().any(|c| c == expected), "{expected} in {commands:?}");
    }
    for command in &commands {
        let output = aml_miner(&[command, "--help"]);
        assert_eq!(output.status.code(), Some(0), "{command}: {}", stderr(&output));
        let help = stdout(&output);
        assert!(help.contains("Usage: aml-miner"), "{command}: {help}");
        for inner in listed(&help) {
            assert_eq!(aml_miner(&[command, &inner, "--help"]).status.code(), Some(0), "{command} {inner}");
        }
    }
}

#[test]
fn wrong_usage_is_exit_code_two_and_names_what_was_wrong() {
    for (arguments, named) in [
        (&["no-such-command"][..], "no-such-command"),
        (&["serve", "--no-such-flag"], "--no-such-flag"),
        (&["serve", "--port", "70000"], "70000"),
        (&["serve", "--models", "no-such-folder"], "no-such-folder"),
        (&["serve", "--cors-origin", "desk.example"], "desk.example"),
        (&["serve", "--max-body", "0"], "--max-body"),
        (&["serve", "--host", "no such host"], "no such host"),
        (&["demo", "--no-serve", "--batch", "no-such-batch"], "no-such-batch"),
        (&["demo", "--no-serve", "--threads", "0"], "--threads"),
        (&["demo", "--no-serve", "--log-level", "loud"], "loud"),
        (&["request", "no-such-batch"], "no-such-batch"),
    ] {
        let output = aml_miner(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(named), "{arguments:?}: {}", stderr(&output));
        assert_eq!(stdout(&output), "", "{arguments:?}");
    }
    assert_eq!(aml_miner(&[]).status.code(), Some(2));
    assert_eq!(aml_miner(&["--version"]).status.code(), Some(0));
}

#[test]
fn demo_prints_a_ranked_queue_with_reasons_and_repeats_it() {
    let runs: Vec<String> = ["1", "3"]
        .iter()
        .map(|threads| {
            let output = aml_miner(&["demo", "--no-serve", "--threads", threads]);
            assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
            stdout(&output)
        })
        .collect();
    let text = &runs[0];
    assert!(!text.contains('\u{1b}') && !text.contains('\r'), "no colours, no progress in a pipe");
    let rows: Vec<Vec<&str>> = text
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|words| words.first().is_some_and(|w| w.parse::<usize>().is_ok()))
        .collect();
    assert!(rows.len() >= 10, "{text}");
    for (i, row) in rows.iter().enumerate() {
        assert_eq!(row[0], (i + 1).to_string());
        let score: f64 = row[1].parse().expect("a score");
        assert!((0.0..=1.0).contains(&score));
    }
    let reasons =
        text.lines().filter(|l| l.ends_with("raises the score") || l.ends_with("lowers the score")).count();
    assert_eq!(reasons, 3 * rows.len(), "{text}");
    // all but the timings
    let timeless = |text: &str| text.lines().filter(|l| !l.contains(" ms ")).collect::<Vec<_>>().join("\n");
    assert_eq!(timeless(&runs[0]), timeless(&runs[1]));
    assert!(text.contains("score digest ") && text.contains("model digest "));
}

#[test]
fn request_writes_a_body_and_cuts_it_to_what_alerts_read() {
    let output = aml_miner(&["request", "--alerts", "2"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let body: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(body["alerts"].as_array().map(Vec::len), Some(2));
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("batch.json");
    let output = aml_miner(&["request", "--output", file.to_str().expect("UTF-8")]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 0));
    let whole: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&file).expect("written")).expect("JSON");
    assert_eq!(whole["alerts"][0], body["alerts"][0]);
    assert!(whole["alerts"].as_array().map(Vec::len) > Some(2));
}

#[test]
fn a_dotenv_file_is_read_and_the_environment_wins() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join(".env"), "LOG_LEVEL=loud\n").expect("written");
    let run = |level: Option<&str>| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aml-miner"));
        command.args(["demo", "--no-serve"]).current_dir(folder.path()).env_remove("LOG_LEVEL");
        level.map(|level| command.env("LOG_LEVEL", level));
        command.output().expect("the program runs")
    };
    assert_eq!(run(None).status.code(), Some(2));
    assert_eq!(run(Some("info")).status.code(), Some(0));
    std::fs::write(folder.path().join(".env"), "no equals sign here\n").expect("written");
    let broken = run(Some("info"));
    assert_eq!(broken.status.code(), Some(2));
    assert!(stderr(&broken).contains(".env"));
}

#[test]
fn every_setting_of_the_example_file_exists() {
    let example = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(".env.example"))
        .expect("readable");
    let help: String = ["serve", "download", "submit"]
        .iter()
        .map(|command| stdout(&aml_miner(&[command, "--help"])))
        .collect();
    let names = example.lines().filter_map(|line| line.trim_start_matches('#').split_once('='));
    let names: Vec<_> = names
        .map(|(name, _)| name)
        .filter(|n| n.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
        .collect();
    assert!(names.len() > 8, "{names:?}");
    for name in names {
        // a secret's value is not shown
        let shown = [format!("[env: {name}="), format!("[env: {name}]")];
        assert!(shown.iter().any(|shown| help.contains(shown)), "{name}");
    }
}
