//! What follows from an event: a delivery for each subscription that wants it, in the event's own
//! commit, with the very bytes that will be sent.

use super::dispatch::{Dispatch, Followed};
use super::record::{DEAD, Data, PENDING, Try, end};
use super::wanted::source_of;
use super::{DELIVERY, Subscribed};
use crate::contacts::document::Document;
use crate::context::Context;
use crate::effects;
use crate::error::Result;
use jackfield_store::Commit;
use jackfield_store::records::{Delivery, Event};
use serde_json::{Value, json};

/// Adds the deliveries of an event to its commit; none where nobody wants it.
pub(crate) async fn follow(
    context: &Context,
    dispatch: &Dispatch,
    event: &Event,
    commit: &mut Commit,
) -> Result<Option<Followed>> {
    let all = context.subscriptions(&event.workspace).await?;
    let wants = |one: &&Subscribed| one.is_active() && one.wanted.includes(event);
    let mut meant = all.iter().filter(wants).peekable();
    if meant.peek().is_none() {
        return Ok(None);
    }
    let contact = contact(context, event, commit).await?;
    let body = body(&event.name, event.at, &data(event, contact));
    let mut followed = Followed::default();
    for one in meant {
        let mut data = Data {
            body: body.clone(),
            ..Data::default()
        };
        let mut row = Delivery {
            bucket: event.bucket,
            id: context.new_id(DELIVERY, event.bucket),
            workspace: event.workspace.clone(),
            subscription: one.row.id.clone(),
            event: event.id.clone(),
            name: event.name.clone(),
            contact: event.contact.clone(),
            state: PENDING.to_owned(),
            due: event.at,
            data: Value::Null,
            created_at: event.at,
            updated_at: event.at,
            done_at: None,
        };
        if dispatch.is_full(&one.row.id) {
            let said = "too many deliveries wait for this receiver already";
            data.tries.push(Try::refused(event.at, "backlog", said));
            end(&mut row, DEAD, event.at);
        } else {
            followed.add(&one.row.id, &row.id);
        }
        row.data = data.write();
        commit.put(&row);
    }
    Ok(Some(followed))
}

/// The contact that the event is about, as it is after the event.
async fn contact(context: &Context, event: &Event, commit: &Commit) -> Result<Value> {
    let Some(id) = &event.contact else {
        return Ok(Value::Null);
    };
    let row = match effects::written(commit, id) {
        Some(row) => Some(row),
        None => context.contact(&event.workspace, id).await?,
    };
    let Some(row) = row else {
        return Ok(json!({"id": id}));
    };
    let channels = context.channels(&event.workspace).await?;
    Ok(Value::Object(Document { row }.show(&channels)))
}

fn data(event: &Event, contact: Value) -> Value {
    json!({
        "id": event.id,
        "workspace": event.workspace,
        "source": source_of(event),
        "contact": contact,
        "event": event.data,
    })
}

/// The bytes that are sent. What a contact wrote is never read as the place of a secret: egress
/// looks for `{{`, which JSON can say in another way.
pub(crate) fn body(name: &str, at: i64, data: &Value) -> String {
    let timestamp = jiff::Timestamp::from_millisecond(at).unwrap_or_default();
    let timestamp = format!("{timestamp:.3}");
    json!({"type": name, "timestamp": timestamp, "data": data})
        .to_string()
        .replace("{{", "{\\u007b")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_body_says_type_timestamp_and_data() {
        let body = body("call.ended", 1_795_000_000_120, &json!({"id": "evt_1"}));
        let read: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(
            read,
            json!({"type": "call.ended", "timestamp": "2026-11-18T11:06:40.120Z", "data": {"id": "evt_1"}})
        );
    }

    proptest! {
        #[test]
        fn no_text_is_the_place_of_a_secret(text in "[{}a-z:\\\\\"]{0,40}") {
            let body = body("a", 0, &json!({&text: [&text, {"b": &text}]}));
            prop_assert!(!body.contains("{{"));
            let read: Value = serde_json::from_str(&body).unwrap();
            prop_assert_eq!(&read["data"][&text][0], &Value::from(text.as_str()));
        }
    }
}
