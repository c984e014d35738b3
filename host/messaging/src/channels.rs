//! Channels: a connector, its settings and its secrets; tried, connected, paused, disabled and
//! resumed.
//!
//! Settings are checked against the connector's schema and secrets against the names it declares,
//! so that a channel that can be saved can be activated. A channel is paused by the dispatcher when
//! its credentials fail, with the reason; new secrets or settings resume it.

use crate::channel_checks::{
    check_name, check_names, check_secrets, check_settings, check_uncertain,
};
use crate::connectors::{self, Connector};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::outbox::Outbox;
use crate::secrets::Secrets;
use jackfield_store::records::Channel;
use jackfield_store::{Commit, Query, StoreExt};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::Mutex;

/// A channel as a caller makes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewChannel {
    /// Lower-case words with hyphens, unique in the workspace.
    pub name: String,
    /// The connector, such as `twilio-sms@1`.
    pub connector: String,
    /// Under the connector's schema.
    #[serde(default = "no_settings")]
    pub settings: Value,
    /// Values by the names that the connector declares.
    #[serde(default)]
    pub secrets: BTreeMap<String, String>,
    /// `fail` or `resend`: what becomes of a message of which nobody knows whether it left.
    #[serde(default = "fail")]
    pub uncertain: String,
}

/// What a caller changes of a channel; what is left out stays.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChannelPatch {
    /// Another name.
    pub name: Option<String>,
    /// The connector's newest version, or another major version of it.
    pub connector: Option<String>,
    /// The whole settings.
    pub settings: Option<Value>,
    /// Secrets to set.
    pub secrets: BTreeMap<String, String>,
    /// `fail` or `resend`.
    pub uncertain: Option<String>,
}

/// What became of a channel that ran on another digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelMove {
    /// The workspace.
    pub workspace: String,
    /// The channel's name.
    pub channel: String,
    /// Why it stays with the other digest, if it does.
    pub kept: Option<String>,
}

fn no_settings() -> Value {
    json!({})
}

fn fail() -> String {
    "fail".to_owned()
}

/// Held from the look whether a name is free until it is taken: of several who ask for it at once, one
/// has it. Channels are made and changed seldom, so one lock for the process is enough.
static NAMES: Mutex<()> = Mutex::const_new(());

/// The channels of all workspaces.
#[derive(Clone)]
pub struct Channels {
    context: Arc<Context>,
    secrets: Secrets,
    outbox: Outbox,
}

impl Channels {
    pub(crate) fn new(context: Arc<Context>, secrets: Secrets, outbox: Outbox) -> Channels {
        Channels {
            context,
            secrets,
            outbox,
        }
    }

    /// Makes a channel.
    ///
    /// # Errors
    /// `invalid` with everything that is wrong; `not-found` or `conflict` for the connector;
    /// `conflict` where the name is taken.
    pub async fn create(&self, workspace: &str, new: &NewChannel) -> Result<Value> {
        self.context.workspace(workspace).await?;
        let connector = connectors::find(&self.context, &new.connector).await?;
        let mut problems = Vec::new();
        check_name(&new.name, &mut problems);
        check_uncertain(&new.uncertain, &mut problems);
        check_settings(&connector, &new.settings, &mut problems);
        check_secrets(&connector, &new.secrets, &mut problems);
        if !problems.is_empty() {
            return Err(Error::problems("invalid-channel", problems));
        }
        let _names = NAMES.lock().await;
        self.refuse_taken(workspace, &new.name).await?;
        let now = self.context.now();
        let row = Channel {
            workspace: workspace.to_owned(),
            id: self.context.new_id("chn", 0),
            name: new.name.clone(),
            connector: connector.reference.clone(),
            digest: connector.digest.clone(),
            settings: new.settings.clone(),
            state: "active".to_owned(),
            reason: None,
            uncertain: new.uncertain.clone(),
            created_at: now,
            updated_at: now,
        };
        // Secrets first: what nobody owns yet harms nobody, a channel without its secrets fails.
        for (name, value) in &new.secrets {
            self.secrets.set(workspace, &row.id, name, value).await?;
        }
        put(&self.context, &row).await?;
        self.show(&row).await
    }

    /// A channel by name or id.
    ///
    /// # Errors
    /// `not-found`.
    pub async fn get(&self, workspace: &str, channel: &str) -> Result<Value> {
        let row = self.find(workspace, channel).await?;
        self.show(&row).await
    }

    /// All channels, by name.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn list(&self, workspace: &str) -> Result<Vec<Value>> {
        let mut all = Vec::new();
        for row in self.context.channels(workspace).await?.iter() {
            all.push(self.show(row).await?);
        }
        Ok(all)
    }

    /// Changes a channel. A paused one whose settings or secrets change is active again.
    ///
    /// # Errors
    /// As of `create`.
    pub async fn update(
        &self,
        workspace: &str,
        channel: &str,
        patch: &ChannelPatch,
    ) -> Result<Value> {
        let _names = NAMES.lock().await;
        let mut row = self.find(workspace, channel).await?;
        let connector = match &patch.connector {
            Some(reference) => connectors::find(&self.context, reference).await?,
            None => Connector::clone(&*self.context.connector(&row.digest).await?),
        };
        let settings = patch
            .settings
            .clone()
            .unwrap_or_else(|| row.settings.clone());
        let mut problems = Vec::new();
        if let Some(name) = &patch.name {
            check_name(name, &mut problems);
        }
        if let Some(uncertain) = &patch.uncertain {
            check_uncertain(uncertain, &mut problems);
        }
        check_settings(&connector, &settings, &mut problems);
        check_names(&connector, &patch.secrets, &mut problems);
        if !problems.is_empty() {
            return Err(Error::problems("invalid-channel", problems));
        }
        if let Some(name) = patch.name.as_ref().filter(|name| **name != row.name) {
            self.refuse_taken(workspace, name).await?;
            row.name = name.clone();
        }
        for (name, value) in &patch.secrets {
            self.secrets.set(workspace, &row.id, name, value).await?;
        }
        let mended =
            row.settings != settings || !patch.secrets.is_empty() || row.digest != connector.digest;
        row.connector = connector.reference.clone();
        row.digest = connector.digest.clone();
        row.settings = settings;
        if let Some(uncertain) = &patch.uncertain {
            row.uncertain = uncertain.clone();
        }
        if mended && row.state == "paused" {
            row.state = "active".to_owned();
            row.reason = None;
        }
        row.updated_at = self.context.now();
        put(&self.context, &row).await?;
        self.outbox.look(&row.id);
        self.show(&row).await
    }

    /// Has every channel of every workspace that runs on another digest of this connector's name and
    /// major version run on this one. A channel whose settings or secrets it would refuse stays where
    /// it is, and says why. Done again, it changes nothing.
    ///
    /// # Errors
    /// `not-found` where there is no such connector; `unavailable`.
    pub async fn move_to(&self, digest: &str) -> Result<Vec<ChannelMove>> {
        let _names = NAMES.lock().await;
        let connector = self.context.connector(digest).await?;
        let query = Query::<Channel>::all().equal("connector", connector.reference.as_str());
        let mut moves = Vec::new();
        for mut row in self.context.store().find(query).await? {
            if row.digest == digest {
                continue;
            }
            let mut problems = Vec::new();
            check_settings(&connector, &row.settings, &mut problems);
            let set = self.secrets.list(&row.workspace, &row.id).await?;
            let missing = connector.descriptor.secrets.iter().find(|secret| {
                !secret.optional && !set.iter().any(|known| known.name == secret.name)
            });
            let kept = match (problems.into_iter().next(), missing) {
                (Some(problem), _) => Some(problem.message),
                (None, Some(secret)) => Some(format!("the secret `{}` is not set", secret.name)),
                (None, None) => None,
            };
            moves.push(ChannelMove {
                workspace: row.workspace.clone(),
                channel: row.name.clone(),
                kept: kept.clone(),
            });
            if kept.is_none() {
                row.digest = digest.to_owned();
                row.updated_at = self.context.now();
                put(&self.context, &row).await?;
                self.outbox.look(&row.id);
            }
        }
        Ok(moves)
    }

    /// Deletes a channel with its secrets. What is queued for it is refused as `no-channel`.
    ///
    /// # Errors
    /// `not-found`.
    pub async fn delete(&self, workspace: &str, channel: &str) -> Result<()> {
        let row = self.find(workspace, channel).await?;
        let mut commit = Commit::control();
        commit.delete::<Channel>([workspace.into(), row.id.clone().into()]);
        self.context.store().commit(commit).await?;
        self.context.forget();
        for secret in self.secrets.list(workspace, &row.id).await? {
            self.secrets
                .delete(workspace, &row.id, &secret.name)
                .await?;
        }
        self.outbox.look(&row.id);
        Ok(())
    }

    /// Are settings and credentials good? Answers `{"ok", "detail" | "code" and "message"}`.
    ///
    /// # Errors
    /// `not-found`.
    pub async fn test(&self, workspace: &str, channel: &str) -> Result<Value> {
        let row = self.find(workspace, channel).await?;
        Ok(match self.context.host.check(&row).await {
            Ok(detail) => json!({"ok": true, "detail": detail}),
            Err(error) => json!({
                "ok": false, "code": crate::outbox::code(&error), "message": error.to_string(),
            }),
        })
    }

    /// Registers the webhook at the provider, where it has an API for that. Answers as `test`.
    ///
    /// # Errors
    /// `not-found`.
    pub async fn connect(&self, workspace: &str, channel: &str) -> Result<Value> {
        let row = self.find(workspace, channel).await?;
        let webhook = self.context.options.webhook(&row.id);
        Ok(match self.context.host.connect(&row, &webhook).await {
            Ok(detail) => json!({"ok": true, "webhook": webhook, "detail": detail}),
            Err(error) => json!({
                "ok": false, "webhook": webhook,
                "code": crate::outbox::code(&error), "message": error.to_string(),
            }),
        })
    }

    /// Keeps a channel from sending; what is queued waits.
    ///
    /// # Errors
    /// `not-found`.
    pub async fn pause(&self, workspace: &str, channel: &str, reason: &str) -> Result<Value> {
        self.set_state(workspace, channel, "paused", Some(reason))
            .await
    }

    /// Keeps a channel from sending and from hearing: what is queued waits, and who calls its
    /// webhook is told that there is none.
    ///
    /// # Errors
    /// `not-found`.
    pub async fn disable(&self, workspace: &str, channel: &str, reason: &str) -> Result<Value> {
        self.set_state(workspace, channel, "disabled", Some(reason))
            .await
    }

    /// Lets a channel send and hear again.
    ///
    /// # Errors
    /// `not-found`.
    pub async fn resume(&self, workspace: &str, channel: &str) -> Result<Value> {
        self.set_state(workspace, channel, "active", None).await
    }

    async fn set_state(
        &self,
        workspace: &str,
        channel: &str,
        state: &str,
        reason: Option<&str>,
    ) -> Result<Value> {
        let mut row = self.find(workspace, channel).await?;
        row.state = state.to_owned();
        row.reason = reason.map(str::to_owned);
        row.updated_at = self.context.now();
        put(&self.context, &row).await?;
        self.outbox.look(&row.id);
        self.show(&row).await
    }

    async fn find(&self, workspace: &str, channel: &str) -> Result<Channel> {
        // Read again: what is about to be changed must not be a copy of yesterday.
        let query = Query::<Channel>::all().equal("workspace", workspace);
        let all = self.context.store().find(query).await?;
        let known: Vec<String> = all.iter().map(|row| row.name.clone()).collect();
        all.into_iter()
            .find(|row| row.id == channel || row.name == channel)
            .ok_or_else(|| {
                let known = if known.is_empty() {
                    "none yet".to_owned()
                } else {
                    known.join(", ")
                };
                Error::not_found(
                    "no-channel",
                    format!("there is no channel `{channel}`; there are: {known}"),
                )
            })
    }

    async fn refuse_taken(&self, workspace: &str, name: &str) -> Result<()> {
        let query = Query::<Channel>::all()
            .equal("workspace", workspace)
            .equal("name", name);
        match self.context.store().first(query).await? {
            None => Ok(()),
            Some(_) => Err(Error::conflict(
                "exists",
                format!("there is a channel `{name}` already"),
            )),
        }
    }

    async fn show(&self, row: &Channel) -> Result<Value> {
        let set: Vec<String> = self
            .secrets
            .list(&row.workspace, &row.id)
            .await?
            .into_iter()
            .map(|one| one.name)
            .collect();
        let connector = self.context.connector(&row.digest).await.ok();
        let secrets: Vec<Value> = connector
            .iter()
            .flat_map(|connector| &connector.descriptor.secrets)
            .map(|secret| {
                json!({
                    "name": secret.name,
                    "title": secret.title,
                    "optional": secret.optional,
                    "set": set.contains(&secret.name),
                })
            })
            .collect();
        Ok(json!({
            "id": row.id,
            "name": row.name,
            "connector": row.connector,
            "digest": row.digest,
            "title": connector.as_ref().map(|connector| connector.descriptor.title.clone()),
            "rules": connector.as_ref().map(|connector| connector.descriptor.show(&row.settings)),
            "settings": row.settings,
            "secrets": secrets,
            "state": row.state,
            "reason": row.reason,
            "uncertain": row.uncertain,
            "webhook": self.context.options.webhook(&row.id),
            "waiting": self.outbox.waiting(&row.id),
            "created_at": row.created_at,
            "updated_at": row.updated_at,
        }))
    }
}

/// The dispatcher pauses a channel: its credentials are not good. Failing to write that down only
/// means that the next message finds out again.
pub(crate) async fn pause(context: &Context, channel: &Channel, reason: &str) {
    let mut row = channel.clone();
    row.state = "paused".to_owned();
    row.reason = Some(reason.chars().take(500).collect());
    row.updated_at = context.now();
    tracing::warn!(channel = channel.name, reason, "the channel is paused");
    if let Err(error) = put(context, &row).await {
        tracing::warn!(channel = channel.name, %error, "the pause could not be written");
    }
}

async fn put(context: &Context, row: &Channel) -> Result<()> {
    let mut commit = Commit::control();
    commit.put(row);
    context.store().commit(commit).await?;
    context.forget();
    Ok(())
}
