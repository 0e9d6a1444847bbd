//! TLS in front of the same service: certificates and a key from PEM text, versions 1.2 and 1.3 by rustls.

use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{Error, ServerConfig};

/// A server's certificate chain and key.
pub struct Tls(Arc<ServerConfig>);

/// Why PEM texts make no server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// Not one certificate.
    #[error("no certificate: expected PEM, the server's first, then those that lead to the authority: {0}")]
    Certificates(String),
    /// Not a key.
    #[error("no private key: expected PEM (PKCS #8, SEC1 or PKCS #1)")]
    Key,
    /// They do not belong together, or rustls does not take them.
    #[error("certificate and key: {0}")]
    Pair(#[from] Error),
}

impl Tls {
    /// A server of this chain and key.
    ///
    /// # Errors
    /// When a text holds no such thing, or they do not belong together.
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let chain: Result<Vec<CertificateDer<'static>>, _> =
            CertificateDer::pem_slice_iter(certificates).collect();
        let chain = chain.map_err(|error| TlsError::Certificates(error.to_string()))?;
        if chain.is_empty() {
            return Err(TlsError::Certificates("the file holds none".to_owned()));
        }
        // the parser's own words could show parts of the key
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| TlsError::Key)?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Tls(Arc::new(config)))
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.0.clone())
    }
}
