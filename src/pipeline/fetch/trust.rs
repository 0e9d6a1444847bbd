//! PEM file of certificates -> whom a TLS connection may lead to.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use crate::table::{ReadError, file};

/// Who must have signed a server's certificate.
#[derive(Clone, Debug, Default)]
pub struct Trust(Option<Arc<Vec<Certificate<'static>>>>);

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
        let mut authorities = vec![];
        for item in parse_pem(&bytes) {
            if let PemItem::Certificate(one) = item.map_err(|error| fault(error.to_string()))? {
                authorities.push(one);
            }
        }
        if authorities.is_empty() {
            return Err(fault("none".to_owned()));
        }
        Ok(Trust(Some(Arc::new(authorities))))
    }

    pub(super) fn config(&self) -> TlsConfig {
        let roots = self.0.clone().map_or(RootCerts::WebPki, RootCerts::Specific);
        TlsConfig::builder().root_certs(roots).build()
    }
}

/// A system's whole list of authorities is a quarter of a MiB.
const MOST_BYTES: u64 = 16 << 20;
