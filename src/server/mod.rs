//! The HTTP service: scoring and what surrounds it, over one bundle, and nothing that computes a score itself.
//!
//! A request runs down the files of this folder: `seen` notes it, [`routes`] finds its call in the table of `calls`, `body` takes the bytes in
//! under a limit, `compute` carries the work off the async threads, `endpoints` say what each call
//! means, and `error` turns every refusal into a status and a JSON text. `state` is what all requests
//! share: the bundle (replaceable while requests run), the clock, the counters; `trace` gives every request a name.
//!
//! Invariants: the same body gets the same bytes back, `latency_ms` excepted; one request never sees two
//! bundles; whatever is held for requests (bodies, waiting work) has a bound. Time comes from a [`Clock`]
//! that the caller passes in. This is the only importer of warp and tokio.

mod access;
mod audit;
mod body;
mod calls;
mod clock;
mod coding;
mod compute;
mod connection;
mod drift;
mod endpoints;
mod error;
mod guards;
mod keys;
mod lines;
mod meters;
mod models;
mod openapi;
mod pace;
mod parting;
mod parts;
mod query;
mod rate;
mod registry;
mod replay;
mod requests;
mod results;
mod routes;
mod run;
mod scribe;
mod seen;
mod settings;
mod shadow;
mod state;
mod tls;
mod trace;
mod wire;
mod work;

pub use audit::{
    Answered, Audit, AuditError, AuditSettings, Event, Findings, Record, Sign, Verify, verify as verify_log,
};
pub use clock::Clock;
pub use error::{ApiError, Fault};
pub use keys::{KeyEntry, KeyFile, KeyFileError, Keys, Scope};
pub use registry::Registry;
pub use replay::replay;
pub use requests::RequestStore;
pub use results::{
    AlertResults, ClusterResults, DayMetadata, Outcome, Part, RankingResults, ResultStore, StoreError, Timing,
};
pub use routes::{Extra, routes, routes_with};
pub use run::{CONNECTIONS_TARGET, Ended, Reload, ServeError, run, run_with};
pub use settings::{
    Cors, MAX_BODIES_BYTES, MAX_BODY_BYTES, MAX_EXPLAINED_ROWS, MAX_TOP, SMALL_BODY_BYTES, Settings,
};
pub use state::State;
pub use tls::{Tls, TlsError};
