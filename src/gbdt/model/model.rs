//! A trained ensemble.

use serde::{Deserialize, Serialize};

use super::Tree;
use crate::determinism::{math, par};
use crate::gbdt::data::{FeatureMatrix, Schema};

/// What the raw score means.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Objective {
    /// Log-odds of the positive class divided by `sigmoid`.
    Binary {
        /// Slope of the logistic function; 1 unless an imported model says otherwise.
        sigmoid: f64,
    },
    /// Relevance without a unit; only the order within a query matters.
    Lambdarank,
    /// A plain sum; the raw score is the answer (imported regression models).
    Regression,
}

impl Objective {
    /// The score a user sees: a probability for binary, the raw score otherwise.
    pub fn transform(self, raw: f64) -> f64 {
        match self {
            Objective::Binary { sigmoid } => math::sigmoid(sigmoid * raw),
            Objective::Lambdarank | Objective::Regression => raw,
        }
    }
}

/// An ensemble of trees over a schema: all that is needed to score, nothing of how it was learned.
///
/// The raw score of a row is the sum of its leaf values in tree order, in f64. A starting score (`boost_from_average`) is
/// part of the first tree's leaves, as in LightGBM; and as there, averaging belongs to the score, not to the raw score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// Features in the order the trees count them.
    pub schema: Schema,
    /// What the raw score means.
    pub objective: Objective,
    /// In the order of summation.
    pub trees: Vec<Tree>,
    /// Whether the score is made of the raw score divided by the number of trees (random forests).
    pub average: bool,
    /// Training quantiles by feature, for plain-word reasons: values at 0 %, 1 % ... 100 % of the non-missing
    /// training rows; empty where none are known.
    pub quantiles: Vec<Vec<f64>>,
    /// The parameters it was trained with, name and value, for the record; never read by the engine.
    pub parameters: Vec<(String, String)>,
}

impl Model {
    /// Under which name the best round stands in [`Model::parameters`].
    pub const BEST_ITERATION: &str = "best_iteration";

    /// The round that early stopping found best, counting from 1 (and from the end of a model that was continued); `None` where
    /// rounds were not compared. No tree of a later round is in the model.
    pub fn best_iteration(&self) -> Option<u32> {
        let (_, value) = self.parameters.iter().find(|(name, _)| name == Self::BEST_ITERATION)?;
        value.parse().ok()
    }

    /// The raw scores of all rows by the definition.
    ///
    /// # Shape
    /// The matrix has the features of the schema, in its order.
    pub fn raw_scores(&self, matrix: &FeatureMatrix) -> Vec<f64> {
        let parts = par::map_blocks(matrix.n_rows(), BLOCK, |rows| {
            let mut row = vec![0.0; matrix.n_features()];
            let raw = |i: usize| {
                matrix.copy_row(i, &mut row);
                self.raw_score(&row)
            };
            rows.map(raw).collect::<Vec<f64>>()
        });
        parts.fold(Vec::with_capacity(matrix.n_rows()), |mut all, part| {
            all.extend(part);
            all
        })
    }

    /// The raw score by the definition; faster engines must equal it bit for bit.
    pub fn raw_score(&self, row: &[f64]) -> f64 {
        self.trees.iter().fold(0.0, |sum, tree| sum + tree.leaves[tree.leaf_of(row)].value)
    }

    /// The score that a user sees for a raw score.
    pub fn score(&self, raw: f64) -> f64 {
        let divisor = if self.average { self.trees.len().max(1) as f64 } else { 1.0 };
        self.objective.transform(raw / divisor)
    }
}

/// Rows of a block; no result depends on it.
const BLOCK: usize = 1024;
