//! Contributions against a background: Shapley's formula over rows put together from the row and each background row.

use aml_miner::gbdt::infer::{BackgroundError, InterventionalExplainer};
use aml_miner::gbdt::model::Model;
use proptest::prelude::*;

use crate::explain::{by_subsets, chain, total};
use crate::models::{Draws, Shape, matrix, model, row};

/// The mean raw score when the features of `known` are the row's and all others a background row's.
fn value(model: &Model, row: &[f64], background: &[Vec<f64>], known: u32) -> f64 {
    let mixed = |other: &Vec<f64>| {
        let mixed: Vec<f64> =
            (0..row.len()).map(|f| if known >> f & 1 == 1 { row[f] } else { other[f] }).collect();
        model.raw_score(&mixed)
    };
    background.iter().map(mixed).sum::<f64>() / background.len() as f64
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn contributions_are_shapley_values(seed: u64, features in 1..6usize, leaves in 1..20usize, n in 1..12usize) {
        let model = model(seed, Shape { features, trees: 3, leaves });
        let draws = &mut Draws::new(seed ^ 13);
        let background: Vec<_> = (0..n).map(|_| row(draws, features)).collect();
        let rows: Vec<_> = (0..3).map(|_| row(draws, features)).collect();
        let explainer = InterventionalExplainer::new(&model, &matrix(&model.schema, &background)).unwrap();
        let batch = explainer.explain(&matrix(&model.schema, &rows)).unwrap();
        for (i, row) in rows.iter().enumerate() {
            let alone = explainer.contributions(row);
            prop_assert_eq!(batch.row(i), &alone.values[..]);
            let expected = by_subsets(features, |known| value(&model, row, &background, known));
            for (got, expected) in alone.values.iter().zip(expected) {
                prop_assert!((got - expected).abs() <= 1e-12 * total(&model), "{} is not {}", got, expected);
            }
            let sum = alone.base_value + alone.values.iter().sum::<f64>();
            prop_assert!((sum - model.raw_score(row)).abs() <= 1e-12 * total(&model));
        }
    }
}

#[test]
fn deep_paths_add_up() {
    let model = chain(300);
    let draws = &mut Draws::new(14);
    let background: Vec<_> = (0..5).map(|_| (0..300).map(|_| draws.unit() * 0.52).collect()).collect();
    let explainer = InterventionalExplainer::new(&model, &matrix(&model.schema, &background)).unwrap();
    let row = vec![0.0; 300];
    let got = explainer.contributions(&row);
    let sum = got.base_value + got.values.iter().sum::<f64>();
    assert!((sum - model.raw_score(&row)).abs() <= 1e-12 * total(&model), "{sum}");
}

#[test]
fn a_background_without_rows_or_with_other_features_is_refused() {
    let model = chain(3);
    let refuse = |of: &Model| InterventionalExplainer::new(&model, &matrix(&of.schema, &[])).unwrap_err();
    assert_eq!(refuse(&model), BackgroundError::Empty);
    assert_eq!(refuse(&model).to_string(), "background: expected at least one row, found none");
    assert_eq!(
        refuse(&chain(2)).to_string(),
        "background: the model reads 3 features, the data have 2; `f2` is missing"
    );
}
