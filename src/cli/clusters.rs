//! `aml-miner clusters`: the probability of every cluster of a batch, with reasons.

use clap::Args;

use super::batch::{Input, Output, Reasons, put};
use super::{Fault, Verdict};
use crate::aml::score::{self, answer};

/// Arguments of `clusters`.
#[derive(Debug, Args)]
pub(crate) struct Clusters {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    reasons: Reasons,
}

pub(super) fn run(args: &Clusters) -> Result<Verdict, Fault> {
    let (batch, bundle) = args.input.open()?;
    let scores = score::score_clusters(&bundle, &batch, args.reasons.explain()).map_err(Fault::input)?;
    put(&answer::clusters(&scores), &args.output)?;
    Ok(Verdict::Done)
}
