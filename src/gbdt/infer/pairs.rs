//! Which pair of features contributed what together: exact Shapley interaction values of the same game as the contributions'.
//!
//! For two features i and j, with the integral of [`super::explain`] and one factor less,
//!
//! ```text
//! pair(i, j) = 1/2 sum over leaves of value * integral of (s_i - q_i) (s_j - q_j) * product over the other features k of (q_k u + s_k t)
//! own(i)     = contribution(i) - sum over j of pair(i, j)
//! ```
//!
//! so a row of the table adds up to the feature's contribution, and the whole table with the base value to the raw score. The
//! integrand is a polynomial of degree D - 2, which the rule of the contributions integrates exactly. Products over all but two
//! features are made of a prefix, a middle and a suffix: nothing is divided out, so a factor of 0 costs nothing. Eight rows go
//! side by side; what stands beside a row changes none of its bits.
//!
//! # Sources
//! Lundberg et al., Nature Machine Intelligence 2020 (the values); Wettenstein, Mitchell, Yu, arXiv 2605.04497 (the integral).

use super::explain::Explainer;
use super::path::{Path, answers, paths};
use super::schema::{SchemaMismatch, compare};
use crate::determinism::par;
use crate::gbdt::data::{FeatureMatrix, Schema};
use crate::gbdt::kernel::{Asked, LANES, Level, PairScratch, Quadrature, Way, add_pairs};
use crate::gbdt::model::{Model, Tree};

/// A model compiled for explanation by pairs.
#[derive(Clone, Debug)]
pub struct PairExplainer {
    level: Level,
    explainer: Explainer,
    trees: Vec<Tree>,
    /// By tree: the way to each leaf.
    paths: Vec<Vec<Path>>,
    /// By the number of points; only those that a tree needs.
    rules: Vec<Option<Quadrature>>,
}

impl PairExplainer {
    /// Compiles a model.
    ///
    /// # Panics
    /// When the model does not pass [`Model::check`]; a model that was trained or read is sound.
    pub fn new(model: &Model) -> Self {
        Self::at(Level::detect(), model)
    }

    /// Compiles a model for a level of instructions; every level gives the same bits.
    ///
    /// # Panics
    /// As [`PairExplainer::new`].
    pub fn at(level: Level, model: &Model) -> Self {
        let paths: Vec<Vec<Path>> = model.trees.iter().map(paths).collect();
        let mut rules = vec![];
        for n_points in paths.iter().map(|paths| points(paths)) {
            rules.resize(rules.len().max(n_points + 1), None);
            rules[n_points].get_or_insert_with(|| Quadrature::new(n_points));
        }
        PairExplainer {
            level,
            explainer: Explainer::at(level, model),
            trees: model.trees.clone(),
            paths,
            rules,
        }
    }

    /// The features that a row holds, in order.
    pub fn schema(&self) -> &Schema {
        self.explainer.schema()
    }

    /// The expected raw score over the training rows.
    pub fn base_value(&self) -> f64 {
        self.explainer.base_value()
    }

    /// The table of one row of feature values in schema order.
    ///
    /// # Shape
    /// Features x features, symmetric: own values on the diagonal, half of what a pair contributes on each side of it. Exactly
    /// 0 for a feature that no tree reads.
    ///
    /// # Panics
    /// When the row is shorter than the schema.
    pub fn pairs(&self, row: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; self.schema().len() * self.schema().len()];
        let own = self.explainer.contributions(row).values;
        self.tables_into(&[row.to_vec()], &own, &mut out);
        out
    }

    /// The tables of every row.
    ///
    /// # Shape
    /// Rows x features x features.
    ///
    /// # Errors
    /// When the matrix does not have the model's features.
    pub fn explain(&self, matrix: &FeatureMatrix) -> Result<Vec<f64>, SchemaMismatch> {
        compare(self.schema(), matrix.schema())?;
        let n = self.schema().len();
        let own = self.explainer.explain(matrix)?.values;
        let mut out = vec![0.0; matrix.n_rows() * n * n];
        par::for_each_chunk(&mut out, (LANES * n * n).max(1), |i, out| {
            let some = LANES * i..(LANES * (i + 1)).min(matrix.n_rows());
            let mut rows = vec![vec![0.0; n]; some.len()];
            some.clone().zip(&mut rows).for_each(|(row, values)| matrix.copy_row(row, values));
            self.tables_into(&rows, &own[some.start * n..some.end * n], out);
        });
        Ok(out)
    }

    /// The tables of up to eight rows whose contributions are known.
    fn tables_into(&self, rows: &[Vec<f64>], own: &[f64], out: &mut [f64]) {
        let n = self.schema().len();
        let mut tables = vec![[0.0; LANES]; n * n];
        let (mut scratch, mut left, mut asked) = (PairScratch::default(), vec![], vec![]);
        for (tree, paths) in self.trees.iter().zip(&self.paths) {
            let rule = self.rules[points(paths)].as_ref().expect("made with the tree");
            left.clear();
            left.resize(tree.nodes.len(), 0);
            for (row, values) in rows.iter().enumerate() {
                let answers = left.iter_mut().zip(answers(tree, values));
                answers.for_each(|(left, answer)| *left |= u8::from(answer) << row);
            }
            for path in paths {
                asked.clear();
                asked.extend(path.asked(&left));
                let way = Way { value: path.value, asked: &asked };
                add_pairs(self.level, rule, way, &mut scratch, n, &mut tables);
            }
        }
        for (lane, (out, own)) in out.chunks_mut((n * n).max(1)).zip(own.chunks(n.max(1))).enumerate() {
            out.iter_mut().zip(&tables).for_each(|(out, eight)| *out = eight[lane]);
            complete(own, out);
        }
    }
}

impl Path {
    fn asked(&self, left: &[u8]) -> impl Iterator<Item = Asked> {
        self.steps.iter().map(|step| Asked {
            feature: step.feature,
            q: step.q,
            satisfied: step.satisfied_by(left),
        })
    }
}

/// Mirrors what is above the diagonal, and puts on it what a feature contributes beyond its pairs.
fn complete(own: &[f64], table: &mut [f64]) {
    let n = own.len();
    for i in 0..n {
        for j in 0..i {
            table[i * n + j] = table[j * n + i];
        }
    }
    for (i, own) in own.iter().enumerate() {
        let with_others: f64 = table[i * n..(i + 1) * n].iter().sum();
        table[i * n + i] = own - with_others;
    }
}

/// The points that a tree's contributions need.
fn points(paths: &[Path]) -> usize {
    paths.iter().map(|path| path.steps.len()).max().unwrap_or(0).div_ceil(2)
}
