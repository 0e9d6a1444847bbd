//! Which columns a file has, told by its name and its first lines: named ones, numbered ones, or LibSVM's.

use std::fmt;
use std::path::Path;

use super::{ReadError, Table, bare, csv, file, libsvm, parquet};

/// How a file names its columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Parquet: every column has a name.
    Named,
    /// Text whose first line names the columns; the first column is the label unless another is named.
    Headed,
    /// Text without a header: columns are named by their position, `0`, `1` ...; the first is the label unless another is
    /// named.
    Numbered,
    /// LibSVM: `label`, `qid` where lines have one, and a column `Column_i` for each index i from 0 to the greatest; what
    /// a line leaves out is 0.
    Sparse,
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Layout::Named => "Parquet",
            Layout::Headed => "text with a header",
            Layout::Numbered => "text without a header",
            Layout::Sparse => "LibSVM",
        })
    }
}

/// Reads a table of any kind: `.parquet`; `.csv` and `.tsv` with a header or without; `.svm` and `.libsvm`; and under any other
/// name text like LightGBM's examples, whose separator and header are detected. All text also with `.gz`.
///
/// # Errors
/// When the file cannot be read, is malformed, or is none of these.
pub fn open(path: &Path) -> Result<(Table, Layout), ReadError> {
    let name = file::name(path);
    let stem = name.strip_suffix(".gz").unwrap_or(&name);
    let extension = stem.rsplit_once('.').map_or("", |(_, extension)| extension);
    if extension == "parquet" {
        return Ok((parquet::read(path)?, Layout::Named));
    }
    let csv::Contents { bytes, digest, .. } = csv::contents(path)?;
    let (table, layout) = read_bytes(&name, extension, &bytes)?;
    Ok((Table { digest: Some(digest), ..table }, layout))
}

/// Reads the uncompressed bytes of a text file; `name` stands in messages.
///
/// # Errors
/// As [`open`].
pub fn read_bytes(name: &str, extension: &str, bytes: &[u8]) -> Result<(Table, Layout), ReadError> {
    let text = csv::check_text(name, bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes))?;
    let separator = match extension {
        "csv" => Separator::Comma,
        "tsv" => Separator::Tab,
        "svm" | "libsvm" => return Ok((libsvm::read_text(name, text)?, Layout::Sparse)),
        _ => match Separator::detect(text) {
            Some(Detected::Fields(separator)) => separator,
            Some(Detected::LibSvm) => return Ok((libsvm::read_text(name, text)?, Layout::Sparse)),
            None => return Err(ReadError::Kind { file: name.to_owned(), expected: KINDS }),
        },
    };
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let first_is_numbers = lines.next().is_some_and(|line| separator.is_numbers(line));
    match separator {
        Separator::Comma | Separator::Tab if !first_is_numbers => {
            let separator = if separator == Separator::Tab { b'\t' } else { b',' };
            Ok((csv::read_bytes(name, text.as_bytes(), separator)?, Layout::Headed))
        }
        _ => {
            let layout = if first_is_numbers { Layout::Numbered } else { Layout::Headed };
            Ok((bare::read_text(name, text, separator, layout)?, layout))
        }
    }
}

/// What stands between two fields of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Separator {
    /// `,`
    Comma,
    /// A tab.
    Tab,
    /// Any number of blanks and tabs.
    Blank,
}

enum Detected {
    Fields(Separator),
    LibSvm,
}

impl Separator {
    /// The fields of a line, without the blanks around them.
    pub(super) fn fields(self, line: &str) -> Box<dyn Iterator<Item = &str> + '_> {
        match self {
            Separator::Comma => Box::new(line.split(',').map(str::trim)),
            Separator::Tab => Box::new(line.split('\t').map(str::trim)),
            Separator::Blank => Box::new(line.split_ascii_whitespace()),
        }
    }

    /// Whether a line holds numbers and nothing else; what is missing may be one.
    fn is_numbers(self, line: &str) -> bool {
        self.fields(line).all(|field| csv::is_missing(field) || field.parse::<f64>().is_ok())
    }

    /// What the first lines of a file without a telling name are, if they are rows of numbers, at most behind a header.
    fn detect(text: &str) -> Option<Detected> {
        let first = || text.lines().filter(|line| !line.trim().is_empty()).take(LOOKED_AT);
        if first().any(libsvm::is_line) {
            return Some(Detected::LibSvm);
        }
        let has = |mark| first().any(|line| line.contains(mark));
        let separator = match () {
            () if has('\t') => Separator::Tab,
            () if has(',') => Separator::Comma,
            () => Separator::Blank,
        };
        let n_fields = |line| separator.fields(line).count();
        let mut lines = first();
        let header = lines.next()?;
        if separator.is_numbers(header) {
            return Some(Detected::Fields(separator));
        }
        let row = lines.next().filter(|row| separator.is_numbers(row) && n_fields(row) == n_fields(header));
        row.map(|_| Detected::Fields(separator))
    }
}

/// Lines by which a file is told; a row of LibSVM without a value looks like any other number.
const LOOKED_AT: usize = 32;

const KINDS: &str = "a .parquet, .csv, .tsv or .svm file, or lines of numbers under another name (all but .parquet also with .gz)";
