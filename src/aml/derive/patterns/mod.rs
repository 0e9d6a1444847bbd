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
mod gather;
mod layering;
mod mixer;
mod peel;
mod relay;
mod rug;
mod smurfing;
mod stack;
mod threshold;

use std::collections::{BTreeMap, BTreeSet};

use super::chronicle::{Chronicle, Entry};
use super::graph::{Edge, FlowGraph};
use crate::aml::sot::{MoneyFlow, Pattern, Transfer};
use crate::determinism::digest::Digest;
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
    detect: fn(&Scene<'_>) -> Vec<Pattern>,
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
    further_patterns_of(&FlowGraph::new(flows), transfers.as_ref())
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
    patterns_of(&FlowGraph::new(flows), transfers.as_ref())
}

pub(super) fn patterns_of(graph: &FlowGraph<'_>, transfers: Option<&Chronicle>) -> Vec<Pattern> {
    detect(DETECTORS, graph, transfers)
}

pub(super) fn further_patterns_of(graph: &FlowGraph<'_>, transfers: Option<&Chronicle>) -> Vec<Pattern> {
    detect(FURTHER_DETECTORS, graph, transfers)
}

fn detect(detectors: &[Detector], graph: &FlowGraph<'_>, transfers: Option<&Chronicle>) -> Vec<Pattern> {
    let scene = Scene { graph, transfers };
    par::map(detectors.len(), |at| unique((detectors[at].detect)(&scene))).into_iter().flatten().collect()
}

/// `{type}_{hash}`: the hash is the first 16 hexadecimal digits of SHA-256 over `{type}:` and the sorted members.
pub fn pattern_id(pattern_type: &str, members: &[&str]) -> String {
    format!("{pattern_type}_{}", pattern_hash(pattern_type, members))
}

fn pattern_hash(pattern_type: &str, members: &[&str]) -> String {
    let mut sorted = members.to_vec();
    sorted.sort_unstable();
    hash_of(pattern_type, &sorted.join(","))
}

fn hash_of(pattern_type: &str, text: &str) -> String {
    Digest::of(format!("{pattern_type}:{text}").as_bytes()).to_string()[..16].to_owned()
}

/// One pattern per id: the one that moved most, then the one whose addresses come first.
pub(super) fn unique(found: Vec<Pattern>) -> Vec<Pattern> {
    let mut kept: BTreeMap<String, Pattern> = BTreeMap::new();
    for pattern in found {
        let better = kept.get(&pattern.pattern_id).is_none_or(|old| {
            let by_volume = pattern.volume_usd.total_cmp(&old.volume_usd);
            by_volume.then_with(|| old.addresses_involved.cmp(&pattern.addresses_involved)).is_gt()
        });
        if better {
            kept.insert(pattern.pattern_id.clone(), pattern);
        }
    }
    kept.into_values().collect()
}

/// Scores of a pattern, 0 to 1 each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scores {
    pub(super) severity: f64,
    pub(super) confidence: f64,
    pub(super) risk: f64,
}

/// The pattern that `edges` between `members` (with their roles) form.
pub(super) fn assemble(
    kind: (&str, &str),
    members: &[(&str, &str)],
    edges: &[&Edge<'_>],
    scores: Scores,
) -> Pattern {
    let names: Vec<&str> = members.iter().map(|m| m.0).collect();
    let hash = pattern_hash(kind.0, &names);
    Pattern {
        pattern_id: format!("{}_{hash}", kind.0),
        pattern_type: kind.0.to_owned(),
        pattern_hash: hash,
        addresses_involved: names.iter().map(|&name| name.to_owned()).collect(),
        address_roles: members.iter().map(|m| m.1.to_owned()).collect(),
        severity_score: scores.severity,
        confidence_score: scores.confidence,
        risk_score: scores.risk,
        volume_usd: volume(edges),
        pattern_start_time: edges.iter().map(|e| e.flow.first_seen_timestamp).min().unwrap_or(0),
        pattern_end_time: edges.iter().map(|e| e.flow.last_seen_timestamp).max().unwrap_or(0),
        evidence_transaction_count: edges.iter().fold(0, |sum, e| sum.saturating_add(e.flow.tx_count)),
        detection_method: kind.1.to_owned(),
    }
}

/// The pattern that transfers of one address (with its role), in time order, form; `about` tells it from others of its kind and address.
fn of_transfers(
    kind: &str,
    (address, role): (&str, &str),
    about: &str,
    rows: &[&Entry],
    scores: Scores,
) -> Pattern {
    let hash = hash_of(kind, &format!("{address},{about}"));
    Pattern {
        pattern_id: format!("{kind}_{hash}"),
        pattern_type: kind.to_owned(),
        pattern_hash: hash,
        addresses_involved: vec![address.to_owned()],
        address_roles: vec![role.to_owned()],
        severity_score: scores.severity,
        confidence_score: scores.confidence,
        risk_score: scores.risk,
        volume_usd: dollars(rows),
        pattern_start_time: rows.first().map_or(0, |t| t.at),
        pattern_end_time: rows.last().map_or(0, |t| t.at),
        evidence_transaction_count: rows.len() as u64,
        detection_method: "temporal_analysis".to_owned(),
    }
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
