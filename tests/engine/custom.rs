//! A loss of the caller's own: the built-in one rebuilt from outside gives the same trees, and nonsense is survived.

use aml_miner::determinism::math;
use aml_miner::gbdt::data::{CustomLoss, Dataset, Derivatives, FeatureMatrix, Link, Task};
use aml_miner::gbdt::infer::Predictor;
use aml_miner::gbdt::learn::{self, Silent};
use aml_miner::gbdt::model::Objective;

use super::made;

#[derive(Debug)]
struct Logistic {
    labels: Vec<f32>,
}

impl CustomLoss for Logistic {
    fn n_rows(&self) -> usize {
        self.labels.len()
    }

    fn derive(&self, scores: &[f64], derivatives: &mut [Derivatives]) {
        for ((row, &score), &label) in derivatives.iter_mut().zip(scores).zip(&self.labels) {
            let sign = 2.0 * f64::from(label) - 1.0;
            let response = 1.0 / (1.0 + math::exp_lane(sign * score));
            *row = Derivatives { gradient: -sign * response, hessian: response * (1.0 - response) };
        }
    }

    fn link(&self) -> Link {
        Link::Logistic
    }

    fn value(&self, scores: &[f64]) -> Option<f64> {
        let loss = |(&score, &label): (&f64, &f32)| {
            let sign = 2.0 * f64::from(label) - 1.0;
            math::ln(1.0 + math::exp(-sign * score))
        };
        Some(scores.iter().zip(&self.labels).map(loss).sum::<f64>() / scores.len() as f64)
    }
}

#[derive(Debug)]
struct Nonsense(usize);

impl CustomLoss for Nonsense {
    fn n_rows(&self) -> usize {
        self.0
    }

    fn start(&self) -> f64 {
        f64::NAN
    }

    fn derive(&self, _: &[f64], derivatives: &mut [Derivatives]) {
        let values = [f64::NAN, f64::INFINITY, -1.0, 1.0];
        for (i, row) in derivatives.iter_mut().enumerate() {
            *row = Derivatives { gradient: values[i % 4], hessian: values[(i / 4) % 4] };
        }
    }
}

fn data() -> (FeatureMatrix, Vec<f32>) {
    let (matrix, labels) = made::binary(600, 5, 3);
    (matrix, labels)
}

#[test]
fn the_built_in_loss_rebuilt_outside_gives_the_same_trees() {
    let (matrix, labels) = data();
    let plan =
        made::plan(&[("num_iterations", "12"), ("boost_from_average", "false"), ("min_data_in_leaf", "5")]);
    let ours = made::fit(&plan, &matrix, Task::binary(labels.clone()));
    let theirs = made::fit(&plan, &matrix, Task::custom(Logistic { labels }));
    assert_eq!(theirs.objective, Objective::Binary { sigmoid: 1.0 });
    assert!(ours.trees.len() > 3);
    assert_eq!(ours.trees, theirs.trees);
}

#[test]
fn early_stopping_watches_the_losss_own_value() {
    let (matrix, labels) = data();
    let plan = made::plan(&[
        ("num_iterations", "400"),
        ("learning_rate", "0.5"),
        ("min_data_in_leaf", "2"),
        ("early_stopping_round", "5"),
    ]);
    let train = Dataset::fit(&matrix, Task::custom(Logistic { labels: labels.clone() }), plan.binning());
    let train = train.expect("one label a row");
    // labels turned about: every step makes them worse, so the first round is the best
    let flipped = Logistic { labels: labels.iter().map(|y| 1.0 - y).collect() };
    let valid = train.validation(&matrix, Task::custom(flipped)).expect("the same features");
    let model = learn::train(&plan, &train, Some(&valid), &mut Silent);
    assert_eq!(model.trees.len(), 1);
}

#[test]
fn derivatives_that_are_no_numbers_are_survived() {
    let (matrix, labels) = data();
    let plan =
        made::plan(&[("num_iterations", "3"), ("min_data_in_leaf", "1"), ("min_sum_hessian_in_leaf", "0")]);
    let model = made::fit(&plan, &matrix, Task::custom(Nonsense(labels.len())));
    let scores = Predictor::new(&model).scores(&matrix).expect("the features it was trained on");
    assert!(scores.iter().all(|score| score.is_finite()));
}

#[test]
fn a_loss_of_too_few_rows_is_refused() {
    let (matrix, _) = data();
    let plan = made::plan(&[]);
    let refused = Dataset::fit(&matrix, Task::custom(Nonsense(3)), plan.binning()).map(|_| ());
    assert_eq!(
        refused.expect_err("three labels for 600 rows").to_string(),
        "expected 600 labels, one for each row, found 3"
    );
}
