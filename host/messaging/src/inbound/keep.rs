//! Requests that could not be read: kept, bounded for each channel, and replayed when the plugin
//! has been mended.

use super::{Inbound, Unread};
use crate::error::{Error, Result};
use crate::host::InboundRequest;
use crate::page::{Page, limit};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jackfield_store::records::{Channel, Inbound as Row};
use jackfield_store::{Commit, Is, Query, StoreExt};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How a request is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    /// Base64.
    body: String,
}

/// Which kept requests are listed.
#[derive(Debug, Clone, Default)]
pub struct ListInbound {
    /// Of a channel, by name or id.
    pub channel: Option<String>,
    /// `failed` or `replayed`.
    pub state: Option<String>,
    /// The cursor of the page before.
    pub after: Option<String>,
    /// 1 to 100; 50 where left out.
    pub limit: Option<usize>,
}

impl Inbound {
    /// Keeps a request; the oldest of the channel go when there are too many.
    pub(super) async fn keep(
        &self,
        channel: &Channel,
        request: &InboundRequest,
        why: &Value,
    ) -> Result<()> {
        let context = &*self.context;
        let bucket = context.bucket_of(&[&channel.id]);
        let kept = Kept {
            method: request.method.clone(),
            url: request.url.clone(),
            headers: request.headers.clone(),
            body: STANDARD.encode(&request.body),
        };
        let row = Row {
            bucket,
            id: context.new_id("inb", bucket),
            workspace: channel.workspace.clone(),
            channel: channel.id.clone(),
            request: serde_json::to_value(kept).unwrap_or_default(),
            error: why.clone(),
            state: "failed".to_owned(),
            at: context.now(),
        };
        // Any host may keep requests; one that owns the bucket counts under its lock.
        let _guard = context.lock(bucket).await.ok();
        let of_channel = Query::<Row>::of(bucket).equal("channel", channel.id.as_str());
        let most = i64::try_from(context.options.inbound_kept)
            .unwrap_or(i64::MAX)
            .max(1);
        let count = context.store().total(of_channel.clone()).await?;
        let mut commit = Commit::of(bucket);
        if count >= most {
            let oldest = of_channel.ascending("id").limit(count - most + 1);
            for row in context.store().find(oldest).await? {
                commit.delete::<Row>([row.id.into()]);
            }
        }
        commit.insert(&row);
        context.store().commit(commit).await?;
        Ok(())
    }

    /// Kept requests, the newest first, without their bodies.
    ///
    /// # Errors
    /// `not-found` for an unknown channel.
    pub async fn list(&self, workspace: &str, which: &ListInbound) -> Result<Page<Value>> {
        let limit = limit(which.limit);
        let mut query = Query::<Row>::all()
            .equal("workspace", workspace)
            .descending("id");
        if let Some(name) = &which.channel {
            let channel = self
                .context
                .channel(workspace, name)
                .await?
                .ok_or_else(|| {
                    Error::not_found("no-channel", format!("there is no channel `{name}`"))
                })?;
            query = query.equal("channel", channel.id);
        }
        if let Some(state) = &which.state {
            query = query.equal("state", state.as_str());
        }
        if let Some(after) = &which.after {
            query = query.filter("id", Is::Less, after.as_str());
        }
        let mut rows = self
            .context
            .store()
            .find(query.limit(limit as i64 + 1))
            .await?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|row| row.id.clone());
        let items = rows.into_iter().map(|row| {
            json!({
                "id": row.id,
                "channel_id": row.channel,
                "state": row.state,
                "method": row.request.get("method"),
                "error": row.error,
                "at": row.at,
            })
        });
        Ok(Page {
            items: items.collect(),
            next,
        })
    }

    /// Has the channel's connector read a kept request again. What was handled before is not
    /// handled twice.
    ///
    /// # Errors
    /// `not-found`; `conflict` with the reason where it still cannot be read.
    pub async fn replay(&self, workspace: &str, id: &str) -> Result<()> {
        let context = &*self.context;
        let gone = || Error::not_found("no-request", format!("there is no kept request `{id}`"));
        let query = Query::<Row>::all()
            .equal("workspace", workspace)
            .equal("id", id);
        let mut row = context.store().first(query).await?.ok_or_else(gone)?;
        let channel = context
            .channel_by_id(&row.channel)
            .await?
            .ok_or_else(gone)?;
        let kept = Kept::deserialize(&row.request).map_err(|error| {
            Error::unavailable(format!("the kept request cannot be read: {error}"))
        })?;
        let body = STANDARD.decode(&kept.body).unwrap_or_default();
        let request = InboundRequest {
            method: kept.method,
            url: kept.url,
            headers: kept.headers,
            body,
        };
        let outcome = self.handle(&channel, &request).await;
        let why = match outcome {
            Ok(_) => None,
            Err(Unread::Away(error)) => return Err(error),
            Err(Unread::Wrong { why, .. }) => Some(why),
        };
        match &why {
            None => row.state = "replayed".to_owned(),
            Some(why) => row.error = why.clone(),
        }
        let mut commit = Commit::of(row.bucket);
        commit.put(&row);
        context.store().commit(commit).await?;
        match why {
            None => Ok(()),
            Some(why) => {
                let said = why
                    .get("message")
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned();
                Err(Error::conflict(
                    "still-unreadable",
                    format!("it still cannot be read: {said}"),
                ))
            }
        }
    }

    /// Replays every failed request of a channel, the oldest first, until one still cannot be
    /// read. Answers how many could.
    ///
    /// # Errors
    /// As of `replay`.
    pub async fn replay_all(&self, workspace: &str, channel: &str) -> Result<usize> {
        let channel = self
            .context
            .channel(workspace, channel)
            .await?
            .ok_or_else(|| {
                Error::not_found("no-channel", format!("there is no channel `{channel}`"))
            })?;
        let bucket = self.context.bucket_of(&[&channel.id]);
        let query = Query::<Row>::of(bucket)
            .equal("channel", channel.id.as_str())
            .equal("state", "failed")
            .ascending("id");
        let mut done = 0;
        for row in self.context.store().find(query).await? {
            self.replay(workspace, &row.id).await?;
            done += 1;
        }
        Ok(done)
    }
}
