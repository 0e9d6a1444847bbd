//! The calls of an admin: which bundles there are, and which of them answers. Each is refused without a key that says `admin`.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use warp::reply::Response;

use crate::aml::bundle::{Bundle, Kind};
use crate::determinism::digest::Digest;
use crate::server::error::{ApiError, Fault, json_of};
use crate::server::routes::Incoming;
use crate::server::state::State;

/// The bundles of the server.
#[derive(Serialize, JsonSchema)]
pub(in crate::server) struct Bundles {
    /// The one that answers.
    active: Option<BundleName>,
    /// The one that answered before: where a rollback leads.
    previous: Option<BundleName>,
    /// The one that is compared in the metrics and answers nobody.
    challenger: Option<BundleName>,
    /// Versions on disk, by which a reload names them; none where the server runs one bundle alone.
    versions: Vec<String>,
}

#[derive(Serialize, JsonSchema)]
struct BundleName {
    /// SHA-256 of the bundle's manifest, which holds the digests of all its files.
    digest: String,
    /// Versions of its models.
    models: Vec<String>,
}

/// Which version to take. All members may be absent.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(in crate::server) struct Choice {
    /// A version on disk; the current one where null or absent. As challenger, null takes it away.
    version: Option<String>,
    /// The digest that the bundle must have: nothing changes when it is another.
    sha256: Option<String>,
}

pub(in crate::server) async fn list(state: Arc<State>) -> Result<Response, ApiError> {
    blocking(move || bundles(&state)).await
}

/// Loads a version and lets it answer.
pub(in crate::server) async fn reload(state: Arc<State>, incoming: Incoming) -> Result<Response, ApiError> {
    let choice = choice(&state, incoming).await?;
    blocking(move || {
        let bundle = load(&state, &choice)?;
        tracing::info!(model_digest = %bundle.digest(), "bundle loaded by an admin");
        state.swap(bundle);
        bundles(&state)
    })
    .await
}

/// Lets the bundle before answer again.
pub(in crate::server) async fn roll_back(
    state: Arc<State>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    choice(&state, incoming).await?;
    if !state.roll_back() {
        return Err(ApiError::Conflict("there is no bundle to go back to".to_owned()));
    }
    list(state).await
}

/// Sets or takes away the challenger.
pub(in crate::server) async fn challenge(
    state: Arc<State>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let choice = choice(&state, incoming).await?;
    blocking(move || {
        let bundle = choice.version.is_some().then(|| load(&state, &choice)).transpose()?;
        state.challenge(bundle);
        bundles(&state)
    })
    .await
}

/// The body of such a call; none is as good as `{}`.
async fn choice(state: &State, incoming: Incoming) -> Result<Choice, ApiError> {
    let body = state.bodies.read(&incoming.headers, incoming.body).await?;
    if body.bytes.is_empty() {
        return Ok(Choice::default());
    }
    serde_json::from_slice(&body.bytes).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => Fault::in_body(&[], &error.to_string(), "value_error"),
        _ => ApiError::NotJson(error.to_string()),
    })
}

fn load(state: &State, choice: &Choice) -> Result<Bundle, ApiError> {
    let expected = choice.sha256.as_deref().map(|text| {
        Digest::from_hex(text)
            .ok_or_else(|| Fault::in_body(&["sha256"], "expected 64 hexadecimal digits", "value_error"))
    });
    let expected = expected.transpose()?;
    let bundle = state.registry().load(choice.version.as_deref()).map_err(|why| {
        tracing::warn!(why, "a bundle that an admin asked for does not load");
        ApiError::Conflict("the bundle does not load; the log says why, and nothing has changed".to_owned())
    })?;
    match expected {
        Some(expected) if expected != bundle.digest() => Err(ApiError::Conflict(format!(
            "the bundle's digest is {}, not {expected}; nothing has changed",
            bundle.digest()
        ))),
        _ => Ok(bundle),
    }
}

fn bundles(state: &State) -> Result<Response, ApiError> {
    let places = state.models.places();
    let name = |bundle: &Arc<Bundle>| BundleName {
        digest: bundle.digest().to_string(),
        models: Kind::ALL
            .into_iter()
            .filter_map(|kind| Some(bundle.scorer(kind)?.version().to_string()))
            .collect(),
    };
    json_of(&Bundles {
        active: places.active.as_ref().map(name),
        previous: places.previous.as_ref().map(name),
        challenger: places.challenger.as_ref().map(name),
        versions: state.registry().versions().unwrap_or_else(|why| {
            tracing::warn!(why, "versions cannot be listed");
            vec![]
        }),
    })
}

async fn blocking(
    work: impl FnOnce() -> Result<Response, ApiError> + Send + 'static,
) -> Result<Response, ApiError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| ApiError::Internal)?
}
