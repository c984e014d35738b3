//! Addresses in their normal form, and what a contact is called by.
//!
//! Phone numbers are E.164, mail addresses have a lower-cased domain, everything else means
//! somebody on one channel only. Two spellings of one address are one identity; that is what keeps
//! one person one contact.

use crate::connectors::AddressKind;
use jackfield_store::bucket_in;
use phonenumber::{Mode, country};

/// The longest address that is kept.
const LONGEST: usize = 500;

/// Who an address belongs to: a kind and a value, unique in a workspace.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub(crate) struct Identity {
    /// `phone`, `email` or `channel:<id>`.
    pub(crate) kind: String,
    /// In its normal form.
    pub(crate) value: String,
}

impl Identity {
    pub(crate) fn phone(value: impl Into<String>) -> Identity {
        Identity {
            kind: "phone".to_owned(),
            value: value.into(),
        }
    }

    pub(crate) fn email(value: impl Into<String>) -> Identity {
        Identity {
            kind: "email".to_owned(),
            value: value.into(),
        }
    }

    /// The identity of an address on a channel. One that is no number or mailbox (a short code, a
    /// sender's name) means somebody on that channel only.
    pub(crate) fn on_channel(
        kind: AddressKind,
        channel: &str,
        address: &str,
        country: Option<&str>,
    ) -> Identity {
        match kind {
            AddressKind::Phone => phone(address, country).map(Identity::phone),
            AddressKind::Email => email(address).map(Identity::email),
            AddressKind::Id => None,
        }
        .unwrap_or_else(|| Identity {
            kind: format!("channel:{channel}"),
            value: address.trim().chars().take(LONGEST).collect(),
        })
    }

    /// One word, as buckets are chosen by it.
    pub(crate) fn word(&self) -> String {
        format!("{}:{}", self.kind, self.value)
    }
}

/// A phone number as E.164. National numbers need a country (ISO 3166 alpha-2).
pub(crate) fn phone(text: &str, country: Option<&str>) -> Option<String> {
    let plain: String = text
        .trim()
        .chars()
        .filter(|one| !matches!(one, ' ' | '-' | '.' | '(' | ')' | '/' | '\u{a0}'))
        .collect();
    let international = plain.strip_prefix('+').or_else(|| plain.strip_prefix("00"));
    if let Some(digits) = international {
        let good = (7..=15).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0');
        return good.then(|| format!("+{digits}"));
    }
    if !plain.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let country: country::Id = country?.parse().ok()?;
    let number = phonenumber::parse(Some(country), &plain).ok()?;
    number
        .is_valid()
        .then(|| number.format().mode(Mode::E164).to_string())
}

/// A mail address: trimmed, without a display name, with a lower-cased domain.
pub(crate) fn email(text: &str) -> Option<String> {
    let text = text.trim();
    let text = match text.rsplit_once('<') {
        Some((_, rest)) => rest.strip_suffix('>')?.trim(),
        None => text,
    };
    let (local, domain) = text.rsplit_once('@')?;
    let odd = |one: char| one.is_whitespace() || one.is_control() || "<>,;:\"\\[]()".contains(one);
    let labels = domain.split('.').all(|label| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|one| one.is_alphanumeric() || one == '-')
    });
    let good = !local.is_empty()
        && local.len() <= 64
        && text.len() <= 254
        && !local.contains(odd)
        && !local.contains('@')
        && labels
        && domain.contains('.');
    good.then(|| format!("{local}@{}", domain.to_lowercase()))
}

/// How a caller names a contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ContactRef {
    /// `id:ctc_…`, or the id alone.
    Id(String),
    /// `phone:+33…` or `email:a@b`, in normal form.
    Identity(Identity),
    /// `channel:<name>:<address>`.
    Channel {
        /// The channel's name or id.
        channel: String,
        /// As written.
        address: String,
    },
}

impl ContactRef {
    /// Reads how a caller names a contact.
    ///
    /// # Errors
    /// What would be right.
    pub(crate) fn parse(text: &str, country: Option<&str>) -> Result<ContactRef, String> {
        let text = text.trim();
        if bucket_in("ctc", text).is_some() {
            return Ok(ContactRef::Id(text.to_owned()));
        }
        let (kind, rest) = text.split_once(':').unwrap_or(("", text));
        match kind {
            "id" => Ok(ContactRef::Id(rest.to_owned())),
            "phone" => phone(rest, country)
                .map(|phone| ContactRef::Identity(Identity::phone(phone)))
                .ok_or_else(|| format!("`{rest}` is no phone number: {PHONE}")),
            "email" => email(rest)
                .map(|email| ContactRef::Identity(Identity::email(email)))
                .ok_or_else(|| format!("`{rest}` is no mail address: {EMAIL}")),
            "channel" => match rest.split_once(':') {
                Some((channel, address)) if !channel.is_empty() && !address.is_empty() => {
                    Ok(ContactRef::Channel {
                        channel: channel.to_owned(),
                        address: address.to_owned(),
                    })
                }
                _ => Err("write `channel:<name>:<address>`".to_owned()),
            },
            _ => Err(format!(
                "`{text}` names no contact: write `id:ctc_…`, `phone:+33612345678`, \
                 `email:ann@example.com` or `channel:<name>:<address>`"
            )),
        }
    }
}

/// What a phone number looks like.
pub(crate) const PHONE: &str = "write it as `+33612345678`; national numbers need the workspace's \
                                `default-country`";
/// What a mail address looks like.
pub(crate) const EMAIL: &str = "write it as `ann@example.com`";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_number_are_one_address() {
        for text in [
            "+33 6 12 34 56 78",
            "0033612345678",
            "+33-612-345-678",
            "+33(6)12.34.56.78",
        ] {
            assert_eq!(phone(text, None).as_deref(), Some("+33612345678"), "{text}");
        }
        assert_eq!(
            phone("06 12 34 56 78", Some("FR")).as_deref(),
            Some("+33612345678")
        );
        assert_eq!(phone("06 12 34 56 78", None), None);
        for text in ["", "+", "+1", "hello", "+33abc", "+0123456789", "36105"] {
            assert_eq!(phone(text, None), None, "{text}");
        }
    }

    #[test]
    fn a_mail_address_keeps_its_local_part_and_lowers_its_domain() {
        assert_eq!(
            email(" Ann.B@Example.COM ").as_deref(),
            Some("Ann.B@example.com")
        );
        assert_eq!(
            email("Ann B <ann@example.com>").as_deref(),
            Some("ann@example.com")
        );
        for text in [
            "ann",
            "@example.com",
            "ann@",
            "a b@example.com",
            "a@b@example.com",
            "a@-b.com",
            "a@b",
        ] {
            assert_eq!(email(text), None, "{text}");
        }
    }

    #[test]
    fn a_contact_is_named_in_four_ways() {
        assert_eq!(
            ContactRef::parse("phone:+33 612345678", None),
            Ok(ContactRef::Identity(Identity::phone("+33612345678")))
        );
        assert_eq!(
            ContactRef::parse("channel:main:u:1", None),
            Ok(ContactRef::Channel {
                channel: "main".to_owned(),
                address: "u:1".to_owned()
            })
        );
        assert!(ContactRef::parse("phone:12", None).is_err());
        assert!(ContactRef::parse("bob", None).is_err());
    }

    #[test]
    fn a_short_code_belongs_to_its_channel() {
        let identity = Identity::on_channel(AddressKind::Phone, "chn_1", "36105", None);
        assert_eq!(identity.word(), "channel:chn_1:36105");
    }
}
