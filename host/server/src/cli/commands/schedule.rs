//! `jackfield schedule ...`

use crate::cli::Session;
use crate::cli::exit::Failure;
use crate::cli::table::{As, Column, list};
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists when live workflows start by themselves
    List,
}

const COLUMNS: &[Column] = &[
    ("workflow", "/workflow", As::Text),
    ("cron", "/cron", As::Text),
    ("time zone", "/time-zone", As::Text),
    ("for", "/list", As::Text),
    ("next", "/next-due", As::Time),
    ("last", "/last-due", As::Time),
    ("contacts", "/contacts", As::Text),
];

pub(crate) async fn run(session: Session, command: Command) -> Result<(), Failure> {
    let Session { client, json } = session;
    match command {
        Command::List => {
            let items = client.list(&["v1", "schedules"], &[], usize::MAX).await?;
            let none = "No live workflow has the trigger `schedule`.";
            list(json, &items, COLUMNS, none);
        }
    }
    Ok(())
}
