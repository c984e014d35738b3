//! `jackfield workflow ...`

use crate::cli::client::{Body, Client, Connection, items};
use crate::cli::exit::{Failure, item_line};
use crate::cli::input;
use crate::cli::page;
use crate::cli::table::{As, Column, list, one, print_json, say};
use crate::cli::templates;
use crate::http::problem::ErrorItem;
use crate::http::views::item;
use bytes::Bytes;
use clap::Subcommand;
use clap::builder::PossibleValuesParser;
use jackfield_engine::document::Document;
use jackfield_engine::document::events::{EVENTS, find};
use reqwest::Method;
use serde_json::{Value, json};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Prints a document to begin with; places marked FILL-IN want something of yours
    New {
        /// Which; `jackfield workflow templates` says what each is for
        #[arg(long, value_parser = PossibleValuesParser::new(templates::names()))]
        template: String,
        /// The workflow's name, instead of the template's
        #[arg(long)]
        name: Option<String>,
    },
    /// Lists the documents that `new` can begin with
    Templates,
    /// Lists the events that start workflows, or prints the page of one (Markdown)
    Triggers {
        /// The event, such as `message.received`
        event: Option<String>,
        /// A workflow that it starts, shown on its page
        #[arg(long, value_name = "FILE", requires = "event")]
        example: Option<String>,
    },
    /// Keeps a document as the draft of the workflow that it names
    Put {
        /// The document, YAML or JSON; `-` for standard input
        file: String,
        /// Publishes it too
        #[arg(long)]
        publish: bool,
        /// Of several workflows that match an event, lower starts first
        #[arg(long)]
        priority: Option<i64>,
    },
    /// Says what is wrong with a document; without a host, as far as that goes
    Validate {
        /// The document, YAML or JSON; `-` for standard input
        file: String,
        /// Does not ask the host for what only it can know
        #[arg(long)]
        offline: bool,
    },
    /// Lists the workflows
    List,
    /// Shows a workflow and its document
    Show {
        /// Its name
        name: String,
        /// Shows the document of this published version instead of the draft
        #[arg(long)]
        version: Option<i64>,
    },
    /// Publishes the draft as the next version and makes it live
    Publish {
        /// Its name
        name: String,
    },
    /// Lets a published workflow start runs again
    Activate {
        /// Its name
        name: String,
    },
    /// Stops new runs; running ones go on
    Deactivate {
        /// Its name
        name: String,
        /// Cancels the running ones at once
        #[arg(long)]
        abort: bool,
    },
    /// Lists the published versions
    Versions {
        /// Its name
        name: String,
    },
    /// Shows the address of a workflow with the trigger `webhook`
    Webhook {
        /// Its name
        name: String,
        /// Gives it another address; the one before ends at once
        #[arg(long)]
        rotate: bool,
    },
    /// Deletes a workflow that has no unfinished runs
    Delete {
        /// Its name
        name: String,
    },
}

const COLUMNS: &[Column] = &[
    ("name", "/name", As::Text),
    ("state", "/state", As::State),
    ("version", "/version", As::Text),
    ("priority", "/priority", As::Text),
    ("changed", "/updated-at", As::Time),
];

const TRIGGERS: &[Column] = &[
    ("event", "/event", As::Text),
    ("happens when", "/title", As::Text),
];

const TEMPLATES: &[Column] = &[
    ("template", "/name", As::Text),
    ("what it does", "/title", As::Text),
];

const WEBHOOK: &[Column] = &[
    ("workflow", "/workflow", As::Text),
    ("url", "/url", As::Text),
    ("live", "/live", As::Whether),
    ("since", "/created-at", As::Time),
];

const VERSIONS: &[Column] = &[
    ("version", "/version", As::Text),
    ("published", "/published-at", As::Time),
    ("plugins", "/pins", As::Words),
];

pub(crate) async fn run(to: &Connection, command: Command) -> Result<(), Failure> {
    match command {
        Command::New { template, name } => {
            print!("{}", templates::document(&template, name.as_deref())?);
            Ok(())
        }
        Command::Templates => {
            let items = templates::list();
            let items: Vec<Value> = items
                .map(|(name, title)| json!({"name": name, "title": title}))
                .collect();
            list(to.json, &items, TEMPLATES, "There are no templates.");
            Ok(())
        }
        Command::Triggers { event, example } => triggers(to.json, event, example),
        Command::Validate { file, offline } => validate(to, &file, offline).await,
        command => at_host(to, command).await,
    }
}

/// The commands that need a host.
async fn at_host(to: &Connection, command: Command) -> Result<(), Failure> {
    let client = Client::new(to)?;
    let json = to.json;
    match command {
        Command::New { .. }
        | Command::Templates
        | Command::Triggers { .. }
        | Command::Validate { .. } => Ok(()),
        Command::Put {
            file,
            publish,
            priority,
        } => put(&client, json, &file, publish, priority).await,
        Command::List => {
            let items = client.list(&["v1", "workflows"], &[], usize::MAX).await?;
            list(
                json,
                &items,
                COLUMNS,
                "There are no workflows. `jackfield workflow put FILE` makes one.",
            );
            Ok(())
        }
        Command::Show { name, version } => show(&client, json, &name, version).await,
        Command::Publish { name } => published(&client, json, &name).await,
        Command::Activate { name } => {
            let answer = client
                .post(&["v1", "workflows", &name, "activate"], json!({}))
                .await?;
            say(json, &answer, &format!("{name} is live"));
            Ok(())
        }
        Command::Deactivate { name, abort } => {
            let path = ["v1", "workflows", &name, "deactivate"];
            let answer = client.post(&path, json!({"abort": abort})).await?;
            say(json, &answer, &stopped(&name, abort, &answer));
            Ok(())
        }
        Command::Versions { name } => {
            let items = client
                .list(&["v1", "workflows", &name, "versions"], &[], usize::MAX)
                .await?;
            list(json, &items, VERSIONS, "It was never published.");
            Ok(())
        }
        Command::Webhook { name, rotate } => {
            let path = ["v1", "workflows", &name, "webhook"];
            let answer = if rotate {
                let path = ["v1", "workflows", &name, "webhook", "rotate"];
                client.post(&path, json!({})).await?
            } else {
                client.get(&path, &[]).await?
            };
            one(json, &answer, WEBHOOK);
            Ok(())
        }
        Command::Delete { name } => {
            let path = ["v1", "workflows", &name];
            let answer = client.call(Method::DELETE, &path, &[], Body::Empty).await?;
            say(json, &answer, &format!("{name} is deleted"));
            Ok(())
        }
    }
}

fn triggers(json: bool, event: Option<String>, example: Option<String>) -> Result<(), Failure> {
    let Some(event) = event else {
        let items: Vec<Value> = EVENTS
            .iter()
            .map(|event| json!({"event": event.name, "title": event.title}))
            .collect();
        list(json, &items, TRIGGERS, "There are no events.");
        return Ok(());
    };
    let found = find(&event).ok_or_else(|| {
        let said = "`jackfield workflow triggers` lists those of the host; any other name is an \
                    event of your own";
        Failure::Usage(format!("`{event}` is no event of the host: {said}"))
    })?;
    let example = example.as_deref().map(input::text).transpose()?;
    print!("{}", page::trigger(found, example.as_deref()));
    Ok(())
}

async fn put(
    client: &Client,
    json: bool,
    file: &str,
    publish: bool,
    priority: Option<i64>,
) -> Result<(), Failure> {
    let (name, body) = document(json, file)?;
    let query: Vec<(&str, String)> = priority
        .into_iter()
        .map(|priority| ("priority", priority.to_string()))
        .collect();
    let path = ["v1", "workflows", name.as_str()];
    let answer = client
        .call(Method::PUT, &path, &query, body)
        .await
        .map_err(|failure| at(file, failure))?;
    if publish {
        return published(client, json, &name)
            .await
            .map_err(|failure| at(file, failure));
    }
    let said = format!("draft of {name} kept; `jackfield workflow publish {name}` makes it live");
    say(json, &answer, &said);
    Ok(())
}

/// The name of the workflow in a file, and the body that sends it.
pub(super) fn document(json: bool, file: &str) -> Result<(String, Body), Failure> {
    let source = input::text(file)?;
    let document = Document::parse(&source)
        .map_err(|problems| invalid(json, file, problems.iter().map(item).collect()))?;
    Ok((
        document.name,
        Body::Bytes(media(&source), Bytes::from(source)),
    ))
}

/// What is said of a workflow that was stopped.
pub(super) fn stopped(name: &str, abort: bool, answer: &Value) -> String {
    let aborted = answer.get("aborted").and_then(Value::as_u64).unwrap_or(0);
    if abort {
        format!("{name} starts no new runs; {aborted} run(s) cancelled")
    } else {
        format!("{name} starts no new runs")
    }
}

/// Prints the warnings of an answer.
pub(super) fn warn(answer: &Value) {
    let warnings = answer.get("warnings").and_then(Value::as_array);
    for warning in warnings.into_iter().flatten() {
        if let Ok(warning) = serde_json::from_value::<ErrorItem>(warning.clone()) {
            eprintln!("{}", item_line(&warning, None));
        }
    }
}

async fn published(client: &Client, json: bool, name: &str) -> Result<(), Failure> {
    let answer = client
        .post(&["v1", "workflows", name, "publish"], json!({}))
        .await?;
    warn(&answer);
    let version = answer
        .get("version")
        .and_then(Value::as_i64)
        .unwrap_or_default();
    say(json, &answer, &format!("{name} version {version} is live"));
    Ok(())
}

async fn show(
    client: &Client,
    json: bool,
    name: &str,
    version: Option<i64>,
) -> Result<(), Failure> {
    let (answer, columns) = match version {
        None => (client.get(&["v1", "workflows", name], &[]).await?, COLUMNS),
        Some(version) => {
            let version = version.to_string();
            let path = ["v1", "workflows", name, "versions", version.as_str()];
            (client.get(&path, &[]).await?, VERSIONS)
        }
    };
    one(json, &answer, columns);
    if !json && let Some(source) = answer.get("source").and_then(Value::as_str) {
        println!("\n{}", crate::cli::text::safe(source).trim_end());
    }
    Ok(())
}

/// Looks at the document itself, and then asks the host, if there is one.
async fn validate(to: &Connection, file: &str, offline: bool) -> Result<(), Failure> {
    let source = input::text(file)?;
    let document = match Document::parse(&source) {
        Ok(document) => document,
        Err(problems) => {
            return Err(invalid(to.json, file, problems.iter().map(item).collect()));
        }
    };
    let found = if offline {
        None
    } else {
        match Client::new(to) {
            Ok(client) => {
                let body = Body::Bytes(media(&source), Bytes::from(source));
                match client
                    .call(Method::POST, &["v1", "validate", "workflow"], &[], body)
                    .await
                {
                    Ok(answer) => Some(items(&answer)),
                    Err(Failure::Unreachable(_)) => None,
                    Err(failure) => return Err(at(file, failure)),
                }
            }
            Err(_) => None,
        }
    };
    let asked = found.is_some();
    let found = found.unwrap_or_default();
    if found.iter().any(is_error) {
        return Err(invalid(to.json, file, found));
    }
    if to.json {
        print_json(&json!({"valid": true, "asked-host": asked, "problems": found}));
        return Ok(());
    }
    for warning in &found {
        println!("{}", item_line(warning, Some(file)));
    }
    println!("{file}: workflow {} is valid", document.name);
    if !asked {
        println!("No host was asked: plugins, channels, templates and fields were not looked at.");
    }
    Ok(())
}

fn is_error(item: &ErrorItem) -> bool {
    item.severity.as_deref() != Some("warning")
}

/// Prints what is wrong and gives the failure.
fn invalid(json: bool, file: &str, found: Vec<ErrorItem>) -> Failure {
    let errors = found.iter().filter(|item| is_error(item)).count();
    if json {
        print_json(&json!({"valid": false, "problems": found}));
    } else {
        for problem in &found {
            println!("{}", item_line(problem, Some(file)));
        }
    }
    Failure::Invalid(format!("{file} has {errors} error(s)"))
}

/// The host's problem with the file's name before each item.
pub(super) fn at(file: &str, failure: Failure) -> Failure {
    match failure {
        Failure::Problem(problem) if problem.errors.iter().any(|item| item.line.is_some()) => {
            invalid(false, file, problem.errors)
        }
        other => other,
    }
}

/// The media type of a document: JSON begins with a brace.
fn media(source: &str) -> &'static str {
    if source.trim_start().starts_with('{') {
        "application/json"
    } else {
        "application/yaml"
    }
}
