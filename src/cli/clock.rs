//! The machine's clocks, read here at the edge and passed inwards.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::server::Clock;

/// The operating system's clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SystemClock {
    origin: Instant,
}

#[allow(clippy::disallowed_methods, reason = "the binary's edge is where clocks are read")]
impl SystemClock {
    pub(crate) fn start() -> Self {
        SystemClock { origin: Instant::now() }
    }
}

#[allow(clippy::disallowed_methods, reason = "the binary's edge is where clocks are read")]
impl Clock for SystemClock {
    fn monotonic(&self) -> Duration {
        Instant::now().saturating_duration_since(self.origin)
    }

    fn unix_ms(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }
}
