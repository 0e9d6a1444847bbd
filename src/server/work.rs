//! The way of a request that computes: admitted by its head, its body taken in, answered on the worker threads.
//!
//! Refusals come in the order in which they cost least: too many requests, not the right kind by its own word, no models, no
//! room in the queue, too large; then the faults of query and body together.

use std::sync::Arc;
use std::time::Duration;

use warp::http::HeaderMap;

use super::audit::Answered;
use super::body::{Bodies, Body, check_media_type, declared_length};
use super::coding::Coding;
use super::compute::{Place, Size};
use super::error::ApiError;
use super::lines::merged;
use super::routes::Incoming;
use super::settings::{SMALL_BODY_BYTES, TINY_BODY_BYTES};
use super::state::State;
use super::wire::Wire;
use crate::aml::bundle::Bundle;

/// What a body may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    /// JSON alone.
    Json,
    /// A batch: JSON, lines of JSON, or tables.
    Batch,
    /// JSON with bytes behind it.
    Bytes,
}

/// What a job on the worker threads knows of its request.
pub(super) struct Job<'a> {
    pub(super) bundle: &'a Bundle,
    pub(super) body: Body,
    pub(super) bodies: &'a Bodies,
    pub(super) query: &'a str,
    pub(super) headers: &'a HeaderMap,
    /// Time since the whole body was at hand.
    pub(super) elapsed: &'a dyn Fn() -> Duration,
}

/// What became of a request.
pub(super) struct Worked<T> {
    pub(super) answer: T,
    pub(super) bundle: Arc<Bundle>,
    /// What there is to note of it, but for the answer's digest.
    pub(super) answered: Answered,
}

/// Takes a request in and lets `job` answer it, from beginning to end with one bundle.
///
/// # Errors
/// Those of `job`, and all that keeps a request from being computed.
pub(super) async fn work<T: Send + 'static>(
    state: &Arc<State>,
    incoming: Incoming,
    takes: Takes,
    job: impl FnOnce(Job<'_>) -> Result<T, ApiError> + Send + 'static,
) -> Result<Worked<T>, ApiError> {
    let (bundle, place) = match admit(state, &incoming, takes) {
        Ok(admitted) => admitted,
        Err(refusal) => {
            state.bodies.discard(incoming.body).await;
            return Err(refusal);
        }
    };
    let Incoming { path, query, headers, key, body, .. } = incoming;
    let mut answered = Answered {
        path: path.as_str().to_owned(),
        query: query.clone(),
        key,
        model_digest: bundle.digest().to_string(),
        ..Answered::default()
    };
    let working = async {
        let mut body = state.bodies.read(&headers, body).await?;
        let coding = Coding::declared(&headers)?;
        let (shared, models) = (state.clone(), bundle.clone());
        let job = move || {
            let start = shared.clock().monotonic();
            let elapsed = || shared.clock().monotonic().saturating_sub(start);
            if let Some(coding) = coding {
                coding.inflate(&shared.bodies, &mut body)?;
            }
            if takes == Takes::Batch && Wire::declared(&headers) == Some(Wire::Lines) {
                body.bytes = merged(&body.bytes)?;
            }
            let kept = shared.keep(&body.bytes)?;
            let bodies = &shared.bodies;
            let (query, headers) = (&query, &headers);
            let answer = job(Job { bundle: &models, body, bodies, query, headers, elapsed: &elapsed })?;
            Ok((answer, kept))
        };
        state.compute.run(place, job).await
    };
    let (answer, kept) = state.compute.within(working).await?;
    if let Some(digest) = kept {
        answered.request_sha256 = digest.to_string();
    }
    Ok(Worked { answer, bundle, answered })
}

/// The models and a place in the queue, for a request that is refused by nothing in its head.
fn admit(state: &State, incoming: &Incoming, takes: Takes) -> Result<(Arc<Bundle>, Place), ApiError> {
    if let Some(most) = state.settings().rate_limit {
        let client = incoming.client.map(|address| address.ip());
        state.client_rates.admit(client, most, state.clock().monotonic())?;
    }
    check_media_type(&incoming.headers, takes)?;
    let bundle = state.bundle().ok_or(ApiError::NotLoaded)?;
    let coded = Coding::declared(&incoming.headers)?.is_some();
    let packed = coded || Wire::declared(&incoming.headers).is_some_and(|wire| wire.is_packed());
    let size = match declared_length(&incoming.headers) {
        // what a compressed body or a table holds is not known
        _ if packed => Size::Large,
        Some(length) if length <= TINY_BODY_BYTES => Size::Tiny,
        Some(length) if length <= SMALL_BODY_BYTES => Size::Small,
        _ => Size::Large,
    };
    let place = state.compute.place(size)?;
    Ok((bundle, place))
}
