//! `aml-miner verify`: does a submission hold?

use std::path::PathBuf;

use clap::Args;

use super::batch::{columns_for, open_bundle};
use super::keygen::read_public;
use super::{Fault, Verdict};
use crate::aml::derive;
use crate::aml::score::{Explain, score_alerts};
use crate::aml::sot;
use crate::pipeline::submit::{Witness, verify};

/// Arguments of `verify`.
#[derive(Debug, Args)]
#[command(
    after_help = "With a batch and a bundle the scores are made anew and compared bit by bit. Exit code 0: all holds; 1: not."
)]
pub(crate) struct Verify {
    /// The document; its manifest lies beside it
    #[arg(value_name = "SUBMISSION")]
    submission: PathBuf,
    /// Who should have signed it
    #[arg(long, value_name = "FILE")]
    public_key: Option<PathBuf>,
    /// The batch that was scored
    #[arg(long, value_name = "DIR", requires = "models")]
    batch: Option<PathBuf>,
    /// The bundle that scored it
    #[arg(long, value_name = "DIR", requires = "batch")]
    models: Option<PathBuf>,
}

pub(super) fn run(args: &Verify) -> Result<Verdict, Fault> {
    let key = args.public_key.as_deref().map(read_public).transpose()?;
    let checks = match (&args.batch, &args.models) {
        (Some(batch), Some(models)) => {
            let opened = sot::open(batch).map_err(Fault::input)?;
            let bundle = open_bundle(models)?;
            let complete = derive::complete_with(opened.batch.clone(), columns_for(&bundle));
            let scores = score_alerts(&bundle, &complete, Explain::No).map_err(Fault::input)?;
            let witness = Witness { opened: &opened, bundle: &bundle, scores: &scores };
            verify(&args.submission, key, Some(&witness))
        }
        _ => verify(&args.submission, key, None),
    };
    let checks = checks.map_err(Fault::input)?;
    for check in &checks {
        println!("{:4} {:10} {}", if check.passed { "ok" } else { "NO" }, check.name, check.found);
    }
    let holds = checks.iter().all(|check| check.passed);
    println!("{}", if holds { "VERIFIED" } else { "NOT VERIFIED" });
    Ok(if holds { Verdict::Done } else { Verdict::Negative })
}
