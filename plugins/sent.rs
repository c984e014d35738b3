//! What became of a message that a step has put into the outbox: a source that the steps which wait
//! for it share, as all plugins share `build.rs`.

use jackfield_plugin::prelude::*;

/// What is to be awaited of a message.
pub(crate) fn news(message: &str) -> Subscription {
    Subscription::to("message.status").about(message)
}

/// The status once the provider has taken the message, the failure once it is clear that it will
/// not, and nothing before. Never transient: the host has done its own retries.
pub(crate) fn end(message: &Value) -> Option<Result<String, Failure>> {
    let status = message["status"].as_str().unwrap_or_default();
    let maybe_sent = match status {
        "accepted" | "sent" | "delivered" | "read" => return Some(Ok(status.to_owned())),
        "failed" | "suppressed" => false,
        "uncertain" => true,
        _ => return None,
    };
    let error = &message["error"];
    let code = error["code"].as_str().unwrap_or(status);
    let reason = error["message"].as_str().or(message["reason"].as_str());
    let text = reason.map_or_else(|| format!("the message is {status}"), str::to_owned);
    let failure = match code {
        "auth" | "quota" | "policy" => Failure::blocked(code, text),
        code => Failure::permanent(code, text),
    };
    Some(Err(failure.maybe_sent(maybe_sent)))
}
