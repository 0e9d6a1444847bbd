//! Connections: taken from the socket, bounded in number and in patience, each served until it ends or the server stops.
//!
//! Who shakes hands, sends a request's head, or takes an answer too slowly is left; so is who stays silent between requests.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use warp::filters::BoxedFilter;
use warp::http::Request;
use warp::hyper::body::Incoming;
use warp::hyper::server::conn::http1;
use warp::hyper::service::{Service as _, service_fn};

use super::pace::Paced;
use super::run::CONNECTIONS_TARGET;
use super::state::State;

/// Where a request came from, among its extensions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Client(pub(super) SocketAddr);

/// The most connections at one time; more wait in the system's queue.
const MAX_CONNECTIONS: usize = 20_000;

/// How long to wait when the system has no more descriptors or memory for a connection.
const EXHAUSTED: Duration = Duration::from_millis(100);

/// Serves every connection until `stopped` changes, then lets those that are under way finish.
pub(super) async fn serve(
    listener: TcpListener,
    filter: BoxedFilter<(impl warp::Reply + 'static,)>,
    state: &State,
    mut stopped: watch::Receiver<()>,
) {
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let patience = state.settings().client_timeout;
    loop {
        let accepted = tokio::select! {
            accepted = next(&listener, &room) => accepted,
            // an error means that the sender is gone, which is a stop as well
            _ = stopped.changed() => break,
        };
        let (stream, client, place) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::debug!(target: CONNECTIONS_TARGET, %error, "no connection");
                tokio::time::sleep(EXHAUSTED).await;
                continue;
            }
        };
        let served =
            Served { filter: filter.clone(), client, patience, watcher: graceful.watcher(), _place: place };
        match state.tls() {
            None => _ = tokio::spawn(served.talk(stream)),
            Some(tls) => {
                _ = tokio::spawn(async move {
                    match tokio::time::timeout(patience, tls.acceptor().accept(stream)).await {
                        Ok(Ok(stream)) => served.talk(stream).await,
                        Ok(Err(error)) => tracing::debug!(target: CONNECTIONS_TARGET, %error, "no handshake"),
                        Err(_) => tracing::debug!(target: CONNECTIONS_TARGET, "no handshake in time"),
                    }
                });
            }
        }
    }
    drop(listener);
    graceful.shutdown().await;
}

/// A connection and what it is served by.
struct Served<F: warp::Filter> {
    filter: F,
    client: SocketAddr,
    patience: Duration,
    watcher: Watcher,
    _place: OwnedSemaphorePermit,
}

impl<R: warp::Reply + 'static> Served<BoxedFilter<(R,)>> {
    /// Answers requests until the connection ends.
    async fn talk(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let (client, patience) = (self.client, self.patience);
        let service = TowerToHyperService::new(warp::service(self.filter));
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(Client(client));
            service.call(request)
        });
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(patience);
        let stream = TokioIo::new(Paced::new(stream, patience));
        if let Err(error) = self.watcher.watch(http.serve_connection(stream, service)).await {
            tracing::debug!(target: CONNECTIONS_TARGET, %error, "a connection broke");
        }
    }
}

type Accepted = (TcpStream, SocketAddr, OwnedSemaphorePermit);

async fn next(listener: &TcpListener, room: &Arc<Semaphore>) -> std::io::Result<Accepted> {
    let place = room.clone().acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, client) = listener.accept().await?;
    // answers go out whole; waiting for more to send only delays them
    stream.set_nodelay(true)?;
    Ok((stream, client, place))
}
