//! A pot that many pay into within days and one address empties and carries off.

use super::layering::largest;
use super::{Detector, Found, Role, Scene, Scores, volume};
use crate::aml::derive::flows::DAY_MS;
use crate::aml::derive::graph::{Edge, FlowGraph};
use crate::determinism::par;

/// Fewest who pay in.
const MIN_PAYERS: usize = 8;
/// Between the first and the last payment in.
const COLLECTED_MS: i64 = 14 * DAY_MS;
/// How soon the pot is empty and the developer pays on.
const SOON_MS: i64 = 7 * DAY_MS;
/// Least share of what was paid in that goes to the developer ...
const LEAST_DRAINED: f64 = 0.85;
/// ... and most.
const MOST_DRAINED: f64 = 1.05;
/// Least share of that which goes to the exit.
const LEAST_KEPT: f64 = 0.5;
/// Least share of it that goes to somebody named beside the exit.
const LEAST_FEE: f64 = 0.05;
/// Developers, exits and who else is paid deal with at most this many pairs: who has more is a service.
const MAX_PAIRS: usize = 50;

pub(super) const RUG: Detector = Detector {
    pattern_type: "rug_pull",
    definition: "A contract that 8 or more others pay, all within 14 days, and a developer, to whom it pays most (of equal sums \
                 the earliest, then by byte order): 85 % to 105 % of what they paid, first when half of them or more had paid, \
                 for the last time at most 7 days after they did. Then the exit, to which of all that the developer first pays \
                 from then until 7 days later most goes: half or more of what came from the contract, and at most 105 % of all \
                 that the developer received. Marketing is who else is paid so, and 5 % of it or more. Developer, exit and \
                 marketing have at most 50 pairs, exit and marketing did not pay the contract. One pattern per exit and \
                 marketing: contract, developer, and it, along the payments. Who paid the contract is not named.",
    bound: "O(pairs log pairs): each pair to a contract is looked at once, and the at most 50 of its developer.",
    detect: rug_pulls,
};

fn rug_pulls(scene: &Scene<'_>) -> Vec<Found> {
    let found = par::map(scene.graph.len(), |pot| rug_pull(scene.graph, pot as u32));
    found.into_iter().flatten().collect()
}

fn rug_pull<'g>(graph: &'g FlowGraph<'g>, pot: u32) -> Vec<Found> {
    if graph.incoming(pot).len() < MIN_PAYERS {
        return Vec::new();
    }
    let drain = largest(graph.outgoing(pot).filter(|e| e.to != pot));
    let Some(drain) = drain.filter(|drain| is_small(graph, drain.to)) else { return Vec::new() };
    let payers: Vec<&Edge<'_>> =
        graph.incoming(pot).filter(|e| e.from != pot && e.from != drain.to).collect();
    if payers.len() < MIN_PAYERS || !is_drained(&payers, drain) {
        return Vec::new();
    }
    let ways = ways(graph, &payers, drain);
    describe(graph, &payers, drain, &ways)
}

fn is_small(graph: &FlowGraph<'_>, address: u32) -> bool {
    graph.degree(address) <= MAX_PAIRS
}

/// Whether all paid within days, and soon nearly all of it went one way.
fn is_drained(payers: &[&Edge<'_>], drain: &Edge<'_>) -> bool {
    let first = payers.iter().map(|e| e.flow.first_seen_timestamp).min().unwrap_or(0);
    let last = payers.iter().map(|e| e.flow.last_seen_timestamp).max().unwrap_or(0);
    let collected: f64 = payers.iter().map(|e| e.value).sum();
    let before = |e: &&&Edge<'_>| e.flow.first_seen_timestamp <= drain.flow.first_seen_timestamp;
    let most_before = 2 * payers.iter().filter(before).count() >= payers.len();
    let wait = drain.flow.last_seen_timestamp.saturating_sub(last);
    last.saturating_sub(first) <= COLLECTED_MS
        && most_before
        && wait <= SOON_MS
        && drain.value > 0.0
        && drain.value >= LEAST_DRAINED * collected
        && drain.value <= MOST_DRAINED * collected
}

/// What the developer pays on, to the exit first; nothing where there is no exit.
fn ways<'g>(graph: &'g FlowGraph<'g>, payers: &[&Edge<'_>], drain: &Edge<'_>) -> Vec<&'g Edge<'g>> {
    let developer = drain.to;
    let received: f64 = graph.incoming(developer).filter(|e| e.from != developer).map(|e| e.value).sum();
    let flow = drain.flow;
    let time = flow.first_seen_timestamp..=flow.last_seen_timestamp.saturating_add(SOON_MS);
    let pays_on = |e: &&Edge<'_>| {
        let is_other = e.to != developer
            && e.to != drain.from
            && payers.binary_search_by(|p| p.from.cmp(&e.to)).is_err();
        let share = e.value >= LEAST_FEE * drain.value && e.value <= MOST_DRAINED * received;
        is_other && share && time.contains(&e.flow.first_seen_timestamp) && is_small(graph, e.to)
    };
    let paid: Vec<&Edge<'_>> = graph.outgoing(developer).filter(pays_on).collect();
    let exit = largest(paid.iter().copied()).filter(|exit| exit.value >= LEAST_KEPT * drain.value);
    let Some(exit) = exit else { return Vec::new() };
    let others = paid.into_iter().filter(|e| e.to != exit.to);
    std::iter::once(exit).chain(others).collect()
}

fn describe(graph: &FlowGraph<'_>, payers: &[&Edge<'_>], drain: &Edge<'_>, ways: &[&Edge<'_>]) -> Vec<Found> {
    let n = payers.len() as f64;
    let severity = 0.5 * (n / 50.0).min(1.0) + 0.5 * (volume(payers) / 50_000.0).min(1.0);
    let scores = Scores { severity, confidence: 0.5 + 0.5 * (n / 50.0).min(1.0), risk: 0.8 * severity };
    let one = |(rank, way): (usize, &&Edge<'_>)| {
        let last = if rank == 0 { Role::Exit } else { Role::Marketing };
        let members = [(drain.from, Role::Contract), (drain.to, Role::Developer), (way.to, last)];
        Found::of_edges(graph, (RUG.pattern_type, "network_analysis"), &members, &[drain, way], scores)
    };
    ways.iter().enumerate().map(one).collect()
}
