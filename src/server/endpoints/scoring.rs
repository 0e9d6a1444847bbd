//! What the three scoring calls share: from the body's bytes to an answer with its digests.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use warp::http::HeaderMap;
use warp::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use warp::reply::Response;

use crate::aml::bundle::{Bundle, Kind};
use crate::aml::score::text::Text;
use crate::aml::score::{Explain, ScoreError, columns};
use crate::aml::sot::{Batch, Loc, RequestFault, RequestFaults};
use crate::determinism::digest::Digest;
use crate::server::audit::Answered;
use crate::server::body::{Bodies, Body};
use crate::server::coding::Coded;
use crate::server::error::{ApiError, Fault, json_response};
use crate::server::query::Query;
use crate::server::routes::Incoming;
use crate::server::settings::MAX_EXPLAINED_ROWS;
use crate::server::shadow;
use crate::server::state::State;
use crate::server::wire::{Form, Wire};
use crate::server::work::{Job, Takes, Worked, work};

/// A request that was understood, with what is needed to answer it.
pub(super) struct Request<'a> {
    pub(super) bundle: &'a Bundle,
    pub(super) batch: &'a Batch,
    pub(super) query: Query,
    pub(super) form: Form,
    /// Time since the whole body was at hand.
    elapsed: &'a dyn Fn() -> Duration,
}

/// An answer as it is written, the digest of its JSON without latencies, and how many rows it has.
pub(super) struct Answer {
    pub(super) bytes: Vec<u8>,
    pub(super) digest: Digest,
    pub(super) rows: usize,
    /// Scores, and the features of some of the rows, where they are watched.
    pub(super) scores: Vec<f64>,
    pub(super) sample: Vec<f64>,
}

impl Request<'_> {
    /// Milliseconds each of `rows` took so far: reading, features, scores, reasons, and their text.
    fn latency_ms(&self, rows: usize) -> f64 {
        (self.elapsed)().as_secs_f64() * 1e3 / rows.max(1) as f64
    }

    /// The answer of rows that were written as they were scored.
    pub(super) fn answer(&self, text: Text) -> Answer {
        let (rows, digest) = (text.n_rows(), text.digest());
        let (scores, sample) = (text.scores().collect(), text.sample());
        let latency = Some(self.latency_ms(rows));
        let bytes = match self.form {
            Form::Array => text.into_json(latency),
            Form::Lines => text.into_lines(latency),
            Form::Arrow => columns::scored(text, latency),
        };
        Answer { bytes, digest, rows, scores, sample }
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
pub(super) async fn answer(
    state: Arc<State>,
    incoming: Incoming,
    kind: Kind,
    compute: fn(&Request<'_>) -> Result<Answer, ApiError>,
    count: fn(&State, u64),
) -> Result<Response, ApiError> {
    // only then is the batch of use beyond its answer, and where it is not it goes where it was made, off the async threads
    let compared = state.models.challenger().is_some();
    let job = move |job: Job<'_>| {
        let Job { bundle, mut body, bodies, headers, elapsed, .. } = job;
        let (batch, query) = understand(bodies, &mut body, headers, job.query)?;
        // the rows are read: the text's memory is given back, the room that it held is kept for what is made of it
        body.bytes = Vec::new();
        let request = Request { bundle, batch: &batch, query, form: Form::wanted(headers), elapsed };
        let mut answer = compute(&request)?;
        let coded = Coded::new(std::mem::take(&mut answer.bytes), headers)?;
        let form = request.form;
        Ok((answer, coded.parts(), form, compared.then_some(batch)))
    };
    let Worked { answer: (answer, (bytes, coding), form, batch), bundle, answered } =
        work(&state, incoming, Takes::Batch, job).await?;
    count(&state, answer.rows as u64);
    let histogram = state.meters.scores.with_label_values(&[kind.name()]);
    answer.scores.iter().for_each(|score| histogram.observe(*score));
    state.drift.add(&bundle, kind, &answer.sample, &answer.scores);
    let digest = answer.digest.to_string();
    state.note(Answered { answer_sha256: digest.clone(), ..answered }).await?;
    if let Some(batch) = batch {
        shadow::compare(&state, bundle.clone(), kind, batch);
    }
    let mut response = with_model_digest(json_response(bytes), &bundle);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(form.media_type()));
    let response = Coded::mark(coding, response);
    Ok(with_header(response, "x-score-digest", &digest))
}

fn understand(
    bodies: &Bodies,
    body: &mut Body,
    headers: &HeaderMap,
    query: &str,
) -> Result<(Batch, Query), ApiError> {
    match (Wire::of(headers, &body.bytes).read(bodies, body)?, Query::parse(query)) {
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

/// The batch of a body.
///
/// # Errors
/// When it is not JSON, or with all faults of one that is.
pub(super) fn batch_of(body: &[u8]) -> Result<Batch, ApiError> {
    Batch::from_json(body).map_err(|found| in_body(found).map_or_else(|error| error, ApiError::Invalid))
}

pub(super) fn with_model_digest(response: Response, bundle: &Bundle) -> Response {
    let response = with_header(response, "x-model-digest", &bundle.digest().to_string());
    // a body does not say its network: the caller is told which ones the models know
    with_header(response, "x-model-network", &bundle.manifest().network)
}

pub(super) fn with_header(mut response: Response, name: &'static str, value: &str) -> Response {
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
        RequestFaults::NotTable { reason } => return Err(ApiError::NotTables(reason)),
        RequestFaults::Invalid { faults } => faults,
        other => {
            tracing::error!(error = %other, "a fault without a place; this is a bug");
            return Err(ApiError::Internal);
        }
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
