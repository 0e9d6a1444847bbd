//! POST /rank/alerts: the request's alerts as a queue, rank 1 first.

use std::sync::Arc;

use warp::reply::Response;

use super::scoring::{Answer, Request, answer};
use crate::aml::bundle::Kind;
use crate::aml::score::{answer as rows, columns, rank_alerts};
use crate::server::error::ApiError;
use crate::server::routes::Incoming;
use crate::server::state::State;
use crate::server::wire::Form;

pub(in crate::server) async fn handle(state: Arc<State>, incoming: Incoming) -> Result<Response, ApiError> {
    answer(state, incoming, Kind::AlertRanker, compute, |state, rows| state.meters.alerts_ranked.inc_by(rows))
        .await
}

fn compute(request: &Request<'_>) -> Result<Answer, ApiError> {
    let ranks = rank_alerts(request.bundle, request.batch)?;
    let answer = rows::ranking(&ranks);
    let bytes = match request.form {
        Form::Array => answer.to_json(),
        Form::Lines => answer.to_lines(),
        Form::Arrow => columns::ranked(&answer),
    };
    Ok(Answer { bytes, digest: answer.digest, rows: ranks.len(), scores: vec![], sample: vec![] })
}
