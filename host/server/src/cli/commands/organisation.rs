//! `jackfield organisation ...`

use super::workflow;
use crate::cli::Session;
use crate::cli::client::{Body, Client};
use crate::cli::exit::Failure;
use crate::cli::table::{As, Column, list, one, say};
use crate::cli::text;
use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value, json};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists the organisations
    List,
    /// Makes an organisation
    Create {
        /// Its id: lower-case words with hyphens
        id: String,
        /// For people [default: the id]
        #[arg(long)]
        title: Option<String>,
    },
    /// Shows an organisation with its workspaces
    Show {
        /// Its id
        id: String,
    },
    /// Gives an organisation another title
    Update {
        /// Its id
        id: String,
        /// For people
        #[arg(long)]
        title: String,
    },
    /// Deletes an organisation that has no workspace any more; its keys end, its workflows go
    Delete {
        /// Its id
        id: String,
    },
    #[command(flatten)]
    Workflow(WorkflowCommand),
}

/// What is done with the workflows of an organisation.
#[derive(Debug, Subcommand)]
pub(crate) enum WorkflowCommand {
    /// Makes a document live in every workspace of an organisation that it is for
    PutWorkflow {
        /// The organisation
        id: String,
        /// The document, YAML or JSON; `-` for standard input
        file: String,
        /// Only for this workspace; may be repeated [default: for all, those that come later too]
        #[arg(long, value_name = "WORKSPACE", conflicts_with = "except")]
        only: Vec<String>,
        /// Not for this workspace; may be repeated
        #[arg(long, value_name = "WORKSPACE")]
        except: Vec<String>,
        /// Of several workflows that match an event, lower starts first
        #[arg(long)]
        priority: Option<i64>,
    },
    /// Lists the workflows of an organisation
    Workflows {
        /// The organisation
        id: String,
    },
    /// Shows a workflow of an organisation, and where it is
    Workflow {
        /// The organisation
        id: String,
        /// The workflow's name
        name: String,
    },
    /// Lets every copy of a workflow start runs again
    ActivateWorkflow {
        /// The organisation
        id: String,
        /// The workflow's name
        name: String,
    },
    /// Stops new runs of every copy of a workflow; running ones go on
    DeactivateWorkflow {
        /// The organisation
        id: String,
        /// The workflow's name
        name: String,
        /// Cancels the running ones at once
        #[arg(long)]
        abort: bool,
    },
    /// Deletes a workflow of an organisation, with its copies
    DeleteWorkflow {
        /// The organisation
        id: String,
        /// The workflow's name
        name: String,
    },
}

const WORKFLOWS: &[Column] = &[
    ("name", "/name", As::Text),
    ("state", "/state", As::State),
    ("only", "/only", As::Words),
    ("except", "/except", As::Words),
    ("priority", "/priority", As::Text),
    ("changed", "/updated-at", As::Time),
];

const PLACES: &[Column] = &[
    ("workspace", "/workspace", As::Text),
    ("state", "/state", As::State),
    ("version", "/version", As::Text),
];

const COLUMNS: &[Column] = &[
    ("id", "/id", As::Text),
    ("title", "/title", As::Text),
    ("workspaces", "/workspaces", As::Words),
    ("made", "/created-at", As::Time),
];

pub(crate) async fn run(session: Session, command: Command) -> Result<(), Failure> {
    let Session { client, json } = session;
    const ROOT: [&str; 2] = ["v1", "organisations"];
    match command {
        Command::List => {
            let items = client.list(&ROOT, &[], usize::MAX).await?;
            list(json, &items, COLUMNS, "There are no organisations.");
        }
        Command::Create { id, title } => {
            let answer = client
                .post(&ROOT, json!({"id": id, "title": title}))
                .await?;
            say(json, &answer, &format!("{id} is there"));
        }
        Command::Show { id } => {
            let answer = client.get(&["v1", "organisations", &id], &[]).await?;
            one(json, &answer, COLUMNS);
        }
        Command::Update { id, title } => {
            let body = Body::Json(json!({"title": title}));
            let path = ["v1", "organisations", id.as_str()];
            let answer = client.call(Method::PATCH, &path, &[], body).await?;
            say(json, &answer, &format!("{id} is changed"));
        }
        Command::Delete { id } => {
            let path = ["v1", "organisations", id.as_str()];
            let answer = client.call(Method::DELETE, &path, &[], Body::Empty).await?;
            say(json, &answer, &format!("{id} is deleted"));
        }
        Command::Workflow(command) => workflows(&client, json, command).await?,
    }
    Ok(())
}

async fn workflows(client: &Client, json: bool, command: WorkflowCommand) -> Result<(), Failure> {
    match command {
        WorkflowCommand::PutWorkflow {
            id,
            file,
            only,
            except,
            priority,
        } => {
            let (name, body) = workflow::document(json, &file)?;
            let mut query = Vec::new();
            for (key, names) in [("only", only), ("except", except)] {
                if !names.is_empty() {
                    query.push((key, names.join(",")));
                }
            }
            query.extend(priority.map(|priority| ("priority", priority.to_string())));
            let path = at(&id, &name);
            let answer = client.call(Method::PUT, &path, &query, body).await;
            let answer = answer.map_err(|failure| workflow::at(&file, failure))?;
            workflow::warn(&answer);
            let places = answer
                .pointer("/workflow/workspaces")
                .and_then(Value::as_array);
            let live = places.into_iter().flatten();
            let live =
                live.filter(|one| one.get("state").is_some_and(|state| state == "published"));
            let said = format!("{name} is live in {} workspace(s) of {id}", live.count());
            say(json, &answer, &said);
        }
        WorkflowCommand::Workflows { id } => {
            let path = ["v1", "organisations", &id, "workflows"];
            let items = client.list(&path, &[], usize::MAX).await?;
            list(json, &items, WORKFLOWS, "It has no workflows.");
        }
        WorkflowCommand::Workflow { id, name } => {
            let path = at(&id, &name);
            let answer = client.get(&path, &[]).await?;
            one(json, &answer, WORKFLOWS);
            if !json {
                let places = answer.get("workspaces").and_then(Value::as_array);
                println!();
                let places = places.cloned().unwrap_or_default();
                list(
                    json,
                    &places,
                    PLACES,
                    "It is for no workspace that there is.",
                );
                let source = answer.get("source").and_then(Value::as_str);
                println!("\n{}", text::safe(source.unwrap_or_default()).trim_end());
            }
        }
        WorkflowCommand::ActivateWorkflow { id, name } => {
            let path = ["v1", "organisations", &id, "workflows", &name, "activate"];
            let answer = client.post(&path, json!({})).await?;
            say(json, &answer, &format!("{name} is live"));
        }
        WorkflowCommand::DeactivateWorkflow { id, name, abort } => {
            let path = ["v1", "organisations", &id, "workflows", &name, "deactivate"];
            let answer = client.post(&path, json!({"abort": abort})).await?;
            say(json, &answer, &workflow::stopped(&name, abort, &answer));
        }
        WorkflowCommand::DeleteWorkflow { id, name } => {
            let path = at(&id, &name);
            let answer = client.call(Method::DELETE, &path, &[], Body::Empty).await?;
            say(json, &answer, &format!("{name} is deleted"));
        }
    }
    Ok(())
}

/// The path of a workflow.
fn at<'a>(id: &'a str, name: &'a str) -> [&'a str; 5] {
    ["v1", "organisations", id, "workflows", name]
}
