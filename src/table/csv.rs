//! Comma- and tab-separated text with a header, to a [`Table`]; gzip accepted.
//!
//! A column whose every present value is a number is [`Values::F64`]; `true`/`false` alone make [`Values::Bool`];
//! anything else is [`Values::Text`]. Empty, `NA`, `NaN`, `nan` and `null` are missing. The separator is the
//! extension's: tab for `.tsv`, comma for `.csv`.

use std::io::Read;
use std::path::Path;

use super::{ReadError, Table, TableColumn, Values, excerpt, file, repeated};
use crate::determinism::digest::Digest;

/// The largest file that is read, uncompressed.
pub const MAX_BYTES: u64 = 8 << 30;
/// The most columns.
pub const MAX_COLUMNS: usize = 100_000;

/// Reads a file.
///
/// # Errors
/// When it cannot be read, has no header, or a line has more or fewer fields than the header.
pub fn read(path: &Path) -> Result<Table, ReadError> {
    let Contents { name, bytes, digest } = contents(path)?;
    let table = read_bytes(&name, &bytes, separator(&name))?;
    Ok(Table { digest: Some(digest), ..table })
}

/// Reads a file whose columns are all [`Values::Text`], as their fields stand: an identifier keeps its leading zeros.
///
/// # Errors
/// As [`read`].
pub fn read_as_text(path: &Path) -> Result<Table, ReadError> {
    let Contents { name, bytes, digest } = contents(path)?;
    let plain = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let header = header(&name, plain, separator(&name))?;
    let mut texts: Vec<Vec<Option<String>>> = vec![vec![]; header.len()];
    each_record(&name, plain, separator(&name), |record, line| {
        check_width(&name, &header, record, line)?;
        for (column, field) in texts.iter_mut().zip(record) {
            let field = field.trim();
            column.push((!is_missing(field)).then(|| field.to_owned()));
        }
        Ok(())
    })?;
    let n_rows = texts.first().map_or(0, Vec::len);
    let column = |(name, texts): (&str, _)| TableColumn::new(name.trim(), Values::Text(texts));
    let columns = header.iter().zip(texts).map(column).collect();
    Ok(Table { name, columns, n_rows, digest: Some(digest) })
}

fn separator(name: &str) -> u8 {
    let stem = name.strip_suffix(".gz").unwrap_or(name);
    if stem.ends_with(".tsv") { b'\t' } else { b',' }
}

/// The names of the columns.
fn header(name: &str, bytes: &[u8], separator: u8) -> Result<csv::StringRecord, ReadError> {
    check_text(name, bytes)?;
    let mut reader = csv::ReaderBuilder::new().delimiter(separator).flexible(true).from_reader(bytes);
    let header = reader.headers().map_err(|e| fault(name, &e))?.clone();
    check_header(name, &header)?;
    Ok(header)
}

fn check_width(
    name: &str,
    header: &csv::StringRecord,
    record: &csv::StringRecord,
    line: u64,
) -> Result<(), ReadError> {
    if record.len() == header.len() {
        return Ok(());
    }
    let expected = format!("{} fields, as in the header", header.len());
    Err(ReadError::Line { file: name.to_owned(), line, expected, found: record.len().to_string() })
}

/// A file of text, uncompressed, and the digest of what lies on the disk.
pub(super) struct Contents {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
    pub(super) digest: Digest,
}

/// Takes a file in; of a name that ends in `.gz`, what it holds.
pub(super) fn contents(path: &Path) -> Result<Contents, ReadError> {
    let (name, bytes) = (file::name(path), file::read(path, MAX_BYTES)?);
    let digest = Digest::of(&bytes);
    let bytes = if name.ends_with(".gz") { gunzip(&name, &bytes)? } else { bytes };
    Ok(Contents { name, bytes, digest })
}

/// Reads a file's uncompressed bytes; `name` stands in messages.
///
/// # Errors
/// As [`read`].
pub fn read_bytes(name: &str, bytes: &[u8], separator: u8) -> Result<Table, ReadError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let header = header(name, bytes, separator)?;
    let mut columns: Vec<Growing> = header.iter().map(|_| Growing::new()).collect();
    let mut n_rows = 0;
    each_record(name, bytes, separator, |record, line| {
        check_width(name, &header, record, line)?;
        columns.iter_mut().zip(record).for_each(|(column, field)| column.push(field.trim()));
        n_rows += 1;
        Ok(())
    })?;
    let texts = read_texts(name, bytes, separator, &columns)?;
    let columns = header.iter().zip(columns).zip(texts);
    let columns =
        columns.map(|((name, column), texts)| TableColumn::new(name, finish(column, texts))).collect();
    Ok(Table { name: name.to_owned(), columns, n_rows, digest: None })
}

/// Second pass, for columns that turned out to be text: their fields as they stand.
fn read_texts(
    name: &str,
    bytes: &[u8],
    separator: u8,
    columns: &[Growing],
) -> Result<Vec<Vec<Option<String>>>, ReadError> {
    let mut texts: Vec<Vec<Option<String>>> = vec![vec![]; columns.len()];
    let textual: Vec<usize> = (0..columns.len()).filter(|&c| columns[c].kind == Kind::Text).collect();
    if textual.is_empty() {
        return Ok(texts);
    }
    each_record(name, bytes, separator, |record, _| {
        for &column in &textual {
            let field = record.get(column).unwrap_or_default().trim();
            texts[column].push((!is_missing(field)).then(|| field.to_owned()));
        }
        Ok(())
    })?;
    Ok(texts)
}

fn finish(column: Growing, texts: Vec<Option<String>>) -> Values {
    match column.kind {
        Kind::Number => Values::F64(column.numbers),
        Kind::Bool => {
            Values::Bool(column.numbers.iter().map(|&x| (!x.is_nan()).then_some(x == 1.0)).collect())
        }
        Kind::Text => Values::Text(texts),
    }
}

/// Calls `each(record, its line)` for every record after the header.
fn each_record(
    name: &str,
    bytes: &[u8],
    separator: u8,
    mut each: impl FnMut(&csv::StringRecord, u64) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    let mut reader = csv::ReaderBuilder::new().delimiter(separator).flexible(true).from_reader(bytes);
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(|e| fault(name, &e))? {
        each(&record, record.position().map_or(0, csv::Position::line))?;
    }
    Ok(())
}

/// Whether a field says that there is no value.
pub fn is_missing(field: &str) -> bool {
    matches!(field, "" | "NA" | "N/A" | "NaN" | "nan" | "null" | "NULL" | "None")
}

/// What a gzip file of at most [`MAX_BYTES`] bytes holds.
fn gunzip(name: &str, bytes: &[u8]) -> Result<Vec<u8>, ReadError> {
    let mut plain = vec![];
    let mut decoder = flate2::read::MultiGzDecoder::new(bytes).take(MAX_BYTES + 1);
    decoder.read_to_end(&mut plain).map_err(|e| ReadError::Malformed {
        file: name.to_owned(),
        format: "gzip",
        reason: e.to_string(),
    })?;
    if plain.len() as u64 > MAX_BYTES {
        let (limit, found) = (MAX_BYTES, plain.len() as u64);
        return Err(ReadError::Limit { file: name.to_owned(), what: "bytes", limit, found });
    }
    Ok(plain)
}

fn check_header(name: &str, header: &csv::StringRecord) -> Result<(), ReadError> {
    let line = |expected: &str, found: String| {
        Err(ReadError::Line { file: name.to_owned(), line: 1, expected: expected.to_owned(), found })
    };
    if header.is_empty() {
        return line("a header that names the columns", "nothing".into());
    }
    if header.len() > MAX_COLUMNS {
        return line("at most 100000 columns", header.len().to_string());
    }
    if header.iter().all(|field| is_missing(field.trim()) || field.trim().parse::<f64>().is_ok()) {
        return line("a header that names the columns", "numbers only".into());
    }
    match repeated(header) {
        Some(twice) => line("column names that differ", format!("`{}` twice", excerpt(twice))),
        None => Ok(()),
    }
}

/// Checked before the CSV reader, which does not say on which line it met bytes that are not text.
pub(super) fn check_text<'a>(name: &str, bytes: &'a [u8]) -> Result<&'a str, ReadError> {
    std::str::from_utf8(bytes).map_err(|e| ReadError::Line {
        file: name.to_owned(),
        line: 1 + bytes[..e.valid_up_to()].iter().filter(|&&b| b == b'\n').count() as u64,
        expected: "UTF-8 text".into(),
        found: e.to_string(),
    })
}

fn fault(name: &str, error: &csv::Error) -> ReadError {
    ReadError::Malformed { file: name.to_owned(), format: "CSV", reason: error.to_string() }
}

/// What every present field of a column so far could be; the next kind is tried when one is not.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Bool,
    Text,
}

/// A column in the making.
struct Growing {
    kind: Kind,
    numbers: Vec<f64>,
    /// Whether anything was present yet: an empty column is one of numbers, all missing.
    seen: bool,
}

impl Growing {
    fn new() -> Self {
        Growing { kind: Kind::Number, numbers: vec![], seen: false }
    }

    /// Takes a field on the first pass; booleans are numbers 0 and 1 until something else turns up.
    fn push(&mut self, field: &str) {
        if self.kind == Kind::Text {
            return;
        }
        if is_missing(field) {
            self.numbers.push(f64::NAN);
            return;
        }
        if !self.seen && boolean(field).is_some() {
            self.kind = Kind::Bool;
        }
        self.seen = true;
        let value = match self.kind {
            Kind::Number => field.parse().ok(),
            _ => boolean(field).map(|b| f64::from(u8::from(b))),
        };
        match value {
            Some(value) => self.numbers.push(value),
            None => *self = Growing { kind: Kind::Text, numbers: vec![], seen: true },
        }
    }
}

fn boolean(field: &str) -> Option<bool> {
    match field {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Result<Table, ReadError> {
        read_bytes("t.csv", text.as_bytes(), b',')
    }

    #[test]
    fn infers_the_narrowest_type() {
        let t = table("n,b,t,e\n1.5,true,x,\nNA,,1,\n-2e3,False,null,NaN\n").expect("a table");
        let numbers = t.column("n");
        assert!(matches!(numbers, Some(Values::F64(v)) if v[0] == 1.5 && v[1].is_nan() && v[2] == -2000.0));
        assert_eq!(t.column("b"), Some(&Values::Bool(vec![Some(true), None, Some(false)])));
        assert_eq!(t.column("t"), Some(&Values::Text(vec![Some("x".into()), Some("1".into()), None])));
        assert!(matches!(t.column("e"), Some(Values::F64(v)) if v.iter().all(|x| x.is_nan())));
    }

    #[test]
    fn text_may_turn_up_late() {
        let t = table("a,b\n1,true\nx,2\n").expect("a table");
        assert_eq!(t.column("a"), Some(&Values::Text(vec![Some("1".into()), Some("x".into())])));
        assert_eq!(t.column("b"), Some(&Values::Text(vec![Some("true".into()), Some("2".into())])));
    }

    #[test]
    fn faults_name_the_line() {
        let message = |text| table(text).expect_err("malformed").to_string();
        assert_eq!(message("a,b\n1,2\n3\n"), "t.csv: line 3: expected 2 fields, as in the header, found 1");
        assert_eq!(
            message("1,2\n"),
            "t.csv: line 1: expected a header that names the columns, found numbers only"
        );
        assert_eq!(message("a,a\n"), "t.csv: line 1: expected column names that differ, found `a` twice");
        assert_eq!(message(""), "t.csv: line 1: expected a header that names the columns, found nothing");
        let bad = read_bytes("t.csv", b"a\n\xff\n", b',').expect_err("malformed").to_string();
        assert!(bad.starts_with("t.csv: line 2: expected UTF-8 text, found "), "{bad}");
    }
}
