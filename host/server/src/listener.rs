//! Connections: accepted up to a bound, each with a time limit for the headers of its requests.
//!
//! axum's own `serve` has neither, so that connections that say nothing could pile up. HTTP/1.1
//! alone: TLS and HTTP/2 are the business of the proxy before the host.
//!
//! When all places are taken, whoever has said nothing for longest gives theirs up: a crowd of idle
//! connections keeps out nobody who has something to ask, a health check least of all.

use axum::Router;
use axum::http::Request;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use std::collections::HashMap;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

/// How many connections may be open. Most of them wait for their next request; each has some
/// 12 KiB.
const CONNECTIONS: usize = 8_192;

/// A request's headers must be in after so long; so long an idle connection is kept too.
const HEADERS: Duration = Duration::from_secs(30);

/// After an error of `accept` (no more file descriptors, mostly) it is tried again after this.
const PAUSE: Duration = Duration::from_millis(100);

/// Of the places, one in so many is freed at a time: looking for who is idle looks at all of them.
const FREED: usize = 64;

/// What stands for "in a request" where else stands since when not.
const BUSY: u64 = u64::MAX;

/// The address from which a request came: that of the connection, so behind a proxy the proxy's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer(pub(crate) IpAddr);

fn came_from<B>(peer: Peer, mut request: Request<B>) -> Request<B> {
    request.extensions_mut().insert(peer);
    request
}

/// Serves until `closing` is cancelled, and then until the answers under way are written. How long
/// that may take is the caller's to say.
pub(crate) async fn run(listener: TcpListener, router: Router, closing: CancellationToken) {
    let seats = Arc::new(Seats::new(connections()));
    let tasks = TaskTracker::new();
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS);
    let builder = Arc::new(builder);
    loop {
        let place = tokio::select! {
            () = closing.cancelled() => break,
            place = seats.place() => place,
        };
        let (stream, peer) = tokio::select! {
            () = closing.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => (stream, Peer(peer.ip())),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            },
        };
        // Answers are small and written whole: waiting for more to send would only delay them.
        let _ = stream.set_nodelay(true);
        let seat = seats.take(place);
        let (asked, answered) = (seat.0.clone(), seat.0.clone());
        let service = router
            .clone()
            .map_request(move |request| {
                asked.begins();
                came_from(peer, request)
            })
            .map_future(move |answer| {
                let answered = answered.clone();
                async move {
                    let answer = answer.await;
                    answered.rests();
                    answer
                }
            });
        let service = TowerToHyperService::new(service);
        let (builder, closing) = (builder.clone(), closing.clone());
        tasks.spawn(async move {
            let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
            tokio::select! {
                ended = connection.as_mut() => if let Err(error) = ended {
                    tracing::debug!(%error, "a connection ended early");
                },
                () = seat.0.is_to_go(&closing) => {
                    // Of one that never spoke hyper would go on waiting for the first request.
                    if seat.0.spoken.load(Ordering::Relaxed) {
                        connection.as_mut().graceful_shutdown();
                        let _ = connection.await;
                    }
                }
            }
            drop(seat);
        });
    }
    drop(listener);
    tasks.close();
    tasks.wait().await;
}

/// How many connections there may be: no more than half of what the process may have open, for the
/// database and the way out need some too.
fn connections() -> usize {
    #[cfg(unix)]
    let open = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    #[cfg(not(unix))]
    let open: Option<u64> = None;
    let half = open.and_then(|open| usize::try_from(open / 2).ok());
    half.map_or(CONNECTIONS, |half| half.clamp(1, CONNECTIONS))
}

/// The places of all connections.
struct Seats {
    places: Arc<Semaphore>,
    size: usize,
    begun: Instant,
    taken: Mutex<HashMap<u64, Arc<Seat>>>,
    next: AtomicU64,
}

/// A connection.
struct Seat {
    begun: Instant,
    /// Milliseconds since `begun` at which it began to be idle, or `BUSY`.
    idle: AtomicU64,
    /// Whether anything was ever asked.
    spoken: AtomicBool,
    /// Its place is wanted.
    wanted: CancellationToken,
}

/// A place, until it is dropped.
struct Taken(
    Arc<Seat>,
    u64,
    Arc<Seats>,
    #[expect(dead_code, reason = "held")] OwnedSemaphorePermit,
);

impl Drop for Taken {
    fn drop(&mut self) {
        self.2.lock().remove(&self.1);
    }
}

impl Seat {
    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(BUSY - 1)
    }

    fn begins(&self) {
        self.spoken.store(true, Ordering::Relaxed);
        self.idle.store(BUSY, Ordering::Relaxed);
    }

    /// An answer that is still being written counts as idle; it is not cut off all the same.
    fn rests(&self) {
        self.idle.store(self.now(), Ordering::Relaxed);
    }

    async fn is_to_go(&self, closing: &CancellationToken) {
        tokio::select! {
            () = closing.cancelled() => {}
            () = self.wanted.cancelled() => {}
        }
    }
}

impl Seats {
    fn new(size: usize) -> Seats {
        Seats {
            places: Arc::new(Semaphore::new(size)),
            size,
            begun: Instant::now(),
            taken: Mutex::default(),
            next: AtomicU64::new(0),
        }
    }

    /// A place; where there is none, those who were idle for longest are asked to go.
    async fn place(&self) -> OwnedSemaphorePermit {
        loop {
            if let Ok(place) = self.places.clone().try_acquire_owned() {
                return place;
            }
            self.free(self.size.div_ceil(FREED));
            let place = tokio::time::timeout(PAUSE, self.places.clone().acquire_owned());
            // Never closed; after a while somebody else may be idle.
            if let Ok(Ok(place)) = place.await {
                return place;
            }
        }
    }

    fn take(self: &Arc<Seats>, place: OwnedSemaphorePermit) -> Taken {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let seat = Arc::new(Seat {
            begun: self.begun,
            idle: AtomicU64::new(0),
            spoken: AtomicBool::new(false),
            wanted: CancellationToken::new(),
        });
        seat.rests();
        self.lock().insert(id, seat.clone());
        Taken(seat, id, self.clone(), place)
    }

    /// Asks so many to go.
    fn free(&self, many: usize) {
        let taken = self.lock();
        let mut idle: Vec<(u64, &Arc<Seat>)> = taken
            .values()
            .map(|seat| (seat.idle.load(Ordering::Relaxed), seat))
            .filter(|(since, seat)| *since != BUSY && !seat.wanted.is_cancelled())
            .collect();
        idle.sort_unstable_by_key(|(since, _)| *since);
        for (_, seat) in idle.into_iter().take(many) {
            seat.wanted.cancel();
        }
    }

    /// Nothing here panics half-way.
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Arc<Seat>>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_was_idle_for_longest_gives_its_place_up() {
        let seats = Arc::new(Seats::new(2));
        let first = seats.take(seats.place().await);
        let second = seats.take(seats.place().await);
        first.0.begins();
        let third = tokio::spawn({
            let seats = seats.clone();
            async move { seats.take(seats.place().await) }
        });
        second.0.is_to_go(&CancellationToken::new()).await;
        assert!(!first.0.wanted.is_cancelled(), "it is in a request");
        drop(second);
        let third = third.await.unwrap();
        assert_eq!(seats.lock().len(), 2);
        drop((first, third));
        assert!(seats.lock().is_empty());
        assert_eq!(seats.places.available_permits(), 2);
    }
}
