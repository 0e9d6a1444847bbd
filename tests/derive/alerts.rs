//! Each typology fires on what it is about, and not on its near miss; ids, duplicates, clusters.

use aml_miner::aml::derive::{TYPOLOGIES, alert_id, complete, dedupe, severity_of};
use aml_miner::aml::sot::{AddressLabel, Alert, Batch, Transfer};

use crate::network::{START, batch, pay};

fn fired(batch: Batch, address: &str) -> Vec<String> {
    let alerts = complete(batch).alerts.expect("derived");
    alerts.into_iter().filter(|a| a.address == address).map(|a| a.typology_type).collect()
}

fn fires(typology: &str, transfers: Vec<Transfer>) -> bool {
    fired(batch(transfers), "suspect").iter().any(|t| t == typology)
}

/// `n` payments of `usd` each to `peers` recipients, one every `step` hours.
fn payments(n: usize, peers: usize, usd: f64, step: f64) -> Vec<Transfer> {
    (0..n).map(|i| pay("suspect", &format!("p{}", i % peers), usd, 1.0 + step * i as f64)).collect()
}

#[test]
fn peel_chain_needs_an_even_spread_over_the_day() {
    assert!(fires("PEEL_CHAIN", payments(48, 12, 1200.0, 7.0)));
    assert!(!fires("PEEL_CHAIN", payments(28, 12, 2000.0, 24.0)), "always the same hour");
    assert!(!fires("PEEL_CHAIN", payments(48, 4, 1200.0, 7.0)), "four counterparties");
}

#[test]
fn structuring_needs_ten_small_payments() {
    assert!(fires("STRUCTURING", payments(12, 3, 100.0, 5.0)));
    assert!(!fires("STRUCTURING", payments(9, 3, 100.0, 5.0)));
    assert!(!fires("STRUCTURING", payments(12, 3, 5000.0, 5.0)));
}

#[test]
fn intraday_structuring_needs_three_just_under_the_threshold_on_one_day() {
    assert!(fires("INTRADAY_STRUCTURING", payments(3, 3, 9500.0, 2.0)));
    assert!(!fires("INTRADAY_STRUCTURING", payments(2, 2, 9500.0, 2.0)));
    assert!(!fires("INTRADAY_STRUCTURING", payments(3, 3, 10_000.0, 2.0)));
    assert!(!fires("INTRADAY_STRUCTURING", payments(3, 3, 9500.0, 24.0)));
}

#[test]
fn ping_pong_needs_money_to_come_back() {
    let there = [pay("suspect", "p", 6000.0, 1.0)];
    let back = [there.to_vec(), vec![pay("p", "suspect", 5800.0, 3.0)]].concat();
    assert!(fires("PING_PONG", back));
    assert!(!fires("PING_PONG", there.to_vec()));
}

#[test]
fn rapid_fanout_needs_one_part_of_the_day() {
    assert!(fires("RAPID_FANOUT", payments(20, 20, 2000.0, 0.04)));
    assert!(!fires("RAPID_FANOUT", payments(20, 20, 2000.0, 7.0)));
    assert!(!fires("RAPID_FANOUT", payments(20, 9, 2000.0, 0.04)));
}

#[test]
fn velocity_anomaly_needs_many_payments() {
    assert!(fires("VELOCITY_ANOMALY", payments(90, 5, 100.0, 0.01)));
    assert!(!fires("VELOCITY_ANOMALY", payments(60, 5, 100.0, 0.01)));
}

fn exchange(created_timestamp: Option<i64>, address_type: &str) -> AddressLabel {
    AddressLabel {
        network: "testnet".into(),
        address: "p0".into(),
        label: "a trading place".into(),
        address_type: address_type.into(),
        address_subtype: String::new(),
        trust_level: "verified".into(),
        source: "test".into(),
        risk_level: "low".into(),
        confidence_score: 1.0,
        created_timestamp,
    }
}

#[test]
fn fresh_to_exchange_needs_a_new_address_and_a_label_known_by_then() {
    let labelled = |transfers: Vec<Transfer>, label: AddressLabel| {
        let given = Batch { labels: Some(vec![label]), ..batch(transfers) };
        fired(given, "suspect").iter().any(|t| t == "FRESH_TO_EXCHANGE")
    };
    let week = 7.0 * 24.0;
    let fresh = || vec![pay("origin", "suspect", 700.0, week + 1.0), pay("suspect", "p0", 600.0, week + 9.0)];
    assert!(labelled(fresh(), exchange(None, "exchange")));
    assert!(labelled(fresh(), exchange(Some(START), "EXCHANGE")), "any case of letters");
    assert!(!labelled(fresh(), exchange(None, "merchant")));
    assert!(!labelled(fresh(), exchange(Some(START + 31 * 86_400_000), "exchange")), "known a day too late");
    let old = vec![pay("origin", "suspect", 700.0, 1.0), pay("suspect", "p0", 600.0, week + 9.0)];
    assert!(!labelled(old, exchange(None, "exchange")));
    let small = vec![pay("origin", "suspect", 700.0, week + 1.0), pay("suspect", "p0", 499.0, week + 9.0)];
    assert!(!labelled(small, exchange(None, "exchange")));
}

#[test]
fn what_labels_say_of_risk_changes_no_alert() {
    let transfers = [payments(12, 3, 100.0, 5.0), payments(20, 20, 2000.0, 0.04)].concat();
    let alerts = |risk_level: &str| {
        let mut label = exchange(None, "mixer");
        (label.address, label.risk_level) = ("suspect".into(), risk_level.into());
        let given = Batch { labels: Some(vec![label]), ..batch(transfers.clone()) };
        complete(given).alerts
    };
    assert_eq!(alerts("low"), alerts("critical"));
}

#[test]
fn every_typology_has_a_test_above() {
    let source = include_str!("alerts.rs");
    for typology in TYPOLOGIES {
        assert!(source.contains(&format!("(\"{}\"", typology.name)) || typology.name == "FRESH_TO_EXCHANGE");
    }
}

#[test]
fn patterns_alert_their_members_with_role_and_id() {
    let ring = vec![pay("a", "b", 90.0, 1.0), pay("b", "c", 90.0, 2.0), pay("c", "a", 90.0, 3.0)];
    let done = complete(batch(ring));
    let cycle =
        done.patterns.expect("derived").into_iter().find(|p| p.pattern_type == "cycle").expect("found");
    let alerts: Vec<Alert> = done.alerts.expect("derived");
    let own: Vec<&Alert> = alerts.iter().filter(|a| a.typology_type == "CYCLE_DETECTION").collect();
    assert_eq!(own.iter().map(|a| a.address.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
    for alert in own {
        assert_eq!(alert.pattern_id, cycle.pattern_id);
        let evidence: serde_json::Value = serde_json::from_str(&alert.evidence_json).expect("JSON");
        assert_eq!(evidence["pattern_id"], cycle.pattern_id.as_str());
        assert_eq!(evidence["role"], "participant");
        assert_eq!(evidence["volume_usd"], 270.0);
        let keys: Vec<&String> = evidence.as_object().expect("an object").keys().collect();
        assert!(keys.is_sorted());
    }
}

#[test]
fn ids_are_the_reference_systems() {
    let date = chrono::NaiveDate::from_ymd_opt(2025, 11, 20).expect("a date");
    // python3 -c "import uuid; print(uuid.uuid5(uuid.NAMESPACE_DNS, 'alice-PEEL_CHAIN-2025-11-20'))"
    assert_eq!(alert_id("alice", "PEEL_CHAIN", date), "2765c6d2-5917-510c-8164-a7cd9f3562aa");
    // python3 -c "import uuid; print(uuid.uuid5(uuid.NAMESPACE_DNS, 'alice-CYCLE_DETECTION-2025-11-20'))"
    assert_eq!(alert_id("alice", "CYCLE_DETECTION", date), "842ac109-d0e5-569b-9a17-5d819c43178a");
}

#[test]
fn severities_change_at_their_thresholds() {
    let at = [
        (1.0, "critical"),
        (0.9, "critical"),
        (0.899, "high"),
        (0.75, "high"),
        (0.6, "medium"),
        (0.599, "low"),
    ];
    for (confidence, severity) in at {
        assert_eq!(severity_of(confidence), severity);
    }
}

#[test]
fn of_duplicates_the_surest_stays_then_the_smallest_evidence() {
    let alerts = complete(batch(payments(12, 3, 100.0, 5.0))).alerts.expect("derived");
    let one = alerts.into_iter().next().expect("an alert");
    let with = |confidence: f64, evidence: &str| Alert {
        alert_confidence_score: confidence,
        evidence_json: evidence.into(),
        ..one.clone()
    };
    let versions = [with(0.7, "a"), with(0.8, "c"), with(0.8, "b"), with(0.6, "0")];
    for turn in 0..4 {
        let mut given = versions.to_vec();
        given.rotate_left(turn);
        assert_eq!(dedupe(given), [with(0.8, "b")]);
    }
}

#[test]
fn clusters_gather_two_or_more_alerts_of_one_address() {
    let transfers = payments(20, 20, 2000.0, 0.04);
    let done = complete(batch(transfers));
    let (alerts, clusters) = (done.alerts.expect("derived"), done.clusters.expect("derived"));
    let own: Vec<&Alert> = alerts.iter().filter(|a| a.address == "suspect").collect();
    assert!(own.len() >= 2);
    let cluster = clusters.iter().find(|c| c.primary_address == "suspect").expect("a cluster");
    assert_eq!(cluster.cluster_id, "cluster_same_entity_suspect_2025-11-20");
    assert_eq!(cluster.total_alerts as usize, own.len());
    assert_eq!(cluster.related_alert_ids.first(), Some(&cluster.primary_alert_id));
    let volume: f64 = own.iter().map(|a| a.volume_usd).sum();
    assert!((cluster.total_volume_usd - volume).abs() < 1e-6);
    assert_eq!(cluster.earliest_alert_timestamp, START + 3_600_000);
    let surest = own.iter().map(|a| a.alert_confidence_score).fold(0.0, f64::max);
    let primary = own.iter().find(|a| a.alert_id == cluster.primary_alert_id).expect("a member");
    assert_eq!(primary.alert_confidence_score, surest);
    for cluster in &clusters {
        let members = alerts.iter().filter(|a| a.address == cluster.primary_address).count();
        assert!(members >= 2);
    }
}
