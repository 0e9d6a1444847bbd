//! `aml-miner serve`: the HTTP service over one bundle.

use std::net::{SocketAddr, TcpListener, ToSocketAddrs as _};
use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::args::Global;
use super::clock::SystemClock;
use super::random::random;
use super::{Fault, Verdict, bundled};
use crate::aml::bundle::Bundle;
use crate::server::{self, Cors, Ended, MAX_BODY_BYTES, Settings, State};

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Folder of the bundle [default: the models inside this program]
    #[arg(long, value_name = "DIR", env = "AML_MINER_MODELS")]
    models: Option<PathBuf>,
    /// Start even when the bundle does not load, answer 503, and try again at SIGHUP
    #[arg(long)]
    allow_degraded: bool,
    #[command(flatten)]
    http: Http,
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
    /// Seconds that a stop waits for requests under way
    #[arg(long, value_name = "SECONDS", env = "AML_MINER_DRAIN", default_value_t = 30)]
    drain: u64,
    /// Largest request body in bytes, at most 384 MiB
    #[arg(long, value_name = "BYTES", env = "AML_MINER_MAX_BODY", default_value_t = MAX_BODY_BYTES)]
    max_body: usize,
    /// Origin that browsers may call from, such as https://desk.example; repeat it, or * for all [default: none]
    #[arg(long, value_name = "ORIGIN", env = "API_CORS_ORIGINS", value_delimiter = ',')]
    cors_origin: Vec<String>,
    /// POST calls a minute that one client address may make; more get 429 [default: no limit]
    #[arg(long, value_name = "N", env = "AML_MINER_RATE_LIMIT")]
    rate_limit: Option<NonZeroU32>,
}

pub(super) fn run(args: &Serve, global: &Global) -> Result<Verdict, Fault> {
    let settings = args.http.settings(global)?;
    let models = args.models.clone();
    let load = move || bundled::open_bundle(models.as_deref());
    let bundle = match load() {
        Ok(bundle) => Some(bundle),
        Err(error) if args.allow_degraded => {
            tracing::error!(%error, "no models: scoring calls answer 503 until SIGHUP finds some");
            None
        }
        Err(error) => return Err(error),
    };
    let listener = listen(&args.http.host, args.http.port)?;
    serve(listener, settings, bundle, move || load().map_err(|error| error.to_string()))
}

/// Serves until a signal ends it.
pub(super) fn serve(
    listener: TcpListener,
    settings: Settings,
    bundle: Option<Bundle>,
    reload: impl Fn() -> Result<Bundle, String> + Send + Sync + 'static,
) -> Result<Verdict, Fault> {
    let address = listener.local_addr().map_err(Fault::internal)?;
    let digest = bundle.as_ref().map(|b| b.digest().to_string());
    let state =
        State::new(settings, Box::new(SystemClock::start()), random()?, bundle).map_err(Fault::internal)?;
    tracing::info!(url = %format_args!("http://{address}"), model_digest = digest.as_deref().unwrap_or("none"), "listening");
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
            drain: Duration::from_secs(self.drain),
            max_body_bytes: self.max_body,
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
