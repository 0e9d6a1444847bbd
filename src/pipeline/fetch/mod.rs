//! Over the network, blocking: one client for whoever needs it, and published batches brought here whole or not at all.
//!
//! In: URLs. Out: replies ([`Client`]), or folders of verified files ([`Downloader`]). This is the only place that speaks HTTP as a
//! client, and `client.rs` the only file that names its crate. Clocks and pauses come from the caller ([`Pause`]); the jitter of
//! retries comes from a seeded stream, so that a test of a failing server is the same every time.

mod client;
mod download;
mod fault;
mod file;
mod retry;
mod trust;

pub use client::{Client, HttpError, Limits, Reply, Streamed};
pub use download::{Downloader, Outcome, Source};
pub use fault::DownloadError;
pub use file::Progress;
pub use retry::{Pause, Retry, Told};
pub use trust::{Trust, TrustError};
