//! GET /: what this is, for whoever opens the address in a browser.

use schemars::JsonSchema;
use serde::Serialize;
use warp::reply::Response;

use crate::server::calls::CALLS;
use crate::server::error::{ApiError, json_of};
use crate::server::state::State;

#[derive(Serialize, JsonSchema)]
pub(in crate::server) struct Info {
    name: &'static str,
    description: &'static str,
    version: &'static str,
    /// Method and address of every call.
    calls: Vec<String>,
}

pub(in crate::server) fn handle(_state: &State) -> Result<Response, ApiError> {
    json_of(&Info {
        name: env!("CARGO_PKG_NAME"),
        description: env!("CARGO_PKG_DESCRIPTION"),
        version: env!("CARGO_PKG_VERSION"),
        calls: CALLS.iter().map(|spec| format!("{} {}", spec.verb.name(), spec.path)).collect(),
    })
}
