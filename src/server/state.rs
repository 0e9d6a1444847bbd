//! What all requests of one server share.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use super::audit::{Answered, Audit};
use super::body::Bodies;
use super::clock::Clock;
use super::compute::Compute;
use super::drift::Drift;
use super::error::ApiError;
use super::keys::Keys;
use super::meters::Meters;
use super::models::Models;
use super::rate::Rates;
use super::registry::Registry;
use super::requests::RequestStore;
use super::scribe::{Moment, Scribe};
use super::settings::{MAX_BODIES_BYTES, MAX_BODY_BYTES, Settings};
use super::tls::Tls;
use super::trace::Names;
use crate::aml::bundle::Bundle;
use crate::determinism::digest::Digest;
use crate::determinism::par::PoolError;

/// The bundle, the clock, the queue and the counters.
pub struct State {
    pub(super) models: Models,
    registry: RwLock<Arc<Registry>>,
    tls: RwLock<Option<Arc<Tls>>>,
    audit: OnceLock<Scribe>,
    requests: OnceLock<RequestStore>,
    settings: Settings,
    clock: Box<dyn Clock>,
    started: Duration,
    pub(super) compute: Compute,
    pub(super) bodies: Bodies,
    pub(super) meters: Meters,
    pub(super) drift: Drift,
    pub(super) client_rates: Rates<Option<IpAddr>>,
    pub(super) key_rates: Rates<String>,
    keys: RwLock<Option<Arc<Keys>>>,
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
            models: Models::default(),
            tls: RwLock::new(None),
            audit: OnceLock::new(),
            requests: OnceLock::new(),
            registry: RwLock::new(Arc::new(Registry::fixed(|| Err("no source of bundles".to_owned())))),
            started: clock.monotonic(),
            compute: Compute::new(settings.workers, settings.queue, settings.threads, settings.timeout)?,
            bodies: Bodies::new(MAX_BODIES_BYTES, max_body, settings.client_timeout),
            meters: Meters::new()?,
            drift: Drift::default(),
            client_rates: Rates::new(),
            key_rates: Rates::new(),
            keys: RwLock::new(None),
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
        self.models.put(bundle);
        self.name_bundles();
    }

    /// Exchanges the present bundle and the one before; whether there was one.
    pub(super) fn roll_back(&self) -> bool {
        let done = self.models.roll_back();
        self.name_bundles();
        done
    }

    /// Sets or removes the bundle whose scores are compared with the present one's.
    pub fn challenge(&self, bundle: Option<Bundle>) {
        self.models.challenge(bundle);
        self.name_bundles();
    }

    /// Labels of the metrics name the bundles in their places.
    fn name_bundles(&self) {
        let places = self.models.places();
        for (gauge, bundle) in
            [(&self.meters.bundle, places.active), (&self.meters.challenger, places.challenger)]
        {
            gauge.reset();
            if let Some(bundle) = bundle {
                gauge.with_label_values(&[&bundle.digest().to_string()]).set(1);
            }
        }
    }

    /// Sets where an admin's reload finds bundles.
    pub fn set_registry(&self, registry: Registry) {
        *self.registry.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(registry);
    }

    /// Where bundles are found.
    pub fn registry(&self) -> Arc<Registry> {
        self.registry.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The bundle, if one is loaded.
    pub fn bundle(&self) -> Option<Arc<Bundle>> {
        self.models.active()
    }

    /// Sets who may call from now on; `None` lets everybody.
    pub fn set_keys(&self, keys: Option<Keys>) {
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys.map(Arc::new);
    }

    /// Who may call; `None` where there are no keys.
    pub(super) fn keys(&self) -> Option<Arc<Keys>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sets the certificate that connections from now on are shown; `None` is plain HTTP.
    pub fn set_tls(&self, tls: Option<Tls>) {
        *self.tls.write().unwrap_or_else(PoisonError::into_inner) = tls.map(Arc::new);
    }

    pub(super) fn tls(&self) -> Option<Arc<Tls>> {
        self.tls.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes every answer in this log from now on, on a thread of its own; the first log set stays.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn set_audit(&self, audit: Audit) -> std::io::Result<()> {
        let _the_first_stays = self.audit.set(Scribe::start(audit)?);
        Ok(())
    }

    /// Keeps the body of every request that is computed from now on; the first store set stays.
    pub fn set_requests(&self, requests: RequestStore) {
        let _the_first_stays = self.requests.set(requests);
    }

    /// Keeps a body where bodies are kept; its digest where answers are noted.
    ///
    /// # Errors
    /// [`ApiError::NotNoted`] when it cannot be written.
    pub(super) fn keep(&self, body: &[u8]) -> Result<Option<Digest>, ApiError> {
        match self.requests.get() {
            Some(requests) => requests.put(body).map(Some).map_err(|error| {
                tracing::error!(%error, "a request cannot be kept: it is not answered");
                ApiError::NotNoted
            }),
            None => Ok(self.audit.get().map(|_| Digest::of(body))),
        }
    }

    /// Notes an answer, which may be sent once this is done.
    ///
    /// # Errors
    /// [`ApiError::NotNoted`] when it cannot be written, or not in the time that a request has.
    pub(super) async fn note(&self, answered: Answered) -> Result<(), ApiError> {
        let Some(audit) = self.audit.get() else { return Ok(()) };
        let noting = audit.note(answered, self.moment());
        let noted = tokio::time::timeout(self.settings.timeout, noting).await;
        noted.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into())).map_err(|error| {
            tracing::error!(%error, "the audit log cannot be written: the answer is not sent");
            ApiError::NotNoted
        })
    }

    fn moment(&self) -> Moment {
        Moment { unix_ms: self.clock.unix_ms(), monotonic: self.clock.monotonic() }
    }

    /// What is due from time to time: a checkpoint, and the end of what was kept long enough.
    pub(super) fn tick(&self) {
        let now = self.clock.unix_ms();
        if let Some(Err(error)) = self.audit.get().map(|audit| audit.tick(self.moment())) {
            tracing::error!(%error, "the audit log cannot be signed");
        }
        match self.requests.get().map(|requests| requests.expire(now)) {
            Some(Ok(removed)) if removed > 0 => {
                tracing::info!(removed, "requests removed that were kept long enough")
            }
            Some(Err(error)) => {
                tracing::error!(%error, "requests that were kept long enough cannot be removed")
            }
            _ => {}
        }
    }

    /// Signs the end of the log.
    pub(super) async fn close(&self) {
        let Some(audit) = self.audit.get() else { return };
        if let Err(error) = audit.close(self.moment()).await {
            tracing::error!(%error, "the end of the audit log cannot be signed");
        }
    }

    /// Records in the audit log.
    pub(super) fn audit_records(&self) -> u64 {
        self.audit.get().map_or(0, Scribe::seq)
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
