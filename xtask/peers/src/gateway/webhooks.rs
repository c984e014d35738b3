//! What the gateway sends to the host: status callbacks and inbound messages, as form posts with
//! `X-Twilio-Signature`.

use super::{Delivery, Shared, Sms, new_sid, segments};
use crate::{Error, twilio_sign};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::time::Duration;

/// How long one webhook request may take: Twilio's own read timeout.
const PATIENCE: Duration = Duration::from_secs(15);

/// A callback without an answer is tried this often, [`PAUSE`] apart.
const ATTEMPTS: u32 = 40;

/// The time between two attempts.
const PAUSE: Duration = Duration::from_millis(250);

/// The words that stop and start a sender, as Twilio keeps them for long codes by default.
const STOP_WORDS: [&str; 6] = ["STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT"];
const START_WORDS: [&str; 3] = ["START", "UNSTOP", "YES"];
const HELP_WORDS: [&str; 2] = ["HELP", "INFO"];

/// A status callback that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback {
    /// The message.
    pub sid: String,
    /// `queued`, `sent`, `delivered`, `undelivered`, `failed`.
    pub status: String,
    /// Where it went.
    pub url: String,
    /// The host's answer; nothing where it never answered.
    pub answered: Option<u16>,
}

/// How an inbound webhook is signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Signing {
    /// With the account's token.
    #[default]
    Right,
    /// With another token.
    Wrong,
    /// Not at all.
    Missing,
}

/// An inbound message that the gateway is to deliver.
#[derive(Clone, Debug, Default)]
pub struct Inbound {
    /// The contact's number.
    pub from: String,
    /// The account's number.
    pub to: String,
    /// The text.
    pub body: String,
    /// Address and content type of each medium.
    pub media: Vec<(String, String)>,
    /// The message's sid; a new one where there is none. Giving one twice is a provider's repeat.
    pub sid: Option<String>,
    /// How it is signed.
    pub signing: Signing,
    /// Parameters besides the usual ones (`("ProfileName", "Ann")`).
    pub more: Vec<(String, String)>,
}

impl Inbound {
    /// A text, signed right.
    #[must_use]
    pub fn text(from: &str, to: &str, body: &str) -> Self {
        Self {
            from: from.to_owned(),
            to: to.to_owned(),
            body: body.to_owned(),
            ..Self::default()
        }
    }
}

/// The host's answer to an inbound message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The sid under which the message was delivered.
    pub sid: String,
    /// The HTTP status.
    pub status: u16,
    /// The content type, where there is one.
    pub content_type: Option<String>,
    /// The body: TwiML, or nothing.
    pub body: String,
}

/// The client for webhooks. Without proxies of the environment: everything is on loopback.
#[expect(
    clippy::expect_used,
    reason = "fails only where TLS has no roots, and this has none to load"
)]
pub(super) fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .timeout(PATIENCE)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent("TwilioProxy/1.1")
        .build()
        .expect("a client without proxies and certificates")
}

/// The time as the API writes it (RFC 2822).
pub(super) fn now() -> String {
    let now = Timestamp::now().to_zoned(TimeZone::UTC);
    jiff::fmt::rfc2822::to_string(&now).unwrap_or_default()
}

/// Takes a message through its states, a callback for each.
pub(super) async fn progress(state: &Shared, message: &Sms, delivery: Delivery) {
    let steps: &[(&str, Option<u32>)] = match delivery {
        Delivery::Delivered => &[("queued", None), ("sent", None), ("delivered", None)],
        Delivery::Undelivered(code) => &[
            ("queued", None),
            ("sent", None),
            ("undelivered", Some(code)),
        ],
        Delivery::Failed(code) => &[("queued", None), ("failed", Some(code))],
        Delivery::Held => &[],
    };
    for (status, error_code) in steps {
        call_back(state, message, status, *error_code).await;
    }
}

/// Sends one status callback, again while nobody answers.
pub(super) async fn call_back(
    state: &Shared,
    message: &Sms,
    status: &str,
    error_code: Option<u32>,
) {
    state.messages.change(|all| {
        if let Some(kept) = all.iter_mut().find(|kept| kept.sid == message.sid) {
            kept.status = status.to_owned();
            kept.error_code = error_code;
        }
    });
    let Some(url) = &message.status_callback else {
        return;
    };
    let mut parameters = pairs(&[
        ("AccountSid", &state.account_sid),
        ("ApiVersion", "2010-04-01"),
        ("From", &message.from),
        ("MessageSid", &message.sid),
        ("MessageStatus", status),
        ("SmsSid", &message.sid),
        ("SmsStatus", status),
        ("To", &message.to),
    ]);
    if let Some(code) = error_code {
        parameters.push(("ErrorCode".to_owned(), code.to_string()));
    }
    let mut answered = None;
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        if let Ok(response) = post(state, url, &parameters, Signing::Right).await {
            answered = Some(response.status().as_u16());
            break;
        }
    }
    state.callbacks.push(Callback {
        sid: message.sid.clone(),
        status: status.to_owned(),
        url: url.clone(),
        answered,
    });
}

/// Delivers an inbound message to the webhook of the number that it was written to.
pub(super) async fn deliver(state: &Shared, inbound: &Inbound) -> Result<Reply, Error> {
    let webhook = state
        .desk()
        .numbers
        .get(&inbound.to)
        .and_then(|number| number.webhook.clone());
    let Some(url) = webhook else {
        return Err(Error::NoWebhook {
            number: inbound.to.clone(),
        });
    };
    let sid = inbound.sid.clone().unwrap_or_else(|| new_sid("SM"));
    let mut parameters = pairs(&[
        ("AccountSid", &state.account_sid),
        ("ApiVersion", "2010-04-01"),
        ("Body", &inbound.body),
        ("From", &inbound.from),
        ("MessageSid", &sid),
        ("NumMedia", &inbound.media.len().to_string()),
        ("NumSegments", &segments::count(&inbound.body).to_string()),
        ("SmsMessageSid", &sid),
        ("SmsSid", &sid),
        ("SmsStatus", "received"),
        ("To", &inbound.to),
    ]);
    for (place, (address, content_type)) in inbound.media.iter().enumerate() {
        parameters.push((format!("MediaUrl{place}"), address.clone()));
        parameters.push((format!("MediaContentType{place}"), content_type.clone()));
    }
    if let Some(kind) = keyword(state, inbound) {
        parameters.push(("OptOutType".to_owned(), kind.to_owned()));
    }
    parameters.extend(inbound.more.iter().cloned());

    let failed = |source| Error::Webhook {
        url: url.clone(),
        source,
    };
    let response = post(state, &url, &parameters, inbound.signing)
        .await
        .map_err(failed)?;
    let content_type = response.headers().get("content-type");
    Ok(Reply {
        sid,
        status: response.status().as_u16(),
        content_type: content_type
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned),
        body: response.text().await.map_err(failed)?,
    })
}

/// Keeps STOP and START as the gateway does for its customers, and names the word's kind as an
/// account with advanced opt-out sees it.
fn keyword(state: &Shared, inbound: &Inbound) -> Option<&'static str> {
    let word = inbound.body.trim().to_ascii_uppercase();
    let pair = (inbound.to.clone(), inbound.from.clone());
    if STOP_WORDS.contains(&word.as_str()) {
        state.desk().stopped.insert(pair);
        Some("STOP")
    } else if START_WORDS.contains(&word.as_str()) {
        state.desk().stopped.remove(&pair).then_some("START")
    } else {
        HELP_WORDS.contains(&word.as_str()).then_some("HELP")
    }
}

async fn post(
    state: &Shared,
    url: &str,
    parameters: &[(String, String)],
    signing: Signing,
) -> Result<reqwest::Response, reqwest::Error> {
    let mut request = state.client.post(url).header(
        "I-Twilio-Idempotency-Token",
        uuid::Uuid::new_v4().to_string(),
    );
    request = match signing {
        Signing::Right => request.header(
            "X-Twilio-Signature",
            twilio_sign(&state.auth_token, url, parameters),
        ),
        Signing::Wrong => request.header(
            "X-Twilio-Signature",
            twilio_sign("another token", url, parameters),
        ),
        Signing::Missing => request,
    };
    request.form(parameters).send().await
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}
