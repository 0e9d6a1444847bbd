//! Transfers to money flows: one row per directed pair of addresses.
//!
//! Rows come out ordered by (sender, recipient); amounts are summed in the order of the [`Chronicle`], so the order
//! of the transfers' rows cannot be seen in the result. Payments to oneself are kept as pairs of an address with
//! itself. Two-way measures look at the opposite pair.

use super::chronicle::Chronicle;
use super::finite;
use super::graph::numbered;
use crate::aml::sot::{MoneyFlow, Transfer};
use crate::determinism::par;

/// Milliseconds of a day.
pub(super) const DAY_MS: i64 = 86_400_000;

/// Aggregates transfers to directed pairs.
pub fn money_flows(transfers: &[Transfer]) -> Vec<MoneyFlow> {
    flows_of(&Chronicle::of(transfers))
}

pub(super) fn flows_of(transfers: &Chronicle<'_>) -> Vec<MoneyFlow> {
    let rows = transfers.rows();
    let ends = || rows.iter().flat_map(|t| [t.from_address.as_str(), t.to_address.as_str()]);
    let ids = numbered(ends()).1;
    let mut hops: Vec<Hop> =
        (0_u32..).zip(ids.chunks_exact(2)).map(|(at, ends)| Hop { from: ends[0], to: ends[1], at }).collect();
    par::sort_by(&mut hops, |a, b| (a.from, a.to, a.at).cmp(&(b.from, b.to, b.at)));
    let pairs: Vec<&[Hop]> = hops.chunk_by(|a, b| a.pair() == b.pair()).collect();
    let mut flows = par::map(pairs.len(), |pair| {
        let own: Vec<&Transfer> = pairs[pair].iter().map(|hop| rows[hop.at as usize]).collect();
        one_way(&own)
    });
    let back = par::map(pairs.len(), |pair| {
        let there = pairs[pair][0].pair();
        returned(&pairs, there).map(|back| flows[back].amount_usd_sum)
    });
    for (flow, back) in flows.iter_mut().zip(back) {
        flow.is_bidirectional = back.is_some();
        flow.reciprocity_ratio = back.map_or(0.0, |back| evenness(flow.amount_usd_sum, back));
    }
    flows
}

/// A transfer by the numbers of its ends, which are in byte order of the names, and its place in time.
#[derive(Clone, Copy, Debug)]
struct Hop {
    from: u32,
    to: u32,
    at: u32,
}

impl Hop {
    fn pair(&self) -> (u32, u32) {
        (self.from, self.to)
    }
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

/// Where the pair of the opposite direction stands. A payment to oneself does not come back.
fn returned(pairs: &[&[Hop]], (from, to): (u32, u32)) -> Option<usize> {
    if from == to {
        return None;
    }
    pairs.binary_search_by(|hops| hops[0].pair().cmp(&(to, from))).ok()
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
