//! `aml-miner serve`: the HTTP service over one bundle.

use std::net::{SocketAddr, TcpListener, ToSocketAddrs as _};
use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::args::Global;
use super::clock::SystemClock;
use super::keygen::read_secret;
use super::random::random;
use super::{Fault, Verdict, bundled};
use crate::aml::bundle::Bundle;
use crate::server::{
    self, Audit, AuditSettings, Clock as _, Cors, Ended, Keys, MAX_BODY_BYTES, Registry, RequestStore,
    ResultStore, Settings, State, Tls,
};

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Folder of the bundle, or of versions of which its file `current` names one [default: the models inside this program]
    #[arg(long, value_name = "DIR", env = "AML_MINER_MODELS")]
    models: Option<PathBuf>,
    /// Start even when the bundle does not load, answer 503, and try again at SIGHUP
    #[arg(long)]
    allow_degraded: bool,
    /// File of the keys that may call, as `aml-miner key` writes it [default: none, everybody may]
    #[arg(long, value_name = "FILE", env = "AML_MINER_KEYS")]
    keys: Option<PathBuf>,
    #[command(flatten)]
    notes: Notes,
    /// File of the certificate chain, PEM: the service speaks TLS; read again at SIGHUP
    #[arg(long, value_name = "FILE", env = "AML_MINER_TLS_CERT", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// File of the certificate's private key, PEM
    #[arg(long, value_name = "FILE", env = "AML_MINER_TLS_KEY", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    #[command(flatten)]
    http: Http,
}

/// What the service writes down.
#[derive(Debug, Args)]
struct Notes {
    /// Folder of the audit log: digests of every request and answer, in a chain [default: none]
    #[arg(long, value_name = "DIR", env = "AML_MINER_AUDIT", requires = "audit_key")]
    audit: Option<PathBuf>,
    /// File of the secret key that signs the log's checkpoints, as `aml-miner keygen` writes it
    #[arg(long, value_name = "FILE", env = "AML_MINER_AUDIT_KEY", requires = "audit")]
    audit_key: Option<PathBuf>,
    /// Folder that keeps the bodies of requests, for `aml-miner replay`; they hold addresses [default: none]
    #[arg(long, value_name = "DIR", env = "AML_MINER_KEEP_REQUESTS")]
    keep_requests: Option<PathBuf>,
    /// Days that a body is kept
    #[arg(long, value_name = "N", default_value = "90", env = "AML_MINER_KEEP_DAYS")]
    keep_days: NonZeroU32,
}

/// How the service listens and what it may use; `demo` serves with the same.
#[derive(Clone, Debug, Args)]
pub(crate) struct Http {
    /// Address or name to listen on; 0.0.0.0 for every interface
    #[arg(long, value_name = "HOST", env = "API_HOST", default_value = "127.0.0.1")]
    pub(crate) host: String,
    /// Port to listen on; 0 lets the system choose
    #[arg(long, value_name = "PORT", env = "API_PORT", default_value_t = 8000)]
    pub(crate) port: u16,
    /// Requests computed at the same time
    #[arg(long, value_name = "N", env = "API_WORKERS", default_value = "4")]
    workers: NonZeroUsize,
    /// Requests that may wait for a worker; one more gets 503
    #[arg(long, value_name = "N", env = "AML_MINER_QUEUE", default_value_t = 64)]
    queue: usize,
    /// Seconds until a request that has no answer gets 503
    #[arg(long, value_name = "SECONDS", env = "API_TIMEOUT", default_value = "120")]
    timeout: NonZeroU64,
    /// Seconds that a client may take to send a head, between parts of a body, to take an answer, or between requests
    #[arg(long, value_name = "SECONDS", env = "AML_MINER_CLIENT_TIMEOUT", default_value = "30")]
    client_timeout: NonZeroU64,
    /// Seconds that a stop waits for requests under way
    #[arg(long, value_name = "SECONDS", env = "AML_MINER_DRAIN", default_value_t = 30)]
    drain: u64,
    /// Largest request body in bytes, at most 384 MiB
    #[arg(long, value_name = "BYTES", env = "AML_MINER_MAX_BODY", default_value_t = MAX_BODY_BYTES)]
    max_body: usize,
    /// Folder of stored results to show, as `aml-miner score --store` writes it [default: none]
    #[arg(long, value_name = "DIR", env = "AML_MINER_RESULTS")]
    results: Option<PathBuf>,
    /// Origin that browsers may call from, such as https://desk.example; repeat it, or * for all [default: none]
    #[arg(long, value_name = "ORIGIN", env = "API_CORS_ORIGINS", value_delimiter = ',')]
    cors_origin: Vec<String>,
    /// POST calls a minute that one client address may make; more get 429 [default: no limit]
    #[arg(long, value_name = "N", env = "AML_MINER_RATE_LIMIT")]
    rate_limit: Option<NonZeroU32>,
}

pub(super) fn run(args: &Serve, global: &Global) -> Result<Verdict, Fault> {
    let settings = args.http.settings(global)?;
    let registry = bundled::registry(args.models.as_deref());
    let bundle = match registry.load(None).map_err(Fault::Input) {
        Ok(bundle) => Some(bundle),
        Err(error) if args.allow_degraded => {
            tracing::error!(%error, "no models: scoring calls answer 503 until SIGHUP finds some");
            None
        }
        Err(error) => return Err(error),
    };
    let keys = args.keys.clone();
    let keys = move || keys.as_deref().map(super::key::read_keys).transpose();
    let first = keys()?;
    let pair = args.tls_cert.clone().zip(args.tls_key.clone());
    let tls = move || pair.as_ref().map(|(cert, key)| read_tls(cert, key)).transpose();
    let first_tls = tls()?;
    if first.is_none() && !is_loopback(&args.http.host) {
        tracing::warn!(host = args.http.host, "other machines can call, and no --keys say who may");
    }
    let listener = listen(&args.http.host, args.http.port)?;
    let reload = move |state: &State| -> Result<(), Fault> {
        // all or nothing: what loads alone could not be meant alone
        let (keys, tls, bundle) = (keys()?, tls()?, state.registry().load(None).map_err(Fault::Input)?);
        state.set_keys(keys);
        state.set_tls(tls);
        state.swap(bundle);
        Ok(())
    };
    let notes = args.notes.open()?;
    let models = Served { notes, bundle, registry, keys: first, tls: first_tls };
    serve(listener, settings, models, move |state| reload(state).map_err(|error| error.to_string()))
}

fn read_tls(cert: &Path, key: &Path) -> Result<Tls, Fault> {
    let read = |path: &Path| {
        std::fs::read(path).map_err(|error| Fault::Input(format!("{}: {error}", path.display())))
    };
    Tls::from_pem(&read(cert)?, &read(key)?).map_err(Fault::input)
}

/// Whether a host is this machine and no other.
fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

/// What a service begins with.
pub(super) struct Served {
    pub(super) bundle: Option<Bundle>,
    pub(super) registry: Registry,
    pub(super) keys: Option<Keys>,
    pub(super) tls: Option<Tls>,
    pub(super) notes: OpenNotes,
}

/// Where notes go.
#[derive(Default)]
pub(super) struct OpenNotes {
    audit: Option<Audit>,
    requests: Option<RequestStore>,
}

impl Notes {
    fn open(&self) -> Result<OpenNotes, Fault> {
        let clock = SystemClock::start();
        let audit = self.audit.as_deref().zip(self.audit_key.as_deref()).map(|(dir, key)| {
            let key = read_secret(key)?;
            let sign = Box::new(move |message: &[u8]| key.sign(message).as_text().to_owned());
            Audit::open(AuditSettings::new(dir), sign, clock.unix_ms(), clock.monotonic())
                .map_err(Fault::input)
        });
        let keep = Duration::from_secs(u64::from(self.keep_days.get()) * 86_400);
        let requests = self.keep_requests.as_deref().map(|dir| {
            let fault = |error| Fault::Input(format!("--keep-requests {}: {error}", dir.display()));
            RequestStore::open(dir, Some(keep)).map_err(fault)
        });
        Ok(OpenNotes { audit: audit.transpose()?, requests: requests.transpose()? })
    }
}

/// Serves until a signal ends it.
pub(super) fn serve(
    listener: TcpListener,
    settings: Settings,
    Served { bundle, registry, keys, tls, notes }: Served,
    reload: impl Fn(&State) -> Result<(), String> + Send + Sync + 'static,
) -> Result<Verdict, Fault> {
    let address = listener.local_addr().map_err(Fault::internal)?;
    let digest = bundle.as_ref().map(|b| b.digest().to_string());
    let state =
        State::new(settings, Box::new(SystemClock::start()), random()?, bundle).map_err(Fault::internal)?;
    state.set_keys(keys);
    state.set_registry(registry);
    let scheme = if tls.is_some() { "https" } else { "http" };
    state.set_tls(tls);
    notes.audit.map_or(Ok(()), |audit| state.set_audit(audit)).map_err(Fault::internal)?;
    notes.requests.into_iter().for_each(|requests| state.set_requests(requests));
    tracing::info!(url = %format_args!("{scheme}://{address}"), model_digest = digest.as_deref().unwrap_or("none"), "listening");
    match server::run(listener, Arc::new(state), Some(Box::new(reload))).map_err(Fault::internal)? {
        Ended::Drained => Ok(Verdict::Done),
        Ended::Cut => Ok(Verdict::Negative),
    }
}

impl Http {
    /// The settings, checked.
    pub(super) fn settings(&self, global: &Global) -> Result<Settings, Fault> {
        if self.max_body == 0 || self.max_body > MAX_BODY_BYTES {
            let found = self.max_body;
            return Err(Fault::Input(format!(
                "--max-body: expected 1 to {MAX_BODY_BYTES} bytes, found {found}"
            )));
        }
        Ok(Settings {
            workers: self.workers.get(),
            queue: self.queue,
            threads: global.threads(),
            timeout: Duration::from_secs(self.timeout.get()),
            client_timeout: Duration::from_secs(self.client_timeout.get()),
            drain: Duration::from_secs(self.drain),
            max_body_bytes: self.max_body,
            results: self.results.as_deref().map(ResultStore::new),
            cors: cors(&self.cors_origin)?,
            rate_limit: self.rate_limit,
        })
    }
}

fn cors(origins: &[String]) -> Result<Cors, Fault> {
    let origins: Vec<_> = origins.iter().map(|o| o.trim().to_owned()).filter(|o| !o.is_empty()).collect();
    if origins.iter().any(|o| o == "*") {
        return Ok(Cors::Any);
    }
    for origin in &origins {
        let host = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        let plain = |h: &str| !h.is_empty() && !h.contains(['/', ' ', '@', '?', '#']) && h.is_ascii();
        if !host.is_some_and(plain) {
            return Err(Fault::Input(format!(
                "--cors-origin: expected * or scheme://host[:port], found {origin:?}"
            )));
        }
    }
    Ok(if origins.is_empty() { Cors::Off } else { Cors::Origins(origins) })
}

/// A socket on exactly this port.
pub(super) fn listen(host: &str, port: u16) -> Result<TcpListener, Fault> {
    let addresses = resolve(host, port)?;
    TcpListener::bind(addresses.as_slice()).map_err(|error| {
        Fault::Input(format!("cannot listen on {host}:{port}: {error}; choose another --port"))
    })
}

/// A socket on this port or, when something else listens there, on the next free one.
pub(super) fn listen_near(host: &str, port: u16) -> Result<TcpListener, Fault> {
    for candidate in port..=port.saturating_add(PORTS_TRIED) {
        match TcpListener::bind(resolve(host, candidate)?.as_slice()) {
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {}
            Err(error) => return Err(Fault::Input(format!("cannot listen on {host}:{candidate}: {error}"))),
            Ok(listener) => return Ok(listener),
        }
    }
    Err(Fault::Input(format!("no free port from {port} on; choose another --port")))
}

const PORTS_TRIED: u16 = 100;

/// The addresses of a name.
pub(super) fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, Fault> {
    let found = (host, port).to_socket_addrs();
    Ok(found
        .map_err(|error| Fault::Input(format!("cannot find the address of host {host:?}: {error}")))?
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins() {
        let read = |texts: &[&str]| cors(&texts.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>());
        assert_eq!(read(&[]).expect("off"), Cors::Off);
        assert_eq!(read(&["", " "]).expect("off"), Cors::Off);
        assert_eq!(read(&["https://a.example", "*"]).expect("any"), Cors::Any);
        assert_eq!(
            read(&[" http://a.example:3000"]).expect("one"),
            Cors::Origins(vec!["http://a.example:3000".into()])
        );
        for bad in ["a.example", "https://", "https://a.example/path", "ftp://a.example"] {
            assert!(read(&[bad]).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_taken_port_is_passed_over_or_said() {
        let first = listen_near("127.0.0.1", 18_765).expect("a port is free");
        let port = first.local_addr().expect("bound").port();
        let second = listen_near("127.0.0.1", port).expect("another port is free");
        assert!(second.local_addr().expect("bound").port() > port);
        assert!(listen("127.0.0.1", port).is_err());
    }
}
