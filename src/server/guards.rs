//! Headers of every answer that tell a browser what not to do with it.

use warp::http::HeaderMap;
use warp::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};

/// Answers are data: no browser is to guess their type, show them in a frame, keep them, or load anything for them.
const GUARDS: [(HeaderName, HeaderValue); 5] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
];

/// Sets the guards that a call did not set otherwise.
pub(super) fn guard(headers: &mut HeaderMap) {
    for (name, value) in GUARDS {
        headers.entry(name).or_insert(value);
    }
}
