//! Names in the API's JSON are words with hyphens.
//!
//! What messaging shows is also what variables and conditions name (`$message.provider_id`), with
//! underscores. Only the names that Jackfield gives are turned, never a name that a user gave:
//! contacts keep theirs, for their fields are names that users gave.

use serde_json::{Map, Value};

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
