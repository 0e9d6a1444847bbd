//! From a batch to a signed, judged submission: the validator's twin, the checks of a server, the signature, the download.
#![cfg(feature = "cli")]
#![allow(
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking and say aloud what they skip"
)]

#[path = "submit/download.rs"]
mod download;
#[cfg(target_os = "linux")]
#[path = "submit/faults.rs"]
mod faults;
#[path = "submit/path.rs"]
mod path;
#[cfg(unix)]
#[path = "submit/scripts.rs"]
mod scripts;
#[path = "submit/server.rs"]
mod server;
#[path = "submit/tiers.rs"]
mod tiers;
