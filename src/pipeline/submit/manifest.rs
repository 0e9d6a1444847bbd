//! What made a submission: digests under one signature.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::document::{Document, Submitter};
use super::signature::{PublicKey, SecretKey, Signature};
use crate::aml::bundle::Bundle;
use crate::aml::sot::{Opened, TableKind};
use crate::determinism::digest::{Digest, Hasher};

/// The facts of a submission. It names no time and no machine: the same submission, the same bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// 1.
    pub format: u32,
    /// Who submits.
    pub submitter_id: String,
    /// Where the model's code is.
    pub model_github_url: String,
    /// `{network}-{date}-{window}d`.
    pub batch: String,
    /// Rows of the document.
    pub alerts: usize,
    /// SHA-256 of the document's bytes.
    pub document_sha256: String,
    /// SHA-256 of alert ids and the bits of their scores, in the order of the batch.
    pub scores_sha256: String,
    /// SHA-256 of the bundle's manifest, which holds those of its models.
    pub bundle_sha256: String,
    /// Version of this program.
    pub engine_version: String,
    /// SHA-256 of the batch's files that scores may depend on: labels and ground truth are none of them.
    pub data_sha256: BTreeMap<String, String>,
}

/// A manifest and who vouches for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signed {
    /// What is signed.
    pub manifest: Manifest,
    /// 64 hexadecimal digits; null where nobody signed.
    pub public_key: Option<String>,
    /// Over the manifest's compact JSON after [`PURPOSE`]; null where nobody signed.
    pub signature: Option<Signature>,
}

impl Manifest {
    /// Of a document and what made it.
    pub fn of(document: &Document, opened: &Opened, bundle: &Bundle, submitter: &Submitter) -> Manifest {
        Manifest {
            format: 1,
            submitter_id: submitter.id.clone(),
            model_github_url: submitter.github_url.clone(),
            batch: opened.batch.id.name(),
            alerts: document.submissions.len(),
            document_sha256: Digest::of(&document.to_json()).to_string(),
            scores_sha256: scores_digest(document).to_string(),
            bundle_sha256: bundle.digest().to_string(),
            engine_version: env!("CARGO_PKG_VERSION").to_owned(),
            data_sha256: data_digests(opened),
        }
    }

    /// The bytes that are signed.
    fn message(&self) -> Vec<u8> {
        let json = serde_json::to_vec(self).expect("numbers and text serialise");
        [PURPOSE.as_bytes(), &json].concat()
    }

    /// Signs it.
    pub fn sign(self, key: &SecretKey) -> Signed {
        let signature = key.sign(&self.message());
        Signed { manifest: self, public_key: Some(key.public().to_hex()), signature: Some(signature) }
    }

    /// Leaves it unsigned.
    pub fn unsigned(self) -> Signed {
        Signed { manifest: self, public_key: None, signature: None }
    }
}

impl Signed {
    /// Whether this key signed the manifest.
    pub fn is_signed_by(&self, key: PublicKey) -> bool {
        self.signature.as_ref().is_some_and(|signature| key.verifies(&self.manifest.message(), signature))
    }

    /// The file's bytes.
    pub fn to_json(&self) -> Vec<u8> {
        let mut json = serde_json::to_vec_pretty(self).expect("numbers and text serialise");
        json.push(b'\n');
        json
    }
}

/// Where the manifest of a document lies: `submissions.json` has `submissions.manifest.json`.
pub fn manifest_path(document: &Path) -> PathBuf {
    document.with_extension("manifest.json")
}

pub(super) fn scores_digest(document: &Document) -> Digest {
    let mut hasher = Hasher::new();
    for row in &document.submissions {
        hasher.text(&row.alert_id);
        hasher.update(&row.score.to_le_bytes());
    }
    hasher.finish()
}

pub(super) fn data_digests(opened: &Opened) -> BTreeMap<String, String> {
    let read =
        opened.tables.iter().filter(|t| !matches!(t.kind, TableKind::AddressLabels | TableKind::GroundTruth));
    read.filter_map(|table| Some((table.file.clone(), table.digest?.to_string()))).collect()
}

/// What a signature is for: one of a manifest is none of anything else.
const PURPOSE: &str = "aml-miner submission manifest 1\n";
