//! A submission and its manifest -> whether all of it holds: signature, digests, and the scores made anew.

use std::path::Path;

use super::document::Document;
use super::manifest::{Signed, data_digests, manifest_path, scores_digest};
use super::signature::PublicKey;
use crate::aml::bundle::Bundle;
use crate::aml::score::AlertScore;
use crate::aml::sot::Opened;
use crate::determinism::digest::Digest;
use crate::pipeline::validate::api::Check;
use crate::table::{ReadError, file};

/// What made the scores, where it is at hand.
#[derive(Debug)]
pub struct Witness<'a> {
    /// The batch as its files are.
    pub opened: &'a Opened,
    /// The bundle.
    pub bundle: &'a Bundle,
    /// What the bundle says of the batch now.
    pub scores: &'a [AlertScore],
}

/// Why nothing can be verified.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// A file is unreadable.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A file is something else.
    #[error("{file}: not {expected}: {reason}")]
    Shape {
        /// The file.
        file: String,
        /// What it should be.
        expected: &'static str,
        /// Where and what.
        reason: String,
    },
}

/// Checks the document at `path` with the manifest beside it. All checks are told, in a fixed order.
///
/// # Errors
/// When one of the two files cannot be read.
pub fn verify(
    path: &Path,
    key: Option<PublicKey>,
    witness: Option<&Witness<'_>>,
) -> Result<Vec<Check>, VerifyError> {
    let bytes = file::read(path, MAX_BYTES)?;
    let document: Document = parse(path, &bytes, "a submissions document")?;
    let beside = manifest_path(path);
    let signed: Signed = parse(&beside, &file::read(&beside, MAX_BYTES)?, "a submission's manifest")?;
    let mut checks =
        vec![signature(&signed, key), digests(&signed, &document, &bytes), rows(&signed, &document)];
    if let Some(witness) = witness {
        checks.extend(replay(&signed, &document, witness));
    }
    Ok(checks)
}

/// Alerts whose scores are not those of the bundle, bit by bit, or are missing on one side.
pub fn differing(document: &Document, scores: &[AlertScore]) -> Vec<String> {
    let bits = |score: f64| (score + 0.0).to_bits();
    let mut made: std::collections::BTreeMap<&str, u64> =
        scores.iter().map(|score| (score.alert_id.as_str(), bits(score.score))).collect();
    let submitted = document.submissions.iter();
    let changed = submitted.filter(|row| made.remove(row.alert_id.as_str()) != Some(bits(row.score)));
    let mut differing: Vec<String> = changed.map(|row| row.alert_id.clone()).collect();
    differing.extend(made.into_keys().map(str::to_owned));
    differing
}

fn signature(signed: &Signed, key: Option<PublicKey>) -> Check {
    let named = signed.public_key.as_deref().map(PublicKey::from_hex);
    let (passed, found) = match (key, named) {
        (_, None) => (false, "not signed".to_owned()),
        (_, Some(Err(error))) => (false, error.to_string()),
        (Some(key), Some(Ok(named))) if key != named => {
            (false, format!("signed by {}, not by the key given", named.to_hex()))
        }
        (key, Some(Ok(named))) => {
            let holds = signed.is_signed_by(named);
            let whose = if key.is_some() {
                "the key given"
            } else {
                "the key it names, which nobody vouches for here"
            };
            (holds, format!("{} by {whose}: {}", if holds { "signed" } else { "not signed" }, named.to_hex()))
        }
    };
    Check { name: "signature", passed, found }
}

fn digests(signed: &Signed, document: &Document, bytes: &[u8]) -> Check {
    let manifest = &signed.manifest;
    let same_bytes = Digest::of(bytes).to_string() == manifest.document_sha256;
    let same_scores = scores_digest(document).to_string() == manifest.scores_sha256;
    let found = match (same_bytes, same_scores) {
        (true, true) => "document and scores are those of the manifest",
        (false, true) => "the document is not the one of the manifest, its scores are",
        _ => "the scores are not those of the manifest",
    };
    Check { name: "digests", passed: same_bytes && same_scores, found: found.to_owned() }
}

/// Every row is of the submitter, batch and code that the manifest names.
fn rows(signed: &Signed, document: &Document) -> Check {
    let manifest = &signed.manifest;
    let strange = document.submissions.iter().filter(|row| {
        let batch = format!("-{}-{}d", row.processing_date, row.window_days);
        row.submitter_id != manifest.submitter_id
            || row.model_github_url != manifest.model_github_url
            || !manifest.batch.ends_with(&batch)
    });
    let (strange, count) = (strange.count(), document.submissions.len());
    Check {
        name: "rows",
        passed: strange == 0 && count == manifest.alerts && count > 0,
        found: format!("{count} rows of {}, {strange} of another batch, submitter or model", manifest.alerts),
    }
}

fn replay(signed: &Signed, document: &Document, witness: &Witness<'_>) -> [Check; 3] {
    let manifest = &signed.manifest;
    let data = data_digests(witness.opened);
    let batch = witness.opened.batch.id.name();
    let same_data = data == manifest.data_sha256 && batch == manifest.batch;
    let same_bundle = witness.bundle.digest().to_string() == manifest.bundle_sha256;
    let differing = differing(document, witness.scores);
    let first = differing.first().map(|id| format!(", first {id}")).unwrap_or_default();
    [
        Check {
            name: "data",
            passed: same_data,
            found: if same_data {
                format!("{batch}: {} files as in the manifest", data.len())
            } else {
                format!("{batch} is not the data of the manifest ({})", manifest.batch)
            },
        },
        Check {
            name: "bundle",
            passed: same_bundle,
            found: if same_bundle {
                format!("bundle {}", manifest.bundle_sha256)
            } else {
                format!("bundle {}, the manifest has {}", witness.bundle.digest(), manifest.bundle_sha256)
            },
        },
        Check {
            name: "replay",
            passed: differing.is_empty(),
            found: format!("{} of {} scores differ{first}", differing.len(), document.submissions.len()),
        },
    ]
}

fn parse<T: serde::de::DeserializeOwned>(
    path: &Path,
    bytes: &[u8],
    expected: &'static str,
) -> Result<T, VerifyError> {
    let shape =
        |e: serde_json::Error| VerifyError::Shape { file: file::name(path), expected, reason: e.to_string() };
    serde_json::from_slice(bytes).map_err(shape)
}

const MAX_BYTES: u64 = 1 << 30;
