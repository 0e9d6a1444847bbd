//! Columns to the bytes of a Parquet file: zstd, no statistics, no time stamps.
//!
//! Columns are made, encoded and compressed some at a time, in parallel, and written in their order, so that a table
//! many times the size of memory could be written: of it only those few columns stand there.

use std::io::Write;
use std::ops::Range;

use arrow2::array::Array;
use arrow2::datatypes::{DataType, Field, Schema};
use arrow2::error::Error;
use arrow2::io::parquet::write::{
    CompressedPage, CompressionOptions, DynIter, DynStreamingIterator, Encoding, FallibleStreamingIterator,
    FileWriter, Page, Version, WriteOptions, ZstdLevel, array_to_columns, compress, to_parquet_type,
};

use super::{Given, TableColumn, Values, WriteError, dictionary};
use crate::determinism::par;
use crate::table::arrays::{field_and_array, lent_array};

/// A row group whose columns are made when it is their turn: their values at some places, which come in order.
pub type Group<'g> = &'g mut (dyn FnMut(Range<usize>) -> Vec<Given<'g>> + Send + Sync);

/// Row groups on their way to a file.
pub(super) struct Encoder<W: Write> {
    name: String,
    /// The names of the columns.
    columns: Vec<String>,
    options: WriteOptions,
    writer: FileWriter<W>,
    /// Whether a row group was written: no file is without one.
    begun: bool,
}

impl<W: Write> Encoder<W> {
    /// Begins a file in `out`. `blank` are the columns without their rows; `name` stands in messages.
    pub(super) fn new(name: &str, blank: &[TableColumn], out: W) -> Result<Self, WriteError> {
        let options = options().map_err(|e| fault(name, &e))?;
        let fields = blank.iter().map(|blank| Ok(field_and_array(name, blank)?.0));
        let fields = fields.collect::<Result<Vec<Field>, WriteError>>()?;
        let writer = FileWriter::try_new(out, Schema::from(fields), options).map_err(|e| fault(name, &e))?;
        let columns = blank.iter().map(|column| column.name.clone()).collect();
        Ok(Encoder { name: name.to_owned(), columns, options, writer, begun: false })
    }

    /// Writes a row group.
    pub(super) fn group(&mut self, group: Group<'_>) -> Result<(), WriteError> {
        self.begun = true;
        let leaves = Leaves {
            columns: &self.columns,
            group,
            options: self.options,
            next: 0,
            rows: None,
            ready: Vec::new().into_iter(),
        };
        self.writer.write(DynIter::new(leaves)).map_err(|e| fault(&self.name, &e))
    }

    /// Whether no row group was written yet.
    pub(super) fn is_empty(&self) -> bool {
        !self.begun
    }

    /// Ends the file, and gives back where it was written to.
    pub(super) fn finish(mut self) -> Result<W, WriteError> {
        self.writer.end(None).map_err(|e| fault(&self.name, &e))?;
        Ok(self.writer.into_inner())
    }
}

fn fault(name: &str, e: &Error) -> WriteError {
    WriteError::Encode { file: name.to_owned(), reason: e.to_string() }
}

/// The pages of one leaf after the other.
struct Leaves<'s, 'g> {
    columns: &'s [String],
    group: Group<'g>,
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
            if self.next == self.columns.len() {
                return None;
            }
            if let Err(e) = self.fill() {
                self.next = self.columns.len();
                return Some(Err(e));
            }
        }
    }
}

impl Leaves<'_, '_> {
    /// Encodes the next columns.
    fn fill(&mut self) -> arrow2::error::Result<()> {
        // those that are in memory together: two for each thread, for they differ in length
        let some = (2 * par::width()).min(MOST_AT_A_TIME);
        let places = self.next..self.columns.len().min(self.next + some);
        self.next = places.end;
        let given = (self.group)(places.clone());
        let names = &self.columns[places];
        if given.len() != names.len() {
            return Err(Error::InvalidArgumentError("fewer columns than announced".to_owned()));
        }
        let made = par::map(given.len(), |at| -> arrow2::error::Result<_> {
            let rows = given[at].n_rows().unwrap_or(0);
            Ok((rows, encoded(&names[at], array_of(&given[at])?.as_ref(), self.options)?))
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

/// A column as it is encoded: by a dictionary where that saves something.
fn array_of(given: &Given<'_>) -> arrow2::error::Result<Box<dyn Array>> {
    let by_dictionary = match given {
        Given::Floats(values) => dictionary::of_floats(values),
        Given::Texts(texts) => dictionary::of_texts(texts.len(), texts.iter().copied().map(Some)),
        Given::TextLists(_) | Given::CountLists(_) => None,
        Given::Values(values) => match values.as_ref() {
            Values::F64(values) => dictionary::of_floats(values),
            Values::Text(texts) => dictionary::of_texts(texts.len(), texts.iter().map(Option::as_deref)),
            _ => None,
        },
    };
    by_dictionary.map_or_else(|| lent_array(given).map_err(Error::InvalidArgumentError), Ok)
}

/// The pages of a column's leaves.
fn encoded(
    name: &str,
    array: &dyn Array,
    options: WriteOptions,
) -> arrow2::error::Result<Vec<Vec<CompressedPage>>> {
    let (plain, encoding) = match array.data_type() {
        DataType::Dictionary(_, plain, _) => (plain.as_ref().clone(), Encoding::RleDictionary),
        other => (other.clone(), Encoding::Plain),
    };
    pages(&Field::new(name, plain, true), array, encoding, options)
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

/// Most columns that are in memory together.
const MOST_AT_A_TIME: usize = 16;

/// Behind dictionaries, higher levels cost much more time than they save bytes.
const ZSTD_LEVEL: i32 = 1;
