//! LightGBM's text format, version 4 (and 3, which differs in nothing that is read): models of LightGBM load here and predict
//! the same bits, models of ours load there.
//!
//! # What LightGBM does with a value, and how it is kept
//! LightGBM drops |x| <= 1e-35 from a row before any tree sees it, so such a value is 0 there. A threshold that lies
//! within that band is therefore moved to its edge when it is read ([`from_text`]): then the plain comparison gives LightGBM's
//! answer for every number. Categories, NaN and zeros as missing are defined alike on both sides (see [`super::Node`]).
//!
//! # What is refused
//! Linear trees, several scores a row (multiclass), and objectives whose link function is not ours; each by name. What is
//! ignored: importances, pandas categories, the parser block.
//!
//! # Sources
//! LightGBM 4.7: `src/boosting/gbdt_model_text.cpp`, `src/io/tree.cpp`, `include/LightGBM/tree.h`.

#[cfg(feature = "interchange")]
mod json;
mod read;
mod write;

#[cfg(feature = "interchange")]
pub use json::to_json;
pub use read::from_text;
pub use write::{plain_name, to_text};

use super::check::ModelFault;

/// Why a text is not a model that this engine can run.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LightgbmError {
    /// The first line is not `tree`.
    #[error("not a LightGBM model: the first line is not `tree`")]
    NotLightgbm,
    /// Another version of the format.
    #[error("LightGBM format version `{found}` is unknown, expected v3 or v4")]
    Version {
        /// The version found.
        found: String,
    },
    /// A model of a kind that this engine does not run.
    #[error("{what} cannot be run by this engine")]
    Unsupported {
        /// The kind, by name.
        what: String,
    },
    /// A line that must be there is not.
    #[error("{place}: the line `{key}=` is missing")]
    Missing {
        /// The header, or which tree.
        place: String,
        /// The key of the line.
        key: &'static str,
    },
    /// A value is not what its key asks for.
    #[error("{place}: `{key}=`: expected {expected}, found {found}")]
    Value {
        /// The header, or which tree.
        place: String,
        /// The key of the line.
        key: &'static str,
        /// What belongs there.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// Neither `end of trees` nor another tree.
    #[error("line {line}: the file ends before `end of trees`: it is truncated")]
    Truncated {
        /// The last line, from 1.
        line: usize,
    },
    /// Everything reads, but the parts do not fit together.
    #[error("the model is not sound: {0}")]
    Model(#[from] ModelFault),
}

/// Whether a file begins as LightGBM's do.
pub fn is_text(bytes: &[u8]) -> bool {
    bytes.starts_with(b"tree\n") || bytes.starts_with(b"tree\r\n")
}
