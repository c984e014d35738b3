//! Decisions: why something was not done for a contact. "Why did this contact not get the
//! message?" is answered by reading them.

use crate::contacts::merge;
use crate::context::Context;
use crate::error::Result;
use crate::message::{Entry, Trouble};
use crate::page::{Page, limit};
use jackfield_store::records::Decision;
use jackfield_store::{Is, Query, StoreExt, bucket_in};
use serde_json::{Value, json};
use std::sync::Arc;

/// The record that a message was not sent.
pub(crate) fn not_sent(context: &Context, message: &Entry, trouble: &Trouble) -> Decision {
    Decision {
        bucket: message.bucket,
        id: context.new_id("dec", message.bucket),
        workspace: message.workspace.clone(),
        contact: message.contact.clone(),
        kind: "message".to_owned(),
        subject: message.id.clone(),
        workflow: message.data.workflow.clone(),
        reason: trouble.code.clone(),
        detail: json!({
            "message": trouble.message,
            "channel": message.channel,
            "address": message.address,
            "class": message.data.class,
        }),
        at: context.now(),
    }
}

/// The record that an inbound message of a blocked contact was dropped.
pub(crate) fn dropped(
    context: &Context,
    bucket: i32,
    workspace: &str,
    contact: &str,
    provider_id: &str,
) -> Decision {
    Decision {
        bucket,
        id: context.new_id("dec", bucket),
        workspace: workspace.to_owned(),
        contact: Some(contact.to_owned()),
        kind: "message".to_owned(),
        subject: provider_id.to_owned(),
        workflow: None,
        reason: "blocked".to_owned(),
        detail: json!({"message": "the contact is blocked: nothing of it is accepted"}),
        at: context.now(),
    }
}

/// The record that a message from a blacklisted address was dropped.
pub(crate) fn rejected(
    context: &Context,
    bucket: i32,
    workspace: &str,
    contact: Option<String>,
    provider_id: &str,
    entry: &str,
) -> Decision {
    let said = format!("`{entry}` is on the blacklist: nothing is taken from it");
    Decision {
        bucket,
        id: context.new_id("dec", bucket),
        workspace: workspace.to_owned(),
        contact,
        kind: "message".to_owned(),
        subject: provider_id.to_owned(),
        workflow: None,
        reason: "blacklisted".to_owned(),
        detail: json!({"message": said}),
        at: context.now(),
    }
}

/// Which decisions are listed.
#[derive(Debug, Clone, Default)]
pub struct ListDecisions {
    /// Those about a contact, by id.
    pub contact: Option<String>,
    /// Those about a message or an event, by id.
    pub subject: Option<String>,
    /// Those of a workflow.
    pub workflow: Option<String>,
    /// The cursor of the page before.
    pub after: Option<String>,
    /// 1 to 100; 50 where left out.
    pub limit: Option<usize>,
}

/// The decisions of all workspaces.
#[derive(Clone)]
pub struct Decisions {
    context: Arc<Context>,
}

impl Decisions {
    pub(crate) fn new(context: Arc<Context>) -> Decisions {
        Decisions { context }
    }

    /// Decisions, the newest first.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn list(&self, workspace: &str, which: &ListDecisions) -> Result<Page<Value>> {
        let limit = limit(which.limit);
        let subject = which.subject.as_deref();
        let of_subject = |id: &str| bucket_in("msg", id).or_else(|| bucket_in("evt", id));
        let mut query = match &which.contact {
            Some(id) => merge::rows_of(&merge::ids(&self.context, workspace, id).await?),
            None => subject
                .and_then(of_subject)
                .map_or_else(Query::<Decision>::all, Query::of),
        };
        query = query.equal("workspace", workspace).descending("id");
        let filters = [("subject", &which.subject), ("workflow", &which.workflow)];
        for (column, value) in filters {
            if let Some(value) = value {
                query = query.equal(column, value.as_str());
            }
        }
        if let Some(after) = &which.after {
            query = query.filter("id", Is::Less, after.as_str());
        }
        let query = query.limit(limit as i64 + 1);
        let rows = self.context.store().find(query).await?;
        let page = Page::cut(rows, limit, |row| row.id.clone());
        Ok(page.map(|row| {
            json!({
                "id": row.id,
                "kind": row.kind,
                "contact": row.contact,
                "subject": row.subject,
                "workflow": row.workflow,
                "reason": row.reason,
                "detail": row.detail,
                "at": row.at,
            })
        }))
    }
}
