//! What the engine asks of messaging: the contact that a run sees, the host calls of `contacts`,
//! `conversations`, `lists` and `messages`, and the effects of steps.

use crate::assignment::{self, place};
use crate::contacts::document::{Document, FieldError, clean_tags, field_type};
use crate::contacts::{Operation, resolve};
use crate::conversations;
use crate::conversations::document::Conversation;
use crate::effects::{self, Deed, FollowUp, WORKFLOW};
use crate::error::{Error, ErrorKind, Result};
use crate::facade::Messaging;
use crate::files;
use crate::lists;
use crate::message::{self, Entry, Past, Status};
use crate::opt_out;
use crate::outgoing::{self, Outgoing};
use crate::subscriptions::{self, Followed};
use crate::tables;
use crate::timers;
use crate::users::UserView;
use async_trait::async_trait;
use jackfield_egress::Secrets;
use jackfield_engine::{
    Actor, Answer, Applied, Domain, DomainError, Effect, SecretOwner, Template, View,
};
use jackfield_sandbox::wit::CallError;
use jackfield_sandbox::{HostCall, HostReply};
use jackfield_store::records::{Event, Message};
use jackfield_store::{Commit, bucket_in};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::any::Any;
use std::sync::Arc;

impl From<Error> for DomainError {
    fn from(error: Error) -> DomainError {
        match error.kind {
            ErrorKind::Unavailable | ErrorKind::Elsewhere { .. } => {
                DomainError::Unavailable(error.message)
            }
            ErrorKind::NotFound | ErrorKind::Invalid | ErrorKind::Conflict => {
                DomainError::Invalid(error.message)
            }
        }
    }
}

pub(crate) fn refusal(code: &str, message: impl Into<String>) -> CallError {
    CallError {
        code: code.to_owned(),
        message: message.into(),
        grant: None,
        transient: false,
        maybe_sent: false,
        detail: None,
    }
}

/// What a call answers: the value and the effects, or the refusal that the plugin sees.
pub(crate) type Called<T> = std::result::Result<(T, Vec<Effect>), CallError>;

/// A refusal is an answer; that the database is away is not.
fn told<T>(result: Result<Called<T>>) -> std::result::Result<Called<T>, DomainError> {
    match result {
        Ok(called) => Ok(called),
        Err(error) if error.kind == ErrorKind::Unavailable => Err(error.into()),
        Err(error) => Ok(Err(refusal(error.code, error.message))),
    }
}

#[async_trait]
impl Domain for Messaging {
    async fn view(
        &self,
        workspace: &str,
        contact: Option<&str>,
        pending: &[Effect],
        commit: Option<&Commit>,
    ) -> std::result::Result<View, DomainError> {
        let context = &*self.context;
        let (common, settings) = context.common(workspace).await?;
        let mut namespaces = Map::new();
        let written = commit.zip(contact);
        let written = written.and_then(|(commit, id)| effects::written(commit, id));
        let document = match written {
            Some(row) => Some(Document { row }),
            None => effects::overlay(context, workspace, contact, pending).await?,
        };
        if let Some(document) = document {
            let channels = context.channels(workspace).await?;
            let shown = document.show(&channels);
            if let Some(known) = place::assignee(&document) {
                let users = context.users(workspace).await?;
                let user = users.iter().find(|user| user.id == known.user.id);
                let user = user.map(|user| UserView::read(user, context.now()));
                let value = json!({
                    "id": known.user.id,
                    "name": known.user.name,
                    "email": known.user.email,
                    "team": known.team,
                    // Whoever was deleted is not there.
                    "status": user.as_ref().map_or("offline", |user| user.presence.name()),
                    "on_call": user.is_some_and(|user| user.on_call),
                });
                namespaces.insert("assignee".to_owned(), value);
            }
            if let Some(id) = document.text("last_channel")
                && let Some(channel) = channels.iter().find(|one| one.id == id)
            {
                let kind = channel.connector.split('@').next().unwrap_or_default();
                let value = json!({"id": channel.id, "name": channel.name, "kind": kind});
                namespaces.insert("channel".to_owned(), value);
            }
            if let Some(conversation) = Conversation::of(&document) {
                namespaces.insert("conversation".to_owned(), conversation.show(&channels));
            }
            namespaces.insert("contact".to_owned(), Value::Object(shown));
        }
        Ok(View {
            namespaces,
            common,
            unset: settings.unset_variables.into(),
        })
    }

    async fn call(
        &self,
        actor: &Actor,
        call: &HostCall,
        pending: &[Effect],
    ) -> std::result::Result<Answer, DomainError> {
        let context = &*self.context;
        let contact =
            effects::overlay(context, &actor.workspace, actor.contact.as_deref(), pending).await?;
        let (reply, effects) = match call {
            HostCall::ContactsGet => {
                let channels = context.channels(&actor.workspace).await?;
                let shown =
                    contact.map(|contact| Value::Object(contact.show(&channels)).to_string());
                (HostReply::Maybe(shown), Vec::new())
            }
            HostCall::ContactsUpdate {
                field,
                operation,
                value,
            } => {
                let called = self
                    .update(actor, contact, field, (*operation).into(), value)
                    .await;
                text(told(called)?)
            }
            HostCall::ContactsAddTags { tags } => match add_tags(contact, tags) {
                Ok(((), effects)) => (HostReply::Done(Ok(())), effects),
                Err(error) => (HostReply::Done(Err(error)), Vec::new()),
            },
            HostCall::ContactsRetag { change } => text(retag(contact, change)),
            HostCall::ContactsOptOut { request } => {
                let called = opt_out::answer(context, actor, contact, request).await;
                text(told(called)?)
            }
            HostCall::ConversationsGet => {
                let channels = context.channels(&actor.workspace).await?;
                let shown = contact
                    .as_ref()
                    .and_then(Conversation::of)
                    .map(|one| one.show(&channels).to_string());
                (HostReply::Maybe(shown), Vec::new())
            }
            HostCall::ConversationsOpen
            | HostCall::ConversationsClose { .. }
            | HostCall::ConversationsComment { .. } => {
                let called = conversations::calls::answer(context, actor, contact, call).await;
                text(told(called)?)
            }
            HostCall::ConversationsAssign { request } => {
                let called = assignment::calls::assign(context, actor, contact, request).await;
                text(told(called)?)
            }
            HostCall::ConversationsLeaveQueue { id } => {
                truth(assignment::calls::leave(contact, id))
            }
            HostCall::ListsAdd { list } | HostCall::ListsRemove { list } => {
                let on = matches!(call, HostCall::ListsAdd { .. });
                let called = lists::answer(context, actor, contact, list, on, pending).await;
                truth(told(called)?)
            }
            HostCall::TablesAppend { table, row } => {
                let called = tables::answer(context, actor, contact, table, row).await;
                text(told(called)?)
            }
            HostCall::FilesRead { name } => {
                let read = files::answer(&self.context, &actor.workspace, name).await;
                match read {
                    Ok(read) => (HostReply::Digest(read), Vec::new()),
                    Err(error) if error.kind == ErrorKind::Unavailable => return Err(error.into()),
                    Err(error) => {
                        let refused = refusal(error.code, error.message);
                        (HostReply::Digest(Err(refused)), Vec::new())
                    }
                }
            }
            HostCall::MessagesChannel { name } => {
                let called = self.channel(actor, contact.as_ref(), name).await;
                text(told(called)?)
            }
            HostCall::MessagesSend { message } => {
                let called = self.send(actor, contact.as_ref(), message).await;
                text(told(called)?)
            }
            other => {
                return Err(DomainError::Invalid(format!(
                    "`{}` is not answered here",
                    other.name()
                )));
            }
        };
        Ok(Answer { reply, effects })
    }

    async fn apply(
        &self,
        actor: &Actor,
        effects: &[Effect],
        commit: &mut Commit,
    ) -> std::result::Result<Applied, DomainError> {
        Ok(effects::apply(&self.context, actor, effects, commit).await?)
    }

    async fn contacts_on(
        &self,
        workspace: &str,
        list: &str,
        after: Option<&str>,
        most: i64,
    ) -> std::result::Result<Vec<String>, DomainError> {
        Ok(lists::contacts_on(&self.context, workspace, list, after, most).await?)
    }

    async fn follow(
        &self,
        event: &Event,
        commit: &mut Commit,
    ) -> std::result::Result<Option<Box<dyn Any + Send + Sync>>, DomainError> {
        let followed = subscriptions::follow(&self.context, &self.dispatch, event, commit).await?;
        Ok(followed.map(|followed| Box::new(followed) as Box<dyn Any + Send + Sync>))
    }

    fn committed(&self, follow_up: Box<dyn Any + Send>) {
        let follow_up = match follow_up.downcast::<FollowUp>() {
            Ok(follow_up) => follow_up,
            Err(other) => {
                if let Ok(followed) = other.downcast::<Followed>() {
                    self.dispatch.go(*followed);
                }
                return;
            }
        };
        for message in &follow_up.messages {
            self.outbox.put(message);
        }
        for (contact, due) in &follow_up.timers {
            self.context.host.wake(contact, *due);
        }
        for (workspace, contact) in follow_up.reassigned {
            self.tell_assignment(workspace, contact);
        }
        for (workspace, contact) in follow_up.readdressed {
            let context = Arc::clone(&self.context);
            self.outbox.beside(async move {
                if let Err(error) = resolve::settle(&context, &workspace, &contact).await {
                    tracing::warn!(contact, %error, "the contact's addresses are put right at the next start");
                }
            });
        }
    }

    async fn template(
        &self,
        workspace: &str,
        name: &str,
    ) -> std::result::Result<Option<Template>, DomainError> {
        let row = self.templates().get(workspace, name).await?;
        Ok(row.map(|row| Template {
            subject: row.subject,
            html: row.html,
            text: row.text,
        }))
    }

    fn secrets(&self, workspace: &str, owner: SecretOwner<'_>) -> Arc<dyn Secrets> {
        let owner = match owner {
            SecretOwner::Workspace => "",
            SecretOwner::Channel(id) => id,
        };
        Messaging::secrets(self).of(workspace, owner)
    }

    fn due(&self, id: &str) {
        if bucket_in(subscriptions::DELIVERY, id).is_some() {
            return self.dispatch.due(id);
        }
        if bucket_in("ctc", id).is_none() {
            return self.outbox.due(id);
        }
        let (context, id) = (Arc::clone(&self.context), id.to_owned());
        self.outbox.beside(async move {
            if let Err(error) = timers::due(&context, &id).await {
                tracing::warn!(contact = id, %error, "what is due is done after the next start");
            }
        });
    }

    async fn taken(&self, buckets: &[i32]) -> std::result::Result<(), DomainError> {
        Ok(self.take_up(buckets).await?)
    }

    async fn leave(&self, bucket: i32) {
        self.context.deliveries.drain(bucket).await;
    }

    fn lost(&self, bucket: i32) {
        // What waits in memory is dropped when its turn comes: its bucket is not ours any more.
        self.context.deliveries.lost(bucket);
    }
}

fn text(called: Called<String>) -> (HostReply, Vec<Effect>) {
    match called {
        Ok((value, effects)) => (HostReply::Text(Ok(value)), effects),
        Err(error) => (HostReply::Text(Err(error)), Vec::new()),
    }
}

fn truth(called: Called<bool>) -> (HostReply, Vec<Effect>) {
    match called {
        Ok((value, effects)) => (HostReply::Truth(Ok(value)), effects),
        Err(error) => (HostReply::Truth(Err(error)), Vec::new()),
    }
}

pub(crate) fn no_contact() -> CallError {
    refusal("not-found", "this run has no contact")
}

fn add_tags(contact: Option<Document>, tags: &[String]) -> Called<()> {
    let contact = contact.ok_or_else(no_contact)?;
    let add = clean_tags(tags).map_err(|said| refusal("invalid", said))?;
    Ok((
        (),
        vec![
            Deed::Tags {
                contact: contact.row.id,
                add,
                remove: Vec::new(),
                silent: false,
            }
            .effect(),
        ],
    ))
}

/// What `contacts.retag` is given.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Retag {
    add: Vec<String>,
    remove: Vec<String>,
    silent: bool,
}

fn retag(contact: Option<Document>, change: &str) -> Called<String> {
    let mut contact = contact.ok_or_else(no_contact)?;
    let change: Retag = serde_json::from_str(change).map_err(|error| {
        let wanted = r#"{"add"?: ["vip"], "remove"?: ["lead"], "silent"?: true}"#;
        refusal("invalid", format!("a change of tags is {wanted}: {error}"))
    })?;
    let clean = |tags: &[String]| clean_tags(tags).map_err(|said| refusal("invalid", said));
    let (add, remove) = (clean(&change.add)?, clean(&change.remove)?);
    let changed = contact.retag(&add, &remove);
    let which = |wanted: bool| -> Vec<&str> {
        let changed = changed.iter().filter(|(_, added)| *added == wanted);
        changed.map(|(tag, _)| tag.as_str()).collect()
    };
    let answer = json!({"added": which(true), "removed": which(false)});
    let deed = Deed::Tags {
        contact: contact.row.id,
        add,
        remove,
        silent: change.silent,
    };
    Ok((answer.to_string(), vec![deed.effect()]))
}

impl Messaging {
    /// Tells the ledger of assignments of a contact, beside everything else.
    pub(crate) fn tell_assignment(&self, workspace: String, contact: String) {
        let context = Arc::clone(&self.context);
        self.outbox.beside(async move {
            if let Err(error) = assignment::settle(&context, &workspace, &contact).await {
                tracing::warn!(contact, %error, "the assignment is told of at the next start");
            }
        });
    }

    async fn update(
        &self,
        actor: &Actor,
        contact: Option<Document>,
        field: &str,
        operation: Operation,
        value: &str,
    ) -> Result<Called<String>> {
        let Some(mut contact) = contact else {
            return Ok(Err(no_contact()));
        };
        let Ok(value) = serde_json::from_str::<Value>(value) else {
            return Ok(Err(refusal(
                "invalid",
                "the value is not JSON: write a text in quotes",
            )));
        };
        let fields = self.context.fields(&actor.workspace).await?;
        if let Err(error) = field_type(field, &fields) {
            return Ok(Err(refusal("not-found", error.message())));
        }
        let settings = self.context.settings(&actor.workspace).await?;
        let country = settings.default_country.as_deref();
        let changed = contact.change(&fields, country, field, operation, &value);
        Ok(match changed {
            Ok(_) => {
                let now = contact.get(field).cloned().unwrap_or_default().to_string();
                let deed = Deed::Field {
                    contact: contact.row.id,
                    field: field.to_owned(),
                    operation,
                    value,
                };
                Ok((now, vec![deed.effect()]))
            }
            Err(FieldError::Unknown(said)) => Err(refusal("not-found", said)),
            Err(FieldError::Invalid(said)) => Err(refusal("invalid", format!("`{field}`: {said}"))),
        })
    }

    async fn channel(
        &self,
        actor: &Actor,
        contact: Option<&Document>,
        name: &str,
    ) -> Result<Called<String>> {
        let (channel, connector) =
            outgoing::channel(&self.context, &actor.workspace, name, contact).await?;
        let mut shown = connector.descriptor.show(&channel.settings);
        shown["id"] = channel.id.into();
        shown["name"] = channel.name.into();
        shown["state"] = channel.state.into();
        Ok(Ok((shown.to_string(), Vec::new())))
    }

    async fn send(
        &self,
        actor: &Actor,
        contact: Option<&Document>,
        message: &str,
    ) -> Result<Called<String>> {
        let Ok(value) = serde_json::from_str::<Value>(message) else {
            return Ok(Err(refusal("invalid", "the message is not JSON")));
        };
        let outgoing = Outgoing::read(&value, message.len())?;
        let draft = outgoing
            .draft(&self.context, &actor.workspace, contact)
            .await?;
        let now = self.context.now();
        let id = message_id(actor);
        let mut data = draft.data;
        // What the run sends once the contact has answered is a talk.
        let to = contact.filter(|_| draft.to_contact);
        let first = to.is_some_and(|contact| !contact.has_answered(&actor.run));
        let source = if actor.broadcast && first {
            message::BROADCAST
        } else {
            WORKFLOW
        };
        data.source = source.to_owned();
        data.workflow = Some(actor.workflow.clone());
        data.step = Some(actor.step.clone());
        data.history.push(Past {
            state: Status::Queued.name().to_owned(),
            at: now,
            reason: None,
        });
        let row = Message {
            bucket: actor.bucket,
            id: id.clone(),
            workspace: actor.workspace.clone(),
            channel: draft.channel.id,
            direction: "out".to_owned(),
            contact: to.map(|contact| contact.row.id.clone()),
            run: Some(actor.run.clone()),
            address: data.to.first().cloned().unwrap_or_default(),
            state: Status::Queued.name().to_owned(),
            reason: None,
            provider_id: None,
            data: Value::Null,
            attempts: 0,
            created_at: now,
            updated_at: now,
        };
        let message = Entry::new(row, data).write();
        Ok(Ok((
            id,
            vec![
                Deed::Send {
                    message: Box::new(message),
                }
                .effect(),
            ],
        )))
    }
}

/// The same id for every repetition of the same call of a run.
fn message_id(actor: &Actor) -> String {
    let mut hash = Sha256::new();
    for word in [&actor.workspace, &actor.run, &actor.step, &actor.call_key] {
        hash.update((word.len() as u64).to_be_bytes());
        hash.update(word.as_bytes());
    }
    let digest = hex::encode(hash.finalize());
    format!("msg_{}{:04x}", &digest[..32], actor.bucket)
}
