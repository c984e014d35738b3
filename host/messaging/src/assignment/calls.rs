//! What steps ask of assignments: answered as they will stand, done with the step's outcome.

use super::place;
use super::request::{AssignRequest, Plan};
use crate::contacts::document::Document;
use crate::context::Context;
use crate::domain::{Called, no_contact, refusal};
use crate::effects::Deed;
use crate::error::Result;
use jackfield_engine::Actor;
use serde_json::json;

/// Answers `conversations.assign`.
pub(crate) async fn assign(
    context: &Context,
    actor: &Actor,
    contact: Option<Document>,
    request: &str,
) -> Result<Called<String>> {
    let Some(contact) = contact else {
        return Ok(Err(no_contact()));
    };
    let request: AssignRequest = match serde_json::from_str(request) {
        Ok(request) => request,
        Err(error) => {
            let wanted = r#"{"user": "ann@example.com"}, {"team": "sales", "by"?: "round-robin", ...}, {"workspace": true, ...} or {"nobody": true}"#;
            let said = format!("an assignment is {wanted}: {error}");
            return Ok(Err(refusal("invalid", said)));
        }
    };
    let id = &contact.row.id;
    let plan = request.plan(context, &actor.workspace, id).await?;
    let place = context.new_id("plc", actor.bucket);
    let answer = match &plan {
        Plan::User(user) => json!({"assignee": user}),
        Plan::Nobody => json!({"assignee": null}),
        Plan::Queue(_) => json!({"queued": place}),
        Plan::Full { most, .. } => json!({"full": most}),
    };
    let deed = Deed::Assign {
        contact: contact.row.id,
        plan,
        place,
        step: format!("{}/{}", actor.workflow, actor.step),
    };
    Ok(Ok((answer.to_string(), vec![deed.effect()])))
}

/// Answers `conversations.leave-queue`.
pub(crate) fn leave(contact: Option<Document>, id: &str) -> Called<bool> {
    let Some(contact) = contact else {
        return Err(no_contact());
    };
    let waits = place::place(&contact).is_some_and(|place| place.id == id);
    let deed = Deed::Leave {
        contact: contact.row.id,
        place: id.to_owned(),
    };
    let effects = waits.then(|| deed.effect());
    Ok((waits, effects.into_iter().collect()))
}
