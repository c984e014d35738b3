//! What people and other systems start workflows by: web addresses and forms.
//!
//! A workflow gets its address when it is published with a trigger on `webhook`, and keeps it until
//! it is rotated or the workflow is deleted. What must hold: an address works exactly while the live
//! version has that trigger; nothing but the address itself leads to it.

use super::{WorkflowError, Workflows};
use crate::document::trigger::{Own, Shortcut, Webhook};
use crate::document::{Document, Trigger};
use jackfield_store::records::Webhook as Row;
use jackfield_store::{Commit, Query, ReadError, StoreExt};

/// What every token begins with: no channel's id does.
pub const WEBHOOK_PREFIX: &str = "whk_";

/// The address of a workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookView {
    /// The last part of the address.
    pub token: String,
    /// Whether requests are taken there now.
    pub live: bool,
    /// Since when the workflow has it.
    pub created_at: i64,
}

/// What a token leads to.
#[derive(Debug, Clone, PartialEq)]
pub struct HookView {
    /// The workspace.
    pub workspace: String,
    /// The workflow.
    pub workflow: String,
    /// Which of its triggers.
    pub place: usize,
    /// What is taken there.
    pub webhook: Webhook,
}

/// A form that starts a live workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShortcutView {
    /// The workflow.
    pub workflow: String,
    /// Which of its triggers.
    pub place: usize,
    /// The form.
    pub shortcut: Shortcut,
}

/// The trigger of a document on webhooks, and its place.
fn webhook_of(triggers: &[Trigger]) -> Option<(usize, &Webhook)> {
    let places = triggers.iter().enumerate();
    let mut found = places.filter_map(|(place, trigger)| match &trigger.own {
        Own::Webhook(webhook) => Some((place, &**webhook)),
        _ => None,
    });
    found.next()
}

/// 256 random bits.
fn mint() -> String {
    let bytes: [u8; 32] = rand::random();
    format!("{WEBHOOK_PREFIX}{}", hex::encode(bytes))
}

impl Workflows {
    /// Gives a workflow that is published its address, if it needs one and has none.
    pub(super) async fn give_address(
        &self,
        commit: &mut Commit,
        workspace: &str,
        document: &Document,
        now: i64,
    ) -> Result<(), ReadError> {
        let needed = webhook_of(&document.triggers).is_some();
        if needed && self.address(workspace, &document.name).await?.is_none() {
            commit.put(&Row {
                workspace: workspace.to_owned(),
                workflow: document.name.clone(),
                token: mint(),
                created_at: now,
            });
        }
        Ok(())
    }

    async fn address(&self, workspace: &str, workflow: &str) -> Result<Option<Row>, ReadError> {
        let query = Query::<Row>::all()
            .equal("workspace", workspace)
            .equal("workflow", workflow);
        self.store.first(query).await
    }

    /// The address of a workflow.
    ///
    /// # Errors
    /// `NotFound`; `NoWebhook` where no published version had the trigger.
    pub async fn webhook(&self, workspace: &str, name: &str) -> Result<WebhookView, WorkflowError> {
        self.existing(workspace, name).await?;
        let Some(row) = self.address(workspace, name).await? else {
            return Err(WorkflowError::NoWebhook(name.to_owned()));
        };
        let live = self.live(workspace).await?;
        let version = live.iter().find(|version| version.workflow == name);
        let live = version.is_some_and(|one| webhook_of(&one.document.triggers).is_some());
        Ok(WebhookView {
            token: row.token,
            live,
            created_at: row.created_at,
        })
    }

    /// Gives a workflow another address; the one before ends at once.
    ///
    /// # Errors
    /// As of `webhook`.
    pub async fn rotate_webhook(
        &self,
        workspace: &str,
        name: &str,
        now: i64,
    ) -> Result<WebhookView, WorkflowError> {
        let _writing = self.writing.lock().await;
        let old = self.webhook(workspace, name).await?;
        let row = Row {
            workspace: workspace.to_owned(),
            workflow: name.to_owned(),
            token: mint(),
            created_at: now,
        };
        let mut commit = Commit::control();
        commit.put(&row);
        self.store.commit(commit).await?;
        Ok(WebhookView {
            token: row.token,
            created_at: now,
            ..old
        })
    }

    /// What takes requests under a token, if anything does.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn by_token(&self, token: &str) -> Result<Option<HookView>, WorkflowError> {
        let query = Query::<Row>::all().equal("token", token);
        let Some(row) = self.store.first(query).await? else {
            return Ok(None);
        };
        let live = self.live(&row.workspace).await?;
        let version = live.iter().find(|version| version.workflow == row.workflow);
        let found = version.and_then(|version| webhook_of(&version.document.triggers));
        Ok(found.map(|(place, webhook)| HookView {
            place,
            webhook: webhook.clone(),
            workspace: row.workspace,
            workflow: row.workflow,
        }))
    }

    /// The forms of live workflows, by workflow.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn shortcuts(&self, workspace: &str) -> Result<Vec<ShortcutView>, WorkflowError> {
        let live = self.live(workspace).await?;
        let mut found = Vec::new();
        for version in live.iter() {
            for (place, trigger) in version.document.triggers.iter().enumerate() {
                if let Own::Shortcut(shortcut) = &trigger.own {
                    found.push(ShortcutView {
                        workflow: version.workflow.clone(),
                        place,
                        shortcut: shortcut.clone(),
                    });
                }
            }
        }
        found.sort_by(|one, other| one.workflow.cmp(&other.workflow));
        Ok(found)
    }

    /// The form of a live workflow, if it has one.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn shortcut(
        &self,
        workspace: &str,
        workflow: &str,
    ) -> Result<Option<ShortcutView>, WorkflowError> {
        let all = self.shortcuts(workspace).await?;
        Ok(all.into_iter().find(|one| one.workflow == workflow))
    }
}
