//! The same bytes whatever the number of threads and the kernels, in debug and in release: digests are pinned.

#[path = "engine/made.rs"]
#[allow(dead_code, reason = "shared with tests/engine.rs, which uses the rest")]
mod made;

use aml_miner::determinism::par::Pool;
use aml_miner::gbdt::data::{Dataset, FeatureMatrix, Task};
use aml_miner::gbdt::kernel::Level;
use aml_miner::gbdt::learn::{Silent, train_at};
use aml_miner::gbdt::model::Model;
use aml_miner::gbdt::params::{ObjectiveKind, Plan};

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

const BYTES: &str = "334932dc23c1e57c92d773d2fcf47f1174af07535175595fde5a27d9858aa63b";
const WORDS: &str = "ed9e718a5c3ea4768d8b61391993b07192cdf127fe6459ca1d9afe74bc108ea3";
const CONSTRAINED: &str = "51d1829a81f7161c7e2d85d5ccbc04db35f93a1c868ea04edaceac7b27bf2e63";
const SMOOTH: &str = "5b0deb4df3eceacf4cd65e331a79e6ed568c1ec8b7003be50966aa77a3584c21";
const RANDOM: &str = "8ad93cff9a939de7f96e3cae3ac6619218c3f2e6e21c0a52429b0e54663aa17a";
const NARROW: &str = "7754b3adfbda915b3d535d319e649edd0330eaca16921c931f2400007cae3c9a";
const CLOSE: &str = "ba3d594e436ccc21ad5ff28db10dade34bda71b1801de986da8e1910ac29a687";
const BINARY: &str = "557dfae3eb3203eed7e00a448ac284e2a46cf7907c33b885d5a6c3f47f6b952f";
const LAMBDARANK: &str = "f243f3328438f59e2f5946515143d876338895bf0f2069d6d12b318cf00f36c6";
const XENDCG: &str = "96c57d2561539578359939bbe7fbd345e73f8196ef3e45323f7ee67114baabc5";
const MAP: &str = "e5d363d149cc9692b99404cc485fa2983b6a023b11b9734cff180331af34f159";
const PAIRWISE: &str = "c5a0ce66fc6602efed3535533484d763b1a3587e1fb022d016b0f63c1d03a209";
