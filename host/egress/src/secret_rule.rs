//! Which secret may be put in where.
//!
//! A secret is bound to places and hosts by the operator, not by the plugin: a plugin that may
//! talk to two hosts must not be able to show one host the credentials of the other. Its text form
//! (`secret twilio-token in basic-auth to https://api.twilio.com`) is what a refusal offers.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::target::Target;
use crate::{HostRule, Place};

/// One secret, the hosts that may see it, and where in a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretRule {
    /// The name that stands in placeholders: letters, digits, `-`, `_`, `.`.
    pub name: String,
    /// The hosts that may see it. Empty: every host that is granted. Methods in these rules are
    /// not looked at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<HostRule>,
    /// Where it may stand. By default in a header, in basic-auth and in smtp-auth.
    #[serde(default = "Place::usual")]
    pub places: BTreeSet<Place>,
}

impl SecretRule {
    /// Whether it covers this secret at this place of a request to this (granted) target.
    pub fn allows(&self, name: &str, place: Place, target: &Target) -> bool {
        self.name == name
            && self.places.contains(&place)
            && (self.hosts.is_empty() || self.hosts.iter().any(|host| host.allows(None, target)))
    }
}

impl fmt::Display for SecretRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places: Vec<String> = self.places.iter().map(Place::to_string).collect();
        write!(f, "secret {} in {}", self.name, places.join(","))?;
        let hosts: Vec<String> = self.hosts.iter().map(HostRule::to_string).collect();
        if hosts.is_empty() {
            Ok(())
        } else {
            write!(f, " to {}", hosts.join(" and "))
        }
    }
}

/// Text that is no [`SecretRule`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is no secret rule: {why}; write it like \
     `secret NAME in header,basic-auth to https://api.example.com`"
)]
pub struct SecretRuleError {
    text: String,
    why: String,
}

impl FromStr for SecretRule {
    type Err = SecretRuleError;

    fn from_str(text: &str) -> Result<SecretRule, SecretRuleError> {
        let error = |why: String| SecretRuleError {
            text: text.to_owned(),
            why,
        };
        let rest = text
            .trim()
            .strip_prefix("secret ")
            .ok_or_else(|| error("it must begin with `secret`".into()))?;
        let (name, rest) = rest
            .split_once(" in ")
            .ok_or_else(|| error("`in` and places are missing".into()))?;
        let (places, hosts) = match rest.split_once(" to ") {
            Some((places, hosts)) => (places, Some(hosts)),
            None => (rest, None),
        };
        let name = name.trim();
        if !crate::placeholder::is_name(name) {
            return Err(error(format!("`{name}` is no name of a secret")));
        }
        let places = places
            .split(',')
            .map(|word| {
                Place::ALL
                    .into_iter()
                    .find(|place| place.to_string() == word.trim())
                    .ok_or_else(|| error(format!("`{}` is no place", word.trim())))
            })
            .collect::<Result<_, _>>()?;
        let hosts = hosts
            .into_iter()
            .flat_map(|hosts| hosts.split(" and "))
            .map(|host| {
                host.parse()
                    .map_err(|why: crate::HostRuleError| error(why.to_string()))
            })
            .collect::<Result<_, _>>()?;
        Ok(SecretRule {
            name: name.to_owned(),
            hosts,
            places,
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_text_form_survives() {
        for text in [
            "secret a in header",
            "secret twilio.token-1 in header,basic-auth to https://api.twilio.com",
            "secret x in smtp-auth to smtp://m.example:465 and GET https://*.example.com",
        ] {
            assert_eq!(text.parse::<SecretRule>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "secret",
            "secret a",
            "secret a in nowhere",
            "secret a b in header",
            "a in header",
        ] {
            assert!(text.parse::<SecretRule>().is_err(), "{text}");
        }
    }

    #[test]
    fn places_default_to_those_that_carry_only_credentials() {
        let rule: SecretRule = serde_json::from_str(r#"{"name": "a"}"#).unwrap();
        assert_eq!(rule.places, Place::usual());
        assert!(serde_json::from_str::<SecretRule>(r#"{"name": "a", "place": ["body"]}"#).is_err());
        let rule: SecretRule =
            serde_json::from_str(r#"{"name": "a", "places": ["body", "smtp-auth"]}"#).unwrap();
        assert_eq!(rule.to_string(), "secret a in body,smtp-auth");
    }
}
