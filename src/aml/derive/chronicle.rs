//! Transfers in the order in which amounts are summed.
//!
//! Float sums follow this order wherever transfers are added up, so that the order of rows in a file cannot be seen.
//! A batch is put in order once and every stage walks the same list.

use std::cmp::Ordering;

use crate::aml::sot::{BatchId, Transfer};
use crate::determinism::par;

/// Transfers by time, then by key, then by everything that could still differ.
#[derive(Clone, Debug)]
pub(super) struct Chronicle<'a>(Vec<&'a Transfer>);

impl<'a> Chronicle<'a> {
    /// All transfers.
    pub(super) fn of(transfers: &'a [Transfer]) -> Self {
        Chronicle::of_rows(transfers.iter().collect())
    }

    /// Those inside the batch's window; a window of 0 days is an unknown one and keeps all.
    pub(super) fn within(id: &BatchId, transfers: &'a [Transfer]) -> Self {
        let window = id.window_ms();
        let keep = |t: &&Transfer| id.window_days == 0 || window.contains(&t.block_timestamp);
        Chronicle::of_rows(transfers.iter().filter(keep).collect())
    }

    fn of_rows(mut rows: Vec<&'a Transfer>) -> Self {
        // rows that compare as equal differ in nothing that is read
        par::sort_by(&mut rows, |a, b| chronological(a, b));
        Chronicle(rows)
    }

    /// The transfers, first to last.
    pub(super) fn rows(&self) -> &[&'a Transfer] {
        &self.0
    }
}

fn chronological(a: &Transfer, b: &Transfer) -> Ordering {
    let key = |t: &Transfer| (t.block_timestamp, t.block_height);
    key(a)
        .cmp(&key(b))
        .then_with(|| names(a).cmp(&names(b)))
        .then_with(|| pair(a).cmp(&pair(b)))
        .then_with(|| a.amount.total_cmp(&b.amount))
        .then_with(|| a.amount_usd.total_cmp(&b.amount_usd))
}

fn names(t: &Transfer) -> [&str; 5] {
    [&t.tx_id, &t.event_index, &t.edge_index, &t.asset_contract, &t.asset_symbol]
}

fn pair(t: &Transfer) -> (&str, &str) {
    (&t.from_address, &t.to_address)
}
