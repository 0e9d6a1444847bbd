//! The scores that are judged: one row per alert, from a file or from a bundle.
//!
//! A file is what `score --output` writes, or a submissions document (`{"submissions": [...]}`): JSON, NDJSON, CSV or Parquet by
//! extension. Rows are kept as they are, duplicates, strangers and NaN included: to notice them is tier 1's job.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::aml::score::AlertScore;
use crate::table::{self, ReadError, Table, Values, excerpt, file};

/// Scores of one batch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Submission {
    /// In the order of the file.
    pub rows: Vec<SubmittedRow>,
}

/// One submitted score.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SubmittedRow {
    /// Of which alert.
    pub alert_id: String,
    /// What was submitted; NaN where there is no number.
    pub score: f64,
    /// By which model; empty where it is not said.
    pub model_version: String,
    /// Where its code is; empty where it is not said.
    pub model_github_url: String,
}

/// Why a file of scores cannot be read.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SubmissionError {
    /// The file is unreadable or malformed.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It is JSON of another shape.
    #[error("{file}: expected {expected}, found {found}")]
    Shape {
        /// The file.
        file: String,
        /// What a file of scores is.
        expected: &'static str,
        /// What stands there.
        found: String,
    },
    /// A column is missing.
    #[error("{file}: no column `{column}`: a file of scores has alert_id and score")]
    Column {
        /// The file.
        file: String,
        /// Which.
        column: &'static str,
    },
}

impl Submission {
    /// Rows of freshly computed scores.
    pub fn of(scores: &[AlertScore], model_github_url: &str) -> Submission {
        let row = |score: &AlertScore| SubmittedRow {
            alert_id: score.alert_id.clone(),
            score: score.score,
            model_version: score.model_version.to_string(),
            model_github_url: model_github_url.to_owned(),
        };
        Submission { rows: scores.iter().map(row).collect() }
    }

    /// Reads a file of scores. Where its rows name no URL, `model_github_url` stands in.
    ///
    /// # Errors
    /// When the file is unreadable, malformed, or has no alert ids or scores.
    pub fn read(path: &Path, model_github_url: &str) -> Result<Submission, SubmissionError> {
        let extension = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let mut submission = match extension.as_str() {
            "json" | "ndjson" | "jsonl" => from_json(path)?,
            _ => from_table(&table::read(path)?)?,
        };
        for row in submission.rows.iter_mut().filter(|row| row.model_github_url.is_empty()) {
            model_github_url.clone_into(&mut row.model_github_url);
        }
        Ok(submission)
    }

    /// The score of each alert; of several the first counts.
    pub fn by_alert(&self) -> BTreeMap<&str, f64> {
        let mut scores = BTreeMap::new();
        for row in &self.rows {
            scores.entry(row.alert_id.as_str()).or_insert(row.score);
        }
        scores
    }
}

const EXPECTED: &str = "rows of alert_id and score";

fn from_json(path: &Path) -> Result<Submission, SubmissionError> {
    let name = file::name(path);
    let bytes = file::read(path, MAX_BYTES)?;
    let malformed = |reason: serde_json::Error| {
        SubmissionError::Read(ReadError::Malformed {
            file: name.clone(),
            format: "JSON",
            reason: reason.to_string(),
        })
    };
    let values: Vec<Value> = serde_json::Deserializer::from_slice(&bytes)
        .into_iter()
        .collect::<Result<_, _>>()
        .map_err(malformed)?;
    let rows: Vec<&Value> = match values.as_slice() {
        [Value::Array(rows)] => rows.iter().collect(),
        [Value::Object(document)] if document.contains_key("submissions") => {
            document["submissions"].as_array().map(|rows| rows.iter().collect()).unwrap_or_default()
        }
        objects => objects.iter().collect(),
    };
    let row = |value: &Value| {
        let text = |field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        let found = || excerpt(&value.to_string());
        let shape = |found| SubmissionError::Shape { file: name.clone(), expected: EXPECTED, found };
        let alert_id = value.get("alert_id").and_then(Value::as_str).ok_or_else(|| shape(found()))?;
        let score = value.get("score").ok_or_else(|| shape(found()))?;
        Ok::<_, SubmissionError>(SubmittedRow {
            alert_id: alert_id.to_owned(),
            score: score.as_f64().unwrap_or(f64::NAN),
            model_version: text("model_version"),
            model_github_url: text("model_github_url"),
        })
    };
    Ok(Submission { rows: rows.into_iter().map(row).collect::<Result<_, _>>()? })
}

fn from_table(table: &Table) -> Result<Submission, SubmissionError> {
    let needed = |column: &'static str| {
        table.column(column).ok_or_else(|| SubmissionError::Column { file: table.name.clone(), column })
    };
    let (ids, scores) = (needed("alert_id")?, needed("score")?);
    let text = |column: &str, row: usize| {
        table.column(column).and_then(|values| text_of(values, row)).unwrap_or_default().to_owned()
    };
    let row = |row: usize| SubmittedRow {
        alert_id: text_of(ids, row).map_or_else(|| ids.show(row), str::to_owned),
        score: scores.number(row).unwrap_or(f64::NAN),
        model_version: text("model_version", row),
        model_github_url: text("model_github_url", row),
    };
    Ok(Submission { rows: (0..table.n_rows).map(row).collect() })
}

fn text_of(values: &Values, row: usize) -> Option<&str> {
    match values {
        Values::Text(texts) => texts[row].as_deref(),
        _ => None,
    }
}

const MAX_BYTES: u64 = 1 << 30;
