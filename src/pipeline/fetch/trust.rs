//! PEM file of certificates -> whom a TLS connection may lead to.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::table::{ReadError, file};

/// Who must have signed a server's certificate.
#[derive(Clone, Debug, Default)]
pub struct Trust(Option<Arc<[CertificateDer<'static>]>>);

/// A file that names nobody to trust.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TrustError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It is something else.
    #[error("{}: expected certificates in PEM form (-----BEGIN CERTIFICATE-----), found {found}", .path.display())]
    NotPem {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        found: String,
    },
}

impl Trust {
    /// The authorities that browsers trust (Mozilla's list, as compiled in).
    pub fn public() -> Trust {
        Trust(None)
    }

    /// The authorities of a PEM file and no others, as curl's `--cacert`; keys in the file are passed over.
    ///
    /// # Errors
    /// When the file cannot be read, is longer than 16 MiB, is no PEM, or holds no certificate.
    pub fn of_file(path: &Path) -> Result<Trust, TrustError> {
        let fault = |found: String| TrustError::NotPem { path: path.to_owned(), found };
        let bytes = file::read(path, MOST_BYTES)?;
        let authorities: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
        let authorities = authorities.map_err(|error| fault(error.to_string()))?;
        if authorities.is_empty() {
            return Err(fault("none".to_owned()));
        }
        Ok(Trust(Some(authorities.into())))
    }

    /// The authorities, where they are not the public's.
    pub(super) fn own(&self) -> Option<&[CertificateDer<'static>]> {
        self.0.as_deref()
    }
}

/// A system's whole list of authorities is a quarter of a MiB.
const MOST_BYTES: u64 = 16 << 20;
