//! `gbdt dump`: a model for reading.

use std::path::PathBuf;

use clap::Args;

use crate::cli::{Fault, Verdict};
use crate::gbdt::model::describe;

/// Arguments of `gbdt dump`.
#[derive(Debug, Args)]
pub(crate) struct Dump {
    /// Our own format, LightGBM's text, XGBoost's JSON or UBJSON, told by content
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
}

pub(super) fn run(command: &Dump) -> Result<Verdict, Fault> {
    print!("{}", describe::dump(&super::model::read(&command.model)?));
    Ok(Verdict::Done)
}
