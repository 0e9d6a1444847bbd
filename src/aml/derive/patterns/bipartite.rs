//! Several who pay the same several: everybody of one side pays many of the other.

use super::layering::along;
use super::{Detector, Found, Scene, Scores, volume};
use crate::aml::derive::flows::DAY_MS;
use crate::aml::derive::graph::{Edge, FlowGraph};
use crate::determinism::par;

/// Fewest recipients in common.
const MIN_COMMON: usize = 3;
/// Most pairs of everybody: who has more is a service.
const MAX_PAIRS: usize = 20;
/// Between the first and the last of the payments in common.
pub(super) const SPAN_MS: i64 = 3 * DAY_MS;

pub(super) const BIPARTITE: Detector = Detector {
    pattern_type: "bipartite",
    definition: "A pair of two addresses whose payer shares 3 or more recipients, this one among them, with another payer: both \
                 pay each of these, all by pairs first seen within 3 days. Everybody has at most 20 pairs. One pattern per such \
                 pair: payer, recipient.",
    bound: "O(pairs x 20): each pair is put beside the at most 20 of its recipient.",
    detect: bipartites,
};

fn bipartites(scene: &Scene<'_>) -> Vec<Found> {
    let graph = scene.graph;
    let found = par::map(graph.len(), |payer| {
        let joint = joint(graph, payer as u32, MIN_COMMON);
        joint.into_iter().map(|pair| describe(graph, pair)).collect::<Vec<_>>()
    });
    found.into_iter().flatten().collect()
}

/// A pair whose payer shares recipients with another payer.
#[derive(Clone, Copy)]
pub(super) struct Joint<'g> {
    pub(super) edge: &'g Edge<'g>,
    /// Most recipients in common with one of the others.
    pub(super) common: usize,
}

/// The pairs by which `payer` pays whom another pays as well, by recipient: `least` recipients or more whom both pay, all
/// pairs of both to these first seen within [`SPAN_MS`].
pub(super) fn joint<'g>(graph: &'g FlowGraph<'g>, payer: u32, least: usize) -> Vec<Joint<'g>> {
    let out = graph.outgoing(payer);
    if out.len() < least || !is_small(graph, payer) {
        return Vec::new();
    }
    let out: Vec<&Edge<'_>> = out.filter(|e| e.to != payer && is_small(graph, e.to)).collect();
    if out.len() < least {
        return Vec::new();
    }
    let mut both: Vec<[&Edge<'_>; 2]> = Vec::new();
    for own in out {
        let others = graph.incoming(own.to).filter(|e| e.from != payer && e.from != e.to);
        both.extend(others.map(|other| [own, other]));
    }
    // stable: recipients stay in their order
    both.sort_by_key(|[_, other]| other.from);
    let by_other = both.chunk_by(|a, b| a[1].from == b[1].from);
    let together = by_other.filter(|both| both.len() >= least && is_small(graph, both[0][1].from));
    let mut found: Vec<Joint<'_>> = together
        .filter(|both| is_together(both))
        .flat_map(|both| both.iter().map(|pair| Joint { edge: pair[0], common: both.len() }))
        .collect();
    found.sort_by_key(|joint| (joint.edge.to, std::cmp::Reverse(joint.common)));
    found.dedup_by_key(|joint| joint.edge.to);
    found
}

fn is_small(graph: &FlowGraph<'_>, address: u32) -> bool {
    graph.degree(address) <= MAX_PAIRS
}

fn is_together(both: &[[&Edge<'_>; 2]]) -> bool {
    let times = || both.iter().flatten().map(|e| e.flow.first_seen_timestamp);
    let (first, last) = (times().min().unwrap_or(0), times().max().unwrap_or(0));
    last.saturating_sub(first) <= SPAN_MS
}

fn describe(graph: &FlowGraph<'_>, joint: Joint<'_>) -> Found {
    let (way, common) = ([joint.edge], joint.common as f64);
    let severity = 0.5 * (common / 10.0).min(1.0) + 0.5 * (volume(&way) / 50_000.0).min(1.0);
    let scores = Scores { severity, confidence: 0.5 + 0.5 * (common / 10.0).min(1.0), risk: 0.8 * severity };
    Found::of_edges(graph, (BIPARTITE.pattern_type, "motif_detection"), &along(&way), &way, scores)
}
