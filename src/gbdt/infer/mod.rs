//! A model at work: [`Predictor`] scores, [`Explainer`] says which feature contributed what. Both are compiled from a
//! model once, hold no reference to it, and are read-only: share them between threads.
//!
//! Every result is a pure function of the model and one row: neither the order of rows nor the size of a batch nor the
//! number of threads can change a bit of it.

mod explain;
mod grid;
mod predictor;
mod schema;

pub use explain::{Contributions, Explainer, Explanations, Scratch};
pub use predictor::Predictor;
pub use schema::SchemaMismatch;
