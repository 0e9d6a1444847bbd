//! LambdaRank as seen from outside.

use aml_miner::determinism::rng::Stream;
use aml_miner::gbdt::data::{Column, Dataset, FeatureMatrix, Schema, Task};
use aml_miner::gbdt::learn::{Round, Silent, train};
use aml_miner::metrics::ranking::{map_at, ndcg_at};
use std::ops::ControlFlow;

use crate::made;

#[test]
fn ranking_learns() {
    let (matrix, grades, groups) = made::queries(150, 1);
    let plan = made::plan(&[("objective", "lambdarank"), ("num_iterations", "40")]);
    let model = made::fit(&plan, &matrix, Task::lambdarank(grades.clone(), groups.clone()));
    let found = ndcg_at(&grades, &made::raw_scores(&model, &matrix), &groups, 10);
    let flat = ndcg_at(&grades, &vec![0.0; grades.len()], &groups, 10);
    assert!(found > 0.9 && found > flat + 0.1, "{found} {flat}");
}

/// Every objective of ranking.
const OBJECTIVES: [&[(&str, &str)]; 6] = [
    &[("objective", "lambdarank")],
    &[
        ("objective", "lambdarank"),
        ("lambdarank_pair_method", "mean"),
        ("lambdarank_num_pair_per_sample", "2"),
    ],
    &[("objective", "rank_xendcg")],
    &[("objective", "rank_map")],
    &[("objective", "rank_pairwise"), ("lambdarank_truncation_level", "10")],
    &[
        ("objective", "lambdarank"),
        ("bagging_fraction", "0.7"),
        ("bagging_freq", "2"),
        ("bagging_by_query", "true"),
    ],
];

#[test]
fn every_objective_learns() {
    let (matrix, grades, groups) = made::queries(150, 1);
    for settings in OBJECTIVES {
        let plan = made::plan(&[settings, &[("num_iterations", "60")]].concat());
        let model = made::fit(&plan, &matrix, Task::lambdarank(grades.clone(), groups.clone()));
        let raw = made::raw_scores(&model, &matrix);
        let (found, map) = (ndcg_at(&grades, &raw, &groups, 10), map_at(&grades, &raw, &groups, 10));
        assert!(found > 0.85 && map > 0.85, "{settings:?}: {found} {map}");
    }
}

#[test]
fn the_order_within_queries_changes_nothing_under_keys() {
    OBJECTIVES.iter().for_each(|settings| the_order_within_queries_changes_nothing(settings));
}

fn the_order_within_queries_changes_nothing(settings: &[(&str, &str)]) {
    let (matrix, grades, groups) = made::queries(60, 2);
    let plan = made::plan(&[settings, &[("num_iterations", "8")]].concat());
    let mut reversed = Vec::new();
    let mut start = 0;
    for &n in &groups {
        reversed.extend((start..start + n as usize).rev());
        start += n as usize;
    }
    let fit = |order: &[usize]| {
        let task = Task::lambdarank(order.iter().map(|&r| grades[r]).collect(), groups.clone());
        let data = Dataset::fit(&matrix.take_rows(order), task, plan.binning()).expect("legal");
        let data = data.with_keys(order.iter().map(|&r| r as u64).collect()).expect("one key a row");
        train(&plan, &data, None, &mut Silent)
    };
    assert_eq!(fit(&(0..grades.len()).collect::<Vec<_>>()), fit(&reversed), "{settings:?}");
}

/// Drawn by query, a bag has all rows of a query or none: what a tree counted are sums of whole queries, and those of the draw.
#[test]
fn a_bag_of_queries_has_whole_queries() {
    let (matrix, grades, groups) = made::queries(90, 2);
    let bag = [("bagging_fraction", "0.5"), ("bagging_freq", "1"), ("bagging_by_query", "true")];
    let plan = made::plan(
        &[&[("objective", "lambdarank"), ("num_iterations", "12"), ("seed", "6")][..], &bag].concat(),
    );
    let task = Task::lambdarank(grades.clone(), groups.clone());
    let data = Dataset::fit(&matrix, task, plan.binning()).expect("legal");
    let model = train(&plan, &data, None, &mut Silent);
    let stream = Stream::new(6, "bagging");
    for (round, tree) in model.trees.iter().enumerate() {
        let (mut start, mut expected) = (0u64, 0);
        for &n in &groups {
            // keys are the numbers of rows where none are given, so a query's is that of its first row
            expected += if stream.round(round as u64).unit(start) < 0.5 { n } else { 0 };
            start += u64::from(n);
        }
        assert_eq!(tree.nodes[0].count, u64::from(expected), "round {round}");
    }
}

#[test]
fn plans_are_checked_against_data() {
    let (matrix, grades, groups) = made::queries(30, 3);
    let plan = made::plan(&[("objective", "lambdarank"), ("label_gain", "0,1")]);
    let data = Dataset::fit(&matrix, Task::lambdarank(grades, groups), plan.binning()).expect("legal");
    let says =
        |plan: &aml_miner::gbdt::params::Plan| plan.check(&data, None).expect_err("refused").to_string();
    assert!(says(&plan).starts_with("label_gain has 2 entries, found the grade"));
    assert_eq!(says(&made::plan(&[])), "objective = binary, but the data are labelled for lambdarank");
    let stopping = made::plan(&[("objective", "lambdarank"), ("early_stopping_round", "5")]);
    assert_eq!(says(&stopping), "early_stopping_round = 5 has no effect without validation data");
}

#[test]
fn settings_of_pairs_that_would_be_ignored_are_refused() {
    let says = |settings: &[(&str, &str)]| {
        let mut params = aml_miner::gbdt::params::Params::default();
        settings.iter().for_each(|(key, value)| params.set(key, value).expect("a known setting"));
        params.plan().expect_err("refused").to_string()
    };
    assert_eq!(
        says(&[("objective", "rank_map"), ("lambdarank_num_pair_per_sample", "3")]),
        "lambdarank_num_pair_per_sample = 3 has no effect unless lambdarank_pair_method = mean"
    );
    assert_eq!(
        says(&[
            ("objective", "rank:ndcg"),
            ("lambdarank_pair_method", "mean"),
            ("lambdarank_truncation_level", "5")
        ]),
        "lambdarank_truncation_level = 5 has no effect with lambdarank_pair_method = mean"
    );
    assert_eq!(
        says(&[("objective", "rank_xendcg"), ("lambdarank_norm", "false")]),
        "lambdarank_norm = false has no effect with objective = rank_xendcg"
    );
    assert_eq!(
        says(&[("objective", "xendcg"), ("sigmoid", "2")]),
        "sigmoid = 2 has no effect with objective = rank_xendcg"
    );
}

#[test]
fn metrics_are_those_asked_for_with_gains_and_weights() {
    let (matrix, grades, groups) = made::queries(40, 5);
    let plan = made::plan(&[
        ("objective", "lambdarank"),
        ("metric", "map,ndcg"),
        ("eval_at", "3,7"),
        ("label_gain", "0,1,1.5,2,10"),
        ("num_iterations", "1"),
    ]);
    let weights: Vec<f32> = (0..40).map(|q| (q % 3) as f32).collect();
    let data = Dataset::fit(&matrix, Task::lambdarank(grades.clone(), groups.clone()), plan.binning())
        .expect("legal");
    let task = Task::lambdarank_weighted(grades.clone(), groups.clone(), &weights);
    let valid = data.validation(&matrix, task).expect("legal");
    let mut found = Vec::new();
    let model = train(&plan, &data, Some(&valid), &mut |round: &Round<'_>| {
        found.extend(round.measurements.iter().map(|m| (m.name.clone(), m.value.expect("defined"))));
        ControlFlow::Continue(())
    });
    let raw = made::raw_scores(&model, &matrix);
    let gain = |grade: u8| [0.0, 1.0, 1.5, 2.0, 10.0][usize::from(grade)];
    let weighted = |values: Vec<f64>| {
        let weigh = |(value, &weight): (&f64, &f32)| value * f64::from(weight);
        values.iter().zip(&weights).map(weigh).sum::<f64>()
            / weights.iter().map(|&w| f64::from(w)).sum::<f64>()
    };
    let map = |k| weighted(aml_miner::metrics::ranking::map_of_queries(&grades, &raw, &groups, k));
    let ndcg = |k| weighted(aml_miner::metrics::ranking::ndcg_of_queries(&grades, &raw, &groups, k, &gain));
    let expected = [("map@3", map(3)), ("map@7", map(7)), ("ndcg@3", ndcg(3)), ("ndcg@7", ndcg(7))];
    assert_eq!(found.len(), expected.len());
    for ((name, value), (expected_name, expected)) in found.iter().zip(expected) {
        assert_eq!(name, expected_name);
        assert!((value - expected).abs() < 1e-12, "{name}: {value} {expected}");
    }
}

/// Rows at the top are clicked whatever they hold: with positions, the order learned is that of what they hold.
#[test]
fn what_positions_do_to_clicks_is_left_out() {
    let stream = Stream::new(4, "clicks");
    let n_queries = 600;
    let worth: Vec<f64> = (0..n_queries * 10).map(|row| stream.round(1).unit(row)).collect();
    // rows were shown by an old order that knows something of their worth, and x knows the rest
    let mut rows = Vec::new();
    for query in 0..n_queries {
        let mut shown: Vec<u64> = (query * 10..query * 10 + 10).collect();
        let old = |row: u64| worth[row as usize] + stream.round(2).unit(row);
        shown.sort_by(|&a, &b| old(b).total_cmp(&old(a)));
        rows.extend(shown.into_iter().zip(0u32..).map(|(row, position)| (row, position, old(row))));
    }
    let clicked = |&(row, position, _): &(u64, u32, f64)| {
        let seen = 1.0 / f64::from(1 + position);
        u8::from(stream.round(3).unit(row) < seen * (0.1 + 0.9 * worth[row as usize]))
    };
    let grades: Vec<u8> = rows.iter().map(clicked).collect();
    let columns = vec![
        Column::F64(rows.iter().map(|row| (worth[row.0 as usize] * 8.0).round()).collect()),
        Column::F64(rows.iter().map(|row| (row.2 * 8.0).round()).collect()),
    ];
    let matrix = FeatureMatrix::new(Schema::numerical(["worth", "old"]), columns).expect("two columns");
    let groups = vec![10; n_queries as usize];
    let plan = made::plan(&[("objective", "lambdarank"), ("num_iterations", "40"), ("num_leaves", "8")]);
    let data =
        Dataset::fit(&matrix, Task::lambdarank(grades, groups.clone()), plan.binning()).expect("legal");
    let positions = rows.iter().map(|row| row.1).collect();
    let true_grades: Vec<u8> = rows.iter().map(|row| (worth[row.0 as usize] * 4.99) as u8).collect();
    let judged = |data: &Dataset| {
        let model = train(&plan, data, None, &mut Silent);
        ndcg_at(&true_grades, &made::raw_scores(&model, &matrix), &groups, 5)
    };
    let biased = judged(&data);
    let unbiased = judged(&data.clone().with_positions(positions).expect("one position a row"));
    assert!(unbiased > biased + 0.02, "{unbiased} {biased}");
}

#[test]
fn positions_are_checked() {
    let (matrix, grades, groups) = made::queries(10, 3);
    let settings = [("objective", "lambdarank"), ("lambdarank_position_bias_regularization", "0.5")];
    let plan = made::plan(&settings);
    let data =
        Dataset::fit(&matrix, Task::lambdarank(grades.clone(), groups), plan.binning()).expect("legal");
    assert_eq!(
        plan.check(&data, None).expect_err("refused").to_string(),
        "lambdarank_position_bias_regularization = 0.5 has no effect without the positions that rows were shown at"
    );
    let refused = data.clone().with_positions(vec![1, 2]).expect_err("too few").to_string();
    assert_eq!(refused, format!("expected {} positions, one for each row, found 2", grades.len()));
    let shown = data.with_positions(vec![7; grades.len()]).expect("one a row");
    plan.check(&shown, None).expect("positions are there");
    assert_eq!(
        made::plan(&[("objective", "rank_xendcg")]).check(&shown, None).expect_err("refused").to_string(),
        "objective = rank_xendcg takes no account of the positions that rows were shown at"
    );
    let (matrix, labels) = made::binary(30, 2, 1);
    let data = Dataset::fit(&matrix, Task::binary(labels), plan.binning()).expect("legal");
    assert!(data.with_positions(vec![0; 30]).is_err());
}
