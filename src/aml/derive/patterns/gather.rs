//! Money that comes from many and soon leaves to many others: gather and scatter.

use super::layering::along;
use super::{Detector, Found, Scene, Scores, volume};
use crate::aml::derive::flows::DAY_MS;
use crate::aml::derive::graph::{Edge, FlowGraph};
use crate::determinism::par;

/// Fewest senders before, and fewest recipients after.
const MIN_SIDE: usize = 5;
/// Most pairs: who has more is a service with customers.
const MAX_PAIRS: usize = 200;
/// How long before and after.
const SPAN_MS: i64 = 7 * DAY_MS;
/// What is scattered is at least this share of what was gathered ...
const LEAST_KEPT: f64 = 0.5;
/// ... and at most this.
const MOST_KEPT: f64 = 1.05;

pub(super) const GATHER: Detector = Detector {
    pattern_type: "gather_scatter",
    definition: "An address with at most 200 pairs and a time at which it first pays somebody, such that 5 or more pairs to it \
                 were first seen within the 7 days up to then and 5 or more pairs from it within 7 days from then on, nobody is \
                 on both sides, and these carry 50 % to 105 % of what those do. Of several such times the one with most pairs on \
                 the narrower side, then the earliest. One pattern per sender and recipient of equal rank by value (ties by byte \
                 order), the shorter list begun anew: sender, centre, recipient, along the payments.",
    bound: "O(pairs x 200): each pair of an address is a time, at which its at most 200 pairs are counted.",
    detect: gather_scatters,
};

fn gather_scatters(scene: &Scene<'_>) -> Vec<Found> {
    let found = par::map(scene.graph.len(), |centre| around(scene.graph, centre as u32));
    found.into_iter().flatten().collect()
}

/// Pairs to and from a centre around a time.
type Sides<'g> = [Vec<&'g Edge<'g>>; 2];

fn around<'g>(graph: &'g FlowGraph<'g>, centre: u32) -> Vec<Found> {
    let into: Vec<&Edge<'_>> = graph.incoming(centre).filter(|e| e.from != centre).collect();
    let out: Vec<&Edge<'_>> = graph.outgoing(centre).filter(|e| e.to != centre).collect();
    if into.len() < MIN_SIDE || out.len() < MIN_SIDE || into.len() + out.len() > MAX_PAIRS {
        return Vec::new();
    }
    let mut times: Vec<i64> = out.iter().map(|e| e.flow.first_seen_timestamp).collect();
    times.sort_unstable();
    times.dedup();
    let sides = times.into_iter().filter_map(|time| sides(&into, &out, time));
    // of equal ones the earliest stays: it comes first
    let best = sides.reduce(|best, next| if narrow(&next) > narrow(&best) { next } else { best });
    best.map(|sides| describe(graph, sides)).unwrap_or_default()
}

fn narrow(sides: &Sides<'_>) -> usize {
    sides[0].len().min(sides[1].len())
}

/// The pairs of both sides around `time`, if they are a gather-scatter.
fn sides<'g>(into: &[&'g Edge<'g>], out: &[&'g Edge<'g>], time: i64) -> Option<Sides<'g>> {
    let within = |edges: &[&'g Edge<'g>], from: i64, to: i64| {
        let is_within = |e: &&&Edge<'_>| (from..=to).contains(&e.flow.first_seen_timestamp);
        edges.iter().filter(is_within).copied().collect::<Vec<_>>()
    };
    let before = within(into, time.saturating_sub(SPAN_MS), time);
    let after = within(out, time, time.saturating_add(SPAN_MS));
    // both stand in the order of their other ends
    let both = after.iter().any(|o| before.binary_search_by(|i| i.from.cmp(&o.to)).is_ok());
    let total = |edges: &[&Edge<'_>]| edges.iter().map(|e| e.value).sum::<f64>();
    let (gathered, scattered) = (total(&before), total(&after));
    let kept = scattered >= LEAST_KEPT * gathered && scattered <= MOST_KEPT * gathered;
    let wide = before.len() >= MIN_SIDE && after.len() >= MIN_SIDE;
    (wide && !both && kept && gathered > 0.0).then_some([before, after])
}

fn describe<'g>(graph: &'g FlowGraph<'g>, mut sides: Sides<'g>) -> Vec<Found> {
    for side in &mut sides {
        side.sort_by(|a, b| b.value.total_cmp(&a.value).then_with(|| (a.from, a.to).cmp(&(b.from, b.to))));
    }
    let [into, out] = &sides;
    let (least, most) = (narrow(&sides) as f64, into.len().max(out.len()));
    let severity = 0.5 * (least / 20.0).min(1.0) + 0.5 * (volume(into) / 50_000.0).min(1.0);
    let scores = Scores { severity, confidence: 0.5 + 0.5 * (least / 10.0).min(1.0), risk: 0.8 * severity };
    let one = |rank: usize| {
        let way = [into[rank % into.len()], out[rank % out.len()]];
        Found::of_edges(graph, (GATHER.pattern_type, "motif_detection"), &along(&way), &way, scores)
    };
    (0..most).map(one).collect()
}
