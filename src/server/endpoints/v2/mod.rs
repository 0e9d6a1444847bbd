//! The Open Inference Protocol, version 2 (KServe, Triton): the three models as tensors in, tensors out, and beside it an
//! `explain` call of the same shape, which the protocol lacks.
//!
//! A model takes one of two inputs: `features`, its own features row by row, or `batch`, the body of the other scoring calls as
//! text, from which the features are derived here. Refusals are `{"error": ...}`, as the protocol has them.

mod infer;
mod model;
mod request;
mod tensor;

pub(in crate::server) use infer::{InferAnswer, explain, infer};
pub(in crate::server) use model::{
    ModelMetadata, ModelReady, ServerLive, ServerMetadata, ServerReady, live, metadata, model_ready, ready,
    server,
};
pub(in crate::server) use request::InferRequest;

use schemars::JsonSchema;
use serde::Serialize;
use warp::reply::Response;

use crate::aml::bundle::{Bundle, Kind, Scorer};
use crate::server::error::{ApiError, json_of};

/// What every refusal says.
#[derive(Serialize, JsonSchema)]
pub(in crate::server) struct V2Refusal {
    error: String,
}

/// A refusal in the protocol's words.
pub(in crate::server) fn refuse(error: &ApiError) -> Response {
    let mut refused = error.response();
    if let Ok(answer) = json_of(&V2Refusal { error: error.to_string() }) {
        *refused.body_mut() = answer.into_body();
    }
    refused
}

/// Which model a path names: its name, and its version where one is given.
#[derive(Clone, Debug)]
pub(in crate::server) struct Named {
    kind: Kind,
    version: Option<String>,
}

impl Named {
    /// The model of a path's segments.
    ///
    /// # Errors
    /// [`ApiError::NoModel`] when there is none of this name.
    pub(in crate::server) fn of(names: &[&str]) -> Result<Self, ApiError> {
        let name = names.first().copied().unwrap_or_default();
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name).ok_or(ApiError::NoModel)?;
        Ok(Named { kind, version: names.get(1).map(|&version| version.to_owned()) })
    }

    /// The model.
    ///
    /// # Errors
    /// When it is not loaded, or its version is another.
    fn scorer<'a>(&self, bundle: &'a Bundle) -> Result<&'a Scorer, ApiError> {
        let scorer = bundle.scorer(self.kind).ok_or(ApiError::NotLoaded)?;
        match &self.version {
            Some(version) if **version != **scorer.version() => Err(ApiError::NoModel),
            _ => Ok(scorer),
        }
    }
}
