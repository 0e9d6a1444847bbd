//! The calls and their addresses. Everything that is refused passes through here once more and leaves as JSON.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use warp::cors::CorsForbidden;
use warp::filters::BoxedFilter;
use warp::http::{HeaderMap, Method};
use warp::reject::Rejection;
use warp::reply::Response;
use warp::{Buf, Filter, Stream};

use super::endpoints::{health, info, metrics, rank_alerts, score_alerts, score_clusters, version};
use super::error::ApiError;
use super::settings::Cors;
use super::state::State;

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
    calls.with(warp::log::custom(move |info| record(&state, &info))).boxed()
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
    let version = warp::path!("version").and(get(version::handle));
    let metrics = warp::path!("metrics").and(get(metrics::handle));
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
        .allow_header("content-type")
        .expose_headers(["x-score-digest", "x-model-digest", "x-model-network", "retry-after"])
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

/// The routes by name, so that unknown addresses cannot add labels without end.
const ROUTES: [&str; 7] =
    ["/", "/health", "/metrics", "/rank/alerts", "/score/alerts", "/score/clusters", "/version"];

fn record(state: &State, info: &warp::log::Info<'_>) {
    let same = |route: &&str| route.trim_end_matches('/') == info.path().trim_end_matches('/');
    let route = ROUTES.into_iter().find(same).unwrap_or("other");
    let (status, elapsed) = (info.status(), info.elapsed());
    state.meters.requests.with_label_values(&[route, status.as_str()]).inc();
    state.meters.seconds.with_label_values(&[route]).observe(elapsed.as_secs_f64());
    let client = info.remote_addr().map(|a| a.to_string()).unwrap_or_default();
    let millis = elapsed.as_secs_f64() * 1e3;
    tracing::info!(method = %info.method(), path = info.path(), status = status.as_u16(), millis, client, "request");
}
