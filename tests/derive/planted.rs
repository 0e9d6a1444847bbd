//! Schemes that the simulator plants: the detector that looks for a shape finds it, and every hop it claims was paid.

use std::collections::{BTreeMap, BTreeSet};

use aml_miner::aml::derive::{further_patterns, money_flows, patterns, unpaid_hop};
use aml_miner::aml::simulate::{Shape, Simulation, is_malicious, simulate};
use aml_miner::aml::sot::{Batch, Pattern};

/// Share of the members of a scheme that must stand in patterns of the type.
#[derive(Clone, Copy, PartialEq)]
enum Reach {
    /// Half of them.
    Found,
    /// Any: the type names the middle of the shape only.
    Touched,
}

/// A shape, the type that looks for it, and the least share of laundering schemes that it must reach: somewhat below what
/// `docs/patterns.md` measures, for there are fewer schemes here.
const FLOORS: [(Shape, &str, Reach, f64); 16] = [
    (Shape::Cycle, "cycle", Reach::Found, 0.4),
    (Shape::Layering, "layering_path", Reach::Found, 0.7),
    (Shape::FanIn, "motif_fanin", Reach::Found, 0.7),
    (Shape::Smurfing, "smurfing_network", Reach::Found, 0.8),
    (Shape::FanOut, "motif_fanout", Reach::Found, 0.4),
    (Shape::ScatterGather, "smurfing_network", Reach::Found, 0.8),
    (Shape::GatherScatter, "gather_scatter", Reach::Found, 0.6),
    (Shape::Bipartite, "bipartite", Reach::Found, 0.5),
    (Shape::Stack, "stack", Reach::Found, 0.6),
    (Shape::PeelChain, "peel_chain", Reach::Found, 0.4),
    (Shape::Mixer, "mixer_like", Reach::Found, 0.8),
    (Shape::Burst, "temporal_burst", Reach::Touched, 0.8),
    (Shape::DormantReactivation, "dormant_activation", Reach::Found, 0.4),
    (Shape::WashTrading, "cycle", Reach::Found, 0.5),
    (Shape::Sybil, "smurfing_network", Reach::Found, 0.6),
    (Shape::RugPull, "rug_pull", Reach::Found, 0.7),
];

fn batch_of(shape: Shape) -> Batch {
    let shapes = shape.name().parse().expect("a name of a shape");
    let simulation = Simulation { shapes, addresses: 1_000, patterns: 40, ..Simulation::default() };
    simulate(&simulation).expect("legal settings").next().expect("one day")
}

/// Laundering schemes of at least three members.
fn schemes(batch: &Batch) -> Vec<BTreeSet<&str>> {
    let mut members: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for row in batch.ground_truth.iter().flatten().filter(|row| is_malicious(&row.role)) {
        members.entry(&row.pattern_instance_id).or_default().insert(&row.address);
    }
    members.into_values().filter(|members| members.len() >= 3).collect()
}

fn all_patterns(batch: &Batch) -> Vec<Pattern> {
    let transfers = batch.transfers.as_ref().expect("generation 3 has transfers").to_vec();
    let flows = money_flows(&transfers);
    let mut found = patterns(&flows, Some(&transfers));
    found.extend(further_patterns(&flows, Some(&transfers)));
    found
}

#[test]
fn planted_shapes_are_found_by_the_detectors_that_look_for_them() {
    for (shape, kind, reach, floor) in FLOORS {
        let batch = batch_of(shape);
        let found = all_patterns(&batch);
        let of_kind = found.iter().filter(|pattern| pattern.pattern_type == kind);
        let named: BTreeSet<&str> =
            of_kind.flat_map(|pattern| &pattern.addresses_involved).map(String::as_str).collect();
        let schemes = schemes(&batch);
        let reached = |members: &&BTreeSet<&str>| {
            let hit = members.intersection(&named).count();
            if reach == Reach::Found { 2 * hit >= members.len() } else { hit > 0 }
        };
        let share = schemes.iter().filter(reached).count() as f64 / schemes.len() as f64;
        assert!(schemes.len() >= 20, "{shape:?}: {} schemes", schemes.len());
        assert!(share >= floor, "{shape:?} by {kind}: {share}");
    }
}

#[test]
fn every_hop_claimed_among_planted_shapes_was_paid() {
    for shape in [
        Shape::PeelChain,
        Shape::Stack,
        Shape::Mixer,
        Shape::WashTrading,
        Shape::DormantReactivation,
        Shape::RugPull,
    ] {
        let batch = batch_of(shape);
        let transfers = &batch.transfers.as_ref().expect("generation 3 has transfers").to_vec();
        for pattern in all_patterns(&batch) {
            // in a fan the centre stands first
            if !pattern.pattern_type.starts_with("motif_") {
                assert_eq!(unpaid_hop(&pattern, transfers), None, "{shape:?} {}", pattern.pattern_type);
            }
        }
    }
}
