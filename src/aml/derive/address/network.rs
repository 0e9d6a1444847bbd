//! Measures of an address's place in the flow graph.
//!
//! Each follows the definition behind the official column: PageRank by power iteration over weights in US dollars,
//! k-core and clustering over the undirected graph, k-hop reach along the direction of payments. Weights are dollars;
//! a network without prices falls back to native units.
//!
//! Sources: Page et al. 1999 (PageRank); Batagelj and Zaversnik 2003 (k-core by peeling); Onnela et al. 2005 (weighted
//! clustering, geometric mean of the weights over their maximum).

use std::cmp::Ordering;
use std::ops::{AddAssign, Range, SubAssign};

use super::account::usd;
use crate::aml::derive::graph::FlowGraph;
use crate::aml::derive::lists::Lists;
use crate::aml::derive::reach::{Reach, Tally};
use crate::determinism::fixed::{self, Scale};
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
        // parts of both go one address after the other, which leaves the other threads without work
        let (neighbours, (reach, reach_volume)) = par::join(|| Undirected::of(graph), || reaches(graph));
        let (kcore, (pagerank, clustering)) =
            par::join(|| core_numbers(&neighbours), || (pagerank(graph), clustering(&neighbours)));
        Measures { pagerank, clustering, kcore, reach, reach_volume }
    }
}

/// Weighted PageRank, damping 0.85, at most 100 rounds, until the L1 change is below `n * 1e-6`.
fn pagerank(graph: &FlowGraph<'_>) -> Vec<f64> {
    const DAMPING: f64 = 0.85;
    let n = graph.len();
    let start = 1.0 / n.max(1) as f64;
    let strength: Vec<f64> = par::map(n, |a| graph.outgoing(a as u32).map(|e| e.value).sum());
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
        let next: Vec<f64> = par::map(n, |a| base + DAMPING * inflow(a));
        let change: f64 = next.iter().zip(&rank).map(|(a, b)| (a - b).abs()).sum();
        rank = next;
        if change < n as f64 * 1e-6 {
            break;
        }
    }
    rank
}

/// The graph without directions or self-payments: each address's neighbours upwards, one address's behind the other's.
struct Undirected {
    neighbours: Lists,
    /// Of the links to them, in the order of all lists.
    weights: Vec<f64>,
}

impl Undirected {
    /// Where both directions exist, the weight is that of the edge out of the address that is named later when the
    /// edges are read out in key order: what remains when a directed graph is flattened edge by edge, as the published
    /// columns were.
    fn of(graph: &FlowGraph<'_>) -> Self {
        let named = order_of_naming(graph);
        let none = || Undirected { neighbours: Lists::none(), weights: Vec::new() };
        let block = |addresses: Range<usize>| {
            let mut block = none();
            addresses.for_each(|a| block.push(&links(graph, &named, a as u32)));
            block
        };
        let mut all = none();
        par::each_block(graph.len(), BLOCK, block, |block| all.append(&block));
        all
    }

    /// Adds the addresses of a block.
    fn append(&mut self, block: &Undirected) {
        self.neighbours.append(&block.neighbours);
        self.weights.extend(&block.weights);
    }

    /// Adds the links of the next address.
    fn push(&mut self, links: &[(u32, f64)]) {
        self.neighbours.push(links.iter().map(|link| link.0));
        self.weights.extend(links.iter().map(|link| link.1));
    }

    fn len(&self) -> usize {
        self.neighbours.len()
    }

    /// Neighbours of an address, upwards.
    fn of_address(&self, address: usize) -> &[u32] {
        self.neighbours.of(address as u32)
    }

    /// The weights of an address's links, in the order of its neighbours.
    fn weights_of(&self, address: usize) -> &[f64] {
        &self.weights[self.neighbours.range(address as u32)]
    }

    fn degree(&self, address: usize) -> usize {
        self.of_address(address).len()
    }
}

/// Neighbours of an address with the weights of their links, upwards.
fn links(graph: &FlowGraph<'_>, named: &[u32], address: u32) -> Vec<(u32, f64)> {
    // payments out of the address named later count, the last of them; failing those, the first the other way
    let is_later = |peer: u32| named[address as usize] > named[peer as usize];
    let sent = graph.outgoing(address).map(|e| (e.to, is_later(e.to), e.value));
    let received = graph.incoming(address).map(|e| (e.from, !is_later(e.from), e.value));
    let mut edges: Vec<(u32, bool, f64)> =
        sent.chain(received).filter(|&(peer, ..)| peer != address).collect();
    // a stable sort: edges of one pair stay in the order of their keys
    edges.sort_by_key(|edge| edge.0);
    let of_pair = edges.chunk_by(|a, b| a.0 == b.0);
    of_pair
        .map(|own| {
            let counts = own.iter().rev().find(|edge| edge.1).unwrap_or(&own[0]);
            (counts.0, counts.2)
        })
        .collect()
}

/// When each address is first named, sender before recipient, reading edges in key order.
fn order_of_naming(graph: &FlowGraph<'_>) -> Vec<u32> {
    let mut named = vec![u32::MAX; graph.len()];
    let mut next = 0;
    for address in graph.edges.iter().flat_map(|e| [e.from as usize, e.to as usize]) {
        if named[address] == u32::MAX {
            named[address] = next;
            next += 1;
        }
    }
    named
}

/// Weighted local clustering: the mean over pairs of neighbours of the cube root of the triangle's weights over the
/// largest weight, 0 for fewer than two neighbours.
///
/// A busy address costs its neighbours little more than their own degree: its list is leapt over, not walked.
fn clustering(neighbours: &Undirected) -> Vec<f64> {
    let largest = neighbours.weights.iter().fold(0.0, |max: f64, &w| max.max(w));
    let blocks = par::map_blocks(neighbours.len(), BLOCK, |addresses| {
        addresses.map(|a| clustering_of(neighbours, largest, a)).collect::<Vec<_>>()
    });
    blocks.concat()
}

fn clustering_of(neighbours: &Undirected, largest: f64, a: usize) -> f64 {
    let (own, weights) = (neighbours.of_address(a), neighbours.weights_of(a));
    let degree = own.len() as f64;
    if own.len() < 2 || largest <= 0.0 {
        return 0.0;
    }
    let mut total = 0.0;
    for (at, (&b, &ab)) in own.iter().zip(weights).enumerate() {
        let b_weights = neighbours.weights_of(b as usize);
        common(&own[at + 1..], neighbours.of_address(b as usize), |ours, theirs| {
            let (bc, ac) = (b_weights[theirs], weights[at + 1 + ours]);
            total += cbrt(ab / largest * (bc / largest) * (ac / largest));
        });
    }
    2.0 * total / (degree * (degree - 1.0))
}

/// Calls `found` with the places of every number that two ascending lists have in common, upwards. Long stretches of
/// either that the other lacks are leapt over.
fn common(a: &[u32], b: &[u32], mut found: impl FnMut(usize, usize)) {
    let (mut at_a, mut at_b) = (0, 0);
    while let (Some(&x), Some(&y)) = (a.get(at_a), b.get(at_b)) {
        match x.cmp(&y) {
            Ordering::Less => at_a += gallop(&a[at_a..], y),
            Ordering::Greater => at_b += gallop(&b[at_b..], x),
            Ordering::Equal => {
                found(at_a, at_b);
                (at_a, at_b) = (at_a + 1, at_b + 1);
            }
        }
    }
}

/// How many of an ascending list are less than a number; quick where that is few.
fn gallop(list: &[u32], number: u32) -> usize {
    let mut step = 1;
    while list.get(step).is_some_and(|&x| x < number) {
        step *= 2;
    }
    let from = step / 2;
    let to = list.len().min(step + 1);
    from + list[from..to].partition_point(|&x| x < number)
}

fn cbrt(x: f64) -> f64 {
    if x > 0.0 { math::powf(x, 1.0 / 3.0) } else { 0.0 }
}

/// The largest k for which an address survives in the subgraph where everyone has k neighbours.
///
/// Addresses stand in the order of their remaining neighbours, with the place at which each number of them begins: who
/// loses one changes places with the first of its number.
fn core_numbers(neighbours: &Undirected) -> Vec<f64> {
    let n = neighbours.len();
    let mut degree: Vec<usize> = (0..n).map(|a| neighbours.degree(a)).collect();
    let most = degree.iter().max().map_or(0, |most| *most);
    let mut begin = vec![0; most + 2];
    degree.iter().for_each(|&d| begin[d + 1] += 1);
    (0..=most).for_each(|d| begin[d + 1] += begin[d]);
    let mut next = begin.clone();
    let (mut order, mut place) = (vec![0; n], vec![0; n]);
    for a in 0..n {
        let at = &mut next[degree[a]];
        (order[*at], place[a]) = (a, *at);
        *at += 1;
    }
    for at in 0..n {
        let a = order[at];
        for &b in neighbours.of_address(a) {
            let b = b as usize;
            if degree[b] > degree[a] {
                let first = begin[degree[b]].max(at + 1);
                let other = order[first];
                order.swap(first, place[b]);
                (place[other], place[b]) = (place[b], first);
                begin[degree[b]] = first + 1;
                degree[b] -= 1;
            }
        }
    }
    degree.into_iter().map(|d| d as f64).collect()
}

/// Addresses within 1, 2 and 3 payments of each, and their volume.
///
/// Volumes are added up exactly and rounded once, so that no order of additions can be seen.
fn reaches(graph: &FlowGraph<'_>) -> (Vec<[f64; 3]>, Vec<[f64; 3]>) {
    let volume: Vec<f64> = par::map(graph.len(), |a| {
        let a = a as u32;
        graph.incoming(a).map(usd).sum::<f64>() + graph.outgoing(a).map(usd).sum::<f64>()
    });
    // 2^32 addresses of the largest volume fit an i128, and the smallest counts to the last digit beside 2^41 of it
    let scale = Scale::for_max(fixed::max_abs(volume.iter().copied()), 94);
    let reach = Reach::of(&Lists::of_pairs(graph.len(), graph.edges.iter().map(|e| (e.from, e.to))));
    let weights: Vec<Weight> = par::map(graph.len(), |place| {
        let volume = volume[reach.addresses()[place] as usize];
        Weight { count: 1, volume: scale.scaled(volume).round_ties_even() as i128 }
    });
    let of_address = |tallies: [Weight; 3]| {
        (tallies.map(|tally| f64::from(tally.count)), tallies.map(|tally| scale.value(tally.volume)))
    };
    reach.tallies(|place| weights[place as usize], |_| false, of_address).into_iter().unzip()
}

/// Addresses, and their volume in steps of a scale.
#[derive(Clone, Copy, Default)]
struct Weight {
    count: u32,
    volume: i128,
}

impl Tally for Weight {}

impl AddAssign for Weight {
    fn add_assign(&mut self, other: Self) {
        self.count += other.count;
        self.volume += other.volume;
    }
}

impl SubAssign for Weight {
    fn sub_assign(&mut self, other: Self) {
        self.count -= other.count;
        self.volume -= other.volume;
    }
}

/// Addresses that one thread takes at a time.
const BLOCK: usize = 1024;
