//! A model in any format that is read here, told by content.

use super::codec::FormatError;
use super::lightgbm::{self, LightgbmError};
use super::model::Model;
use super::xgboost::{self, XgboostError};

/// Why bytes are not a model in any format that is read here.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnyError {
    /// They begin as our own format does.
    #[error(transparent)]
    Own(#[from] FormatError),
    /// They begin as LightGBM's text does.
    #[error(transparent)]
    Lightgbm(#[from] LightgbmError),
    /// They begin as LightGBM's text does, but are no text.
    #[error("not UTF-8: {0}")]
    Text(#[from] std::str::Utf8Error),
    /// They begin as XGBoost's JSON or UBJSON does.
    #[error(transparent)]
    Xgboost(#[from] XgboostError),
    /// They begin as none does.
    #[error("neither a model of aml-miner nor a LightGBM text model nor an XGBoost model in JSON or UBJSON")]
    Unknown,
}

/// Reads our own format, LightGBM's text, XGBoost's JSON or UBJSON.
///
/// # Errors
/// When the bytes begin as none of them, or as one that its reader refuses.
pub fn from_bytes(bytes: &[u8]) -> Result<Model, AnyError> {
    if Model::is_file(bytes) {
        return Ok(Model::from_bytes(bytes)?);
    }
    if lightgbm::is_text(bytes) {
        return Ok(lightgbm::from_text(std::str::from_utf8(bytes)?)?);
    }
    if xgboost::is_json(bytes) || xgboost::is_ubj(bytes) {
        return Ok(xgboost::from_bytes(bytes)?);
    }
    Err(AnyError::Unknown)
}
