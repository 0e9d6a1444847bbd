//! Jobs that make or judge bundles.

pub mod folds;
