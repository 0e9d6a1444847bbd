//! A sum that goes from address to address and loses a piece at each.

use super::layering::{along, is_soon, longest_chains, passes_on};
use super::{Detector, Scene, Scores, assemble, volume};
use crate::aml::derive::graph::Edge;
use crate::aml::sot::Pattern;

/// Fewest hops of a chain.
const MIN_HOPS: usize = 4;
/// A hop carries at least this share of the hop before ...
const LEAST_KEPT: f64 = 0.4;
/// ... and at most this.
const MOST_KEPT: f64 = 0.98;

pub(super) const PEEL: Detector = Detector {
    pattern_type: "peel_chain",
    definition: "Chains of 4 or more hops over distinct addresses, linked as those of layering_path are, but each hop \
                 carries 40 % to 98 % of the hop before, and each address in between pays somebody else, too. Listed along \
                 the payments.",
    bound: "O(pairs x 10), as for layering_path.",
    detect: peel_chains,
};

fn peel_chains(scene: &Scene<'_>) -> Vec<Pattern> {
    let graph = scene.graph;
    let peels = |path: &Vec<&Edge<'_>>| path[1..].iter().all(|hop| graph.outgoing(hop.from).len() > 1);
    let chains = longest_chains(graph, follows).into_iter().filter(|path| path.len() >= MIN_HOPS);
    let describe = |path: Vec<&Edge<'_>>| {
        let hops = path.len() as f64;
        let severity = 0.7 * ((hops - 1.0) / 8.0).min(1.0) + 0.3 * (volume(&path) / 50_000.0).min(1.0);
        let scores =
            Scores { severity, confidence: 0.5 + 0.5 * (hops / 10.0).min(1.0), risk: 0.9 * severity };
        assemble((PEEL.pattern_type, "path_analysis"), &along(graph, &path), &path, scores)
    };
    chains.filter(peels).map(describe).collect()
}

fn follows(edge: &Edge<'_>, next: &Edge<'_>) -> bool {
    is_soon(edge, next) && passes_on(edge, next, LEAST_KEPT..=MOST_KEPT)
}
