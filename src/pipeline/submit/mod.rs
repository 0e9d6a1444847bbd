//! Scores of a batch -> the document a validator takes, and a signed manifest that says what made them.
//!
//! In: a batch, the bundle, the scores. Out: [`Document`], exactly `{"submissions": [...]}` with a row an alert, and beside it
//! [`Manifest`]: digests of that document, of the bundle and of the batch's files under one Ed25519 signature. Nothing is made of scores
//! that tier 1 would refuse, nor of scores that the bundle does not give. Ids are UUIDs of version 5, so the same submission is the
//! same bytes; [`verify`] goes the whole way back.

mod document;
mod manifest;
mod signature;
mod verify;

pub use document::{Document, DocumentRow, SubmitError, Submitter};
pub use manifest::{Manifest, Signed, manifest_path};
pub use signature::{KeyError, PublicKey, SecretKey, Signature};
pub use verify::{VerifyError, Witness, differing, verify};
