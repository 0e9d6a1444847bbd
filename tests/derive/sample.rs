//! Parity with the feature file that was published beside the real sample. Skipped where the sample is not at hand.

use std::path::PathBuf;

use aml_miner::aml::derive::{Column, columns, complete};
use aml_miner::aml::sot::{AddressFeatures, Batch, BatchId, Transfer};
use aml_miner::table::{Table, Values, parquet};
use chrono::NaiveDate;

/// Columns of ours that the published file has, all of which must agree.
const PARITY: usize = 73;

/// Numeric columns of the published file that are not derived: constants there, unseeded random (betweenness,
/// community_id and what is made of them), or costly: closeness needs the shortest paths between all pairs.
const NOT_DERIVED: &[&str] = &[
    "betweenness",
    "centrality_score",
    "community_id",
    "closeness",
    "asset_diversity_score",
    "counterparty_stability",
    "data_quality_score",
    "feature_confidence_score",
    "has_cycle_involvement",
    "has_layering_involvement",
    "is_dormant_activated",
    "is_dormant_reactivated",
    "is_dust_collector",
    "is_exchange_like",
    "is_hub",
    "is_mixer_like",
    "is_new_address",
    "is_whale",
    "risk_proximity_1hop",
    "risk_proximity_2hop",
    "unique_assets_in",
    "unique_assets_out",
    "window_days",
];

#[test]
fn columns_agree_with_the_published_ones() {
    let Some(folder) = sample() else { return };
    let official = parquet::read(&folder.join("features.parquet")).expect("readable");
    let ours = complete(batch(&folder)).features.expect("derived");
    let addresses = text(&official, "address");
    assert_eq!(addresses.len(), ours.addresses.len());
    let (mut compared, mut faults) = (0, Vec::new());
    for column in columns() {
        let Some(published) = official.column(column.name) else { continue };
        compared += 1;
        faults.extend(disagreements(&column, &addresses, &numbers(published), &ours));
    }
    assert!(
        faults.is_empty(),
        "{} disagreements:\n{}",
        faults.len(),
        faults[..faults.len().min(30)].join("\n")
    );
    assert_eq!(compared, PARITY);
}

#[test]
fn every_published_column_is_derived_or_named_here() {
    let Some(folder) = sample() else { return };
    let official = parquet::read(&folder.join("features.parquet")).expect("readable");
    let ours: Vec<&str> = columns().iter().map(|c| c.name).collect();
    let missing: Vec<&str> = official
        .columns
        .iter()
        .filter(|c| !matches!(c.values, Values::Text(_) | Values::Date(_)))
        .map(|c| c.name.as_str())
        .filter(|name| !ours.contains(name) && !NOT_DERIVED.contains(name))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

fn disagreements(
    column: &Column,
    addresses: &[String],
    published: &[f64],
    ours: &AddressFeatures,
) -> Vec<String> {
    let mut faults = Vec::new();
    for (address, &official) in addresses.iter().zip(published) {
        let value = ours.value(address, column.name);
        let scale = match column.unit {
            "usd" | "native" | "native^2" => official.abs().max(ours.value(address, "total_volume_usd")),
            // ratios near 0 are compared absolutely, at a millionth of a millionth
            _ => official.abs().max(1e-6),
        };
        if (value - official).abs() > 1e-6 * scale || value.is_nan() {
            faults.push(format!("{} of {address}: {value} instead of {official}", column.name));
        }
    }
    faults
}

fn batch(folder: &std::path::Path) -> Batch {
    let table = parquet::read(&folder.join("transfers.parquet")).expect("readable");
    let texts = [
        "tx_id",
        "event_index",
        "edge_index",
        "from_address",
        "to_address",
        "asset_symbol",
        "asset_contract",
    ]
    .map(|name| text(&table, name));
    let [height, at, amount, amount_usd, fee] =
        ["block_height", "block_timestamp", "amount", "amount_usd", "fee"]
            .map(|name| numbers(table.column(name).expect("a column")));
    let transfer = |row: usize| Transfer {
        tx_id: texts[0][row].clone(),
        event_index: texts[1][row].clone(),
        edge_index: texts[2][row].clone(),
        block_height: height[row] as u64,
        block_timestamp: at[row] as i64,
        from_address: texts[3][row].clone(),
        to_address: texts[4][row].clone(),
        asset_symbol: texts[5][row].clone(),
        asset_contract: texts[6][row].clone(),
        amount: amount[row],
        amount_usd: amount_usd[row],
        fee: fee[row],
    };
    let processing_date = NaiveDate::from_ymd_opt(2025, 11, 20).expect("a date");
    Batch {
        id: BatchId { network: "torus".into(), processing_date, window_days: 300 },
        transfers: Some((0..table.n_rows).map(transfer).collect()),
        ..Batch::default()
    }
}

fn text(table: &Table, name: &str) -> Vec<String> {
    match table.column(name) {
        Some(Values::Text(values)) => values.iter().map(|v| v.clone().expect("no null")).collect(),
        other => panic!("{name}: expected text, found {other:?}"),
    }
}

fn numbers(values: &Values) -> Vec<f64> {
    let known = |x: Option<f64>| x.unwrap_or(f64::NAN);
    match values {
        Values::Bool(v) => v.iter().map(|x| known(x.map(|x| f64::from(u8::from(x))))).collect(),
        Values::Int(v) => v.iter().map(|x| known(x.map(|x| x as f64))).collect(),
        Values::UInt(v) => v.iter().map(|x| known(x.map(|x| x as f64))).collect(),
        Values::F32(v) => v.iter().map(|&x| f64::from(x)).collect(),
        Values::F64(v) => v.clone(),
        Values::Decimal { scale, units } => {
            let exact = |units: i128| format!("{units}e-{scale}").parse().expect("a number");
            units.iter().map(|x| known(x.map(exact))).collect()
        }
        other => panic!("expected numbers, found {other:?}"),
    }
}

/// The sample's folder; `None`, said aloud, where it is not at hand and `REQUIRE_DATA` does not ask for it.
fn sample() -> Option<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let beside = ["../shared/data", "../../shared/data"].map(|data| root.join(data));
    let named = std::env::var_os("AML_MINER_DATA").map(PathBuf::from);
    let found =
        named.into_iter().chain(beside).map(|data| data.join("torus-2025-11-20-w300")).find(|f| f.is_dir());
    if found.is_none() {
        assert!(std::env::var_os("REQUIRE_DATA").is_none(), "the sample batch is not at hand");
        println!("skipped: the sample batch is not at hand");
    }
    found
}
