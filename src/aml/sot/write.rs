//! A batch to files: one Parquet file per table, then META.json, whose presence says that the batch is whole.
//!
//! Same batch, same bytes. Tables that are written and read back are equal.

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
        let Some(rows) = batch.rows(kind) else { continue };
        let bytes = bytes_of(batch, kind)?;
        file::write(&dir.join(kind.file()), &bytes)?;
        written.push(WrittenFile { table: kind.name(), rows, digest: Digest::of(&bytes) });
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

/// A table as a file's bytes; that of the features, which is by far the largest, without a copy of the whole.
fn bytes_of(batch: &Batch, kind: TableKind) -> Result<Vec<u8>, WriteError> {
    if let (TableKind::Features, Some(features)) = (kind, &batch.features) {
        let columns = features::Columns::of(features, &batch.id);
        return parquet::columns_to_bytes(&kind.file(), columns.len(), |at| columns.column(at));
    }
    parquet::to_bytes(&to_table(batch, kind).unwrap_or_else(|| Table::new(kind.file(), vec![])))
}

/// A table of the batch as columns; `None` where the batch does not have it.
pub fn to_table(batch: &Batch, kind: TableKind) -> Option<Table> {
    let columns = match kind {
        TableKind::Transfers => Record::write(batch.transfers.as_ref()?),
        TableKind::AddressLabels => Record::write(batch.labels.as_ref()?),
        TableKind::Assets => Record::write(batch.assets.as_ref()?),
        TableKind::AssetPrices => Record::write(batch.asset_prices.as_ref()?),
        TableKind::GroundTruth => Record::write(batch.ground_truth.as_ref()?),
        TableKind::MoneyFlows => keyed(batch, batch.money_flows.as_ref()?),
        TableKind::Features => {
            let columns = features::Columns::of(batch.features.as_ref()?, &batch.id);
            (0..columns.len()).map(|at| columns.column(at)).collect()
        }
        TableKind::Patterns => keyed(batch, batch.patterns.as_ref()?),
        TableKind::Alerts => Record::write(batch.alerts.as_ref()?),
        TableKind::Clusters => Record::write(batch.clusters.as_ref()?),
    };
    Some(Table::new(kind.file(), columns))
}

/// Rows of the batch's window and date, which the row type itself does not hold.
fn keyed<R: Record>(batch: &Batch, rows: &[R]) -> Vec<TableColumn> {
    let date = cell::days_of(batch.id.processing_date);
    let mut columns = vec![
        TableColumn::new("window_days", Values::Int(vec![Some(batch.id.window_days.into()); rows.len()])),
        TableColumn::new("processing_date", Values::Date(vec![Some(date); rows.len()])),
    ];
    columns.extend(R::write(rows));
    columns
}
