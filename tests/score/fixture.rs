//! Small batches and a small bundle trained on them, made once.

use std::sync::OnceLock;

use aml_miner::aml::bundle::{Bundle, Kind};
use aml_miner::aml::derive;
use aml_miner::aml::simulate::{Simulation, simulate};
use aml_miner::aml::sot::Batch;
use aml_miner::determinism::rng::Stream;
use aml_miner::pipeline::config::Config;
use aml_miner::pipeline::train::{Files, Trainer, files};
use chrono::{Days, NaiveDate};

pub(crate) fn date(week: u64) -> NaiveDate {
    NaiveDate::from_ymd_opt(2025, 1, 5).unwrap() + Days::new(7 * week)
}

/// An economy of its own for each seed.
pub(crate) fn raw(seed: u64, week: u64) -> Batch {
    let simulation =
        Simulation { seed, from: date(week), addresses: 300, patterns: 12, ..Simulation::default() };
    simulate(&simulation).unwrap().next().unwrap()
}

pub(crate) fn batch() -> &'static Batch {
    static BATCH: OnceLock<Batch> = OnceLock::new();
    BATCH.get_or_init(|| derive::complete_with(raw(77, 30), derive::ColumnExtent::All))
}

pub(crate) fn config() -> Config {
    let text = "
alert_scorer: {num_iterations: 30, num_leaves: 7, min_data_in_leaf: 10}
alert_ranker: {num_iterations: 20, num_leaves: 7, min_data_in_leaf: 10}
cluster_scorer: {num_iterations: 10, num_leaves: 4, min_data_in_leaf: 5}
";
    Config::parse(text, "test.yaml").unwrap()
}

pub(crate) fn training_batches() -> &'static [Batch] {
    static BATCHES: OnceLock<Vec<Batch>> = OnceLock::new();
    BATCHES.get_or_init(|| (0..4).map(|i| derive::complete(raw(500 + i, i))).collect())
}

pub(crate) fn train(config: Config) -> Files {
    let mut trainer = Trainer::new(config, date(3));
    training_batches().iter().for_each(|batch| trainer.add(batch).unwrap());
    let (trained, manifest) = trainer.finish(&Kind::ALL).unwrap();
    files(&trained, manifest, None)
}

pub(crate) fn bundle_files() -> &'static Files {
    static FILES: OnceLock<Files> = OnceLock::new();
    FILES.get_or_init(|| train(config()))
}

pub(crate) fn open(files: &Files) -> Result<Bundle, aml_miner::aml::bundle::BundleError> {
    let parts: Vec<(&str, &[u8])> =
        files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    Bundle::from_parts(parts.last().unwrap().1, &parts)
}

pub(crate) fn bundle() -> &'static Bundle {
    static BUNDLE: OnceLock<Bundle> = OnceLock::new();
    BUNDLE.get_or_init(|| open(bundle_files()).unwrap())
}

/// Puts rows in another order (Fisher and Yates).
pub(crate) fn shuffle<T>(rows: &mut [T], stream: Stream) {
    for i in (1..rows.len()).rev() {
        rows.swap(i, stream.below(i as u64, i as u64 + 1) as usize);
    }
}

/// The batch with every derived table's rows in another order.
pub(crate) fn shuffled(batch: &Batch, seed: u64) -> Batch {
    let mut batch = batch.clone();
    let stream = Stream::new(seed, "shuffle");
    shuffle(batch.alerts.as_mut().unwrap(), stream.round(0));
    shuffle(batch.clusters.as_mut().unwrap(), stream.round(1));
    shuffle(batch.money_flows.as_mut().unwrap(), stream.round(2));
    let features = batch.features.as_mut().unwrap();
    let mut order: Vec<usize> = (0..features.addresses.len()).collect();
    shuffle(&mut order, stream.round(3));
    let names: Vec<String> = features.addresses.names().map(str::to_owned).collect();
    features.addresses = order.iter().map(|&i| names[i].as_str()).collect();
    for column in &mut features.columns {
        column.values = order.iter().map(|&i| column.values[i]).collect();
    }
    shuffle(&mut features.columns, stream.round(4));
    batch
}
