//! `aml-miner derive`: what a batch lacks, as files.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};

use super::args::Global;
use super::clock::SystemClock;
use super::{Fault, Verdict};
use crate::aml::derive::{
    AlertParts, Aside, ClusterExtent, ColumnExtent, Extent, FeatureColumns, Observe, PatternExtent, Previous,
    ProximityExtent, Rows, complete_observed, let_go,
};
use crate::aml::sot::{
    AddressFeatures, Alert, Batch, BatchId, BatchWriter, Cluster, MoneyFlow, Part, Pattern, TableKind,
};
use crate::determinism::par;
use crate::server::Clock;
use crate::table::WriteError;

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
    /// threshold evasion, relay chains, gather-scatters, dormant activations, rug pulls,
    /// bipartite payments and stacks of these
    #[arg(long, value_enum, default_value_t = Patterns::Alerting)]
    patterns: Patterns,
    /// Which clusters to write: those of one address, which models learned from, or also those of one pattern and those of
    /// addresses with grave alerts that pay each other
    #[arg(long, value_enum, default_value_t = Clusters::SameEntity)]
    clusters: Clusters,
    /// Also say how near addresses are to others that labels call risky: columns and patterns that no model may train on
    #[arg(long)]
    proximity: bool,
    /// Also say what changed since the batch in this folder, an earlier one of the same network and window length
    #[arg(long, value_name = "BATCH")]
    previous: Option<PathBuf>,
    /// Tell on standard error how long each stage took, in seconds
    #[arg(long)]
    timings: bool,
}

/// Which clusters are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Clusters {
    /// Those of one address.
    SameEntity,
    /// Every kind.
    All,
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
    let clock = args.timings.then(SystemClock::start);
    let bar = progress(global);
    bar.set_message(format!("reading {}", args.batch.display()));
    let mut batch = Batch::open(&args.batch).map_err(Fault::input)?;
    if same_folder(args) {
        let text = "--output: expected another folder than the batch's and the previous one's, whose META.json would be replaced";
        return Err(Fault::Input(text.to_owned()));
    }
    let previous = args.previous.as_deref().map(|dir| previous(&batch.id, dir)).transpose()?;
    warn_of_those_outside(&batch);
    let extent = extent(args, previous.as_ref());
    let_go(&mut batch, extent.proximity);
    let stages = Stages::new(&args.output, clock, bar);
    stages.done("read");
    let (batch, derived) = complete_observed(batch, extent, &stages).map_err(Fault::internal)?;
    if derived.is_empty() {
        stages.bar.finish_and_clear();
        println!("{}: nothing to derive", batch.id.name());
        return Ok(Verdict::Done);
    }
    let tables = stages.finish(&batch.id).map_err(Fault::internal)?;
    for (kind, rows) in &tables {
        println!("{:<12} {rows:>10} rows", kind.name());
    }
    if !global.quiet {
        eprintln!("{}: {} tables derived into {}", batch.id.name(), tables.len(), args.output.display());
    }
    Ok(Verdict::Done)
}

fn previous(id: &BatchId, dir: &Path) -> Result<Previous, Fault> {
    let earlier = Batch::open(dir).map_err(Fault::input)?;
    Previous::of(id, earlier).map_err(Fault::input)
}

fn extent<'p>(args: &'p Derive, previous: Option<&'p Previous>) -> Extent<'p> {
    Extent {
        columns: ColumnExtent::All,
        patterns: match args.patterns {
            Patterns::Alerting => PatternExtent::Alerting,
            Patterns::All => PatternExtent::All,
        },
        clusters: match args.clusters {
            Clusters::SameEntity => ClusterExtent::SameEntity,
            Clusters::All => ClusterExtent::All,
        },
        proximity: if args.proximity { ProximityExtent::Added } else { ProximityExtent::None },
        previous,
        aside: Some(Aside { limit: IN_MEMORY, folder: &args.output }),
    }
}

/// Writes tables as soon as nothing reads them any more, and frees them; tells the time if asked.
struct Stages<'d> {
    output: &'d Path,
    clock: Option<SystemClock>,
    bar: ProgressBar,
    last: Mutex<Duration>,
    /// The first fault ends the writing.
    written: Mutex<Result<Written<'d>, WriteError>>,
}

/// The writer, once there is something to write, and the rows of each table.
#[derive(Default)]
struct Written<'d> {
    writer: Option<BatchWriter<'d>>,
    tables: Vec<(TableKind, usize)>,
}

impl<'d> Stages<'d> {
    fn new(output: &'d Path, clock: Option<SystemClock>, bar: ProgressBar) -> Self {
        let written = Mutex::new(Ok(Written::default()));
        Stages { output, clock, bar, last: Mutex::new(Duration::ZERO), written }
    }

    /// Writes tables, once the writer is there; a fault stays and ends the writing.
    fn write(&self, write: impl FnOnce(&mut BatchWriter<'d>) -> Result<Vec<(TableKind, usize)>, WriteError>) {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let Ok(so_far) = &mut *written else { return };
        let mut writer = match so_far.writer.take().map_or_else(|| BatchWriter::new(self.output), Ok) {
            Ok(writer) => writer,
            Err(fault) => return *written = Err(fault),
        };
        match write(&mut writer) {
            Ok(tables) => so_far.tables.extend(tables),
            Err(fault) => return *written = Err(fault),
        }
        so_far.writer = Some(writer);
    }

    /// The tables written, in the order of [`TableKind::ALL`], META.json over them.
    fn finish(self, id: &BatchId) -> Result<Vec<(TableKind, usize)>, WriteError> {
        self.bar.finish_and_clear();
        let Written { writer, mut tables } =
            self.written.into_inner().unwrap_or_else(PoisonError::into_inner)?;
        writer.map_or(Ok(()), |writer| writer.finish(id))?;
        tables.sort_unstable();
        Ok(tables)
    }
}

impl Observe for Stages<'_> {
    fn done(&self, stage: &'static str) {
        self.bar.set_message(format!("{stage}: done"));
        if let Some(clock) = &self.clock {
            let now = clock.monotonic();
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            self.bar.suspend(|| eprintln!("{stage:<20} {:>8.3}", (now - *last).as_secs_f64()));
            *last = now;
        }
    }

    fn read(&self, batch: &mut Batch) {
        batch.transfers = None;
    }

    fn settled_clusters(&self, batch: &mut Batch) {
        let kind = TableKind::Clusters;
        self.write(|writer| {
            writer.write(batch, kind)?;
            Ok(vec![(kind, batch.rows(kind).unwrap_or(0))])
        });
        batch.clusters = None;
        self.done("clusters written");
    }

    fn settled_patterns(&self, batch: &mut Batch, patterns: Rows<'_, Pattern>) {
        self.write(|writer| write_rows(writer, &batch.id, TableKind::Patterns, PATTERNS_AT_A_TIME, patterns));
        self.done("patterns written");
    }

    fn settled_alerts(
        &self,
        id: &BatchId,
        alerts: AlertParts<'_>,
    ) -> (Option<Vec<Alert>>, Option<Vec<Cluster>>) {
        let AlertParts { asked, parts } = alerts;
        self.write(|writer| {
            let mut alerts = writer.begin_table::<Alert>(id)?;
            let mut clusters = if asked { Some(writer.begin_table::<Cluster>(id)?) } else { None };
            each_ahead(parts, |(part, of_part)| {
                if !part.is_empty() {
                    alerts.write(part)?;
                }
                clusters.iter_mut().try_for_each(|clusters| clusters.write(of_part))
            })?;
            let mut tables = vec![(TableKind::Alerts, writer.end_table(alerts)?)];
            if let Some(clusters) = clusters {
                tables.push((TableKind::Clusters, writer.end_table(clusters)?));
            }
            Ok(tables)
        });
        (None, None)
    }

    fn settled_flows(&self, batch: &mut Batch, flows: Rows<'_, MoneyFlow>) {
        self.write(|writer| write_rows(writer, &batch.id, TableKind::MoneyFlows, FLOWS_AT_A_TIME, flows));
        self.done("flows written");
    }

    fn settled_features(&self, batch: &mut Batch, features: FeatureColumns<'_>) {
        let Some(AddressFeatures { addresses, .. }) = batch.features.take() else { return };
        let (rows, FeatureColumns { names, columns }) = (addresses.len(), features);
        self.write(|writer| {
            writer.write_features(&batch.id, addresses, &names, columns)?;
            Ok(vec![(TableKind::Features, rows)])
        });
        self.done("features written");
    }
}

/// Writes a table, so many rows at a time.
fn write_rows<T: Part + Send + Sync + 'static>(
    writer: &mut BatchWriter,
    id: &BatchId,
    kind: TableKind,
    at_a_time: usize,
    table: Rows<'_, T>,
) -> Result<Vec<(TableKind, usize)>, WriteError> {
    let Rows { len, rows } = table;
    let mut begun = writer.begin_table::<T>(id)?;
    let firsts = (0..len).step_by(at_a_time);
    let mut parts = firsts.map(|first| rows(first..len.min(first + at_a_time)));
    each_ahead(&mut parts, |part| begun.write(part))?;
    Ok(vec![(kind, writer.end_table(begun)?)])
}

/// Writes parts one after the other, each while the next is made.
fn each_ahead<P: Send + Sync + 'static>(
    parts: &mut (dyn Iterator<Item = P> + Send),
    mut write: impl FnMut(&P) -> Result<(), WriteError> + Send,
) -> Result<(), WriteError> {
    let mut ready = parts.next();
    while let Some(part) = ready {
        let (written, next) = par::join(|| write(&part), || parts.next());
        written?;
        par::let_go(part);
        ready = next;
    }
    Ok(())
}

/// Flows that are in memory together, half a kilobyte each; some are made and some freed meanwhile.
const FLOWS_AT_A_TIME: usize = 1 << 16;

/// The same of patterns: one may name thousands of addresses.
const PATTERNS_AT_A_TIME: usize = 1 << 14;

/// Bytes of address features that wait in memory; the rest does in a file.
const IN_MEMORY: usize = 64 << 20;

/// A turning sign with the time so far and the stage that ended last; only on a terminal.
fn progress(global: &Global) -> ProgressBar {
    if global.quiet {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner().with_finish(ProgressFinish::AndClear);
    bar.enable_steady_tick(Duration::from_millis(200));
    let style = ProgressStyle::with_template("{spinner} {elapsed_precise} {msg}");
    style.map(|style| bar.clone().with_style(style)).unwrap_or(bar)
}

/// Whoever names the wrong day gets tables of nothing, and should know why.
fn warn_of_those_outside(batch: &Batch) {
    let Some(transfers) = batch.transfers.as_ref().filter(|_| batch.id.window_days > 0) else { return };
    let outside = batch.transfers_outside_window();
    if outside > 0 {
        let (all, days, date) = (transfers.times().len(), batch.id.window_days, batch.id.processing_date);
        tracing::warn!(
            "{outside} of {all} transfers lie outside the batch's window, the {days} days before {date}: \
             left out of everything derived"
        );
    }
}

/// Whether the output would go where the batch is, or the one it is compared with.
fn same_folder(args: &Derive) -> bool {
    let real = |path: &PathBuf| path.canonicalize().ok();
    let output = real(&args.output);
    let read = [Some(&args.batch), args.previous.as_ref()];
    output.is_some() && read.into_iter().flatten().any(|path| real(path) == output)
}
