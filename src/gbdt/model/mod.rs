//! What was learned: trees, the features they read, how the sum of their leaves becomes a score, and the files
//! that hold it: our own format ([`Model::to_bytes`]), LightGBM's text ([`lightgbm`]) and, with the feature `interchange`, XGBoost's
//! JSON and UBJSON (`xgboost`, to be read only) and ONNX (`onnx`, to be written only).

#[cfg(feature = "interchange")]
pub mod any;
mod check;
mod codec;
pub mod describe;
pub mod lightgbm;
#[allow(clippy::module_inception, reason = "a file is one noun, and the noun of this folder is the model")]
mod model;
#[cfg(feature = "interchange")]
pub mod onnx;
mod tree;
#[cfg(feature = "interchange")]
pub mod xgboost;

pub(in crate::gbdt) use tree::ZERO;

pub use check::ModelFault;
pub use codec::{FormatError, MAGIC, VERSION};
pub use model::{Model, Objective};
pub use tree::{CategorySet, Child, Default, Leaf, Missing, Node, Rule, Tree};
