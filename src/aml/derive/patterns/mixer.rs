//! Much the same from many, much the same to many: an address that behaves like a mixer.

use super::layering::along;
use super::{Detector, Scene, Scores, assemble, volume};
use crate::aml::derive::graph::{Edge, FlowGraph};
use crate::aml::sot::Pattern;
use crate::determinism::par;

/// Fewest senders, and fewest recipients.
const MIN_SIDE: usize = 5;
/// Most pairs: who has more is a service with customers.
const MAX_PAIRS: usize = 200;
/// Least share of the pairs of a side that have another within [`NEAR`].
const MIN_ALIKE: f64 = 0.6;
/// Within what part of the larger amounts are alike.
const NEAR: f64 = 0.05;

pub(super) const MIXER: Detector = Detector {
    pattern_type: "mixer_like",
    definition: "An address with at least 5 senders, at least 5 recipients, none of them both, and at most 200 pairs, of \
                 which on each side at least 60 % have another within 5 % of the larger. One pattern per sender and \
                 recipient of equal rank by value (ties by byte order), the shorter list begun anew: sender, mixer, \
                 recipient, along the payments.",
    bound: "O(pairs log pairs).",
    detect: mixers,
};

fn mixers(scene: &Scene<'_>) -> Vec<Pattern> {
    let graph = scene.graph;
    let found = par::map(graph.len(), |centre| mixer(graph, centre as u32));
    found.into_iter().flatten().collect()
}

fn mixer(graph: &FlowGraph<'_>, centre: u32) -> Vec<Pattern> {
    let mut into: Vec<&Edge<'_>> = graph.incoming(centre).collect();
    let mut out: Vec<&Edge<'_>> = graph.outgoing(centre).collect();
    let both = out.iter().any(|o| into.binary_search_by(|i| i.from.cmp(&o.to)).is_ok());
    if both || into.len() < MIN_SIDE || out.len() < MIN_SIDE || into.len() + out.len() > MAX_PAIRS {
        return Vec::new();
    }
    for side in [&mut into, &mut out] {
        side.sort_by(|a, b| b.value.total_cmp(&a.value).then_with(|| (a.from, a.to).cmp(&(b.from, b.to))));
    }
    let alike = alike(&into).min(alike(&out));
    if alike < MIN_ALIKE {
        return Vec::new();
    }
    let width = into.len().max(out.len());
    let severity = 0.5 * (width as f64 / 20.0).min(1.0) + 0.5 * (volume(&into) / 50_000.0).min(1.0);
    let scores = Scores { severity, confidence: 0.3 + 0.7 * alike, risk: severity };
    let one = |rank: usize| {
        let way = [into[rank % into.len()], out[rank % out.len()]];
        assemble((MIXER.pattern_type, "motif_detection"), &along(graph, &way), &way, scores)
    };
    (0..width).map(one).collect()
}

/// Share of edges, sorted downwards by value, that have a neighbour alike.
fn alike(edges: &[&Edge<'_>]) -> f64 {
    let near = |w: &[&Edge<'_>]| w[0].value > 0.0 && w[0].value - w[1].value <= NEAR * w[0].value;
    let pairs: Vec<bool> = edges.windows(2).map(near).collect();
    let with = |at: usize| (at > 0 && pairs[at - 1]) || pairs.get(at).is_some_and(|&near| near);
    (0..edges.len()).filter(|&at| with(at)).count() as f64 / edges.len() as f64
}
