//! `aml-miner keygen`: a pair of keys to sign submissions with.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;

use super::batch::write_file;
use super::random::random;
use super::{Fault, Verdict};
use crate::pipeline::submit::{PublicKey, SecretKey};

/// Arguments of `keygen`.
#[derive(Debug, Args)]
pub(crate) struct Keygen {
    /// File of the secret key; the public one goes beside it, with .pub appended
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
}

pub(super) fn run(args: &Keygen) -> Result<Verdict, Fault> {
    let key = SecretKey::from_seed(random()?);
    write_secret(&args.output, &key.to_text())?;
    let public = public_path(&args.output);
    write_file(&public, key.public().to_text().as_bytes())?;
    println!("secret key {} (keep it), public key {}", args.output.display(), public.display());
    println!("{}", key.public().to_hex());
    Ok(Verdict::Done)
}

/// The secret key of a file that only its owner can read.
pub(super) fn read_secret(path: &Path) -> Result<SecretKey, Fault> {
    let fault = |error: &dyn std::fmt::Display| Fault::Input(format!("{}: {error}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|e| fault(&e))?;
    if is_open_to_others(path) {
        return Err(fault(&"others may read this secret key; `chmod 600` it, or make a new one"));
    }
    SecretKey::from_text(&text).map_err(|e| fault(&e))
}

/// The public key of a file.
pub(super) fn read_public(path: &Path) -> Result<PublicKey, Fault> {
    let fault = |error: &dyn std::fmt::Display| Fault::Input(format!("{}: {error}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|e| fault(&e))?;
    PublicKey::from_text(&text).map_err(|e| fault(&e))
}

/// Readable by the owner alone from the first byte on; a key that is there already is never overwritten.
fn write_secret(path: &Path, text: &str) -> Result<(), Fault> {
    if let Some(folder) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|e| Fault::Internal(format!("{}: {e}", folder.display())))?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => Fault::Input(format!(
            "{}: a key is there already; it is not overwritten, name another file",
            path.display()
        )),
        _ => Fault::Internal(format!("{}: cannot be written: {error}", path.display())),
    })?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    written.map_err(|error| {
        let _nothing_more_to_do = std::fs::remove_file(path);
        Fault::Internal(format!("{}: cannot be written: {error}", path.display()))
    })
}

fn public_path(secret: &Path) -> PathBuf {
    let mut name = secret.as_os_str().to_owned();
    name.push(".pub");
    PathBuf::from(name)
}

#[cfg(unix)]
fn is_open_to_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).is_ok_and(|data| data.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_open_to_others(_: &Path) -> bool {
    false
}
