//! `jackfield plugin ...`: what an author does on their own machine (`project.rs`), and the plugins of
//! a host.

use super::plugin_words::{change, moves, needed, permissions, side_by_side};
use super::{dev, project, publish};
use crate::cli::Session;
use crate::cli::client::{Body, Client, Connection};
use crate::cli::exit::Failure;
use crate::cli::input;
use crate::cli::page::page;
use crate::cli::progress;
use crate::cli::sources::{self, Component, Reach};
use crate::cli::table::{As, Column, list, one, print_json, say};
use crate::cli::text;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value, json};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// On this machine, without a host.
    #[command(flatten)]
    Own(project::Command),
    #[command(flatten)]
    Publish(publish::Command),
    #[command(flatten)]
    OfHost(OfHost),
}

#[derive(Debug, Subcommand)]
pub(crate) enum OfHost {
    /// Installs components; they do nothing until they are granted
    Install {
        /// Where they are: FILE (.wasm), https://…, or oci://HOST/NAME:TAG
        #[arg(required = true, value_name = "SOURCE")]
        sources: Vec<String>,
        /// Approves all that they ask for
        #[arg(long)]
        grant: bool,
        /// The signature of the one component [default: what lies beside it]
        #[arg(long, value_name = "FILE")]
        signature: Option<PathBuf>,
        #[command(flatten)]
        reach: Reach,
    },
    /// Puts newer bytes in a plugin's place; if they ask for more, the old ones go on until that is
    /// granted
    Update {
        /// The plugin's name
        plugin: String,
        /// Where they are [default: where the plugin came from]
        source: Option<String>,
        /// Approves all that they ask for
        #[arg(long)]
        grant: bool,
        /// They may be signed by another publisher than before, or by none
        #[arg(long)]
        new_publisher: bool,
        /// Their signature [default: what lies beside them]
        #[arg(long, value_name = "FILE")]
        signature: Option<PathBuf>,
        #[command(flatten)]
        reach: Reach,
    },
    /// Goes back to the plugin that was in use before
    Rollback {
        /// Its name, or `name@major`
        plugin: String,
    },
    /// Takes back what a plugin may do: it is not called any more
    Revoke {
        /// Its name, `name@major` or digest
        plugin: String,
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
        /// A workflow that uses it, shown on the page of a step
        #[arg(long, value_name = "FILE")]
        example: Option<String>,
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
        /// Even while it is needed: runs that wait on it need attention
        #[arg(long)]
        force: bool,
    },
}

const COLUMNS: &[Column] = &[
    ("name", "/name", As::Text),
    ("version", "/version", As::Text),
    ("kind", "/kind", As::Text),
    ("granted", "/approved", As::Whether),
    ("in use", "/current", As::Whether),
    ("signed by", "/signed-by", As::Text),
    ("size", "/size", As::Bytes),
    ("digest", "/digest", As::Text),
];

const SHEET: &[Column] = &[
    ("name", "/name", As::Text),
    ("version", "/version", As::Text),
    ("kind", "/kind", As::Text),
    ("title", "/descriptor/title", As::Text),
    ("summary", "/descriptor/summary", As::Text),
    ("digest", "/digest", As::Text),
    ("size", "/size", As::Bytes),
    ("installed", "/installed-at", As::Time),
    ("from", "/source", As::Text),
    ("signed by", "/signed-by", As::Text),
    ("in use", "/current", As::Whether),
    ("updates", "/update-of", As::Text),
];

/// What a plugin asks for beside what was approved and what it gets.
const ASKED_AND_GRANTED: &[Column] = &[
    ("", "/what", As::Text),
    ("asked", "/asked", As::Text),
    ("approved", "/approved", As::Text),
    ("granted", "/granted", As::Text),
];

const MEDIA: &str = "application/wasm";

pub(crate) async fn run(to: &Connection, command: Command) -> Result<(), Failure> {
    let json = to.json;
    match command {
        Command::Own(command) => project::run(json, command).await,
        Command::Publish(command) => publish::run(json, command).await,
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
        OfHost::Install {
            sources,
            grant,
            signature,
            reach,
        } => {
            if signature.is_some() && sources.len() > 1 {
                return Err(Failure::Usage(
                    "--signature is for one component; each of several has its own beside it"
                        .to_owned(),
                ));
            }
            let mut installed = Vec::new();
            for source in &sources {
                let component = sources::component(source, &reach, signature.as_deref()).await?;
                installed.push(
                    upload(&session, component, Method::POST, &["v1", "plugins"], &[]).await?,
                );
            }
            show_installed(&session, installed, grant).await
        }
        OfHost::Update {
            plugin,
            source,
            grant,
            new_publisher,
            signature,
            reach,
        } => {
            let source = match source {
                Some(source) => source,
                None => source_of(client, &plugin).await?,
            };
            let component = sources::component(&source, &reach, signature.as_deref()).await?;
            let answer = update(&session, &plugin, component, new_publisher, grant).await?;
            if json {
                print_json(&answer);
            } else {
                print!("{}", change(&answer));
            }
            Ok(())
        }
        OfHost::Rollback { plugin } => {
            let path = ["v1", "plugins", plugin.as_str(), "rollback"];
            let answer = client.post(&path, json!({})).await?;
            if json {
                print_json(&answer);
            } else {
                print!("{}", change(&answer));
            }
            Ok(())
        }
        OfHost::Revoke { plugin } => {
            let path = ["v1", "plugins", plugin.as_str(), "grant"];
            let answer = client.call(Method::DELETE, &path, &[], Body::Empty).await?;
            say(json, &answer, &format!("{plugin} may do nothing any more"));
            if !json {
                print!("{}", needed(&answer));
            }
            Ok(())
        }
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
                println!();
                let rows = side_by_side(&answer);
                list(
                    false,
                    &rows,
                    ASKED_AND_GRANTED,
                    "It asks for nothing of the host.",
                );
            }
            Ok(())
        }
        OfHost::Page { plugin, example } => {
            let example = example.as_deref().map(input::text).transpose()?;
            let answer = client.get(&["v1", "plugins", &plugin], &[]).await?;
            let imports: Vec<&str> = answer
                .pointer("/asked/imports")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            let kind = answer["kind"].as_str().unwrap_or("step");
            print!(
                "{}",
                page(&answer["descriptor"], kind, &imports, example.as_deref())
            );
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
                print!("{}", moves(&answer));
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
            if !json {
                print!("{}", needed(&answer));
                let parked = answer["parked"].as_u64().unwrap_or(0);
                if parked > 0 {
                    println!(
                        "{parked} waiting run(s) need attention: `jackfield run list --state needs-attention`"
                    );
                }
            }
            Ok(())
        }
    }
}

/// Grants what was installed, if that is wanted, and shows it.
async fn show_installed(
    session: &Session,
    mut installed: Vec<Value>,
    grant: bool,
) -> Result<(), Failure> {
    if grant {
        for plugin in &mut installed {
            *plugin = granted(session, plugin).await?;
        }
    }
    if session.json {
        print_json(&Value::from(installed));
        return Ok(());
    }
    list(false, &installed, COLUMNS, "");
    for plugin in &installed {
        if plugin["approved"].is_null() {
            let name = text::line(plugin["name"].as_str().unwrap_or_default(), 80);
            let asks = permissions(plugin);
            if asks.is_empty() {
                println!("\n{name} asks for nothing of the host.");
            } else {
                println!("\n{name} asks for:");
                print!("{asks}");
            }
            println!("`jackfield plugin grant {name}` approves it.");
        }
    }
    Ok(())
}

/// Approves all that a plugin asks for.
pub(crate) async fn granted(session: &Session, plugin: &Value) -> Result<Value, Failure> {
    let digest = plugin["digest"].as_str().unwrap_or_default();
    let path = ["v1", "plugins", digest, "grant"];
    session.client.post(&path, json!({})).await
}

/// Where an installed plugin came from.
async fn source_of(client: &Client, plugin: &str) -> Result<String, Failure> {
    let shown = client.get(&["v1", "plugins", plugin], &[]).await?;
    shown["source"].as_str().map(str::to_owned).ok_or_else(|| {
        Failure::Usage(format!(
            "nobody said where {plugin} came from: name it, `jackfield plugin update {plugin} SOURCE`"
        ))
    })
}

/// Updates a plugin: the host's answer.
pub(crate) async fn update(
    session: &Session,
    plugin: &str,
    component: Component,
    new_publisher: bool,
    grant: bool,
) -> Result<Value, Failure> {
    let query: &[(&str, String)] = if new_publisher {
        &[("new-publisher", "true".to_owned())]
    } else {
        &[]
    };
    let path = ["v1", "plugins", plugin];
    let answer = upload(session, component, Method::PUT, &path, query).await?;
    if grant && answer["approved"].is_null() {
        return granted(session, &answer).await;
    }
    Ok(answer)
}

/// Sends a component to the host.
pub(crate) async fn upload(
    session: &Session,
    component: Component,
    method: Method,
    path: &[&str],
    query: &[(&str, String)],
) -> Result<Value, Failure> {
    let Component {
        shown,
        bytes,
        source,
        signature,
    } = component;
    let mut query = query.to_vec();
    query.extend(source.map(|source| ("source", source)));
    let signature = signature.map(|text| STANDARD.encode(text));
    let headers: Vec<(&str, &str)> = signature
        .iter()
        .map(|text| ("jackfield-signature", text.as_str()))
        .collect();
    let length = bytes.len() as u64;
    let (bar, body) = progress::upload(&shown, bytes, "the host compiles it");
    let body = Body::Stream(MEDIA.to_owned(), length, body);
    let client = &session.client;
    let answer = client.call_with(method, path, &query, body, &headers).await;
    bar.finish_and_clear();
    answer
}
