//! Small economies of their own, and short trainings.

use std::sync::OnceLock;

use aml_miner::aml::derive;
use aml_miner::aml::simulate::{Simulation, simulate};
use aml_miner::aml::sot::Batch;
use aml_miner::pipeline::config::Config;
use aml_miner::pipeline::train::{Material, Trainer};
use chrono::{Days, NaiveDate};

pub(crate) const WEEKS: u64 = 8;

pub(crate) fn date(week: u64) -> NaiveDate {
    NaiveDate::from_ymd_opt(2025, 1, 5).unwrap() + Days::new(7 * week)
}

/// An economy of its own in each week.
pub(crate) fn batches() -> &'static [Batch] {
    static BATCHES: OnceLock<Vec<Batch>> = OnceLock::new();
    let batch = |week| {
        let simulation = Simulation {
            seed: 300 + week,
            from: date(week),
            addresses: 120,
            patterns: 8,
            ..Simulation::default()
        };
        derive::complete(simulate(&simulation).unwrap().next().unwrap())
    };
    BATCHES.get_or_init(|| (0..WEEKS).map(batch).collect())
}

/// One economy on consecutive days: the same addresses again and again.
pub(crate) fn days() -> &'static [Batch] {
    static BATCHES: OnceLock<Vec<Batch>> = OnceLock::new();
    let simulation =
        Simulation { seed: 5, from: date(0), days: 6, addresses: 150, patterns: 10, ..Simulation::default() };
    BATCHES.get_or_init(|| simulate(&simulation).unwrap().map(derive::complete).collect())
}

pub(crate) const QUICK: &str = "
alert_scorer: {num_iterations: 12, num_leaves: 7, min_data_in_leaf: 10, early_stopping_round: 5}
alert_ranker: {num_iterations: 8, num_leaves: 7, min_data_in_leaf: 10}
cluster_scorer: {num_iterations: 8, num_leaves: 4, min_data_in_leaf: 5}
";

/// The short training with other keys on top.
pub(crate) fn config(more: &str) -> Config {
    Config::parse(&format!("{QUICK}{more}"), "test.yaml").unwrap()
}

pub(crate) fn gather(config: Config, batches: &[Batch]) -> Material {
    let latest = batches.iter().map(|batch| batch.id.processing_date).max().unwrap();
    let mut trainer = Trainer::new(config, latest);
    batches.iter().for_each(|batch| trainer.add(batch).unwrap());
    trainer.gather().unwrap()
}
