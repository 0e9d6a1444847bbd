//! What is odd about a batch, though it can be worked with.

use std::collections::BTreeSet;

use serde::Serialize;

use super::batch::{AddressLabel, Batch};
use super::open::{ColumnReport, TableReport};
use super::schema::TableKind;
use super::transfers::Transfers;
use crate::determinism::intern::Interner;
use crate::determinism::par;
use crate::table::Values;

/// One odd thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is, as a token: `no_meta`, `duplicate_alerts`, `labels_after_batch` ...
    pub code: &'static str,
    /// The table concerned.
    pub table: Option<&'static str>,
    /// How much it matters.
    pub severity: Severity,
    /// What it is, in words.
    pub text: String,
    /// What is done about it here, or should be done by who publishes or uses the batch.
    pub rule: &'static str,
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Results may be worse than they look.
    Warning,
    /// Results that rest on it mislead unless the rule is kept.
    Error,
}

impl Severity {
    /// In one word.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

impl Finding {
    pub(super) fn new(code: &'static str, table: Option<TableKind>, text: impl Into<String>) -> Self {
        let (severity, rule) = rule_of(code);
        Finding { code, table: table.map(TableKind::name), severity, text: text.into(), rule }
    }
}

/// What follows from a finding, by its code.
fn rule_of(code: &str) -> (Severity, &'static str) {
    let rule = RULES.iter().find(|rule| rule.0 == code);
    rule.map_or((Severity::Warning, "look at it before the batch is used"), |rule| (rule.1, rule.2))
}

/// Every code with its severity and the rule that follows.
const RULES: &[(&str, Severity, &str)] = &[
    ("no_meta", Severity::Warning, "files are taken as they are; publish META.json last, with hashes"),
    ("listed_but_absent", Severity::Info, "what needs the table is left out or derived"),
    ("not_verified", Severity::Warning, "the content is used, but nothing vouches for it"),
    ("labels_differ", Severity::Info, "labels published apart are used as they are now"),
    ("labels_after_batch", Severity::Error, "never features of this batch; targets only, behind the embargo"),
    ("labels_undated", Severity::Warning, "taken as known on the batch's date; date them"),
    ("labels_without_activity", Severity::Info, "no row of this batch is trained or judged by them"),
    ("label_coverage", Severity::Info, "rows without a label are left out of training and evaluation"),
    ("unknown_label_types", Severity::Info, "kept as words of their own"),
    ("unknown_risk_levels", Severity::Warning, "no target follows from them: the rows count as unlabelled"),
    ("duplicate_alerts", Severity::Info, "the most confident stays"),
    ("alerts_without_features", Severity::Warning, "scored with missing address features"),
    ("alerts_of_another_date", Severity::Warning, "scored as alerts of the batch's date"),
    ("orphan_alert_ids", Severity::Warning, "left out of their clusters' features"),
    ("transfers_outside_window", Severity::Warning, "left out of everything derived"),
    (
        "self_transfers",
        Severity::Info,
        "kept as pairs of an address with itself; no structure is seen in them",
    ),
    ("repeated_transfers", Severity::Warning, "counted each; check whether a payment was exported twice"),
    ("time_gap", Severity::Warning, "check the export; rhythm and burst features see a pause of everybody"),
    ("constant_columns", Severity::Info, "no model learns from them"),
    ("no_rows", Severity::Info, "an empty table is a table: nothing is derived in its place"),
    ("path_differs", Severity::Warning, "META.json is followed"),
    ("undated", Severity::Warning, "the window is guessed; name date and window in META.json or the path"),
];

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
    let alone = |of: fn(&Batch, &mut Vec<Finding>)| {
        let mut found = vec![];
        of(batch, &mut found);
        found
    };
    // each walks all transfers
    let (of_transfers, of_labels) = par::join(|| alone(of_transfers), || alone(of_labels));
    findings.extend(of_transfers);
    findings.extend(of_labels);
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
    let outside = batch.transfers_outside_window();
    add_count(
        findings,
        "transfers_outside_window",
        kind,
        outside,
        "transfers lie outside the batch's window",
    );
    let is_self = |row: &usize| transfers.ends(*row)[0] == transfers.ends(*row)[1];
    let selfs = (0..transfers.len()).filter(is_self).count();
    add_count(findings, "self_transfers", kind, selfs, "transfers go back to their sender");
    let text = "transfers repeat another's time, parties, asset and amount under another id";
    add_count(findings, "repeated_transfers", kind, repeated(transfers), text);
    let tenth = window.end.saturating_sub(window.start) / 10;
    if let Some((from, to)) =
        longest_gap(transfers.times()).filter(|(from, to)| to.saturating_sub(*from) > tenth)
    {
        let hours = to.saturating_sub(from) / 3_600_000;
        let text =
            format!("no transfer for {hours} hours after {from} (ms), more than a tenth of the window");
        findings.push(Finding::new("time_gap", kind, text));
    }
}

/// Transfers that say the same as one before, but for their ids.
fn repeated(transfers: &Transfers) -> usize {
    let key = |row: usize| {
        let ([from, to], [contract, _]) = (transfers.ends(row), transfers.asset(row));
        (transfers.times()[row], transfers.amounts()[row].to_bits(), from, to, contract)
    };
    let mut keys: Vec<_> = (0..transfers.len()).map(key).collect();
    par::sort_by(&mut keys, Ord::cmp);
    keys.windows(2).filter(|w| w[0] == w[1]).count()
}

/// The longest time between two transfers that follow each other, the earliest such: its ends.
fn longest_gap(times: &[i64]) -> Option<(i64, i64)> {
    let mut times = times.to_vec();
    times.sort_unstable();
    let gaps = times.windows(2).map(|w| (w[0], w[1]));
    gaps.max_by(|a, b| a.1.saturating_sub(a.0).cmp(&b.1.saturating_sub(b.0)).then(b.0.cmp(&a.0)))
}

/// How many of the batch's addresses have a label, and how many labels are of others.
fn coverage(batch: &Batch, labels: &[AddressLabel], findings: &mut Vec<Finding>) {
    // every name that was read belongs to a transfer, unless the file's dictionary held more
    let ends = batch.transfers.iter().flat_map(|t| t.addresses().names());
    let rows = batch.features.iter().flat_map(|f| f.addresses.names());
    let alerted = batch.alerts.iter().flatten().map(|a| a.address.as_str());
    let active: Interner = ends.chain(rows).chain(alerted).collect();
    if active.is_empty() || labels.is_empty() {
        return;
    }
    let labelled: BTreeSet<&str> = labels.iter().map(|l| l.address.as_str()).collect();
    let known = labelled.iter().filter(|address| active.get(address).is_some()).count();
    let kind = Some(TableKind::AddressLabels);
    let text = format!("{known} of {} addresses of the batch have a label", active.len());
    findings.push(Finding::new("label_coverage", kind, text));
    let text = "labelled addresses do nothing in this batch";
    add_count(findings, "labels_without_activity", kind, labelled.len() - known, text);
}

fn of_labels(batch: &Batch, findings: &mut Vec<Finding>) {
    let (Some(labels), kind) = (&batch.labels, Some(TableKind::AddressLabels)) else { return };
    let end = batch.id.window_ms().end;
    let newer = labels.iter().filter(|l| l.created_timestamp.is_some_and(|t| t >= end)).count();
    let text = "labels are newer than the batch: they were not known on its date";
    add_count(findings, "labels_after_batch", kind, newer, text);
    let undated = labels.iter().filter(|l| l.created_timestamp.is_none()).count();
    add_count(findings, "labels_undated", kind, undated, "labels have no date");
    coverage(batch, labels, findings);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aml::sot::Transfer;

    #[test]
    fn every_code_has_its_rule() {
        for code in ["labels_after_batch", "time_gap", "label_coverage", "undated"] {
            assert!(RULES.iter().any(|rule| rule.0 == code), "{code}");
        }
        let codes: BTreeSet<&str> = RULES.iter().map(|rule| rule.0).collect();
        assert_eq!(codes.len(), RULES.len());
        assert_eq!(Finding::new("labels_after_batch", None, "").severity, Severity::Error);
    }

    #[test]
    fn gaps_and_repetitions_are_seen() {
        let at = |id: &str, block_timestamp: i64| Transfer {
            tx_id: id.into(),
            block_timestamp,
            amount: 5.0,
            amount_usd: 5.0,
            event_index: "0".into(),
            edge_index: "0".into(),
            block_height: 1,
            from_address: "x".into(),
            to_address: "y".into(),
            asset_symbol: "TOR".into(),
            asset_contract: "native".into(),
            fee: 0.0,
        };
        let rows = [at("a", 90), at("b", 10), at("c", 20), at("d", 20)];
        assert_eq!(repeated(&Transfers::from(rows.as_slice())), 1);
        assert_eq!(longest_gap(&[90, 10, 20, 20]), Some((20, 90)));
        assert_eq!(longest_gap(&[90]), None);
    }
}
