//! From what a step or a caller wants sent to a row of the outbox: the channel is resolved, the
//! recipients are put into their normal form, and what cannot be sent is refused at once.
//!
//! What depends on the moment of sending (opt-outs, windows, limits) is the dispatcher's.

use crate::connectors::{AddressKind, Connector};
use crate::contacts::address;
use crate::contacts::document::Document;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::message::{Class, Data, Unsubscribe};
use crate::schema::{self, OUTGOING};
use jackfield_store::records::Channel;
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;

/// The largest message, in bytes of JSON. Attachments by content count; by URL they do not.
const LARGEST: usize = 40 * 1024 * 1024;

/// One or several.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Recipients {
    One(String),
    Several(Vec<String>),
}

/// What is to be sent, under the schema of outgoing messages.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Outgoing {
    channel: String,
    to: Option<Recipients>,
    sender: Option<String>,
    content: Value,
    unsubscribe: Option<Unsubscribe>,
    #[serde(default)]
    class: Class,
    #[serde(default, rename = "when-paused")]
    when_paused: WhenPaused,
}

/// What becomes of a message whose channel is paused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WhenPaused {
    /// It waits until the channel is active again.
    #[default]
    Wait,
    /// It fails.
    Fail,
}

/// A message that can go into the outbox.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) channel: Channel,
    /// Whether the contact is the one that it goes to.
    pub(crate) to_contact: bool,
    pub(crate) data: Data,
}

impl Outgoing {
    /// Reads what a step or a caller wrote.
    ///
    /// # Errors
    /// `too-large`; `invalid` with what is wrong.
    pub(crate) fn read(value: &Value, size: usize) -> Result<Outgoing> {
        if size > LARGEST {
            return Err(Error::invalid(
                "too-large",
                "a message has at most 40 MiB; give attachments by URL",
            ));
        }
        let problems = schema::problems(&OUTGOING, value);
        if !problems.is_empty() {
            return Err(Error::problems("invalid", problems));
        }
        Outgoing::deserialize(value).map_err(|error| Error::invalid("invalid", error.to_string()))
    }

    /// The message with its channel and recipients.
    ///
    /// # Errors
    /// `not-found` for an unknown channel, `no-channel`, `no-address`, `invalid`; `channel-paused` where
    /// the message does not wait for that.
    pub(crate) async fn draft(
        self,
        context: &Context,
        workspace: &str,
        contact: Option<&Document>,
    ) -> Result<Draft> {
        let (channel, connector) = channel(context, workspace, &self.channel, contact).await?;
        let settings = context.settings(workspace).await?;
        let kind = connector.descriptor.address(&channel.settings);
        let own = contact.and_then(|contact| own_address(contact, kind, &channel.id));
        let given = match self.to {
            None => Vec::new(),
            Some(Recipients::One(one)) => vec![one],
            Some(Recipients::Several(all)) => all,
        };
        let mut to = Vec::new();
        for one in given
            .iter()
            .map(|one| one.trim())
            .filter(|one| !one.is_empty())
        {
            let address = recipient(kind, one, settings.default_country.as_deref())?;
            if !to.contains(&address) {
                to.push(address);
            }
        }
        if to.is_empty() {
            to.push(
                own.clone()
                    .ok_or_else(|| no_address(contact, kind, &channel.name))?,
            );
        }
        if kind != AddressKind::Email && to.len() > 1 {
            return Err(Error::invalid(
                "invalid",
                format!(
                    "only mails go to several at once; `{}` takes one recipient",
                    channel.name
                ),
            ));
        }
        let to_contact = contact.is_some_and(|contact| {
            own.as_ref() == to.first()
                || contact
                    .identities()
                    .iter()
                    .any(|identity| Some(&identity.value) == to.first())
        });
        if self.when_paused == WhenPaused::Fail && channel.state == "paused" {
            let reason = channel.reason.as_deref().unwrap_or("no reason is known");
            return Err(Error::invalid(
                "channel-paused",
                format!("the channel `{}` is paused: {reason}", channel.name),
            ));
        }
        let data = Data {
            to,
            sender: self.sender.filter(|sender| !sender.is_empty()),
            content: self.content,
            class: self.class,
            unsubscribe: self.unsubscribe,
            fails_when_paused: self.when_paused == WhenPaused::Fail,
            priority: u8::from(self.class == Class::Marketing),
            order: context.next_order(),
            ..Data::default()
        };
        Ok(Draft {
            channel,
            to_contact,
            data,
        })
    }
}

/// A channel by name or id; `last-interacted` is that of the contact's last message.
pub(crate) async fn channel(
    context: &Context,
    workspace: &str,
    name: &str,
    contact: Option<&Document>,
) -> Result<(Channel, Arc<Connector>)> {
    let found = if name == "last-interacted" {
        let last = contact.and_then(|contact| contact.text("last_channel"));
        let Some(last) = last else {
            return Err(Error::not_found(
                "no-channel",
                match contact {
                    Some(_) => "the contact has not interacted on any channel yet: name a channel",
                    None => "there is no contact whose last channel could be used: name a channel",
                },
            ));
        };
        context.channel(workspace, last).await?.ok_or_else(|| {
            Error::not_found(
                "no-channel",
                "the channel of the contact's last message is gone: name another",
            )
        })?
    } else {
        match context.channel(workspace, name).await? {
            Some(found) => found,
            None => return Err(unknown(context, workspace, name).await?),
        }
    };
    let connector = context.connector(&found.digest).await?;
    Ok((found, connector))
}

async fn unknown(context: &Context, workspace: &str, name: &str) -> Result<Error> {
    let all = context.channels(workspace).await?;
    let names: Vec<&str> = all.iter().map(|one| one.name.as_str()).collect();
    let known = if names.is_empty() {
        "none yet".to_owned()
    } else {
        names.join(", ")
    };
    Ok(Error::not_found(
        "not-found",
        format!("there is no channel `{name}`; there are: {known}"),
    ))
}

/// Where a contact is reached on a channel: where it wrote from, else its phone or mail address.
pub(crate) fn own_address(contact: &Document, kind: AddressKind, channel: &str) -> Option<String> {
    let written = contact.address_on(channel).map(|(address, _)| address);
    let field = match kind {
        AddressKind::Phone => contact.text("phone"),
        AddressKind::Email => contact.text("email"),
        AddressKind::Id => None,
    };
    written.or(field).map(str::to_owned)
}

fn recipient(kind: AddressKind, text: &str, country: Option<&str>) -> Result<String> {
    let short_code = || {
        let digits = (3..=8).contains(&text.len()) && text.bytes().all(|one| one.is_ascii_digit());
        digits.then(|| text.to_owned())
    };
    match kind {
        AddressKind::Phone => address::phone(text, country)
            .or_else(short_code)
            .ok_or_else(|| {
                Error::invalid(
                    "invalid",
                    format!("`{text}` is no phone number: {}", address::PHONE),
                )
            }),
        AddressKind::Email => address::email(text).ok_or_else(|| {
            Error::invalid(
                "invalid",
                format!("`{text}` is no mail address: {}", address::EMAIL),
            )
        }),
        AddressKind::Id => Ok(text.to_owned()),
    }
}

fn no_address(contact: Option<&Document>, kind: AddressKind, channel: &str) -> Error {
    let wanted = match kind {
        AddressKind::Phone => "phone number",
        AddressKind::Email => "mail address",
        AddressKind::Id => "address on it: it has to write there first",
    };
    Error::not_found(
        "no-address",
        match contact {
            Some(_) => format!("the contact cannot be reached on `{channel}`: it has no {wanted}"),
            None => format!("there is no contact to send to on `{channel}`: say `to`"),
        },
    )
}
