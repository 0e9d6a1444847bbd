//! What there is: the server, its models, and whether they are ready.

use schemars::JsonSchema;
use serde::Serialize;
use warp::reply::Response;

use super::Named;
use super::tensor::{BATCH, FEATURES};
use crate::aml::bundle::{Kind, Scorer};
use crate::server::error::{ApiError, json_of};
use crate::server::state::State;

#[derive(Serialize, JsonSchema)]
pub(in crate::server) struct ServerMetadata {
    name: &'static str,
    version: &'static str,
    extensions: [&'static str; 2],
}

#[derive(Serialize, JsonSchema)]
pub(in crate::server) struct ServerLive {
    live: bool,
}

#[derive(Serialize, JsonSchema)]
pub(in crate::server) struct ServerReady {
    ready: bool,
}

#[derive(Serialize, JsonSchema)]
pub(in crate::server) struct ModelReady {
    name: &'static str,
    ready: bool,
}

#[derive(Serialize, JsonSchema)]
pub(in crate::server) struct ModelMetadata {
    name: &'static str,
    versions: Vec<String>,
    platform: &'static str,
    /// A request gives one of these.
    inputs: Vec<TensorMetadata>,
    outputs: Vec<TensorMetadata>,
    /// Names of the columns of `features` and of `contributions`, in order.
    features: Vec<String>,
}

#[derive(Serialize, JsonSchema)]
pub(in crate::server) struct TensorMetadata {
    name: &'static str,
    datatype: &'static str,
    /// -1 where any length will do.
    shape: Vec<i64>,
}

pub(in crate::server) fn server() -> Result<Response, ApiError> {
    json_of(&ServerMetadata {
        name: env!("CARGO_PKG_NAME"),
        version: env!("CARGO_PKG_VERSION"),
        extensions: ["binary_tensor_data", "explain"],
    })
}

pub(in crate::server) fn live() -> Result<Response, ApiError> {
    json_of(&ServerLive { live: true })
}

/// Ready when all three models are.
pub(in crate::server) fn ready(state: &State) -> Result<Response, ApiError> {
    let bundle = state.bundle().ok_or(ApiError::NotLoaded)?;
    let ready = Kind::ALL.into_iter().all(|kind| bundle.scorer(kind).is_some());
    if ready { json_of(&ServerReady { ready }) } else { Err(ApiError::NotLoaded) }
}

pub(in crate::server) fn model_ready(state: &State, named: &Named) -> Result<Response, ApiError> {
    let bundle = state.bundle().ok_or(ApiError::NotLoaded)?;
    named.scorer(&bundle)?;
    json_of(&ModelReady { name: named.kind.name(), ready: true })
}

pub(in crate::server) fn metadata(state: &State, named: &Named) -> Result<Response, ApiError> {
    let bundle = state.bundle().ok_or(ApiError::NotLoaded)?;
    let scorer = named.scorer(&bundle)?;
    let width = i64::try_from(scorer.features().features().len()).map_err(|_| ApiError::Internal)?;
    json_of(&ModelMetadata {
        name: named.kind.name(),
        versions: vec![scorer.version().to_string()],
        platform: concat!(env!("CARGO_PKG_NAME"), "_gbdt"),
        inputs: vec![tensor(FEATURES, "FP64", &[-1, width]), tensor(BATCH, "BYTES", &[1])],
        outputs: outputs(named.kind, width),
        features: feature_names(scorer),
    })
}

fn outputs(kind: Kind, width: i64) -> Vec<TensorMetadata> {
    let mut outputs = vec![
        tensor("id", "BYTES", &[-1]),
        tensor("score", "FP64", &[-1]),
        tensor("raw_score", "FP64", &[-1]),
    ];
    if kind == Kind::AlertRanker {
        outputs.push(tensor("rank", "INT64", &[-1]));
    }
    outputs.push(tensor("contributions", "FP64", &[-1, width]));
    outputs.push(tensor("base_value", "FP64", &[1]));
    outputs
}

fn tensor(name: &'static str, datatype: &'static str, shape: &[i64]) -> TensorMetadata {
    TensorMetadata { name, datatype, shape: shape.to_vec() }
}

fn feature_names(scorer: &Scorer) -> Vec<String> {
    scorer.features().features().iter().map(|feature| feature.name.to_string()).collect()
}
