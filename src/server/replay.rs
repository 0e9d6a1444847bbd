//! An answer computed again from the body that was kept and the bundle that answered: by the very calls that answered it.

use std::sync::Arc;

use http_body_util::Full;
use hyper_util::service::TowerToHyperService;
use warp::http::Request;
use warp::hyper::body::Bytes;
use warp::hyper::service::Service as _;

use super::audit::Answered;
use super::clock::Clock;
use super::routes::routes;
use super::settings::Settings;
use super::state::State;
use crate::aml::bundle::Bundle;

/// Computes the answer to a body again; the digest of the answer.
///
/// # Errors
/// In words: the server cannot be set up, or refuses what it answered before.
pub fn replay(
    bundle: Bundle,
    clock: Box<dyn Clock>,
    answered: &Answered,
    body: Vec<u8>,
) -> Result<String, String> {
    let state =
        State::new(Settings::default(), clock, [0; 32], Some(bundle)).map_err(|error| error.to_string())?;
    let service = TowerToHyperService::new(warp::service(routes(Arc::new(state))));
    let query = if answered.query.is_empty() { String::new() } else { format!("?{}", answered.query) };
    let mut request = Request::post(format!("{}{query}", answered.path)).header("content-length", body.len());
    if let Some(length) = answered.json_length {
        request = request.header("inference-header-content-length", length);
    }
    let request = request.body(Full::new(Bytes::from(body))).map_err(|error| error.to_string())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let response = runtime.block_on(service.call(request)).map_err(|error| error.to_string())?;
    let digest = response.headers().get("x-score-digest").and_then(|value| value.to_str().ok());
    digest.map(str::to_owned).ok_or_else(|| format!("status {}", response.status()))
}
