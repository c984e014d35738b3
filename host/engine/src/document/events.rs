//! The events that start workflows, and what each brings: data for checks, the API and the
//! documentation.
//!
//! A namespace is what stands before the first full stop of a variable. Some are always there; an
//! event adds its own. Names that are not listed here are custom events: their data stands under
//! `event` only.

use super::trigger;
use crate::variables::{FILE, SNIPPET};
use serde::Serialize;

/// What kind of value a field has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FieldType {
    /// A text.
    Text,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A date and time (RFC 3339, or in the workspace's time zone without an offset).
    Timestamp,
    /// A date, `2026-12-01`.
    Date,
    /// A telephone number in E.164 form.
    Phone,
    /// A mail address.
    Email,
    /// An address on the web.
    Url,
    /// A list.
    List,
    /// A mapping.
    Object,
}

/// One value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Field {
    /// What stands after the namespace.
    pub name: &'static str,
    /// What kind of value.
    #[serde(rename = "type")]
    pub kind: FieldType,
    /// For people.
    pub title: &'static str,
}

/// Values under one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Namespace {
    /// What stands first in a variable.
    pub name: &'static str,
    /// For people.
    pub title: &'static str,
    /// The values.
    pub fields: &'static [Field],
    /// Other names may have values too.
    pub open: bool,
}

/// An event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Event {
    /// As a trigger names it.
    pub name: &'static str,
    /// For people.
    pub title: &'static str,
    /// What it adds to what is always there.
    pub namespaces: &'static [Namespace],
}

use FieldType::{Boolean, Date, Email, List, Number, Object, Phone, Text, Timestamp, Url};

const fn field(name: &'static str, kind: FieldType, title: &'static str) -> Field {
    Field { name, kind, title }
}

const fn namespace(
    name: &'static str,
    title: &'static str,
    fields: &'static [Field],
    open: bool,
) -> Namespace {
    Namespace {
        name,
        title,
        fields,
        open,
    }
}

const CALL: Namespace = namespace(
    "call",
    "The call",
    &[
        field("id", Text, "The call's id"),
        field("caller_number", Phone, "Who called"),
        field("called_number", Phone, "Which number was called"),
        field("direction", Text, "`inbound` or `outbound`"),
        field("status", Text, "`answered` or `missed`"),
        field("duration", Number, "Length of the call, in seconds"),
        field("start", Timestamp, "When it began"),
        field("end", Timestamp, "When it ended"),
        field(
            "wait_time",
            Number,
            "Time before somebody answered, in seconds",
        ),
        field("area", Text, "Geographic area of the caller's number"),
        field("caller_city", Text, "The caller's city"),
        field("caller_region", Text, "The caller's region"),
        field("caller_country", Text, "The caller's country"),
        field(
            "number_type",
            Text,
            "Kind of the called number: `dynamic` or `static`",
        ),
        field("number_label", Text, "Label of the called number"),
        field("first_url", Url, "The first page that the caller visited"),
        field("last_url", Url, "The last page that the caller visited"),
        field("referrer", Url, "The page that led to the visit"),
        field("recording_url", Url, "The recording"),
        field(
            "repeat_caller",
            Boolean,
            "Whether this number has called before",
        ),
        field("campaign", Text, "The campaign"),
        field("tags", List, "The call's tags"),
        field("utm_source", Text, "Where the visit came from (UTM)"),
        field("utm_medium", Text, "By what medium it came (UTM)"),
        field("utm_campaign", Text, "By which campaign it came (UTM)"),
        field("utm_term", Text, "For which search term it came (UTM)"),
        field("utm_content", Text, "By which advertisement it came (UTM)"),
    ],
    false,
);

const AGENT: Namespace = namespace(
    "agent",
    "Who was called",
    &[
        field("id", Text, "The agent's id"),
        field("name", Text, "The agent's name"),
        field("number", Phone, "The agent's number"),
        field("email", Email, "The agent's mail address"),
    ],
    false,
);

const ACCOUNT: Namespace = namespace(
    "account",
    "The account that the event belongs to",
    &[
        field("id", Text, "The account's id"),
        field("name", Text, "The account's name"),
    ],
    false,
);

const VISITOR: Namespace = namespace("visitor", "The visitor of the web site", &[], true);

const RECEIVED: Namespace = namespace(
    "message",
    "The message",
    &[
        field("id", Text, "The message's id"),
        field("type", Text, "`text`, `image`, `location` and so on"),
        field("text", Text, "Its text"),
        field("content", Object, "All of its content"),
        field("payload", Text, "What the pressed button carries"),
        field("address", Text, "The contact's address on the channel"),
        field("to", Text, "The number or address that it was sent to"),
        field(
            "keyword",
            Text,
            "The keyword of the trigger that it matched",
        ),
        field("channel", Text, "The channel's name"),
        field("channel_id", Text, "The channel's id"),
        field("in_reply_to", Text, "The id of the message that it answers"),
        field("provider_id", Text, "The provider's id of it"),
    ],
    false,
);

const SENT: Namespace = namespace(
    "message",
    "The message",
    &[
        field("id", Text, "The message's id"),
        field("type", Text, "`text`, `email`, `location` and so on"),
        field("text", Text, "Its text"),
        field("address", Text, "Where it went"),
        field("channel", Text, "The channel's name"),
        field("channel_id", Text, "The channel's id"),
        field(
            "source",
            Text,
            "`user`, or `echo` for what was written outside Jackfield",
        ),
        field(
            "user",
            Object,
            "Who wrote it, where that is known: `id`, `name`, `email`",
        ),
    ],
    false,
);

const STATUS: Namespace = namespace(
    "message",
    "The message",
    &[
        field("id", Text, "The message's id"),
        field(
            "status",
            Text,
            "`accepted`, `sent`, `delivered`, `read`, `failed`, `suppressed` or `uncertain`",
        ),
        field("type", Text, "`text`, `email`, `location` and so on"),
        field(
            "source",
            Text,
            "Who wrote it: `user`, `workflow`, `api` and so on",
        ),
        field("reason", Text, "Why it failed or was suppressed"),
        field("error", Object, "What the connector said of it"),
        field("address", Text, "Where it went"),
        field("channel", Text, "The channel's name"),
        field("channel_id", Text, "The channel's id"),
        field("provider_id", Text, "The provider's id of it"),
        field("workflow", Text, "The workflow that sent it"),
        field("run", Text, "The run that sent it"),
    ],
    false,
);

const FIELD: Namespace = namespace(
    "field",
    "The contact's field that changed",
    &[
        field("name", Text, "The field's name"),
        field("old", Text, "The value before"),
        field("new", Text, "The value now"),
    ],
    false,
);

const LIFECYCLE: Namespace = namespace(
    "lifecycle",
    "The stage of the life cycle",
    &[
        field("old", Text, "The stage before, if any"),
        field("new", Text, "The stage now, if any"),
    ],
    false,
);

const MERGED: Namespace = namespace(
    "merged",
    "The contact that was absorbed",
    &[
        field(
            "id",
            Text,
            "The id that it had, which leads to the contact now",
        ),
        field("name", Text, "The first and last name that it had"),
        field("phone", Phone, "The telephone number that it had"),
        field("email", Email, "The mail address that it had"),
    ],
    false,
);

const AD: Namespace = namespace(
    "ad",
    "The advertisement that led to the message",
    &[
        field("id", Text, "The advertisement's id"),
        field("title", Text, "Its title"),
        field("source", Text, "Where it stood, such as `facebook`"),
        field("url", Url, "Its address"),
    ],
    false,
);

const BROADCAST: Namespace = namespace(
    "broadcast",
    "The broadcast that was answered",
    &[
        field("workflow", Text, "The workflow that sent it"),
        field("run", Text, "The run that sent it"),
        field("message_id", Text, "The message's id"),
        field("text", Text, "The first 1,000 characters of its text"),
        field("channel", Text, "The name of the channel on which it went"),
        field("channel_id", Text, "The channel's id"),
        field("sent_at", Timestamp, "When it went"),
    ],
    false,
);

const OPT_OUT: Namespace = namespace(
    "opt_out",
    "The opt-out",
    &[
        field("address", Text, "The contact's address"),
        field("scope", Text, "`account` or `channel`"),
        field("channel", Text, "The channel's name"),
        field("channel_id", Text, "The channel's id"),
        field(
            "source",
            Text,
            "How it was said: `keyword`, `link` and so on",
        ),
        field("text", Text, "What the contact wrote"),
        field("message_id", Text, "The message whose link was followed"),
    ],
    false,
);

const CONVERSATION: Namespace = namespace(
    "conversation",
    "The conversation",
    &[
        field("id", Text, "The conversation's id"),
        field("state", Text, "`open`, `snoozed` or `closed`"),
        field(
            "source",
            Text,
            "Who opened it: `contact`, `user`, `workflow`, `api`, `click-to-chat-ads`",
        ),
        field(
            "channel",
            Text,
            "The name of the channel on which it was opened",
        ),
        field("channel_id", Text, "The id of that channel"),
        field("opened_at", Timestamp, "When it was opened"),
        field("closed_at", Timestamp, "When it was closed"),
        field(
            "closed_by",
            Text,
            "Who closed it: `workflow`, `api`, `auto-close`",
        ),
        field("first_message", Text, "The text of its first message"),
        field("assignee", Text, "The mail address of who had it last"),
        field(
            "first_assigned_at",
            Timestamp,
            "When it first came to somebody",
        ),
        field("assigned_at", Timestamp, "When it last came to somebody"),
        field("assignments", Number, "How often it came to somebody"),
        field(
            "first_response_at",
            Timestamp,
            "When one of ours first answered",
        ),
        field(
            "first_response_by",
            Text,
            "The mail address of who first answered",
        ),
        field(
            "first_response_time",
            Number,
            "Time from opening to that answer, in seconds",
        ),
        field(
            "closes_at",
            Timestamp,
            "When it is closed by itself, if nothing happens until then",
        ),
        field("snoozed_until", Timestamp, "Until when it is set aside"),
        field("unsnoozed_at", Timestamp, "When it was last taken up again"),
        field(
            "unsnoozed_by",
            Text,
            "By what it was taken up again: `timer`, `contact`, `workflow`, `api`",
        ),
        field("category", Text, "The category of the closing notes"),
        field("summary", Text, "The summary of the closing notes"),
        field(
            "resolution_time",
            Number,
            "Time from opening to closing, in seconds",
        ),
    ],
    false,
);

const ASSIGNMENT: Namespace = namespace(
    "assignment",
    "The assignment",
    &[
        field(
            "assignee",
            Object,
            "Who has the contact now: `id`, `name`, `email`",
        ),
        field("previous", Object, "Who had it before"),
        field("team", Text, "The team that the user was chosen from"),
        field(
            "by",
            Text,
            "Who assigned it: `workflow`, `queue` (one was chosen), `transfer` (it returned), `api`",
        ),
    ],
    false,
);

const QUEUE: Namespace = namespace(
    "queue",
    "The place in the queue",
    &[
        field("id", Text, "The place's id"),
        field("team", Text, "The team that is waited for"),
        field("since", Timestamp, "When the contact came"),
        field("priority", Number, "Higher goes first"),
        field("waited", Number, "How long it has waited, in seconds"),
        field(
            "outcome",
            Text,
            "How it ended: `assigned`, `left`, `replaced`, `closed`",
        ),
        field(
            "max_waiting",
            Number,
            "With `queue.full`: how many may wait",
        ),
        field(
            "assignee",
            Object,
            "Who has the contact: `id`, `name`, `email`",
        ),
    ],
    false,
);

const TAG: Namespace = namespace(
    "tag",
    "The tag",
    &[
        field("name", Text, "The tag's name"),
        field("action", Text, "`added` or `removed`"),
    ],
    false,
);

const LIST: Namespace = namespace(
    "list",
    "The list",
    &[
        field("name", Text, "The list's name"),
        field("action", Text, "`added` or `removed`"),
    ],
    false,
);

const COMMENT: Namespace = namespace(
    "comment",
    "The comment",
    &[
        field("id", Text, "The comment's id"),
        field("text", Text, "Its text"),
        field("author", Text, "`workflow`, `api` or a user"),
        field("mentions", List, "Who is mentioned in it"),
    ],
    false,
);

const ENDED: Namespace = namespace(
    "ended",
    "The run that is over",
    &[
        field("id", Text, "Its id"),
        field("workflow", Text, "Its workflow"),
        field("state", Text, "`completed`, `failed` or `cancelled`"),
        field("reason", Text, "Why it ended so"),
        field("variables", Object, "Its variables"),
    ],
    false,
);

const SUBSCRIPTION: Namespace = namespace(
    "subscription",
    "The webhook subscription",
    &[
        field("id", Text, "Its id"),
        field("title", Text, "Its title"),
        field("reason", Text, "Why it is told nothing more"),
    ],
    false,
);

const SCHEDULE: Namespace = namespace(
    "schedule",
    "The time that started the run",
    &[
        field("due", Timestamp, "The time that was due"),
        field(
            "missed",
            Number,
            "How many earlier times passed without a run, because no host was up",
        ),
        field("list", Text, "The list whose contacts get a run each"),
    ],
    false,
);

const WEBHOOK: Namespace = namespace(
    "webhook",
    "The request that started the run",
    &[
        field("body", Object, "What was sent"),
        field("variables", Object, "What was taken out of it"),
    ],
    false,
);

const SHORTCUT: Namespace = namespace(
    "shortcut",
    "The form that started the run",
    &[
        field("user", Object, "Who filled it in: `id`, `name`, `email`"),
        field("values", Object, "What was filled in, by variable"),
    ],
    false,
);

/// What every run has.
pub static ALWAYS: [Namespace; 14] = [
    namespace(
        crate::conditions::CALENDARS,
        "The workspace's calendars, by name",
        &[],
        true,
    ),
    namespace(
        "contact",
        "The contact that the run is about",
        &[
            field("id", Text, "The contact's id"),
            field("name", Text, "First and last name"),
            field("firstname", Text, "First name"),
            field("lastname", Text, "Last name"),
            field("email", Email, "Mail address"),
            field("phone", Phone, "Telephone number"),
            field("country", Text, "Country code"),
            field("language", Text, "Language code"),
            field("profile_pic", Url, "Picture"),
            field("time_zone", Text, "Time zone, `Europe/Paris`"),
            field("assignee", Text, "The mail address of who has the contact"),
            field(
                "queue",
                Object,
                "The place in the queue, where the contact waits",
            ),
            field("lifecycle", Text, "Stage of the life cycle"),
            field("tags", List, "Tags"),
            field("blocked", Boolean, "Whether the contact is blocked"),
            field(
                "conversation",
                Object,
                "The conversation that is open, else the last",
            ),
            field("addresses", List, "Addresses, with the channel of each"),
            field("created_at", Timestamp, "When the contact was created"),
            field("last_channel", Text, "The channel of the last message"),
            field("last_incoming", Text, "What the contact wrote last"),
            field("last_incoming_at", Timestamp, "When the contact wrote last"),
            field(
                "last_incoming_channel",
                Text,
                "The channel on which the contact wrote last",
            ),
            field(
                "last_outgoing",
                Text,
                "What was written to the contact last",
            ),
            field(
                "last_outgoing_at",
                Timestamp,
                "When the contact was last written to",
            ),
            field(
                "last_outgoing_channel",
                Text,
                "The channel on which the contact was last written to",
            ),
            field(
                "last_outgoing_source",
                Text,
                "Who wrote then: `user`, `bot`, `workflow`, `broadcast` or `api`",
            ),
        ],
        true,
    ),
    CONVERSATION,
    namespace(
        "assignee",
        "Who has the contact",
        &[
            field("id", Text, "The user's id"),
            field("name", Text, "The user's name"),
            field("email", Email, "The user's mail address"),
            field("team", Text, "The team that the user was chosen from"),
            field("status", Text, "`online`, `away` or `offline`"),
            field("on_call", Boolean, "Whether the user is on a call"),
        ],
        false,
    ),
    namespace(
        "system",
        "The time in the workspace's time zone",
        &[
            field(
                "current_datetime",
                Timestamp,
                "Date and time, `2026-12-01 09:00:00`",
            ),
            field("current_date", Date, "The date, `2026-12-01`"),
            field("current_time", Text, "The time, `09:00:00`"),
            field("time_zone", Text, "The time zone, `Europe/Paris`"),
        ],
        false,
    ),
    namespace(
        "workspace",
        "The workspace",
        &[
            field("id", Text, "Its id"),
            field("default_country", Text, "Its country, such as `FR`"),
            field("date_format", Text, "How dates are written, `DD/MM/YYYY`"),
        ],
        false,
    ),
    namespace(
        "workflow",
        "The workflow",
        &[
            field("name", Text, "Its name"),
            field("version", Number, "Its version"),
        ],
        false,
    ),
    namespace(
        "run",
        "The run",
        &[
            field("id", Text, "Its id"),
            field(
                "created_at",
                Timestamp,
                "When it began, in milliseconds since 1970",
            ),
        ],
        false,
    ),
    namespace(
        "steps",
        "What earlier steps gave, by the step's id",
        &[],
        true,
    ),
    namespace("vars", "The run's variables", &[], true),
    namespace(
        FILE,
        "The workspace's files, by name: their addresses on the web",
        &[],
        true,
    ),
    namespace(
        SNIPPET,
        "The workspace's snippets, by name: texts that are put in with their own variables",
        &[],
        true,
    ),
    namespace(
        "event",
        "The data of the event that started the run",
        &[],
        true,
    ),
    namespace(
        "channel",
        "The channel of the contact's last message",
        &[
            field("id", Text, "Its id"),
            field("name", Text, "Its name"),
            field("kind", Text, "Its kind, such as `telegram`"),
        ],
        false,
    ),
];

/// Every event of Jackfield's own.
pub static EVENTS: [Event; 32] = [
    Event {
        name: "call.ended",
        title: "A call has ended",
        namespaces: &[CALL, AGENT, ACCOUNT, VISITOR],
    },
    Event {
        name: "message.received",
        title: "A contact has written",
        namespaces: &[RECEIVED, AD, ACCOUNT],
    },
    Event {
        name: trigger::CLICK_TO_CHAT,
        title: "A contact has written because of an advertisement",
        namespaces: &[AD, RECEIVED, ACCOUNT],
    },
    Event {
        name: trigger::BROADCAST_REPLIED,
        title: "A contact has answered a broadcast",
        namespaces: &[BROADCAST, RECEIVED, ACCOUNT],
    },
    Event {
        name: "message.sent-by-human",
        title: "One of ours has written",
        namespaces: &[SENT, ACCOUNT],
    },
    Event {
        name: "message.status",
        title: "It is known how far a message has come",
        namespaces: &[STATUS, ACCOUNT],
    },
    Event {
        name: "message.failed",
        title: "A message could not be delivered",
        namespaces: &[STATUS, ACCOUNT],
    },
    Event {
        name: "contact.created",
        title: "A contact was created",
        namespaces: &[ACCOUNT],
    },
    Event {
        name: "contact.field-updated",
        title: "A field of a contact has changed",
        namespaces: &[FIELD, ACCOUNT],
    },
    Event {
        name: "contact.merged",
        title: "A contact has absorbed another",
        namespaces: &[MERGED, ACCOUNT],
    },
    Event {
        name: trigger::LIFECYCLE_UPDATED,
        title: "A contact came to another stage of its life cycle, or left it",
        namespaces: &[LIFECYCLE, ACCOUNT],
    },
    Event {
        name: "contact.opted-out",
        title: "A contact does not want messages any more",
        namespaces: &[OPT_OUT, ACCOUNT],
    },
    Event {
        name: "contact.opted-in",
        title: "A contact wants messages again",
        namespaces: &[OPT_OUT, ACCOUNT],
    },
    Event {
        name: "conversation.opened",
        title: "A conversation was opened",
        namespaces: &[ACCOUNT],
    },
    Event {
        name: "conversation.snoozed",
        title: "A conversation was set aside",
        namespaces: &[ACCOUNT],
    },
    Event {
        name: "conversation.unsnoozed",
        title: "A conversation was taken up again",
        namespaces: &[ACCOUNT],
    },
    Event {
        name: "conversation.closed",
        title: "A conversation was closed",
        namespaces: &[ACCOUNT],
    },
    Event {
        name: "conversation.assigned",
        title: "A contact came to a user",
        namespaces: &[ASSIGNMENT, ACCOUNT],
    },
    Event {
        name: "conversation.unassigned",
        title: "A contact was taken from its user",
        namespaces: &[ASSIGNMENT, ACCOUNT],
    },
    Event {
        name: "queue.entered",
        title: "A contact waits for somebody",
        namespaces: &[QUEUE, ACCOUNT],
    },
    Event {
        name: "queue.overdue",
        title: "A contact has waited for longer than the service level",
        namespaces: &[QUEUE, ACCOUNT],
    },
    Event {
        name: "queue.full",
        title: "A contact finds no place in a queue, because as many wait as may",
        namespaces: &[QUEUE, ACCOUNT],
    },
    Event {
        name: "queue.finished",
        title: "A contact does not wait any more",
        namespaces: &[QUEUE, ACCOUNT],
    },
    Event {
        name: "tag.updated",
        title: "A contact was tagged, or a tag was taken away",
        namespaces: &[TAG, ACCOUNT],
    },
    Event {
        name: "list.updated",
        title: "A contact was put on a list, or taken off one",
        namespaces: &[LIST, ACCOUNT],
    },
    Event {
        name: "comment.added",
        title: "Somebody noted something about a contact",
        namespaces: &[COMMENT, ACCOUNT],
    },
    Event {
        name: "run.ended",
        title: "A run that a step of another workflow started is over",
        namespaces: &[ENDED, ACCOUNT],
    },
    Event {
        name: "subscription.disabled",
        title: "A webhook subscription is told nothing more, because its receiver is gone",
        namespaces: &[SUBSCRIPTION, ACCOUNT],
    },
    Event {
        name: trigger::SCHEDULE,
        title: "A time has come that the trigger names",
        namespaces: &[SCHEDULE],
    },
    Event {
        name: trigger::WEBHOOK,
        title: "A request has come to the workflow's own address",
        namespaces: &[WEBHOOK],
    },
    Event {
        name: trigger::SHORTCUT,
        title: "Somebody has filled in the workflow's form",
        namespaces: &[SHORTCUT],
    },
    Event {
        name: MANUAL,
        title: "Started through the API or by another workflow",
        namespaces: &[],
    },
];

/// Values of a contact that the host keeps itself: no step and no answer is put there.
const KEPT: [&str; 17] = [
    "assignee",
    "queue",
    "id",
    "name",
    "tags",
    "blocked",
    "conversation",
    "addresses",
    "created_at",
    "last_channel",
    "last_incoming",
    "last_incoming_at",
    "last_incoming_channel",
    "last_outgoing",
    "last_outgoing_at",
    "last_outgoing_channel",
    "last_outgoing_source",
];

/// The fields that every contact has and that can be set.
pub fn contact_fields() -> impl Iterator<Item = &'static Field> {
    let contact = ALWAYS.iter().find(|namespace| namespace.name == "contact");
    let fields = contact.into_iter().flat_map(|namespace| namespace.fields);
    fields.filter(|field| !KEPT.contains(&field.name))
}

/// The one of that name.
#[must_use]
pub fn contact_field(name: &str) -> Option<&'static Field> {
    contact_fields().find(|field| field.name == name)
}

/// The event of workflows that only the API and other workflows start.
pub const MANUAL: &str = "manual";

/// The event of that name, if it is one of Jackfield's own.
#[must_use]
pub fn find(name: &str) -> Option<&'static Event> {
    EVENTS.iter().find(|event| event.name == name)
}

/// Whether a text can be an event's name: words of lower-case letters, digits, `-` and `_`, full
/// stops between them, at most 128 characters.
#[must_use]
pub fn is_event_name(name: &str) -> bool {
    name.len() <= 128
        && name.split('.').all(|word| {
            !word.is_empty()
                && word
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b))
        })
}

/// The namespaces that a workflow with these triggers can use: what is always there, and what its
/// events bring.
pub fn namespaces<'a>(
    events: impl IntoIterator<Item = &'a str>,
) -> impl Iterator<Item = &'static Namespace> {
    let mut brought: Vec<&'static Namespace> = Vec::new();
    for namespace in events
        .into_iter()
        .filter_map(find)
        .flat_map(|event| event.namespaces)
    {
        if !brought.contains(&namespace) {
            brought.push(namespace);
        }
    }
    ALWAYS.iter().chain(brought)
}
