//! Training refuses what would make a dishonest model, and gives the same bytes every time.

use aml_miner::aml::bundle::Kind;
use aml_miner::aml::sot::Batch;
use aml_miner::aml::target::{Source, TargetError, Undated};
use aml_miner::determinism::par::Pool;
use aml_miner::pipeline::config::Config;
use aml_miner::pipeline::evaluate::Evaluation;
use aml_miner::pipeline::examples::Examples;
use aml_miner::pipeline::train::{TrainError, Trainer};

use crate::fixture::{batch, bundle, bundle_files, config, date, train, training_batches};

#[test]
fn the_same_batches_give_the_same_bundle_for_any_number_of_threads() {
    for threads in [1, 3] {
        assert!(Pool::new(threads).unwrap().run(|| train(config())) == *bundle_files());
    }
}

fn trained(change: impl Fn(&mut Batch), config: Config) -> Result<(), TrainError> {
    let mut trainer = Trainer::new(config, date(3));
    for batch in training_batches() {
        let mut batch = batch.clone();
        change(&mut batch);
        trainer.add(&batch)?;
    }
    trainer.finish(&Kind::ALL).map(|_| ())
}

#[test]
fn one_class_is_refused() {
    // the reference trained on zero positives and predicted one constant for ever
    let all_low =
        |b: &mut Batch| b.labels.as_mut().unwrap().iter_mut().for_each(|l| l.risk_level = "low".to_owned());
    let error = trained(all_low, config()).expect_err("one class");
    assert!(
        matches!(error, TrainError::Target { reason: TargetError::OneClass { positives: 0, .. }, .. }),
        "{error}"
    );
    let no_batch = Trainer::new(config(), date(3)).finish(&Kind::ALL);
    assert!(matches!(no_batch, Err(TrainError::NoBatch)));
}

#[test]
fn labels_of_the_future_are_no_targets() {
    let late = |b: &mut Batch| {
        b.labels.as_mut().unwrap().iter_mut().for_each(|l| l.created_timestamp = Some(i64::MAX));
    };
    let error = trained(late, config()).expect_err("nothing known");
    assert!(matches!(error, TrainError::Target { reason: TargetError::NoneKnown { .. }, .. }), "{error}");
    assert!(error.to_string().contains("no target is known at the training cut-off"), "{error}");
    let absent = trained(|b| b.labels = None, config()).expect_err("no labels");
    assert!(absent.to_string().contains("no address_labels table"), "{absent}");
}

#[test]
fn a_column_that_tells_the_target_is_refused() {
    let mut telling = training_batches()[0].clone();
    let source = Source::Labels { cut_off_ms: i64::MAX, undated: Undated::Accept };
    let positives = aml_miner::aml::target::of_alerts(&telling, &source).unwrap();
    for (alert, target) in telling.alerts.as_mut().unwrap().iter_mut().zip(&positives.rows) {
        alert.alert_confidence_score = f64::from(u8::from(target.is_some_and(|t| t.positive)));
    }
    let set = aml_miner::aml::features::FeatureSet::alerts();
    let examples = Examples::of(&telling, &set, source).unwrap();
    let error = aml_miner::aml::target::check(&examples.matrix, &examples.targets, 0).expect_err("it tells");
    let rows = examples.len();
    let feature = "alert_confidence".to_owned();
    assert_eq!(error, TargetError::TargetDerived { feature, rows });
}

#[test]
fn grades_are_whole_numbers_and_not_a_copy_of_severity() {
    let source = Source::Labels { cut_off_ms: i64::MAX, undated: Undated::Accept };
    let set = aml_miner::aml::features::FeatureSet::alerts();
    let examples = Examples::of(&training_batches()[0], &set, source).unwrap();
    let mut other = training_batches()[0].clone();
    for alert in other.alerts.as_mut().unwrap() {
        alert.severity = "low".to_owned();
        alert.alert_confidence_score = 0.1;
    }
    assert_eq!(examples.grades(), Examples::of(&other, &set, source).unwrap().grades());
    assert!(examples.grades().iter().all(|&grade| grade <= 4));
}

#[test]
fn a_report_sets_figures_beside_what_needs_no_model() {
    let mut evaluation = Evaluation::new(bundle(), "test");
    evaluation.add(batch()).unwrap();
    let report = evaluation.finish().unwrap();
    let names: Vec<String> =
        report.sections.iter().map(|s| format!("{} {} {}", s.rows_of, s.target, s.view)).collect();
    assert!(names.contains(&"alerts ground_truth official_columns".to_owned()), "{names:?}");
    assert!(names.contains(&"clusters labels all_tables".to_owned()), "{names:?}");
    for section in &report.sections {
        let flat = section.figures.iter().find(|f| f.scorer.starts_with("flat")).unwrap();
        assert_eq!(flat.auc, Some(0.5));
        assert!((flat.average_precision.unwrap() - section.base_rate).abs() < 1e-12);
        assert!((flat.brier.unwrap() - section.base_rate * (1.0 - section.base_rate)).abs() < 1e-12);
    }
}
