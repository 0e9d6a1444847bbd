//! GET /version: what computes, and with which models.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use warp::reply::Response;

use super::scoring::with_model_digest;
use crate::aml::bundle::Kind;
use crate::server::error::{ApiError, json_of};
use crate::server::state::State;

/// A model that is not loaded has version null and is not in the maps.
#[derive(Serialize, JsonSchema)]
pub(in crate::server) struct Version {
    api_version: &'static str,
    alert_scorer_version: Option<String>,
    alert_ranker_version: Option<String>,
    cluster_scorer_version: Option<String>,
    model_versions: BTreeMap<&'static str, String>,
    model_sha256: BTreeMap<&'static str, String>,
    /// The compiler that built this.
    rust_version: &'static str,
    engine_version: &'static str,
}

/// Version of the six calls; it changes with them and with nothing else.
const API_VERSION: &str = "1.0.0";

pub(in crate::server) fn handle(state: &State) -> Result<Response, ApiError> {
    let bundle = state.bundle();
    let scorer = |kind| bundle.as_ref()?.scorer(kind);
    let version = |kind| scorer(kind).map(|s| s.version().to_string());
    let digest = |kind| scorer(kind).map(|s| s.digest().to_string());
    let answer = Version {
        api_version: API_VERSION,
        alert_scorer_version: version(Kind::AlertScorer),
        alert_ranker_version: version(Kind::AlertRanker),
        cluster_scorer_version: version(Kind::ClusterScorer),
        model_versions: by_name(version),
        model_sha256: by_name(digest),
        rust_version: env!("AML_MINER_RUSTC_VERSION"),
        engine_version: env!("CARGO_PKG_VERSION"),
    };
    let response = json_of(&answer)?;
    Ok(match &bundle {
        Some(bundle) => with_model_digest(response, bundle),
        None => response,
    })
}

fn by_name(of: impl Fn(Kind) -> Option<String>) -> BTreeMap<&'static str, String> {
    Kind::ALL.into_iter().filter_map(|kind| Some((kind.name(), of(kind)?))).collect()
}
