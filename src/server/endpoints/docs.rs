//! GET /docs: a page that shows the calls of /openapi.json and tries them; it loads nothing that is not served here.

use warp::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue};
use warp::reply::Response;

pub(in crate::server) fn page() -> Response {
    let mut response = text("text/html; charset=utf-8", include_str!("docs/page.html"));
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}

pub(in crate::server) fn script() -> Response {
    text("text/javascript; charset=utf-8", include_str!("docs/page.js"))
}

pub(in crate::server) fn style() -> Response {
    text("text/css; charset=utf-8", include_str!("docs/page.css"))
}

/// The page may load its script and style, and call this server.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

fn text(kind: &'static str, text: &'static str) -> Response {
    let mut response = Response::new(text.into());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
