//! `aml-miner score`: the probability of every alert of a batch, with reasons.

use std::path::PathBuf;

use clap::Args;

use super::batch::{Input, Output, Reasons, put};
use super::store::store;
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
    /// Store scores, ranking and scores of clusters as a day in DIR, which `serve --results DIR` shows; a stored day is never changed
    #[arg(long, value_name = "DIR", conflicts_with_all = ["output", "json"])]
    store: Option<PathBuf>,
}

pub(super) fn run(args: &Score) -> Result<Verdict, Fault> {
    let (batch, bundle) = args.input.open()?;
    if let Some(dir) = &args.store {
        store(dir, &batch, &bundle, args.reasons.explain())?;
        return Ok(Verdict::Done);
    }
    let scores = score::score_alerts(&bundle, &batch, args.reasons.explain()).map_err(Fault::input)?;
    // untimed, so that files are the same bytes every run
    put(&answer::alerts(&scores), &args.output)?;
    Ok(Verdict::Done)
}
