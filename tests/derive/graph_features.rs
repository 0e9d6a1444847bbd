//! Columns beyond the official ones: fast equals slow on random networks, small ones by hand, order and threads.

use std::collections::{BTreeMap, BTreeSet};

use aml_miner::aml::derive::{features, graph_features, money_flows};
use aml_miner::aml::sot::{AddressFeatures, Transfer};
use aml_miner::determinism::par::Pool;
use proptest::prelude::*;

use crate::naive;
use crate::network::{HOUR, START, pay, transfers};

const DAY: i64 = 24 * HOUR;
const WEEK: i64 = 7 * DAY;

fn derived(transfers: &[Transfer]) -> AddressFeatures {
    graph_features(&money_flows(transfers), transfers, START..START + 30 * DAY)
}

/// Transfers to others, in the order in which equal times are taken.
fn ordered(transfers: &[Transfer]) -> Vec<Transfer> {
    let mut own: Vec<Transfer> =
        transfers.iter().filter(|t| t.from_address != t.to_address).cloned().collect();
    own.sort_by(|a, b| {
        let key = |t: &Transfer| (t.block_timestamp, t.block_height, t.tx_id.clone());
        key(a).cmp(&key(b))
    });
    own
}

/// The columns of one address, each by its own walk over all transfers.
fn slow(all: &[Transfer], address: &str) -> BTreeMap<&'static str, f64> {
    let received: Vec<&Transfer> = all.iter().filter(|t| t.to_address == address).collect();
    let sent: Vec<&Transfer> = all.iter().filter(|t| t.from_address == address).collect();
    let mut columns = BTreeMap::from([
        ("in_fan_week", widest(&received, WEEK, |t| &t.from_address)),
        ("out_fan_day", widest(&sent, DAY, |t| &t.to_address)),
        ("gather_scatter_week", gather_scatter(&received, &sent)),
        ("out_pair_day", most_with_one(&sent)),
        ("turn_order", turn_order(&received, &sent)),
        ("chain_ahead", longest(all, &sent, true)),
        ("chain_behind", longest(all, &received, false)),
    ]);
    columns.extend(shared(all, address));
    columns.extend(tied(all, address));
    columns.extend(passed(&received, &sent));
    columns
}

fn widest(own: &[&Transfer], span: i64, peer: impl Fn(&Transfer) -> &String) -> f64 {
    let from = |first: &&Transfer| {
        let within = own.iter().filter(|t| {
            t.block_timestamp >= first.block_timestamp && t.block_timestamp - first.block_timestamp < span
        });
        within.map(|t| peer(t)).collect::<BTreeSet<_>>().len()
    };
    own.iter().map(from).max().unwrap_or(0) as f64
}

fn gather_scatter(received: &[&Transfer], sent: &[&Transfer]) -> f64 {
    let around = |(position, centre): (usize, &&Transfer)| {
        let at = centre.block_timestamp;
        let before = received.iter().filter(|r| r.block_timestamp <= at && at - r.block_timestamp <= WEEK);
        let after = sent[position..].iter().filter(|s| s.block_timestamp - at <= WEEK);
        let senders: BTreeSet<&String> = before.map(|r| &r.from_address).collect();
        let recipients: BTreeSet<&String> = after.map(|s| &s.to_address).collect();
        senders.len().min(recipients.len())
    };
    sent.iter().enumerate().map(around).max().unwrap_or(0) as f64
}

fn most_with_one(sent: &[&Transfer]) -> f64 {
    let after = |first: &&Transfer| {
        let same = sent.iter().filter(|t| {
            let age = t.block_timestamp - first.block_timestamp;
            t.to_address == first.to_address && (0..DAY).contains(&age)
        });
        same.count()
    };
    sent.iter().map(after).max().unwrap_or(0) as f64
}

fn turn_order(received: &[&Transfer], sent: &[&Transfer]) -> f64 {
    let mut first = 0.0;
    for (r, s) in received.iter().flat_map(|r| sent.iter().map(move |s| (r, s))) {
        first += match r.block_timestamp.cmp(&s.block_timestamp) {
            std::cmp::Ordering::Less => 1.0,
            std::cmp::Ordering::Equal => 0.5,
            std::cmp::Ordering::Greater => 0.0,
        };
    }
    let pairs = (received.len() * sent.len()) as f64;
    if pairs > 0.0 { first / pairs } else { 0.5 }
}

/// Longest chain from (or to) one of `own`, by trying every continuation.
fn longest(all: &[Transfer], own: &[&Transfer], ahead: bool) -> f64 {
    fn length(all: &[Transfer], at: usize, ahead: bool) -> f64 {
        let fits = |a: usize, b: usize| {
            let (x, y) = (&all[a], &all[b]);
            let kept = y.amount_usd >= 0.8 * x.amount_usd && y.amount_usd <= 1.02 * x.amount_usd;
            a < b
                && x.to_address == y.from_address
                && y.to_address != x.from_address
                && y.block_timestamp - x.block_timestamp <= WEEK
                && x.amount_usd > 0.0
                && kept
        };
        let next = (0..all.len()).filter(|&b| if ahead { fits(at, b) } else { fits(b, at) });
        1.0 + next.map(|b| length(all, b, ahead)).fold(0.0, f64::max)
    }
    let positions = (0..all.len()).filter(|&i| own.iter().any(|t| std::ptr::eq(*t, &raw const all[i])));
    positions.map(|i| length(all, i, ahead)).fold(0.0, f64::max)
}

/// Columns of shared counterparties, by comparing everybody's sets.
fn shared(all: &[Transfer], address: &str) -> BTreeMap<&'static str, f64> {
    let set = |a: &str, sending: bool| counterparties(all, a, sending);
    let others: Vec<String> = naive::addresses(all).into_iter().filter(|b| b != address).collect();
    let common = |a: &BTreeSet<String>, b: &BTreeSet<String>, without: &[&str]| {
        a.intersection(b).filter(|x| !without.contains(&x.as_str())).count() as f64
    };
    let most = |values: Vec<f64>| values.into_iter().fold(0.0, f64::max);
    let (to, from) = (set(address, true), set(address, false));
    let recipients: Vec<f64> = others.iter().map(|b| common(&to, &set(b, true), &[])).collect();
    let through: Vec<f64> = others.iter().map(|b| common(&to, &set(b, false), &[])).collect();
    let mut middle = 0.0_f64;
    for a in &from {
        for c in to.iter().filter(|c| *c != a) {
            middle = middle.max(common(&set(a, true), &set(c, false), &[]));
        }
    }
    BTreeMap::from([
        ("shared_recipients_peers", recipients.iter().filter(|&&n| n >= 2.0).count() as f64),
        ("shared_recipients_most", most(recipients)),
        ("scatter_gather_source", most(through)),
        ("scatter_gather_middle", middle),
    ])
}

/// What an address has in common with those whom it pays and who pay it, by comparing everybody's sets.
fn tied(all: &[Transfer], address: &str) -> BTreeMap<&'static str, f64> {
    let circle = |a: &str| -> BTreeSet<String> {
        let ends =
            all.iter().flat_map(|t| [(&t.from_address, &t.to_address), (&t.to_address, &t.from_address)]);
        ends.filter(|(own, _)| *own == a).map(|(_, peer)| peer.clone()).collect()
    };
    let own = circle(address);
    let measures = |other: &String| {
        let others = circle(other);
        let common: Vec<&String> = own.intersection(&others).collect();
        let worth = common.iter().map(|x| 1.0 / circle(x).len() as f64).sum::<f64>();
        let n = common.len() as f64;
        let share = n / own.union(&others).count() as f64;
        [share, n / ((own.len() * others.len()) as f64).sqrt(), worth]
    };
    let (recipients, senders) = (counterparties(all, address, true), counterparties(all, address, false));
    let mean = |of: &BTreeSet<String>, at: usize| {
        of.iter().map(|b| measures(b)[at]).sum::<f64>() / of.len().max(1) as f64
    };
    let most = |of: &BTreeSet<String>, at: usize| of.iter().map(|b| measures(b)[at]).fold(0.0, f64::max);
    BTreeMap::from([
        ("recipients_tie_share_mean", mean(&recipients, 0)),
        ("recipients_tie_cosine_max", most(&recipients, 1)),
        ("recipients_tie_worth_max", most(&recipients, 2)),
        ("senders_tie_share_max", most(&senders, 0)),
        ("senders_tie_cosine_mean", mean(&senders, 1)),
        ("senders_tie_worth_mean", mean(&senders, 2)),
    ])
}

/// Whom an address pays, or who pays it.
fn counterparties(all: &[Transfer], address: &str, sending: bool) -> BTreeSet<String> {
    let ends = |t: &Transfer| {
        let (from, to) = (t.from_address.clone(), t.to_address.clone());
        if sending { (from, to) } else { (to, from) }
    };
    all.iter().map(ends).filter(|(own, _)| own == address).map(|(_, peer)| peer).collect()
}

/// Money by the cent, first in first out: how much left, and how much of it within a day.
fn passed(received: &[&Transfer], sent: &[&Transfer]) -> BTreeMap<&'static str, f64> {
    let cents = |t: &Transfer| (t.amount_usd * 100.0).round() as usize;
    let mut held: Vec<i64> = Vec::new();
    let (mut next, mut left, mut day, mut unfunded) = (0, 0.0, 0.0, 0.0);
    for s in sent {
        while next < received.len() && received[next].block_timestamp <= s.block_timestamp {
            held.extend(vec![received[next].block_timestamp; cents(received[next])]);
            next += 1;
        }
        for since in held.drain(..cents(s).min(held.len())).collect::<Vec<_>>() {
            left += 1.0;
            day += f64::from(u8::from(s.block_timestamp - since <= DAY));
        }
        unfunded = sent.iter().map(|t| cents(t) as f64).sum::<f64>();
    }
    let total: f64 = received.iter().map(|t| cents(t) as f64).sum();
    let share = |part: f64, of: f64| if of > 0.0 { part / of } else { 0.0 };
    BTreeMap::from([
        ("passed_share", share(left, total)),
        ("passed_day_share", share(day, total)),
        ("unfunded_share", share(unfunded - left, unfunded)),
    ])
}

/// Betweenness by counting the shortest paths between all pairs.
fn betweenness(all: &[Transfer]) -> BTreeMap<String, f64> {
    let names: Vec<String> = naive::addresses(all).into_iter().collect();
    let n = names.len();
    let paid: BTreeSet<(&str, &str)> =
        all.iter().map(|t| (t.from_address.as_str(), t.to_address.as_str())).collect();
    // (hops, shortest paths) from each to each
    let from = |source: usize| {
        let mut reached = vec![None; n];
        reached[source] = Some((0, 1.0));
        for hop in 1..n {
            let ways = |to: usize| -> f64 {
                let last = |at: &usize| paid.contains(&(names[*at].as_str(), names[to].as_str()));
                let at_hop = |at: usize| reached[at].filter(|r: &(usize, f64)| r.0 == hop - 1);
                (0..n).filter(last).filter_map(at_hop).map(|r| r.1).sum()
            };
            let next: Vec<(usize, f64)> =
                (0..n).filter(|&to| reached[to].is_none()).map(|to| (to, ways(to))).collect();
            next.into_iter()
                .filter(|next| next.1 > 0.0)
                .for_each(|(to, ways)| reached[to] = Some((hop, ways)));
        }
        reached
    };
    let table: Vec<Vec<Option<(usize, f64)>>> = (0..n).map(from).collect();
    let share = |s: usize, v: usize, t: usize| -> Option<f64> {
        let (whole, first, second) = (table[s][t]?, table[s][v]?, table[v][t]?);
        (first.0 + second.0 == whole.0).then(|| first.1 * second.1 / whole.1)
    };
    let of = |v: usize| -> f64 {
        let pairs = (0..n).flat_map(|s| (0..n).map(move |t| (s, t)));
        pairs.filter(|&(s, t)| s != t && s != v && t != v).filter_map(|(s, t)| share(s, v, t)).sum()
    };
    let pairs = (n * n.saturating_sub(2).max(1)) as f64;
    (0..n).map(|v| (names[v].clone(), of(v) / pairs)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn betweenness_of_small_graphs_is_exact(transfers in transfers(40)) {
        let table = derived(&transfers);
        for (address, expected) in betweenness(&transfers) {
            let found = table.value(&address, "path_betweenness");
            prop_assert!((found - expected).abs() <= 1e-9, "{address}: {found} instead of {expected}");
        }
    }

    #[test]
    fn columns_equal_the_obvious_way(transfers in transfers(50)) {
        // whole dollars, few of them, so that money can be followed by the cent
        let round = |t: Transfer| Transfer { amount_usd: (t.amount_usd / 100.0).round(), ..t };
        let transfers: Vec<Transfer> = transfers.into_iter().map(round).collect();
        prop_assume!(transfers.iter().any(|t| t.amount_usd > 0.0));
        let table = derived(&transfers);
        let all = ordered(&transfers);
        for address in table.addresses.names() {
            for (column, expected) in slow(&all, address) {
                let found = table.value(address, column);
                prop_assert!((found - expected).abs() <= 1e-9, "{address} {column}: {found} instead of {expected}");
            }
        }
    }

    #[test]
    fn surroundings_are_the_columns_of_counterparties(transfers in transfers(50)) {
        let table = derived(&transfers);
        let all = ordered(&transfers);
        for address in table.addresses.names() {
            for (side, sending) in [("senders", false), ("recipients", true)] {
                let peers = counterparties(&all, address, sending);
                for trait_ in ["clustering_plain", "gap_cv", "loop_hops"] {
                    let values: Vec<f64> = peers.iter().map(|b| table.value(b, trait_)).collect();
                    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
                    let found = table.value(address, &format!("{side}_{trait_}_mean"));
                    prop_assert!((found - mean).abs() <= 1e-9, "{address} {side} {trait_}: {found} instead of {mean}");
                    let most = values.into_iter().reduce(f64::max).unwrap_or(0.0);
                    prop_assert_eq!(table.value(address, &format!("{side}_{trait_}_max")), most);
                }
            }
        }
    }

    #[test]
    fn neither_order_nor_threads_change_a_bit(
        (a, b) in transfers(100).prop_flat_map(|t| (Just(t.clone()), Just(t).prop_shuffle())),
        threads in 1..5_usize,
    ) {
        let bits = |table: AddressFeatures| -> Vec<Vec<u64>> {
            table.columns.iter().map(|c| c.values.iter().map(|v| v.to_bits()).collect()).collect()
        };
        let one = bits(derived(&a));
        let other = Pool::new(threads).expect("threads start").run(|| bits(derived(&b)));
        prop_assert_eq!(one, other);
    }

    #[test]
    fn every_value_is_finite_and_every_column_listed(transfers in transfers(60)) {
        let table = derived(&transfers);
        let names: Vec<String> = features().into_iter().map(|f| f.name).collect();
        prop_assert_eq!(table.columns.iter().map(|c| c.name.clone()).collect::<Vec<_>>(), names);
        for column in &table.columns {
            prop_assert_eq!(column.values.len(), table.addresses.len());
            for value in &column.values {
                prop_assert!(value.is_finite(), "{} is {value}", column.name);
            }
        }
    }
}

#[test]
fn names_are_unique_and_none_is_official() {
    let mut names: Vec<String> = features().into_iter().map(|f| f.name).collect();
    names.extend(aml_miner::aml::derive::columns().iter().map(|c| c.name.to_owned()));
    let distinct: BTreeSet<&String> = names.iter().collect();
    assert_eq!(distinct.len(), names.len());
}

/// a and b have c in common, a and c have b, b and c have a; d is a stranger to all but c.
#[test]
fn a_tie_is_what_both_ends_have_in_common() {
    let all =
        [pay("a", "b", 1.0, 1.0), pay("a", "c", 1.0, 2.0), pay("b", "c", 1.0, 3.0), pay("c", "d", 1.0, 4.0)];
    let table = derived(&all);
    for (address, column, expected) in [
        ("a", "recipients_tie_share_max", 1.0 / 3.0),
        ("a", "recipients_tie_share_mean", (1.0 / 3.0 + 1.0 / 4.0) / 2.0),
        ("a", "recipients_tie_cosine_max", 0.5),
        ("a", "recipients_tie_worth_max", 0.5),
        ("b", "senders_tie_worth_mean", 1.0 / 3.0),
        ("a", "senders_tie_worth_mean", 0.0),
        ("d", "senders_tie_share_max", 0.0),
    ] {
        let found = table.value(address, column);
        assert!((found - expected).abs() < 1e-12, "{address} {column}: {found} instead of {expected}");
    }
}

#[test]
fn a_loop_that_comes_home_in_time_is_seen_by_all_its_members() {
    let around = [pay("a", "b", 100.0, 1.0), pay("b", "c", 99.0, 2.0), pay("c", "a", 98.0, 3.0)];
    let table = derived(&around);
    for member in ["a", "b", "c"] {
        assert_eq!(table.value(member, "loop_hops"), 3.0);
        assert_eq!(table.value(member, "even_loop_hops"), 3.0);
    }
    assert_eq!(table.value("a", "triangle_week"), 1.0);
    // the same payments backwards in time: no money can have gone round, whoever starts
    let apart = [pay("a", "b", 100.0, 1.0), pay("c", "a", 98.0, 2.0), pay("b", "c", 99.0, 30.0 * 24.0)];
    let table = derived(&[apart.to_vec(), vec![pay("c", "d", 1.0, 1.0)]].concat());
    for address in ["a", "b", "c", "d"] {
        assert_eq!(table.value(address, "loop_hops"), 7.0);
    }
}

#[test]
fn paths_through_the_middle_of_a_line_are_counted_between_its_ends() {
    let line = [pay("a", "b", 1.0, 1.0), pay("b", "c", 1.0, 2.0), pay("c", "d", 1.0, 3.0)];
    let table = derived(&line);
    // of 4 sources and 2 other addresses each: a-c, a-d pass b; a-d, b-d pass c
    for (address, expected) in [("a", 0.0), ("b", 0.25), ("c", 0.25), ("d", 0.0)] {
        assert!((table.value(address, "path_betweenness") - expected).abs() < 1e-12, "{address}");
    }
    assert_eq!(table.value("a", "reach_ahead_3"), 3.0);
    assert_eq!(table.value("d", "reach_behind_2"), 2.0);
    assert_eq!(
        table.value("b", "recipients_senders_sent_mean"),
        table.value("b", "senders_recipients_received_mean")
    );
}

#[test]
fn without_any_price_native_units_stand_in() {
    let priced = [pay("a", "b", 100.0, 1.0), pay("b", "c", 100.0, 2.0)];
    let unpriced = priced.clone().map(|t| Transfer { amount_usd: 0.0, ..t });
    let (usd, native) = (derived(&priced), derived(&unpriced));
    assert_eq!(usd.value("b", "in_amount_max"), 100.0);
    assert_eq!(native.value("b", "in_amount_max"), 200.0);
    for column in ["passed_day_share", "chain_through", "equal_forward_share"] {
        assert_eq!(usd.value("b", column), native.value("b", column), "{column}");
    }
}
