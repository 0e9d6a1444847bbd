//! The scoring path: features, targets, bundle, scores, reasons, and their independence of everything but the alert.

#[path = "score/bundle.rs"]
mod bundle;
#[path = "score/features.rs"]
mod features;
#[path = "score/fixture.rs"]
mod fixture;
#[path = "score/path.rs"]
mod path;
#[path = "score/training.rs"]
mod training;
