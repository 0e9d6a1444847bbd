//! A batch to files: one Parquet file per table, then META.json, whose presence says that the batch is whole.
//!
//! Columns are made, compressed and written one after the other, so no table stands in memory twice.
//!
//! Same batch, same bytes. Tables that are written and read back are equal.

use std::fs;
use std::marker::PhantomData;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::batch::{
    AddressFeatures, Alert, Batch, BatchId, Cluster, MoneyFlow, NumberColumn, Pattern, Transfer,
};
use super::meta::{self, WrittenFile};
use super::schema::{Record, TableKind};
use super::transfers::Transfers;
use super::{cell, features};
use crate::determinism::intern::Interner;
use crate::determinism::par;
use crate::table::{Given, Table, TableColumn, Values, WriteError, file, parquet};

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
        // a pattern may name thousands of addresses
        let some = if kind == TableKind::Patterns { parquet::GROUP_ROWS / 8 } else { parquet::GROUP_ROWS };
        let mut table = self.begin(kind, &columns)?;
        for first in (0..rows.max(1)).step_by(some) {
            table.group(&columns, first..rows.min(first + some))?;
        }
        self.end(table)
    }

    /// Begins a table that is written part by part, each freed before the next is made.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn begin_table<R: Part>(&self, id: &BatchId) -> Result<TableWriter<R>, WriteError> {
        let table = self.begin(R::KIND, &R::columns(&[], id))?;
        Ok(TableWriter { table, id: id.clone(), rows: PhantomData })
    }

    /// Puts a table in its place; how many rows it has.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn end_table<R: Part>(&mut self, mut table: TableWriter<R>) -> Result<usize, WriteError> {
        if table.table.writer.is_empty() {
            table.write(&[])?;
        }
        let rows = table.table.rows;
        self.end(table.table)?;
        Ok(rows)
    }

    fn begin(&self, kind: TableKind, columns: &Columns<'_>) -> Result<PartialTable, WriteError> {
        let blank: Vec<TableColumn> = (0..columns.n).map(|at| columns.column(at, 0..0)).collect();
        let writer = parquet::Writer::new(&self.dir.join(kind.file()), &blank)?;
        Ok(PartialTable { kind, rows: 0, writer })
    }

    fn end(&mut self, table: PartialTable) -> Result<(), WriteError> {
        let PartialTable { kind, rows, writer } = table;
        let digest = writer.finish()?;
        self.written.push((kind, WrittenFile { table: kind.name(), rows, digest }));
        Ok(())
    }

    /// Writes the features: the addresses of the table, then columns of these `names` in their order. All in one row group,
    /// whose columns lie one behind the other as they are made.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn write_features(
        &mut self,
        id: &BatchId,
        addresses: Interner,
        names: &[String],
        columns: &mut (dyn Iterator<Item = NumberColumn> + Send + Sync),
    ) -> Result<(), WriteError> {
        let features = AddressFeatures { addresses, columns: vec![] };
        let keys = features::Columns::of(&features, id);
        let (n_keys, rows) = (keys.len(), features.addresses.len());
        let blank_number = |name: &str| TableColumn::new(name, Values::F64(vec![]));
        let blank_key = |at: usize| TableColumn::new(keys.name(at), keys.given(at, 0..0).into_values());
        let mut blank: Vec<TableColumn> = (0..n_keys).map(blank_key).collect();
        blank.extend(names.iter().map(|name| blank_number(name)));
        let kind = TableKind::Features;
        let mut writer = parquet::Writer::new(&self.dir.join(kind.file()), &blank)?;
        writer.group(&mut |places: Range<usize>| {
            let given = |at: usize| match at {
                _ if at < n_keys => Some(keys.given(at, 0..rows)),
                _ => columns.next().map(|column| Values::F64(column.values).into()),
            };
            places.map_while(given).collect()
        })?;
        self.end(PartialTable { kind, rows, writer })
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
            TableKind::Transfers => self.transfers.as_ref().map(Transfers::len),
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

/// A table on its way to its file.
struct PartialTable {
    kind: TableKind,
    rows: usize,
    writer: parquet::Writer,
}

impl PartialTable {
    fn group(&mut self, columns: &Columns<'_>, rows: Range<usize>) -> Result<(), WriteError> {
        self.rows += rows.len();
        self.writer.group(&mut |places: Range<usize>| {
            par::map(places.len(), |at| (columns.given)(places.start + at, rows.clone()))
        })
    }
}

/// A table that is written part by part.
pub struct TableWriter<R> {
    table: PartialTable,
    id: BatchId,
    rows: PhantomData<R>,
}

impl<R: Part> TableWriter<R> {
    /// Writes rows behind those before.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn write(&mut self, rows: &[R]) -> Result<(), WriteError> {
        self.table.group(&R::columns(rows, &self.id), 0..rows.len())
    }
}

/// A row type of a table that is written in parts.
pub trait Part: sealed::Part {}

impl<R: sealed::Part> Part for R {}

mod sealed {
    use super::{BatchId, Columns, TableKind};

    /// What [`super::Part`] stands for; its columns are nobody else's matter.
    pub trait Part: Sized {
        /// The table of such rows.
        const KIND: TableKind;

        /// Rows as columns.
        fn columns<'r>(rows: &'r [Self], id: &BatchId) -> Columns<'r>;
    }
}

impl sealed::Part for MoneyFlow {
    const KIND: TableKind = TableKind::MoneyFlows;

    fn columns<'r>(rows: &'r [Self], id: &BatchId) -> Columns<'r> {
        keyed(id, of_rows(rows))
    }
}

impl sealed::Part for Pattern {
    const KIND: TableKind = TableKind::Patterns;

    fn columns<'r>(rows: &'r [Self], id: &BatchId) -> Columns<'r> {
        keyed(id, of_rows(rows))
    }
}

impl sealed::Part for Alert {
    const KIND: TableKind = TableKind::Alerts;

    fn columns<'r>(rows: &'r [Self], _id: &BatchId) -> Columns<'r> {
        of_rows(rows)
    }
}

impl sealed::Part for Cluster {
    const KIND: TableKind = TableKind::Clusters;

    fn columns<'r>(rows: &'r [Self], _id: &BatchId) -> Columns<'r> {
        of_rows(rows)
    }
}

/// A table, column by column.
pub struct Columns<'b> {
    n: usize,
    /// The name of the column at a place.
    name: Box<dyn Fn(usize) -> &'b str + Sync + 'b>,
    /// Some rows of it.
    given: Box<dyn Fn(usize, Range<usize>) -> Given<'b> + Sync + 'b>,
}

impl Columns<'_> {
    fn column(&self, at: usize, rows: Range<usize>) -> TableColumn {
        TableColumn::new((self.name)(at), (self.given)(at, rows).into_values())
    }
}

/// The columns of a table; `None` where the batch does not have it.
fn columns(batch: &Batch, kind: TableKind) -> Option<Columns<'_>> {
    Some(match kind {
        TableKind::Transfers => {
            let transfers = batch.transfers.as_ref()?;
            let given = |at: usize, rows: Range<usize>| transfers.given(at, rows);
            Columns { n: Transfer::COLUMNS.len(), name: name_of::<Transfer>(), given: Box::new(given) }
        }
        TableKind::AddressLabels => of_rows(batch.labels.as_deref()?),
        TableKind::Assets => of_rows(batch.assets.as_deref()?),
        TableKind::AssetPrices => of_rows(batch.asset_prices.as_deref()?),
        TableKind::GroundTruth => of_rows(batch.ground_truth.as_deref()?),
        TableKind::MoneyFlows => keyed(&batch.id, of_rows(batch.money_flows.as_deref()?)),
        TableKind::Features => {
            let columns = Arc::new(features::Columns::of(batch.features.as_ref()?, &batch.id));
            let n = columns.len();
            let names = Arc::clone(&columns);
            let given = move |at: usize, rows: Range<usize>| columns.given(at, rows);
            Columns { n, name: Box::new(move |at| names.name(at)), given: Box::new(given) }
        }
        TableKind::Patterns => keyed(&batch.id, of_rows(batch.patterns.as_deref()?)),
        TableKind::Alerts => of_rows(batch.alerts.as_deref()?),
        TableKind::Clusters => of_rows(batch.clusters.as_deref()?),
    })
}

fn of_rows<R: Record + Sync>(all: &[R]) -> Columns<'_> {
    let given = |at: usize, rows: Range<usize>| R::given(&all[rows], at);
    Columns { n: R::COLUMNS.len(), name: name_of::<R>(), given: Box::new(given) }
}

fn name_of<'b, R: Record>() -> Box<dyn Fn(usize) -> &'b str + Sync + 'b> {
    Box::new(|at| R::COLUMNS[at].name)
}

/// With the batch's window and date in front, which the row type itself does not hold.
fn keyed<'b>(id: &BatchId, rest: Columns<'b>) -> Columns<'b> {
    let (window, date) = (i64::from(id.window_days), cell::days_of(id.processing_date));
    let Columns { n, name, given } = rest;
    let name = move |at: usize| match at {
        0 => "window_days",
        1 => "processing_date",
        _ => name(at - 2),
    };
    let given = move |at: usize, rows: Range<usize>| match at {
        0 => Values::Int(vec![Some(window); rows.len()]).into(),
        1 => Values::Date(vec![Some(date); rows.len()]).into(),
        _ => given(at - 2, rows),
    };
    Columns { n: 2 + n, name: Box::new(name), given: Box::new(given) }
}

/// A table of the batch as columns; `None` where the batch does not have it.
pub fn to_table(batch: &Batch, kind: TableKind) -> Option<Table> {
    let (columns, rows) = (columns(batch, kind)?, batch.rows(kind)?);
    Some(Table::new(kind.file(), (0..columns.n).map(|at| columns.column(at, 0..rows)).collect()))
}
