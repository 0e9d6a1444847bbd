//! Limits on requests a minute, by client address and by key.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::error::ApiError;

/// Counts the requests of the running minute by whoever makes them. Memory is bounded: a minute forgets all of the one before.
pub(super) struct Rates<W> {
    window: Mutex<Window<W>>,
}

struct Window<W> {
    minute: u64,
    counts: BTreeMap<W, u32>,
}

impl<W: Ord> Rates<W> {
    pub(super) fn new() -> Self {
        Rates { window: Mutex::new(Window { minute: 0, counts: BTreeMap::new() }) }
    }

    /// Counts one request by `who`, who may make `per_minute`, at `now`.
    ///
    /// # Errors
    /// [`ApiError::RateLimited`] when the minute's share is used up.
    pub(super) fn admit(&self, who: W, per_minute: NonZeroU32, now: Duration) -> Result<(), ApiError> {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let minute = now.as_secs() / 60;
        if window.minute != minute {
            *window = Window { minute, counts: BTreeMap::new() };
        }
        let count = window.counts.entry(who).or_default();
        if *count >= per_minute.get() {
            return Err(ApiError::RateLimited { retry_after_secs: 60 - now.as_secs() % 60 });
        }
        *count += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_share_of_each_minute() {
        let rates = Rates::new();
        let two = NonZeroU32::new(2).expect("not zero");
        let at = |who: u8, secs| rates.admit(who, two, Duration::from_secs(secs));
        assert_eq!((at(1, 60), at(1, 61)), (Ok(()), Ok(())));
        assert_eq!(at(1, 80), Err(ApiError::RateLimited { retry_after_secs: 40 }));
        assert_eq!(at(2, 80), Ok(()));
        assert_eq!(at(1, 120), Ok(()));
    }
}
