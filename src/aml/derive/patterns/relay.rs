//! Money through throwaway addresses: each takes from one and gives to one, whatever the amounts.

use super::layering::{MIN_HOPS, along, severity};
use super::{Detector, Found, Role, Scene, Scores, conservation};
use crate::aml::derive::flows::DAY_MS;
use crate::aml::derive::graph::{Edge, FlowGraph};

/// Neighbouring hops were first seen at most this long apart, in either order.
const MAX_APART_MS: i64 = DAY_MS;

pub(super) const RELAY: Detector = Detector {
    pattern_type: "relay_chain",
    definition: "Longest paths of 3 or more hops in which each address in between has one pair in and one pair out, with \
                 different counterparties, and neighbouring hops were first seen at most 24 hours apart, in either order; \
                 amounts do not matter. A path that ends where it began is a ring: of a ring of such addresses alone the \
                 smallest comes first, and nobody is listed twice. Listed along the payments.",
    bound: "O(pairs log pairs): a pair is followed by one other at most.",
    detect: relay_chains,
};

fn relay_chains(scene: &Scene<'_>) -> Vec<Found> {
    let graph = scene.graph;
    let next: Vec<Option<usize>> = graph.edges.iter().map(|edge| handed_on(graph, edge)).collect();
    let mut is_start = vec![true; next.len()];
    next.iter().flatten().for_each(|&edge| is_start[edge] = false);
    // what no path with a start holds is part of a ring, met at its first pair
    let starts = (0..next.len()).filter(|&edge| is_start[edge]).chain(0..next.len());
    let mut seen = vec![false; next.len()];
    let paths = starts.map(|start| walk(graph, &next, start, &mut seen));
    paths.filter(|path| path.len() >= MIN_HOPS).map(|path| describe(graph, &path)).collect()
}

/// The pair by which a throwaway address hands on what this one brought.
fn handed_on(graph: &FlowGraph<'_>, edge: &Edge<'_>) -> Option<usize> {
    let relay = edge.to;
    let mut out = graph.outgoing(relay);
    let next = out.next().filter(|_| out.len() == 0 && graph.incoming(relay).len() == 1)?;
    let apart = next.flow.first_seen_timestamp.abs_diff(edge.flow.first_seen_timestamp);
    let hands_on = next.to != edge.from && next.to != relay && apart <= MAX_APART_MS.unsigned_abs();
    hands_on.then(|| graph.edges.partition_point(|e| (e.from, e.to) < (next.from, next.to)))
}

/// The pairs from `start` on that were not seen before.
fn walk<'g>(
    graph: &'g FlowGraph<'g>,
    next: &[Option<usize>],
    start: usize,
    seen: &mut [bool],
) -> Vec<&'g Edge<'g>> {
    let mut path = Vec::new();
    let mut at = Some(start);
    while let Some(edge) = at.filter(|&edge| !seen[edge]) {
        seen[edge] = true;
        path.push(&graph.edges[edge]);
        at = next[edge];
    }
    path
}

fn describe(graph: &FlowGraph<'_>, path: &[&Edge<'_>]) -> Found {
    let mut members = along(path);
    if path[0].from == path[path.len() - 1].to {
        members.pop();
        members.iter_mut().for_each(|member| member.1 = Role::Participant);
    }
    let hops = path.len() as f64;
    let severity = severity(path);
    let scores = Scores {
        severity,
        confidence: 0.4 + 0.2 * conservation(path) + 0.4 * (hops / 8.0).min(1.0),
        risk: 0.8 * severity,
    };
    Found::of_edges(graph, (RELAY.pattern_type, "path_analysis"), &members, path, scores)
}
