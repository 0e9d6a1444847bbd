//! Bipartite payments one behind the other: those whom several pay together pay several together.

use super::bipartite::{Joint, SPAN_MS, joint};
use super::layering::along;
use super::{Detector, Found, Scene, Scores, volume};
use crate::aml::derive::graph::FlowGraph;
use crate::determinism::par;

/// Fewest recipients in common at either step.
const MIN_COMMON: usize = 2;

pub(super) const STACK: Detector = Detector {
    pattern_type: "stack",
    definition: "Two pairs one behind the other, each of a payer that shares 2 or more recipients with another payer as in \
                 bipartite: the recipient of the first is the payer of the second, which does not lead back and was first seen no \
                 earlier than the first and at most 3 days later. One pattern per such two: first, second, third, along the \
                 payments.",
    bound: "O(pairs x 20): as for bipartite, and each pair is followed by the at most 20 of its recipient.",
    detect: stacks,
};

fn stacks(scene: &Scene<'_>) -> Vec<Found> {
    let graph = scene.graph;
    let joint = par::map(graph.len(), |payer| joint(graph, payer as u32, MIN_COMMON));
    let found = par::map(graph.len(), |payer| {
        let first = joint[payer].iter();
        let ways = first.flat_map(|a| joint[a.edge.to as usize].iter().map(move |b| [*a, *b]));
        ways.filter(follow).map(|way| describe(graph, &way)).collect::<Vec<_>>()
    });
    found.into_iter().flatten().collect()
}

/// Whether the second step goes elsewhere, and begins no earlier and not long after the first.
fn follow([first, second]: &[Joint<'_>; 2]) -> bool {
    let began = |step: &Joint<'_>| step.edge.flow.first_seen_timestamp;
    let wait = began(second).saturating_sub(began(first));
    second.edge.to != first.edge.from && (0..=SPAN_MS).contains(&wait)
}

fn describe(graph: &FlowGraph<'_>, steps: &[Joint<'_>; 2]) -> Found {
    let way = steps.map(|step| step.edge);
    let common = (steps[0].common + steps[1].common) as f64;
    let severity = 0.6 * (common / 10.0).min(1.0) + 0.4 * (volume(&way) / 50_000.0).min(1.0);
    let scores = Scores { severity, confidence: 0.5 + 0.5 * (common / 10.0).min(1.0), risk: 0.8 * severity };
    Found::of_edges(graph, (STACK.pattern_type, "network_analysis"), &along(&way), &way, scores)
}
