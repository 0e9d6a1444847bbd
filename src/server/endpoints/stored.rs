//! GET of stored results: what `score --store` wrote, as it was written.

use std::sync::Arc;

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use warp::reply::Response;

use super::scoring::with_header;
use crate::server::error::{ApiError, Fault, json_of, json_response};
use crate::server::query::value_of;
use crate::server::results::{DayMetadata, Part, ResultStore, StoreError};
use crate::server::state::State;

#[derive(Serialize, JsonSchema)]
pub(in crate::server) struct Dates {
    /// `YYYY-MM-DD`, first to last.
    dates: Vec<String>,
}

#[derive(Serialize, JsonSchema)]
pub(in crate::server) struct LatestDate {
    /// `YYYY-MM-DD`.
    date: String,
}

#[derive(Serialize, JsonSchema)]
pub(in crate::server) struct Networks {
    networks: Vec<String>,
}

/// A part of a day: the path's last segment is a date or `latest`.
pub(in crate::server) async fn part(
    state: Arc<State>,
    query: String,
    date: Option<String>,
    part: Part,
) -> Result<Response, ApiError> {
    let date = date.map(|text| day(&text)).transpose()?;
    with_store(state, query, move |store, network| {
        let bytes = store.read(network, date, part)?;
        let metadata = store.read(network, date, Part::Metadata)?;
        Ok((bytes, metadata))
    })
    .await
    .and_then(|(bytes, metadata)| {
        let metadata: DayMetadata = serde_json::from_slice(&metadata).map_err(|error| {
            tracing::error!(%error, "stored metadata does not read");
            ApiError::Internal
        })?;
        let response = with_header(json_response(bytes), "x-model-digest", &metadata.model_digest);
        Ok(match metadata.score_digests.get(part.name()) {
            Some(digest) => with_header(response, "x-score-digest", digest),
            None => response,
        })
    })
}

pub(in crate::server) async fn dates(state: Arc<State>, query: String) -> Result<Response, ApiError> {
    let dates = with_store(state, query, |store, network| store.dates(network)).await?;
    json_of(&Dates { dates: dates.iter().map(NaiveDate::to_string).collect() })
}

pub(in crate::server) async fn latest_date(state: Arc<State>, query: String) -> Result<Response, ApiError> {
    let dates = with_store(state, query, |store, network| store.dates(network)).await?;
    let last = dates.last().ok_or_else(|| ApiError::Absent("No dates found".to_owned()))?;
    json_of(&LatestDate { date: last.to_string() })
}

pub(in crate::server) async fn history(state: Arc<State>, query: String) -> Result<Response, ApiError> {
    json_of(&with_store(state, query, |store, network| store.history(network)).await?)
}

pub(in crate::server) async fn networks(state: Arc<State>) -> Result<Response, ApiError> {
    let networks = with_store(state, String::new(), |store, _| store.networks()).await?;
    json_of(&Networks { networks })
}

/// Asks the store, off the async threads as disks are slow.
async fn with_store<T: Send + 'static>(
    state: Arc<State>,
    query: String,
    ask: impl FnOnce(&ResultStore, Option<&str>) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, ApiError> {
    let asked = tokio::task::spawn_blocking(move || {
        let absent =
            || ApiError::Absent("this server has no stored results; start it with --results".to_owned());
        let store = state.settings().results.as_ref().ok_or_else(absent)?;
        ask(store, value_of(&query, "network")).map_err(ApiError::from)
    });
    asked.await.map_err(|_| ApiError::Internal)?
}

fn day(text: &str) -> Result<NaiveDate, ApiError> {
    // shorter forms that chrono takes would be other names of the same day
    let date = text.parse().ok().filter(|date: &NaiveDate| date.to_string() == text);
    date.ok_or_else(|| {
        ApiError::Invalid(vec![Fault {
            loc: vec![json!("path"), json!("date")],
            msg: format!("expected YYYY-MM-DD or latest, found {text:?}"),
            kind: "date_parsing".to_owned(),
        }])
    })
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Absent(what) => ApiError::Absent(what),
            StoreError::Network(_) | StoreError::Ambiguous(_) => ApiError::Invalid(vec![Fault {
                loc: vec![json!("query"), json!("network")],
                msg: error.to_string(),
                kind: "value_error".to_owned(),
            }]),
            error => {
                tracing::error!(%error, "stored results cannot be read");
                ApiError::Internal
            }
        }
    }
}
