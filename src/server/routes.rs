//! The calls and their addresses. Everything that is refused passes through here once more and leaves as JSON.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use warp::cors::CorsForbidden;
use warp::filters::BoxedFilter;
use warp::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use warp::http::{HeaderMap, Method};
use warp::path::FullPath;
use warp::reject::Rejection;
use warp::reply::Response;
use warp::{Buf, Filter, Stream};

use super::endpoints::{health, info, live, metrics, rank_alerts, score_alerts, score_clusters, version};
use super::error::ApiError;
use super::settings::Cors;
use super::state::State;
use super::trace::Trace;

/// A scoring request as it came.
pub(super) struct Call<S> {
    pub(super) query: String,
    pub(super) headers: HeaderMap,
    pub(super) client: Option<SocketAddr>,
    pub(super) body: S,
}

/// Calls of a user's own beside those of the service; a rejection of "not found" passes a request on.
pub type Extra = BoxedFilter<(Response,)>;

/// Every call of the service, with request log, counters and CORS.
pub fn routes(state: Arc<State>) -> BoxedFilter<(impl warp::Reply + use<>,)> {
    let none = warp::any().and_then(async || Err::<Response, _>(warp::reject::not_found())).boxed();
    routes_with(state, none)
}

/// The same with calls of a user's own, which come first.
pub fn routes_with(state: Arc<State>, extra: Extra) -> BoxedFilter<(impl warp::Reply + use<>,)> {
    let own = score_routes(&state).or(read_routes(&state)).unify();
    let calls = extra.or(own).unify().recover(refuse).unify();
    let calls = match cors(&state.settings().cors) {
        None => calls.map(plain).boxed(),
        Some(cors) => calls.with(cors).recover(refuse).map(plain).boxed(),
    };
    let finish = {
        let state = state.clone();
        move |seen: Seen, response| seen.finish(&state, response)
    };
    seen(state).and(calls).map(finish).boxed()
}

fn plain(reply: impl warp::Reply) -> Response {
    reply.into_response()
}

fn score_routes(state: &Arc<State>) -> BoxedFilter<(Response,)> {
    let score_alerts = warp::path!("score" / "alerts")
        .and(call(state))
        .then(async |state, call| answer(score_alerts::handle(state, call).await));
    let rank_alerts = warp::path!("rank" / "alerts")
        .and(call(state))
        .then(async |state, call| answer(rank_alerts::handle(state, call).await));
    let score_clusters = warp::path!("score" / "clusters")
        .and(call(state))
        .then(async |state, call| answer(score_clusters::handle(state, call).await));
    score_alerts.or(rank_alerts).unify().or(score_clusters).unify().boxed()
}

fn read_routes(state: &Arc<State>) -> BoxedFilter<(Response,)> {
    let get = |handle: fn(&State) -> Result<Response, ApiError>| {
        let state = state.clone();
        method(Method::GET).map(move || answer(handle(&state)))
    };
    let info = warp::path::end().and(get(info::handle));
    let health = warp::path!("health").and(get(health::handle));
    let livez = warp::path!("livez").and(get(live::live));
    let readyz = warp::path!("readyz").and(get(live::ready));
    let version = warp::path!("version").and(get(version::handle));
    let metrics = warp::path!("metrics").and(get(metrics::handle));
    let health = health.or(livez).unify().or(readyz).unify();
    info.or(health).unify().or(version).unify().or(metrics).unify().boxed()
}

fn answer(result: Result<Response, ApiError>) -> Response {
    result.unwrap_or_else(|error| error.response())
}

/// Lets `allow` pass (and HEAD where GET does); anything else is refused by name, after the path has matched.
fn method(allow: Method) -> impl Filter<Extract = (), Error = Rejection> + Clone {
    warp::method()
        .and_then(move |found: Method| {
            let allow = allow.clone();
            async move {
                let head = found == Method::HEAD && allow == Method::GET;
                if found == allow || head {
                    Ok(())
                } else {
                    Err(warp::reject::custom(ApiError::Method { allow }))
                }
            }
        })
        .untuple_one()
}

fn call(
    state: &Arc<State>,
) -> impl Filter<
    Extract = (Arc<State>, Call<impl Stream<Item = Result<impl Buf + use<>, warp::Error>> + use<>>),
    Error = Rejection,
> + Clone
+ use<> {
    let state = state.clone();
    method(Method::POST).map(move || state.clone()).and(call_parts())
}

fn call_parts()
-> impl Filter<Extract = (Call<impl Stream<Item = Result<impl Buf, warp::Error>>>,), Error = Rejection> + Clone
{
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    query
        .and(warp::header::headers_cloned())
        .and(warp::addr::remote())
        .and(warp::body::stream())
        .map(|query, headers, client, body| Call { query, headers, client, body })
}

fn cors(setting: &Cors) -> Option<warp::cors::Cors> {
    let builder = warp::cors()
        .allow_methods(["GET", "POST"])
        .allow_headers(["content-type", "x-request-id", "traceparent"])
        .expose_headers(EXPOSED)
        .max_age(600_u32);
    match setting {
        Cors::Off => None,
        Cors::Any => Some(builder.allow_any_origin().build()),
        Cors::Origins(origins) => Some(builder.allow_origins(origins.iter().map(String::as_str)).build()),
    }
}

async fn refuse(rejection: Rejection) -> Result<Response, Infallible> {
    let error = if let Some(error) = rejection.find::<ApiError>() {
        error.clone()
    } else if rejection.find::<CorsForbidden>().is_some() {
        ApiError::Origin
    } else if rejection.is_not_found() {
        ApiError::NotFound
    } else {
        tracing::error!(?rejection, "a rejection without a status; this is a bug");
        ApiError::Internal
    };
    Ok(error.response())
}

impl warp::reject::Reject for ApiError {}

/// Headers that scripts of other origins may read.
const EXPOSED: [&str; 6] =
    ["x-score-digest", "x-model-digest", "x-model-network", "x-request-id", "traceparent", "retry-after"];

/// The routes by name, so that unknown addresses cannot add labels without end.
const ROUTES: [&str; 9] = [
    "/",
    "/health",
    "/livez",
    "/metrics",
    "/rank/alerts",
    "/readyz",
    "/score/alerts",
    "/score/clusters",
    "/version",
];

/// Answers are data: no browser is to guess their type, show them in a frame, keep them, or load anything for them.
const GUARDS: [(HeaderName, HeaderValue); 5] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
];

/// A request as its head tells it.
struct Seen {
    method: Method,
    path: FullPath,
    client: Option<SocketAddr>,
    trace: Trace,
    since: Duration,
}

fn seen(state: Arc<State>) -> impl Filter<Extract = (Seen,), Error = Infallible> + Clone {
    warp::method().and(warp::path::full()).and(warp::addr::remote()).and(warp::header::headers_cloned()).map(
        move |method, path, client, headers| Seen {
            method,
            path,
            client,
            trace: state.names.of(&headers),
            since: state.clock().monotonic(),
        },
    )
}

impl Seen {
    /// Counts and logs a request, and puts on its answer what every answer has.
    fn finish(self, state: &State, mut response: Response) -> Response {
        self.trace.mark(response.headers_mut());
        for (name, value) in GUARDS {
            response.headers_mut().entry(name).or_insert(value);
        }
        let same = |route: &&str| route.trim_end_matches('/') == self.path.as_str().trim_end_matches('/');
        let route = ROUTES.into_iter().find(same).unwrap_or("other");
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
