//! Whether a request may make a call: by its key, where the server has keys.

use warp::http::HeaderMap;

use super::error::ApiError;
use super::keys::{Scope, of_headers};
use super::state::State;

/// Who may make a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Everybody: what probes and documentation need.
    Open,
    /// Whoever has a key with this scope. On a server without keys, everybody, but for what only an admin may.
    Needs(Scope),
}

/// Lets a request pass, with the name of its key.
///
/// # Errors
/// [`ApiError::NoKey`], [`ApiError::Scope`], or [`ApiError::RateLimited`] when the key's share of the minute is used up.
pub(super) fn admit(state: &State, headers: &HeaderMap, access: Access) -> Result<Option<String>, ApiError> {
    let Access::Needs(scope) = access else { return Ok(None) };
    let Some(keys) = state.keys() else {
        return if scope == Scope::Admin { Err(ApiError::Scope { scope }) } else { Ok(None) };
    };
    let entry = of_headers(headers).and_then(|key| keys.find(key)).ok_or(ApiError::NoKey)?;
    if !entry.scopes.contains(&scope) {
        return Err(ApiError::Scope { scope });
    }
    if let Some(most) = entry.per_minute {
        state.key_rates.admit(entry.id.clone(), most, state.clock().monotonic())?;
    }
    Ok(Some(entry.id.clone()))
}
