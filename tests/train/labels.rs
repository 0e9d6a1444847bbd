//! Where targets come from, and what is refused or warned of.

use std::collections::BTreeMap;

use aml_miner::aml::bundle::Kind;
use aml_miner::aml::derive;
use aml_miner::aml::evolution::{self, Class, successor};
use aml_miner::aml::simulate::{Simulation, simulate};
use aml_miner::aml::sot::Batch;
use aml_miner::aml::target::{
    self, AddressTargets, CustomLabels, Evolution, LabelStrategy, Source, Target, TargetError, Undated,
};
use aml_miner::pipeline::train::{Material, TrainError, Trainer};
use aml_miner::pipeline::warning::Warning;

use crate::fixture::{batches, config, date, gather};

/// The same economy thirty days apart.
fn pair() -> (Batch, Batch) {
    pair_with(0)
}

/// One with so many shops that grow fast.
fn pair_with(rising: u32) -> (Batch, Batch) {
    let at = |week_days: u64| {
        let from = date(0) + chrono::Days::new(week_days);
        let addresses = 120.max(10 * rising);
        let simulation =
            Simulation { seed: 11, from, addresses, patterns: 8, rising, ..Simulation::default() };
        derive::complete(simulate(&simulation).unwrap().next().unwrap())
    };
    (at(0), at(30))
}

#[test]
fn evolution_needs_no_labels() {
    let (mut base, later) = pair();
    base.labels = None;
    base.ground_truth = None;
    assert_eq!(later.id, successor(&base.id));
    let targets = target::of_alerts(&base, &Evolution { later: &later }).unwrap();
    let growth = evolution::of_alerts(&base, &later).unwrap();
    let known = chrono::Days::new(30);
    let day = (base.id.processing_date + known).and_hms_opt(0, 0, 0).unwrap().and_utc().timestamp_millis();
    for (target, growth) in targets.rows.iter().zip(&growth) {
        let expected = match growth.as_ref().map(Class::of) {
            Some(Class::Expanding) => Some((true, 4)),
            Some(Class::Benign) => Some((false, 0)),
            Some(Class::Dormant) => Some((false, 1)),
            Some(Class::Ambiguous) | None => None,
        };
        assert_eq!(target.map(|t| (t.positive, t.grade)), expected);
        assert!(target.is_none_or(|t| t.known_ms == day));
    }
    assert!(targets.rows.iter().any(Option::is_some));
    let wrong = target::of_alerts(&base, &Evolution { later: &base }).unwrap_err();
    assert!(wrong.to_string().contains("does not follow"), "{wrong}");
    let mut trainer = Trainer::new(config("target: evolution\n"), later.id.processing_date);
    assert!(matches!(trainer.add(&base), Err(TrainError::NeedsLater { .. })));
    trainer.add_pair(&base, &later).unwrap();
    assert_eq!(trainer.gather().unwrap().manifest().training.target, "evolution");
}

/// Shops that grow fast make a class of their own, which a model can be trained on; without them there is none.
#[test]
fn what_became_of_addresses_trains_a_model_where_some_grow() {
    let trained = |rising: u32| {
        let (base, later) = pair_with(rising);
        let mut trainer = Trainer::new(config("target: evolution\n"), later.id.processing_date);
        trainer.add_pair(&base, &later).unwrap();
        trainer.finish(&[Kind::AlertScorer])
    };
    assert!(matches!(
        trained(0),
        Err(TrainError::Target { reason: TargetError::OneClass { positives: 0, .. }, .. })
    ));
    let (models, manifest) = trained(30).unwrap();
    assert!(models[0].positives >= 5, "{}", models[0].positives);
    assert_eq!(manifest.training.target, "evolution");
}

#[test]
fn a_file_of_labels_adds_or_replaces_and_leaves_its_trace() {
    let address = &batches()[0].alerts.as_ref().unwrap()[0].address;
    let text =
        format!("address,risk_level,confidence,source,date\n{address},critical,0.95,desk,2025-01-02\n");
    let labels = CustomLabels::parse(text.as_bytes(), "own.csv").unwrap();
    let with = |more: &str| {
        let mut trainer = Trainer::new(config(more), date(7)).with_labels(labels.clone());
        batches().iter().for_each(|batch| trainer.add(batch).unwrap());
        trainer.gather().unwrap()
    };
    let target = |material: &Material| {
        let rows = material.examples(Kind::AlertScorer);
        let at = rows.subjects.iter().position(|s| s.address == *address).unwrap();
        (rows.targets[at].positive, rows.targets[at].grade)
    };
    let (added, replaced) = (with(""), with("custom_labels: replace\n"));
    assert_eq!([target(&added), target(&replaced)], [(true, 4); 2]);
    let own = |material: &Material| {
        material.examples(Kind::AlertScorer).subjects.iter().all(|s| s.address == *address)
    };
    assert!(own(&replaced) && !own(&added));
    let training = &added.manifest().training;
    assert_eq!(training.labels_sha256.as_deref(), Some(labels.digest().to_string().as_str()));
    assert_eq!(training.label_sources, BTreeMap::from([("desk".to_owned(), 1)]));
    assert_eq!(training.target, "custom_labels");
}

/// Whoever moves more than a limit is called illicit: a rule of one's own.
#[derive(Debug)]
struct Big(f64);

impl LabelStrategy for Big {
    fn name(&self) -> &str {
        "big"
    }

    fn addresses(&self, batch: &Batch) -> Result<AddressTargets, TargetError> {
        let features = batch.features.as_ref().expect("derived");
        let target = |address: &str| {
            let positive = features.value(address, "total_volume_usd") > self.0;
            Target { positive, weight: 1.0, grade: 4 * u8::from(positive), known_ms: i64::MIN }
        };
        let by_address = features.addresses.names().map(|a| (a.to_owned(), target(a))).collect();
        Ok(AddressTargets { by_address, ..AddressTargets::default() })
    }
}

#[test]
fn a_strategy_of_ones_own_trains_a_model() {
    let mut trainer = Trainer::new(config("calibration: none\n"), date(7));
    batches()[..4].iter().for_each(|batch| trainer.add_by(batch, &Big(20_000.0)).unwrap());
    let material = trainer.gather().unwrap();
    let trained = material.train(Kind::AlertScorer).unwrap();
    assert!(trained.positives > 0 && trained.metrics["auc"] > 0.9, "{:?}", trained.metrics);
    assert_eq!(material.manifest().training.target, "big");
}

#[test]
fn networks_are_not_mixed_unless_pooled() {
    let mut other = batches()[1].clone();
    other.id.network = "bittensor".to_owned();
    let add = |more: &str| {
        let mut trainer = Trainer::new(config(more), date(7));
        trainer.add(&batches()[0]).unwrap();
        trainer.add(&other).map(|()| trainer.gather().unwrap())
    };
    let error = add("").map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("is of network bittensor, those before of torus"), "{error}");
    let pooled = add("networks: pooled\n").unwrap();
    assert_eq!(pooled.manifest().network, "bittensor,torus");
    assert!(pooled.warnings().iter().any(|w| matches!(w, Warning::Pooled { .. })));
}

#[test]
fn what_makes_a_bundle_worth_less_is_said_with_numbers() {
    let mut fewer = batches()[2].clone();
    let columns = &mut fewer.features.as_mut().unwrap().columns;
    let gone = columns.remove(3).name;
    let one = gather(config(""), &[batches()[0].clone(), fewer.clone()]);
    let said: Vec<String> = one.warnings().iter().map(ToString::to_string).collect();
    let rows = one.examples(Kind::AlertScorer).len();
    let expected = [
        format!("{rows} labelled alerts; 10000 or more are advised"),
        "2 batches to rank; 100 or more are advised".to_owned(),
        format!("batch {}: feature columns differ from the first batch's; 1 absent: {gone}", fewer.id.name()),
    ];
    assert!(expected.iter().all(|text| said.contains(text)), "{said:?}");
    // one batch: folds by group, said
    let alone = gather(config(""), &batches()[..1]);
    let trained = alone.train(Kind::AlertScorer).unwrap();
    let said: Vec<String> = trained.warnings.iter().map(ToString::to_string).collect();
    assert!(said.iter().any(|text| text.contains("of one processing date: folds are by group")), "{said:?}");
    // labels of the future
    let late = gather(config("label_delay_days: 0\n"), &batches()[..2]);
    assert!(late.warnings().iter().any(|w| matches!(w, Warning::LateLabels { found, .. } if *found > 0)));
}

#[test]
fn one_class_in_every_fold_is_an_error_and_in_one_fold_a_warning() {
    let mut rows: Vec<Batch> = batches().to_vec();
    let benign = |batch: &mut Batch| {
        batch.labels.as_mut().unwrap().iter_mut().for_each(|label| label.risk_level = "low".to_owned());
    };
    // positives in the first two weeks and in the last: the folds between are judged on one class
    rows[2..7].iter_mut().for_each(benign);
    let settings = "folds: {count: 4, embargo_days: 0}\nlabel_delay_days: 60\nundated_labels: accept\n";
    let trained = gather(config(settings), &rows).train(Kind::AlertScorer).unwrap();
    let one_class = |w: &Warning| matches!(w, Warning::OneClass { folds, .. } if !folds.is_empty());
    assert!(trained.warnings.iter().any(one_class), "{:?}", trained.warnings);
    rows[1..].iter_mut().for_each(benign);
    let material = gather(config(settings), &rows);
    let error = material.cross(Kind::AlertScorer).map(|_| ()).unwrap_err();
    assert!(matches!(error, TrainError::OneClassFolds { .. }), "{error}");
    let trained = material.train(Kind::AlertScorer).unwrap();
    assert!(trained.calibration.is_none());
    assert!(trained.warnings.iter().any(|w| matches!(w, Warning::NoFolds { .. })), "{:?}", trained.warnings);
}

#[test]
fn targets_of_labels_are_as_they_were_before_strategies() {
    let source = Source::Labels { cut_off_ms: i64::MAX, undated: Undated::Accept };
    let strategy: &dyn LabelStrategy = &source;
    let known = strategy.addresses(&batches()[0]).unwrap();
    let targets = target::of_alerts(&batches()[0], &source).unwrap();
    let alerts = batches()[0].alerts.as_ref().unwrap();
    assert!(alerts.iter().zip(&targets.rows).all(|(alert, row)| *row == known.target(&alert.address)));
}
