//! A real HTTP server on loopback, over TLS too, that misbehaves as it is told.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// How one answer goes wrong.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// So many bytes of what was promised, then the connection ends.
    Truncated(usize),
    /// Other bytes of the same length.
    Wrong,
    /// A status, with Retry-After if any.
    Status(u16, Option<u64>),
    /// Half of the bytes, then silence for longer than a client should wait.
    Slow,
    /// 200 and all bytes, whatever was asked for.
    RangeIgnored,
    /// 206 and other bytes than those asked for.
    RangeWrong,
    /// Elsewhere.
    Redirect(String),
    /// No end.
    Endless,
    /// Nothing at all.
    Silent,
}

/// What was asked: path with query, and the headers in lower case.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
}

#[derive(Default)]
struct Shared {
    files: BTreeMap<String, Vec<u8>>,
    faults: BTreeMap<String, VecDeque<Fault>>,
    asked: Vec<Asked>,
    key: Option<String>,
}

/// The server; it ends with the test's process.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) url: String,
    shared: Arc<Mutex<Shared>>,
}

impl Server {
    pub(crate) fn new(files: BTreeMap<String, Vec<u8>>) -> Server {
        Server::start("http", files, answer)
    }

    /// Shows a certificate for `name` (127.0.0.1 or another), signed by the authority that is returned in PEM form.
    pub(crate) fn tls(files: BTreeMap<String, Vec<u8>>, name: &str) -> (Server, String) {
        let (authority, config) = certified(name);
        let config = Arc::new(config);
        let server = Server::start("https", files, move |stream, shared| {
            let connection = ServerConnection::new(config.clone()).map_err(std::io::Error::other)?;
            let mut stream = StreamOwned::new(connection, stream);
            answer(&mut stream, shared)?;
            stream.conn.send_close_notify();
            stream.flush()
        });
        (server, authority)
    }

    fn start(
        scheme: &str,
        files: BTreeMap<String, Vec<u8>>,
        answer: impl Fn(TcpStream, &Mutex<Shared>) -> std::io::Result<()> + Clone + Send + 'static,
    ) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("{scheme}://{}", listener.local_addr().expect("bound"));
        let shared = Arc::new(Mutex::new(Shared { files, ..Shared::default() }));
        let server = Server { url, shared: shared.clone() };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (shared, answer) = (shared.clone(), answer.clone());
                std::thread::spawn(move || {
                    let _the_client_may_have_gone = answer(stream, &shared);
                });
            }
        });
        server
    }

    /// The next answers for a path go wrong, in this order; then it behaves.
    pub(crate) fn fail(&self, path: &str, faults: impl IntoIterator<Item = Fault>) {
        self.lock().faults.insert(path.to_owned(), faults.into_iter().collect());
    }

    pub(crate) fn put(&self, path: &str, bytes: Vec<u8>) {
        self.lock().files.insert(path.to_owned(), bytes);
    }

    pub(crate) fn remove(&self, path: &str) {
        self.lock().files.remove(path);
    }

    /// Only callers with this bearer token are answered.
    pub(crate) fn lock_with(&self, key: &str) {
        self.lock().key = Some(format!("Bearer {key}"));
    }

    /// What was asked since the last look.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.lock().asked)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shared> {
        self.shared.lock().expect("no test panicked with it")
    }
}

/// An authority made for this test, in PEM form, and a server's side of TLS with a certificate for `name` that it signed.
fn certified(name: &str) -> (String, ServerConfig) {
    let [of_authority, of_server] = [(); 2].map(|()| KeyPair::generate().expect("a key"));
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pem = params.self_signed(&of_authority).expect("an authority").pem();
    let authority = Issuer::new(params, of_authority);
    let server = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    let certificate = server.signed_by(&of_server, &authority).expect("signed").der().clone();
    let key = PrivateKeyDer::try_from(of_server.serialize_der()).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|versions| versions.with_no_client_auth().with_single_cert(vec![certificate], key))
        .expect("a certificate with its key");
    (pem, config)
}

fn answer(stream: impl Read + Write, shared: &Mutex<Shared>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let Some(asked) = read_head(&mut reader)? else { return Ok(()) };
    // who answers before all was said breaks the connection
    let length = asked.headers.get("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    std::io::copy(&mut reader.by_ref().take(length), &mut std::io::sink())?;
    let path = asked.path.split('?').next().unwrap_or_default().to_owned();
    let (fault, file, locked) = {
        let mut shared = shared.lock().expect("no test panicked with it");
        shared.asked.push(asked.clone());
        let locked = shared.key.is_some() && shared.key.as_ref() != asked.headers.get("authorization");
        let fault = shared.faults.get_mut(&path).and_then(VecDeque::pop_front);
        (fault, shared.files.get(&path).cloned(), locked)
    };
    let out = reader.get_mut();
    if locked {
        return status(out, 401, "");
    }
    let Some(file) = file else { return status(out, 404, "") };
    let from =
        asked.headers.get("range").and_then(|r| r.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
    match fault {
        Some(fault) => misbehave(out, &file, from, &fault),
        None => behave(out, &file, from),
    }
}

fn behave(out: &mut impl Write, file: &[u8], from: Option<usize>) -> std::io::Result<()> {
    match from {
        Some(from) if from >= file.len() => status(out, 416, ""),
        Some(from) => {
            let range = format!("Content-Range: bytes {from}-{}/{}\r\n", file.len() - 1, file.len());
            body(out, "206 Partial Content", &range, &file[from..], file.len() - from)
        }
        None => body(out, "200 OK", "", file, file.len()),
    }
}

fn misbehave(out: &mut impl Write, file: &[u8], from: Option<usize>, fault: &Fault) -> std::io::Result<()> {
    let rest = &file[from.unwrap_or(0).min(file.len())..];
    let (head, range) = match from {
        Some(from) => (
            "206 Partial Content",
            format!("Content-Range: bytes {from}-{}/{}\r\n", file.len() - 1, file.len()),
        ),
        None => ("200 OK", String::new()),
    };
    match fault {
        Fault::Truncated(n) => body(out, head, &range, &rest[..(*n).min(rest.len())], rest.len()),
        Fault::Wrong => {
            let wrong: Vec<u8> = rest.iter().map(|byte| byte ^ 1).collect();
            body(out, head, &range, &wrong, rest.len())
        }
        Fault::Status(code, wait) => {
            let wait = wait.map(|secs| format!("Retry-After: {secs}\r\n")).unwrap_or_default();
            status(out, *code, &wait)
        }
        Fault::Slow => {
            body(out, head, &range, &rest[..rest.len() / 2], rest.len())?;
            std::thread::sleep(Duration::from_secs(3));
            Ok(())
        }
        Fault::RangeIgnored => body(out, "200 OK", "", file, file.len()),
        Fault::RangeWrong => {
            let range = format!("Content-Range: bytes 0-{}/{}\r\n", file.len() - 1, file.len());
            body(out, "206 Partial Content", &range, file, file.len())
        }
        Fault::Redirect(to) => {
            write!(
                out,
                "HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            )
        }
        Fault::Endless => {
            write!(out, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
            loop {
                out.write_all(&[0; 4096])?;
            }
        }
        Fault::Silent => Ok(()),
    }
}

fn status(out: &mut impl Write, code: u16, headers: &str) -> std::io::Result<()> {
    write!(out, "HTTP/1.1 {code} Told\r\n{headers}Content-Length: 0\r\nConnection: close\r\n\r\n")
}

fn body(
    out: &mut impl Write,
    head: &str,
    headers: &str,
    bytes: &[u8],
    promised: usize,
) -> std::io::Result<()> {
    write!(out, "HTTP/1.1 {head}\r\n{headers}Content-Length: {promised}\r\nConnection: close\r\n\r\n")?;
    out.write_all(bytes)?;
    out.flush()
}

fn read_head(reader: &mut impl BufRead) -> std::io::Result<Option<Asked>> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let Some(path) = line.split_whitespace().nth(1).map(str::to_owned) else { return Ok(None) };
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            return Ok(Some(Asked { path, headers }));
        }
        if let Some((name, value)) = line.split_once(':') {
            headers.insert(name.trim().to_ascii_lowercase(), value.trim().to_owned());
        }
    }
}
