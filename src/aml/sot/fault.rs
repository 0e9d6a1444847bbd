//! Why a folder is not a batch: every fault found, up to a limit, each with its place.

use std::fmt;

use crate::table::ReadError;

/// How many faults are kept; the rest are counted.
pub const MAX_FAULTS: usize = 50;

/// All that is wrong with a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchError {
    /// The first faults found, at least one.
    pub faults: Vec<BatchFault>,
    /// How many more there were.
    pub more: usize,
}

/// One thing that is wrong. Rows count from 0.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BatchFault {
    /// The folder holds no table.
    #[error(
        "{dir}: no table of a batch here; expected transfers.parquet, features.parquet, alerts.parquet or others of a batch"
    )]
    NoTable {
        /// The folder.
        dir: String,
    },
    /// The folder holds batches in folders below it.
    #[error("{dir}: expected one batch, found {}: {}", found.len(), found.join(", "))]
    Several {
        /// The folder.
        dir: String,
        /// The batches below it.
        found: Vec<String>,
    },
    /// A file cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// META.json is not as it should be.
    #[error("META.json: `{field}`: expected {expected}, found {found}")]
    Meta {
        /// Which entry.
        field: String,
        /// What should stand there.
        expected: &'static str,
        /// What stands there.
        found: String,
    },
    /// META.json lists a file that is not there.
    #[error("{file}: listed in META.json, but absent")]
    Absent {
        /// The file.
        file: String,
    },
    /// A file is not the one META.json describes.
    #[error("{file}: expected {method} {expected} as META.json says, found {found}")]
    Hash {
        /// The file.
        file: String,
        /// SHA-256 or MD5.
        method: &'static str,
        /// By META.json.
        expected: String,
        /// Of the file.
        found: String,
    },
    /// A table has more or fewer rows than META.json says.
    #[error("{file}: expected {expected} rows as META.json says, found {found}")]
    Count {
        /// The file.
        file: String,
        /// By META.json.
        expected: u64,
        /// In the file.
        found: u64,
    },
    /// A column without which the table means nothing.
    #[error("{file}: column `{column}`: expected {expected}, found no such column")]
    NoColumn {
        /// The file.
        file: String,
        /// The column.
        column: String,
        /// Its type.
        expected: &'static str,
    },
    /// A column of another type.
    #[error("{file}: column `{column}`: expected {expected}, found {found}")]
    Type {
        /// The file.
        file: String,
        /// The column.
        column: String,
        /// Its type.
        expected: &'static str,
        /// The type found.
        found: String,
    },
    /// A value that the column does not allow.
    #[error("{file}: column `{column}`, row {row}: expected {expected}, found {found}")]
    Cell {
        /// The file.
        file: String,
        /// The column.
        column: String,
        /// Which row.
        row: usize,
        /// What may stand there.
        expected: &'static str,
        /// What stands there.
        found: String,
    },
    /// Two rows of one key.
    #[error("{file}: rows {first} and {second} have the same {key}")]
    Duplicate {
        /// The file.
        file: String,
        /// The earlier row.
        first: usize,
        /// The later row.
        second: usize,
        /// The key's columns and values.
        key: String,
    },
}

impl fmt::Display for BatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, fault) in self.faults.iter().enumerate() {
            write!(f, "{}{fault}", if i == 0 { "" } else { "\n" })?;
        }
        if self.more > 0 { write!(f, "\nand {} more faults", self.more) } else { Ok(()) }
    }
}

impl std::error::Error for BatchError {}

impl From<BatchFault> for BatchError {
    fn from(fault: BatchFault) -> Self {
        BatchError { faults: vec![fault], more: 0 }
    }
}

/// Faults as they are found.
#[derive(Debug, Default)]
pub(super) struct Faults {
    kept: Vec<BatchFault>,
    more: usize,
}

impl Faults {
    pub(super) fn add(&mut self, fault: impl Into<BatchFault>) {
        if self.kept.len() < MAX_FAULTS {
            self.kept.push(fault.into());
        } else {
            self.more += 1;
        }
    }

    /// Puts the faults of another reader behind these.
    pub(super) fn append(&mut self, other: Faults) {
        other.kept.into_iter().for_each(|fault| self.add(fault));
        self.more += other.more;
    }

    /// The error, when there is any fault.
    pub(super) fn finish(self) -> Result<(), BatchError> {
        if self.kept.is_empty() { Ok(()) } else { Err(BatchError { faults: self.kept, more: self.more }) }
    }
}
