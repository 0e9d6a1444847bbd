//! A sum that goes from address to address and loses a piece at each.

use super::layering::{along, is_soon, longest_chains, passes_on};
use super::{Detector, Found, Scene, Scores, volume};
use crate::aml::derive::graph::{Edge, FlowGraph};

/// Fewest hops of a chain.
const MIN_HOPS: usize = 4;
/// A hop carries at least this share of the hop before ...
const LEAST_KEPT: f64 = 0.4;
/// ... and at most this.
const MOST_KEPT: f64 = 0.98;

pub(super) const PEEL: Detector = Detector {
    pattern_type: "peel_chain",
    definition: "Chains of 4 or more hops over distinct addresses, linked as those of layering_path are, but each hop \
                 carries 40 % to 98 % of the hop before, and each address in between pays somebody else, too. Another pattern \
                 for each such piece paid within 7 days after the hop before and no larger than it: the chain up to the \
                 address that pays it, then whom it pays. Listed along the payments.",
    bound: "O(pairs x 10), as for layering_path.",
    detect: peel_chains,
};

fn peel_chains(scene: &Scene<'_>) -> Vec<Found> {
    let graph = scene.graph;
    let peels = |path: &Vec<&Edge<'_>>| path[1..].iter().all(|hop| graph.outgoing(hop.from).len() > 1);
    let chains = longest_chains(graph, follows).into_iter().filter(|path| path.len() >= MIN_HOPS);
    let of_chain = |path: Vec<&Edge<'_>>| {
        let scores = scores(&path);
        let ways = pieces(graph, &path).into_iter().chain([path.clone()]);
        let kind = (PEEL.pattern_type, "path_analysis");
        ways.map(|way| Found::of_edges(graph, kind, &along(&way), &way, scores)).collect::<Vec<_>>()
    };
    chains.filter(peels).flat_map(of_chain).collect()
}

fn scores(path: &[&Edge<'_>]) -> Scores {
    let hops = path.len() as f64;
    let severity = 0.7 * ((hops - 1.0) / 8.0).min(1.0) + 0.3 * (volume(path) / 50_000.0).min(1.0);
    Scores { severity, confidence: 0.5 + 0.5 * (hops / 10.0).min(1.0), risk: 0.9 * severity }
}

/// The ways to those who are paid a piece: the chain up to who pays it, and that payment.
fn pieces<'g>(graph: &'g FlowGraph<'g>, path: &[&'g Edge<'g>]) -> Vec<Vec<&'g Edge<'g>>> {
    let of_hop = |at: usize| {
        let (before, came, goes) = (&path[..at], path[at - 1], path[at]);
        let is_new = move |to: u32| before.iter().all(|hop| hop.from != to);
        let pays = graph.outgoing(goes.from).filter(move |piece| piece.to != goes.to && is_new(piece.to));
        let soon = pays.filter(move |piece| is_soon(came, piece) && passes_on(came, piece, 0.0..=1.0));
        soon.map(move |piece| before.iter().copied().chain([piece]).collect())
    };
    (1..path.len()).flat_map(of_hop).collect()
}

fn follows(edge: &Edge<'_>, next: &Edge<'_>) -> bool {
    passes_on(edge, next, LEAST_KEPT..=MOST_KEPT) && is_soon(edge, next)
}
