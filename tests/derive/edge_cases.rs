//! Networks of nothing, of one transfer, of oneself, without prices; tables that are already there.

use aml_miner::aml::derive::{Derived, complete, complete_and_list};
use aml_miner::aml::sot::{Batch, Transfer};

use crate::network::{START, batch, pay};

#[test]
fn nothing_known_gives_nothing() {
    let (done, derived) = complete_and_list(Batch::default());
    assert!(derived.is_empty());
    assert!(done.money_flows.is_none() && done.features.is_none() && done.alerts.is_none());
}

#[test]
fn no_transfers_give_empty_tables() {
    let (done, derived) = complete_and_list(batch(vec![]));
    let all = [Derived::MoneyFlows, Derived::Features, Derived::Patterns, Derived::Alerts, Derived::Clusters];
    assert_eq!(derived, all);
    assert_eq!(done.features.map(|f| f.addresses.len()), Some(0));
    assert_eq!((done.alerts, done.clusters), (Some(vec![]), Some(vec![])));
}

#[test]
fn one_transfer_is_two_addresses() {
    let done = complete(batch(vec![pay("a", "b", 10.0, 1.0)]));
    let features = done.features.expect("derived");
    assert_eq!(features.addresses.len(), 2);
    assert_eq!(features.value("a", "net_flow_usd"), -10.0);
    assert_eq!(features.value("b", "khop1_count"), 0.0);
    assert_eq!(features.value("b", "burst_factor"), 24.0);
}

#[test]
fn paying_oneself_is_in_and_out_but_one_event() {
    let done = complete(batch(vec![pay("a", "a", 10.0, 1.0)]));
    let (flows, features) = (done.money_flows.expect("derived"), done.features.expect("derived"));
    assert!(!flows[0].is_bidirectional);
    assert_eq!(features.value("a", "tx_total_count"), 2.0);
    assert_eq!(features.value("a", "degree_total"), 1.0);
    assert_eq!(features.value("a", "activity_days"), 1.0);
    assert_eq!(features.value("a", "avg_daily_volume_usd"), 20.0);
    assert_eq!(features.value("a", "kcore"), 0.0);
}

#[test]
fn a_network_without_prices_still_has_structure() {
    let worthless = |t: Transfer| Transfer { amount_usd: 0.0, amount: 100.0, ..t };
    let ring = [("a", "b"), ("b", "c"), ("c", "a")];
    let transfers: Vec<Transfer> = ring.iter().map(|(from, to)| worthless(pay(from, to, 0.0, 1.0))).collect();
    let done = complete(batch(transfers));
    let patterns = done.patterns.expect("derived");
    assert!(patterns.iter().any(|p| p.pattern_type == "cycle" && p.volume_usd == 0.0));
    assert!(done.features.expect("derived").columns.iter().all(|c| c.values.iter().all(|v| v.is_finite())));
}

#[test]
fn absent_and_infinite_prices_count_as_nothing() {
    let broken =
        [f64::NAN, f64::INFINITY].map(|amount_usd| Transfer { amount_usd, ..pay("a", "b", 1.0, 2.0) });
    let mut transfers = vec![pay("a", "b", 5.0, 1.0)];
    transfers.extend(broken);
    let done = complete(batch(transfers));
    assert_eq!(done.features.expect("derived").value("a", "total_out_usd"), 5.0);
}

#[test]
fn transfers_outside_the_window_are_left_out() {
    let early = Transfer { block_timestamp: START - 1, ..pay("a", "b", 5.0, 0.0) };
    let late = Transfer { block_timestamp: START + 30 * 86_400_000, ..pay("a", "b", 5.0, 0.0) };
    let done = complete(batch(vec![early, pay("c", "d", 1.0, 0.0), late]));
    assert_eq!(done.money_flows.expect("derived").len(), 1);
}

#[test]
fn present_tables_stay_as_they_are() {
    let mut given = batch(vec![pay("a", "b", 10.0, 1.0)]);
    given.money_flows = Some(vec![]);
    given.alerts = Some(vec![]);
    let (done, derived) = complete_and_list(given);
    assert_eq!(derived, [Derived::Features, Derived::Patterns, Derived::Clusters]);
    assert_eq!(done.money_flows, Some(vec![]));
    assert_eq!(done.alerts, Some(vec![]));
}
