//! POST /score/clusters: a probability for every cluster, in request order, with its exact contributions.

use std::sync::Arc;

use warp::reply::Response;

use super::scoring::{Answer, Request, answer};
use crate::aml::bundle::Kind;
use crate::aml::score::text;
use crate::server::error::ApiError;
use crate::server::routes::Incoming;
use crate::server::state::State;

pub(in crate::server) async fn handle(state: Arc<State>, incoming: Incoming) -> Result<Response, ApiError> {
    answer(state, incoming, Kind::ClusterScorer, compute, |state, rows| {
        state.meters.clusters_scored.inc_by(rows)
    })
    .await
}

fn compute(request: &Request<'_>) -> Result<Answer, ApiError> {
    let explain = request.explain("clusters", &request.batch.clusters)?;
    Ok(request.answer(text::clusters(request.bundle, request.batch, explain)?))
}
