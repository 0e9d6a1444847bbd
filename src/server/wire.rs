//! What a batch is written in, and what an answer is to be written in.

use warp::http::HeaderMap;
use warp::http::header::{ACCEPT, CONTENT_TYPE};

use super::body::{Bodies, Body};
use super::coding::preferences;
use super::error::ApiError;
use super::parts::parts;
use crate::aml::sot::{Batch, RequestFaults};

/// What the body of a scoring call is written in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wire {
    /// One object.
    Json,
    /// Lines of objects.
    Lines,
    /// Arrow streams, one behind the other.
    Arrow,
    /// A form with a part for each table; its boundary, where it is said.
    Form(Option<String>),
}

impl Wire {
    /// What a request's head declares; `None` where it is something else, or nothing.
    pub(super) fn declared(headers: &HeaderMap) -> Option<Self> {
        let declared = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (essence, rest) = declared.split_once(';').unwrap_or((declared, ""));
        let boundary = || {
            let mut parameters = rest.split(';').filter_map(|parameter| parameter.split_once('='));
            let value = parameters.find(|(key, _)| key.trim().eq_ignore_ascii_case("boundary"));
            value.map(|(_, value)| value.trim().trim_matches('"').to_owned())
        };
        match essence.trim().to_ascii_lowercase().as_str() {
            "application/json" => Some(Wire::Json),
            "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Some(Wire::Lines),
            ARROW => Some(Wire::Arrow),
            "multipart/form-data" => Some(Wire::Form(boundary())),
            _ => None,
        }
    }

    /// What a body is written in: by its head, else by how it begins, as bodies that were kept have no head.
    pub(super) fn of(headers: &HeaderMap, bytes: &[u8]) -> Self {
        match Wire::declared(headers) {
            Some(declared) => declared,
            None if headers.contains_key(CONTENT_TYPE) => Wire::Json,
            None if Batch::is_arrow(bytes) => Wire::Arrow,
            None if bytes.starts_with(b"--") => Wire::Form(None),
            None => Wire::Json,
        }
    }

    /// Whether a few of its bytes may stand for many.
    pub(super) fn is_packed(&self) -> bool {
        matches!(self, Wire::Arrow | Wire::Form(_))
    }

    /// Reads a batch; inside, every fault of one that can be read.
    ///
    /// # Errors
    /// [`ApiError::NotJson`], [`ApiError::NotTables`], or those of [`Bodies`] for what tables unpack to.
    pub(super) fn read(
        &self,
        bodies: &Bodies,
        body: &mut Body,
    ) -> Result<Result<Batch, RequestFaults>, ApiError> {
        let read = match self {
            // lines were put together when they came in
            Wire::Json | Wire::Lines => Batch::from_json(&body.bytes),
            Wire::Arrow => bodies.unpack(body, |bytes, room| Ok(Batch::from_arrow(bytes, room)))?,
            Wire::Form(boundary) => bodies.unpack(body, |bytes, room| {
                Ok(Batch::from_parts(&parts(bytes, boundary.as_deref())?, room))
            })?,
        };
        match read {
            Err(RequestFaults::NotJson { reason, .. }) => Err(ApiError::NotJson(reason)),
            Err(RequestFaults::NotTable { reason }) => Err(ApiError::NotTables(reason)),
            read => Ok(read),
        }
    }
}

/// How the rows of an answer are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// One JSON array.
    Array,
    /// A line of JSON for each.
    Lines,
    /// An Arrow stream.
    Arrow,
}

impl Form {
    /// What a client likes best; the array where it likes others no better, or says nothing.
    pub(super) fn wanted(headers: &HeaderMap) -> Self {
        let liked = preferences(headers, &ACCEPT);
        let of = |names: &[&str]| {
            let named =
                liked.iter().filter(|(name, _)| names.contains(&name.as_str())).map(|(_, weight)| *weight);
            named.fold(0, u32::max)
        };
        let array = (of(&["application/json"]), Form::Array);
        let lines = (of(&[LINES, "application/ndjson", "application/jsonl"]), Form::Lines);
        let arrow = (of(&[ARROW]), Form::Arrow);
        [lines, arrow].into_iter().fold(array, |best, next| if next.0 > best.0 { next } else { best }).1
    }

    /// Its media type.
    pub(super) fn media_type(self) -> &'static str {
        match self {
            Form::Array => "application/json",
            Form::Lines => LINES,
            Form::Arrow => ARROW,
        }
    }
}

/// Lines of JSON.
pub(super) const LINES: &str = "application/x-ndjson";
/// Arrow streams.
pub(super) const ARROW: &str = "application/vnd.apache.arrow.stream";

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name.parse().expect("a name"), value.parse().expect("a value"))])
    }

    #[test]
    fn a_body_is_what_its_head_says_and_else_what_it_begins_with() {
        let form = |boundary: Option<&str>| Wire::Form(boundary.map(str::to_owned));
        for (declared, bytes, expected) in [
            (None, &b"{}"[..], Wire::Json),
            (None, &[0xff; 8], Wire::Arrow),
            (None, b"--x\r\n", form(None)),
            (Some("application/json; charset=utf-8"), &[0xff; 8], Wire::Json),
            (Some("application/vnd.aml+json"), b"--x", Wire::Json),
            (Some("Application/X-NDJSON"), b"{}", Wire::Lines),
            (Some("application/vnd.apache.arrow.stream"), b"{}", Wire::Arrow),
            (Some("multipart/form-data; charset=x; boundary=\"a b\""), b"{}", form(Some("a b"))),
            (Some("multipart/form-data"), b"{}", form(None)),
        ] {
            let headers = declared.map_or_else(HeaderMap::new, |value| with("content-type", value));
            assert_eq!(Wire::of(&headers, bytes), expected, "{declared:?}");
        }
    }

    #[test]
    fn an_answer_is_written_as_the_client_likes_it_best() {
        for (accept, expected) in [
            ("", Form::Array),
            ("*/*", Form::Array),
            ("application/x-ndjson, application/json", Form::Array),
            ("application/x-ndjson, application/json;q=0.9", Form::Lines),
            ("application/vnd.apache.arrow.stream", Form::Arrow),
            ("application/vnd.apache.arrow.stream;q=0.1, application/jsonl;q=0.2", Form::Lines),
            ("application/vnd.apache.arrow.stream;q=0", Form::Array),
        ] {
            assert_eq!(Form::wanted(&with("accept", accept)), expected, "{accept}");
        }
    }
}
