//! What waits for a person: channels that do not send, runs and messages that nobody can decide but
//! a person, subscriptions whose receiver is gone.

use super::Findings;
use jackfield_store::records::{Channel, Message, Run, SubscriptionHealth};
use jackfield_store::{Query, ReadError, Store, StoreExt};
use serde_json::Value;

/// Looks at them in the database, over all workspaces.
pub(super) async fn look(database: &dyn Store, findings: &mut Findings) {
    if let Err(error) = all(database, findings).await {
        findings.fail("work", error.to_string(), "check the database");
    }
}

async fn all(database: &dyn Store, findings: &mut Findings) -> Result<(), ReadError> {
    let channels: Vec<Channel> = database.find(Query::all()).await?;
    let words = channels.iter().map(|channel| {
        let reason = channel.reason.as_deref().unwrap_or("no reason is known");
        (channel.name.as_str(), channel.state.as_str(), reason)
    });
    self::channels(words.collect(), findings);
    let parked = Query::<Run>::all()
        .equal("state", "needs-attention")
        .equal("ended_at", Value::Null);
    runs(database.total(parked).await?, findings);
    let uncertain = Query::<Message>::all().equal("state", "uncertain");
    messages(database.total(uncertain).await?, findings);
    let ill: Vec<SubscriptionHealth> = database.find(Query::all()).await?;
    let disabled = ill.iter().filter(|one| one.disabled_at.is_some());
    let words = disabled.map(|one| (one.subscription.as_str(), one.reason.as_deref()));
    subscriptions(words.collect(), findings);
    Ok(())
}

/// Channels by name, state and reason.
pub(super) fn channels(channels: Vec<(&str, &str, &str)>, findings: &mut Findings) {
    let stopped: Vec<String> = channels
        .iter()
        .filter(|(_, state, _)| *state != "active")
        .map(|(name, state, reason)| format!("{name} is {state} ({reason})"))
        .collect();
    if stopped.is_empty() {
        findings.ok("channels", format!("{} active", channels.len()));
    } else {
        findings.warn(
            "channels",
            stopped.join("; "),
            "set new settings or secrets with `jackfield channel update`, or `channel resume NAME`",
        );
    }
}

/// How many runs are parked.
pub(super) fn runs(count: i64, findings: &mut Findings) {
    match count {
        0 => findings.ok("runs", "none needs attention"),
        _ => findings.warn(
            "runs",
            format!("{count} needs-attention"),
            "`jackfield run list --state needs-attention`, then `run retry` or `run cancel`",
        ),
    }
}

/// Of how many messages nobody knows whether they left.
pub(super) fn messages(count: i64, findings: &mut Findings) {
    match count {
        0 => findings.ok("messages", "none is uncertain"),
        _ => findings.warn(
            "messages",
            format!("{count} uncertain"),
            "`jackfield message list --status uncertain`, then `message resend` or `message cancel`",
        ),
    }
}

/// The subscriptions that are disabled, by id, with the reason.
pub(super) fn subscriptions(disabled: Vec<(&str, Option<&str>)>, findings: &mut Findings) {
    let said: Vec<String> = disabled
        .iter()
        .map(|(id, reason)| format!("{id} ({})", reason.unwrap_or("no reason is known")))
        .collect();
    if said.is_empty() {
        findings.ok("subscriptions", "none is disabled");
    } else {
        findings.warn(
            "subscriptions",
            format!("told nothing more: {}", said.join("; ")),
            "mend the receiver, then `jackfield subscription enable ID` and `subscription redeliver ID`",
        );
    }
}
