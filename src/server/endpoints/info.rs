//! GET /: what this is, for whoever opens the address in a browser.

use serde::Serialize;
use warp::reply::Response;

use crate::server::error::{ApiError, json_response};
use crate::server::state::State;

#[derive(Serialize)]
struct Info {
    name: &'static str,
    description: &'static str,
    version: &'static str,
    calls: [&'static str; 8],
}

pub(in crate::server) fn handle(_state: &State) -> Result<Response, ApiError> {
    let info = Info {
        name: env!("CARGO_PKG_NAME"),
        description: env!("CARGO_PKG_DESCRIPTION"),
        version: env!("CARGO_PKG_VERSION"),
        calls: [
            "POST /score/alerts",
            "POST /rank/alerts",
            "POST /score/clusters",
            "GET /health",
            "GET /livez",
            "GET /readyz",
            "GET /version",
            "GET /metrics",
        ],
    };
    serde_json::to_vec(&info).map(json_response).map_err(|_| ApiError::Internal)
}
