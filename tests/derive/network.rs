//! Small networks to derive from: written by hand or drawn by proptest.

use aml_miner::aml::derive::{Extent, Observe, complete_observed};
use aml_miner::aml::sot::{Batch, BatchId, Transfer};
use chrono::NaiveDate;
use proptest::prelude::*;

/// 2025-10-21T00:00:00Z, the first instant of the batches made here.
pub(crate) const START: i64 = 1_761_004_800_000;
/// Milliseconds of an hour.
pub(crate) const HOUR: i64 = 3_600_000;

/// One transfer of `usd` dollars, `hours` after the window's start. Native units are twice the dollars.
pub(crate) fn pay(from: &str, to: &str, usd: f64, hours: f64) -> Transfer {
    let block_timestamp = START + (hours * HOUR as f64) as i64;
    Transfer {
        tx_id: format!("{from}-{to}-{block_timestamp}-{usd}"),
        event_index: "0".into(),
        edge_index: "0".into(),
        block_height: (hours * 450.0) as u64,
        block_timestamp,
        from_address: from.into(),
        to_address: to.into(),
        asset_symbol: "TOR".into(),
        asset_contract: "native".into(),
        amount: 2.0 * usd,
        amount_usd: usd,
        fee: 0.0,
    }
}

/// A generation 3 batch of 30 days that ends at 2025-11-20.
pub(crate) fn batch(transfers: Vec<Transfer>) -> Batch {
    let processing_date = NaiveDate::from_ymd_opt(2025, 11, 20).expect("a date");
    let id = BatchId { network: "testnet".into(), processing_date, window_days: 30 };
    Batch { id, transfers: Some(transfers.into()), ..Batch::default() }
}

/// Up to `max` transfers between up to 12 addresses, self-payments, repeated pairs and worthless ones included.
pub(crate) fn transfers(max: usize) -> impl Strategy<Value = Vec<Transfer>> {
    let amount = prop_oneof![4 => 0.01..50_000.0_f64, 2 => 900.0..1100.0_f64, 1 => Just(0.0)];
    let one = (0..12_u32, 0..12_u32, amount, 0..30 * 24 * 60_i64, 0..3_u32);
    prop::collection::vec(one, 0..max).prop_map(|rows| {
        let transfer = |(at, (from, to, usd, minute, asset)): (usize, (u32, u32, f64, i64, u32))| Transfer {
            tx_id: format!("t{at}"),
            asset_symbol: format!("A{asset}"),
            asset_contract: format!("contract{asset}"),
            ..pay(&format!("n{from:02}"), &format!("n{to:02}"), usd, minute as f64 / 60.0)
        };
        rows.into_iter().enumerate().map(transfer).collect()
    })
}

/// The batch filled in to an extent, watched by nobody.
pub(crate) fn completed(batch: Batch, extent: Extent<'_>) -> Batch {
    struct Quiet;
    impl Observe for Quiet {}
    complete_observed(batch, extent, &Quiet).expect("nothing is put aside in a file").0
}
