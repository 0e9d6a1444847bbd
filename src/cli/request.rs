//! `aml-miner request`: a batch as the JSON body that the three POST calls take.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Map, Value, json};

use super::args::Global;
use super::batch::write_file;
use super::{Fault, Verdict, bundled};
use crate::aml::derive;
use crate::aml::sot::{AddressFeatures, Alert, Batch, Cluster, MoneyFlow};

/// Arguments of `request`.
#[derive(Debug, Args)]
pub(crate) struct Request {
    /// Folder of the batch [default: the batch inside this program]; what is absent is derived
    batch: Option<PathBuf>,
    /// Only the first N alerts, with the rows that they read
    #[arg(long, value_name = "N")]
    alerts: Option<usize>,
    /// File to write [default: stdout]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn run(args: &Request, _global: &Global) -> Result<Verdict, Fault> {
    let mut batch = derive::complete(bundled::open_batch(args.batch.as_deref())?);
    if let Some(n) = args.alerts {
        keep_alerts(&mut batch, n);
    }
    let text = body(&batch).to_string();
    match &args.output {
        None => std::io::stdout().lock().write_all(text.as_bytes()).map_err(Fault::internal)?,
        Some(path) => write_file(path, text.as_bytes())?,
    }
    Ok(Verdict::Done)
}

/// Cuts the alerts to the first `n`, and every other table to what those read: flows and clusters that name them.
fn keep_alerts(batch: &mut Batch, n: usize) {
    let alerts = batch.alerts.get_or_insert_default();
    alerts.truncate(n);
    let named = |address: &str| alerts.iter().any(|a| a.address == address);
    if let Some(flows) = &mut batch.money_flows {
        flows.retain(|f| named(&f.from_address) || named(&f.to_address));
    }
    if let Some(clusters) = &mut batch.clusters {
        clusters.retain(|c| alerts.iter().any(|a| c.related_alert_ids.contains(&a.alert_id)));
    }
    if let Some(table) = &batch.features {
        let kept = alerts.iter().filter_map(|a| table.addresses.get(&a.address));
        let rows: std::collections::BTreeSet<_> = kept.collect();
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

/// The body: alerts, features, clusters and money flows, columns by their official names.
fn body(batch: &Batch) -> Value {
    json!({
        "alerts": batch.alerts.iter().flatten().map(alert).collect::<Vec<_>>(),
        "features": batch.features.as_ref().map(features).unwrap_or_default(),
        "clusters": batch.clusters.iter().flatten().map(cluster).collect::<Vec<_>>(),
        "money_flows": batch.money_flows.as_ref().map(|flows| flows.iter().map(flow).collect::<Vec<_>>()),
    })
}

pub(super) fn alert(alert: &Alert) -> Value {
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
