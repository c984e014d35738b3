//! What an operator has granted to a plugin: hosts, and secrets at places.
//!
//! The check functions are pure: a grant, a target, a method, a verdict. What is refused is
//! answered with the exact text that would allow it. A host rule is text in documents and in the
//! database, so its text is its identity: it reads back as it was written, in canonical spelling.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use url::Host;

use crate::target::{Scheme, Target, parse_host};
use crate::{Error, SecretRule};

/// The methods that can be granted and sent.
pub(crate) const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// What a plugin may reach. Empty is nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Grant {
    /// Hosts that it may talk to.
    pub hosts: Vec<HostRule>,
    /// Secrets that may be put into its requests, and where.
    pub secrets: Vec<SecretRule>,
}

impl Grant {
    /// Whether a request of this method may go to this target.
    ///
    /// # Errors
    /// [`Error::Denied`] with the host rule that would allow it.
    pub fn check_http(&self, method: &str, target: &Target) -> Result<(), Error> {
        if self
            .hosts
            .iter()
            .any(|rule| rule.allows(Some(method), target))
        {
            return Ok(());
        }
        let host_known = self.hosts.iter().any(|rule| rule.allows(None, target));
        let grant = if host_known {
            format!("{method} {target}")
        } else {
            target.to_string()
        };
        Err(Error::Denied {
            what: format!("{method} to {target}"),
            grant: Some(grant),
        })
    }

    /// Whether mail may be handed to this server.
    ///
    /// # Errors
    /// [`Error::Denied`] with the host rule that would allow it.
    pub fn check_smtp(&self, target: &Target) -> Result<(), Error> {
        if self.hosts.iter().any(|rule| rule.allows(None, target)) {
            return Ok(());
        }
        Err(Error::Denied {
            what: format!("mail to {target}"),
            grant: Some(target.to_string()),
        })
    }

    /// Whether the secret may be put in at this place of a request to this target. The target
    /// itself must have been granted before.
    ///
    /// # Errors
    /// [`Error::Denied`] with the secret rule that would allow it.
    pub fn check_secret(&self, name: &str, place: Place, target: &Target) -> Result<(), Error> {
        if self
            .secrets
            .iter()
            .any(|rule| rule.allows(name, place, target))
        {
            return Ok(());
        }
        let what = format!("the secret `{name}` in the {place} of a request to {target}");
        let grant = format!("secret {name} in {place} to {target}");
        Err(Error::Denied {
            what,
            grant: Some(grant),
        })
    }
}

/// Where in a request a secret may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// The value of a header.
    Header,
    /// User name or password of HTTP Basic.
    BasicAuth,
    /// The query of the URL.
    Query,
    /// The path of the URL.
    Path,
    /// The body. Grant it with care: a body also carries what contacts write.
    Body,
    /// User name or password of a mail server.
    SmtpAuth,
}

impl Place {
    /// All of them.
    pub const ALL: [Place; 6] = [
        Place::Header,
        Place::BasicAuth,
        Place::Query,
        Place::Path,
        Place::Body,
        Place::SmtpAuth,
    ];

    /// Those that a rule has where it names none: the places that carry credentials and nothing
    /// else.
    pub fn usual() -> BTreeSet<Place> {
        BTreeSet::from([Place::Header, Place::BasicAuth, Place::SmtpAuth])
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Place::Header => "header",
            Place::BasicAuth => "basic-auth",
            Place::Query => "query",
            Place::Path => "path",
            Place::Body => "body",
            Place::SmtpAuth => "smtp-auth",
        })
    }
}

/// Hosts that may be reached.
///
/// | text | allows |
/// |---|---|
/// | `https://api.example.com` | that host at port 443, every method |
/// | `GET,POST https://api.example.com` | those methods alone |
/// | `https://*.example.com:8443` | every name below example.com, not example.com itself |
/// | `http://127.0.0.1:8025` | that address (which an address rule must allow as well) |
/// | `https://api.example.com:*` | that host at every port |
/// | `https://*` | every host at port 443 |
/// | `smtp://mail.example.com:587` | mail by that server |
/// | `*` | every host and port over http and https; no mail |
///
/// A rule names no path. The default ports are 80, 443 and 587.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostRule {
    /// Empty: every method.
    methods: BTreeSet<&'static str>,
    /// `None`: every scheme of HTTP, every host, every port.
    pattern: Option<Pattern>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Pattern {
    scheme: Scheme,
    host: HostPattern,
    /// `None`: every port.
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum HostPattern {
    Any,
    Below(String),
    Exactly(Host<String>),
}

impl HostRule {
    /// Whether it covers the target, with this method; `None` asks for any method (and is what
    /// mail asks).
    pub fn allows(&self, method: Option<&str>, target: &Target) -> bool {
        let method_ok =
            self.methods.is_empty() || method.is_none_or(|method| self.methods.contains(method));
        let target_ok = match &self.pattern {
            None => target.scheme() != Scheme::Smtp,
            Some(pattern) => {
                pattern.scheme == target.scheme()
                    && pattern.port.is_none_or(|port| port == target.port())
                    && pattern.host.covers(target.host())
            }
        };
        method_ok && target_ok
    }
}

impl HostPattern {
    fn covers(&self, host: &Host<String>) -> bool {
        match (self, host) {
            (HostPattern::Any, _) => true,
            (HostPattern::Exactly(own), host) => own == host,
            (HostPattern::Below(base), Host::Domain(name)) => name
                .strip_suffix(base.as_str())
                .is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
            (HostPattern::Below(_), _) => false,
        }
    }
}

impl fmt::Display for HostRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.methods.is_empty() {
            let methods: Vec<&str> = METHODS
                .into_iter()
                .filter(|m| self.methods.contains(m))
                .collect();
            write!(f, "{} ", methods.join(","))?;
        }
        let Some(Pattern { scheme, host, port }) = &self.pattern else {
            return f.write_str("*");
        };
        match host {
            HostPattern::Any => write!(f, "{}://*", scheme.as_str())?,
            HostPattern::Below(base) => write!(f, "{}://*.{base}", scheme.as_str())?,
            HostPattern::Exactly(host) => write!(f, "{}://{host}", scheme.as_str())?,
        }
        match port {
            None => f.write_str(":*"),
            Some(port) if *port == scheme.default_port() => Ok(()),
            Some(port) => write!(f, ":{port}"),
        }
    }
}

/// Text that is no [`HostRule`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is no host rule: {why}; write it like `https://api.example.com`, \
     `GET,POST https://*.example.com:8443`, `smtp://mail.example.com:587` or `*`"
)]
pub struct HostRuleError {
    text: String,
    why: String,
}

impl FromStr for HostRule {
    type Err = HostRuleError;

    fn from_str(text: &str) -> Result<HostRule, HostRuleError> {
        read_rule(text).map_err(|why| HostRuleError {
            text: text.to_owned(),
            why,
        })
    }
}

fn read_rule(text: &str) -> Result<HostRule, String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let (methods, pattern) = match words.as_slice() {
        [pattern] => (BTreeSet::new(), *pattern),
        [methods, pattern] => (read_methods(methods)?, *pattern),
        _ => return Err("one host is expected, with methods before it or without".into()),
    };
    if pattern == "*" {
        return Ok(HostRule {
            methods,
            pattern: None,
        });
    }
    let (scheme, rest) = pattern.split_once("://").ok_or("the scheme is missing")?;
    let scheme = Scheme::parse(scheme)
        .ok_or_else(|| format!("the scheme must be http, https or smtp, not `{scheme}`"))?;
    if scheme == Scheme::Smtp && !methods.is_empty() {
        return Err("mail has no methods".into());
    }
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if let Some(bad) = rest
        .chars()
        .find(|c| matches!(c, '/' | '\\' | '?' | '#' | '@'))
    {
        return Err(format!(
            "a rule is scheme, host and port alone, without `{bad}`"
        ));
    }
    let (host, port) = match rest.rfind(':') {
        Some(at) if !rest[at..].contains(']') => (&rest[..at], Some(&rest[at + 1..])),
        _ => (rest, None),
    };
    let port = match port {
        None => Some(scheme.default_port()),
        Some("*") => None,
        Some(port) => match port.parse::<u16>() {
            Ok(port) if port > 0 => Some(port),
            _ => return Err("the port must be `*` or a number from 1 to 65535".into()),
        },
    };
    let host = match host.strip_prefix('*') {
        Some("") => HostPattern::Any,
        Some(base) => match base.strip_prefix('.').map(parse_host) {
            Some(Ok(Host::Domain(base))) => HostPattern::Below(base),
            _ => return Err("behind `*.` a domain name is expected".into()),
        },
        None => HostPattern::Exactly(parse_host(host).map_err(|why| why.to_string())?),
    };
    Ok(HostRule {
        methods,
        pattern: Some(Pattern { scheme, host, port }),
    })
}

fn read_methods(text: &str) -> Result<BTreeSet<&'static str>, String> {
    text.split(',')
        .map(|word| {
            METHODS
                .into_iter()
                .find(|method| method.eq_ignore_ascii_case(word))
                .ok_or_else(|| format!("`{word}` is none of {}", METHODS.join(", ")))
        })
        .collect()
}

impl Serialize for HostRule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for HostRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<HostRule, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
#[path = "grant_tests.rs"]
mod tests;
