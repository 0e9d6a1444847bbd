//! `aml-miner audit verify`: whether an audit log holds together. `aml-miner replay`: its answers computed again.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::clock::SystemClock;
use super::keygen::read_public;
use super::{Fault, Verdict};
use crate::determinism::digest::Digest;
use crate::pipeline::submit::Signature;
use crate::server::{Answered, Event, Registry, RequestStore, replay as compute_again, verify_log};

/// What to do with an audit log.
#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Checks the chain and the signatures of a log; exit code 1 where anything was changed, cut or left open
    Verify(VerifyLog),
}

/// Arguments of `audit verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyLog {
    /// Folder of the log
    #[arg(value_name = "DIR")]
    log: PathBuf,
    /// File of the public key, as `aml-miner keygen` writes it
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The log has at least so many records, by what was noted elsewhere
    #[arg(long, value_name = "N", default_value_t = 0)]
    at_least: u64,
    /// The service is running: a missing last checkpoint is no fault
    #[arg(long)]
    running: bool,
}

/// Arguments of `replay`.
#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// Folder of the log
    #[arg(long, value_name = "DIR")]
    log: PathBuf,
    /// Folder of the bodies that were kept
    #[arg(long, value_name = "DIR")]
    requests: PathBuf,
    /// Folder of the bundle, or of versions [default: the models inside this program]
    #[arg(long, value_name = "DIR", env = "AML_MINER_MODELS")]
    models: Option<PathBuf>,
    /// One record alone
    #[arg(long, value_name = "N")]
    seq: Option<u64>,
}

pub(super) fn run(command: &Audit) -> Result<Verdict, Fault> {
    let Audit::Verify(args) = command;
    let key = read_public(&args.key)?;
    let check = |message: &[u8], signature: &str| key.verifies(message, &Signature::from_text(signature));
    let mut found = verify_log(&args.log, &check, |_| ())
        .map_err(|error| Fault::Input(format!("{}: {error}", args.log.display())))?;
    if found.records < args.at_least {
        found.faults.push(format!("expected at least {} records, found {}", args.at_least, found.records));
    }
    println!(
        "{} records, {} checkpoints, {} records behind the last",
        found.records, found.checkpoints, found.open
    );
    found.faults.iter().for_each(|fault| println!("{fault}"));
    for seq in &found.unclean {
        println!(
            "record {seq}: a start that follows no clean stop: the service was killed, or the log was cut there"
        );
    }
    if !found.closed && !args.running {
        println!(
            "the log does not end in the checkpoint of a clean stop: the service runs, was killed, or the log was cut"
        );
    }
    found.closed |= args.running;
    println!("{}", if found.sound() { "sound" } else { "NOT sound" });
    Ok(if found.sound() { Verdict::Done } else { Verdict::Negative })
}

pub(super) fn replay(args: &Replay) -> Result<Verdict, Fault> {
    let registry = super::bundled::registry(args.models.as_deref());
    let store = RequestStore::open(&args.requests, None)
        .map_err(|error| Fault::Input(format!("{}: {error}", args.requests.display())))?;
    let mut answers = vec![];
    verify_log(&args.log, &|_, _| true, |record| {
        if let Event::Answer(answered) = &record.event {
            if args.seq.is_none_or(|seq| seq == record.seq) {
                answers.push((record.seq, answered.clone()));
            }
        }
    })
    .map_err(|error| Fault::Input(format!("{}: {error}", args.log.display())))?;
    if answers.is_empty() {
        return Err(Fault::Input(format!("{}: no such answer in the log", args.log.display())));
    }
    let mut same = true;
    for (seq, answered) in &answers {
        let outcome = again(answered, &registry, &store);
        same &= outcome.is_ok();
        println!("record {seq} {}: {}", answered.path, outcome.unwrap_or_else(|why| why));
    }
    Ok(if same { Verdict::Done } else { Verdict::Negative })
}

/// One answer again: the digest that it has again, or why it has not.
fn again(answered: &Answered, registry: &Registry, store: &RequestStore) -> Result<String, String> {
    let digest = Digest::from_hex(&answered.request_sha256).ok_or("the record names no request")?;
    let body = store.get(digest).map_err(|error| format!("request {digest}: {error}"))?;
    let body = body.ok_or_else(|| format!("request {digest} is not kept"))?;
    let mut versions = vec![None];
    versions.extend(registry.versions()?.into_iter().map(Some));
    let loaded = versions.iter().filter_map(|version| registry.load(version.as_deref()).ok());
    let bundle = loaded.into_iter().find(|bundle| bundle.digest().to_string() == answered.model_digest);
    let bundle = bundle.ok_or_else(|| format!("bundle {} is not among the models", answered.model_digest))?;
    let found = compute_again(bundle, Box::new(SystemClock::start()), answered, body)?;
    match found == answered.answer_sha256 {
        true => Ok(format!("the same answer, {found}")),
        false => Err(format!("ANOTHER answer: expected {}, found {found}", answered.answer_sha256)),
    }
}
