//! What JSON this API takes, and how it writes its own.
//!
//! A body is one object, names every thing once, and has no NUL in its texts ([`Strict`]): of two
//! values for one name one would be lost silently (RFC 8259 leaves open which), a list would be read
//! as the fields of an object in their order, and NUL cannot be kept by every database.
//!
//! Names in the API's JSON are words with hyphens.
//! What messaging shows is also what variables and conditions name (`$message.provider_id`), with
//! underscores. Only the names that Jackfield gives are turned, never a name that a user gave:
//! contacts keep theirs, for their fields are names that users gave.

use serde::de::{
    Deserialize, DeserializeOwned, Deserializer, Error, MapAccess, SeqAccess, Visitor,
};
use serde_json::{Map, Value};
use std::collections::HashSet;
use std::fmt;

/// JSON that names everything once and has no NUL in its texts. Nothing of it is kept: it is read
/// for its errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Strict;

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Strict, D::Error> {
        reader.deserialize_any(Reading)
    }
}

struct Reading;

fn without_nul<E: Error>(text: &str) -> Result<(), E> {
    if text.contains('\0') {
        return Err(E::custom("a text may not contain the character NUL"));
    }
    Ok(())
}

impl<'de> Visitor<'de> for Reading {
    type Value = Strict;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Strict, E> {
        without_nul(text).map(|()| Strict)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Strict, E> {
        Ok(Strict)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Strict, E> {
        Ok(Strict)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Strict, E> {
        Ok(Strict)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Strict, E> {
        Ok(Strict)
    }

    fn visit_unit<E: Error>(self) -> Result<Strict, E> {
        Ok(Strict)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Strict, A::Error> {
        while items.next_element::<Strict>()?.is_some() {}
        Ok(Strict)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Strict, A::Error> {
        let mut names = HashSet::new();
        while let Some(name) = entries.next_key::<String>()? {
            without_nul(&name)?;
            entries.next_value::<Strict>()?;
            if let Some(name) = names.replace(name) {
                let shown: String = name.chars().take(100).collect();
                return Err(A::Error::custom(format!(
                    "`{shown}` is there twice; give it once"
                )));
            }
        }
        Ok(Strict)
    }
}

/// Reads an object, or null as nothing. A list is refused: it would be read as the object's fields in
/// their order, and an empty one as an object without any.
///
/// # Errors
/// What is wrong with it.
pub fn object<'de, D, T>(reader: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let fields = Option::<Map<String, Value>>::deserialize(reader)?;
    fields
        .map(|fields| T::deserialize(Value::Object(fields)).map_err(D::Error::custom))
        .transpose()
}

/// The object with hyphens in its own names.
#[must_use]
pub fn hyphens(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.into_iter()
                .map(|(name, value)| (name.replace('_', "-"), value))
                .collect::<Map<String, Value>>(),
        ),
        other => other,
    }
}

/// JSON Merge Patch (RFC 7396): objects are merged, null removes, anything else replaces.
pub fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(target) = target else {
        return;
    };
    for (name, value) in patch {
        if value.is_null() {
            target.remove(&name);
        } else {
            merge(target.entry(name).or_insert(Value::Null), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_that_are_there_twice_and_nul_are_found_wherever_they_are() {
        let read = |text: &str| serde_json::from_str::<Strict>(text).map_err(|e| e.to_string());
        for good in [
            "null",
            r#"{"a": [1, -1, 1.5, true, null, "x"], "b": {"a": {}}}"#,
            r#"{"a": "\\u0000"}"#,
        ] {
            assert_eq!(read(good), Ok(Strict), "{good}");
        }
        for (bad, said) in [
            (r#"{"a": 1, "a": 2}"#, "`a` is there twice"),
            (r#"{"x": [{"a": 1, "\u0061": 2}]}"#, "`a` is there twice"),
            (r#"["\u0000"]"#, "NUL"),
            (r#"{"\u0000": 1}"#, "NUL"),
        ] {
            assert!(read(bad).is_err_and(|error| error.contains(said)), "{bad}");
        }
    }

    #[test]
    fn only_the_objects_own_names_are_turned() {
        let shown = hyphens(json!({"provider_id": "a_b", "content": {"a_b": 1}}));
        assert_eq!(shown, json!({"provider-id": "a_b", "content": {"a_b": 1}}));
    }

    #[test]
    fn a_patch_merges_objects_and_removes_nulls() {
        let mut target = json!({"a": {"b": 1, "c": 2}, "d": [1]});
        merge(
            &mut target,
            json!({"a": {"b": null, "e": {"f": null, "g": 3}}, "d": [2]}),
        );
        assert_eq!(target, json!({"a": {"c": 2, "e": {"g": 3}}, "d": [2]}));
    }
}
