//! The output of a request: what a later step may want of the answer, bounded.

use std::collections::BTreeMap;

use jackfield_plugin::http::Response;
use jackfield_plugin::prelude::*;

/// A longer body is left out of the output; what is mapped is read from the whole answer.
const LARGEST_BODY: usize = 64 * 1024;

/// Headers that say something about the answer; those with credentials stay out.
const KEPT: [&str; 10] = [
    "content-type",
    "content-language",
    "date",
    "etag",
    "last-modified",
    "link",
    "location",
    "retry-after",
    "x-request-id",
    "x-ratelimit-remaining",
];

/// What later steps can read.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Output {
    /// The answer's status, such as 200.
    status: u16,
    /// The answer's body: JSON, or a text. Null when it is neither, or longer than 64 KiB.
    body: Value,
    /// The body was longer than 64 KiB.
    too_long: bool,
    /// Some of the answer's headers, names in lower case.
    headers: BTreeMap<String, String>,
}

impl Output {
    /// Of an answer and its body, if that is JSON.
    pub(crate) fn new(response: Response, json: Option<Value>) -> Self {
        let too_long = response.body.len() > LARGEST_BODY;
        let body = match json {
            _ if too_long => Value::Null,
            Some(json) => json,
            None if response.body.is_empty() => Value::Null,
            None => String::from_utf8(response.body).map_or(Value::Null, Value::String),
        };
        let headers = response.headers.into_iter().filter_map(|(name, value)| {
            let name = name.to_ascii_lowercase();
            KEPT.contains(&name.as_str()).then_some((name, value))
        });
        Output {
            status: response.status,
            body,
            too_long,
            headers: headers.collect(),
        }
    }
}
