//! Networks of nothing, of one transfer, of oneself, without prices; tables that are already there.

use aml_miner::aml::derive::{
    Aside, ColumnExtent, Derived, Extent, PatternExtent, ProximityExtent, complete, complete_and_list, let_go,
};
use aml_miner::aml::simulate::{Simulation, simulate};
use aml_miner::aml::sot::{Batch, TableKind, Transfer, Transfers, to_table};

use crate::network::{START, batch, completed, pay};

#[test]
fn what_no_rule_reads_can_be_let_go() {
    let simulation = Simulation { addresses: 300, patterns: 12, ..Simulation::default() };
    let whole = simulate(&simulation).expect("legal settings").next().expect("one day");
    let counts = [ProximityExtent::None, ProximityExtent::Added].map(|proximity| {
        let mut slim = whole.clone();
        let_go(&mut slim, proximity);
        let is_bare = |transfers: &Transfers| transfers.get(0).tx_id.is_empty();
        assert!(slim.ground_truth.is_none() && slim.transfers.as_ref().is_some_and(is_bare));
        let count = slim.labels.as_ref().map(Vec::len);
        let everything = Extent {
            columns: ColumnExtent::All,
            patterns: PatternExtent::All,
            proximity,
            ..Extent::default()
        };
        assert_same_derived(&completed(slim, everything), &completed(whole.clone(), everything));
        count
    });
    let all = whole.labels.as_ref().map(Vec::len);
    assert!(Some(0) < counts[0] && counts[0] < counts[1] && counts[1] < all, "{counts:?} of {all:?}");
}

fn assert_same_derived(a: &Batch, b: &Batch) {
    for kind in [
        TableKind::MoneyFlows,
        TableKind::Features,
        TableKind::Patterns,
        TableKind::Alerts,
        TableKind::Clusters,
    ] {
        let table = |batch: &Batch| format!("{:?}", to_table(batch, kind).expect("derived"));
        assert!(table(a) == table(b), "{kind:?}");
    }
}

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

/// Where columns wait is nobody's business but the memory's.
#[test]
fn columns_that_wait_in_a_file_come_back_as_they_were() {
    let simulation = Simulation { addresses: 200, patterns: 8, ..Simulation::default() };
    let batch = simulate(&simulation).expect("legal settings").next().expect("one day");
    let folder = tempfile::tempdir().expect("a folder");
    let extent = Extent { columns: ColumnExtent::All, ..Extent::default() };
    let aside = Extent { aside: Some(Aside { limit: 0, folder: folder.path() }), ..extent };
    let [in_memory, in_file] = [extent, aside].map(|extent| completed(batch.clone(), extent).features);
    assert!(in_memory.is_some() && format!("{in_memory:?}") == format!("{in_file:?}"));
    assert_eq!(std::fs::read_dir(folder.path()).expect("there").count(), 0, "nothing is left");
}
