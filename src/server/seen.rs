//! A request from its head to its answer: its name, its time, its line in the log.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use warp::Filter;
use warp::http::Method;
use warp::path::FullPath;
use warp::reply::Response;

use super::calls;
use super::connection::Client;
use super::guards::guard;
use super::state::State;
use super::trace::Trace;

/// A request as its head tells it.
pub(super) struct Seen {
    method: Method,
    path: FullPath,
    client: Option<SocketAddr>,
    trace: Trace,
    since: Duration,
}

/// Takes note of every request.
pub(super) fn seen(state: Arc<State>) -> impl Filter<Extract = (Seen,), Error = Infallible> + Clone {
    warp::method().and(warp::path::full()).and(client()).and(warp::header::headers_cloned()).map(
        move |method, path, client, headers| Seen {
            method,
            path,
            client,
            trace: state.names.of(&headers),
            since: state.clock().monotonic(),
        },
    )
}

/// Where a request comes from.
pub(super) fn client() -> impl Filter<Extract = (Option<SocketAddr>,), Error = Infallible> + Clone {
    let ours = warp::ext::optional::<Client>();
    ours.and(warp::addr::remote()).map(|ours: Option<Client>, other| ours.map(|client| client.0).or(other))
}

impl Seen {
    /// Counts and logs a request, and puts on its answer what every answer has.
    pub(super) fn finish(self, state: &State, mut response: Response) -> Response {
        self.trace.mark(response.headers_mut());
        guard(response.headers_mut());
        let route = calls::label(self.path.as_str());
        let status = response.status();
        let elapsed = state.clock().monotonic().saturating_sub(self.since);
        state.meters.requests.with_label_values(&[route, status.as_str()]).inc();
        state.meters.seconds.with_label_values(&[route]).observe(elapsed.as_secs_f64());
        let client = self.client.map(|a| a.to_string()).unwrap_or_default();
        let millis = elapsed.as_secs_f64() * 1e3;
        let Trace { request_id, trace_id, .. } = &self.trace;
        tracing::info!(method = %self.method, path = self.path.as_str(), status = status.as_u16(), millis, client, request_id, trace_id, "request");
        response
    }
}
