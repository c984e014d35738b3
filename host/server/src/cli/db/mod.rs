//! `jackfield db`: the database of a host on this machine, from outside.
//!
//! These commands read and write files, not the API: they are for whoever looks after the machine,
//! and work whether the host runs or not, where nothing else is said.

mod backup;
mod check;
mod migrate;
mod partial;
mod restore;
mod transfer;

use super::exit::Failure;
use super::table::print_json;
use crate::database::DatabaseOptions;
use crate::options::{DATABASE, DEFAULT_DATA};
use clap::{Args, Subcommand};
use serde_json::Value;
use std::path::PathBuf;

/// What `jackfield db` does.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Makes the tables and brings them up to date, as the next start would
    Migrate {
        #[command(flatten)]
        place: Place,
    },
    /// Looks whether what the database holds fits together, beside a host that runs or not
    Check {
        #[command(flatten)]
        place: Place,
    },
    /// Copies everything into another database, which must be empty; no host may run on either
    Move {
        /// Where it is now: a data folder, a SQLite file or postgres://… [default: the data folder]
        #[arg(long, value_name = "PLACE")]
        from: Option<String>,
        /// Where it goes: a data folder, a SQLite file or postgres://…; in the variable it is seen
        /// by nobody
        #[arg(
            long,
            env = "JACKFIELD_DATABASE",
            hide_env_values = true,
            value_name = "PLACE"
        )]
        to: String,
        /// The data folder
        #[arg(
            long,
            alias = "data-dir",
            env = "JACKFIELD_DATA",
            default_value = DEFAULT_DATA,
            value_name = "DIR"
        )]
        data: PathBuf,
        /// Prints JSON for programs
        #[arg(long)]
        json: bool,
    },
    /// Copies the SQLite database into a file while the host runs, or when it does not
    Backup {
        /// The file to write; it must not be there
        file: PathBuf,
        #[command(flatten)]
        place: Place,
    },
    /// Makes the data of a host from a backup, in a folder that holds none
    Restore {
        /// The backup
        file: PathBuf,
        #[command(flatten)]
        place: Place,
    },
}

/// Which data.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// The host's data folder
    #[arg(
        long,
        alias = "data-dir",
        env = "JACKFIELD_DATA",
        default_value = DEFAULT_DATA,
        value_name = "DIR"
    )]
    data: PathBuf,

    #[command(flatten)]
    database: DatabaseOptions,

    /// Prints JSON for programs
    #[arg(long)]
    json: bool,
}

impl Place {
    /// The database: of the server that is named, or the file of the folder.
    fn place(&self) -> jackfield_store::transfer::Place {
        match &self.database.database {
            Some(url) => jackfield_store::transfer::Place::Postgres(url.reveal().to_owned()),
            None => jackfield_store::transfer::Place::Sqlite(self.data.join(DATABASE)),
        }
    }
}

/// Carries a command out.
pub(super) async fn run(command: Command) -> (bool, Result<(), Failure>) {
    match command {
        Command::Migrate { place } => {
            let done = migrate::migrate(&place).await;
            (place.json, tell(place.json, done))
        }
        Command::Check { place } => {
            let done = check::check(&place).await;
            (place.json, done)
        }
        Command::Move {
            from,
            to,
            data,
            json,
        } => {
            let done = transfer::transfer(from.as_deref(), &to, &data).await;
            (json, tell(json, done))
        }
        Command::Backup { file, place } => {
            let done = match place.database.database {
                None => backup::backup(&place.data, &file).await,
                Some(_) => Err(Failure::Usage(
                    "a PostgreSQL database is backed up by its own tools: pg_dump, pg_basebackup"
                        .to_owned(),
                )),
            };
            (place.json, tell(place.json, done))
        }
        Command::Restore { file, place } => {
            let done = restore::restore(&file, &place.data).await;
            (place.json, tell(place.json, done))
        }
    }
}

/// What was done: for programs, and for people.
struct Done {
    answer: Value,
    sentences: Vec<String>,
}

fn tell(json: bool, done: Result<Done, Failure>) -> Result<(), Failure> {
    let done = done?;
    if json {
        print_json(&done.answer);
    } else {
        for sentence in done.sentences {
            println!("{sentence}");
        }
    }
    Ok(())
}
