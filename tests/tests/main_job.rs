//! The main job, end to end: a call that ends becomes a durable run of sandboxed steps that texts
//! the caller, mails the agent, asks a question and tells the CRM; who starts it and who does not, and
//! each way that the question may go.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_tests::{CALLER, OFFICE, Office, PATIENCE, call, phone, until};
use serde_json::{Value, json};

/// The kinds of a timeline, each once, in the order of their first occurrence.
fn kinds(timeline: &[Value]) -> Vec<&str> {
    let mut kinds = Vec::new();
    for kind in timeline.iter().filter_map(|entry| entry["kind"].as_str()) {
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    kinds
}

/// The address behind "Unsubscribe here: " in a text.
fn link(text: &str) -> String {
    let (_, link) = text
        .split_once("Unsubscribe here: ")
        .expect("an unsubscribe link");
    link.split_whitespace()
        .next()
        .expect("an address")
        .to_owned()
}

#[tokio::test]
async fn a_missed_call_reaches_the_caller_the_agent_and_the_crm() {
    let office = Office::open().await;
    let api = office.api();
    api.publish(&office.example()).await;
    let run = office.ring(CALLER, call()).await;

    let sorry = office
        .text(CALLER, "Sorry we missed your call, there.")
        .await;
    assert_eq!(sorry.from, OFFICE);
    assert!(
        link(&sorry.body).starts_with(&format!("{}/u/", office.host.url())),
        "{}",
        sorry.body
    );
    let mails = office.mailbox.mails().at_least(1, PATIENCE).await.unwrap();
    assert_eq!(mails[0].to, ["ann@example.com"]);
    assert_eq!(mails[0].from, "Missed calls <office@example.com>");
    let html = mails[0].html.as_deref().unwrap();
    for words in [
        "hung up after 7 seconds",
        "Paris",
        "workflow missed-call",
        CALLER,
    ] {
        assert!(html.contains(words), "{words} is missing in {html}");
    }
    assert!(
        mails[0]
            .text
            .as_deref()
            .unwrap()
            .contains("hung up after 7 seconds")
    );

    let question = office.text(CALLER, "call you back?").await;
    assert!(question.body.contains("This morning") && question.body.contains("This afternoon"));
    let waiting = api.waiting_at(&run, "ask-when").await;
    assert_eq!(waiting["waiting"]["for"], "events");
    office.write(CALLER, "2").await;

    let told = office.crm.requests().at_least(1, PATIENCE).await.unwrap();
    assert_eq!(
        (told[0].method.as_str(), told[0].path.as_str()),
        ("POST", "/calls")
    );
    assert!(told[0].idempotency_key.is_some());
    assert_eq!(
        told[0].json,
        json!({
            "phone": CALLER, "agent": "Ann", "duration": 7, "area": "Paris",
            "call_back": "This afternoon",
        })
    );
    let run_at_its_end = api.completed(&run).await;
    assert_eq!(run_at_its_end["variables"]["crm_id"], "crm-1");
    assert_eq!(run_at_its_end["variables"]["crm_status"], 201);
    let contact = api.get(&format!("/v1/contacts/phone:{CALLER}")).await.ok();
    assert_eq!(contact["preferred_time"], "This afternoon");

    // Each of the other side saw each thing once.
    assert_eq!(office.gateway.messages().count(), 2);
    assert_eq!(office.mailbox.mails().count(), 1);
    assert_eq!(office.crm.requests().count(), 1);

    let timeline = api.timeline(&run).await;
    let kinds = kinds(&timeline);
    for kind in [
        "run-started",
        "waiting",
        "woken",
        "step-finished",
        "call-started",
        "run-finished",
    ] {
        assert!(kinds.contains(&kind), "{kind} is missing in {kinds:?}");
    }
    let numbers: Vec<i64> = timeline
        .iter()
        .filter_map(|entry| entry["seq"].as_i64())
        .collect();
    assert_eq!(
        numbers,
        (0..numbers.len() as i64).collect::<Vec<_>>(),
        "the journal has gaps"
    );

    // An operator understands the run without a log.
    let shown = office.host.cli(["run", "show", &run]).await.ok();
    for words in [
        "text-caller",
        "tell-agent",
        "ask-when",
        "tell-crm",
        "completed",
        "delivered",
        "http.fetch",
    ] {
        assert!(
            shown.contains(words),
            "`run show` does not say {words}:\n{shown}"
        );
    }
}

#[tokio::test]
async fn a_call_that_fails_one_criterion_starts_nothing_and_the_record_says_why() {
    let office = Office::open().await;
    let api = office.api();
    api.publish(&office.example()).await;
    let failing = [
        ("status", json!({"status": "answered"})),
        ("duration", json!({"duration": 20})),
        ("number_type", json!({"number_type": "static"})),
        (
            "first_url",
            json!({"first_url": "https://www.example.com/", "last_url": "/about"}),
        ),
        ("referrer", json!({"referrer": "android-app://search"})),
    ];
    for (n, (field, change)) in failing.into_iter().enumerate() {
        let mut data = call();
        for (name, value) in change.as_object().unwrap() {
            data["call"][name] = value.clone();
        }
        let contact = format!("phone:{}", phone(n));
        let accepted = api.event("call.ended", Some(&contact), data).await;
        assert_eq!(accepted["runs"], json!([]), "{field}");
        let skipped = &accepted["skipped"][0];
        assert_eq!(
            (skipped["workflow"].as_str(), skipped["reason"].as_str()),
            (Some("missed-call"), Some("condition"))
        );
        let why = skipped["detail"].to_string();
        assert!(why.contains(&format!("call.{field}")), "{field}: {why}");

        let decisions = api
            .get(&format!("/v1/contacts/{contact}/decisions"))
            .await
            .ok();
        assert_eq!(decisions["items"][0]["kind"], "trigger", "{decisions:#}");
        assert_eq!(decisions["items"][0]["reason"], "condition");
        assert_eq!(decisions["items"][0]["subject"], accepted["id"]);
    }
    assert_eq!(office.gateway.messages().count(), 0);
}

#[tokio::test]
async fn accounts_out_of_scope_start_nothing() {
    let office = Office::open().await;
    let api = office.api();
    for (name, scope) in [
        ("only-paris", "{only: [paris]}"),
        ("not-lyon", "{except: [lyon]}"),
    ] {
        api.publish(&format!(
            "name: {name}\ntrigger:\n  event: call.ended\n  accounts: {scope}\n\
             steps:\n  stay: {{uses: wait@1, with: {{for: 1h}}}}\n"
        ))
        .await;
    }
    let begun = async |n: usize, account: &str| {
        let mut data = call();
        data["account"] = json!({"id": account});
        let accepted = api
            .event("call.ended", Some(&format!("phone:{}", phone(n))), data)
            .await;
        let skipped = accepted["skipped"].as_array().unwrap().clone();
        for one in &skipped {
            assert_eq!(one["reason"], "account-scope", "{one:#}");
        }
        let names: Vec<String> = skipped
            .iter()
            .map(|one| one["workflow"].as_str().unwrap().to_owned())
            .collect();
        (accepted["runs"].as_array().unwrap().len(), names)
    };
    assert_eq!(begun(1, "paris").await, (2, vec![]));
    assert_eq!(begun(2, "nice").await, (1, vec!["only-paris".to_owned()]));
    let (started, mut skipped) = begun(3, "lyon").await;
    skipped.sort();
    assert_eq!(
        (started, skipped),
        (0, vec!["not-lyon".to_owned(), "only-paris".to_owned()])
    );
}

#[tokio::test]
async fn a_contact_starts_a_workflow_once_where_it_says_so_and_never_twice_at_the_same_time() {
    let office = Office::open().await;
    let api = office.api();
    api.publish(
        "name: once\ntrigger: {event: user.signed-up, once-per-contact: true}\n\
         steps:\n  a: {uses: wait@1, with: {until: \"2020-01-01 00:00\"}}\n",
    )
    .await;
    api.publish(
        "name: one-at-a-time\ntrigger: {event: user.came-by}\n\
         steps:\n  a: {uses: wait@1, with: {for: 1h}}\n",
    )
    .await;
    let who = Some("email:ann@example.com");
    let first = api.start("user.signed-up", who, json!({})).await;
    api.completed(&first).await;
    let again = api.event("user.signed-up", who, json!({})).await;
    assert_eq!(
        again["skipped"][0]["reason"], "once-per-contact",
        "{again:#}"
    );
    assert_eq!(again["skipped"][0]["detail"]["run"], first.as_str());
    api.start("user.signed-up", Some("email:bob@example.com"), json!({}))
        .await;

    let active = api.start("user.came-by", who, json!({})).await;
    let second = api.event("user.came-by", who, json!({})).await;
    assert_eq!(
        second["skipped"][0]["reason"], "already-enrolled",
        "{second:#}"
    );
    assert_eq!(second["skipped"][0]["detail"]["run"], active.as_str());
}

#[tokio::test]
async fn hostile_names_are_text_in_a_mail() {
    let office = Office::open().await;
    let api = office.api();
    api.publish(&office.example()).await;
    let name = "<script>alert(1)</script>";
    let contact = json!({"phone": CALLER, "firstname": name});
    assert_eq!(api.post("/v1/contacts", contact).await.status, 201);
    let mut data = call();
    data["agent"]["name"] = json!("Ann\"><img src=x onerror=alert(2)>");
    data["call"]["area"] = json!("</td></table><iframe src=//evil.example>");
    office.ring(CALLER, data).await;

    let mails = office.mailbox.mails().at_least(1, PATIENCE).await.unwrap();
    let html = mails[0].html.as_deref().unwrap();
    for tag in ["<script", "<img", "<iframe"] {
        assert!(!html.contains(tag), "{tag} got through: {html}");
    }
    assert!(html.contains("&lt;script&gt;alert(1)"), "{html}");
    // In plain text and in the subject there is nothing to escape.
    assert_eq!(mails[0].subject, format!("Missed call from {name}"));
    // Nor in an SMS.
    office
        .text(CALLER, &format!("Sorry we missed your call, {name}."))
        .await;
}

#[tokio::test]
async fn an_answer_that_is_none_is_asked_for_again_and_then_taken() {
    let office = Office::open().await;
    office.api().publish(&office.example()).await;
    let run = office.ring(CALLER, call()).await;
    office.text(CALLER, "call you back?").await;
    office.api().waiting_at(&run, "ask-when").await;
    office.write(CALLER, "maybe never").await;
    let what = "the question again";
    office
        .gateway
        .messages()
        .until(what, PATIENCE, |all| all.len() == 3)
        .await
        .unwrap();
    office.write(CALLER, "this MORNING").await;
    office.api().completed(&run).await;
    let told = office.crm.requests().all();
    assert_eq!(told[0].json["call_back"], "This morning");
}

#[tokio::test]
async fn a_question_that_is_answered_wrong_too_often_takes_its_branch() {
    let office = Office::open().await;
    office.api().publish(&office.example()).await;
    let run = office.ring(CALLER, call()).await;
    for n in 2..=3 {
        let asked = |all: &[jackfield_peers::Sms]| all.len() == n;
        office
            .gateway
            .messages()
            .until("the question", PATIENCE, asked)
            .await
            .unwrap();
        office.api().waiting_at(&run, "ask-when").await;
        office.write(CALLER, "what?").await;
    }
    office.api().completed(&run).await;
    assert_eq!(
        office.crm.requests().all()[0].json["call_back"],
        "no answer"
    );
    let timeline = office.api().timeline(&run).await;
    let left = |entry: &&Value| entry["step"] == "ask-when" && entry["kind"] == "step-finished";
    assert_eq!(
        timeline.iter().find(left).unwrap()["data"]["branch"],
        "invalid"
    );
}

#[tokio::test]
async fn without_an_answer_in_time_the_run_takes_the_timeout_branch() {
    let office = Office::open().await;
    let example = office.example();
    assert!(example.contains("timeout: 2h"));
    office
        .api()
        .publish(&example.replace("timeout: 2h", "timeout: 1s"))
        .await;
    let run = office.ring(CALLER, call()).await;
    office.api().completed(&run).await;
    assert_eq!(
        office.crm.requests().all()[0].json["call_back"],
        "no answer"
    );
    let timeline = office.api().timeline(&run).await;
    let at = |kind: &str| {
        let fits = |entry: &&Value| entry["step"] == "ask-when" && entry["kind"] == kind;
        timeline
            .iter()
            .rfind(fits)
            .unwrap_or_else(|| panic!("no {kind}: {timeline:#?}"))
    };
    assert_eq!(at("step-finished")["data"]["branch"], "timeout");
    let (waiting, woken) = (at("waiting"), at("woken"));
    assert_eq!(woken["data"]["by"], "timer");
    assert!(
        woken["at"].as_i64() >= waiting["data"]["until"].as_i64(),
        "the timer fired early"
    );
}

#[tokio::test]
async fn a_workflow_that_is_deactivated_starts_nothing_and_aborts_what_waits() {
    let office = Office::open().await;
    let api = office.api();
    api.publish(&office.example()).await;
    let run = office.ring(CALLER, call()).await;
    api.waiting_at(&run, "ask-when").await;
    let stopped = api
        .post("/v1/workflows/missed-call/deactivate", json!({}))
        .await
        .ok();
    assert_eq!(
        (&stopped["aborted"], &stopped["workflow"]["state"]),
        (&json!(0), &json!("stopped"))
    );
    let other = api
        .event("call.ended", Some(&format!("phone:{}", phone(9))), call())
        .await;
    assert_eq!(other["runs"], json!([]));
    assert_eq!(
        api.run(&run).await["state"],
        "waiting",
        "runs under way go on"
    );
    let aborted = api
        .post(
            "/v1/workflows/missed-call/deactivate",
            json!({"abort": true}),
        )
        .await;
    assert_eq!(aborted.ok()["aborted"], 1);
    assert_eq!(api.over(&run).await["state"], "cancelled");
    // The answer comes too late, and does no harm.
    office.write(CALLER, "1").await;
    assert_eq!(api.run(&run).await["state"], "cancelled");
    assert_eq!(office.crm.requests().count(), 0);
    let texts = until("the metrics", async || Some(api.get("/metrics").await.text)).await;
    assert!(texts.contains("jackfield_runs_started_total"), "{texts}");
}
