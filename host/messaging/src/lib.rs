//! Messaging: contacts, channels, messages, opt-outs. What steps act on, and how it gets out and in.
//!
//! It fills the gap that the engine leaves (`Domain`: what a contact and a message are), and asks
//! the engine for little in turn (`Host`: the database, locks, acceptance of events, activations of
//! connectors). It knows no HTTP server and no sandbox.
//!
//! Where to start: `facade` is the handle; `outbox` is the one way out, `inbound` the one way in;
//! `contacts::resolve` is how one person stays one contact; `message` has the states of a message.
//!
//! What must hold:
//! - a message leaves only through the outbox, after its intent was committed;
//! - who opted out gets nothing more, but for one confirmation;
//! - a provider is answered after what it said was committed, and a repetition changes nothing;
//! - a message's status only goes up;
//! - nobody waits for the lock of a bucket while holding another.

mod assignment;
mod blacklist;
mod calendars;
mod channel_checks;
mod channels;
mod common;
mod connectors;
mod contacts;
mod content;
mod context;
mod conversations;
mod decisions;
mod domain;
mod effects;
mod engine_host;
mod error;
mod facade;
mod files;
mod host;
mod imports;
mod inbound;
mod keywords;
mod lists;
mod message;
mod messages;
mod opt_out;
mod options;
mod organisations;
mod outbox;
mod outgoing;
mod page;
mod retention;
mod schema;
mod secret_key;
mod secrets;
mod segments;
mod settings;
mod shortcuts;
mod snippets;
mod status;
mod subscriptions;
mod tables;
mod tasks;
mod teams;
mod templates;
mod timers;
mod unsubscribe;
#[doc(hidden)]
pub mod untrusted;
mod users;
mod workspaces;

pub use assignment::{AssignRequest, Assignments, Attendance, Person, QueueView, Strategy};
pub use blacklist::{Blacklists, Direction};
pub use calendars::{CalendarView, Calendars};
pub use channels::{ChannelMove, ChannelPatch, Channels, NewChannel};
pub use contacts::{Contacts, FieldKind, Known, ListContacts, NewField, Operation, Suggestion};
pub use conversations::{Conversations, ListConversations, Note, Snooze};
pub use decisions::{Decisions, ListDecisions};
pub use error::{Error, ErrorKind, Problem, Result};
pub use facade::Messaging;
pub use files::{Content, FileView, Files, LARGEST_FILE};
pub use host::{AcceptError, Guard, Host, InboundRequest, Receipt, Received, Sent};
pub use imports::{
    Export, ImportCounts, ImportPlan, ImportView, Imports, LARGEST_IMPORT, Purpose, RowView,
    result_lines,
};
pub use inbound::{HttpAnswer, Inbound, ListInbound};
pub use lists::{ListView, Lists};
pub use messages::{ListMessages, Messages};
pub use opt_out::{OptOutView, OptOuts};
pub use options::Options;
pub use organisations::{Organisations, key_place, of_key_place};
pub use page::Page;
pub use retention::{Pruned, Retention};
pub use secret_key::{KeyError, SecretKey};
pub use secrets::{SecretView, Secrets};
pub use segments::{Count, Meant, NewSegment, SegmentView, Segments};
pub use settings::{
    AutoClose, ChannelLimits, ClosingNotes, DispatchSettings, FrequencyCap, KeywordSettings,
    NoteCategory, NoteMode, OptOutScope, Settings, UnsetVariables,
};
pub use shortcuts::Shortcuts;
pub use snippets::{NewSnippet, SnippetView, Snippets};
pub use subscriptions::{
    DeliveryView, ListDeliveries, NewSubscription, SubscriptionPatch, SubscriptionView,
    Subscriptions, TryView,
};
pub use tables::{TableExport, TableView, Tables};
pub use tasks::TASK;
pub use teams::{Member, TeamView, Teams};
pub use templates::{TemplateSource, Templates};
pub use unsubscribe::{Unsubscribe, UnsubscribePage};
pub use users::{Presence, Role, UserPatch, UserView, Users};
pub use workspaces::Workspaces;
