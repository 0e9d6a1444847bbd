//! Slow twins: the best split by trying every question on raw values, and a tree walked on raw values.

use aml_miner::determinism::math::sigmoid;
use aml_miner::gbdt::data::{Column, Dataset, FeatureMatrix, Schema, Task};
use aml_miner::gbdt::learn::train;
use aml_miner::gbdt::model::{Child, Default as Side, Node, Rule};
use proptest::prelude::*;

use crate::made;

const L2: f64 = 0.7;

/// Gradient sum, hessian sum and count of some rows at score 0.
fn sums(labels: &[f32], rows: &[usize]) -> (f64, f64, usize) {
    let p = sigmoid(0.0);
    let gradient = rows.iter().map(|&r| p - f64::from(labels[r])).sum();
    (gradient, rows.len() as f64 * p * (1.0 - p), rows.len())
}

fn score((gradient, hessian, _): (f64, f64, usize)) -> f64 {
    gradient * gradient / (hessian + L2)
}

/// The largest gain over every feature, every value as threshold and both sides for missing values.
fn best_gain(matrix: &FeatureMatrix, labels: &[f32], rows: &[usize], min_data: usize) -> f64 {
    let whole = score(sums(labels, rows));
    let mut best = 0.0f64;
    for f in 0..matrix.n_features() {
        for &at in rows {
            let threshold = matrix.value(at, f);
            for missing_left in [false, true] {
                let goes_left = |&&r: &&usize| {
                    let x = matrix.value(r, f);
                    if x.is_nan() { missing_left } else { threshold.is_nan() || x <= threshold }
                };
                let left: Vec<usize> = rows.iter().filter(goes_left).copied().collect();
                let right: Vec<usize> = rows.iter().filter(|r| !goes_left(r)).copied().collect();
                if left.len() >= min_data && right.len() >= min_data {
                    let gain = score(sums(labels, &left)) + score(sums(labels, &right)) - whole;
                    best = best.max(gain);
                }
            }
        }
    }
    best
}

/// Rows on each side of a node by its raw rule.
fn sides(node: &Node, matrix: &FeatureMatrix, rows: &[usize]) -> (Vec<usize>, Vec<usize>) {
    rows.iter().partition(|&&r| node.goes_left(matrix.value(r, node.feature as usize)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Every node of a tree over few distinct values has the gain that exhaustive search finds.
    #[test]
    fn histogram_splits_equal_exhaustive_search(
        cells in prop::collection::vec((prop::option::weighted(0.8, -3i8..4), prop::option::weighted(0.9, 0i8..3), 0u8..2), 12..80),
        min_data in 1usize..4,
    ) {
        let number = |x: Option<i8>| x.map_or(f64::NAN, f64::from);
        let columns = vec![
            Column::F64(cells.iter().map(|c| number(c.0) * 1.7).collect()),
            Column::F32(cells.iter().map(|c| number(c.1) as f32).collect()),
        ];
        let matrix = FeatureMatrix::new(Schema::numerical(["a", "b"]), columns).expect("two columns");
        let labels: Vec<f32> = cells.iter().map(|c| f32::from(c.2)).collect();
        let plan = made::plan(&[
            ("num_iterations", "1"), ("num_leaves", "6"), ("min_data_in_leaf", &min_data.to_string()),
            ("min_sum_hessian_in_leaf", "0"), ("lambda_l2", &L2.to_string()), ("min_data_in_bin", "1"),
            ("boost_from_average", "false"), ("learning_rate", "1"),
        ]);
        let model = made::fit(&plan, &matrix, Task::binary(labels.clone()));
        let tree = &model.trees[0];
        let mut open = vec![(tree.root(), (0..labels.len()).collect::<Vec<_>>())];
        while let Some((at, rows)) = open.pop() {
            match at {
                Child::Node(node) => {
                    let node = &tree.nodes[node as usize];
                    let best = best_gain(&matrix, &labels, &rows, min_data);
                    prop_assert!((node.gain - best).abs() < 1e-6, "{} {}", node.gain, best);
                    prop_assert_eq!(node.count, rows.len() as u64);
                    let (left, right) = sides(node, &matrix, &rows);
                    open.push((node.left, left));
                    open.push((node.right, right));
                }
                Child::Leaf(leaf) if !tree.nodes.is_empty() => {
                    let leaf = tree.leaves[leaf as usize];
                    let (gradient, hessian, count) = sums(&labels, &rows);
                    prop_assert!((leaf.value + gradient / (hessian + L2)).abs() < 1e-9);
                    prop_assert!((leaf.weight - hessian).abs() < 1e-9);
                    prop_assert_eq!(leaf.count, count as u64);
                    if tree.leaves.len() < 6 {
                        prop_assert!(best_gain(&matrix, &labels, &rows, min_data) < 1e-6);
                    }
                }
                Child::Leaf(_) => {}
            }
        }
    }
}

/// What training believed of the scores, seen through validation metrics over bins, is what the model says of raw values.
#[test]
fn bins_and_raw_values_give_the_same_tree() {
    let (matrix, labels) = made::binary(3000, 6, 11);
    let (other, other_labels) = made::binary(1000, 6, 12);
    let plan = made::plan(&[
        ("num_iterations", "20"),
        ("metric", "binary_logloss,auc"),
        ("bagging_fraction", "0.7"),
        ("bagging_freq", "2"),
        ("max_bin", "60"),
    ]);
    let data = Dataset::fit(&matrix, Task::binary(labels.clone()), plan.binning()).expect("legal");
    for (rows, labels) in [(&matrix, &labels), (&other, &other_labels)] {
        let valid = data.validation(rows, Task::binary(labels.clone())).expect("legal");
        let mut last = Vec::new();
        let model = train(&plan, &data, Some(&valid), &mut |round: &aml_miner::gbdt::learn::Round<'_>| {
            last = round.measurements.to_vec();
            std::ops::ControlFlow::Continue(())
        });
        let raw = made::raw_scores(&model, rows);
        let auc = aml_miner::metrics::binary::auc(labels, &raw, None);
        assert_eq!(last[1].value, auc);
        let chances: Vec<f64> = raw.iter().map(|&x| model.objective.transform(x)).collect();
        let loss = aml_miner::metrics::binary::binary_logloss(labels, &chances, None).expect("rows");
        assert!((last[0].value.expect("rows") - loss).abs() < 1e-12);
    }
}

#[test]
fn a_threshold_lies_between_training_values() {
    let (matrix, labels) = made::binary(2000, 4, 5);
    let model = made::fit(&made::plan(&[("num_iterations", "3")]), &matrix, Task::binary(labels));
    for node in model.trees.iter().flat_map(|tree| &tree.nodes) {
        let Rule::Numerical { threshold } = node.rule else { panic!("only numbers here") };
        assert!(!threshold.is_nan());
    }
}

/// Without missing values in a leaf, one met later goes with the majority.
#[test]
fn unseen_missing_follows_the_larger_child() {
    let x: Vec<f64> = (0..100).map(f64::from).collect();
    let labels: Vec<f32> = (0..100).map(|i| f32::from(u8::from(i >= 70))).collect();
    let matrix = FeatureMatrix::new(Schema::numerical(["x"]), vec![Column::F64(x)]).expect("one column");
    let model = made::fit(
        &made::plan(&[("num_iterations", "1"), ("num_leaves", "2")]),
        &matrix,
        Task::binary(labels),
    );
    assert_eq!(model.trees[0].nodes[0].default, Side::Left);
    assert_eq!(model.raw_score(&[f64::NAN]), model.raw_score(&[0.0]));
}
