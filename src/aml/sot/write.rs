//! A batch to files: one Parquet file per table, then META.json, whose presence says that the batch is whole.
//!
//! Columns are made, compressed and written one after the other, so no table stands in memory twice.
//!
//! Same batch, same bytes. Tables that are written and read back are equal.

use std::borrow::Cow;
use std::fs;
use std::path::Path;

use super::batch::Batch;
use super::meta::{self, WrittenFile};
use super::schema::{Record, TableKind};
use super::{cell, features};
use crate::determinism::digest::Digest;
use crate::table::{Table, TableColumn, Values, WriteError, file, parquet};

/// Writes those of `tables` that the batch has, and META.json over them, into `dir`, which is made if need be.
///
/// # Errors
/// When the operating system refuses. Without META.json the folder is then not a whole batch.
pub fn write_batch(dir: &Path, batch: &Batch, tables: &[TableKind]) -> Result<(), WriteError> {
    let io = |e: std::io::Error| WriteError::Io { file: dir.display().to_string(), reason: e.to_string() };
    fs::create_dir_all(dir).map_err(io)?;
    let meta_path = dir.join(meta::FILE);
    if meta_path.exists() {
        // the old one does not describe what stands here from now on
        fs::remove_file(&meta_path).map_err(io)?;
    }
    let mut written = vec![];
    for kind in TableKind::ALL.into_iter().filter(|kind| tables.contains(kind)) {
        let (Some(rows), Some(columns)) = (batch.rows(kind), columns(batch, kind)) else { continue };
        let digest = write_table(&dir.join(kind.file()), &kind.file(), &columns)?;
        written.push(WrittenFile { table: kind.name(), rows, digest });
    }
    file::write(&meta_path, meta::meta_json(&batch.id, &written).as_bytes())
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
            Columns { n, column: Box::new(column) }
        }
        TableKind::Patterns => keyed(batch, of_rows(batch.patterns.as_deref()?), batch.rows(kind)?),
        TableKind::Alerts => of_rows(batch.alerts.as_deref()?),
        TableKind::Clusters => of_rows(batch.clusters.as_deref()?),
    })
}

fn of_rows<R: Record + Sync>(rows: &[R]) -> Columns<'_> {
    let column = |at: usize, which: Rows| R::write(if which == Rows::All { rows } else { &[] }, at);
    Columns { n: R::COLUMNS.len(), column: Box::new(column) }
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
    Columns { n: 2 + rest.n, column: Box::new(column) }
}

/// A table of the batch as columns; `None` where the batch does not have it.
pub fn to_table(batch: &Batch, kind: TableKind) -> Option<Table> {
    let Columns { n, column } = columns(batch, kind)?;
    Some(Table::new(kind.file(), (0..n).map(|at| column(at, Rows::All)).collect()))
}

fn write_table(path: &Path, name: &str, columns: &Columns<'_>) -> Result<Digest, WriteError> {
    let blank = (0..columns.n).map(|at| (columns.column)(at, Rows::Blank)).collect();
    let column = |at: usize| Cow::Owned((columns.column)(at, Rows::All));
    parquet::write_columns(path, &parquet::Source { name, blank, column: &column })
}
