//! From batches to a bundle: folds, weights, selection, label strategies, calibration, and what is refused.
#![allow(clippy::unwrap_used, reason = "all of this is test code: a panic is a failed test")]
#![cfg(feature = "cli")]

#[path = "train/bundle.rs"]
mod bundle;
#[path = "train/command.rs"]
mod command;
#[path = "train/fixture.rs"]
mod fixture;
#[path = "train/folds.rs"]
mod folds;
#[path = "train/labels.rs"]
mod labels;
