//! `aml-miner key`: adds a key to the file of those that may call the HTTP service, or takes one out.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use clap::Args;

use super::batch::write_file;
use super::random::random;
use super::{Fault, Verdict};
use crate::server::{KeyFile, Keys, Scope};

/// Arguments of `key`.
#[derive(Debug, Args)]
pub(crate) struct Key {
    /// File of the keys, made where there is none; it holds digests, not keys
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
    /// Name of the key: letters, digits and dashes
    #[arg(long, value_name = "NAME")]
    name: String,
    /// What it is good for: score, read, admin
    #[arg(long, value_name = "SCOPE", value_delimiter = ',', value_parser = scope, default_value = "score,read")]
    scope: Vec<Scope>,
    /// Calls a minute that it may make; more get 429 [default: no limit]
    #[arg(long, value_name = "N")]
    per_minute: Option<NonZeroU32>,
    /// Take the key of this name out
    #[arg(long, conflicts_with_all = ["scope", "per_minute"])]
    revoke: bool,
}

pub(super) fn run(args: &Key) -> Result<Verdict, Fault> {
    let mut file = if args.file.exists() { read_file(&args.file)? } else { KeyFile::default() };
    if args.revoke {
        let before = file.keys.len();
        file.keys.retain(|entry| entry.id != args.name);
        if file.keys.len() == before {
            return Err(Fault::Input(format!("{}: no key {:?}", args.file.display(), args.name)));
        }
        write_file(&args.file, file.to_json().as_bytes())?;
        println!("key {} taken out; a running service keeps to it after SIGHUP", args.name);
        return Ok(Verdict::Done);
    }
    let key = file.add(&args.name, &args.scope, args.per_minute, random()?).map_err(Fault::input)?;
    write_file(&args.file, file.to_json().as_bytes())?;
    eprintln!("the key stands on the next line and nowhere else; keep it");
    println!("{key}");
    Ok(Verdict::Done)
}

/// The keys of a file.
pub(super) fn read_keys(path: &Path) -> Result<Keys, Fault> {
    read_file(path)?.keys().map_err(|error| Fault::Input(format!("{}: {error}", path.display())))
}

fn read_file(path: &Path) -> Result<KeyFile, Fault> {
    let fault = |error: &dyn std::fmt::Display| Fault::Input(format!("{}: {error}", path.display()));
    let text = std::fs::read(path).map_err(|error| fault(&error))?;
    KeyFile::from_json(&text).map_err(|error| fault(&error))
}

fn scope(text: &str) -> Result<Scope, String> {
    let found = Scope::ALL.into_iter().find(|scope| scope.name() == text);
    found.ok_or_else(|| "expected score, read or admin".to_owned())
}
