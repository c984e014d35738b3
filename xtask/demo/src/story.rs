//! The story: a call is missed, and what Jackfield makes of it.
//!
//! Every command is one that an operator would type; what is shown of the other side is what
//! arrived there. In the middle the host is killed while the question waits for its answer.

use crate::host::Host;
use crate::peers::{ACCOUNT_SID, AUTH_TOKEN, Peers};
use anyhow::{Context, Result, ensure};
use jackfield_peers::{Callback, Sms};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

/// Who calls.
const CALLER: &str = "+33612345678";
/// The number that is called, and that texts are sent from.
const OFFICE: &str = "+33140000000";
/// How long the other side may take to see something.
const PATIENCE: Duration = Duration::from_secs(60);

/// Sets the host up: contact field, template, channels, workflow.
pub(crate) async fn set_up(host: &Host, peers: &Peers, examples: &Path) -> Result<()> {
    chapter("What an operator sets up once");
    let token = secret_file(host, "gateway-token", AUTH_TOKEN)?;
    let password = secret_file(host, "mailbox-password", &peers.mailbox.password)?;
    host.show(&["contact-field", "put", "preferred_time", "--kind", "text"])
        .await?;
    let template = examples.join("missed-call.template.html");
    host.show(&[
        "template",
        "put",
        "missed-call",
        &template.display().to_string(),
        "--subject",
        "Missed call from $call.caller_number",
    ])
    .await?;
    host.show(&[
        "channel",
        "create",
        "main-sms",
        "--connector",
        "twilio-sms@1",
        "--set",
        &format!("account-sid={ACCOUNT_SID}"),
        "--set",
        &format!("from={OFFICE}"),
        "--set",
        &format!("base-url={}", peers.gateway.url),
        "--secret-file",
        &format!("auth-token={token}"),
    ])
    .await?;
    host.show(&[
        "channel",
        "create",
        "office-mail",
        "--connector",
        "smtp-email@1",
        "--settings",
        &json!({
            "host": "127.0.0.1",
            "port": peers.mailbox.port,
            "tls": "none",
            "username": peers.mailbox.username,
            "from-address": "office@example.com",
            "from-name": "The office",
        })
        .to_string(),
        "--secret-file",
        &format!("password={password}"),
    ])
    .await?;
    host.show(&["channel", "test", "main-sms"]).await?;
    host.show(&["channel", "test", "office-mail"]).await?;
    peers.gateway.own(OFFICE);
    host.show(&["channel", "connect", "main-sms"]).await?;

    let source = std::fs::read_to_string(examples.join("missed-call.yaml"))?;
    let workflow = host.data().join("missed-call.yaml");
    std::fs::write(
        &workflow,
        source.replace("https://crm.example.com", &peers.crm.url),
    )?;
    host.show(&[
        "workflow",
        "put",
        &workflow.display().to_string(),
        "--publish",
    ])
    .await?;
    Ok(())
}

/// Sends the event and the answer; gives the run's id.
pub(crate) async fn tell(host: &mut Host, peers: &Peers) -> Result<String> {
    chapter("A call ends");
    let call = json!({
        "call": {
            "caller_number": CALLER,
            "called_number": OFFICE,
            "status": "missed",
            "duration": 7,
            "start": "2026-11-20T09:59:53Z",
            "number_type": "dynamic",
            "area": "Paris",
            "first_url": "https://www.example.com/pricing",
            "last_url": "https://www.example.com/contact?from=pricing",
            "referrer": "https://search.example.net/",
        },
        "agent": {"name": "Ann", "email": "ann@example.com"},
        "account": {"id": "paris"},
    });
    let contact = format!("phone:{CALLER}");
    let data = call.to_string();
    println!("\n$ jackfield event send call.ended --contact {contact} --data '{data}'");
    let accepted = host
        .run(&[
            "event",
            "send",
            "call.ended",
            "--contact",
            &contact,
            "--data",
            &data,
            "--json",
        ])
        .await?;
    let accepted: Value = serde_json::from_str(&accepted)?;
    let run = accepted["runs"][0]
        .as_str()
        .context("the event started no run")?
        .to_owned();
    println!("started run {run}");

    let sent = peers
        .gateway
        .messages()
        .until("the question on the phone", PATIENCE, |sent| {
            asked(sent).is_some()
        })
        .await?;
    let question = asked(&sent).context("the question was asked")?.clone();
    let from = question.from.clone();
    // Delivered, and the host knows it: from here on it waits for the answer alone.
    let known = |callbacks: &[Callback]| {
        callbacks.iter().any(|callback| {
            callback.sid == question.sid
                && callback.status == "delivered"
                && callback.answered == Some(200)
        })
    };
    peers
        .gateway
        .callbacks()
        .until("the question's delivery", PATIENCE, known)
        .await?;
    chapter("The caller has two texts, the agent a mail");
    for sms in peers.gateway.messages().all() {
        println!(
            "to {} from {} [{}]\n    {}",
            sms.to, sms.from, sms.status, sms.body
        );
    }
    for mail in peers.mailbox.mails().all() {
        println!(
            "mail to {} from {}: {}",
            mail.to.join(", "),
            mail.from,
            mail.subject
        );
        for line in mail
            .text
            .as_deref()
            .unwrap_or_default()
            .lines()
            .filter(|l| !l.trim().is_empty())
        {
            println!("    {line}");
        }
    }

    chapter("The host is killed (kill -9) while the question waits, and started again");
    host.kill().await?;
    host.start().await?;

    chapter("The caller answers \"2\"");
    let answered = peers.gateway.reply(CALLER, &from, "2").await?;
    println!("the webhook was answered {}", answered.status);
    let told = peers.crm.requests().at_least(1, PATIENCE).await?;
    chapter("The CRM was told");
    for request in &told {
        println!(
            "{} {} key {:?}",
            request.method, request.path, request.idempotency_key
        );
        println!("    {}", request.json);
    }
    ensure!(told.len() == 1, "the CRM was told {} times", told.len());
    ensure!(
        told[0].json["call_back"] == "This afternoon",
        "the CRM was told another answer: {}",
        told[0].json
    );
    Ok(run)
}

/// Shows the run, and says whether it completed as it should.
pub(crate) async fn check(host: &Host, peers: &Peers, run: &str) -> Result<()> {
    let mut state = Value::Null;
    for _ in 0..100 {
        state = serde_json::from_str(&host.run(&["run", "show", run, "--json"]).await?)?;
        if state["run"]["state"] == "completed" || state["state"] == "completed" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    chapter("The run's timeline");
    host.show(&["run", "show", run]).await?;
    let completed = state["run"]["state"] == "completed" || state["state"] == "completed";
    ensure!(completed, "the run did not complete: {state}");
    ensure!(
        peers.gateway.messages().count() == 2,
        "not two texts were sent"
    );
    ensure!(peers.mailbox.mails().count() == 1, "not one mail was sent");
    ensure!(
        peers.gateway.messages().all()[0]
            .body
            .contains("Unsubscribe here: http"),
        "the first text has no unsubscribe link"
    );
    Ok(())
}

/// The question among the texts that were sent.
fn asked(sent: &[Sms]) -> Option<&Sms> {
    sent.iter().find(|sms| sms.body.contains("call you back?"))
}

fn secret_file(host: &Host, name: &str, value: &str) -> Result<String> {
    let path = host.data().join(name);
    std::fs::write(&path, value)?;
    Ok(path.display().to_string())
}

fn chapter(title: &str) {
    println!("\n== {title}");
}
