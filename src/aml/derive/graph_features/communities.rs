//! Groups of addresses that deal mostly with each other, and what hangs together at all.
//!
//! Communities maximise modularity of the undirected graph (weight 1 for each pair of addresses) by local moves and
//! merging, as the Louvain method does; addresses are visited upwards and ties go to the lowest group, so there is one
//! answer. Sources: Blondel et al. 2008.

use std::collections::BTreeMap;

/// Rounds of local moves on each level, and levels.
const ROUNDS: usize = 10;
const LEVELS: usize = 10;

/// An undirected weighted graph; a loop carries the weight inside a merged group, both ways.
struct Weighted {
    links: Vec<Vec<(u32, f64)>>,
    strength: Vec<f64>,
    total: f64,
}

impl Weighted {
    fn new(links: Vec<Vec<(u32, f64)>>) -> Self {
        let strength: Vec<f64> = links.iter().map(|l| l.iter().map(|x| x.1).sum()).collect();
        let total = strength.iter().sum();
        Weighted { links, strength, total }
    }
}

/// The group of each address, numbered by their lowest address.
pub(super) fn communities(neighbours: &[Vec<u32>]) -> Vec<u32> {
    let links = neighbours.iter().map(|own| own.iter().map(|&b| (b, 1.0)).collect()).collect();
    let mut graph = Weighted::new(links);
    let mut group: Vec<u32> = (0..neighbours.len() as u32).collect();
    for _ in 0..LEVELS {
        let moved = numbered(&local_moves(&graph));
        let groups = moved.iter().max().map_or(0, |most| *most as usize + 1);
        for own in &mut group {
            *own = moved[*own as usize];
        }
        if groups == graph.links.len() {
            break;
        }
        graph = merged(&graph, &moved, groups);
    }
    numbered(&group)
}

/// Each node to the neighbouring group with the largest gain of modularity, until nothing moves.
fn local_moves(graph: &Weighted) -> Vec<u32> {
    let n = graph.links.len();
    let mut group: Vec<u32> = (0..n as u32).collect();
    let mut weight = graph.strength.clone();
    let mut towards = vec![0.0; n];
    for _ in 0..ROUNDS {
        let mut moves = 0;
        for a in 0..n {
            let own = group[a];
            weight[own as usize] -= graph.strength[a];
            let mut near: Vec<u32> = Vec::new();
            for &(b, w) in graph.links[a].iter().filter(|link| link.0 as usize != a) {
                let g = group[b as usize];
                if towards[g as usize] <= 0.0 {
                    near.push(g);
                }
                towards[g as usize] += w;
            }
            let gain = |g: u32| towards[g as usize] - graph.strength[a] * weight[g as usize] / graph.total;
            near.sort_unstable();
            let mut best = (gain(own), own);
            for &g in &near {
                if gain(g) > best.0 + 1e-9 {
                    best = (gain(g), g);
                }
            }
            near.iter().for_each(|&g| towards[g as usize] = 0.0);
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

/// The graph whose nodes are the groups.
fn merged(graph: &Weighted, group: &[u32], groups: usize) -> Weighted {
    let mut links: Vec<BTreeMap<u32, f64>> = vec![BTreeMap::new(); groups];
    for (a, own) in graph.links.iter().enumerate() {
        for &(b, w) in own {
            *links[group[a] as usize].entry(group[b as usize]).or_insert(0.0) += w;
        }
    }
    Weighted::new(links.into_iter().map(|own| own.into_iter().collect()).collect())
}

/// The connected part of each address, numbered by their lowest address.
pub(super) fn components(neighbours: &[Vec<u32>]) -> Vec<u32> {
    let mut part = vec![u32::MAX; neighbours.len()];
    let mut parts = 0;
    for start in 0..neighbours.len() {
        if part[start] != u32::MAX {
            continue;
        }
        part[start] = parts;
        let mut open = vec![start as u32];
        while let Some(a) = open.pop() {
            for &b in &neighbours[a as usize] {
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
        let neighbours =
            vec![vec![1, 2], vec![0, 2], vec![0, 1, 3], vec![2, 4, 5], vec![3, 5], vec![3, 4], vec![]];
        assert_eq!(communities(&neighbours), vec![0, 0, 0, 1, 1, 1, 2]);
        assert_eq!(components(&neighbours), vec![0, 0, 0, 0, 0, 0, 1]);
    }
}
