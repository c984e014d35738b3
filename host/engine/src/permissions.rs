//! What a plugin asks for and may do: imports, hosts, secrets, limits.
//!
//! A connector's rules may hold `{setting:NAME}`: they become rules of the grant only together with
//! a channel's settings, and what such a setting says can be a host and nothing else.

use crate::plugins::PluginError;
use jackfield_egress::{Caller, Grant, HostRule, Place, SecretRule};
use jackfield_sandbox::{Inspection, Interface, Interfaces, PartialLimits};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a plugin asks for, or is allowed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Permissions {
    /// Imports by interface name: `http`, `contacts`...
    #[serde(default)]
    pub imports: BTreeSet<String>,
    /// Hosts that it may reach, such as `https://api.example.com` (see `HostRule`).
    #[serde(default)]
    pub hosts: BTreeSet<String>,
    /// Secrets that it may use, by name.
    #[serde(default)]
    pub secrets: BTreeMap<String, SecretUse>,
    /// Limits beyond the host's defaults.
    #[serde(default)]
    pub limits: PartialLimits,
}

/// Where a secret may go.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SecretUse {
    /// For people.
    #[serde(default)]
    pub title: String,
    /// Not needed for the plugin to work.
    #[serde(default)]
    pub optional: bool,
    /// Hosts; empty means every granted host.
    #[serde(default)]
    pub hosts: BTreeSet<String>,
    /// `header`, `basic-auth`, `query`, `path`, `body`, `smtp-auth`, `hmac`, `sign`.
    #[serde(default)]
    pub places: BTreeSet<String>,
}

impl Permissions {
    /// The interfaces among the imports.
    #[must_use]
    pub fn interfaces(&self) -> Interfaces {
        let names = self.imports.iter();
        names
            .filter_map(|name| name.parse::<Interface>().ok())
            .collect()
    }
}

impl Permissions {
    /// What these hold that `before` does not, in words: what an update asks for anew.
    #[must_use]
    pub(crate) fn beyond(&self, before: &Permissions) -> Vec<String> {
        let mut more = Vec::new();
        for import in self.imports.difference(&before.imports) {
            more.push(format!("the import `{import}`"));
        }
        for host in self.hosts.difference(&before.hosts) {
            more.push(format!("the host `{host}`"));
        }
        for (name, usage) in &self.secrets {
            match before.secrets.get(name) {
                None => more.push(format!("the secret `{name}`")),
                // No hosts are all granted ones; no places are none.
                Some(old)
                    if usage.places.is_subset(&old.places)
                        && (old.hosts.is_empty()
                            || (!usage.hosts.is_empty() && usage.hosts.is_subset(&old.hosts))) => {}
                Some(_) => more.push(format!("the secret `{name}` at other places")),
            }
        }
        let limits = |of: &PartialLimits| serde_json::to_value(of).unwrap_or_default();
        let (new, old) = (limits(&self.limits), limits(&before.limits));
        for (name, value) in new.as_object().into_iter().flatten() {
            if value.as_u64() > old.get(name).and_then(Value::as_u64) {
                more.push(format!("the limit {name} {value}"));
            }
        }
        more
    }

    /// This approval for an update that asks for `now` where `before` was asked: without what is no
    /// longer asked for, and with what was approved unasked.
    #[must_use]
    pub(crate) fn carried(mut self, before: &Permissions, now: &Permissions) -> Permissions {
        self.imports.retain(|import| now.imports.contains(import));
        self.hosts
            .retain(|host| now.hosts.contains(host) || !before.hosts.contains(host));
        self.secrets
            .retain(|name, _| now.secrets.contains_key(name) || !before.secrets.contains_key(name));
        self
    }
}

/// The permissions of a record's column.
pub(crate) fn permissions_of(value: &Value) -> Result<Permissions, PluginError> {
    serde_json::from_value(value.clone()).map_err(|error| PluginError::Approval(error.to_string()))
}

/// What a component asks for: its imports, and what its descriptor says beside.
pub(crate) fn asked(
    inspection: &Inspection,
    descriptor: &Value,
) -> Result<Permissions, PluginError> {
    #[derive(Deserialize)]
    struct Secret {
        name: String,
        #[serde(flatten)]
        rest: SecretFields,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    struct SecretFields {
        #[serde(default)]
        title: String,
        #[serde(default)]
        optional: bool,
        #[serde(default)]
        hosts: BTreeSet<String>,
        #[serde(default)]
        places: BTreeSet<String>,
    }
    #[derive(Deserialize)]
    struct Asks {
        #[serde(default)]
        hosts: BTreeSet<String>,
        #[serde(default)]
        secrets: Vec<Secret>,
        #[serde(default)]
        limits: PartialLimits,
    }
    let asks: Asks = serde_json::from_value(descriptor.clone())
        .map_err(|error| PluginError::Descriptor(error.to_string()))?;
    Ok(Permissions {
        imports: inspection
            .interfaces()
            .iter()
            .map(|interface| interface.name().to_owned())
            .collect(),
        hosts: asks.hosts,
        secrets: asks
            .secrets
            .into_iter()
            .map(|Secret { name, rest }| {
                let SecretFields {
                    title,
                    optional,
                    hosts,
                    places,
                } = rest;
                (
                    name,
                    SecretUse {
                        title,
                        optional,
                        hosts,
                        places,
                    },
                )
            })
            .collect(),
        limits: asks.limits,
    })
}

/// For egress: who calls, and under which grant, with a channel's settings put in.
pub(crate) fn caller(
    name: &str,
    permissions: &Permissions,
    settings: &Value,
) -> Result<Caller, String> {
    let rules = |hosts: &BTreeSet<String>| -> Result<Vec<HostRule>, String> {
        hosts
            .iter()
            .filter_map(|host| filled(host, settings).transpose())
            .map(|host| host?.parse::<HostRule>().map_err(|error| error.to_string()))
            .collect()
    };
    let hosts = rules(&permissions.hosts)?;
    let mut secrets = Vec::new();
    for (name, usage) in &permissions.secrets {
        secrets.push(SecretRule {
            name: name.clone(),
            hosts: rules(&usage.hosts)?,
            places: usage
                .places
                .iter()
                // `hmac` and `sign` never leave the host: `calls::local` looks at them.
                .filter_map(|place| {
                    Place::ALL
                        .into_iter()
                        .find(|known| known.to_string() == *place)
                })
                .collect(),
        });
    }
    Ok(Caller {
        plugin: name.to_owned(),
        grant: Arc::new(Grant { hosts, secrets }),
    })
}

/// A rule with the channel's settings put in; none where an optional setting is not set.
fn filled(rule: &str, settings: &Value) -> Result<Option<String>, String> {
    let mut text = String::new();
    let mut rest = rule;
    while let Some((before, after)) = rest.split_once("{setting:") {
        let (name, tail) = after
            .split_once('}')
            .ok_or_else(|| format!("the rule `{rule}` has a `{{setting:` without a `}}`"))?;
        let value = match settings.get(name) {
            Some(Value::String(value)) => value.clone(),
            Some(Value::Number(value)) => value.to_string(),
            _ => return Ok(None),
        };
        text.push_str(before);
        match url::Url::parse(&value) {
            Ok(url) if url.has_host() => text.push_str(&url.origin().ascii_serialization()),
            _ if value
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || ".-_:[]".contains(c)) =>
            {
                text.push_str(&value);
            }
            _ => return Err(format!("the setting `{name}` is no host: {value:?}")),
        }
        rest = tail;
    }
    text.push_str(rest);
    Ok(Some(text))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    fn permissions(value: Value) -> Permissions {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn what_an_update_asks_for_anew_is_told_and_what_it_drops_is_not_carried() {
        let before = permissions(json!({
            "imports": ["http", "log"], "hosts": ["https://a.example", "https://b.example"],
            "secrets": {"token": {"places": ["header"], "hosts": ["https://a.example"]}},
            "limits": {"fuel": 10},
        }));
        assert!(before.beyond(&before).is_empty());
        let less = permissions(json!({"imports": ["log"], "hosts": ["https://a.example"]}));
        assert!(less.beyond(&before).is_empty());
        let more = permissions(json!({
            "imports": ["log", "email"], "hosts": ["https://c.example"],
            "secrets": {"token": {"places": ["header"]}, "other": {"places": ["query"]}},
            "limits": {"fuel": 11, "memory": 1},
        }));
        assert_eq!(
            more.beyond(&before),
            [
                "the import `email`",
                "the host `https://c.example`",
                "the secret `other`",
                "the secret `token` at other places",
                "the limit fuel 11",
                "the limit memory 1",
            ]
        );
        // An operator has approved one host less, and one that was never asked for.
        let approved = permissions(json!({
            "imports": ["http", "log"], "hosts": ["https://b.example", "https://own.example"],
        }));
        let carried = approved.carried(&before, &less);
        assert_eq!(
            carried,
            permissions(json!({"imports": ["log"], "hosts": ["https://own.example"]}))
        );
    }
}
