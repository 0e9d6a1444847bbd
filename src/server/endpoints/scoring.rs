//! What the three scoring calls share: from the body's bytes to an answer with its digests.
//!
//! Refusals come in the order in which they cost least: too many requests, not JSON by its own word, no
//! models, no room in the queue, too large; then the faults of query and body together.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use warp::http::header::{HeaderName, HeaderValue};
use warp::reply::Response;
use warp::{Buf, Stream};

use crate::aml::bundle::Bundle;
use crate::aml::score::text::Text;
use crate::aml::score::{Explain, ScoreError};
use crate::aml::sot::{Batch, Loc, RequestFault, RequestFaults};
use crate::determinism::digest::Digest;
use crate::server::body::{check_media_type, declared_length};
use crate::server::compute::{Place, Size};
use crate::server::error::{ApiError, Fault, json_response};
use crate::server::query::Query;
use crate::server::routes::Call;
use crate::server::settings::{MAX_EXPLAINED_ROWS, SMALL_BODY_BYTES};
use crate::server::state::State;

/// A request that was understood, with what is needed to answer it.
pub(super) struct Request<'a> {
    pub(super) bundle: &'a Bundle,
    pub(super) batch: &'a Batch,
    pub(super) query: Query,
    /// Time since the whole body was at hand.
    elapsed: &'a dyn Fn() -> Duration,
}

/// The JSON of an answer, its digest without latencies, and how many rows it has.
pub(super) struct Answer {
    pub(super) json: Vec<u8>,
    pub(super) digest: Digest,
    pub(super) rows: usize,
}

impl Request<'_> {
    /// Milliseconds each of `rows` took so far: reading, features, scores, reasons, and their text.
    fn latency_ms(&self, rows: usize) -> f64 {
        (self.elapsed)().as_secs_f64() * 1e3 / rows.max(1) as f64
    }

    /// The answer of rows that were written as they were scored.
    pub(super) fn answer(&self, text: Text) -> Answer {
        let (rows, digest) = (text.n_rows(), text.digest());
        let latency = self.latency_ms(rows);
        Answer { json: text.into_json(Some(latency)), digest, rows }
    }

    /// How much the caller wants explained of `rows` of a table.
    ///
    /// # Errors
    /// When they are more than [`MAX_EXPLAINED_ROWS`].
    pub(super) fn explain<T>(&self, table: &str, rows: &Option<Vec<T>>) -> Result<Explain, ApiError> {
        let found = rows.as_ref().map_or(0, Vec::len);
        match self.query.explain {
            false => Ok(Explain::No),
            true if found <= MAX_EXPLAINED_ROWS => Ok(Explain::Top(self.query.top)),
            true => Err(ApiError::Invalid(vec![Fault {
                loc: vec![json!("body"), json!(table)],
                msg: format!(
                    "expected at most {MAX_EXPLAINED_ROWS} rows to explain, found {found}; send parts, or explain=false"
                ),
                kind: "too_long".to_owned(),
            }])),
        }
    }
}

/// Takes a call in, lets `compute` answer it on the worker threads, and counts the rows with `count`.
pub(super) async fn answer<S, B>(
    state: Arc<State>,
    call: Call<S>,
    compute: fn(&Request<'_>) -> Result<Answer, ApiError>,
    count: fn(&State, u64),
) -> Result<Response, ApiError>
where
    S: Stream<Item = Result<B, warp::Error>>,
    B: Buf,
{
    let (bundle, place) = match admit(&state, &call) {
        Ok(admitted) => admitted,
        Err(refusal) => {
            state.bodies.discard(call.body).await;
            return Err(refusal);
        }
    };
    let work = async {
        let mut body = state.bodies.read(&call.headers, call.body).await?;
        let (shared, models) = (state.clone(), bundle.clone());
        let job = move || {
            let start = shared.clock().monotonic();
            let elapsed = || shared.clock().monotonic().saturating_sub(start);
            let (batch, query) = understand(&body.bytes, &call.query)?;
            body.bytes = Vec::new();
            let request = Request { bundle: &models, batch: &batch, query, elapsed: &elapsed };
            compute(&request)
        };
        state.compute.run(place, job).await
    };
    let answer = state.compute.within(work).await?;
    count(&state, answer.rows as u64);
    let response = with_model_digest(json_response(answer.json), &bundle);
    Ok(with_header(response, "x-score-digest", &answer.digest.to_string()))
}

/// The models and a place in the queue, for a call that is refused by nothing in its head.
fn admit<S>(state: &State, call: &Call<S>) -> Result<(Arc<Bundle>, Place), ApiError> {
    if let Some(limit) = &state.rate {
        limit.admit(call.client.map(|address| address.ip()), state.clock().monotonic())?;
    }
    check_media_type(&call.headers)?;
    let bundle = state.bundle().ok_or(ApiError::NotLoaded)?;
    let small = declared_length(&call.headers).is_some_and(|length| length <= SMALL_BODY_BYTES);
    let place = state.compute.place(if small { Size::Small } else { Size::Large })?;
    Ok((bundle, place))
}

fn understand(body: &[u8], query: &str) -> Result<(Batch, Query), ApiError> {
    match (Batch::from_json(body), Query::parse(query)) {
        (Ok(batch), Ok(query)) => Ok((batch, query)),
        (batch, query) => {
            let mut faults = query.err().unwrap_or_default();
            if let Err(found) = batch {
                faults.extend(in_body(found)?);
            }
            Err(ApiError::Invalid(faults))
        }
    }
}

pub(super) fn with_model_digest(response: Response, bundle: &Bundle) -> Response {
    let response = with_header(response, "x-model-digest", &bundle.digest().to_string());
    // a body does not say its network: the caller is told which ones the models know
    with_header(response, "x-model-network", &bundle.manifest().network)
}

fn with_header(mut response: Response, name: &'static str, value: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
    response
}

/// A batch that cannot be scored: a missing table is the request's fault, a missing model the server's.
impl From<ScoreError> for ApiError {
    fn from(error: ScoreError) -> Self {
        match error {
            ScoreError::NotLoaded { .. } => ApiError::NotLoaded,
            ScoreError::NoTable { table, .. } => ApiError::Invalid(vec![Fault {
                loc: vec![json!("body"), json!(table)],
                msg: format!("field required: a list of {table}, which may be empty"),
                kind: "missing".to_owned(),
            }]),
            error => {
                tracing::error!(%error, "an error that no request should cause; this is a bug");
                ApiError::Internal
            }
        }
    }
}

/// The faults of a body that is JSON.
fn in_body(found: RequestFaults) -> Result<Vec<Fault>, ApiError> {
    let faults = match found {
        RequestFaults::NotJson { reason, .. } => return Err(ApiError::NotJson(reason)),
        RequestFaults::Invalid { faults } => faults,
    };
    let step = |step: &Loc| match step {
        Loc::Key(name) => json!(name),
        Loc::Index(place) => json!(place),
    };
    let fault = |fault: RequestFault| Fault {
        loc: fault.loc.iter().map(step).collect(),
        msg: fault.msg,
        kind: fault.kind.to_owned(),
    };
    Ok(faults.into_iter().map(fault).collect())
}
