//! Structures in the flow graph that laundering schemes leave: cycles, chains, fans and bursts.
//!
//! [`DETECTORS`] is the registry. Every definition says what is found, not where a search happened to stop: caps are
//! on lengths and on work per starting point, both in an order that addresses' names fix, so shuffled rows give the
//! same patterns. Definitions, bounds and caps in words: `docs/typologies.md`.

mod bipartite;
mod burst;
mod cycle;
mod dormant;
mod fan;
mod found;
mod gather;
mod layering;
mod mixer;
mod peel;
mod relay;
mod rug;
mod smurfing;
mod stack;
mod threshold;

use std::collections::BTreeSet;

use self::found::Member;
pub use self::found::pattern_id;
pub(super) use self::found::{Found, Role, rows};
use super::chronicle::{Chronicle, Entry};
use super::graph::{Edge, FlowGraph};
use crate::aml::sot::{MoneyFlow, Pattern, Transfer};
use crate::determinism::par;

/// What detectors look at.
struct Scene<'a> {
    graph: &'a FlowGraph<'a>,
    transfers: Option<&'a Chronicle>,
}

/// One kind of pattern.
#[derive(Clone, Copy, Debug)]
pub struct Detector {
    /// `cycle`, `motif_fanin` ...
    pub pattern_type: &'static str,
    /// What is found.
    pub definition: &'static str,
    /// How much work it can be.
    pub bound: &'static str,
    detect: fn(&Scene<'_>) -> Vec<Found>,
}

/// Every detector, in the order in which patterns are listed.
pub const DETECTORS: &[Detector] =
    &[cycle::CYCLE, layering::LAYERING, fan::FAN_IN, fan::FAN_OUT, burst::BURST];

/// Detectors that no alert comes from: for who asks for all patterns, and evidence along payments only.
pub const FURTHER_DETECTORS: &[Detector] = &[
    smurfing::SMURFING,
    peel::PEEL,
    mixer::MIXER,
    threshold::THRESHOLD,
    relay::RELAY,
    gather::GATHER,
    dormant::DORMANT,
    rug::RUG,
    bipartite::BIPARTITE,
    stack::STACK,
];

/// Runs [`FURTHER_DETECTORS`]. Sorted by detector, then by id; ids are unique.
pub fn further_patterns(flows: &[MoneyFlow], transfers: Option<&[Transfer]>) -> Vec<Pattern> {
    let transfers = transfers.map(Chronicle::of);
    let graph = FlowGraph::new(flows);
    rows(&further_patterns_of(&graph, transfers.as_ref()), &graph)
}

/// The first two neighbours in a pattern's list of addresses between which no transfer went in that order; `None` when
/// every hop was paid, and for patterns of a single address.
pub fn unpaid_hop<'p>(pattern: &'p Pattern, transfers: &[Transfer]) -> Option<(&'p str, &'p str)> {
    let paid: BTreeSet<(&str, &str)> =
        transfers.iter().map(|t| (t.from_address.as_str(), t.to_address.as_str())).collect();
    let hops = pattern.addresses_involved.windows(2).map(|w| (w[0].as_str(), w[1].as_str()));
    hops.into_iter().find(|hop| !paid.contains(hop))
}

/// Runs [`DETECTORS`]. Sorted by detector, then by id; ids are unique.
pub fn patterns(flows: &[MoneyFlow], transfers: Option<&[Transfer]>) -> Vec<Pattern> {
    let transfers = transfers.map(Chronicle::of);
    let graph = FlowGraph::new(flows);
    rows(&patterns_of(&graph, transfers.as_ref()), &graph)
}

pub(super) fn patterns_of(graph: &FlowGraph<'_>, transfers: Option<&Chronicle>) -> Vec<Found> {
    detect(DETECTORS, graph, transfers)
}

pub(super) fn further_patterns_of(graph: &FlowGraph<'_>, transfers: Option<&Chronicle>) -> Vec<Found> {
    detect(FURTHER_DETECTORS, graph, transfers)
}

fn detect(detectors: &[Detector], graph: &FlowGraph<'_>, transfers: Option<&Chronicle>) -> Vec<Found> {
    let scene = Scene { graph, transfers };
    par::map(detectors.len(), |at| found::unique((detectors[at].detect)(&scene)))
        .into_iter()
        .flatten()
        .collect()
}

/// Scores of a pattern, 0 to 1 each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scores {
    pub(super) severity: f64,
    pub(super) confidence: f64,
    pub(super) risk: f64,
}

/// Dollars of all transfers.
fn dollars(rows: &[&Entry]) -> f64 {
    rows.iter().map(|t| super::finite(t.usd)).sum()
}

/// Dollars of all edges.
fn volume(edges: &[&Edge<'_>]) -> f64 {
    edges.iter().map(|e| super::finite(e.flow.amount_usd_sum)).sum()
}

/// 1 less the coefficient of variation, at least 0: 1 when all are equal.
fn evenness(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n;
    if mean > 0.0 { (1.0 - variance.sqrt() / mean).max(0.0) } else { 0.0 }
}

/// Smallest over largest value: 1 when every hop carries the same.
fn conservation(edges: &[&Edge<'_>]) -> f64 {
    let largest = edges.iter().map(|e| e.value).fold(0.0, f64::max);
    let smallest = edges.iter().map(|e| e.value).fold(f64::INFINITY, f64::min);
    if largest > 0.0 { smallest / largest } else { 0.0 }
}
