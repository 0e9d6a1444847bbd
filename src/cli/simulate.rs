//! `aml-miner simulate`: settings -> batches in folders as they are published.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};

use super::args::Global;
use super::{Fault, Verdict};
use crate::aml::derive;
use crate::aml::simulate::{Batches, Repertoire, Simulation, simulate};
use crate::aml::sot::{Batch, TableKind, write_batch};

/// Arguments of `simulate`.
#[derive(Debug, Args)]
#[command(
    after_help = "One batch a day goes to DIR/snapshots/NETWORK/DATE/WINDOW/. Same arguments, same bytes; \
                        batches whose windows overlap hold the same transfers there. docs/simulator.md says what is planted."
)]
pub(crate) struct Simulate {
    /// Folder for the batches; it must be absent or empty
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
    /// Another seed is another economy
    #[arg(long, value_name = "N", default_value_t = 42, env = "RANDOM_SEED")]
    seed: u64,
    /// Name of the network: decides the form of addresses and the native coin
    #[arg(long, value_name = "NAME", default_value = "torus")]
    network: String,
    /// Processing date of the first batch
    #[arg(long, value_name = "DATE", default_value = "2025-11-03")]
    from: NaiveDate,
    /// How many batches, one a day
    #[arg(long, value_name = "N", default_value_t = 1)]
    days: u32,
    /// Days of history in each batch
    #[arg(long, value_name = "N", default_value_t = 30)]
    window_days: u32,
    /// Wallets of ordinary people; shops, exchanges and schemes come on top
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    addresses: u32,
    /// Laundering schemes that begin per window, and as many look-alikes
    #[arg(long, value_name = "N", default_value_t = 24)]
    patterns: u32,
    /// Shops per window that begin small and grow fast, so that `target: evolution` has something to learn
    #[arg(long, value_name = "N", default_value_t = 0)]
    rising: u32,
    /// Which shapes are planted: `all` equally often, or some with weights, as in cycle=2,peel-chain=1. Shapes: cycle,
    /// layering, fan-in, smurfing, fan-out, scatter-gather, gather-scatter, bipartite, stack, peel-chain, mixer, burst,
    /// dormant-reactivation, wash-trading, sybil, rug-pull
    /// [default: cycle=0.24,layering=0.24,fan-in=0.2,smurfing=0.2,fan-out=0.12]
    #[arg(long, value_name = "SHAPES")]
    shapes: Option<Repertoire>,
    /// Share of labels of people and scheme members that contradict the truth, 0 to 0.5
    #[arg(long, value_name = "SHARE", default_value_t = 0.02)]
    label_noise: f64,
    /// Share of the usual label coverage, 0 to 1: 1 labels as many as docs/simulator.md says
    #[arg(long, value_name = "SHARE", default_value_t = 1.0)]
    label_coverage: f64,
    /// Share of all transfers that the batches hold, 0 to 1; ground truth and labels shrink to whom these show
    #[arg(long, value_name = "SHARE", default_value_t = 1.0)]
    observed: f64,
    /// Which tables: 1 alerts, clusters, features, flows; 2 patterns, features, flows; 3 transfers, assets, prices.
    /// Labels and ground truth come with each
    #[arg(long, value_enum, default_value_t = Generation::Third)]
    generation: Generation,
}

/// What a published batch holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Generation {
    /// Alerts, clusters, features, flows.
    #[value(name = "1")]
    First,
    /// Patterns, features, flows.
    #[value(name = "2")]
    Second,
    /// Transfers, assets, prices.
    #[value(name = "3")]
    Third,
}

impl Generation {
    fn tables(self) -> &'static [TableKind] {
        use TableKind::{
            AddressLabels, Alerts, AssetPrices, Assets, Clusters, Features, GroundTruth, MoneyFlows,
            Patterns, Transfers,
        };
        match self {
            Generation::First => &[Alerts, Features, Clusters, MoneyFlows, AddressLabels, GroundTruth],
            Generation::Second => &[Features, MoneyFlows, Patterns, AddressLabels, GroundTruth],
            Generation::Third => &[Transfers, Assets, AssetPrices, AddressLabels, GroundTruth],
        }
    }

    fn complete(self, batch: Batch) -> Batch {
        match self {
            Generation::Third => batch,
            Generation::First | Generation::Second => derive::complete(batch),
        }
    }
}

pub(super) fn run(args: &Simulate, global: &Global) -> Result<Verdict, Fault> {
    must_be_empty(&args.output)?;
    let batches = simulate(&args.simulation()).map_err(Fault::input)?;
    let bar = progress(&batches, global);
    for batch in batches {
        let batch = args.generation.complete(batch);
        let id = batch.id.clone();
        let place = (args.output.join("snapshots").join(&id.network))
            .join(id.processing_date.to_string())
            .join(id.window_days.to_string());
        write_batch(&place, &batch, args.generation.tables()).map_err(Fault::internal)?;
        bar.suspend(|| println!("{}", place.display()));
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(Verdict::Done)
}

impl Simulate {
    fn simulation(&self) -> Simulation {
        Simulation {
            seed: self.seed,
            network: self.network.clone(),
            from: self.from,
            days: self.days,
            window_days: self.window_days,
            addresses: self.addresses,
            patterns: self.patterns,
            rising: self.rising,
            shapes: self.shapes.clone().unwrap_or_default(),
            label_noise: self.label_noise,
            label_coverage: self.label_coverage,
            observed: self.observed,
        }
    }
}

/// Batches of two runs in one folder would look like one history and be none.
fn must_be_empty(output: &Path) -> Result<(), Fault> {
    match std::fs::read_dir(output) {
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(Fault::Input(format!(
                "{}: expected an absent or empty folder, found files; name another --output or remove them",
                output.display()
            ))),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Fault::Input(format!("{}: {error}", output.display()))),
    }
}

fn progress(batches: &Batches, global: &Global) -> ProgressBar {
    if global.quiet || batches.len() < 2 || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} batches, {eta} left");
    let bar = ProgressBar::new(batches.len() as u64);
    style.map(|style| bar.clone().with_style(style)).unwrap_or(bar)
}
