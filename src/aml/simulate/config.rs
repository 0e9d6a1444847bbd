//! What is to be simulated, checked before anything is drawn.

use chrono::{Datelike, NaiveDate};

use super::repertoire::Repertoire;

/// One simulated economy and the days for which batches of it are cut. Two values that differ only in `from` and
/// `days` describe the same economy: where their windows overlap, the same transfers stand.
#[derive(Clone, Debug, PartialEq)]
pub struct Simulation {
    /// Keys every draw.
    pub seed: u64,
    /// Lower-case network name; decides the form of addresses and the native ticker.
    pub network: String,
    /// Processing date of the first batch.
    pub from: NaiveDate,
    /// How many batches, one a day.
    pub days: u32,
    /// Length of each batch's window in days.
    pub window_days: u32,
    /// Wallets of ordinary people; exchanges, merchants and employers come on top in proportion.
    pub addresses: u32,
    /// Laundering schemes that begin per window length; as many innocent look-alikes begin beside them.
    pub patterns: u32,
    /// Shops per window length that begin small and have several times the customers a month later.
    pub rising: u32,
    /// Share of the usual label coverage, 0 to 1: 1 keeps the rates of `docs/simulator.md`.
    pub label_coverage: f64,
    /// Share of labels that contradict the truth, 0 to 0.5.
    pub label_noise: f64,
    /// Which shapes are planted, and how often each.
    pub shapes: Repertoire,
    /// Share of all transfers that stand in the batches, 0 to 1.
    pub observed: f64,
}

impl Default for Simulation {
    fn default() -> Self {
        Simulation {
            seed: 42,
            network: "torus".to_owned(),
            from: NaiveDate::from_ymd_opt(2025, 11, 3).expect("a date of the calendar"),
            days: 1,
            window_days: 30,
            addresses: 2_000,
            patterns: 24,
            rising: 0,
            label_coverage: 1.0,
            label_noise: 0.02,
            shapes: Repertoire::default(),
            observed: 1.0,
        }
    }
}

/// Why a simulation cannot run.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SimulationError {
    /// A number outside its range.
    #[error("simulation setting {setting}: expected {expected}, found {found}")]
    Range {
        /// Which field.
        setting: &'static str,
        /// The legal range.
        expected: String,
        /// The value given.
        found: String,
    },
    /// A name that could not stand in a path.
    #[error(
        "simulation setting network: expected 1 to 32 of a-z, 0-9 and _, beginning with a letter, found {found:?}"
    )]
    Network {
        /// The name given.
        found: String,
    },
}

impl Simulation {
    /// Whether every setting is within its range; the first that is not is named.
    ///
    /// # Errors
    /// [`SimulationError`] names setting, range and value.
    pub fn check(&self) -> Result<(), SimulationError> {
        let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let begins = self.network.starts_with(|c: char| c.is_ascii_lowercase());
        if !begins || self.network.len() > 32 || !self.network.chars().all(legal) {
            return Err(SimulationError::Network { found: self.network.clone() });
        }
        whole("days", self.days, 1, MAX_DAYS)?;
        whole("window_days", self.window_days, 1, MAX_WINDOW_DAYS)?;
        whole("addresses", self.addresses, MIN_ADDRESSES, MAX_ADDRESSES)?;
        whole("patterns", self.patterns, 0, self.addresses / 10)?;
        whole("rising", self.rising, 0, self.addresses / 10)?;
        share("label_coverage", self.label_coverage, 1.0)?;
        share("label_noise", self.label_noise, 0.5)?;
        share("observed", self.observed, 1.0)?;
        // the longest window before 2011 ends where blocks begin
        if !(2011..=2100).contains(&self.from.year()) {
            let expected = "a date from 2011 to 2100".to_owned();
            return Err(SimulationError::Range { setting: "from", expected, found: self.from.to_string() });
        }
        Ok(())
    }
}

fn whole(setting: &'static str, found: u32, least: u32, most: u32) -> Result<(), SimulationError> {
    if (least..=most).contains(&found) {
        return Ok(());
    }
    Err(SimulationError::Range { setting, expected: format!("{least} to {most}"), found: found.to_string() })
}

fn share(setting: &'static str, found: f64, most: f64) -> Result<(), SimulationError> {
    if (0.0..=most).contains(&found) {
        return Ok(());
    }
    Err(SimulationError::Range { setting, expected: format!("0 to {most}"), found: found.to_string() })
}

const MAX_DAYS: u32 = 3_660;
const MAX_WINDOW_DAYS: u32 = 400;
const MIN_ADDRESSES: u32 = 50;
const MAX_ADDRESSES: u32 = 1_000_000;
