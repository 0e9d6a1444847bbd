//! Parquet bytes to a [`Table`] and back. The only importer of parquet_format_safe.
//!
//! In: the bytes of a file, any compression of Snappy, zstd, gzip, Brotli, LZ4 or none. Out: columns in file order, decoded
//! in parallel, one task per column and row group, joined in row-group order.
//!
//! arrow2 refuses a DECIMAL whose scale equals its precision, which real batches have, so the footer is read here:
//! DECIMAL annotations are taken off, their scales kept, and the bytes below them decoded by us. Statistics and the
//! embedded Arrow schema are dropped: the Parquet types alone say what a column is, and dictionary text comes as text.
//! Its page decoders loop without end on some damaged files, so levels and values are decoded here as well; schema,
//! pages, compression and writing are arrow2's.
//!
//! Malformed bytes end in a [`ReadError`]: sizes are checked before they are trusted, and a panic inside the decoder
//! is caught at this door. Written files hold no time stamps: same table, same bytes.
//!
//! Sources: Apache Parquet format 2.9 (`parquet.thrift`, LogicalTypes).

use std::borrow::Cow;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::guard::guarded;
use super::{Given, ReadError, Room, Table, TableColumn, Values, WriteError, excerpt, file, repeated};
use crate::determinism::digest::{Digest, Hasher};
use crate::determinism::par;

mod bytes;
mod decode;
mod dictionary;
mod encode;
mod footer;
mod levels;
mod reader;

use bytes::Bytes;
pub use encode::Group;
use footer::Footer;
pub use reader::Reader;

/// The first bytes of every file, and the last.
pub const MAGIC: [u8; 4] = *b"PAR1";

/// The largest file that is read.
pub const MAX_BYTES: u64 = 8 << 30;
/// The most rows of one file.
pub const MAX_ROWS: u64 = 200_000_000;
/// The most cells (rows x columns that are read) of one file.
pub const MAX_CELLS: u64 = 4_000_000_000;
/// The most columns, nested ones counted by their leaves.
pub const MAX_COLUMNS: u64 = 20_000;
/// The rows of a row group of tables that are written in several.
pub const GROUP_ROWS: usize = 1 << 17;
/// The largest page, uncompressed.
pub const MAX_PAGE_BYTES: u64 = 1 << 30;

/// Which columns to decode.
#[derive(Clone, Copy, Debug)]
pub enum Columns<'a> {
    /// Every one.
    All,
    /// Those of these names, where they exist.
    Named(&'a [&'a str]),
}

/// Reads a file.
///
/// # Errors
/// When it cannot be read, is malformed or too large.
pub fn read(path: &Path) -> Result<Table, ReadError> {
    let bytes = file::read(path, MAX_BYTES)?;
    read_bytes(&file::name(path), &bytes, Columns::All)
}

/// Reads a file's bytes; `name` stands in messages.
///
/// # Errors
/// When the bytes are malformed or too large.
pub fn read_bytes(name: &str, bytes: &[u8], columns: Columns<'_>) -> Result<Table, ReadError> {
    let (table, digest) = par::join(|| decode_table(name, bytes, columns, &|_| true), || Digest::of(bytes));
    table.map(|table| Table { digest: Some(digest), ..table })
}

/// Reads bytes that nobody vouches for: a few may stand for many, so what they unpack to asks for room first.
///
/// # Errors
/// When the bytes are malformed or too large, or when there is no room for what they hold.
pub fn read_within(name: &str, bytes: &[u8], room: Room<'_>) -> Result<Table, ReadError> {
    decode_table(name, bytes, Columns::All, room)
}

/// Writes a table: whole or not at all.
///
/// # Errors
/// When a column is of a type that is not decoded, or the file cannot be written.
pub fn write(path: &Path, table: &Table) -> Result<(), WriteError> {
    file::write(path, &to_bytes(table)?)
}

/// A file that is written row group by row group, whole or not at all: a table larger than memory can be written, for neither it
/// nor its file stands there as a whole.
pub struct Writer {
    path: PathBuf,
    encoder: encode::Encoder<Digested>,
}

impl Writer {
    /// Begins a file. `blank` are its columns without their rows.
    ///
    /// # Errors
    /// When the operating system refuses, or a column is of a type that is not written.
    pub fn new(path: &Path, blank: &[TableColumn]) -> Result<Self, WriteError> {
        let out = file::Partial::beside(path).map_err(|e| refused(path, &e))?;
        let out = Digested { out, hasher: Hasher::default() };
        Ok(Writer { path: path.to_owned(), encoder: encode::Encoder::new(&file::name(path), blank, out)? })
    }

    /// Writes a row group.
    ///
    /// # Errors
    /// When the operating system refuses, or the columns differ in length.
    pub fn group(&mut self, group: Group<'_>) -> Result<(), WriteError> {
        self.encoder.group(group)
    }

    /// Whether no row group was written yet.
    pub fn is_empty(&self) -> bool {
        self.encoder.is_empty()
    }

    /// Puts the file in its place, and gives the digest of its bytes.
    ///
    /// # Errors
    /// When the operating system refuses; nothing is left behind then.
    pub fn finish(self) -> Result<Digest, WriteError> {
        let Digested { out, hasher } = self.encoder.finish()?;
        out.finish().map_err(|e| refused(&self.path, &e))?;
        Ok(hasher.finish())
    }
}

fn refused(path: &Path, e: &std::io::Error) -> WriteError {
    WriteError::Io { file: path.display().to_string(), reason: e.to_string() }
}

/// Bytes on their way to a file, and what is to become their digest.
struct Digested {
    out: file::Partial,
    hasher: Hasher,
}

impl std::io::Write for Digested {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let Digested { out, hasher } = self;
        let (written, ()) = par::join(|| out.write_all(bytes), || hasher.update(bytes));
        written.map(|()| bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

/// A table as the bytes of a file.
///
/// # Errors
/// When a column is of a type that is not decoded.
pub fn to_bytes(table: &Table) -> Result<Vec<u8>, WriteError> {
    let blank: Vec<TableColumn> =
        table.columns.iter().map(|c| TableColumn::new(c.name.clone(), c.values.blank())).collect();
    let mut encoder = encode::Encoder::new(&table.name, &blank, vec![])?;
    encoder.group(&mut |places: Range<usize>| {
        table.columns[places].iter().map(|column| Given::Values(Cow::Borrowed(&column.values))).collect()
    })?;
    encoder.finish()
}

fn decode_table(name: &str, bytes: &[u8], columns: Columns<'_>, room: Room<'_>) -> Result<Table, ReadError> {
    let bytes = Bytes::Whole(bytes);
    let footer = read_footer(name, &bytes)?;
    let columns = decode_columns(name, &bytes, &footer, columns, room)?;
    Ok(Table { name: name.to_owned(), columns, n_rows: footer.n_rows, digest: None })
}

fn malformed(name: &str) -> impl Fn(String) -> ReadError {
    move |reason| ReadError::Malformed { file: name.to_owned(), format: "Parquet", reason }
}

fn read_footer(name: &str, bytes: &Bytes<'_>) -> Result<Footer, ReadError> {
    let footer = guarded(|| Footer::read(name, bytes)).map_err(malformed(name))??;
    check_names(&footer).map_err(malformed(name))?;
    Ok(footer)
}

fn decode_columns(
    name: &str,
    bytes: &Bytes<'_>,
    footer: &Footer,
    columns: Columns<'_>,
    room: Room<'_>,
) -> Result<Vec<TableColumn>, ReadError> {
    let fields: Vec<usize> =
        (0..footer.fields.len()).filter(|&f| wanted(columns, &footer.fields[f].name)).collect();
    let cells = footer.n_rows as u64 * fields.len() as u64;
    if cells > MAX_CELLS {
        let file = name.to_owned();
        return Err(ReadError::Limit { file, what: "cells", limit: MAX_CELLS, found: cells });
    }
    let groups = footer.metadata.row_groups.len();
    let mut parts = par::map(fields.len() * groups, |task| {
        decode::column_of_group(bytes, footer, fields[task / groups], task % groups, room)
    })
    .into_iter();
    let mut decoded = Vec::with_capacity(fields.len());
    for &field in &fields {
        let parts: Vec<_> = parts.by_ref().take(groups).collect();
        decoded.push(decode::join(name, footer, field, parts)?);
    }
    Ok(decoded)
}

/// Columns are found by name: of two alike, one would be passed over in silence.
fn check_names(footer: &Footer) -> Result<(), String> {
    match repeated(footer.fields.iter().map(|field| field.name.as_str())) {
        Some(twice) => Err(format!("expected column names that differ, found `{}` twice", excerpt(twice))),
        None => Ok(()),
    }
}

fn wanted(columns: Columns<'_>, name: &str) -> bool {
    match columns {
        Columns::All => true,
        Columns::Named(names) => names.contains(&name),
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::table::TableColumn;
    use crate::table::sample::{row, same_bits, table_of};

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn reads_back_what_it_wrote(rows in vec(row(), 0..40)) {
            let table = table_of(&rows);
            let bytes = to_bytes(&table).expect("encodes");
            prop_assert_eq!(&bytes, &to_bytes(&table).expect("encodes"), "same table, same bytes");
            let back = read_bytes("t.parquet", &bytes, Columns::All).expect("decodes");
            prop_assert_eq!(back.n_rows, rows.len());
            prop_assert!(same_bits(&back, &table), "{:?}\n{:?}", back, table);
        }

        #[test]
        fn random_bytes_never_panic(bytes in vec(any::<u8>(), 0..200)) {
            let framed = [b"PAR1", &bytes[..], &(bytes.len() as u32).to_le_bytes(), b"PAR1"].concat();
            for bytes in [bytes, framed] {
                prop_assert!(read_bytes("t.parquet", &bytes, Columns::All).is_err());
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn damaged_files_never_panic(rows in vec(row(), 1..6), at in any::<prop::sample::Index>(), bit in 0u8..8) {
            let mut bytes = to_bytes(&table_of(&rows)).expect("encodes");
            let at = at.index(bytes.len());
            // cut off there, or one bit over: an error or another table, but an answer
            prop_assert!(read_bytes("t.parquet", &bytes[..at], Columns::All).is_err());
            bytes[at] ^= 1 << bit;
            let _ = read_bytes("t.parquet", &bytes, Columns::All);
        }
    }

    #[test]
    fn large_columns_span_pages() {
        let n = 300_000;
        let floats: Vec<f32> = (0..n).map(|i| if i % 7 == 0 { f32::NAN } else { i as f32 }).collect();
        let texts = (0..n).map(|i| (i % 5 > 0).then(|| format!("wallet number {i}"))).collect();
        let lists = (0..n).map(|i| (i % 3 > 0).then(|| vec![format!("{i}"); i % 4])).collect();
        let columns = vec![
            TableColumn::new("f", Values::F32(floats)),
            TableColumn::new("t", Values::Text(texts)),
            TableColumn::new("l", Values::TextList(lists)),
        ];
        let table = Table::new("t.parquet", columns);
        let bytes = to_bytes(&table).expect("encodes");
        let back = read_bytes("t.parquet", &bytes, Columns::All).expect("decodes");
        assert!(same_bits(&back, &table));
        let some = read_bytes("t.parquet", &bytes, Columns::Named(&["t", "absent"])).expect("decodes");
        assert_eq!(some.columns, [table.columns[1].clone()]);
    }
}
