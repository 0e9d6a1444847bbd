//! GET /openapi.json: the description of all calls.

use warp::reply::Response;

use crate::server::error::{ApiError, json_of};
use crate::server::openapi::document;
use crate::server::state::State;

pub(in crate::server) fn handle(_state: &State) -> Result<Response, ApiError> {
    json_of(&document())
}
