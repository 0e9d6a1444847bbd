//! Work off the async threads: at most `workers` jobs run, at most `queue` wait, each has a deadline.
//!
//! A place is taken before the body is read, so that what waits is bounded from the start; a job whose
//! caller gave up before its turn never runs. Jobs share one pool of threads, and its size changes no result.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::ApiError;
use crate::determinism::par::{Pool, PoolError};

/// The bounded queue and its workers.
pub(super) struct Compute {
    places: Arc<Semaphore>,
    turns: Arc<Semaphore>,
    pool: Arc<Pool>,
    timeout: Duration,
    capacity: usize,
}

/// The right to wait for a worker.
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
}

impl Compute {
    /// A queue for `workers` running and `queue` waiting jobs on `threads` threads.
    ///
    /// # Errors
    /// When threads cannot be started.
    pub(super) fn new(
        workers: usize,
        queue: usize,
        threads: usize,
        timeout: Duration,
    ) -> Result<Self, PoolError> {
        let workers = workers.max(1);
        let capacity = workers.saturating_add(queue).min(Semaphore::MAX_PERMITS);
        Ok(Compute {
            places: Arc::new(Semaphore::new(capacity)),
            turns: Arc::new(Semaphore::new(workers)),
            pool: Arc::new(Pool::new(threads)?),
            timeout,
            capacity,
        })
    }

    /// Takes a place in the queue.
    ///
    /// # Errors
    /// [`ApiError::Overloaded`] when every place is taken.
    pub(super) fn place(&self) -> Result<Place, ApiError> {
        self.places
            .clone()
            .try_acquire_owned()
            .map(|_permit| Place { _permit })
            .map_err(|_| ApiError::Overloaded)
    }

    /// Places taken now.
    pub(super) fn taken(&self) -> usize {
        self.capacity - self.places.available_permits()
    }

    /// Waits for `work`, at most the deadline.
    ///
    /// # Errors
    /// Those of `work`, or [`ApiError::Deadline`].
    pub(super) async fn within<T>(
        &self,
        work: impl Future<Output = Result<T, ApiError>>,
    ) -> Result<T, ApiError> {
        let late = ApiError::Deadline { limit_secs: self.timeout.as_secs() };
        tokio::time::timeout(self.timeout, work).await.unwrap_or(Err(late))
    }

    /// Runs `job` on the pool when its turn comes. The worker stays taken until the job ends, even when
    /// nobody waits for it any more.
    ///
    /// # Errors
    /// Those of `job`; [`ApiError::Internal`] when it panics.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        place: Place,
        job: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let turn = self.turns.clone().acquire_owned().await.map_err(|_| ApiError::Internal)?;
        let pool = self.pool.clone();
        let work = tokio::task::spawn_blocking(move || {
            let _held = (place, turn);
            pool.run(job)
        });
        work.await.unwrap_or_else(|error| {
            tracing::error!(%error, "a computation failed; this is a bug");
            Err(ApiError::Internal)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    use super::*;

    fn compute(workers: usize, queue: usize) -> Arc<Compute> {
        Arc::new(Compute::new(workers, queue, 1, Duration::from_millis(300)).expect("threads start"))
    }

    #[tokio::test]
    async fn one_more_than_fits_is_refused_and_served_once_there_is_room() {
        let compute = compute(1, 2);
        let places: Vec<_> = (0..3).map(|_| compute.place().expect("room")).collect();
        assert_eq!(compute.place().err(), Some(ApiError::Overloaded));
        assert_eq!(compute.taken(), 3);
        drop(places);
        let place = compute.place().expect("room again");
        assert_eq!(compute.run(place, || Ok(7)).await, Ok(7));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_job_whose_caller_gave_up_never_runs() {
        let compute = compute(1, 2);
        let (release, gate) = mpsc::channel::<()>();
        let (first, second) = (compute.place().expect("room"), compute.place().expect("room"));
        let busy = tokio::spawn({
            let compute = compute.clone();
            async move { compute.run(first, move || Ok(gate.recv())).await.is_ok() }
        });
        while compute.turns.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let ran = Arc::new(AtomicUsize::new(0));
        let seen = ran.clone();
        let late = compute
            .within(compute.run(second, move || {
                seen.fetch_add(1, Ordering::SeqCst);
                Ok(())
            }))
            .await;
        assert_eq!(late, Err(ApiError::Deadline { limit_secs: 0 }));
        release.send(()).expect("the job waits");
        assert!(busy.await.expect("joins"));
        assert_eq!(ran.load(Ordering::SeqCst), 0);
        assert_eq!(compute.taken(), 0);
    }

    #[tokio::test]
    async fn a_panic_is_an_internal_error_and_frees_its_worker() {
        let compute = compute(1, 0);
        for _ in 0..2 {
            let place = compute.place().expect("room");
            let got: Result<(), _> = compute.run(place, || panic!("for the test")).await;
            assert_eq!(got, Err(ApiError::Internal));
        }
    }
}
