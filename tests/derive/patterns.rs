//! What patterns claim is true of the network, and planted ones are found.

use std::collections::{BTreeMap, BTreeSet};

use aml_miner::aml::derive::{complete, pattern_id};
use aml_miner::aml::sot::{Pattern, Transfer};
use proptest::prelude::*;

use crate::network::{batch, pay, transfers};

fn derived(transfers: Vec<Transfer>) -> Vec<Pattern> {
    complete(batch(transfers)).patterns.expect("derived")
}

fn of_type(transfers: Vec<Transfer>, pattern_type: &str) -> Vec<Pattern> {
    derived(transfers).into_iter().filter(|p| p.pattern_type == pattern_type).collect()
}

fn names(pattern: &Pattern) -> Vec<&str> {
    pattern.addresses_involved.iter().map(String::as_str).collect()
}

#[test]
fn ids_hash_type_and_sorted_members() {
    // python3 -c "import hashlib; print(hashlib.sha256(b'cycle:a,b,c').hexdigest()[:16])"
    assert_eq!(pattern_id("cycle", &["c", "a", "b"]), "cycle_00175fa2aea4417d");
}

#[test]
fn a_planted_ring_is_found_along_its_payments() {
    let ring = [
        pay("z", "m", 1000.0, 1.0),
        pay("m", "b", 980.0, 2.0),
        pay("b", "q", 960.0, 3.0),
        pay("q", "z", 940.0, 4.0),
    ];
    let found = of_type(ring.to_vec(), "cycle");
    assert_eq!(found.iter().map(names).collect::<Vec<_>>(), [["b", "q", "z", "m"]]);
    assert_eq!((found[0].volume_usd, found[0].evidence_transaction_count), (3880.0, 4));
}

#[test]
fn a_ring_whose_amounts_differ_too_much_is_not_one() {
    let ring =
        |last| [pay("a", "b", 1000.0, 1.0), pay("b", "c", 1000.0, 2.0), pay("c", "a", last, 3.0)].to_vec();
    assert_eq!(of_type(ring(500.0), "cycle").len(), 1);
    assert_eq!(of_type(ring(499.0), "cycle").len(), 0);
}

#[test]
fn back_and_forth_is_no_cycle() {
    assert!(of_type(vec![pay("a", "b", 10.0, 1.0), pay("b", "a", 10.0, 2.0)], "cycle").is_empty());
}

#[test]
fn a_ring_of_more_than_ten_hops_is_not_looked_for() {
    let ring = |n: usize| -> Vec<Transfer> {
        (0..n).map(|i| pay(&format!("{i:02}"), &format!("{:02}", (i + 1) % n), 100.0, i as f64)).collect()
    };
    assert_eq!(of_type(ring(10), "cycle").len(), 1);
    assert_eq!(of_type(ring(11), "cycle").len(), 0);
}

#[test]
fn a_planted_chain_is_found_along_its_payments() {
    let chain = [
        pay("x", "c", 1000.0, 1.0),
        pay("c", "k", 990.0, 5.0),
        pay("k", "a", 970.0, 9.0),
        pay("a", "y", 100.0, 9.0),
    ];
    let found = of_type(chain.to_vec(), "layering_path");
    assert_eq!(found.iter().map(names).collect::<Vec<_>>(), [["x", "c", "k", "a"]]);
    assert_eq!(found[0].address_roles, ["source", "intermediary", "intermediary", "destination"]);
}

#[test]
fn a_chain_that_waits_or_runs_backwards_is_not_one() {
    let chain =
        |t: [f64; 3]| [pay("x", "c", 9.0, t[0]), pay("c", "k", 9.0, t[1]), pay("k", "a", 9.0, t[2])].to_vec();
    assert_eq!(of_type(chain([1.0, 2.0, 3.0]), "layering_path").len(), 1);
    assert_eq!(of_type(chain([1.0, 3.0, 2.0]), "layering_path").len(), 0);
    assert_eq!(of_type(chain([1.0, 2.0, 2.0 + 7.0 * 24.0]), "layering_path").len(), 1);
    assert_eq!(of_type(chain([1.0, 2.0, 3.0 + 7.0 * 24.0]), "layering_path").len(), 0);
}

#[test]
fn fans_need_five() {
    let fan = |n: usize| (0..n).map(|i| pay(&format!("s{i}"), "centre", 10.0, i as f64)).collect::<Vec<_>>();
    let found = of_type(fan(5), "motif_fanin");
    assert_eq!(found.iter().map(names).collect::<Vec<_>>(), [["centre", "s0", "s1", "s2", "s3", "s4"]]);
    assert!(of_type(fan(4), "motif_fanin").is_empty());
    let turned: Vec<Transfer> =
        fan(5).into_iter().map(|t| pay(&t.to_address, &t.from_address, 10.0, 1.0)).collect();
    assert_eq!(of_type(turned, "motif_fanout").len(), 1);
}

#[test]
fn a_flurry_is_found_in_its_hour() {
    let mut own: Vec<Transfer> = (0..10).map(|i| pay("a", "b", 5.0, 100.0 + 0.05 * f64::from(i))).collect();
    own.extend([pay("c", "a", 5.0, 1.0), pay("c", "a", 5.0, 400.0)]);
    let found = of_type(own.clone(), "temporal_burst");
    assert!(found.iter().any(|p| names(p) == ["a"] && p.evidence_transaction_count == 10));
    own.remove(0);
    assert!(of_type(own, "temporal_burst").is_empty());
}

/// Shortest cycle through `from -> to` over pairs that carry between its value and twice as much, by trying all paths.
fn shortest_by_search(flows: &BTreeMap<(String, String), f64>, from: &str, to: &str) -> Option<usize> {
    fn extend(
        flows: &BTreeMap<(String, String), f64>,
        path: &mut Vec<String>,
        smallest: &((String, String), f64),
    ) -> Option<usize> {
        let ((first, _), least) = smallest;
        let mut best = None;
        let last = path.last().expect("never empty").clone();
        let steps: Vec<(String, f64, (String, String))> = flows
            .iter()
            .filter(|((a, b), _)| *a == last && *b != last)
            .map(|(pair, &value)| (pair.1.clone(), value, pair.clone()))
            .collect();
        for (next, value, pair) in steps {
            let ranks_above = (value, &pair) > (*least, &smallest.0);
            if !ranks_above || value > 2.0 * least || path.contains(&next) || path.len() + 1 > 10 {
                continue;
            }
            let length = if next == *first {
                (path.len() >= 2).then_some(path.len() + 1)
            } else {
                path.push(next);
                let deeper = extend(flows, path, smallest);
                path.pop();
                deeper
            };
            best = [best, length].into_iter().flatten().min();
        }
        best
    }
    let pair = (from.to_owned(), to.to_owned());
    let value = flows[&pair];
    if value <= 0.0 || from == to {
        return None;
    }
    extend(flows, &mut vec![to.to_owned()], &(pair, value))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn every_claim_of_a_pattern_holds(transfers in transfers(60)) {
        let pays: BTreeSet<(&str, &str)> =
            transfers.iter().map(|t| (t.from_address.as_str(), t.to_address.as_str())).collect();
        let patterns = derived(transfers.clone());
        let ids: BTreeSet<&str> = patterns.iter().map(|p| p.pattern_id.as_str()).collect();
        prop_assert_eq!(ids.len(), patterns.len());
        for pattern in &patterns {
            let path = names(pattern);
            let distinct: BTreeSet<&str> = path.iter().copied().collect();
            prop_assert_eq!(distinct.len(), path.len());
            prop_assert_eq!(pattern.address_roles.len(), path.len());
            for score in [pattern.severity_score, pattern.confidence_score, pattern.risk_score] {
                prop_assert!((0.0..=1.0).contains(&score));
            }
            let hop_exists = |hop: &[&str]| pays.contains(&(hop[0], hop[1]));
            match pattern.pattern_type.as_str() {
                "cycle" => {
                    prop_assert!(path.windows(2).all(hop_exists) && pays.contains(&(path[path.len() - 1], path[0])));
                    prop_assert!((3..=10).contains(&path.len()));
                    prop_assert_eq!(path.iter().min(), path.first());
                }
                "layering_path" => prop_assert!(path.windows(2).all(hop_exists) && path.len() >= 4),
                "motif_fanin" => {
                    let senders: BTreeSet<&str> = pays.iter().filter(|p| p.1 == path[0] && p.0 != path[0]).map(|p| p.0).collect();
                    prop_assert_eq!(path[1..].to_vec(), senders.into_iter().collect::<Vec<_>>());
                }
                "motif_fanout" => {
                    let recipients: BTreeSet<&str> = pays.iter().filter(|p| p.0 == path[0] && p.1 != path[0]).map(|p| p.1).collect();
                    prop_assert_eq!(path[1..].to_vec(), recipients.into_iter().collect::<Vec<_>>());
                }
                "temporal_burst" => prop_assert!(pattern.evidence_transaction_count >= 10),
                other => prop_assert!(false, "no such pattern: {other}"),
            }
        }
    }

    #[test]
    fn each_pair_has_a_shortest_cycle_exactly_when_trying_all_paths_finds_one(transfers in transfers(24)) {
        let flows: BTreeMap<(String, String), f64> = complete(batch(transfers.clone()))
            .money_flows.expect("derived").into_iter()
            .map(|f| ((f.from_address, f.to_address), f.amount_usd_sum)).collect();
        let slow: BTreeSet<usize> =
            flows.keys().filter_map(|(from, to)| shortest_by_search(&flows, from, to)).collect();
        let fast: BTreeSet<usize> =
            of_type(transfers, "cycle").iter().map(|p| p.addresses_involved.len()).collect();
        prop_assert_eq!(fast, slow);
    }
}
