//! Host calls: the closed vocabulary of what a plugin can ask of the host, and the answers.
//!
//! Every import function of the contract that answers is one variant of [`HostCall`], with its
//! arguments as owned data, so that a call can be journaled, compared with the journal and done
//! again. (`log.write` answers nothing and changes nothing; it goes to [`HostCalls::log`].)
//! [`HostReply`] has a variant for each type of result. A refusal is an answer, as data; only a
//! [`Stop`] ends the activation.
//!
//! What must hold: the effect class of a call is the one that its doc comment in `wit/` states.

use std::any::Any;
use std::io;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::interface::Interface;
use crate::shares::Account;
use crate::wire;
use crate::wit::{CallError, Failure, contacts, crypto, email, http, log};

/// What a host call may change, and so what the host does after a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Nothing leaves the activation.
    Local,
    /// Applied in the same transaction as the outcome, exactly once.
    Internal,
    /// The intent is committed first; after a crash it is done again with the same key.
    ExternalSafe,
    /// The intent is committed first; after a crash with no result it is not done again.
    ExternalOnce,
}

/// One call of a plugin into the host.
///
/// As JSON `{"http.fetch": {...}}`, or `"clock.now"` where there are no arguments. Byte strings
/// are text where they are UTF-8 and `{"base64": "..."}` where not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum HostCall {
    /// The time now.
    #[serde(rename = "clock.now")]
    ClockNow,
    /// The instant that a text means.
    #[serde(rename = "clock.parse")]
    ClockParse {
        /// Date and time as people write it.
        text: String,
    },
    /// The length that a text means.
    #[serde(rename = "clock.duration")]
    ClockDuration {
        /// Such as `1d12h`.
        text: String,
    },
    /// The next opening.
    #[serde(rename = "clock.next-open")]
    ClockNextOpen {
        /// Business hours as JSON.
        hours: String,
        /// Milliseconds since 1970.
        after: u64,
    },
    /// Random bytes.
    #[serde(rename = "random.bytes")]
    RandomBytes {
        /// How many; at most 1,024 are answered.
        length: u32,
    },
    /// An HTTP request.
    #[serde(rename = "http.fetch")]
    HttpFetch {
        /// With placeholders for secrets.
        #[serde(with = "wire::RequestDef")]
        request: http::Request,
    },
    /// A mail.
    #[serde(rename = "email.send")]
    EmailSend {
        /// Where to.
        server: email::Server,
        /// What. Boxed, because it is twice as large as any other call.
        #[serde(with = "wire::mail")]
        mail: Box<email::Mail>,
    },
    /// Connects to a mail server and leaves.
    #[serde(rename = "email.check")]
    EmailCheck {
        /// Which.
        server: email::Server,
    },
    /// A digest.
    #[serde(rename = "crypto.hash")]
    CryptoHash {
        /// Which.
        algorithm: crypto::Algorithm,
        /// Of what.
        #[serde(with = "wire::bytes")]
        data: Vec<u8>,
    },
    /// An HMAC.
    #[serde(rename = "crypto.hmac")]
    CryptoHmac {
        /// Which.
        algorithm: crypto::Algorithm,
        /// The secret's name.
        secret: String,
        /// Of what.
        #[serde(with = "wire::bytes")]
        data: Vec<u8>,
    },
    /// Whether an HMAC is right.
    #[serde(rename = "crypto.verify")]
    CryptoVerify {
        /// Which.
        algorithm: crypto::Algorithm,
        /// The secret's name.
        secret: String,
        /// Of what.
        #[serde(with = "wire::bytes")]
        data: Vec<u8>,
        /// The claimed HMAC.
        #[serde(with = "wire::bytes")]
        signature: Vec<u8>,
    },
    /// Whether a value is the secret.
    #[serde(rename = "crypto.equal")]
    CryptoEqual {
        /// The secret's name.
        secret: String,
        /// The value.
        #[serde(with = "wire::bytes")]
        candidate: Vec<u8>,
    },
    /// A signature under a private key.
    #[serde(rename = "crypto.sign")]
    CryptoSign {
        /// The algorithm's name.
        algorithm: String,
        /// The secret's name.
        secret: String,
        /// Of what.
        #[serde(with = "wire::bytes")]
        data: Vec<u8>,
    },
    /// A template with values put in.
    #[serde(rename = "templates.render")]
    TemplatesRender {
        /// The template's name.
        name: String,
        /// An object as JSON.
        values: Option<String>,
    },
    /// Whether a condition holds.
    #[serde(rename = "conditions.evaluate")]
    ConditionsEvaluate {
        /// As JSON.
        condition: String,
    },
    /// The value at a path.
    #[serde(rename = "variables.get")]
    VariablesGet {
        /// Such as `vars.answer`.
        path: String,
    },
    /// Sets a variable.
    #[serde(rename = "variables.set")]
    VariablesSet {
        /// Below `vars`.
        name: String,
        /// As JSON.
        value: String,
    },
    /// The contact.
    #[serde(rename = "contacts.get")]
    ContactsGet,
    /// Changes a field of the contact.
    #[serde(rename = "contacts.update")]
    ContactsUpdate {
        /// The field's name.
        field: String,
        /// How.
        operation: contacts::Operation,
        /// As JSON.
        value: String,
    },
    /// Adds tags to the contact.
    #[serde(rename = "contacts.add-tags")]
    ContactsAddTags {
        /// The tags' names.
        tags: Vec<String>,
    },
    /// Adds and removes tags of the contact.
    #[serde(rename = "contacts.retag")]
    ContactsRetag {
        /// `add`, `remove`, `silent` as JSON.
        change: String,
    },
    /// Records that the contact wants nothing more, or wants it again.
    #[serde(rename = "contacts.opt-out")]
    ContactsOptOut {
        /// `scope`, `channel`, `in` as JSON.
        request: String,
    },
    /// The channel that a name stands for.
    #[serde(rename = "messages.channel")]
    MessagesChannel {
        /// A channel's name, or `last-interacted`.
        name: String,
    },
    /// Puts a message into the outbox.
    #[serde(rename = "messages.send")]
    MessagesSend {
        /// As JSON.
        message: String,
    },
    /// The contact's conversation.
    #[serde(rename = "conversations.get")]
    ConversationsGet,
    /// Opens a conversation.
    #[serde(rename = "conversations.open")]
    ConversationsOpen,
    /// Closes the conversation.
    #[serde(rename = "conversations.close")]
    ConversationsClose {
        /// The closing note as JSON.
        note: Option<String>,
    },
    /// Adds a comment to the conversation.
    #[serde(rename = "conversations.comment")]
    ConversationsComment {
        /// For people of the workspace.
        text: String,
    },
    /// Gives the contact to a user, or queues it.
    #[serde(rename = "conversations.assign")]
    ConversationsAssign {
        /// To whom, as JSON.
        request: String,
    },
    /// Gives up a place in the queue.
    #[serde(rename = "conversations.leave-queue")]
    ConversationsLeaveQueue {
        /// The place's id.
        id: String,
    },
    /// Puts the contact on a list.
    #[serde(rename = "lists.add")]
    ListsAdd {
        /// The list's name.
        list: String,
    },
    /// Takes the contact off a list.
    #[serde(rename = "lists.remove")]
    ListsRemove {
        /// The list's name.
        list: String,
    },
    /// Adds a row to a table.
    #[serde(rename = "tables.append")]
    TablesAppend {
        /// The table's name.
        table: String,
        /// Values by column, as JSON.
        row: String,
    },
    /// The bytes of a file.
    #[serde(rename = "files.read")]
    FilesRead {
        /// The file's name.
        name: String,
    },
    /// Starts another workflow.
    #[serde(rename = "workflows.start")]
    WorkflowsStart {
        /// Its name.
        workflow: String,
        /// `from`, `variables`, `data` as JSON.
        options: String,
    },
}

impl HostCall {
    /// Interface and function, as in the contract: the table that everything else reads.
    const fn function(&self) -> (Interface, &'static str) {
        match self {
            HostCall::ClockNow => (Interface::Clock, "clock.now"),
            HostCall::ClockParse { .. } => (Interface::Clock, "clock.parse"),
            HostCall::ClockDuration { .. } => (Interface::Clock, "clock.duration"),
            HostCall::ClockNextOpen { .. } => (Interface::Clock, "clock.next-open"),
            HostCall::RandomBytes { .. } => (Interface::Random, "random.bytes"),
            HostCall::HttpFetch { .. } => (Interface::Http, "http.fetch"),
            HostCall::EmailSend { .. } => (Interface::Email, "email.send"),
            HostCall::EmailCheck { .. } => (Interface::Email, "email.check"),
            HostCall::CryptoHash { .. } => (Interface::Crypto, "crypto.hash"),
            HostCall::CryptoHmac { .. } => (Interface::Crypto, "crypto.hmac"),
            HostCall::CryptoVerify { .. } => (Interface::Crypto, "crypto.verify"),
            HostCall::CryptoEqual { .. } => (Interface::Crypto, "crypto.equal"),
            HostCall::CryptoSign { .. } => (Interface::Crypto, "crypto.sign"),
            HostCall::TemplatesRender { .. } => (Interface::Templates, "templates.render"),
            HostCall::ConditionsEvaluate { .. } => (Interface::Conditions, "conditions.evaluate"),
            HostCall::VariablesGet { .. } => (Interface::Variables, "variables.get"),
            HostCall::VariablesSet { .. } => (Interface::Variables, "variables.set"),
            HostCall::ContactsGet => (Interface::Contacts, "contacts.get"),
            HostCall::ContactsUpdate { .. } => (Interface::Contacts, "contacts.update"),
            HostCall::ContactsAddTags { .. } => (Interface::Contacts, "contacts.add-tags"),
            HostCall::MessagesChannel { .. } => (Interface::Messages, "messages.channel"),
            HostCall::MessagesSend { .. } => (Interface::Messages, "messages.send"),
            HostCall::ContactsRetag { .. } => (Interface::Contacts, "contacts.retag"),
            HostCall::ContactsOptOut { .. } => (Interface::Contacts, "contacts.opt-out"),
            HostCall::ConversationsGet => (Interface::Conversations, "conversations.get"),
            HostCall::ConversationsOpen => (Interface::Conversations, "conversations.open"),
            HostCall::ConversationsClose { .. } => {
                (Interface::Conversations, "conversations.close")
            }
            HostCall::ConversationsComment { .. } => {
                (Interface::Conversations, "conversations.comment")
            }
            HostCall::ConversationsAssign { .. } => {
                (Interface::Conversations, "conversations.assign")
            }
            HostCall::ConversationsLeaveQueue { .. } => {
                (Interface::Conversations, "conversations.leave-queue")
            }
            HostCall::ListsAdd { .. } => (Interface::Lists, "lists.add"),
            HostCall::ListsRemove { .. } => (Interface::Lists, "lists.remove"),
            HostCall::TablesAppend { .. } => (Interface::Tables, "tables.append"),
            HostCall::FilesRead { .. } => (Interface::Files, "files.read"),
            HostCall::WorkflowsStart { .. } => (Interface::Workflows, "workflows.start"),
        }
    }

    /// `http.fetch` and the like.
    pub const fn name(&self) -> &'static str {
        self.function().1
    }

    /// The interface that the function belongs to.
    pub const fn interface(&self) -> Interface {
        self.function().0
    }

    /// The effect class that the contract states. That of an HTTP request hangs on its method and
    /// on whether the receiver honours an idempotency key.
    pub fn effect(&self) -> Effect {
        match self {
            HostCall::ClockNow
            | HostCall::ClockParse { .. }
            | HostCall::ClockDuration { .. }
            | HostCall::ClockNextOpen { .. }
            | HostCall::RandomBytes { .. }
            | HostCall::CryptoHash { .. }
            | HostCall::CryptoHmac { .. }
            | HostCall::CryptoVerify { .. }
            | HostCall::CryptoEqual { .. }
            | HostCall::CryptoSign { .. }
            | HostCall::TemplatesRender { .. }
            | HostCall::ConditionsEvaluate { .. }
            | HostCall::VariablesGet { .. }
            | HostCall::FilesRead { .. }
            | HostCall::ContactsGet
            | HostCall::MessagesChannel { .. }
            | HostCall::ConversationsGet => Effect::Local,
            HostCall::VariablesSet { .. }
            | HostCall::ContactsUpdate { .. }
            | HostCall::ContactsAddTags { .. }
            | HostCall::ContactsRetag { .. }
            | HostCall::ContactsOptOut { .. }
            | HostCall::MessagesSend { .. }
            | HostCall::ConversationsOpen
            | HostCall::ConversationsClose { .. }
            | HostCall::ConversationsComment { .. }
            | HostCall::ConversationsAssign { .. }
            | HostCall::ConversationsLeaveQueue { .. }
            | HostCall::ListsAdd { .. }
            | HostCall::ListsRemove { .. }
            | HostCall::TablesAppend { .. }
            | HostCall::WorkflowsStart { .. } => Effect::Internal,
            HostCall::HttpFetch { request } => {
                const SAFE: [&str; 5] = ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"];
                if request.idempotency_header.is_some() || SAFE.contains(&request.method.as_str()) {
                    Effect::ExternalSafe
                } else {
                    Effect::ExternalOnce
                }
            }
            HostCall::EmailSend { .. } => Effect::ExternalOnce,
            HostCall::EmailCheck { .. } => Effect::ExternalSafe,
        }
    }

    /// Whether the call needs no grant: what shows the plugin nothing of the outside.
    pub const fn harmless(&self) -> bool {
        self.interface().harmless() || matches!(self, HostCall::CryptoHash { .. })
    }

    /// SHA-256 over name and arguments, in hex: a call that is taken up again must ask the same.
    ///
    /// Canonical because the arguments are always written in the order of the declaration.
    pub fn fingerprint(&self) -> String {
        struct Hashing(Sha256);
        impl io::Write for Hashing {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.update(bytes);
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut hashing = Hashing(Sha256::new());
        #[expect(
            clippy::expect_used,
            reason = "strings, numbers and lists always have a JSON form, and hashing does not fail"
        )]
        serde_json::to_writer(&mut hashing, self).expect("a host call has a JSON form");
        hex::encode(hashing.0.finalize())
    }

    /// The answer of this call's type that carries `error`. A function whose signature has no
    /// error answers what it answers when there is nothing: none, or no bytes.
    pub fn refusal(&self, error: CallError) -> HostReply {
        match self {
            HostCall::ClockNow => HostReply::Timestamp(0),
            HostCall::ClockParse { .. }
            | HostCall::ClockDuration { .. }
            | HostCall::ClockNextOpen { .. } => HostReply::Number(Err(error)),
            HostCall::RandomBytes { .. } | HostCall::CryptoHash { .. } => {
                HostReply::Bytes(Vec::new())
            }
            HostCall::HttpFetch { .. } => HostReply::Response(Err(error)),
            HostCall::EmailSend { .. } => HostReply::Accepted(Err(error)),
            HostCall::CryptoHmac { .. }
            | HostCall::CryptoSign { .. }
            | HostCall::FilesRead { .. } => HostReply::Digest(Err(error)),
            HostCall::CryptoVerify { .. }
            | HostCall::CryptoEqual { .. }
            | HostCall::ConditionsEvaluate { .. }
            | HostCall::ConversationsLeaveQueue { .. }
            | HostCall::ListsAdd { .. }
            | HostCall::ListsRemove { .. } => HostReply::Truth(Err(error)),
            HostCall::EmailCheck { .. }
            | HostCall::TemplatesRender { .. }
            | HostCall::ContactsUpdate { .. }
            | HostCall::ContactsRetag { .. }
            | HostCall::ContactsOptOut { .. }
            | HostCall::MessagesChannel { .. }
            | HostCall::MessagesSend { .. }
            | HostCall::ConversationsOpen
            | HostCall::ConversationsClose { .. }
            | HostCall::ConversationsComment { .. }
            | HostCall::ConversationsAssign { .. }
            | HostCall::TablesAppend { .. }
            | HostCall::WorkflowsStart { .. } => HostReply::Text(Err(error)),
            HostCall::VariablesGet { .. } | HostCall::ContactsGet | HostCall::ConversationsGet => {
                HostReply::Maybe(None)
            }
            HostCall::VariablesSet { .. } | HostCall::ContactsAddTags { .. } => {
                HostReply::Done(Err(error))
            }
        }
    }

    /// The refusal for want of the interface's grant, naming it.
    pub fn denied(&self) -> HostReply {
        let grant = self.interface().grant();
        self.refusal(CallError {
            code: "denied".to_owned(),
            message: format!(
                "`{}` is not granted to this plugin; the grant `{grant}` would allow it",
                self.name()
            ),
            grant: Some(grant.to_owned()),
            transient: false,
            maybe_sent: false,
            detail: None,
        })
    }
}

/// The host's answer to a [`HostCall`]: one variant for each type of result.
///
/// Which call answers which variant is said at the variants; any other ends the activation with
/// [`crate::Ended::HostBug`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostReply {
    /// `clock.now`: milliseconds since 1970.
    Timestamp(u64),
    /// `clock.parse` and `clock.next-open` (milliseconds since 1970), `clock.duration`
    /// (milliseconds).
    Number(Result<u64, CallError>),
    /// `random.bytes` and `crypto.hash`.
    Bytes(#[serde(with = "wire::bytes")] Vec<u8>),
    /// `crypto.hmac`, `crypto.sign` and `files.read`.
    Digest(#[serde(with = "wire::bytes_result")] Result<Vec<u8>, CallError>),
    /// `http.fetch`.
    Response(#[serde(with = "wire::response")] Result<http::Response, CallError>),
    /// `email.send`.
    Accepted(Result<email::Accepted, CallError>),
    /// `crypto.verify`, `crypto.equal`, `conditions.evaluate`, `conversations.leave-queue`,
    /// `lists.add` and `lists.remove`.
    Truth(Result<bool, CallError>),
    /// `templates.render`, `contacts.update`, `contacts.retag`, `contacts.opt-out`, `messages.channel`,
    /// `conversations.open`, `conversations.close`, `conversations.assign` (JSON), `messages.send`,
    /// `conversations.comment`, `tables.append`, `workflows.start` (an id), `email.check` (a greeting).
    Text(Result<String, CallError>),
    /// `variables.get`, `contacts.get` and `conversations.get`: JSON.
    Maybe(Option<String>),
    /// `variables.set` and `contacts.add-tags`.
    Done(Result<(), CallError>),
}

impl HostReply {
    /// The error that the plugin sees, if the answer is one.
    pub fn error(&self) -> Option<&CallError> {
        match self {
            HostReply::Timestamp(_) | HostReply::Bytes(_) | HostReply::Maybe(_) => None,
            HostReply::Number(result) => result.as_ref().err(),
            HostReply::Digest(result) => result.as_ref().err(),
            HostReply::Response(result) => result.as_ref().err(),
            HostReply::Accepted(result) => result.as_ref().err(),
            HostReply::Truth(result) => result.as_ref().err(),
            HostReply::Text(result) => result.as_ref().err(),
            HostReply::Done(result) => result.as_ref().err(),
        }
    }
}

/// The host ends the activation now, in the middle of a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stop {
    /// The step or the message fails with this, as if the plugin had returned it (`uncertain`).
    Failed(Failure),
    /// The run is parked until a person decides: the plugin asked something else than the journal
    /// says.
    NeedsAttention {
        /// What differs, for people.
        message: String,
    },
    /// The run was cancelled.
    Cancelled {
        /// By whom or why, for people.
        message: String,
    },
    /// The host itself cannot go on (it lost the bucket, or the database is away): nothing is
    /// recorded, and whoever owns the run takes it up again.
    Abandoned {
        /// Why, for the operator.
        message: String,
    },
}

impl Stop {
    /// Stable, lower-case, hyphens.
    pub fn code(&self) -> &str {
        match self {
            Stop::Failed(failure) => &failure.code,
            Stop::NeedsAttention { .. } => "needs-attention",
            Stop::Cancelled { .. } => "cancelled",
            Stop::Abandoned { .. } => "abandoned",
        }
    }

    /// For people.
    pub fn message(&self) -> &str {
        match self {
            Stop::Failed(failure) => &failure.message,
            Stop::NeedsAttention { message }
            | Stop::Cancelled { message }
            | Stop::Abandoned { message } => message,
        }
    }
}

/// What answers the host calls of one activation. It is given to the activation by value and
/// comes back in [`crate::Activated::calls`], whatever happened.
///
/// A call may be dropped at any await point (deadline, cancelled request): it must leave its
/// state such that the activation can be judged afterwards. It must not start an activation of
/// the same sandbox and wait for it: places are limited, so that could wait for ever.
#[async_trait]
pub trait HostCalls: Any + Send {
    /// Answers a call.
    ///
    /// # Errors
    /// [`Stop`] ends the activation; a refusal is a reply ([`HostCall::refusal`]).
    async fn call(&mut self, call: HostCall) -> Result<HostReply, Stop>;

    /// A line within the limits on lines and bytes.
    fn log(&mut self, level: log::Level, message: String);

    /// A call was answered with [`HostCall::denied`], without asking [`HostCalls::call`].
    fn denied(&mut self, _call: &HostCall) {}

    /// On whose behalf the activation is: where there is not room for all, accounts take turns.
    fn account(&self) -> Account {
        Account::default()
    }
}

#[cfg(test)]
mod tests;
