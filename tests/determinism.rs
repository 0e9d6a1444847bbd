//! The same bytes whatever the number of threads and the kernels, in debug and in release: digests are pinned.

#[path = "engine/made.rs"]
#[allow(dead_code, reason = "shared with tests/engine.rs, which uses the rest")]
mod made;

use aml_miner::determinism::par::Pool;
use aml_miner::gbdt::data::{Dataset, Task};
use aml_miner::gbdt::kernel::Level;
use aml_miner::gbdt::learn::{Silent, train_at};
use aml_miner::gbdt::model::Model;
use aml_miner::gbdt::params::ObjectiveKind;

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

#[test]
fn other_objectives_of_ranking() {
    let (matrix, grades, groups) = made::queries(200, 25);
    let cases: [(&[(&str, &str)], &str); 3] = [
        (&[("objective", "rank_xendcg"), ("seed", "3")], XENDCG),
        (&[("objective", "rank_map"), ("lambdarank_pair_method", "mean"), ("seed", "4")], MAP),
        (&[("objective", "rank_pairwise"), ("lambdarank_position_bias_regularization", "0.1")], PAIRWISE),
    ];
    for (settings, pinned) in cases {
        let plan = made::plan(&[settings, &[("num_iterations", "10")]].concat());
        let fit = |level| {
            let task = Task::lambdarank(grades.clone(), groups.clone());
            let mut data = Dataset::fit(&matrix, task, plan.binning()).expect("legal");
            if plan.objective() == ObjectiveKind::RankPairwise {
                let positions = (0..grades.len() as u32).map(|row| row % 7).collect();
                data = data.with_positions(positions).expect("one a row");
            }
            train_at(level, &plan, &data, &[], &mut Silent)
        };
        assert_eq!(digest(fit), pinned, "{settings:?}");
    }
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

const XENDCG: &str = "b6cd74a0d1d1b3c3ee6f0d950f91b25b44b1396a8f8f4a6946a102078a355ae3";
const MAP: &str = "00dea133f1ecf9edff37c16b8fff2e965b2c0878e56346cf5e0bb38b489806c1";
const PAIRWISE: &str = "7f1af9413f060d898c95929c5926dc06aa21a767559f2530d5df51fe335feeb0";
const NARROW: &str = "8ed5f2ffb44191ee44c9540168f225d9e9384113e6cbe68003c5d8e8985e82f8";
const CLOSE: &str = "dc50ac08d57892e5552cec1c789a0f2a01fbfe26536dcb2842d3870a5b0bdcba";
const WIDE: &str = "fa645329406a32c76e7a1f81b06d82895258e57835a40ca74f38aa303d294fa6";
const BINARY: &str = "19d438d7d794d407bbbc2c6a5782e44de1601aed1dd2121e97be1d6c779bdf0d";
const LAMBDARANK: &str = "f4e982f3df02ea5fad91e26ee8d5a6c98de834249b74c14a602460ff5b2a9450";
