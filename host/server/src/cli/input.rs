//! What commands read: files, standard input, JSON and lengths of time.

use super::exit::Failure;
use serde_json::Value;
use std::io::Read as _;
use std::path::Path;

/// Reads a file, or standard input for `-`.
///
/// # Errors
/// When it cannot be read.
pub fn bytes(path: &str) -> Result<Vec<u8>, Failure> {
    let read = || -> std::io::Result<Vec<u8>> {
        if path == "-" {
            let mut bytes = Vec::new();
            std::io::stdin().read_to_end(&mut bytes)?;
            Ok(bytes)
        } else {
            std::fs::read(Path::new(path))
        }
    };
    read().map_err(|error| Failure::Usage(format!("{path} cannot be read: {error}")))
}

/// Reads a text file, or standard input for `-`.
///
/// # Errors
/// When it cannot be read or is not UTF-8.
pub fn text(path: &str) -> Result<String, Failure> {
    String::from_utf8(bytes(path)?)
        .map_err(|error| Failure::Usage(format!("{path} is not UTF-8: {}", error.utf8_error())))
}

/// Reads JSON that is given as it is, as `@file`, or as `-` for standard input.
///
/// # Errors
/// When it is no JSON.
pub fn json(given: &str) -> Result<Value, Failure> {
    let source = match given.strip_prefix('@') {
        Some(path) => text(path)?,
        None if given == "-" => text("-")?,
        None => given.to_owned(),
    };
    serde_json::from_str(&source)
        .map_err(|error| Failure::Usage(format!("this is no JSON ({error}): {given}")))
}

/// Reads `name=value` pairs; a value that is JSON is taken as such, else as text.
///
/// # Errors
/// When one has no `=`.
pub fn pairs(given: &[String]) -> Result<serde_json::Map<String, Value>, Failure> {
    given
        .iter()
        .map(|pair| {
            let (name, value) = pair.split_once('=').ok_or_else(|| {
                Failure::Usage(format!("`{pair}` must be a name, `=` and a value"))
            })?;
            let value = match serde_json::from_str::<Value>(value) {
                // A telephone number is text, not a number, and neither is 007.
                Ok(Value::Number(number)) if number.to_string() != value => Value::from(value),
                Ok(parsed) => parsed,
                Err(_) => Value::from(value),
            };
            Ok((name.to_owned(), value))
        })
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn pairs_are_json_where_they_can_be_and_text_where_not() {
        let given = [
            "a=1",
            "b=x y",
            "c=true",
            "d=+33612345678",
            "e=007",
            "f=\"7\"",
            "g=a=b",
        ];
        let read = pairs(&given.map(str::to_owned)).unwrap();
        assert_eq!(
            Value::Object(read),
            json!({"a": 1, "b": "x y", "c": true, "d": "+33612345678", "e": "007", "f": "7", "g": "a=b"})
        );
        assert!(pairs(&["novalue".to_owned()]).is_err());
    }

    #[test]
    fn json_is_read_from_the_line_or_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.json");
        std::fs::write(&file, "{\"a\": 1}").unwrap();
        assert_eq!(
            json(&format!("@{}", file.display())).unwrap(),
            json!({"a": 1})
        );
        assert_eq!(json("[1]").unwrap(), json!([1]));
        assert_eq!(json("nope").unwrap_err().code(), 2);
    }
}
