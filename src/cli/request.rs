//! `aml-miner request`: a batch as the JSON body that the three POST calls take.

use std::path::PathBuf;

use clap::Args;

use super::args::Global;
use super::batch::write_file;
use super::{Fault, Verdict, bundled};
use crate::aml::derive::{self, ColumnExtent};
use crate::aml::sot::{self, NUMBER_COLUMNS, request_body};

/// Arguments of `request`.
#[derive(Debug, Args)]
pub(crate) struct Request {
    /// Folder of the batch [default: the batch inside this program]; what is absent is derived
    batch: Option<PathBuf>,
    /// Only the first N alerts, with the rows that they read
    #[arg(long, value_name = "N")]
    alerts: Option<usize>,
    /// File to write [default: stdout]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn run(args: &Request, _global: &Global) -> Result<Verdict, Fault> {
    let raw = bundled::open_batch(args.batch.as_deref())?;
    let mut batch = derive::complete_with(raw, ColumnExtent::All);
    if let Some(table) = &mut batch.features {
        // nobody who answers reads the others
        let official = derive::columns();
        let is_read = |name: &str| NUMBER_COLUMNS.contains(&name) || official.iter().any(|c| c.name == name);
        table.columns.retain(|column| is_read(&column.name));
    }
    if let Some(n) = args.alerts {
        sot::keep_alerts(&mut batch, n);
    }
    let text = request_body(&batch).to_string();
    match &args.output {
        None => print!("{text}"),
        Some(path) => write_file(path, text.as_bytes())?,
    }
    Ok(Verdict::Done)
}
