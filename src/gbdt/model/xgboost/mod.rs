//! XGBoost's formats, JSON and its binary twin UBJSON, in: models of XGBoost load here, make its decisions for every number, and differ in the last bits of a sum only.
//!
//! # What XGBoost does with a value, and how it is kept
//! XGBoost rounds a value to f32 and goes left when that is below the threshold. The values that do are those up to one certain f64, so
//! that becomes the threshold of our `x <= threshold`. NaN is missing and has a direction in every node. A category goes right when it is
//! in the node's set, any other left: children of such a node change places here, where the set stands on the left.
//!
//! # What differs
//! XGBoost adds leaf values in f32, we in f64. The base score is part of the first tree's leaves, as a margin. XGBoost notes no rows
//! but sums of hessians: what stands as count of a node is its share of the tree's hessians in 2^30 parts, so that contributions are
//! XGBoost's (it weighs by hessians too), and `weight` is the sum itself.
//!
//! # What is refused
//! Boosters but `gbtree`, several scores a row, objectives whose link is not ours, and nodes that send missing values to the side of their
//! categories, which [`super::Node`] cannot say; each by name.
//!
//! # Sources
//! XGBoost 3.4.1: `doc/model.schema`, `src/tree/io_utils.h`, `include/xgboost/tree_model.h`, `src/common/categorical.h`.

mod file;
mod read;
mod threshold;
mod ubj;

pub use read::{from_bytes, from_json, from_ubj};
pub use ubj::UbjError;

use super::check::ModelFault;

/// Why bytes are not a model that this engine can run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum XgboostError {
    /// Not the JSON of a model.
    #[error("not an XGBoost model in JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// Not the UBJSON of a model.
    #[error("not an XGBoost model in UBJSON: {0}")]
    Ubj(#[from] UbjError),
    /// A model of a kind that this engine does not run.
    #[error("{what} cannot be run by this engine")]
    Unsupported {
        /// The kind, by name.
        what: String,
    },
    /// A value is not what belongs there.
    #[error("{place}: expected {expected}, found {found}")]
    Value {
        /// The field, or which tree and node.
        place: String,
        /// What belongs there.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// Everything reads, but the parts do not fit together.
    #[error("the model is not sound: {0}")]
    Model(#[from] ModelFault),
}

/// Whether a file begins as JSON does.
pub fn is_json(bytes: &[u8]) -> bool {
    bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{') && !is_ubj(bytes)
}

/// Whether a file begins as UBJSON does: a `{`, then the length of a key, where JSON has a quotation mark.
pub fn is_ubj(bytes: &[u8]) -> bool {
    matches!(bytes, [b'{', b'i' | b'U' | b'I' | b'l' | b'L' | b'$' | b'#', ..])
}
