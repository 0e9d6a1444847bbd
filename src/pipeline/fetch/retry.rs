//! When to try again: after failures that may pass, later each time, never all clients at once.
//!
//! The pause before try k + 1 is `base * 2^(k-1)`, at most `longest`, times a factor from 0.5 to 1.5 drawn from a seeded stream;
//! where the server says `Retry-After`, at least that. A server that asks for more patience than `patience` is given up on.

use std::time::Duration;

use super::client::HttpError;
use crate::determinism::rng::Stream;

/// Who waits; the command line sleeps, tests take note.
pub trait Pause {
    /// Waits so long.
    fn pause(&self, time: Duration);
}

/// How patient to be.
#[derive(Clone, Copy, Debug)]
pub struct Retry {
    /// Tries in all.
    pub tries: u32,
    /// Before the second try.
    pub base: Duration,
    /// Between any two, unless the server asks for more.
    pub longest: Duration,
    /// The most that a server may ask for.
    pub patience: Duration,
    /// Of the jitter.
    pub seed: u64,
}

impl Default for Retry {
    fn default() -> Self {
        Retry {
            tries: 6,
            base: Duration::from_millis(500),
            longest: Duration::from_secs(30),
            patience: Duration::from_secs(120),
            seed: 42,
        }
    }
}

/// What a failed try told.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// No answer.
    Nothing(HttpError),
    /// A status of failure, and how long the server wants to be left alone.
    Status(u16, Option<Duration>),
}

impl Retry {
    /// How long to wait after try number `tried` (from 1) of request number `request`; `None` where to give up.
    pub fn after(&self, told: &Told, tried: u32, request: u64) -> Option<Duration> {
        let (passes, asked) = match told {
            Told::Nothing(error) => (error.passes(), None),
            Told::Status(status, asked) => {
                (matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504), *asked)
            }
        };
        if !passes || tried >= self.tries || asked.is_some_and(|asked| asked > self.patience) {
            return None;
        }
        let doubled = self.base.saturating_mul(1 << (tried - 1).min(20)).min(self.longest);
        let jitter = 0.5 + Stream::new(self.seed, "retry").round(request).unit(tried.into());
        Some(doubled.mul_f64(jitter).max(asked.unwrap_or_default()))
    }
}

/// `Retry-After` in seconds. A date there is not read: whoever sends one is asked again as if nothing had been said.
pub(super) fn retry_after(value: Option<&String>) -> Option<Duration> {
    value.and_then(|text| text.trim().parse().ok()).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(status: u16) -> Told {
        Told::Status(status, None)
    }

    #[test]
    fn pauses_double_with_jitter_up_to_a_limit() {
        let retry = Retry { tries: 12, ..Retry::default() };
        for tried in 1..12 {
            let pause = retry.after(&failed(503), tried, 0).expect("may pass").as_secs_f64();
            let full = (0.5 * f64::from(1 << (tried - 1))).min(30.0);
            assert!((0.5 * full..1.5 * full).contains(&pause), "{tried}: {pause}");
        }
        assert_eq!(retry.after(&failed(503), 12, 0), None);
        let draws: Vec<_> = (0..4).map(|request| retry.after(&failed(503), 1, request)).collect();
        assert!(draws.windows(2).all(|pair| pair[0] != pair[1]), "{draws:?}");
        assert_eq!(draws[0], retry.after(&failed(503), 1, 0));
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        let again = |told| Retry::default().after(&told, 1, 0).is_some();
        let url = || "u".to_owned();
        assert!([408, 429, 500, 502, 503, 504].into_iter().all(|status| again(failed(status))));
        assert!(![400, 401, 403, 404, 416, 501].into_iter().any(|status| again(failed(status))));
        assert!(again(Told::Nothing(HttpError::Timeout { url: url(), reason: url() })));
        assert!(!again(Told::Nothing(HttpError::TooLarge { url: url(), limit: 1 })));
        assert!(!again(Told::Nothing(HttpError::Redirects { url: url() })));
    }

    #[test]
    fn the_server_may_ask_for_patience_within_reason() {
        let asked = |secs| Told::Status(429, Some(Duration::from_secs(secs)));
        assert_eq!(Retry::default().after(&asked(100), 1, 0), Some(Duration::from_secs(100)));
        assert_eq!(Retry::default().after(&asked(121), 1, 0), None);
        assert_eq!(retry_after(Some(&" 7 ".to_owned())), Some(Duration::from_secs(7)));
        assert_eq!(retry_after(Some(&"Wed, 21 Oct 2015 07:28:00 GMT".to_owned())), None);
    }
}
