//! Unsubscribe links: signed, so that nobody makes one for somebody else; shown on GET, acted on
//! by POST only, because mail scanners follow links (RFC 8058 posts
//! `List-Unsubscribe=One-Click` to the same address).
//!
//! A link says who (an address), from whom (workspace and channel) and in which message it stood.
//! It has no end: a mail may be opened years later.

use crate::contacts::{merge, resolve};
use crate::context::Context;
use crate::error::Result;
use crate::opt_out::{self, ACCOUNT, Saying};
use crate::secret_key::mac;
use crate::status;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jackfield_engine::NewEvent;
use jackfield_store::{Commit, bucket_in};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// The longest token that is looked at.
const LONGEST: usize = 4_096;

/// What a link says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Claim {
    #[serde(rename = "w")]
    workspace: String,
    #[serde(rename = "a")]
    address: String,
    #[serde(rename = "c")]
    channel: String,
    #[serde(rename = "m")]
    message: String,
}

/// A page and its HTTP status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsubscribePage {
    /// 200; 400 for a link that is not ours.
    pub status: u16,
    /// HTML.
    pub html: String,
}

/// The link of a message for one address.
pub(crate) fn link(
    context: &Context,
    workspace: &str,
    address: &str,
    channel: &str,
    message: &str,
) -> String {
    let claim = Claim {
        workspace: workspace.to_owned(),
        address: address.to_owned(),
        channel: channel.to_owned(),
        message: message.to_owned(),
    };
    let said = serde_json::to_vec(&claim).unwrap_or_default();
    let signature = mac(key(context).as_slice(), &said);
    format!(
        "{}/u/{}.{}",
        context.options.public_url.trim_end_matches('/'),
        URL_SAFE_NO_PAD.encode(&said),
        URL_SAFE_NO_PAD.encode(signature)
    )
}

fn key(context: &Context) -> zeroize::Zeroizing<[u8; 32]> {
    context.key.derive("jackfield unsubscribe 1")
}

/// What a token says, if it is ours.
fn read(context: &Context, token: &str) -> Option<Claim> {
    if token.len() > LONGEST {
        return None;
    }
    let (said, signature) = token.split_once('.')?;
    let said = URL_SAFE_NO_PAD.decode(said).ok()?;
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    let right = mac(key(context).as_slice(), &said);
    if !bool::from(right.as_slice().ct_eq(&signature)) {
        return None;
    }
    serde_json::from_slice(&said).ok()
}

/// The pages behind unsubscribe links.
#[derive(Clone)]
pub struct Unsubscribe {
    context: Arc<Context>,
}

impl Unsubscribe {
    pub(crate) fn new(context: Arc<Context>) -> Unsubscribe {
        Unsubscribe { context }
    }

    /// GET: asks for confirmation, changes nothing.
    pub fn page(&self, token: &str) -> UnsubscribePage {
        match read(&self.context, token) {
            None => forged(),
            Some(claim) => shown(
                200,
                "Unsubscribe",
                &format!(
                    "<p>Do you want to stop messages to <strong>{}</strong>?</p>\
                     <form method=\"post\"><button type=\"submit\">Unsubscribe</button></form>",
                    html_escape::encode_text(&claim.address)
                ),
            ),
        }
    }

    /// POST, from the page or by one click: opts out. Doing it again changes nothing.
    ///
    /// # Errors
    /// `unavailable`: the same request may succeed later.
    pub async fn confirm(&self, token: &str) -> Result<UnsubscribePage> {
        let context = &*self.context;
        let Some(claim) = read(context, token) else {
            return Ok(forged());
        };
        let settings = context.settings(&claim.workspace).await?;
        let scope = opt_out::scope(settings.opt_out_scope, &claim.channel);
        let saying = Saying {
            workspace: &claim.workspace,
            address: &claim.address,
            scope,
            source: "link",
            text: Some(&claim.message),
        };
        if opt_out::set(context, &saying).await? {
            self.tell(&claim, scope).await?;
        }
        Ok(shown(
            200,
            "You are unsubscribed",
            &format!(
                "<p>No more messages will be sent to <strong>{}</strong>.</p>",
                html_escape::encode_text(&claim.address)
            ),
        ))
    }

    /// Raises the event, about the contact where there is one.
    async fn tell(&self, claim: &Claim, scope: &str) -> Result<()> {
        let context = &*self.context;
        let message = status::message(context, &claim.message).await?;
        let contact = match message.and_then(|message| message.contact.clone()) {
            Some(id) => merge::current(context, &claim.workspace, &id)
                .await?
                .map(|row| row.id),
            None => None,
        };
        let home = contact.as_deref().and_then(|id| bucket_in("ctc", id));
        let Some(bucket) = home.or_else(|| bucket_in("msg", &claim.message)) else {
            return Ok(());
        };
        let event = NewEvent {
            workspace: claim.workspace.clone(),
            name: "contact.opted-out".to_owned(),
            contact: contact.clone(),
            subject: contact.is_none().then(|| claim.message.clone()),
            data: json!({"opt_out": {
                "address": claim.address,
                "scope": if scope == ACCOUNT { "account" } else { "channel" },
                "channel_id": claim.channel,
                "source": "link",
                "message_id": claim.message,
            }}),
            source: claim.channel.clone(),
        };
        if let Some(id) = contact {
            let Some(locked) = resolve::lock(context, &claim.workspace, &id).await? else {
                return Ok(());
            };
            context
                .host
                .accept(&locked.guard, vec![event], Commit::of(bucket))
                .await?;
            return Ok(());
        }
        let guard = context.lock(bucket).await?;
        context
            .host
            .accept(&guard, vec![event], Commit::of(bucket))
            .await?;
        Ok(())
    }
}

fn forged() -> UnsubscribePage {
    shown(
        400,
        "This link does not work",
        "<p>It is incomplete or was changed on the way. Open the link in the message once more, \
         or answer the message with STOP.</p>",
    )
}

fn shown(status: u16, title: &str, body: &str) -> UnsubscribePage {
    let html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"robots\" content=\"noindex\"><title>{title}</title>\
         <style>body{{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:4rem auto;\
         padding:0 1rem;color:#1a1a1a;background:#fff}}button{{font:inherit;padding:.6rem 1.4rem;\
         border:0;border-radius:.4rem;background:#1a4fa3;color:#fff;cursor:pointer}}</style></head>\
         <body><main><h1>{title}</h1>{body}</main></body></html>\n"
    );
    UnsubscribePage { status, html }
}
