//! The engine that scores and explains, from outside: its file, its sums, its contributions, each against a slow and obvious
//! twin. Runs with `--no-default-features`.

mod codec;
mod counterfactual;
mod explain;
mod golden;
mod importance;
mod interventional;
mod levels;
mod models;
#[cfg(feature = "interchange")]
mod onnx;
mod pairs;
mod predict;
#[cfg(feature = "interchange")]
mod xgboost;
