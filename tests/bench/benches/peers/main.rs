//! The five-step workflow on Jackfield, on the bare ceiling and on other engines, side by side.
//!
//! The workflow is the one of the benchmark `workflow`: an event → branch on its tier → greeting →
//! text → POST to a sink on loopback → record the outcome → answer. All engines get the same event
//! from the same 64 clients, tell the same sink, and are measured in turns in one run; each runs
//! alone, is started anew for each of its rounds, and is warmed up before it is measured. The
//! workflow of each in its own words, with its settings, is in `tests/bench/peers`.
//!
//! It needs the npm packages of the engines, so it runs with `cargo xtask bench --peers` alone.

mod database;
mod engine;
mod npm;
mod report;

use anyhow::{Context, Result};
use database::Postmaster;
use engine::{Engine, Program};
use jackfield_bench::host::Jackfield;
use jackfield_bench::load::{CLIENTS, Load, Measured};
use jackfield_bench::options::Options;
use jackfield_bench::{table, workflow};
use jackfield_postgres_peer::Server;
use report::Report;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long an engine is left alone before its memory at rest is read.
const REST: Duration = Duration::from_secs(1);
/// Between two looks at the memory under load.
const LOOK: Duration = Duration::from_millis(500);

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::given();
    let folder = tempfile::tempdir()?;
    let sink = workflow::sink().await?;
    let postgres = Server::start(&[])?;
    let postmaster = Postmaster::of(&postgres)?;
    let mut engines = engines(folder.path(), &sink, &postgres).await?;
    let mut reports: Vec<Report> = engines
        .iter()
        .map(|engine| Report {
            name: engine.name.clone(),
            keeps: engine.keeps,
            ..Report::default()
        })
        .collect();
    for round in 1..=options.rounds() {
        for (engine, report) in engines.iter_mut().zip(&mut reports) {
            eprintln!("round {round} of {}: {}", options.rounds(), engine.name);
            let postgres = engine.on_postgres.then_some(&postmaster);
            one_round(engine, postgres, options.round(), report)
                .await
                .with_context(|| format!("{} failed", engine.name))?;
        }
    }
    if options.json {
        println!("{}", table::list(&report::figures(&reports)));
    } else {
        println!("{}", report::table(&reports));
    }
    Ok(())
}

/// All engines, prepared; the ceiling first, then Jackfield.
async fn engines(folder: &Path, sink: &str, postgres: &Server) -> Result<Vec<Engine>> {
    let place = npm::Place::new(folder, sink)?;
    let bare = Engine {
        name: "bare ceiling".into(),
        keeps: "each step: SQLite, fsync",
        on_postgres: false,
        program: Program::Bare {
            sink: sink.to_owned(),
            database: folder.join("bare.db"),
            cache: folder.join("bare.cwasm"),
        },
    };
    let on_postgres = Jackfield::postgres(folder.join("on-postgres"), &postgres.database()?);
    Ok(vec![
        bare.prepared().await?,
        jackfield("Jackfield", Jackfield::sqlite(folder.join("data")), sink).await?,
        Engine {
            keeps: "each step: PostgreSQL, fsync",
            on_postgres: true,
            ..jackfield("Jackfield on PostgreSQL", on_postgres, sink).await?
        },
        npm::restate(&place).await?,
        npm::dbos(&place, &postgres.database()?).await?,
        npm::node_red(&place).await?,
    ])
}

async fn jackfield(name: &str, jackfield: Jackfield, sink: &str) -> Result<Engine> {
    let host = jackfield.start().await?;
    workflow::publish(&host, sink).await?;
    host.stop()?;
    let engine = Engine {
        name: name.into(),
        keeps: "each step: SQLite, fsync",
        on_postgres: false,
        program: Program::Jackfield(jackfield),
    };
    engine.prepared().await
}

/// Starts the engine, measures it and stops it.
async fn one_round(
    engine: &mut Engine,
    postgres: Option<&Postmaster>,
    time: Duration,
    report: &mut Report,
) -> Result<()> {
    let running = engine.start().await?;
    report.starts.push(running.took.as_secs_f64());
    tokio::time::sleep(REST).await;
    report.at_rest.push(running.memory()?);

    let worked = || anyhow::Ok(running.worked()? + postgres.map_or(0.0, Postmaster::worked));
    let load = Load::start(std::slice::from_ref(&running.target), CLIENTS)?;
    // Just-in-time compilers have seen all of the workflow by then.
    tokio::time::sleep(time).await;
    let (began, worked_before) = (Instant::now(), worked()?);
    let mut memory = 0_f64;
    while began.elapsed() < time {
        tokio::time::sleep(LOOK.min(time)).await;
        memory = memory.max(running.memory()?);
    }
    let (ended, worked_after) = (Instant::now(), worked()?);
    report.at_load.push(memory);
    report.database.extend(postgres.map(Postmaster::memory));
    let samples = load.stop().await?;
    let measured = Measured::within(&samples, began, ended);
    let workflows = measured.rate * (ended - began).as_secs_f64();
    report
        .work
        .push((worked_after - worked_before) / workflows * 1e3);
    report.load.push(measured);
    running.stop()
}
