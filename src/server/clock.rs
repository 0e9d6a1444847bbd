//! Time, as the service sees it: passed in by whoever starts it.

use std::time::Duration;

/// A source of time. The library reads none of its own; tests pass one that stands still.
pub trait Clock: Send + Sync {
    /// Time since a fixed, arbitrary moment; never goes backwards.
    fn monotonic(&self) -> Duration;

    /// Milliseconds since 1970 UTC.
    fn unix_ms(&self) -> i64;
}
