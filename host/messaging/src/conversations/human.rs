//! What one of ours writes to a contact: the answer that response times count from, and what starts
//! the time after which a conversation is closed by itself.
//!
//! What must hold: it is noted in the commit that keeps the message. Messages of workflows, bots and
//! of programs that name no user are not of people.

use super::document::Conversation;
use crate::assignment::Person;
use crate::contacts::document::Document;
use crate::context::Context;
use crate::error::Result;
use crate::message::{Entry, text_of};
use jackfield_engine::NewEvent;
use serde_json::json;

/// Who acts where a person does.
pub(crate) const USER: &str = "user";

/// Notes in the contact that one of ours has written, and answers with the conversation that is
/// another by it, and the event.
pub(crate) async fn wrote(
    context: &Context,
    contact: &mut Document,
    message: &Entry,
    by: Option<&Person>,
    now: i64,
) -> Result<(Option<Conversation>, NewEvent)> {
    let workspace = contact.row.workspace.clone();
    let settings = context.settings(&workspace).await?;
    let after = settings.auto_close.as_ref().map(|set| set.after());
    let talk = Conversation::answered(contact, by.map(|user| user.email.as_str()), after, now);
    let channel = context.channel(&workspace, &message.channel).await?;
    let data = json!({"message": {
        "id": message.id,
        "channel": channel.map(|channel| channel.name),
        "channel_id": message.channel,
        "type": message.data.content.get("type"),
        "text": text_of(&message.data.content),
        "address": message.address,
        "source": message.data.source,
        "user": by,
    }});
    let mut event = contact.event("message.sent-by-human", data, USER);
    event.subject = Some(message.id.clone());
    Ok((talk, event))
}
