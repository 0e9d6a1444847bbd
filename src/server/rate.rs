//! A limit on requests a minute and client address.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::error::ApiError;

/// Counts requests of the running minute. Memory is bounded: a minute forgets all addresses of the one before.
pub(super) struct RateLimit {
    per_minute: NonZeroU32,
    window: Mutex<Window>,
}

#[derive(Default)]
struct Window {
    minute: u64,
    counts: BTreeMap<Option<IpAddr>, u32>,
}

impl RateLimit {
    pub(super) fn new(per_minute: NonZeroU32) -> Self {
        RateLimit { per_minute, window: Mutex::default() }
    }

    /// Counts one request from `client` at `now`.
    ///
    /// # Errors
    /// [`ApiError::RateLimited`] when the minute's share is used up.
    pub(super) fn admit(&self, client: Option<IpAddr>, now: Duration) -> Result<(), ApiError> {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let minute = now.as_secs() / 60;
        if window.minute != minute {
            *window = Window { minute, counts: BTreeMap::new() };
        }
        let count = window.counts.entry(client).or_default();
        if *count >= self.per_minute.get() {
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
    fn each_address_has_its_share_of_each_minute() {
        let limit = RateLimit::new(NonZeroU32::new(2).expect("not zero"));
        let at = |client: u8, secs| limit.admit(Some([10, 0, 0, client].into()), Duration::from_secs(secs));
        assert_eq!((at(1, 60), at(1, 61)), (Ok(()), Ok(())));
        assert_eq!(at(1, 80), Err(ApiError::RateLimited { retry_after_secs: 40 }));
        assert_eq!(at(2, 80), Ok(()));
        assert_eq!(at(1, 120), Ok(()));
    }
}
