//! Names of requests: the caller's or one of our own, and the trace that a request belongs to.
//!
//! In: the headers `x-request-id` and `traceparent`. Out: the same two on the answer and in the log, so that a line of
//! the log, an answer and whatever the caller notes find each other. A name that is not sound is replaced, never refused: a request
//! is not worse for a bad name.
//!
//! Source: W3C Trace Context, Recommendation of 23 November 2021, section 3.2.

use std::sync::atomic::{AtomicU64, Ordering};

use warp::http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::determinism::digest::Digest;

/// The header of a request's name.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The header of a request's trace.
pub(super) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Makes names that nobody else makes: digests of a secret and a count.
pub(super) struct Names {
    secret: [u8; 32],
    count: AtomicU64,
}

/// How a request is called.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Trace {
    pub(super) request_id: String,
    /// 32 hexadecimal digits.
    pub(super) trace_id: String,
    /// This server's part of the trace: 16 hexadecimal digits.
    span_id: String,
    /// Whether the caller records the trace: 2 hexadecimal digits.
    flags: String,
}

impl Names {
    pub(super) fn new(secret: [u8; 32]) -> Self {
        Names { secret, count: AtomicU64::new(0) }
    }

    /// 64 hexadecimal digits, others every time.
    fn next(&self) -> String {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        Digest::of(&[&self.secret[..], &count.to_le_bytes()].concat()).to_string()
    }

    /// The names of a request with these headers.
    pub(super) fn of(&self, headers: &HeaderMap) -> Trace {
        let fresh = self.next();
        let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let request_id = text(&REQUEST_ID).filter(|id| is_sound(id)).unwrap_or(&fresh[..32]);
        let (trace_id, flags) = text(&TRACEPARENT).and_then(parent).unwrap_or_else(|| (&fresh[16..48], "00"));
        Trace {
            request_id: request_id.to_owned(),
            trace_id: trace_id.to_owned(),
            span_id: fresh[48..].to_owned(),
            flags: flags.to_owned(),
        }
    }
}

impl Trace {
    /// Writes the names on an answer.
    pub(super) fn mark(&self, headers: &mut HeaderMap) {
        let Trace { request_id, trace_id, span_id, flags } = self;
        let parent = format!("00-{trace_id}-{span_id}-{flags}");
        for (name, value) in [(REQUEST_ID, request_id), (TRACEPARENT, &parent)] {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        }
    }
}

/// Whether a caller's name may stand in the log: letters, digits and marks, and not too many.
fn is_sound(id: &str) -> bool {
    let may_stand = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(&byte);
    (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(may_stand)
}

/// The trace and its flags; of versions to come, as much as they have in common with version 00.
fn parent(text: &str) -> Option<(&str, &str)> {
    let mut parts = text.split('-');
    let (version, trace_id) = (parts.next()?, parts.next()?);
    let (parent_id, flags) = (parts.next()?, parts.next()?);
    let is_hex = |text: &str, n: usize| {
        text.len() == n && text.bytes().all(|digit| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit))
    };
    let is_id = |text: &str, n: usize| is_hex(text, n) && text.bytes().any(|digit| digit != b'0');
    let known = is_hex(version, 2) && version != "ff" && (version != "00" || parts.next().is_none());
    (known && is_id(trace_id, 32) && is_id(parent_id, 16) && is_hex(flags, 2)).then_some((trace_id, flags))
}

/// The most characters of a caller's name for a request.
const LONGEST_ID: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(HeaderName, &str)]) -> Trace {
        let pairs =
            pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).expect("a value")));
        Names::new([7; 32]).of(&pairs.collect())
    }

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[test]
    fn sound_names_are_kept() {
        let found =
            of(&[(REQUEST_ID, "batch-7/1"), (TRACEPARENT, &format!("00-{TRACE}-00f067aa0ba902b7-01"))]);
        assert_eq!((found.request_id.as_str(), found.trace_id.as_str()), ("batch-7/1", TRACE));
        let mut headers = HeaderMap::new();
        found.mark(&mut headers);
        let parent = headers[TRACEPARENT].to_str().expect("text").to_owned();
        assert!(parent.starts_with(&format!("00-{TRACE}-")) && parent.ends_with("-01"), "{parent}");
        assert!(!parent.contains("00f067aa0ba902b7"), "a span of our own: {parent}");
        assert_eq!(
            of(&[(TRACEPARENT, &format!("cc-{TRACE}-00f067aa0ba902b7-01-what-comes"))]).trace_id,
            TRACE
        );
    }

    #[test]
    fn others_are_replaced() {
        let fresh = of(&[]);
        assert_eq!((fresh.request_id.len(), fresh.trace_id.len(), fresh.span_id.len()), (32, 32, 16));
        for id in ["", "line\tend", "a b", &"x".repeat(129)] {
            assert_eq!(of(&[(REQUEST_ID, id)]), fresh, "{id:?}");
        }
        let zeros = "0".repeat(32);
        for parent in [
            "",
            "00",
            &format!("00-{zeros}-00f067aa0ba902b7-01"),
            &format!("00-{TRACE}-0000000000000000-01"),
            &format!("00-{TRACE}-00f067aa0ba902b7-01-more"),
            &format!("ff-{TRACE}-00f067aa0ba902b7-01"),
            &format!("00-{}-00f067aa0ba902b7-01", TRACE.to_uppercase()),
        ] {
            assert_eq!(of(&[(TRACEPARENT, parent)]), fresh, "{parent:?}");
        }
    }

    #[test]
    fn no_name_comes_twice_and_nobody_guesses_the_next() {
        let (names, none) = (Names::new([7; 32]), HeaderMap::new());
        let all: std::collections::BTreeSet<String> = (0..1000).map(|_| names.of(&none).request_id).collect();
        assert_eq!(all.len(), 1000);
        assert_ne!(Names::new([8; 32]).of(&none), Names::new([7; 32]).of(&none));
    }
}
