//! What is fuzzed: every reader of bytes that strangers write, one function for each.
//!
//! The same functions are run in two ways. `cargo xtask fuzz` runs them under libFuzzer (the
//! workspace `fuzz/`), which makes up inputs and looks for new ways through the code. `cargo test`
//! runs them over the seeds in `fuzz/seeds` and over whatever a fuzzer has found so far
//! (`tests/replay.rs`), so that what was mended once stays mended without any tool.
//!
//! What must hold: a target panics if and only if something is wrong; it needs no clock, no disk and
//! no network, and the same bytes always do the same. An input is text wherever that reads well; a
//! line `%%` divides it where a target wants several parts.

#![allow(
    clippy::missing_panics_doc,
    clippy::expect_used,
    reason = "to panic is how a target says that something is wrong"
)]

mod channels;
mod http;
mod plugins;
mod texts;
mod workflows;

use serde_json::Value;

pub use channels::{address, field, inbound, outgoing};
pub use http::{body, credentials, workspace};
pub use plugins::{answer, component, descriptor, webhook_custom, webhook_twilio};
pub use texts::{html, schedule, template};
pub use workflows::{condition, document, settings};

/// A target: any bytes, no answer.
pub type Target = fn(&[u8]);

/// Every target by its name: that of its folder of seeds and of its program in `fuzz/`.
pub const TARGETS: &[(&str, Target)] = &[
    ("address", address),
    ("answer", answer),
    ("body", body),
    ("component", component),
    ("condition", condition),
    ("credentials", credentials),
    ("descriptor", descriptor),
    ("document", document),
    ("field", field),
    ("html", html),
    ("inbound", inbound),
    ("outgoing", outgoing),
    ("schedule", schedule),
    ("settings", settings),
    ("template", template),
    ("webhook_custom", webhook_custom),
    ("webhook_twilio", webhook_twilio),
    ("workspace", workspace),
];

/// The input as text, where it is text.
fn text(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data).ok()
}

/// The parts of a text that is divided by lines `%%`; what is missing is empty.
fn parts<const N: usize>(text: &str) -> [&str; N] {
    let mut parts = text.splitn(N, "\n%%\n");
    std::array::from_fn(|_| parts.next().unwrap_or_default())
}

/// A part as JSON; null where it is none.
fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}
