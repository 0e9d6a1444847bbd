//! `aml-miner derive`: what a batch lacks, as files.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::args::Global;
use super::{Fault, Verdict};
use crate::aml::derive::{Derived, add_further_patterns, add_graph_features, complete_and_list};
use crate::aml::sot::{Batch, TableKind, write_batch};

/// Writes the tables that a batch lacks and its others determine.
#[derive(Debug, Args)]
pub(crate) struct Derive {
    /// Folder of the batch
    #[arg(value_name = "BATCH")]
    batch: PathBuf,
    /// Folder to write to: the derived tables, then META.json; not that of the batch
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
    /// Which patterns to write: those that alerts come from, or also smurfing networks, peel chains, mixers,
    /// threshold evasion and relay chains
    #[arg(long, value_enum, default_value_t = Patterns::Alerting)]
    patterns: Patterns,
}

/// Which detectors run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Patterns {
    /// Those that alerts come from.
    Alerting,
    /// Every one.
    All,
}

pub(crate) fn run(args: &Derive, global: &Global) -> Result<Verdict, Fault> {
    let batch = Batch::open(&args.batch).map_err(Fault::input)?;
    if same_folder(args) {
        let text = "--output: expected another folder than the batch's, whose META.json would be replaced";
        return Err(Fault::Input(text.to_owned()));
    }
    let (mut batch, derived) = complete_and_list(batch);
    if derived.contains(&Derived::Features) {
        add_graph_features(&mut batch);
    }
    if args.patterns == Patterns::All && derived.contains(&Derived::Patterns) {
        add_further_patterns(&mut batch);
    }
    if derived.is_empty() {
        println!("{}: nothing to derive", batch.id.name());
        return Ok(Verdict::Done);
    }
    let kinds: Vec<TableKind> = derived.iter().map(|table| kind(*table)).collect();
    // read to the end, and as large as what is to be written
    batch.transfers = None;
    write_batch(&args.output, &batch, &kinds).map_err(Fault::internal)?;
    for &kind in &kinds {
        let rows = batch.rows(kind).unwrap_or(0);
        println!("{:<12} {rows:>10} rows", kind.name());
    }
    if !global.quiet {
        eprintln!("{}: {} tables derived into {}", batch.id.name(), kinds.len(), args.output.display());
    }
    Ok(Verdict::Done)
}

fn same_folder(args: &Derive) -> bool {
    let real = |path: &PathBuf| path.canonicalize().ok();
    real(&args.output).is_some() && real(&args.output) == real(&args.batch)
}

fn kind(derived: Derived) -> TableKind {
    match derived {
        Derived::MoneyFlows => TableKind::MoneyFlows,
        Derived::Features => TableKind::Features,
        Derived::Patterns => TableKind::Patterns,
        Derived::Alerts => TableKind::Alerts,
        Derived::Clusters => TableKind::Clusters,
    }
}
