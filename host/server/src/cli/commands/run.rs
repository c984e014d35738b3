//! `jackfield run ...`

use crate::cli::Session;
use crate::cli::client::Body;
use crate::cli::exit::Failure;
use crate::cli::input;
use crate::cli::sse::Reader;
use crate::cli::table::{As, Column, list, print_json, say};
use crate::cli::text::Paint;
use crate::cli::timeline::{self, Sheet};
use clap::Subcommand;
use jiff::tz::TimeZone;
use reqwest::Method;
use serde_json::{Value, json};
use std::io::Write as _;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Starts a run of a published workflow
    Start {
        /// The workflow's name
        workflow: String,
        /// The contact: its id, `phone:+33...` or `email:...`
        #[arg(long, value_name = "WHO")]
        contact: Option<String>,
        /// The data of the event that starts it: JSON, `@FILE`, or `-` for standard input
        #[arg(long, value_name = "JSON")]
        data: Option<String>,
        /// Waits so long for the run's end, such as `30s` (at most 60 s)
        #[arg(long, value_name = "TIME")]
        wait: Option<String>,
    },
    /// Lists runs, newest first
    List {
        /// Only of this workflow
        #[arg(long)]
        workflow: Option<String>,
        /// Only in this state
        #[arg(long)]
        state: Option<String>,
        /// Only of this contact
        #[arg(long, value_name = "WHO")]
        contact: Option<String>,
        /// At most so many
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Shows what happened in a run, step by step
    Show {
        /// Its id
        id: String,
    },
    /// Shows what happens in a run, as it happens
    Watch {
        /// Its id
        id: String,
    },
    /// Cancels a run
    Cancel {
        /// Its id
        id: String,
        /// Why, for the timeline
        #[arg(long)]
        reason: Option<String>,
    },
    /// Lets a failed run go on from its failed step
    Retry {
        /// Its id
        id: String,
    },
    /// Sends an event to a run
    Signal {
        /// Its id
        id: String,
        /// The event's name
        name: String,
        /// The event's data: JSON, `@FILE`, or `-` for standard input
        #[arg(long, value_name = "JSON")]
        data: Option<String>,
    },
}

const COLUMNS: &[Column] = &[
    ("run", "/id", As::Text),
    ("workflow", "/workflow", As::Text),
    ("version", "/version", As::Text),
    ("state", "/state", As::State),
    ("step", "/step", As::Text),
    ("why", "/reason", As::Text),
    ("started", "/created-at", As::Time),
    ("moved", "/updated-at", As::Time),
];

/// How many entries and messages of a run are shown.
const MOST: usize = 10_000;

pub(crate) async fn run(session: Session, command: Command) -> Result<(), Failure> {
    let Session { client, json } = &session;
    let json = *json;
    match command {
        Command::Start {
            workflow,
            contact,
            data,
            wait,
        } => {
            let data = data
                .as_deref()
                .map(input::json)
                .transpose()?
                .unwrap_or_else(|| json!({}));
            let mut body = json!({"data": data});
            if let Some(contact) = contact {
                body["contact"] = contact.into();
            }
            let waited = wait.is_some();
            let query: Vec<(&str, String)> = wait.into_iter().map(|wait| ("wait", wait)).collect();
            let path = ["v1", "workflows", workflow.as_str(), "runs"];
            let run = client
                .call(Method::POST, &path, &query, Body::Json(body))
                .await?;
            let id = run.get("id").and_then(Value::as_str).unwrap_or_default();
            let state = run.get("state").and_then(Value::as_str).unwrap_or_default();
            say(
                json,
                &run,
                &format!("{id}  {}", Paint::for_stdout().state(state)),
            );
            match state {
                "failed" | "cancelled" | "needs-attention" if waited => Err(Failure::Failed(
                    format!("the run is {state}; `jackfield run show {id}` says why"),
                )),
                _ => Ok(()),
            }
        }
        Command::List {
            workflow,
            state,
            contact,
            limit,
        } => {
            let query: Vec<(&str, String)> = [
                ("workflow", workflow),
                ("state", state),
                ("contact", contact),
            ]
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect();
            let items = client.list(&["v1", "runs"], &query, limit).await?;
            list(json, &items, COLUMNS, "There are no such runs.");
            Ok(())
        }
        Command::Show { id } => show(&session, &id).await,
        Command::Watch { id } => watch(&session, &id).await,
        Command::Cancel { id, reason } => {
            let path = ["v1", "runs", id.as_str(), "cancel"];
            let answer = client.post(&path, json!({"reason": reason})).await?;
            say(json, &answer, &format!("{id} is cancelled"));
            Ok(())
        }
        Command::Retry { id } => {
            let answer = client
                .post(&["v1", "runs", &id, "retry"], json!({}))
                .await?;
            say(json, &answer, &format!("{id} goes on"));
            Ok(())
        }
        Command::Signal { id, name, data } => {
            let data = data
                .as_deref()
                .map(input::json)
                .transpose()?
                .unwrap_or_else(|| json!({}));
            let body = json!({"name": name, "data": data});
            let answer = client.post(&["v1", "runs", &id, "events"], body).await?;
            say(json, &answer, "accepted");
            Ok(())
        }
    }
}

async fn show(session: &Session, id: &str) -> Result<(), Failure> {
    let client = &session.client;
    let run = client.get(&["v1", "runs", id], &[]).await?;
    let entries = client
        .list(&["v1", "runs", id, "timeline"], &[], MOST)
        .await?;
    // A key without the scope for messages still sees the timeline.
    let messages = match client
        .list(&["v1", "messages"], &[("run", id.to_owned())], MOST)
        .await
    {
        Ok(messages) => messages,
        Err(Failure::Problem(problem)) if problem.status == 403 => Vec::new(),
        Err(failure) => return Err(failure),
    };
    if session.json {
        print_json(&json!({"run": run, "timeline": entries, "messages": messages}));
        return Ok(());
    }
    let sheet = Sheet {
        run: &run,
        entries: &entries,
        messages: &messages,
        now: jiff::Timestamp::now().as_millisecond(),
    };
    print!(
        "{}",
        timeline::render(&sheet, &TimeZone::system(), Paint::for_stdout())
    );
    Ok(())
}

async fn watch(session: &Session, id: &str) -> Result<(), Failure> {
    let path = ["v1", "runs", id, "timeline"];
    let headers = [("accept", "text/event-stream")];
    let mut response = session
        .client
        .send(Method::GET, &path, &[], Body::Empty, &headers)
        .await?;
    if !response.status().is_success() {
        return session.client.read(response).await.map(|_| ());
    }
    let (zone, paint) = (TimeZone::system(), Paint::for_stdout());
    let mut reader = Reader::default();
    let mut out = std::io::stdout();
    loop {
        let piece = response.chunk().await.map_err(|error| {
            Failure::Unreachable(format!("the host broke the connection off: {error}"))
        })?;
        let Some(piece) = piece else { return Ok(()) };
        for event in reader.take(&piece) {
            if event.name == "end" {
                return Ok(());
            }
            let Ok(entry) = serde_json::from_str::<Value>(&event.data) else {
                continue;
            };
            let shown = if session.json {
                format!("{entry}\n")
            } else {
                timeline::watched(&entry, &zone, paint)
            };
            // A closed pipe ends the watching.
            if out
                .write_all(shown.as_bytes())
                .and_then(|()| out.flush())
                .is_err()
            {
                return Ok(());
            }
        }
    }
}
