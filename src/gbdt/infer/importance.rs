//! How much a model leans on its features, asked of rows rather than of trees.
//!
//! What trees alone say (splits, gain, cover) is in [`describe`](crate::gbdt::model::describe).

use super::explain::Explainer;
use super::predictor::Predictor;
use super::schema::SchemaMismatch;
use crate::determinism::fixed;
use crate::determinism::rng::Stream;
use crate::gbdt::data::FeatureMatrix;

/// The mean magnitude of each feature's contributions to the raw score, in schema order. Neither the order of rows nor the number
/// of threads changes it.
///
/// # Errors
/// When the matrix does not have the model's features.
///
/// Source: Lundberg et al., Nature Machine Intelligence 2 (2020).
pub fn mean_contributions(explainer: &Explainer, matrix: &FeatureMatrix) -> Result<Vec<f64>, SchemaMismatch> {
    let found = explainer.explain(matrix)?;
    let mean = |feature: usize| {
        let of_rows = found.values.iter().skip(feature).step_by(found.n_features);
        let sizes: Vec<f64> = of_rows.map(|value| value.abs()).collect();
        fixed::sum(&sizes) / sizes.len().max(1) as f64
    };
    Ok((0..found.n_features).map(mean).collect())
}

/// What a metric loses when a feature's values change rows, in schema order: the metric of the rows as they are, less the
/// mean over `repeats` permutations. Of a metric where lower is better, the losses are negative.
///
/// # Shape
/// `metric` takes the score of each row, as a user sees it.
///
/// # Errors
/// When the matrix does not have the model's features.
///
/// Source: Breiman, "Random forests", Machine Learning 45 (2001); on rows that were not learned from, as in Fisher et al., 2019.
pub fn permutation(
    predictor: &Predictor,
    matrix: &FeatureMatrix,
    (repeats, seed): (u32, u64),
    metric: impl Fn(&[f64]) -> f64,
) -> Result<Vec<f64>, SchemaMismatch> {
    let whole = metric(&predictor.scores(matrix)?);
    let mut changed = matrix.clone();
    let mut losses = Vec::with_capacity(matrix.n_features());
    for feature in 0..matrix.n_features() {
        let mut sum = 0.0;
        for repeat in 0..u64::from(repeats.max(1)) {
            let order = shuffled(matrix.n_rows(), Stream::new(seed, "permutation").round(repeat));
            changed.replace(feature, matrix.column(feature).take(&order));
            sum += metric(&predictor.scores(&changed)?);
        }
        changed.replace(feature, matrix.column(feature).clone());
        losses.push(whole - sum / f64::from(repeats.max(1)));
    }
    Ok(losses)
}

fn shuffled(n_rows: usize, chance: Stream) -> Vec<usize> {
    let mut rows: Vec<usize> = (0..n_rows).collect();
    rows.sort_by_key(|&row| (chance.bits(row as u64), row));
    rows
}
