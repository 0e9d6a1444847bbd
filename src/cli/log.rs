//! The log on stderr: one line an event, for people or as JSON.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use super::Fault;
use super::args::{Global, LogFormat};
use crate::server::CONNECTIONS_TARGET;

/// Starts the log of this process. A second call changes nothing.
///
/// # Errors
/// When the level is none.
pub(crate) fn start(global: &Global) -> Result<(), Fault> {
    let filter = filter(&global.log_level)?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        // a reader who has gone away is told nothing, and must not end a server
        .log_internal_errors(false)
        .with_ansi(std::io::stderr().is_terminal());
    let _already_started = match global.log_format {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
    Ok(())
}

/// `info`, or a list of `target=level` as the tracing crates write it. Python's names of levels are understood.
fn filter(level: &str) -> Result<EnvFilter, Fault> {
    let level = level.trim().to_ascii_lowercase();
    let level = match level.as_str() {
        "warning" => "warn",
        "critical" | "fatal" => "error",
        other => other,
    };
    let unreadable = |why: &str| {
        Fault::Input(format!(
            "LOG_LEVEL: expected error, warn, info, debug, trace or off, found {level:?}{why}"
        ))
    };
    if !level.contains('=') && !LEVELS.contains(&level) {
        return Err(unreadable(""));
    }
    // that a client hangs up or speaks no HTTP is no error of ours, and anyone can cause it
    let directives = match level {
        "error" | "warn" | "info" => format!("{level},{CONNECTIONS_TARGET}=off"),
        other => other.to_owned(),
    };
    EnvFilter::try_new(directives).map_err(|error| unreadable(&format!(" ({error})")))
}

const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_by_either_name() {
        for fine in ["info", "INFO", "Warning", "critical", "off", "aml_miner=debug,warn"] {
            assert!(filter(fine).is_ok(), "{fine}");
        }
        for bad in ["", "loud", "aml_miner=loud"] {
            assert!(filter(bad).is_err(), "{bad}");
        }
    }
}
