//! A message that came in: its contact is found or made, compliance words are heard before
//! anything else, and the rest is told to workflows. One commit, guarded by the provider's id.

use super::Inbound;
use super::events::{InboundMessage, InboundOther};
use crate::connectors::Connector;
use crate::contacts::address::Identity;
use crate::contacts::document::Document;
use crate::contacts::resolve::{self, Locked};
use crate::decisions;
use crate::error::{Error, Result};
use crate::host::AcceptError;
use crate::keywords::{self, Keyword};
use crate::message::{Class, Data, Entry, Past, Status, text_of};
use crate::opt_out::{self, ACCOUNT, Saying};
use crate::settings::Settings;
use crate::status;
use jackfield_engine::NewEvent;
use jackfield_store::Commit;
use jackfield_store::records::{Channel, Message, Seen};
use serde_json::{Value, json};

/// Where an opt-out that the contact was told about is noted, so that it is told once.
const STOPPED: &str = "stopped";

/// What a compliance word leads to.
struct Heard {
    keyword: Keyword,
    /// `account` or a channel's id.
    scope: String,
    /// What is answered, if anything.
    answer: Option<String>,
}

impl Inbound {
    pub(super) async fn message(&self, channel: &Channel, message: InboundMessage) -> Result<()> {
        let context = &*self.context;
        let connector = context.connector(&channel.digest).await?;
        let settings = context.settings(&channel.workspace).await?;
        let identity = identity(&connector, channel, &message.from, &settings);
        let mut locked = resolve::find_or_make(context, &channel.workspace, &identity).await?;
        let bucket = locked.guard.bucket();
        if self.seen(bucket, channel, &message.provider_id).await? {
            return Ok(());
        }
        let keyword = self.keyword(&connector, &settings, &message);
        let mut heard = None;
        if let Some(keyword) = keyword {
            // The opt-out lives in the bucket of its address: it is written before the message is
            // marked as seen, so a crash between has it written again, not forgotten. Nobody waits
            // for a lock with another in hand.
            let contact = locked.document.clone();
            drop(locked);
            heard = self
                .hear(channel, &settings, &identity, &contact, keyword, &message)
                .await?;
            locked = resolve::find_or_make(context, &channel.workspace, &identity).await?;
        }
        self.commit_message(channel, &settings, &identity, locked, message, heard)
            .await
    }

    /// The compliance word that a message is, on a channel that has any.
    fn keyword(
        &self,
        connector: &Connector,
        settings: &Settings,
        message: &InboundMessage,
    ) -> Option<Keyword> {
        let named = message.keyword.as_deref().and_then(Keyword::named);
        if named.is_some() {
            return named;
        }
        if !connector.descriptor.keywords {
            return None;
        }
        keywords::recognise(text_of(&message.content)?, &settings.keywords)
    }

    /// Acts on a compliance word; none where it is an ordinary word after all (START from somebody
    /// who never opted out).
    async fn hear(
        &self,
        channel: &Channel,
        settings: &Settings,
        identity: &Identity,
        contact: &Document,
        keyword: Keyword,
        message: &InboundMessage,
    ) -> Result<Option<Heard>> {
        let context = &*self.context;
        let text = text_of(&message.content).unwrap_or_default();
        let scope = opt_out::scope(settings.opt_out_scope, &channel.id).to_owned();
        let answer = || {
            // A provider that recognised the word has answered it itself.
            message.keyword.is_none().then(|| {
                keywords::answer(keyword, text, contact.text("language"), &settings.keywords)
            })
        };
        match keyword {
            Keyword::Stop => {
                let saying = Saying {
                    workspace: &channel.workspace,
                    address: &identity.value,
                    scope: &scope,
                    source: "keyword",
                    text: Some(text),
                };
                opt_out::set(context, &saying).await?;
                let told = is_stopped(contact, &identity.value);
                let answer = answer().filter(|_| !told);
                Ok(Some(Heard {
                    keyword,
                    scope,
                    answer,
                }))
            }
            Keyword::Start => {
                let cleared = opt_out::clear(
                    context,
                    &channel.workspace,
                    &identity.value,
                    Some(&channel.id),
                )
                .await?;
                let known =
                    cleared || is_stopped(contact, &identity.value) || message.keyword.is_some();
                Ok(known.then(|| Heard {
                    keyword,
                    scope,
                    answer: answer(),
                }))
            }
            Keyword::Help => Ok(Some(Heard {
                keyword,
                scope,
                answer: answer(),
            })),
        }
    }

    async fn seen(&self, bucket: i32, channel: &Channel, provider_id: &str) -> Result<bool> {
        let key = [
            ("workspace", channel.workspace.as_str()),
            ("scope", &channel.id),
            ("key", provider_id),
        ];
        let row: Option<Seen> = self.context.row(bucket, &key).await?;
        Ok(row.is_some())
    }

    async fn commit_message(
        &self,
        channel: &Channel,
        settings: &Settings,
        identity: &Identity,
        mut locked: Locked,
        message: InboundMessage,
        heard: Option<Heard>,
    ) -> Result<()> {
        let context = &*self.context;
        let now = context.now();
        let bucket = locked.guard.bucket();
        let blocked = locked.document.blocked();
        let mut events = Vec::new();
        let mut answers = Vec::new();
        let country = settings.default_country.as_deref();
        let readdressed = learn(&mut locked.document, identity, &message, country);
        let document = &mut locked.document;
        if !blocked {
            document.put("last_channel", Some(channel.id.clone().into()));
            document.put("last_incoming_at", Some(now.into()));
            document.put("last_incoming", text_of(&message.content).map(Into::into));
            document.note_address(&channel.id, &identity.value, Some(now));
        }
        let entry = received(
            context.new_id("msg", bucket),
            channel,
            identity,
            document,
            &message,
            now,
        );
        if let Some(heard) = &heard {
            set_stopped(document, &identity.value, heard.keyword);
            if let Some(text) = heard
                .answer
                .as_ref()
                .filter(|text| !blocked && !text.is_empty())
            {
                let id = context.new_id("msg", bucket);
                answers.push(answer(id, channel, &entry, text, context.next_order(), now));
            }
        }
        if locked.created {
            let shown = locked
                .document
                .show(&context.channels(&channel.workspace).await?);
            events.push(locked.document.event(
                "contact.created",
                json!({"contact": shown}),
                &channel.id,
            ));
        }
        if !blocked {
            events.extend(event(
                &locked.document,
                channel,
                &entry,
                identity,
                heard.as_ref(),
            ));
        }
        let mut commit = locked.commit(now);
        commit.insert(&Seen {
            bucket,
            workspace: channel.workspace.clone(),
            scope: channel.id.clone(),
            key: message.provider_id.clone(),
            at: now,
        });
        if readdressed {
            resolve::mark(&mut commit, &locked.document.row, now);
        }
        if blocked {
            let contact = &locked.document.row.id;
            commit.put(&decisions::dropped(
                context,
                bucket,
                &channel.workspace,
                contact,
                &message.provider_id,
            ));
        } else {
            commit.insert(&entry.write());
        }
        for answer in &answers {
            commit.insert(&answer.write());
        }
        match context.host.accept(&locked.guard, events, commit).await {
            Ok(()) => {}
            Err(AcceptError::Repeated) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        let Locked {
            guard, document, ..
        } = locked;
        drop(guard);
        for answer in &answers {
            self.outbox.put(answer);
        }
        if readdressed {
            resolve::settle(context, &channel.workspace, &document.row.id).await?;
        }
        Ok(())
    }

    /// What somebody of ours wrote by other means (the provider's own app).
    pub(super) async fn echo(&self, channel: &Channel, message: InboundMessage) -> Result<()> {
        let context = &*self.context;
        if status::find(context, channel, &message.provider_id)
            .await?
            .is_some()
        {
            // Our own message, come back.
            return Ok(());
        }
        let connector = context.connector(&channel.digest).await?;
        let settings = context.settings(&channel.workspace).await?;
        let identity = identity(&connector, channel, &message.from, &settings);
        let mut locked = resolve::find_or_make(context, &channel.workspace, &identity).await?;
        let bucket = locked.guard.bucket();
        let now = context.now();
        let document = &mut locked.document;
        document.put("last_channel", Some(channel.id.clone().into()));
        document.put("last_outgoing_at", Some(now.into()));
        document.put("last_outgoing", text_of(&message.content).map(Into::into));
        document.put("last_outgoing_source", Some("echo".into()));
        document.note_address(&channel.id, &identity.value, None);
        let mut entry = received(
            context.new_id("msg", bucket),
            channel,
            &identity,
            document,
            &message,
            now,
        );
        entry.data.source = "echo".to_owned();
        entry.data.to = vec![identity.value.clone()];
        let row = entry.row();
        row.direction = "out".to_owned();
        row.state = Status::Sent.name().to_owned();
        let id = row.id.clone();
        let mut commit = locked.commit(now);
        commit.insert(&Seen {
            bucket,
            workspace: channel.workspace.clone(),
            scope: channel.id.clone(),
            key: message.provider_id.clone(),
            at: now,
        });
        commit.insert(&entry.write());
        match context.host.accept(&locked.guard, Vec::new(), commit).await {
            Ok(()) => {}
            Err(AcceptError::Repeated) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        drop(locked);
        // Its receipt may have come while the echo was written.
        if status::connect(context, channel, &message.provider_id, &id, false)
            .await?
            .is_some()
        {
            status::forget_echo(context, &id).await?;
        }
        Ok(())
    }

    /// Something that is no message: an event under the channel's name for it.
    pub(super) async fn other(&self, channel: &Channel, other: InboundOther) -> Result<()> {
        let context = &*self.context;
        let key = other
            .provider_id
            .clone()
            .unwrap_or_else(|| context.new_id("evt", 0));
        let bucket = context.bucket_of(&[&channel.id, &key]);
        let guard = context.lock(bucket).await;
        let event = NewEvent {
            workspace: channel.workspace.clone(),
            name: format!("channel.{}", other.name),
            contact: None,
            subject: Some(context.new_id("evt", bucket)),
            data: json!({"channel": {"id": channel.id, "name": channel.name}, "data": other.data}),
            source: channel.id.clone(),
        };
        let mut commit = Commit::of(bucket);
        if other.provider_id.is_some() {
            commit.insert(&Seen {
                bucket,
                workspace: channel.workspace.clone(),
                scope: channel.id.clone(),
                key,
                at: context.now(),
            });
        }
        match context.host.accept(&guard, vec![event], commit).await {
            Ok(()) | Err(AcceptError::Repeated) => Ok(()),
            Err(error) => Err(Error::from(error)),
        }
    }
}

fn identity(connector: &Connector, channel: &Channel, from: &str, settings: &Settings) -> Identity {
    let country = settings.default_country.as_deref();
    Identity::on_channel(connector.descriptor.address, &channel.id, from, country)
}

/// Fills what is not known of a contact from its address and the provider's profile. Answers
/// whether it has a phone number or mail address that it had not.
fn learn(
    document: &mut Document,
    identity: &Identity,
    message: &InboundMessage,
    country: Option<&str>,
) -> bool {
    let mut readdressed = false;
    if (identity.kind == "phone" || identity.kind == "email")
        && document.get(&identity.kind).is_none()
    {
        document.put(&identity.kind, Some(identity.value.clone().into()));
    }
    let given = |key: &str| {
        let text = message
            .profile
            .get(key)
            .and_then(Value::as_str)
            .map(str::trim);
        text.filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let mut profile = vec![
        ("firstname", given("firstname")),
        ("lastname", given("lastname")),
        ("language", given("language")),
        ("country", given("country")),
        ("profile_pic", given("profile-pic")),
        ("phone", given("phone")),
        ("email", given("email")),
    ];
    if let Some(name) =
        given("name").filter(|_| given("firstname").is_none() && given("lastname").is_none())
        && document.get("lastname").is_none()
    {
        let (first, last) = name.split_once(' ').unwrap_or((&name, ""));
        profile.push(("firstname", Some(first.to_owned())));
        profile.push((
            "lastname",
            Some(last.trim().to_owned()).filter(|last| !last.is_empty()),
        ));
    }
    for (field, value) in profile {
        let Some(value) = value.filter(|_| document.get(field).is_none()) else {
            continue;
        };
        let change = document.change(
            &[],
            country,
            field,
            crate::contacts::Operation::Set,
            &value.into(),
        );
        // What a provider writes into a profile and does not fit is left out.
        if matches!(change, Ok(Some(_))) {
            readdressed |= field == "phone" || field == "email";
        }
    }
    readdressed
}

fn is_stopped(document: &Document, address: &str) -> bool {
    let all = document
        .get(STOPPED)
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    all.filter_map(Value::as_str).any(|one| one == address)
}

fn set_stopped(document: &mut Document, address: &str, keyword: Keyword) {
    let all = document
        .get(STOPPED)
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let mut all: Vec<Value> = all.into_iter().filter(|one| one != address).collect();
    match keyword {
        Keyword::Stop => all.push(address.into()),
        Keyword::Start => {}
        Keyword::Help => return,
    }
    document.put(STOPPED, Some(all.into()));
}

fn received(
    id: String,
    channel: &Channel,
    identity: &Identity,
    contact: &Document,
    message: &InboundMessage,
    now: i64,
) -> Entry {
    let data = Data {
        to: message.to.iter().cloned().collect(),
        content: message.content.clone(),
        source: "contact".to_owned(),
        payload: message.payload.clone(),
        in_reply_to: message.in_reply_to.clone(),
        detail: message.at.map(|at| json!({"at": at})),
        ..Data::default()
    };
    let row = Message {
        bucket: contact.row.bucket,
        id,
        workspace: channel.workspace.clone(),
        channel: channel.id.clone(),
        direction: "in".to_owned(),
        contact: Some(contact.row.id.clone()),
        run: None,
        address: identity.value.clone(),
        state: Status::Received.name().to_owned(),
        reason: None,
        provider_id: Some(message.provider_id.clone()),
        data: Value::Null,
        attempts: 0,
        created_at: now,
        updated_at: now,
    };
    Entry::new(row, data)
}

/// The one answer to a compliance word: it leaves whatever the opt-out says.
fn answer(id: String, channel: &Channel, to: &Entry, text: &str, order: i64, now: i64) -> Entry {
    let data = Data {
        to: vec![to.address.clone()],
        content: json!({"type": "text", "text": text}),
        class: Class::Internal,
        source: "keyword".to_owned(),
        order,
        history: vec![Past {
            state: Status::Queued.name().to_owned(),
            at: now,
            reason: None,
        }],
        ..Data::default()
    };
    let row = Message {
        bucket: to.bucket,
        id,
        workspace: channel.workspace.clone(),
        channel: channel.id.clone(),
        direction: "out".to_owned(),
        contact: to.contact.clone(),
        run: None,
        address: to.address.clone(),
        state: Status::Queued.name().to_owned(),
        reason: None,
        provider_id: None,
        data: Value::Null,
        attempts: 0,
        created_at: now,
        updated_at: now,
    };
    Entry::new(row, data)
}

/// What workflows hear of the message: of a compliance word only what it means.
fn event(
    document: &Document,
    channel: &Channel,
    entry: &Entry,
    identity: &Identity,
    heard: Option<&Heard>,
) -> Option<NewEvent> {
    let text = text_of(&entry.data.content);
    if let Some(heard) = heard {
        let name = match heard.keyword {
            Keyword::Stop => "contact.opted-out",
            Keyword::Start => "contact.opted-in",
            Keyword::Help => return None,
        };
        let data = json!({"opt_out": {
            "address": identity.value,
            "scope": if heard.scope == ACCOUNT { "account" } else { "channel" },
            "channel": channel.name,
            "channel_id": channel.id,
            "source": "keyword",
            "text": text,
        }});
        return Some(document.event(name, data, &channel.id));
    }
    let data = json!({"message": {
        "id": entry.id,
        "channel": channel.name,
        "channel_id": channel.id,
        "type": entry.data.content.get("type"),
        "text": text,
        "content": without_bytes(&entry.data.content),
        "payload": entry.data.payload,
        "address": identity.value,
        "in_reply_to": entry.data.in_reply_to,
        "provider_id": entry.provider_id,
    }});
    Some(document.event("message.received", data, &channel.id))
}

/// Attachments that came with their bytes are told without them: the message has them.
fn without_bytes(content: &Value) -> Value {
    let mut content = content.clone();
    if let Some(Value::Array(attachments)) = content.get_mut("attachments") {
        for attachment in attachments.iter_mut().filter_map(Value::as_object_mut) {
            attachment.shift_remove("content");
        }
    }
    content
}
