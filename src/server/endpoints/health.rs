//! GET /health: whether models are loaded, since when, and how much memory that takes.

use chrono::{DateTime, SecondsFormat};
use schemars::JsonSchema;
use serde::Serialize;
use warp::reply::Response;

use crate::aml::bundle::Kind;
use crate::server::error::{ApiError, json_of};
use crate::server::state::{State, resident_kib};

#[derive(Serialize, JsonSchema)]
pub(in crate::server) struct Health {
    /// `healthy`, or `degraded` while a model is missing.
    status: &'static str,
    models_loaded: ModelsLoaded,
    uptime_seconds: f64,
    /// Resident mebibytes; null where the platform has no `/proc/self/status`.
    memory_mb: Option<f64>,
    /// RFC 3339, UTC, milliseconds.
    timestamp: String,
}

#[derive(Serialize, JsonSchema)]
struct ModelsLoaded {
    alert_scorer: bool,
    alert_ranker: bool,
    cluster_scorer: bool,
}

pub(in crate::server) fn handle(state: &State) -> Result<Response, ApiError> {
    let bundle = state.bundle();
    let loaded = |kind| bundle.as_ref().is_some_and(|b| b.scorer(kind).is_some());
    let now = DateTime::from_timestamp_millis(state.clock().unix_ms()).unwrap_or_default();
    let health = Health {
        status: if Kind::ALL.into_iter().all(loaded) { "healthy" } else { "degraded" },
        models_loaded: ModelsLoaded {
            alert_scorer: loaded(Kind::AlertScorer),
            alert_ranker: loaded(Kind::AlertRanker),
            cluster_scorer: loaded(Kind::ClusterScorer),
        },
        uptime_seconds: state.uptime().as_secs_f64(),
        memory_mb: resident_kib().map(|kib| kib as f64 / 1024.0),
        timestamp: now.to_rfc3339_opts(SecondsFormat::Millis, true),
    };
    json_of(&health)
}
