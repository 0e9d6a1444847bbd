//! Jobs that make or judge bundles.

pub mod config;
pub mod evaluate;
pub mod examples;
pub mod folds;
pub mod optimise;
pub mod report;
pub mod train;
pub mod tune;
pub mod validate;
