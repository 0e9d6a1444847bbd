//! The life of the service: from a bound socket to the last answer.
//!
//! SIGTERM and SIGINT stop it: no new connection is taken, requests under way are answered, and after the
//! drain deadline (or at a second signal) the rest is dropped. SIGHUP reloads the bundle and the keys; what
//! fails to load stays as it was.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use warp::filters::BoxedFilter;

use super::connection;
use super::routes::{Extra, routes, routes_with};
use super::state::State;

/// Loads anew what stands in files, the bundle and the keys; the error is a text for the log.
pub type Reload = Box<dyn Fn(&State) -> Result<(), String> + Send + Sync>;

/// How the service ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Every request under way was answered.
    Drained,
    /// Requests were dropped: the drain deadline passed, or a second signal came.
    Cut,
}

/// The service could not start.
#[derive(Debug, thiserror::Error)]
#[error("cannot start the server: {0}")]
pub struct ServeError(#[from] std::io::Error);

/// The log target under which broken connections are reported.
pub const CONNECTIONS_TARGET: &str = "aml_miner::connections";

/// Threads that move bytes; scores are computed elsewhere.
const ASYNC_THREADS: usize = 2;

/// Serves on `listener` until a signal ends it.
///
/// # Errors
/// When the runtime, the socket or the signal handlers cannot be set up.
pub fn run(listener: TcpListener, state: Arc<State>, reload: Option<Reload>) -> Result<Ended, ServeError> {
    let filter = routes(state.clone());
    block_on(serve(listener, state, reload, filter))
}

/// [`run`] with calls of a user's own beside those of the service.
///
/// # Errors
/// As [`run`].
pub fn run_with(
    listener: TcpListener,
    state: Arc<State>,
    reload: Option<Reload>,
    extra: Extra,
) -> Result<Ended, ServeError> {
    let filter = routes_with(state.clone(), extra);
    block_on(serve(listener, state, reload, filter))
}

fn block_on(service: impl Future<Output = Result<Ended, ServeError>>) -> Result<Ended, ServeError> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(ASYNC_THREADS).enable_all().build()?;
    let ended = runtime.block_on(service);
    runtime.shutdown_timeout(Duration::ZERO);
    ended
}

async fn serve(
    listener: TcpListener,
    state: Arc<State>,
    reload: Option<Reload>,
    filter: BoxedFilter<(impl warp::Reply + 'static,)>,
) -> Result<Ended, ServeError> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let mut signals = Signals::install()?;
    let (stop, stopped) = watch::channel(());
    let shared = state.clone();
    let mut service =
        tokio::spawn(async move { connection::serve(listener, filter, &shared, stopped).await });
    let ticking = tokio::spawn(tick(state.clone()));
    signals.until_stop(&state, reload).await;
    ticking.abort();
    tracing::info!(
        deadline_secs = state.settings().drain.as_secs(),
        "stopping: answering requests under way"
    );
    stop.send_replace(());
    let ended = tokio::select! {
        _ = &mut service => Ended::Drained,
        () = tokio::time::sleep(state.settings().drain) => Ended::Cut,
        () = signals.next_stop() => Ended::Cut,
    };
    state.close().await;
    tracing::info!(dropped_requests = (ended == Ended::Cut), "stopped");
    Ok(ended)
}

/// Does from time to time what is due.
async fn tick(state: Arc<State>) {
    loop {
        tokio::time::sleep(TICK).await;
        let state = state.clone();
        // an error means that it panicked, which the next one may not
        let _ = tokio::task::spawn_blocking(move || state.tick()).await;
    }
}

const TICK: Duration = Duration::from_secs(10);

fn reload_all(state: &State, reload: Option<&Reload>) {
    let Some(reload) = reload else { return };
    match reload(state) {
        Ok(()) => {
            let digest = state.bundle().map(|bundle| bundle.digest().to_string());
            tracing::info!(model_digest = digest.as_deref().unwrap_or("none"), "reloaded");
        }
        Err(error) => tracing::error!(%error, "not everything loads: all stays as it was"),
    }
}

#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn install() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn next_stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    async fn until_stop(&mut self, state: &Arc<State>, reload: Option<Reload>) {
        let reload = Arc::new(reload);
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hangup.recv() => {
                    let (state, reload) = (state.clone(), reload.clone());
                    tokio::task::spawn_blocking(move || reload_all(&state, reload.as_ref().as_ref()));
                }
            }
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn install() -> std::io::Result<Self> {
        Ok(Signals)
    }

    async fn next_stop(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }

    async fn until_stop(&mut self, _state: &Arc<State>, _reload: Option<Reload>) {
        self.next_stop().await;
    }
}
