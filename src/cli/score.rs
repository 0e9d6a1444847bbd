//! `aml-miner score`: the probability of every alert of a batch, with reasons.

use clap::Args;

use super::batch::{Input, Output, Reasons, put};
use super::{Fault, Verdict};
use crate::aml::score::{self, answer};

/// Arguments of `score`.
#[derive(Debug, Args)]
pub(crate) struct Score {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    reasons: Reasons,
}

pub(super) fn run(args: &Score) -> Result<Verdict, Fault> {
    let (batch, bundle) = args.input.open()?;
    let scores = score::score_alerts(&bundle, &batch, args.reasons.explain()).map_err(Fault::input)?;
    // untimed, so that files are the same bytes every run
    put(&answer::alerts(&scores), &args.output)?;
    Ok(Verdict::Done)
}
