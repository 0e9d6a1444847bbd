//! `aml-miner download`: published batches of some days, verified, into folders here.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::time::Duration;

use chrono::NaiveDate;
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};

use super::args::{Global, Tls};
use super::{Fault, Verdict};
use crate::aml::sot::BatchId;
use crate::pipeline::fetch::{
    Client, DownloadError, Downloader, Limits, Outcome, Pause, Progress, Retry, Source, Told,
};

/// Arguments of `download`.
#[derive(Debug, Args)]
#[command(
    after_help = "A batch appears in OUTPUT/snapshots/NETWORK/DATE/WINDOW/ when all of it is here and verified; an interrupted run \
                        is taken up by the next. Exit code 1: some day is not published, or could not be brought here."
)]
pub(crate) struct Download {
    /// Network, as in the published paths
    #[arg(long, value_name = "NAME")]
    network: String,
    /// First processing date
    #[arg(long, value_name = "DATE")]
    from: NaiveDate,
    /// Last processing date [default: the first]
    #[arg(long, value_name = "DATE")]
    to: Option<NaiveDate>,
    /// Length of the window in days
    #[arg(long, value_name = "N", default_value_t = 195)]
    window_days: u32,
    /// Folder that holds snapshots/ and address-labels/
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
    /// Where batches are published: everything before /snapshots/ or /api/
    #[arg(long, value_name = "URL", env = "AML_MINER_BASE_URL")]
    base_url: String,
    /// What kind of server that is
    #[arg(long, value_enum, default_value_t = Kind::Objects)]
    source: Kind,
    /// Bearer token of an export
    #[arg(long, value_name = "TOKEN", env = "AML_MINER_API_KEY", hide_env_values = true)]
    api_key: Option<String>,
    /// Tries for each file
    #[arg(long, value_name = "N", default_value_t = 6)]
    tries: u32,
    /// The largest file to take, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 8192)]
    max_file_mb: u64,
    #[command(flatten)]
    tls: Tls,
}

/// Kinds of servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Files by name, no credentials (S3)
    Objects,
    /// Tables by dates, with a bearer token
    Export,
}

pub(super) fn run(args: &Download, global: &Global) -> Result<Verdict, Fault> {
    let days = days(args)?;
    let progress = Bar::new(global);
    let source = match args.source {
        Kind::Objects => Source::objects(&args.base_url),
        Kind::Export => Source::export(&args.base_url, args.api_key.as_deref()),
    };
    let limits = Limits { bytes: args.max_file_mb.saturating_mul(1 << 20), ..Limits::default() };
    let client = Client::new(source.base(), limits, &args.tls.trust()?);
    let retry = Retry { tries: args.tries.max(1), ..Retry::default() };
    let downloader = Downloader::new(source, client, retry, &Sleep, &progress);
    let mut verdict = Verdict::Done;
    for processing_date in days {
        let id =
            BatchId { network: args.network.to_lowercase(), processing_date, window_days: args.window_days };
        match downloader.batch(&id, &args.output) {
            Ok(outcome) => {
                progress.say(&format!("{}: {}", id.name(), told(outcome)));
                if outcome == Outcome::NotPublished {
                    verdict = Verdict::Negative;
                }
            }
            // without a server, or a disk, the other days fare no better
            Err(error @ (DownloadError::Http(_) | DownloadError::Disk { .. })) => return Err(fault(error)),
            Err(error) => {
                progress.bar.suspend(|| eprintln!("{}: {error}", id.name()));
                verdict = Verdict::Negative;
            }
        }
    }
    if args.source == Kind::Objects {
        let outcome = downloader.labels(&args.network.to_lowercase(), &args.output).map_err(fault)?;
        progress.say(&format!("labels of {}: {}", args.network, told(outcome)));
    }
    progress.bar.finish_and_clear();
    Ok(verdict)
}

/// A disk that refuses is this machine's; all else is what was asked for, or of whom.
fn fault(error: DownloadError) -> Fault {
    match error {
        DownloadError::Disk { .. } => Fault::internal(error),
        _ => Fault::input(error),
    }
}

fn days(args: &Download) -> Result<Vec<NaiveDate>, Fault> {
    let last = args.to.unwrap_or(args.from);
    if last < args.from {
        return Err(Fault::Input(format!("--to {last}: expected a date not before --from {}", args.from)));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if args.network.is_empty() || !args.network.chars().all(plain) {
        return Err(Fault::Input(format!("--network {}: expected letters, digits, _ and -", args.network)));
    }
    if args.window_days == 0 {
        return Err(Fault::Input("--window-days 0: expected at least 1".to_owned()));
    }
    Ok(args.from.iter_days().take_while(|day| *day <= last).collect())
}

fn told(outcome: Outcome) -> String {
    match outcome {
        Outcome::Fetched { files, bytes } => format!("fetched, {files} files, {bytes} bytes"),
        Outcome::Present => "here already".to_owned(),
        Outcome::NotPublished => "not published".to_owned(),
    }
}

/// The operating system's pauses.
struct Sleep;

impl Pause for Sleep {
    fn pause(&self, time: Duration) {
        std::thread::sleep(time);
    }
}

/// Bytes of the current file.
struct Bar {
    bar: ProgressBar,
    quiet: bool,
}

impl Bar {
    fn new(global: &Global) -> Bar {
        if global.quiet || !std::io::stderr().is_terminal() {
            return Bar { bar: ProgressBar::hidden(), quiet: global.quiet };
        }
        let style =
            ProgressStyle::with_template("{msg} {bar:30} {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left");
        let bar = ProgressBar::new(0);
        Bar { bar: style.map(|style| bar.clone().with_style(style)).unwrap_or(bar), quiet: false }
    }

    fn say(&self, text: &str) {
        self.bar.suspend(|| println!("{text}"));
    }
}

impl Progress for Bar {
    fn begins(&self, file: &str, here: u64, all: Option<u64>) {
        self.bar.set_message(file.rsplit('/').next().unwrap_or_default().to_owned());
        self.bar.set_length(all.unwrap_or(0));
        self.bar.set_position(here);
    }

    fn more(&self, bytes: u64) {
        self.bar.inc(bytes);
    }

    fn again(&self, failed: &Told, pause: Duration) {
        if !self.quiet {
            let why = match failed {
                Told::Nothing(error) => error.to_string(),
                Told::Status(status, _) => format!("status {status}"),
            };
            self.bar.suspend(|| eprintln!("{why}; again in {:.1} s", pause.as_secs_f64()));
        }
    }
}
