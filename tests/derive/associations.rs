//! Clusters of several addresses, beside the obvious way to find them.

use std::collections::{BTreeMap, BTreeSet};

use aml_miner::aml::derive::{ClusterExtent, Extent, complete};
use aml_miner::aml::simulate::{Simulation, simulate};
use aml_miner::aml::sot::{Alert, Batch, Cluster};

use crate::network::completed;

fn raw() -> Batch {
    let simulation = Simulation { addresses: 600, patterns: 20, ..Simulation::default() };
    simulate(&simulation).expect("legal settings").next().expect("one day")
}

fn with_all(batch: Batch) -> Batch {
    completed(batch, Extent { clusters: ClusterExtent::All, ..Extent::default() })
}

/// The alerts that each cluster of a kind names, and its addresses.
fn of_kind<'b>(batch: &'b Batch, kind: &str) -> BTreeSet<(BTreeSet<&'b str>, BTreeSet<&'b str>)> {
    let clusters = batch.clusters.iter().flatten().filter(|cluster| cluster.cluster_type == kind);
    let texts = |list: &'b [String]| list.iter().map(String::as_str).collect();
    clusters.map(|c: &'b Cluster| (texts(&c.related_alert_ids), texts(&c.addresses_involved))).collect()
}

fn named<'b>(alerts: impl Iterator<Item = &'b Alert> + Clone) -> (BTreeSet<&'b str>, BTreeSet<&'b str>) {
    let ids = alerts.clone().map(|alert| alert.alert_id.as_str()).collect();
    (ids, alerts.map(|alert| alert.address.as_str()).collect())
}

#[test]
fn alerts_of_one_pattern_are_a_cluster() {
    let batch = with_all(raw());
    let mut of_pattern: BTreeMap<&str, Vec<&Alert>> = BTreeMap::new();
    for alert in batch.alerts.iter().flatten().filter(|alert| !alert.pattern_id.is_empty()) {
        of_pattern.entry(&alert.pattern_id).or_default().push(alert);
    }
    let expected = of_pattern.values().map(|alerts| named(alerts.iter().copied()));
    let expected: BTreeSet<_> = expected.filter(|(_, addresses)| addresses.len() > 1).collect();
    assert!(expected.len() > 10, "{}", expected.len());
    assert_eq!(of_kind(&batch, "same_pattern"), expected);
}

#[test]
fn grave_alerts_of_addresses_that_pay_each_other_are_a_cluster() {
    let batch = with_all(raw());
    let flows = || batch.money_flows.iter().flatten();
    let ends = || flows().flat_map(|flow| [flow.from_address.as_str(), flow.to_address.as_str()]);
    let is_service = |address: &str| ends().filter(|end| *end == address).count() > 20;
    let grave = |a: &&Alert| matches!(&*a.severity, "high" | "critical") && !is_service(&a.address);
    let mut of_address: BTreeMap<&str, Vec<&Alert>> = BTreeMap::new();
    for alert in batch.alerts.iter().flatten().filter(grave) {
        of_address.entry(&alert.address).or_default().push(alert);
    }
    // one colour for each address, until nobody who pays another has a colour of his own
    let mut colours: BTreeMap<&str, usize> = of_address.keys().copied().zip(0..).collect();
    let pays = |colours: &BTreeMap<&str, usize>| {
        flows().find_map(|flow| {
            let ends = [colours.get(&*flow.from_address)?, colours.get(&*flow.to_address)?];
            (ends[0] != ends[1]).then_some((*ends[0].min(ends[1]), *ends[0].max(ends[1])))
        })
    };
    while let Some((low, high)) = pays(&colours) {
        colours.values_mut().filter(|colour| **colour == high).for_each(|colour| *colour = low);
    }
    let mut rings: BTreeMap<usize, Vec<&Alert>> = BTreeMap::new();
    for (address, colour) in colours {
        rings.entry(colour).or_default().extend(&of_address[address]);
    }
    let expected = rings.values().map(|alerts| named(alerts.iter().copied()));
    let expected: BTreeSet<_> =
        expected.filter(|(_, addresses)| (2..=50).contains(&addresses.len())).collect();
    assert!(!expected.is_empty());
    assert_eq!(of_kind(&batch, "related_network"), expected);
}

/// They stand behind the others, whose rows stay, and given alerts are clustered as derived ones are.
#[test]
fn clusters_of_one_address_stay_what_they_are() {
    let (usual, all) = (complete(raw()), with_all(raw()));
    let (usual_clusters, clusters) =
        (usual.clusters.expect("derived"), all.clusters.clone().expect("derived"));
    assert_eq!(clusters[..usual_clusters.len()], usual_clusters);
    assert!(clusters[usual_clusters.len()..].iter().all(|cluster| cluster.cluster_type != "same_entity"));
    let ids: BTreeSet<&str> = clusters.iter().map(|cluster| cluster.cluster_id.as_str()).collect();
    assert_eq!(ids.len(), clusters.len(), "ids are told apart");
    let given = Batch { clusters: None, ..all };
    assert_eq!(with_all(given).clusters, Some(clusters));
}
