//! What steps ask of conversations: answered as they will stand, done with the step's outcome.

use super::comment;
use super::document::{Conversation, Opening};
use super::note::{Closer, Note};
use crate::contacts::document::Document;
use crate::context::Context;
use crate::domain::{Called, no_contact, refusal};
use crate::effects::{Deed, WORKFLOW};
use crate::error::{Error, Result};
use jackfield_engine::Actor;
use jackfield_sandbox::HostCall;
use serde_json::Value;

/// Answers a call of `conversations` that changes something.
pub(crate) async fn answer(
    context: &Context,
    actor: &Actor,
    contact: Option<Document>,
    call: &HostCall,
) -> Result<Called<String>> {
    let Some(mut contact) = contact else {
        return Ok(Err(no_contact()));
    };
    let who = contact.row.id.clone();
    let channels = context.channels(&actor.workspace).await?;
    let shown = |contact: &Document| {
        let conversation = Conversation::of(contact).map(|one| one.show(&channels));
        conversation.unwrap_or_default().to_string()
    };
    Ok(Ok(match call {
        HostCall::ConversationsOpen => {
            let settings = context.settings(&actor.workspace).await?;
            let opening = Opening {
                id: context.new_id("cnv", actor.bucket),
                source: WORKFLOW.to_owned(),
                channel: None,
                first_message: None,
                auto_close: settings.auto_close.is_some(),
            };
            let opened = super::open(&mut contact, opening.clone(), context.now());
            let deed = opened.map(|_| Deed::Open {
                contact: who,
                opening,
            });
            let effects = deed.iter().map(Deed::effect).collect();
            (shown(&contact), effects)
        }
        HostCall::ConversationsClose { note } => {
            let note: Note = match note.as_deref().map(serde_json::from_str).transpose() {
                Ok(note) => note.unwrap_or_default(),
                Err(error) => {
                    let wanted = r#"{"category"?: "...", "summary"?: "..."}"#;
                    let said = format!("a closing note is {wanted}: {error}");
                    return Ok(Err(refusal("invalid", said)));
                }
            };
            let settings = context.settings(&actor.workspace).await?;
            let note = note.checked(&settings.closing_notes, Closer::Automation)?;
            let now = context.now();
            let closed = Conversation::close(&mut contact, note.clone(), WORKFLOW, now);
            match closed {
                None => (Value::Null.to_string(), Vec::new()),
                Some(_) => {
                    let deed = Deed::Close { contact: who, note };
                    (shown(&contact), vec![deed.effect()])
                }
            }
        }
        HostCall::ConversationsComment { text } => {
            let id = context.new_id("cmt", actor.bucket);
            let deed = Deed::Comment {
                contact: who,
                id: id.clone(),
                text: comment::checked(text)?,
            };
            (id, vec![deed.effect()])
        }
        other => {
            let said = format!("`{}` is not answered here", other.name());
            return Err(Error::invalid("invalid", said));
        }
    }))
}
