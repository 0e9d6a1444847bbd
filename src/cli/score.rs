//! `aml-miner score`: the probability of every alert of a batch, with reasons.

use clap::Args;

use super::batch::{Input, Output, put};
use super::{Fault, Verdict};
use crate::aml::score::{self, Explain, answer};

/// Arguments of `score`.
#[derive(Debug, Args)]
pub(crate) struct Score {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    output: Output,
    /// How many reasons to give
    #[arg(long, value_name = "N", default_value_t = 5)]
    top: usize,
    /// Scores alone
    #[arg(long)]
    no_explain: bool,
}

pub(super) fn run(args: &Score) -> Result<Verdict, Fault> {
    let (batch, bundle) = args.input.open()?;
    let explain = if args.no_explain { Explain::No } else { Explain::Top(args.top) };
    let scores = score::score_alerts(&bundle, &batch, explain).map_err(Fault::input)?;
    // files without the time it took are the same bytes every run
    let mut answer = answer::alerts(&scores, 0.0);
    answer.rows.iter_mut().for_each(|row| row.latency_ms = None);
    put(&answer, &args.output)?;
    Ok(Verdict::Done)
}
