//! LambdaRank as seen from outside.

use aml_miner::gbdt::data::{Dataset, Task};
use aml_miner::gbdt::learn::{Silent, train};
use aml_miner::metrics::ranking::ndcg_at;

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

#[test]
fn the_order_within_queries_changes_nothing_under_keys() {
    let (matrix, grades, groups) = made::queries(60, 2);
    let plan = made::plan(&[("objective", "lambdarank"), ("num_iterations", "8")]);
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
    assert_eq!(fit(&(0..grades.len()).collect::<Vec<_>>()), fit(&reversed));
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
