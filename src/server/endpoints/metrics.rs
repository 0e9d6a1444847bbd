//! GET /metrics: the counters as Prometheus text.

use std::sync::Arc;

use warp::http::header::{CONTENT_TYPE, HeaderValue};
use warp::reply::Response;

use crate::server::error::ApiError;
use crate::server::state::{State, resident_kib};

/// Everything there is to watch; drift takes a while to compute, so it happens off the async threads.
pub(in crate::server) async fn handle(state: Arc<State>) -> Result<Response, ApiError> {
    tokio::task::spawn_blocking(move || exposition(&state)).await.map_err(|_| ApiError::Internal)?
}

fn drift(state: &State) {
    let meters = &state.meters;
    meters.drift.reset();
    meters.missing.reset();
    meters.score_drift.reset();
    let Some(bundle) = state.bundle() else { return };
    for figure in state.drift.figures(&bundle) {
        let labels = [figure.model, figure.feature.as_str()];
        meters.missing.with_label_values(&labels).set(figure.missing);
        if let Some(psi) = figure.psi {
            meters.drift.with_label_values(&labels).set(psi);
        }
    }
    for (model, psi) in state.drift.scores(&bundle) {
        meters.score_drift.with_label_values(&[model]).set(psi);
    }
    for (model, rows) in state.drift.rows() {
        meters.drift_rows.with_label_values(&[model]).set(i64::try_from(rows).unwrap_or(i64::MAX));
    }
}

fn exposition(state: &State) -> Result<Response, ApiError> {
    drift(state);
    let meters = &state.meters;
    let gauge = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    meters.uptime.set(gauge(state.uptime().as_secs()));
    meters.memory.set(gauge(resident_kib().unwrap_or(0).saturating_mul(1024)));
    meters.audit_records.set(gauge(state.audit_records()));
    meters.in_flight.set(gauge(state.compute.taken() as u64));
    meters.waiting.set(gauge(state.compute.waiting() as u64));
    let text = meters.text().map_err(|error| {
        tracing::error!(%error, "the counters do not print");
        ApiError::Internal
    })?;
    let mut response = Response::new(text.into());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(prometheus::TEXT_FORMAT));
    Ok(response)
}
