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

/// Cells of each width: many rows, and few.
#[test]
fn cells_of_every_width() {
    for (n_rows, pinned) in [(70_000, NARROW), (5_000, CLOSE)] {
        let (matrix, labels) = made::binary(n_rows, 9, 24);
        let plan = made::plan(&[("num_iterations", "8"), ("lambda_l1", "0.1")]);
        let fit = |level| {
            let data = Dataset::fit(&matrix, Task::binary(labels.clone()), plan.binning()).expect("legal");
            train_at(level, &plan, &data, &[], &mut Silent)
        };
        assert_eq!(digest(fit), pinned, "{n_rows} rows");
    }
}

/// Sets of categories, in codes of one byte and of two.
#[test]
fn categories() {
    for (n_categories, pinned) in [(60, BYTES), (700, WORDS)] {
        let (matrix, labels) = made::categories(20_000, n_categories, 25);
        let plan = made::plan(&[("num_iterations", "8"), ("min_data_per_group", "20")]);
        let fit = |level| {
            let data = Dataset::fit(&matrix, Task::binary(labels.clone()), plan.binning()).expect("legal");
            train_at(level, &plan, &data, &[], &mut Silent)
        };
        assert_eq!(digest(fit), pinned, "{n_categories} categories");
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
        let fit = |level| {
            let data = Dataset::fit(&matrix, Task::binary(labels.clone()), plan.binning()).expect("legal");
            train_at(level, &plan, &data, &[], &mut Silent)
        };
        assert_eq!(digest(fit), pinned, "{settings:?}");
    }
}

const BYTES: &str = "e92994c370bf41d9623d61de9ec859383be76de1a097ce36c2678824dfdf2ea1";
const WORDS: &str = "2c54a7b9863734b95a3d28b4b73f66465a163c2e73ea93ac97c8b2bfc3a00ec3";
const CONSTRAINED: &str = "c66103135655a1b77afb479abd480a67e4b02039cf69c40bc4d636cb6455d3e9";
const SMOOTH: &str = "9677ae5c64c9bd94c2a5f5260b22e50a9ef76f8804500089c3a5135ab3a71284";
const RANDOM: &str = "78c8fcd9514f569a7985070eb49cec9e9a53d645801c3aac134b5e57c8e1c85d";
const NARROW: &str = "694c272c0d1ecfb4ca535e2645c0281d28baf1ed72f1dd82804c72e0efa37fe9";
const CLOSE: &str = "02d4a920d990bdb025005d444612737bf7dbaeb160769b76a0c6398906a473ce";
const BINARY: &str = "c8005549c4c89f175b08b04b8247b94697182760bcc91f174905ca7d406cbdd9";
const LAMBDARANK: &str = "791d4f4ce54f0a8cf2907db41e9d586869a101885e561a67f740f64ac2d33a77";
const XENDCG: &str = "b6cd74a0d1d1b3c3ee6f0d950f91b25b44b1396a8f8f4a6946a102078a355ae3";
const MAP: &str = "00dea133f1ecf9edff37c16b8fff2e965b2c0878e56346cf5e0bb38b489806c1";
const PAIRWISE: &str = "7f1af9413f060d898c95929c5926dc06aa21a767559f2530d5df51fe335feeb0";
