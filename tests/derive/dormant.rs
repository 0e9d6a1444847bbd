//! Sleepers that wake: planted by hand, and beside a twin that tries every three addresses.

use std::collections::BTreeSet;

use aml_miner::aml::derive::{further_patterns, money_flows};
use aml_miner::aml::sot::{MoneyFlow, Transfer};
use aml_miner::determinism::par::Pool;
use proptest::prelude::*;

use crate::network::{HOUR, pay};

const DAY: i64 = 24 * HOUR;

type Way = [String; 3];

fn fast(transfers: &[Transfer]) -> BTreeSet<Way> {
    let all = further_patterns(&money_flows(transfers), Some(transfers));
    let own = all.into_iter().filter(|pattern| pattern.pattern_type == "dormant_activation");
    own.map(|pattern| pattern.addresses_involved.try_into().expect("address, hop and exit")).collect()
}

fn of<'f>(flows: &'f [MoneyFlow], address: &'f str) -> impl Iterator<Item = &'f MoneyFlow> {
    flows.iter().filter(move |f| f.from_address == address || f.to_address == address)
}

fn into<'f>(flows: &'f [MoneyFlow], address: &'f str) -> impl Iterator<Item = &'f MoneyFlow> {
    flows.iter().filter(move |f| f.to_address == address && f.from_address != address)
}

fn pairs(flows: &[MoneyFlow], address: &str) -> usize {
    let ends = |f: &MoneyFlow| usize::from(f.from_address == address) + usize::from(f.to_address == address);
    flows.iter().map(ends).sum()
}

/// When the longest silence of an address ended, if it was long enough.
fn woke(flows: &[MoneyFlow], address: &str) -> Option<i64> {
    let begin = flows.iter().map(|f| f.first_seen_timestamp).min()?;
    let end = flows.iter().map(|f| f.last_seen_timestamp).max()?;
    let enough = ((end - begin) / 4).clamp(7 * DAY, 30 * DAY);
    let silence = |time: i64| {
        let before = of(flows, address).filter(|f| f.first_seen_timestamp < time);
        let pays = |f: &MoneyFlow| f.first_seen_timestamp == time && f.from_address == address;
        match before.map(|f| f.last_seen_timestamp).max() {
            Some(last) => time - last,
            None if of(flows, address).any(pays) => time - begin,
            None => 0,
        }
    };
    let times: BTreeSet<i64> = of(flows, address).map(|f| f.first_seen_timestamp).collect();
    let longest = times.iter().map(|&time| silence(time)).max()?;
    let woke = times.into_iter().find(|&time| silence(time) == longest);
    woke.filter(|_| longest >= enough && pairs(flows, address) <= 20)
}

/// Whether the pair is the payment of somebody who woke at most three days before.
fn is_woken(flows: &[MoneyFlow], flow: &MoneyFlow) -> bool {
    let is_soon = |woke: i64| (woke..=woke + 3 * DAY).contains(&flow.first_seen_timestamp);
    flow.amount_usd_sum > 0.0 && woke(flows, &flow.from_address).is_some_and(is_soon)
}

/// The pair by which a hop passes on what those who woke paid it.
fn exit<'f>(flows: &'f [MoneyFlow], hop: &str) -> Option<&'f MoneyFlow> {
    let paid: Vec<&MoneyFlow> = into(flows, hop).collect();
    let woken: Vec<&&MoneyFlow> = paid.iter().filter(|f| is_woken(flows, f)).collect();
    let received: f64 = paid.iter().map(|f| f.amount_usd_sum).sum();
    let from_woken: f64 = woken.iter().map(|f| f.amount_usd_sum).sum();
    let began = woken.iter().map(|f| f.first_seen_timestamp).min()?;
    let fits = |f: &&MoneyFlow| {
        f.from_address == hop
            && f.to_address != hop
            && woken.iter().all(|w| w.from_address != f.to_address)
            && (0.8 * received..=1.05 * received).contains(&f.amount_usd_sum)
            && (began..=began + 3 * DAY).contains(&f.first_seen_timestamp)
            && pairs(flows, &f.to_address) <= 20
    };
    let rank = |f: &&MoneyFlow| (-f.first_seen_timestamp, std::cmp::Reverse(f.to_address.clone()));
    let largest = |a: &&MoneyFlow, b: &&MoneyFlow| {
        a.amount_usd_sum.total_cmp(&b.amount_usd_sum).then_with(|| rank(a).cmp(&rank(b)))
    };
    flows
        .iter()
        .filter(fits)
        .max_by(largest)
        .filter(|_| from_woken >= 0.8 * received && pairs(flows, hop) <= 20)
}

fn slow(transfers: &[Transfer]) -> BTreeSet<Way> {
    let flows = money_flows(transfers);
    let mut ways: BTreeSet<Way> = BTreeSet::new();
    for first in flows.iter().filter(|f| f.from_address != f.to_address && is_woken(&flows, f)) {
        let second = exit(&flows, &first.to_address);
        let second = second.filter(|f| first.first_seen_timestamp <= f.last_seen_timestamp);
        let way = |f: &MoneyFlow| [&first.from_address, &f.from_address, &f.to_address].map(String::clone);
        ways.extend(second.map(way));
    }
    let alike = |way: &Way| ways.iter().filter(|other| other[2] == way[2]).count();
    ways.iter().filter(|way| alike(way) >= 2).cloned().collect()
}

/// Two who slept pay two, who pay one: hours from the start of a month.
fn network() -> Vec<Transfer> {
    let mut network = vec![pay("shop", "other", 5.0, 0.0), pay("shop", "other", 5.0, 24.0 * 29.0)];
    for (hop, hours) in [("h1", 1.0), ("h2", 30.0)] {
        network.push(pay("s1", hop, 100.0, 240.0 + hours));
        network.push(pay("s2", hop, 200.0, 250.0 + hours));
        network.push(pay(hop, "x", 270.0, 260.0 + hours));
    }
    network
}

fn ways(ways: &[[&str; 3]]) -> BTreeSet<Way> {
    ways.iter().map(|way| way.map(str::to_owned)).collect()
}

#[test]
fn who_slept_and_is_emptied_by_way_of_others_was_woken() {
    let both = [["s1", "h1", "x"], ["s1", "h2", "x"], ["s2", "h1", "x"], ["s2", "h2", "x"]];
    assert_eq!(fast(&network()), ways(&both));
    let with = |more: &[Transfer]| fast(&[network(), more.to_vec()].concat());
    // the first of two was awake: of what the hops got it is a third
    assert_eq!(with(&[pay("s1", "shop", 1.0, 150.0)]), ways(&[]));
    assert_eq!(with(&[pay("s1", "shop", 1.0, 24.0)]), ways(&both), "nine days of silence are enough");
    // who is paid before anything else may be new
    assert_eq!(with(&[pay("exchange", "s2", 9.0, 245.0)]), ways(&[]));
    assert_eq!(with(&[pay("exchange", "s2", 9.0, 10.0)]), ways(&both), "it was filled, then it slept");
    // a hop that keeps too much, that has other income, or that waits
    let but = |at: usize, other: Transfer| {
        let mut network = network();
        network[at] = other;
        fast(&network)
    };
    let of_other = [both[1], both[3]];
    assert_eq!(but(4, pay("h1", "x", 239.0, 261.0)), ways(&of_other));
    assert_eq!(but(4, pay("h1", "x", 316.0, 261.0)), ways(&of_other));
    assert_eq!(but(4, pay("h1", "x", 270.0, 241.0 + 73.0)), ways(&of_other));
    assert_eq!(with(&[pay("exchange", "h1", 80.0, 1.0)]), ways(&of_other));
    assert_eq!(but(4, pay("h1", "s2", 270.0, 261.0)), ways(&of_other), "it goes back");
    let single = [&network()[..2], &[pay("s2", "h1", 200.0, 250.0), pay("h1", "x", 190.0, 260.0)]].concat();
    assert_eq!(fast(&single), ways(&[]), "one way is none");
}

#[test]
fn whoever_has_more_than_twenty_pairs_is_a_service() {
    let both = fast(&network()).len();
    for (address, allowed) in [("s1", 18), ("h1", 18), ("x", 18)] {
        // an exit pays; a hop pays little; who sleeps paid little long ago
        let hours = if address == "s1" { 1.0 } else { 300.0 };
        let more = |n: usize| -> Vec<Transfer> {
            (0..n).map(|i| pay(address, &format!("shop{i}"), 0.01, hours)).collect()
        };
        let own = |n: usize| fast(&[network(), more(n)].concat()).len();
        // a hop has three pairs of its own
        let allowed = if address == "h1" { allowed - 1 } else { allowed };
        assert_eq!(own(allowed), both, "{address}");
        assert!(own(allowed + 1) < both, "{address}");
    }
}

/// Networks like the one above: sums and times about the limits, and payments across.
fn networks() -> impl Strategy<Value = Vec<Transfer>> {
    let sum = prop_oneof![3 => Just(1.0), 1 => 0.6..1.2_f64];
    let hours = prop_oneof![3 => 0.0..60.0_f64, 1 => 0.0..200.0_f64];
    let scheme = (1..4_usize, 1..3_usize, prop::collection::vec((sum, hours), 24));
    let across = prop::collection::vec((0..8_usize, 0..8_usize, 0.1..60.0_f64, 0.0..700.0_f64), 0..6);
    (scheme, across, 0.0..24.0 * 14.0).prop_map(|((sleepers, hops, drawn), across, wake)| {
        let mut drawn = drawn.into_iter();
        let mut next = || drawn.next().expect("enough were drawn");
        let names = ["s0", "s1", "s2", "h0", "h1", "x", "y", "shop"];
        let mut network = vec![pay("shop", "y", 5.0, 0.0), pay("shop", "y", 5.0, 24.0 * 28.0)];
        for hop in 0..hops {
            for sleeper in 0..sleepers {
                let (sum, hours) = next();
                network.push(pay(names[sleeper], names[3 + hop], 100.0 * sum, wake + hours));
            }
            let (sum, hours) = next();
            let to = if sum == 1.0 { "x" } else { "y" };
            network.push(pay(names[3 + hop], to, 95.0 * sum * sleepers as f64, wake + hours));
        }
        network.extend(across.into_iter().map(|(from, to, usd, at)| pay(names[from], names[to], usd, at)));
        network
    })
}

/// Two ways over the same three addresses are one pattern.
fn sets(ways: BTreeSet<Way>) -> BTreeSet<BTreeSet<String>> {
    ways.into_iter().map(BTreeSet::from).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn exactly_what_trying_every_three_addresses_finds(
        (a, b) in networks().prop_flat_map(|t| (Just(t.clone()), Just(t).prop_shuffle())),
        threads in 1..4_usize,
    ) {
        let found = Pool::new(threads).expect("threads start").run(|| fast(&b));
        prop_assert_eq!(sets(found), sets(slow(&a)));
    }
}
