//! What went wrong in a call, and the words for it that a thread keeps.

use std::cell::RefCell;
use std::ffi::{CString, c_char};

use super::AmlStatus;
use crate::gbdt::data::MatrixError;
use crate::gbdt::infer::SchemaMismatch;
use crate::gbdt::model::any::AnyError;

/// Why a call did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("`{0}` is null")]
    Null(&'static str),
    #[error("expected rows of {expected} features, found {found}")]
    Features { expected: usize, found: usize },
    #[error("{n_rows} rows of {features} features do not fit into memory")]
    Large { n_rows: usize, features: usize },
    #[error("`{name}`: {length} values do not fit into memory")]
    Length { name: &'static str, length: usize },
    #[error("{0}")]
    Matrix(#[from] MatrixError),
    #[error("{0}")]
    Schema(#[from] SchemaMismatch),
    #[error("{0}")]
    Model(#[from] AnyError),
    #[error("{path}: {reason}")]
    File { path: String, reason: String },
    #[error("a bug of aml-miner: {0}")]
    Panic(String),
}

impl Error {
    pub(super) fn status(&self) -> AmlStatus {
        match self {
            Error::Null(_) => AmlStatus::Null,
            Error::Features { .. }
            | Error::Large { .. }
            | Error::Length { .. }
            | Error::Matrix(_)
            | Error::Schema(_) => AmlStatus::Shape,
            Error::Model(_) => AmlStatus::Model,
            Error::File { .. } => AmlStatus::File,
            Error::Panic(_) => AmlStatus::Panic,
        }
    }
}

/// Keeps the words of an error for the thread.
pub(super) fn remember(error: &Error) {
    let words = error.to_string().replace('\0', " ");
    LAST.with_borrow_mut(|last| *last = CString::new(words).unwrap_or_default());
}

/// The words of the thread's last error, which end with a zero.
pub(super) fn last() -> *const c_char {
    LAST.with_borrow(|last| last.as_ptr())
}

thread_local! {
    static LAST: RefCell<CString> = RefCell::default();
}
