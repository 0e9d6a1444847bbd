//! A model file, read by content and not by extension.

use std::path::Path;

use crate::cli::Fault;
use crate::gbdt::model::{Model, any};
use crate::table::file;

/// Reads our own format, LightGBM's text or XGBoost's JSON or UBJSON.
pub(super) fn read(path: &Path) -> Result<Model, Fault> {
    let bytes = file::read(path, MAX_BYTES).map_err(Fault::input)?;
    any::from_bytes(&bytes).map_err(|e| Fault::input(format!("{}: {e}", path.display())))
}

const MAX_BYTES: u64 = 4 << 30;
