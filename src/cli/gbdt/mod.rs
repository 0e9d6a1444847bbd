//! `aml-miner gbdt ...`: the engine alone, on any table.

mod bench;
mod convert;
mod data;
mod dump;
mod model;
mod predict;
mod report;
mod train;

use clap::Subcommand;

use super::args::Global;
use super::{Fault, Verdict};

/// Commands of the engine.
#[derive(Debug, Subcommand)]
pub(crate) enum Gbdt {
    /// A model of a table
    Train(train::Train),
    /// Scores, leaves or contributions of every row of a table
    Predict(predict::Predict),
    /// A model in another format, chosen by extension
    Convert(convert::Convert),
    /// A model for reading: importances and trees
    Dump(dump::Dump),
    /// How long a row takes, from raw numbers
    Bench(bench::Bench),
}

pub(super) fn run(command: &Gbdt, global: &Global) -> Result<Verdict, Fault> {
    match command {
        Gbdt::Train(command) => train::run(command, global),
        Gbdt::Predict(command) => predict::run(command, global),
        Gbdt::Convert(command) => convert::run(command),
        Gbdt::Dump(command) => dump::run(command),
        Gbdt::Bench(command) => bench::run(command, global),
    }
}
