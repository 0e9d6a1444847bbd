//! Which feature contributed what: exact Shapley values of the path-dependent game, in f64, additive to the raw score.
//!
//! In that game a feature outside the coalition is averaged over the training rows: a walk that meets it takes both
//! branches, weighted by their cover. The Shapley weight of a coalition size is an integral over t in [0, 1], so that
//!
//! ```text
//! phi(i) = sum over leaves of value * integral of (s_i - q_i) * product over the path's other features j of (q_j u + s_j t)
//! ```
//!
//! with u = 1 - t, q the product of a feature's cover ratios along the path and s = 1 when the row satisfies all of that
//! feature's questions on it, 0 otherwise. The integrand is a polynomial of degree one below the number D of
//! distinct features, so ceil(D / 2) Gauss-Legendre points integrate it exactly, and every factor lies in [0, 1], so
//! nothing cancels at any depth.
//!
//! Points are lanes of an array. Down the tree, C(child) = C(node) m with m = q u + s t; up the tree B(node) = sum of m B(child);
//! the feature of the node gains C(node) (s - q) B(child). Where the feature was asked before on the path, with q0 and s0,
//! the old factor is divided out: m = (q u + s t) / (q0 u + t) and the gain is C(node) (s q0 - q) / (q0 u + t)^2 B(child) while s0 = 1;
//! once s0 = 0, m is the plain cover ratio and nothing is gained.
//!
//! Cover is the count of training rows; where a tree has none, the sum of hessians; where it has neither, one a leaf.
//!
//! # Sources
//! Wettenstein, Mitchell, Yu, Quadrature TreeSHAP, arXiv 2605.04497; Lundberg et al., Nature Machine Intelligence 2020 (the game).

use super::cover::Cover;
use super::grid::Grid;
use super::schema::{SchemaMismatch, compare};
use crate::determinism::par;
use crate::gbdt::data::{FeatureMatrix, Schema};
use crate::gbdt::kernel::{BLOCK, BlockScratch, LANES, Level, RowScratch, Rows, Shap, Strip};
use crate::gbdt::model::{Model, Node};

/// A model compiled for explanation.
#[derive(Clone, Debug)]
pub struct Explainer {
    schema: Schema,
    level: Level,
    grid: Grid,
    shap: Shap,
    base_value: f64,
}

/// The contributions of one row: `base_value` and the sum of `values` make the raw score.
#[derive(Clone, Debug, PartialEq)]
pub struct Contributions {
    /// One per feature, in schema order; exactly 0 for a feature that no tree reads.
    pub values: Vec<f64>,
    /// The expected raw score over the training rows.
    pub base_value: f64,
}

/// The contributions of many rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanations {
    /// Rows x features, row by row.
    pub values: Vec<f64>,
    /// Features of a row.
    pub n_features: usize,
    /// The expected raw score over the training rows.
    pub base_value: f64,
}

impl Explanations {
    /// The contributions of one row, in schema order.
    pub fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.n_features..(row + 1) * self.n_features]
    }

    /// The mean of each feature's absolute contributions, in schema order; 0 where there are no rows. Rows are added in their
    /// order.
    pub fn mean_abs(&self) -> Vec<f64> {
        let mut sums = vec![0.0; self.n_features];
        let rows = self.values.chunks_exact(self.n_features.max(1));
        let n_rows = rows.len().max(1) as f64;
        for row in rows {
            sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value.abs());
        }
        sums.into_iter().map(|sum| sum / n_rows).collect()
    }

    /// Sums of the contributions of families of features: feature `f` belongs to family `family_of[f]`. With the base value they
    /// make the same raw score.
    ///
    /// # Shape
    /// Rows x families, row by row; families are counted up to the greatest named.
    ///
    /// # Panics
    /// When `family_of` does not name a family for each feature.
    pub fn grouped(&self, family_of: &[usize]) -> Explanations {
        assert_eq!(family_of.len(), self.n_features, "a family for each feature");
        let n_families = family_of.iter().max().map_or(0, |most| most + 1);
        let rows = self.values.chunks_exact(self.n_features.max(1));
        let mut values = vec![0.0; rows.len() * n_families];
        for (row, out) in rows.zip(values.chunks_exact_mut(n_families.max(1))) {
            row.iter().zip(family_of).for_each(|(value, &family)| out[family] += value);
        }
        Explanations { values, n_features: n_families, base_value: self.base_value }
    }
}

/// Memory of one explanation after another; give one to each thread.
#[derive(Clone, Debug, std::default::Default)]
pub struct Scratch {
    /// The row's answers to every question.
    bytes: Vec<u8>,
    row: RowScratch,
}

impl Explainer {
    /// Compiles a model for this machine.
    ///
    /// # Panics
    /// When the model does not pass [`Model::check`]; a model that was trained or read is sound.
    pub fn new(model: &Model) -> Self {
        Self::at(Level::detect(), model)
    }

    /// Compiles a model for a level of instructions; every level gives the same bits.
    ///
    /// # Panics
    /// As [`Explainer::new`].
    pub fn at(level: Level, model: &Model) -> Self {
        let (grid, over_bytes) = Grid::of(model);
        let covers: Vec<Cover> = model.trees.iter().map(Cover::of).collect();
        let trees = model.trees.iter().zip(&covers);
        let base_value = trees.clone().fold(0.0, |sum, (tree, cover)| sum + cover.expectation(tree));
        let parts = over_bytes.iter().zip(trees).map(|(bytes, (tree, cover))| {
            let features = tree.nodes.iter().map(|node| node.feature).collect();
            let share = |(i, node): (usize, &Node)| cover.share(i, node.left);
            (bytes, features, tree.nodes.iter().enumerate().map(share).collect())
        });
        let shap = Shap::new(parts, model.schema.len());
        Explainer { schema: model.schema.clone(), level, grid, shap, base_value }
    }

    /// The features that a row holds, in order.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The expected raw score over the training rows.
    pub fn base_value(&self) -> f64 {
        self.base_value
    }

    /// The contributions of one row of feature values in schema order.
    ///
    /// # Panics
    /// When the row is shorter than the schema.
    pub fn contributions(&self, row: &[f64]) -> Contributions {
        let mut values = vec![0.0; self.schema().len()];
        self.contributions_into(row, &mut Scratch::default(), &mut values);
        Contributions { values, base_value: self.base_value }
    }

    /// The same without allocating once `scratch` has grown to the model's size; `out` has one place per feature.
    ///
    /// # Panics
    /// When the row or `out` is shorter than the schema.
    pub fn contributions_into(&self, row: &[f64], scratch: &mut Scratch, out: &mut [f64]) {
        assert!(row.len() >= self.schema().len(), "a row has a value for each feature");
        out.fill(0.0);
        scratch.bytes.resize(self.grid.n_columns(), 0);
        self.grid.row(self.level, row, &mut scratch.bytes);
        self.shap.add_row(self.level, &scratch.bytes, &mut scratch.row, out);
    }

    /// The contributions of every row.
    ///
    /// # Errors
    /// When the matrix does not have the model's features.
    pub fn explain(&self, matrix: &FeatureMatrix) -> Result<Explanations, SchemaMismatch> {
        compare(self.schema(), matrix.schema())?;
        let n_features = self.schema().len();
        let mut values = vec![0.0; matrix.n_rows() * n_features];
        par::for_each_chunk(&mut values, ROWS * n_features.max(1), |i, out| {
            self.explain_block(matrix, i * ROWS, out);
        });
        Ok(Explanations { values, n_features, base_value: self.base_value })
    }

    /// The contributions of rows that stand one behind the other, on this thread.
    ///
    /// # Shape
    /// `rows` and `out`: rows x features, row by row.
    ///
    /// # Panics
    /// When they differ in length, or end within a row.
    pub fn contributions_of_rows(&self, rows: &[f64], out: &mut [f64]) {
        let n_features = self.schema.len();
        assert!(
            rows.len() == out.len() && rows.len() == out.len() / n_features.max(1) * n_features,
            "whole rows"
        );
        if n_features == 0 {
            return;
        }
        for (rows, out) in rows.chunks(ROWS * n_features).zip(out.chunks_mut(ROWS * n_features)) {
            let (together, few) = out.split_at_mut(together(out.len() / n_features) * n_features);
            if !together.is_empty() {
                let mut tile = self.grid.strips();
                self.grid.tile_of_rows(self.level, rows[..together.len()].chunks(n_features), &mut tile);
                self.explain_together(&tile, together);
            }
            self.explain_few(rows[together.len()..].chunks(n_features), few);
        }
    }

    /// The contributions of up to a block of rows of a matrix, row by row.
    fn explain_block(&self, matrix: &FeatureMatrix, start: usize, out: &mut [f64]) {
        let n_features = self.schema.len();
        let together = together(out.len() / n_features);
        let (blocks, few) = out.split_at_mut(together * n_features);
        if together > 0 {
            let mut tile = self.grid.strips();
            self.grid.tile(self.level, matrix, start, together, &mut tile);
            self.explain_together(&tile, blocks);
        }
        let mut rows = vec![0.0; few.len()];
        for (i, row) in rows.chunks_mut(n_features).enumerate() {
            matrix.copy_row(start + together + i, row);
        }
        self.explain_few(rows.chunks(n_features), few);
    }

    /// Those of the first rows of a tile, side by side.
    fn explain_together(&self, tile: &[Strip], out: &mut [f64]) {
        let n_features = self.schema.len();
        let mut by_feature = vec![[0.0; BLOCK]; n_features];
        let rows = Rows { tile, first: 0, n_rows: out.len() / n_features };
        self.shap.add_block(self.level, rows, &mut BlockScratch::default(), &mut by_feature);
        for (row, out) in out.chunks_mut(n_features).enumerate() {
            out.iter_mut().zip(&by_feature).for_each(|(out, of)| *out = of[row]);
        }
    }

    /// Those of some rows, one by one.
    fn explain_few<'r>(&self, rows: impl Iterator<Item = &'r [f64]>, out: &mut [f64]) {
        let mut scratch = Scratch::default();
        for (row, out) in rows.zip(out.chunks_mut(self.schema.len())) {
            self.contributions_into(row, &mut scratch, out);
        }
    }
}

/// How many of some rows are explained together: whole vectors, and what is left over unless it is little.
fn together(n_rows: usize) -> usize {
    let rest = n_rows % LANES;
    if rest <= FEW_ROWS { n_rows - rest } else { n_rows }
}

/// Rows of one parallel task.
const ROWS: usize = BLOCK;
/// Fewer rows than a vector has lanes are explained one by one where that is quicker.
const FEW_ROWS: usize = 2;
