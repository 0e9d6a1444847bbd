//! A model file, read by content and not by extension.

use std::path::Path;

use crate::cli::Fault;
use crate::gbdt::model::{Model, lightgbm, xgboost};
use crate::table::file;

/// Reads our own format, LightGBM's text or XGBoost's JSON or UBJSON.
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
    if xgboost::is_json(&bytes) || xgboost::is_ubj(&bytes) {
        return xgboost::from_bytes(&bytes).map_err(|e| Fault::input(format!("{name}: {e}")));
    }
    Err(Fault::Input(format!(
        "{name}: neither a model of aml-miner nor a LightGBM text model nor an XGBoost model in JSON or UBJSON"
    )))
}

const MAX_BYTES: u64 = 4 << 30;
