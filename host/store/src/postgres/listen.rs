//! The connection that listens: notes of other hosts, as soon as they are sent.
//!
//! Nothing rests on it. While it is broken notes are lost, so when it stands again this host looks
//! at everything once; a host whose connection is never made looks all the same, three times in
//! each lease (`hosts.rs`).

use super::notes::{self, ALL, HOSTS, channel_of};
use super::shared::Shared;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// The pauses between attempts to connect: the first, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
const CONNECT: Duration = Duration::from_secs(5);

/// Listens until the task is aborted.
pub(super) fn start(options: PgConnectOptions, shared: Arc<Shared>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut pause = PAUSES.0;
        loop {
            match listen(&options, &shared, &mut pause).await {
                Ok(()) => tracing::info!("the connection that listens to other hosts was lost"),
                Err(error) => {
                    tracing::warn!(%error, "cannot listen to other hosts; looking instead")
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    })
}

/// Until the connection breaks.
async fn listen(
    options: &PgConnectOptions,
    shared: &Shared,
    pause: &mut Duration,
) -> Result<(), sqlx::Error> {
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(CONNECT)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_lazy_with(options.clone());
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.eager_reconnect(false);
    listener
        .listen_all([channel_of(&shared.host).as_str(), HOSTS, ALL])
        .await?;
    *pause = PAUSES.0;
    // What was said before is found by looking.
    shared.look.notify_one();
    while let Some(note) = listener.try_recv().await? {
        notes::hear(shared, note.payload());
    }
    Ok(())
}
