//! A batch to files: one Parquet file per table, then META.json, whose presence says that the batch is whole.
//!
//! Columns are made, compressed and written one after the other, so no table stands in memory twice.
//!
//! Same batch, same bytes. Tables that are written and read back are equal.

use std::borrow::Cow;
use std::fs;
use std::ops::Range;
use std::path::Path;

use super::batch::{AddressFeatures, Batch, BatchId, NumberColumn};
use super::meta::{self, WrittenFile};
use super::schema::{Record, TableKind};
use super::{cell, features};
use crate::determinism::par;
use crate::table::parquet::Given;
use crate::table::{Table, TableColumn, Values, WriteError, file, parquet};

/// Writes those of `tables` that the batch has, and META.json over them, into `dir`, which is made if need be.
///
/// # Errors
/// When the operating system refuses. Without META.json the folder is then not a whole batch.
pub fn write_batch(dir: &Path, batch: &Batch, tables: &[TableKind]) -> Result<(), WriteError> {
    let mut writer = BatchWriter::new(dir)?;
    for kind in TableKind::ALL.into_iter().filter(|kind| tables.contains(kind)) {
        writer.write(batch, kind)?;
    }
    writer.finish(&batch.id)
}

/// Writes a batch table by table, in any order, so that each may be freed before the next is made.
pub struct BatchWriter<'d> {
    dir: &'d Path,
    written: Vec<(TableKind, WrittenFile)>,
}

impl<'d> BatchWriter<'d> {
    /// Begins in `dir`, which is made if need be.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn new(dir: &'d Path) -> Result<Self, WriteError> {
        let io =
            |e: std::io::Error| WriteError::Io { file: dir.display().to_string(), reason: e.to_string() };
        fs::create_dir_all(dir).map_err(io)?;
        let meta_path = dir.join(meta::FILE);
        if meta_path.exists() {
            // the old one does not describe what stands here from now on
            fs::remove_file(&meta_path).map_err(io)?;
        }
        Ok(BatchWriter { dir, written: vec![] })
    }

    /// Writes a table, if the batch has it.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn write(&mut self, batch: &Batch, kind: TableKind) -> Result<(), WriteError> {
        let (Some(rows), Some(columns)) = (batch.rows(kind), columns(batch, kind)) else { return Ok(()) };
        let blank = (0..columns.n).map(|at| (columns.column)(at, Rows::Blank)).collect();
        let mut some = |places: Range<usize>| par::map(places.len(), |at| columns.given(places.start + at));
        self.write_columns(kind, rows, blank, &mut some)
    }

    /// Writes the features: those that the table has, each freed behind it, then further columns of these `names` in
    /// their order.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn write_features(
        &mut self,
        id: &BatchId,
        mut features: AddressFeatures,
        names: &[String],
        further: &mut (dyn Iterator<Item = NumberColumn> + Send + Sync),
    ) -> Result<(), WriteError> {
        let own = std::mem::take(&mut features.columns);
        let keys = features::Columns::of(&features, id);
        let n_keys = keys.len();
        let blank_number = |name: &str| TableColumn::new(name, Values::F64(vec![]));
        let mut blank: Vec<TableColumn> = (0..n_keys).map(|at| keys.blank(at)).collect();
        blank.extend(own.iter().map(|column| blank_number(&column.name)));
        blank.extend(names.iter().map(|name| blank_number(name)));
        let mut numbers = own.into_iter().chain(further);
        let mut some = |places: Range<usize>| {
            let given = |at: usize| match at {
                _ if at < n_keys => Some(keys.column(at).values),
                _ => numbers.next().map(|column| Values::F64(column.values)),
            };
            places.map_while(given).map(|values| Given::Values(Cow::Owned(values))).collect()
        };
        self.write_columns(TableKind::Features, features.addresses.len(), blank, &mut some)
    }

    fn write_columns<'c>(
        &mut self,
        kind: TableKind,
        rows: usize,
        blank: Vec<TableColumn>,
        columns: &'c mut (dyn FnMut(Range<usize>) -> Vec<Given<'c>> + Send + Sync),
    ) -> Result<(), WriteError> {
        let source = parquet::Source { name: kind.file(), blank, columns };
        let digest = parquet::write_columns(&self.dir.join(kind.file()), source)?;
        self.written.push((kind, WrittenFile { table: kind.name(), rows, digest }));
        Ok(())
    }

    /// Writes META.json, whose presence says that the batch is whole.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn finish(mut self, id: &BatchId) -> Result<(), WriteError> {
        self.written.sort_by_key(|written| written.0);
        let files: Vec<WrittenFile> = self.written.into_iter().map(|written| written.1).collect();
        file::write(&self.dir.join(meta::FILE), meta::meta_json(id, &files).as_bytes())
    }
}

impl Batch {
    /// How many rows a table has; `None` where the batch does not have it.
    pub fn rows(&self, kind: TableKind) -> Option<usize> {
        match kind {
            TableKind::Transfers => self.transfers.as_ref().map(Vec::len),
            TableKind::AddressLabels => self.labels.as_ref().map(Vec::len),
            TableKind::Assets => self.assets.as_ref().map(Vec::len),
            TableKind::AssetPrices => self.asset_prices.as_ref().map(Vec::len),
            TableKind::GroundTruth => self.ground_truth.as_ref().map(Vec::len),
            TableKind::MoneyFlows => self.money_flows.as_ref().map(Vec::len),
            TableKind::Features => self.features.as_ref().map(|features| features.addresses.len()),
            TableKind::Patterns => self.patterns.as_ref().map(Vec::len),
            TableKind::Alerts => self.alerts.as_ref().map(Vec::len),
            TableKind::Clusters => self.clusters.as_ref().map(Vec::len),
        }
    }
}

/// A table of the batch, column by column.
struct Columns<'b> {
    n: usize,
    column: Box<dyn Fn(usize, Rows) -> TableColumn + Sync + 'b>,
    /// The values of a column that the batch has as they are written.
    floats: Option<Floats<'b>>,
}

/// The doubles of a column at a place.
type Floats<'b> = Box<dyn Fn(usize) -> Option<&'b [f64]> + Sync + 'b>;

impl<'b> Columns<'b> {
    fn given(&self, at: usize) -> Given<'b> {
        match self.floats.as_ref().and_then(|floats| floats(at)) {
            Some(floats) => Given::Floats(floats),
            None => Given::Values(Cow::Owned((self.column)(at, Rows::All).values)),
        }
    }
}

/// Which rows of a column.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rows {
    All,
    /// None: its name and type alone.
    Blank,
}

/// The columns of a table; `None` where the batch does not have it.
fn columns(batch: &Batch, kind: TableKind) -> Option<Columns<'_>> {
    Some(match kind {
        TableKind::Transfers => of_rows(batch.transfers.as_deref()?),
        TableKind::AddressLabels => of_rows(batch.labels.as_deref()?),
        TableKind::Assets => of_rows(batch.assets.as_deref()?),
        TableKind::AssetPrices => of_rows(batch.asset_prices.as_deref()?),
        TableKind::GroundTruth => of_rows(batch.ground_truth.as_deref()?),
        TableKind::MoneyFlows => keyed(batch, of_rows(batch.money_flows.as_deref()?), batch.rows(kind)?),
        TableKind::Features => {
            let columns = features::Columns::of(batch.features.as_ref()?, &batch.id);
            let n = columns.len();
            let column = move |at: usize, rows: Rows| match rows {
                Rows::All => columns.column(at),
                Rows::Blank => columns.blank(at),
            };
            let floats = features::Columns::of(batch.features.as_ref()?, &batch.id);
            let floats = move |at: usize| floats.floats(at);
            Columns { n, column: Box::new(column), floats: Some(Box::new(floats)) }
        }
        TableKind::Patterns => keyed(batch, of_rows(batch.patterns.as_deref()?), batch.rows(kind)?),
        TableKind::Alerts => of_rows(batch.alerts.as_deref()?),
        TableKind::Clusters => of_rows(batch.clusters.as_deref()?),
    })
}

fn of_rows<R: Record + Sync>(rows: &[R]) -> Columns<'_> {
    let column = |at: usize, which: Rows| R::write(if which == Rows::All { rows } else { &[] }, at);
    Columns { n: R::COLUMNS.len(), column: Box::new(column), floats: None }
}

/// With the batch's window and date in front, which the row type itself does not hold.
fn keyed<'b>(batch: &Batch, rest: Columns<'b>, n_rows: usize) -> Columns<'b> {
    let (window, date) = (i64::from(batch.id.window_days), cell::days_of(batch.id.processing_date));
    let column = move |at: usize, rows: Rows| {
        let n_rows = if rows == Rows::All { n_rows } else { 0 };
        match at {
            0 => TableColumn::new("window_days", Values::Int(vec![Some(window); n_rows])),
            1 => TableColumn::new("processing_date", Values::Date(vec![Some(date); n_rows])),
            _ => (rest.column)(at - 2, rows),
        }
    };
    Columns { n: 2 + rest.n, column: Box::new(column), floats: None }
}

/// A table of the batch as columns; `None` where the batch does not have it.
pub fn to_table(batch: &Batch, kind: TableKind) -> Option<Table> {
    let Columns { n, column, .. } = columns(batch, kind)?;
    Some(Table::new(kind.file(), (0..n).map(|at| column(at, Rows::All)).collect()))
}
