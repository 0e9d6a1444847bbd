//! The template's scripts in `tools/`: their arguments, their exit codes, and what they leave.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::path::{BATCH, URL, expect, own, scene};
use crate::server::Server;

fn script(folder: &Path, name: &str, words: &str) -> Output {
    let mut command = Command::new("bash");
    for name in ["LOG_LEVEL", "API_PORT", "API_HOST", "AML_MINER_MODELS", "AML_MINER_BASE_URL"] {
        command.env_remove(name);
    }
    command.env("AML_MINER", env!("CARGO_BIN_EXE_aml-miner")).env("AML_MINER_DATA", folder.join("no-sample"));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tools").join(name);
    command.arg(path).args(words.split_whitespace()).current_dir(folder).output().expect("bash runs")
}

#[track_caller]
fn ends(output: &Output, code: i32) -> String {
    let text = String::from_utf8([&output.stdout[..], &output.stderr].concat()).expect("text");
    assert_eq!(output.status.code(), Some(code), "{text}");
    text
}

#[test]
fn a_batch_is_downloaded_with_the_templates_arguments() {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(scene().join(BATCH)).expect("readable") {
        let path = entry.expect("readable").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        files.insert(format!("/snapshots/torus/2025-11-03/30/{name}"), fs::read(&path).expect("a file"));
    }
    let server = Server::new(files);
    let folder = tempfile::tempdir().expect("a folder");
    let words =
        format!("--network torus --date 2025-11-03 --days 30 --output-dir got --base-url {}", server.url);
    ends(&script(folder.path(), "download_batch.sh", &words), 0);
    expect(folder.path(), 0, "inspect got/snapshots/torus/2025-11-03/30");
    let usage = ends(&script(folder.path(), "download_batch.sh", "--network torus"), 2);
    assert!(usage.contains("Usage: tools/download_batch.sh"), "{usage}");
    let text = ends(&script(folder.path(), "download_batch.sh", "--date"), 2);
    assert!(text.contains("--date: expected a value"), "{text}");
}

#[test]
fn a_submission_is_validated_with_the_templates_arguments() {
    let folder = own();
    let here = folder.path();
    // the script starts the server itself, and stops it
    let words = format!("--network torus --date 2025-11-03 --days 30 --models models --github-url {URL}");
    let page = ends(&script(here, "validate_submission.sh", &words), 0);
    assert!(page.contains("# PASS") && here.join("validation_report.json").is_file(), "{page}");
    let words = format!("--batch-path {BATCH} --scores absent.json --github-url {URL}");
    ends(&script(here, "validate_submission.sh", &words), 2);
    fs::write(here.join("wrong.json"), "[]").expect("written");
    let words = format!("--batch-path {BATCH} --scores wrong.json --models models --github-url {URL}");
    let code = script(here, "validate_submission.sh", &words).status.code();
    assert!(matches!(code, Some(1 | 2)), "{code:?}");
    ends(&script(here, "validate_submission.sh", ""), 2);
}

/// All of the way on a few tiny economies, twice: the same bytes, and a card that names every part.
#[test]
fn models_are_made_by_the_script_and_the_same_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    let small = "{num_iterations: 4, num_leaves: 4, min_data_in_leaf: 5}";
    let settings = format!(
        "alert_scorer: {small}\nalert_ranker: {small}\ncluster_scorer: {small}\nexclude_typologies: []\n\
         folds: {{count: 2, embargo_days: 0}}\n"
    );
    fs::write(here.join("quick.yaml"), settings).expect("written");
    let make = |models: &str| {
        let mut command = Command::new("bash");
        command.env("AML_MINER", env!("CARGO_BIN_EXE_aml-miner")).env("ECONOMIES", "4").env("UNSEEN", "2");
        command.env("WALLETS", "150").env("CONFIG", here.join("quick.yaml"));
        // the real sample takes its time, and is not what is tested
        command.env("AML_MINER_DATA", here.join("no-sample")).env_remove("KEEP");
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/train_models.sh");
        let output = command.arg(path).arg(here.join(models)).current_dir(here).output().expect("bash runs");
        ends(&output, 0);
        files(&here.join(models))
    };
    let (first, second) = (make("one"), make("two"));
    let names: Vec<&PathBuf> = first.keys().collect();
    assert_eq!(first, second, "{names:?}");
    let card = fs::read_to_string(here.join("one/MODEL_CARD.md")).expect("a card");
    for part in ["seeds never trained on", "later days", "CYCLE_DETECTION alerts alone"] {
        assert!(card.contains(part), "{part} is missing in\n{card}");
    }
}

fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(folder).expect("readable").map(|entry| entry.expect("readable").path());
    let own = entries.filter(|path| path.is_file());
    own.map(|path| (path.strip_prefix(folder).expect("inside").to_owned(), fs::read(&path).expect("a file")))
        .collect()
}
