//! Many into one, one into many.

use super::{Detector, Found, Role, Scores, evenness, volume};
use crate::aml::derive::graph::{Edge, FlowGraph};
use crate::determinism::par;

/// Fewest counterparties on the wide side.
pub(super) const MIN_WIDE: usize = 5;
/// Most counterparties on the narrow side.
pub(super) const MAX_NARROW: usize = 3;

pub(super) const FAN_IN: Detector = Detector {
    pattern_type: "motif_fanin",
    definition: "An address with at least 5 senders, and at least as many as 95 % of all addresses have, and at most 3 \
                 recipients. The centre first, then the senders in byte order.",
    bound: "O(pairs + addresses log addresses).",
    detect: |scene| fans(scene.graph, Direction::In),
};

pub(super) const FAN_OUT: Detector = Detector {
    pattern_type: "motif_fanout",
    definition: "An address with at least 5 recipients, and at least as many as 95 % of all addresses have, and at \
                 most 3 senders. The centre first, then the recipients in byte order.",
    bound: "O(pairs + addresses log addresses).",
    detect: |scene| fans(scene.graph, Direction::Out),
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    In,
    Out,
}

fn fans(graph: &FlowGraph<'_>, direction: Direction) -> Vec<Found> {
    let wide = par::map(graph.len(), |a| counterparties(graph, a as u32, direction).len());
    let least = percentile_95(&wide).max(MIN_WIDE);
    let narrow = |a: u32| match direction {
        Direction::In => counterparties(graph, a, Direction::Out).len(),
        Direction::Out => counterparties(graph, a, Direction::In).len(),
    };
    let is_fan = |a: &usize| wide[*a] >= least && narrow(*a as u32) <= MAX_NARROW;
    let blocks = par::map_blocks(graph.len(), BLOCK, |addresses| {
        let fans = addresses.filter(is_fan);
        fans.map(|a| describe(graph, a as u32, direction)).collect::<Vec<_>>()
    });
    blocks.concat()
}

/// Addresses that one thread takes at a time.
const BLOCK: usize = 1024;

/// Distinct counterparties other than the address itself, ascending.
fn counterparties(graph: &FlowGraph<'_>, address: u32, direction: Direction) -> Vec<u32> {
    let mut ids: Vec<u32> = match direction {
        Direction::In => graph.incoming(address).map(|e| e.from).collect(),
        Direction::Out => graph.outgoing(address).map(|e| e.to).collect(),
    };
    ids.retain(|&id| id != address);
    ids.dedup();
    ids
}

/// The smallest value that at least 95 % do not exceed.
pub(super) fn percentile_95(values: &[usize]) -> usize {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let rank = (sorted.len() * 95).div_ceil(100);
    if rank == 0 { 0 } else { sorted[rank - 1] }
}

fn describe(graph: &FlowGraph<'_>, centre: u32, direction: Direction) -> Found {
    let (kind, role) = match direction {
        Direction::In => (FAN_IN.pattern_type, Role::Source),
        Direction::Out => (FAN_OUT.pattern_type, Role::Destination),
    };
    let edges: Vec<&Edge<'_>> = match direction {
        Direction::In => graph.incoming(centre).filter(|e| e.from != centre).collect(),
        Direction::Out => graph.outgoing(centre).filter(|e| e.to != centre).collect(),
    };
    let mut members = vec![(centre, Role::Center)];
    members.extend(counterparties(graph, centre, direction).iter().map(|&id| (id, role)));
    let width = (members.len() - 1) as f64;
    let severity = 0.4 * (width / 20.0).min(1.0) + 0.6 * (volume(&edges) / 50_000.0).min(1.0);
    let values: Vec<f64> = edges.iter().map(|e| e.value).collect();
    let scores = Scores {
        severity,
        confidence: 0.5 + 0.2 * (width / 20.0).min(1.0) + 0.3 * evenness(&values),
        risk: severity,
    };
    Found::of_edges(graph, (kind, "motif_detection"), &members, &edges, scores)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_take_the_nearest_rank() {
        assert_eq!(percentile_95(&[]), 0);
        assert_eq!(percentile_95(&[7]), 7);
        assert_eq!(percentile_95(&(1..=100).collect::<Vec<_>>()), 95);
        assert_eq!(percentile_95(&(1..=20).collect::<Vec<_>>()), 19);
    }
}
