//! A message that came in: its contact is found or made, compliance words are heard before
//! anything else, and the rest is told to workflows. One commit, guarded by the provider's id.

use super::Inbound;
use super::events::InboundMessage;
use super::hear::{self, Heard};
use crate::assignment;
use crate::blacklist::Direction;
use crate::connectors::Connector;
use crate::contacts::address::Identity;
use crate::contacts::document::Document;
use crate::contacts::resolve::{self, Locked};
use crate::conversations;
use crate::conversations::document::{Conversation, Opening};
use crate::decisions;
use crate::error::Result;
use crate::host::AcceptError;
use crate::keywords::Keyword;
use crate::message::{Data, Entry, Status, text_of};
use crate::opt_out::ACCOUNT;
use crate::settings::Settings;
use crate::timers;
use jackfield_engine::NewEvent;
use jackfield_store::records::{Channel, Message, Seen, Wait};
use jackfield_store::{Commit, Query, StoreExt};
use serde_json::{Value, json};

/// A message with what was made of it.
struct Incoming {
    message: InboundMessage,
    heard: Option<Heard>,
    /// The entry of the blacklist that its sender is on.
    listed: Option<String>,
}

impl Inbound {
    pub(super) async fn message(&self, channel: &Channel, message: InboundMessage) -> Result<()> {
        let context = &*self.context;
        let connector = context.connector(&channel.digest).await?;
        let settings = context.settings(&channel.workspace).await?;
        let identity = identity(&connector, channel, &message.from, &settings);
        let keyword = self.keyword(&connector, &settings, &message);
        let blacklist = context.blacklist(&channel.workspace).await?;
        let listed = blacklist.closes(&identity.value, Direction::Inbound);
        if let (Some(entry), None) = (&listed, &keyword) {
            return self
                .reject(channel, &identity, &message.provider_id, entry)
                .await;
        }
        let mut locked = resolve::find_or_make(context, &channel.workspace, &identity).await?;
        let bucket = locked.guard.bucket();
        if self.seen(bucket, channel, &message.provider_id).await? {
            return Ok(());
        }
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
        let incoming = Incoming {
            message,
            heard,
            listed,
        };
        self.commit_message(channel, &settings, &identity, locked, incoming)
            .await
    }

    /// Drops what comes from a blacklisted address, and says so. It makes no contact.
    pub(super) async fn reject(
        &self,
        channel: &Channel,
        identity: &Identity,
        provider_id: &str,
        entry: &str,
    ) -> Result<()> {
        let context = &*self.context;
        let workspace = channel.workspace.as_str();
        let known = resolve::find(context, workspace, identity).await?;
        let bucket = match &known {
            Some(contact) => contact.bucket,
            None => context.bucket_of(&[workspace, &identity.word()]),
        };
        let guard = context.lock(bucket).await?;
        if self.seen(bucket, channel, provider_id).await? {
            return Ok(());
        }
        let mut commit = Commit::of(bucket);
        commit.insert(&Seen {
            bucket,
            workspace: workspace.to_owned(),
            scope: channel.id.clone(),
            key: provider_id.to_owned(),
            at: context.now(),
        });
        let contact = known.map(|contact| contact.id);
        commit.put(&decisions::rejected(
            context,
            bucket,
            workspace,
            contact,
            provider_id,
            entry,
        ));
        context.host.commit(&guard, commit).await?;
        Ok(())
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

    /// Whether a run waits for what the contact says.
    async fn answers_a_question(&self, contact: &Document) -> Result<bool> {
        let row = &contact.row;
        let topic = jackfield_engine::topic(&row.workspace, "message.received", &row.id);
        let query = Query::<Wait>::of(row.bucket).equal("topic", topic);
        let waits = self.context.store().find(query).await?;
        Ok(waits.iter().any(|wait| wait.claim))
    }

    async fn commit_message(
        &self,
        channel: &Channel,
        settings: &Settings,
        identity: &Identity,
        mut locked: Locked,
        incoming: Incoming,
    ) -> Result<()> {
        let Incoming {
            message,
            heard,
            listed,
        } = incoming;
        let context = &*self.context;
        let now = context.now();
        let bucket = locked.guard.bucket();
        // From a blacklisted address a compliance word is heard, and nothing else comes of it.
        let blocked = listed.is_some() || locked.document.blocked();
        let mut events = Vec::new();
        let mut answers = Vec::new();
        let country = settings.default_country.as_deref();
        let readdressed = learn(&mut locked.document, identity, &message, country);
        let document = &mut locked.document;
        if !blocked {
            document.note_incoming(&channel.id, &message.content, now);
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
            hear::set_stopped(document, &identity.value, heard.keyword);
            if let Some(text) = heard
                .answer
                .as_ref()
                .filter(|text| !blocked && !text.is_empty())
            {
                let id = context.new_id("msg", bucket);
                answers.push(hear::answer(
                    id,
                    channel,
                    &entry,
                    text,
                    context.next_order(),
                    now,
                ));
            }
        }
        if locked.created && listed.is_none() {
            let shown = locked
                .document
                .show(&context.channels(&channel.workspace).await?);
            events.push(locked.document.event(
                "contact.created",
                json!({"contact": shown}),
                &channel.id,
            ));
        }
        let mut opened = None;
        let mut stays = None;
        let mut broadcast = None;
        if !blocked && heard.is_none() {
            let channels = context.channels(&channel.workspace).await?;
            let document = &mut locked.document;
            broadcast = document.answer_broadcast(&channels);
            stays = Conversation::stays(document);
            // Looked up only where it matters. What is set aside comes back by any message.
            let opens = Conversation::is_snoozed(document)
                || !Conversation::is_open(document)
                    && (settings.reopen_on_bot_reply || !self.answers_a_question(document).await?);
            if opens {
                let opening = Opening {
                    id: context.new_id("cnv", bucket),
                    source: match &message.ad {
                        Some(_) => "click-to-chat-ads".to_owned(),
                        None => "contact".to_owned(),
                    },
                    channel: Some(channel.id.clone()),
                    first_message: text_of(&message.content).map(str::to_owned),
                    auto_close: settings.auto_close.is_some(),
                };
                opened = conversations::open(document, opening, now);
            }
        }
        if let Some(opened) = &opened {
            let channels = context.channels(&channel.workspace).await?;
            events.push(opened.event(&locked.document, &channels, &channel.id));
        }
        if !blocked {
            events.extend(event(
                &locked.document,
                channel,
                &entry,
                identity,
                heard.as_ref(),
                Why {
                    ad: message.ad.as_ref(),
                    broadcast,
                },
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
        let mut reassigned = false;
        let mut due = None;
        // The newer of the two.
        if let Some(talk) = opened.as_ref().or(stays.as_ref()) {
            commit.put(&talk.row(&locked.document));
            // A new conversation has no time of its own yet.
            if stays.is_some() || talk.unsnoozed_at.is_some() {
                due = timers::put(&mut commit, &locked.document);
            }
        }
        if opened.is_some() {
            // Whoever has the contact has one open contact more.
            reassigned = assignment::concerns(&locked.document);
            if reassigned {
                assignment::mark(&mut commit, &locked.document.row, now);
            }
        }
        if blocked {
            let contact = &locked.document.row.id;
            let (workspace, subject) = (&channel.workspace, &message.provider_id);
            commit.put(&match &listed {
                None => decisions::dropped(context, bucket, workspace, contact, subject),
                Some(entry) => {
                    let contact = Some(contact.clone());
                    decisions::rejected(context, bucket, workspace, contact, subject, entry)
                }
            });
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
        if let Some(due) = due {
            context.host.wake(&document.row.id, due);
        }
        for answer in &answers {
            self.outbox.put(answer);
        }
        if readdressed {
            resolve::settle(context, &channel.workspace, &document.row.id).await?;
        }
        if reassigned {
            assignment::settle(context, &channel.workspace, &document.row.id).await?;
        }
        Ok(())
    }
}

pub(super) fn identity(
    connector: &Connector,
    channel: &Channel,
    from: &str,
    settings: &Settings,
) -> Identity {
    let country = settings.default_country.as_deref();
    Identity::on_channel(
        connector.descriptor.address(&channel.settings),
        &channel.id,
        from,
        country,
    )
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

pub(super) fn received(
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

/// What led to a message.
struct Why<'a> {
    /// The advertisement.
    ad: Option<&'a Value>,
    /// The broadcast that it answers.
    broadcast: Option<Value>,
}

/// What workflows hear of the message: of a compliance word only what it means.
fn event(
    document: &Document,
    channel: &Channel,
    entry: &Entry,
    identity: &Identity,
    heard: Option<&Heard>,
    why: Why<'_>,
) -> Vec<NewEvent> {
    let text = text_of(&entry.data.content);
    if let Some(heard) = heard {
        let name = match heard.keyword {
            Keyword::Stop => "contact.opted-out",
            Keyword::Start => "contact.opted-in",
            Keyword::Help => return Vec::new(),
        };
        let data = json!({"opt_out": {
            "address": identity.value,
            "scope": if heard.scope == ACCOUNT { "account" } else { "channel" },
            "channel": channel.name,
            "channel_id": channel.id,
            "source": "keyword",
            "text": text,
        }});
        return vec![document.event(name, data, &channel.id)];
    }
    let mut data = json!({"message": {
        "id": entry.id,
        "channel": channel.name,
        "channel_id": channel.id,
        "type": entry.data.content.get("type"),
        "text": text,
        "content": without_bytes(&entry.data.content),
        "payload": entry.data.payload,
        "address": identity.value,
        "to": entry.data.to.first(),
        "in_reply_to": entry.data.in_reply_to,
        "provider_id": entry.provider_id,
    }});
    let mut besides = Vec::new();
    if let Some(broadcast) = why.broadcast {
        let mut data = data.clone();
        data["broadcast"] = broadcast;
        besides.push(document.event("broadcast.replied", data, &channel.id));
    }
    if let Some(ad) = why.ad {
        data["ad"] = ad.clone();
        besides.push(document.event("click-to-chat", data.clone(), &channel.id));
    }
    let mut events = vec![document.event("message.received", data, &channel.id)];
    events.extend(besides);
    events
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
