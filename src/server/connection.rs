//! Connections: taken from the socket, bounded in number and in patience, each served until it ends or the server stops.
//!
//! Who sends a request's head, or takes an answer, too slowly is left; so is who stays silent between requests.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use warp::filters::BoxedFilter;
use warp::hyper::service::{Service as _, service_fn};

use super::pace::Paced;
use super::run::CONNECTIONS_TARGET;
use super::settings::Settings;

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
    settings: &Settings,
    mut stopped: watch::Receiver<()>,
) {
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let graceful = GracefulShutdown::new();
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
        let service = TowerToHyperService::new(warp::service(filter.clone()));
        let service = service_fn(move |mut request: warp::http::Request<warp::hyper::body::Incoming>| {
            request.extensions_mut().insert(Client(client));
            service.call(request)
        });
        let mut http = warp::hyper::server::conn::http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(settings.head_timeout);
        let stream = TokioIo::new(Paced::new(stream, settings.write_timeout));
        let connection = graceful.watch(http.serve_connection(stream, service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(target: CONNECTIONS_TARGET, %error, "a connection broke");
            }
            drop(place);
        });
    }
    drop(listener);
    graceful.shutdown().await;
}

type Accepted = (TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit);

async fn next(listener: &TcpListener, room: &Arc<Semaphore>) -> std::io::Result<Accepted> {
    let place = room.clone().acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, client) = listener.accept().await?;
    // answers go out whole; waiting for more to send only delays them
    stream.set_nodelay(true)?;
    Ok((stream, client, place))
}
