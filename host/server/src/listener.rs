//! Connections: accepted up to a bound, each with a time limit for the headers of its requests.
//!
//! axum's own `serve` has neither, so that connections that say nothing could pile up. HTTP/1.1
//! alone: TLS and HTTP/2 are the business of the proxy before the host.

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// How many connections may be open. Most of them wait for their next request.
const CONNECTIONS: usize = 8_192;

/// A request's headers must be in after so long; so long an idle connection is kept too.
const HEADERS: Duration = Duration::from_secs(30);

/// Requests that are under way when the host stops may take so long.
const FAREWELL: Duration = Duration::from_secs(20);

/// After an error of `accept` (no more file descriptors, mostly) it is tried again after this.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves until `stopping` is cancelled, and then until the requests under way are answered.
pub(crate) async fn run(listener: TcpListener, router: Router, stopping: CancellationToken) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS);
    loop {
        let place = tokio::select! {
            () = stopping.cancelled() => break,
            place = places.clone().acquire_owned() => place,
        };
        let stream = tokio::select! {
            () = stopping.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            },
        };
        // Answers are small and written whole: waiting for more to send would only delay them.
        let _ = stream.set_nodelay(true);
        let service = TowerToHyperService::new(router.clone());
        let connection = builder
            .serve_connection(TokioIo::new(stream), service)
            .into_owned();
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(FAREWELL, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("some requests were still under way when the host stopped");
    }
}
