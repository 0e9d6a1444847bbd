//! Constraints hold for the finished model, whatever the data.

use aml_miner::gbdt::data::{Dataset, FeatureMatrix, Task};
use aml_miner::gbdt::model::{Child, Model, Rule, Tree};
use proptest::prelude::*;

use crate::made;

/// The features asked on the path to each leaf.
fn paths(tree: &Tree) -> Vec<Vec<u32>> {
    let mut found = Vec::new();
    let mut open = vec![(tree.root(), Vec::new())];
    while let Some((at, path)) = open.pop() {
        match at {
            Child::Leaf(_) => found.push(path),
            Child::Node(node) => {
                let node = &tree.nodes[node as usize];
                let longer: Vec<u32> = path.into_iter().chain([node.feature]).collect();
                open.extend([(node.left, longer.clone()), (node.right, longer)]);
            }
        }
    }
    found
}

/// Whether the score moves only one way with a feature, at each of some rows.
fn moves_one_way(
    model: &Model,
    matrix: &FeatureMatrix,
    feature: usize,
    direction: f64,
) -> Result<(), String> {
    let mut row = vec![0.0; matrix.n_features()];
    for i in (0..matrix.n_rows()).step_by(37) {
        matrix.copy_row(i, &mut row);
        let mut last: Option<f64> = None;
        for step in -40..=40 {
            row[feature] = f64::from(step) * 0.1;
            let score = model.raw_score(&row);
            if last.is_some_and(|last| direction * (score - last) < 0.0) {
                return Err(format!("row {i}, feature {feature} at {}: {last:?} then {score}", row[feature]));
            }
            last = Some(score);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn monotone_on_every_pair(
        seed in 0u64..1000,
        smooth in prop_oneof![Just("0"), Just("20")],
        step in prop_oneof![Just("0"), Just("0.3")],
        extra in prop_oneof![Just("false"), Just("true")],
    ) {
        let (matrix, labels) = made::binary(1500, 4, seed);
        let plan = made::plan(&[
            ("num_iterations", "15"), ("monotone_constraints", "1,-1,0,1"), ("path_smooth", smooth),
            ("max_delta_step", step), ("extra_trees", extra), ("min_data_in_leaf", "5"),
        ]);
        let model = made::fit(&plan, &matrix, Task::binary(labels));
        for (feature, direction) in [(0, 1.0), (1, -1.0), (3, 1.0)] {
            let held = moves_one_way(&model, &matrix, feature, direction);
            prop_assert!(held.is_ok(), "{:?}", held);
        }
    }
}

#[test]
fn without_the_constraint_the_score_moves_both_ways() {
    let (matrix, labels) = made::binary(1500, 4, 1);
    let plan = made::plan(&[("num_iterations", "15"), ("min_data_in_leaf", "5")]);
    let model = made::fit(&plan, &matrix, Task::binary(labels));
    assert!(moves_one_way(&model, &matrix, 0, 1.0).is_err());
}

#[test]
fn features_of_a_path_stand_in_one_set() {
    let (matrix, labels) = made::binary(4000, 6, 2);
    let sets: [&[u32]; 2] = [&[0, 1], &[1, 2, 3]];
    let plan = made::plan(&[("num_iterations", "10"), ("interaction_constraints", "[0,1],[1,2,3]")]);
    let model = made::fit(&plan, &matrix, Task::binary(labels));
    let all: Vec<Vec<u32>> = model.trees.iter().flat_map(paths).collect();
    assert!(
        all.iter().any(|path| path.iter().any(|&feature| feature != path[0])),
        "some path asks two features"
    );
    for path in all {
        assert!(sets.iter().any(|set| path.iter().all(|feature| set.contains(feature))), "{path:?}");
    }
}

#[test]
fn values_stay_within_the_largest_step() {
    let (matrix, labels) = made::binary(2000, 4, 3);
    let settings = [
        ("num_iterations", "3"),
        ("max_delta_step", "0.25"),
        ("learning_rate", "0.5"),
        ("boost_from_average", "false"),
    ];
    let model = made::fit(&made::plan(&settings), &matrix, Task::binary(labels));
    let values: Vec<f64> =
        model.trees.iter().flat_map(|tree| tree.leaves.iter().map(|leaf| leaf.value)).collect();
    assert!(values.iter().all(|value| value.abs() <= 0.125), "{values:?}");
    assert!(values.contains(&0.125) || values.contains(&-0.125), "{values:?}");
}

/// The smoothed value of each leaf of a stump, by hand.
#[test]
fn smoothing_moves_leaves_to_their_parent() {
    let (matrix, labels) = made::binary(2000, 4, 4);
    let stump = |smooth: &str| {
        let settings = [
            ("num_iterations", "1"),
            ("num_leaves", "2"),
            ("learning_rate", "1"),
            ("boost_from_average", "false"),
            ("path_smooth", smooth),
        ];
        made::fit(&made::plan(&settings), &matrix, Task::binary(labels.clone())).trees.remove(0)
    };
    let (free, smooth) = (stump("0"), stump("1000"));
    let same_question =
        free.nodes[0].rule == smooth.nodes[0].rule && free.nodes[0].feature == smooth.nodes[0].feature;
    assert!(same_question, "the best question of a stump is the same here");
    let parent = smooth.nodes[0].value;
    for (free, smooth) in free.leaves.iter().zip(&smooth.leaves) {
        let own = free.count as f64 / 1000.0;
        let expected = (free.value * own + parent) / (own + 1.0);
        assert!((smooth.value - expected).abs() < 1e-9, "{} {expected}", smooth.value);
    }
}

#[test]
fn random_questions_and_features_by_node_change_with_the_seed_alone() {
    let (matrix, labels) = made::binary(3000, 6, 5);
    for setting in [("extra_trees", "true"), ("feature_fraction_bynode", "0.5")] {
        let fit = |seed: &str| {
            let plan = made::plan(&[("num_iterations", "5"), ("seed", seed), setting]);
            made::fit(&plan, &matrix, Task::binary(labels.clone()))
        };
        assert_eq!(fit("1").trees, fit("1").trees, "{setting:?}");
        assert_ne!(fit("1").trees, fit("2").trees, "{setting:?}");
    }
}

#[test]
fn bins_by_feature_and_forced_bounds_are_those_of_the_model() {
    let (matrix, labels) = made::binary(3000, 4, 6);
    let plan = made::plan(&[
        ("num_iterations", "20"),
        ("max_bin_by_feature", "2,255,255,255"),
        ("forced_bins", "0:[0.125],2:[0.25,1.5]"),
    ]);
    let model = made::fit(&plan, &matrix, Task::binary(labels));
    let of_first = |tree: &Tree| -> Vec<f64> {
        let asked = tree.nodes.iter().filter(|node| node.feature == 0);
        asked
            .filter_map(|node| match node.rule {
                Rule::Numerical { threshold } => Some(threshold),
                _ => None,
            })
            .collect()
    };
    let thresholds: Vec<f64> = model.trees.iter().flat_map(of_first).collect();
    assert!(!thresholds.is_empty());
    assert!(thresholds.iter().all(|&t| t == 0.125 || t == f64::MAX), "{thresholds:?}");
}

#[test]
fn constraints_that_fit_no_feature_are_refused() {
    let (matrix, labels) = made::binary(100, 4, 7);
    let (sets, set_labels) = made::categories(100, 9, 7);
    let says = |settings: &[(&str, &str)], matrix: &FeatureMatrix, labels: &[f32]| {
        let plan = made::plan(settings);
        let data = Dataset::fit(matrix, Task::binary(labels.to_vec()), plan.binning()).expect("legal");
        plan.check(&data, None).expect_err("refused").to_string()
    };
    assert_eq!(
        says(&[("monotone_constraints", "1,0")], &matrix, &labels),
        "monotone_constraints: expected 4 entries, one for each feature, found 2"
    );
    assert_eq!(
        says(&[("interaction_constraints", "[0,4]")], &matrix, &labels),
        "interaction_constraints: expected positions below 4, the number of features, found 4"
    );
    assert_eq!(
        says(&[("forced_bins", "9:[1]")], &matrix, &labels),
        "forced_bins: expected positions below 4, the number of features, found 9"
    );
    assert_eq!(
        says(&[("monotone_constraints", "0,1,0")], &sets, &set_labels),
        "monotone_constraints: feature `f1` is categorical, and its values have no order; its entry must be 0"
    );
}
