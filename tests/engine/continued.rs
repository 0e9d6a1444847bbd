//! Training that starts from scores or from a model.

use aml_miner::determinism::math;
use aml_miner::gbdt::data::{DataError, Dataset, FeatureMatrix, Task};
use aml_miner::gbdt::learn::{ContinueError, Silent, Trainer, train};
use aml_miner::gbdt::model::Model;
use aml_miner::gbdt::params::Plan;

use crate::made;

fn dataset(plan: &Plan, matrix: &FeatureMatrix, labels: &[f32]) -> Dataset {
    Dataset::fit(matrix, Task::binary(labels.to_vec()), plan.binning()).expect("legal")
}

/// Training in two goes is training in one: rounds, draws and scores go on where they ended.
#[test]
fn continued_training_gives_the_same_trees() {
    let (matrix, labels) = made::binary(2000, 5, 3);
    let (other, other_labels) = made::binary(500, 5, 4);
    let settings =
        [("bagging_fraction", "0.6"), ("bagging_freq", "2"), ("feature_fraction", "0.7"), ("metric", "auc")];
    let plan = |n: &str| made::plan(&[&settings[..], &[("num_iterations", n)]].concat());
    let data = dataset(&plan("1"), &matrix, &labels);
    let valid = data.validation(&other, Task::binary(other_labels)).expect("legal");
    let all = Trainer::new(&plan("12"), &data).watching(&[&valid]).run(&mut Silent);
    let first = train(&plan("5"), &data, None, &mut Silent);
    let start = |set: &Dataset, matrix: &FeatureMatrix| {
        set.clone().with_init_scores(first.raw_scores(matrix)).expect("one score a row")
    };
    let (data, valid) = (start(&data, &matrix), start(&valid, &other));
    let rest = plan("7");
    let trainer =
        Trainer::new(&rest, &data).watching(&[&valid]).continuing(&first).expect("the same features");
    let continued = trainer.run(&mut Silent);
    assert_eq!(continued.model.trees, all.model.trees);
    assert_eq!(continued.history.rounds[..], all.history.rounds[5..]);
}

#[test]
fn early_stopping_counts_from_the_model_that_is_continued() {
    let (matrix, labels) = made::binary(400, 4, 8);
    let (other, other_labels) = made::binary(400, 4, 9);
    let few = made::plan(&[("num_iterations", "6")]);
    let data = dataset(&few, &matrix, &labels);
    let first = train(&few, &data, None, &mut Silent);
    let valid = data.validation(&other, Task::binary(other_labels)).expect("legal");
    let data = data.with_init_scores(first.raw_scores(&matrix)).expect("one a row");
    let valid = valid.with_init_scores(first.raw_scores(&other)).expect("one a row");
    let plan =
        made::plan(&[("num_iterations", "300"), ("learning_rate", "0.3"), ("early_stopping_round", "5")]);
    let trainer =
        Trainer::new(&plan, &data).watching(&[&valid]).continuing(&first).expect("the same features");
    let trained = trainer.run(&mut Silent);
    let best = trained.best_iteration.expect("rounds were compared") as usize;
    assert_eq!(trained.model.trees.len(), 6 + best);
    assert_eq!(trained.history.rounds.len(), best + 5);
    assert_eq!(trained.model.trees[..6], first.trees[..]);
}

/// A start of one's own takes the place of that of all rows, and is no part of the model.
#[test]
fn scores_to_start_from_are_not_in_the_model() {
    let (matrix, labels) = made::binary(900, 4, 5);
    let plan = made::plan(&[("num_iterations", "10")]);
    let data = dataset(&plan, &matrix, &labels);
    let share = labels.iter().map(|&y| f64::from(y)).sum::<f64>() / 900.0;
    let start = math::ln(share / (1.0 - share));
    let whole = train(&plan, &data, None, &mut Silent);
    let rest = train(&plan, &data.with_init_scores(vec![start; 900]).expect("one a row"), None, &mut Silent);
    let (whole, rest) = (made::raw_scores(&whole, &matrix), made::raw_scores(&rest, &matrix));
    assert!(whole.iter().zip(&rest).all(|(whole, rest)| (whole - rest - start).abs() < 1e-9));
}

#[test]
fn what_does_not_fit_is_refused() {
    let (matrix, labels) = made::binary(300, 4, 5);
    let plan = made::plan(&[("num_iterations", "2")]);
    let data = dataset(&plan, &matrix, &labels);
    let count = data.clone().with_init_scores(vec![0.0; 3]).expect_err("too few");
    assert_eq!(count, DataError::InitScoreCount { expected: 300, found: 3 });
    let endless = data.clone().with_init_scores(vec![f64::INFINITY; 300]).expect_err("not finite");
    assert_eq!(endless, DataError::InitScore { row: 0, found: f64::INFINITY });
    let model = train(&plan, &data, None, &mut Silent);
    let says = |data: &Dataset, model: &Model, plan: &Plan| {
        Trainer::new(plan, data).continuing(model).map(|_| ()).expect_err("refused")
    };
    assert_eq!(says(&data, &model, &plan), ContinueError::NoScores { set: 0 });
    let data = data.with_init_scores(vec![0.0; 300]).expect("one a row");
    let forest = [("boosting", "rf"), ("feature_fraction", "0.5")];
    assert_eq!(says(&data, &model, &made::plan(&forest)), ContinueError::Average);
    let narrow = dataset(&plan, &matrix.select(&[0, 1]), &labels);
    assert_eq!(
        says(&narrow, &model, &plan).to_string(),
        "feature 2: expected ``, as in the data, found `f2` in the model"
    );
    let steep = made::plan(&[("sigmoid", "2")]);
    assert!(matches!(says(&data, &model, &steep), ContinueError::Objective { .. }));
}
