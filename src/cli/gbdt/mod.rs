//! `aml-miner gbdt ...`: the engine alone, on any table.

use clap::Subcommand;

use super::args::Global;
use super::{Fault, Verdict};

/// Commands of the engine.
#[derive(Debug, Subcommand)]
pub(crate) enum Gbdt {}

pub(super) fn run(command: &Gbdt, _global: &Global) -> Result<Verdict, Fault> {
    match *command {}
}
