//! What the validator knows beside the scores: labels and growth of each alert's address, and the other submissions.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::submission::Submission;
use crate::aml::evolution::{self, Class, EvolutionError};
use crate::aml::sot::{AddressLabel, Alert, Batch};
use crate::aml::target::{self, Source, TargetError, Undated};

/// What is known of a batch's alerts, in the order of its alerts table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// One per alert.
    pub alerts: Vec<AlertFacts>,
}

/// What is known of one alert.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlertFacts {
    /// The alert.
    pub alert_id: String,
    /// The suspect.
    pub address: String,
    /// Lower case.
    pub typology: String,
    /// Whether the address's strongest label is of high or critical risk.
    pub label: Option<bool>,
    /// The same of every label row of the address, as the reference joins them.
    pub label_rows: Vec<bool>,
    /// What became of the address in thirty days.
    pub class: Option<Class>,
}

/// What the submitter's scores are compared with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Company {
    /// The submitter's own scores of the latest earlier day.
    pub previous: Option<Previous>,
    /// Scores by alert of every other submitter of the same batch.
    pub others: Vec<BTreeMap<String, f64>>,
}

/// Scores of an earlier day.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Previous {
    /// Which day.
    pub date: NaiveDate,
    /// As the reference finds them.
    pub by_alert: BTreeMap<String, f64>,
    /// By address and typology (lower case): what stays the same from day to day.
    pub by_subject: BTreeMap<(String, String), f64>,
}

/// Why nothing can be judged.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FactsError {
    /// No alerts.
    #[error("batch {batch}: no alerts to judge")]
    NoAlerts {
        /// Which batch.
        batch: String,
    },
    /// The later batch does not fit.
    #[error(transparent)]
    Evolution(#[from] EvolutionError),
    /// The labels cannot be read as targets.
    #[error(transparent)]
    Target(#[from] TargetError),
}

impl Facts {
    /// Of a batch with all its tables, and of the batch thirty days later where there is one.
    ///
    /// # Errors
    /// When the batch has no alerts, or `later` is not its successor.
    pub fn of(batch: &Batch, later: Option<&Batch>) -> Result<Facts, FactsError> {
        let alerts = batch.alerts.as_deref().filter(|alerts| !alerts.is_empty());
        let alerts = alerts.ok_or_else(|| FactsError::NoAlerts { batch: batch.id.name() })?;
        let labels = batch.labels.as_deref().unwrap_or_default();
        let strongest = strongest_labels(batch)?;
        let growth = match later {
            Some(later) => evolution::of_alerts(batch, later)?,
            None => vec![None; alerts.len()],
        };
        let rows = risks_by_address(labels);
        let fact = |(i, alert): (usize, &Alert)| AlertFacts {
            alert_id: alert.alert_id.clone(),
            address: alert.address.clone(),
            typology: alert.typology_type.to_ascii_lowercase(),
            label: strongest[i],
            label_rows: rows.get(alert.address.as_str()).cloned().unwrap_or_default(),
            class: growth[i].as_ref().map(Class::of),
        };
        Ok(Facts { alerts: alerts.iter().enumerate().map(fact).collect() })
    }

    /// The score of each alert; `None` where the submission has none.
    pub fn scores(&self, submission: &Submission) -> Vec<Option<f64>> {
        let scores = submission.by_alert();
        self.alerts.iter().map(|alert| scores.get(alert.alert_id.as_str()).copied()).collect()
    }
}

impl Previous {
    /// Scores of an earlier batch's alerts; rows that are no number are left out.
    pub fn of(batch: &Batch, submission: &Submission) -> Previous {
        let scores = submission.by_alert();
        let mut previous = Previous { date: batch.id.processing_date, ..Previous::default() };
        for alert in batch.alerts.iter().flatten() {
            if let Some(&score) = scores.get(alert.alert_id.as_str()).filter(|score| score.is_finite()) {
                let subject = (alert.address.clone(), alert.typology_type.to_ascii_lowercase());
                previous.by_subject.entry(subject).or_insert(score);
                previous.by_alert.insert(alert.alert_id.clone(), score);
            }
        }
        previous
    }
}

/// The validator reads labels later than the miner: all that are in the table count, dated or not.
fn strongest_labels(batch: &Batch) -> Result<Vec<Option<bool>>, FactsError> {
    let rows = batch.alerts.as_deref().unwrap_or_default().len();
    if batch.labels.is_none() {
        return Ok(vec![None; rows]);
    }
    let source = Source::Labels { cut_off_ms: i64::MAX, undated: Undated::Accept };
    let targets = target::of_alerts(batch, &source)?;
    Ok(targets.rows.into_iter().map(|target| target.map(|t| t.positive)).collect())
}

/// The reference compares the words exactly.
fn risks_by_address(labels: &[AddressLabel]) -> BTreeMap<&str, Vec<bool>> {
    let mut rows: BTreeMap<&str, Vec<bool>> = BTreeMap::new();
    for label in labels {
        let illicit = match label.risk_level.as_str() {
            "high" | "critical" => true,
            "low" | "medium" => false,
            _ => continue,
        };
        rows.entry(&label.address).or_default().push(illicit);
    }
    rows
}
