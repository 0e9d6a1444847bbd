//! The nearest change of one feature against a search through every number that could matter.

use aml_miner::gbdt::infer::Counterfactuals;
use aml_miner::gbdt::model::{Model, Rule};
use proptest::prelude::*;

use crate::models::{Draws, Shape, model, row};

/// Numbers at, and a step to both sides of, whatever a feature is compared with.
fn tried(model: &Model, feature: usize) -> Option<Vec<f64>> {
    let zero = f64::from(1e-35_f32);
    let mut at = vec![0.0, zero, -zero];
    for node in model.trees.iter().flat_map(|t| &t.nodes).filter(|n| n.feature as usize == feature) {
        match node.rule {
            Rule::Numerical { threshold } => at.push(threshold),
            Rule::Categorical { .. } => return None,
        }
    }
    let steps = |x: f64| {
        let bits = x.to_bits();
        [x, f64::from_bits(bits + 1), f64::from_bits(bits.saturating_sub(1))]
    };
    Some(at.into_iter().flat_map(steps).filter(|x| x.is_finite()).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]

    #[test]
    fn the_nearest_change_is_found(seed: u64, features in 1..6usize, leaves in 2..20usize) {
        let model = model(seed, Shape { features, trees: 4, leaves });
        let finder = Counterfactuals::new(&model);
        let draws = &mut Draws::new(seed ^ 9);
        for _ in 0..5 {
            let row = row(draws, features);
            let raw = model.raw_score(&row);
            prop_assert_eq!(finder.below(&row, raw + 1.0), vec![]);
            let found = finder.below(&row, raw);
            for feature in 0..features {
                let mut changed = row.clone();
                let mut score = |value| { changed[feature] = value; model.raw_score(&changed) };
                let got = found.iter().find(|change| change.feature == feature);
                let Some(values) = tried(&model, feature).filter(|_| row[feature].is_finite()) else {
                    prop_assert_eq!(got, None);
                    continue;
                };
                let distance = |value: f64| (value - row[feature]).abs();
                let nearest = values.into_iter().filter(|&value| score(value) < raw).map(distance).min_by(f64::total_cmp);
                prop_assert_eq!(got.map(|change| distance(change.value)), nearest);
                if let Some(change) = got {
                    prop_assert_eq!(score(change.value).to_bits(), change.raw_score.to_bits());
                    prop_assert!(change.raw_score < raw);
                }
            }
        }
    }
}
