//! What must not change a model, and what must.

use aml_miner::gbdt::data::{
    BinnedMatrix, Binning, Column, Cuts, DataError, Dataset, FeatureMatrix, Schema, Task,
};
use aml_miner::gbdt::learn::{Round, Silent, train};
use proptest::prelude::*;
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::made;

proptest! {
    #[test]
    fn bins_are_monotone_and_agree_with_thresholds(
        values in prop::collection::vec(prop::option::weighted(0.9, prop_oneof![-5i32..5, any::<i32>()]), 1..400),
        max_bin in 2u32..40,
        min_data_in_bin in 1u32..5,
    ) {
        let x: Vec<f64> = values.iter().map(|v| v.map_or(f64::NAN, |v| f64::from(v) / 8.0)).collect();
        let matrix = FeatureMatrix::new(Schema::numerical(["x"]), vec![Column::F64(x.clone())]).expect("one column");
        let cuts = Cuts::fit(&matrix, &Binning::new(max_bin, min_data_in_bin));
        let n_bins = cuts.n_bins(0);
        prop_assert!(n_bins <= max_bin as usize);
        let binned = BinnedMatrix::new(&matrix, Arc::new(cuts.clone())).expect("same schema");
        for (i, &a) in x.iter().enumerate() {
            let bin = cuts.code(0, a);
            prop_assert_eq!(bin, binned.code(i, 0));
            prop_assert_eq!(bin == cuts.missing_code(0), a.is_nan());
            for &b in &x {
                if a <= b {
                    prop_assert!(bin <= cuts.code(0, b));
                }
            }
            if !a.is_nan() {
                for t in 0..n_bins {
                    prop_assert_eq!(a <= cuts.threshold(0, t), bin <= t);
                }
            }
        }
    }
}

#[test]
fn the_order_of_rows_changes_nothing_under_keys() {
    let (matrix, labels) = made::binary(1500, 5, 3);
    let plan = made::plan(&[
        ("num_iterations", "12"),
        ("bagging_fraction", "0.6"),
        ("bagging_freq", "1"),
        ("feature_fraction", "0.7"),
    ]);
    let keys: Vec<u64> = (0..1500).map(|i| i * 7919 % 1_000_003).collect();
    let fit = |order: &[usize]| {
        let task = Task::binary(order.iter().map(|&r| labels[r]).collect());
        let data = Dataset::fit(&matrix.take_rows(order), task, plan.binning()).expect("legal");
        let data = data.with_keys(order.iter().map(|&r| keys[r]).collect()).expect("one key a row");
        train(&plan, &data, None, &mut Silent)
    };
    let forward: Vec<usize> = (0..1500).collect();
    let shuffled: Vec<usize> = (0..1500).map(|i| i * 677 % 1500).collect();
    assert_eq!(fit(&forward), fit(&shuffled));
}

/// A row of weight 2 is the row twice, where leaves are limited by hessian and bins hold the same values.
#[test]
fn a_weight_is_a_repetition() {
    let (matrix, labels) = made::binary(800, 4, 4);
    let plan = made::plan(&[
        ("num_iterations", "10"),
        ("min_data_in_leaf", "1"),
        ("min_sum_hessian_in_leaf", "5"),
        ("min_data_in_bin", "1"),
        ("lambda_l2", "1"),
    ]);
    let repeated: Vec<usize> = (0..800).flat_map(|r| vec![r; 1 + r % 2]).collect();
    let cuts = Arc::new(Cuts::fit(&matrix, plan.binning()));
    let bins = |m: &FeatureMatrix| BinnedMatrix::new(m, Arc::clone(&cuts)).expect("same schema");
    let weights = Some((0..800).map(|r| (1 + r % 2) as f32).collect());
    let weighted =
        Dataset::new(bins(&matrix), Task::Binary { labels: labels.clone(), weights }).expect("legal");
    let rows = matrix.take_rows(&repeated);
    let copied = Dataset::new(bins(&rows), Task::binary(repeated.iter().map(|&r| labels[r]).collect()))
        .expect("legal");
    let (a, b) = (train(&plan, &weighted, None, &mut Silent), train(&plan, &copied, None, &mut Silent));
    let (a, b) = (made::raw_scores(&a, &matrix), made::raw_scores(&b, &matrix));
    let worst = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(worst < 1e-3, "{worst}");
}

#[test]
fn a_positive_weight_is_a_weight_of_positives() {
    let (matrix, labels) = made::binary(600, 3, 6);
    let common = [("num_iterations", "8"), ("boost_from_average", "false")];
    let scaled = made::fit(
        &made::plan(&[common[0], common[1], ("scale_pos_weight", "3")]),
        &matrix,
        Task::binary(labels.clone()),
    );
    let weights = Some(labels.iter().map(|&y| 1.0 + 2.0 * y).collect());
    let weighted = made::fit(&made::plan(&common), &matrix, Task::Binary { labels, weights });
    assert_eq!(scaled.trees, weighted.trees);
}

#[test]
fn limits_hold() {
    let (matrix, labels) = made::binary(2000, 5, 7);
    let plan = made::plan(&[
        ("num_iterations", "5"),
        ("num_leaves", "20"),
        ("max_depth", "3"),
        ("min_data_in_leaf", "40"),
        ("min_sum_hessian_in_leaf", "9"),
        ("min_gain_to_split", "2"),
        ("lambda_l1", "0.5"),
    ]);
    let model = made::fit(&plan, &matrix, Task::binary(labels));
    for tree in &model.trees {
        assert!(tree.leaves.len() <= 8);
        assert!(tree.leaves.iter().all(|leaf| leaf.count >= 40 && leaf.weight >= 9.0 - 1e-4));
        assert!(tree.nodes.iter().all(|node| node.gain > 2.0));
    }
}

#[test]
fn early_stopping_keeps_the_best_round() {
    let (matrix, labels) = made::binary(400, 4, 8);
    let (other, other_labels) = made::binary(400, 4, 9);
    let settings = [
        ("num_iterations", "400"),
        ("learning_rate", "0.3"),
        ("min_data_in_leaf", "2"),
        ("metric", "auc,binary_logloss"),
    ];
    let stop = [&settings[..], &[("early_stopping_round", "7"), ("first_metric_only", "true")]].concat();
    let plan = made::plan(&stop);
    let data = Dataset::fit(&matrix, Task::binary(labels), plan.binning()).expect("legal");
    let valid = data.validation(&other, Task::binary(other_labels)).expect("legal");
    let mut curve = Vec::new();
    let model = train(&plan, &data, Some(&valid), &mut |round: &Round<'_>| {
        curve.push(round.measurements[0].value.expect("two classes"));
        ControlFlow::Continue(())
    });
    // the first of the largest values, and nothing after it within the patience
    let best = curve.iter().enumerate().fold(0, |best, (i, &x)| if x > curve[best] { i } else { best });
    assert_eq!(model.trees.len(), best + 1);
    assert_eq!(curve.len(), best + 1 + 7);
    let unstopped = train(&made::plan(&settings), &data, Some(&valid), &mut Silent);
    assert_eq!(unstopped.trees[..best + 1], model.trees[..]);
}

#[test]
fn an_observer_can_end_training() {
    let (matrix, labels) = made::binary(300, 3, 10);
    let plan = made::plan(&[]);
    let data = Dataset::fit(&matrix, Task::binary(labels), plan.binning()).expect("legal");
    let model = train(&plan, &data, None, &mut |round: &Round<'_>| {
        if round.iteration == 4 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!(model.trees.len(), 4);
}

#[test]
fn nothing_to_split_is_a_constant() {
    let matrix =
        FeatureMatrix::new(Schema::numerical(["x"]), vec![Column::F64(vec![1.0; 40])]).expect("one column");
    let labels: Vec<f32> = (0..40).map(|i| f32::from(u8::from(i % 4 == 0))).collect();
    let model = made::fit(&made::plan(&[]), &matrix, Task::binary(labels));
    assert_eq!(model.trees.len(), 1);
    let chance = model.objective.transform(model.raw_score(&[7.0]));
    assert!((chance - 0.25).abs() < 1e-12);
}

#[test]
fn a_split_on_missingness_alone_is_found() {
    let x = (0..100).map(|i| if i % 3 == 0 { f64::NAN } else { 5.0 }).collect();
    let labels: Vec<f32> = (0..100).map(|i| f32::from(u8::from(i % 3 == 0))).collect();
    let matrix = FeatureMatrix::new(Schema::numerical(["x"]), vec![Column::F64(x)]).expect("one column");
    let model = made::fit(&made::plan(&[("num_iterations", "1")]), &matrix, Task::binary(labels));
    assert!(model.raw_score(&[f64::NAN]) > model.raw_score(&[5.0]));
}

#[test]
fn illegal_data_are_refused_by_name() {
    let (matrix, labels) = made::binary(50, 2, 1);
    let refused = |task: Task| Dataset::fit(&matrix, task, &Binning::default()).expect_err("refused");
    assert_eq!(refused(Task::binary(vec![0.0; 3])), DataError::LabelCount { expected: 50, found: 3 });
    let mut odd = labels.clone();
    odd[7] = 2.0;
    assert_eq!(refused(Task::binary(odd)), DataError::Label { row: 7, found: 2.0 });
    let weights = Some(vec![-1.0; 50]);
    assert_eq!(refused(Task::Binary { labels, weights }), DataError::Weight { row: 0, found: -1.0 });
    assert_eq!(
        refused(Task::lambdarank(vec![1; 50], vec![20, 20])),
        DataError::GroupRows { expected: 50, found: 40 }
    );
    assert_eq!(refused(Task::lambdarank(vec![31; 50], vec![50])), DataError::Grade { row: 0, found: 31 });
    let data =
        Dataset::fit(&matrix, Task::lambdarank(vec![1; 50], vec![50]), &Binning::default()).expect("legal");
    let (narrow, labels) = (matrix.select(&[0]), vec![0.0; 50]);
    let refused =
        data.validation(&narrow, Task::lambdarank(vec![1; 50], vec![50])).expect_err("one feature less");
    assert_eq!(refused, DataError::FeatureCount { expected: 2, found: 1 });
    assert_eq!(data.validation(&matrix, Task::binary(labels)).expect_err("labels"), DataError::TaskKind);
}

#[test]
fn quantiles_are_training_values() {
    let x: Vec<f64> = (0..1001).rev().map(f64::from).chain([f64::NAN]).collect();
    let labels = (0..1002).map(|i| f32::from(u8::from(i < 300))).collect();
    let matrix = FeatureMatrix::new(Schema::numerical(["x"]), vec![Column::F64(x)]).expect("one column");
    let model = made::fit(&made::plan(&[("num_iterations", "1")]), &matrix, Task::binary(labels));
    let expected: Vec<f64> = (0..=100).map(|p| f64::from(p * 10)).collect();
    assert_eq!(model.quantiles, [expected]);
}
