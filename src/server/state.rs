//! What all requests of one server share.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use super::body::Bodies;
use super::clock::Clock;
use super::compute::Compute;
use super::meters::Meters;
use super::rate::RateLimit;
use super::settings::{MAX_BODIES_BYTES, MAX_BODY_BYTES, Settings};
use super::trace::Names;
use crate::aml::bundle::Bundle;
use crate::determinism::par::PoolError;

/// The bundle, the clock, the queue and the counters.
pub struct State {
    bundle: RwLock<Option<Arc<Bundle>>>,
    settings: Settings,
    clock: Box<dyn Clock>,
    started: Duration,
    pub(super) compute: Compute,
    pub(super) bodies: Bodies,
    pub(super) meters: Meters,
    pub(super) rate: Option<RateLimit>,
    pub(super) names: Names,
}

/// The shared state could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// Worker threads.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// Two counters of one name.
    #[error("the counters of /metrics do not register: {0}")]
    Meters(#[from] prometheus::Error),
}

impl State {
    /// A server's state; without a bundle it answers 503 where one is needed. `secret` is random: names of requests are made
    /// from it.
    ///
    /// # Errors
    /// When worker threads cannot be started.
    pub fn new(
        settings: Settings,
        clock: Box<dyn Clock>,
        secret: [u8; 32],
        bundle: Option<Bundle>,
    ) -> Result<Self, StateError> {
        let max_body = settings.max_body_bytes.min(MAX_BODY_BYTES);
        let state = State {
            bundle: RwLock::new(None),
            started: clock.monotonic(),
            compute: Compute::new(settings.workers, settings.queue, settings.threads, settings.timeout)?,
            bodies: Bodies::new(MAX_BODIES_BYTES, max_body),
            meters: Meters::new()?,
            rate: settings.rate_limit.map(RateLimit::new),
            names: Names::new(secret),
            settings,
            clock,
        };
        if let Some(bundle) = bundle {
            state.swap(bundle);
        }
        Ok(state)
    }

    /// Puts `bundle` in the place of the present one. Requests under way finish with the one they began with.
    pub fn swap(&self, bundle: Bundle) {
        self.meters.bundle.reset();
        self.meters.bundle.with_label_values(&[&bundle.digest().to_string()]).set(1);
        *self.bundle.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(bundle));
    }

    /// The bundle, if one is loaded.
    pub fn bundle(&self) -> Option<Arc<Bundle>> {
        self.bundle.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the operator set.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    pub(super) fn uptime(&self) -> Duration {
        self.clock.monotonic().saturating_sub(self.started)
    }
}

/// Resident memory of this process in KiB, from `/proc/self/status`; `None` where there is no such file.
pub(super) fn resident_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}
