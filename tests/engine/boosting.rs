//! Sampling by gradients, dropout, forests, and the weight of classes.

use aml_miner::gbdt::data::{Column, Dataset, FeatureMatrix, Schema, Task};
use aml_miner::gbdt::learn::{Round, Silent, train};
use aml_miner::gbdt::model::Model;
use aml_miner::gbdt::params::Params;
use aml_miner::metrics::binary::{auc, binary_logloss};
use std::ops::ControlFlow;

use crate::made;

type Settings<'a> = [(&'a str, &'a str)];

const GOSS: &Settings<'_> = &[("boosting", "goss"), ("learning_rate", "0.3"), ("num_iterations", "20")];
const DART: &Settings<'_> =
    &[("boosting", "dart"), ("drop_rate", "0.3"), ("skip_drop", "0.2"), ("num_iterations", "25")];
const XGBOOST_DART: &Settings<'_> = &[
    ("boosting", "dart"),
    ("xgboost_dart_mode", "true"),
    ("uniform_drop", "true"),
    ("num_iterations", "25"),
];
const FOREST: &Settings<'_> =
    &[("boosting", "rf"), ("bagging_fraction", "0.6"), ("bagging_freq", "1"), ("num_iterations", "15")];

fn refusal(settings: &Settings<'_>) -> String {
    let mut params = Params::default();
    settings.iter().for_each(|(key, value)| params.set(key, value).expect("a known setting"));
    params.plan().expect_err("refused").to_string()
}

#[test]
fn every_way_of_boosting_learns() {
    let (matrix, labels) = made::binary(4000, 5, 1);
    for settings in [GOSS, DART, XGBOOST_DART, FOREST] {
        let model = made::fit(&made::plan(settings), &matrix, Task::binary(labels.clone()));
        let auc = auc(&labels, &made::raw_scores(&model, &matrix), None).expect("two classes");
        assert!(auc > 0.88, "{settings:?}: {auc}");
    }
}

#[test]
fn the_order_of_rows_changes_nothing_under_keys() {
    let (matrix, labels) = made::binary(1200, 5, 3);
    for settings in [GOSS, DART, XGBOOST_DART, FOREST] {
        let plan = made::plan(settings);
        let fit = |order: &[usize]| {
            let task = Task::binary(order.iter().map(|&r| labels[r]).collect());
            let data = Dataset::fit(&matrix.take_rows(order), task, plan.binning()).expect("legal");
            let data =
                data.with_keys(order.iter().map(|&r| r as u64 * 31 % 1201).collect()).expect("one a row");
            train(&plan, &data, None, &mut Silent)
        };
        let forward: Vec<usize> = (0..1200).collect();
        let shuffled: Vec<usize> = (0..1200).map(|i| i * 677 % 1200).collect();
        assert_eq!(fit(&forward), fit(&shuffled), "{settings:?}");
    }
}

/// What training believed of validation scores, trees being dropped and averaged, is what the model says.
#[test]
fn metrics_are_the_models() {
    let (matrix, labels) = made::binary(1500, 6, 11);
    let (other, other_labels) = made::binary(700, 6, 12);
    for settings in [GOSS, DART, XGBOOST_DART, FOREST] {
        let plan = made::plan(settings);
        let data = Dataset::fit(&matrix, Task::binary(labels.clone()), plan.binning()).expect("legal");
        let valid = data.validation(&other, Task::binary(other_labels.clone())).expect("legal");
        let mut told = None;
        let model = train(&plan, &data, Some(&valid), &mut |round: &Round<'_>| {
            told = round.measurements[0].value;
            ControlFlow::Continue(())
        });
        let chances: Vec<f64> =
            made::raw_scores(&model, &other).iter().map(|&raw| model.score(raw)).collect();
        let loss = binary_logloss(&other_labels, &chances, None).expect("rows");
        assert!((told.expect("rows") - loss).abs() < 1e-9, "{settings:?}: {told:?} {loss}");
    }
}

#[test]
fn a_sample_of_all_rows_is_no_sample() {
    let (matrix, labels) = made::binary(1500, 5, 2);
    let common = [("num_iterations", "8"), ("learning_rate", "0.5")];
    let goss = [&common[..], &[("boosting", "goss"), ("top_rate", "0.5"), ("other_rate", "0.5")]].concat();
    let sampled = made::fit(&made::plan(&goss), &matrix, Task::binary(labels.clone()));
    let plain = made::fit(&made::plan(&common), &matrix, Task::binary(labels.clone()));
    assert_eq!(sampled.trees, plain.trees);
    let goss = [&common[..], &[("boosting", "goss")]].concat();
    let sampled = made::fit(&made::plan(&goss), &matrix, Task::binary(labels));
    assert_eq!(sampled.trees[..2], plain.trees[..2]);
    let n_rows = |tree: usize| sampled.trees[tree].nodes[0].count;
    assert!((2..8).all(|tree| (400..500).contains(&n_rows(tree))), "{}", n_rows(2));
}

#[test]
fn no_dropout_is_plain_boosting() {
    let (matrix, labels) = made::binary(900, 5, 4);
    let plain = made::fit(&made::plan(&[("num_iterations", "12")]), &matrix, Task::binary(labels.clone()));
    for nothing in [("skip_drop", "1"), ("drop_rate", "0")] {
        let plan = made::plan(&[("num_iterations", "12"), ("boosting", "dart"), nothing]);
        assert_eq!(made::fit(&plan, &matrix, Task::binary(labels.clone())).trees, plain.trees);
    }
}

/// Rows of a few distinct kinds, so that a tree has a leaf for each whatever the rounding.
fn kinds() -> (FeatureMatrix, Vec<f32>) {
    let columns = vec![Column::F64((0..600).map(|row| f64::from(row % 5)).collect())];
    let labels = (0..600).map(|row| f32::from(u8::from((row * 7 + row / 11) % 10 < 2 + row % 5))).collect();
    (FeatureMatrix::new(Schema::numerical(["kind"]), columns).expect("one column"), labels)
}

/// Where every round drops all trees, each tree is the first one, and they come to weigh the same.
#[test]
fn dropping_everything_leaves_one_tree() {
    let (matrix, labels) = kinds();
    let drop = [("boosting", "dart"), ("drop_rate", "1"), ("skip_drop", "0"), ("max_drop", "0")];
    let uniform = [&drop[..], &[("uniform_drop", "true"), ("num_iterations", "7")]].concat();
    let model = made::fit(&made::plan(&uniform), &matrix, Task::binary(labels.clone()));
    let one = made::fit(&made::plan(&[("num_iterations", "1")]), &matrix, Task::binary(labels.clone()));
    assert_eq!(model.trees.len(), 7);
    let (found, expected) = (made::raw_scores(&model, &matrix), made::raw_scores(&one, &matrix));
    let worst = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(worst < 1e-9, "{worst}");
    for tree in &model.trees {
        assert!((tree.shrinkage - 0.1 / 7.0).abs() < 1e-12, "{}", tree.shrinkage);
    }
    // in XGBoost's way, two trees weigh 1 / (1 + rate) of their rate each
    let xgboost = [&drop[..], &[("xgboost_dart_mode", "true"), ("num_iterations", "2")]].concat();
    let model = made::fit(&made::plan(&xgboost), &matrix, Task::binary(labels));
    assert!((model.trees[0].shrinkage - 0.1 / 1.1).abs() < 1e-12);
    assert!((model.trees[1].shrinkage - 0.1 / 1.1).abs() < 1e-12);
}

/// The slow twin of dropout: at each round the trees that were dropped are found by their shrinkage, and the new tree's
/// leaves are Newton steps from the scores of the others.
#[test]
fn a_tree_is_grown_from_the_scores_of_the_trees_that_stay() {
    let (matrix, labels) = kinds();
    let settings =
        [("boosting", "dart"), ("drop_rate", "0.4"), ("skip_drop", "0"), ("boost_from_average", "false")];
    let fit = |n: usize| -> Model {
        let n = n.to_string();
        made::fit(
            &made::plan(&[&settings[..], &[("num_iterations", &n)]].concat()),
            &matrix,
            Task::binary(labels.clone()),
        )
    };
    let mut n_dropped = 0;
    for n in 1..12 {
        let (before, after) = (fit(n), fit(n + 1));
        let stay: Vec<usize> =
            (0..n).filter(|&i| before.trees[i].shrinkage == after.trees[i].shrinkage).collect();
        let k = (n - stay.len()) as f64;
        n_dropped += n - stay.len();
        let mut sums = [(0.0, 0.0); 5];
        for (row, &label) in labels.iter().enumerate() {
            let kind = [matrix.value(row, 0)];
            let score: f64 =
                stay.iter().map(|&i| before.trees[i].leaves[before.trees[i].leaf_of(&kind)].value).sum();
            let chance = aml_miner::determinism::math::sigmoid(score);
            let sum = &mut sums[kind[0] as usize];
            *sum = (sum.0 + chance - f64::from(label), sum.1 + chance * (1.0 - chance));
        }
        for (kind, (gradient, hessian)) in sums.into_iter().enumerate() {
            let tree = &after.trees[n];
            let found = tree.leaves[tree.leaf_of(&[kind as f64])].value;
            let expected = -0.1 * gradient / hessian / (k + 1.0);
            assert!((found - expected).abs() < 1e-6, "tree {n}, kind {kind}: {found} {expected}");
            let dropped = (0..n).filter(|i| !stay.contains(i));
            for i in dropped {
                let value =
                    |model: &Model| model.trees[i].leaves[model.trees[i].leaf_of(&[kind as f64])].value;
                assert!((value(&after) - value(&before) * k / (k + 1.0)).abs() < 1e-12);
            }
        }
    }
    assert!(n_dropped > 10, "{n_dropped}");
}

#[test]
fn trees_of_a_forest_stand_alone() {
    let (matrix, labels) = made::binary(1000, 5, 6);
    let model = made::fit(&made::plan(FOREST), &matrix, Task::binary(labels.clone()));
    assert!(model.average);
    let few = [&FOREST[..3], &[("num_iterations", "4")]].concat();
    let few = made::fit(&made::plan(&few), &matrix, Task::binary(labels.clone()));
    assert_eq!(few.trees[..], model.trees[..4]);
    // the first is that of boosting with full steps
    let settings =
        [("bagging_fraction", "0.6"), ("bagging_freq", "1"), ("num_iterations", "1"), ("learning_rate", "1")];
    let one = made::fit(&made::plan(&settings), &matrix, Task::binary(labels.clone()));
    assert_eq!(one.trees[0], model.trees[0]);
    // so each alone is a guess at the log-odds
    let single = |tree: usize| Model { trees: vec![model.trees[tree].clone()], ..model.clone() };
    for tree in 0..model.trees.len() {
        let alone = single(tree);
        let raw = made::raw_scores(&alone, &matrix);
        let mean = raw.iter().map(|&raw| alone.score(raw)).sum::<f64>() / 1000.0;
        let share = labels.iter().map(|&y| f64::from(y)).sum::<f64>() / 1000.0;
        assert!((mean - share).abs() < 0.1, "tree {tree}: {mean} {share}");
    }
}

#[test]
fn a_forest_is_stored_with_its_average() {
    let (matrix, labels) = made::binary(300, 3, 6);
    let model = made::fit(&made::plan(FOREST), &matrix, Task::binary(labels));
    assert_eq!(Model::from_bytes(&model.to_bytes()).expect("a sound model"), model);
}

#[test]
fn the_rarer_class_is_made_as_heavy() {
    let (matrix, labels) = made::binary(700, 4, 9);
    let rare: Vec<f32> = (0..700).map(|i| if i % 3 == 0 { labels[i] } else { 0.0 }).collect();
    let common: Vec<f32> = rare.iter().map(|y| 1.0 - y).collect();
    let settings = [("num_iterations", "6"), ("boost_from_average", "false")];
    let balanced = made::plan(&[&settings[..], &[("is_unbalance", "true")]].concat());
    for labels in [rare, common] {
        let n_positive = labels.iter().filter(|&&y| y == 1.0).count() as f64;
        let ratio = (700.0 - n_positive) / n_positive;
        let weight = |y: f32| if y == 1.0 { ratio.max(1.0) } else { (1.0 / ratio).max(1.0) };
        // weights are f32, so equality is close, not exact
        let weights = Some(labels.iter().map(|&y| weight(y) as f32).collect());
        let found = made::fit(&balanced, &matrix, Task::binary(labels.clone()));
        let expected = made::fit(&made::plan(&settings), &matrix, Task::Binary { labels, weights });
        let (found, expected) = (made::raw_scores(&found, &matrix), made::raw_scores(&expected, &matrix));
        let apart = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).sum::<f64>() / 700.0;
        assert!(apart < 1e-2, "{apart}");
    }
    let one_class = made::fit(&balanced, &matrix, Task::binary(vec![0.0; 700]));
    assert!(made::raw_scores(&one_class, &matrix).iter().all(|raw| raw.is_finite()));
}

#[test]
fn what_would_be_ignored_is_refused() {
    for (settings, expected) in [
        (&[("top_rate", "0.3")][..], "top_rate = 0.3 has no effect with boosting = gbdt"),
        (&[("boosting", "goss"), ("drop_rate", "0.5")], "drop_rate = 0.5 has no effect with boosting = goss"),
        (
            &[("boosting", "goss"), ("bagging_fraction", "0.5"), ("bagging_freq", "1")],
            "bagging_fraction = 0.5 has no effect with boosting = goss, which samples rows itself",
        ),
        (
            &[("boosting", "goss"), ("top_rate", "0.6"), ("other_rate", "0.5")],
            "other_rate = 0.5 needs top_rate + other_rate of at most 1",
        ),
        (
            &[("boosting", "dart"), ("early_stopping_round", "5")],
            "early_stopping_round = 5 has no effect with boosting = dart, where later rounds change the trees of the best",
        ),
        (
            &[("boosting", "rf")],
            "boosting = rf needs bagging_fraction below 1 with bagging_freq of at least 1, or feature_fraction or \
             feature_fraction_bynode below 1, or extra_trees: all trees would be the same",
        ),
        (
            &[("boosting", "rf"), ("feature_fraction", "0.5"), ("eta", "0.3")],
            "learning_rate = 0.3 has no effect with boosting = rf, whose trees are averaged",
        ),
        (
            &[("is_unbalance", "true"), ("scale_pos_weight", "2")],
            "scale_pos_weight = 2 has no effect with is_unbalance, which weighs the classes itself",
        ),
        (
            &[("objective", "lambdarank"), ("bagging_by_query", "true")],
            "bagging_by_query = true has no effect unless bagging_fraction is below 1",
        ),
        (
            &[("early_stopping_min_delta", "0.1")],
            "early_stopping_min_delta = 0.1 has no effect without early_stopping_round",
        ),
    ] {
        assert_eq!(refusal(settings), expected);
    }
}
