//! The training engine against slow and obvious twins, and its invariants.

#[path = "engine/bad_input.rs"]
mod bad_input;
#[path = "engine/boosting.rs"]
mod boosting;
#[path = "engine/categories.rs"]
mod categories;
#[path = "engine/constraints.rs"]
mod constraints;
#[path = "engine/continued.rs"]
mod continued;
#[path = "engine/cross.rs"]
mod cross;
#[path = "engine/custom.rs"]
mod custom;
#[path = "engine/documents.rs"]
mod documents;
#[path = "engine/float.rs"]
mod float;
#[path = "engine/history.rs"]
mod history;
#[path = "engine/invariants.rs"]
mod invariants;
#[path = "engine/made.rs"]
mod made;
#[path = "engine/oracle.rs"]
mod oracle;
#[path = "engine/ranking.rs"]
mod ranking;
#[path = "engine/ranking_oracle.rs"]
mod ranking_oracle;
#[path = "engine/refit.rs"]
mod refit;
#[path = "engine/training.rs"]
mod training;
