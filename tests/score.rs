//! The scoring path: features, targets, bundle, scores, reasons, and their independence of everything but the alert.
#![allow(clippy::unwrap_used, reason = "all of this is test code: a panic is a failed test")]

#[path = "score/bundle.rs"]
mod bundle;
#[path = "score/demo.rs"]
mod demo;
#[path = "score/features.rs"]
mod features;
#[path = "score/fixture.rs"]
mod fixture;
#[path = "score/path.rs"]
mod path;
#[path = "score/training.rs"]
mod training;
