//! `--report`: what a command did and how long its stages took, as JSON. The only clocks of these commands.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use serde_json::{Map, Value, json};

use crate::cli::Fault;
use crate::table::file;

/// Where the report goes.
#[derive(Debug, Args)]
pub(super) struct To {
    /// Writes rows, stages in seconds and peak memory as JSON
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

impl To {
    /// Writes the report where one was asked for.
    pub(super) fn write(&self, report: Report) -> Result<(), Fault> {
        self.report.as_deref().map_or(Ok(()), |path| report.write(path))
    }
}

/// Fields in the order they were noted, and a stopwatch.
pub(super) struct Report {
    fields: Map<String, Value>,
    last: Instant,
}

impl Report {
    /// Starts the watch.
    pub(super) fn start() -> Self {
        Report { fields: Map::new(), last: now() }
    }

    /// Notes a value.
    pub(super) fn note(&mut self, name: &str, value: impl Into<Value>) {
        self.fields.insert(name.to_owned(), value.into());
    }

    /// Notes the seconds since the last lap.
    pub(super) fn lap(&mut self, name: &str) {
        let now = now();
        self.note(name, (now - self.last).as_secs_f64());
        self.last = now;
    }

    fn write(mut self, path: &Path) -> Result<(), Fault> {
        if let Some(bytes) = peak_memory_bytes() {
            self.note("peak_memory_bytes", json!(bytes));
        }
        let text = format!("{:#}\n", Value::Object(self.fields));
        file::write(path, text.as_bytes()).map_err(Fault::internal)
    }
}

/// The microseconds that a call takes.
pub(super) fn micros(call: impl FnOnce()) -> f64 {
    let start = now();
    call();
    start.elapsed().as_secs_f64() * 1e6
}

#[allow(
    clippy::disallowed_methods,
    reason = "the command line is the edge where time is read; no result depends on it"
)]
fn now() -> Instant {
    Instant::now()
}

/// The most memory this process ever held, where the system tells (Linux).
fn peak_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}
