//! Which feature contributed what against a background: exact Shapley values of the interventional game.
//!
//! A feature outside the coalition takes its value from a background row, whatever the others are; the game's value is the
//! mean raw score over the background. Against one background row, a leaf is reached only by coalitions that hold all a
//! features whose questions the row alone satisfies and none of the b that the background row alone satisfies, so that
//!
//! ```text
//! the row's features        gain   value (a - 1)! b! / (a + b)!
//! the background row's      lose   value a! (b - 1)! / (a + b)!
//! ```
//!
//! and nothing is gained where neither satisfies some question. Background rows that satisfy the same features of a path are
//! counted, not visited.
//!
//! # Sources
//! Janzing, Minorics, Bloebaum, AISTATS 2020 (the game); Lundberg et al., Nature Machine Intelligence 2020, Algorithm 3; Nadel,
//! Wettenstein, From Decision Trees to Boolean Logic, 2025 (patterns counted).

use std::collections::BTreeMap;

use super::explain::{Contributions, Explanations};
use super::path::{Path, answers, paths};
use super::predictor::Predictor;
use super::schema::{SchemaMismatch, compare};
use crate::determinism::par;
use crate::gbdt::data::{FeatureMatrix, Schema};
use crate::gbdt::model::{Model, Tree};

/// A model compiled for explanation against background rows.
#[derive(Clone, Debug)]
pub struct InterventionalExplainer {
    schema: Schema,
    trees: Vec<Tree>,
    /// By tree: each way to a leaf, and which of its steps background rows satisfy.
    paths: Vec<Vec<(Path, Patterns)>>,
    /// By a, then b: (a - 1)! b! / (a + b)!; zeros at a = 0.
    weights: Vec<Vec<f64>>,
    n_background: usize,
    base_value: f64,
}

/// How many background rows satisfy just these steps.
type Patterns = Vec<(Vec<bool>, u32)>;

/// Why a background cannot stand in for features.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BackgroundError {
    /// It has other features than the model.
    #[error("background: {0}")]
    Schema(#[from] SchemaMismatch),
    /// It has no rows.
    #[error("background: expected at least one row, found none")]
    Empty,
}

impl InterventionalExplainer {
    /// Compiles a model and counts the patterns of a background.
    ///
    /// # Errors
    /// When the background is empty or does not have the model's features.
    ///
    /// # Panics
    /// When the model does not pass [`Model::check`]; a model that was trained or read is sound.
    pub fn new(model: &Model, background: &FeatureMatrix) -> Result<Self, BackgroundError> {
        compare(&model.schema, background.schema())?;
        let n_background = background.n_rows();
        if n_background == 0 {
            return Err(BackgroundError::Empty);
        }
        let raw = Predictor::new(model).raw(background)?;
        let paths = par::map(model.trees.len(), |tree| with_patterns(&model.trees[tree], background));
        let deepest = paths.iter().flatten().map(|(path, _)| path.steps.len()).max().unwrap_or(0);
        Ok(InterventionalExplainer {
            schema: model.schema.clone(),
            trees: model.trees.clone(),
            paths,
            weights: (0..=deepest).map(|a| weights(a, deepest)).collect(),
            n_background,
            base_value: raw.iter().sum::<f64>() / n_background as f64,
        })
    }

    /// The features that a row holds, in order.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The mean raw score of the background.
    pub fn base_value(&self) -> f64 {
        self.base_value
    }

    /// The contributions of one row of feature values in schema order; with the base value they make its raw score.
    ///
    /// # Panics
    /// When the row is shorter than the schema.
    pub fn contributions(&self, row: &[f64]) -> Contributions {
        let mut values = vec![0.0; self.schema.len()];
        self.add_row(row, &mut values);
        Contributions { values, base_value: self.base_value }
    }

    /// The contributions of every row.
    ///
    /// # Errors
    /// When the matrix does not have the model's features.
    pub fn explain(&self, matrix: &FeatureMatrix) -> Result<Explanations, SchemaMismatch> {
        compare(&self.schema, matrix.schema())?;
        let n_features = self.schema.len();
        let mut values = vec![0.0; matrix.n_rows() * n_features];
        par::for_each_chunk(&mut values, n_features, |i, out| {
            let mut row = vec![0.0; n_features];
            matrix.copy_row(i, &mut row);
            self.add_row(&row, out);
        });
        Ok(Explanations { values, n_features, base_value: self.base_value })
    }

    fn add_row(&self, row: &[f64], out: &mut [f64]) {
        let (mut left, mut own, mut gains) = (vec![], vec![], vec![]);
        for (tree, paths) in self.trees.iter().zip(&self.paths) {
            left.clear();
            left.extend(answers(tree, row));
            for (path, patterns) in paths {
                own.clear();
                own.extend(path.steps.iter().map(|step| step.satisfied(&left)));
                gains.clear();
                gains.resize(own.len(), 0.0);
                patterns.iter().for_each(|(theirs, count)| self.gain(&own, theirs, *count, &mut gains));
                for (step, gain) in path.steps.iter().zip(&gains) {
                    out[step.feature as usize] += path.value * (gain / self.n_background as f64);
                }
            }
        }
    }

    /// Adds what each step gains against so many background rows of one pattern, for a value of 1.
    fn gain(&self, own: &[bool], theirs: &[bool], count: u32, gains: &mut [f64]) {
        let (mut a, mut b) = (0, 0);
        for (own, theirs) in own.iter().zip(theirs) {
            match (own, theirs) {
                (true, false) => a += 1,
                (false, true) => b += 1,
                (false, false) => return,
                (true, true) => {}
            }
        }
        let (gained, lost) = (self.weights[a][b], self.weights[b][a]);
        for (gain, (own, theirs)) in gains.iter_mut().zip(own.iter().zip(theirs)) {
            match (own, theirs) {
                (true, false) => *gain += f64::from(count) * gained,
                (false, true) => *gain -= f64::from(count) * lost,
                _ => {}
            }
        }
    }
}

/// The paths of a tree, and the patterns of the background on each in rising order.
fn with_patterns(tree: &Tree, background: &FeatureMatrix) -> Vec<(Path, Patterns)> {
    let paths = paths(tree);
    let mut counts = vec![BTreeMap::<Vec<bool>, u32>::new(); paths.len()];
    let (mut row, mut left) = (vec![0.0; background.n_features()], vec![]);
    for i in 0..background.n_rows() {
        background.copy_row(i, &mut row);
        left.clear();
        left.extend(answers(tree, &row));
        for (path, counts) in paths.iter().zip(&mut counts) {
            *counts.entry(path.steps.iter().map(|step| step.satisfied(&left)).collect()).or_default() += 1;
        }
    }
    paths.into_iter().zip(counts.into_iter().map(|counts| counts.into_iter().collect())).collect()
}

/// (a - 1)! b! / (a + b)! for b from 0, as a product of ratios that no factorial overflows.
fn weights(a: usize, most: usize) -> Vec<f64> {
    if a == 0 {
        return vec![0.0; most + 1];
    }
    let first = 1.0 / a as f64;
    let next = |weight: &mut f64, b: usize| {
        let now = *weight;
        *weight *= (b + 1) as f64 / (a + b + 1) as f64;
        Some(now)
    };
    (0..=most).scan(first, next).collect()
}
