//! The short form of `cargo xtask kill`: twenty seconds of load and kills on the embedded database,
//! and as much on PostgreSQL with two hosts, where the database is struck as well. What it checks,
//! and the figures of long runs, are in `docs/reliability.md`.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_kill::hosts::Program;
use jackfield_kill::verdict::Figures;
use jackfield_kill::{Options, Signals};
use jackfield_postgres_peer::Server;
use jackfield_tests::{plugins, program};
use std::sync::Arc;
use std::time::Duration;

/// One at a time: each takes the machine for itself.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Loads and kills; on PostgreSQL where there is a server, which is struck too.
async fn killed(server: Option<Arc<Server>>, hosts: usize) -> Figures {
    let _alone = ALONE.lock().await;
    let data = tempfile::tempdir().unwrap();
    let database = server.as_ref().map(|server| server.database().unwrap());
    let options = Options {
        time: Duration::from_secs(20),
        database: if server.is_some() {
            "postgres"
        } else {
            "sqlite"
        }
        .to_owned(),
        program: Program {
            jackfield: program(),
            plugins: plugins(),
            database,
        },
        hosts,
        clients: 6,
        // Another one each time; a failure prints it with the other figures.
        seed: std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 0),
        signals: Signals::Both,
        database_faults: server,
        data: data.path().to_owned(),
    };
    let verdict = jackfield_kill::run(&options, |_| {}).await.unwrap();
    let (figures, findings) = (verdict.figures, verdict.findings.join("\n"));
    println!("{figures:#?}");
    if !figures.is_good() {
        println!("the hosts' data and logs are in {}", data.keep().display());
    }
    assert!(figures.is_good(), "{figures:#?}\n{findings}");
    assert!(figures.acknowledged > 0, "{figures:#?}");
    figures
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_seconds_of_load_and_kills_lose_and_repeat_nothing() {
    let figures = killed(None, 1).await;
    assert!(figures.kills > 0, "{figures:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_seconds_on_postgres_that_is_struck_as_well_lose_and_repeat_nothing() {
    let server = Arc::new(Server::start(&[]).unwrap());
    let figures = killed(Some(server), 2).await;
    let struck = figures.database_kills + figures.database_away;
    assert!(struck + figures.kills + figures.stops > 0, "{figures:#?}");
}
