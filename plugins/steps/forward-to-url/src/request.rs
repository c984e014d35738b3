//! The request: the message and the author's parameters as a query, a form or a JSON object.
//!
//! The host puts a secret where `{{secret:NAME}}` stands. In what the contact wrote that is a text
//! like any other, so its braces are always escaped; only those of parameters stay.

use jackfield_plugin::http::Request;
use jackfield_plugin::{form, prelude::*};
use serde_json::Map;

use crate::received::Received;
use crate::{BodyKind, Method, Settings};

/// Without its timeout.
pub(crate) fn of(settings: &Settings, received: &Received) -> Request {
    let fields = fields(received, settings.keyword.as_deref());
    let with_headers = |request: Request| {
        let headers = settings.headers.iter();
        headers.fold(request, |request, (name, value)| {
            request.header(name, value)
        })
    };
    let name = match settings.method {
        Method::Get => {
            let url = with_query(&settings.url, &pairs(&fields, settings));
            return with_headers(Request::new("GET", url));
        }
        Method::Post => "POST",
        Method::Put => "PUT",
    };
    let (kind, bytes) = match settings.body {
        BodyKind::Json => ("application/json", object(&fields, settings)),
        BodyKind::Form => (
            "application/x-www-form-urlencoded",
            pairs(&fields, settings),
        ),
    };
    let has_type = settings
        .headers
        .keys()
        .any(|name| name.eq_ignore_ascii_case("content-type"));
    let request =
        with_headers(Request::new(name, &settings.url)).body((!has_type).then_some(kind), bytes);
    match settings.method {
        Method::Post => request.idempotency_header("Idempotency-Key"),
        _ => request,
    }
}

/// What is told of the message.
fn fields(received: &Received, keyword: Option<&str>) -> Map<String, Value> {
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    put("message_id", received.id.as_str().into());
    put("from", received.address.as_str().into());
    put("to", received.receiver().into());
    put("text", received.text().into());
    put("received_at", received.at().into());
    put("keyword", received.keyword(keyword).into());
    fields
}

/// As queries and forms are written.
fn pairs(fields: &Map<String, Value>, settings: &Settings) -> String {
    let message = encoded(fields);
    let parameters = encoded(&settings.parameters)
        .replace("%7B%7Bsecret%3A", "{{secret:")
        .replace("%7D%7D", "}}");
    match parameters.is_empty() {
        true => message,
        false => format!("{message}&{parameters}"),
    }
}

/// Names and values; what is empty (`null`) is left out.
fn encoded<'a>(values: impl IntoIterator<Item = (&'a String, &'a Value)>) -> String {
    let pairs: Vec<(&str, String)> = values
        .into_iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (name.as_str(), text(value)))
        .collect();
    form::encode(pairs.iter().map(|(name, value)| (*name, value.as_str())))
}

/// One JSON object.
fn object(fields: &Map<String, Value>, settings: &Settings) -> String {
    let members = fields.iter().map(|(name, value)| {
        let value = value.to_string().replace('{', "\\u007b");
        format!("{}:{value}", json!(name))
    });
    let parameters = settings.parameters.iter();
    let members: Vec<String> = members
        .chain(parameters.map(|(name, value)| format!("{}:{value}", json!(name))))
        .collect();
    format!("{{{}}}", members.join(","))
}

fn with_query(url: &str, query: &str) -> String {
    // A fragment is never sent.
    let url = url.split('#').next().unwrap_or_default();
    let joint = match url.split_once('?') {
        None => "?",
        Some((_, rest)) if rest.is_empty() || rest.ends_with('&') => "",
        Some(_) => "&",
    };
    format!("{url}{joint}{query}")
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}
