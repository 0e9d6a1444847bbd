//! What an operator may set, with its defaults, and the limits that are fixed.

use std::num::NonZeroU32;
use std::time::Duration;

use super::results::ResultStore;

/// The largest request body in bytes; one byte more is refused with 413.
pub const MAX_BODY_BYTES: usize = 384 << 20;

/// Bodies up to this many bytes are small requests, which never wait for large ones.
pub const SMALL_BODY_BYTES: usize = 64 << 10;

/// Bodies up to this many bytes, an alert or two, are computed by the thread that takes them in: handing them over would take
/// longer than they do.
pub(super) const TINY_BODY_BYTES: usize = 8 << 10;

/// Bytes of all request bodies held at one time; a request that does not fit is refused with 503.
pub const MAX_BODIES_BYTES: usize = 512 << 20;

/// The most rows that one request may have explained: an explanation is many times the size of its row, so the body's
/// limit does not bound the answer's. One row more is refused with 422; without explanations there is no such limit.
pub const MAX_EXPLAINED_ROWS: usize = 50_000;

/// The largest `?top=`; model features are fewer, so it cuts nothing off.
pub const MAX_TOP: usize = 1000;

/// Features named in `top_features` unless the caller says otherwise.
pub(super) const DEFAULT_TOP: usize = 5;

/// Which web origins may call from a browser.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Cors {
    /// None: no CORS header is sent.
    #[default]
    Off,
    /// Every origin, without credentials.
    Any,
    /// These only, each `scheme://host[:port]`.
    Origins(Vec<String>),
}

/// How the service runs. None of it changes a score.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Large requests computed at the same time; of small ones, as many as there are threads.
    pub workers: usize,
    /// Requests of each size that may wait for a worker; one more is refused with 503.
    pub queue: usize,
    /// Threads that compute one large request.
    pub threads: usize,
    /// From a request's first byte to its answer; beyond it, 503.
    pub timeout: Duration,
    /// How long a client may take over the head of a request, between parts of its body, or over an answer; beyond it, the
    /// connection ends. Also how long a connection may be idle.
    pub client_timeout: Duration,
    /// How long a stop waits for the requests that are under way.
    pub drain: Duration,
    /// The largest body in bytes; at most [`MAX_BODY_BYTES`].
    pub max_body_bytes: usize,
    /// Stored results to show.
    pub results: Option<ResultStore>,
    /// Browser origins.
    pub cors: Cors,
    /// POST calls a minute and client address; beyond it, 429. `None`: no limit.
    pub rate_limit: Option<NonZeroU32>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            workers: 4,
            queue: 64,
            threads: 1,
            timeout: Duration::from_secs(120),
            client_timeout: Duration::from_secs(30),
            drain: Duration::from_secs(30),
            max_body_bytes: MAX_BODY_BYTES,
            results: None,
            cors: Cors::Off,
            rate_limit: None,
        }
    }
}
