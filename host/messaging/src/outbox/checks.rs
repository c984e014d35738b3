//! What is looked at in the moment of sending, in this order: is the contact blocked, is the
//! address on the blacklist, did somebody opt out, may marketing leave now and how often, is the messaging window open, does the channel
//! take the content. Each refusal has a stable code and says what would be accepted.

use crate::blacklist::Direction;
use crate::connectors::Connector;
use crate::contacts::document::Document;
use crate::contacts::{address::Identity, resolve};
use crate::context::Context;
use crate::error::Result;
use crate::message::{Class, Entry, Trouble};
use crate::settings::Settings;
use crate::{content, opt_out, unsubscribe};
use jackfield_store::records::{Channel, Message};
use jackfield_store::{Is, Query, StoreExt};
use jiff::Timestamp;
use serde_json::{Value, json};

/// The most marketing messages that are counted for a cap.
const COUNTED: i64 = 1_000;
/// Earlier mails of a thread that are named.
const THREAD: usize = 20;

/// What is to become of a message now.
#[derive(Debug)]
pub(crate) enum Ruling {
    /// It goes out: the message as the connector gets it, and the recipients that remain.
    Go(Value),
    /// Not now, but at that instant.
    Later(i64, Trouble),
    /// Not at all.
    Refused(Trouble),
}

/// Everything that a ruling looks at.
pub(crate) struct Case<'a> {
    pub(crate) context: &'a Context,
    pub(crate) channel: &'a Channel,
    pub(crate) connector: &'a Connector,
    pub(crate) settings: &'a Settings,
    pub(crate) message: &'a Entry,
    pub(crate) contact: Option<&'a Document>,
}

impl Case<'_> {
    /// The ruling.
    pub(crate) async fn rule(&self) -> Result<Ruling> {
        let internal = self.message.data.class == Class::Internal;
        let mut to = self.message.data.to.clone();
        if !internal {
            if self.blocked().await? {
                return Ok(refused(
                    "blocked",
                    "the contact is blocked: unblock it to send to it",
                ));
            }
            let list = self.context.blacklist(&self.message.workspace).await?;
            let mut closed = None;
            to.retain(|address| {
                let entry = list.closes(address, Direction::Outbound);
                let open = entry.is_none();
                closed = entry.or(closed.take());
                open
            });
            if let Some(entry) = closed.filter(|_| to.is_empty()) {
                let said = format!("`{entry}` is on the blacklist: nothing is sent to it");
                return Ok(refused("blacklisted", said));
            }
            let mut last = None;
            let mut open = Vec::new();
            for address in to {
                match opt_out::find(
                    self.context,
                    &self.message.workspace,
                    &address,
                    &self.channel.id,
                )
                .await?
                {
                    None => open.push(address),
                    Some(row) => last = Some(row),
                }
            }
            to = open;
            if let Some(row) = last.filter(|_| to.is_empty()) {
                let said = format!(
                    "{} opted out by {} (scope {}): it has to opt in again",
                    row.address, row.source, row.scope
                );
                return Ok(refused("opted-out", said));
            }
        }
        if self.message.data.class == Class::Marketing
            && let Some(ruling) = self.marketing().await?
        {
            return Ok(ruling);
        }
        if let Some(trouble) = self.window() {
            return Ok(Ruling::Refused(trouble));
        }
        match self.prepared(to).await? {
            Ok(message) => Ok(Ruling::Go(message)),
            Err(trouble) => Ok(Ruling::Refused(trouble)),
        }
    }

    /// Whether the contact that it goes to is blocked, also where the message only names an
    /// address.
    async fn blocked(&self) -> Result<bool> {
        if let Some(contact) = self.contact {
            return Ok(contact.blocked());
        }
        let identity = Identity::on_channel(
            self.connector.descriptor.address(&self.channel.settings),
            &self.channel.id,
            &self.message.address,
            None,
        );
        let found = resolve::find(self.context, &self.message.workspace, &identity).await?;
        Ok(found.is_some_and(|row| Document { row }.blocked()))
    }

    async fn marketing(&self) -> Result<Option<Ruling>> {
        let now = self.context.now();
        let calendars = self.context.calendars(&self.message.workspace).await?;
        if let Some(hours) = self.settings.marketing(&calendars) {
            let at = Timestamp::from_millisecond(now).unwrap_or(Timestamp::UNIX_EPOCH);
            let zone = self.settings.zone();
            let theirs = self.contact.and_then(|contact| contact.get("time_zone"));
            let hours = hours.of_contact(theirs.and_then(Value::as_str));
            if !hours.is_open(at, &zone) {
                return Ok(Some(match hours.next_open(at, &zone) {
                    Some(open) => Ruling::Later(
                        open.as_millisecond(),
                        Trouble::new("quiet-hours", format!("marketing leaves again at {open}")),
                    ),
                    None => refused("quiet-hours", "the marketing hours are never open"),
                }));
            }
        }
        let Some((most, span)) = self.settings.cap() else {
            return Ok(None);
        };
        let column = if self.message.contact.is_some() {
            "contact"
        } else {
            "address"
        };
        let whom = self
            .message
            .contact
            .as_deref()
            .unwrap_or(&self.message.address);
        let query = Query::<Message>::of(self.message.bucket)
            .equal("workspace", self.message.workspace.as_str())
            .equal(column, whom)
            .equal("direction", "out")
            .filter("updated_at", Is::Greater, now.saturating_sub(span))
            .filter(
                "state",
                Is::In,
                json!([
                    "sending",
                    "uncertain",
                    "accepted",
                    "sent",
                    "delivered",
                    "read"
                ]),
            )
            .limit(COUNTED);
        let rows = self.context.store().find(query).await?;
        let count = rows
            .iter()
            .filter(|row| row.id != self.message.id)
            .filter(|row| row.data.get("class").and_then(Value::as_str) == Some("marketing"))
            .count();
        if count < most {
            return Ok(None);
        }
        let said = format!("it got {count} marketing messages lately; the workspace allows {most}");
        Ok(Some(refused("frequency-cap", said)))
    }

    fn window(&self) -> Option<Trouble> {
        let seconds = self.connector.descriptor.window?;
        if self
            .message
            .data
            .content
            .get("type")
            .and_then(Value::as_str)
            == Some("template")
        {
            return None;
        }
        let last = self
            .contact
            .and_then(|contact| contact.address_on(&self.channel.id))
            .and_then(|(_, at)| at);
        let open = last.is_some_and(|at| {
            self.context.now().saturating_sub(at) < seconds.saturating_mul(1_000)
        });
        (!open).then(|| {
            Trouble::new(
                "outside-window",
                format!(
                    "`{}` takes free messages only within {} hours after the contact's last message: \
                     send a template, or wait until it writes",
                    self.channel.name,
                    seconds / 3_600
                ),
            )
        })
    }

    /// The message as the connector gets it.
    async fn prepared(&self, to: Vec<String>) -> Result<std::result::Result<Value, Trouble>> {
        let data = &self.message.data;
        let link = match &data.unsubscribe {
            Some(_) => to.first().map(|address| {
                unsubscribe::link(
                    self.context,
                    &self.message.workspace,
                    address,
                    &self.channel.id,
                    &self.message.id,
                )
            }),
            None => None,
        };
        let line = link.as_ref().map(|url| content::Link {
            text: data
                .unsubscribe
                .as_ref()
                .and_then(|unsubscribe| unsubscribe.text.as_deref())
                .unwrap_or(&self.settings.unsubscribe_text),
            url,
        });
        let content =
            match content::prepare(&self.connector.descriptor, &data.content, line.as_ref()) {
                Ok(content) => content,
                Err(trouble) => return Ok(Err(trouble)),
            };
        let mut message = json!({
            "id": self.message.id,
            "to": to,
            "content": content,
            "status-url": self.context.options.webhook(&self.channel.id),
            "automated": data.source != "user",
        });
        if let Some(sender) = &data.sender {
            message["sender"] = sender.as_str().into();
        }
        if let Some(link) = link {
            message["unsubscribe-url"] = link.into();
        }
        if message["content"]["type"] == "email"
            && let Some(thread) = self.thread().await?
        {
            message["thread"] = thread;
        }
        Ok(Ok(message))
    }

    /// Mails to one contact by one workflow are one thread.
    async fn thread(&self) -> Result<Option<Value>> {
        let (Some(contact), Some(workflow)) = (&self.message.contact, &self.message.data.workflow)
        else {
            return Ok(None);
        };
        let query = Query::<Message>::of(self.message.bucket)
            .equal("contact", contact.as_str())
            .equal("channel", self.channel.id.as_str())
            .equal("direction", "out")
            .filter("provider_id", Is::NotEqual, Value::Null)
            .filter("created_at", Is::AtMost, self.message.created_at)
            .descending("created_at")
            .limit(200);
        let rows = self.context.store().find(query).await?;
        let mut ids: Vec<String> = rows
            .into_iter()
            .filter(|row| row.id != self.message.id)
            .filter(|row| row.data.get("workflow").and_then(Value::as_str) == Some(workflow))
            .filter_map(|row| row.provider_id)
            .collect();
        ids.reverse();
        let (Some(first), Some(last)) = (ids.first().cloned(), ids.last().cloned()) else {
            return Ok(None);
        };
        if ids.len() > THREAD {
            // The first is the thread's root: it stays.
            ids.drain(1..=ids.len() - THREAD);
        }
        Ok(Some(
            json!({"id": first, "in-reply-to": last, "references": ids}),
        ))
    }
}

fn refused(code: &str, message: impl Into<String>) -> Ruling {
    Ruling::Refused(Trouble::new(code, message))
}
