//! A model file, read by content and not by extension.

use std::path::Path;

use crate::cli::Fault;
use crate::gbdt::model::{Model, lightgbm};
use crate::table::file;

/// Reads our own format or LightGBM's text.
pub(super) fn read(path: &Path) -> Result<Model, Fault> {
    let bytes = file::read(path, MAX_BYTES).map_err(Fault::input)?;
    let name = path.display();
    if Model::is_file(&bytes) {
        return Model::from_bytes(&bytes).map_err(|e| Fault::input(format!("{name}: {e}")));
    }
    if lightgbm::is_text(&bytes) {
        let text =
            std::str::from_utf8(&bytes).map_err(|e| Fault::input(format!("{name}: not UTF-8: {e}")))?;
        return lightgbm::from_text(text).map_err(|e| Fault::input(format!("{name}: {e}")));
    }
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    Err(Fault::Input(match first {
        Some(b'{') => format!("{name}: XGBoost JSON cannot be read yet; save the model as LightGBM text"),
        _ => format!("{name}: neither a model of aml-miner nor a LightGBM text model"),
    }))
}

const MAX_BYTES: u64 = 4 << 30;
