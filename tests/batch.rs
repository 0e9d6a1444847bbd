//! Tables and batches: real files, round trips, malformed input.

use std::path::{Path, PathBuf};

use aml_miner::aml::sot::{self, Batch, TableKind, Verified, to_table, write_batch};
use aml_miner::determinism::intern::Interner;
use aml_miner::table::{self, Values};

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
        assert!(table.columns.iter().all(|c| c.values.len() == Some(rows)), "{file}");
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
    let addresses: Interner =
        transfers.iter().flat_map(|t| [t.from_address.as_str(), t.to_address.as_str()]).collect();
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
fn tables(batch: &Batch) -> Vec<Option<table::Table>> {
    TableKind::ALL.iter().map(|&kind| to_table(batch, kind)).collect()
}
