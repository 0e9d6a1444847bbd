//! What features weigh, against the contributions row by row and against nothing at all.

use aml_miner::gbdt::data::{Column, FeatureMatrix, Schema};
use aml_miner::gbdt::infer::{Explainer, Predictor, mean_contributions, permutation};
use aml_miner::gbdt::model::{Child, Default, Leaf, Missing, Model, Node, Objective, Rule, Tree};

/// A model of `a > 0` with 3 and `b > 0` with 1; it never asks `c`.
fn model() -> Model {
    let tree = |feature, value: f64| Tree {
        nodes: vec![Node {
            feature,
            rule: Rule::Numerical { threshold: 0.0 },
            missing: Missing::Nan,
            default: Default::Left,
            left: Child::Leaf(0),
            right: Child::Leaf(1),
            gain: 1.0,
            value: 0.0,
            weight: 2.0,
            count: 2,
        }],
        leaves: [0.0, value].map(|value| Leaf { value, weight: 1.0, count: 1 }).to_vec(),
        shrinkage: 1.0,
    };
    Model {
        schema: Schema::numerical(["a", "b", "c"]),
        objective: Objective::Regression,
        trees: vec![tree(0, 3.0), tree(1, 1.0)],
        average: false,
        quantiles: vec![],
        parameters: vec![],
    }
}

fn rows(n: usize) -> FeatureMatrix {
    let column = |step: usize| Column::F64((0..n).map(|row| (row * step % 13) as f64 - 6.5).collect());
    FeatureMatrix::new(model().schema, vec![column(5), column(7), column(11)]).expect("three columns")
}

#[test]
fn means_are_those_of_the_rows() {
    let (explainer, matrix) = (Explainer::new(&model()), rows(200));
    let found = mean_contributions(&explainer, &matrix).expect("the model's features");
    let mut expected = [0.0; 3];
    let mut row = [0.0; 3];
    for r in 0..200 {
        matrix.copy_row(r, &mut row);
        let values = explainer.contributions(&row).values;
        (0..3).for_each(|f| expected[f] += values[f].abs() / 200.0);
    }
    assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?} {expected:?}");
    assert!((found[0] - 1.5).abs() < 1e-12 && found[2] == 0.0, "{found:?}");
    let backwards: Vec<usize> = (0..200).rev().collect();
    assert_eq!(mean_contributions(&explainer, &matrix.take_rows(&backwards)).expect("the same"), found);
}

/// A feature that nobody asks loses nothing, one that everything hangs on loses most; and a loss is what the metric says.
#[test]
fn a_permuted_feature_loses_what_it_told() {
    let (model, matrix) = (model(), rows(600));
    let predictor = Predictor::new(&model);
    let truth = predictor.scores(&matrix).expect("the model's features");
    let error = |scores: &[f64]| {
        let squares = scores.iter().zip(&truth).map(|(score, truth)| (score - truth) * (score - truth));
        -squares.sum::<f64>() / truth.len() as f64
    };
    let losses = permutation(&predictor, &matrix, (5, 3), error).expect("the model's features");
    // of a step of height h, permuted: h^2 times twice the variance of a coin of the share of rows above 0
    let share = |f: usize| (0..600).filter(|&row| matrix.value(row, f) > 0.0).count() as f64 / 600.0;
    for (f, height) in [(0, 3.0), (1, 1.0)] {
        let expected = height * height * 2.0 * share(f) * (1.0 - share(f));
        assert!((losses[f] / expected - 1.0).abs() < 0.1, "{losses:?} {expected}");
    }
    assert_eq!(losses[2], 0.0);
    assert_eq!(permutation(&predictor, &matrix, (5, 3), error).expect("the same"), losses);
    let narrow = matrix.select(&[0, 1]);
    assert!(permutation(&predictor, &narrow, (1, 0), |_| 0.0).is_err());
}
