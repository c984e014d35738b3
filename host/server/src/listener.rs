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
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

/// How many connections may be open. Most of them wait for their next request.
const CONNECTIONS: usize = 8_192;

/// A request's headers must be in after so long; so long an idle connection is kept too.
const HEADERS: Duration = Duration::from_secs(30);

/// After an error of `accept` (no more file descriptors, mostly) it is tried again after this.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves until `closing` is cancelled, and then until the answers under way are written. How long
/// that may take is the caller's to say.
pub(crate) async fn run(listener: TcpListener, router: Router, closing: CancellationToken) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS);
    loop {
        let place = tokio::select! {
            () = closing.cancelled() => break,
            place = places.clone().acquire_owned() => place,
        };
        let stream = tokio::select! {
            () = closing.cancelled() => break,
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
        let spoken = Arc::new(AtomicBool::new(false));
        let heard = spoken.clone();
        let service = router.clone().map_request(move |request| {
            heard.store(true, Ordering::Relaxed);
            request
        });
        let service = TowerToHyperService::new(service);
        let connection = builder
            .serve_connection(TokioIo::new(stream), service)
            .into_owned();
        let connection = graceful.watch(connection);
        let closing = closing.clone();
        tokio::spawn(async move {
            tokio::select! {
                ended = connection => if let Err(error) = ended {
                    tracing::debug!(%error, "a connection ended early");
                },
                () = silent(&closing, &spoken) => {}
            }
            drop(place);
        });
    }
    drop(listener);
    graceful.shutdown().await;
}

/// Returns when the host closes and nothing was ever asked on the connection: hyper would go on
/// waiting for its first request.
async fn silent(closing: &CancellationToken, spoken: &AtomicBool) {
    closing.cancelled().await;
    if spoken.load(Ordering::Relaxed) {
        std::future::pending::<()>().await;
    }
}
