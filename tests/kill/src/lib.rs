//! Kills hosts under load at random instants, and audits by event what they did.
//!
//! `cargo xtask kill` starts it; `docs/reliability.md` says what it checks and what it found. Read
//! in this order: [`story`] (the workflows, and what each must lead to), [`clients`] (who sends),
//! [`outside`] (where calls and messages arrive), [`killer`] (who kills), [`database`] and [`door`]
//! (what is done to the database), [`evidence`] and [`audit`] (what is read in the end, and judged).
//!
//! What must hold: the harness trusts nothing but what it saw itself. What was acknowledged it knows
//! from the clients, what was done from the outside world; what the host says is checked against
//! both. A random choice comes from the seed; the instants are the machine's.

pub mod api;
pub mod audit;
pub mod clients;
pub mod database;
pub mod door;
pub mod evidence;
pub mod hosts;
pub mod killer;
pub mod outside;
mod setup;
pub mod story;
pub mod verdict;

use crate::database::{Database, Fault};
use crate::hosts::{Host, Program};
use crate::outside::Outside;
use crate::verdict::Verdict;
use anyhow::{Context as _, Result};
use jackfield_postgres_peer::Server;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// What the hosts are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Signals {
    /// SIGKILL.
    #[default]
    Kill,
    /// SIGSTOP, and SIGCONT after more than a lease.
    Stop,
    /// Now this, now that.
    Both,
}

/// A run of the harness.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long there is load.
    pub time: Duration,
    /// The name of the database, for the figures.
    pub database: String,
    /// What is started.
    pub program: Program,
    /// How many hosts.
    pub hosts: usize,
    /// How many clients.
    pub clients: usize,
    /// What makes the random choices.
    pub seed: u64,
    /// What the hosts are sent.
    pub signals: Signals,
    /// The database is killed, slow, silent and out of reach besides: the server of the program's
    /// database.
    pub database_faults: Option<Arc<Server>>,
    /// Where the hosts keep their data; must be empty.
    pub data: PathBuf,
}

/// Sets up, loads, kills, and audits.
///
/// # Errors
/// When something stands in the way of finding out: a host that does not start, a database that is
/// not there. What is wrong with the hosts' work is in the verdict.
pub async fn run(options: &Options, progress: impl Fn(&str) + Sync) -> Result<Verdict> {
    progress("starting the hosts");
    let outside = Outside::open().await?;
    let mut hosts = Vec::new();
    let database = match &options.database_faults {
        Some(server) => Some(Database::new(server.clone(), options.hosts).await?),
        None => None,
    };
    for place in 0..options.hosts {
        let mut program = options.program.clone();
        if let Some(database) = &database {
            let whole = program.database.as_deref();
            let whole = whole.context("only PostgreSQL can be away")?;
            program.database = Some(database.address(whole, place)?);
        }
        hosts.push(Host::new(&program, &options.data, place)?);
    }
    let api = setup::begin(&mut hosts, &outside).await?;
    progress("load and kills");
    let until = Instant::now() + options.time;
    let mut tasks = tokio::task::JoinSet::new();
    for client in 0..options.clients {
        tasks.spawn(clients::tell(api.clone(), client, options.seed, until));
    }
    let mut rng = StdRng::seed_from_u64(options.seed);
    let killing = killer::run(
        &mut hosts,
        options.signals,
        database.as_ref(),
        until,
        &mut rng,
    );
    let record = killing.await?;
    progress("waiting for the clients' last stories");
    let told = tasks.join_all().await.concat();
    outside.settle().await;
    progress("reading what happened");
    let evidence = evidence::gather(&api, told, &outside, &record).await?;
    outside.settle().await;
    let mut verdict = audit::judge(&evidence);
    for trouble in outside.trouble() {
        verdict.refused(trouble);
    }
    for host in &mut hosts {
        if host.has_ended()? {
            verdict.crashed(&host.last_words());
        }
    }
    record
        .crashes
        .iter()
        .for_each(|words| verdict.crashed(words));
    let figures = &mut verdict.figures;
    figures.seconds = options.time.as_secs();
    figures.database.clone_from(&options.database);
    figures.hosts = options.hosts;
    figures.clients = options.clients;
    figures.seed = options.seed;
    figures.kills = record.kills.len();
    figures.kills_during_start = record.during_start;
    figures.stops = record.halts.len();
    let (kills, away): (Vec<Fault>, Vec<Fault>) = record
        .outages
        .iter()
        .map(|outage| outage.fault)
        .partition(|fault| *fault == Fault::Crash);
    figures.database_kills = kills.len();
    figures.database_away = away.len();
    Ok(verdict)
}

/// Milliseconds since 1970.
#[must_use]
pub fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| i64::try_from(now.as_millis()).unwrap_or(i64::MAX))
}
