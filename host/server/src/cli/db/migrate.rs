//! `jackfield db migrate`: what the next start would do to the tables, without a start. For those
//! who want to know that an update's migrations went well before a host works on them.

use super::{Done, Place};
use crate::cli::exit::Failure;
use crate::cli::progress;
use jackfield_engine::{Clock as _, SystemClock};
use jackfield_store::postgres::PostgresReader;
use jackfield_store::sqlite::{Options, SqliteReader};
use jackfield_store::{PostgresStore, SqliteStore, Store as _};
use serde_json::json;
use std::sync::Arc;

/// Brings the tables up to date.
pub(super) async fn migrate(place: &Place) -> Result<Done, Failure> {
    let spinner = progress::spinner("bringing the tables up to date");
    let applied = match place.database.postgres() {
        Some(options) => server(&options).await,
        None => file(place).await,
    };
    spinner.finish_and_clear();
    let applied = applied?;
    Ok(Done {
        answer: json!({ "applied": applied }),
        sentences: vec![format!("up to date: all {applied} migrations are applied")],
    })
}

async fn server(options: &jackfield_store::postgres::Options) -> Result<usize, Failure> {
    PostgresStore::migrate(options).await.map_err(said)?;
    let reader = PostgresReader::open(options).await.map_err(said)?;
    Ok(reader.migrations().await.map_err(said)?.applied)
}

/// A file is one host's alone, so for a moment this is that host.
async fn file(place: &Place) -> Result<usize, Failure> {
    crate::start::private_folder(&place.data).map_err(said)?;
    let path = place.data.join(crate::DATABASE);
    let options = Options::new(&path, "migrate", Arc::new(|| SystemClock.now()));
    let store = SqliteStore::open(options).await.map_err(said)?;
    store.close().await;
    let reader = SqliteReader::open(&path).await.map_err(said)?;
    Ok(reader.migrations().await.map_err(said)?.applied)
}

fn said(error: impl std::fmt::Display) -> Failure {
    Failure::Failed(error.to_string())
}
