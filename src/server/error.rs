//! Every refusal is a variant with its status and its text; none shows what went on inside.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use warp::http::StatusCode;
use warp::http::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use warp::reply::Response;

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
    pub loc: Vec<Value>,
    /// What was expected and what was found.
    pub msg: String,
    /// A short stable name of the kind of fault.
    #[serde(rename = "type")]
    pub kind: String,
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
    /// 400: the connection broke before the body ended.
    Truncated,
    /// 403: the browser's origin may not call.
    Origin,
    /// 404: no such call.
    NotFound,
    /// 404: no model of this name and version.
    NoModel,
    /// 405: the call exists, with another method.
    Method {
        /// The method it has.
        allow: &'static str,
    },
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
    /// 429: too many requests from this address.
    RateLimited {
        /// Until when to wait.
        retry_after_secs: u64,
    },
    /// 500: a bug of ours; the log has the details.
    Internal,
    /// 503: no models are loaded.
    NotLoaded,
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
            ApiError::NotJson(_) | ApiError::Truncated => StatusCode::BAD_REQUEST,
            ApiError::Origin => StatusCode::FORBIDDEN,
            ApiError::NotFound | ApiError::NoModel => StatusCode::NOT_FOUND,
            ApiError::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
            ApiError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            ApiError::MediaType { .. } => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ApiError::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            ApiError::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
            ApiError::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            ApiError::NotLoaded | ApiError::Overloaded | ApiError::Deadline { .. } => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }

    /// What stands under `detail`.
    fn detail(&self) -> Detail {
        Detail::Text(match self {
            ApiError::Invalid(faults) => return Detail::Faults(faults.clone()),
            ApiError::NotJson(reason) => format!("the body is not JSON: {reason}"),
            ApiError::Truncated => "the body ended before it was complete".to_owned(),
            ApiError::Origin => {
                "this origin may not call; the server's CORS setting names those that may".to_owned()
            }
            ApiError::NotFound => "no such call; GET / lists them".to_owned(),
            ApiError::NoModel => "no model of this name and version; GET /version lists them".to_owned(),
            ApiError::Method { allow } => format!("this call takes {allow}"),
            ApiError::TooLarge { limit } => {
                format!("the body is larger than {limit} bytes; send the batch in parts")
            }
            ApiError::MediaType { reason } => reason.clone(),
            ApiError::RateLimited { retry_after_secs } => {
                format!("too many requests from this address; try again in {retry_after_secs} s")
            }
            ApiError::Internal => "internal error; the server's log has the details".to_owned(),
            ApiError::NotLoaded => "no models are loaded".to_owned(),
            ApiError::Overloaded => "too many requests are waiting; try again".to_owned(),
            ApiError::Deadline { limit_secs } => {
                format!("no answer within {limit_secs} s; send fewer rows at once, or try again")
            }
        })
    }

    /// The header that goes with the status, if any.
    fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            ApiError::Method { allow } => Some((ALLOW, HeaderValue::from_static(allow))),
            ApiError::RateLimited { retry_after_secs } => Some((RETRY_AFTER, (*retry_after_secs).into())),
            ApiError::NotLoaded => Some((RETRY_AFTER, RETRY_NOT_LOADED.into())),
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
    let mut response = Response::new(json.into());
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
