//! Why a file of columns could not be read or written.

/// Why a file is not a table of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The operating system refused.
    #[error("{file}: cannot be read: {reason}")]
    Io {
        /// The path as given.
        file: String,
        /// The system's words.
        reason: String,
    },
    /// Not a kind of file that is read here.
    #[error("{file}: expected {expected}")]
    Kind {
        /// The file.
        file: String,
        /// The kinds that are.
        expected: &'static str,
    },
    /// The file breaks its format.
    #[error("{file}: not a valid {format} file: {reason}")]
    Malformed {
        /// The file.
        file: String,
        /// `Parquet`, `CSV` or `gzip`.
        format: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A column breaks its format.
    #[error("{file}: column `{column}` cannot be decoded: {reason}")]
    Column {
        /// The file.
        file: String,
        /// The column.
        column: String,
        /// What is wrong.
        reason: String,
    },
    /// Larger than is read here.
    #[error("{file}: {found} {what}, more than the limit of {limit}")]
    Limit {
        /// The file.
        file: String,
        /// What was counted: `bytes`, `rows`, `columns` ...
        what: &'static str,
        /// The most that is read.
        limit: u64,
        /// What the file has or claims.
        found: u64,
    },
    /// It unpacks to more than its reader has room for.
    #[error("{file}: unpacks to more than there is room for")]
    NoRoom {
        /// The file.
        file: String,
    },
    /// A value is not what its column holds.
    #[error("{file}: column `{column}`, row {row}: expected {expected}, found {found}")]
    Cell {
        /// The file.
        file: String,
        /// The column.
        column: String,
        /// Counted from 0.
        row: usize,
        /// What should stand there.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// A field of a line is not what it should be.
    #[error("{file}: line {line}, column {column}: expected {expected}, found {found}")]
    Field {
        /// The file.
        file: String,
        /// Counted from 1.
        line: u64,
        /// Which field of the line, counted from 1.
        column: usize,
        /// What should stand there.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// One of several files is not like the first.
    #[error("{file}: expected {expected}, as in {first}, found {found}")]
    Part {
        /// The file.
        file: String,
        /// The first of the files.
        first: String,
        /// What it should have.
        expected: String,
        /// What it has.
        found: String,
    },
    /// A line of text is not what it should be.
    #[error("{file}: line {line}: expected {expected}, found {found}")]
    Line {
        /// The file.
        file: String,
        /// Counted from 1.
        line: u64,
        /// What should stand there.
        expected: String,
        /// What stands there.
        found: String,
    },
}

/// Why a file could not be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The operating system refused.
    #[error("{file}: cannot be written: {reason}")]
    Io {
        /// The path as given.
        file: String,
        /// The system's words.
        reason: String,
    },
    /// The format has no place for it.
    #[error("{file}: cannot be encoded: {reason}")]
    Encode {
        /// The file.
        file: String,
        /// What is wrong.
        reason: String,
    },
}
