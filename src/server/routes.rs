//! The way of a request: what it asks for is looked up in [`CALLS`](super::calls::CALLS), and whatever is refused leaves as
//! JSON.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::{Stream, StreamExt as _};
use warp::cors::CorsForbidden;
use warp::filters::BoxedFilter;
use warp::http::{HeaderMap, Method};
use warp::hyper::body::Bytes;
use warp::path::FullPath;
use warp::reject::Rejection;
use warp::reply::Response;
use warp::{Buf, Filter};

use super::access;
use super::calls::{Call, Found, find};
use super::endpoints::{
    admin, docs, health, info, live, metrics, openapi, rank_alerts, score_alerts, score_clusters, stored, v2,
    version,
};
use super::error::ApiError;
use super::results::Part;
use super::seen::{Seen, client, seen};
use super::settings::Cors;
use super::state::State;

/// A request as it came.
pub(super) struct Incoming {
    method: Method,
    pub(super) path: FullPath,
    pub(super) query: String,
    pub(super) headers: HeaderMap,
    pub(super) client: Option<SocketAddr>,
    /// Name of the caller's key.
    pub(super) key: Option<String>,
    pub(super) body: Parts,
}

/// A body, piece by piece as it arrives.
pub(super) type Parts = Pin<Box<dyn Stream<Item = Result<Bytes, warp::Error>> + Send>>;

/// Calls of a user's own beside those of the service; a rejection of "not found" passes a request on.
pub type Extra = BoxedFilter<(Response,)>;

/// Every call of the service, with request log, counters and CORS.
pub fn routes(state: Arc<State>) -> BoxedFilter<(impl warp::Reply + use<>,)> {
    let none = warp::any().and_then(async || Err::<Response, _>(warp::reject::not_found())).boxed();
    routes_with(state, none)
}

/// The same with calls of a user's own, which come first.
pub fn routes_with(state: Arc<State>, extra: Extra) -> BoxedFilter<(impl warp::Reply + use<>,)> {
    let own = {
        let state = state.clone();
        incoming().then(move |incoming| answer(state.clone(), incoming))
    };
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

fn incoming() -> impl Filter<Extract = (Incoming,), Error = Rejection> + Clone {
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    let head = warp::method().and(warp::path::full()).and(query).and(warp::header::headers_cloned());
    head.and(client()).and(warp::body::stream()).map(|method, path, query, headers, client, body| Incoming {
        method,
        path,
        query,
        headers,
        client,
        key: None,
        body: parts(body),
    })
}

fn parts(body: impl Stream<Item = Result<impl Buf, warp::Error>> + Send + 'static) -> Parts {
    Box::pin(body.map(|part| part.map(|mut bytes| bytes.copy_to_bytes(bytes.remaining()))))
}

async fn answer(state: Arc<State>, mut incoming: Incoming) -> Response {
    let path = incoming.path.as_str().to_owned();
    let found = match find(&incoming.method, &path) {
        Ok(found) => found,
        Err(error) => return error.response(),
    };
    let admitted = access::admit(&state, &incoming.headers, found.spec.access);
    let answered = match admitted {
        Ok(key) => {
            incoming.key = key;
            dispatch(state, incoming, &found).await
        }
        Err(error) => Err(error),
    };
    match answered {
        Ok(response) => response,
        Err(error) if found.spec.is_v2() => v2::refuse(&error),
        Err(error) => error.response(),
    }
}

async fn dispatch(state: Arc<State>, incoming: Incoming, found: &Found<'_>) -> Result<Response, ApiError> {
    let model = || v2::Named::of(&found.names);
    match found.spec.call {
        Call::ScoreAlerts => score_alerts::handle(state, incoming).await,
        Call::RankAlerts => rank_alerts::handle(state, incoming).await,
        Call::ScoreClusters => score_clusters::handle(state, incoming).await,
        Call::V2Infer => v2::infer(state, incoming, model()?).await,
        Call::V2Explain => v2::explain(state, incoming, model()?).await,
        Call::AdminModels => admin::list(state).await,
        Call::AdminReload => admin::reload(state, incoming).await,
        Call::AdminRollback => admin::roll_back(state, incoming).await,
        Call::AdminChallenger => admin::challenge(state, incoming).await,
        _ => read(state, incoming, found).await,
    }
}

/// Calls that compute nothing.
async fn read(state: Arc<State>, incoming: Incoming, found: &Found<'_>) -> Result<Response, ApiError> {
    let model = || v2::Named::of(&found.names);
    // the paths of the last day name none
    let date = || found.names.first().map(|&date| date.to_owned());
    match found.spec.call {
        Call::StoredAlerts | Call::StoredAlertsLatest => {
            stored::part(state, incoming.query, date(), Part::Alerts).await
        }
        Call::StoredRankings | Call::StoredRankingsLatest => {
            stored::part(state, incoming.query, date(), Part::Rankings).await
        }
        Call::StoredClusters | Call::StoredClustersLatest => {
            stored::part(state, incoming.query, date(), Part::Clusters).await
        }
        Call::StoredMetadata | Call::StoredMetadataLatest => {
            stored::part(state, incoming.query, date(), Part::Metadata).await
        }
        Call::MetadataHistory => stored::history(state, incoming.query).await,
        Call::Dates => stored::dates(state, incoming.query).await,
        Call::LatestDate => stored::latest_date(state, incoming.query).await,
        Call::Networks => stored::networks(state).await,
        Call::Info => info::handle(&state),
        Call::Health => health::handle(&state),
        Call::Live => live::live(&state),
        Call::Ready => live::ready(&state),
        Call::Version => version::handle(&state),
        Call::Metrics => metrics::handle(state).await,
        Call::OpenApi => openapi::handle(&state),
        Call::Docs => Ok(docs::page()),
        Call::DocsScript => Ok(docs::script()),
        Call::DocsStyle => Ok(docs::style()),
        Call::V2Server => v2::server(),
        Call::V2Live => v2::live(),
        Call::V2Ready => v2::ready(&state),
        Call::V2Model => v2::metadata(&state, &model()?),
        Call::V2ModelReady => v2::model_ready(&state, &model()?),
        // those that compute or change something
        Call::ScoreAlerts
        | Call::RankAlerts
        | Call::ScoreClusters
        | Call::V2Infer
        | Call::V2Explain
        | Call::AdminModels
        | Call::AdminReload
        | Call::AdminRollback
        | Call::AdminChallenger => Err(ApiError::Internal),
    }
}

fn cors(setting: &Cors) -> Option<warp::cors::Cors> {
    let builder = warp::cors()
        .allow_methods(["GET", "POST"])
        .allow_headers(["content-type", "x-request-id", "traceparent", "authorization", "x-api-key"])
        .expose_headers(EXPOSED)
        .max_age(600_u32);
    match setting {
        Cors::Off => None,
        Cors::Any => Some(builder.allow_any_origin().build()),
        Cors::Origins(origins) => Some(builder.allow_origins(origins.iter().map(String::as_str)).build()),
    }
}

async fn refuse(rejection: Rejection) -> Result<Response, Infallible> {
    let error = if rejection.find::<CorsForbidden>().is_some() {
        ApiError::Origin
    } else if rejection.is_not_found() {
        ApiError::NotFound
    } else {
        tracing::error!(?rejection, "a rejection without a status; this is a bug");
        ApiError::Internal
    };
    Ok(error.response())
}

/// Headers that scripts of other origins may read.
const EXPOSED: [&str; 6] =
    ["x-score-digest", "x-model-digest", "x-model-network", "x-request-id", "traceparent", "retry-after"];
