//! Training on categories: what is asked of them, and what is not.

use aml_miner::gbdt::data::{Column, Dataset, FeatureMatrix, Schema, Task};
use aml_miner::gbdt::model::{Model, Rule, lightgbm};
use aml_miner::metrics::binary::binary_logloss;

use crate::made;

fn loss(model: &Model, matrix: &FeatureMatrix, labels: &[f32]) -> f64 {
    let probabilities: Vec<f64> =
        made::raw_scores(model, matrix).into_iter().map(|raw| model.score(raw)).collect();
    binary_logloss(labels, &probabilities, None).expect("rows of weight")
}

#[test]
fn categories_beat_their_numbers() {
    let (matrix, labels) = made::categories(20_000, 60, 1);
    let (other, other_labels) = made::categories(5_000, 60, 2);
    // which categories are odd is drawn by the seed, so the later set is made of the first one's rows
    let (train, test): (Vec<usize>, Vec<usize>) = ((0..15_000).collect(), (15_000..20_000).collect());
    let of =
        |rows: &[usize]| (matrix.take_rows(rows), rows.iter().map(|&row| labels[row]).collect::<Vec<f32>>());
    let ((train, train_labels), (test, test_labels)) = (of(&train), of(&test));
    let plan = made::plan(&[("num_iterations", "20"), ("num_leaves", "8")]);
    let model = made::fit(&plan, &train, Task::binary(train_labels.clone()));
    let numbers = |m: &FeatureMatrix| {
        let columns: Vec<Column> = (0..3).map(|f| m.column(f).clone()).collect();
        FeatureMatrix::new(Schema::numerical(["f0", "f1", "f2"]), columns).expect("as many columns")
    };
    let ordered = made::fit(&plan, &numbers(&train), Task::binary(train_labels));
    let (by_set, by_order) =
        (loss(&model, &test, &test_labels), loss(&ordered, &numbers(&test), &test_labels));
    assert!(by_set < 0.95 * by_order, "{by_set} by sets, {by_order} by order");
    assert!(loss(&model, &other, &other_labels).is_finite());
}

/// Rows go where the finished model sends them: the counts of its nodes are those of training.
#[test]
fn counts_are_those_of_the_finished_model() {
    for n_categories in [3, 40, 255, 256, 1000] {
        let (matrix, labels) = made::categories(6_000, n_categories, 3);
        let plan = made::plan(&[("num_iterations", "3"), ("min_data_per_group", "5"), ("cat_smooth", "1")]);
        let model = made::fit(&plan, &matrix, Task::binary(labels));
        let mut row = vec![0.0; 3];
        let mut any_set = false;
        for tree in &model.trees {
            let mut counts = vec![0u64; tree.leaves.len()];
            for i in 0..matrix.n_rows() {
                matrix.copy_row(i, &mut row);
                counts[tree.leaf_of(&row)] += 1;
            }
            let expected: Vec<u64> = tree.leaves.iter().map(|leaf| leaf.count).collect();
            assert_eq!(counts, expected, "{n_categories} categories");
            assert!(counts.iter().all(|&count| count >= 20), "min_data_in_leaf: {counts:?}");
            any_set |= tree.nodes.iter().any(|node| matches!(node.rule, Rule::Categorical { .. }));
        }
        assert!(any_set, "{n_categories} categories: some question to them");
    }
}

#[test]
fn unknown_and_missing_categories_go_right_and_models_keep_their_sets() {
    let (matrix, labels) = made::categories(6_000, 40, 4);
    let plan = made::plan(&[("num_iterations", "5")]);
    let model = made::fit(&plan, &matrix, Task::binary(labels));
    let score = |x: f64| model.raw_score(&[x, x, 0.5]);
    for x in [f64::NAN, -1.0, 1.0, 4_000_000.0, f64::INFINITY] {
        assert_eq!(score(x), score(f64::NAN), "{x}");
    }
    let own = Model::from_bytes(&model.to_bytes()).expect("its own format");
    assert_eq!(own, model);
    let text = lightgbm::from_text(&lightgbm::to_text(&model)).expect("its own text");
    assert_eq!(made::raw_scores(&text, &matrix), made::raw_scores(&model, &matrix));
}

#[test]
fn one_category_and_missing_values_are_told_apart() {
    let (matrix, _) = made::categories(400, 1, 5);
    let labels = (0..400).map(|row| f32::from(u8::from(matrix.value(row, 1) == 0.0))).collect();
    let data = Dataset::fit(&matrix, Task::binary(labels), made::plan(&[]).binning()).expect("legal");
    assert!(data.bins().tells_apart(1));
    let labels: Vec<f32> = (0..400).map(|row| f32::from(u8::from(matrix.value(row, 1) == 0.0))).collect();
    let plan = made::plan(&[("num_iterations", "30"), ("min_data_in_leaf", "1"), ("learning_rate", "0.5")]);
    let model = made::fit(&plan, &matrix, Task::binary(labels.clone()));
    for (row, &label) in labels.iter().enumerate() {
        let score = model.raw_score(&[0, 1, 2].map(|f| matrix.value(row, f)));
        assert_eq!(score > 0.0, label == 1.0, "row {row}");
    }
}
