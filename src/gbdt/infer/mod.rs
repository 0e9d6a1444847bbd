//! A model at work: [`Predictor`] scores, [`Explainer`] says which feature contributed what, [`PairExplainer`] which pair of
//! features did so together, [`InterventionalExplainer`] which feature did so against a background of one's own,
//! [`Counterfactuals`] what would have to be otherwise. All are compiled from a model once, hold no reference to it, and are
//! read-only: share them between threads.
//!
//! Every result is a pure function of the model and one row: neither the order of rows nor the size of a batch nor the
//! number of threads can change a bit of it.

mod counterfactual;
mod cover;
mod explain;
mod grid;
mod importance;
mod interventional;
mod pairs;
mod path;
mod predictor;
mod schema;

pub use counterfactual::{Counterfactual, Counterfactuals};
pub use explain::{Contributions, Explainer, Explanations, Scratch};
pub use importance::{mean_contributions, permutation};
pub use interventional::{BackgroundError, InterventionalExplainer};
pub use pairs::PairExplainer;
pub use predictor::Predictor;
pub use schema::SchemaMismatch;
