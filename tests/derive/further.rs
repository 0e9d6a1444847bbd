//! Patterns that no alert comes from: planted ones are found, and every hop they claim was paid.

use aml_miner::aml::derive::{
    Derived, add_further_patterns, complete, complete_and_list, further_patterns, money_flows, unpaid_hop,
};
use aml_miner::aml::sot::{Pattern, Transfer};
use aml_miner::determinism::par::Pool;
use proptest::prelude::*;

use crate::network::{batch, pay, transfers};

fn found(transfers: &[Transfer], pattern_type: &str) -> Vec<Pattern> {
    let all = further_patterns(&money_flows(transfers), Some(transfers));
    all.into_iter().filter(|p| p.pattern_type == pattern_type).collect()
}

fn lists(patterns: &[Pattern]) -> Vec<Vec<&str>> {
    let mut lists: Vec<Vec<&str>> =
        patterns.iter().map(|p| p.addresses_involved.iter().map(String::as_str).collect()).collect();
    lists.sort_unstable();
    lists
}

#[test]
fn hands_between_the_same_two_are_a_smurfing_network() {
    let mut network = Vec::new();
    for (hour, hand) in [(1.0, "h1"), (2.0, "h2"), (3.0, "h3")] {
        network.push(pay("boss", hand, 900.0, hour));
        network.push(pay(hand, "till", 880.0, hour + 5.0));
    }
    let expected = [["boss", "h1", "till"], ["boss", "h2", "till"], ["boss", "h3", "till"]];
    assert_eq!(lists(&found(&network, "smurfing_network")), expected);
    // two hands are no network, nor are hands that pay before they are paid
    assert!(found(&network[..4], "smurfing_network").is_empty());
    network[5] = pay("h3", "till", 880.0, 0.5);
    assert!(found(&network, "smurfing_network").is_empty());
}

#[test]
fn a_sum_that_loses_a_piece_at_each_hop_is_a_peel_chain() {
    let mut chain = Vec::new();
    for (hop, names) in ["p0", "p1", "p2", "p3", "p4"].windows(2).enumerate() {
        chain.push(pay(names[0], names[1], 1000.0 - 100.0 * hop as f64, hop as f64));
        chain.push(pay(names[0], &format!("piece{hop}"), 100.0, hop as f64 + 0.5));
    }
    let expected: [&[&str]; 4] = [
        &["p0", "p1", "p2", "p3", "p4"],
        &["p0", "p1", "p2", "p3", "piece3"],
        &["p0", "p1", "p2", "piece2"],
        &["p0", "p1", "piece1"],
    ];
    assert_eq!(lists(&found(&chain, "peel_chain")), expected);
    // a piece paid long after is another matter, as is one that is more than came
    chain[3] = pay("p1", "piece1", 100.0, 24.0 * 9.0);
    chain[5] = pay("p2", "piece2", 950.0, 2.5);
    assert_eq!(lists(&found(&chain, "peel_chain")), expected[..2]);
    // without the pieces it is a chain that shrinks, not one that is peeled
    let bare: Vec<Transfer> = chain.into_iter().step_by(2).collect();
    assert!(found(&bare, "peel_chain").is_empty());
}

#[test]
fn the_same_from_many_to_many_is_like_a_mixer() {
    let mut pool = Vec::new();
    for i in 0..5 {
        pool.push(pay(&format!("in{i}"), "pool", 500.0, f64::from(i)));
        pool.push(pay("pool", &format!("out{i}"), 490.0, 20.0 + f64::from(i)));
    }
    let patterns = found(&pool, "mixer_like");
    assert_eq!(lists(&patterns)[0], ["in0", "pool", "out0"]);
    assert_eq!(patterns.len(), 5);
    // two of five may pay another sum, three may not; nor may all differ by a little more than rounding
    let but = |n: usize, usd: fn(usize) -> f64| {
        let mut other = pool.clone();
        (0..n).for_each(|i| other[2 * i] = pay(&format!("in{i}"), "pool", usd(i), i as f64));
        found(&other, "mixer_like").len()
    };
    assert_eq!(but(2, |i| 700.0 + 50.0 * i as f64), 5);
    assert_eq!(but(3, |i| 700.0 + 50.0 * i as f64), 0);
    assert_eq!(but(5, |i| 500.0 + i as f64), 0);
    pool.push(pay("pool", "in0", 490.0, 30.0));
    assert!(found(&pool, "mixer_like").is_empty(), "who gets money back is a customer");
}

#[test]
fn from_many_and_soon_to_many_others_is_a_gather_scatter() {
    let mut network = Vec::new();
    for i in 0..5 {
        network.push(pay(&format!("in{i}"), "hub", 100.0 + f64::from(i), 24.0 * f64::from(i)));
        network.push(pay("hub", &format!("out{i}"), 90.0 + f64::from(i), 110.0 + f64::from(i)));
    }
    let found_lists = |network: &[Transfer]| found(network, "gather_scatter").len();
    let patterns = found(&network, "gather_scatter");
    let expected: Vec<Vec<String>> =
        (0..5).map(|i| vec![format!("in{i}"), "hub".into(), format!("out{i}")]).collect();
    assert_eq!(lists(&patterns), expected);
    let but = |at: usize, other: Transfer| {
        let mut network = network.clone();
        network[at] = other;
        network
    };
    assert_eq!(found_lists(&but(0, pay("in0", "hub", 100.0, 24.0 * 13.0))), 0, "the fifth comes too late");
    assert_eq!(found_lists(&but(9, pay("hub", "out4", 94.0, 24.0 * 20.0))), 0, "the fifth is paid too late");
    assert_eq!(
        found_lists(&but(9, pay("hub", "in4", 94.0, 114.0))),
        0,
        "who gets money back is on both sides"
    );
    assert_eq!(found_lists(&but(9, pay("hub", "out4", 900.0, 114.0))), 0, "it pays more than it was paid");
}

#[test]
fn payments_just_under_a_limit_are_threshold_evasion() {
    let under = |usd: f64| (0..5).map(|i| pay("s", &format!("t{i}"), usd, f64::from(i))).collect::<Vec<_>>();
    assert_eq!(lists(&found(&under(9500.0), "threshold_evasion")), [["s"]]);
    assert!(found(&under(10_000.0), "threshold_evasion").is_empty());
    assert!(found(&under(7999.0), "threshold_evasion").is_empty());
    let among_others = [under(9500.0), (0..3).map(|i| pay("s", "u", 20.0, f64::from(i))).collect()].concat();
    assert!(found(&among_others, "threshold_evasion").is_empty());
}

#[test]
fn throwaway_addresses_in_a_row_are_a_relay_chain_whatever_they_carry() {
    // amounts and times go up and down, and the ends have other business
    let chain = vec![
        pay("s", "r1", 10.0, 3.0),
        pay("r1", "r2", 900.0, 1.0),
        pay("r2", "t", 40.0, 20.0),
        pay("s", "t", 5.0, 2.0),
    ];
    assert_eq!(lists(&found(&chain, "relay_chain")), [["s", "r1", "r2", "t"]]);
    let with = |other: Transfer| [chain.clone(), vec![other]].concat();
    assert!(found(&with(pay("r1", "x", 1.0, 4.0)), "relay_chain").is_empty(), "it pays two");
    assert!(found(&with(pay("x", "r2", 1.0, 4.0)), "relay_chain").is_empty(), "two pay it");
    let mut late = chain.clone();
    late[2] = pay("r2", "t", 40.0, 25.5);
    assert!(found(&late, "relay_chain").is_empty(), "24 hours and a half later");
}

#[test]
fn relay_chains_that_close_are_rings() {
    let ring = |names: &[&str]| -> Vec<Transfer> {
        let hop = |i: usize| pay(names[i], names[(i + 1) % names.len()], 1.0 + i as f64, i as f64);
        (0..names.len()).map(hop).collect()
    };
    assert_eq!(lists(&found(&ring(&["c", "a", "b"]), "relay_chain")), [["a", "b", "c"]]);
    let through_a_hub = [ring(&["hub", "x", "y"]), vec![pay("z", "hub", 1.0, 1.0)]].concat();
    assert_eq!(lists(&found(&through_a_hub, "relay_chain")), [["hub", "x", "y"]]);
    assert!(found(&ring(&["a", "b"]), "relay_chain").is_empty(), "there and back");
}

#[test]
fn they_stand_behind_the_others_and_change_no_alert() {
    let network: Vec<Transfer> = (0..6).map(|i| pay("s", &format!("t{i}"), 9500.0, f64::from(i))).collect();
    let (mut whole, derived) = complete_and_list(batch(network));
    assert!(derived.contains(&Derived::Patterns));
    let before = whole.clone();
    add_further_patterns(&mut whole);
    let (old, new) = (before.patterns.expect("derived"), whole.patterns.expect("derived"));
    assert_eq!(new[..old.len()], old[..]);
    assert_eq!(new.len(), old.len() + 1);
    assert_eq!((before.alerts, before.clusters), (whole.alerts, whole.clusters));
}

#[test]
fn a_hop_that_nobody_paid_is_named() {
    let paid = [pay("a", "b", 1.0, 1.0), pay("b", "c", 1.0, 2.0)];
    let network: Vec<Transfer> = ["h1", "h2", "h3"]
        .iter()
        .flat_map(|hand| [pay("a", hand, 9.0, 1.0), pay(hand, "z", 9.0, 2.0)])
        .collect();
    let pattern = &found(&network, "smurfing_network")[0];
    assert_eq!(unpaid_hop(pattern, &network), None);
    assert_eq!(unpaid_hop(pattern, &paid), Some(("a", pattern.addresses_involved[1].as_str())));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_hop_was_paid_whatever_the_order_and_the_threads(
        (a, b) in transfers(150).prop_flat_map(|t| (Just(t.clone()), Just(t).prop_shuffle())),
        threads in 1..4_usize,
    ) {
        let one = further_patterns(&money_flows(&a), Some(&a));
        for pattern in &one {
            prop_assert_eq!(unpaid_hop(pattern, &a), None);
            for score in [pattern.severity_score, pattern.confidence_score, pattern.risk_score] {
                prop_assert!((0.0..=1.0).contains(&score), "{score}");
            }
        }
        let other = Pool::new(threads).expect("threads start").run(|| further_patterns(&money_flows(&b), Some(&b)));
        prop_assert_eq!(one, other);
    }

    #[test]
    fn cycles_and_chains_claim_only_paid_hops_too(transfers in transfers(150)) {
        let done = complete(batch(transfers.clone()));
        let ordered = ["cycle", "layering_path", "temporal_burst"];
        for pattern in done.patterns.expect("derived").iter().filter(|p| ordered.contains(&p.pattern_type.as_str())) {
            prop_assert_eq!(unpaid_hop(pattern, &transfers), None);
        }
    }
}
