//! Groups of addresses that deal mostly with each other, and what hangs together at all.
//!
//! Communities maximise modularity of the undirected graph (weight 1 for each pair of addresses) by local moves and
//! merging, as the Louvain method does; addresses are visited upwards and ties go to the lowest group, so there is one
//! answer. Sources: Blondel et al. 2008.

use std::borrow::Cow;

use crate::aml::derive::lists::Lists;

/// Rounds of local moves on each level, and levels.
const ROUNDS: usize = 10;
const LEVELS: usize = 10;

/// An undirected weighted graph; a loop carries the weight inside a merged group, both ways.
struct Weighted<'l> {
    /// Whom each node is linked to.
    links: Cow<'l, Lists>,
    /// For how many pairs of addresses each link stands, one node's behind the other's; none where each stands for one.
    weights: Vec<u32>,
    strength: Vec<f64>,
    total: f64,
}

impl<'l> Weighted<'l> {
    fn new(links: Cow<'l, Lists>, weights: Vec<u32>) -> Self {
        let mut graph = Weighted { links, weights, strength: Vec::new(), total: 0.0 };
        let strength = |node| graph.links(node).map(|link| f64::from(link.1)).sum();
        graph.strength = (0..graph.links.len()).map(strength).collect();
        graph.total = graph.strength.iter().sum();
        graph
    }

    fn len(&self) -> usize {
        self.strength.len()
    }

    /// The nodes at the other ends of a node's links, and the weights of these.
    fn links(&self, node: usize) -> impl Iterator<Item = (u32, u32)> {
        let own = self.links.range(node as u32);
        let weights = self.weights.get(own.clone());
        let weight = move |at: usize| weights.map_or(1, |weights| weights[at]);
        self.links.items()[own].iter().enumerate().map(move |(at, &other)| (other, weight(at)))
    }
}

/// The group of each address, numbered by their lowest address.
pub(super) fn communities(neighbours: &Lists) -> Vec<u32> {
    let mut graph = Weighted::new(Cow::Borrowed(neighbours), Vec::new());
    let mut group: Vec<u32> = (0..neighbours.len() as u32).collect();
    for _ in 0..LEVELS {
        let moved = numbered(&local_moves(&graph));
        let groups = moved.iter().max().map_or(0, |most| *most as usize + 1);
        for own in &mut group {
            *own = moved[*own as usize];
        }
        if groups == graph.len() {
            break;
        }
        graph = merged(&graph, &moved, groups);
    }
    numbered(&group)
}

/// Each node to the neighbouring group with the largest gain of modularity, until nothing moves.
fn local_moves(graph: &Weighted<'_>) -> Vec<u32> {
    let n = graph.len();
    let mut group: Vec<u32> = (0..n as u32).collect();
    let mut weight = graph.strength.clone();
    let mut towards = vec![0.0; n];
    let mut near: Vec<u32> = Vec::new();
    for _ in 0..ROUNDS {
        let mut moves = 0;
        for a in 0..n {
            let own = group[a];
            weight[own as usize] -= graph.strength[a];
            for (b, w) in graph.links(a).filter(|link| link.0 as usize != a) {
                let g = group[b as usize];
                if towards[g as usize] <= 0.0 {
                    near.push(g);
                }
                towards[g as usize] += f64::from(w);
            }
            let gain = |g: u32| towards[g as usize] - graph.strength[a] * weight[g as usize] / graph.total;
            near.sort_unstable();
            let mut best = (gain(own), own);
            for &g in &near {
                let gain = gain(g);
                if gain > best.0 + 1e-9 {
                    best = (gain, g);
                }
            }
            near.drain(..).for_each(|g| towards[g as usize] = 0.0);
            weight[best.1 as usize] += graph.strength[a];
            group[a] = best.1;
            moves += usize::from(best.1 != own);
        }
        if moves == 0 {
            break;
        }
    }
    group
}

/// The graph whose nodes are the groups. Links are added up member by member, upwards, so each sum has one order.
fn merged(graph: &Weighted<'_>, group: &[u32], groups: usize) -> Weighted<'static> {
    let members = Lists::of_owners(groups, group.iter().copied());
    let (mut links, mut weights) = (Lists::none(), Vec::new());
    let mut towards = vec![0; groups];
    for g in 0..groups as u32 {
        let mut near = Vec::new();
        for &a in members.of(g) {
            for (b, w) in graph.links(a as usize) {
                let other = group[b as usize];
                if towards[other as usize] == 0 {
                    near.push(other);
                }
                towards[other as usize] += w;
            }
        }
        near.sort_unstable();
        weights.extend(near.iter().map(|&other| std::mem::take(&mut towards[other as usize])));
        links.push(near);
    }
    Weighted::new(Cow::Owned(links), weights)
}

/// The connected part of each address, numbered by their lowest address.
pub(super) fn components(neighbours: &Lists) -> Vec<u32> {
    let mut part = vec![u32::MAX; neighbours.len()];
    let mut parts = 0;
    for start in 0..neighbours.len() {
        if part[start] != u32::MAX {
            continue;
        }
        part[start] = parts;
        let mut open = vec![start as u32];
        while let Some(a) = open.pop() {
            for &b in neighbours.of(a) {
                if part[b as usize] == u32::MAX {
                    part[b as usize] = parts;
                    open.push(b);
                }
            }
        }
        parts += 1;
    }
    part
}

/// Groups renumbered from 0 in the order of their first members.
fn numbered(group: &[u32]) -> Vec<u32> {
    let mut number = vec![u32::MAX; group.len()];
    let mut next = 0;
    group
        .iter()
        .map(|&g| {
            if number[g as usize] == u32::MAX {
                number[g as usize] = next;
                next += 1;
            }
            number[g as usize]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_triangles_with_a_bridge_are_two_groups() {
        let pairs = [
            (0, 1),
            (0, 2),
            (1, 0),
            (1, 2),
            (2, 0),
            (2, 1),
            (2, 3),
            (3, 2),
            (3, 4),
            (3, 5),
            (4, 3),
            (4, 5),
            (5, 3),
            (5, 4),
        ];
        let neighbours = Lists::of_pairs(7, pairs.into_iter());
        assert_eq!(communities(&neighbours), vec![0, 0, 0, 1, 1, 1, 2]);
        assert_eq!(components(&neighbours), vec![0, 0, 0, 0, 0, 0, 1]);
    }
}
