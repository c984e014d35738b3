//! Compliance words in what came in: STOP, START and HELP are acted on before anything else hears
//! of the message, and answered once.

use super::Inbound;
use super::events::InboundMessage;
use crate::connectors::Connector;
use crate::contacts::address::Identity;
use crate::contacts::document::Document;
use crate::error::Result;
use crate::keywords::{self, Keyword};
use crate::message::{Class, Data, Entry, Past, Status, text_of};
use crate::opt_out::{self, Saying};
use crate::settings::Settings;
use jackfield_store::records::{Channel, Message};
use serde_json::{Value, json};

/// Where an opt-out that the contact was told about is noted, so that it is told once.
const STOPPED: &str = "stopped";

/// What a compliance word leads to.
pub(super) struct Heard {
    pub(super) keyword: Keyword,
    /// `account` or a channel's id.
    pub(super) scope: String,
    /// What is answered, if anything.
    pub(super) answer: Option<String>,
}

impl Inbound {
    /// The compliance word that a message is, on a channel that has any.
    pub(super) fn keyword(
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
    pub(super) async fn hear(
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
}

fn is_stopped(document: &Document, address: &str) -> bool {
    let all = document
        .get(STOPPED)
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    all.filter_map(Value::as_str).any(|one| one == address)
}

pub(super) fn set_stopped(document: &mut Document, address: &str, keyword: Keyword) {
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

/// The one answer to a compliance word: it leaves whatever the opt-out says.
pub(super) fn answer(
    id: String,
    channel: &Channel,
    to: &Entry,
    text: &str,
    order: i64,
    now: i64,
) -> Entry {
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
