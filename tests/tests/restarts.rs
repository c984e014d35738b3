//! Restarts: whatever dies when, what was accepted goes on, and nothing is done twice.
//!
//! The host is killed as a power failure would (SIGKILL) and started again on the same data. The
//! moments of the kills are spread over the main job by waiting a little longer each time; where
//! exactly they hit differs from machine to machine, and what must hold does not.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_peers::Delivery;
use jackfield_tests::{CALLER, Office, call, phone, until};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

/// After so many milliseconds the host is killed.
const MOMENTS: [u64; 14] = [0, 3, 8, 15, 25, 40, 60, 90, 130, 180, 250, 350, 500, 800];

fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(now.as_millis()).unwrap()
}

/// Whether it was once said of a message that nobody knows. The provider's report may come after
/// that, and then it is known after all; the run has gone on with what was known.
fn was_uncertain(message: &Value) -> bool {
    let history = message["history"].as_array().into_iter().flatten();
    history.into_iter().any(|past| past["state"] == "uncertain")
}

/// How often each of the other side saw something of this caller.
#[derive(Debug, PartialEq)]
struct Seen {
    texts: usize,
    questions: usize,
    mails: usize,
    notes: usize,
}

fn seen(office: &Office, number: &str, agent: &str) -> Seen {
    let sms = office.gateway.messages().all();
    let of = |words: &str| {
        sms.iter()
            .filter(|s| s.to == number && s.body.contains(words))
            .count()
    };
    let mails = office.mailbox.mails().all();
    let notes = office.crm.requests().all();
    Seen {
        texts: of("Sorry we missed"),
        questions: of("call you back?"),
        mails: mails
            .iter()
            .filter(|mail| mail.to.iter().any(|to| to == agent))
            .count(),
        // A repetition that the CRM recognised by its key is not done twice.
        notes: notes
            .iter()
            .filter(|one| one.json["phone"] == number && !one.repeat)
            .count(),
    }
}

#[tokio::test]
async fn a_kill_at_any_moment_of_the_main_job_loses_nothing_and_repeats_nothing() {
    let mut office = Office::open().await;
    let example = office.example();
    assert!(example.contains("within: 2m"));
    office
        .api()
        .publish(&example.replace("within: 2m", "within: 15s"))
        .await;
    let mut ends = Vec::new();
    for (n, moment) in MOMENTS.into_iter().enumerate() {
        let (number, agent) = (phone(n), format!("agent-{n}@example.com"));
        let mut data = call();
        data["agent"]["email"] = agent.clone().into();
        let run = office.ring(&number, data).await;
        tokio::time::sleep(Duration::from_millis(moment)).await;
        office.host.restart().await;

        let rests = |run: &Value| {
            let state = run["state"].as_str().unwrap_or_default();
            let asked = state == "waiting" && run["step"] == "ask-when";
            asked || matches!(state, "completed" | "failed" | "needs-attention")
        };
        let stands = office
            .api()
            .run_until(&run, "at the question or over", rests)
            .await;
        if stands["state"] == "waiting" {
            // The question may still be on its way; it, or the news that nobody knows.
            let got = until("the question, or that it is uncertain", async || {
                if seen(&office, &number, &agent).questions > 0 {
                    return Some(true);
                }
                let run = office.api().run(&run).await;
                (run["state"] != "waiting").then_some(false)
            })
            .await;
            if got {
                office.write(&number, "2").await;
            }
        }
        let end = office.api().over(&run).await;
        let seen = seen(&office, &number, &agent);
        let messages = office.api().messages(&run).await;
        let uncertain = messages.iter().filter(|one| was_uncertain(one)).count();
        let story = format!("killed after {moment} ms: {seen:?}, {end:#}, {messages:#?}");
        assert!(
            seen.texts <= 1 && seen.questions <= 1 && seen.mails <= 1,
            "twice: {story}"
        );
        assert!(seen.notes <= 1, "twice: {story}");
        match end["state"].as_str() {
            Some("completed") => {
                assert_eq!(seen.notes, 1, "{story}");
                // What did not arrive is a message of which nobody knows.
                let missing = 3 - seen.texts - seen.questions - seen.mails;
                assert!(missing <= uncertain, "lost: {story}");
            }
            Some("failed") => assert!(uncertain > 0, "it failed without a reason: {story}"),
            _ => panic!("{story}"),
        }
        ends.push(format!(
            "{moment} ms: {} ({uncertain} uncertain)",
            end["state"]
        ));
    }
    // For people who wonder whether the kills hit anything.
    println!("{}", ends.join("\n"));
}

#[tokio::test]
async fn a_question_that_waits_outlives_the_host() {
    let mut office = Office::open().await;
    office.api().publish(&office.example()).await;
    let run = office.ring(CALLER, call()).await;
    office.text(CALLER, "call you back?").await;
    office.api().waiting_at(&run, "ask-when").await;
    until("all messages to have arrived", async || {
        let all = office.api().messages(&run).await;
        let there = |one: &Value| one["status"] == "delivered" || one["status"] == "accepted";
        (all.len() == 3 && all.iter().all(there)).then_some(())
    })
    .await;
    let before = office.api().timeline(&run).await;
    for _ in 0..2 {
        office.host.restart().await;
    }
    let after = office.api().timeline(&run).await;
    assert_eq!(before, after, "a run's past never changes");
    office.write(CALLER, "1").await;
    office.api().completed(&run).await;
    assert_eq!(
        office.crm.requests().all()[0].json["call_back"],
        "This morning"
    );
    assert_eq!(office.crm.requests().count(), 1);
    assert_eq!(office.gateway.messages().count(), 2);
    let whole = office.api().timeline(&run).await;
    assert_eq!(&whole[..before.len()], before, "a run's past never changes");
}

#[tokio::test]
async fn a_provider_that_repeats_a_message_after_a_restart_is_heard_once() {
    let mut office = Office::open().await;
    office.api().publish(&office.example()).await;
    let run = office.ring(CALLER, call()).await;
    office.text(CALLER, "call you back?").await;
    office.api().waiting_at(&run, "ask-when").await;
    office.api().accepted(&run).await;
    let mut answer = jackfield_peers::Inbound::text(CALLER, jackfield_tests::OFFICE, "2");
    answer.sid = Some("SM0123456789abcdef0123456789abcdef".to_owned());
    assert_eq!(office.gateway.deliver(&answer).await.unwrap().status, 200);
    office.host.restart().await;
    assert_eq!(office.gateway.deliver(&answer).await.unwrap().status, 200);
    office.api().completed(&run).await;
    let contact = format!(
        "/v1/messages?contact=phone:%2B{}&status=received",
        &CALLER[1..]
    );
    assert_eq!(office.api().all(&contact).await.len(), 1);
    assert_eq!(office.crm.requests().count(), 1);
}

#[tokio::test]
async fn a_timer_that_fell_due_while_the_host_was_down_fires_at_once_and_none_fires_early() {
    let mut office = Office::open().await;
    let waits = |name: &str, time: &str| {
        format!(
            "name: {name}\ntrigger: {{event: {name}.wanted}}\nsteps:\n  \
             pause: {{uses: wait@1, with: {{for: {time}}}}}\n"
        )
    };
    office.api().publish(&waits("short", "2s")).await;
    office.api().publish(&waits("long", "12s")).await;
    let who = Some("email:ann@example.com");
    let short = office.api().start("short.wanted", who, json!({})).await;
    let long = office.api().start("long.wanted", who, json!({})).await;
    let until_of = |run: &Value| run["waiting"]["until"].as_i64().unwrap();
    let short_due = until_of(&office.api().waiting_at(&short, "pause").await);
    let long_due = until_of(&office.api().waiting_at(&long, "pause").await);
    office.host.kill();
    until("the short timer to be due", async || {
        (now() > short_due).then_some(())
    })
    .await;
    office.host.begin().await;
    let begun = now();
    let woken_at = async |office: &Office, run: &str| {
        office.api().completed(run).await;
        let timeline = office.api().timeline(run).await;
        let woken = timeline
            .iter()
            .find(|entry| entry["kind"] == "woken")
            .unwrap();
        assert_eq!(woken["data"]["by"], "timer");
        woken["at"].as_i64().unwrap()
    };
    let short_at = woken_at(&office, &short).await;
    assert!(
        short_at >= short_due && short_at <= begun + 5_000,
        "{short_due} {begun} {short_at}"
    );
    let long_at = woken_at(&office, &long).await;
    assert!(
        long_at >= long_due,
        "it fired {} ms early",
        long_due - long_at
    );
}

#[tokio::test]
async fn what_was_acknowledged_before_a_kill_is_there_after_it() {
    let mut office = Office::open().await;
    office
        .api()
        .publish(
            "name: keep\ntrigger: {event: keep.wanted}\nsteps:\n  \
             pause: {uses: wait@1, with: {for: 1h}}\n",
        )
        .await;
    let mut runs = Vec::new();
    for n in 0..20 {
        let contact = format!("email:user-{n}@example.com");
        runs.push(
            office
                .api()
                .start("keep.wanted", Some(&contact), json!({"n": n}))
                .await,
        );
    }
    office.host.restart().await;
    for (n, run) in runs.iter().enumerate() {
        let found = office.api().waiting_at(run, "pause").await;
        assert_eq!(found["trigger"]["n"], n, "{found:#}");
    }
}

#[tokio::test]
async fn a_host_that_is_asked_to_stop_ends_in_good_order_and_goes_on_afterwards() {
    let mut office = Office::open().await;
    office.api().publish(&office.example()).await;
    let run = office.ring(CALLER, call()).await;
    // In the middle of things: what is under way reaches its next commit.
    let ended = office.host.stop().await;
    assert_eq!(ended.code(), Some(0), "{}", office.host.log());
    office.host.begin().await;
    office.text(CALLER, "call you back?").await;
    office.api().waiting_at(&run, "ask-when").await;
    office.write(CALLER, "1").await;
    office.api().completed(&run).await;
    assert_eq!(office.gateway.messages().count(), 2);
    assert_eq!(office.mailbox.mails().count(), 1);
    assert_eq!(office.crm.requests().count(), 1);
}

#[tokio::test]
async fn what_a_provider_reports_to_a_host_that_is_stopping_is_not_lost() {
    let mut office = Office::open().await;
    office.api().publish(&office.example()).await;
    office.gateway.set_delivery(CALLER, Delivery::Held);
    let run = office.ring(CALLER, call()).await;
    let text = office.text(CALLER, "Sorry we missed").await;
    until("the text to be accepted", async || {
        let all = office.api().messages(&run).await;
        all.iter()
            .any(|one| one["status"] == "accepted")
            .then_some(())
    })
    .await;
    // A call that is not answered keeps the host from ending.
    let slow = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}/", slow.local_addr().unwrap());
    let slowly = format!(
        "name: slowly\ntrigger: {{event: slowly.wanted}}\nsteps:\n  \
         ask: {{uses: http-request@1, with: {{method: PUT, url: \"{url}\"}}}}\n"
    );
    office.api().publish(&slowly).await;
    let slow_run = office.api().start("slowly.wanted", None, json!({})).await;
    let (mut called, _) = slow.accept().await.unwrap();

    let (host, gateway) = (&mut office.host, &office.gateway);
    let api = host.api.clone();
    let stopping = async {
        until("the host to say that it stops", async || {
            let asked = api.request(reqwest::Method::GET, "/readyz").send().await;
            asked
                .is_ok_and(|answer| !answer.status().is_success())
                .then_some(())
        })
        .await;
        gateway.set_delivery(CALLER, Delivery::Delivered);
        gateway.call_back(&text.sid, "delivered", None).await;
        called
            .write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
            .await
            .unwrap();
    };
    let (ended, ()) = tokio::join!(host.stop(), stopping);
    assert_eq!(ended.code(), Some(0), "{}", office.host.log());
    let reported = office.gateway.callbacks().all();
    assert_eq!(reported.last().unwrap().answered, Some(200), "{reported:?}");
    office.host.begin().await;
    // It waited for this very report; without it, it would for two minutes.
    office.text(CALLER, "call you back?").await;
    office.api().waiting_at(&run, "ask-when").await;
    office.api().completed(&slow_run).await;
}
