//! `aml-miner clusters`: the probability of every cluster of a batch, with reasons.

use clap::Args;

use super::batch::{Input, Output, put};
use super::{Fault, Verdict};
use crate::aml::score::{self, Explain, answer};

/// Arguments of `clusters`.
#[derive(Debug, Args)]
pub(crate) struct Clusters {
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

pub(super) fn run(args: &Clusters) -> Result<Verdict, Fault> {
    let (batch, bundle) = args.input.open()?;
    let explain = if args.no_explain { Explain::No } else { Explain::Top(args.top) };
    let scores = score::score_clusters(&bundle, &batch, explain).map_err(Fault::input)?;
    let mut answer = answer::clusters(&scores, 0.0);
    answer.rows.iter_mut().for_each(|row| row.latency_ms = None);
    put(&answer, &args.output)?;
    Ok(Verdict::Done)
}
