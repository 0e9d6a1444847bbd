//! A [`Batch`] to the body of a scoring request: the other way of [`Batch::from_json`].
//!
//! Columns by their official names; a number that is missing or infinite is left out, as JSON has no word for it.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::batch::{AddressFeatures, Alert, Batch, Cluster, MoneyFlow};

/// The body: alerts, features, clusters and money flows, columns by their official names.
pub fn request_body(batch: &Batch) -> Value {
    json!({
        "alerts": batch.alerts.iter().flatten().map(request_alert).collect::<Vec<_>>(),
        "features": batch.features.as_ref().map(features).unwrap_or_default(),
        "clusters": batch.clusters.iter().flatten().map(cluster).collect::<Vec<_>>(),
        "money_flows": batch.money_flows.as_ref().map(|flows| flows.iter().map(flow).collect::<Vec<_>>()),
    })
}

/// Cuts the alerts to the first `n`, and every other table of a body to what those read: the feature rows of their addresses,
/// and the flows and clusters that name them. Scores of the alerts that stay do not change.
pub fn keep_alerts(batch: &mut Batch, n: usize) {
    let alerts = batch.alerts.get_or_insert_default();
    alerts.truncate(n);
    let addresses: BTreeSet<&str> = alerts.iter().map(|a| a.address.as_str()).collect();
    let ids: BTreeSet<&str> = alerts.iter().map(|a| a.alert_id.as_str()).collect();
    if let Some(flows) = &mut batch.money_flows {
        flows.retain(|f| {
            addresses.contains(f.from_address.as_str()) || addresses.contains(f.to_address.as_str())
        });
    }
    if let Some(clusters) = &mut batch.clusters {
        clusters.retain(|c| c.related_alert_ids.iter().any(|id| ids.contains(id.as_str())));
    }
    if let Some(table) = &batch.features {
        let rows: BTreeSet<u32> =
            addresses.iter().filter_map(|address| table.addresses.get(address)).collect();
        let mut cut = AddressFeatures::default();
        for row in &rows {
            cut.addresses.intern(table.addresses.name(*row));
        }
        cut.columns = table.columns.clone();
        for column in &mut cut.columns {
            column.values = rows.iter().map(|row| column.values[*row as usize]).collect();
        }
        batch.features = Some(cut);
    }
}

/// One alert of such a body.
pub fn request_alert(alert: &Alert) -> Value {
    json!({
        "alert_id": alert.alert_id,
        "processing_date": alert.processing_date.to_string(),
        "window_days": alert.window_days,
        "address": alert.address,
        "typology_type": alert.typology_type,
        "pattern_id": alert.pattern_id,
        "pattern_type": alert.pattern_type,
        "severity": alert.severity,
        "suspected_address_type": alert.suspected_address_type,
        "suspected_address_subtype": alert.suspected_address_subtype,
        "alert_confidence_score": alert.alert_confidence_score,
        "description": alert.description,
        "volume_usd": alert.volume_usd,
        "evidence_json": alert.evidence_json,
        "risk_indicators": alert.risk_indicators,
    })
}

fn cluster(cluster: &Cluster) -> Value {
    json!({
        "cluster_id": cluster.cluster_id,
        "processing_date": cluster.processing_date.to_string(),
        "window_days": cluster.window_days,
        "cluster_type": cluster.cluster_type,
        "primary_address": cluster.primary_address,
        "pattern_id": cluster.pattern_id,
        "primary_alert_id": cluster.primary_alert_id,
        "related_alert_ids": cluster.related_alert_ids,
        "addresses_involved": cluster.addresses_involved,
        "total_alerts": cluster.total_alerts,
        "total_volume_usd": cluster.total_volume_usd,
        "severity_max": cluster.severity_max,
        "confidence_avg": cluster.confidence_avg,
        "earliest_alert_timestamp": cluster.earliest_alert_timestamp,
        "latest_alert_timestamp": cluster.latest_alert_timestamp,
    })
}

/// Missing numbers are left out.
fn features(table: &AddressFeatures) -> Vec<Value> {
    let row = |(i, address): (usize, &str)| {
        let mut row = Map::new();
        row.insert("address".into(), address.into());
        for column in &table.columns {
            let value = column.values[i];
            if value.is_finite() {
                row.insert(column.name.clone(), value.into());
            }
        }
        Value::Object(row)
    };
    table.addresses.names().enumerate().map(row).collect()
}

fn flow(flow: &MoneyFlow) -> Value {
    json!({
        "from_address": flow.from_address,
        "to_address": flow.to_address,
        "tx_count": flow.tx_count,
        "amount_sum": flow.amount_sum,
        "amount_usd_sum": flow.amount_usd_sum,
        "first_seen_timestamp": flow.first_seen_timestamp,
        "last_seen_timestamp": flow.last_seen_timestamp,
        "active_days": flow.active_days,
        "avg_tx_size_usd": flow.avg_tx_size_usd,
        "unique_assets": flow.unique_assets,
        "dominant_asset": flow.dominant_asset,
        "hourly_pattern": flow.hourly_pattern,
        "weekly_pattern": flow.weekly_pattern,
        "reciprocity_ratio": flow.reciprocity_ratio,
        "is_bidirectional": flow.is_bidirectional,
    })
}
