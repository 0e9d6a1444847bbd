//! POST /score/alerts: a probability for every alert, in request order, with its exact contributions.

use std::sync::Arc;

use warp::reply::Response;

use super::scoring::{Answer, Request, answer};
use crate::aml::bundle::Kind;
use crate::aml::score::text;
use crate::server::error::ApiError;
use crate::server::routes::Incoming;
use crate::server::state::State;

pub(in crate::server) async fn handle(state: Arc<State>, incoming: Incoming) -> Result<Response, ApiError> {
    answer(state, incoming, Kind::AlertScorer, compute, |state, rows| state.meters.alerts_scored.inc_by(rows))
        .await
}

fn compute(request: &Request<'_>) -> Result<Answer, ApiError> {
    let explain = request.explain("alerts", &request.batch.alerts)?;
    Ok(request.answer(text::alerts(request.bundle, request.batch, explain)?))
}
