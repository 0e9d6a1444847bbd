//! GET /livez and GET /readyz: whether to restart the program, and whether to send it work.

use schemars::JsonSchema;
use serde::Serialize;
use warp::reply::Response;

use crate::server::error::{ApiError, json_of};
use crate::server::state::State;

#[derive(Serialize, JsonSchema)]
pub(in crate::server) struct Alive {
    status: &'static str,
}

#[derive(Serialize, JsonSchema)]
pub(in crate::server) struct Readiness {
    status: &'static str,
    /// SHA-256 that names the loaded bundle.
    model_digest: String,
}

/// It answers, so it lives: with no models too, as a restart would not bring any.
pub(in crate::server) fn live(_state: &State) -> Result<Response, ApiError> {
    json_of(&Alive { status: "alive" })
}

/// Ready when models are loaded; 503 before.
pub(in crate::server) fn ready(state: &State) -> Result<Response, ApiError> {
    let bundle = state.bundle().ok_or(ApiError::NotLoaded)?;
    json_of(&Readiness { status: "ready", model_digest: bundle.digest().to_string() })
}
