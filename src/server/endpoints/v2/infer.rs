//! POST .../infer and .../explain: tensors in, tensors out.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use warp::http::HeaderMap;
use warp::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use warp::reply::Response;

use super::Named;
use super::request::{InferRequest, RequestedOutput};
use super::tensor::Tensor;
use crate::aml::bundle::{Kind, Scorer};
use crate::aml::score::tensor::{FeatureRows, contributions, ids, scores};
use crate::determinism::digest::Digest;
use crate::server::audit::Answered;
use crate::server::endpoints::scoring::{batch_of, with_header, with_model_digest};
use crate::server::error::{ApiError, Fault, json_response};
use crate::server::routes::Incoming;
use crate::server::settings::MAX_EXPLAINED_ROWS;
use crate::server::state::State;
use crate::server::work::{Job, Takes, Worked, work};

/// Tensors out.
#[derive(Serialize, JsonSchema)]
pub(in crate::server) struct InferAnswer {
    model_name: &'static str,
    model_version: String,
    /// The request's.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    outputs: Vec<OutputTensor>,
}

#[derive(Serialize, JsonSchema)]
struct OutputTensor {
    name: &'static str,
    shape: Vec<usize>,
    datatype: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<BinarySize>,
    /// Row after row; absent where the tensor comes as bytes behind the JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Data>,
}

#[derive(Serialize, JsonSchema)]
struct BinarySize {
    binary_data_size: usize,
}

#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
enum Data {
    Numbers(Vec<f64>),
    Counts(Vec<usize>),
    Texts(Vec<String>),
}

/// Which of the two calls it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Task {
    Infer,
    Explain,
}

/// Names of tensors and their data, an answer in the making.
type Tensors = Vec<(&'static str, Vec<usize>, Data)>;

/// The header that says how much of a body is JSON, where bytes follow it.
const JSON_LENGTH: HeaderName = HeaderName::from_static("inference-header-content-length");

pub(in crate::server) async fn infer(
    state: Arc<State>,
    incoming: Incoming,
    named: Named,
) -> Result<Response, ApiError> {
    answer(state, incoming, named, Task::Infer).await
}

pub(in crate::server) async fn explain(
    state: Arc<State>,
    incoming: Incoming,
    named: Named,
) -> Result<Response, ApiError> {
    answer(state, incoming, named, Task::Explain).await
}

async fn answer(
    state: Arc<State>,
    incoming: Incoming,
    named: Named,
    task: Task,
) -> Result<Response, ApiError> {
    let takes = if incoming.headers.contains_key(JSON_LENGTH) { Takes::Bytes } else { Takes::Json };
    let kind = named.kind;
    let job = move |job: Job<'_>| compute(job, &named, task);
    let json_length = json_length(&incoming.headers)?;
    let Worked { answer: (json, binary, rows), bundle, answered } =
        work(&state, incoming, takes, job).await?;
    match kind {
        Kind::AlertScorer => state.meters.alerts_scored.inc_by(rows),
        Kind::AlertRanker => state.meters.alerts_ranked.inc_by(rows),
        Kind::ClusterScorer => state.meters.clusters_scored.inc_by(rows),
    }
    let (length, all_json) = (json.len(), binary.is_empty());
    let body = [json, binary].concat();
    let digest = Digest::of(&body).to_string();
    state.note(Answered { answer_sha256: digest.clone(), json_length, ..answered }).await?;
    let mut response = json_response(body);
    if !all_json {
        response.headers_mut().insert(JSON_LENGTH, length.into());
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    }
    Ok(with_header(with_model_digest(response, &bundle), "x-score-digest", &digest))
}

/// The answer's JSON, the bytes behind it, and how many rows were scored.
fn compute(job: Job<'_>, named: &Named, task: Task) -> Result<(Vec<u8>, Vec<u8>, u64), ApiError> {
    let scorer = named.scorer(job.bundle)?;
    let (request, input) = InferRequest::read(&job.body.bytes, json_length(job.headers)?)?;
    drop(job);
    let (rows, ids) = rows(scorer, input)?;
    if task == Task::Explain && rows.n_rows() > MAX_EXPLAINED_ROWS {
        let (most, found) = (MAX_EXPLAINED_ROWS, rows.n_rows());
        let msg = format!("expected at most {most} rows to explain, found {found}; send parts");
        return Err(Fault::in_body(&["inputs"], &msg, "too_long"));
    }
    let tensors = tensors(scorer, named.kind, task, &rows, ids);
    let (outputs, binary) = chosen(tensors, &request)?;
    let answer = InferAnswer {
        model_name: named.kind.name(),
        model_version: scorer.version().to_string(),
        id: request.id,
        outputs,
    };
    let json = serde_json::to_vec(&answer).map_err(|_| ApiError::Internal)?;
    Ok((json, binary, rows.n_rows() as u64))
}

fn json_length(headers: &HeaderMap) -> Result<Option<usize>, ApiError> {
    let Some(length) = headers.get(JSON_LENGTH) else { return Ok(None) };
    let read = length.to_str().ok().and_then(|text| text.parse().ok());
    read.map(Some)
        .ok_or_else(|| ApiError::MediaType { reason: format!("{JSON_LENGTH}: expected a number of bytes") })
}

/// The features to score, and ids where there are any.
fn rows(scorer: &Scorer, input: Tensor) -> Result<(FeatureRows, Option<Vec<String>>), ApiError> {
    let expected = scorer.features().features().len();
    match input {
        Tensor::Batch(text) => {
            let batch = batch_of(text.as_bytes())?;
            let ids = ids(scorer, &batch)?.into_iter().map(str::to_owned).collect();
            Ok((FeatureRows::of(scorer, &batch)?, Some(ids)))
        }
        Tensor::Features { values, width } => {
            let fault = |msg: &str| Fault::in_body(&["inputs", "features"], msg, "value_error");
            if width != expected {
                return Err(fault(&format!("expected shape [rows, {expected}], found [rows, {width}]")));
            }
            if values.iter().any(|value| value.is_infinite()) {
                return Err(fault("expected finite numbers, or NaN for missing ones"));
            }
            let rows = FeatureRows::new(values, width).ok_or(ApiError::Internal)?;
            Ok((rows, None))
        }
    }
}

fn tensors(scorer: &Scorer, kind: Kind, task: Task, rows: &FeatureRows, ids: Option<Vec<String>>) -> Tensors {
    let n = rows.n_rows();
    let scored = scores(kind, scorer, rows, ids.as_deref());
    let mut tensors = vec![];
    if let Some(ids) = ids {
        tensors.push(("id", vec![n], Data::Texts(ids)));
    }
    tensors.push(("score", vec![n], Data::Numbers(scored.scores)));
    tensors.push(("raw_score", vec![n], Data::Numbers(scored.raw_scores)));
    if kind == Kind::AlertRanker {
        tensors.push(("rank", vec![n], Data::Counts(scored.ranks)));
    }
    if task == Task::Explain {
        let width = scorer.features().features().len();
        tensors.push(("contributions", vec![n, width], Data::Numbers(contributions(scorer, rows))));
        tensors.push(("base_value", vec![1], Data::Numbers(vec![scorer.explainer().base_value()])));
    }
    tensors
}

/// The outputs asked for, in the order asked for, and the bytes of those that come as bytes.
fn chosen(tensors: Tensors, request: &InferRequest) -> Result<(Vec<OutputTensor>, Vec<u8>), ApiError> {
    let mut binary = vec![];
    let of = |binary: &mut Vec<u8>,
              (name, shape, data): (&'static str, Vec<usize>, Data),
              as_bytes: Option<bool>| {
        let datatype = data.datatype();
        if !as_bytes.unwrap_or(request.parameters.binary_data_output) {
            return OutputTensor { name, shape, datatype, parameters: None, data: Some(data) };
        }
        let bytes = data.bytes();
        let parameters = Some(BinarySize { binary_data_size: bytes.len() });
        binary.extend(bytes);
        OutputTensor { name, shape, datatype, parameters, data: None }
    };
    if request.outputs.is_empty() {
        let outputs = tensors.into_iter().map(|tensor| of(&mut binary, tensor, None)).collect();
        return Ok((outputs, binary));
    }
    let (mut tensors, mut outputs) = (tensors, vec![]);
    for RequestedOutput { name, parameters } in &request.outputs {
        let place = tensors.iter().position(|tensor| tensor.0 == name).ok_or_else(|| {
            let known: Vec<&str> = tensors.iter().map(|tensor| tensor.0).collect();
            Fault::in_body(
                &["outputs"],
                &format!("expected one of {known:?}, each once, found {name:?}"),
                "value_error",
            )
        })?;
        outputs.push(of(&mut binary, tensors.remove(place), parameters.binary_data));
    }
    Ok((outputs, binary))
}

impl Data {
    fn datatype(&self) -> &'static str {
        match self {
            Data::Numbers(_) => "FP64",
            Data::Counts(_) => "INT64",
            Data::Texts(_) => "BYTES",
        }
    }

    /// Little-endian items; a text stands behind its length in four bytes.
    fn bytes(&self) -> Vec<u8> {
        match self {
            Data::Numbers(numbers) => numbers.iter().flat_map(|number| number.to_le_bytes()).collect(),
            Data::Counts(counts) => counts.iter().flat_map(|count| (*count as u64).to_le_bytes()).collect(),
            Data::Texts(texts) => texts.iter().flat_map(|text| with_length(text)).collect(),
        }
    }
}

fn with_length(text: &str) -> Vec<u8> {
    // ids are far shorter than four gigabytes
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    [&length.to_le_bytes(), text.as_bytes()].concat()
}
