//! Files of named, typed, nullable columns: what Parquet, CSV and plain lines of numbers have in common.
//!
//! A [`Table`] keeps what the file said (widths, scales, nulls), so that whoever reads it can name the file, the
//! column and the row of a fault, with what was expected and what was found. Rows count from 0, lines from 1.

mod arrays;
pub mod arrow;
pub mod bare;
pub mod csv;
pub mod decimal;
mod error;
pub mod file;
pub mod frame;
mod given;
mod guard;
pub mod layout;
pub mod libsvm;
pub mod parquet;
pub mod parts;
#[cfg(test)]
mod sample;
mod side;
mod spill;
mod texts;

pub use error::{ReadError, WriteError};
pub use given::Given;
pub use spill::Spill;
pub use texts::Texts;

use std::path::Path;

use crate::determinism::digest::Digest;

/// Asked before so many bytes more are kept of what is unpacked: whether they may be.
pub type Room<'a> = &'a (dyn Fn(usize) -> bool + Sync);

/// The columns of one file.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Where it came from, for messages: a file name without its folder.
    pub name: String,
    /// Same length each.
    pub columns: Vec<TableColumn>,
    /// Rows of every column.
    pub n_rows: usize,
    /// SHA-256 of the file's bytes; `None` for tables made in memory.
    pub digest: Option<Digest>,
}

/// A named column.
#[derive(Clone, Debug, PartialEq)]
pub struct TableColumn {
    /// As in the file.
    pub name: String,
    /// The values.
    pub values: Values,
}

/// Typed values; `None` is null. Floats keep their width, every integer fits i128's half, decimals keep their scale.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Booleans.
    Bool(Vec<Option<bool>>),
    /// Signed integers of any width.
    Int(Vec<Option<i64>>),
    /// Unsigned integers of any width.
    UInt(Vec<Option<u64>>),
    /// Single precision; null is NaN.
    F32(Vec<f32>),
    /// Double precision; null is NaN.
    F64(Vec<f64>),
    /// `units * 10^-scale`, of any precision up to 38 digits.
    Decimal {
        /// Digits after the point.
        scale: u32,
        /// Unscaled values.
        units: Vec<Option<i128>>,
    },
    /// Text; also dictionary-encoded text.
    Text(Vec<Option<String>>),
    /// Days since 1970-01-01.
    Date(Vec<Option<i32>>),
    /// Milliseconds since 1970-01-01T00:00:00Z, from timestamps of any unit.
    Timestamp(Vec<Option<i64>>),
    /// Lists of text.
    TextList(Vec<Option<Vec<String>>>),
    /// Lists of integers.
    IntList(Vec<Option<Vec<i64>>>),
    /// A type that no table of ours has (struct, map, binary ...), by name; its values are not decoded.
    Other(String),
}

impl Values {
    /// A short name of the type, for messages.
    pub fn kind(&self) -> String {
        match self {
            Values::Bool(_) => "bool".into(),
            Values::Int(_) => "int".into(),
            Values::UInt(_) => "uint".into(),
            Values::F32(_) => "float32".into(),
            Values::F64(_) => "float64".into(),
            Values::Decimal { scale, .. } => format!("decimal(scale {scale})"),
            Values::Text(_) => "text".into(),
            Values::Date(_) => "date".into(),
            Values::Timestamp(_) => "timestamp".into(),
            Values::TextList(_) => "list of text".into(),
            Values::IntList(_) => "list of int".into(),
            Values::Other(name) => name.clone(),
        }
    }

    /// No values of the same type.
    pub fn blank(&self) -> Values {
        match self {
            Values::Bool(_) => Values::Bool(vec![]),
            Values::Int(_) => Values::Int(vec![]),
            Values::UInt(_) => Values::UInt(vec![]),
            Values::F32(_) => Values::F32(vec![]),
            Values::F64(_) => Values::F64(vec![]),
            Values::Decimal { scale, .. } => Values::Decimal { scale: *scale, units: vec![] },
            Values::Text(_) => Values::Text(vec![]),
            Values::Date(_) => Values::Date(vec![]),
            Values::Timestamp(_) => Values::Timestamp(vec![]),
            Values::TextList(_) => Values::TextList(vec![]),
            Values::IntList(_) => Values::IntList(vec![]),
            Values::Other(name) => Values::Other(name.clone()),
        }
    }

    /// How many values there are; `None` for a type that is not decoded.
    pub fn n_values(&self) -> Option<usize> {
        Some(match self {
            Values::Bool(v) => v.len(),
            Values::Int(v) => v.len(),
            Values::UInt(v) => v.len(),
            Values::F32(v) => v.len(),
            Values::F64(v) => v.len(),
            Values::Decimal { units, .. } => units.len(),
            Values::Text(v) => v.len(),
            Values::Date(v) => v.len(),
            Values::Timestamp(v) => v.len(),
            Values::TextList(v) => v.len(),
            Values::IntList(v) => v.len(),
            Values::Other(_) => return None,
        })
    }

    /// The value of a row as a number: booleans 0 and 1, dates in days, timestamps in milliseconds, null NaN.
    /// Integers beyond 2^53 round to the nearest double. `None` for text, lists and types not decoded.
    pub fn number(&self, row: usize) -> Option<f64> {
        let missing = f64::NAN;
        Some(match self {
            Values::Bool(v) => v[row].map_or(missing, |b| f64::from(u8::from(b))),
            Values::Int(v) | Values::Timestamp(v) => v[row].map_or(missing, |x| x as f64),
            Values::UInt(v) => v[row].map_or(missing, |x| x as f64),
            Values::F32(v) => f64::from(v[row]),
            Values::F64(v) => v[row],
            Values::Decimal { scale, units } => units[row].map_or(missing, |u| decimal::to_f64(u, *scale)),
            Values::Date(v) => v[row].map_or(missing, f64::from),
            Values::Text(_) | Values::TextList(_) | Values::IntList(_) | Values::Other(_) => return None,
        })
    }

    /// The value of a row as text, for messages; `null` where missing.
    pub fn show(&self, row: usize) -> String {
        fn shown<T: ToString>(value: Option<T>) -> String {
            value.map_or_else(|| "null".into(), |v| v.to_string())
        }
        match self {
            Values::Bool(v) => shown(v[row]),
            Values::Int(v) | Values::Timestamp(v) => shown(v[row]),
            Values::UInt(v) => shown(v[row]),
            Values::F32(v) => v[row].to_string(),
            Values::F64(v) => v[row].to_string(),
            Values::Decimal { scale, units } => shown(units[row].map(|u| decimal::to_text(u, *scale))),
            Values::Text(v) => v[row].as_ref().map_or_else(|| "null".into(), |t| format!("`{}`", excerpt(t))),
            Values::Date(v) => shown(v[row]),
            Values::TextList(v) => format!("{:?}", v[row]),
            Values::IntList(v) => format!("{:?}", v[row]),
            Values::Other(name) => name.clone(),
        }
    }
}

impl Table {
    /// A table made in memory.
    ///
    /// # Panics
    /// When the columns differ in length: an error of the caller's.
    pub fn new(name: impl Into<String>, columns: Vec<TableColumn>) -> Self {
        let n_rows = columns.iter().find_map(|c| c.values.n_values()).unwrap_or(0);
        let same = columns.iter().all(|c| c.values.n_values().is_none_or(|n| n == n_rows));
        assert!(same, "columns of one table have one length");
        Table { name: name.into(), columns, n_rows, digest: None }
    }

    /// A column by name.
    pub fn column(&self, name: &str) -> Option<&Values> {
        self.columns.iter().find(|c| c.name == name).map(|c| &c.values)
    }
}

impl TableColumn {
    /// A named column.
    pub fn new(name: impl Into<String>, values: Values) -> Self {
        TableColumn { name: name.into(), values }
    }
}

/// Reads a table by its file's extension: `.parquet`, `.csv`, `.tsv`; the latter two also with `.gz`.
///
/// # Errors
/// When the file cannot be read, is malformed, or is of another kind.
pub fn read(path: &Path) -> Result<Table, ReadError> {
    let name = file::name(path);
    let stem = name.strip_suffix(".gz").unwrap_or(&name);
    match stem.rsplit_once('.').map(|(_, extension)| extension) {
        Some("parquet") => parquet::read(path),
        Some("csv" | "tsv") => csv::read(path),
        _ => Err(ReadError::Kind { file: name, expected: KINDS }),
    }
}

const KINDS: &str = "a .parquet, .csv or .tsv file with a header (.csv and .tsv also with .gz)";

/// The first name that stood before.
fn repeated<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let mut seen = std::collections::BTreeSet::new();
    names.into_iter().find(|name| !seen.insert(*name))
}

/// The start of a text, short enough for a message.
pub(crate) fn excerpt(text: &str) -> String {
    const SHOWN: usize = 60;
    if text.chars().count() <= SHOWN {
        return text.to_owned();
    }
    text.chars().take(SHOWN).chain(['…']).collect()
}
