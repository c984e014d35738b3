//! Opt-outs: who wants nothing more, by address, for all senders or for one channel.
//!
//! The row is the record of who, when, how and by which words; taking it back dates it, it is not
//! removed. It lives by address, not by contact, so it outlives a contact that is deleted.

use crate::contacts::address::Identity;
use crate::contacts::document::Document;
use crate::context::{Context, Home};
use crate::domain::{Called, no_contact, refusal};
use crate::effects::{Deed, WORKFLOW};
use crate::error::{Error, Problem, Result};
use crate::outgoing;
use crate::settings::OptOutScope;
use crate::tasks::Task;
use jackfield_engine::Actor;
use jackfield_store::records::OptOut;
use jackfield_store::{Commit, Query, StoreExt};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;

/// For all senders of the workspace.
pub(crate) const ACCOUNT: &str = "account";

/// The scope that the workspace gives to an opt-out on a channel.
pub(crate) fn scope(settings: OptOutScope, channel: &str) -> &str {
    match settings {
        OptOutScope::Account => ACCOUNT,
        OptOutScope::Channel => channel,
    }
}

async fn rows(context: &Context, workspace: &str, address: &str) -> Result<Vec<OptOut>> {
    let bucket = context.bucket_of(&[workspace, address]);
    let query = Query::<OptOut>::of(bucket)
        .equal("workspace", workspace)
        .equal("address", address);
    Ok(context.store().find(query).await?)
}

/// The opt-out that keeps messages of a channel from an address.
pub(crate) async fn find(
    context: &Context,
    workspace: &str,
    address: &str,
    channel: &str,
) -> Result<Option<OptOut>> {
    let all = rows(context, workspace, address).await?;
    Ok(all
        .into_iter()
        .find(|row| row.cleared_at.is_none() && (row.scope == ACCOUNT || row.scope == channel)))
}

/// Who opts out, and how it was said.
#[derive(Debug, Clone)]
pub(crate) struct Saying<'a> {
    pub(crate) workspace: &'a str,
    /// In its normal form.
    pub(crate) address: &'a str,
    /// `account` or a channel's id.
    pub(crate) scope: &'a str,
    /// `keyword`, `link`, `provider`, `api` or `workflow`.
    pub(crate) source: &'a str,
    /// The words, the message that held the link, or the run with its step and call.
    pub(crate) text: Option<&'a str>,
}

/// Records an opt-out. Answers whether it is new, which to the same call of the same run it stays:
/// a step that died after it does it again.
pub(crate) async fn set(context: &Context, saying: &Saying<'_>) -> Result<bool> {
    let bucket = context.bucket_of(&[saying.workspace, saying.address]);
    let ask = || Task::OptOut {
        workspace: saying.workspace.to_owned(),
        address: saying.address.to_owned(),
        scope: saying.scope.to_owned(),
        source: saying.source.to_owned(),
        text: saying.text.map(str::to_owned),
    };
    let guard = match context.lock_or_ask(bucket, ask).await? {
        Home::Here(guard) => guard,
        Home::There(answer) => return Ok(answer == true),
    };
    let known = rows(context, saying.workspace, saying.address).await?;
    let mut standing = known.iter().filter(|row| row.cleared_at.is_none());
    if let Some(row) = standing.find(|row| row.scope == saying.scope) {
        let own = row.source == WORKFLOW && row.text.as_deref() == saying.text;
        return Ok(own && saying.source == WORKFLOW);
    }
    let mut commit = Commit::of(bucket);
    commit.put(&OptOut {
        bucket,
        workspace: saying.workspace.to_owned(),
        address: saying.address.to_owned(),
        scope: saying.scope.to_owned(),
        source: saying.source.to_owned(),
        text: saying.text.map(|text| text.chars().take(500).collect()),
        at: context.now(),
        cleared_at: None,
    });
    context.host.commit(&guard, commit).await?;
    Ok(true)
}

/// Takes opt-outs of an address back: those for all senders, and those of a channel (of every
/// channel where none is named). Answers whether there were any.
pub(crate) async fn clear(
    context: &Context,
    workspace: &str,
    address: &str,
    channel: Option<&str>,
) -> Result<bool> {
    let bucket = context.bucket_of(&[workspace, address]);
    let ask = || Task::OptIn {
        workspace: workspace.to_owned(),
        address: address.to_owned(),
        channel: channel.map(str::to_owned),
    };
    let guard = match context.lock_or_ask(bucket, ask).await? {
        Home::Here(guard) => guard,
        Home::There(answer) => return Ok(answer == true),
    };
    let mut commit = Commit::of(bucket);
    for mut row in rows(context, workspace, address).await? {
        let meant = channel.is_none_or(|channel| row.scope == ACCOUNT || row.scope == channel);
        if row.cleared_at.is_none() && meant {
            row.cleared_at = Some(context.now());
            commit.put(&row);
        }
    }
    if commit.is_empty() {
        return Ok(false);
    }
    context.host.commit(&guard, commit).await?;
    Ok(true)
}

/// What `contacts.opt-out` is given.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Request {
    scope: Reach,
    channel: Option<String>,
    #[serde(rename = "in")]
    again: bool,
}

/// How far an opt-out reaches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Reach {
    /// All senders of the workspace.
    #[default]
    Account,
    /// The channel alone.
    Sender,
}

/// Answers a step's call: the record is written now, the event with the step's outcome.
pub(crate) async fn answer(
    context: &Context,
    actor: &Actor,
    contact: Option<Document>,
    request: &str,
) -> Result<Called<String>> {
    let Some(contact) = contact else {
        return Ok(Err(no_contact()));
    };
    let request: Request = match serde_json::from_str(request) {
        Ok(request) => request,
        Err(error) => {
            let wanted = r#"{"scope"?: "account" | "sender", "channel"?: "chat", "in"?: true}"#;
            let said = format!("an opt-out is {wanted}: {error}");
            return Ok(Err(refusal("invalid", said)));
        }
    };
    let workspace = actor.workspace.as_str();
    let name = request.channel.as_deref().unwrap_or("last-interacted");
    let (channel, connector) = outgoing::channel(context, workspace, name, Some(&contact)).await?;
    let kind = connector.descriptor.address(&channel.settings);
    let Some(address) = outgoing::own_address(&contact, kind, &channel.id) else {
        let said = format!("the contact has no address on `{}`", channel.name);
        return Ok(Err(refusal("no-address", said)));
    };
    let settings = context.settings(workspace).await?;
    let country = settings.default_country.as_deref();
    let address = Identity::on_channel(kind, &channel.id, &address, country).value;
    let sender = request.scope == Reach::Sender;
    let scope = if sender { channel.id.as_str() } else { ACCOUNT };
    let changed = if request.again {
        let only = sender.then_some(channel.id.as_str());
        clear(context, workspace, &address, only).await?
    } else {
        let call = format!("{}/{}/{}", actor.run, actor.step, actor.call_key);
        let saying = Saying {
            workspace,
            address: &address,
            scope,
            source: WORKFLOW,
            text: Some(&call),
        };
        set(context, &saying).await?
    };
    let told = json!({"address": address, "scope": request.scope, "changed": changed});
    let deed = Deed::OptOut {
        contact: contact.row.id,
        data: json!({
            "address": address,
            "scope": if sender { "channel" } else { "account" },
            "channel": channel.name,
            "channel_id": channel.id,
            "source": WORKFLOW,
        }),
        again: request.again,
    };
    let effects = changed.then(|| deed.effect()).into_iter().collect();
    Ok(Ok((told.to_string(), effects)))
}

/// An opt-out as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OptOutView {
    /// In its normal form.
    pub address: String,
    /// `account` or a channel's id.
    pub scope: String,
    /// `keyword`, `link`, `provider`, `api` or `workflow`.
    pub source: String,
    /// The words, or the message that held the link.
    pub text: Option<String>,
    /// When, milliseconds since 1970.
    pub at: i64,
    /// When it was taken back.
    pub cleared_at: Option<i64>,
}

/// The opt-outs of all workspaces.
#[derive(Clone)]
pub struct OptOuts {
    context: Arc<Context>,
}

impl OptOuts {
    pub(crate) fn new(context: Arc<Context>) -> OptOuts {
        OptOuts { context }
    }

    /// Every opt-out of an address, those taken back too.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn of(&self, workspace: &str, address: &str) -> Result<Vec<OptOutView>> {
        let address = self.normal(workspace, address).await?;
        let all = rows(&self.context, workspace, &address).await?;
        Ok(all
            .into_iter()
            .map(|row| OptOutView {
                address: row.address,
                scope: row.scope,
                source: row.source,
                text: row.text,
                at: row.at,
                cleared_at: row.cleared_at,
            })
            .collect())
    }

    /// Opts an address out, for all senders or for one channel (by name or id). Answers whether
    /// that is new.
    ///
    /// # Errors
    /// `not-found` for an unknown channel, `invalid` for an empty address.
    pub async fn set(&self, workspace: &str, address: &str, channel: Option<&str>) -> Result<bool> {
        let address = self.normal(workspace, address).await?;
        let channel = self.channel(workspace, channel).await?;
        let saying = Saying {
            workspace,
            address: &address,
            scope: channel.as_deref().unwrap_or(ACCOUNT),
            source: "api",
            text: None,
        };
        set(&self.context, &saying).await
    }

    /// Takes opt-outs of an address back: all of them, or those that concern one channel.
    ///
    /// # Errors
    /// As of `set`.
    pub async fn clear(
        &self,
        workspace: &str,
        address: &str,
        channel: Option<&str>,
    ) -> Result<bool> {
        let address = self.normal(workspace, address).await?;
        let channel = self.channel(workspace, channel).await?;
        clear(&self.context, workspace, &address, channel.as_deref()).await
    }

    async fn channel(&self, workspace: &str, channel: Option<&str>) -> Result<Option<String>> {
        let Some(name) = channel else { return Ok(None) };
        let found = self.context.channel(workspace, name).await?;
        found
            .map(|one| Some(one.id))
            .ok_or_else(|| Error::not_found("no-channel", format!("there is no channel `{name}`")))
    }

    async fn normal(&self, workspace: &str, address: &str) -> Result<String> {
        use crate::contacts::address::{email, phone};
        let settings = self.context.settings(workspace).await?;
        let plain = address.trim();
        if plain.is_empty() {
            let problem = Problem::new("address", "a phone number, a mail address or an id");
            return Err(Error::problems("invalid-address", vec![problem]));
        }
        Ok(phone(plain, settings.default_country.as_deref())
            .or_else(|| email(plain))
            .unwrap_or_else(|| plain.to_owned()))
    }
}
