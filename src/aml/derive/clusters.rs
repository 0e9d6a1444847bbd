//! Alerts of one address belong together.
//!
//! The kind made here is `same_entity`: every address with two or more alerts; `associations.rs` has the others. Members are listed by descending
//! confidence, then by id, so the first is the primary one whatever the order of the alerts was.
//!
//! `total_volume_usd` is the sum over the members. The pipeline that fed the published batches stored the volume of
//! whichever alert came first; several findings on the same money are counted as often as it was found suspicious.

use std::collections::BTreeMap;

use super::alerts::kept;
use super::finite;
use crate::aml::sot::{Alert, Batch, Cluster};

/// The columns of features that are read here.
pub(super) const READ: [&str; 2] = ["first_activity_timestamp", "last_activity_timestamp"];

/// Fewest alerts of a cluster.
const MIN_ALERTS: usize = 2;

/// The clusters of a batch's alerts, by address.
pub fn clusters(batch: &Batch, alerts: &[Alert]) -> Vec<Cluster> {
    let mut by_address: BTreeMap<&str, Vec<&Alert>> = BTreeMap::new();
    for alert in kept(alerts).into_iter().map(|at| &alerts[at]) {
        by_address.entry(&alert.address).or_default().push(alert);
    }
    by_address.retain(|_, members| members.len() >= MIN_ALERTS);
    by_address.into_iter().map(|(address, members)| same_entity(batch, address, members)).collect()
}

/// The clusters of alerts that stand address by address, each once.
pub(super) fn clusters_of(batch: &Batch, alerts: &[Alert]) -> Vec<Cluster> {
    let of_address = alerts.chunk_by(|a, b| a.address == b.address).filter(|own| own.len() >= MIN_ALERTS);
    of_address.map(|own| same_entity(batch, &own[0].address, own.iter().collect())).collect()
}

fn same_entity(batch: &Batch, address: &str, members: Vec<&Alert>) -> Cluster {
    cluster(batch, &Bond { kind: "same_entity", name: address.to_owned() }, &[address], members)
}

/// What holds a cluster together.
pub(super) struct Bond {
    /// `same_entity` ...
    pub(super) kind: &'static str,
    /// Its own name among clusters of the kind.
    pub(super) name: String,
}

/// The cluster of some alerts on some addresses.
pub(super) fn cluster(batch: &Batch, bond: &Bond, addresses: &[&str], mut members: Vec<&Alert>) -> Cluster {
    members.sort_by(|a, b| {
        let by_confidence = b.alert_confidence_score.total_cmp(&a.alert_confidence_score);
        by_confidence.then_with(|| a.alert_id.cmp(&b.alert_id))
    });
    let (date, Bond { kind, name }) = (batch.id.processing_date, bond);
    let activities = || addresses.iter().map(|address| activity(batch, address));
    let worst = members.iter().max_by_key(|m| severity_rank(&m.severity));
    Cluster {
        cluster_id: format!("cluster_{kind}_{name}_{date}"),
        processing_date: date,
        window_days: batch.id.window_days,
        cluster_type: (*kind).to_owned(),
        primary_address: members.first().map(|m| m.address.clone()).unwrap_or_default(),
        pattern_id: members
            .iter()
            .map(|m| m.pattern_id.clone())
            .find(|id| !id.is_empty())
            .unwrap_or_default(),
        primary_alert_id: members.first().map(|m| m.alert_id.clone()).unwrap_or_default(),
        related_alert_ids: members.iter().map(|m| m.alert_id.clone()).collect(),
        addresses_involved: addresses.iter().map(|&address| address.to_owned()).collect(),
        total_alerts: members.len() as u64,
        total_volume_usd: members.iter().map(|m| finite(m.volume_usd)).sum(),
        severity_max: worst.map(|m| m.severity.clone()).unwrap_or_default(),
        confidence_avg: members.iter().map(|m| finite(m.alert_confidence_score)).sum::<f64>()
            / members.len() as f64,
        earliest_alert_timestamp: activities().map(|(first, _)| first).min().unwrap_or(0),
        latest_alert_timestamp: activities().map(|(_, last)| last).max().unwrap_or(0),
    }
}

/// critical 4, high 3, medium 2, low 1, other words 0; in any case of letters.
pub(super) fn severity_rank(severity: &str) -> u8 {
    match severity.to_ascii_lowercase().as_str() {
        "critical" => 4,
        "high" => 3,
        "medium" => 2,
        "low" => 1,
        _ => 0,
    }
}

/// First and last activity of an address; 0 where unknown.
fn activity(batch: &Batch, address: &str) -> (i64, i64) {
    let known = |column| {
        let at = batch.features.as_ref().map_or(f64::NAN, |features| features.value(address, column));
        if at.is_finite() { at as i64 } else { 0 }
    };
    (known(READ[0]), known(READ[1]))
}
