//! An activation without a run: a plugin's host calls answered from a scene that somebody wrote.
//!
//! For trying plugins out. What the engine answers by itself (clock, digests, conditions, templates,
//! variables) is answered by the same code as in a run; grants are judged as in production; nothing
//! leaves and nothing is kept. What a scene cannot know (what a server answers, what a contact's field
//! refuses) the [`Script`] says.
//!
//! What must hold: the same scene and script give the same answers, always. The clock stands still
//! and random bytes come from the scene.

use crate::calls::{external, local, refused};
use crate::clock::SimulatedClock;
use crate::domain::{Common, Template, View};
use crate::permissions::{self, Permissions};
use crate::prepared;
use crate::run::calls;
use crate::scope::{RunNames, RunScope, timestamp};
use crate::templates;
use crate::variables::{Scope, Unset};
use async_trait::async_trait;
use jackfield_egress::{Caller, Egress, Secret, Secrets, SecretsError};
use jackfield_sandbox::wit::{CallError, contacts, log};
use jackfield_sandbox::{HostCall, HostCalls, HostReply, Inspection, Interfaces, Limits, Stop};
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a variable without a value becomes: the usual of a workspace.
const UNSET: Unset = Unset::Empty;

/// What an activation finds.
#[derive(Debug, Clone)]
pub struct Scene {
    /// The time, in milliseconds since 1970.
    pub now: i64,
    /// The workspace's time zone.
    pub time_zone: TimeZone,
    /// The data of the event that started the run.
    pub trigger: Value,
    /// The run's variables.
    pub vars: Map<String, Value>,
    /// The outputs of its earlier steps.
    pub outputs: Map<String, Value>,
    /// The contact, if the run has one.
    pub contact: Option<Value>,
    /// The channels of the workspace, by name, as `messages.channel` answers.
    pub channels: BTreeMap<String, Value>,
    /// The templates of the workspace, by name.
    pub templates: BTreeMap<String, Template>,
    /// The values of secrets; one that is missing here has its own name as its value.
    pub secrets: BTreeMap<String, String>,
    /// Random bytes are made from this.
    pub random: String,
    /// Blocks of random bytes that earlier activations have drawn.
    pub drawn: u64,
    /// Messages that earlier activations have sent.
    pub sent: u32,
    /// Comments that earlier activations have made.
    pub comments: u32,
    /// Runs that earlier activations have started.
    pub started: u32,
    /// Rows that earlier activations have added to tables.
    pub rows: u32,
    /// The place in the queue where the contact waits.
    pub queued: Option<String>,
    /// The lists that the contact is on. Every list is there.
    pub lists: BTreeSet<String>,
}

/// What a plugin may do in a rehearsal: as of a grant in production.
#[derive(Debug, Clone)]
pub struct Allowed {
    /// The plugin's name.
    pub plugin: String,
    /// Imports, hosts, secrets.
    pub permissions: Permissions,
    /// A connector's channel: its settings make rules of the grant.
    pub settings: Value,
}

impl Allowed {
    /// All that a component asks for.
    ///
    /// # Errors
    /// What is wrong with the descriptor.
    pub fn asked(inspection: &Inspection, descriptor: &Value) -> Result<Allowed, String> {
        Ok(Allowed {
            plugin: descriptor["name"].as_str().unwrap_or_default().to_owned(),
            permissions: permissions::asked(inspection, descriptor)
                .map_err(|error| error.to_string())?,
            settings: Value::Null,
        })
    }

    /// The interfaces that answer.
    #[must_use]
    pub fn interfaces(&self) -> Interfaces {
        self.permissions.interfaces()
    }

    /// The limits of an activation on a host with the usual ceiling.
    #[must_use]
    pub fn limits(&self) -> Limits {
        let asked = &self.permissions.limits;
        Limits::granted(asked, asked, &Limits::ceiling())
    }

    fn caller(&self) -> Result<Caller, String> {
        permissions::caller(&self.plugin, &self.permissions, &self.settings)
    }

    /// Does a call that reaches out, for real and under the grant; none where the call is not one.
    pub async fn perform(
        &self,
        call: &HostCall,
        egress: &Egress,
        secrets: &dyn Secrets,
    ) -> Option<HostReply> {
        let caller = match self.caller() {
            Ok(caller) => caller,
            Err(reason) => return Some(call.refusal(refused("denied", reason))),
        };
        let key = external::key("rehearsal");
        external::perform(call, &key, egress, &caller, secrets).await
    }
}

/// Says what the scene does not: it is asked for every call that reaches out or changes something,
/// after the grant was judged.
#[async_trait]
pub trait Script: Send + 'static {
    /// The answer; none leaves it to the rehearsal, which has one for calls that change something.
    ///
    /// # Errors
    /// Why the rehearsal ends here.
    async fn answer(&mut self, call: &HostCall) -> Result<Option<HostReply>, String>;
}

/// A call that was made, and what it was told.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// The call.
    pub call: HostCall,
    /// The answer.
    pub reply: HostReply,
    /// The script was asked.
    pub scripted: bool,
}

/// Answers one activation's host calls.
pub struct Rehearsal<S> {
    /// The script, given back.
    pub script: S,
    /// Every call, in order.
    pub asked: Vec<Asked>,
    /// What was logged.
    pub lines: Vec<(log::Level, String)>,
    /// The scene as it is by now: what the next activation finds, if this one succeeds.
    pub scene: Scene,
    allowed: Allowed,
    egress: Egress,
    scripted: bool,
}

impl<S: Script> Rehearsal<S> {
    /// For one activation. `egress` judges requests and sends none.
    pub fn new(scene: Scene, allowed: Allowed, egress: Egress, script: S) -> Rehearsal<S> {
        Rehearsal {
            script,
            asked: Vec::new(),
            lines: Vec::new(),
            scene,
            allowed,
            egress,
            scripted: false,
        }
    }

    async fn answer(&mut self, call: &HostCall) -> Result<HostReply, String> {
        if let Some(reply) = self.known(call) {
            return Ok(reply);
        }
        let clock = SimulatedClock::at(self.scene.now);
        let env = local::Env {
            clock: &clock,
            time_zone: &self.scene.time_zone,
            contact_zone: (self.scene.contact.as_ref())
                .and_then(|contact| contact["time_zone"].as_str()),
            permissions: &self.allowed.permissions,
            secrets: &Held(&self.scene.secrets),
        };
        if let Some(reply) = local::answer(call, &env).await {
            return Ok(reply);
        }
        let caller = match self.allowed.caller() {
            Ok(caller) => caller,
            Err(reason) => return Ok(call.refusal(refused("denied", reason))),
        };
        let secrets = Held(&self.scene.secrets);
        if let Some(refusal) = external::judge(call, &self.egress, &caller, &secrets).await {
            return Ok(call.refusal(refusal));
        }
        self.scripted = true;
        let told = self.script.answer(call).await?;
        if let Some(refusal) = told.as_ref().filter(|told| told.error().is_some()) {
            return Ok(refusal.clone());
        }
        let kept = self.keep(call);
        told.or(kept)
            .ok_or_else(|| format!("nothing says what `{}` answers", call.name()))
    }

    /// What needs no script.
    fn known(&mut self, call: &HostCall) -> Option<HostReply> {
        Some(match call {
            HostCall::RandomBytes { length } => HostReply::Bytes(self.draw(*length)),
            HostCall::VariablesGet { path } => HostReply::Maybe(
                self.with_scope(None, |scope| scope.get(path))
                    .map(|value| value.to_string()),
            ),
            HostCall::ConditionsEvaluate { condition } => {
                HostReply::Truth(match prepared::parse(condition) {
                    Ok(condition) => Ok(self.with_scope(None, |scope| condition.evaluate(scope))),
                    Err(reason) => Err(refused("invalid", reason)),
                })
            }
            HostCall::TemplatesRender { name, values } => {
                HostReply::Text(self.render(name, values.as_deref()))
            }
            HostCall::ContactsGet => {
                HostReply::Maybe(self.scene.contact.as_ref().map(Value::to_string))
            }
            HostCall::ConversationsGet => {
                HostReply::Maybe(self.conversation().map(|one| one.to_string()))
            }
            HostCall::MessagesChannel { name } => HostReply::Text(
                self.scene
                    .channels
                    .get(name)
                    .map(Value::to_string)
                    .ok_or_else(|| {
                        let there: Vec<&str> =
                            self.scene.channels.keys().map(String::as_str).collect();
                        refused(
                            "not-found",
                            format!(
                                "there is no channel `{name}`; there are: {}",
                                there.join(", ")
                            ),
                        )
                    }),
            ),
            _ => return None,
        })
    }

    /// Applies what changes something, and answers as a host with fields of plain text would.
    fn keep(&mut self, call: &HostCall) -> Option<HostReply> {
        Some(match call {
            HostCall::VariablesSet { name, value } => {
                let vars = &mut self.scene.vars;
                let room = vars.len() < calls::MAX_VARIABLES || vars.contains_key(name);
                HostReply::Done(calls::variable(name, value, room).map(|value| {
                    let set = Map::from_iter([(name.clone(), value)]);
                    *vars = calls::merge(vars, &set);
                }))
            }
            HostCall::ContactsUpdate {
                field,
                operation,
                value,
            } => HostReply::Text(self.update(field, *operation, value)),
            HostCall::ContactsAddTags { tags } => HostReply::Done(match self.contact_mut() {
                None => Err(refused("not-found", "the run has no contact")),
                Some(contact) => {
                    let mut held = contact["tags"].as_array().cloned().unwrap_or_default();
                    for tag in tags {
                        if !held.iter().any(|one| one == tag) {
                            held.push(tag.as_str().into());
                        }
                    }
                    contact["tags"] = held.into();
                    Ok(())
                }
            }),
            HostCall::ContactsRetag { change } => HostReply::Text(self.retag(change)),
            HostCall::ContactsOptOut { request } => HostReply::Text(self.opt_out(request)),
            HostCall::ConversationsOpen => HostReply::Text(self.open()),
            HostCall::ConversationsClose { note } => HostReply::Text(self.close(note.as_deref())),
            HostCall::ConversationsComment { text } => {
                HostReply::Text(self.known_contact().map(|_| ()).and_then(|()| {
                    if text.trim().is_empty() {
                        return Err(refused("invalid", "a comment has a text"));
                    }
                    self.scene.comments += 1;
                    Ok(format!("comment-{}", self.scene.comments))
                }))
            }
            HostCall::ConversationsAssign { request } => HostReply::Text(self.assign(request)),
            HostCall::ConversationsLeaveQueue { id } => {
                HostReply::Truth(self.known_contact().map(|_| ()).map(|()| {
                    let waiting = self.scene.queued.as_ref() == Some(id);
                    self.scene.queued.take_if(|place| place == id);
                    waiting
                }))
            }
            HostCall::ListsAdd { list } => HostReply::Truth(self.list(list, true)),
            HostCall::ListsRemove { list } => HostReply::Truth(self.list(list, false)),
            HostCall::FilesRead { name } => {
                let said = "a case says what a file holds, under `calls`";
                HostReply::Digest(Err(refused("not-found", format!("`{name}`: {said}"))))
            }
            HostCall::TablesAppend { row, .. } => {
                HostReply::Text(match serde_json::from_str::<Value>(row) {
                    Ok(Value::Object(row)) if !row.is_empty() => {
                        self.scene.rows += 1;
                        Ok(format!("row-{}", self.scene.rows))
                    }
                    _ => Err(refused("invalid", "a row is an object with a column")),
                })
            }
            HostCall::WorkflowsStart { options, .. } => {
                HostReply::Text(match serde_json::from_str::<Value>(options) {
                    Ok(options) if options.is_object() => {
                        self.scene.started += 1;
                        Ok(format!("run-{}", self.scene.started))
                    }
                    _ => Err(refused(
                        "invalid",
                        "the options of a start are an object of JSON",
                    )),
                })
            }
            HostCall::MessagesSend { message } => {
                HostReply::Text(match serde_json::from_str::<Value>(message) {
                    Ok(message) if message.is_object() => {
                        self.scene.sent += 1;
                        Ok(format!("message-{}", self.scene.sent))
                    }
                    _ => Err(refused("invalid", "a message is an object of JSON")),
                })
            }
            _ => return None,
        })
    }

    fn contact_mut(&mut self) -> Option<&mut Value> {
        self.scene
            .contact
            .as_mut()
            .filter(|contact| contact.is_object())
    }

    fn known_contact(&mut self) -> Result<&mut Value, CallError> {
        self.contact_mut()
            .ok_or_else(|| refused("not-found", "the run has no contact"))
    }

    fn opt_out(&mut self, request: &str) -> Result<String, CallError> {
        let request: Value = serde_json::from_str(request)
            .map_err(|error| refused("invalid", format!("the request is no JSON: {error}")))?;
        let contact = self.known_contact()?;
        let out = request["in"] != true;
        let changed = contact["opted_out"].as_bool().unwrap_or(false) != out;
        contact["opted_out"] = out.into();
        let scope = request["scope"].as_str().unwrap_or("account");
        let address = contact["phone"].as_str().unwrap_or("+33600000001");
        Ok(json!({"address": address, "scope": scope, "changed": changed}).to_string())
    }

    fn retag(&mut self, change: &str) -> Result<String, CallError> {
        let change: Value = serde_json::from_str(change)
            .map_err(|error| refused("invalid", format!("the change is no JSON: {error}")))?;
        let contact = self.known_contact()?;
        let named = |key: &str| change[key].as_array().cloned().unwrap_or_default();
        let mut held = contact["tags"].as_array().cloned().unwrap_or_default();
        let (mut added, mut removed) = (Vec::new(), Vec::new());
        for tag in named("remove") {
            if let Some(place) = held.iter().position(|one| *one == tag) {
                removed.push(held.remove(place));
            }
        }
        for tag in named("add") {
            if !held.contains(&tag) {
                held.push(tag.clone());
                added.push(tag);
            }
        }
        contact["tags"] = held.into();
        Ok(json!({"added": added, "removed": removed}).to_string())
    }

    fn conversation(&self) -> Option<&Value> {
        let found = self.scene.contact.as_ref()?.get("conversation")?;
        (!found.is_null()).then_some(found)
    }

    fn open(&mut self) -> Result<String, CallError> {
        let now = timestamp(self.scene.now).to_string();
        let contact = self.known_contact()?;
        if contact["conversation"]["state"] != "open" {
            contact["conversation"] = json!({
                "id": "conversation-1", "state": "open", "source": "workflow", "opened_at": now,
            });
        }
        Ok(contact["conversation"].to_string())
    }

    fn close(&mut self, note: Option<&str>) -> Result<String, CallError> {
        let note: Value = serde_json::from_str(note.unwrap_or("{}"))
            .map_err(|error| refused("invalid", format!("the note is no JSON: {error}")))?;
        let now = timestamp(self.scene.now).to_string();
        let contact = self.known_contact()?;
        let conversation = &mut contact["conversation"];
        if conversation["state"] != "open" {
            return Ok(Value::Null.to_string());
        }
        conversation["state"] = "closed".into();
        conversation["closed_at"] = now.into();
        conversation["closed_by"] = "workflow".into();
        for key in ["category", "summary"] {
            if let Some(text) = note.get(key).filter(|text| !text.is_null()) {
                conversation[key] = text.clone();
            }
        }
        Ok(conversation.to_string())
    }

    fn assign(&mut self, request: &str) -> Result<String, CallError> {
        let request: Value = serde_json::from_str(request)
            .map_err(|error| refused("invalid", format!("the request is no JSON: {error}")))?;
        let contact = self.known_contact()?;
        let named = ["user", "team", "workspace", "nobody"];
        let named: Vec<&str> = named
            .into_iter()
            .filter(|key| !request[key].is_null() && request[key] != false)
            .collect();
        let answer = match named.as_slice() {
            ["user"] => {
                let user = &request["user"];
                contact["assignee"] = user.clone();
                json!({"assignee": {"id": user, "name": user, "email": user}})
            }
            ["nobody"] => {
                contact["assignee"] = Value::Null;
                json!({"assignee": null})
            }
            ["team" | "workspace"] => {
                let place = "place-1";
                self.scene.queued = Some(place.to_owned());
                json!({"queued": place})
            }
            _ => {
                let said = "name one of `user`, `team`, `workspace` and `nobody`";
                return Err(refused("invalid", said));
            }
        };
        Ok(answer.to_string())
    }

    fn list(&mut self, list: &str, on: bool) -> Result<bool, CallError> {
        self.known_contact()?;
        Ok(if on {
            self.scene.lists.insert(list.to_owned())
        } else {
            self.scene.lists.remove(list)
        })
    }

    fn update(
        &mut self,
        field: &str,
        operation: contacts::Operation,
        value: &str,
    ) -> Result<String, CallError> {
        use contacts::Operation;
        let value: Value = serde_json::from_str(value)
            .map_err(|error| refused("invalid", format!("the value is no JSON: {error}")))?;
        let contact = self.known_contact()?;
        let held = contact.get(field).cloned().unwrap_or_default();
        let new = match (operation, held, value) {
            (Operation::Set, _, value) => value,
            (Operation::Clear, _, _) => Value::Null,
            (Operation::Append, Value::Null, value) => value,
            (Operation::Append, Value::String(held), Value::String(more)) => (held + &more).into(),
            (Operation::Append, Value::Array(mut held), value) => {
                held.push(value);
                held.into()
            }
            (Operation::Increment, held, Value::Number(by)) => {
                let number = |value: &Value| match value {
                    Value::String(text) => text.parse().ok(),
                    value => value.as_f64(),
                };
                let sum = number(&held).unwrap_or_default() + by.as_f64().unwrap_or_default();
                // Whole numbers stay whole.
                if sum.fract() == 0.0 && sum.abs() < 9e15 {
                    json!(sum as i64)
                } else {
                    json!(sum)
                }
            }
            (operation, _, _) => {
                return Err(refused(
                    "invalid",
                    format!(
                        "`{field}` has or was given a value that {operation:?} does not go with"
                    ),
                ));
            }
        };
        contact[field] = new.clone();
        Ok(new.to_string())
    }

    fn with_scope<T>(&self, values: Option<&Value>, act: impl FnOnce(&RunScope<'_>) -> T) -> T {
        let contact = self.scene.contact.iter();
        let view = View {
            namespaces: contact
                .map(|contact| ("contact".to_owned(), contact.clone()))
                .collect(),
            common: Arc::new(Common {
                time_zone: self.scene.time_zone.clone(),
                ..Common::default()
            }),
            unset: UNSET,
        };
        act(&RunScope {
            view: &view,
            trigger: &self.scene.trigger,
            vars: Some(&self.scene.vars),
            outputs: Some(&self.scene.outputs),
            run: Some(RunNames {
                id: "run",
                created_at: self.scene.now,
                workflow: "workflow",
                version: 1,
            }),
            values,
            now: self.scene.now,
        })
    }

    fn render(&self, name: &str, values: Option<&str>) -> Result<String, CallError> {
        let values = templates::values(values)?;
        let template = self.scene.templates.get(name);
        let template = template.ok_or_else(|| templates::missing(name))?;
        self.with_scope(values.as_ref(), |scope| template.answer(scope, UNSET))
    }

    /// SHA-256 over the scene's text and a counter, as many blocks as it takes.
    fn draw(&mut self, length: u32) -> Vec<u8> {
        let length = length.min(local::MAX_RANDOM) as usize;
        let mut bytes = Vec::new();
        while bytes.len() < length {
            let mut block = Sha256::new();
            block.update(self.scene.random.as_bytes());
            block.update(self.scene.drawn.to_be_bytes());
            self.scene.drawn += 1;
            bytes.extend_from_slice(&block.finalize());
        }
        bytes.truncate(length);
        bytes
    }
}

#[async_trait]
impl<S: Script> HostCalls for Rehearsal<S> {
    async fn call(&mut self, call: HostCall) -> Result<HostReply, Stop> {
        self.scripted = false;
        let reply = self.answer(&call).await;
        let reply = reply.map_err(|message| Stop::NeedsAttention { message })?;
        self.asked.push(Asked {
            call,
            reply: reply.clone(),
            scripted: self.scripted,
        });
        Ok(reply)
    }

    fn log(&mut self, level: log::Level, message: String) {
        self.lines.push((level, message));
    }

    fn denied(&mut self, call: &HostCall) {
        self.asked.push(Asked {
            call: call.clone(),
            reply: call.denied(),
            scripted: false,
        });
    }
}

/// Secrets as the scene has them.
struct Held<'a>(&'a BTreeMap<String, String>);

#[async_trait]
impl Secrets for Held<'_> {
    async fn resolve(&self, name: &str) -> Result<Option<Secret>, SecretsError> {
        let value = self.0.get(name).map_or(name, String::as_str);
        Ok(Some(Secret::new(value)))
    }
}
