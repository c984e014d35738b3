//! The command line: `serve`, and the commands of a client.
//!
//! Client commands speak the HTTP API and nothing else: what they can do, a program can do too.
//! People get tables on standard output; `--json` gives programs the answer as the API gave it.
//! What is said by the way (progress, warnings) goes to standard error. Exit codes: `exit.rs`.

pub mod client;
mod commands;
mod db;
mod doctor;
pub mod exit;
pub mod input;
mod page;
pub mod progress;
pub mod sources;
pub mod sse;
pub mod table;
mod templates;
pub mod text;
pub mod timeline;
pub mod tree;

use crate::options::Options;
use clap::{Args, Parser, Subcommand};
use client::{Client, Connection};
use commands::{
    blacklist, calendar, channel, contact, contact_field, contact_list, conversation, event, file,
    host, import, inbound, key, message, opt_out, organisation, plugin, queue, ready, run,
    schedule, secret, segment, shortcut, snippet, subscription, tables, team, template, user,
    workflow, workspace,
};
use exit::Failure;
use std::process::ExitCode;

/// Messaging workflows whose steps and connectors are sandboxed WebAssembly components
#[derive(Debug, Parser)]
#[command(name = "jackfield", version, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong command line, 3 no such thing, \
                        4 refused, 5 the host cannot be reached."
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// A single client command.
#[derive(Debug, Args)]
pub struct Single {
    #[command(flatten)]
    to: Connection,
}

/// A group of client commands.
#[derive(Debug, Args)]
pub struct Group<C: Subcommand> {
    #[command(flatten)]
    to: Connection,
    #[command(subcommand)]
    command: C,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Starts a host
    Serve(Box<Options>),
    /// Workflows: put, validate, publish, activate
    Workflow(Group<workflow::Command>),
    /// Runs: start, look at, cancel, retry
    Run(Group<run::Command>),
    /// When workflows start by themselves: look at
    Schedule(Group<schedule::Command>),
    /// Forms by which people start workflows: look at, fill in
    Shortcut(Group<shortcut::Command>),
    /// Calendars: business hours by name
    Calendar(Group<calendar::Command>),
    /// Events: send
    Event(Group<event::Command>),
    /// Plugins: make and build one; install, grant, remove those of the host
    Plugin(Group<plugin::Command>),
    /// Channels: a connector with its settings and secrets
    Channel(Group<channel::Command>),
    /// Secrets of the workspace: set, list the names, delete
    Secret(Group<secret::Command>),
    /// Contacts: look up, change, block, and why one did not get a message
    Contact(Group<contact::Command>),
    /// Custom fields of contacts
    ContactField(Group<contact_field::Command>),
    /// Conversations with contacts: open, close, comment
    Conversation(Group<conversation::Command>),
    /// Users: who talks to contacts, and whether they are there
    User(Group<user::Command>),
    /// Teams of users
    Team(Group<team::Command>),
    /// Contacts that wait for somebody: look at, take
    Queue(Group<queue::Command>),
    /// Lists of contacts: make, fill, look at
    List(Group<contact_list::Command>),
    /// Tables that workflows add rows to: make, look at, download
    Table(Group<tables::Command>),
    /// Saved filters of contacts: make, look at, count
    Segment(Group<segment::Command>),
    /// Contacts out of CSV files: review, start, look at, cancel
    Import(Group<import::Command>),
    /// Addresses from which nothing is taken, and to which nothing is sent
    Blacklist(Group<blacklist::Command>),
    /// Messages: look at, send, resend, cancel
    Message(Group<message::Command>),
    /// HTML templates
    Template(Group<template::Command>),
    /// Files that messages are sent with
    File(Group<file::Command>),
    /// Texts that are kept once and put into others
    Snippet(Group<snippet::Command>),
    /// Who wants nothing more
    OptOut(Group<opt_out::Command>),
    /// Web servers that are told of events: make, test, look at deliveries
    Subscription(Group<subscription::Command>),
    /// Providers' requests that could not be read: look at, replay
    Inbound(Group<inbound::Command>),
    /// Keys of the API
    Key(Group<key::Command>),
    /// Organisations: who owns workspaces
    Organisation(Group<organisation::Command>),
    /// Workspaces of the host
    Workspace(Group<workspace::Command>),
    /// The hosts that share the database
    Host(Group<host::Command>),
    /// The host's database: back it up, restore it
    #[command(subcommand)]
    Db(db::Command),
    /// Looks whether the host is well, running or not, and says what to do
    #[command(
        after_help = "Exit codes: 0 all is well, 6 something is worth a look, 1 the host cannot do \
                      its work, or not for long."
    )]
    Doctor(doctor::Doctor),
    /// Asks whether the host can do its work now, for health checks
    Ready(Single),
    /// Prints the OpenAPI document of this version
    Openapi,
}

impl Cli {
    /// Carries the command out.
    pub async fn run(self) -> ExitCode {
        if !matches!(self.command, Command::Serve(_)) {
            // `jackfield run list | head` ends quietly when `head` has seen enough.
            sigpipe::reset();
        }
        match self.command {
            Command::Serve(options) => match crate::serve::until_stopped(*options).await {
                Ok(code) => code,
                Err(error) => {
                    eprintln!("error: {error}");
                    ExitCode::FAILURE
                }
            },
            Command::Openapi => {
                println!("{}", crate::http::document_json());
                ExitCode::SUCCESS
            }
            Command::Doctor(doctor) => doctor::run(doctor).await,
            Command::Ready(single) => finish(single.to.json, ready::ready(&single.to).await),
            Command::Db(command) => {
                let (json, outcome) = db::run(command).await;
                finish(json, outcome)
            }
            Command::Workflow(group) => {
                finish(group.to.json, workflow::run(&group.to, group.command).await)
            }
            Command::Run(group) => with(group, run::run).await,
            Command::Schedule(group) => with(group, schedule::run).await,
            Command::Shortcut(group) => with(group, shortcut::run).await,
            Command::Calendar(group) => with(group, calendar::run).await,
            Command::Event(group) => with(group, event::run).await,
            Command::Plugin(group) => {
                finish(group.to.json, plugin::run(&group.to, group.command).await)
            }
            Command::Channel(group) => with(group, channel::run).await,
            Command::Secret(group) => with(group, secret::run).await,
            Command::Contact(group) => with(group, contact::run).await,
            Command::ContactField(group) => with(group, contact_field::run).await,
            Command::Conversation(group) => with(group, conversation::run).await,
            Command::User(group) => with(group, user::run).await,
            Command::Team(group) => with(group, team::run).await,
            Command::Queue(group) => with(group, queue::run).await,
            Command::Table(group) => with(group, tables::run).await,
            Command::List(group) => with(group, contact_list::run).await,
            Command::Segment(group) => with(group, segment::run).await,
            Command::Import(group) => with(group, import::run).await,
            Command::Blacklist(group) => with(group, blacklist::run).await,
            Command::Message(group) => with(group, message::run).await,
            Command::Template(group) => with(group, template::run).await,
            Command::Snippet(group) => with(group, snippet::run).await,
            Command::File(group) => with(group, file::run).await,
            Command::OptOut(group) => with(group, opt_out::run).await,
            Command::Subscription(group) => with(group, subscription::run).await,
            Command::Inbound(group) => with(group, inbound::run).await,
            Command::Key(group) => with(group, key::run).await,
            Command::Organisation(group) => with(group, organisation::run).await,
            Command::Workspace(group) => with(group, workspace::run).await,
            Command::Host(group) => with(group, host::run).await,
        }
    }
}

/// A host to talk to, and whether programs read along.
pub struct Session {
    /// The way to the host.
    pub client: Client,
    /// Whether JSON is wanted.
    pub json: bool,
}

async fn with<C: Subcommand, F>(group: Group<C>, run: impl FnOnce(Session, C) -> F) -> ExitCode
where
    F: Future<Output = Result<(), Failure>>,
{
    let json = group.to.json;
    let outcome = match Client::new(&group.to) {
        Ok(client) => run(Session { client, json }, group.command).await,
        Err(failure) => Err(failure),
    };
    finish(json, outcome)
}

/// The plugins that a start installed, as a table.
#[must_use]
pub fn plugin_table(plugins: &[jackfield_engine::PluginView]) -> String {
    let rows: Vec<serde_json::Value> = plugins
        .iter()
        .filter_map(|plugin| serde_json::to_value(plugin).ok())
        .collect();
    let columns: &[table::Column] = &[
        ("plugin", "/name", table::As::Text),
        ("version", "/version", table::As::Text),
        ("kind", "/kind", table::As::Text),
        ("may call", "/approved/imports", table::As::Words),
        ("may reach", "/approved/hosts", table::As::Words),
    ];
    table::table(&rows, columns, &jiff::tz::TimeZone::UTC, text::Paint::OFF)
}

fn finish(json: bool, outcome: Result<(), Failure>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(json),
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
