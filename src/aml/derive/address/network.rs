//! Measures of an address's place in the flow graph.
//!
//! Each follows the definition behind the official column: PageRank by power iteration over weights in US dollars,
//! k-core and clustering over the undirected graph, k-hop reach along the direction of payments. Weights are dollars;
//! a network without prices falls back to native units.
//!
//! Sources: Page et al. 1999 (PageRank); Batagelj and Zaversnik 2003 (k-core by peeling); Onnela et al. 2005 (weighted
//! clustering, geometric mean of the weights over their maximum).

use std::collections::BTreeMap;

use super::account::usd;
use crate::aml::derive::graph::FlowGraph;
use crate::determinism::{math, par};

/// Measures of every address, by id.
#[derive(Clone, Debug, Default)]
pub(super) struct Measures {
    pub(super) pagerank: Vec<f64>,
    pub(super) clustering: Vec<f64>,
    pub(super) kcore: Vec<f64>,
    /// Addresses within 1, 2 and 3 payments, without the address itself.
    pub(super) reach: Vec<[f64; 3]>,
    /// Total volume in US dollars of those addresses.
    pub(super) reach_volume: Vec<[f64; 3]>,
}

impl Measures {
    pub(super) fn of(graph: &FlowGraph<'_>) -> Self {
        let neighbours = undirected(graph);
        let (reach, reach_volume) = reaches(graph);
        Measures {
            pagerank: pagerank(graph),
            clustering: clustering(&neighbours),
            kcore: core_numbers(&neighbours),
            reach,
            reach_volume,
        }
    }
}

/// Weighted PageRank, damping 0.85, at most 100 rounds, until the L1 change is below `n * 1e-6`.
fn pagerank(graph: &FlowGraph<'_>) -> Vec<f64> {
    const DAMPING: f64 = 0.85;
    let n = graph.len();
    let start = 1.0 / n.max(1) as f64;
    let strength: Vec<f64> = (0..n).map(|a| graph.outgoing(a as u32).map(|e| e.value).sum()).collect();
    let mut rank = vec![start; n];
    for _ in 0..100 {
        let dangling: f64 = (0..n).filter(|&a| strength[a] <= 0.0).map(|a| rank[a]).sum();
        let base = (DAMPING * dangling + 1.0 - DAMPING) * start;
        let inflow = |a: usize| -> f64 {
            let share = |from: usize, value: f64| {
                if strength[from] > 0.0 { rank[from] * value / strength[from] } else { 0.0 }
            };
            graph.incoming(a as u32).map(|e| share(e.from as usize, e.value)).sum()
        };
        let next: Vec<f64> = (0..n).map(|a| base + DAMPING * inflow(a)).collect();
        let change: f64 = next.iter().zip(&rank).map(|(a, b)| (a - b).abs()).sum();
        rank = next;
        if change < n as f64 * 1e-6 {
            break;
        }
    }
    rank
}

/// The graph without directions or self-payments. Where both directions exist, the weight is that of the edge out of
/// the address that is named later when the edges are read out in key order: what remains when a directed graph is
/// flattened edge by edge, as the published columns were.
fn undirected(graph: &FlowGraph<'_>) -> Vec<BTreeMap<u32, f64>> {
    let named = order_of_naming(graph);
    let mut neighbours = vec![BTreeMap::new(); graph.len()];
    for edge in graph.edges.iter().filter(|e| e.from != e.to) {
        let (from, to) = (edge.from as usize, edge.to as usize);
        if named[from] > named[to] || !neighbours[from].contains_key(&edge.to) {
            neighbours[from].insert(edge.to, edge.value);
            neighbours[to].insert(edge.from, edge.value);
        }
    }
    neighbours
}

/// When each address is first named, sender before recipient, reading edges in key order.
fn order_of_naming(graph: &FlowGraph<'_>) -> Vec<usize> {
    let mut named = vec![usize::MAX; graph.len()];
    let mut next = 0;
    for address in graph.edges.iter().flat_map(|e| [e.from as usize, e.to as usize]) {
        if named[address] == usize::MAX {
            named[address] = next;
            next += 1;
        }
    }
    named
}

/// Weighted local clustering: the mean over pairs of neighbours of the cube root of the triangle's weights over the
/// largest weight, 0 for fewer than two neighbours.
fn clustering(neighbours: &[BTreeMap<u32, f64>]) -> Vec<f64> {
    let largest = neighbours.iter().flat_map(BTreeMap::values).fold(0.0, |max: f64, &w| max.max(w));
    par::map(neighbours.len(), |a| {
        let own = &neighbours[a];
        let degree = own.len() as f64;
        if own.len() < 2 || largest <= 0.0 {
            return 0.0;
        }
        let mut total = 0.0;
        for (&b, &ab) in own {
            for (&c, &bc) in neighbours[b as usize].range(b + 1..) {
                if let Some(&ac) = own.get(&c) {
                    total += cbrt(ab / largest * (bc / largest) * (ac / largest));
                }
            }
        }
        2.0 * total / (degree * (degree - 1.0))
    })
}

fn cbrt(x: f64) -> f64 {
    if x > 0.0 { math::powf(x, 1.0 / 3.0) } else { 0.0 }
}

/// The largest k for which an address survives in the subgraph where everyone has k neighbours.
fn core_numbers(neighbours: &[BTreeMap<u32, f64>]) -> Vec<f64> {
    let mut degree: Vec<usize> = neighbours.iter().map(BTreeMap::len).collect();
    let mut queue: std::collections::BTreeSet<(usize, u32)> =
        (0_u32..).zip(&degree).map(|(a, &d)| (d, a)).collect();
    let mut core = vec![0.0; neighbours.len()];
    let mut level = 0;
    while let Some((d, a)) = queue.pop_first() {
        level = level.max(d);
        core[a as usize] = level as f64;
        for &b in neighbours[a as usize].keys() {
            if queue.remove(&(degree[b as usize], b)) {
                degree[b as usize] -= 1;
                queue.insert((degree[b as usize], b));
            }
        }
    }
    core
}

/// Breadth-first search along payments, three levels from every address.
fn reaches(graph: &FlowGraph<'_>) -> (Vec<[f64; 3]>, Vec<[f64; 3]>) {
    let volume: Vec<f64> = (0..graph.len() as u32)
        .map(|a| graph.incoming(a).map(usd).sum::<f64>() + graph.outgoing(a).map(usd).sum::<f64>())
        .collect();
    // each block remembers the whole graph, so their number must not grow with it
    let block = (graph.len() / 64).max(64);
    let blocks = par::map_blocks(graph.len(), block, |starts| {
        let mut seen = Seen::of(graph.len());
        starts.map(|start| reach(graph, &volume, &mut seen, start)).collect::<Vec<_>>()
    });
    blocks.concat().into_iter().unzip()
}

/// Where a search has been, and whom it reached last.
struct Seen {
    /// The start of the search that was there last, plus 1.
    by: Vec<u32>,
    /// A bit for each address of the level that is being filled.
    level: Vec<u64>,
}

impl Seen {
    fn of(n: usize) -> Self {
        Seen { by: vec![0; n], level: vec![0; n.div_ceil(64)] }
    }

    /// Addresses in order, whose bits are set, as they are cleared.
    ///
    /// A level that is a good part of the graph is read out of its bits, a small one sorted.
    fn in_order(&mut self, mut reached: Vec<u32>) -> Vec<u32> {
        if reached.len() < self.level.len() / 8 {
            reached.iter().for_each(|&a| self.level[a as usize / 64] = 0);
            reached.sort_unstable();
            return reached;
        }
        reached.clear();
        for (place, word) in (0_u32..).zip(&mut self.level) {
            let mut bits = std::mem::take(word);
            while bits != 0 {
                reached.push(64 * place + bits.trailing_zeros());
                bits &= bits - 1;
            }
        }
        reached
    }
}

fn reach(graph: &FlowGraph<'_>, volume: &[f64], seen: &mut Seen, start: usize) -> ([f64; 3], [f64; 3]) {
    let (mut counts, mut volumes) = ([0.0; 3], [0.0; 3]);
    let (mut count, mut total) = (0.0, 0.0);
    let by = start as u32 + 1;
    let mut level = vec![start as u32];
    seen.by[start] = by;
    for hop in 0..3 {
        let mut next = Vec::new();
        for edge in level.iter().flat_map(|&a| graph.outgoing(a)) {
            let to = edge.to as usize;
            if std::mem::replace(&mut seen.by[to], by) != by {
                seen.level[to / 64] |= 1 << (to % 64);
                next.push(edge.to);
            }
        }
        level = seen.in_order(next);
        count += level.len() as f64;
        total += level.iter().map(|&a| volume[a as usize]).sum::<f64>();
        (counts[hop], volumes[hop]) = (count, total);
    }
    (counts, volumes)
}
