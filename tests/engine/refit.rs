//! Old trees with new answers.

use aml_miner::determinism::math;
use aml_miner::gbdt::data::{Column, DataError, FeatureMatrix, Task};
use aml_miner::gbdt::learn::{ContinueError, RefitError, refit};
use aml_miner::gbdt::model::{Child, Model};
use aml_miner::metrics::binary::auc;

use crate::made;

/// On the rows it was trained on, a model is what refitting makes of it.
#[test]
fn the_same_rows_give_the_same_model() {
    let (matrix, labels) = made::binary(2000, 5, 3);
    for settings in [
        &[("lambda_l1", "0.5"), ("lambda_l2", "2"), ("max_delta_step", "0.4")][..],
        &[("boosting", "rf"), ("feature_fraction", "0.5")],
    ] {
        let plan = made::plan(&[&[("num_iterations", "12"), ("seed", "3")], settings].concat());
        let model = made::fit(&plan, &matrix, Task::binary(labels.clone()));
        let again = refit(&plan, &model, &matrix, Task::binary(labels.clone()), 0.0).expect("its own data");
        let values = |model: &Model| -> Vec<f64> {
            model.trees.iter().flat_map(|tree| &tree.leaves).map(|leaf| leaf.value).collect()
        };
        assert_eq!(values(&again), values(&model), "{settings:?}");
    }
    let (matrix, grades, groups) = made::queries(60, 4);
    let plan = made::plan(&[("objective", "lambdarank"), ("num_iterations", "10")]);
    let task = || Task::lambdarank(grades.clone(), groups.clone());
    let model = made::fit(&plan, &matrix, task());
    let again = refit(&plan, &model, &matrix, task(), 0.0).expect("its own data");
    assert_eq!(made::raw_scores(&again, &matrix), made::raw_scores(&model, &matrix));
}

/// The twin: a leaf's value is minus the mean slope of its rows over the mean curvature, at the scores of the trees before.
#[test]
fn leaves_take_newton_steps_on_the_new_rows() {
    let (matrix, labels) = made::binary(1200, 4, 5);
    let (other, _) = made::binary(900, 4, 6);
    // the new rows mean the opposite
    let turned: Vec<f32> = made::binary(900, 4, 6).1.iter().map(|y| 1.0 - y).collect();
    let plan = made::plan(&[("num_iterations", "5"), ("lambda_l2", "1"), ("num_leaves", "6")]);
    let model = made::fit(&plan, &matrix, Task::binary(labels));
    let refitted =
        refit(&plan, &model, &other, Task::binary(turned.clone()), 0.3).expect("the same features");
    let share = turned.iter().map(|&y| f64::from(y)).sum::<f64>() / 900.0;
    let start = math::ln(share / (1.0 - share));
    let mut scores = vec![start; 900];
    let mut row = vec![0.0; 4];
    for (i, (old, new)) in model.trees.iter().zip(&refitted.trees).enumerate() {
        let leaves: Vec<usize> = (0..900)
            .map(|r| {
                other.copy_row(r, &mut row);
                old.leaf_of(&row)
            })
            .collect();
        for leaf in 0..old.leaves.len() {
            let (mut gradient, mut hessian) = (0.0, 0.0);
            for r in (0..900).filter(|&r| leaves[r] == leaf) {
                let p = math::sigmoid(scores[r]);
                (gradient, hessian) = (gradient + p - f64::from(turned[r]), hessian + p * (1.0 - p));
            }
            let asked = if i == 0 { start } else { 0.0 } - 0.1 * gradient / (hessian + 1.0);
            let expected = if hessian == 0.0 {
                old.leaves[leaf].value
            } else {
                old.leaves[leaf].value * 0.3 + asked * 0.7
            };
            assert!((new.leaves[leaf].value - expected).abs() < 1e-6, "tree {i}, leaf {leaf}");
        }
        let base = if i == 0 { 0.0 } else { 1.0 };
        (0..900).for_each(|r| scores[r] = scores[r] * base + new.leaves[leaves[r]].value);
    }
    let auc = |model: &Model| auc(&turned, &made::raw_scores(model, &other), None).expect("two classes");
    assert!(auc(&refitted) > 0.5 && auc(&model) < 0.5);
}

/// All of the old values kept, nothing changes; and the questions never do.
#[test]
fn a_decay_of_one_keeps_the_model() {
    let (matrix, labels) = made::binary(800, 4, 5);
    let (other, other_labels) = made::binary(300, 4, 7);
    let plan = made::plan(&[("num_iterations", "4")]);
    let model = made::fit(&plan, &matrix, Task::binary(labels));
    let kept =
        refit(&plan, &model, &other, Task::binary(other_labels.clone()), 1.0).expect("the same features");
    assert_eq!(kept, model);
    let renewed = refit(&plan, &model, &other, Task::binary(other_labels), 0.0).expect("the same features");
    for (old, new) in model.trees.iter().zip(&renewed.trees) {
        let questions = |tree: &aml_miner::gbdt::model::Tree| -> Vec<(u32, Child, Child, u64)> {
            tree.nodes.iter().map(|node| (node.feature, node.left, node.right, node.count)).collect()
        };
        assert_eq!(questions(old), questions(new));
    }
}

/// Monotone constraints hold on rows that ask for the contrary.
#[test]
fn constraints_hold() {
    let (matrix, labels) = made::binary(3000, 4, 5);
    let plan =
        made::plan(&[("num_iterations", "20"), ("monotone_constraints", "1,0,-1,0"), ("path_smooth", "3")]);
    let model = made::fit(&plan, &matrix, Task::binary(labels));
    let (other, other_labels) = made::binary(700, 4, 8);
    let contrary: Vec<f32> = (0..700)
        .map(|r| match other.value(r, 0) {
            x if x.is_nan() => other_labels[r],
            x => f32::from(u8::from(x < 0.3)),
        })
        .collect();
    let refitted = refit(&plan, &model, &other, Task::binary(contrary), 0.1).expect("the same features");
    assert_ne!(refitted.trees, model.trees);
    for (feature, direction) in [(0, 1.0), (2, -1.0)] {
        for r in 0..200 {
            let mut row = vec![0.0; 4];
            other.copy_row(r, &mut row);
            let mut last = f64::NEG_INFINITY;
            for step in -12..=12 {
                row[feature] = f64::from(step) / 4.0;
                let score = refitted.raw_score(&row) * direction;
                assert!(score >= last - 1e-12, "feature {feature}, row {r}, step {step}");
                last = score;
            }
        }
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let (matrix, labels) = made::binary(300, 4, 5);
    let plan = made::plan(&[("num_iterations", "2")]);
    let model = made::fit(&plan, &matrix, Task::binary(labels.clone()));
    let says = |matrix: &FeatureMatrix, labels: &[f32], decay| {
        refit(&plan, &model, matrix, Task::binary(labels.to_vec()), decay).expect_err("refused")
    };
    assert_eq!(says(&matrix, &labels, 1.5).to_string(), "decay: expected a number from 0 to 1, found 1.5");
    assert!(matches!(says(&matrix, &labels, f64::NAN), RefitError::Decay { .. }));
    let narrow = matrix.select(&[0, 1]);
    assert!(matches!(
        says(&narrow, &labels, 0.5),
        RefitError::Model(ContinueError::Feature { position: 2, .. })
    ));
    let illegal = vec![f32::NAN; 300];
    assert!(matches!(says(&matrix, &illegal, 0.5), RefitError::Data(DataError::Label { row: 0, .. })));
    let ranked = refit(&plan, &model, &matrix, Task::lambdarank(vec![0; 300], vec![300]), 0.5);
    assert!(matches!(ranked, Err(RefitError::Model(ContinueError::Objective { .. }))));
    let empty =
        FeatureMatrix::new(matrix.schema().clone(), vec![Column::F64(vec![]); 4]).expect("four columns");
    assert_eq!(says(&empty, &[], 0.5), RefitError::Data(DataError::NoRows));
}
