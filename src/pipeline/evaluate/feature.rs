//! Features: how far they have moved since training, how much the model leans on them, and where they push a score.

use serde::{Deserialize, Serialize};

use super::part::Part;
use super::pool::Rows;
use super::settings::Settings;
use crate::metrics::drift;

/// One feature of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FeatureRow {
    /// Its name.
    pub feature: String,
    /// Its family.
    pub family: String,
    /// Share of all loss reduction in training.
    pub gain_share: f64,
    /// Nodes that ask it.
    pub splits: u64,
    /// Mean distance that it moves the raw score of a sampled row.
    pub mean_abs_shap: f64,
    /// Population stability index against training; absent where training quantiles or values are.
    pub psi: Option<f64>,
    /// Share of judged rows in which it is missing.
    pub missing: f64,
}

/// How the mean score of the sampled rows follows one feature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dependence {
    /// The feature.
    pub feature: String,
    /// Values that every row is given in turn: distinct quantiles of the judged rows.
    pub values: Vec<f64>,
    /// Mean score at each value.
    pub scores: Vec<f64>,
    /// Mean score when it is missing for all; absent where no row misses it.
    pub score_missing: Option<f64>,
}

/// Every feature, by falling mean |SHAP|.
pub(super) fn features(rows: &Rows<'_>, settings: &Settings) -> Part<Vec<FeatureRow>> {
    let set = rows.scorer.features().features();
    if set.is_empty() {
        return Part::absent("the model reads no feature");
    }
    let shap = mean_abs_shap(rows, settings);
    let importances = rows.scorer.importances();
    let gain: f64 = importances.iter().map(|one| one.gain).sum();
    let row = |(f, feature): (usize, &crate::aml::features::ModelFeature)| {
        let column = rows.matrix.column(f);
        let values = || (0..column.len()).map(|row| column.get(row));
        FeatureRow {
            feature: feature.name.to_string(),
            family: feature.family.name().to_owned(),
            gain_share: importances.get(f).map_or(0.0, |one| one.gain / gain.max(f64::MIN_POSITIVE)),
            splits: importances.get(f).map_or(0, |one| one.splits),
            mean_abs_shap: shap[f],
            psi: drift::psi_of_quantiles(rows.scorer.quantiles(f), values()),
            missing: values().filter(|value| value.is_nan()).count() as f64 / rows.len() as f64,
        }
    };
    let mut all: Vec<FeatureRow> = set.iter().enumerate().map(row).collect();
    all.sort_by(|a, b| b.mean_abs_shap.total_cmp(&a.mean_abs_shap).then_with(|| a.feature.cmp(&b.feature)));
    Part::Present(all)
}

/// The features that move scores most, each set to its quantiles in turn.
pub(super) fn dependence(
    rows: &Rows<'_>,
    settings: &Settings,
    features: &[FeatureRow],
) -> Part<Vec<Dependence>> {
    let sample = rows.matrix.take_rows(&rows.sample(settings.sample_rows.min(DEPENDENCE_ROWS)));
    let moved = features.iter().filter(|row| row.mean_abs_shap > 0.0).take(DEPENDENCE_FEATURES);
    let all: Vec<Dependence> = moved.map(|row| along(rows, &sample, &row.feature)).collect();
    if all.is_empty() { Part::absent("no feature moves a score") } else { Part::Present(all) }
}

fn along(rows: &Rows<'_>, sample: &crate::gbdt::data::FeatureMatrix, name: &str) -> Dependence {
    let f = rows.matrix.schema().position(name).expect("a feature of the model");
    let column = rows.matrix.column(f);
    let values = || (0..column.len()).map(|row| column.get(row));
    // an infinite value has no place on an axis, and JSON no word for it
    let mut known: Vec<f64> = values().filter(|value| value.is_finite()).collect();
    known.sort_by(f64::total_cmp);
    let quantile = |i: usize| known.get(known.len().saturating_sub(1) * i / GRID).copied();
    let mut grid: Vec<f64> = (0..=GRID).filter_map(quantile).collect();
    grid.dedup();
    let n = sample.n_rows();
    let mut row = vec![0.0; sample.n_features()];
    let mut mean_at = |value: f64| {
        let mut sum = 0.0;
        for i in 0..n {
            sample.copy_row(i, &mut row);
            row[f] = value;
            sum += rows.scorer.score(rows.scorer.predictor().raw_row(&row));
        }
        sum / n as f64
    };
    let scores = grid.iter().map(|&value| mean_at(value)).collect();
    let score_missing = values().any(f64::is_nan).then(|| mean_at(f64::NAN));
    Dependence { feature: name.to_owned(), values: grid, scores, score_missing }
}

fn mean_abs_shap(rows: &Rows<'_>, settings: &Settings) -> Vec<f64> {
    let sample = rows.sample(settings.sample_rows);
    let explained = rows.scorer.explainer().explain(&rows.matrix.take_rows(&sample));
    explained.expect("the model's own features").mean_abs()
}

const DEPENDENCE_FEATURES: usize = 8;
const DEPENDENCE_ROWS: usize = 200;
const GRID: usize = 20;
