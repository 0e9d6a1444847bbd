//! The document of a submission, in the shape of `POST /api/v1/submissions`.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::aml::sot::{Batch, BatchId};
use crate::pipeline::validate::{Facts, FactsError, Reading, Submission, integrity};

/// `{"submissions": [...]}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// One row per alert, in the order of the batch.
    pub submissions: Vec<DocumentRow>,
}

/// One score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DocumentRow {
    /// A UUID of submitter, batch, alert and model: the same for the same.
    pub submission_id: String,
    /// Who submits.
    pub submitter_id: String,
    /// `YYYY-MM-DD`.
    pub processing_date: String,
    /// Length of the window.
    pub window_days: u32,
    /// Of which alert.
    pub alert_id: String,
    /// 0 to 1.
    pub score: f64,
    /// By which model.
    pub model_version: String,
    /// Where its code is.
    pub model_github_url: String,
    /// Free text; left out where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score_metadata: Option<String>,
}

/// Who submits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submitter {
    /// The id a validator knows: for a subnet, the hot key.
    pub id: String,
    /// Where the model's code is public.
    pub github_url: String,
}

/// Why there is nothing to submit.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SubmitError {
    /// There are no alerts.
    #[error(transparent)]
    Facts(#[from] FactsError),
    /// Nobody submits.
    #[error("no submitter id: a submission names who makes it")]
    NoSubmitter,
    /// The URL is not one.
    #[error(
        "model URL `{found}`: expected http:// or https:// and a place, as validators must find the code"
    )]
    Url {
        /// What was given.
        found: String,
    },
    /// Tier 1 would refuse it.
    #[error("a validator would refuse this at tier 1: {}", .faults.join("; "))]
    Integrity {
        /// All kinds of faults.
        faults: Vec<String>,
    },
}

impl Document {
    /// Makes the document, after the gate that validators have.
    ///
    /// # Errors
    /// When tier 1 is not perfect, or the submitter is not named.
    pub fn of(batch: &Batch, scores: &Submission, submitter: &Submitter) -> Result<Document, SubmitError> {
        if submitter.id.trim().is_empty() {
            return Err(SubmitError::NoSubmitter);
        }
        let place =
            submitter.github_url.split_once("://").filter(|(scheme, _)| ["http", "https"].contains(scheme));
        if place.is_none_or(|(_, place)| place.is_empty() || place.contains(char::is_whitespace)) {
            return Err(SubmitError::Url { found: submitter.github_url.clone() });
        }
        let facts = Facts::of(batch, None)?;
        let mut named = scores.clone();
        named.rows.iter_mut().for_each(|row| row.model_github_url.clone_from(&submitter.github_url));
        let tier1 = integrity(&facts, &named, Reading::Specified);
        if !tier1.passed {
            return Err(SubmitError::Integrity { faults: tier1.faults });
        }
        let by_alert: std::collections::BTreeMap<&str, _> =
            named.rows.iter().map(|row| (row.alert_id.as_str(), row)).collect();
        let rows = facts.alerts.iter().map(|alert| {
            let row = by_alert[alert.alert_id.as_str()];
            DocumentRow {
                submission_id: submission_id(submitter, &batch.id, &row.alert_id, &row.model_version),
                submitter_id: submitter.id.clone(),
                processing_date: batch.id.processing_date.to_string(),
                window_days: batch.id.window_days,
                alert_id: row.alert_id.clone(),
                // -0 is in the range, but not every reader keeps its sign
                score: row.score + 0.0,
                model_version: row.model_version.clone(),
                model_github_url: row.model_github_url.clone(),
                score_metadata: None,
            }
        });
        Ok(Document { submissions: rows.collect() })
    }

    /// The document's bytes: rows in order, floats in the shortest form that reads back exactly.
    pub fn to_json(&self) -> Vec<u8> {
        let mut json = serde_json::to_vec_pretty(self).expect("rows of numbers and text serialise");
        json.push(b'\n');
        json
    }
}

fn submission_id(submitter: &Submitter, batch: &BatchId, alert: &str, version: &str) -> String {
    let name =
        [submitter.id.as_str(), &batch.name(), alert, version].map(|part| part.replace('\n', " ")).join("\n");
    Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes()).to_string()
}
