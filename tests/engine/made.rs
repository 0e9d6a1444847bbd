//! Small data made from counters.

use aml_miner::determinism::rng::Stream;
use aml_miner::gbdt::data::{Column, Dataset, Feature, FeatureKind, FeatureMatrix, Schema, Task};
use aml_miner::gbdt::learn::{Silent, train};
use aml_miner::gbdt::model::Model;
use aml_miner::gbdt::params::{Params, Plan};

/// A matrix of `n_features` columns, half of them f32, with missing values, heavy values and infinities, and labels that
/// follow from it.
pub(crate) fn binary(n_rows: usize, n_features: usize, seed: u64) -> (FeatureMatrix, Vec<f32>) {
    let stream = Stream::new(seed, "made");
    let value = |row: usize, f: usize| {
        let at = (row * n_features + f) as u64;
        let x = stream.round(1).unit(at) * 6.0 - 3.0;
        match stream.round(2).below(at, 50) {
            0..=4 => f64::NAN,
            5..=9 => 0.0,
            10 if f == 1 => f64::INFINITY,
            _ if f % 3 == 2 => x.round(),
            _ => x,
        }
    };
    let columns: Vec<Column> = (0..n_features)
        .map(|f| match f % 2 {
            0 => Column::F64((0..n_rows).map(|row| value(row, f)).collect()),
            _ => Column::F32((0..n_rows).map(|row| value(row, f) as f32).collect()),
        })
        .collect();
    let known = |row: usize, f: usize| Some(columns[f].get(row)).filter(|x| x.is_finite()).unwrap_or(1.0);
    let labels = (0..n_rows)
        .map(|row| {
            let margin = known(row, 0) * known(row, 1) + known(row, 2 % n_features).abs() - 1.5;
            let noise = stream.round(3).unit(row as u64) * 4.0 - 2.0;
            f32::from(u8::from(margin + noise > 0.0))
        })
        .collect();
    let schema = Schema::numerical((0..n_features).map(|f| format!("f{f}")));
    (FeatureMatrix::new(schema, columns).expect("columns of one length"), labels)
}

/// Queries of 1 to 40 rows with grades 0 to 4 that follow from the features.
pub(crate) fn queries(n_queries: usize, seed: u64) -> (FeatureMatrix, Vec<u8>, Vec<u32>) {
    let stream = Stream::new(seed, "queries");
    let groups: Vec<u32> = (0..n_queries as u64).map(|q| 1 + stream.below(q, 40) as u32).collect();
    let n_rows = groups.iter().map(|&n| n as usize).sum();
    let (matrix, _) = binary(n_rows, 5, seed);
    let grade = |row: usize| {
        let known = |f: usize| Some(matrix.value(row, f)).filter(|x| x.is_finite()).unwrap_or(0.0);
        let noise = stream.round(1).unit(row as u64) * 2.0;
        (known(0) + known(1).abs() + noise - 1.0).clamp(0.0, 4.0) as u8
    };
    let grades = (0..n_rows).map(grade).collect();
    (matrix, grades, groups)
}

/// Two features of categories, the second with `n_categories`, missing and illegal values, and one of numbers; the label follows
/// from sets of categories that no order of their numbers tells.
pub(crate) fn categories(n_rows: usize, n_categories: u64, seed: u64) -> (FeatureMatrix, Vec<f32>) {
    let stream = Stream::new(seed, "categories");
    let category = |row: usize, n: u64, purpose: u64| match stream.round(purpose).below(row as u64, 40) {
        0 => f64::NAN,
        1 => -7.0,
        _ => (stream.round(purpose + 1).below(row as u64, n) * 3) as f64,
    };
    let few: Vec<f64> = (0..n_rows).map(|row| category(row, 4, 10)).collect();
    let many: Vec<f64> = (0..n_rows).map(|row| category(row, n_categories, 20)).collect();
    let number: Vec<f64> = (0..n_rows as u64).map(|row| stream.round(30).unit(row)).collect();
    let odd = |x: f64| x > 0.0 && stream.round(40).below(x as u64, 2) == 1;
    let label = |row: usize| {
        let margin = f64::from(u8::from(odd(many[row]))) + f64::from(u8::from(few[row] == 6.0)) + number[row];
        f32::from(u8::from(margin + 2.0 * stream.round(50).unit(row as u64) > 2.0))
    };
    let labels = (0..n_rows).map(label).collect();
    let kind = |i: usize| match i {
        2 => FeatureKind::Numerical,
        _ => FeatureKind::Categorical { levels: vec![] },
    };
    let features = (0..3).map(|i| Feature { name: format!("f{i}"), kind: kind(i) }).collect();
    let columns = [few, many, number].map(Column::F64).to_vec();
    (FeatureMatrix::new(Schema { features }, columns).expect("columns of one length"), labels)
}

/// A plan of these settings.
pub(crate) fn plan(settings: &[(&str, &str)]) -> Plan {
    let mut params = Params::default();
    settings.iter().for_each(|(key, value)| params.set(key, value).expect("a known setting"));
    params.plan().expect("settings in range")
}

/// Trains on all rows.
pub(crate) fn fit(plan: &Plan, matrix: &FeatureMatrix, task: Task) -> Model {
    let data = Dataset::fit(matrix, task, plan.binning()).expect("a legal dataset");
    train(plan, &data, None, &mut Silent)
}

/// Raw scores by the model's definition.
pub(crate) fn raw_scores(model: &Model, matrix: &FeatureMatrix) -> Vec<f64> {
    let mut row = vec![0.0; matrix.n_features()];
    (0..matrix.n_rows())
        .map(|i| {
            matrix.copy_row(i, &mut row);
            model.raw_score(&row)
        })
        .collect()
}
