//! Tables and batches: real files, round trips, malformed input.
#![allow(
    clippy::panic,
    clippy::print_stderr,
    reason = "all of this is test code: a panic is a failed test, a skip is printed"
)]

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use aml_miner::aml::sot::{
    self, AddressFeatures, Alert, Batch, BatchId, Cluster, NumberColumn, RequestFaults, TableKind, Transfer,
    Transfers, Verified, to_table, write_batch,
};
use aml_miner::determinism::digest::{Digest, Md5};
use aml_miner::determinism::intern::Interner;
use aml_miner::table::{self, Given, Table, TableColumn, Values, parquet};
use proptest::prelude::*;
use serde_json::json;

/// The folder of public data sets beside the project; `None`, with a message, where it is absent.
fn data() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let named = std::env::var_os("AML_MINER_DATA").map(PathBuf::from);
    let beside = ["../shared/data", "../../shared/data"].map(|p| root.join(p));
    let found = named.into_iter().chain(beside).find(|p| p.join("README.md").is_file());
    if found.is_none() {
        assert!(std::env::var_os("REQUIRE_DATA").is_none(), "REQUIRE_DATA is set, and there is no data");
        eprintln!("skipped: no public data beside the project (set AML_MINER_DATA)");
    }
    found
}

#[test]
fn real_parquet_files_are_read() {
    let Some(data) = data() else { return };
    for (file, rows, columns) in [
        ("torus-2025-11-20-w300/transfers.parquet", 4144, 12),
        ("torus-2025-11-20-w300/asset_prices.parquet", 285, 6),
        ("torus-2025-11-20-w300/features.parquet", 1974, 103),
        ("give_me_some_credit.parquet", 150_000, 11),
        ("census.parquet", 149_642, 42),
        ("handbook.parquet", 1_754_155, 17),
    ] {
        let table = table::read(&data.join(file)).expect("readable");
        assert_eq!((table.n_rows, table.columns.len()), (rows, columns), "{file}");
        assert!(table.columns.iter().all(|c| c.values.n_values() == Some(rows)), "{file}");
    }
    let transfers = table::read(&data.join("torus-2025-11-20-w300/transfers.parquet")).expect("readable");
    let Some(Values::Decimal { scale: 18, units }) = transfers.column("fee") else {
        panic!("fee is decimal(18, 18)")
    };
    assert_eq!(units[0], Some(365_546_587_500_000));
    let Some(Values::Decimal { scale: 18, units }) = transfers.column("amount") else {
        panic!("decimal(25, 18)")
    };
    assert_eq!(units[1], Some(591_208_816_846_528_513));
}

// ---- whole batches

const SAMPLE: &str = "torus-2025-11-20-w300";

#[test]
fn the_real_sample_opens() {
    let Some(data) = data() else { return };
    let opened = sot::open(&data.join(SAMPLE)).expect("a batch");
    let batch = &opened.batch;
    assert_eq!(batch.id.name(), "torus-2025-11-20-300d");
    let transfers = batch.transfers.as_ref().expect("transfers");
    let addresses: Interner = transfers.iter().flat_map(|t| [t.from_address, t.to_address]).collect();
    assert_eq!((transfers.len(), addresses.len()), (4144, 1974));
    assert_eq!(batch.labels.as_ref().map(Vec::len), Some(131));
    assert_eq!(batch.ground_truth.as_ref().map(Vec::len), Some(1357));
    assert_eq!(
        (batch.asset_prices.as_ref().map(Vec::len), batch.assets.as_ref().map(Vec::len)),
        (Some(285), Some(1))
    );
    let features = batch.features.as_ref().expect("the official features");
    assert_eq!(features.addresses.len(), 1974);
    assert!(features.column("pagerank").is_some() && features.column("is_whale").is_some());
    assert!(features.column("hourly_activity").is_none(), "lists and text are not kept");
    let first = transfers.iter().find(|t| t.tx_id == "2003528-1").expect("the first row of the file");
    assert_eq!((first.amount, first.amount_usd, first.fee), (12.0, 4.53420617485524, 0.0003655465875));
    let codes: Vec<_> = opened.findings.iter().map(|f| f.code).collect();
    for code in ["labels_after_batch", "unknown_label_types", "constant_columns", "not_verified"] {
        assert!(codes.contains(&code), "{code} in {codes:?}");
    }
    let unverified: Vec<_> =
        opened.tables.iter().filter(|t| t.verified == Verified::No).map(|t| t.kind).collect();
    assert_eq!(unverified, [TableKind::Features]);
}

#[test]
fn the_real_sample_survives_being_written() {
    let Some(data) = data() else { return };
    let batch = Batch::open(&data.join(SAMPLE)).expect("a batch");
    let dir = tempfile::tempdir().expect("a folder");
    write_batch(dir.path(), &batch, &TableKind::ALL).expect("written");
    let back = sot::open(dir.path()).expect("a batch");
    assert_eq!(format!("{:?}", tables(&back.batch)), format!("{:?}", tables(&batch)));
    assert!(back.tables.iter().all(|t| t.verified == Verified::Sha256));
}

/// Everything a batch holds, as columns that can be shown.
fn tables(batch: &Batch) -> Vec<Option<Table>> {
    TableKind::ALL.iter().map(|&kind| to_table(batch, kind)).collect()
}

// ---- text instead of Parquet

#[test]
fn a_ledger_in_csv_is_a_batch() {
    let dir = tempfile::tempdir().expect("a folder");
    let ledger = "tx_id,block_timestamp,from_address,to_address,amount,amount_usd\n\
                  001,1761004800000,007,b,1.50,3\n2,1761091200000,b,0x9,1.25,2.5\n";
    std::fs::write(dir.path().join("transfers.csv"), ledger).expect("written");
    std::fs::write(dir.path().join("address_labels.tsv"), "address\trisk_level\n007\thigh\n")
        .expect("written");
    let meta = r#"{"network": "mine", "processing_date": "2025-11-20", "window_days": 30,
                   "counts": {"transfers": 2}}"#;
    std::fs::write(dir.path().join("META.json"), meta).expect("written");
    let batch = Batch::open(dir.path()).expect("a batch");
    let transfers = batch.transfers.expect("read").to_vec();
    assert_eq!((transfers[0].tx_id.as_str(), transfers[0].from_address.as_str()), ("001", "007"));
    assert_eq!((transfers[1].amount, transfers[1].amount_usd), (1.25, 2.5));
    assert_eq!(batch.labels.expect("read")[0].risk_level, "high");
    // one row less than META.json says, and a cell that is no number: as for Parquet
    let short = ledger.lines().take(2).collect::<Vec<_>>().join("\n").replace("1.50", "much");
    std::fs::write(dir.path().join("transfers.csv"), short).expect("written");
    let text = Batch::open(dir.path()).expect_err("wrong").to_string();
    assert!(text.contains("much") && text.contains("transfers.csv"), "{text}");
}

#[test]
fn labels_of_the_day_lie_in_a_folder_of_their_network() {
    let root = tempfile::tempdir().expect("a folder");
    let dir = root.path().join("snapshots/mine/2025-11-20/30d");
    let labels = root.path().join("address-labels/mine");
    for folder in [&dir, &labels] {
        std::fs::create_dir_all(folder).expect("a folder");
    }
    let ledger = "tx_id,block_timestamp,from_address,to_address,amount,amount_usd\n1,1761091200000,a,b,1,1\n";
    std::fs::write(dir.join("transfers.csv"), ledger).expect("written");
    for (day, risk) in [("2025-11-18", "low"), ("2025-11-19", "high"), ("2025-11-21", "critical")] {
        let column =
            |name: &str, text: &str| TableColumn::new(name, Values::Text(vec![Some(text.to_owned())]));
        let table = Table::new("labels", vec![column("address", "a"), column("risk_level", risk)]);
        let path = labels.join(format!("address_labels_{day}.parquet"));
        parquet::write(&path, &table).expect("written");
    }
    let batch = Batch::open(&dir).expect("a batch");
    assert_eq!(batch.id.name(), "mine-2025-11-20-30d");
    assert_eq!(batch.labels.expect("found")[0].risk_level, "high", "not the day after");
}

// ---- malformed batches: every fault with its place

/// A small batch with every table.
#[allow(clippy::too_many_lines, reason = "one row of every table, spelt out")]
fn small() -> Batch {
    let date = "2025-06-30".parse().expect("a date");
    let transfer = |n: i64| Transfer {
        tx_id: format!("t{n}"),
        event_index: "0".into(),
        edge_index: "0".into(),
        block_height: 7 + n as u64,
        block_timestamp: 1_750_000_000_000 + n,
        from_address: "a".into(),
        to_address: "b".into(),
        asset_symbol: "TOR".into(),
        asset_contract: "native".into(),
        amount: 1.5,
        amount_usd: 0.1 + n as f64,
        fee: 0.0,
    };
    let features = AddressFeatures {
        addresses: ["a", "b"].into_iter().collect(),
        columns: vec![NumberColumn { name: "degree_in".into(), values: vec![1.0, f64::NAN] }],
    };
    let alert = Alert {
        alert_id: "x".into(),
        processing_date: date,
        window_days: 30,
        address: "a".into(),
        typology_type: "STRUCTURING".into(),
        pattern_id: String::new(),
        pattern_type: String::new(),
        severity: "high".into(),
        suspected_address_type: "wallet".into(),
        suspected_address_subtype: String::new(),
        alert_confidence_score: 0.8,
        description: "many small transfers".into(),
        volume_usd: 12.5,
        evidence_json: "{}".into(),
        risk_indicators: vec!["small_transactions".into()],
    };
    let cluster = Cluster {
        cluster_id: "c".into(),
        processing_date: date,
        window_days: 30,
        cluster_type: "same_entity".into(),
        primary_address: "a".into(),
        pattern_id: String::new(),
        primary_alert_id: "x".into(),
        related_alert_ids: vec!["x".into()],
        addresses_involved: vec!["a".into()],
        total_alerts: 1,
        total_volume_usd: 12.5,
        severity_max: "high".into(),
        confidence_avg: 0.8,
        earliest_alert_timestamp: 0,
        latest_alert_timestamp: 0,
    };
    Batch {
        id: BatchId { network: "torus".into(), processing_date: date, window_days: 30 },
        transfers: Some((0..3).map(transfer).collect()),
        features: Some(features),
        alerts: Some(vec![alert]),
        clusters: Some(vec![cluster]),
        ..Batch::default()
    }
}

/// Writes the small batch, lets `damage` at the folder, and gives the error of opening it.
fn error_after(damage: impl Fn(&Path)) -> String {
    let dir = tempfile::tempdir().expect("a folder");
    write_batch(dir.path(), &small(), &TableKind::ALL).expect("written");
    damage(dir.path());
    Batch::open(dir.path()).expect_err("refused").to_string()
}

/// Rewrites a table with one column changed, without META.json, so that only the change is found.
fn with_column(dir: &Path, kind: TableKind, column: &str, values: Values) {
    let mut table = to_table(&small(), kind).expect("the table");
    table.columns.retain(|c| c.name != column);
    if !matches!(values, Values::Other(_)) {
        table.columns.push(TableColumn::new(column, values));
    }
    parquet::write(&dir.join(kind.file()), &table).expect("written");
    std::fs::remove_file(dir.join("META.json")).expect("removed");
}

#[test]
fn faults_of_files_are_named() {
    let text = error_after(|dir| std::fs::remove_file(dir.join("transfers.parquet")).expect("removed"));
    assert_eq!(text, "transfers.parquet: listed in META.json, but absent");
    let text = error_after(|dir| {
        let path = dir.join("alerts.parquet");
        let bytes = std::fs::read(&path).expect("readable");
        std::fs::write(path, &bytes[..bytes.len() / 2]).expect("written");
    });
    assert!(
        text.starts_with("alerts.parquet: not a valid Parquet file: expected the letters PAR1"),
        "{text}"
    );
    let text = error_after(|dir| {
        let other = Table::new("x", vec![TableColumn::new("alert_id", Values::Text(vec![]))]);
        parquet::write(&dir.join("clusters.parquet"), &other).expect("written");
    });
    assert!(text.contains("clusters.parquet: expected 1 rows as META.json says, found 0"), "{text}");
    assert!(text.contains("clusters.parquet: expected SHA-256 "), "{text}");
    assert!(
        text.contains("clusters.parquet: column `cluster_id`: expected text, found no such column"),
        "{text}"
    );
    let text = error_after(|dir| std::fs::write(dir.join("META.json"), "{\"counts\": 3,").expect("written"));
    assert!(text.starts_with("META.json: not a valid JSON file: EOF"), "{text}");
    let text = error_after(|dir| std::fs::write(dir.join("META.json"), "{\"counts\": 3}").expect("written"));
    assert_eq!(text, "META.json: `counts`: expected row counts by table, found 3");
    let dir = tempfile::tempdir().expect("a folder");
    let text = Batch::open(dir.path()).expect_err("empty").to_string();
    assert!(text.contains("no table of a batch here"), "{text}");
}

/// Writes a META.json whose `files` is made of names and contents of the tables in `dir`.
fn noting(dir: &Path, files: impl Fn(&[(String, Vec<u8>)]) -> serde_json::Value) {
    let kinds = TableKind::ALL.map(|kind| kind.file());
    let files_there: Vec<_> = kinds
        .into_iter()
        .filter_map(|file| Some((file.clone(), std::fs::read(dir.join(&file)).ok()?)))
        .collect();
    let meta = json!({"network": "TORUS", "processing_date": "2025-06-30", "window_days": "30d",
        "files": files(&files_there)});
    std::fs::write(dir.join("META.json"), meta.to_string()).expect("written");
}

/// Dialect B.
fn md5s(files: &[(String, Vec<u8>)]) -> serde_json::Value {
    let sum = |(file, bytes): &(String, Vec<u8>)| (file.clone(), json!({"md5": Md5::of(bytes).to_string()}));
    serde_json::Value::Object(files.iter().map(sum).collect())
}

/// Dialect C.
fn checksums(files: &[(String, Vec<u8>)]) -> serde_json::Value {
    let sum = |(file, bytes): &(String, Vec<u8>)| json!({"filename": file, "checksum": Digest::of(bytes).to_string()});
    files.iter().map(sum).collect()
}

#[test]
fn every_dialect_of_meta_is_verified() {
    let dir = tempfile::tempdir().expect("a folder");
    write_batch(dir.path(), &small(), &TableKind::ALL).expect("written");
    for (dialect, files, verified, method) in [
        ("B", md5s as fn(&[(String, Vec<u8>)]) -> serde_json::Value, Verified::Md5, "MD5"),
        ("C", checksums, Verified::Sha256, "SHA-256"),
    ] {
        noting(dir.path(), files);
        let opened = sot::open(dir.path()).expect("a batch");
        assert_eq!(opened.batch.id, small().id, "dialect {dialect}");
        assert!(opened.tables.iter().all(|t| t.verified == verified), "dialect {dialect}");
        assert!(opened.findings.iter().all(|f| f.code != "not_verified"), "{:?}", opened.findings);
        // a sound table, but not the one noted
        let text = error_after(|dir| {
            noting(dir, files);
            let path = dir.join("alerts.parquet");
            let mut table = table::read(&path).expect("readable");
            table.columns.retain(|column| column.name != "severity");
            parquet::write(&path, &table).expect("written");
        });
        let expected = format!("alerts.parquet: expected {method} ");
        assert!(text.starts_with(&expected) && text.lines().count() == 1, "dialect {dialect}: {text}");
        let text = error_after(|dir| {
            noting(dir, files);
            std::fs::remove_file(dir.join("clusters.parquet")).expect("removed");
        });
        assert_eq!(text, "clusters.parquet: listed in META.json, but absent", "dialect {dialect}");
    }
}

#[test]
fn of_two_checksums_the_stronger_one_counts() {
    let dir = tempfile::tempdir().expect("a folder");
    write_batch(dir.path(), &small(), &[TableKind::Alerts]).expect("written");
    let both = |md5: &str, sha256: Option<String>| {
        noting(dir.path(), |files| {
            let (file, bytes) = &files[0];
            let sha256 = sha256.clone().unwrap_or_else(|| Digest::of(bytes).to_string());
            json!({file: {"md5": md5, "sha256": sha256}})
        });
        sot::open(dir.path()).map(|opened| opened.tables[0].verified)
    };
    assert_eq!(both(&"0".repeat(32), None).expect("MD5 is not asked"), Verified::Sha256);
    let text = both(&"0".repeat(32), Some("0".repeat(64))).expect_err("another SHA-256").to_string();
    assert!(text.starts_with("alerts.parquet: expected SHA-256 000"), "{text}");
}

#[test]
fn checksums_that_are_none_are_faults() {
    for files in [
        json!({"alerts.parquet": {"md5": "short"}}),
        json!({"alerts.parquet": {"md5": "g".repeat(32)}}),
        json!({"alerts.parquet": {"sha256": 3}}),
        json!({"alerts.parquet": {}}),
        json!({"../alerts.parquet": {"md5": "0".repeat(32)}}),
        json!([{"filename": "alerts.parquet"}]),
        json!([{"filename": "alerts.parquet", "checksum": "0".repeat(32)}]),
        json!([{"filename": "/etc/passwd", "checksum": "0".repeat(64)}]),
        json!("alerts.parquet"),
    ] {
        let text = error_after(|dir| noting(dir, |_| files.clone()));
        let expected = "META.json: `files`: expected a list of filename and checksum, or md5 by file, found ";
        assert!(text.starts_with(expected), "{files}: {text}");
    }
}

#[test]
fn faults_of_values_are_named() {
    use TableKind::{Alerts, Clusters, Features, Transfers};
    let text = |kind, column: &str, values: Values| {
        error_after(|dir| with_column(dir, kind, column, values.clone()))
    };
    let amounts = |bad: f64| text(Transfers, "amount_usd", Values::F64(vec![1.0, bad, 2.0]));
    let place =
        "transfers.parquet: column `amount_usd`, row 1: expected a finite number, not negative, found";
    assert_eq!(amounts(f64::NAN), format!("{place} nothing"));
    assert_eq!(amounts(f64::INFINITY), format!("{place} inf"));
    assert_eq!(amounts(-1.0), format!("{place} -1"));
    let texts = |t: &[&str]| Values::Text(t.iter().map(|t| Some((*t).to_owned())).collect());
    assert_eq!(
        text(Transfers, "amount_usd", texts(&["1", "x", "2"])),
        "transfers.parquet: column `amount_usd`, row 1: expected a finite number, not negative, found `x`"
    );
    assert_eq!(
        text(Transfers, "tx_id", texts(&["t", "u", "t"])),
        "transfers.parquet: rows 0 and 2 have the same tx_id t, event_index 0, edge_index 0 and asset_contract native"
    );
    assert_eq!(
        text(Transfers, "to_address", texts(&["a", "", "b"])),
        "transfers.parquet: column `to_address`, row 1: expected text that is not empty, found an empty text"
    );
    assert_eq!(
        text(Alerts, "address", Values::F64(vec![1.5])),
        "alerts.parquet: column `address`: expected text, found float64"
    );
    assert_eq!(
        text(Alerts, "alert_id", Values::Other(String::new())),
        "alerts.parquet: column `alert_id`: expected text, found no such column"
    );
    assert_eq!(
        text(Clusters, "total_alerts", Values::Int(vec![Some(-1)])),
        "clusters.parquet: column `total_alerts`, row 0: expected a whole number, not negative, found -1"
    );
    assert_eq!(
        text(Features, "degree_in", Values::F32(vec![1.0, f32::NEG_INFINITY])),
        "features.parquet: column `degree_in`, row 1: expected a finite number, found -inf"
    );
    assert_eq!(
        text(Features, "degree_in", texts(&["1", "many"])),
        "features.parquet: column `degree_in`, row 1: expected a finite number, found `many`"
    );
    assert_eq!(
        text(Features, "degree_in", Values::TextList(vec![None, None])),
        "features.parquet: column `degree_in`: expected a finite number, found list of text"
    );
    assert_eq!(
        text(Features, "address", texts(&["a", "a"])),
        "features.parquet: rows 0 and 1 have the same address a"
    );
}

#[test]
fn other_dresses_are_understood() {
    let dir = tempfile::tempdir().expect("a folder");
    let folder = dir.path().join("Torus/2025-06-30/30d");
    write_batch(&folder, &small(), &[TableKind::Transfers]).expect("written");
    let texts = |t: &[&str]| Values::Text(t.iter().map(|t| Some((*t).to_owned())).collect());
    with_column(&folder, TableKind::Transfers, "amount_usd", texts(&["0.1", "1.1", "2.1"]));
    let units = |n: i128| Some(1_500_000_000_000_000_000 + n);
    let mut table = table::read(&folder.join("transfers.parquet")).expect("a table");
    table.columns.retain(|c| c.name != "amount" && c.name != "fee" && c.name != "edge_index");
    table.columns.push(TableColumn::new("amount", Values::Decimal { scale: 18, units: vec![units(0); 3] }));
    parquet::write(&folder.join("transfers.parquet"), &table).expect("written");
    let opened = sot::open(dir.path()).expect("the only batch below");
    assert_eq!(opened.batch.id, small().id, "named by its path");
    let transfers = opened.batch.transfers.as_ref().expect("transfers");
    let mut expected = small().transfers.expect("transfers").to_vec();
    expected
        .iter_mut()
        .for_each(|t| t.amount_usd = format!("{:.1}", t.amount_usd).parse().expect("a number"));
    assert_eq!(transfers.to_vec(), expected);
    assert!(opened.findings.iter().any(|f| f.code == "no_meta"));

    write_batch(&dir.path().join("torus/2025-07-01/30"), &small(), &[TableKind::Alerts]).expect("written");
    let text = Batch::open(dir.path()).expect_err("two batches").to_string();
    assert!(text.contains("expected one batch, found 2: "), "{text}");
    assert_eq!(sot::discover(dir.path()).expect("readable").len(), 2);
}

/// Where nothing else tells a batch's date and window, the transfers' times do, also where they are written as text.
#[test]
fn times_as_text_date_a_batch_too() {
    let dir = tempfile::tempdir().expect("a folder");
    let Some(transfers) = small().transfers else { panic!("the small batch has transfers") };
    let times = || transfers.iter().map(|t| t.block_timestamp);
    let ids = [
        Values::Int(times().map(Some).collect()),
        Values::Text(times().map(|t| Some(t.to_string())).collect()),
    ]
    .map(|values| {
        write_batch(dir.path(), &small(), &[TableKind::Transfers]).expect("written");
        with_column(dir.path(), TableKind::Transfers, "block_timestamp", values);
        Batch::open(dir.path()).expect("a batch").id
    });
    assert_eq!(ids[0], ids[1]);
    assert!(ids[0].window_days > 0);
}

/// Columns are found by name: of two alike, one would be passed over.
#[test]
fn a_column_twice_is_refused() {
    let text = error_after(|dir| {
        let mut table = to_table(&small(), TableKind::Transfers).expect("the table");
        let twice = table.columns.iter().find(|c| c.name == "amount").expect("a column").clone();
        table.columns.push(twice);
        parquet::write(&dir.join("transfers.parquet"), &table).expect("written");
        std::fs::remove_file(dir.join("META.json")).expect("removed");
    });
    let expected = "transfers.parquet: not a valid Parquet file: expected column names that differ, found `amount` twice";
    assert_eq!(text, expected);
}

#[test]
fn colliding_alerts_keep_the_surer_one() {
    let mut batch = small();
    let alert = batch.alerts.as_ref().expect("alerts")[0].clone();
    let other = |confidence, evidence: &str| Alert {
        alert_confidence_score: confidence,
        evidence_json: evidence.into(),
        ..alert.clone()
    };
    let mut alerts = vec![other(0.7, "{}"), other(0.9, "{\"b\":1}"), other(0.9, "{\"a\":1}")];
    for _ in 0..alerts.len() {
        alerts.rotate_left(1);
        batch.alerts = Some(alerts.clone());
        let dir = tempfile::tempdir().expect("a folder");
        write_batch(dir.path(), &batch, &[TableKind::Alerts]).expect("written");
        let opened = sot::open(dir.path()).expect("a batch");
        assert_eq!(opened.batch.alerts, Some(vec![other(0.9, "{\"a\":1}")]));
        assert!(
            opened.findings.iter().any(|f| f.code == "duplicate_alerts" && f.text.starts_with("2 alerts"))
        );
    }
}

#[test]
fn a_batch_without_rows_is_a_batch() {
    let empty = Batch {
        transfers: Some(vec![].into()),
        labels: Some(vec![]),
        assets: Some(vec![]),
        asset_prices: Some(vec![]),
        ground_truth: Some(vec![]),
        money_flows: Some(vec![]),
        features: Some(AddressFeatures::default()),
        patterns: Some(vec![]),
        alerts: Some(vec![]),
        clusters: Some(vec![]),
        id: small().id,
    };
    let dir = tempfile::tempdir().expect("a folder");
    write_batch(dir.path(), &empty, &TableKind::ALL).expect("written");
    let back = Batch::open(dir.path()).expect("a batch");
    assert_eq!(format!("{:?}", tables(&back)), format!("{:?}", tables(&empty)));
}

// ---- request bodies

fn faults_of(body: &serde_json::Value) -> Vec<String> {
    match Batch::from_json(body.to_string().as_bytes()) {
        Err(RequestFaults::Invalid { faults }) => {
            faults.iter().map(|f| serde_json::to_string(f).expect("serialises")).collect()
        }
        other => panic!("expected faults, found {other:?}"),
    }
}

#[test]
fn every_fault_of_a_request_is_told_at_once() {
    let mut alert = json!({"window_days": 30, "processing_date": "2025-06-30", "alert_id": "x", "address": "a",
        "typology_type": "STRUCTURING", "alert_confidence_score": "0.8", "description": "", "evidence_json": "{}",
        "risk_indicators": [], "volume_usd": "12.5", "unknown": {}});
    let sound = json!({"alerts": [alert], "features": [{"address": "a", "total_in_usd": "7.25", "is_whale": true,
        "dominant_asset_in": "TOR", "kcore": null, "hourly_activity": [1]}], "clusters": [], "money_flows": null});
    let batch = Batch::from_json(sound.to_string().as_bytes()).expect("a batch");
    let alerts = batch.alerts.expect("alerts");
    assert_eq!((alerts[0].volume_usd, alerts[0].alert_confidence_score), (12.5, 0.8));
    assert_eq!((alerts[0].severity.as_str(), batch.id.window_days), ("medium", 30));
    let features = batch.features.expect("features");
    assert_eq!((features.value("a", "total_in_usd"), features.value("a", "is_whale")), (7.25, 1.0));
    assert!(features.column("dominant_asset_in").is_none() && features.value("a", "kcore").is_nan());

    let twice = json!({"alerts": [alert, alert], "features": [], "clusters": []});
    assert_eq!(
        faults_of(&twice),
        [
            r#"{"loc":["body","alerts",1,"alert_id"],"msg":"Value error, already the key of alerts[0]","type":"value_error"}"#
        ]
    );
    alert["volume_usd"] = json!("much");
    alert["window_days"] = json!(-1);
    alert["processing_date"] = json!("30/06/2025");
    alert["alert_confidence_score"] = json!("NaN");
    alert["risk_indicators"] = json!("none");
    alert.as_object_mut().expect("an object").remove("address");
    let body = json!({"alerts": [alert, 3], "features": [{"address": "a"}, {"address": "a"}, {}], "money_flows": {}});
    let faults = faults_of(&body);
    for expected in [
        r#"{"loc":["body","alerts",0,"volume_usd"],"msg":"Input should be a valid number, unable to parse string as a number","type":"float_parsing"}"#,
        r#"{"loc":["body","alerts",0,"window_days"],"msg":"Input should be greater than or equal to 0","type":"greater_than_equal"}"#,
        r#"{"loc":["body","alerts",0,"processing_date"],"msg":"Input should be a valid date in the format YYYY-MM-DD","type":"date_parsing"}"#,
        r#"{"loc":["body","alerts",0,"alert_confidence_score"],"msg":"Input should be a finite number","type":"finite_number"}"#,
        r#"{"loc":["body","alerts",0,"risk_indicators"],"msg":"Input should be a valid list","type":"list_type"}"#,
        r#"{"loc":["body","alerts",0,"address"],"msg":"Field required","type":"missing"}"#,
        r#"{"loc":["body","alerts",1],"msg":"Input should be a valid dictionary","type":"dict_type"}"#,
        r#"{"loc":["body","clusters"],"msg":"Field required","type":"missing"}"#,
        r#"{"loc":["body","features",1,"address"],"msg":"Value error, already the key of features[0]","type":"value_error"}"#,
        r#"{"loc":["body","features",2,"address"],"msg":"Field required","type":"missing"}"#,
        r#"{"loc":["body","money_flows"],"msg":"Input should be a valid list","type":"list_type"}"#,
    ] {
        assert!(faults.iter().any(|fault| fault == expected), "{expected}\nin\n{}", faults.join("\n"));
    }
    assert_eq!(faults.len(), 11, "{}", faults.join("\n"));
}

/// A number that is none is told where a model would read it; a column that nobody knows may hold what it likes.
#[test]
fn official_columns_hold_numbers() {
    let row = json!({"address": "a", "total_in_usd": "much", "tx_in_count": {"of": 1}, "kcore": [1], "pagerank": "inf",
        "velocity_score": "NaN", "degree": "", "note": "text", "tags": ["x"], "is_hub": true});
    let body = json!({"alerts": [], "features": [row], "clusters": []});
    assert_eq!(
        faults_of(&body),
        [
            r#"{"loc":["body","features",0,"kcore"],"msg":"Input should be a valid number","type":"float_type"}"#,
            r#"{"loc":["body","features",0,"pagerank"],"msg":"Input should be a finite number","type":"finite_number"}"#,
            r#"{"loc":["body","features",0,"total_in_usd"],"msg":"Input should be a valid number, unable to parse string as a number","type":"float_parsing"}"#,
            r#"{"loc":["body","features",0,"tx_in_count"],"msg":"Input should be a valid number","type":"float_type"}"#,
        ]
    );
}

/// Times at both ends of what 64 bits hold are odd, and no reason to panic.
#[test]
fn times_at_the_ends_of_time_are_read() {
    let payment =
        |at: i64| json!({"source_address": "a", "dest_address": "b", "amount_usd": 1, "timestamp": at});
    let body = json!({"alerts": [], "features": [], "clusters": [], "money_flows": [payment(i64::MIN), payment(i64::MAX)]});
    let batch = Batch::from_json(body.to_string().as_bytes()).expect("a batch");
    assert_eq!(batch.money_flows.expect("flows")[0].tx_count, 2);
}

#[test]
fn a_number_too_large_is_not_called_negative() {
    let cluster = json!({"cluster_id": "c", "cluster_type": "x", "window_days": 5e9});
    let faults = faults_of(&json!({"alerts": [], "features": [], "clusters": [cluster]})).join("\n");
    let expected = r#"{"loc":["body","clusters",0,"window_days"],"msg":"Unable to parse input string as an integer, exceeded maximum size","type":"int_parsing_size"}"#;
    assert!(faults.contains(expected), "{faults}");
}

/// A comma is a byte to its sender and a value to its reader: what lists inside of rows may hold together is counted.
#[test]
fn lists_inside_of_rows_hold_as_much_as_promised_and_no_more() {
    let cluster = |id: usize, items: usize| {
        let list = vec!["\"\""; items].join(",");
        format!(
            "{{\"cluster_id\":\"{id}\",\"cluster_type\":\"x\",\"window_days\":1,\"processing_date\":\"2025-01-01\",\"total_alerts\":1,\"total_volume_usd\":1,\"primary_alert_id\":\"\",\"addresses_involved\":[],\"confidence_avg\":1,\"earliest_alert_timestamp\":0,\"latest_alert_timestamp\":0,\"related_alert_ids\":[{list}]}}"
        )
    };
    let body = |clusters: &[String]| {
        format!("{{\"alerts\":[],\"features\":[],\"clusters\":[{}]}}", clusters.join(","))
    };
    let read = |clusters: &[String]| match Batch::from_json(body(clusters).as_bytes()) {
        Ok(batch) => Ok(batch.clusters.expect("clusters").len()),
        Err(RequestFaults::Invalid { faults }) => Err((faults.len(), faults[0].msg.clone())),
        Err(other) => panic!("{other}"),
    };
    let most = 1_000_000;
    assert_eq!(read(&[cluster(0, most)]), Ok(1));
    let too_long = (1, "List should have at most 1000000 items after validation".to_owned());
    assert_eq!(read(&[cluster(0, most + 1)]), Err(too_long));
    let mut full: Vec<String> = (0..sot::MAX_LIST_ITEMS / most).map(|i| cluster(i, most)).collect();
    assert_eq!(read(&full), Ok(8));
    full.push(cluster(8, 1));
    let no_room = (1, "Lists inside of rows should have at most 8000000 items together".to_owned());
    assert_eq!(read(&full), Err(no_room));
}

/// A brace inside of a text is a letter.
#[test]
fn texts_may_hold_what_they_like() {
    let text = "{".repeat(2_000_000) + "\\\"[[,,";
    let texts = format!("{{\"alerts\":[\"{text}\"],\"features\":[],\"clusters\":[]}}");
    match Batch::from_json(texts.as_bytes()) {
        Err(RequestFaults::Invalid { faults }) => {
            assert_eq!((faults.len(), faults[0].kind), (1, "dict_type"))
        }
        other => panic!("expected faults, found {other:?}"),
    }
}

/// A hundred thousand names of fields are a mistake, not a table.
#[test]
fn features_may_have_as_many_fields_as_promised_and_not_one_more() {
    // the address is a field too
    for fields in [sot::MAX_FEATURE_FIELDS - 1, sot::MAX_FEATURE_FIELDS] {
        let wide: String = (0..fields).map(|c| format!(",\"c{c}\":null")).collect();
        let row = |i| format!("{{\"address\":\"a{i}\"{}}}", if i == 1 { wide.as_str() } else { "" });
        let read = Batch::from_json(list_of("features", 3, row).as_bytes());
        let told = read.map(|_| ()).map_err(|fault| format!("{fault:?}"));
        match told {
            Ok(()) => assert!(fields < sot::MAX_FEATURE_FIELDS),
            Err(told) => {
                assert!(
                    fields == sot::MAX_FEATURE_FIELDS
                        && told.contains("Row 1 brings the table beyond 100000 fields"),
                    "{told}"
                );
            }
        }
    }
}

/// A body whose list `name` has the text of `item` so many times, and whose other lists are empty.
fn list_of(name: &str, n: usize, item: impl Fn(usize) -> String) -> String {
    let list = |list: &str| {
        let items: Vec<String> = (0..if list == name { n } else { 0 }).map(&item).collect();
        format!("\"{list}\":[{}]", items.join(","))
    };
    format!("{{{}}}", ["alerts", "features", "clusters", "money_flows"].map(list).join(","))
}

#[test]
fn lists_may_be_as_long_as_promised_and_not_one_longer() {
    for (name, most) in [
        ("alerts", sot::MAX_ALERTS),
        ("features", sot::MAX_FEATURES),
        ("clusters", sot::MAX_CLUSTERS),
        ("money_flows", sot::MAX_MONEY_FLOWS),
    ] {
        for n in [most, most + 1] {
            // items of the wrong kind, each a fault of its own, unless the list as a whole is refused
            let Err(RequestFaults::Invalid { faults }) =
                Batch::from_json(list_of(name, n, |_| "0".to_owned()).as_bytes())
            else {
                panic!("{n} {name}: expected faults");
            };
            let first = serde_json::to_string(&faults[0]).expect("serialises");
            let expected = if n == most {
                format!(
                    r#"{{"loc":["body","{name}",0],"msg":"Input should be a valid dictionary","type":"dict_type"}}"#
                )
            } else {
                format!(
                    r#"{{"loc":["body","{name}"],"msg":"List should have at most {most} items after validation, not {n}","type":"too_long"}}"#
                )
            };
            assert_eq!(first, expected);
            assert_eq!(faults.len(), if n == most { sot::MAX_REQUEST_FAULTS } else { 1 }, "{n} {name}");
        }
    }
}

#[test]
fn features_may_have_as_many_cells_as_promised_and_no_column_more() {
    let rows = 2_000;
    let most = sot::MAX_FEATURE_CELLS / rows;
    for columns in [most, most + 1] {
        let wide: String = (0..columns).map(|c| format!(",\"c{c}\":{c}")).collect();
        let row = |i| format!("{{\"address\":\"a{i}\"{}}}", if i == 7 { wide.as_str() } else { "" });
        let read = Batch::from_json(list_of("features", rows, row).as_bytes());
        match read {
            Ok(batch) => {
                let table = batch.features.expect("a table");
                assert_eq!((columns, table.addresses.len(), table.columns.len()), (most, rows, most));
                assert_eq!(table.value("a7", "c24999"), 24_999.0);
            }
            Err(fault) => {
                assert_eq!(columns, most + 1, "{fault}");
                assert!(
                    format!("{fault:?}").contains("Row 7 brings the table beyond 50000000 cells"),
                    "{fault:?}"
                );
            }
        }
    }
}

#[test]
fn what_is_not_json_is_told_apart() {
    let error = Batch::from_json(b"{\n  \"alerts\": [}").expect_err("not JSON");
    assert!(matches!(error, RequestFaults::NotJson { line: 2, .. }), "{error:?}");
    assert!(matches!(Batch::from_json(b""), Err(RequestFaults::NotJson { .. })));
    assert_eq!(
        faults_of(&json!([])),
        [r#"{"loc":["body"],"msg":"Input should be a valid dictionary","type":"dict_type"}"#]
    );
}

#[test]
fn payments_are_summed_by_pair_whatever_their_order() {
    let payment = |from: &str, to: &str, usd: f64, asset: &str, time: serde_json::Value| {
        json!({"source_address": from, "dest_address": to, "amount_usd": usd, "asset": asset, "timestamp": time,
            "tx_hash": "h", "network": "torus"})
    };
    let mut payments = vec![
        payment("a", "b", 0.1, "TOR", json!("2025-06-29T23:00:00Z")),
        payment("a", "b", 0.2, "X", json!(1_751_241_600_000_i64)),
        payment("a", "b", 0.3, "TOR", json!("2025-06-30 00:30:00")),
        payment("b", "a", 0.15, "TOR", json!(null)),
    ];
    let flows = |payments: &[serde_json::Value]| {
        let body = json!({"alerts": [], "features": [], "clusters": [], "money_flows": payments});
        Batch::from_json(body.to_string().as_bytes()).expect("a batch").money_flows.expect("flows")
    };
    let first = flows(&payments);
    assert_eq!(first.len(), 2);
    assert_eq!((first[0].tx_count, first[0].unique_assets, first[0].dominant_asset.as_str()), (3, 2, "TOR"));
    assert_eq!((first[0].hourly_pattern[23], first[0].hourly_pattern[0]), (1, 2));
    assert_eq!((first[0].weekly_pattern[6], first[0].weekly_pattern[0]), (1, 2), "a Sunday, then a Monday");
    assert!(first[0].is_bidirectional && (first[0].reciprocity_ratio - 0.25).abs() < 1e-12);
    payments.reverse();
    assert_eq!(format!("{first:?}"), format!("{:?}", flows(&payments)));
}

// ---- Brotli, which we do not write

/// What pyarrow 26 writes of a text column `address` of 100 times `a`, nothing, 100 times `b`: compression="brotli",
/// use_dictionary=False, write_statistics=False, store_schema=False, data_page_version "1.0" and "2.0".
const BROTLI: &str = include_str!("golden/brotli.hex");

fn brotli_files() -> [Vec<u8>; 2] {
    let files: Vec<Vec<u8>> = BROTLI.lines().map(bytes_of).collect();
    files.try_into().expect("a line for each version")
}

fn bytes_of(hex: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal");
    (0..hex.len()).step_by(2).map(digit).collect()
}

#[test]
fn brotli_is_read_in_pages_of_either_version() {
    let expected = Values::Text(vec![Some("a".repeat(100)), None, Some("b".repeat(100))]);
    for file in brotli_files() {
        let read = parquet::read_bytes("brotli.parquet", &file, parquet::Columns::All);
        assert_eq!(read.expect("a legal file").column("address"), Some(&expected));
    }
}

/// A few bytes may name a window of a gigabyte, or a page of one: neither is set aside.
#[test]
fn brotli_that_asks_for_much_memory_is_refused() {
    let [old, new] = brotli_files();
    let read = |file: &[u8]| {
        let read = parquet::read_within("brotli.parquet", file, &|bytes| bytes < 1 << 20);
        read.expect_err("it asks for too much").to_string()
    };
    for (file, stream) in [(&old, [0x1b, 0xd5]), (&new, [0x1b, 0xcf])] {
        let at = file.windows(2).position(|pair| pair == stream).expect("the stream begins");
        let mut file = file.clone();
        file[at] = 0x11;
        assert!(read(&file).contains("a Brotli page with a window beyond the standard"));
    }
    // what its header claims to unpack to asks for room before anything is unpacked, and must be what it unpacks to
    let at = old.windows(2).position(|pair| pair == [0xac, 0x03]).expect("the header claims 214 bytes");
    let mut file = old;
    (file[at], file[at + 1]) = (0xfc, 0x7f);
    let within = |most: usize| {
        parquet::read_within("brotli.parquet", &file, &|bytes| bytes <= most).map(|table| table.n_rows)
    };
    assert!(matches!(within(8_000), Err(table::ReadError::NoRoom { .. })), "{:?}", within(8_000));
    assert!(matches!(within(10_000), Err(table::ReadError::Column { .. })), "{:?}", within(10_000));
}

// ---- peers

#[test]
fn pyarrow_and_this_reader_agree_on_each_others_files() {
    let Some(python) = std::env::var_os("AML_MINER_PEERS_PYTHON") else {
        assert!(
            std::env::var_os("REQUIRE_PEERS").is_none(),
            "REQUIRE_PEERS is set, and AML_MINER_PEERS_PYTHON is not"
        );
        eprintln!("skipped: AML_MINER_PEERS_PYTHON names no Python with pyarrow");
        return;
    };
    let dir = tempfile::tempdir().expect("a folder");
    let ours = dir.path().join("ours.parquet");
    let columns = vec![
        TableColumn::new("flag", Values::Bool(vec![Some(true), None, Some(false)])),
        TableColumn::new("int", Values::Int(vec![Some(-5), None, Some(i64::MAX)])),
        TableColumn::new("uint", Values::UInt(vec![Some(u64::MAX), None, Some(0)])),
        TableColumn::new("f32", Values::F32(vec![0.5, f32::NAN, f32::INFINITY])),
        TableColumn::new("f64", Values::F64(vec![0.1, f64::NAN, -0.0])),
        TableColumn::new(
            "dec",
            Values::Decimal { scale: 18, units: vec![Some(-1), None, Some(10i128.pow(37))] },
        ),
        TableColumn::new("text", Values::Text(vec![Some("é".into()), None, Some(String::new())])),
        TableColumn::new("date", Values::Date(vec![Some(20_000), None, Some(-1)])),
        TableColumn::new("time", Values::Timestamp(vec![Some(1_750_000_000_123), None, Some(-1)])),
        TableColumn::new(
            "texts",
            Values::TextList(vec![Some(vec!["a".into(), "b".into()]), None, Some(vec![])]),
        ),
        TableColumn::new("ints", Values::IntList(vec![Some(vec![1, -2]), None, Some(vec![])])),
    ];
    parquet::write(&ours, &Table::new("ours.parquet", columns.clone())).expect("written");
    let run = std::process::Command::new(python)
        .arg("-c")
        .arg(PYARROW)
        .arg(dir.path())
        .output()
        .expect("Python runs");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    for codec in ["snappy", "zstd", "gzip", "brotli", "none", "v2", "lz4"] {
        let back = table::read(&dir.path().join(format!("{codec}.parquet"))).expect(codec);
        for (theirs, ours) in back.columns.iter().zip(&columns) {
            assert_eq!(format!("{theirs:?}"), format!("{ours:?}"), "{codec}");
        }
    }
    let dialect = table::read(&dir.path().join("dialect.parquet")).expect("readable");
    let column = |name: &str| dialect.column(name).expect("a column");
    assert_eq!(
        column("tight"),
        &Values::Decimal { scale: 18, units: vec![Some(500_000_000_000_000_000), None] }
    );
    assert_eq!(column("small"), &Values::Int(vec![Some(-3), None]));
    assert_eq!(column("dictionary"), &Values::Text(vec![Some("x".into()), None]));
    assert_eq!(column("ns"), &Values::Timestamp(vec![Some(1_750_000_000_123), None]));
    assert!(matches!(column("struct"), Values::Other(kind) if kind == "struct"));
}

/// Checks our file's values, writes them back in every codec, and a file of types that we do not write.
const PYARROW: &str = r#"
import sys, os, datetime, decimal
import pyarrow as pa, pyarrow.parquet as pq
at = lambda name: os.path.join(sys.argv[1], name)
ours = pq.read_table(at("ours.parquet"))
rows = ours.to_pydict()
assert rows["flag"] == [True, None, False], rows["flag"]
assert rows["int"] == [-5, None, 2**63 - 1] and rows["uint"] == [2**64 - 1, None, 0]
assert rows["f32"] == [0.5, None, float("inf")] and rows["f64"][:2] == [0.1, None]
assert ours.schema.field("dec").type == pa.decimal128(38, 18)
assert rows["dec"] == [decimal.Decimal("-1E-18"), None, decimal.Decimal(10) ** 19], rows["dec"]
assert rows["text"] == ["é", None, ""]
assert rows["date"][2] == datetime.date(1969, 12, 31)
assert rows["time"][0].timestamp() == 1750000000.123
assert rows["texts"] == [["a", "b"], None, []] and rows["ints"] == [[1, -2], None, []]
for codec in ["snappy", "zstd", "gzip", "brotli", "none", "lz4"]:
    pq.write_table(ours, at(codec + ".parquet"), compression=codec)
pq.write_table(ours, at("v2.parquet"), data_page_version="2.0", compression="zstd", row_group_size=2)
pq.write_table(pa.table({
    "tight": pa.array([decimal.Decimal("0.5"), None], pa.decimal128(18, 18)),
    "small": pa.array([-3, None], pa.int8()),
    "dictionary": pa.array(["x", None]).dictionary_encode(),
    "ns": pa.array([1750000000123000001, None], pa.timestamp("ns")),
    "struct": pa.array([{"a": 1}, None]),
}), at("dialect.parquet"))
"#;

// ---- round trips of made-up batches

fn any_alert(n: usize) -> impl Strategy<Value = Alert> {
    let texts = (".{1,6}", ".{0,6}", "\\PC{0,12}", proptest::collection::vec("[a-z_]{0,6}", 0..3));
    (texts, 0.0..1.0f64, 0.0..1e12f64, 0u32..400).prop_map(
        move |((address, kind, evidence, indicators), confidence, volume, window)| Alert {
            alert_id: format!("alert {n}"),
            address,
            typology_type: kind,
            evidence_json: evidence,
            risk_indicators: indicators,
            alert_confidence_score: confidence,
            volume_usd: volume,
            window_days: window,
            ..small().alerts.expect("alerts").remove(0)
        },
    )
}

fn any_transfer(n: usize) -> impl Strategy<Value = Transfer> {
    (".{1,6}", ".{1,6}", 0.0..1e15f64, 0.0..1e15f64, any::<i64>(), any::<u64>()).prop_map(
        move |(from, to, amount, usd, time, height)| Transfer {
            tx_id: format!("{n:03}"),
            from_address: from,
            to_address: to,
            amount,
            amount_usd: usd,
            block_timestamp: time,
            block_height: height,
            ..small().transfers.expect("transfers").get(0).into()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_written_batch_reads_back_equal(
        alerts in (0..4usize).prop_flat_map(|n| (0..n).map(any_alert).collect::<Vec<_>>()),
        transfers in (0..6usize).prop_flat_map(|n| (0..n).map(any_transfer).collect::<Vec<_>>()),
    ) {
        let batch = Batch { alerts: Some(alerts), transfers: Some(transfers.into()), ..small() };
        let dir = tempfile::tempdir().expect("a folder");
        write_batch(dir.path(), &batch, &TableKind::ALL).expect("written");
        let back = Batch::open(dir.path()).expect("a batch");
        prop_assert_eq!(&back.alerts, &batch.alerts);
        prop_assert_eq!(&back.transfers, &batch.transfers);
        prop_assert_eq!(format!("{:?}", tables(&back)), format!("{:?}", tables(&batch)));
    }
}

// ---- transfers are read a few columns and rows at a time

/// A file of transfers in row groups of so many.
fn in_groups(path: &Path, rows: &[Transfer], of: usize) {
    let table = |some: &[Transfer]| {
        let batch = Batch { transfers: Some(some.into()), ..Batch::default() };
        to_table(&batch, TableKind::Transfers).expect("the table")
    };
    let mut writer = parquet::Writer::new(path, &table(&[]).columns).expect("a writable folder");
    for some in rows.chunks(of) {
        let table = table(some);
        let given = |column: &'_ TableColumn| Given::Values(Cow::Owned(column.values.clone()));
        writer
            .group(&mut |places: std::ops::Range<usize>| table.columns[places].iter().map(given).collect())
            .expect("written");
    }
    writer.finish().expect("written");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn transfers_come_back_from_any_row_groups(
        rows in (1..40usize).prop_flat_map(|n| (0..n).map(any_transfer).collect::<Vec<_>>().prop_shuffle()),
        of in 1..9usize,
    ) {
        let dir = tempfile::tempdir().expect("a folder");
        in_groups(&dir.path().join("transfers.parquet"), &rows, of);
        let read = Batch::open(dir.path()).expect("a batch").transfers.expect("transfers");
        let mut expected = rows.clone();
        expected.sort_by(|a, b| a.tx_id.cmp(&b.tx_id));
        prop_assert_eq!(read.to_vec(), expected);
        prop_assert_eq!(read, Transfers::from(rows));
    }
}

/// Rows of faults count from the start of the file, not of their row group.
#[test]
fn faults_in_later_row_groups_have_their_row() {
    let dir = tempfile::tempdir().expect("a folder");
    let row = |n: usize| Transfer {
        tx_id: format!("{n}"),
        to_address: if n == 5 { String::new() } else { "b".into() },
        ..small().transfers.expect("transfers").get(0).into()
    };
    in_groups(&dir.path().join("transfers.parquet"), &(0..7).map(row).collect::<Vec<_>>(), 2);
    let text = Batch::open(dir.path()).expect_err("an empty address").to_string();
    assert!(text.contains("column to_address, row 5") || text.contains("row 5"), "{text}");
    assert!(text.contains("expected text that is not empty, found an empty text"), "{text}");
}

/// What nothing reads is not decoded, so it cannot spoil a batch; `inspect` looks at it.
#[test]
fn a_damaged_column_that_nobody_reads_is_passed_over() {
    let dir = tempfile::tempdir().expect("a folder");
    write_batch(dir.path(), &small(), &[TableKind::Transfers]).expect("written");
    let notes = (0..3).map(|n| Some(format!("{n} is a note of some length"))).collect();
    with_column(dir.path(), TableKind::Transfers, "notes", Values::Text(notes));
    let path = dir.path().join("transfers.parquet");
    let mut bytes = std::fs::read(&path).expect("there");
    // so short a text stands in the compressed page as it is
    let word = bytes.windows(4).position(|bytes| bytes == b"note").expect("the first note");
    bytes[word] = 0xFF;
    std::fs::write(&path, bytes).expect("written");
    let read = Batch::open(dir.path()).expect("a batch");
    assert_eq!(read.transfers, small().transfers);
    let text = sot::open(dir.path()).expect_err("a damaged column").to_string();
    assert!(text.contains("notes"), "{text}");
}
