//! Who kills: hosts at random instants, in the middle of work, of a start and of a recovery.
//!
//! The instants are spread evenly over orders of magnitude, because what can go wrong lies
//! milliseconds apart in a commit and seconds apart in a lease.
//!
//! A host that finds no database when it starts says so and ends: that is no crash, and whoever
//! watches over it starts it again.

use crate::database::{Database, Outage};
use crate::hosts::Host;
use crate::{Signals, now};
use anyhow::Result;
use rand::Rng as _;
use rand::rngs::StdRng;
use std::time::{Duration, Instant};

/// How long a halted host stays so, in milliseconds: always longer than a lease of 3 s.
const HALTED: std::ops::Range<u64> = 3_200..6_500;

/// How often a blow is the database's, where that is to be struck too.
const DATABASE: f64 = 0.5;

/// What was done to the hosts.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// When hosts were killed, in milliseconds since 1970.
    pub kills: Vec<i64>,
    /// When hosts were halted, and when they went on.
    pub halts: Vec<(i64, i64)>,
    /// What was done to the database.
    pub outages: Vec<Outage>,
    /// Kills that came before the host was ready.
    pub during_start: usize,
    /// Hosts that ended by themselves, with their last words.
    pub crashes: Vec<String>,
}

/// Kills until the time is up, and leaves every host ready.
///
/// # Errors
/// When a host cannot be started or signalled.
pub async fn run(
    hosts: &mut [Host],
    signals: Signals,
    database: Option<&Database>,
    until: Instant,
    rng: &mut StdRng,
) -> Result<Record> {
    let mut record = Record::default();
    while Instant::now() < until {
        if let Some(database) = database
            && rng.random_bool(DATABASE)
        {
            let outage = database.strike(rng).await?;
            record.outages.push(outage);
            tokio::time::sleep(evenly(rng, 4, 3_000)).await;
            continue;
        }
        let place = rng.random_range(0..hosts.len());
        let host = &mut hosts[place];
        let halt = match signals {
            Signals::Kill => false,
            Signals::Stop => true,
            Signals::Both => rng.random_bool(0.3),
        };
        let early = !halt && rng.random_bool(0.25);
        if early && !record.kills.is_empty() {
            // In the middle of the start that follows.
            slay(host, &mut record, rng).await?;
            tokio::time::sleep(evenly(rng, 1, 400)).await;
            record.during_start += 1;
        } else {
            ready(host, &mut record).await?;
            tokio::time::sleep(evenly(rng, 4, 3_000)).await;
        }
        if halt {
            let from = now();
            host.halt()?;
            tokio::time::sleep(Duration::from_millis(rng.random_range(HALTED))).await;
            host.go_on()?;
            record.halts.push((from, now()));
        } else {
            slay(host, &mut record, rng).await?;
        }
    }
    for host in hosts {
        ready(host, &mut record).await?;
    }
    Ok(record)
}

/// Kills a host and starts it again.
async fn slay(host: &mut Host, record: &mut Record, rng: &mut StdRng) -> Result<()> {
    if host.kill()? {
        record.kills.push(now());
    } else {
        record.ended(host);
    }
    if rng.random_bool(0.5) {
        tokio::time::sleep(evenly(rng, 1, 500)).await;
    }
    host.start()
}

/// Waits until a host is ready; one that has ended by itself is noted and started again.
async fn ready(host: &mut Host, record: &mut Record) -> Result<()> {
    while !host.ready().await? {
        record.ended(host);
        anyhow::ensure!(
            record.crashes.len() < 20,
            "a host does not stay up:\n{}",
            host.last_words()
        );
        host.kill()?;
        host.start()?;
    }
    Ok(())
}

impl Record {
    /// A host has ended by itself: a crash, unless it found no database when it started.
    fn ended(&mut self, host: &Host) {
        let away = |since: i64| self.outages.iter().any(|outage| outage.to >= since);
        if !host.starting().is_some_and(away) {
            self.crashes.push(host.last_words());
        }
    }
}

/// A time between so many milliseconds, every order of magnitude as likely as another.
pub(crate) fn evenly(rng: &mut StdRng, least: u32, most: u32) -> Duration {
    let exponent = rng.random_range(f64::from(least).ln()..f64::from(most).ln());
    Duration::from_secs_f64(exponent.exp() / 1_000.0)
}
