//! Folds, and models that are judged on rows they never saw.

use aml_miner::gbdt::data::{DataError, Dataset, Task};
use aml_miner::gbdt::learn::{CrossError, Ending, Fold, FoldError, Silent, Trainer, cross_validate};
use aml_miner::metrics::binary::auc;
use proptest::prelude::*;

use crate::made;

/// Every row on one side or the other of each fold, and judged at most once.
fn are_folds(folds: &[Fold], n_rows: usize) -> Vec<usize> {
    let mut judged = Vec::new();
    for fold in folds {
        let mut both: Vec<usize> = fold.learn.iter().chain(&fold.test).copied().collect();
        both.sort_unstable();
        both.dedup();
        assert_eq!(both.len(), fold.learn.len() + fold.test.len());
        assert!(both.iter().all(|&row| row < n_rows) && !fold.learn.is_empty() && !fold.test.is_empty());
        assert!(fold.learn.is_sorted() && fold.test.is_sorted());
        judged.extend(&fold.test);
    }
    judged.sort_unstable();
    assert!(judged.windows(2).all(|pair| pair[0] < pair[1]));
    judged
}

proptest! {
    #[test]
    fn strata_are_shared_out(labels in prop::collection::vec(0..2u8, 10..200), n in 2..9usize, seed: u64) {
        let labels: Vec<f32> = labels.into_iter().map(f32::from).collect();
        let folds = Fold::stratified(&labels, n, seed).expect("rows enough");
        prop_assert_eq!(are_folds(&folds, labels.len()).len(), labels.len());
        let positives = |fold: &Fold| fold.test.iter().filter(|&&row| labels[row] == 1.0).count();
        let sizes = folds.iter().map(|fold| fold.test.len()).collect();
        for counts in [folds.iter().map(positives).collect::<Vec<usize>>(), sizes] {
            let (least, most) = (counts.iter().min().expect("folds"), counts.iter().max().expect("folds"));
            prop_assert!(most - least <= 1, "{:?}", counts);
        }
    }

    #[test]
    fn groups_stay_whole(groups in prop::collection::vec(0..40u8, 60..200), n in 2..6usize, seed: u64) {
        let Ok(folds) = Fold::grouped(&groups, n, seed) else { return Ok(()) };
        prop_assert_eq!(are_folds(&folds, groups.len()).len(), groups.len());
        for fold in &folds {
            prop_assert!(fold.test.iter().all(|&a| fold.learn.iter().all(|&b| groups[a] != groups[b])));
        }
    }

    #[test]
    fn nobody_learns_from_the_future(times in prop::collection::vec(-50..50i64, 60..200), n in 2..6usize, gap in 0..3i64) {
        let folds = match Fold::by_time(&times, n, gap) {
            Ok(folds) => folds,
            Err(reason) => {
                prop_assert!(matches!(reason, FoldError::Gap { .. }), "{}", reason);
                return Ok(());
            }
        };
        let judged = are_folds(&folds, times.len());
        for fold in &folds {
            let first = fold.test.iter().map(|&row| times[row]).min().expect("rows");
            // exactly the rows that are older by the gap
            let old: Vec<usize> = (0..times.len()).filter(|&row| times[row] < first - gap).collect();
            prop_assert_eq!(&fold.learn, &old);
        }
        // all but the first block
        let first = judged.iter().map(|&row| times[row]).min().expect("rows");
        prop_assert_eq!(judged.len(), times.iter().filter(|&&time| time >= first).count());
    }
}

#[test]
fn folds_that_cannot_be_are_refused() {
    assert_eq!(Fold::stratified(&[0.0; 5], 1, 0), Err(FoldError::TooFew { found: 1 }));
    let small = Fold::stratified(&[0.0; 5], 6, 0).expect_err("five rows");
    assert_eq!(small.to_string(), "6 rows are needed for the folds, found 5");
    let one = Fold::grouped(&["a", "a", "a"], 2, 0);
    assert_eq!(one, Err(FoldError::TooSmall { needed: 2, units: "groups", found: 1 }));
    let two = Fold::by_time(&[1, 1, 2], 2, 0);
    assert_eq!(two, Err(FoldError::TooSmall { needed: 3, units: "times", found: 2 }));
    assert_eq!(Fold::by_time(&[1, 2, 3], 2, 1), Err(FoldError::Gap { fold: 0, gap: 1 }));
    // most rows at one time
    let folds = Fold::by_time(&[1, 9, 9, 9, 9, 9, 10, 11], 3, 0).expect("four times");
    let judged: Vec<_> = folds.iter().map(|fold| fold.test.clone()).collect();
    assert_eq!(judged, [vec![1, 2, 3, 4, 5], vec![6], vec![7]]);
}

/// Each fold's model is the one that training on its rows gives, and the means are means.
#[test]
fn folds_are_trained_as_if_alone() {
    let (matrix, labels) = made::binary(900, 5, 3);
    let settings =
        [("num_iterations", "12"), ("bagging_fraction", "0.7"), ("bagging_freq", "1"), ("metric", "auc")];
    let plan = made::plan(&settings);
    let folds = Fold::stratified(&labels, 3, 5).expect("rows enough");
    let task = Task::binary(labels.clone());
    let crossed = cross_validate(&plan, &matrix, &task, &folds, &mut Silent).expect("legal");
    let (mut first, mut last) = (0.0, 0.0);
    for (k, fold) in folds.iter().enumerate() {
        let [learn, test] =
            [&fold.learn, &fold.test].map(|rows| task.take_rows(rows).expect("rows of the task"));
        let keys = |rows: &[usize]| rows.iter().map(|&row| row as u64).collect();
        let data = Dataset::fit(&matrix.take_rows(&fold.learn), learn, plan.binning()).expect("legal");
        let valid = data.validation(&matrix.take_rows(&fold.test), test).expect("legal");
        let data = data.with_keys(keys(&fold.learn)).expect("one a row");
        let alone = Trainer::new(&plan, &data).watching(&[&valid]).run(&mut Silent);
        assert_eq!(alone.model, crossed.models[k]);
        assert_eq!(alone.history, crossed.folds[k]);
        let curve = alone.history.curve(0, "auc");
        (first, last) = (first + curve[0].expect("classes") / 3.0, last + curve[11].expect("classes") / 3.0);
        for (&row, raw) in fold.test.iter().zip(alone.model.raw_scores(&matrix.take_rows(&fold.test))) {
            assert_eq!(crossed.scores[row], Some(alone.model.score(raw)));
        }
    }
    let curve: Vec<f64> =
        crossed.mean.curve(0, "auc").into_iter().map(|value| value.expect("classes")).collect();
    assert!((curve[0] - first).abs() < 1e-12 && (curve[11] - last).abs() < 1e-12);
    let scores: Vec<f64> = crossed.scores.iter().map(|score| score.expect("judged")).collect();
    assert!(auc(&labels, &scores, None).expect("two classes") > 0.8);
    assert_eq!((crossed.ending, crossed.best_iteration), (Ending::AllRounds, None));
}

/// All folds stop at the round whose mean is best.
#[test]
fn early_stopping_goes_by_the_mean() {
    let (matrix, labels) = made::binary(700, 5, 4);
    let common = [("num_iterations", "80"), ("learning_rate", "0.3")];
    let folds = Fold::stratified(&labels, 4, 5).expect("rows enough");
    let task = Task::binary(labels);
    let whole = cross_validate(&made::plan(&common), &matrix, &task, &folds, &mut Silent).expect("legal");
    let stop = made::plan(&[&common[..], &[("early_stopping_round", "4")]].concat());
    let crossed = cross_validate(&stop, &matrix, &task, &folds, &mut Silent).expect("legal");
    let best = crossed.best_iteration.expect("means were compared") as usize;
    assert_eq!(crossed.ending, Ending::Stopped);
    assert_eq!(crossed.mean.rounds[..], whole.mean.rounds[..best + 4]);
    let curve = whole.mean.curve(0, "binary_logloss");
    assert!((0..best + 4).all(|i| curve[i] >= curve[best - 1]));
    for (model, all) in crossed.models.iter().zip(&whole.models) {
        assert_eq!(model.trees[..], all.trees[..best]);
        assert_eq!(model.best_iteration(), Some(best as u32));
    }
}

#[test]
fn queries_are_judged_whole() {
    let (matrix, grades, groups) = made::queries(60, 3);
    let plan = made::plan(&[("objective", "lambdarank"), ("num_iterations", "8"), ("eval_at", "5")]);
    let task = Task::lambdarank(grades.clone(), groups.clone());
    let folds = Fold::by_query(&groups, 3, 1).expect("queries enough");
    let crossed = cross_validate(&plan, &matrix, &task, &folds, &mut Silent).expect("legal");
    let curve = crossed.mean.curve(0, "ndcg@5");
    assert!(curve[7].expect("queries") > 0.8, "{curve:?}");
    assert!(crossed.scores.iter().all(Option::is_some));
    // the first query has several rows, and row by row it is cut
    let first = groups.iter().position(|&n| n > 1).expect("some query of two rows");
    let row = groups[..first].iter().sum::<u32>() as usize;
    let cut = [Fold { learn: (row + 1..grades.len()).collect(), test: (0..=row).collect() }];
    let refused = cross_validate(&plan, &matrix, &task, &cut, &mut Silent).expect_err("a query is cut");
    assert_eq!(refused, CrossError::Data { fold: 0, reason: DataError::CutQuery { query: first } });
}

#[test]
fn what_cannot_be_crossed_is_refused() {
    let (matrix, labels) = made::binary(100, 4, 3);
    let task = Task::binary(labels);
    let says = |folds: &[Fold]| {
        cross_validate(&made::plan(&[]), &matrix, &task, folds, &mut Silent).expect_err("refused").to_string()
    };
    assert_eq!(says(&[]), "folds: expected at least 1, found none");
    let far = Fold { learn: vec![0, 1], test: vec![100] };
    assert_eq!(says(&[far]), "fold 0: row 100 is none of the 100 rows");
    let empty = Fold { learn: vec![0, 1], test: vec![] };
    assert_eq!(says(&[empty]), "fold 0: the data has no rows");
}
