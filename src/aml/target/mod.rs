//! Labels of addresses -> targets of alerts and clusters. The leakage rules stand here.
//!
//! An alert's target is the risk of its address's label, known at the training cut-off: high or critical is 1, low or medium 0.
//! Several labels of an address: the highest risk wins, then the highest confidence, then the smallest source and
//! label text, so neither the order of rows nor a second opinion of the same weight changes a target. The weight is
//! the winning label's confidence. A cluster is positive when any of its alerts is.
//!
//! A ranker's grade (0 to 4) is made of the label alone, never of the alert's own severity or confidence, which are inputs:
//!
//! | winning label | confidence >= 0.5 | below |
//! |---|---|---|
//! | critical | 4 | 3 |
//! | high | 3 | 2 |
//! | medium | 1 | 0 |
//! | low | 0 | 0 |
//!
//! Ground truth (planted roles) gives targets where a simulation or a test set knows the answer: malicious roles are positive, all
//! other addresses negative; a malicious role's grade is 4 within one hop of the flagged address or where no hop applies, 3 beyond.
//!
//! What is said of addresses is a [`LabelStrategy`]: [`Source`] (labels or ground truth), [`CustomLabels`] beside a batch's own, and
//! [`Evolution`], which needs no labels. Whatever the strategy, an alert has its address's target and a cluster the strongest of its
//! members'.

mod custom;
mod evolution;

use std::collections::BTreeMap;

use crate::aml::evolution::EvolutionError;
use crate::aml::features::vocabulary;
use crate::aml::sot::{AddressLabel, Batch, GroundTruth};
use crate::gbdt::data::FeatureMatrix;

pub use custom::{Combine, CustomLabelError, CustomLabels, WithLabels};
pub use evolution::Evolution;

/// What is known of an address when training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target {
    /// Whether it is illicit.
    pub positive: bool,
    /// How much the row counts: the confidence of whoever says so.
    pub weight: f64,
    /// Relevance for ranking, 0 to 4.
    pub grade: u8,
    /// When it became known, milliseconds since 1970 UTC; `i64::MIN` where it always was or nobody says.
    pub known_ms: i64,
}

/// Where targets come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The labels table.
    Labels {
        /// Labels created at or after this instant (milliseconds since 1970 UTC) were not known yet.
        cut_off_ms: i64,
        /// What to do with labels that say no time.
        undated: Undated,
    },
    /// The ground truth table: who is not in it is benign.
    GroundTruth,
}

/// What to do with labels without a time of creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undated {
    /// They may be newer than the cut-off: leave them out.
    Drop,
    /// They are known to be older.
    Accept,
}

/// Targets of one batch's rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Targets {
    /// One per row; `None` where nothing is known.
    pub rows: Vec<Option<Target>>,
    /// Labels left out because they were created after the cut-off, or undated.
    pub dropped_labels: usize,
}

/// Why targets cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// The batch has no table to take targets from.
    #[error("batch {batch}: no {table} table to take targets from")]
    NoTable {
        /// The batch's name.
        batch: String,
        /// The missing table.
        table: &'static str,
    },
    /// Two batches are no pair.
    #[error(transparent)]
    Evolution(#[from] EvolutionError),
    /// Nothing is labelled.
    #[error(
        "no target is known at the training cut-off: {rows} rows, {dropped} labels created after it or undated"
    )]
    NoneKnown {
        /// Rows there were.
        rows: usize,
        /// Labels left out.
        dropped: usize,
    },
    /// All targets are the same.
    #[error("targets of one class only: {positives} positive of {rows} rows; a model needs both")]
    OneClass {
        /// Positive rows.
        positives: usize,
        /// Labelled rows.
        rows: usize,
    },
    /// A column is made from labels.
    #[error("feature `{feature}` is derived from labels: a model must not read its own target")]
    LabelDerived {
        /// Its name.
        feature: String,
    },
    /// A column tells the target.
    #[error("feature `{feature}` equals the target on all {rows} rows: it is derived from the target")]
    TargetDerived {
        /// Its name.
        feature: String,
        /// Labelled rows.
        rows: usize,
    },
}

/// What is said of addresses, and by whom.
pub trait LabelStrategy: std::fmt::Debug + Sync {
    /// One word, for manifests and messages.
    fn name(&self) -> &str;

    /// The target of each address that something is said of in this batch.
    ///
    /// # Errors
    /// When the batch does not hold what the strategy reads.
    fn addresses(&self, batch: &Batch) -> Result<AddressTargets, TargetError>;
}

/// Targets by address.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AddressTargets {
    /// Of addresses that something is said of.
    pub by_address: BTreeMap<String, Target>,
    /// Of all others; `None` where nothing said means nothing known.
    pub others: Option<Target>,
    /// Labels left out because they were created after the cut-off, or undated.
    pub dropped: usize,
}

impl AddressTargets {
    /// The target of an address.
    pub fn target(&self, address: &str) -> Option<Target> {
        self.by_address.get(address).copied().or(self.others)
    }
}

/// Targets of a batch's alerts, in the order of the alerts table.
///
/// # Errors
/// When the batch does not hold what the strategy reads.
pub fn of_alerts(batch: &Batch, strategy: &dyn LabelStrategy) -> Result<Targets, TargetError> {
    let known = strategy.addresses(batch)?;
    let alerts = batch.alerts.as_deref().unwrap_or_default();
    let rows = alerts.iter().map(|alert| known.target(&alert.address)).collect();
    Ok(Targets { rows, dropped_labels: known.dropped })
}

/// Targets of a batch's clusters, in the order of the clusters table: the strongest target of the alerts that a cluster names,
/// or of its addresses where none of those alerts is in the batch.
///
/// # Errors
/// When the batch does not hold what the strategy reads.
pub fn of_clusters(batch: &Batch, strategy: &dyn LabelStrategy) -> Result<Targets, TargetError> {
    let known = strategy.addresses(batch)?;
    let alerts = batch.alerts.as_deref().unwrap_or_default();
    let address: BTreeMap<&str, &str> =
        alerts.iter().map(|a| (a.alert_id.as_str(), a.address.as_str())).collect();
    let clusters = batch.clusters.as_deref().unwrap_or_default();
    let rows = clusters.iter().map(|cluster| {
        let mut members: Vec<&str> =
            cluster.related_alert_ids.iter().filter_map(|id| address.get(id.as_str()).copied()).collect();
        if members.is_empty() {
            members = cluster.addresses_involved.iter().map(String::as_str).collect();
        }
        any_member(members.into_iter().filter_map(|member| known.target(member)))
    });
    Ok(Targets { rows: rows.collect(), dropped_labels: known.dropped })
}

/// The strongest target of a cluster's members: positive when any of them is.
pub fn any_member(members: impl Iterator<Item = Target>) -> Option<Target> {
    members
        .max_by(|a, b| (a.positive, a.grade).cmp(&(b.positive, b.grade)).then(a.weight.total_cmp(&b.weight)))
}

/// Whether a column's name says that it is made from labels or from the answer.
pub fn is_label_derived(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let starts = ["label", "risk_level", "risk_proximity", "ground", "has_label", "target", "is_fraud"];
    let holds = ["_label", "label_", "risk_level", "ground_truth", "is_illicit", "pattern_instance", "role_"];
    starts.iter().any(|s| name.starts_with(s)) || holds.iter().any(|s| name.contains(s))
}

/// The gate before training: targets of both classes, and no column that tells them.
///
/// # Shape
/// `targets`: one per row of `matrix`.
///
/// # Errors
/// When there are no targets, one class only, or a column derived from labels or from the target.
pub fn check(matrix: &FeatureMatrix, targets: &[Target], dropped: usize) -> Result<(), TargetError> {
    let positives = targets.iter().filter(|t| t.positive).count();
    if targets.is_empty() {
        return Err(TargetError::NoneKnown { rows: matrix.n_rows(), dropped });
    }
    if let Some(feature) = matrix.schema().names().find(|name| is_label_derived(name)) {
        return Err(TargetError::LabelDerived { feature: feature.to_owned() });
    }
    if positives == 0 || positives == targets.len() {
        return Err(TargetError::OneClass { positives, rows: targets.len() });
    }
    for (feature, name) in matrix.schema().names().enumerate() {
        if tells(matrix, feature, targets) {
            return Err(TargetError::TargetDerived { feature: name.to_owned(), rows: targets.len() });
        }
    }
    Ok(())
}

/// Whether a column takes one value on every positive row and another on every negative one.
fn tells(matrix: &FeatureMatrix, feature: usize, targets: &[Target]) -> bool {
    let column = matrix.column(feature);
    let (mut positive, mut negative) = (None, None);
    for (row, target) in targets.iter().enumerate() {
        // missing is a value here: a column present for one class alone tells it just as well
        let bits =
            if column.get(row).is_nan() { f64::NAN.to_bits() } else { (column.get(row) + 0.0).to_bits() };
        let seen = if target.positive { &mut positive } else { &mut negative };
        if *seen.get_or_insert(bits) != bits {
            return false;
        }
    }
    positive != negative
}

impl LabelStrategy for Source {
    fn name(&self) -> &str {
        match self {
            Source::Labels { .. } => "labels",
            Source::GroundTruth => "ground_truth",
        }
    }

    fn addresses(&self, batch: &Batch) -> Result<AddressTargets, TargetError> {
        let missing = |table| TargetError::NoTable { batch: batch.id.name(), table };
        match *self {
            Source::Labels { cut_off_ms, undated } => {
                let labels = batch.labels.as_ref().ok_or_else(|| missing("address_labels"))?;
                Ok(from_labels(labels.iter(), cut_off_ms, undated))
            }
            Source::GroundTruth => {
                let truth = batch.ground_truth.as_ref().ok_or_else(|| missing("ground_truth"))?;
                Ok(from_truth(truth))
            }
        }
    }
}

/// The winning label of each address.
fn from_labels<'a>(
    labels: impl Iterator<Item = &'a AddressLabel>,
    cut_off_ms: i64,
    undated: Undated,
) -> AddressTargets {
    let known = |label: &AddressLabel| match label.created_timestamp {
        Some(created) => created < cut_off_ms,
        None => undated == Undated::Accept,
    };
    let mut winners: BTreeMap<&str, &AddressLabel> = BTreeMap::new();
    let mut dropped = 0;
    for label in labels.filter(|label| risk(label) > 0) {
        if !known(label) {
            dropped += 1;
            continue;
        }
        let winner = winners.entry(&label.address).or_insert(label);
        if stronger(label, winner) {
            *winner = label;
        }
    }
    let by_address = winners.into_iter().map(|(address, label)| (address.to_owned(), target_of(label)));
    AddressTargets { by_address: by_address.collect(), others: None, dropped }
}

fn from_truth(truth: &[GroundTruth]) -> AddressTargets {
    let mut by_address: BTreeMap<String, Target> = BTreeMap::new();
    for row in truth {
        let target = if is_malicious(&row.role) {
            Target { positive: true, grade: if row.hop_distance <= 1 { 4 } else { 3 }, ..BENIGN }
        } else {
            BENIGN
        };
        let known = by_address.entry(row.address.clone()).or_insert(target);
        if target.grade > known.grade {
            *known = target;
        }
    }
    AddressTargets { by_address, others: Some(BENIGN), dropped: 0 }
}

/// Whether a planted role is part of the crime. `peel_destination` is listed as malicious and as victim in the
/// reference; it counts as malicious.
pub fn is_malicious(role: &str) -> bool {
    MALICIOUS_ROLES.contains(&role)
}

const BENIGN: Target = Target { positive: false, weight: 1.0, grade: 0, known_ms: i64::MIN };

/// The planted roles that count as illicit.
///
/// The first thirty are the reference's, the others those that only `simulate --shapes` plants. `burst_source` and
/// `burst_target` are missing: in published ground truth they are no part of a crime.
pub const MALICIOUS_ROLES: [&str; 43] = [
    "attacker",
    "attacker_origin",
    "mule",
    "peel_destination",
    "mixer_contract",
    "mixer_depositor",
    "mixer_recipient",
    "layering_source",
    "layering_hop",
    "layering_dest",
    "cycle_node",
    "smurfing_source",
    "smurfing_mule",
    "smurfing_intermediate",
    "smurfing_aggregator",
    "smurfing_exit",
    "threshold_source",
    "threshold_destination",
    "wash_trading_wallet",
    "sybil_funder",
    "sybil_wallet",
    "sybil_collector",
    "nested_service_wallet",
    "rug_developer",
    "rug_contract",
    "rug_marketing",
    "rug_exit",
    "dormant_wallet",
    "activation_hop",
    "dormant_exit",
    "scatter_source",
    "scatter_mule",
    "scatter_dest",
    "gather_source",
    "gather_scatter_hub",
    "gather_dest",
    "bipartite_source",
    "bipartite_dest",
    "stack_source",
    "stack_hop",
    "stack_dest",
    "burst_payer",
    "burst_payee",
];

/// 1 low, 2 medium, 3 high, 4 critical; 0 for any other word, which is no label.
fn risk(label: &AddressLabel) -> u8 {
    vocabulary::code(&vocabulary::SEVERITIES, &label.risk_level).map_or(0, |code| code as u8)
}

fn stronger(label: &AddressLabel, than: &AddressLabel) -> bool {
    let text = |l: &AddressLabel| (l.source.clone(), l.label.clone());
    let order = risk(label).cmp(&risk(than));
    let order = order.then(confidence(label).total_cmp(&confidence(than)));
    order.then_with(|| text(than).cmp(&text(label))).is_gt()
}

fn target_of(label: &AddressLabel) -> Target {
    let grade = match (risk(label), confidence(label) >= 0.5) {
        (4, true) => 4,
        (4, false) | (3, true) => 3,
        (3, false) => 2,
        (2, true) => 1,
        _ => 0,
    };
    let known_ms = label.created_timestamp.unwrap_or(i64::MIN);
    Target { positive: risk(label) >= 3, weight: confidence(label), grade, known_ms }
}

/// Clamped to [0, 1]; NaN is 1, the default of an absent column.
fn confidence(label: &AddressLabel) -> f64 {
    if label.confidence_score.is_nan() { 1.0 } else { label.confidence_score.clamp(0.0, 1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aml::features::FeatureSet;
    use crate::gbdt::data::{Column, Schema};

    fn label(risk: &str, confidence: f64, created: Option<i64>, source: &str) -> AddressLabel {
        AddressLabel {
            network: String::new(),
            address: "a".to_owned(),
            label: "l".to_owned(),
            address_type: String::new(),
            address_subtype: String::new(),
            trust_level: String::new(),
            source: source.to_owned(),
            risk_level: risk.to_owned(),
            confidence_score: confidence,
            created_timestamp: created,
        }
    }

    fn target(labels: &[AddressLabel]) -> Option<Target> {
        from_labels(labels.iter(), 100, Undated::Drop).target("a")
    }

    #[test]
    fn the_highest_risk_wins_in_any_order() {
        let mut labels = [
            label("low", 1.0, Some(1), "x"),
            label("HIGH", 0.4, Some(1), "y"),
            label("high", 0.9, Some(1), "z"),
            label("unheard", 1.0, Some(1), "z"),
        ];
        let expected = Some(Target { positive: true, weight: 0.9, grade: 3, known_ms: 1 });
        assert_eq!(target(&labels), expected);
        labels.reverse();
        assert_eq!(target(&labels), expected);
    }

    #[test]
    fn labels_of_the_future_are_dropped_and_counted() {
        let labels = [
            label("high", 0.9, Some(100), "x"),
            label("high", 0.9, None, "x"),
            label("low", 1.0, Some(99), "x"),
        ];
        let known = from_labels(labels.iter(), 100, Undated::Drop);
        assert_eq!(known.dropped, 2);
        assert_eq!(known.target("a"), Some(Target { known_ms: 99, ..BENIGN }));
        assert_eq!(from_labels(labels.iter(), 100, Undated::Accept).dropped, 1);
    }

    #[test]
    fn the_gate_names_what_it_refuses() {
        let rows = |flags: &[bool]| -> Vec<Target> {
            flags.iter().map(|&positive| Target { positive, ..BENIGN }).collect()
        };
        let matrix = |name: &str, values: &[f64]| {
            FeatureMatrix::new(Schema::numerical([name]), vec![Column::F64(values.to_vec())])
                .expect("one column")
        };
        let both = rows(&[true, false, true]);
        assert_eq!(check(&matrix("x", &[1.0, 2.0, 3.0]), &both, 0), Ok(()));
        let refuse = |m: &FeatureMatrix, t: &[Target]| check(m, t, 7).expect_err("refused").to_string();
        assert_eq!(
            refuse(&matrix("label_risk_level", &[1.0, 2.0, 3.0]), &both),
            "feature `label_risk_level` is derived from labels: a model must not read its own target"
        );
        for values in [[1.0, 0.0, 1.0], [0.0, 1.0, 0.0], [5.0, f64::NAN, 5.0]] {
            assert!(
                refuse(&matrix("x", &values), &both)
                    .starts_with("feature `x` equals the target on all 3 rows")
            );
        }
        assert!(
            refuse(&matrix("x", &[1.0, 2.0]), &rows(&[true, true]))
                .starts_with("targets of one class only: 2")
        );
        assert!(refuse(&matrix("x", &[]), &[]).contains("7 labels"));
    }

    #[test]
    fn no_registered_feature_is_label_like() {
        for set in [FeatureSet::alerts(), FeatureSet::clusters()] {
            for feature in set.features() {
                assert!(!is_label_derived(&feature.name), "{}", feature.name);
            }
        }
    }
}
