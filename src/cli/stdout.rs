//! Standard output and error that may go away: `| head` closes its pipe when it has seen enough, which is no failure and must
//! be no panic; a full disk is a failure, told when the command ends.
//!
//! The macros of this module stand in for std's of the same names in every command below it.

use std::fmt;
use std::io::{ErrorKind, Result as IoResult, Write as _};
use std::sync::OnceLock;

use super::Fault;

macro_rules! print {
    ($($text:tt)*) => { $crate::cli::stdout::write(format_args!($($text)*)) };
}

macro_rules! println {
    ($($text:tt)*) => { $crate::cli::stdout::write_line(format_args!($($text)*)) };
}

macro_rules! eprintln {
    ($($text:tt)*) => { $crate::cli::stdout::note(format_args!($($text)*)) };
}

pub(crate) fn write(text: fmt::Arguments<'_>) {
    keep(std::io::stdout().lock().write_fmt(text));
}

pub(crate) fn write_line(text: fmt::Arguments<'_>) {
    write(format_args!("{text}\n"));
}

/// A line on standard error; where nobody can read it, it is lost.
pub(crate) fn note(text: fmt::Arguments<'_>) {
    let _nobody_to_tell = std::io::stderr().lock().write_fmt(format_args!("{text}\n"));
}

/// Writes out what is still held back.
///
/// # Errors
/// When some of the output did not reach a reader who was still there.
pub(super) fn finish() -> Result<(), Fault> {
    keep(std::io::stdout().lock().flush());
    match FAULT.get() {
        None => Ok(()),
        Some(reason) => Err(Fault::Internal(format!("the output cannot be written: {reason}"))),
    }
}

/// The first failure of this process.
static FAULT: OnceLock<String> = OnceLock::new();

fn keep(written: IoResult<()>) {
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            let _first_counts = FAULT.set(error.to_string());
        }
        _ => {}
    }
}
