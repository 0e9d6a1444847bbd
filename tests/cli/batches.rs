//! `inspect` and `derive`: what a batch holds, and what it lacks as files.

use std::path::{Path, PathBuf};

use aml_miner::aml::derive;
use aml_miner::aml::sot::{self, Batch, TableKind, Verified, to_table};
use serde_json::Value;

use super::{aml_miner, stderr, stdout};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[test]
fn inspect_tells_tables_columns_hashes_and_findings() {
    let batch = fixture("gen1");
    let opened = sot::open(&batch).expect("a batch");
    let output = aml_miner(&["inspect", text(&batch), "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let json: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(json["batch"], "torus-2025-11-03-7d");
    assert_eq!((&json["network"], &json["window_days"]), (&"torus".into(), &7.into()));
    assert_eq!(json["processing_date"], "2025-11-03");
    let tables = json["tables"].as_array().expect("a list");
    assert_eq!(tables.len(), opened.tables.len());
    for (shown, table) in tables.iter().zip(&opened.tables) {
        assert_eq!((&shown["table"], &shown["rows"]), (&table.kind.name().into(), &table.rows.into()));
        assert_eq!(shown["sha256"], table.digest.expect("read from a file").to_string().as_str());
        assert_eq!(shown["verified"], true, "{}", table.file);
        let columns = shown["columns"].as_array().expect("a list");
        assert_eq!(columns.len(), table.columns.len());
        assert!(
            columns.iter().all(|c| c["name"].is_string() && c["type"].is_string() && c["missing"].is_u64())
        );
    }
    assert_eq!(json["findings"].as_array().map(Vec::len), Some(opened.findings.len()));
    let printed = stdout(&aml_miner(&["inspect", text(&batch)]));
    assert!(printed.starts_with("batch torus-2025-11-03-7d\n"), "{printed}");
    let lines: Vec<_> = printed.lines().filter(|line| line.ends_with("SHA-256 as in META.json")).collect();
    assert_eq!(lines.len(), tables.len(), "{printed}");
    for finding in &opened.findings {
        assert!(printed.contains(finding.code) && printed.contains(&finding.text), "{finding:?}");
    }
    // into a file: the same JSON, and silence
    let home = tempfile::tempdir().expect("a folder");
    let file = home.path().join("report.json");
    let output = aml_miner(&["inspect", text(&batch), "--output", text(&file)]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 0));
    let written: Value = serde_json::from_slice(&std::fs::read(&file).expect("written")).expect("JSON");
    assert_eq!(written, json);
}

#[test]
fn derive_writes_what_is_absent_and_the_same_every_time() {
    let home = tempfile::tempdir().expect("a folder");
    let folders = ["one", "two"].map(|name| home.path().join(name));
    for (folder, threads) in folders.iter().zip(["1", "3"]) {
        let output =
            aml_miner(&["derive", text(&fixture("demo")), "--output", text(folder), "--threads", threads]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let words: Vec<String> = stdout(&output).split_whitespace().map(str::to_owned).collect();
        assert!(stderr(&output).contains("5 tables derived into"), "{}", stderr(&output));
        let expected = derive::complete(Batch::open(&fixture("demo")).expect("a batch"));
        let opened = sot::open(folder).expect("a batch");
        assert_eq!(opened.tables.len(), 5);
        for table in &opened.tables {
            assert_eq!(table.verified, Verified::Sha256, "{}", table.file);
            let of = |batch: &Batch| -> Vec<String> {
                let columns = to_table(batch, table.kind).map(|table| table.columns).unwrap_or_default();
                columns.iter().map(|column| format!("{column:?}")).collect()
            };
            let (found, library) = (of(&opened.batch), of(&expected));
            assert!(
                !library.is_empty() && library.iter().all(|column| found.contains(column)),
                "{}",
                table.file
            );
            // the command writes columns of features that no model reads beside them
            assert_eq!(found.len() > library.len(), table.kind == TableKind::Features, "{}", table.file);
            let at = words.iter().position(|word| word == table.kind.name()).expect("the table is listed");
            assert_eq!(words[at + 1], table.rows.to_string());
        }
    }
    for kind in [
        TableKind::MoneyFlows,
        TableKind::Features,
        TableKind::Patterns,
        TableKind::Alerts,
        TableKind::Clusters,
    ] {
        let bytes = |folder: &PathBuf| std::fs::read(folder.join(kind.file())).expect("written");
        assert!(bytes(&folders[0]) == bytes(&folders[1]), "{}", kind.name());
    }
    let again = home.path().join("again");
    let output = aml_miner(&["derive", text(&folders[0]), "--output", text(&again)]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(stdout(&output), "torus-2025-11-03-30d: nothing to derive\n");
    assert!(!again.exists());
}

#[test]
fn derive_says_what_changed_since_an_earlier_batch() {
    let home = tempfile::tempdir().expect("a folder");
    let [days, out] = ["days", "out"].map(|name| home.path().join(name));
    let small = ["--days", "2", "--window-days", "7", "--addresses", "200", "--patterns", "4"];
    let output = aml_miner(&[&["simulate", "--output", text(&days)], small.as_slice()].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let [first, second] =
        ["2025-11-03", "2025-11-04"].map(|day| days.join("snapshots/torus").join(day).join("7"));
    let derive = |batch: &Path, previous: &Path| {
        aml_miner(&["derive", text(batch), "--previous", text(previous), "--output", text(&out)])
    };
    let refused = derive(&first, &second);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        stderr(&refused).contains("expected a processing date before 2025-11-03"),
        "{}",
        stderr(&refused)
    );
    assert!(!out.exists(), "nothing was written");
    let onto = ["derive", text(&second), "--previous", text(&first), "--output", text(&first)];
    let refused = aml_miner(&onto);
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("another folder"), "{}", stderr(&refused));
    let output = derive(&second, &first);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let features = Batch::open(&out).expect("a batch").features.expect("derived");
    let values = |change: &sot::Change| features.column(change.name).expect("written");
    assert!(sot::CHANGES.iter().all(|change| values(change).iter().any(|value| *value != 0.0)));
}

#[test]
fn derive_says_that_transfers_lie_outside_the_window() {
    let home = tempfile::tempdir().expect("a folder");
    let later = home.path().join("snapshots/torus/2025-12-25/30");
    std::fs::create_dir_all(&later).expect("a folder");
    let inner = sot::discover(&fixture("demo")).expect("readable").remove(0);
    std::fs::copy(inner.join("transfers.parquet"), later.join("transfers.parquet")).expect("copied");
    let derive = |batch: &Path| {
        let output = aml_miner(&["derive", text(batch), "--output", text(&home.path().join("out"))]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        stderr(&output)
    };
    let said = "9084 of 9084 transfers lie outside the batch's window, the 30 days before 2025-12-25";
    assert!(derive(&later).contains(said), "{}", derive(&later));
    assert!(!derive(&inner).contains("outside"));
}

#[test]
fn what_cannot_be_inspected_or_derived_is_said() {
    let home = tempfile::tempdir().expect("a folder");
    let empty = home.path().join("empty");
    std::fs::create_dir(&empty).expect("a folder");
    let taken = home.path().join("taken");
    std::fs::write(&taken, "a file").expect("written");
    let (demo, empty, taken) = (fixture("demo"), text(&empty), text(&taken));
    let inner = sot::discover(&demo).expect("readable").remove(0);
    for (arguments, code, named) in [
        (vec!["inspect", "no-such-batch"], 2, "no-such-batch"),
        (vec!["inspect", empty], 2, "no table of a batch here"),
        (vec!["inspect"], 2, "BATCH"),
        (vec!["derive", empty, "--output", "x"], 2, "no table of a batch here"),
        (vec!["derive", text(&demo)], 2, "--output"),
        (vec!["derive", text(&inner), "--output", text(&inner)], 2, "another folder"),
        (vec!["derive", text(&demo), "--output", taken], 3, "taken"),
        (vec!["inspect", text(&demo), "--output", "no/such/folder/x.json"], 3, "x.json"),
    ] {
        let output = aml_miner(&arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(named), "{arguments:?}: {}", stderr(&output));
        assert_eq!(stdout(&output), "", "{arguments:?}");
    }
}
