//! Transfers to money flows: one row per directed pair of addresses.
//!
//! Rows come out ordered by (sender, recipient); amounts are summed in the order of [`chronological`], so the order
//! of the transfers' rows cannot be seen in the result. Payments to oneself are kept as pairs of an address with
//! itself. Two-way measures look at the opposite pair.

use std::cmp::Ordering;

use super::finite;
use crate::aml::sot::{MoneyFlow, Transfer};

/// Milliseconds of a day.
pub(super) const DAY_MS: i64 = 86_400_000;

/// Aggregates transfers to directed pairs.
pub fn money_flows(transfers: &[Transfer]) -> Vec<MoneyFlow> {
    let mut rows: Vec<&Transfer> = transfers.iter().collect();
    rows.sort_by(|a, b| pair(a).cmp(&pair(b)).then_with(|| chronological(a, b)));
    let mut flows: Vec<MoneyFlow> = rows.chunk_by(|a, b| pair(a) == pair(b)).map(one_way).collect();
    let back: Vec<Option<f64>> = flows.iter().map(|flow| returned(&flows, flow)).collect();
    for (flow, back) in flows.iter_mut().zip(back) {
        flow.is_bidirectional = back.is_some();
        flow.reciprocity_ratio = back.map_or(0.0, |back| evenness(flow.amount_usd_sum, back));
    }
    flows
}

/// The order in which amounts are summed: by time, then by key, then by everything that could still differ.
pub(super) fn chronological(a: &Transfer, b: &Transfer) -> Ordering {
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

/// The UTC hour of day.
pub(super) fn hour_of(timestamp_ms: i64) -> usize {
    (timestamp_ms.rem_euclid(DAY_MS) / 3_600_000) as usize
}

/// The weekday in UTC, Monday 0.
pub(super) fn weekday_of(timestamp_ms: i64) -> usize {
    // 1970-01-01 was a Thursday
    (timestamp_ms.div_euclid(DAY_MS) + 3).rem_euclid(7) as usize
}

fn pair(t: &Transfer) -> (&str, &str) {
    (&t.from_address, &t.to_address)
}

fn one_way(rows: &[&Transfer]) -> MoneyFlow {
    let (first, last) = (rows[0], rows[rows.len() - 1]);
    let usd: f64 = rows.iter().map(|t| finite(t.amount_usd)).sum();
    let mut assets: Vec<&str> = rows.iter().map(|t| t.asset_contract.as_str()).collect();
    assets.sort_unstable();
    assets.dedup();
    let (mut hourly, mut weekly) = (vec![0; 24], vec![0; 7]);
    for t in rows {
        hourly[hour_of(t.block_timestamp)] += 1;
        weekly[weekday_of(t.block_timestamp)] += 1;
    }
    MoneyFlow {
        from_address: first.from_address.clone(),
        to_address: first.to_address.clone(),
        tx_count: rows.len() as u64,
        amount_sum: rows.iter().map(|t| finite(t.amount)).sum(),
        amount_usd_sum: usd,
        first_seen_timestamp: first.block_timestamp,
        last_seen_timestamp: last.block_timestamp,
        active_days: (last.block_timestamp.saturating_sub(first.block_timestamp) / DAY_MS).max(1) as u64,
        avg_tx_size_usd: usd / rows.len() as f64,
        unique_assets: assets.len() as u64,
        dominant_asset: dominant_asset(rows),
        hourly_pattern: hourly,
        weekly_pattern: weekly,
        reciprocity_ratio: 0.0,
        is_bidirectional: false,
    }
}

/// The symbol of the largest single transfer by US dollars; among equals the symbol first in byte order.
fn dominant_asset(rows: &[&Transfer]) -> String {
    let largest = rows.iter().max_by(|a, b| {
        finite(a.amount_usd)
            .total_cmp(&finite(b.amount_usd))
            .then_with(|| b.asset_symbol.cmp(&a.asset_symbol))
    });
    largest.map(|t| t.asset_symbol.clone()).unwrap_or_default()
}

/// US dollars that went back, when anything did. A payment to oneself does not come back.
fn returned(flows: &[MoneyFlow], flow: &MoneyFlow) -> Option<f64> {
    if flow.from_address == flow.to_address {
        return None;
    }
    let back = (flow.to_address.as_str(), flow.from_address.as_str());
    let at = flows.binary_search_by(|f| (f.from_address.as_str(), f.to_address.as_str()).cmp(&back)).ok()?;
    Some(flows[at].amount_usd_sum)
}

/// min / max of two amounts; 0 when there is nothing.
fn evenness(a: f64, b: f64) -> f64 {
    if a.max(b) > 0.0 { a.min(b) / a.max(b) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weekdays_and_hours_are_those_of_utc() {
        // 2025-11-20T13:45:00Z is a Thursday
        let at = 1_763_646_300_000;
        assert_eq!((weekday_of(at), hour_of(at)), (3, 13));
        // 1969-12-31T23:00:00Z was a Wednesday
        assert_eq!((weekday_of(-3_600_000), hour_of(-3_600_000)), (2, 23));
    }
}
