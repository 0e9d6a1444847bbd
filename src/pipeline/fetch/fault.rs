//! Why a batch is not here.

use std::path::{Path, PathBuf};

use super::client::HttpError;
use crate::aml::sot::BatchError;
use crate::table::ReadError;

/// Why a batch is not here.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DownloadError {
    /// No answer, however often asked.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// An answer that helps nobody.
    #[error("{url}: status {status}{}", remedy(*.status))]
    Status {
        /// Which address.
        url: String,
        /// Of the last try.
        status: u16,
    },
    /// Not the file that META.json describes.
    #[error("{url}: not the file that META.json describes, even when fetched anew")]
    Hash {
        /// Which address.
        url: String,
    },
    /// The files do not make a batch, or META.json is none.
    #[error("{name}: {reason}")]
    Batch {
        /// Which batch.
        name: String,
        /// What is wrong.
        reason: BatchError,
    },
    /// META.json is of another batch.
    #[error("{name}: the server sent META.json of {found}")]
    Other {
        /// Asked for.
        name: String,
        /// Sent.
        found: String,
    },
    /// A folder is in the way.
    #[error("{}: here already, but without META.json, so not a whole batch: remove it first", .folder.display())]
    InTheWay {
        /// Which.
        folder: PathBuf,
    },
    /// The disk refuses.
    #[error("{}: {reason}", .path.display())]
    Disk {
        /// Where.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
}

pub(super) fn disk(path: &Path, error: &std::io::Error) -> DownloadError {
    DownloadError::Disk { path: path.to_owned(), reason: error.to_string() }
}

pub(super) fn not_a_batch(name: &str, reason: ReadError) -> DownloadError {
    let reason = BatchError { faults: vec![reason.into()], more: 0 };
    DownloadError::Batch { name: name.to_owned(), reason }
}

fn remedy(status: u16) -> &'static str {
    match status {
        401 | 403 => ": the server does not accept the key (--api-key)",
        404 => ": not there (--base-url, --network, --window-days)",
        429 => ": asked too often; try again later",
        500.. => ": the server is in trouble; try again later, what came is kept",
        _ => "",
    }
}
