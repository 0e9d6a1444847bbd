//! The same bytes whatever the number of threads, in debug and in release: digests are pinned.

#[path = "engine/made.rs"]
#[allow(dead_code, reason = "shared with tests/engine.rs, which uses the rest")]
mod made;

use aml_miner::determinism::par::Pool;
use aml_miner::gbdt::data::{Dataset, Task};
use aml_miner::gbdt::learn::{Silent, train};

/// The digest of a model trained on pools of 1, 2, 3 and 8 threads.
fn digest(fit: impl Fn() -> aml_miner::gbdt::model::Model + Sync) -> String {
    let on = |threads| Pool::new(threads).expect("threads start").run(|| fit().digest().to_string());
    let one = on(1);
    for threads in [2, 3, 8] {
        assert_eq!(on(threads), one, "{threads} threads");
    }
    one
}

#[test]
fn binary_with_bagging_and_missing_values() {
    let (matrix, labels) = made::binary(30_000, 7, 21);
    let (other, other_labels) = made::binary(2_000, 7, 22);
    let plan = made::plan(&[
        ("num_iterations", "15"),
        ("bagging_fraction", "0.7"),
        ("bagging_freq", "2"),
        ("feature_fraction", "0.8"),
        ("seed", "5"),
        ("metric", "auc"),
        ("early_stopping_round", "10"),
    ]);
    let fit = || {
        let task = Task::binary(labels.clone());
        let data = Dataset::fit(&matrix, task, plan.binning()).expect("legal");
        let valid = data.validation(&other, Task::binary(other_labels.clone())).expect("legal");
        train(&plan, &data, Some(&valid), &mut Silent)
    };
    assert_eq!(digest(fit), BINARY);
}

#[test]
fn lambdarank() {
    let (matrix, grades, groups) = made::queries(400, 23);
    let plan = made::plan(&[("objective", "lambdarank"), ("num_iterations", "15"), ("num_leaves", "63")]);
    let fit = || made::fit(&plan, &matrix, Task::lambdarank(grades.clone(), groups.clone()));
    assert_eq!(digest(fit), LAMBDARANK);
}

const BINARY: &str = "7cb2a31c019e223f6b4592df778bf9a1bd0afbe4fad112fc6d811fb51c000862";
const LAMBDARANK: &str = "dae142b1aac8378a20dd6edeb8c31c2bcaa24de53d7ac086253647c8eaf9d518";
