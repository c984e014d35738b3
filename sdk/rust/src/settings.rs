//! Settings and other JSON from the host as Rust types, with errors that name the place.

use serde::de::DeserializeOwned;

use crate::failure::Failure;

/// Settings of a step. A mistake is a failure `invalid-config` that names the setting.
pub fn parse<T: DeserializeOwned>(json: &str) -> Result<T, Failure> {
    // A struct could be read out of a list too, field by field in the order of its declaration.
    if json.trim_start().starts_with('[') {
        return Err(Failure::invalid_config(
            "(all)",
            "settings are a mapping, not a list",
        ));
    }
    parse_under("", json)
}

/// JSON whose settings stand under `prefix`, which is left out of their names.
pub(crate) fn parse_under<T: DeserializeOwned>(prefix: &str, json: &str) -> Result<T, Failure> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let mut reason = error.into_inner().to_string();
        // The position in a text that nobody has seen helps nobody.
        if let Some(end) = reason.rfind(" at line ") {
            reason.truncate(end);
        }
        let path = path.strip_prefix(prefix).unwrap_or(&path).trim_matches('.');
        let setting = match named_field(&reason) {
            Some(field) if path.is_empty() => field.to_owned(),
            Some(field) if path != field && !path.ends_with(&format!(".{field}")) => {
                format!("{path}.{field}")
            }
            None if path.is_empty() => "(all)".to_owned(),
            _ => path.to_owned(),
        };
        Failure::invalid_config(&setting, &reason)
    })
}

/// The field that is missing or not known, where that is what is wrong.
fn named_field(reason: &str) -> Option<&str> {
    let about_a_field = reason.starts_with("missing field") || reason.starts_with("unknown field");
    about_a_field.then(|| reason.split('`').nth(1)).flatten()
}

/// JSON that the host made: a mistake is the host's or a version's, not the operator's.
pub(crate) fn internal<T: DeserializeOwned>(what: &str, json: &str) -> Result<T, Failure> {
    serde_json::from_str(json).map_err(|error| {
        Failure::permanent(
            "contract",
            format!("{what} from the host cannot be read: {error}"),
        )
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::failure::FailureClass;

    #[test]
    fn a_list_is_no_settings_even_where_there_is_nothing_to_set() {
        #[derive(Debug, serde::Deserialize)]
        struct Nothing {}
        assert!(parse::<Nothing>("{}").is_ok());
        let failure = parse::<Nothing>(" []").unwrap_err();
        assert_eq!(failure.class, FailureClass::InvalidConfig);
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "only what serde says of it is looked at")]
    struct Settings {
        url: String,
        #[serde(default)]
        headers: Vec<Header>,
    }
    #[derive(Debug, serde::Deserialize)]
    #[allow(dead_code, reason = "only what serde says of it is looked at")]
    struct Header {
        name: String,
    }

    #[test]
    fn the_wrong_setting_is_named_with_its_path() {
        let failure = parse::<Settings>(r#"{"url": "a", "headers": [{"name": 5}]}"#).unwrap_err();
        assert_eq!(failure.class, FailureClass::InvalidConfig);
        assert!(
            failure.message.starts_with("setting `headers[0].name`:"),
            "{}",
            failure.message
        );
        assert!(!failure.message.contains("line"), "{}", failure.message);
    }

    #[test]
    fn a_missing_and_an_unknown_setting_are_named() {
        let named = |json: &str, setting: &str| {
            let message = parse::<Settings>(json).unwrap_err().message;
            assert!(
                message.starts_with(&format!("setting `{setting}`:")),
                "{message}"
            );
        };
        named("{}", "url");
        named(r#"{"url": "", "uri": ""}"#, "uri");
        named(r#"{"url": "", "headers": [{}]}"#, "headers[0].name");
        named("5", "(all)");
    }

    #[test]
    fn the_place_of_the_settings_is_no_part_of_their_names() {
        #[derive(Debug, serde::Deserialize)]
        #[allow(dead_code, reason = "only what serde says of it is looked at")]
        struct Channel {
            settings: Settings,
        }
        for json in [r#"{"settings": {}}"#, r#"{"settings": {"url": 5}}"#] {
            let message = parse_under::<Channel>("settings", json)
                .unwrap_err()
                .message;
            assert!(message.starts_with("setting `url`:"), "{message}");
        }
    }
}
