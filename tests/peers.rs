//! Other libraries as oracles: `tools/peers/agreement.py` (LightGBM, onnxruntime) and `explanations.py` (shap, XGBoost) on smaller work than
//! `docs/benchmarks.md` records.
//!
//! Needs a Python that `tools/peers/setup.sh` made, named by `AML_MINER_PEERS_PYTHON`; skips with a message otherwise, or
//! fails when `REQUIRE_PEERS=1`.
#![allow(clippy::print_stdout, reason = "a skipped test says so")]

use std::path::{Path, PathBuf};
use std::process::Command;

fn python() -> Option<String> {
    let python = std::env::var("AML_MINER_PEERS_PYTHON").ok().filter(|path| !path.is_empty());
    if python.is_none() {
        let required = std::env::var("REQUIRE_PEERS").is_ok_and(|value| value == "1");
        assert!(!required, "REQUIRE_PEERS=1, but AML_MINER_PEERS_PYTHON names no Python");
        println!("skipped: AML_MINER_PEERS_PYTHON names no Python with LightGBM");
    }
    python
}

/// Where the public data sets are; the script itself skips the tasks that it does not find.
fn data() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let beside = ["../shared/data", "../../shared/data"].map(|place| root.join(place));
    let named = std::env::var_os("AML_MINER_DATA").map(PathBuf::from);
    named.into_iter().chain(beside).find(|place| place.is_dir()).unwrap_or_default()
}

/// Runs a script of `tools/peers`, which must end well; what it printed.
fn run(python: &str, script: &str, words: &[&str]) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new(python)
        .arg(root.join("tools/peers").join(script))
        .args(words)
        .arg("--binary")
        .arg(env!("CARGO_BIN_EXE_aml-miner"))
        .env("AML_MINER_DATA", data())
        .output()
        .expect("the named Python starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    println!("{text}");
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    text
}

/// Also onnxruntime, of the same models written as ONNX.
#[test]
fn lightgbm_and_onnxruntime_agree() {
    let Some(python) = python() else { return };
    let words = [
        "--quick",
        "--rounds",
        "8",
        "--rows",
        "600",
        "--explained",
        "150",
        "--tasks",
        "synthetic",
        "credit",
        "mq2008",
    ];
    let text = run(&python, "agreement.py", &words);
    assert!(text.contains("\"ours\""), "no model of ours was compared: {text}");
    assert!(text.contains("\"onnx_agrees\": true"), "no ONNX file was compared: {text}");
}

#[test]
fn shap_and_xgboost_agree_on_pairs_and_backgrounds() {
    let Some(python) = python() else { return };
    let text = run(&python, "explanations.py", &["--rows", "60", "--rounds", "10"]);
    assert_eq!(text.matches("\"agrees\": true").count(), 4, "{text}");
}
