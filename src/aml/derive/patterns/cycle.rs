//! Money that returns to where it came from.

use super::{Detector, Found, Member, Role, Scene, Scores, conservation, volume};
use crate::aml::derive::few::{Came, Few};
use crate::aml::derive::graph::{ByValue, Edge, FlowGraph};
use crate::determinism::par;

/// Most hops of a cycle.
pub(super) const MAX_HOPS: usize = 10;
/// How much more than its smallest hop a hop of a cycle may carry.
pub(super) const BAND: f64 = 2.0;
/// Edges looked at per starting edge; a search that would need more ends at the last level it can finish.
const MAX_SCANNED: usize = 10_000;
/// Pairs that one thread takes at a time.
const BLOCK: usize = 1024;

pub(super) const CYCLE: Detector = Detector {
    pattern_type: "cycle",
    definition: "For every pair of addresses, the shortest closed path of 3 to 10 hops in which this pair carries \
                 least (ties by byte order of the pairs) and no hop carries more than twice as much; among equally \
                 short ones, the one that visiting addresses in byte order finds. One pattern per set of addresses: \
                 the largest volume, then the path first in byte order. Listed from its smallest address along the \
                 payments.",
    bound: "One breadth-first search per pair, each over at most 10,000 pairs: O(pairs x 10,000) at worst, O(pairs) \
            where amounts differ. A search that would exceed this ends at the last distance it can finish, so what is \
            missed are longer cycles through very busy addresses, never cycles by their place in a file.",
    detect: cycles,
};

fn cycles(scene: &Scene<'_>) -> Vec<Found> {
    let graph = scene.graph;
    let by_value = ByValue::of(graph);
    let found = par::map_blocks(graph.edges.len(), BLOCK, |edges| {
        // entered are at most the addresses that the pairs looked at lead to
        let mut seen = Few::of_at_most(MAX_SCANNED + 1);
        edges
            .filter_map(|smallest| shortest(graph, &by_value, smallest, &mut seen))
            .map(|path| describe(graph, &path))
            .collect::<Vec<_>>()
    });
    found.concat()
}

/// Edges of the shortest cycle in which `smallest` carries least, starting with it.
fn shortest<'g>(
    graph: &'g FlowGraph<'g>,
    by_value: &ByValue<'g, 'g>,
    smallest: usize,
    seen: &mut Few,
) -> Option<Vec<&'g Edge<'g>>> {
    let closing = &graph.edges[smallest];
    if closing.value <= 0.0 || closing.from == closing.to {
        return None;
    }
    let rank = (closing.value, closing.from, closing.to);
    let allowed =
        |e: &Edge<'_>| (e.value, e.from, e.to) > rank && e.value <= closing.value * BAND && e.from != e.to;
    let mut last = by_value.incoming(closing.from, closing.value, closing.value * BAND);
    if !last.any(allowed) {
        // nothing of that size comes back
        return None;
    }
    // (address, index of the step before, edge that led here); the first step stands for `closing`
    let mut steps: Vec<(u32, usize, &Edge<'_>)> = vec![(closing.to, 0, closing)];
    seen.begin_with(closing.to);
    let (mut level, mut scanned) = (0..1, 0);
    for hop in 2..=MAX_HOPS {
        scanned += level.clone().map(|at| graph.outgoing(steps[at].0).len()).sum::<usize>();
        if scanned > MAX_SCANNED {
            return None;
        }
        let mut next: Vec<(u32, usize, &Edge<'_>)> = Vec::new();
        for at in level.clone() {
            let band = by_value.outgoing(steps[at].0, closing.value, closing.value * BAND);
            for edge in band.filter(|&e| allowed(e)) {
                if edge.to == closing.from {
                    if hop > 2 {
                        return Some(walk_back(&steps, at, edge));
                    }
                } else if seen.insert(edge.to) == Came::New {
                    next.push((edge.to, at, edge));
                }
            }
        }
        next.sort_by_key(|step| step.0);
        level = steps.len()..steps.len() + next.len();
        steps.extend(next);
    }
    None
}

fn walk_back<'g>(
    steps: &[(u32, usize, &'g Edge<'g>)],
    last: usize,
    closing: &'g Edge<'g>,
) -> Vec<&'g Edge<'g>> {
    let mut path = vec![closing];
    let mut at = last;
    loop {
        path.push(steps[at].2);
        if at == 0 {
            break;
        }
        at = steps[at].1;
    }
    path.reverse();
    path
}

fn describe(graph: &FlowGraph<'_>, path: &[&Edge<'_>]) -> Found {
    let start = (0..path.len()).min_by_key(|&i| path[i].from).unwrap_or(0);
    let members: Vec<Member> =
        (0..path.len()).map(|i| (path[(start + i) % path.len()].from, Role::Participant)).collect();
    let hops = path.len() as f64;
    let severity = 0.6 * (hops / 10.0).min(1.0) + 0.4 * (volume(path) / 100_000.0).min(1.0);
    let scores = Scores {
        severity,
        confidence: 0.5 + 0.3 * conservation(path) + 0.2 * (hops / 6.0).min(1.0),
        risk: (1.2 * severity).min(1.0),
    };
    Found::of_edges(graph, (CYCLE.pattern_type, "cycle_detection"), &members, path, scores)
}
