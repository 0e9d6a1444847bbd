//! What is odd about a batch, though it can be worked with.

use std::collections::BTreeSet;

use serde::Serialize;

use super::batch::{AddressLabel, Batch};
use super::open::{ColumnReport, TableReport};
use super::schema::TableKind;
use crate::determinism::intern::Interner;
use crate::table::Values;

/// One odd thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is, as a token: `no_meta`, `duplicate_alerts`, `labels_after_batch` ...
    pub code: &'static str,
    /// The table concerned.
    pub table: Option<&'static str>,
    /// What it is, in words.
    pub text: String,
}

impl Finding {
    pub(super) fn new(code: &'static str, table: Option<TableKind>, text: impl Into<String>) -> Self {
        Finding { code, table: table.map(TableKind::name), text: text.into() }
    }
}

/// What a column holds.
pub(super) fn column(name: &str, values: &Values) -> ColumnReport {
    let (missing, constant) = match values {
        Values::Bool(v) => summary(v.iter().map(Option::as_ref)),
        Values::Int(v) | Values::Timestamp(v) => summary(v.iter().map(Option::as_ref)),
        Values::UInt(v) => summary(v.iter().map(Option::as_ref)),
        Values::F32(v) => summary(v.iter().map(|x| (!x.is_nan()).then_some(x))),
        Values::F64(v) => summary(v.iter().map(|x| (!x.is_nan()).then_some(x))),
        Values::Decimal { units, .. } => summary(units.iter().map(Option::as_ref)),
        Values::Text(v) => summary(v.iter().map(Option::as_ref)),
        Values::Date(v) => summary(v.iter().map(Option::as_ref)),
        Values::TextList(v) => summary(v.iter().map(Option::as_ref)),
        Values::IntList(v) => summary(v.iter().map(Option::as_ref)),
        Values::Other(_) => (0, false),
    };
    ColumnReport { name: name.to_owned(), kind: values.kind(), missing, constant }
}

/// How many are missing, and whether all are the same.
fn summary<'a, T: PartialEq + 'a>(values: impl Iterator<Item = Option<&'a T>>) -> (usize, bool) {
    let (mut missing, mut rows, mut constant) = (0, 0usize, true);
    let mut first = None;
    for value in values {
        missing += usize::from(value.is_none());
        constant &= *first.get_or_insert(value) == value;
        rows += 1;
    }
    (missing, constant && rows > 1)
}

/// Columns that tell rows apart nowhere.
pub(super) fn of_columns(tables: &[TableReport], findings: &mut Vec<Finding>) {
    for table in tables {
        if table.rows == 0 {
            findings.push(Finding::new("no_rows", Some(table.kind), format!("{} has no rows", table.file)));
        }
        let keys = ["processing_date", "window_days", "network"];
        let constant = table.columns.iter().filter(|c| c.constant && !keys.contains(&c.name.as_str()));
        let names: Vec<&str> = constant.map(|c| c.name.as_str()).collect();
        if !names.is_empty() {
            let text = format!("{}: the same in every row: {}", table.file, names.join(", "));
            findings.push(Finding::new("constant_columns", Some(table.kind), text));
        }
    }
}

/// References to nowhere, times outside the window, words outside the usual vocabulary.
pub(super) fn of_batch(batch: &Batch, findings: &mut Vec<Finding>) {
    of_alerts(batch, findings);
    of_clusters(batch, findings);
    of_transfers(batch, findings);
    of_labels(batch, findings);
}

fn of_alerts(batch: &Batch, findings: &mut Vec<Finding>) {
    let (Some(alerts), kind) = (&batch.alerts, Some(TableKind::Alerts)) else { return };
    if let Some(features) = &batch.features {
        let orphans = alerts.iter().filter(|a| features.addresses.get(&a.address).is_none()).count();
        add_count(
            findings,
            "alerts_without_features",
            kind,
            orphans,
            "alerts name an address without a feature row",
        );
    }
    let other = alerts.iter().filter(|a| a.processing_date != batch.id.processing_date).count();
    add_count(findings, "alerts_of_another_date", kind, other, "alerts are of another date than the batch");
}

fn of_clusters(batch: &Batch, findings: &mut Vec<Finding>) {
    let (Some(alerts), Some(clusters)) = (&batch.alerts, &batch.clusters) else { return };
    let known: Interner = alerts.iter().map(|a| a.alert_id.as_str()).collect();
    let members = clusters.iter().flat_map(|c| &c.related_alert_ids);
    let orphans = members.filter(|id| known.get(id).is_none()).count();
    let text = "alerts named by clusters are not in the batch";
    add_count(findings, "orphan_alert_ids", Some(TableKind::Clusters), orphans, text);
}

fn of_transfers(batch: &Batch, findings: &mut Vec<Finding>) {
    let (Some(transfers), kind) = (&batch.transfers, Some(TableKind::Transfers)) else { return };
    let window = batch.id.window_ms();
    let outside = transfers.iter().filter(|t| !window.contains(&t.block_timestamp)).count();
    add_count(
        findings,
        "transfers_outside_window",
        kind,
        outside,
        "transfers lie outside the batch's window",
    );
    let selfs = transfers.iter().filter(|t| t.from_address == t.to_address).count();
    add_count(findings, "self_transfers", kind, selfs, "transfers go back to their sender");
}

fn of_labels(batch: &Batch, findings: &mut Vec<Finding>) {
    let (Some(labels), kind) = (&batch.labels, Some(TableKind::AddressLabels)) else { return };
    let end = batch.id.window_ms().end;
    let newer = labels.iter().filter(|l| l.created_timestamp.is_some_and(|t| t >= end)).count();
    let text = "labels are newer than the batch: they were not known on its date";
    add_count(findings, "labels_after_batch", kind, newer, text);
    let undated = labels.iter().filter(|l| l.created_timestamp.is_none()).count();
    add_count(findings, "labels_undated", kind, undated, "labels have no date");
    let strange = |word: fn(&AddressLabel) -> &String, usual: &[&str]| {
        let words: BTreeSet<&str> = labels.iter().map(|l| word(l).as_str()).collect();
        words.into_iter().filter(|w| !usual.contains(w)).map(str::to_owned).collect::<Vec<_>>()
    };
    for (code, words) in [
        ("unknown_label_types", strange(|l| &l.address_type, ADDRESS_TYPES)),
        ("unknown_risk_levels", strange(|l| &l.risk_level, RISK_LEVELS)),
    ] {
        if !words.is_empty() {
            let text = format!("words outside the usual vocabulary: {}", words.join(", "));
            findings.push(Finding::new(code, kind, text));
        }
    }
}

fn add_count(
    findings: &mut Vec<Finding>,
    code: &'static str,
    table: Option<TableKind>,
    count: usize,
    text: &str,
) {
    if count > 0 {
        findings.push(Finding::new(code, table, format!("{count} {text}")));
    }
}

const ADDRESS_TYPES: &[&str] = &[
    "exchange",
    "dex",
    "institutional",
    "staking",
    "validator",
    "miner",
    "neuron",
    "subnet",
    "defi",
    "lending",
    "agent",
    "bridge",
    "merchant",
    "wallet",
    "unknown",
    "gambling",
    "mixer",
    "scam",
    "dark_market",
    "sanctioned",
    "contract",
    "eoa",
];
const RISK_LEVELS: &[&str] = &["low", "medium", "high", "critical"];
