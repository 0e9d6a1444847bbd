//! `aml-miner rank`: the alerts of a batch in the order to work through them.

use clap::Args;

use super::batch::{Input, Output, put};
use super::{Fault, Verdict};
use crate::aml::score::{self, answer};

/// Arguments of `rank`.
#[derive(Debug, Args)]
pub(crate) struct Rank {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    output: Output,
}

pub(super) fn run(args: &Rank) -> Result<Verdict, Fault> {
    let (batch, bundle) = args.input.open()?;
    let ranks = score::rank_alerts(&bundle, &batch).map_err(Fault::input)?;
    put(&answer::ranking(&ranks), &args.output)?;
    Ok(Verdict::Done)
}
