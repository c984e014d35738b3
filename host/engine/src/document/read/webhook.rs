//! Reads `contact`, `create-contact`, `variables`, `signature`, `allow-from` and `reply` of a trigger
//! on `webhook`.

use super::{Object, Reader};
use crate::document::{
    is_name,
    problem::{join, type_name},
    to_name,
    trigger::{By, Encoding, Identifier, Path, Reply, Signature, Stamp, Webhook},
};
use crate::schedule::Duration;
use ipnet::IpNet;
use serde_json::Value;
use std::net::IpAddr;

/// Most variables that are taken out of a body.
const MOST_VARIABLES: usize = 10;
/// Most networks that requests may come from.
const MOST_NETWORKS: usize = 100;
/// Longest name of a header.
const LONGEST_HEADER: usize = 64;
/// Longest text around a signature, and around what is signed.
const LONGEST_TEXT: usize = 200;
/// Longest text of a reply, in characters.
const LONGEST_REPLY: usize = 4096;
/// A signed time counts for so long, where nothing is said.
const WINDOW: Duration = Duration::from_millis(5 * 60 * 1000);
/// It counts for no longer than this.
const LONGEST_WINDOW: Duration = Duration::from_millis(24 * 60 * 60 * 1000);

const SIGNATURE_KEYS: [&str; 7] = [
    "secret",
    "header",
    "prefix",
    "encoding",
    "signed",
    "timestamp-header",
    "window",
];

impl Reader {
    pub(super) fn webhook(&mut self, object: &Object, path: &str) -> Option<Webhook> {
        let before = self.problems.len();
        let contact = object
            .get("contact")
            .and_then(|value| self.identifier(value, &join(path, "contact")));
        let create_contact = self.switch(object, path, "create-contact");
        if create_contact {
            let message = match object.get("contact").map(|_| contact.as_ref()) {
                None => Some("`create-contact` needs `contact`: by what a contact is known"),
                Some(Some(contact)) if contact.by == By::Id => {
                    Some("a contact is made by mail address or telephone number, not by an id")
                }
                Some(_) => None,
            };
            if let Some(message) = message {
                self.complain("create-contact", &join(path, "create-contact"), message);
            }
        }
        let variables = self.taken(object, path);
        let signature = object
            .get("signature")
            .and_then(|value| self.signature(value, &join(path, "signature")));
        let allow_from = self.networks(object, path);
        let reply = object
            .get("reply")
            .and_then(|value| self.reply(value, &join(path, "reply")));
        (self.problems.len() == before).then_some(Webhook {
            contact,
            create_contact,
            variables,
            signature,
            allow_from,
            reply,
        })
    }

    /// `true` or `false`; false where it is left out.
    pub(super) fn switch(&mut self, object: &Object, path: &str, key: &str) -> bool {
        match object.get(key) {
            None => false,
            Some(Value::Bool(on)) => *on,
            Some(other) => {
                let message = format!("`{key}` is true or false, not {}", type_name(other));
                self.complain("type", &join(path, key), message);
                false
            }
        }
    }

    fn identifier(&mut self, value: &Value, path: &str) -> Option<Identifier> {
        let object = self.object(value, path, "the contact of a webhook", &["by", "path"])?;
        let by = match object.get("by") {
            Some(by) => self.choice(by, &join(path, "by"), &By::ALL),
            None => {
                let message = "`by` is missing: `id`, `email` or `phone`";
                self.complain("missing", path, message);
                None
            }
        };
        let place = match object.get("path") {
            Some(place) => self.place(place, &join(path, "path")),
            None => {
                let message = "`path` is missing: where it stands, as in `$.customer.email`";
                self.complain("missing", path, message);
                None
            }
        };
        Some(Identifier {
            by: by?,
            path: place?,
        })
    }

    fn place(&mut self, value: &Value, path: &str) -> Option<Path> {
        let text = value.as_str().unwrap_or_default();
        match text.parse() {
            Ok(place) => Some(place),
            Err(error) => {
                self.complain("path", path, format!("{error}"));
                None
            }
        }
    }

    fn taken(&mut self, object: &Object, path: &str) -> Vec<(String, Path)> {
        let Some(value) = object.get("variables") else {
            return Vec::new();
        };
        let path = join(path, "variables");
        let Some(all) = value.as_object().filter(|all| !all.is_empty()) else {
            let message = "`variables` is a mapping from variables to paths, as in \
                           `{order: $.order.id}`";
            self.complain("type", &path, message);
            return Vec::new();
        };
        if all.len() > MOST_VARIABLES {
            let message = format!("a webhook gives at most {MOST_VARIABLES} variables");
            self.complain("too-many", &path, message);
        }
        let mut found = Vec::new();
        for (name, value) in all {
            let at = join(&path, name);
            self.variable_name(name, &at);
            found.extend(self.place(value, &at).map(|place| (name.clone(), place)));
        }
        found
    }

    /// Whether a run can have a variable of this name.
    pub(super) fn variable_name(&mut self, name: &str, path: &str) -> bool {
        let good = crate::run::is_variable(name);
        if !good {
            let message = format!(
                "`{name}` is no name of a variable: write lower-case letters, digits and `_`, a \
                 letter first, at most 64"
            );
            self.complain("name", path, message);
        }
        good
    }

    fn signature(&mut self, value: &Value, path: &str) -> Option<Signature> {
        let object = self.object(value, path, "a signature", &SIGNATURE_KEYS)?;
        let secret = match object.get("secret").map(|value| value.as_str()) {
            Some(Some(name)) if is_name(name) => Some(name.to_owned()),
            Some(name) => {
                let message = "`secret` names a secret of the workspace";
                let near = name.and_then(to_name);
                self.suggest("name", &join(path, "secret"), message, near);
                None
            }
            None => {
                let message = "`secret` is missing: the name of a secret of the workspace";
                self.complain("missing", path, message);
                None
            }
        };
        let header = match self.header(object, path, "header") {
            Some(header) => Some(header),
            None if object.contains_key("header") => None,
            None => {
                let message = "`header` is missing: the header that carries the signature";
                self.complain("missing", path, message);
                None
            }
        };
        let prefix = self.text(object, path, "prefix", LONGEST_TEXT);
        let encoding = match object.get("encoding") {
            None => Some(Encoding::Hex),
            Some(value) => self.choice(value, &join(path, "encoding"), &Encoding::ALL),
        };
        let stamp = self.header(object, path, "timestamp-header");
        let window = self.window(object, path);
        let usual = match stamp {
            Some(_) => Signature::STAMPED,
            None => Signature::BODY,
        };
        let signed = self.text(object, path, "signed", LONGEST_TEXT);
        let signed = signed.unwrap_or_else(|| usual.to_owned());
        if signed.matches(Signature::BODY).count() != 1 {
            let message = "`signed` holds `{body}` once, as in `{timestamp}.{body}`";
            self.complain("signed", &join(path, "signed"), message);
        }
        if signed.contains("{timestamp}") != stamp.is_some()
            && object.contains_key("timestamp-header") == stamp.is_some()
        {
            let message = "`{timestamp}` in `signed` and `timestamp-header` go together: a time \
                           that is not signed proves nothing";
            self.complain("signed", &join(path, "signed"), message);
        }
        Some(Signature {
            secret: secret?,
            header: header?,
            prefix: prefix.unwrap_or_default(),
            encoding: encoding?,
            signed,
            timestamp: stamp.map(|header| Stamp { header, window }),
        })
    }

    fn header(&mut self, object: &Object, path: &str, key: &str) -> Option<String> {
        let value = object.get(key)?;
        let name = value.as_str().unwrap_or_default();
        let good = (1..=LONGEST_HEADER).contains(&name.len())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        if good {
            return Some(name.to_ascii_lowercase());
        }
        let message = format!("`{key}` is the name of a header, such as `X-Signature`");
        self.complain("header", &join(path, key), message);
        None
    }

    fn window(&mut self, object: &Object, path: &str) -> Duration {
        if !object.contains_key("window") {
            return WINDOW;
        }
        let at = join(path, "window");
        if !object.contains_key("timestamp-header") {
            let message = "`window` stands only with `timestamp-header`";
            self.complain("missing", &at, message);
        }
        let Some(window) = self.duration(object, path, "window") else {
            return WINDOW;
        };
        if window < Duration::from_secs(1) || window > LONGEST_WINDOW {
            let message = format!("`window` is from 1s to {LONGEST_WINDOW}");
            self.complain("range", &at, message);
        }
        window
    }

    fn networks(&mut self, object: &Object, path: &str) -> Vec<IpNet> {
        let Some(value) = object.get("allow-from") else {
            return Vec::new();
        };
        let path = join(path, "allow-from");
        let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
        if !(1..=MOST_NETWORKS).contains(&items.len()) {
            let message = format!(
                "`allow-from` is a list of 1 to {MOST_NETWORKS} networks, such as `203.0.113.0/24`"
            );
            self.complain("type", &path, message);
            return Vec::new();
        }
        let mut found = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let text = item.as_str().unwrap_or_default();
            let one = text.parse::<IpAddr>().map(IpNet::from);
            match text.parse::<IpNet>().ok().or(one.ok()) {
                Some(net) => found.push(net.trunc()),
                None => {
                    let message = "this is an address or a network, such as `203.0.113.7`, \
                                   `203.0.113.0/24` or `2001:db8::/32`";
                    self.complain("network", &join(&path, index), message);
                }
            }
        }
        found
    }

    fn reply(&mut self, value: &Value, path: &str) -> Option<Reply> {
        let keys = ["status", "content-type", "body"];
        let object = self.object(value, path, "a reply", &keys)?;
        let status = self.whole(object, path, "status", 200, 299).unwrap_or(200);
        let kind = self.text(object, path, "content-type", LONGEST_TEXT);
        let content_type = kind.unwrap_or_else(|| "text/plain; charset=utf-8".to_owned());
        let named = content_type
            .split_once('/')
            .is_some_and(|(one, other)| !one.is_empty() && !other.is_empty());
        if !named
            || !content_type
                .bytes()
                .all(|byte| (b' '..=b'~').contains(&byte))
        {
            let message = "`content-type` is a media type, such as `text/xml`";
            self.complain("content-type", &join(path, "content-type"), message);
        }
        let body = self.text(object, path, "body", LONGEST_REPLY);
        Some(Reply {
            status: u16::try_from(status).unwrap_or(200),
            content_type,
            body: body.unwrap_or_default(),
        })
    }
}
