//! Money handed on from address to address, nearly undiminished and soon.

use std::ops::RangeInclusive;

use super::{Detector, Found, Member, Role, Scene, Scores, conservation, volume};
use crate::aml::derive::flows::DAY_MS;
use crate::aml::derive::graph::{Edge, FlowGraph};
use crate::determinism::par;

/// Fewest hops of a chain.
pub(super) const MIN_HOPS: usize = 3;
/// A hop carries at least this share of the hop before ...
pub(super) const LEAST_KEPT: f64 = 0.8;
/// ... and at most this.
pub(super) const MOST_KEPT: f64 = 1.02;
/// A hop starts at most this long after the hop before.
pub(super) const MAX_WAIT_MS: i64 = 7 * DAY_MS;
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

fn layering_paths(scene: &Scene<'_>) -> Vec<Found> {
    let chains = longest_chains(scene.graph, follows);
    par::map(chains.len(), |at| describe(scene.graph, &chains[at]))
}

/// Chains of [`MIN_HOPS`] hops or more that follow each other and choose each other.
pub(super) fn longest_chains<'g>(graph: &'g FlowGraph<'g>, follows: Follows) -> Vec<Vec<&'g Edge<'g>>> {
    let next = links(graph, follows);
    let mut is_start = vec![true; next.len()];
    (0..next.len()).filter_map(|edge| next.after(edge)).for_each(|edge| is_start[edge] = false);
    let blocks = par::map_blocks(next.len(), BLOCK, |edges| {
        // two links are three hops; most pairs have none
        let is_long = |edge: &usize| next.after(*edge).is_some_and(|second| next.after(second).is_some());
        let starts = edges.filter(|&edge| is_start[edge]).filter(is_long);
        starts.flat_map(|start| chains(graph, &next, start)).collect::<Vec<_>>()
    });
    blocks.concat()
}

/// Pairs that one thread takes at a time.
const BLOCK: usize = 4096;

/// Whether the second hop may hand on what the first brought.
pub(super) type Follows = fn(&Edge<'_>, &Edge<'_>) -> bool;

/// The hop that follows each hop, 2^32 - 1 where there is none: there are as many as pairs.
struct Links(Vec<u32>);

impl Links {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn after(&self, edge: usize) -> Option<usize> {
        Some(self.0[edge]).filter(|&next| next != u32::MAX).map(|next| next as usize)
    }
}

/// The hop that follows each hop, where both choose each other.
fn links(graph: &FlowGraph<'_>, follows: Follows) -> Links {
    let mut starts = vec![0];
    (0..graph.len() as u32).for_each(|a| starts.push(starts[a as usize] + graph.outgoing(a).len()));
    let position = |e: &Edge<'_>| {
        let (from, to) = (starts[e.from as usize], starts[e.from as usize + 1]);
        from + graph.edges[from..to].partition_point(|other| other.to < e.to)
    };
    let chosen = |at: usize| {
        let edge = &graph.edges[at];
        let through = edge.to;
        // asked first: a busy address has many pairs, and each that leads to it would look at all
        if graph.degree(through) > MAX_PAIRS {
            return None;
        }
        let next = position(largest(graph.outgoing(through).filter(|next| follows(edge, next)))?);
        let before = largest(graph.incoming(through).filter(|e| follows(e, &graph.edges[next])))?;
        (position(before) == at).then_some(next)
    };
    Links(par::map(graph.edges.len(), |at| chosen(at).map_or(u32::MAX, |next| next as u32)))
}

/// The hop that carries most, then the earliest, then by byte order.
pub(super) fn largest<'g>(hops: impl Iterator<Item = &'g Edge<'g>>) -> Option<&'g Edge<'g>> {
    hops.max_by(|a, b| {
        let later = b.flow.first_seen_timestamp.cmp(&a.flow.first_seen_timestamp);
        a.value.total_cmp(&b.value).then(later).then_with(|| (b.from, b.to).cmp(&(a.from, a.to)))
    })
}

/// Whether `next` may hand on what `edge` brought.
pub(super) fn follows(edge: &Edge<'_>, next: &Edge<'_>) -> bool {
    // times stand in the flow, which is far away
    passes_on(edge, next, LEAST_KEPT..=MOST_KEPT) && is_soon(edge, next)
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
fn chains<'g>(graph: &'g FlowGraph<'g>, next: &Links, start: usize) -> Vec<Vec<&'g Edge<'g>>> {
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
        at = next.after(edge);
    }
    done.push(path);
    done.retain(|path| path.len() >= MIN_HOPS);
    done
}

/// Addresses along a path, with their roles.
pub(super) fn along(path: &[&Edge<'_>]) -> Vec<Member> {
    let mut members = vec![(path[0].from, Role::Source)];
    members.extend(path.iter().map(|e| (e.to, Role::Intermediary)));
    if let Some(last) = members.last_mut() {
        last.1 = Role::Destination;
    }
    members
}

/// How grave a path is: by its hops, then by its dollars.
pub(super) fn severity(path: &[&Edge<'_>]) -> f64 {
    let hops = path.len() as f64;
    0.7 * ((hops - 1.0) / 6.0).min(1.0) + 0.3 * (volume(path) / 50_000.0).min(1.0)
}

fn describe(graph: &FlowGraph<'_>, path: &[&Edge<'_>]) -> Found {
    let members = along(path);
    let hops = path.len() as f64;
    let severity = severity(path);
    let scores = Scores {
        severity,
        confidence: 0.5 + 0.3 * conservation(path) + 0.2 * (hops / 8.0).min(1.0),
        risk: 0.9 * severity,
    };
    Found::of_edges(graph, (LAYERING.pattern_type, "path_analysis"), &members, path, scores)
}
