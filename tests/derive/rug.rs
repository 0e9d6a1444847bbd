//! Pots that are emptied: planted by hand, and beside a twin that tries every three addresses.

use std::collections::BTreeSet;

use aml_miner::aml::derive::{further_patterns, money_flows};
use aml_miner::aml::sot::{MoneyFlow, Transfer};
use aml_miner::determinism::par::Pool;
use proptest::prelude::*;

use crate::network::{HOUR, pay};

const DAY: i64 = 24 * HOUR;

/// Pot, developer, who is paid, and the role of the last.
type Way = (String, String, String, String);

fn fast(transfers: &[Transfer]) -> BTreeSet<Way> {
    let all = further_patterns(&money_flows(transfers), Some(transfers));
    let own = all.into_iter().filter(|pattern| pattern.pattern_type == "rug_pull");
    own.map(|pattern| {
        let [pot, developer, paid] = pattern.addresses_involved.try_into().expect("three addresses");
        (pot, developer, paid, pattern.address_roles[2].clone())
    })
    .collect()
}

fn total(flows: &[&MoneyFlow]) -> f64 {
    flows.iter().map(|f| f.amount_usd_sum).sum()
}

/// What others pay an address.
fn into<'f>(flows: &'f [MoneyFlow], address: &str) -> Vec<&'f MoneyFlow> {
    flows.iter().filter(|f| f.to_address == address && f.from_address != address).collect()
}

fn is_small(flows: &[MoneyFlow], address: &str) -> bool {
    let ends = |f: &MoneyFlow| usize::from(f.from_address == address) + usize::from(f.to_address == address);
    flows.iter().map(ends).sum::<usize>() <= 50
}

/// By value, then the earliest, then by byte order.
fn largest(flows: Vec<&MoneyFlow>) -> Option<&MoneyFlow> {
    flows.into_iter().min_by(|a, b| {
        let by_value = b.amount_usd_sum.total_cmp(&a.amount_usd_sum);
        let by_time = a.first_seen_timestamp.cmp(&b.first_seen_timestamp);
        by_value.then(by_time).then_with(|| a.to_address.cmp(&b.to_address))
    })
}

/// Whom the pot's owner pays, to whom he pays most first; nobody where it is no pot.
fn emptied<'f>(flows: &'f [MoneyFlow], pot: &str) -> Option<(&'f MoneyFlow, Vec<&'f MoneyFlow>)> {
    let out = flows.iter().filter(|f| f.from_address == pot && f.to_address != pot);
    let drain = largest(out.collect())?;
    let developer = &drain.to_address;
    let payers: Vec<&MoneyFlow> =
        into(flows, pot).into_iter().filter(|f| f.from_address != *developer).collect();
    let first = payers.iter().map(|f| f.first_seen_timestamp).min()?;
    let last = payers.iter().map(|f| f.last_seen_timestamp).max()?;
    let before = payers.iter().filter(|f| f.first_seen_timestamp <= drain.first_seen_timestamp).count();
    let of_collected = drain.amount_usd_sum / total(&payers);
    let is_pot = payers.len() >= 8
        && last <= first + 14 * DAY
        && (0.85..=1.05).contains(&of_collected)
        && 2 * before >= payers.len()
        && drain.last_seen_timestamp <= last + 7 * DAY
        && is_small(flows, developer);
    let until = drain.last_seen_timestamp + 7 * DAY;
    let received = total(&into(flows, developer));
    let goes_on = |f: &&MoneyFlow| {
        f.from_address == *developer
            && f.to_address != *developer
            && f.to_address != pot
            && payers.iter().all(|payer| payer.from_address != f.to_address)
            && (drain.first_seen_timestamp..=until).contains(&f.first_seen_timestamp)
            && f.amount_usd_sum >= 0.05 * drain.amount_usd_sum
            && f.amount_usd_sum <= 1.05 * received
            && is_small(flows, &f.to_address)
    };
    let paid: Vec<&MoneyFlow> = flows.iter().filter(goes_on).collect();
    (is_pot && !paid.is_empty()).then_some((drain, paid))
}

fn slow(transfers: &[Transfer]) -> BTreeSet<Way> {
    let flows = money_flows(transfers);
    let mut ways = BTreeSet::new();
    for pot in flows.iter().map(|f| &f.to_address).collect::<BTreeSet<_>>() {
        let Some((drain, paid)) = emptied(&flows, pot) else { continue };
        let exit = largest(paid.clone()).expect("somebody is paid");
        for f in paid.iter().filter(|_| exit.amount_usd_sum >= 0.5 * drain.amount_usd_sum) {
            let role = if f.to_address == exit.to_address { "exit" } else { "marketing" };
            ways.insert((pot.clone(), drain.to_address.clone(), f.to_address.clone(), role.to_owned()));
        }
    }
    ways
}

/// Eight pay a pot within a week, its owner takes it and pays an advertiser and another address of his.
fn network() -> Vec<Transfer> {
    let mut network: Vec<Transfer> =
        (0..8).map(|i| pay(&format!("p{i}"), "pot", 100.0, 24.0 * f64::from(i))).collect();
    network.extend([
        pay("pot", "dev", 760.0, 200.0),
        pay("dev", "ads", 60.0, 210.0),
        pay("dev", "x", 600.0, 220.0),
    ]);
    network
}

fn ways(paid: &[(&str, &str)]) -> BTreeSet<Way> {
    let way = |&(paid, role): &(&str, &str)| ("pot".into(), "dev".into(), paid.into(), role.into());
    paid.iter().map(way).collect()
}

#[test]
fn a_pot_that_one_carries_off_is_a_rug_pull() {
    let all = ways(&[("ads", "marketing"), ("x", "exit")]);
    assert_eq!(fast(&network()), all);
    let but = |at: usize, other: Transfer| {
        let mut network = network();
        network[at] = other;
        fast(&network)
    };
    assert_eq!(but(0, pay("p1", "pot", 100.0, 1.0)), ways(&[]), "seven are not many");
    assert_eq!(but(0, pay("dev", "pot", 100.0, 1.0)), ways(&[]), "the owner is none of them");
    assert_eq!(but(7, pay("p7", "pot", 100.0, 24.0 * 14.5)), ways(&[]), "over two weeks");
    assert_eq!(but(8, pay("pot", "dev", 670.0, 200.0)), ways(&[]), "a part of it");
    assert_eq!(but(8, pay("pot", "dev", 850.0, 200.0)), ways(&[]), "more than was paid in");
    assert_eq!(but(8, pay("pot", "dev", 760.0, 24.0 * 14.5)), ways(&[]), "it lay for a week");
    assert_eq!(but(8, pay("pot", "dev", 760.0, 70.0)), ways(&[]), "most pay later");
    assert_eq!(but(9, pay("dev", "ads", 37.0, 210.0)), ways(&[("x", "exit")]), "a small fee");
    assert_eq!(but(9, pay("dev", "p3", 60.0, 210.0)), ways(&[("x", "exit")]), "who paid in is not named");
    assert_eq!(but(10, pay("dev", "x", 370.0, 220.0)), ways(&[]), "he keeps most");
    assert_eq!(but(10, pay("dev", "x", 600.0, 199.0)), ways(&[]), "paid before");
    assert_eq!(but(10, pay("dev", "x", 600.0, 200.5 + 24.0 * 7.0)), ways(&[]), "paid long after");
    let more = |from: &str, n: usize| -> Vec<Transfer> {
        let own = (0..n).map(|i| pay(from, &format!("shop{i}"), 1.0, 230.0));
        network().into_iter().chain(own).collect()
    };
    assert_eq!(fast(&more("dev", 47)), all);
    assert_eq!(fast(&more("dev", 48)), ways(&[]), "a service");
    assert_eq!(fast(&more("x", 50)), ways(&[]), "paid to a service");
    assert_eq!(fast(&more("ads", 50)), ways(&[("x", "exit")]));
}

/// Networks like the one above: sums and times about the limits, and payments across.
fn networks() -> impl Strategy<Value = Vec<Transfer>> {
    let names = ["p0", "p1", "p2", "pot", "dev", "ads", "x", "y"];
    let paid_in = prop::collection::vec(
        (50.0..150.0_f64, prop_oneof![9 => 0.0..300.0_f64, 1 => 0.0..400.0_f64]),
        6..14,
    );
    let drain = (0.8..1.1_f64, 150.0..500.0_f64);
    let paid_on =
        prop::collection::vec((0..8_usize, prop_oneof![0.03..0.1_f64, 0.4..1.1_f64], 0.0..200.0_f64), 1..5);
    let across = prop::collection::vec((0..8_usize, 0..8_usize, 0.1..200.0_f64, 0.0..700.0_f64), 0..3);
    (paid_in, drain, paid_on, across).prop_map(move |(paid_in, (share, at), paid_on, across)| {
        let sum = share * paid_in.iter().map(|paid| paid.0).sum::<f64>();
        let into = paid_in.iter().enumerate().map(|(i, paid)| pay(&format!("p{i}"), "pot", paid.0, paid.1));
        let mut network: Vec<Transfer> = into.collect();
        network.extend([pay("pot", "dev", 0.75 * sum, at), pay("pot", "dev", 0.25 * sum, at + 5.0)]);
        network.extend(
            paid_on.into_iter().map(|(to, share, wait)| pay("dev", names[to], share * sum, at + wait)),
        );
        network.extend(across.into_iter().map(|(from, to, usd, at)| pay(names[from], names[to], usd, at)));
        network
    })
}

/// Ways over the same three addresses are one pattern.
fn sets(ways: BTreeSet<Way>) -> BTreeSet<BTreeSet<String>> {
    ways.into_iter().map(|(pot, developer, paid, _)| BTreeSet::from([pot, developer, paid])).collect()
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
