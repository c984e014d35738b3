//! How many bytes a value takes over the boundary between host and plugin.
//!
//! Texts and byte strings count their length; every other value counts eight bytes, so that a
//! list of a million empty texts is not free. The same rule in both directions.

use crate::call::{HostCall, HostReply};
use crate::wit::connector::{Receipt, Received, Request};
use crate::wit::step::{Event, Invocation, Outcome, Subscription, Wake};
use crate::wit::{CallError, Failure, email, http};

/// What one plain value, or one element of a list, counts.
const PLAIN: u64 = 8;

/// A value that crosses the boundary.
pub(crate) trait Crossing {
    /// Its bytes.
    fn bytes(&self) -> u64;
}

impl Crossing for str {
    fn bytes(&self) -> u64 {
        self.len() as u64
    }
}

impl Crossing for String {
    fn bytes(&self) -> u64 {
        self.len() as u64
    }
}

impl Crossing for [u8] {
    fn bytes(&self) -> u64 {
        self.len() as u64
    }
}

impl Crossing for Vec<u8> {
    fn bytes(&self) -> u64 {
        self.len() as u64
    }
}

impl Crossing for bool {
    fn bytes(&self) -> u64 {
        PLAIN
    }
}

impl Crossing for u64 {
    fn bytes(&self) -> u64 {
        PLAIN
    }
}

impl Crossing for () {
    fn bytes(&self) -> u64 {
        0
    }
}

impl<T: Crossing> Crossing for Option<T> {
    fn bytes(&self) -> u64 {
        self.as_ref().map_or(0, Crossing::bytes)
    }
}

impl<T: Crossing, E: Crossing> Crossing for Result<T, E> {
    fn bytes(&self) -> u64 {
        match self {
            Ok(value) => value.bytes(),
            Err(error) => error.bytes(),
        }
    }
}

impl Crossing for (String, String) {
    fn bytes(&self) -> u64 {
        self.0.bytes() + self.1.bytes()
    }
}

/// A list: its elements, and something for each.
fn list<T: Crossing>(list: &[T]) -> u64 {
    list.iter().map(|element| PLAIN + element.bytes()).sum()
}

impl Crossing for CallError {
    fn bytes(&self) -> u64 {
        PLAIN + self.code.bytes() + self.message.bytes() + self.grant.bytes() + self.detail.bytes()
    }
}

impl Crossing for Failure {
    fn bytes(&self) -> u64 {
        2 * PLAIN + self.code.bytes() + self.message.bytes()
    }
}

impl Crossing for http::Request {
    fn bytes(&self) -> u64 {
        let auth = self
            .basic_auth
            .as_ref()
            .map_or(0, |auth| auth.username.bytes() + auth.password.bytes());
        2 * PLAIN
            + auth
            + self.method.bytes()
            + self.url.bytes()
            + list(&self.headers)
            + self.body.bytes()
            + self.idempotency_header.bytes()
    }
}

impl Crossing for http::Response {
    fn bytes(&self) -> u64 {
        PLAIN + list(&self.headers) + self.body.bytes() + self.url.bytes()
    }
}

impl Crossing for email::Server {
    fn bytes(&self) -> u64 {
        let auth = self
            .auth
            .as_ref()
            .map_or(0, |auth| auth.username.bytes() + auth.password.bytes());
        2 * PLAIN + auth + self.host.bytes()
    }
}

impl Crossing for email::Attachment {
    fn bytes(&self) -> u64 {
        self.name.bytes() + self.content_type.bytes() + self.content.bytes()
    }
}

impl Crossing for email::Mail {
    fn bytes(&self) -> u64 {
        self.from.bytes()
            + list(&self.to)
            + list(&self.cc)
            + list(&self.bcc)
            + self.reply_to.bytes()
            + self.subject.bytes()
            + self.text.bytes()
            + self.html.bytes()
            + list(&self.attachments)
            + self.message_id.bytes()
            + self.in_reply_to.bytes()
            + list(&self.references)
            + list(&self.headers)
    }
}

impl Crossing for email::Rejection {
    fn bytes(&self) -> u64 {
        PLAIN + self.address.bytes() + self.enhanced.bytes() + self.text.bytes()
    }
}

impl Crossing for email::Accepted {
    fn bytes(&self) -> u64 {
        self.message_id.bytes() + self.response.bytes() + list(&self.rejected)
    }
}

impl Crossing for HostCall {
    fn bytes(&self) -> u64 {
        match self {
            HostCall::ClockNow
            | HostCall::ContactsGet
            | HostCall::ConversationsGet
            | HostCall::ConversationsOpen => 0,
            HostCall::RandomBytes { .. } => PLAIN,
            HostCall::ClockParse { text } | HostCall::ClockDuration { text } => text.bytes(),
            HostCall::ClockNextOpen { hours, .. } => PLAIN + hours.bytes(),
            HostCall::HttpFetch { request } => request.bytes(),
            HostCall::EmailSend { server, mail } => server.bytes() + mail.bytes(),
            HostCall::EmailCheck { server } => server.bytes(),
            HostCall::CryptoHash { data, .. } => PLAIN + data.bytes(),
            HostCall::CryptoHmac { secret, data, .. } => PLAIN + secret.bytes() + data.bytes(),
            HostCall::CryptoVerify {
                secret,
                data,
                signature,
                ..
            } => PLAIN + secret.bytes() + data.bytes() + signature.bytes(),
            HostCall::CryptoEqual { secret, candidate } => secret.bytes() + candidate.bytes(),
            HostCall::CryptoSign {
                algorithm,
                secret,
                data,
            } => algorithm.bytes() + secret.bytes() + data.bytes(),
            HostCall::TemplatesRender { name, values } => name.bytes() + values.bytes(),
            HostCall::ConditionsEvaluate { condition } => condition.bytes(),
            HostCall::VariablesGet { path } => path.bytes(),
            HostCall::VariablesSet { name, value } => name.bytes() + value.bytes(),
            HostCall::ContactsUpdate { field, value, .. } => PLAIN + field.bytes() + value.bytes(),
            HostCall::ContactsAddTags { tags } => list(tags),
            HostCall::MessagesChannel { name } => name.bytes(),
            HostCall::MessagesSend { message } => message.bytes(),
            HostCall::ContactsRetag { change } => change.bytes(),
            HostCall::ContactsOptOut { request } => request.bytes(),
            HostCall::ConversationsClose { note } => note.bytes(),
            HostCall::ConversationsComment { text } => text.bytes(),
            HostCall::ConversationsAssign { request } => request.bytes(),
            HostCall::ConversationsLeaveQueue { id } => id.bytes(),
            HostCall::ListsAdd { list } | HostCall::ListsRemove { list } => list.bytes(),
            HostCall::TablesAppend { table, row } => table.bytes() + row.bytes(),
            HostCall::FilesRead { name } => name.bytes(),
            HostCall::WorkflowsStart { workflow, options } => workflow.bytes() + options.bytes(),
        }
    }
}

impl Crossing for HostReply {
    fn bytes(&self) -> u64 {
        match self {
            HostReply::Timestamp(_) => PLAIN,
            HostReply::Number(result) => result.bytes(),
            HostReply::Bytes(bytes) => bytes.bytes(),
            HostReply::Digest(result) => result.bytes(),
            HostReply::Response(result) => result.bytes(),
            HostReply::Accepted(result) => result.bytes(),
            HostReply::Truth(result) => result.bytes(),
            HostReply::Text(result) => result.bytes(),
            HostReply::Maybe(value) => value.bytes(),
            HostReply::Done(result) => result.bytes(),
        }
    }
}

impl Crossing for Invocation {
    fn bytes(&self) -> u64 {
        2 * PLAIN
            + self.run_id.bytes()
            + self.workflow.bytes()
            + self.step_id.bytes()
            + self.settings.bytes()
            + self.trigger.bytes()
            + self.variables.bytes()
            + self.contact.bytes()
    }
}

impl Crossing for Event {
    fn bytes(&self) -> u64 {
        PLAIN + self.id.bytes() + self.name.bytes() + self.data.bytes()
    }
}

impl Crossing for Wake {
    fn bytes(&self) -> u64 {
        match self {
            Wake::Timer => PLAIN,
            Wake::Event(event) => event.bytes(),
        }
    }
}

impl Crossing for Subscription {
    fn bytes(&self) -> u64 {
        PLAIN + self.event.bytes() + self.subject.bytes() + self.when.bytes()
    }
}

impl Crossing for Outcome {
    fn bytes(&self) -> u64 {
        match self {
            Outcome::Done(done) => done.branch.bytes() + done.output.bytes(),
            Outcome::Wait(wait) => PLAIN + list(&wait.events) + wait.state.bytes(),
            Outcome::Goto(text) | Outcome::End(text) => text.bytes(),
        }
    }
}

impl Crossing for Receipt {
    fn bytes(&self) -> u64 {
        self.provider_id.bytes() + self.status.bytes() + self.detail.bytes()
    }
}

impl Crossing for Request {
    fn bytes(&self) -> u64 {
        self.method.bytes() + self.url.bytes() + list(&self.headers) + self.body.bytes()
    }
}

impl Crossing for Received {
    fn bytes(&self) -> u64 {
        PLAIN + list(&self.headers) + self.body.bytes() + self.events.bytes()
    }
}
