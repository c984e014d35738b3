//! The body of a webhook as one JSON value, whether it came as JSON or as a form.

use crate::http::extract::{Raw, from_json, unsupported, utf8};
use crate::http::problem::{Code, Problem};
use serde_json::{Map, Value};
use url::form_urlencoded;

const FORM: &str = "application/x-www-form-urlencoded";

/// Reads a body. A form becomes a mapping of texts; what stands in it several times, a list.
pub(super) fn read(raw: &Raw) -> Result<Value, Problem> {
    match raw.media.as_deref() {
        Some(FORM) => form(utf8(&raw.bytes)?),
        Some(media) if media == "application/json" || media.ends_with("+json") => {
            from_json::<Map<String, Value>>(&raw.bytes).map(Value::Object)
        }
        other => Err(unsupported(other, &format!("application/json or {FORM}"))),
    }
}

fn form(text: &str) -> Result<Value, Problem> {
    let mut found = Map::new();
    for (name, value) in form_urlencoded::parse(text.as_bytes()) {
        if name.contains('\0') || value.contains('\0') {
            let detail = "The form contains the character NUL (`%00`), which nothing is named by.";
            return Err(Problem::new(Code::Invalid, detail));
        }
        let value = Value::from(value.into_owned());
        match found.get_mut(name.as_ref()) {
            None => drop(found.insert(name.into_owned(), value)),
            Some(Value::Array(all)) => all.push(value),
            Some(one) => *one = Value::Array(vec![one.take(), value]),
        }
    }
    Ok(Value::Object(found))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use serde_json::json;

    fn raw(media: Option<&str>, body: &str) -> Raw {
        Raw {
            media: media.map(str::to_owned),
            bytes: Bytes::from(body.to_owned()),
        }
    }

    #[test]
    fn json_and_forms_are_one_thing() {
        let read = |media, body| read(&raw(Some(media), body)).unwrap();
        assert_eq!(read("application/json", r#"{"a": [1]}"#), json!({"a": [1]}));
        assert_eq!(read("application/hal+json", "{}"), json!({}));
        assert_eq!(
            read(FORM, "a=1&b%5Bc%5D=x+y&a=2&a=%C3%A9&d"),
            json!({"a": ["1", "2", "é"], "b[c]": "x y", "d": ""})
        );
        assert_eq!(read(FORM, ""), json!({}));
    }

    #[test]
    fn what_is_neither_is_refused() {
        for (media, body, code) in [
            (None, "{}", Code::UnsupportedMediaType),
            (Some("text/xml"), "<a/>", Code::UnsupportedMediaType),
            (Some("application/json"), "{", Code::InvalidJson),
            (Some("application/json"), "[]", Code::Invalid),
            (Some("application/json"), "7", Code::Invalid),
            (Some(FORM), "a=%00", Code::Invalid),
        ] {
            let problem = read(&raw(media, body)).unwrap_err();
            assert_eq!(problem.code(), code, "{media:?} {body}");
        }
    }
}
