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
//! features are made of a prefix, a middle and a suffix: nothing is divided out, so a factor of 0 costs nothing.
//!
//! # Sources
//! Lundberg et al., Nature Machine Intelligence 2020 (the values); Wettenstein, Mitchell, Yu, arXiv 2605.04497 (the integral).

use super::explain::Explainer;
use super::path::{Path, answers, paths};
use super::schema::{SchemaMismatch, compare};
use crate::determinism::par;
use crate::gbdt::data::{FeatureMatrix, Schema};
use crate::gbdt::kernel::Quadrature;
use crate::gbdt::model::{Model, Tree};

/// A model compiled for explanation by pairs.
#[derive(Clone, Debug)]
pub struct PairExplainer {
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
        let paths: Vec<Vec<Path>> = model.trees.iter().map(paths).collect();
        let mut rules = vec![];
        for n_points in paths.iter().map(|paths| points(paths)) {
            rules.resize(rules.len().max(n_points + 1), None);
            rules[n_points].get_or_insert_with(|| Quadrature::new(n_points));
        }
        PairExplainer { explainer: Explainer::new(model), trees: model.trees.clone(), paths, rules }
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
        let n = self.schema().len();
        let mut out = vec![0.0; n * n];
        self.pairs_into(row, &mut out);
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
        let mut out = vec![0.0; matrix.n_rows() * n * n];
        par::for_each_chunk(&mut out, n * n, |i, out| {
            let mut row = vec![0.0; n];
            matrix.copy_row(i, &mut row);
            self.pairs_into(&row, out);
        });
        Ok(out)
    }

    fn pairs_into(&self, row: &[f64], out: &mut [f64]) {
        let n = self.schema().len();
        let own = self.explainer.contributions(row).values;
        let mut scratch = Scratch::default();
        for (tree, paths) in self.trees.iter().zip(&self.paths) {
            let rule = self.rules[points(paths)].as_ref().expect("made with the tree");
            scratch.left.clear();
            scratch.left.extend(answers(tree, row));
            paths.iter().for_each(|path| path.add(rule, &mut scratch, n, out));
        }
        for i in 0..n {
            for j in 0..i {
                out[i * n + j] = out[j * n + i];
            }
        }
        for (i, own) in own.into_iter().enumerate() {
            let with_others: f64 = out[i * n..(i + 1) * n].iter().sum();
            out[i * n + i] = own - with_others;
        }
    }
}

/// Memory of one path after another.
#[derive(Default)]
struct Scratch {
    /// By node: the row's answer.
    left: Vec<bool>,
    /// By step: 1 where the row satisfies its questions.
    satisfied: Vec<f64>,
    /// By step and point: the product over the steps before.
    before: Vec<f64>,
    /// By step and point: the product over the steps from there on.
    from: Vec<f64>,
    between: Vec<f64>,
}

impl Path {
    /// Adds the path's share to the places above the diagonal, where the row is the lesser feature.
    fn add(&self, rule: &Quadrature, scratch: &mut Scratch, n_features: usize, out: &mut [f64]) {
        let (steps, k) = (&self.steps, rule.t.len());
        self.products(rule, scratch);
        let Scratch { satisfied, before, from, between, .. } = scratch;
        for (i, one) in steps.iter().enumerate() {
            between.clear();
            between.extend_from_slice(&before[i * k..(i + 1) * k]);
            for (j, other) in steps.iter().enumerate().skip(i + 1) {
                let after = &from[(j + 1) * k..(j + 2) * k];
                let mut integral = 0.0;
                let points = rule.weight.iter().zip(&rule.u).zip(&rule.t);
                for (((weight, u), t), (between, after)) in points.zip(between.iter_mut().zip(after)) {
                    integral += weight * (*between * after);
                    *between *= other.q * u + satisfied[j] * t;
                }
                let gain = (satisfied[i] - one.q) * (satisfied[j] - other.q);
                let (a, b) = (one.feature.min(other.feature), one.feature.max(other.feature));
                out[a as usize * n_features + b as usize] += 0.5 * self.value * (gain * integral);
            }
        }
    }

    fn products(&self, rule: &Quadrature, scratch: &mut Scratch) {
        let (n, k) = (self.steps.len(), rule.t.len());
        let Scratch { left, satisfied, before, from, .. } = scratch;
        satisfied.clear();
        satisfied.extend(self.steps.iter().map(|step| f64::from(u8::from(step.satisfied(left)))));
        before.clear();
        before.resize((n + 1) * k, 1.0);
        from.clear();
        from.resize((n + 1) * k, 1.0);
        let factor = |i: usize, p: usize| self.steps[i].q * rule.u[p] + satisfied[i] * rule.t[p];
        for i in 0..n {
            (0..k).for_each(|p| before[(i + 1) * k + p] = before[i * k + p] * factor(i, p));
        }
        for i in (0..n).rev() {
            (0..k).for_each(|p| from[i * k + p] = from[(i + 1) * k + p] * factor(i, p));
        }
    }
}

/// The points that a tree's contributions need.
fn points(paths: &[Path]) -> usize {
    paths.iter().map(|path| path.steps.len()).max().unwrap_or(0).div_ceil(2)
}
