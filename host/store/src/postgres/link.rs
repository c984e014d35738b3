//! One connection that its user keeps: made when it is needed, made again after it broke, with a
//! pause that grows while the database cannot be reached.
//!
//! What must hold: nobody waits longer than `CONNECT` for a connection, and a database that is down
//! is not asked again for every commit that somebody wants to make.

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Error, PgConnection};
use std::io;
use std::time::{Duration, Instant};

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(5);
/// The pauses between attempts: the first, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

pub(super) struct Link {
    options: PgConnectOptions,
    connection: Option<PgConnection>,
    /// No attempt before, and how long the pause after the next failure is.
    after: Option<Instant>,
    pause: Duration,
}

impl Link {
    pub(super) fn new(options: PgConnectOptions) -> Link {
        Link {
            options,
            connection: None,
            after: None,
            pause: PAUSES.0,
        }
    }

    /// The connection. An error means that nothing was sent.
    pub(super) async fn get(&mut self) -> Result<&mut PgConnection, Error> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        Ok(self.connection.insert(connection))
    }

    async fn connect(&mut self) -> Result<PgConnection, Error> {
        if self.after.is_some_and(|after| Instant::now() < after) {
            let text = "the database cannot be reached; it is tried again soon";
            return Err(Error::Io(io::Error::new(io::ErrorKind::NotConnected, text)));
        }
        match within(CONNECT, self.options.connect()).await {
            Ok(connection) => {
                (self.after, self.pause) = (None, PAUSES.0);
                Ok(connection)
            }
            Err(error) => {
                self.after = Some(Instant::now() + self.pause);
                self.pause = (self.pause * 2).min(PAUSES.1);
                Err(error)
            }
        }
    }

    /// Gives up a connection of which nobody knows in which state it is.
    pub(super) fn cut(&mut self) {
        self.connection = None;
    }

    /// Says goodbye.
    pub(super) async fn close(&mut self) {
        if let Some(connection) = self.connection.take()
            && let Err(error) = within(CONNECT, connection.close()).await
        {
            tracing::debug!(%error, "the database was gone before its connection was closed");
        }
    }
}

/// The work's outcome, or an error when it takes longer. The connection is then to be cut.
pub(super) async fn within<T>(
    time: Duration,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    match tokio::time::timeout(time, work).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Error::Io(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("the database has not answered for {} s", time.as_secs_f32()),
        ))),
    }
}
