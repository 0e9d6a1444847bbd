//! An address that was silent for long, wakes, and is emptied by way of others into one.

use std::collections::BTreeMap;

use super::layering::{along, largest};
use super::{Detector, Found, Scene, Scores, volume};
use crate::aml::derive::flows::DAY_MS;
use crate::aml::derive::graph::{Edge, FlowGraph};
use crate::determinism::par;

/// Silence is at least this part of the time that all pairs span ...
const SPAN_PARTS: i64 = 4;
/// ... and at least so long ...
const LEAST_SILENCE_MS: i64 = 7 * DAY_MS;
/// ... and this is always enough.
const ENOUGH_SILENCE_MS: i64 = 30 * DAY_MS;
/// How soon who woke pays, and a hop pays on.
const SOON_MS: i64 = 3 * DAY_MS;
/// Most pairs of everybody on the way: who has more is a service.
const MAX_PAIRS: usize = 20;
/// Least share of what a hop received that comes from those who woke.
const LEAST_WOKEN: f64 = 0.8;
/// A hop passes on at least this share of what it received ...
const LEAST_KEPT: f64 = 0.8;
/// ... and at most this.
const MOST_KEPT: f64 = 1.05;
/// Fewest ways that lead to an exit.
const MIN_WAYS: usize = 2;

pub(super) const DORMANT: Detector = Detector {
    pattern_type: "dormant_activation",
    definition: "Two or more ways to one exit, each from an address that woke, through a hop; all have at most 20 pairs. An \
                 address wakes when its longest silence ends (of equal ones the first), if that lasted a quarter of the time from \
                 the first to the last transfer of all and at least 7 days; 30 days are always enough. It is silent while no pair \
                 of it is between its first and last transfer; before all of them only if it pays first, for who is paid first \
                 may be new. It pays the hop within 3 days after it woke. Of all that the hop received 80 % or more came from \
                 addresses that woke, and 80 % to 105 % goes to the exit, none of them, which the hop first pays within 3 days \
                 after the first of them paid it, and for the last time not before the address did; of several exits the largest \
                 counts, then the earliest, then by byte order. One pattern per way: address, hop, exit, along the payments.",
    bound: "O(pairs log pairs): of an address with at most 20 pairs each is looked at twice.",
    detect: activations,
};

/// A payment of a woken address and the hop's payment.
type Way<'g> = [&'g Edge<'g>; 2];

fn activations(scene: &Scene<'_>) -> Vec<Found> {
    let graph = scene.graph;
    let wakes = wakes(graph);
    let ways = par::map(graph.len(), |hop| through(graph, &wakes, hop as u32));
    let mut exits: BTreeMap<u32, Vec<Way<'_>>> = BTreeMap::new();
    ways.into_iter().flatten().for_each(|way| exits.entry(way[1].to).or_default().push(way));
    let wide = exits.into_values().filter(|ways| ways.len() >= MIN_WAYS);
    wide.flat_map(|ways| describe(graph, &ways)).collect()
}

/// When each address woke; `None` for those that never slept long.
fn wakes(graph: &FlowGraph<'_>) -> Vec<Option<i64>> {
    let times = graph.edges.iter().map(|e| (e.flow.first_seen_timestamp, e.flow.last_seen_timestamp));
    let (begin, end) = times.fold((i64::MAX, i64::MIN), |span, e| (span.0.min(e.0), span.1.max(e.1)));
    let least = (end.saturating_sub(begin) / SPAN_PARTS).clamp(LEAST_SILENCE_MS, ENOUGH_SILENCE_MS);
    par::map(graph.len(), |address| {
        let (silence, woke) = longest_silence(graph, address as u32, begin)?;
        (silence >= least).then_some(woke)
    })
}

/// The longest time in which no pair of an address was active before one began, and when that was.
fn longest_silence(graph: &FlowGraph<'_>, address: u32, begin: i64) -> Option<(i64, i64)> {
    if !is_small(graph, address) || graph.outgoing(address).len() == 0 {
        return None;
    }
    let time = |e: &Edge<'_>| (e.flow.first_seen_timestamp, e.from != address, e.flow.last_seen_timestamp);
    let mut times: Vec<_> = graph.outgoing(address).chain(graph.incoming(address)).map(time).collect();
    times.sort_unstable();
    // who is paid first is new for all that is known
    let mut quiet_since = if times[0].1 { times[0].0 } else { begin };
    let mut longest: Option<(i64, i64)> = None;
    for (first, _, last) in times {
        let silence = first.saturating_sub(quiet_since);
        if longest.is_none_or(|longest| silence > longest.0) {
            longest = Some((silence, first));
        }
        quiet_since = quiet_since.max(last);
    }
    longest
}

/// Whether a pair began soon after its payer woke.
fn is_woken(wakes: &[Option<i64>], edge: &Edge<'_>) -> bool {
    let wait = |woke: i64| edge.flow.first_seen_timestamp.saturating_sub(woke);
    wakes[edge.from as usize].is_some_and(|woke| (0..=SOON_MS).contains(&wait(woke)))
}

fn is_small(graph: &FlowGraph<'_>, address: u32) -> bool {
    graph.degree(address) <= MAX_PAIRS
}

/// The ways from addresses that woke through a hop.
fn through<'g>(graph: &'g FlowGraph<'g>, wakes: &[Option<i64>], hop: u32) -> Vec<Way<'g>> {
    if !is_small(graph, hop) {
        return Vec::new();
    }
    let into = || graph.incoming(hop).filter(|e| e.from != hop);
    let woken: Vec<&Edge<'_>> = into().filter(|e| e.value > 0.0 && is_woken(wakes, e)).collect();
    let received: f64 = into().map(|e| e.value).sum();
    if woken.is_empty() || woken.iter().map(|e| e.value).sum::<f64>() < LEAST_WOKEN * received {
        return Vec::new();
    }
    let Some(exit) = exit(graph, hop, &woken, received) else { return Vec::new() };
    // whoever paid when the last had gone on is on no way
    let in_time = |e: &&Edge<'_>| e.flow.first_seen_timestamp <= exit.flow.last_seen_timestamp;
    woken.into_iter().filter(in_time).map(|e| [e, exit]).collect()
}

/// The pair by which a hop passes on what it received.
fn exit<'g>(graph: &'g FlowGraph<'g>, hop: u32, woken: &[&Edge<'_>], received: f64) -> Option<&'g Edge<'g>> {
    let began = woken.iter().map(|e| e.flow.first_seen_timestamp).min()?;
    let is_exit = |e: &&Edge<'_>| {
        let wait = e.flow.first_seen_timestamp.saturating_sub(began);
        let is_all = e.value >= LEAST_KEPT * received && e.value <= MOST_KEPT * received;
        // they stand in the order of their payers
        let is_other = e.to != hop && woken.binary_search_by(|w| w.from.cmp(&e.to)).is_err();
        is_all && is_other && (0..=SOON_MS).contains(&wait) && is_small(graph, e.to)
    };
    largest(graph.outgoing(hop).filter(is_exit))
}

fn describe(graph: &FlowGraph<'_>, ways: &[Way<'_>]) -> Vec<Found> {
    let n = ways.len() as f64;
    let total: f64 = ways.iter().map(|way| volume(&way[..1])).sum();
    let severity = 0.6 * (n / 10.0).min(1.0) + 0.4 * (total / 50_000.0).min(1.0);
    let scores = Scores { severity, confidence: 0.5 + 0.5 * (n / 10.0).min(1.0), risk: 0.8 * severity };
    let one = |way: &Way<'_>| {
        Found::of_edges(graph, (DORMANT.pattern_type, "temporal_analysis"), &along(way), way, scores)
    };
    ways.iter().map(one).collect()
}
