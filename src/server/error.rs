//! Every refusal is a variant with its status and its text; none shows what went on inside.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::Value;
use warp::http::StatusCode;
use warp::http::header::{
    ALLOW, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use warp::reply::Response;

use super::keys::Scope;
use super::parting::parting;

/// What every refusal says.
#[derive(Serialize, JsonSchema)]
pub(super) struct Refusal {
    detail: Detail,
}

/// A text, or every fault of a request.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
enum Detail {
    Text(String),
    Faults(Vec<Fault>),
}

/// One thing wrong with a request, in the words FastAPI's users know.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Fault {
    /// Where: `["body", "alerts", 3, "volume_usd"]`.
    #[schemars(schema_with = "steps")]
    pub loc: Vec<Value>,
    /// What was expected and what was found.
    pub msg: String,
    /// A short stable name of the kind of fault.
    #[serde(rename = "type")]
    pub kind: String,
}

/// Names and places: a schema that takes anything is one that makers of clients refuse.
fn steps(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "array", "items": {"type": ["string", "integer"]}})
}

impl Fault {
    /// A refusal for one fault of a body.
    pub(super) fn in_body(place: &[&str], msg: &str, kind: &str) -> ApiError {
        let loc = std::iter::once("body").chain(place.iter().copied()).map(Value::from).collect();
        ApiError::Invalid(vec![Fault { loc, msg: msg.to_owned(), kind: kind.to_owned() }])
    }
}

/// Why a request got no answer.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ApiError {
    /// 400: the body is not JSON.
    NotJson(String),
    /// 400: a table of the body cannot be read, or the form that holds it.
    NotTables(String),
    /// 400: the body is not compressed as it says.
    NotCoded {
        /// The declared coding.
        coding: &'static str,
        /// The decoder's words.
        reason: String,
    },
    /// 400: the connection broke before the body ended.
    Truncated,
    /// 401: the server has keys, and the request has none of them.
    NoKey,
    /// 403: the request's key is not good for this call.
    Scope {
        /// What it would have to be good for.
        scope: Scope,
    },
    /// 403: the browser's origin may not call.
    Origin,
    /// 404: no such call.
    NotFound,
    /// 404: nothing is stored for what was asked.
    Absent(String),
    /// 404: no model of this name and version.
    NoModel,
    /// 405: the call exists, with another method.
    Method {
        /// The method it has.
        allow: &'static str,
    },
    /// 408: the body came too slowly.
    Slow,
    /// 409: what was asked does not fit what there is; nothing has changed.
    Conflict(String),
    /// 413: the body is larger than allowed.
    TooLarge {
        /// Bytes allowed.
        limit: usize,
    },
    /// 415: the body is not declared as plain JSON.
    MediaType {
        /// What was expected and found.
        reason: String,
    },
    /// 422: it is JSON and not a request of ours; every fault found.
    Invalid(Vec<Fault>),
    /// 429: too many requests from this address, or by this key.
    RateLimited {
        /// Until when to wait.
        retry_after_secs: u64,
    },
    /// 500: a bug of ours; the log has the details.
    Internal,
    /// 503: no models are loaded.
    NotLoaded,
    /// 503: the request cannot be kept or the answer not noted.
    NotNoted,
    /// 503: too much work is waiting already.
    Overloaded,
    /// 503: the answer was not ready in time.
    Deadline {
        /// Seconds allowed.
        limit_secs: u64,
    },
}

/// Seconds after which an overloaded server is worth asking again.
const RETRY_OVERLOADED: u64 = 1;
/// Seconds after which a server without models is worth asking again.
const RETRY_NOT_LOADED: u64 = 10;

impl ApiError {
    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        match self {
            ApiError::NotJson(_)
            | ApiError::NotTables(_)
            | ApiError::NotCoded { .. }
            | ApiError::Truncated => StatusCode::BAD_REQUEST,
            ApiError::NoKey => StatusCode::UNAUTHORIZED,
            ApiError::Origin | ApiError::Scope { .. } => StatusCode::FORBIDDEN,
            ApiError::Slow => StatusCode::REQUEST_TIMEOUT,
            ApiError::NotFound | ApiError::Absent(_) | ApiError::NoModel => StatusCode::NOT_FOUND,
            ApiError::Conflict(_) => StatusCode::CONFLICT,
            ApiError::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
            ApiError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            ApiError::MediaType { .. } => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ApiError::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            ApiError::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
            ApiError::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            ApiError::NotLoaded | ApiError::NotNoted | ApiError::Overloaded | ApiError::Deadline { .. } => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }

    /// What stands under `detail`.
    fn detail(&self) -> Detail {
        Detail::Text(match self {
            ApiError::Invalid(faults) => return Detail::Faults(faults.clone()),
            ApiError::NotJson(reason) => format!("the body is not JSON: {reason}"),
            ApiError::NotTables(reason) => format!("the body cannot be read: {reason}"),
            ApiError::NotCoded { coding, reason } => format!("the body is not {coding}: {reason}"),
            ApiError::Truncated => "the body ended before it was complete".to_owned(),
            ApiError::NoKey => {
                "this call needs a key: `authorization: Bearer KEY`, or `x-api-key: KEY`".to_owned()
            }
            ApiError::Scope { scope } => format!("this call needs a key with the scope {}", scope.name()),
            ApiError::Slow => "the body came too slowly".to_owned(),
            ApiError::Origin => {
                "this origin may not call; the server's CORS setting names those that may".to_owned()
            }
            ApiError::NotFound => "no such call; GET / lists them".to_owned(),
            ApiError::Absent(what) | ApiError::Conflict(what) => what.clone(),
            ApiError::NoModel => "no model of this name and version; GET /version lists them".to_owned(),
            ApiError::Method { allow } => format!("this call takes {allow}"),
            ApiError::TooLarge { limit } => {
                format!("the body is larger than {limit} bytes; send the batch in parts")
            }
            ApiError::MediaType { reason } => reason.clone(),
            ApiError::RateLimited { retry_after_secs } => {
                format!("too many requests; try again in {retry_after_secs} s")
            }
            ApiError::Internal => "internal error; the server's log has the details".to_owned(),
            ApiError::NotLoaded => "no models are loaded".to_owned(),
            ApiError::NotNoted => {
                "the audit log cannot be written; nothing is answered until it can".to_owned()
            }
            ApiError::Overloaded => "too many requests are waiting; try again".to_owned(),
            ApiError::Deadline { limit_secs } => {
                format!("no answer within {limit_secs} s; send fewer rows at once, or try again")
            }
        })
    }

    /// The header that goes with the status, if any.
    fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            ApiError::NoKey => Some((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
            ApiError::Slow => Some((CONNECTION, HeaderValue::from_static("close"))),
            ApiError::Method { allow } => Some((ALLOW, HeaderValue::from_static(allow))),
            ApiError::RateLimited { retry_after_secs } => Some((RETRY_AFTER, (*retry_after_secs).into())),
            ApiError::NotLoaded | ApiError::NotNoted => Some((RETRY_AFTER, RETRY_NOT_LOADED.into())),
            ApiError::Overloaded | ApiError::Deadline { .. } => Some((RETRY_AFTER, RETRY_OVERLOADED.into())),
            _ => None,
        }
    }

    /// The response: status, headers and `{"detail": ...}`.
    pub fn response(&self) -> Response {
        let mut response = json_of(&Refusal { detail: self.detail() }).unwrap_or_default();
        *response.status_mut() = self.status();
        if let Some((name, value)) = self.header() {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

/// What went wrong in one text.
impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.detail() {
            Detail::Text(text) => f.write_str(&text),
            Detail::Faults(faults) => {
                let of = |fault: &Fault| {
                    let place: Vec<String> =
                        fault.loc.iter().map(|step| step.to_string().replace('"', "")).collect();
                    format!("{}: {}", place.join("."), fault.msg)
                };
                f.write_str(&faults.iter().map(of).collect::<Vec<_>>().join("; "))
            }
        }
    }
}

/// A 200 with a value as JSON.
///
/// # Errors
/// When the value does not serialise, which is a bug.
pub(super) fn json_of<T: Serialize>(value: &T) -> Result<Response, ApiError> {
    serde_json::to_vec(value).map(json_response).map_err(|error| {
        tracing::error!(%error, "an answer does not serialise; this is a bug");
        ApiError::Internal
    })
}

/// A 200 with a JSON text.
pub(super) fn json_response(json: Vec<u8>) -> Response {
    let mut response = Response::new(parting(json).into());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_clients_are_told_how_long() {
        for error in [ApiError::NotLoaded, ApiError::Overloaded, ApiError::Deadline { limit_secs: 3 }] {
            let response = error.response();
            assert_eq!(response.status(), 503);
            assert!(response.headers().contains_key("retry-after"), "{error:?}");
        }
        let limited = ApiError::RateLimited { retry_after_secs: 17 }.response();
        assert_eq!((limited.status().as_u16(), &limited.headers()["retry-after"]), (429, &17.into()));
    }
}
