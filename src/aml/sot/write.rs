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
        let Some(table) = to_table(batch, kind) else { continue };
        let bytes = parquet::to_bytes(&table)?;
        file::write(&dir.join(kind.file()), &bytes)?;
        written.push(WrittenFile { table: kind.name(), rows: table.n_rows, digest: Digest::of(&bytes) });
    }
    file::write(&meta_path, meta::meta_json(&batch.id, &written).as_bytes())
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
        TableKind::Features => features::write(batch.features.as_ref()?, &batch.id),
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
