//! GET /metrics: the counters as Prometheus text.

use warp::http::header::{CONTENT_TYPE, HeaderValue};
use warp::reply::Response;

use crate::server::error::ApiError;
use crate::server::state::{State, resident_kib};

pub(in crate::server) fn handle(state: &State) -> Result<Response, ApiError> {
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
