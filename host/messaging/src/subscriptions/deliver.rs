//! One try to deliver: look, sign, send, commit what came of it; and what that says of the receiver.
//!
//! What must hold: a delivery is tried by the owner of its bucket alone; a bucket that leaves is
//! drained of tries first (`outbox::Deliveries`); what is not committed is tried again. So a
//! receiver may be told twice, with the same id, and is never not told.

use super::record::{DEAD, DELIVERED, Data, PENDING, Try, end};
use super::sign::{self, signature};
use super::{DELIVERY, Subscribed};
use crate::context::Context;
use crate::error::{ErrorKind, Result};
use crate::secrets::Secrets;
use jackfield_egress::{Caller, Grant, HttpRequest, HttpResponse, NoSecrets, Target};
use jackfield_engine::NewEvent;
use jackfield_store::records::{Delivery, SubscriptionHealth, Timer};
use jackfield_store::{Commit, bucket_in};
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a receiver has for its whole answer.
const TIMEOUT: Duration = Duration::from_secs(15);
/// How long the dispatcher waits after an error of its own, in milliseconds.
pub(crate) const PAUSE: i64 = 1_000;
/// A receiver that has failed for so long, in milliseconds, is told nothing more.
const LONGEST_FAILURE: i64 = 5 * 24 * 60 * 60 * 1_000;
/// How many characters of the answer of a failed try are kept.
const ANSWER: usize = 500;
/// Under which name egress counts what is under way.
const WHO: &str = "subscriptions";

const OUTCOMES: &str = "jackfield_deliveries_total";

/// What becomes of a delivery's place in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    /// It is done, or its timer brings it back.
    Done,
    /// It is looked at again at that instant.
    Again(i64),
}

/// Tries a delivery. Never fails: what cannot be done now is done again.
pub(crate) async fn deliver(context: &Arc<Context>, id: &str) -> After {
    let bucket = bucket_in(DELIVERY, id).filter(|bucket| context.host.owns(*bucket));
    let Some(bucket) = bucket else {
        return After::Done;
    };
    let Some(_under_way) = context.deliveries.begin(bucket, id) else {
        return After::Done;
    };
    match attempt(context, bucket, id).await {
        Ok(()) => After::Done,
        Err(error) if matches!(error.kind, ErrorKind::Elsewhere { .. }) => After::Done,
        Err(error) => {
            tracing::warn!(delivery = id, %error, "the delivery could not be looked at; it is tried again");
            After::Again(context.now().saturating_add(PAUSE))
        }
    }
}

async fn attempt(context: &Arc<Context>, bucket: i32, id: &str) -> Result<()> {
    let Some(row) = context.row::<Delivery>(bucket, &[("id", id)]).await? else {
        return Ok(());
    };
    if row.state != PENDING {
        return Ok(());
    }
    let all = context.subscriptions(&row.workspace).await?;
    let Some(known) = all.iter().find(|one| one.row.id == row.subscription) else {
        // The subscription was deleted.
        return remove(context, bucket, id).await;
    };
    let now = context.now();
    let outcome = if known.is_active() {
        let body = Data::read(&row).body;
        send(context, known, &row.event, &body).await?
    } else {
        let said = "the subscription is disabled; enable it, and have this delivered again";
        Try::refused(now, "disabled", said)
    };
    if !known.is_active() {
        return record(context, bucket, id, &outcome, false, None).await;
    }
    let verdict = verdict(known, &outcome, now);
    let told = verdict.as_deref().map(|reason| farewell(known, reason));
    record(context, bucket, id, &outcome, true, told).await?;
    judge(context, known, &outcome, verdict).await
}

async fn remove(context: &Context, bucket: i32, id: &str) -> Result<()> {
    let guard = context.lock(bucket).await?;
    let mut commit = Commit::of(bucket);
    commit.delete::<Timer>([id.into()]);
    commit.delete::<Delivery>([id.into()]);
    Ok(context.host.commit(&guard, commit).await?)
}

/// Sends an event once.
///
/// # Errors
/// When the database cannot be asked for the secret; what the receiver does is no error.
pub(crate) async fn send(
    context: &Arc<Context>,
    known: &Subscribed,
    id: &str,
    body: &str,
) -> Result<Try> {
    let at = context.now();
    let Some(egress) = context.host.egress() else {
        return Ok(Try::refused(at, "unavailable", "this host sends nothing"));
    };
    let timestamp = at.div_euclid(1_000);
    let Some(signatures) = signatures(context, known, id, timestamp, body).await? else {
        let said = "the signing secret is gone; rotate it to get another";
        return Ok(Try::refused(at, "no-secret", said));
    };
    let grant = match grant(&known.row.url) {
        Ok(grant) => grant,
        Err(said) => return Ok(Try::refused(at, "invalid-url", said)),
    };
    let caller = Caller {
        plugin: WHO.to_owned(),
        grant: Arc::new(grant),
    };
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let request = HttpRequest {
        method: "POST".to_owned(),
        url: known.row.url.clone(),
        headers: vec![
            header("content-type", "application/json"),
            header("webhook-id", id),
            header("webhook-timestamp", &timestamp.to_string()),
            header("webhook-signature", &signatures),
        ],
        body: Some(body.as_bytes().to_vec().into()),
        timeout: Some(TIMEOUT),
        max_redirects: Some(0),
        ..HttpRequest::default()
    };
    let began = Instant::now();
    let caller = caller.on_behalf_of(&known.row.workspace);
    let answer = egress.http(&caller, request, &NoSecrets).await;
    let took = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(match answer {
        Ok(answer) => answered(at, took, &answer),
        Err(error) => Try {
            took,
            ..Try::refused(at, error.code(), error.to_string())
        },
    })
}

/// What may be reached: the subscription's own address, by this one method.
pub(crate) fn grant(url: &str) -> std::result::Result<Grant, String> {
    let url = url::Url::parse(url).map_err(|error| error.to_string())?;
    let target = Target::of(&url).map_err(|error| error.to_string())?;
    let rule = format!("POST {target}").parse();
    Ok(Grant {
        hosts: vec![rule.map_err(|error: jackfield_egress::HostRuleError| error.to_string())?],
        secrets: Vec::new(),
    })
}

/// By the secret, and for a while after a rotation by the one before.
async fn signatures(
    context: &Arc<Context>,
    known: &Subscribed,
    id: &str,
    timestamp: i64,
    body: &str,
) -> Result<Option<String>> {
    let row = &known.row;
    let secrets = Secrets::new(Arc::clone(context)).of(&row.workspace, &row.id);
    let mut signatures = Vec::new();
    let with_previous = row.previous_until.is_some_and(|end| end > context.now());
    let names = [Some(sign::SECRET), with_previous.then_some(sign::PREVIOUS)];
    for name in names.into_iter().flatten() {
        let secret = secrets.resolve(name).await;
        let secret = secret.map_err(|error| crate::Error::unavailable(error.to_string()))?;
        let signed = secret.and_then(|secret| signature(secret.expose(), id, timestamp, body));
        signatures.extend(signed);
    }
    Ok((!signatures.is_empty()).then(|| signatures.join(" ")))
}

fn answered(at: i64, took: u64, answer: &HttpResponse) -> Try {
    let status = answer.status;
    let mut one = Try {
        at,
        took,
        status: Some(status),
        ..Try::default()
    };
    if (200..300).contains(&status) {
        return one;
    }
    let (code, said) = match status {
        410 => ("gone", "the receiver wants nothing more".to_owned()),
        300..400 => (
            "redirect",
            format!("the receiver answered {status}: redirects are not followed"),
        ),
        _ => ("status", format!("the receiver answered {status}")),
    };
    one.code = Some(code.to_owned());
    one.error = Some(said);
    let text = String::from_utf8_lossy(&answer.body);
    let text: String = text.chars().take(ANSWER).collect();
    one.answer = Some(text).filter(|text| !text.is_empty());
    if matches!(status, 429 | 503) {
        let wish = answer
            .headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("retry-after"));
        let seconds = wish.and_then(|(_, value)| value.trim().parse::<u32>().ok());
        one.wish = seconds.map(|seconds| i64::from(seconds) * 1_000);
    }
    one
}

/// Commits how a try went, and the event that it raises. `again`: a failed one may be tried again.
async fn record(
    context: &Context,
    bucket: i32,
    id: &str,
    outcome: &Try,
    again: bool,
    raised: Option<NewEvent>,
) -> Result<()> {
    let guard = context.lock(bucket).await?;
    let row = context.row::<Delivery>(bucket, &[("id", id)]).await?;
    let Some(mut row) = row.filter(|row| row.state == PENDING) else {
        return Ok(());
    };
    let now = context.now();
    let mut data = Data::read(&row);
    data.tried(outcome.clone());
    let next = if outcome.arrived() || !again || outcome.status == Some(410) {
        None
    } else {
        data.next(now, outcome.wish)
    };
    let mut commit = Commit::of(bucket);
    let result = match next {
        _ if outcome.arrived() => {
            end(&mut row, DELIVERED, now);
            "delivered"
        }
        None => {
            end(&mut row, DEAD, now);
            "dead"
        }
        Some(due) => {
            row.due = due;
            row.updated_at = now;
            "failed"
        }
    };
    match next {
        Some(due) => commit.put(&Timer {
            bucket,
            id: id.to_owned(),
            kind: "delivery".to_owned(),
            due,
        }),
        None => commit.delete::<Timer>([id.into()]),
    };
    row.data = data.write();
    commit.put(&row);
    match raised {
        Some(event) => context.host.accept(&guard, vec![event], commit).await?,
        None => context.host.commit(&guard, commit).await?,
    }
    drop(guard);
    metrics::counter!(OUTCOMES, "outcome" => result).increment(1);
    if let Some(due) = next {
        context.host.wake(id, due);
    }
    Ok(())
}

/// Why a try was the last that the subscription gets, if it was.
fn verdict(known: &Subscribed, outcome: &Try, now: i64) -> Option<String> {
    if outcome.arrived() {
        return None;
    }
    if outcome.status == Some(410) {
        return Some("the receiver answered 410: it wants nothing more".to_owned());
    }
    let health = known.health.as_ref()?;
    let said = outcome.error.as_deref().unwrap_or_default();
    (now - health.failing_since >= LONGEST_FAILURE)
        .then(|| format!("nothing arrived for five days; the last try: {said}"))
}

/// The event of a subscription that is told nothing more. The address may have a secret in it, so
/// the event has the title alone.
fn farewell(known: &Subscribed, reason: &str) -> NewEvent {
    let row = &known.row;
    NewEvent {
        workspace: row.workspace.clone(),
        name: "subscription.disabled".to_owned(),
        contact: None,
        subject: Some(row.id.clone()),
        data: json!({"subscription": {"id": row.id, "title": row.title, "reason": reason}}),
        source: "timer".to_owned(),
    }
}

/// Keeps what a try says of the receiver: that it is well, since when it fails, or that it is told
/// nothing more, and why.
async fn judge(
    context: &Context,
    known: &Subscribed,
    outcome: &Try,
    verdict: Option<String>,
) -> Result<()> {
    let row = &known.row;
    let mut commit = Commit::control();
    if outcome.arrived() {
        if known.health.is_none() {
            return Ok(());
        }
        commit.delete::<SubscriptionHealth>([row.workspace.clone().into(), row.id.clone().into()]);
    } else {
        if verdict.is_none() && known.health.is_some() {
            return Ok(());
        }
        if let Some(reason) = &verdict {
            tracing::warn!(
                workspace = row.workspace,
                subscription = row.id,
                reason,
                "the subscription is disabled"
            );
            metrics::counter!("jackfield_subscriptions_disabled_total").increment(1);
        }
        let since = known.health.as_ref().map(|health| health.failing_since);
        commit.put(&SubscriptionHealth {
            workspace: row.workspace.clone(),
            subscription: row.id.clone(),
            failing_since: since.unwrap_or(outcome.at),
            disabled_at: verdict.as_ref().map(|_| context.now()),
            reason: verdict,
        });
    }
    context.store().commit(commit).await?;
    context.forget_subscriptions();
    Ok(())
}
