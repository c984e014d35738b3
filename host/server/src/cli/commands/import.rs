//! `jackfield import ...`

use crate::cli::Session;
use crate::cli::client::{Body, Client};
use crate::cli::exit::Failure;
use crate::cli::input;
use crate::cli::progress;
use crate::cli::table::{As, Column, list, one, say};
use clap::{Args, Subcommand, ValueEnum};
use reqwest::Method;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// How often it is asked how far it is.
const LOOK: Duration = Duration::from_millis(300);

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Looks at every row of a file and says what is wrong; nothing is changed
    Review {
        /// The CSV file, or - for standard input
        file: String,
        #[command(flatten)]
        plan: Plan,
    },
    /// Imports a file, and shows how far it is
    Start {
        /// The CSV file, or - for standard input
        file: String,
        #[command(flatten)]
        plan: Plan,
        /// Does not wait until it is over
        #[arg(long)]
        no_wait: bool,
    },
    /// Lists the imports
    List {
        /// At most so many
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Shows where an import stands
    Show {
        /// Its id
        id: String,
    },
    /// Ends an import under way; what was carried out stays
    Cancel {
        /// Its id
        id: String,
    },
    /// Prints what became of the rows, as CSV
    Result {
        /// Its id
        id: String,
        /// Only rows of this outcome: added, updated, skipped or failed
        #[arg(long)]
        only: Option<String>,
    },
    /// Deletes an import with its report; contacts stay
    Delete {
        /// Its id
        id: String,
    },
}

/// How a file is read.
#[derive(Debug, Args)]
pub(crate) struct Plan {
    /// What it is for
    #[arg(long, value_enum, default_value_t = Purpose::Upsert)]
    purpose: Purpose,
    /// A column and what it holds: a field, name, id, tags or lists; may be repeated. Without any,
    /// columns that are named like fields are read
    #[arg(long = "column", value_name = "COLUMN=FIELD")]
    columns: Vec<String>,
    /// A tag for every contact; may be repeated
    #[arg(long = "tag")]
    tags: Vec<String>,
    /// A list that every contact is put on; may be repeated
    #[arg(long = "list")]
    lists: Vec<String>,
    /// What stands between cells: , ; | or tab. Left out, it is found
    #[arg(long)]
    delimiter: Option<String>,
    /// What changes starts workflows
    #[arg(long)]
    trigger_workflows: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Purpose {
    /// Contacts that are there are changed, others made
    Upsert,
    /// Contacts that are there are left alone, others made
    Add,
    /// Contacts that are there are changed, others left out
    Update,
    /// Every row makes a contact, whoever is there
    AddAll,
}

impl Plan {
    fn body(&self) -> Result<Value, Failure> {
        let mut columns = Map::new();
        for pair in &self.columns {
            let (column, field) = pair.rsplit_once('=').ok_or_else(|| {
                Failure::Usage(format!("`{pair}` must be a column, `=` and a field"))
            })?;
            columns.insert(column.to_owned(), field.into());
        }
        let columns = (!columns.is_empty()).then_some(columns);
        let purpose = self.purpose.to_possible_value();
        Ok(json!({
            "purpose": purpose.as_ref().map(clap::builder::PossibleValue::get_name),
            "columns": columns,
            "tags": self.tags,
            "lists": self.lists,
            "trigger-workflows": self.trigger_workflows,
        }))
    }
}

const COLUMNS: &[Column] = &[
    ("id", "/id", As::Text),
    ("file", "/name", As::Text),
    ("state", "/state", As::State),
    ("rows", "/rows", As::Text),
    ("done", "/done", As::Text),
    ("added", "/added", As::Text),
    ("updated", "/updated", As::Text),
    ("skipped", "/skipped", As::Text),
    ("failed", "/failed", As::Text),
    ("reason", "/reason", As::Text),
    ("made", "/created-at", As::Time),
];

const ROWS: &[Column] = &[
    ("line", "/line", As::Text),
    ("outcome", "/outcome", As::Text),
    ("code", "/code", As::Text),
    ("message", "/message", As::Text),
];

/// Rows that are shown of what is wrong.
const SHOWN: usize = 20;

pub(crate) async fn run(session: Session, command: Command) -> Result<(), Failure> {
    let Session { client, json } = session;
    match command {
        Command::Review { file, plan } => {
            let id = begin(&client, &file, &plan, "review").await?;
            let answer = over(&client, &id, "reviewing").await?;
            report(&client, json, &answer).await?;
        }
        Command::Start {
            file,
            plan,
            no_wait,
        } => {
            let id = begin(&client, &file, &plan, "start").await?;
            let answer = if no_wait {
                client.get(&["v1", "imports", &id], &[]).await?
            } else {
                over(&client, &id, "importing").await?
            };
            report(&client, json, &answer).await?;
        }
        Command::List { limit } => {
            let items = client.list(&["v1", "imports"], &[], limit).await?;
            list(json, &items, COLUMNS, "There is no import.");
        }
        Command::Show { id } => {
            let answer = client.get(&["v1", "imports", &id], &[]).await?;
            one(json, &answer, COLUMNS);
        }
        Command::Cancel { id } => {
            let path = ["v1", "imports", &id, "cancel"];
            let answer = client.post(&path, json!({})).await?;
            say(
                json,
                &answer,
                &format!("{id} ends after the rows under way"),
            );
        }
        Command::Result { id, only } => {
            let path = ["v1", "imports", &id, "result"];
            let query: Vec<(&str, String)> = only.into_iter().map(|one| ("outcome", one)).collect();
            client
                .download(&path, &query, &mut std::io::stdout())
                .await?;
        }
        Command::Delete { id } => {
            let path = ["v1", "imports", &id];
            let answer = client.call(Method::DELETE, &path, &[], Body::Empty).await?;
            say(json, &answer, &format!("{id} is deleted"));
        }
    }
    Ok(())
}

/// Uploads a file and begins with it; gives the import's id.
async fn begin(client: &Client, file: &str, plan: &Plan, how: &str) -> Result<String, Failure> {
    let body = plan.body()?;
    let bytes = input::bytes(file)?;
    let mut query = Vec::new();
    if file != "-" {
        let name = std::path::Path::new(file).file_name();
        query.extend(name.map(|name| ("name", name.to_string_lossy().into_owned())));
    }
    query.extend(plan.delimiter.clone().map(|one| ("delimiter", one)));
    let bar = progress::spinner(&format!("uploading {file}"));
    let made = client
        .call(
            Method::POST,
            &["v1", "imports"],
            &query,
            Body::Bytes("text/csv", bytes.into()),
        )
        .await;
    bar.finish_and_clear();
    let made = made?;
    let id = made["id"].as_str().unwrap_or_default().to_owned();
    match client.post(&["v1", "imports", &id, how], body).await {
        Ok(_) => Ok(id),
        Err(failure) => {
            // Nobody else knows of it.
            let path = ["v1", "imports", id.as_str()];
            let _ = client.call(Method::DELETE, &path, &[], Body::Empty).await;
            Err(failure)
        }
    }
}

/// Waits until nothing more happens to an import, and shows how far it is.
async fn over(client: &Client, id: &str, what: &str) -> Result<Value, Failure> {
    let bar = progress::rows();
    bar.set_message(what.to_owned());
    loop {
        let answer = client.get(&["v1", "imports", id], &[]).await?;
        bar.set_length(answer["rows"].as_u64().unwrap_or_default());
        bar.set_position(answer["done"].as_u64().unwrap_or_default());
        let state = answer["state"].as_str().unwrap_or_default();
        if !matches!(state, "reviewing" | "running" | "cancelling") {
            bar.finish_and_clear();
            return Ok(answer);
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn report(client: &Client, json: bool, answer: &Value) -> Result<(), Failure> {
    one(json, answer, COLUMNS);
    if json || answer["failed"].as_u64().unwrap_or_default() == 0 {
        return Ok(());
    }
    let id = answer["id"].as_str().unwrap_or_default();
    let query = [("outcome", "failed".to_owned())];
    let path = ["v1", "imports", id, "rows"];
    let rows = client.list(&path, &query, SHOWN).await?;
    println!();
    list(false, &rows, ROWS, "");
    println!("All of them: jackfield import result {id} --only failed");
    Ok(())
}
