//! Several who pay the same several, once and one behind the other: planted by hand, and beside twins that try all addresses.

use std::collections::BTreeSet;

use aml_miner::aml::derive::{further_patterns, money_flows};
use aml_miner::aml::sot::{MoneyFlow, Transfer};
use aml_miner::determinism::par::Pool;
use proptest::prelude::*;

use crate::network::{HOUR, pay};

const THREE_DAYS: i64 = 72 * HOUR;

/// The members of each pattern of a type.
fn fast(transfers: &[Transfer], pattern_type: &str) -> BTreeSet<Vec<String>> {
    let all = further_patterns(&money_flows(transfers), Some(transfers));
    let own = all.into_iter().filter(|pattern| pattern.pattern_type == pattern_type);
    own.map(|pattern| pattern.addresses_involved).collect()
}

fn is_small(flows: &[MoneyFlow], address: &str) -> bool {
    let ends = |f: &MoneyFlow| usize::from(f.from_address == address) + usize::from(f.to_address == address);
    flows.iter().map(ends).sum::<usize>() <= 20
}

fn names(flows: &[MoneyFlow]) -> BTreeSet<&str> {
    flows.iter().flat_map(|f| [f.from_address.as_str(), f.to_address.as_str()]).collect()
}

/// When one first paid another.
fn first(flows: &[MoneyFlow], from: &str, to: &str) -> Option<i64> {
    let pair = flows.iter().find(|f| f.from_address == from && f.to_address == to && from != to);
    pair.map(|f| f.first_seen_timestamp)
}

/// Pairs whose payer shares so many recipients with somebody.
fn joint(flows: &[MoneyFlow], least: usize) -> BTreeSet<(&str, &str)> {
    let small: Vec<&str> = names(flows).into_iter().filter(|name| is_small(flows, name)).collect();
    let mut joint = BTreeSet::new();
    for &one in &small {
        for &other in small.iter().filter(|&&other| other != one) {
            let times = |to: &&str| first(flows, one, to).zip(first(flows, other, to));
            let common: Vec<&str> = small.iter().copied().filter(|to| times(to).is_some()).collect();
            let all: Vec<i64> = common.iter().filter_map(times).flat_map(|(a, b)| [a, b]).collect();
            let span = all.iter().max().zip(all.iter().min()).map_or(0, |(last, first)| last - first);
            if common.len() >= least && span <= THREE_DAYS {
                joint.extend(common.into_iter().map(|to| (one, to)));
            }
        }
    }
    joint
}

fn slow_bipartite(flows: &[MoneyFlow]) -> BTreeSet<Vec<String>> {
    joint(flows, 3).into_iter().map(|(from, to)| vec![from.to_owned(), to.to_owned()]).collect()
}

fn slow_stack(flows: &[MoneyFlow]) -> BTreeSet<Vec<String>> {
    let joint = joint(flows, 2);
    let mut stacks = BTreeSet::new();
    for &(a, b) in &joint {
        for &(_, c) in joint.iter().filter(|pair| pair.0 == b && pair.1 != a) {
            let (paid, pays) = (first(flows, a, b).expect("a pair"), first(flows, b, c).expect("a pair"));
            if (paid..=paid + THREE_DAYS).contains(&pays) {
                stacks.insert([a, b, c].map(str::to_owned).to_vec());
            }
        }
    }
    stacks
}

/// Everybody of one side pays everybody of the other, an hour apart.
fn all_pay_all(from: &[&str], to: &[&str], hours: f64) -> Vec<Transfer> {
    let ends = from.iter().flat_map(|from| to.iter().map(move |to| (*from, *to)));
    ends.enumerate().map(|(i, (from, to))| pay(from, to, 50.0 + i as f64, hours + i as f64)).collect()
}

#[test]
fn two_who_pay_the_same_three_are_bipartite() {
    let network = all_pay_all(&["a", "b"], &["x", "y", "z"], 1.0);
    let pairs = |network: &[Transfer]| fast(network, "bipartite").len();
    assert_eq!(pairs(&network), 6);
    assert_eq!(pairs(&network[..5]), 0, "two in common are not many");
    let with = |more: &[Transfer]| pairs(&[network.clone(), more.to_vec()].concat());
    assert_eq!(with(&[pay("c", "x", 1.0, 2.0), pay("c", "y", 1.0, 2.0)]), 6, "two of the three");
    assert_eq!(with(&[pay("c", "x", 1.0, 2.0), pay("c", "y", 1.0, 2.0), pay("c", "z", 1.0, 2.0)]), 9);
    assert_eq!(with(&[pay("a", "w", 1.0, 99.0), pay("b", "w", 1.0, 2.0)]), 0, "over four days");
    let shops =
        |n: usize| -> Vec<Transfer> { (0..n).map(|i| pay("a", &format!("shop{i}"), 1.0, 5.0)).collect() };
    assert_eq!((with(&shops(17)), with(&shops(18))), (6, 0), "a service");
    let customers =
        |n: usize| -> Vec<Transfer> { (0..n).map(|i| pay(&format!("c{i}"), "x", 1.0, 5.0)).collect() };
    assert_eq!((with(&customers(18)), with(&customers(19))), (6, 0), "two in common beside a service");
}

#[test]
fn those_who_are_paid_together_and_pay_together_are_a_stack() {
    let network = |hours: f64| {
        [all_pay_all(&["a", "b"], &["x", "y"], 1.0), all_pay_all(&["x", "y"], &["p", "q"], hours)].concat()
    };
    let found = |network: &[Transfer]| fast(network, "stack");
    assert_eq!(found(&network(5.0)).len(), 8);
    assert!(found(&network(5.0)).contains(["a", "y", "q"].map(str::to_owned).as_slice()));
    assert!(found(&network(80.0)).is_empty(), "long after");
    assert!(found(&all_pay_all(&["a", "b"], &["x", "y"], 1.0)).is_empty(), "one layer");
    let back =
        [all_pay_all(&["a", "b"], &["x", "y"], 1.0), all_pay_all(&["x", "y"], &["a", "b"], 5.0)].concat();
    assert!(found(&back).iter().all(|way| way[0] != way[2]));
}

/// Payments between few, at few times, so that many have recipients in common.
fn networks() -> impl Strategy<Value = Vec<Transfer>> {
    let hours = prop_oneof![6 => 0.0..60.0_f64, 1 => 0.0..400.0_f64];
    let one = (0..9_usize, 0..9_usize, hours);
    let shops = (0..9_usize, 0..16_usize);
    (prop::collection::vec(one, 0..40), shops).prop_map(|(rows, (busy, shops))| {
        let name = |i: usize| format!("n{i}");
        let among = rows.into_iter().map(|(from, to, at)| pay(&name(from), &name(to), 10.0, at));
        let busy = (0..shops).map(|i| pay(&name(busy), &format!("shop{i}"), 1.0, 3.0));
        among.chain(busy).collect()
    })
}

/// Two ways over the same addresses are one pattern.
fn sets(ways: BTreeSet<Vec<String>>) -> BTreeSet<BTreeSet<String>> {
    ways.into_iter().map(|way| way.into_iter().collect()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn exactly_what_trying_all_addresses_finds(
        (a, b) in networks().prop_flat_map(|t| (Just(t.clone()), Just(t).prop_shuffle())),
        threads in 1..4_usize,
    ) {
        let flows = money_flows(&a);
        let found = |kind: &str| Pool::new(threads).expect("threads start").run(|| fast(&b, kind));
        prop_assert_eq!(sets(found("bipartite")), sets(slow_bipartite(&flows)));
        prop_assert_eq!(sets(found("stack")), sets(slow_stack(&flows)));
    }
}
