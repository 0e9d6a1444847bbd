//! Money handed on from address to address, nearly undiminished and soon.

use std::ops::RangeInclusive;

use super::{Detector, Scene, Scores, assemble, conservation, volume};
use crate::aml::derive::graph::{Edge, FlowGraph};
use crate::aml::sot::Pattern;

/// Fewest hops of a chain.
pub(super) const MIN_HOPS: usize = 3;
/// A hop carries at least this share of the hop before ...
pub(super) const LEAST_KEPT: f64 = 0.8;
/// ... and at most this.
pub(super) const MOST_KEPT: f64 = 1.02;
/// A hop starts at most this long after the hop before.
pub(super) const MAX_WAIT_MS: i64 = 7 * 86_400_000;
/// An intermediary deals with at most this many pairs.
pub(super) const MAX_PAIRS: usize = 10;

pub(super) const LAYERING: Detector = Detector {
    pattern_type: "layering_path",
    definition: "Chains of 3 or more hops over distinct addresses. A hop follows another when it leaves the address \
                 that received, to somebody else, carries 80 % to 102 % of it, and was first seen no earlier and at \
                 most 7 days later; intermediaries have at most 10 pairs. Each hop is followed by the largest such \
                 hop (then the earliest, then by byte order) and preceded likewise, so every pair is in at most one \
                 chain. Listed along the payments.",
    bound: "O(pairs x 10): the successors of a pair are the at most 10 pairs of an intermediary.",
    detect: layering_paths,
};

fn layering_paths(scene: &Scene<'_>) -> Vec<Pattern> {
    let graph = scene.graph;
    longest_chains(graph, follows).iter().map(|path| describe(graph, path)).collect()
}

/// Chains of hops that follow each other and choose each other.
pub(super) fn longest_chains<'g>(graph: &'g FlowGraph<'g>, follows: Follows) -> Vec<Vec<&'g Edge<'g>>> {
    let next = links(graph, follows);
    let mut is_start = vec![true; next.len()];
    next.iter().flatten().for_each(|&edge| is_start[edge] = false);
    let starts = (0..next.len()).filter(|&edge| is_start[edge]);
    starts.flat_map(|start| chains(graph, &next, start)).collect()
}

/// Whether the second hop may hand on what the first brought.
pub(super) type Follows = fn(&Edge<'_>, &Edge<'_>) -> bool;

/// The hop that follows each hop, where both choose each other.
fn links(graph: &FlowGraph<'_>, follows: Follows) -> Vec<Option<usize>> {
    let position =
        |e: &Edge<'_>| graph.edges.partition_point(|other| (other.from, other.to) < (e.from, e.to));
    let pairs = |a: u32| graph.outgoing(a).len() + graph.incoming(a).len();
    let choose = |edges: &mut dyn Iterator<Item = &Edge<'_>>| {
        let order = |a: &&Edge<'_>, b: &&Edge<'_>| {
            let later = b.flow.first_seen_timestamp.cmp(&a.flow.first_seen_timestamp);
            a.value.total_cmp(&b.value).then(later).then_with(|| (b.from, b.to).cmp(&(a.from, a.to)))
        };
        edges.max_by(order).map(position)
    };
    let quiet = |a: u32| pairs(a) <= MAX_PAIRS;
    let after = |e: &Edge<'_>| choose(&mut graph.outgoing(e.to).filter(|f| quiet(e.to) && follows(e, f)));
    let before =
        |f: &Edge<'_>| choose(&mut graph.incoming(f.from).filter(|e| quiet(f.from) && follows(e, f)));
    (0..graph.edges.len())
        .map(|at| after(&graph.edges[at]).filter(|&next| before(&graph.edges[next]) == Some(at)))
        .collect()
}

/// Whether `next` may hand on what `edge` brought.
pub(super) fn follows(edge: &Edge<'_>, next: &Edge<'_>) -> bool {
    is_soon(edge, next) && passes_on(edge, next, LEAST_KEPT..=MOST_KEPT)
}

/// Whether `next` begins no earlier than `edge` and not long after.
pub(super) fn is_soon(edge: &Edge<'_>, next: &Edge<'_>) -> bool {
    let wait = next.flow.first_seen_timestamp.saturating_sub(edge.flow.first_seen_timestamp);
    (0..=MAX_WAIT_MS).contains(&wait)
}

/// Whether `next` goes to somebody else than `edge` came from, and carries a share of it that is within `kept`.
pub(super) fn passes_on(edge: &Edge<'_>, next: &Edge<'_>, kept: RangeInclusive<f64>) -> bool {
    next.to != edge.from
        && next.to != next.from
        && edge.from != edge.to
        && next.value >= edge.value * kept.start()
        && next.value <= edge.value * kept.end()
        && edge.value > 0.0
}

/// The chain from `start`, cut where an address would come again.
fn chains<'g>(graph: &'g FlowGraph<'g>, next: &[Option<usize>], start: usize) -> Vec<Vec<&'g Edge<'g>>> {
    let (mut done, mut path) = (Vec::new(), Vec::<&Edge<'_>>::new());
    let mut seen = std::collections::BTreeSet::new();
    let mut at = Some(start);
    while let Some(edge) = at {
        let hop = &graph.edges[edge];
        if path.is_empty() || seen.contains(&hop.to) {
            done.push(std::mem::take(&mut path));
            seen = std::collections::BTreeSet::from([hop.from]);
        }
        seen.insert(hop.to);
        path.push(hop);
        at = next[edge];
    }
    done.push(path);
    done.retain(|path| path.len() >= MIN_HOPS);
    done
}

/// Addresses along a path, with their roles.
pub(super) fn along<'g>(graph: &'g FlowGraph<'_>, path: &[&Edge<'_>]) -> Vec<(&'g str, &'static str)> {
    let mut members = vec![(graph.name(path[0].from), "source")];
    members.extend(path.iter().map(|e| (graph.name(e.to), "intermediary")));
    if let Some(last) = members.last_mut() {
        last.1 = "destination";
    }
    members
}

/// How grave a path is: by its hops, then by its dollars.
pub(super) fn severity(path: &[&Edge<'_>]) -> f64 {
    let hops = path.len() as f64;
    0.7 * ((hops - 1.0) / 6.0).min(1.0) + 0.3 * (volume(path) / 50_000.0).min(1.0)
}

fn describe(graph: &FlowGraph<'_>, path: &[&Edge<'_>]) -> Pattern {
    let members = along(graph, path);
    let hops = path.len() as f64;
    let severity = severity(path);
    let scores = Scores {
        severity,
        confidence: 0.5 + 0.3 * conservation(path) + 0.2 * (hops / 8.0).min(1.0),
        risk: 0.9 * severity,
    };
    assemble((LAYERING.pattern_type, "path_analysis"), &members, path, scores)
}
