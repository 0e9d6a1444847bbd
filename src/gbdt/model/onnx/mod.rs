//! ONNX, out: a model as a graph that onnxruntime (1.11 and later) and other readers of `ai.onnx.ml` run.
//!
//! # The graph
//! Input `features`, f64, rows × features in the schema's order; NaN is missing, a category is its code. Outputs `raw_score` and `score`, f32,
//! rows × 1. A `TreeEnsembleRegressor` (`ai.onnx.ml` 3) sums the trees; plain operators make the score of the sum: the mean of a random
//! forest, the logistic function of a binary model.
//!
//! # What holds
//! * **Every decision is ours, for every f64.** Thresholds are written as f64 (`nodes_values_as_tensor`), so nothing is rounded; rows given as f32 have to be
//!   widened by the caller, which changes none of them.
//! * Leaf values are f64, and onnxruntime adds them as such, in an order of its own. The operator's output is f32: `raw_score` is ours to
//!   f32's rounding, and `score` to a few units of it, as the logistic function works in f32 there.
//!
//! # How questions are lowered
//! A node of ours asks more than `x <= t`: zeros may be missing, NaN may be read as 0, a category's fraction is cut off, sets hold what they hold. Each is
//! a function of one number that changes its answer at few places ([`steps`]), so it becomes a chain of `BRANCH_LEQ` nodes, one a place, whose
//! true edges share our two children; NaN takes the chain's true or false edges (`nodes_missing_value_tracks_true`). Equality
//! chains, which converters write for sets, would send 2.7 elsewhere than 2.
//!
//! # What is lost
//! Counts, gains and weights (ONNX has no place for them; contributions need the original), and training quantiles. Names and levels of features,
//! the objective and the digest of the model stand in the file's metadata.
//!
//! # Sources
//! ONNX 1.11: `onnx/onnx.proto`, `docs/Operators-ml.md`; onnxruntime 1.32: `core/providers/cpu/ml/tree_ensemble_common.h`, which wants false edges to
//! lead to nodes not met before, as they do in these chains.

mod ensemble;
mod graph;
mod protobuf;
mod steps;

pub use graph::to_bytes;

/// Why a model cannot be written as ONNX.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OnnxError {
    /// A set of categories with so many gaps that readers, which walk nodes by recursion, would run out of stack.
    #[error(
        "tree {tree}, node {node}: the set of categories has {steps} ends of runs, ONNX is written up to {most}"
    )]
    Set {
        /// Position of the tree.
        tree: usize,
        /// Position of the node.
        node: usize,
        /// Where the answer changes.
        steps: usize,
        /// As many are written.
        most: usize,
    },
    /// Readers of protobuf refuse files from 2 GiB on.
    #[error("the file would have {bytes} bytes, protobuf ends at {most}")]
    Size {
        /// What the file would take.
        bytes: usize,
        /// What readers take.
        most: usize,
    },
}
