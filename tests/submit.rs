//! From a batch to a signed, judged submission: the validator's twin, the checks of a server, the signature, the download.
#![cfg(feature = "cli")]
#![allow(
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking and say aloud what they skip"
)]

#[path = "submit/download.rs"]
mod download;
#[path = "submit/path.rs"]
mod path;
#[path = "submit/server.rs"]
mod server;
#[path = "submit/tiers.rs"]
mod tiers;
