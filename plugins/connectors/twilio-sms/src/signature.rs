//! `X-Twilio-Signature`: base64 of the HMAC-SHA1, under the auth token, of the URL followed by the
//! name and value of each form field, in the byte order of the names.
//!
//! Twilio signs the URL as it was told it, and is not always of one mind about its port and its
//! query; like Twilio's own libraries, any of these forms is accepted: with and without the port,
//! with the query as it stands and with `'` as `%27`. A body that is no form is signed by its
//! SHA-256 in the query (`bodySHA256`).

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jackfield_plugin::crypto::{self, Algorithm};
use jackfield_plugin::{form, prelude::*};

/// Whether the request is Twilio's.
pub(crate) fn is_valid(request: &WebhookRequest) -> Result<bool, Failure> {
    let signature = request
        .header("x-twilio-signature")
        .and_then(|text| STANDARD.decode(text.trim()).ok());
    let Some(signature) = signature else {
        return Ok(false);
    };

    let digest = form::parse(request.query().as_bytes())
        .into_iter()
        .find(|(name, _)| name == "bodySHA256");
    let fields = match digest {
        Some((_, digest)) => {
            let own = hex::encode(crypto::hash(Algorithm::Sha256, &request.body));
            if !own.eq_ignore_ascii_case(&digest) {
                return Ok(false);
            }
            String::new()
        }
        None => signed_fields(request),
    };
    for url in urls(&request.url) {
        let signed = format!("{url}{fields}");
        if crypto::verify(Algorithm::Sha1, "auth-token", signed.as_bytes(), &signature)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Names and values, sorted; of a repeated name the distinct values, sorted.
fn signed_fields(request: &WebhookRequest) -> String {
    if request.method != "POST" {
        return String::new(); // in the URL already
    }
    let mut fields: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, value) in request.form() {
        fields.entry(name).or_default().insert(value);
    }
    let pair = |name: &String, value: String| format!("{name}{value}");
    fields
        .into_iter()
        .flat_map(|(name, values)| values.into_iter().map(move |value| pair(&name, value)))
        .collect()
}

/// The forms of a URL that Twilio may have signed.
fn urls(url: &str) -> BTreeSet<String> {
    let Some((scheme, rest)) = url.split_once("://") else {
        return BTreeSet::from([url.to_owned()]);
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let has_port = |authority: &str| {
        authority.rsplit_once(':').is_some_and(|(_, port)| {
            !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    let (with, without) = match (has_port(authority), scheme) {
        (true, _) => (
            authority.to_owned(),
            authority
                .rsplit_once(':')
                .map_or("", |(host, _)| host)
                .to_owned(),
        ),
        (false, "http") => (format!("{authority}:80"), authority.to_owned()),
        (false, _) => (format!("{authority}:443"), authority.to_owned()),
    };
    let (path, query) = path
        .split_once('?')
        .map_or((path, None), |(path, query)| (path, Some(query)));
    let mut forms = BTreeSet::new();
    for authority in [with, without] {
        match query {
            None => {
                forms.insert(format!("{scheme}://{authority}{path}"));
            }
            Some(query) => {
                forms.insert(format!("{scheme}://{authority}{path}?{query}"));
                forms.insert(format!(
                    "{scheme}://{authority}{path}?{}",
                    query.replace('\'', "%27")
                ));
            }
        }
    }
    forms
}
