//! What every command shares, and the list of commands.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::Fault;
use crate::pipeline::fetch::Trust;

/// Scores, ranks and explains anti-money-laundering alerts over blockchain transactions.
#[derive(Debug, Parser)]
#[command(name = "aml-miner", version, propagate_version = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Clone, Debug, Args)]
pub(crate) struct Global {
    /// Worker threads, 1 to 1024 [default: all cores]; never changes a result
    #[arg(long, global = true, value_name = "N", env = "AML_MINER_THREADS", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) threads: Option<u32>,
    /// Print results only: no progress bars, no notes
    #[arg(long, global = true)]
    pub(crate) quiet: bool,
    /// Form of the log on stderr
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text, env = "AML_MINER_LOG_FORMAT")]
    pub(crate) log_format: LogFormat,
    /// Least level that is logged: error, warn, info, debug, trace or off
    #[arg(long, global = true, value_name = "LEVEL", env = "LOG_LEVEL", default_value = "info")]
    pub(crate) log_level: String,
}

impl Global {
    /// How many worker threads to use.
    #[allow(clippy::disallowed_methods, reason = "the binary's edge; the number never changes a result")]
    pub(crate) fn threads(&self) -> usize {
        let all = || std::thread::available_parallelism().map_or(1, usize::from);
        self.threads.map_or_else(all, |n| n as usize)
    }
}

/// Whom commands that call servers trust.
#[derive(Clone, Debug, Args)]
pub(crate) struct Tls {
    /// Certificates in PEM form: a server must show one that they signed [default: authorities that browsers trust]
    #[arg(long, value_name = "FILE", env = "AML_MINER_CA_FILE")]
    pub(crate) ca_file: Option<PathBuf>,
}

impl Tls {
    pub(crate) fn trust(&self) -> Result<Trust, Fault> {
        self.ca_file.as_deref().map_or_else(|| Ok(Trust::public()), Trust::of_file).map_err(Fault::input)
    }
}

/// Form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The main job on the bundled batch: derive, score, rank, explain, then serve
    Demo(super::demo::Demo),
    /// The HTTP service over one bundle of models
    Serve(super::serve::Serve),
    /// Whether a running service is healthy: exit code 0, else 1
    Health(super::health::Health),
    /// A batch as the JSON body of the HTTP calls
    Request(super::request::Request),
    /// The tables that a batch lacks, as Parquet files
    Derive(super::derive::Derive),
    /// Trains on all batches under a folder and writes a bundle
    Train(super::train::Train),
    /// Searches for good parameters of a model and writes a configuration
    Tune(super::tune::Tune),
    /// How good a bundle is on batches with known answers
    Evaluate(super::evaluate::Evaluate),
    /// The probability of every alert of a batch, with reasons
    Score(super::score::Score),
    /// The alerts of a batch in the order to work through them
    Rank(super::rank::Rank),
    /// The probability of every cluster of a batch, with reasons
    Clusters(super::clusters::Clusters),
    /// One alert: score, exact contributions, reasons, evidence
    Explain(super::explain::ExplainAlert),
    /// The gradient boosting engine alone, on any table
    #[command(subcommand)]
    Gbdt(super::gbdt::Gbdt),
    /// What is in a batch: tables, rows, types, hashes, quality findings
    Inspect(super::inspect::Inspect),
    /// Published batches of some days, verified, into folders here
    Download(super::download::Download),
    /// What a submission would be worth, and whether a server keeps its word
    Validate(super::validate::Validate),
    /// The audit log of a service
    #[command(subcommand)]
    Audit(super::audit::Audit),
    /// The answers of an audit log computed again
    Replay(super::audit::Replay),
    /// A key that may call the HTTP service: makes one, or takes one out
    Key(super::key::Key),
    /// A pair of keys to sign submissions with
    Keygen(super::keygen::Keygen),
    /// The document of scores that a validator takes, signed, and sent where asked
    Submit(super::submit::Submit),
    /// Whether a submission holds: signature, digests, and the scores made anew
    Verify(super::verify::Verify),
    /// Writes batches with planted laundering patterns, innocent look-alikes and ground truth
    Simulate(super::simulate::Simulate),
}

impl Command {
    /// Whether its work is many short parallel loops after one another.
    pub(crate) fn trains(&self) -> bool {
        matches!(self, Command::Train(_) | Command::Tune(_) | Command::Gbdt(super::gbdt::Gbdt::Train(_)))
    }
}
