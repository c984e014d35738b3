//! `jackfield channel ...`

use crate::cli::Session;
use crate::cli::client::Body;
use crate::cli::exit::Failure;
use crate::cli::input;
use crate::cli::table::{As, Column, list, one, print_json, say};
use clap::Subcommand;
use reqwest::Method;
use serde_json::{Map, Value, json};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Makes a channel out of a connector
    Create {
        /// Its name: lower-case words with hyphens
        name: String,
        /// The connector, such as `twilio-sms@1`
        #[arg(long)]
        connector: String,
        /// Its settings: JSON, `@FILE`, or `-` for standard input
        #[arg(long, value_name = "JSON")]
        settings: Option<String>,
        /// One setting; may be repeated
        #[arg(long = "set", value_name = "NAME=VALUE")]
        set: Vec<String>,
        /// A secret from a file; may be repeated
        #[arg(long = "secret-file", value_name = "NAME=FILE")]
        secrets: Vec<String>,
        /// What becomes of a message of which nobody knows whether it left
        #[arg(long, value_parser = ["fail", "resend"])]
        uncertain: Option<String>,
    },
    /// Lists the channels
    List,
    /// Shows a channel
    Show {
        /// Its name or id
        channel: String,
    },
    /// Changes a channel's settings or secrets
    Update {
        /// Its name or id
        channel: String,
        /// Settings to merge in (null removes one): JSON, `@FILE`, or `-` for standard input
        #[arg(long, value_name = "JSON")]
        settings: Option<String>,
        /// One setting; may be repeated
        #[arg(long = "set", value_name = "NAME=VALUE")]
        set: Vec<String>,
        /// A secret from a file; may be repeated
        #[arg(long = "secret-file", value_name = "NAME=FILE")]
        secrets: Vec<String>,
        /// What becomes of a message of which nobody knows whether it left
        #[arg(long, value_parser = ["fail", "resend"])]
        uncertain: Option<String>,
    },
    /// Asks the provider whether settings and credentials are good
    Test {
        /// Its name or id
        channel: String,
    },
    /// Registers the webhook at the provider
    Connect {
        /// Its name or id
        channel: String,
    },
    /// Stops sending by a channel; messages wait
    Pause {
        /// Its name or id
        channel: String,
        /// Why, for people
        #[arg(long)]
        reason: Option<String>,
    },
    /// Keeps a channel from sending and from hearing; its webhook answers 404
    Disable {
        /// Its name or id
        channel: String,
        /// Why, for people
        #[arg(long)]
        reason: Option<String>,
    },
    /// Lets a channel that was paused or disabled send and hear again
    Resume {
        /// Its name or id
        channel: String,
    },
    /// Deletes a channel and its secrets
    Delete {
        /// Its name or id
        channel: String,
    },
}

const COLUMNS: &[Column] = &[
    ("name", "/name", As::Text),
    ("connector", "/connector", As::Text),
    ("state", "/state", As::State),
    ("why", "/reason", As::Text),
    ("id", "/id", As::Text),
];

const SHEET: &[Column] = &[
    ("name", "/name", As::Text),
    ("id", "/id", As::Text),
    ("connector", "/connector", As::Text),
    ("state", "/state", As::State),
    ("why", "/reason", As::Text),
    ("settings", "/settings", As::Text),
    ("webhook", "/webhook", As::Text),
    ("uncertain", "/uncertain", As::Text),
    ("made", "/created-at", As::Time),
    ("changed", "/updated-at", As::Time),
];

pub(crate) async fn run(session: Session, command: Command) -> Result<(), Failure> {
    let Session { client, json } = &session;
    let json = *json;
    match command {
        Command::Create {
            name,
            connector,
            settings,
            set,
            secrets,
            uncertain,
        } => {
            let mut body = json!({"name": name, "connector": connector});
            fill(&mut body, settings, &set, &secrets, uncertain)?;
            let answer = client.post(&["v1", "channels"], body).await?;
            show(json, &answer);
            Ok(())
        }
        Command::List => {
            let items = client.list(&["v1", "channels"], &[], usize::MAX).await?;
            list(
                json,
                &items,
                COLUMNS,
                "There are no channels. `jackfield channel create` makes one.",
            );
            Ok(())
        }
        Command::Show { channel } => {
            show(json, &client.get(&["v1", "channels", &channel], &[]).await?);
            Ok(())
        }
        Command::Update {
            channel,
            settings,
            set,
            secrets,
            uncertain,
        } => {
            let mut body = json!({});
            fill(&mut body, settings, &set, &secrets, uncertain)?;
            let path = ["v1", "channels", channel.as_str()];
            let answer = client
                .call(Method::PATCH, &path, &[], Body::Json(body))
                .await?;
            show(json, &answer);
            Ok(())
        }
        Command::Test { channel } => told(&session, &channel, "test", "is good").await,
        Command::Connect { channel } => told(&session, &channel, "connect", "is connected").await,
        Command::Pause { channel, reason } => {
            let path = ["v1", "channels", channel.as_str(), "pause"];
            let answer = client.post(&path, json!({"reason": reason})).await?;
            say(
                json,
                &answer,
                &format!("{channel} is paused; its messages wait"),
            );
            Ok(())
        }
        Command::Disable { channel, reason } => {
            let path = ["v1", "channels", channel.as_str(), "disable"];
            let answer = client.post(&path, json!({"reason": reason})).await?;
            let said = format!("{channel} is disabled; its messages wait, and nothing comes in");
            say(json, &answer, &said);
            Ok(())
        }
        Command::Resume { channel } => {
            let answer = client
                .post(&["v1", "channels", &channel, "resume"], json!({}))
                .await?;
            say(json, &answer, &format!("{channel} sends again"));
            Ok(())
        }
        Command::Delete { channel } => {
            let path = ["v1", "channels", channel.as_str()];
            let answer = client.call(Method::DELETE, &path, &[], Body::Empty).await?;
            say(json, &answer, &format!("{channel} is deleted"));
            Ok(())
        }
    }
}

fn show(json: bool, channel: &Value) {
    one(json, channel, SHEET);
    if json {
        return;
    }
    for secret in channel
        .get("secrets")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let set = secret.get("set").and_then(Value::as_bool).unwrap_or(false);
        let name = secret.get("name").and_then(Value::as_str).unwrap_or("?");
        println!(
            "secret     {name} is {}",
            if set { "set" } else { "not set" }
        );
    }
}

async fn told(session: &Session, channel: &str, what: &str, good: &str) -> Result<(), Failure> {
    let answer = session
        .client
        .post(&["v1", "channels", channel, what], json!({}))
        .await?;
    if session.json {
        print_json(&answer);
    }
    if answer.get("ok").and_then(Value::as_bool) == Some(false) {
        let word = |name: &str| answer.get(name).and_then(Value::as_str).unwrap_or("?");
        return Err(Failure::Invalid(format!(
            "{channel}: {}: {}",
            word("code"),
            word("message")
        )));
    }
    if session.json {
        return Ok(());
    }
    println!("{channel} {good}");
    for (name, value) in answer
        .get("detail")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        println!(
            "  {name}: {}",
            crate::cli::text::line(&value.to_string(), 200)
        );
    }
    Ok(())
}

/// Puts settings and secrets into a request.
fn fill(
    body: &mut Value,
    settings: Option<String>,
    set: &[String],
    secrets: &[String],
    uncertain: Option<String>,
) -> Result<(), Failure> {
    let mut all = match settings.as_deref().map(input::json).transpose()? {
        None => Map::new(),
        Some(Value::Object(all)) => all,
        Some(_) => {
            return Err(Failure::Usage(
                "the settings must be a JSON object".to_owned(),
            ));
        }
    };
    all.extend(input::pairs(set)?);
    if !all.is_empty() {
        body["settings"] = Value::Object(all);
    }
    let mut values = Map::new();
    for secret in secrets {
        let (name, file) = secret.split_once('=').ok_or_else(|| {
            Failure::Usage(format!(
                "`{secret}` must be a secret's name, `=` and a file"
            ))
        })?;
        let value = input::text(file)?;
        values.insert(name.to_owned(), value.trim_end_matches(['\r', '\n']).into());
    }
    if !values.is_empty() {
        body["secrets"] = Value::Object(values);
    }
    if let Some(uncertain) = uncertain {
        body["uncertain"] = uncertain.into();
    }
    Ok(())
}
