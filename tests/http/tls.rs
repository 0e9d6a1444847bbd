//! The same service behind TLS.

use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::{Server, batch, program, raw_post};
use aml_miner::server::{Tls, TlsError};

const CA: &[u8] = include_bytes!("tls/ca.pem");
const CERT: &[u8] = include_bytes!("tls/cert.pem");
const KEY: &[u8] = include_bytes!("tls/key.pem");

fn connector() -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(CA).expect("PEM")).expect("an authority");
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

#[tokio::test]
async fn answers_come_through_tls_and_plain_talk_does_not() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/http/tls/");
    let (cert, key) = (format!("{folder}cert.pem"), format!("{folder}key.pem"));
    let server = Server::start(&["--tls-cert", &cert, "--tls-key", &key, "--client-timeout", "5"]);
    let stream = tokio::net::TcpStream::connect(server.address).await.expect("connects");
    let name = ServerName::try_from("localhost").expect("a name");
    let mut stream = connector().connect(name, stream).await.expect("a handshake");
    stream.write_all(&raw_post("/score/alerts", batch().to_string().as_bytes())).await.expect("sends");
    // without a flush what the socket had no room for stays in the TLS buffer, and the server waits for it
    stream.flush().await.expect("sends the rest");
    let mut answer = vec![];
    stream.read_to_end(&mut answer).await.expect("an answer, and a clean end");
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer[..200]));
    // a client that speaks no TLS gets no answer and harms nobody
    let mut plain = tokio::net::TcpStream::connect(server.address).await.expect("connects");
    plain.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("sends");
    let mut answer = vec![];
    let _end_or_reset = plain.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"));
    // one that stays silent is left
    let mut silent = tokio::net::TcpStream::connect(server.address).await.expect("connects");
    let waited =
        tokio::time::timeout(std::time::Duration::from_secs(20), silent.read_to_end(&mut answer)).await;
    assert!(waited.is_ok(), "the connection ended");
}

#[test]
fn certificates_that_are_none_are_said() {
    assert!(Tls::from_pem(CERT, KEY).is_ok());
    assert!(matches!(Tls::from_pem(b"", KEY), Err(TlsError::Certificates(_))));
    assert!(matches!(Tls::from_pem(CERT, b""), Err(TlsError::Key)));
    assert!(matches!(Tls::from_pem(CA, KEY), Err(TlsError::Pair(_))), "another's certificate");
    let output =
        program().args(["serve", "--port", "0", "--tls-cert", "no-such-file"]).output().expect("runs");
    assert_eq!(output.status.code(), Some(2), "a key is needed, too");
}
