//! What is done to the database: PostgreSQL is killed and started again, slow, silent, or out of
//! reach, of all hosts or of one.
//!
//! The server is the harness's own, and each host reaches it through a door of its own. What must
//! hold: when a fault is over, the server runs and every door is open.

use crate::door::{Door, Stand};
use crate::killer::evenly;
use crate::now;
use anyhow::{Context as _, Result};
use jackfield_postgres_peer::Server;
use rand::Rng as _;
use rand::rngs::StdRng;
use std::sync::Arc;
use std::time::Duration;

/// How long the database is away from hosts, in milliseconds: now and then shorter than their
/// lease of 3 s, mostly longer.
const AWAY: std::ops::Range<u64> = 1_500..7_000;

/// The database as the harness has it in hand.
#[derive(Debug)]
pub struct Database {
    server: Arc<Server>,
    doors: Vec<Door>,
}

/// What was done to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Its processes were killed, and it was started again.
    Crash,
    /// It was slow, silent or out of reach.
    Away,
}

/// A fault, from when to when, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    /// What it was.
    pub fault: Fault,
    /// It began.
    pub from: i64,
    /// The database was as before.
    pub to: i64,
}

impl Database {
    /// The server, with a door for each host.
    ///
    /// # Errors
    /// When no port can be listened on.
    pub async fn new(server: Arc<Server>, hosts: usize) -> Result<Database> {
        let mut doors = Vec::with_capacity(hosts);
        for _ in 0..hosts {
            doors.push(Door::to(server.port()).await?);
        }
        Ok(Database { server, doors })
    }

    /// The address of a database as the host of this place reaches it.
    ///
    /// # Errors
    /// When it is no address with a port, or there is no such host.
    pub fn address(&self, whole: &str, place: usize) -> Result<String> {
        let door = self.doors.get(place).context("there is no such host")?;
        let direct = format!(":{}/", self.server.port());
        anyhow::ensure!(
            whole.contains(&direct),
            "the database's address names no port"
        );
        Ok(whole.replacen(&direct, &format!(":{}/", door.port), 1))
    }

    /// Does something to it, drawn at random, and puts it right again.
    ///
    /// # Errors
    /// When the server does not start again.
    pub async fn strike(&self, rng: &mut StdRng) -> Result<Outage> {
        let from = now();
        let draw = rng.random_range(0..100);
        let fault = match draw {
            0..30 => {
                self.crash(evenly(rng, 1, 4_000)).await?;
                Fault::Crash
            }
            _ => {
                let (stand, time) = match draw {
                    30..50 => {
                        let late = evenly(rng, 5, 400);
                        (Stand::Slow(late), evenly(rng, 500, 4_000))
                    }
                    50..80 => (Stand::Silent, away(rng)),
                    _ => (Stand::Shut, away(rng)),
                };
                let one = rng
                    .random_bool(0.6)
                    .then(|| rng.random_range(0..self.doors.len().max(1)));
                self.stand(one, stand);
                tokio::time::sleep(time).await;
                self.stand(None, Stand::Open);
                Fault::Away
            }
        };
        Ok(Outage {
            fault,
            from,
            to: now(),
        })
    }

    /// Sets the door of one host, or all of them.
    fn stand(&self, one: Option<usize>, stand: Stand) {
        for (place, door) in self.doors.iter().enumerate() {
            if one.is_none_or(|one| one == place) {
                door.set(stand);
            }
        }
    }

    /// Kills the server's processes (its immediate stop), and starts it again after a while.
    async fn crash(&self, pause: Duration) -> Result<()> {
        let server = self.server.clone();
        tokio::task::spawn_blocking(move || server.stop(true)).await??;
        tokio::time::sleep(pause).await;
        let server = self.server.clone();
        tokio::task::spawn_blocking(move || server.again()).await??;
        Ok(())
    }
}

fn away(rng: &mut StdRng) -> Duration {
    Duration::from_millis(rng.random_range(AWAY))
}
