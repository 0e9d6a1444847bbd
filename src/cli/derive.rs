//! `aml-miner derive`: what a batch lacks, as files.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::args::Global;
use super::clock::SystemClock;
use super::{Fault, Verdict};
use crate::aml::derive::{ColumnExtent, Derived, Extent, PatternExtent, TransferExtent, complete_to};
use crate::aml::sot::{Batch, TableKind, write_batch};
use crate::server::Clock;

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
    /// Tell on standard error how long each stage took, in seconds
    #[arg(long)]
    timings: bool,
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
    let mut watch = Watch { clock: args.timings.then(SystemClock::start), last: Duration::ZERO };
    let batch = Batch::open(&args.batch).map_err(Fault::input)?;
    watch.lap("read");
    if same_folder(args) {
        let text = "--output: expected another folder than the batch's, whose META.json would be replaced";
        return Err(Fault::Input(text.to_owned()));
    }
    let (batch, derived) = complete_to(batch, extent(args.patterns), &mut |stage| watch.lap(stage));
    if derived.is_empty() {
        println!("{}: nothing to derive", batch.id.name());
        return Ok(Verdict::Done);
    }
    let kinds: Vec<TableKind> = derived.iter().map(|table| kind(*table)).collect();
    write_batch(&args.output, &batch, &kinds).map_err(Fault::internal)?;
    watch.lap("written");
    for &kind in &kinds {
        let rows = batch.rows(kind).unwrap_or(0);
        println!("{:<12} {rows:>10} rows", kind.name());
    }
    if !global.quiet {
        eprintln!("{}: {} tables derived into {}", batch.id.name(), kinds.len(), args.output.display());
    }
    Ok(Verdict::Done)
}

fn extent(patterns: Patterns) -> Extent {
    Extent {
        columns: ColumnExtent::All,
        patterns: match patterns {
            Patterns::Alerting => PatternExtent::Alerting,
            Patterns::All => PatternExtent::All,
        },
        // no table of theirs is written
        transfers: TransferExtent::Released,
    }
}

/// The time since the stage before, where it is asked for.
struct Watch {
    clock: Option<SystemClock>,
    last: Duration,
}

impl Watch {
    fn lap(&mut self, stage: &str) {
        if let Some(clock) = &self.clock {
            let now = clock.monotonic();
            eprintln!("{stage:<20} {:>8.3}", (now - self.last).as_secs_f64());
            self.last = now;
        }
    }
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
