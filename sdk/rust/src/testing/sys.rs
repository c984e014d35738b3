//! The imports on native targets: the same functions with the same signatures as the generated
//! ones, answered by the installed test host.

pub(crate) mod contacts;
pub(crate) mod conversations;
pub(crate) mod files;
pub(crate) mod lists;
pub(crate) mod tables;
pub(crate) mod workflows;

use super::host::Host;
use crate::failure::CallError;

pub(crate) mod log {
    use crate::bindings::step::jackfield::plugin::log::Level;
    use crate::testing::host::with;

    pub(crate) fn write(level: Level, message: &str) {
        with(|host| host.record.logs.push(format!("{level:?}: {message}")));
    }
}

pub(crate) mod clock {
    use super::{CallError, invalid};
    use crate::testing::host::{call_error, with};

    pub(crate) fn now() -> u64 {
        with(|host| host.now)
    }

    /// RFC 3339 in UTC, or a date with or without a time; enough for tests.
    pub(crate) fn parse(text: &str) -> Result<u64, CallError> {
        let refuse = || invalid(&format!("`{text}` is no date and time"));
        let text = text.trim().trim_end_matches('Z');
        let (date, time) = text.split_once(['T', ' ']).unwrap_or((text, "00:00"));
        let number = |part: Option<&str>| {
            part.and_then(|part| part.parse::<i64>().ok())
                .ok_or_else(refuse)
        };
        let mut date = date.split('-');
        let (year, month, day) = (
            number(date.next())?,
            number(date.next())?,
            number(date.next())?,
        );
        let mut time = time.split(':');
        let (hour, minute) = (number(time.next())?, number(time.next())?);
        let second = number(time.next().or(Some("0")))?;
        if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return Err(refuse());
        }
        // Days since 1970 of a civil date: years counted from March, in eras of 400 years.
        let year = if month <= 2 { year - 1 } else { year };
        let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let days = era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100
            + day_of_year
            - 719_468;
        let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second;
        u64::try_from(seconds * 1_000).map_err(|_| refuse())
    }

    pub(crate) fn duration(text: &str) -> Result<u64, CallError> {
        let refuse = || {
            invalid(&format!(
                "`{text}` is no duration such as `30s`, `15m`, `2h`, `1d`"
            ))
        };
        let (mut total, mut digits) = (0u64, String::new());
        for character in text.trim().chars() {
            let unit = match character {
                '0'..='9' => {
                    digits.push(character);
                    continue;
                }
                's' => 1_000,
                'm' => 60_000,
                'h' => 3_600_000,
                'd' => 86_400_000,
                'w' => 604_800_000,
                _ => return Err(refuse()),
            };
            total += digits.parse::<u64>().map_err(|_| refuse())? * unit;
            digits.clear();
        }
        if digits.is_empty() && !text.trim().is_empty() {
            Ok(total)
        } else {
            Err(refuse())
        }
    }

    pub(crate) fn next_open(_hours: &str, after: u64) -> Result<u64, CallError> {
        match with(|host| host.next_open) {
            Some(at) => Ok(at.max(after)),
            None => Err(call_error(
                "not-found",
                "these hours are never open within 365 days",
            )),
        }
    }
}

pub(crate) mod random {
    /// Always the same bytes: a test repeats itself.
    pub(crate) fn bytes(length: u32) -> Vec<u8> {
        (0..length.min(1_024)).map(|index| index as u8).collect()
    }
}

pub(crate) mod http {
    use super::CallError;
    use crate::http::{Request, Response};
    use crate::testing::host::with;

    pub(crate) fn fetch(request: &Request) -> Result<Response, CallError> {
        with(|host| {
            host.record.requests.push(request.clone());
            (host.http)(request)
        })
    }
}

pub(crate) mod email {
    use super::CallError;
    use crate::email::{Accepted, Mail, Server};
    use crate::testing::host::with;

    pub(crate) fn send(server: &Server, mail: &Mail) -> Result<Accepted, CallError> {
        with(|host| {
            host.record.mails.push((server.clone(), mail.clone()));
            (host.email)(mail)
        })
    }

    pub(crate) fn check(server: &Server) -> Result<String, CallError> {
        with(|host| (host.email_check)(server))
    }
}

pub(crate) mod crypto {
    use hmac::{Hmac, KeyInit, Mac};
    use md5::{Digest, Md5};
    use sha1::Sha1;
    use sha2::{Sha256, Sha384, Sha512};

    use super::CallError;
    use crate::crypto::Algorithm;
    use crate::testing::host::{call_error, with};

    pub(crate) fn hash(algorithm: Algorithm, data: &[u8]) -> Vec<u8> {
        match algorithm {
            Algorithm::Md5 => Md5::digest(data).to_vec(),
            Algorithm::Sha1 => Sha1::digest(data).to_vec(),
            Algorithm::Sha256 => Sha256::digest(data).to_vec(),
            Algorithm::Sha384 => Sha384::digest(data).to_vec(),
            Algorithm::Sha512 => Sha512::digest(data).to_vec(),
        }
    }

    fn mac<M: Mac + KeyInit>(key: &[u8], data: &[u8]) -> Vec<u8> {
        let Ok(mut mac) = <M as KeyInit>::new_from_slice(key) else {
            unreachable!("HMAC takes keys of any length")
        };
        mac.update(data);
        mac.finalize().into_bytes().to_vec()
    }

    fn secret(name: &str) -> Result<Vec<u8>, CallError> {
        with(|host| host.secrets.get(name).cloned()).ok_or_else(|| {
            call_error(
                "secret-missing",
                &format!("the secret `{name}` has no value"),
            )
        })
    }

    pub(crate) fn hmac(
        algorithm: Algorithm,
        name: &str,
        data: &[u8],
    ) -> Result<Vec<u8>, CallError> {
        let key = secret(name)?;
        Ok(match algorithm {
            Algorithm::Md5 => mac::<Hmac<Md5>>(&key, data),
            Algorithm::Sha1 => mac::<Hmac<Sha1>>(&key, data),
            Algorithm::Sha256 => mac::<Hmac<Sha256>>(&key, data),
            Algorithm::Sha384 => mac::<Hmac<Sha384>>(&key, data),
            Algorithm::Sha512 => mac::<Hmac<Sha512>>(&key, data),
        })
    }

    pub(crate) fn verify(
        algorithm: Algorithm,
        name: &str,
        data: &[u8],
        signature: &[u8],
    ) -> Result<bool, CallError> {
        Ok(hmac(algorithm, name, data)? == signature)
    }

    /// Not what a server would take: bytes that the data and the secret make, the same each time.
    pub(crate) fn sign(algorithm: &str, name: &str, data: &[u8]) -> Result<Vec<u8>, CallError> {
        if algorithm != "rs256" {
            return Err(super::invalid(&format!(
                "there is no algorithm `{algorithm}`; there is: rs256"
            )));
        }
        hmac(Algorithm::Sha256, name, data)
    }

    pub(crate) fn equal(name: &str, candidate: &[u8]) -> Result<bool, CallError> {
        Ok(secret(name)? == candidate)
    }
}

pub(crate) mod templates {
    use super::CallError;
    use crate::testing::host::{call_error, with};

    pub(crate) fn render(name: &str, _values: Option<&str>) -> Result<String, CallError> {
        with(|host| host.templates.get(name).map(ToString::to_string))
            .ok_or_else(|| call_error("not-found", &format!("there is no template `{name}`")))
    }
}

pub(crate) mod conditions {
    use super::{CallError, value};
    use crate::testing::host::with;

    pub(crate) fn evaluate(condition: &str) -> Result<bool, CallError> {
        let condition = value(condition)?;
        with(|host| (host.condition)(&condition))
    }
}

pub(crate) mod variables {
    use super::{CallError, invalid, value};
    use crate::testing::host::with;

    pub(crate) fn get(path: &str) -> Option<String> {
        with(|host| {
            let value = match path.strip_prefix("vars.") {
                Some(name) => host.variables.get(name),
                None => host.values.get(path),
            };
            value.map(ToString::to_string)
        })
    }

    pub(crate) fn set(name: &str, json: &str) -> Result<(), CallError> {
        let good = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.len() <= 64
            && name
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if !good {
            return Err(invalid(&format!("`{name}` is no name of a variable")));
        }
        let value = value(json)?;
        with(|host| match value {
            serde_json::Value::Null => host.variables.remove(name),
            value => host.variables.insert(name.into(), value),
        });
        Ok(())
    }
}

pub(crate) mod messages {
    use super::{CallError, value};
    use crate::testing::host::{call_error, with};
    use crate::testing::schemas;

    fn find(name: &str) -> Result<serde_json::Value, CallError> {
        with(|host| {
            let wanted = match name {
                "last-interacted" => host.last_interacted.clone().unwrap_or_default(),
                name => name.to_owned(),
            };
            host.channels
                .iter()
                .find(|channel| {
                    channel["name"] == wanted.as_str() || channel["id"] == wanted.as_str()
                })
                .cloned()
                .ok_or_else(|| call_error("not-found", &format!("there is no channel `{name}`")))
        })
    }

    pub(crate) fn channel(name: &str) -> Result<String, CallError> {
        find(name).map(|channel| channel.to_string())
    }

    pub(crate) fn send(message: &str) -> Result<String, CallError> {
        let message = value(message)?;
        schemas::hold("an outgoing message", schemas::OUTGOING_MESSAGE, &message);
        find(message["channel"].as_str().unwrap_or_default())?;
        with(|host| {
            host.record.messages.push(message);
            Ok(format!("message-{}", host.record.messages.len()))
        })
    }
}

fn invalid(message: &str) -> CallError {
    super::host::call_error("invalid", message)
}

/// What needs a contact is refused without one.
fn some_contact(host: &mut Host) -> Result<&mut serde_json::Value, CallError> {
    let refused = || super::host::call_error("not-found", "the run has no contact");
    host.contact.as_mut().ok_or_else(refused)
}

fn value(json: &str) -> Result<serde_json::Value, CallError> {
    serde_json::from_str(json).map_err(|error| invalid(&format!("no JSON: {error}")))
}
