//! The state behind the imports, how a test sets it up and how it looks at it afterwards.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::email;
use crate::failure::CallError;
use crate::http::{Request, Response};

type Answer<I, O> = Box<dyn FnMut(&I) -> Result<O, CallError>>;

/// The test host. Without settings it has no contact, no channel and no network, and its clock
/// stands at 2026-01-01T00:00:00Z.
pub struct Host {
    pub(super) now: u64,
    pub(super) contact: Option<Value>,
    pub(super) variables: Map<String, Value>,
    pub(super) values: BTreeMap<String, Value>,
    pub(super) channels: Vec<Value>,
    pub(super) last_interacted: Option<String>,
    pub(super) conversation: Option<Value>,
    /// None: every list that is named exists.
    pub(super) lists: Option<Vec<String>>,
    pub(super) on_lists: Vec<String>,
    pub(super) templates: BTreeMap<String, Value>,
    pub(super) secrets: BTreeMap<String, Vec<u8>>,
    pub(super) files: BTreeMap<String, Vec<u8>>,
    pub(super) next_open: Option<u64>,
    pub(super) condition: Answer<Value, bool>,
    pub(super) update: Answer<(String, String, Value), Value>,
    pub(super) start: Answer<(String, Value), ()>,
    pub(super) http: Answer<Request, Response>,
    pub(super) email: Answer<email::Mail, email::Accepted>,
    pub(super) email_check: Answer<email::Server, String>,
    pub(super) record: Record,
}

/// What the plugin did.
#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    pub(super) messages: Vec<Value>,
    pub(super) requests: Vec<Request>,
    pub(super) mails: Vec<(email::Server, email::Mail)>,
    pub(super) tags: Vec<String>,
    pub(super) retags: Vec<Value>,
    pub(super) opt_outs: Vec<Value>,
    /// The contact wants nothing more.
    pub(super) opted_out: bool,
    pub(super) updates: Vec<(String, String, Value)>,
    /// How many conversations were opened.
    pub(super) opened: usize,
    pub(super) comments: Vec<String>,
    pub(super) assigned: Vec<Value>,
    pub(super) places: Vec<String>,
    pub(super) queued: usize,
    pub(super) rows: Vec<(String, Value)>,
    pub(super) started: Vec<(String, Value)>,
    pub(super) logs: Vec<String>,
}

thread_local! {
    static HOST: RefCell<Option<Host>> = const { RefCell::new(None) };
}

/// Calls into the installed host; a plugin's test that forgot it is told so.
pub(super) fn with<T>(call: impl FnOnce(&mut Host) -> T) -> T {
    HOST.with_borrow_mut(|host| match host {
        Some(host) => call(host),
        None => panic!("no test host: call `Host::new().install()` first and keep what it returns"),
    })
}

/// A refused call, for the closures of a test.
pub fn call_error(code: &str, message: &str) -> CallError {
    CallError {
        code: code.into(),
        message: message.into(),
        grant: None,
        transient: matches!(
            code,
            "timeout" | "connect" | "broken" | "unavailable" | "busy"
        ),
        maybe_sent: matches!(code, "timeout" | "broken"),
        detail: None,
    }
}

/// An HTTP response, for the closures of a test.
pub fn response(status: u16, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Response {
    Response {
        status,
        headers: headers
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect(),
        body: body.into(),
        url: String::new(),
    }
}

impl Default for Host {
    fn default() -> Self {
        Host::new()
    }
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host")
            .field("now", &self.now)
            .field("record", &self.record)
            .finish_non_exhaustive()
    }
}

impl Host {
    /// An empty host.
    pub fn new() -> Self {
        Host {
            now: 1_767_225_600_000,
            contact: None,
            variables: Map::new(),
            values: BTreeMap::new(),
            channels: Vec::new(),
            last_interacted: None,
            conversation: None,
            lists: None,
            on_lists: Vec::new(),
            templates: BTreeMap::new(),
            secrets: BTreeMap::new(),
            files: BTreeMap::new(),
            next_open: None,
            condition: Box::new(|_| Ok(false)),
            update: Box::new(|(_, _, value)| Ok(value.clone())),
            start: Box::new(|_| Ok(())),
            http: Box::new(|request| {
                Err(call_error(
                    "denied",
                    &format!("no answer for {}", request.url),
                ))
            }),
            email: Box::new(|_| Err(call_error("denied", "no mail server"))),
            email_check: Box::new(|_| Err(call_error("denied", "no mail server"))),
            record: Record::default(),
        }
    }

    /// The time, in milliseconds since 1970.
    pub fn now(mut self, now: u64) -> Self {
        self.now = now;
        self
    }

    /// The contact of the run.
    pub fn contact(mut self, contact: Value) -> Self {
        self.contact = Some(contact);
        self
    }

    /// What stands at a path outside `vars`, such as `workspace.default_country`.
    pub fn value(mut self, path: &str, value: Value) -> Self {
        self.values.insert(path.to_owned(), value);
        self
    }

    /// A channel: `{"id", "name", "kind", "address-kind", ...}`. The first is the contact's last.
    pub fn channel(mut self, channel: Value) -> Self {
        let name = channel["name"].as_str().map(str::to_owned);
        self.last_interacted = self.last_interacted.or(name);
        self.channels.push(channel);
        self
    }

    /// The conversation that is there already: `{"id", "state", "source", ...}`.
    pub fn conversation(mut self, conversation: Value) -> Self {
        self.conversation = Some(conversation);
        self
    }

    /// The lists that there are; without it every list that is named exists.
    pub fn lists(mut self, names: &[&str]) -> Self {
        self.lists = Some(names.iter().map(|name| (*name).to_owned()).collect());
        self
    }

    /// A list that the contact is on already.
    pub fn on_list(mut self, name: &str) -> Self {
        self.on_lists.push(name.to_owned());
        self
    }

    /// A template as `templates.render` answers it.
    pub fn template(mut self, name: &str, rendered: Value) -> Self {
        self.templates.insert(name.into(), rendered);
        self
    }

    /// A secret's value.
    pub fn secret(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.secrets.insert(name.into(), value.into());
        self
    }

    /// A file of the workspace.
    pub fn file(mut self, name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.files.insert(name.into(), bytes.into());
        self
    }

    /// What `clock.next-open` answers; `not-found` without it.
    pub fn next_open(mut self, at: u64) -> Self {
        self.next_open = Some(at);
        self
    }

    /// What conditions come to.
    pub fn condition(
        mut self,
        answer: impl FnMut(&Value) -> Result<bool, CallError> + 'static,
    ) -> Self {
        self.condition = Box::new(answer);
        self
    }

    /// What a change of a contact's field comes to: field, operation, value.
    pub fn update(
        mut self,
        answer: impl FnMut(&(String, String, Value)) -> Result<Value, CallError> + 'static,
    ) -> Self {
        self.update = Box::new(answer);
        self
    }

    /// Whether a workflow starts: its name and the options. Without it every one does.
    pub fn start(
        mut self,
        answer: impl FnMut(&(String, Value)) -> Result<(), CallError> + 'static,
    ) -> Self {
        self.start = Box::new(answer);
        self
    }

    /// What the outside answers to HTTP.
    pub fn http(
        mut self,
        answer: impl FnMut(&Request) -> Result<Response, CallError> + 'static,
    ) -> Self {
        self.http = Box::new(answer);
        self
    }

    /// What the outside answers to a mail.
    pub fn email(
        mut self,
        answer: impl FnMut(&email::Mail) -> Result<email::Accepted, CallError> + 'static,
    ) -> Self {
        self.email = Box::new(answer);
        self
    }

    /// What the outside answers to a check of a mail server.
    pub fn email_check(
        mut self,
        answer: impl FnMut(&email::Server) -> Result<String, CallError> + 'static,
    ) -> Self {
        self.email_check = Box::new(answer);
        self
    }

    /// Puts the host in place for this thread, until the guard drops.
    pub fn install(self) -> Installed {
        HOST.with_borrow_mut(|host| *host = Some(self));
        Installed(())
    }
}

/// The installed host: what the plugin did can be read from it.
#[derive(Debug)]
pub struct Installed(());

impl Drop for Installed {
    fn drop(&mut self) {
        HOST.with_borrow_mut(|host| *host = None);
    }
}

impl Installed {
    /// The messages put into the outbox, oldest first; their ids are `message-1`, `message-2`, ...
    pub fn messages(&self) -> Vec<Value> {
        with(|host| host.record.messages.clone())
    }

    /// The HTTP requests.
    pub fn requests(&self) -> Vec<Request> {
        with(|host| host.record.requests.clone())
    }

    /// The mails, each with the server it was handed to.
    pub fn mails(&self) -> Vec<(email::Server, email::Mail)> {
        with(|host| host.record.mails.clone())
    }

    /// The run's variables as they stand.
    pub fn variables(&self) -> Value {
        with(|host| json!(host.variables))
    }

    /// The contact as it stands. Its tags change with what the plugin does; its fields do not.
    pub fn contact(&self) -> Option<Value> {
        with(|host| host.contact.clone())
    }

    /// The tags that `contacts::add_tags` was given.
    pub fn tags(&self) -> Vec<String> {
        with(|host| host.record.tags.clone())
    }

    /// The changes of tags by `contacts::retag`: `{"add", "remove", "silent"?}`.
    pub fn retags(&self) -> Vec<Value> {
        with(|host| host.record.retags.clone())
    }

    /// What was asked of `contacts::opt_out` and `opt_in`: `{"scope", "channel"?, "in"?}`.
    pub fn opt_outs(&self) -> Vec<Value> {
        with(|host| host.record.opt_outs.clone())
    }

    /// The changes of the contact: field, operation, value.
    pub fn updates(&self) -> Vec<(String, String, Value)> {
        with(|host| host.record.updates.clone())
    }

    /// The conversation as it stands. Those that the plugin opens are `conversation-1`, ...
    pub fn conversation(&self) -> Option<Value> {
        with(|host| host.conversation.clone())
    }

    /// The comments; their ids are `comment-1`, `comment-2`, ...
    pub fn comments(&self) -> Vec<String> {
        with(|host| host.record.comments.clone())
    }

    /// What was asked of `conversations.assign`; the places in the queue are `place-1`, `place-2`, ...
    pub fn assigned(&self) -> Vec<Value> {
        with(|host| host.record.assigned.clone())
    }

    /// The rows that were added to tables: the table's name and values by column.
    pub fn rows(&self) -> Vec<(String, Value)> {
        with(|host| host.record.rows.clone())
    }

    /// The lists that the contact is on.
    pub fn on_lists(&self) -> Vec<String> {
        with(|host| host.on_lists.clone())
    }

    /// The workflows that were started, each with its options; the runs' ids are `run-1`, `run-2`, ...
    pub fn started(&self) -> Vec<(String, Value)> {
        with(|host| host.record.started.clone())
    }

    /// The lines of the log.
    pub fn logs(&self) -> Vec<String> {
        with(|host| host.record.logs.clone())
    }

    /// The time now.
    pub fn now(&self) -> u64 {
        with(|host| host.now)
    }

    /// Lets time pass.
    pub fn advance(&self, milliseconds: u64) {
        with(|host| host.now += milliseconds);
    }
}
