//! GET /livez and GET /readyz: whether to restart the program, and whether to send it work.

use warp::reply::Response;

use crate::server::error::{ApiError, json_response};
use crate::server::state::State;

/// It answers, so it lives: with no models too, as a restart would not bring any.
pub(in crate::server) fn live(_state: &State) -> Result<Response, ApiError> {
    Ok(json_response(br#"{"status":"alive"}"#.to_vec()))
}

/// Ready when models are loaded; 503 before.
pub(in crate::server) fn ready(state: &State) -> Result<Response, ApiError> {
    let bundle = state.bundle().ok_or(ApiError::NotLoaded)?;
    let ready = serde_json::json!({"status": "ready", "model_digest": bundle.digest().to_string()});
    Ok(json_response(ready.to_string().into_bytes()))
}
