//! Transfers to money flows: one row per directed pair of addresses.
//!
//! Rows come out ordered by (sender, recipient); amounts are summed in the order of the [`Chronicle`], so the order
//! of the transfers' rows cannot be seen in the result. Payments to oneself are kept as pairs of an address with
//! itself. Two-way measures look at the opposite pair.

use std::ops::Range;

use super::chronicle::{Chronicle, Entry};
use super::finite;
use super::graph::{Edge, Flow, FlowGraph};
use crate::aml::sot::{MoneyFlow, Transfer};
use crate::determinism::par;

/// Milliseconds of a day.
pub(super) const DAY_MS: i64 = 86_400_000;

/// Aggregates transfers to directed pairs.
pub fn money_flows(transfers: &[Transfer]) -> Vec<MoneyFlow> {
    let transfers = Chronicle::of(transfers);
    let (pairs, graph) = Pairs::of(&transfers);
    pairs.rows(&transfers, &graph, 0..pairs.len())
}

/// The transfers of each directed pair, in the order of the pairs and, of each, in time: what rows of flows are made from when
/// they are asked for, for all of them are many times the size of what they are made from.
pub(super) struct Pairs {
    /// Places in the chronicle.
    order: Vec<u32>,
    /// Where each pair's begin; one more at the end.
    starts: Vec<u32>,
}

impl Pairs {
    /// The pairs, and their graph, whose edges are the pairs in their order.
    pub(super) fn of(transfers: &Chronicle) -> (Self, FlowGraph<'static>) {
        let entries = transfers.entries();
        let mut hops: Vec<Hop> =
            (0_u32..).zip(entries).map(|(at, entry)| Hop { from: entry.from, to: entry.to, at }).collect();
        par::sort_by(&mut hops, |a, b| (a.from, a.to, a.at).cmp(&(b.from, b.to, b.at)));
        let ends: Vec<(u32, u32)> =
            hops.chunk_by(|a, b| a.pair() == b.pair()).map(|own| own[0].pair()).collect();
        let mut starts = vec![0];
        let lengths = hops.chunk_by(|a, b| a.pair() == b.pair()).map(|own| own.len() as u32);
        starts.extend(lengths.scan(0, |end, length| {
            *end += length;
            Some(*end)
        }));
        let pairs = Pairs { order: hops.into_iter().map(|hop| hop.at).collect(), starts };
        let usd = par::map(pairs.len(), |pair| {
            pairs.of_pair(pair).iter().map(|&at| finite(entries[at as usize].usd)).sum::<f64>()
        });
        let edges = par::map(pairs.len(), |pair| {
            let (from, to) = ends[pair];
            let back = returned(&ends, ends[pair]).map(|back| usd[back]);
            let own: Vec<&Entry> = pairs.entries(transfers, pair).collect();
            Edge { from, to, value: 0.0, flow: flow(&own, usd[pair], back), row: None }
        });
        (pairs, FlowGraph::of_edges(transfers.addresses().clone(), edges))
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.starts.len() - 1
    }

    fn of_pair(&self, pair: usize) -> &[u32] {
        &self.order[self.starts[pair] as usize..self.starts[pair + 1] as usize]
    }

    fn entries<'t>(&self, transfers: &'t Chronicle, pair: usize) -> impl Iterator<Item = &'t Entry> {
        self.of_pair(pair).iter().map(|&at| &transfers.entries()[at as usize])
    }

    /// The rows of some pairs.
    pub(super) fn rows(
        &self,
        transfers: &Chronicle,
        graph: &FlowGraph<'_>,
        pairs: Range<usize>,
    ) -> Vec<MoneyFlow> {
        par::map(pairs.len(), |at| {
            let pair = pairs.start + at;
            let own: Vec<&Entry> = self.entries(transfers, pair).collect();
            row(transfers, &graph.edges[pair], &own)
        })
    }
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

/// What a pair's transfers, whose dollars are `usd`, come to; `back` are those of the opposite pair.
fn flow(own: &[&Entry], usd: f64, back: Option<f64>) -> Flow {
    let mut assets: Vec<u32> = own.iter().map(|t| t.contract).collect();
    assets.sort_unstable();
    assets.dedup();
    Flow {
        tx_count: own.len() as u64,
        amount_sum: own.iter().map(|t| finite(t.amount)).sum(),
        amount_usd_sum: usd,
        first_seen_timestamp: own[0].at,
        last_seen_timestamp: own[own.len() - 1].at,
        reciprocity_ratio: back.map_or(0.0, |back| evenness(usd, back)),
        unique_assets: assets.len() as u32,
        is_bidirectional: back.is_some(),
    }
}

/// The row of a pair's transfers.
fn row(transfers: &Chronicle, edge: &Edge<'_>, own: &[&Entry]) -> MoneyFlow {
    let (mut hourly, mut weekly) = (vec![0; 24], vec![0; 7]);
    for t in own {
        hourly[hour_of(t.at)] += 1;
        weekly[weekday_of(t.at)] += 1;
    }
    let Edge { from, to, flow, .. } = edge;
    let span = flow.last_seen_timestamp.saturating_sub(flow.first_seen_timestamp);
    MoneyFlow {
        from_address: transfers.addresses().name(*from).to_owned(),
        to_address: transfers.addresses().name(*to).to_owned(),
        tx_count: flow.tx_count,
        amount_sum: flow.amount_sum,
        amount_usd_sum: flow.amount_usd_sum,
        first_seen_timestamp: flow.first_seen_timestamp,
        last_seen_timestamp: flow.last_seen_timestamp,
        active_days: (span / DAY_MS).max(1) as u64,
        avg_tx_size_usd: flow.amount_usd_sum / own.len() as f64,
        unique_assets: flow.unique_assets.into(),
        dominant_asset: dominant_asset(own)
            .map_or_else(String::new, |t| transfers.asset(t.symbol).to_owned()),
        hourly_pattern: hourly,
        weekly_pattern: weekly,
        reciprocity_ratio: flow.reciprocity_ratio,
        is_bidirectional: flow.is_bidirectional,
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
