//! `jackfield plugin ...`: what an author does on their own machine (`project.rs`), and the plugins of
//! a host.

use super::{dev, project};
use crate::cli::Session;
use crate::cli::client::{Body, Client, Connection};
use crate::cli::exit::Failure;
use crate::cli::input;
use crate::cli::page::page;
use crate::cli::progress;
use crate::cli::table::{As, Column, list, one, print_json, say};
use crate::cli::text;
use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value, json};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// On this machine, without a host.
    #[command(flatten)]
    Own(project::Command),
    #[command(flatten)]
    OfHost(OfHost),
}

#[derive(Debug, Subcommand)]
pub(crate) enum OfHost {
    /// Installs components; they do nothing until they are granted
    Install {
        /// The files (.wasm)
        #[arg(required = true)]
        files: Vec<String>,
        /// Approves all that they ask for
        #[arg(long)]
        grant: bool,
    },
    /// Builds a project whenever it changes, and has workflows and channels use it at once
    Dev(dev::Dev),
    /// Lists the installed plugins
    List,
    /// Shows an installed plugin: what it asks for and what it may do
    Show {
        /// Its name, `name@major` or digest
        plugin: String,
    },
    /// Prints a plugin's page of documentation (Markdown), made from what it says of itself
    Page {
        /// Its name, `name@major` or digest
        plugin: String,
    },
    /// Approves what a plugin may do
    Grant {
        /// Its name, `name@major` or digest
        plugin: String,
        /// Approves this instead of all that it asks for: JSON with `imports`, `hosts`, `secrets`,
        /// `limits`, or `@FILE`
        #[arg(long, value_name = "JSON")]
        only: Option<String>,
        /// Adds a host to what is approved, such as `https://crm.example.com`; may be repeated
        #[arg(long, value_name = "RULE")]
        host: Vec<String>,
    },
    /// Removes a plugin
    Remove {
        /// Its name, `name@major` or digest
        plugin: String,
        /// Even while runs or channels need it
        #[arg(long)]
        force: bool,
    },
}

const COLUMNS: &[Column] = &[
    ("name", "/name", As::Text),
    ("version", "/version", As::Text),
    ("kind", "/kind", As::Text),
    ("granted", "/approved", As::Whether),
    ("size", "/size", As::Bytes),
    ("digest", "/digest", As::Text),
];

const SHEET: &[Column] = &[
    ("name", "/name", As::Text),
    ("version", "/version", As::Text),
    ("kind", "/kind", As::Text),
    ("title", "/descriptor/title", As::Text),
    ("digest", "/digest", As::Text),
    ("size", "/size", As::Bytes),
    ("installed", "/installed-at", As::Time),
];

const MEDIA: &str = "application/wasm";

pub(crate) async fn run(to: &Connection, command: Command) -> Result<(), Failure> {
    let json = to.json;
    match command {
        Command::Own(command) => project::run(json, command).await,
        Command::OfHost(command) => {
            let client = Client::new(to)?;
            of_host(Session { client, json }, command).await
        }
    }
}

async fn of_host(session: Session, command: OfHost) -> Result<(), Failure> {
    let Session { client, json } = &session;
    let json = *json;
    match command {
        OfHost::Install { files, grant } => install(&session, &files, grant).await,
        OfHost::Dev(given) => dev::dev(&session, given).await,
        OfHost::List => {
            let items = client.list(&["v1", "plugins"], &[], usize::MAX).await?;
            list(
                json,
                &items,
                COLUMNS,
                "No plugins are installed. `jackfield plugin install FILE`.",
            );
            Ok(())
        }
        OfHost::Show { plugin } => {
            let answer = client.get(&["v1", "plugins", &plugin], &[]).await?;
            if json {
                print_json(&answer);
            } else {
                one(false, &answer, SHEET);
                print!("{}", permissions(&answer));
            }
            Ok(())
        }
        OfHost::Page { plugin } => {
            let answer = client.get(&["v1", "plugins", &plugin], &[]).await?;
            let imports: Vec<&str> = answer
                .pointer("/asked/imports")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            let kind = answer["kind"].as_str().unwrap_or("step");
            print!("{}", page(&answer["descriptor"], kind, &imports));
            Ok(())
        }
        OfHost::Grant { plugin, only, host } => {
            let mut approval = match only {
                Some(given) => Some(input::json(&given)?),
                None => None,
            };
            if !host.is_empty() {
                let mut base = match approval.take() {
                    Some(base) => base,
                    None => {
                        let shown = client.get(&["v1", "plugins", &plugin], &[]).await?;
                        let asked = shown.get("asked").cloned();
                        let approved = shown.get("approved").filter(|it| !it.is_null()).cloned();
                        approved.or(asked).unwrap_or_else(|| json!({}))
                    }
                };
                let mut hosts: Vec<Value> = base
                    .get("hosts")
                    .and_then(Value::as_array)
                    .cloned()
                    .unwrap_or_default();
                hosts.extend(host.into_iter().map(Value::from));
                base["hosts"] = hosts.into();
                approval = Some(base);
            }
            let body = approval.map_or_else(|| json!({}), |approval| json!({"approve": approval}));
            let answer = client
                .post(&["v1", "plugins", &plugin, "grant"], body)
                .await?;
            if json {
                print_json(&answer);
            } else {
                println!("{plugin} is granted");
                print!("{}", permissions(&answer));
            }
            Ok(())
        }
        OfHost::Remove { plugin, force } => {
            let query: &[(&str, String)] = if force {
                &[("force", "true".to_owned())]
            } else {
                &[]
            };
            let path = ["v1", "plugins", plugin.as_str()];
            let answer = client
                .call(Method::DELETE, &path, query, Body::Empty)
                .await?;
            say(json, &answer, &format!("{plugin} is removed"));
            Ok(())
        }
    }
}

async fn install(session: &Session, files: &[String], grant: bool) -> Result<(), Failure> {
    let mut installed = Vec::new();
    for file in files {
        let mut plugin = upload(session, file, &["v1", "plugins"]).await?;
        let digest = plugin
            .get("digest")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        if grant {
            let path = ["v1", "plugins", digest.as_str(), "grant"];
            plugin = session.client.post(&path, json!({})).await?;
        }
        installed.push(plugin);
    }
    if session.json {
        print_json(&Value::from(installed));
        return Ok(());
    }
    list(false, &installed, COLUMNS, "");
    for plugin in &installed {
        if plugin.get("approved").is_none_or(Value::is_null) {
            let name = plugin
                .get("name")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let asks = permissions(plugin);
            let name_line = text::line(name, 80);
            if asks.is_empty() {
                println!("\n{name_line} asks for nothing of the host.");
            } else {
                println!("\n{name_line} asks for:");
                print!("{asks}");
            }
            println!(
                "`jackfield plugin grant {}` approves it.",
                text::line(name, 80)
            );
        }
    }
    Ok(())
}

pub(crate) async fn upload(session: &Session, file: &str, path: &[&str]) -> Result<Value, Failure> {
    let bytes = input::bytes(file)?;
    let length = bytes.len() as u64;
    let (bar, body) = progress::upload(file, bytes);
    let body = Body::Stream(MEDIA, length, body);
    let answer = session.client.call(Method::POST, path, &[], body).await;
    bar.finish_and_clear();
    answer
}

/// What a plugin asks for beside what it was granted, in plain words.
pub(crate) fn permissions(plugin: &Value) -> String {
    let words = |which: &str, what: &str| -> Vec<String> {
        let found = plugin
            .get(which)
            .and_then(|permissions| permissions.get(what));
        match found {
            Some(Value::Array(list)) => list
                .iter()
                .filter_map(|it| it.as_str().map(str::to_owned))
                .collect(),
            Some(Value::Object(map)) => map
                .iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(name, value)| match value {
                    Value::Number(number) => format!("{name} {number}"),
                    _ => name.clone(),
                })
                .collect(),
            _ => Vec::new(),
        }
    };
    let granted = plugin
        .get("approved")
        .is_some_and(|approved| !approved.is_null());
    let mut out = String::new();
    for (what, title) in [
        ("imports", "may call"),
        ("hosts", "may reach"),
        ("secrets", "may use the secrets"),
        ("limits", "wants the limits"),
    ] {
        let asked = words("asked", what);
        let approved = words("approved", what);
        let mut all = asked.clone();
        all.extend(approved.iter().filter(|one| !asked.contains(one)).cloned());
        if all.is_empty() {
            continue;
        }
        let marked: Vec<String> = all
            .iter()
            .map(|one| {
                let one_line = text::line(one, 120);
                if granted && !approved.contains(one) {
                    format!("{one_line} (not granted)")
                } else {
                    one_line
                }
            })
            .collect();
        out.push_str(&format!("  {title}: {}\n", marked.join(", ")));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_say_in_plain_words_what_is_granted_and_what_not() {
        let plugin = json!({
            "asked": {"imports": ["http", "log"], "hosts": ["https://a.example"], "limits": {"fuel": 5, "memory": null}},
            "approved": {"imports": ["log"], "hosts": ["https://a.example", "https://b.example"], "limits": {"fuel": 5}},
        });
        assert_eq!(
            permissions(&plugin),
            "  may call: http (not granted), log\n  may reach: https://a.example, https://b.example\n  \
             wants the limits: fuel 5\n"
        );
    }
}
