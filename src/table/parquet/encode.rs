//! Columns to the bytes of a Parquet file: one row group, zstd, no statistics, no time stamps.
//!
//! Columns are encoded and compressed in parallel, each for itself, and written in their order; beside the file's
//! bytes only as many uncompressed columns are held as there are threads.

use std::borrow::Cow;

use arrow2::array::Array;
use arrow2::datatypes::{Field, Schema};
use arrow2::error::Error;
use arrow2::io::parquet::write::{
    CompressedPage, CompressionOptions, DynIter, DynStreamingIterator, Encoding, FallibleStreamingIterator,
    FileWriter, Page, Version, WriteOptions, ZstdLevel, array_to_columns, compress, to_parquet_type,
};

use super::{TableColumn, WriteError};
use crate::determinism::par;
use crate::table::arrays::field_and_array;

/// `column` gives each column when it is its turn; several threads ask.
pub(super) fn to_bytes<'t>(
    name: &str,
    n_columns: usize,
    column: impl Fn(usize) -> Cow<'t, TableColumn> + Sync,
) -> Result<Vec<u8>, WriteError> {
    let fault = |e: Error| WriteError::Encode { file: name.to_owned(), reason: e.to_string() };
    let options = options().map_err(fault)?;
    let columns = par::map(n_columns, |at| {
        let (field, array) = field_and_array(name, &column(at))?;
        let leaves = pages(&field, array.as_ref(), options).map_err(fault)?;
        Ok(Encoded { field, rows: array.len(), leaves })
    });
    let columns = columns.into_iter().collect::<Result<Vec<Encoded>, WriteError>>()?;
    write(columns, options).map_err(fault)
}

/// A column as the pages of its leaves.
struct Encoded {
    field: Field,
    rows: usize,
    leaves: Vec<Vec<CompressedPage>>,
}

fn options() -> arrow2::error::Result<WriteOptions> {
    Ok(WriteOptions {
        write_statistics: false,
        version: Version::V1,
        compression: CompressionOptions::Zstd(Some(ZstdLevel::try_new(ZSTD_LEVEL)?)),
        data_pagesize_limit: None,
    })
}

fn pages(
    field: &Field,
    array: &dyn Array,
    options: WriteOptions,
) -> arrow2::error::Result<Vec<Vec<CompressedPage>>> {
    let compressed = |page: arrow2::error::Result<Page>| Ok(compress(page?, vec![], options.compression)?);
    let leaves = array_to_columns(array, to_parquet_type(field)?, options, &[Encoding::Plain])?;
    leaves.into_iter().map(|pages| pages.map(compressed).collect()).collect()
}

fn write(columns: Vec<Encoded>, options: WriteOptions) -> arrow2::error::Result<Vec<u8>> {
    let fields: Vec<Field> = columns.iter().map(|column| column.field.clone()).collect();
    let rows = columns.first().map_or(0, |column| column.rows);
    if columns.iter().any(|column| column.rows != rows) {
        return Err(Error::InvalidArgumentError("columns of different lengths".to_owned()));
    }
    let mut writer = FileWriter::try_new(vec![], Schema::from(fields), options)?;
    let leaves = columns.into_iter().flat_map(|column| column.leaves);
    let streams = leaves.map(|pages| Ok(DynStreamingIterator::new(Pages::of(pages))));
    writer.write(DynIter::new(streams))?;
    writer.end(None)?;
    Ok(writer.into_inner())
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

/// Level 6 makes a features table 2 % smaller and takes nearly three times as long.
const ZSTD_LEVEL: i32 = 3;
