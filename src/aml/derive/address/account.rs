//! Everything one address took part in: the argument of every column.

use super::network::Measures;
use super::stats;
use crate::aml::derive::chronicle::Chronicle;
use crate::aml::derive::finite;
use crate::aml::derive::flows::{DAY_MS, hour_of, weekday_of};
use crate::aml::derive::graph::{Edge, FlowGraph};
use crate::aml::derive::lists::Lists;

/// One transfer as its sender and recipient see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event {
    pub(super) at: i64,
    /// Native units, US dollars where those are 0.
    pub(super) amount: f64,
}

/// What single transfers tell of one address.
#[derive(Clone, Debug)]
pub(super) struct Events {
    pub(super) times: Vec<i64>,
    pub(super) amounts: Vec<f64>,
    pub(super) hourly_volume: [f64; 24],
    pub(super) days: usize,
    pub(super) nights: usize,
    pub(super) weekends: usize,
    pub(super) unusual: usize,
}

/// The pairs, transfers and network position of one address.
#[derive(Clone, Debug)]
pub struct Account<'a> {
    pub(super) id: usize,
    pub(super) measures: &'a Measures,
    pub(super) inflows: Vec<&'a Edge<'a>>,
    pub(super) outflows: Vec<&'a Edge<'a>>,
    /// US dollars of every pair, inflows first.
    pub(super) pairs: Vec<f64>,
    pub(super) senders: usize,
    pub(super) recipients: usize,
    /// US dollars with each counterparty, in the order of their ids.
    pub(super) counterparties: Vec<f64>,
    /// Counterparties that both sent and received.
    pub(super) mutual: usize,
    /// Native units over all pairs, a payment to oneself once.
    pub(super) native: f64,
    /// The part of `native` with mutual counterparties.
    pub(super) native_mutual: f64,
    /// Transfers by UTC hour, then by weekday; `None` when neither transfers nor patterns of flows say.
    pub(super) rhythm: Option<Rhythm>,
    /// Transfers one by one; `None` when the batch has none.
    pub(super) events: Option<Events>,
}

/// Transfers by hour and weekday.
#[derive(Clone, Debug)]
pub(super) struct Rhythm {
    pub(super) hours: [f64; 24],
    pub(super) weekdays: [f64; 7],
}

impl<'a> Account<'a> {
    pub(super) fn new(
        graph: &'a FlowGraph<'a>,
        measures: &'a Measures,
        address: u32,
        events: Option<&[Event]>,
    ) -> Self {
        let inflows: Vec<&Edge<'_>> = graph.incoming(address).collect();
        let outflows: Vec<&Edge<'_>> = graph.outgoing(address).collect();
        let senders = distinct(inflows.iter().map(|e| e.from));
        let recipients = distinct(outflows.iter().map(|e| e.to));
        let mutual: Vec<u32> =
            senders.iter().copied().filter(|s| recipients.binary_search(s).is_ok()).collect();
        let touching = || inflows.iter().chain(outflows.iter().filter(|e| e.from != e.to));
        let peer = |e: &Edge<'_>| if e.from == address { e.to } else { e.from };
        let is_mutual = |e: &Edge<'_>| mutual.binary_search(&peer(e)).is_ok();
        Account {
            id: address as usize,
            measures,
            pairs: inflows.iter().chain(&outflows).map(|e| usd(e)).collect(),
            counterparties: by_counterparty(address, &inflows, &outflows),
            native: touching().map(|e| native(e)).sum(),
            native_mutual: touching().filter(|e| is_mutual(e)).map(|e| native(e)).sum(),
            rhythm: rhythm(touching().copied()).or_else(|| Some(Rhythm::of(events?))),
            events: events.map(Events::of),
            senders: senders.len(),
            recipients: recipients.len(),
            mutual: mutual.len(),
            inflows,
            outflows,
        }
    }

    pub(super) fn total_in(&self) -> f64 {
        self.inflows.iter().map(|e| usd(e)).sum()
    }

    pub(super) fn total_out(&self) -> f64 {
        self.outflows.iter().map(|e| usd(e)).sum()
    }

    /// Inflows plus outflows; a payment to oneself is both.
    pub(super) fn total(&self) -> f64 {
        self.total_in() + self.total_out()
    }

    /// Transfers in and out; a payment to oneself is both.
    pub(super) fn transfers(&self) -> f64 {
        count(&self.inflows) + count(&self.outflows)
    }
}

impl Events {
    fn of(own: &[Event]) -> Self {
        let mut hourly_volume = [0.0; 24];
        let (mut days, mut nights, mut weekends, mut unusual) = (Vec::new(), 0, 0, 0);
        for event in own {
            let (night, weekend) = (hour_of(event.at) <= 5, weekday_of(event.at) >= 5);
            hourly_volume[hour_of(event.at)] += event.amount;
            days.push(event.at.div_euclid(DAY_MS));
            nights += usize::from(night);
            weekends += usize::from(weekend);
            unusual += usize::from(night || weekend);
        }
        days.dedup();
        Events {
            times: own.iter().map(|e| e.at).collect(),
            amounts: own.iter().map(|e| e.amount).collect(),
            hourly_volume,
            days: days.len(),
            nights,
            weekends,
            unusual,
        }
    }

    /// Seconds between neighbouring transfers.
    pub(super) fn gaps(&self) -> Vec<f64> {
        self.times.windows(2).map(|w| w[1].saturating_sub(w[0]) as f64 / 1000.0).collect()
    }

    /// A share of the transfers.
    pub(super) fn share(&self, part: usize) -> f64 {
        stats::ratio(part as f64, self.times.len() as f64, 0.0)
    }
}

/// Each address's transfers in time order; one to oneself is listed once.
pub(super) struct EventLists<'a> {
    transfers: &'a Chronicle,
    places: Lists,
}

impl<'a> EventLists<'a> {
    pub(super) fn of(graph: &FlowGraph<'_>, transfers: &'a Chronicle) -> Self {
        EventLists { transfers, places: transfers.by_address(&graph.addresses) }
    }

    /// Those of an address.
    pub(super) fn of_address(&self, address: u32) -> Vec<Event> {
        let entries = self.places.of(address).iter().map(|&place| &self.transfers.entries()[place as usize]);
        entries.map(|entry| Event { at: entry.at, amount: entry.typed() }).collect()
    }
}

/// US dollars of a pair.
pub(super) fn usd(edge: &Edge<'_>) -> f64 {
    finite(edge.flow.amount_usd_sum)
}

fn native(edge: &Edge<'_>) -> f64 {
    let amount = finite(edge.flow.amount_sum);
    if amount > 0.0 { amount } else { usd(edge) }
}

/// Transfers of some pairs.
pub(super) fn count(edges: &[&Edge<'_>]) -> f64 {
    edges.iter().map(|e| e.flow.tx_count as f64).sum()
}

fn distinct(ids: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut ids: Vec<u32> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

fn by_counterparty(address: u32, inflows: &[&Edge<'_>], outflows: &[&Edge<'_>]) -> Vec<f64> {
    let peer = |edge: &Edge<'_>| if edge.from == address { edge.to } else { edge.from };
    let mut pairs: Vec<(u32, f64)> = inflows.iter().chain(outflows).map(|e| (peer(e), usd(e))).collect();
    // a stable sort: what was received comes first in each sum
    pairs.sort_by_key(|pair| pair.0);
    pairs.chunk_by(|a, b| a.0 == b.0).map(|own| own.iter().fold(0.0, |sum, pair| sum + pair.1)).collect()
}

impl Rhythm {
    /// That of transfers.
    fn of(events: &[Event]) -> Self {
        let mut sum = Rhythm { hours: [0.0; 24], weekdays: [0.0; 7] };
        for event in events {
            sum.hours[hour_of(event.at)] += 1.0;
            sum.weekdays[weekday_of(event.at)] += 1.0;
        }
        sum
    }
}

/// That of flows, where all of them tell it.
fn rhythm<'e>(edges: impl Iterator<Item = &'e Edge<'e>>) -> Option<Rhythm> {
    let mut sum = Rhythm { hours: [0.0; 24], weekdays: [0.0; 7] };
    for edge in edges {
        let (hours, weekdays) = (&edge.row?.hourly_pattern, &edge.row?.weekly_pattern);
        if hours.len() != 24 || weekdays.len() != 7 {
            return None;
        }
        sum.hours.iter_mut().zip(hours).for_each(|(total, &n)| *total += n as f64);
        sum.weekdays.iter_mut().zip(weekdays).for_each(|(total, &n)| *total += n as f64);
    }
    Some(sum)
}
