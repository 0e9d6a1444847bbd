//! Nearness to labelled addresses: equal to walking everywhere, blind to an address's own label and to labels to come.

use std::collections::{BTreeMap, BTreeSet};

use aml_miner::aml::derive::{Extent, PROXIMITY_RISK, ProximityExtent, unpaid_hop};
use aml_miner::aml::sot::{AddressLabel, Batch, Transfer};
use proptest::prelude::*;

use crate::naive;
use crate::network::{HOUR, START, batch, completed, pay, transfers};

fn label(address: &str, risk_level: &str, created_timestamp: Option<i64>) -> AddressLabel {
    AddressLabel {
        network: "testnet".into(),
        address: address.into(),
        label: String::new(),
        address_type: "unknown".into(),
        address_subtype: String::new(),
        trust_level: String::new(),
        source: String::new(),
        risk_level: risk_level.into(),
        confidence_score: 1.0,
        created_timestamp,
    }
}

fn derived(transfers: &[Transfer], labels: Vec<AddressLabel>) -> Batch {
    let whole = Batch { labels: Some(labels), ..batch(transfers.to_vec()) };
    completed(whole, Extent { proximity: ProximityExtent::Added, ..Extent::default() })
}

/// The columns of an address by walking from it everywhere.
fn slow(all: &[Transfer], risky: &BTreeSet<String>, address: &str) -> BTreeMap<&'static str, f64> {
    let others = |of: &str, ahead: bool| -> BTreeSet<String> {
        let ends = |t: &Transfer| {
            let (from, to) = (t.from_address.clone(), t.to_address.clone());
            if ahead { (from, to) } else { (to, from) }
        };
        all.iter().map(ends).filter(|(a, b)| a == of && b != of).map(|(_, b)| b).collect()
    };
    let is_other = |a: &str| a != address && risky.contains(a);
    let mut level = BTreeSet::from([address.to_owned()]);
    let mut hops = 4.0;
    for hop in 1..=3 {
        level = level.iter().flat_map(|a| others(a, true).into_iter().chain(others(a, false))).collect();
        if level.iter().any(|a| is_other(a)) {
            hops = f64::from(hop);
            break;
        }
    }
    fn chance(
        at: &str,
        steps: u32,
        ends: &dyn Fn(&str) -> bool,
        next: &dyn Fn(&str) -> BTreeSet<String>,
    ) -> f64 {
        if steps == 0 {
            return f64::from(u8::from(ends(at)));
        }
        let next_to = next(at);
        let sum: f64 = next_to.iter().map(|b| chance(b, steps - 1, ends, next)).sum();
        if next_to.is_empty() { 0.0 } else { sum / next_to.len() as f64 }
    }
    let walk = |ahead: bool| {
        (1..=3).map(|steps| chance(address, steps, &is_other, &|a| others(a, ahead))).sum::<f64>() / 3.0
    };
    BTreeMap::from([
        ("risk_proximity_hops", hops),
        ("risk_proximity", if hops > 3.0 { 0.0 } else { 1.0 / (hops + 1.0) }),
        ("risk_proximity_walk_ahead", walk(true)),
        ("risk_proximity_walk_behind", walk(false)),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn columns_equal_the_obvious_way(transfers in transfers(40), marked in prop::collection::btree_set(0..12_u32, 0..4)) {
        let risky: BTreeSet<String> = marked.iter().map(|i| format!("n{i:02}")).collect();
        let labels = risky.iter().map(|a| label(a, "high", None)).collect();
        let done = derived(&transfers, labels);
        let table = done.features.expect("derived");
        for address in naive::addresses(&transfers) {
            for (column, expected) in slow(&transfers, &risky, &address) {
                let found = table.value(&address, column);
                prop_assert!((found - expected).abs() <= 1e-9, "{address} {column}: {found} instead of {expected}");
            }
        }
        for pattern in done.patterns.expect("derived").iter().filter(|p| p.pattern_type == PROXIMITY_RISK) {
            prop_assert_eq!(unpaid_hop(pattern, &transfers), None);
            prop_assert!(risky.contains(&pattern.addresses_involved[0]));
            prop_assert!(!risky.contains(&pattern.addresses_involved[pattern.addresses_involved.len() - 1]));
        }
    }
}

#[test]
fn the_own_label_and_labels_to_come_are_not_read() {
    let network = [pay("a", "b", 10.0, 1.0), pay("b", "c", 10.0, 2.0), pay("c", "a", 10.0, 3.0)];
    let after = START + 31 * 24 * HOUR;
    let done = derived(&network, vec![label("a", "critical", None), label("c", "high", Some(after))]);
    let table = done.features.as_ref().expect("derived");
    assert_eq!(table.value("a", "risk_proximity"), 0.0, "nobody else is risky yet");
    assert_eq!(table.value("a", "risk_proximity_walk_ahead"), 0.0);
    assert_eq!(table.value("b", "risk_proximity"), 0.5);
    // b pays c, who pays a: after two steps the walk is there
    assert!((table.value("b", "risk_proximity_walk_ahead") - 1.0 / 3.0).abs() < 1e-12);
    let found = done.patterns.expect("derived");
    let lists: Vec<&[String]> = found
        .iter()
        .filter(|p| p.pattern_type == PROXIMITY_RISK)
        .map(|p| p.addresses_involved.as_slice())
        .collect();
    assert_eq!(lists, [&["a", "b"][..], &["a", "b", "c"][..]]);
}
