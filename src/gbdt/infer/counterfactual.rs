//! What would have to be otherwise: for one row, the nearest value of a single feature that takes the raw score below a limit.
//!
//! A score is constant between two neighbouring thresholds of a feature, so the nearest value of each such interval stands
//! for all of it, and trying one an interval finds the exact answer: no step size, no gradient. The answer is a number that
//! the model itself scores below the limit, not the edge of an interval that does not include it.

use super::predictor::Predictor;
use crate::determinism::math::above;
use crate::gbdt::model::{Missing, Model, Rule, ZERO};

/// A model and the thresholds of its features.
#[derive(Clone, Debug)]
pub struct Counterfactuals {
    predictor: Predictor,
    /// By feature: the last numbers of intervals within which no answer changes, rising; none for a feature with categories.
    ends: Vec<Vec<f64>>,
}

/// A change of one feature.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Counterfactual {
    /// Position in the schema.
    pub feature: usize,
    /// What it would have to be.
    pub value: f64,
    /// The raw score then.
    pub raw_score: f64,
}

impl Counterfactuals {
    /// Compiles a model.
    ///
    /// # Panics
    /// When the model does not pass [`Model::check`]; a model that was trained or read is sound.
    pub fn new(model: &Model) -> Self {
        let mut ends = vec![vec![]; model.schema.len()];
        let mut by_category = vec![false; ends.len()];
        for node in model.trees.iter().flat_map(|tree| &tree.nodes) {
            let feature = node.feature as usize;
            match node.rule {
                Rule::Numerical { threshold } => ends[feature].push(threshold),
                Rule::Categorical { .. } => by_category[feature] = true,
            }
            if node.missing == Missing::Zero {
                ends[feature].extend([-above(ZERO), ZERO]);
            }
        }
        for (ends, by_category) in ends.iter_mut().zip(by_category) {
            ends.retain(|end| end.is_finite() && !by_category);
            ends.sort_unstable_by(f64::total_cmp);
            // -0 and 0 are one number to a question
            ends.dedup();
        }
        Counterfactuals { predictor: Predictor::new(model), ends }
    }

    /// For each numerical feature that alone can take the raw score of `row` below `limit`, the nearest value that does; of
    /// two that are equally near, the lower. In schema order; nothing when the row is below already. Features that are not
    /// finite in the row are left out: nothing is near them.
    ///
    /// # Panics
    /// When the row is shorter than the schema.
    pub fn below(&self, row: &[f64], limit: f64) -> Vec<Counterfactual> {
        if self.predictor.raw_row(row) < limit {
            return vec![];
        }
        let mut row = row.to_vec();
        (0..self.ends.len()).filter_map(|feature| self.nearest(&mut row, feature, limit)).collect()
    }

    /// Tries the intervals of one feature; leaves the row as it was.
    fn nearest(&self, row: &mut [f64], feature: usize, limit: f64) -> Option<Counterfactual> {
        let own = row[feature];
        if !own.is_finite() {
            return None;
        }
        let mut candidates = candidates(&self.ends[feature], own);
        candidates.sort_by(|a, b| (a - own).abs().total_cmp(&(b - own).abs()).then(a.total_cmp(b)));
        let found = candidates.into_iter().find_map(|value| {
            row[feature] = value;
            let raw_score = self.predictor.raw_row(row);
            (raw_score < limit).then_some(Counterfactual { feature, value, raw_score })
        });
        row[feature] = own;
        found
    }
}

/// The nearest number of every interval but that of `own`: the end of one below, the first after the end before of one above.
fn candidates(ends: &[f64], own: f64) -> Vec<f64> {
    let at = ends.partition_point(|&end| end < own);
    let upper = ends[at..].iter().map(|&end| above(end));
    ends[..at].iter().copied().chain(upper).filter(|value| value.is_finite()).collect()
}
