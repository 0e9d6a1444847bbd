//! How near an address is to others that labels call risky: columns and patterns for who asks for them.
//!
//! Only labels known on the processing date count, and only those of others: an address's own label never enters its
//! columns. They are a family of their own, off by default, and no input of a shipped model: what labels say is what
//! models learn to predict, so training refuses columns of these names. No alert comes from the patterns.
//!
//! Source of the distance: the official baseline's 1 / (hops + 1) over at most three payments in any direction.

use super::flows::DAY_MS;
use super::graph::{Edge, FlowGraph};
use super::graph_features::Feature;
use super::patterns::{Found, Role, Scores};
use crate::aml::sot::{AddressLabel, Batch, NumberColumn};
use crate::determinism::par;

/// Most payments between two addresses that are near each other.
const HOPS: usize = 3;
/// Most payments of a pattern.
const PATTERN_HOPS: usize = 2;
/// An address between has at most this many pairs: services connect everybody with everybody.
const MAX_PAIRS: usize = 50;

/// The name of the patterns.
pub const PROXIMITY_RISK: &str = "proximity_risk";

/// The columns of the family `proximity`.
pub fn proximity_features() -> Vec<Feature> {
    let feature = |(name, unit, formula): &(&str, &'static str, &str)| Feature {
        name: (*name).to_owned(),
        family: "proximity",
        unit,
        formula: (*formula).to_owned(),
    };
    LIST.iter().map(feature).collect()
}

const LIST: &[(&str, &str, &str)] = &[
    (
        "risk_proximity_hops",
        "count",
        "fewest payments in any direction, 1 to 3, between it and another address whose label, known on the processing \
         date, says high or critical; 4 for none",
    ),
    ("risk_proximity", "ratio", "1 / (risk_proximity_hops + 1); 0 for none"),
    (
        "risk_proximity_walk_ahead",
        "ratio",
        "mean over 1, 2 and 3 steps of the chance that a random walk along payments, every recipient alike, is then at such \
         an address; at an address that pays nobody a walk ends",
    ),
    ("risk_proximity_walk_behind", "ratio", "the same against the direction of payments"),
];

/// The addresses of a graph that labels known on the processing date call risky.
pub(super) fn risky(batch: &Batch, graph: &FlowGraph<'_>) -> Vec<bool> {
    let known_until = batch.id.window_ms().end + DAY_MS;
    let mut risky = vec![false; graph.len()];
    let labels = batch.labels.iter().flatten();
    let known = labels.filter(|label| label.created_timestamp.is_none_or(|at| at < known_until));
    for label in known.filter(|label| is_grave(label)) {
        if let Some(id) = graph.addresses.get(&label.address) {
            risky[id as usize] = true;
        }
    }
    risky
}

/// Whether a label calls its address risky.
pub(super) fn is_grave(label: &AddressLabel) -> bool {
    ["high", "critical"].iter().any(|grave| label.risk_level.eq_ignore_ascii_case(grave))
}

/// The columns of the family for every address of the graph.
pub(super) fn columns(graph: &FlowGraph<'_>, risky: &[bool]) -> Vec<NumberColumn> {
    let (ahead, behind) = (Steps::along(graph), Steps::against(graph));
    let hops = hops(&ahead, &behind, risky);
    let near = hops.iter().map(|&hops| if hops > HOPS as f64 { 0.0 } else { 1.0 / (hops + 1.0) }).collect();
    let values = [hops, near, walks(&ahead, risky), walks(&behind, risky)];
    let named = LIST.iter().zip(values);
    named.map(|(line, values)| NumberColumn { name: line.0.to_owned(), values }).collect()
}

/// Whom each address pays, or is paid by: others, upwards, each once.
struct Steps(Vec<Vec<u32>>);

impl Steps {
    fn along(graph: &FlowGraph<'_>) -> Self {
        Steps(par::map(graph.len(), |a| others(a as u32, graph.outgoing(a as u32).map(|e| e.to))))
    }

    fn against(graph: &FlowGraph<'_>) -> Self {
        Steps(par::map(graph.len(), |a| others(a as u32, graph.incoming(a as u32).map(|e| e.from))))
    }

    fn of(&self, address: u32) -> &[u32] {
        &self.0[address as usize]
    }
}

fn others(address: u32, ends: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut others: Vec<u32> = ends.filter(|&end| end != address).collect();
    others.dedup();
    others
}

/// Distances to the nearest risky address other than oneself.
///
/// Each address keeps the two nearest risky ones, level by level: of these one at least is another than itself.
fn hops(ahead: &Steps, behind: &Steps, risky: &[bool]) -> Vec<f64> {
    let n = risky.len();
    let mut nearest: Vec<Vec<(u32, usize)>> = vec![Vec::new(); n];
    let mut level: Vec<(u32, u32)> = Vec::new();
    for source in (0..n as u32).filter(|&a| risky[a as usize]) {
        nearest[source as usize].push((source, 0));
        level.push((source, source));
    }
    for hop in 1..=HOPS {
        let mut next = Vec::new();
        for (at, source) in level {
            for &near in ahead.of(at).iter().chain(behind.of(at)) {
                let own = &mut nearest[near as usize];
                if own.len() < 2 && own.iter().all(|known| known.0 != source) {
                    own.push((source, hop));
                    next.push((near, source));
                }
            }
        }
        level = next;
    }
    let of =
        |a: usize| nearest[a].iter().find(|known| known.0 as usize != a).map_or(HOPS + 1, |known| known.1);
    (0..n).map(|a| of(a) as f64).collect()
}

/// The mean chance over the steps of a walk to be at a risky address other than the first.
fn walks(steps: &Steps, risky: &[bool]) -> Vec<f64> {
    let n = risky.len();
    let mut chance: Vec<f64> = risky.iter().map(|&risky| f64::from(u8::from(risky))).collect();
    let mut sum = vec![0.0; n];
    for _ in 0..HOPS {
        chance = par::map(n, |a| mean(steps.of(a as u32), |b| chance[b as usize]));
        sum.iter_mut().zip(&chance).for_each(|(sum, chance)| *sum += chance);
    }
    // a walk that comes back to where it began is at no other address
    par::map(n, |a| {
        let home = if risky[a] { returns(steps, a as u32) } else { 0.0 };
        ((sum[a] - home) / HOPS as f64).max(0.0)
    })
}

/// The chances that a walk is at its first address again after two steps and after three, together.
fn returns(steps: &Steps, home: u32) -> f64 {
    let goes = |from: u32| {
        let own = steps.of(from);
        if own.binary_search(&home).is_ok() { 1.0 / own.len() as f64 } else { 0.0 }
    };
    mean(steps.of(home), |b| goes(b) + mean(steps.of(b), |c| if c == home { 0.0 } else { goes(c) }))
}

fn mean(of: &[u32], value: impl Fn(u32) -> f64) -> f64 {
    if of.is_empty() { 0.0 } else { of.iter().map(|&a| value(a)).sum::<f64>() / of.len() as f64 }
}

/// What [`PROXIMITY_RISK`] patterns are.
pub const PROXIMITY_DEFINITION: &str = "For every address that no label calls risky and that a risky one reaches by 1 or 2 \
     payments, the one in between with at most 50 pairs: the shortest such path; of several the one of the largest smallest \
     hop, then the one first in byte order. Risky are addresses whose label, known on the processing date, says high or \
     critical. Listed along the payments.";

/// The patterns, by the suspected address.
pub(super) fn patterns(graph: &FlowGraph<'_>, risky: &[bool]) -> Vec<Found> {
    let suspects = par::map(graph.len(), |a| {
        let path = if risky[a] { None } else { path_to(graph, risky, a as u32) };
        path.map(|path| describe(graph, &path))
    });
    suspects.into_iter().flatten().collect()
}

/// The path from a risky address to a suspect.
fn path_to<'g>(graph: &'g FlowGraph<'g>, risky: &[bool], suspect: u32) -> Option<Vec<&'g Edge<'g>>> {
    let from_risky = |to: u32| graph.incoming(to).filter(|e| risky[e.from as usize]);
    let better = |best: Vec<&'g Edge<'g>>, next: Vec<&'g Edge<'g>>| {
        if smallest(&next) > smallest(&best) { next } else { best }
    };
    if let Some(path) = from_risky(suspect).map(|edge| vec![edge]).reduce(better) {
        return Some(path);
    }
    let is_quiet = |a: u32| graph.degree(a) <= MAX_PAIRS;
    let last = graph.incoming(suspect).filter(|e| e.from != suspect && is_quiet(e.from));
    last.flat_map(|last| from_risky(last.from).map(move |first| vec![first, last])).reduce(better)
}

fn smallest(path: &[&Edge<'_>]) -> f64 {
    path.iter().map(|e| e.value).fold(f64::INFINITY, f64::min)
}

fn describe(graph: &FlowGraph<'_>, path: &[&Edge<'_>]) -> Found {
    debug_assert!(path.len() <= PATTERN_HOPS, "nobody looks further");
    let mut members = vec![(path[0].from, Role::RiskSource)];
    members.extend(path.iter().map(|e| (e.to, Role::Intermediary)));
    if let Some(last) = members.last_mut() {
        last.1 = Role::Suspect;
    }
    let near = 1.0 / (path.len() + 1) as f64;
    let scores = Scores { severity: 1.2 * near, confidence: 0.6, risk: near };
    Found::of_edges(graph, (PROXIMITY_RISK, "proximity_analysis"), &members, path, scores)
}
