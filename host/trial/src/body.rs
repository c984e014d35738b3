//! Bodies and headers as people write them in a case, and the bytes that they stand for.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value};

/// A body in one of its forms, or none.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub(crate) struct Body {
    /// As text.
    #[serde(default)]
    pub body: Option<String>,
    /// As JSON.
    #[serde(default)]
    pub json: Option<Value>,
    /// As the fields of a form.
    #[serde(default)]
    pub form: Option<Map<String, Value>>,
    /// As bytes.
    #[serde(default)]
    pub base64: Option<String>,
}

impl Body {
    /// The bytes.
    ///
    /// # Errors
    /// When it stands there in two forms, or is no base64.
    pub(crate) fn bytes(&self) -> Result<Vec<u8>, String> {
        match (&self.body, &self.json, &self.form, &self.base64) {
            (None, None, None, None) => Ok(Vec::new()),
            (Some(text), None, None, None) => Ok(text.clone().into_bytes()),
            (None, Some(json), None, None) => Ok(written(json).into_bytes()),
            (None, None, Some(form), None) => Ok(encoded(form).into_bytes()),
            (None, None, None, Some(text)) => BASE64_STANDARD
                .decode(text)
                .map_err(|error| format!("`base64` is none: {error}")),
            _ => Err("a body is one of `body`, `json`, `form` and `base64`".to_owned()),
        }
    }

    /// Bytes in the form that reads best.
    pub(crate) fn of(bytes: &[u8]) -> Map<String, Value> {
        let mut map = Map::new();
        if bytes.is_empty() {
            return map;
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => match serde_json::from_str::<Value>(text) {
                // Only where nothing is lost: the plugin may look at the text itself.
                Ok(json) if (json.is_object() || json.is_array()) && written(&json) == text => {
                    map.insert("json".to_owned(), json);
                }
                _ => {
                    map.insert("body".to_owned(), text.into());
                }
            },
            Err(_) => {
                map.insert("base64".to_owned(), BASE64_STANDARD.encode(bytes).into());
            }
        }
        map
    }
}

/// JSON as a case's `json` is written back.
fn written(json: &Value) -> String {
    json.to_string()
}

/// The fields of a form as it is sent.
fn encoded(form: &Map<String, Value>) -> String {
    let mut out = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in form {
        out.append_pair(name, &text(value));
    }
    out.finish()
}

/// The fields of a form that was sent.
pub(crate) fn form(bytes: &[u8]) -> Map<String, Value> {
    url::form_urlencoded::parse(bytes)
        .map(|(name, value)| (name.into_owned(), value.into_owned().into()))
        .collect()
}

/// Headers by name, in lower case.
pub(crate) fn headers(headers: &Map<String, Value>) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), text(value)))
        .collect()
}

/// Headers as an object; of several of one name the last.
pub(crate) fn shown_headers(headers: &[(String, String)]) -> Map<String, Value> {
    headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.as_str().into()))
        .collect()
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}
