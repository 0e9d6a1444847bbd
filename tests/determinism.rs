//! The same bytes whatever the number of threads and the kernels, in debug and in release: digests are pinned.

#[path = "engine/made.rs"]
#[allow(dead_code, reason = "shared with tests/engine.rs, which uses the rest")]
mod made;

use aml_miner::determinism::par::Pool;
use aml_miner::gbdt::data::{Dataset, Task};
use aml_miner::gbdt::kernel::Level;
use aml_miner::gbdt::learn::{Silent, train_at};
use aml_miner::gbdt::model::Model;

/// The digest of a model trained by every kernel of this machine, on pools of 1 to 16 threads.
fn digest(fit: impl Fn(Level) -> Model + Sync) -> String {
    let on =
        |threads, level| Pool::new(threads).expect("threads start").run(|| fit(level).digest().to_string());
    let one = on(1, Level::Scalar);
    for level in Level::available() {
        for threads in [1, 2, 3, 5, 8, 16] {
            assert_eq!(on(threads, level), one, "{threads} threads, {level}");
        }
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
    let fit = |level| {
        let task = Task::binary(labels.clone());
        let data = Dataset::fit(&matrix, task, plan.binning()).expect("legal");
        let valid = data.validation(&other, Task::binary(other_labels.clone())).expect("legal");
        train_at(level, &plan, &data, &[&valid], &mut Silent)
    };
    assert_eq!(digest(fit), BINARY);
}

#[test]
fn lambdarank() {
    let (matrix, grades, groups) = made::queries(400, 23);
    let plan = made::plan(&[("objective", "lambdarank"), ("num_iterations", "15"), ("num_leaves", "63")]);
    let fit = |level| {
        let task = Task::lambdarank(grades.clone(), groups.clone());
        let data = Dataset::fit(&matrix, task, plan.binning()).expect("legal");
        train_at(level, &plan, &data, &[], &mut Silent)
    };
    assert_eq!(digest(fit), LAMBDARANK);
}

/// Cells of each width: many rows, few rows, rows that are counted.
#[test]
fn cells_of_every_width() {
    for (n_rows, min_data, pinned) in [(70_000, "1", NARROW), (5_000, "1", CLOSE), (5_000, "20", WIDE)] {
        let (matrix, labels) = made::binary(n_rows, 9, 24);
        let plan =
            made::plan(&[("num_iterations", "8"), ("min_data_in_leaf", min_data), ("lambda_l1", "0.1")]);
        let fit = |level| {
            let data = Dataset::fit(&matrix, Task::binary(labels.clone()), plan.binning()).expect("legal");
            train_at(level, &plan, &data, &[], &mut Silent)
        };
        assert_eq!(digest(fit), pinned, "{n_rows} rows, at least {min_data} in a leaf");
    }
}

const NARROW: &str = "96e4510e96f0540d8398957d58baf74a1d16bd6fee0d9e04f2941dce7882479e";
const CLOSE: &str = "5639f01b0303be95706da8cffdc1a061ef96bde724185ed2333cfcd29feec71f";
const WIDE: &str = "cb7b9858f16e7cc9fbdde1d4b2d4e6bb6a9d071800f0b88b3be5dd6f33100f8b";
const BINARY: &str = "abaa754fe586fa721d08b7cea73d686881ec86deb8fcd65fe54465e6ba1a8adc";
const LAMBDARANK: &str = "c05f5867827ed3715d922056b5dce61cf4474907a4e6b83fe7ec7e11d2da8e94";
