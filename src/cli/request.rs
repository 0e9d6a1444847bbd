//! `aml-miner request`: a batch as the JSON body that the three POST calls take.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;

use super::args::Global;
use super::batch::write_file;
use super::{Fault, Verdict, bundled};
use crate::aml::derive;
use crate::aml::sot::{AddressFeatures, Batch, request_body};

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
    let mut batch = derive::complete(bundled::open_batch(args.batch.as_deref())?);
    if let Some(n) = args.alerts {
        keep_alerts(&mut batch, n);
    }
    let text = request_body(&batch).to_string();
    match &args.output {
        None => std::io::stdout().lock().write_all(text.as_bytes()).map_err(Fault::internal)?,
        Some(path) => write_file(path, text.as_bytes())?,
    }
    Ok(Verdict::Done)
}

/// Cuts the alerts to the first `n`, and every other table to what those read: flows and clusters that name them.
fn keep_alerts(batch: &mut Batch, n: usize) {
    let alerts = batch.alerts.get_or_insert_default();
    alerts.truncate(n);
    let named = |address: &str| alerts.iter().any(|a| a.address == address);
    if let Some(flows) = &mut batch.money_flows {
        flows.retain(|f| named(&f.from_address) || named(&f.to_address));
    }
    if let Some(clusters) = &mut batch.clusters {
        clusters.retain(|c| alerts.iter().any(|a| c.related_alert_ids.contains(&a.alert_id)));
    }
    if let Some(table) = &batch.features {
        let kept = alerts.iter().filter_map(|a| table.addresses.get(&a.address));
        let rows: std::collections::BTreeSet<_> = kept.collect();
        let mut cut = AddressFeatures::default();
        for row in &rows {
            cut.addresses.intern(table.addresses.name(*row));
        }
        cut.columns = table.columns.clone();
        for column in &mut cut.columns {
            column.values = rows.iter().map(|row| column.values[*row as usize]).collect();
        }
        batch.features = Some(cut);
    }
}
