//! What the engine learns from and scores: rows of named features.

mod matrix;

pub use matrix::{Column, Feature, FeatureKind, FeatureMatrix, MatrixError, Schema};
