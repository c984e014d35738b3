//! The bare durable host: the ceiling of the five-step workflow.
//!
//! It does what a run of that workflow needs, and nothing else: a naive HTTP server, five fresh
//! activations of the same component, one POST, five rows of journal with group commit, acknowledged
//! before the POST and at the end. It has no API, no retries, no timers, no keys: it is the limit,
//! not a product. It is a process of its own, so that its memory and its start can be measured, and
//! so that it shares the machine with the loader just as Jackfield does.

mod journal;

use anyhow::Result;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use clap::Parser;
use jackfield_bench::bare::Bare;
use jackfield_bench::workflow::SETTINGS;
use journal::Journal;
use std::path::PathBuf;
use std::sync::Arc;

/// The bare durable host of the benchmarks.
#[derive(Parser)]
struct Options {
    /// Where it listens
    #[arg(long)]
    listen: String,
    /// Where each run posts
    #[arg(long)]
    sink: String,
    /// A file of SQLite, or the address of a PostgreSQL database
    #[arg(long)]
    database: String,
    /// The component of every step
    #[arg(long)]
    component: PathBuf,
    /// Where the compiled component is kept
    #[arg(long)]
    cache: PathBuf,
}

#[derive(Clone)]
struct Host {
    bare: Arc<Bare>,
    journal: Journal,
    client: reqwest::Client,
    sink: String,
}

impl Host {
    async fn run(&self) -> Result<()> {
        for _ in 0..3 {
            self.bare.start(SETTINGS).await?;
        }
        self.journal.commit(3).await?;
        self.bare.start(SETTINGS).await?;
        self.client
            .post(&self.sink)
            .body("{\"text\":\"Hello\"}")
            .send()
            .await?
            .bytes()
            .await?;
        self.bare.start(SETTINGS).await?;
        self.journal.commit(2).await
    }
}

async fn run(State(host): State<Host>) -> (StatusCode, String) {
    match host.run().await {
        Ok(()) => (StatusCode::OK, "{}".to_owned()),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::parse();
    let component = std::fs::read(&options.component)?;
    let host = Host {
        bare: Arc::new(Bare::cached(&component, &options.cache)?),
        journal: Journal::open(&options.database).await?,
        client: reqwest::Client::builder().no_proxy().build()?,
        sink: options.sink,
    };
    let router = axum::Router::new()
        .route("/", get(|| async { "ready" }).post(run))
        .with_state(host);
    let listener = tokio::net::TcpListener::bind(&options.listen).await?;
    axum::serve(listener, router).await?;
    Ok(())
}
