//! Data that nobody wishes for: each a typed error that names the place, or a model that is what the comment says.

use std::sync::Arc;

use aml_miner::gbdt::data::{
    BinnedMatrix, Binning, Column, Cuts, DataError, Dataset, Feature, FeatureKind, FeatureMatrix, Schema,
    Task,
};
use aml_miner::gbdt::infer::Predictor;
use aml_miner::gbdt::model::Model;

use super::made;

const FEW: [(&str, &str); 2] = [("num_iterations", "5"), ("min_data_in_leaf", "2")];

/// A model of two classes, which loads again and gives every row a finite score, the same by every way.
fn fit(matrix: &FeatureMatrix, task: Task) -> Model {
    let objective = if matches!(task, Task::Lambdarank { .. }) { "lambdarank" } else { "binary" };
    let model = made::fit(&made::plan(&[&FEW[..], &[("objective", objective)]].concat()), matrix, task);
    assert_eq!(Model::from_bytes(&model.to_bytes()).as_ref(), Ok(&model));
    let scores = Predictor::new(&model).raw(matrix).expect("its own features");
    assert_eq!(scores, made::raw_scores(&model, matrix));
    assert!(scores.iter().all(|score| score.is_finite()), "{scores:?}");
    model
}

fn refused(matrix: &FeatureMatrix, task: Task) -> DataError {
    Dataset::fit(matrix, task, &Binning::default()).expect_err("refused")
}

fn columns(columns: Vec<(&str, Vec<f64>)>) -> FeatureMatrix {
    let schema = Schema::numerical(columns.iter().map(|(name, _)| *name));
    FeatureMatrix::new(schema, columns.into_iter().map(|(_, x)| Column::F64(x)).collect()).expect("a matrix")
}

/// 60 rows whose label `x` tells.
fn told() -> (Vec<f64>, Vec<f32>) {
    let x: Vec<f64> = (0..60).map(|row| f64::from(row * 7 % 60)).collect();
    let labels = x.iter().map(|x| f32::from(u8::from(*x > 25.0))).collect();
    (x, labels)
}

fn uses(model: &Model, feature: u32) -> bool {
    model.trees.iter().any(|tree| tree.nodes.iter().any(|node| node.feature == feature))
}

#[test]
fn labels_that_are_no_class_are_refused() {
    let (matrix, labels) = made::binary(50, 2, 1);
    for value in [f32::NAN, f32::INFINITY, -1.0, 0.5] {
        let mut labels = labels.clone();
        labels[31] = value;
        let error = refused(&matrix, Task::binary(labels));
        assert!(matches!(error, DataError::Label { row: 31, .. }), "{error}");
        assert_eq!(error.to_string(), format!("row 31: expected label 0 or 1, found {value}"));
    }
}

#[test]
fn weights_that_cannot_weigh_are_refused() {
    let (matrix, labels) = made::binary(50, 2, 1);
    let (ranked, grades, groups) = made::queries(5, 1);
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -1e-30] {
        let mut weights = vec![1.0; 50];
        weights[49] = value;
        let error = refused(&matrix, Task::Binary { labels: labels.clone(), weights: Some(weights) });
        assert!(matches!(error, DataError::Weight { row: 49, .. }), "{error}");
        let weights = Some(vec![value; grades.len()]);
        let task = Task::Lambdarank { grades: grades.clone(), groups: groups.clone(), weights };
        assert!(matches!(refused(&ranked, task), DataError::Weight { row: 0, .. }));
    }
    // nobody counts: nothing is learned
    let model = fit(&matrix, Task::Binary { labels, weights: Some(vec![0.0; 50]) });
    assert_eq!(model.raw_score(&[1.0, 1.0]), 0.0);
}

#[test]
fn empty_queries_are_as_if_they_were_not_there() {
    let (matrix, grades, groups) = made::queries(40, 2);
    let with: Vec<u32> = [0].into_iter().chain(groups.iter().flat_map(|&n| [n, 0, 0])).collect();
    let without = fit(&matrix, Task::lambdarank(grades.clone(), groups));
    assert!(without.trees.iter().any(|tree| tree.leaves.len() > 1));
    assert_eq!(fit(&matrix, Task::lambdarank(grades, with)), without);
}

#[test]
fn group_sizes_that_do_not_add_up_are_refused() {
    let (matrix, ..) = made::binary(50, 2, 1);
    for (groups, found) in
        [(vec![20, 29], 49), (vec![], 0), (vec![25, 26], 51), (vec![u32::MAX; 3], 3 * 4_294_967_295)]
    {
        let error = refused(&matrix, Task::lambdarank(vec![1; 50], groups));
        assert_eq!(error, DataError::GroupRows { expected: 50, found });
    }
}

/// One class is certain; of equal grades nothing is to be ordered.
#[test]
fn one_class_is_a_constant() {
    let (matrix, _) = made::binary(80, 3, 4);
    for (class, low, high) in [(0.0, 0.0, 1e-9), (1.0, 1.0 - 1e-9, 1.0)] {
        let model = fit(&matrix, Task::binary(vec![class; 80]));
        let chance = model.objective.transform(model.raw_score(&[0.0; 3]));
        assert!((low..=high).contains(&chance), "{class}: {chance}");
        assert!(model.trees.iter().all(|tree| tree.leaves.len() == 1));
    }
    let model = fit(&matrix, Task::lambdarank(vec![2; 80], vec![40, 40]));
    assert_eq!(made::raw_scores(&model, &matrix), [0.0; 80]);
}

#[test]
fn features_that_say_nothing_are_not_asked() {
    let (x, labels) = told();
    for nothing in [7.0, f64::NAN, 0.0, f64::INFINITY, -1e300] {
        let alone = fit(&columns(vec![("nothing", vec![nothing; 60])]), Task::binary(labels.clone()));
        assert!(alone.trees.iter().all(|tree| tree.leaves.len() == 1), "{nothing}");
        let both = columns(vec![("nothing", vec![nothing; 60]), ("x", x.clone())]);
        let model = fit(&both, Task::binary(labels.clone()));
        assert!(uses(&model, 1) && !uses(&model, 0), "{nothing}");
        // whatever stands there later
        for later in [f64::NAN, -1.0, 1e9] {
            assert_eq!(model.raw_score(&[later, 3.0]), model.raw_score(&[nothing, 3.0]));
        }
    }
}

/// They are the ends of the line, and no missing values.
#[test]
fn infinite_values_are_the_least_and_the_largest() {
    let x: Vec<f64> = (0..90)
        .map(|row| match row % 3 {
            0 => f64::NEG_INFINITY,
            1 => f64::from(row),
            _ => f64::INFINITY,
        })
        .collect();
    for end in [0, 2] {
        let labels = (0..90).map(|row| f32::from(u8::from(row % 3 == end))).collect();
        let model = fit(&columns(vec![("x", x.clone())]), Task::binary(labels));
        let score = |x: f64| model.raw_score(&[x]);
        let (this, other) = if end == 0 { (-1.0, 1.0) } else { (1.0, -1.0) };
        assert!(score(this * f64::INFINITY) > score(50.0) && score(50.0) >= score(other * f64::INFINITY));
    }
}

#[test]
fn no_rows_and_no_features_are_refused_and_one_row_is_a_constant() {
    let none = columns(vec![("x", vec![])]);
    assert_eq!(refused(&none, Task::binary(vec![])), DataError::NoRows);
    assert_eq!(refused(&none, Task::lambdarank(vec![], vec![])), DataError::NoRows);
    assert_eq!(refused(&columns(vec![]), Task::binary(vec![])), DataError::NoFeatures);
    let one = columns(vec![("x", vec![2.5])]);
    let model = fit(&one, Task::binary(vec![1.0]));
    assert!(model.objective.transform(model.raw_score(&[0.0])) > 0.999);
    assert_eq!(fit(&one, Task::lambdarank(vec![3], vec![1])).raw_score(&[0.0]), 0.0);
    assert_eq!(refused(&one, Task::binary(vec![1.0; 2])), DataError::LabelCount { expected: 1, found: 2 });
}

/// Refused before a value is read: the column is a gigabyte that nobody touches.
#[test]
fn more_rows_than_can_be_counted_are_refused() {
    let column = Column::F32(vec![0.0; 1 << 28]);
    let matrix = FeatureMatrix::new(Schema::numerical(["x"]), vec![column]).expect("a matrix");
    let error = refused(&matrix, Task::binary(vec![]));
    assert_eq!(error.to_string(), "expected at most 268435455 rows, found 268435456");
}

/// As in LightGBM they count as missing; a command's `--categorical` refuses them by name.
#[test]
fn negative_categories_are_missing() {
    let labels: Vec<f32> = (0..200).map(|row| f32::from(u8::from(row % 5 == 1))).collect();
    let matrix = |missing: f64| {
        let codes = (0..200).map(|row| if row % 5 == 0 { missing } else { f64::from(row % 5) }).collect();
        let kind = FeatureKind::Categorical { levels: vec![] };
        let schema = Schema { features: vec![Feature { name: "c".to_owned(), kind }] };
        FeatureMatrix::new(schema, vec![Column::F64(codes)]).expect("a matrix")
    };
    let expected = fit(&matrix(f64::NAN), Task::binary(labels.clone()));
    assert!(expected.trees[0].leaves.len() > 1);
    for missing in [-1.0, -7.5, f64::NEG_INFINITY, f64::INFINITY, 3e9] {
        let model = fit(&matrix(missing), Task::binary(labels.clone()));
        assert_eq!(model.trees, expected.trees, "{missing}");
        assert_eq!(model.raw_score(&[missing]), model.raw_score(&[f64::NAN]));
    }
}

/// A validation set is held to the same.
#[test]
fn validation_sets_are_checked_too() {
    let (x, labels) = told();
    let data =
        Dataset::fit(&columns(vec![("x", x.clone())]), Task::binary(labels.clone()), &Binning::default());
    let data = data.expect("legal");
    let other = columns(vec![("z", x.clone())]);
    let error = data.validation(&other, Task::binary(labels)).expect_err("another name");
    assert_eq!(error.to_string(), "feature 0: expected `x`, as in the training data, found `z`");
    let none = columns(vec![("x", vec![])]);
    assert_eq!(data.validation(&none, Task::binary(vec![])).expect_err("no rows"), DataError::NoRows);
    assert!(BinnedMatrix::new(&other, Arc::new(Cuts::fit(&none, &Binning::default()))).is_err());
}
