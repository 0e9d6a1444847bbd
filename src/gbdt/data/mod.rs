//! What the engine learns from and scores: rows of named features, cut into bins for learning.
//!
//! FeatureMatrix -> [`Cuts`] -> [`BinnedMatrix`] + [`Task`] -> [`Dataset`].

mod binned;
mod category;
pub(in crate::gbdt) mod codes;
mod cuts;
mod dataset;
mod keys;
mod loss;
mod matrix;
mod task;
pub(in crate::gbdt) mod tiles;

pub use binned::BinnedMatrix;
pub use category::MAX_CATEGORIES;
pub(in crate::gbdt) use category::category;
pub use cuts::{Binning, Cuts, ForcedBins, MAX_BINS};
pub use dataset::{DataError, Dataset};
pub use loss::{CustomLoss, Derivatives, Link, SharedLoss};
pub use matrix::{Column, Feature, FeatureKind, FeatureMatrix, MatrixError, Schema};
pub use task::{MAX_GRADE, Task};
