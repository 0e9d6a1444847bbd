//! Labels of one's own from a CSV file, with who says so and when.
//!
//! In: `address,risk_level,confidence,source,date` with a header in any order; `date` is `YYYY-MM-DD` and says when the label became
//! known, `confidence` is 0 to 1 and may be empty (1). Out: labels as a batch holds them, for every batch that has the address. They
//! stand beside a batch's own labels or in their place; repeated ones are resolved by the same rule.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::{AddressTargets, LabelStrategy, TargetError, Undated, from_labels, risk};
use crate::aml::sot::{AddressLabel, Batch};
use crate::determinism::digest::Digest;

/// Labels of one's own.
#[derive(Clone, Debug, PartialEq)]
pub struct CustomLabels {
    labels: Vec<AddressLabel>,
    digest: Digest,
}

/// What becomes of a batch's own labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Combine {
    /// Both count.
    Add,
    /// The batch's own do not count.
    Replace,
}

/// Custom labels with a batch's own, as known at a cut-off.
#[derive(Clone, Copy, Debug)]
pub struct WithLabels<'a> {
    /// The labels.
    pub labels: &'a CustomLabels,
    /// What becomes of the batch's own.
    pub combine: Combine,
    /// Labels created at or after this instant were not known yet.
    pub cut_off_ms: i64,
    /// What to do with labels of the batch that say no time.
    pub undated: Undated,
}

/// Why a file of labels cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CustomLabelError {
    /// The text is no table.
    #[error("{file}: line {line}: {reason}")]
    Syntax {
        /// The file.
        file: String,
        /// Counting from 1.
        line: u64,
        /// What is wrong.
        reason: String,
    },
    /// A column is missing.
    #[error("{file}: line 1: no column `{column}`: expected address, risk_level, confidence, source, date")]
    Column {
        /// The file.
        file: String,
        /// The missing one.
        column: &'static str,
    },
    /// A cell holds no legal value.
    #[error("{file}: line {line}, column `{column}`: expected {expected}, found `{found}`")]
    Cell {
        /// The file.
        file: String,
        /// Counting from 1.
        line: u64,
        /// Its name.
        column: &'static str,
        /// The legal values.
        expected: &'static str,
        /// The text.
        found: String,
    },
}

impl CustomLabels {
    /// Reads CSV text; `file` is its name, for messages.
    ///
    /// # Errors
    /// At the first line that is no label, with line and column.
    pub fn parse(text: &[u8], file: &str) -> Result<Self, CustomLabelError> {
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text);
        let syntax = |e: csv::Error| {
            let line = e.position().map_or(1, csv::Position::line);
            CustomLabelError::Syntax { file: file.to_owned(), line, reason: e.to_string() }
        };
        let header = reader.headers().map_err(syntax)?.clone();
        let mut place = [0; COLUMNS.len()];
        for (place, column) in place.iter_mut().zip(COLUMNS) {
            let missing = || CustomLabelError::Column { file: file.to_owned(), column };
            *place = header.iter().position(|name| name == column).ok_or_else(missing)?;
        }
        let mut labels = vec![];
        for record in reader.records() {
            let record = record.map_err(syntax)?;
            let line = record.position().map_or(0, csv::Position::line);
            let cells = place.map(|at| record.get(at).unwrap_or_default());
            labels.push(label(cells).map_err(|fault| fault.at(file, line))?);
        }
        Ok(CustomLabels { labels, digest: Digest::of(text) })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// SHA-256 of the file.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// How many labels each source gave.
    pub fn sources(&self) -> BTreeMap<&str, usize> {
        let mut sources = BTreeMap::new();
        self.labels.iter().for_each(|label| *sources.entry(label.source.as_str()).or_default() += 1);
        sources
    }
}

impl LabelStrategy for WithLabels<'_> {
    fn name(&self) -> &str {
        "custom_labels"
    }

    fn addresses(&self, batch: &Batch) -> Result<AddressTargets, TargetError> {
        let own = match self.combine {
            Combine::Add => batch.labels.as_deref().unwrap_or_default(),
            Combine::Replace => &[],
        };
        Ok(from_labels(own.iter().chain(&self.labels.labels), self.cut_off_ms, self.undated))
    }
}

/// A cell that holds no legal value, without its place.
struct Fault {
    column: &'static str,
    expected: &'static str,
    found: String,
}

impl Fault {
    fn at(self, file: &str, line: u64) -> CustomLabelError {
        let Fault { column, expected, found } = self;
        CustomLabelError::Cell { file: file.to_owned(), line, column, expected, found }
    }
}

fn label([address, level, confidence, source, date]: [&str; COLUMNS.len()]) -> Result<AddressLabel, Fault> {
    let fault = |column, expected, found: &str| Err(Fault { column, expected, found: found.to_owned() });
    if address.is_empty() {
        return fault("address", "an address", address);
    }
    if source.is_empty() {
        return fault("source", "who says so", source);
    }
    let confidence_score = if confidence.is_empty() { Ok(1.0) } else { confidence.parse::<f64>() };
    let Some(confidence_score) = confidence_score.ok().filter(|c| (0.0..=1.0).contains(c)) else {
        return fault("confidence", "a number of 0 to 1, or nothing", confidence);
    };
    let Ok(day) = date.parse::<NaiveDate>() else {
        return fault("date", "YYYY-MM-DD", date);
    };
    let label = AddressLabel {
        network: String::new(),
        address: address.to_owned(),
        label: String::new(),
        address_type: String::new(),
        address_subtype: String::new(),
        trust_level: String::new(),
        source: source.to_owned(),
        risk_level: level.to_owned(),
        confidence_score,
        created_timestamp: Some(day.signed_duration_since(NaiveDate::default()).num_milliseconds()),
    };
    if risk(&label) == 0 {
        return fault("risk_level", "low, medium, high or critical", level);
    }
    Ok(label)
}

const COLUMNS: [&str; 5] = ["address", "risk_level", "confidence", "source", "date"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_in_any_order_and_the_same_rule_for_repeated_labels() {
        let text = b"date,address,source,risk_level,confidence\n\
                     2025-01-02,a,desk,high,0.4\n2025-01-02,a,desk,HIGH,0.9\n2025-03-01,b,desk,low,\n";
        let labels = CustomLabels::parse(text, "own.csv").expect("labels");
        assert_eq!((labels.len(), labels.sources()), (3, BTreeMap::from([("desk", 3)])));
        let day = |text: &str| {
            let day: NaiveDate = text.parse().expect("a date");
            day.signed_duration_since(NaiveDate::default()).num_milliseconds()
        };
        let with = WithLabels {
            labels: &labels,
            combine: Combine::Add,
            cut_off_ms: day("2025-02-01"),
            undated: Undated::Drop,
        };
        let known = with.addresses(&Batch::default()).expect("no table is needed");
        let a = known.target("a").expect("known");
        assert_eq!((a.positive, a.weight, a.known_ms), (true, 0.9, day("2025-01-02")));
        assert_eq!((known.target("b"), known.dropped), (None, 1), "written after the cut-off");
    }

    #[test]
    fn mistakes_name_line_and_column() {
        let head = "address,risk_level,confidence,source,date\n";
        let refuse = |row: &str| {
            let text = format!("{head}a,low,1,desk,2025-01-01\n{row}\n");
            CustomLabels::parse(text.as_bytes(), "own.csv").expect_err("refused").to_string()
        };
        let expected =
            "own.csv: line 3, column `risk_level`: expected low, medium, high or critical, found `odd`";
        assert_eq!(refuse("a,odd,1,desk,2025-01-01"), expected);
        assert!(refuse("a,low,2,desk,2025-01-01").contains("line 3, column `confidence`"));
        assert!(refuse("a,low,NaN,desk,2025-01-01").contains("confidence"));
        assert!(refuse("a,low,1,desk,1.1.2025").contains("expected YYYY-MM-DD, found `1.1.2025`"));
        assert!(refuse("a,low,1,,2025-01-01").contains("column `source`"));
        assert!(refuse(",low,1,desk,2025-01-01").contains("column `address`"));
        assert!(refuse("a,low").starts_with("own.csv: line 3: "));
        let error = CustomLabels::parse(b"address,risk_level\n", "own.csv").expect_err("columns");
        assert!(error.to_string().contains("no column `confidence`"));
    }
}
