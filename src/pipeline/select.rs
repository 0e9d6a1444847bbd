//! Which features a model may read.
//!
//! In flow labelled rows and, where asked for, what models on folds leaned on; out flow the features kept and, for each dropped one,
//! the reason. Of two features that say the same (|Pearson correlation| above the limit, present on the same rows) the
//! later in the registry is dropped; then those that the folds' models lean on too little, or in too few folds. Everything off
//! keeps all. The answer depends on the rows and their order alone; sums run in row order.

use serde::{Deserialize, Serialize};

use super::cross::FoldScores;
use super::examples::Examples;
use crate::aml::bundle::Dropped;
use crate::determinism::par;

/// Limits of the selection.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Selection {
    /// Of a pair above it in magnitude the later is dropped; 1 drops none.
    pub max_correlation: f64,
    /// Mean share of the folds' total gain below which a feature is dropped; 0 drops none.
    pub min_importance: f64,
    /// Share of folds in which a feature must have any gain; 0 drops none.
    pub min_stability: f64,
}

impl Default for Selection {
    fn default() -> Self {
        Selection { max_correlation: 1.0, min_importance: 0.0, min_stability: 0.0 }
    }
}

impl Selection {
    /// Whether it asks what folds lean on.
    pub fn needs_folds(&self) -> bool {
        self.min_importance > 0.0 || self.min_stability > 0.0
    }

    /// Features that repeat an earlier one.
    pub fn repeated(&self, rows: &Examples) -> Vec<Dropped> {
        if self.max_correlation >= 1.0 {
            return vec![];
        }
        let columns: Vec<Vec<f64>> = (0..rows.matrix.n_features())
            .map(|f| (0..rows.len()).map(|row| rows.matrix.value(row, f)).collect())
            .collect();
        // every pair at once, then in order: only a kept feature can displace a later one
        let alike = par::map(columns.len(), |later| {
            let with = |earlier: usize| Some((earlier, correlation(&columns[earlier], &columns[later])?));
            let strong = |&(_, r): &(usize, f64)| r.abs() > self.max_correlation;
            (0..later).filter_map(with).filter(strong).collect::<Vec<_>>()
        });
        let mut dropped: Vec<Option<Dropped>> = vec![None; columns.len()];
        let names: Vec<&str> = rows.matrix.schema().names().collect();
        for (later, pairs) in alike.into_iter().enumerate() {
            if let Some((earlier, r)) = pairs.into_iter().find(|(earlier, _)| dropped[*earlier].is_none()) {
                let reason = format!("correlation {r:.4} with `{}`", names[earlier]);
                dropped[later] = Some(Dropped { feature: names[later].to_owned(), reason });
            }
        }
        dropped.into_iter().flatten().collect()
    }

    /// Features that the folds' models lean on too little or too rarely.
    pub fn idle(&self, rows: &Examples, folds: &FoldScores) -> Vec<Dropped> {
        if !self.needs_folds() || folds.folds.is_empty() {
            return vec![];
        }
        let count = folds.folds.len() as f64;
        let judge = |(f, name): (usize, &str)| {
            let gains = folds.folds.iter().map(|fold| fold.gains[f]);
            let mean = gains.clone().fold(0.0, |sum, gain| sum + gain) / count;
            let held = gains.filter(|gain| *gain > 0.0).count() as f64 / count;
            let reason = if mean < self.min_importance {
                format!("mean share of gain {mean:.6} below {}", self.min_importance)
            } else if held < self.min_stability {
                format!("used in {:.0} % of folds, below {:.0} %", 100.0 * held, 100.0 * self.min_stability)
            } else {
                return None;
            };
            Some(Dropped { feature: name.to_owned(), reason })
        };
        rows.matrix.schema().names().enumerate().filter_map(judge).collect()
    }
}

/// Pearson's correlation over rows where both are present; `None` where more than one row in a hundred has one of them alone,
/// where fewer than 100 rows have both, or where one is constant.
fn correlation(a: &[f64], b: &[f64]) -> Option<f64> {
    let alone = a.iter().zip(b).filter(|(a, b)| a.is_nan() != b.is_nan()).count();
    let both = || a.iter().zip(b).filter(|(a, b)| a.is_finite() && b.is_finite());
    let rows = both().count();
    if rows < 100 || 100 * alone > a.len() {
        return None;
    }
    let (sum_a, sum_b) = both().fold((0.0, 0.0), |(x, y), (a, b)| (x + a, y + b));
    let (mean_a, mean_b) = (sum_a / rows as f64, sum_b / rows as f64);
    let (aa, ab, bb) = both().fold((0.0, 0.0, 0.0), |(aa, ab, bb), (a, b)| {
        let (a, b) = (a - mean_a, b - mean_b);
        (aa + a * a, ab + a * b, bb + b * b)
    });
    (aa > 0.0 && bb > 0.0).then(|| ab / (aa.sqrt() * bb.sqrt()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn correlations_by_hand() {
        let up: Vec<f64> = (0..200).map(f64::from).collect();
        let down: Vec<f64> = up.iter().map(|x| 7.0 - 3.0 * x).collect();
        let near = |r: Option<f64>, expected: f64| (r.expect("a number") - expected).abs() < 1e-12;
        assert!(near(correlation(&up, &up), 1.0));
        assert!(near(correlation(&up, &down), -1.0));
        assert_eq!(correlation(&up, &[1.0; 200]), None);
        assert_eq!(correlation(&up[..50], &up[..50]), None, "too few rows");
        let half: Vec<f64> = up.iter().map(|&x| if x < 100.0 { f64::NAN } else { x }).collect();
        assert_eq!(correlation(&up, &half), None, "absence is information");
    }
}
