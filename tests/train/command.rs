//! The command: a bundle whole or none, verified on demand.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

fn miner(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_aml-miner")).args(words).output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Three weekly economies and a short configuration.
fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    for (seed, from) in [("1", "2025-01-05"), ("2", "2025-01-12"), ("3", "2025-01-19")] {
        let to = home.path().join("data").join(seed);
        let words =
            ["simulate", "--quiet", "--seed", seed, "--from", from, "--addresses", "120", "--patterns", "8"];
        let done = miner(&[&words[..], &["--output", text(&to)]].concat());
        assert!(done.status.success(), "{}", said(&done));
    }
    let settings = format!("{}folds: {{count: 2, embargo_days: 0}}\n", crate::fixture::QUICK);
    std::fs::write(home.path().join("t.yaml"), settings).unwrap();
    home
}

fn files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap()))
        .collect();
    files.sort();
    files
}

#[test]
fn a_bundle_is_made_verified_and_never_half_written() {
    let home = home();
    let (data, models, settings) =
        (home.path().join("data"), home.path().join("models"), home.path().join("t.yaml"));
    let oof = home.path().join("oof.csv");
    let words =
        ["train", "all", "--data", text(&data), "--output", text(&models), "--config", text(&settings)];
    let done = miner(&[&words[..], &["--oof", text(&oof)]].concat());
    assert!(done.status.success(), "{}", said(&done));
    assert!(said(&done).contains("labelled alerts; 10000 or more are advised"), "{}", said(&done));
    let rows = std::fs::read_to_string(&oof).unwrap();
    assert!(rows.starts_with("model,fold,batch,id,address,date,label,grade,raw_score,score\n"));
    for model in ["alert_scorer", "alert_ranker", "cluster_scorer"] {
        assert!(rows.contains(&format!("\n{model},")), "{model}");
    }
    let whole = files(&models);

    // killed at any moment: the old bundle or the new one
    for wait in [20, 200, 1_000] {
        let mut run =
            Command::new(env!("CARGO_BIN_EXE_aml-miner")).args(words).arg("--quiet").spawn().unwrap();
        for _ in 0..wait / 5 {
            if run.try_wait().unwrap().is_some() {
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let _already_done = run.kill();
        run.wait().unwrap();
        assert!(files(&models) == whole, "after {wait} ms");
    }

    let verify = ["train", "--verify", text(&models), "--data", text(&data), "--quiet"];
    let done = miner(&verify);
    assert_eq!(done.status.code(), Some(0), "{}", said(&done));
    assert!(said(&done).contains("verified: training gives the same bytes"));
    // the data are not those any more
    std::fs::remove_dir_all(data.join("3")).unwrap();
    let done = miner(&verify);
    assert_eq!(done.status.code(), Some(1), "{}", said(&done));
    let expected = "not verified: batch torus-2025-01-19-30d is missing from the data";
    assert!(said(&done).contains(expected), "{}", said(&done));
}

#[test]
fn bad_input_is_named_and_nothing_is_written() {
    let home = tempfile::tempdir().unwrap();
    let (data, models) = (home.path().join("data"), home.path().join("models"));
    std::fs::create_dir(&data).unwrap();
    let words = ["train", "--data", text(&data), "--output", text(&models)];
    let refuse = |more: &[&str], expected: &str| {
        let done = miner(&[&words[..], more].concat());
        assert_eq!(done.status.code(), Some(2), "{}", said(&done));
        assert!(said(&done).contains(expected), "{}", said(&done));
        assert!(!models.exists());
    };
    refuse(&[], "no batch");
    let settings = home.path().join("t.yaml");
    for (yaml, expected) in [
        ("folds: {counts: 3}", "counts"),
        ("folds: {count: 1}", "folds.count: expected 2 to 20, found 1"),
        ("calibration: magic", "magic"),
        ("class_weight: -1.0", "class_weight: expected none, balanced or a number above 0, found -1"),
        ("selection: {max_correlation: 7}", "selection.max_correlation: expected 0 to 1, found 7"),
    ] {
        std::fs::write(&settings, yaml).unwrap();
        refuse(&["--config", text(&settings)], expected);
    }
    let made = miner(&[
        "simulate",
        "--quiet",
        "--addresses",
        "60",
        "--patterns",
        "4",
        "--output",
        text(&data.join("a")),
    ]);
    assert!(made.status.success(), "{}", said(&made));
    refuse(&["--network", "bittensor"], "no batch of network bittensor");
    let labels = home.path().join("own.csv");
    std::fs::write(&labels, "address,risk_level,confidence,source,date\na,odd,1,x,2025-01-01\n").unwrap();
    refuse(
        &["--labels", text(&labels)],
        "line 2, column `risk_level`: expected low, medium, high or critical",
    );
}

#[test]
fn a_folder_that_cannot_be_written_is_said() {
    let home = home();
    let file = home.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let (data, models, settings) =
        (home.path().join("data"), file.join("models"), home.path().join("t.yaml"));
    let done = miner(&[
        "train",
        "clusters",
        "--quiet",
        "--data",
        text(&data),
        "--output",
        text(&models),
        "--config",
        text(&settings),
    ]);
    assert_eq!(done.status.code(), Some(3), "{}", said(&done));
    assert!(said(&done).contains("cannot be written, nothing was changed"), "{}", said(&done));
}
