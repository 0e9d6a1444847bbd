//! Jobs that make or judge bundles.

pub mod calibrate;
pub mod config;
pub mod cross;
pub mod evaluate;
pub mod examples;
pub mod fetch;
pub mod folds;
pub mod learner;
pub mod material;
pub mod oof;
pub mod optimise;
pub mod publish;
pub mod report;
pub mod select;
pub mod submit;
pub mod time_folds;
pub mod train;
pub mod tune;
pub mod validate;
pub mod warning;
