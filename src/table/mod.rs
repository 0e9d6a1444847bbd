//! Files of named, typed, nullable columns: what Parquet and CSV have in common.
//!
//! A [`Table`] keeps what the file said (widths, scales, nulls), so that whoever reads it can name the file, the
//! column and the row of a fault, with what was expected and what was found.

use crate::determinism::digest::Digest;

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

impl Table {
    /// A column by name.
    pub fn column(&self, name: &str) -> Option<&Values> {
        self.columns.iter().find(|c| c.name == name).map(|c| &c.values)
    }
}
