//! Columns to the bytes of a Parquet file: one row group, zstd, no statistics, no time stamps.
//!
//! Columns are made, encoded and compressed some at a time, in parallel, and written in their order, so that a table
//! many times the size of memory could be written: of it only those few columns stand there.

use std::borrow::Cow;
use std::io::Write;

use arrow2::array::Array;
use arrow2::datatypes::{DataType, Field, Schema};
use arrow2::error::Error;
use arrow2::io::parquet::write::{
    CompressedPage, CompressionOptions, DynIter, DynStreamingIterator, Encoding, FallibleStreamingIterator,
    FileWriter, Page, Version, WriteOptions, ZstdLevel, array_to_columns, compress, to_parquet_type,
};

use super::{TableColumn, WriteError, dictionary};
use crate::determinism::par;
use crate::table::arrays::field_and_array;

/// Columns that are made when it is their turn.
pub struct Source<'t> {
    /// Stands in messages.
    pub name: &'t str,
    /// The columns without their rows, in order.
    pub blank: Vec<TableColumn>,
    /// The column at a place; several threads ask.
    pub column: &'t (dyn Fn(usize) -> Cow<'t, TableColumn> + Sync),
}

/// Writes the columns to `out`, and gives it back.
pub(super) fn write_to<W: Write>(source: &Source<'_>, out: W) -> Result<W, WriteError> {
    let fault = |e: Error| fault(source.name, &e);
    let options = options().map_err(fault)?;
    let fields = source.blank.iter().map(|blank| Ok(field_and_array(source.name, blank)?.0));
    let fields = fields.collect::<Result<Vec<Field>, WriteError>>()?;
    let mut writer = FileWriter::try_new(out, Schema::from(fields), options).map_err(fault)?;
    let leaves = Leaves { source, options, next: 0, rows: None, ready: Vec::new().into_iter() };
    writer.write(DynIter::new(leaves)).map_err(fault)?;
    writer.end(None).map_err(fault)?;
    Ok(writer.into_inner())
}

fn fault(name: &str, e: &Error) -> WriteError {
    WriteError::Encode { file: name.to_owned(), reason: e.to_string() }
}

/// The pages of one leaf after the other.
struct Leaves<'s, 't> {
    source: &'s Source<'t>,
    options: WriteOptions,
    /// The next column to make, and how many rows those before it had.
    next: usize,
    rows: Option<usize>,
    ready: std::vec::IntoIter<Vec<CompressedPage>>,
}

impl<'s> Iterator for Leaves<'s, '_> {
    type Item = arrow2::error::Result<DynStreamingIterator<'s, CompressedPage, Error>>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(pages) = self.ready.next() {
                return Some(Ok(DynStreamingIterator::new(Pages::of(pages))));
            }
            if self.next == self.source.blank.len() {
                return None;
            }
            if let Err(e) = self.fill() {
                self.next = self.source.blank.len();
                return Some(Err(e));
            }
        }
    }
}

impl Leaves<'_, '_> {
    /// Encodes the next columns.
    fn fill(&mut self) -> arrow2::error::Result<()> {
        let from = self.next;
        let some = (self.source.blank.len() - from).min(COLUMNS_AT_A_TIME);
        self.next += some;
        let made = par::map(some, |at| -> arrow2::error::Result<_> {
            let column = (self.source.column)(from + at);
            let rows = column.values.n_values().unwrap_or(0);
            Ok((rows, encoded(self.source.name, &column, self.options)?))
        });
        let mut leaves = Vec::new();
        for column in made {
            let (rows, own) = column?;
            if *self.rows.get_or_insert(rows) != rows {
                return Err(Error::InvalidArgumentError("columns of different lengths".to_owned()));
            }
            leaves.extend(own);
        }
        self.ready = leaves.into_iter();
        Ok(())
    }
}

fn options() -> arrow2::error::Result<WriteOptions> {
    Ok(WriteOptions {
        write_statistics: false,
        version: Version::V1,
        compression: CompressionOptions::Zstd(Some(ZstdLevel::try_new(ZSTD_LEVEL)?)),
        data_pagesize_limit: None,
    })
}

/// The pages of a column's leaves.
fn encoded(
    name: &str,
    column: &TableColumn,
    options: WriteOptions,
) -> arrow2::error::Result<Vec<Vec<CompressedPage>>> {
    if let Some(array) = dictionary::of(&column.values) {
        let plain = match array.data_type() {
            DataType::Dictionary(_, plain, _) => plain.as_ref().clone(),
            other => other.clone(),
        };
        return pages(
            &Field::new(&column.name, plain, true),
            array.as_ref(),
            Encoding::RleDictionary,
            options,
        );
    }
    let described = field_and_array(name, column).map_err(|e| Error::InvalidArgumentError(e.to_string()));
    let (field, array) = described?;
    pages(&field, array.as_ref(), Encoding::Plain, options)
}

fn pages(
    field: &Field,
    array: &dyn Array,
    encoding: Encoding,
    options: WriteOptions,
) -> arrow2::error::Result<Vec<Vec<CompressedPage>>> {
    let compressed = |page: arrow2::error::Result<Page>| Ok(compress(page?, vec![], options.compression)?);
    let leaves = array_to_columns(array, to_parquet_type(field)?, options, &[encoding])?;
    leaves.into_iter().map(|pages| pages.map(compressed).collect()).collect()
}

/// Pages one by one, each freed when the next is asked for.
struct Pages {
    rest: std::vec::IntoIter<CompressedPage>,
    page: Option<CompressedPage>,
}

impl Pages {
    fn of(pages: Vec<CompressedPage>) -> Self {
        Pages { rest: pages.into_iter(), page: None }
    }
}

impl FallibleStreamingIterator for Pages {
    type Item = CompressedPage;
    type Error = Error;

    fn advance(&mut self) -> arrow2::error::Result<()> {
        self.page = self.rest.next();
        Ok(())
    }

    fn get(&self) -> Option<&CompressedPage> {
        self.page.as_ref()
    }
}

/// Columns that are in memory together: enough for many threads, few of a wide table.
const COLUMNS_AT_A_TIME: usize = 16;

/// Behind dictionaries, higher levels cost much more time than they save bytes.
const ZSTD_LEVEL: i32 = 1;
