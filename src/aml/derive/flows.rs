//! Transfers to money flows: one row per directed pair of addresses.
//!
//! Rows come out ordered by (sender, recipient); amounts are summed in the order of the [`Chronicle`], so the order
//! of the transfers' rows cannot be seen in the result. Payments to oneself are kept as pairs of an address with
//! itself. Two-way measures look at the opposite pair.

use super::chronicle::{Chronicle, Entry};
use super::finite;
use crate::aml::sot::{MoneyFlow, Transfer};
use crate::determinism::par;

/// Milliseconds of a day.
pub(super) const DAY_MS: i64 = 86_400_000;

/// Aggregates transfers to directed pairs.
pub fn money_flows(transfers: &[Transfer]) -> Vec<MoneyFlow> {
    flows_of(&Chronicle::of(transfers)).0
}

/// The flows, and the numbers of their senders and recipients, one after the other.
pub(super) fn flows_of(transfers: &Chronicle) -> (Vec<MoneyFlow>, Vec<u32>) {
    let entries = transfers.entries();
    let mut hops: Vec<Hop> =
        (0_u32..).zip(entries).map(|(at, entry)| Hop { from: entry.from, to: entry.to, at }).collect();
    par::sort_by(&mut hops, |a, b| (a.from, a.to, a.at).cmp(&(b.from, b.to, b.at)));
    let pairs: Vec<&[Hop]> = hops.chunk_by(|a, b| a.pair() == b.pair()).collect();
    let usd = par::map(pairs.len(), |pair| {
        pairs[pair].iter().map(|hop| finite(entries[hop.at as usize].usd)).sum::<f64>()
    });
    let ends: Vec<(u32, u32)> = pairs.iter().map(|hops| hops[0].pair()).collect();
    let flows = par::map(pairs.len(), |pair| {
        let own: Vec<&Entry> = pairs[pair].iter().map(|hop| &entries[hop.at as usize]).collect();
        let back = returned(&ends, ends[pair]).map(|back| usd[back]);
        one_way(transfers, &own, usd[pair], back)
    });
    (flows, ends.into_iter().flat_map(|(from, to)| [from, to]).collect())
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

/// The row of a pair's transfers, whose dollars are `usd`; `back` are those of the opposite pair.
fn one_way(transfers: &Chronicle, own: &[&Entry], usd: f64, back: Option<f64>) -> MoneyFlow {
    let (first, last) = (own[0], own[own.len() - 1]);
    let mut assets: Vec<u32> = own.iter().map(|t| t.contract).collect();
    assets.sort_unstable();
    assets.dedup();
    let (mut hourly, mut weekly) = (vec![0; 24], vec![0; 7]);
    for t in own {
        hourly[hour_of(t.at)] += 1;
        weekly[weekday_of(t.at)] += 1;
    }
    MoneyFlow {
        from_address: transfers.addresses().name(first.from).to_owned(),
        to_address: transfers.addresses().name(first.to).to_owned(),
        tx_count: own.len() as u64,
        amount_sum: own.iter().map(|t| finite(t.amount)).sum(),
        amount_usd_sum: usd,
        first_seen_timestamp: first.at,
        last_seen_timestamp: last.at,
        active_days: (last.at.saturating_sub(first.at) / DAY_MS).max(1) as u64,
        avg_tx_size_usd: usd / own.len() as f64,
        unique_assets: assets.len() as u64,
        dominant_asset: dominant_asset(own)
            .map_or_else(String::new, |t| transfers.asset(t.symbol).to_owned()),
        hourly_pattern: hourly,
        weekly_pattern: weekly,
        reciprocity_ratio: back.map_or(0.0, |back| evenness(usd, back)),
        is_bidirectional: back.is_some(),
    }
}

/// The largest single transfer by US dollars; among equals the one whose symbol is first in byte order.
fn dominant_asset<'t>(own: &[&'t Entry]) -> Option<&'t Entry> {
    own.iter().copied().max_by(|a, b| finite(a.usd).total_cmp(&finite(b.usd)).then(b.symbol.cmp(&a.symbol)))
}

/// Where the pair of the opposite direction stands. A payment to oneself does not come back.
fn returned(pairs: &[(u32, u32)], (from, to): (u32, u32)) -> Option<usize> {
    if from == to {
        return None;
    }
    pairs.binary_search(&(to, from)).ok()
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
