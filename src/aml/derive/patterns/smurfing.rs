//! One payer, one payee, and many hands between them: scatter and gather.

use std::collections::BTreeMap;

use super::layering::{along, passes_on};
use super::{Detector, Found, Scene, Scores, volume};
use crate::aml::derive::graph::{Edge, FlowGraph};
use crate::determinism::par;

/// Fewest hands between the two.
const MIN_HANDS: usize = 3;
/// A hand deals with at most this many pairs.
const MAX_PAIRS: usize = 10;
/// A hand hands on at least this share of what it got ...
const LEAST_KEPT: f64 = 0.5;
/// ... and at most this.
const MOST_KEPT: f64 = 1.05;

pub(super) const SMURFING: Detector = Detector {
    pattern_type: "smurfing_network",
    definition: "Two addresses between which 3 or more others stand, each with at most 10 pairs, each of whom the first pays \
                 and who pays the second 50 % to 105 % of that, not before it was paid first. One pattern per hand: first, \
                 hand, second, along the payments.",
    bound: "O(pairs x 10): each pair is followed by the at most 10 pairs of a hand.",
    detect: networks,
};

/// A payment to a hand and the hand's payment.
type Way<'g> = [&'g Edge<'g>; 2];

fn networks(scene: &Scene<'_>) -> Vec<Found> {
    let graph = scene.graph;
    let found = par::map(graph.len(), |source| {
        let mut ends: BTreeMap<u32, Vec<Way<'_>>> = BTreeMap::new();
        for edge in graph.outgoing(source as u32).filter(|e| is_hand(graph, e.to)) {
            for next in graph.outgoing(edge.to).filter(|next| hands_on(edge, next)) {
                ends.entry(next.to).or_default().push([edge, next]);
            }
        }
        let wide = ends.into_values().filter(|ways| ways.len() >= MIN_HANDS);
        wide.flat_map(|ways| describe(graph, &ways)).collect::<Vec<_>>()
    });
    found.into_iter().flatten().collect()
}

fn is_hand(graph: &FlowGraph<'_>, address: u32) -> bool {
    graph.degree(address) <= MAX_PAIRS
}

fn hands_on(edge: &Edge<'_>, next: &Edge<'_>) -> bool {
    next.flow.last_seen_timestamp >= edge.flow.first_seen_timestamp
        && passes_on(edge, next, LEAST_KEPT..=MOST_KEPT)
}

fn describe(graph: &FlowGraph<'_>, ways: &[Way<'_>]) -> Vec<Found> {
    let width = ways.len() as f64;
    let total: f64 = ways.iter().map(|way| volume(&way[1..])).sum();
    let severity = 0.6 * (width / 20.0).min(1.0) + 0.4 * (total / 50_000.0).min(1.0);
    let scores = Scores { severity, confidence: 0.5 + 0.5 * (width / 10.0).min(1.0), risk: 0.8 * severity };
    let one = |way: &Way<'_>| {
        Found::of_edges(graph, (SMURFING.pattern_type, "network_analysis"), &along(way), way, scores)
    };
    ways.iter().map(one).collect()
}
