//! Set sums from many, set sums to many others: an address that behaves like a mixer.
//!
//! Mixers take and give a few denominations, so that no sum tells who is who; businesses take and pay all kinds of sums.

use super::layering::along;
use super::{Detector, Found, Scene, Scores, volume};
use crate::aml::derive::finite;
use crate::aml::derive::graph::{Edge, FlowGraph};
use crate::determinism::par;

/// Fewest senders, and fewest recipients.
const MIN_SIDE: usize = 3;
/// Least share of the pairs of a side whose payments are of a size that is usual there.
const MIN_ALIKE: f64 = 0.6;
/// Pairs that make a size usual.
const USUAL: usize = 3;
/// Within what part of the larger sizes are the same.
const NEAR: f64 = 0.001;

pub(super) const MIXER: Detector = Detector {
    pattern_type: "mixer_like",
    definition: "An address with at least 3 senders and at least 3 recipients, none of them both, where on each side at least \
                 60 % of the pairs are among 3 or more of that side whose mean transfers, in native units or, where those are \
                 0, in dollars, are the same to 0.1 %. One pattern per sender and recipient of equal rank by value (ties by \
                 byte order), the shorter list begun anew: sender, mixer, recipient, along the payments.",
    bound: "O(pairs log pairs).",
    detect: mixers,
};

fn mixers(scene: &Scene<'_>) -> Vec<Found> {
    let graph = scene.graph;
    let found = par::map(graph.len(), |centre| mixer(graph, centre as u32));
    found.into_iter().flatten().collect()
}

fn mixer(graph: &FlowGraph<'_>, centre: u32) -> Vec<Found> {
    let mut into: Vec<&Edge<'_>> = graph.incoming(centre).collect();
    let mut out: Vec<&Edge<'_>> = graph.outgoing(centre).collect();
    let both = out.iter().any(|o| into.binary_search_by(|i| i.from.cmp(&o.to)).is_ok());
    if both || into.len() < MIN_SIDE || out.len() < MIN_SIDE {
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
        Found::of_edges(graph, (MIXER.pattern_type, "motif_detection"), &along(&way), &way, scores)
    };
    (0..width).map(one).collect()
}

/// Share of edges whose mean transfer is of a usual size.
fn alike(edges: &[&Edge<'_>]) -> f64 {
    let mut sizes: Vec<f64> = edges.iter().map(|edge| size(edge)).collect();
    sizes.sort_unstable_by(f64::total_cmp);
    let mut usual = vec![false; sizes.len()];
    for at in USUAL..=sizes.len() {
        let (least, most) = (sizes[at - USUAL], sizes[at - 1]);
        if most > 0.0 && most - least <= NEAR * most {
            usual[at - USUAL..at].fill(true);
        }
    }
    usual.iter().filter(|&&usual| usual).count() as f64 / sizes.len() as f64
}

/// What is paid by the transfer.
fn size(edge: &Edge<'_>) -> f64 {
    let native = finite(edge.flow.amount_sum);
    let sum = if native > 0.0 { native } else { edge.value };
    sum / edge.flow.tx_count.max(1) as f64
}
