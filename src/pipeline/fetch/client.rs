//! HTTP as the rest of the pipeline sees it: a reply of any status is a [`Reply`], what is no reply an [`HttpError`].
//!
//! Every wait is bounded (connecting, each read), every body by a number of bytes, redirects by a few steps; credentials do not
//! follow a redirect. The proxy of the environment is used, but not for this machine itself.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use ureq::config::Config;
use ureq::http::Response;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Body};

use super::trust::Trust;

/// How long to wait and how much to take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// To connect.
    pub connect: Duration,
    /// For the next bytes, of the head or of the body.
    pub read: Duration,
    /// For the whole call.
    pub whole: Duration,
    /// Of a body.
    pub bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connect: Duration::from_secs(10),
            read: Duration::from_secs(60),
            whole: Duration::from_secs(3600),
            bytes: 8 << 30,
        }
    }
}

/// A client for one server.
#[derive(Clone, Debug)]
pub struct Client {
    agent: Agent,
    limits: Limits,
}

/// An answer in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Names in lower case; of several of one name the last.
    pub headers: BTreeMap<String, String>,
    /// The whole body.
    pub body: Vec<u8>,
}

/// An answer whose body is still to come.
pub struct Streamed {
    /// HTTP status.
    pub status: u16,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body, cut off with an error beyond the limit.
    pub body: Box<dyn Read>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// The address is no address.
    #[error("{url}: not a URL to call: {reason}")]
    Url {
        /// What was given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Nobody there.
    #[error("{url}: no connection: {reason}")]
    Connect {
        /// Whom.
        url: String,
        /// What the system said.
        reason: String,
    },
    /// Not whom the address names, or nobody we trust.
    #[error("{url}: {reason}; certificates of an authority of your own are named by --ca-file")]
    Certificate {
        /// Whom.
        url: String,
        /// What is wrong with what it shows.
        reason: String,
    },
    /// Too slow.
    #[error("{url}: no answer in time ({reason})")]
    Timeout {
        /// Whom.
        url: String,
        /// Which wait.
        reason: String,
    },
    /// Sent on too often.
    #[error("{url}: more than {MAX_REDIRECTS} redirects, or one that leads nowhere")]
    Redirects {
        /// Whom.
        url: String,
    },
    /// Larger than allowed.
    #[error("{url}: the body is larger than {limit} bytes")]
    TooLarge {
        /// Whom.
        url: String,
        /// What is allowed.
        limit: u64,
    },
    /// The connection broke, or what came is not HTTP.
    #[error("{url}: broken off: {reason}")]
    Broken {
        /// Whom.
        url: String,
        /// How.
        reason: String,
    },
}

impl HttpError {
    /// Whether another try may go better.
    pub fn passes(&self) -> bool {
        matches!(self, HttpError::Connect { .. } | HttpError::Timeout { .. } | HttpError::Broken { .. })
    }
}

impl Client {
    /// A client that will call addresses under `base`, and over TLS only whom `trust` allows.
    pub fn new(base: &str, limits: Limits, trust: &Trust) -> Client {
        let mut config = Config::builder()
            .tls_config(tls(trust))
            .user_agent(USER_AGENT)
            .http_status_as_error(false)
            .max_redirects(MAX_REDIRECTS)
            .timeout_connect(Some(limits.connect))
            .timeout_per_read(Some(limits.read))
            .timeout_recv_response(Some(limits.read))
            .timeout_global(Some(limits.whole));
        if is_this_machine(base) {
            config = config.proxy(None);
        }
        Client { agent: config.build().new_agent(), limits }
    }

    /// How long it waits and how much it takes.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// GET, the body in memory.
    ///
    /// # Errors
    /// When there is no whole answer; a status of failure is an answer.
    pub fn get(&self, url: &str, headers: &[(&str, &str)]) -> Result<Reply, HttpError> {
        self.stream(url, headers)?.whole(url, self.limits.bytes)
    }

    /// GET, the body to be read piece by piece.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn stream(&self, url: &str, headers: &[(&str, &str)]) -> Result<Streamed, HttpError> {
        let mut request = self.agent.get(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.call().map_err(|error| explain(url, error, self.limits.bytes))?;
        Ok(Streamed::of(answer, self.limits.bytes))
    }

    /// POST of a JSON body.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub fn post_json(&self, url: &str, body: &[u8], headers: &[(&str, &str)]) -> Result<Reply, HttpError> {
        let mut request = self.agent.post(url).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send(body).map_err(|error| explain(url, error, self.limits.bytes))?;
        Streamed::of(answer, self.limits.bytes).whole(url, self.limits.bytes)
    }
}

impl Streamed {
    fn of(answer: Response<Body>, limit: u64) -> Streamed {
        let text = |value: &ureq::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = answer.headers().iter().map(|(name, value)| (name.as_str().to_owned(), text(value)));
        Streamed {
            status: answer.status().as_u16(),
            headers: headers.collect(),
            body: Box::new(answer.into_body().into_with_config().limit(limit).reader()),
        }
    }

    fn whole(mut self, url: &str, limit: u64) -> Result<Reply, HttpError> {
        let mut body = vec![];
        self.body.read_to_end(&mut body).map_err(|error| explain_read(url, error, limit))?;
        Ok(Reply { status: self.status, headers: self.headers, body })
    }
}

fn tls(trust: &Trust) -> TlsConfig {
    let own = |one: &rustls::pki_types::CertificateDer<'static>| Certificate::from_der(one).to_owned();
    let roots = trust
        .own()
        .map_or(RootCerts::WebPki, |all| RootCerts::Specific(Arc::new(all.iter().map(own).collect())));
    TlsConfig::builder().root_certs(roots).build()
}

/// What went wrong while a body was read.
pub(super) fn explain_read(url: &str, error: io::Error, limit: u64) -> HttpError {
    explain(url, ureq::Error::from(error), limit)
}

fn explain(url: &str, error: ureq::Error, limit: u64) -> HttpError {
    let url = url.to_owned();
    match error {
        ureq::Error::BadUri(reason) => HttpError::Url { url, reason },
        ureq::Error::Http(reason) => HttpError::Url { url, reason: reason.to_string() },
        ureq::Error::HostNotFound | ureq::Error::ConnectionFailed => {
            HttpError::Connect { url, reason: error.to_string() }
        }
        ureq::Error::Timeout(which) => HttpError::Timeout { url, reason: which.to_string() },
        ureq::Error::TooManyRedirects | ureq::Error::RedirectFailed => HttpError::Redirects { url },
        ureq::Error::BodyExceedsLimit(_) => HttpError::TooLarge { url, limit },
        ureq::Error::Io(error) => of_system(url, &error),
        other => HttpError::Broken { url, reason: other.to_string() },
    }
}

fn of_system(url: String, error: &io::Error) -> HttpError {
    let reason = error.to_string();
    if let Some(rustls::Error::InvalidCertificate(_)) = error.get_ref().and_then(|inner| inner.downcast_ref())
    {
        return HttpError::Certificate { url, reason };
    }
    match error.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::AddrNotAvailable => {
            HttpError::Connect { url, reason }
        }
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => HttpError::Timeout { url, reason },
        _ => HttpError::Broken { url, reason },
    }
}

fn is_this_machine(base: &str) -> bool {
    let after = base.split_once("://").map_or(base, |(_, rest)| rest);
    let host = after.split(['/', '?']).next().unwrap_or_default();
    ["localhost", "127.", "[::1]", "0.0.0.0"].iter().any(|name| host.starts_with(name))
}

/// Who is asking, and where to complain.
const USER_AGENT: &str =
    concat!("aml-miner/", env!("CARGO_PKG_VERSION"), " (+", env!("CARGO_PKG_REPOSITORY"), ")");
const MAX_REDIRECTS: u32 = 4;
