//! Tables and batches: real files, round trips, malformed input.

use std::path::{Path, PathBuf};

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
