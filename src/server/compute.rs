//! Work off the async threads: in each of two lanes so many jobs run, at most `queue` wait, each has a deadline.
//!
//! A place is taken before the body is read, so that what waits is bounded from the start; a job whose
//! caller gave up before its turn never runs. Small requests have a lane of their own, and every job that runs has threads of
//! its own: the operating system shares the cores among them, so that nobody waits for the end of a large
//! request. Neither lanes nor threads change a result.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::error::ApiError;
use crate::determinism::par::{Pool, PoolError};

/// The bounded queues and their workers.
pub(super) struct Compute {
    small: Arc<Lane>,
    large: Arc<Lane>,
    timeout: Duration,
}

/// How much work a request will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    /// Less than waking a thread for it is worth: done where it is taken in.
    Tiny,
    /// Milliseconds, on one thread.
    Small,
    /// Perhaps seconds, on all threads.
    Large,
}

struct Lane {
    places: Arc<Semaphore>,
    turns: Arc<Semaphore>,
    /// Those that no job uses; as many as there are turns.
    idle: Mutex<Vec<Arc<Pool>>>,
    workers: usize,
    capacity: usize,
}

/// The right to wait for a worker.
pub(super) struct Place {
    lane: Arc<Lane>,
    at_once: bool,
    _permit: OwnedSemaphorePermit,
}

impl Compute {
    /// Queues for `queue` waiting jobs each: `workers` large ones run at a time, each on `threads` threads, and `threads` small
    /// ones, each on one.
    ///
    /// # Errors
    /// When threads cannot be started.
    pub(super) fn new(
        workers: usize,
        queue: usize,
        threads: usize,
        timeout: Duration,
    ) -> Result<Self, PoolError> {
        let small = Lane::new(threads.max(1), queue, 1)?;
        let large = Lane::new(workers.max(1), queue, threads.max(1))?;
        Ok(Compute { small: Arc::new(small), large: Arc::new(large), timeout })
    }

    /// Takes a place in the queue.
    ///
    /// # Errors
    /// [`ApiError::Overloaded`] when every place is taken.
    pub(super) fn place(&self, size: Size) -> Result<Place, ApiError> {
        let lane = match size {
            Size::Tiny | Size::Small => &self.small,
            Size::Large => &self.large,
        };
        let permit = lane.places.clone().try_acquire_owned().map_err(|_| ApiError::Overloaded)?;
        Ok(Place { lane: lane.clone(), at_once: size == Size::Tiny, _permit: permit })
    }

    /// Places taken now.
    pub(super) fn taken(&self) -> usize {
        self.small.taken() + self.large.taken()
    }

    /// Places taken by jobs that wait for their turn.
    pub(super) fn waiting(&self) -> usize {
        self.small.waiting() + self.large.waiting()
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

    /// Runs `job` when its turn comes. The worker stays taken until the job ends, even when
    /// nobody waits for it any more.
    ///
    /// # Errors
    /// Those of `job`; [`ApiError::Internal`] when it panics.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        place: Place,
        job: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let lane = place.lane.clone();
        let turn = lane.turns.clone().acquire_owned().await.map_err(|_| ApiError::Internal)?;
        if place.at_once {
            return caught(job);
        }
        let (done, result) = oneshot::channel();
        let worker = Worker { pool: lane.take().ok_or(ApiError::Internal)?, _turn: turn, place };
        let pool = worker.pool.clone();
        pool.spawn(move || {
            let outcome = caught(job);
            drop(worker);
            // nobody listens where the caller gave up
            let _given_up = done.send(outcome);
        });
        result.await.unwrap_or(Err(ApiError::Internal))
    }
}

/// What a job says, also when it panics.
fn caught<T>(job: impl FnOnce() -> Result<T, ApiError>) -> Result<T, ApiError> {
    catch_unwind(AssertUnwindSafe(job)).unwrap_or_else(|_| {
        tracing::error!("a computation panicked; this is a bug");
        Err(ApiError::Internal)
    })
}

/// What a running job holds.
struct Worker {
    pool: Arc<Pool>,
    _turn: OwnedSemaphorePermit,
    place: Place,
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.place.lane.idle.lock().unwrap_or_else(PoisonError::into_inner).push(self.pool.clone());
    }
}

impl Lane {
    fn new(workers: usize, queue: usize, threads: usize) -> Result<Self, PoolError> {
        let workers = workers.min(Semaphore::MAX_PERMITS);
        let capacity = workers.saturating_add(queue).min(Semaphore::MAX_PERMITS);
        Ok(Lane {
            places: Arc::new(Semaphore::new(capacity)),
            turns: Arc::new(Semaphore::new(workers)),
            idle: Mutex::new(
                (0..workers).map(|_| Pool::new(threads).map(Arc::new)).collect::<Result<_, _>>()?,
            ),
            workers,
            capacity,
        })
    }

    fn taken(&self) -> usize {
        self.capacity - self.places.available_permits()
    }

    fn waiting(&self) -> usize {
        let running = self.workers - self.turns.available_permits();
        self.taken().saturating_sub(running)
    }

    fn take(&self) -> Option<Arc<Pool>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
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
        let places: Vec<_> = (0..3).map(|_| compute.place(Size::Large).expect("room")).collect();
        assert_eq!(compute.place(Size::Large).err(), Some(ApiError::Overloaded));
        assert_eq!(compute.taken(), 3);
        drop(places);
        let place = compute.place(Size::Large).expect("room again");
        assert_eq!(compute.run(place, || Ok(7)).await, Ok(7));
    }

    #[tokio::test]
    async fn a_tiny_job_is_done_where_it_is_taken_in_and_may_panic_too() {
        let compute = compute(1, 2);
        let here = std::thread::current().id();
        let place = compute.place(Size::Tiny).expect("room");
        let there = compute.run(place, || Ok(std::thread::current().id())).await;
        assert_eq!(there, Ok(here));
        let place = compute.place(Size::Tiny).expect("room");
        let panics = compute.run(place, || -> Result<(), ApiError> { panic!("as it should") }).await;
        assert_eq!((panics, compute.taken()), (Err(ApiError::Internal), 0));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_job_whose_caller_gave_up_never_runs() {
        let compute = compute(1, 2);
        let (release, gate) = mpsc::channel::<()>();
        let (first, second) =
            (compute.place(Size::Large).expect("room"), compute.place(Size::Large).expect("room"));
        let busy = tokio::spawn({
            let compute = compute.clone();
            async move { compute.run(first, move || Ok(gate.recv())).await.is_ok() }
        });
        while compute.large.turns.available_permits() > 0 {
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

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn small_jobs_do_not_wait_for_large_ones() {
        let compute = compute(1, 1);
        let (release, gate) = mpsc::channel::<()>();
        let large = compute.place(Size::Large).expect("room");
        let busy = tokio::spawn({
            let compute = compute.clone();
            async move { compute.run(large, move || Ok(gate.recv())).await.is_ok() }
        });
        while compute.large.turns.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let waits = compute.place(Size::Large).expect("room to wait");
        assert_eq!((compute.place(Size::Large).err(), compute.waiting()), (Some(ApiError::Overloaded), 1));
        let small = compute.place(Size::Small).expect("a lane of its own");
        assert_eq!(compute.run(small, || Ok(7)).await, Ok(7));
        drop(waits);
        release.send(()).expect("the job waits");
        assert!(busy.await.expect("joins"));
    }

    #[tokio::test]
    async fn a_panic_is_an_internal_error_and_frees_its_worker() {
        let compute = compute(1, 0);
        for _ in 0..2 {
            let place = compute.place(Size::Large).expect("room");
            let got: Result<(), _> = compute.run(place, || panic!("for the test")).await;
            assert_eq!(got, Err(ApiError::Internal));
        }
    }
}
