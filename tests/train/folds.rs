//! Folds of real rows: who is judged was unknown to whoever judges.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use aml_miner::aml::bundle::Kind;
use aml_miner::determinism::par::Pool;
use aml_miner::pipeline::learner::Overrides;

use crate::fixture::{batches, config, days, gather};

#[test]
fn no_address_and_no_instance_stands_on_both_sides() {
    for (rows, what) in [(batches(), "weeks of economies"), (days(), "days of one economy")] {
        let more = "folds: {count: 3, embargo_days: 0}\nlabel_delay_days: 60\nundated_labels: accept\ntarget: ground_truth\n";
        let material = gather(config(more), rows);
        let mut instances: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for row in rows.iter().flat_map(|batch| batch.ground_truth.iter().flatten()) {
            instances.entry(&row.address).or_default().insert(&row.pattern_instance_id);
        }
        let cross = material.cross(Kind::AlertScorer).unwrap();
        let examples = material.examples(Kind::AlertScorer);
        assert!(!cross.folds().is_empty(), "{what}");
        for fold in cross.folds() {
            let learned: BTreeSet<&str> =
                fold.learn.iter().map(|&row| examples.subjects[row].address.as_str()).collect();
            let schemes: BTreeSet<&str> =
                learned.iter().filter_map(|a| instances.get(a)).flatten().copied().collect();
            for &row in &fold.test {
                let subject = &examples.subjects[row];
                assert!(!learned.contains(subject.address.as_str()), "{what}: {}", subject.address);
                let own = instances.get(subject.address.as_str());
                assert!(own.into_iter().flatten().all(|i| !schemes.contains(i)), "{what}");
                assert!(subject.date >= fold.cut);
            }
            assert!(fold.learn.iter().all(|&row| examples.subjects[row].date < fold.cut));
        }
    }
}

#[test]
fn labels_written_after_the_cut_are_not_learned_from() {
    let material = gather(config("folds: {count: 2, embargo_days: 0}\nlabel_delay_days: 60\n"), batches());
    let cross = material.cross(Kind::AlertScorer).unwrap();
    let examples = material.examples(Kind::AlertScorer);
    let mut late = 0;
    for fold in cross.folds() {
        let day = fold.cut.and_hms_opt(0, 0, 0).unwrap().and_utc().timestamp_millis();
        assert!(fold.learn.iter().all(|&row| examples.targets[row].known_ms < day));
        late += (0..examples.len())
            .filter(|&row| examples.subjects[row].date < fold.cut && examples.targets[row].known_ms >= day)
            .count();
    }
    assert!(late > 0, "some labels of earlier dates are written later, else this shows nothing");
}

#[test]
fn settings_are_judged_the_same_for_any_number_of_threads_and_stop_when_told() {
    let material = gather(config("folds: {count: 3, embargo_days: 0}\n"), batches());
    let cross = material.cross(Kind::AlertScorer).unwrap();
    let go = &mut |_: &_| ControlFlow::Continue(());
    let nothing = Overrides::new();
    let one =
        Pool::new(1).unwrap().run(|| cross.score(&nothing, &mut |_| ControlFlow::Continue(()))).unwrap();
    let three =
        Pool::new(3).unwrap().run(|| cross.score(&nothing, &mut |_| ControlFlow::Continue(()))).unwrap();
    assert_eq!(one, three);
    assert_eq!(one.folds.len(), cross.folds().len());
    assert!(one.mean("auc").unwrap() > 0.6, "{:?}", one.mean("auc"));
    assert_eq!(one.mean("no such figure"), None);
    let first = cross.score(&nothing, &mut |_| ControlFlow::Break(())).unwrap();
    assert_eq!(first.folds[..], one.folds[..1]);
    let fewer = Overrides::from([("num_iterations".to_owned(), "2".to_owned())]);
    let fewer = cross.score(&fewer, go).unwrap();
    assert!(fewer.folds.iter().all(|fold| fold.rounds <= 2));
    let wrong = Overrides::from([("num_leafs".to_owned(), "2".to_owned())]);
    assert!(cross.score(&wrong, go).unwrap_err().to_string().contains("num_leafs"));
}

#[test]
fn a_batch_is_cut_into_queries_that_hold_each_row_once() {
    let material = gather(config(""), &batches()[..2]);
    let whole = material.examples(Kind::AlertRanker);
    let cut = whole.in_parts(40);
    let sizes = cut.groups();
    assert!(sizes.len() > whole.groups().len() && sizes.iter().all(|&rows| rows < 90), "{sizes:?}");
    let batch_of: BTreeMap<u64, u32> = whole.subjects.iter().map(|s| (s.key, s.batch)).collect();
    let mut seen = BTreeMap::<u32, BTreeSet<u32>>::new();
    for subject in &cut.subjects {
        seen.entry(subject.batch).or_default().insert(batch_of[&subject.key]);
    }
    assert!(seen.values().all(|batches| batches.len() == 1), "no query mixes batches");
    assert_eq!(cut.len(), whole.len());
    assert_eq!(whole.in_parts(0).subjects, whole.subjects);
}
