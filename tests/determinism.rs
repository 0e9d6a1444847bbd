//! The same bytes whatever the number of threads and the kernels, in debug and in release: digests are pinned.

#[path = "engine/made.rs"]
#[allow(dead_code, reason = "shared with tests/engine.rs, which uses the rest")]
mod made;

use aml_miner::determinism::par::Pool;
use aml_miner::gbdt::data::{Dataset, FeatureMatrix, Task};
use aml_miner::gbdt::kernel::Level;
use aml_miner::gbdt::learn::{Silent, Trainer, train_at};
use aml_miner::gbdt::model::Model;
use aml_miner::gbdt::params::{ObjectiveKind, Plan};

/// The digest of a model that is the same trained by every kernel of this machine, on pools of 1 to 16 threads. Its record of
/// parameters is left out of the digest, so that what is pinned outlives a parameter more.
fn digest(fit: impl Fn(Level) -> Model + Sync) -> String {
    let on = |threads, level| Pool::new(threads).expect("threads start").run(|| fit(level));
    let one = on(1, Level::Scalar);
    for level in Level::available() {
        for threads in [1, 2, 3, 5, 8, 16] {
            assert_eq!(on(threads, level).to_bytes(), one.to_bytes(), "{threads} threads, {level}");
        }
    }
    Model { parameters: Vec::new(), ..one }.digest().to_string()
}

/// The digest of a binary model without a validation set.
fn digest_of(plan: &Plan, matrix: &FeatureMatrix, labels: &[f32]) -> String {
    digest(|level| {
        let data = Dataset::fit(matrix, Task::binary(labels.to_vec()), plan.binning()).expect("legal");
        train_at(level, plan, &data, &[], &mut Silent)
    })
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
    let cases: [(&[(&str, &str)], &str); 4] = [
        (
            &[
                ("objective", "lambdarank"),
                ("bagging_fraction", "0.6"),
                ("bagging_freq", "1"),
                ("bagging_by_query", "true"),
            ],
            BY_QUERY,
        ),
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

#[test]
fn other_ways_of_boosting() {
    let (matrix, labels) = made::binary(6_000, 6, 26);
    let cases: [(&[(&str, &str)], &str); 4] = [
        (&[("boosting", "goss"), ("learning_rate", "0.4"), ("is_unbalance", "true")], GOSS),
        (&[("boosting", "dart"), ("skip_drop", "0.1"), ("drop_rate", "0.3")], DART),
        (
            &[("boosting", "dart"), ("skip_drop", "0"), ("uniform_drop", "1"), ("xgboost_dart_mode", "1")],
            XGBOOST_DART,
        ),
        (&[("boosting", "rf"), ("bagging_fraction", "0.5"), ("bagging_freq", "1")], FOREST),
    ];
    for (settings, pinned) in cases {
        let plan = made::plan(&[settings, &[("num_iterations", "10"), ("seed", "8")]].concat());
        let fit = |level| {
            let data = Dataset::fit(&matrix, Task::binary(labels.clone()), plan.binning()).expect("legal");
            train_at(level, &plan, &data, &[], &mut Silent)
        };
        assert_eq!(digest(fit), pinned, "{settings:?}");
    }
}

#[test]
fn training_that_is_continued() {
    let (matrix, labels) = made::binary(6_000, 6, 27);
    let plan = made::plan(&[("num_iterations", "5"), ("bagging_fraction", "0.5"), ("bagging_freq", "2")]);
    let fit = |level| {
        let data = Dataset::fit(&matrix, Task::binary(labels.clone()), plan.binning()).expect("legal");
        let first = train_at(level, &plan, &data, &[], &mut Silent);
        let data = data.with_init_scores(first.raw_scores(&matrix)).expect("one a row");
        let trainer = Trainer::new(&plan, &data).at(level).continuing(&first).expect("the same features");
        trainer.run(&mut Silent).model
    };
    assert_eq!(digest(fit), CONTINUED);
}

/// Cells of each width: many rows, and few.
#[test]
fn cells_of_every_width() {
    for (n_rows, pinned) in [(70_000, NARROW), (5_000, CLOSE)] {
        let (matrix, labels) = made::binary(n_rows, 9, 24);
        let plan = made::plan(&[("num_iterations", "8"), ("lambda_l1", "0.1")]);
        assert_eq!(digest_of(&plan, &matrix, &labels), pinned, "{n_rows} rows");
    }
}

/// Sets of categories, in codes of one byte and of two.
#[test]
fn categories() {
    for (n_categories, pinned) in [(60, BYTES), (700, WORDS)] {
        let (matrix, labels) = made::categories(20_000, n_categories, 25);
        let plan = made::plan(&[("num_iterations", "8"), ("min_data_per_group", "20")]);
        assert_eq!(digest_of(&plan, &matrix, &labels), pinned, "{n_categories} categories");
    }
}

/// Everything that a leaf's place says of its splits.
#[test]
fn places() {
    let settings: [(&[(&str, &str)], &str); 3] = [
        (
            &[
                ("monotone_constraints", "1,-1,0,0,0,0"),
                ("interaction_constraints", "[0,1,2],[2,3,4,5]"),
                ("feature_fraction_bynode", "0.7"),
            ],
            CONSTRAINED,
        ),
        (&[("path_smooth", "10"), ("max_delta_step", "0.5"), ("min_data_in_leaf", "7")], SMOOTH),
        (
            &[
                ("extra_trees", "true"),
                ("forced_bins", "0:[0.5]"),
                ("max_bin_by_feature", "9,99,255,2,255,255"),
            ],
            RANDOM,
        ),
    ];
    let (matrix, labels) = made::binary(12_000, 6, 26);
    for (settings, pinned) in settings {
        let plan = made::plan(&[&[("num_iterations", "8")], settings].concat());
        assert_eq!(digest_of(&plan, &matrix, &labels), pinned, "{settings:?}");
    }
}

const BYTES: &str = "e9fae16ab87c42637f70b34895d31c9c176e5424f082dfd82aaa5ccbb207fdf6";
const WORDS: &str = "47a5b7f0106d06b707b356445b78a631e895fb5a80c3541217baa579e0099f30";
const CONSTRAINED: &str = "aed147253f832b473205faf8b5cf4d926e3ec6ef5cac3396708adfedd3231159";
const SMOOTH: &str = "e556446e09eef5ca1026a1e1b886f4311ed7de5dc4d68fff1c49122586620833";
const RANDOM: &str = "85c295783b87a34bd9604c17e96255c4dbb3d9d9771dc24483ef3caea9c20181";
const NARROW: &str = "c40ca4fc22b74bc8f3b7ebb3a87cd5ab2dcb7035443cb7450c5a6c9e6f71bbd5";
const CLOSE: &str = "d05bcbc2b8a0e89bf973b772fb238d370b0d43b1a230c908ab3c0e5c82be2d9e";
const BINARY: &str = "90f21eb36c39a5e471a0bcae6e8d4c08fcb68672fed1495a57cc29f7a619666d";
const LAMBDARANK: &str = "207514f4336a02c1abf4f31f8b108916dac5051404ceb412cc7004e0b8ac0a00";
const BY_QUERY: &str = "049336766983dc4a62620015716df4d4d8edbd24fdc6825aca4aa96955c7b8da";
const XENDCG: &str = "8a8cdcd50d46e50dc829a6c704f4cb5c8aef3e33e8407aae70e1ea42dc6c0c7f";
const MAP: &str = "83af3287b6be4492ac3dd603b098c41c9fd6d7ae2c76b9914739d52345d0791e";
const PAIRWISE: &str = "16c144b52c858c7b98ceb900a45e320fe367f491ac61150caea7eb58b6b161f1";
const GOSS: &str = "2d172a7f10c7a7280ac3ce1c02593f7477a236d70ed930d2682cf24a4caefb3c";
const DART: &str = "2590f6732af91a7c5f38a1abbff28145e193a04a3f06721c695bb454ac8a7822";
const XGBOOST_DART: &str = "0a67da014d8e3b1990b719d40322b6270f35fde0f1cd35dd6ade0e0cdc4806eb";
const FOREST: &str = "745a4293bc98fa056c7c59ed337c518303680dbce7ec20841e2af7776903d80d";
const CONTINUED: &str = "fc4f217bfe53f4583b6a9e0d1abc4fa03035aef0d249497453394db91808c7e0";
