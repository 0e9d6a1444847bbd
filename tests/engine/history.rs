//! What training tells, keeps, and stops by.

use aml_miner::gbdt::data::{Dataset, Task};
use aml_miner::gbdt::learn::{
    Better, CustomMetric, Deadline, Ending, Measurement, Observe, Round, Silent, Trainer, train,
};
use aml_miner::gbdt::model::{Model, lightgbm};
use std::cell::Cell;
use std::ops::ControlFlow;
use std::time::Duration;

use crate::made;

fn sets() -> (Dataset, Dataset) {
    let (matrix, labels) = made::binary(500, 4, 8);
    let (other, other_labels) = made::binary(400, 4, 9);
    let data = Dataset::fit(&matrix, Task::binary(labels), made::plan(&[]).binning()).expect("legal");
    let valid = data.validation(&other, Task::binary(other_labels)).expect("legal");
    (data, valid)
}

#[test]
fn the_history_is_what_was_told() {
    let (data, valid) = sets();
    let plan = made::plan(&[("num_iterations", "9"), ("metric", "auc,binary_logloss")]);
    let mut told: Vec<Vec<Measurement>> = Vec::new();
    let trained = Trainer::new(&plan, &data).watching(&[&valid, &data]).run(&mut |round: &Round<'_>| {
        told.push(round.measurements.to_vec());
        ControlFlow::Continue(())
    });
    assert_eq!(trained.history.rounds, told);
    assert_eq!((trained.ending, trained.best_iteration), (Ending::AllRounds, None));
    let curve = trained.history.curve(1, "auc");
    assert_eq!(curve, told.iter().map(|round| round[2].value).collect::<Vec<_>>());
    assert_eq!(curve.len(), 9);
    assert!(trained.history.curve(0, "ndcg@1").is_empty());
    assert_eq!(trained.model.best_iteration(), None);
}

/// An improvement that is no larger than the least is none: the twin reads the whole curve.
#[test]
fn small_improvements_do_not_count() {
    let (data, valid) = sets();
    let common = [("num_iterations", "120"), ("metric", "binary_logloss"), ("learning_rate", "0.2")];
    let free = Trainer::new(&made::plan(&common), &data).watching(&[&valid]).run(&mut Silent);
    let curve: Vec<f64> =
        free.history.curve(0, "binary_logloss").into_iter().map(|v| v.expect("rows")).collect();
    let mut kept = Vec::new();
    for min_delta in [0.0, 1e-3, 0.02] {
        let (mut best, mut best_round, mut end) = (f64::INFINITY, 0, curve.len());
        for (i, &value) in curve.iter().enumerate() {
            if value < best - min_delta {
                (best, best_round) = (value, i + 1);
            } else if i + 1 >= best_round + 6 {
                end = i + 1;
                break;
            }
        }
        let delta = min_delta.to_string();
        let stop = [("early_stopping_round", "6"), ("early_stopping_min_delta", delta.as_str())];
        let plan = made::plan(&[&common[..], &stop].concat());
        let trained = Trainer::new(&plan, &data).watching(&[&valid]).run(&mut Silent);
        assert_eq!((trained.history.rounds.len(), trained.model.trees.len()), (end, best_round));
        assert_eq!(trained.best_iteration, Some(best_round as u32));
        kept.push(best_round);
    }
    assert!(kept[0] > kept[2], "{kept:?}");
}

#[test]
fn the_best_round_is_kept_in_the_model() {
    let (data, valid) = sets();
    let plan =
        made::plan(&[("num_iterations", "300"), ("learning_rate", "0.3"), ("early_stopping_round", "5")]);
    let trained = Trainer::new(&plan, &data).watching(&[&valid]).run(&mut Silent);
    assert_eq!(trained.ending, Ending::Stopped);
    let best = trained.best_iteration.expect("rounds were compared");
    assert_eq!(trained.model.trees.len(), best as usize);
    assert_eq!(trained.history.rounds.len(), best as usize + 5);
    let read = Model::from_bytes(&trained.model.to_bytes()).expect("a sound model");
    assert_eq!(read.best_iteration(), Some(best));
    assert!(lightgbm::to_text(&read).contains(&format!("[best_iteration: {best}]")));
}

#[test]
fn time_runs_out_by_the_callers_clock() {
    let (data, _) = sets();
    let plan = made::plan(&[("num_iterations", "50")]);
    let told = Cell::new(0u32);
    let clock = || Duration::from_secs(told.get().into());
    let count = |round: &Round<'_>| {
        told.set(round.iteration);
        ControlFlow::Continue(())
    };
    let mut both = (count, Deadline::new(Duration::from_secs(7), clock));
    let trained = Trainer::new(&plan, &data).run(&mut both);
    assert_eq!((trained.model.trees.len(), trained.ending), (7, Ending::Asked));
    let all = train(&plan, &data, None, &mut Silent);
    assert_eq!(trained.model.trees[..], all.trees[..7]);
}

#[test]
fn both_of_two_observers_are_told() {
    let measurements = [];
    let round = Round { iteration: 1, num_iterations: 2, measurements: &measurements };
    let told = Cell::new(0);
    let observer = |flow: ControlFlow<()>| {
        let told = &told;
        move |_: &Round<'_>| {
            told.set(told.get() + 1);
            flow
        }
    };
    let (go, stop) = (ControlFlow::Continue(()), ControlFlow::Break(()));
    for (a, b, expected) in [(go, go, go), (stop, go, stop), (go, stop, stop)] {
        assert_eq!((observer(a), observer(b)).round(&round), expected);
    }
    assert_eq!(told.get(), 6);
}

/// The share of rows above 0, best when it is 0.4.
struct Share;

impl CustomMetric for Share {
    fn name(&self) -> &str {
        "share"
    }

    fn better(&self) -> Better {
        Better::Lower
    }

    fn measure(&self, set: &Dataset, raw: &[f64]) -> Option<f64> {
        let above = raw.iter().filter(|&&score| score > 0.0).count() as f64;
        Some((above / set.n_rows() as f64 - 0.4).abs())
    }
}

#[test]
fn a_metric_of_ones_own_can_stop_training() {
    let (data, valid) = sets();
    let settings = [("num_iterations", "100"), ("early_stopping_round", "4"), ("metric", "none")];
    let plan = made::plan(&settings);
    let trained = Trainer::new(&plan, &data).watching(&[&valid]).measuring(&[&Share]).run(&mut Silent);
    assert!(trained.history.rounds.iter().all(|round| round.len() == 1 && round[0].name == "share"));
    let curve: Vec<f64> = trained.history.curve(0, "share").into_iter().map(|v| v.expect("rows")).collect();
    let best = curve.iter().enumerate().fold(0, |best, (i, &x)| if x < curve[best] { i } else { best });
    assert_eq!(trained.best_iteration, Some(best as u32 + 1));
    assert_eq!(trained.ending, Ending::Stopped);
    // beside built-in ones it comes last
    let plan = made::plan(&[("num_iterations", "1"), ("metric", "auc")]);
    let trained = Trainer::new(&plan, &data).watching(&[&valid]).measuring(&[&Share]).run(&mut Silent);
    let names: Vec<&str> = trained.history.rounds[0].iter().map(|m| m.name.as_str()).collect();
    assert_eq!(names, ["auc", "share"]);
}
