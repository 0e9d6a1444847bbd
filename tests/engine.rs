//! The training engine against slow and obvious twins, and its invariants.

#[path = "engine/made.rs"]
mod made;
#[path = "engine/training.rs"]
mod training;
