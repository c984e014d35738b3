//! Documents: what the tests of reading and checking share.

#![allow(clippy::unwrap_used)]

mod checking;
mod reading;

use super::*;

/// Documents that are right, by file.
pub(super) const SAMPLES: [(&str, &str); 9] = [
    (
        "missed-call-text-back.yaml",
        include_str!("samples/missed-call-text-back.yaml"),
    ),
    (
        "survey-after-call.yaml",
        include_str!("samples/survey-after-call.yaml"),
    ),
    ("menu.yaml", include_str!("samples/menu.yaml")),
    ("webhook.json", include_str!("samples/webhook.json")),
    ("reminder.yaml", include_str!("samples/reminder.yaml")),
    ("shortest.yaml", include_str!("samples/shortest.yaml")),
    ("newsletter.yaml", include_str!("samples/newsletter.yaml")),
    ("order-hook.yaml", include_str!("samples/order-hook.yaml")),
    ("call-back.yaml", include_str!("samples/call-back.yaml")),
];

pub(super) fn parse(source: &str) -> Document {
    Document::parse(source).unwrap_or_else(|problems| panic!("{source}\n{problems:#?}"))
}
