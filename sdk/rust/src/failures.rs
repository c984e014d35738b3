//! Codes of failures that many steps share, for [`StepDescriptor::failures`](crate::StepDescriptor::failures):
//! those of the imports that a step calls and lets through with `?`.
//!
//! What every step can have (`denied`, `invalid-config`, `uncertain`, the limits) is declared by none.

/// A code, and what has happened.
pub type Code = (&'static str, &'static str);

/// Of a request that [`http`](crate::http) has no answer to.
pub const HTTP: &[Code] = &[
    ("connect", "The server cannot be reached"),
    ("timeout", "The server did not answer in time"),
    ("tls", "The server's certificate cannot be trusted"),
    ("broken", "The connection broke off"),
    ("too-many-redirects", "The server led on and on"),
    (
        "address-refused",
        "The address is not one that plugins may reach",
    ),
    (
        "secret-missing",
        "A secret that the request names is not there",
    ),
    ("busy", "Too many requests are under way"),
];

/// Of a message that could not be put into the outbox, or did not reach its recipient.
pub const MESSAGES: &[Code] = &[
    ("not-found", "There is no such channel"),
    (
        "no-channel",
        "The contact has not written on any channel yet",
    ),
    ("no-address", "The contact has no address on the channel"),
    ("opted-out", "The recipient wants no more messages"),
    ("blocked", "The contact is blocked"),
    ("blacklisted", "The address is on the blacklist"),
    (
        "frequency-cap",
        "The contact had as much marketing as it may have",
    ),
    ("quiet-hours", "The marketing hours are never open"),
    (
        "channel-paused",
        "The channel is paused, and the message was not to wait",
    ),
    (
        "outside-window",
        "The channel's time to answer the contact is over",
    ),
    (
        "recipient-invalid",
        "The address is none that the provider can reach",
    ),
    (
        "recipient-opted-out",
        "The recipient has opted out at the provider",
    ),
    (
        "content-rejected",
        "The provider does not take such a message",
    ),
    ("unsupported", "The channel has no such messages"),
    ("policy", "The provider's rules forbid the message"),
    ("auth", "The provider does not take the channel's keys"),
    ("quota", "The account with the provider has nothing left"),
    ("unknown", "The provider refused it for another reason"),
];
