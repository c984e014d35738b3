//! Calls that nothing leaves the activation for: clock, randomness, digests and signatures.
//!
//! Signatures are made under secrets that are named and never seen: the secret is resolved here,
//! used, and dropped. A secret may be used so only if the grant gives it the place `hmac`, and for a
//! signature under a private key the place `sign`.

use crate::calls::{refused, signing, unavailable};
use crate::clock::Clock;
use crate::permissions::Permissions;
use crate::schedule::{BusinessHours, Duration, Moment};
use crate::scope::timestamp;
use hmac::{Hmac, KeyInit, Mac};
use jackfield_egress::{Secret, Secrets};
use jackfield_sandbox::wit::CallError;
use jackfield_sandbox::wit::crypto::Algorithm;
use jackfield_sandbox::{HostCall, HostReply};
use jiff::tz::TimeZone;
use md5::Md5;
use rand::RngCore;
use serde_json::Value;
use sha1::Sha1;
use sha2::digest::Digest;
use sha2::{Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq;

/// The most random bytes that one call gives.
pub(crate) const MAX_RANDOM: u32 = 1_024;

/// What these calls need.
pub(crate) struct Env<'a> {
    pub clock: &'a dyn Clock,
    pub time_zone: &'a TimeZone,
    /// That of the contact, where there is one and it is known.
    pub contact_zone: Option<&'a str>,
    pub permissions: &'a Permissions,
    pub secrets: &'a dyn Secrets,
}

/// The answer, or none where the call is not one of these.
pub(crate) async fn answer(call: &HostCall, env: &Env<'_>) -> Option<HostReply> {
    Some(match call {
        HostCall::ClockNow => HostReply::Timestamp(env.clock.now().unsigned_abs()),
        HostCall::ClockParse { text } => HostReply::Number(
            Moment::parse(text, env.time_zone)
                .map(|moment| moment.instant.as_millisecond().unsigned_abs())
                .map_err(|error| refused("invalid", error.to_string())),
        ),
        HostCall::ClockDuration { text } => HostReply::Number(
            text.parse::<Duration>()
                .map(Duration::as_millis)
                .map_err(|error| refused("invalid", error.to_string())),
        ),
        HostCall::ClockNextOpen { hours, after } => {
            HostReply::Number(next_open(hours, *after, env))
        }
        HostCall::RandomBytes { length } => {
            let mut bytes = vec![0; (*length).min(MAX_RANDOM) as usize];
            rand::rng().fill_bytes(&mut bytes);
            HostReply::Bytes(bytes)
        }
        HostCall::CryptoHash { algorithm, data } => HostReply::Bytes(hash(*algorithm, data)),
        HostCall::CryptoHmac {
            algorithm,
            secret,
            data,
        } => HostReply::Digest(
            key(secret, "hmac", env)
                .await
                .map(|key| mac(*algorithm, &key, data)),
        ),
        HostCall::CryptoVerify {
            algorithm,
            secret,
            data,
            signature,
        } => HostReply::Truth(key(secret, "hmac", env).await.map(|key| {
            mac(*algorithm, &key, data)
                .ct_eq(signature.as_slice())
                .into()
        })),
        HostCall::CryptoEqual { secret, candidate } => HostReply::Truth(
            // Digests are compared, so that the time does not tell the secret's length either.
            key(secret, "hmac", env).await.map(|key| {
                let held = hash(Algorithm::Sha256, key.expose().as_bytes());
                held.ct_eq(&hash(Algorithm::Sha256, candidate)).into()
            }),
        ),
        HostCall::CryptoSign {
            algorithm,
            secret,
            data,
        } => HostReply::Digest(sign(algorithm, secret, data, env).await),
        _ => return None,
    })
}

async fn sign(
    algorithm: &str,
    secret: &str,
    data: &[u8],
    env: &Env<'_>,
) -> Result<Vec<u8>, CallError> {
    signing::known(algorithm)?;
    let key = key(secret, "sign", env).await?;
    signing::sign(secret, &key, data)
}

fn next_open(hours: &str, after: u64, env: &Env<'_>) -> Result<u64, CallError> {
    let value: Value = serde_json::from_str(hours).map_err(|error| {
        refused(
            "invalid",
            format!("the business hours are no JSON: {error}"),
        )
    })?;
    let hours =
        BusinessHours::parse(&value).map_err(|error| refused("invalid", error.to_string()))?;
    let hours = hours.of_contact(env.contact_zone);
    let after = timestamp(i64::try_from(after).unwrap_or(i64::MAX));
    match hours.next_open(after, env.time_zone) {
        Some(open) => Ok(open.as_millisecond().unsigned_abs()),
        None => Err(refused(
            "not-found",
            "these business hours are never open within 365 days",
        )),
    }
}

async fn key(name: &str, place: &str, env: &Env<'_>) -> Result<Secret, CallError> {
    let granted = env
        .permissions
        .secrets
        .get(name)
        .is_some_and(|usage| usage.places.contains(place));
    if !granted {
        return Err(CallError {
            grant: Some(format!("secret {name} at {place}")),
            ..refused(
                "denied",
                format!("the secret `{name}` is not granted for signatures"),
            )
        });
    }
    match env.secrets.resolve(name).await {
        Ok(Some(secret)) => Ok(secret),
        Ok(None) => Err(refused(
            "secret-missing",
            format!("there is no secret `{name}`; set it with `jackfield secret set {name}`"),
        )),
        Err(error) => Err(unavailable(error.to_string())),
    }
}

fn hash(algorithm: Algorithm, data: &[u8]) -> Vec<u8> {
    match algorithm {
        Algorithm::Md5 => Md5::digest(data).to_vec(),
        Algorithm::Sha1 => Sha1::digest(data).to_vec(),
        Algorithm::Sha256 => Sha256::digest(data).to_vec(),
        Algorithm::Sha384 => Sha384::digest(data).to_vec(),
        Algorithm::Sha512 => Sha512::digest(data).to_vec(),
    }
}

fn mac(algorithm: Algorithm, key: &Secret, data: &[u8]) -> Vec<u8> {
    /// HMAC takes a key of any length, so there is no error to speak of.
    macro_rules! under {
        ($digest:ty) => {
            Hmac::<$digest>::new_from_slice(key.expose().as_bytes())
                .map(|mac| mac.chain_update(data).finalize().into_bytes().to_vec())
                .unwrap_or_default()
        };
    }
    match algorithm {
        Algorithm::Md5 => under!(Md5),
        Algorithm::Sha1 => under!(Sha1),
        Algorithm::Sha256 => under!(Sha256),
        Algorithm::Sha384 => under!(Sha384),
        Algorithm::Sha512 => under!(Sha512),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hmac_is_that_of_rfc_4231() {
        let key = Secret::new("Jefe");
        let found = hex::encode(mac(
            Algorithm::Sha256,
            &key,
            b"what do ya want for nothing?",
        ));
        assert_eq!(
            found,
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn md5_is_that_of_rfc_1321() {
        assert_eq!(
            hex::encode(hash(Algorithm::Md5, b"abc")),
            "900150983cd24fb0d6963f7d28e17f72"
        );
    }
}
