//! The step `http-request` in the whole program: methods, bodies, headers, what is mapped and what is
//! missing, both branches, tries, limits, and that a host does not ask itself.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_peers::{Answer, Crm};
use jackfield_tests::{Api, Host, Lab, PATIENCE, free_port};
use serde_json::{Value, json};

const ANN: &str = "email:ann@example.com";

/// A workflow of one request, with a branch for its failure.
fn document(name: &str, settings: &Value) -> Value {
    json!({
        "name": name, "trigger": {"event": "manual"},
        "steps": {"ask": {"uses": "http-request@1", "with": settings, "branches": {"failure": "end"}}},
    })
}

/// Publishes such a workflow and runs it to its end.
async fn request(api: &Api, name: &str, settings: Value) -> Value {
    let document = document(name, &settings);
    api.put(&format!("/v1/workflows/{name}"), document)
        .await
        .ok();
    api.post(&format!("/v1/workflows/{name}/publish"), json!({}))
        .await
        .ok();
    api.put(&format!("/v1/contacts/{ANN}"), json!({"firstname": "Ann"}))
        .await
        .ok();
    let run = api.start_by_hand(name, ANN).await;
    api.over(&run).await
}

#[tokio::test]
async fn every_method_and_every_kind_of_body_arrives_as_it_was_set() {
    let host = Host::start().await;
    let api = &host.api;
    let crm = Crm::start().await.unwrap();
    let url = format!("{}/people", crm.url);
    for (method, body, kind, sent, key) in [
        ("GET", json!({}), None, "", false),
        ("HEAD", json!({}), None, "", false),
        ("OPTIONS", json!({}), None, "", false),
        ("DELETE", json!({}), None, "", false),
        (
            "POST",
            json!({"body": {"name": "$contact.firstname", "n": 1}}),
            Some("application/json"),
            r#"{"n":1,"name":"Ann"}"#,
            true,
        ),
        (
            "PUT",
            json!({"body": "Hi $contact.firstname"}),
            Some("text/plain; charset=utf-8"),
            "Hi Ann",
            false,
        ),
        (
            "PATCH",
            json!({"form": {"name": "$contact.firstname & co", "id": [1, 2]}}),
            Some("application/x-www-form-urlencoded"),
            "id=1&id=2&name=Ann+%26+co",
            true,
        ),
        (
            "POST",
            json!({"body": "<a/>", "content-type": "text/xml"}),
            Some("text/xml"),
            "<a/>",
            true,
        ),
    ] {
        let mut settings = json!({
            "method": method, "url": format!("{url}?by=$contact.firstname"), "query": {"q": "a b", "ids": [1, 2]},
            "headers": {"X-Who": "$contact.firstname", "Accept": "application/json"},
        });
        for (name, value) in body.as_object().unwrap() {
            settings[name] = value.clone();
        }
        let before = crm.requests().count();
        let over = request(api, "ask", settings).await;
        assert_eq!(over["state"], "completed", "{method}: {over:#}");
        let came = crm.requests().at_least(before + 1, PATIENCE).await.unwrap();
        let came = &came[before];
        assert_eq!(
            (came.method.as_str(), came.path.as_str()),
            (method, "/people?by=Ann&ids=1&ids=2&q=a+b")
        );
        assert_eq!(came.header("x-who"), Some("Ann"));
        assert_eq!(came.header("content-type"), kind, "{method}");
        assert_eq!(String::from_utf8_lossy(&came.body), sent);
        assert_eq!(came.idempotency_key.is_some(), key, "{method}");
    }
}

#[tokio::test]
async fn parts_of_the_answer_become_variables_and_what_is_missing_stays_unset() {
    let host = Host::start().await;
    let api = &host.api;
    let crm = Crm::start().await.unwrap();
    let answer = json!({
        "phone": "+33612345678", "custom_fields": {"firstName": "Ann", "a.b": 7},
        "addresses": [{"city": "Paris"}, {"city": "Rome"}], "vip": true, "none": null,
    });
    crm.answer_next(Answer::new(200, answer.clone()));
    let over = request(
        api,
        "map",
        json!({
            "url": crm.url, "save-status": "status",
            "map": {
                "phone": "$.phone", "first": "$.custom_fields.firstName", "dotted": "$.custom_fields['a.b']",
                "city": "$.addresses[1].city", "last": "$.addresses[-1].city", "all": "$.addresses",
                "vip": "$.vip", "gone": "$.custom_fields.lastName", "far": "$.addresses[7].city", "nothing": "$.none",
            },
        }),
    )
    .await;
    assert_eq!(over["state"], "completed", "{over:#}");
    assert_eq!(
        over["variables"],
        json!({
            "status": 200, "phone": "+33612345678", "first": "Ann", "dotted": 7, "city": "Rome", "last": "Rome",
            "all": answer["addresses"], "vip": true,
        })
    );
    let output = &over["outputs"]["ask"];
    assert_eq!(
        (
            &output["status"],
            &output["body"],
            &output["headers"]["content-type"]
        ),
        (&json!(200), &answer, &json!("application/json"))
    );
}

#[tokio::test]
async fn a_bad_answer_takes_the_failure_branch_with_what_it_says() {
    let host = Host::start().await;
    let api = &host.api;
    let crm = Crm::start().await.unwrap();
    for status in [301, 400, 404, 500] {
        crm.answer_next(Answer::new(status, json!({"error": {"code": "nobody"}})));
        let settings =
            json!({"url": crm.url, "save-status": "status", "map": {"code": "$.error.code"}});
        let over = request(api, "bad", settings).await;
        assert_eq!(
            (&over["state"], &over["reason"]),
            (&json!("completed"), &json!("failure")),
            "{over:#}"
        );
        assert_eq!(
            over["variables"],
            json!({"status": status, "code": "nobody"})
        );
        assert_eq!(over["outputs"]["ask"]["status"], status);
    }
    // Without the branch the run fails.
    crm.answer_next(Answer::new(404, json!({})));
    api.publish(&format!(
        "name: strict\ntrigger: {{event: manual}}\nsteps:\n  ask: {{uses: http-request@1, with: {{url: \"{}\"}}}}\n",
        crm.url
    ))
    .await;
    let run = api.start_by_hand("strict", ANN).await;
    assert_eq!(api.over(&run).await["state"], "failed");
    // Nobody listens.
    let nobody = format!("http://127.0.0.1:{}/", free_port());
    let over = request(api, "nobody", json!({"url": nobody})).await;
    assert_eq!(
        over["outputs"]["ask"]["error"]["code"], "connect",
        "{over:#}"
    );
    // More than the most that is read, and more redirects than are followed.
    crm.answer_next(Answer::new(200, json!("x".repeat(1 << 20))));
    let over = request(api, "large", json!({"url": crm.url})).await;
    assert_eq!(
        over["outputs"]["ask"]["error"]["code"], "too-large",
        "{over:#}"
    );
    for _ in 0..4 {
        let mut away = Answer::new(302, json!({}));
        away.headers = vec![("location".to_owned(), format!("{}/on", crm.url))];
        crm.answer_next(away);
    }
    let over = request(api, "round", json!({"url": crm.url})).await;
    let code = &over["outputs"]["ask"]["error"]["code"];
    assert_eq!(code, "too-many-redirects", "{over:#}");
}

#[tokio::test]
async fn a_busy_service_is_asked_again_with_the_same_key_and_not_before_it_wishes() {
    let host = Host::start().await;
    let api = &host.api;
    let crm = Crm::start().await.unwrap();
    let mut busy = Answer::new(429, json!({}));
    busy.headers = vec![("retry-after".to_owned(), "2".to_owned())];
    crm.answer_next(busy);
    crm.answer_next(Answer::new(503, json!({})));
    api.publish(&format!(
        "name: again\ntrigger: {{event: manual}}\nsteps:\n  ask:\n    uses: http-request@1\n    \
         with: {{method: POST, url: \"{}/x\", body: {{a: 1}}, retries: 2, save-status: status}}\n    \
         retry: {{attempts: 2, first: 10ms}}\n",
        crm.url
    ))
    .await;
    api.put(&format!("/v1/contacts/{ANN}"), json!({}))
        .await
        .ok();
    let run = api.start_by_hand("again", ANN).await;
    let over = api.completed(&run).await;
    assert_eq!(over["variables"]["status"], 201);
    let came = crm.requests().all();
    assert_eq!(came.len(), 3);
    let key = came[0].idempotency_key.clone().expect("a key");
    assert!(
        came.iter()
            .all(|one| one.idempotency_key.as_ref() == Some(&key))
    );
    let timeline = api.timeline(&run).await;
    let failed: Vec<&Value> = timeline
        .iter()
        .filter(|entry| entry["kind"] == "step-failed")
        .collect();
    assert_eq!(failed.len(), 2, "{timeline:#?}");
    let pause = failed[0]["data"]["retry-at"].as_i64().unwrap() - failed[0]["at"].as_i64().unwrap();
    assert!(pause >= 2_000, "{pause} ms");
    assert_eq!(failed[0]["data"]["failure"]["code"], "http-429");
    // Another step has another key.
    crm.answer_next(Answer::new(201, json!({})));
    let run = api.start_by_hand("again", ANN).await;
    api.completed(&run).await;
    assert_ne!(crm.requests().all()[3].idempotency_key, Some(key));
}

#[tokio::test]
async fn five_retries_are_six_requests_and_the_last_answer_is_the_output() {
    let lab = Lab::open(&["http-request", "wait"]).await;
    for (retries, tries) in [(0, 1), (3, 4), (5, 6)] {
        let crm = Crm::start().await.unwrap();
        for n in 0..10 {
            crm.answer_next(Answer::new(503, json!({"n": n})));
        }
        lab.publish(&format!(
            "name: ask-{retries}\ntrigger: {{event: ask.wanted{retries}}}\nsteps:\n  ask:\n    uses: http-request@1\n    \
             with: {{url: \"{}/x\", retries: {retries}, map: {{n: $.n}}}}\n    branches: {{failure: end}}\n",
            crm.url
        ))
        .await
        .unwrap();
        let event = format!("ask.wanted{retries}");
        let run = lab.start(&event, &lab.contact(1), json!({})).await;
        for n in 0..retries {
            crm.requests().at_least(n + 1, PATIENCE).await.unwrap();
            let waiting = lab.in_state(&run, "waiting").await.waiting.unwrap();
            let now = jackfield_engine::Clock::now(&lab.clock);
            assert!(waiting.until > now);
            lab.clock.advance(waiting.until - now);
            crm.requests().at_least(n + 2, PATIENCE).await.unwrap();
            lab.until(&run, "past the try", |run| {
                run.waiting
                    .as_ref()
                    .is_none_or(|other| other.until > waiting.until)
                    && run.state != "running"
            })
            .await;
        }
        let over = lab.in_state(&run, "completed").await;
        assert_eq!(crm.requests().count(), tries);
        assert_eq!(over.reason.as_deref(), Some("failure"));
        let over = serde_json::to_value(over).unwrap();
        assert_eq!(over["variables"]["n"], json!(tries - 1), "{over:#}");
    }
}

#[tokio::test]
async fn a_host_does_not_ask_itself_by_any_of_its_addresses_or_by_a_detour() {
    let mut host = Host::start_with(&["--public-url", "https://jack.example.com/in"]).await;
    let api = host.api.clone();
    let crm = Crm::start().await.unwrap();
    let port = host.url().rsplit(':').next().unwrap().to_owned();
    let mut detour = Answer::new(307, json!({}));
    detour.headers = vec![("location".to_owned(), format!("{}/v1/events", host.url()))];
    crm.answer_next(detour);
    for url in [
        format!("{}/v1/events", host.url()),
        format!("http://2130706433:{port}/healthz"),
        format!("http://localhost:{port}/v1/runs"),
        "https://jack.example.com/hooks/x".to_owned(),
        "https://JACK.example.com.:443/".to_owned(),
        format!("{}/away", crm.url),
    ] {
        let settings = json!({"method": "POST", "url": url, "body": {}});
        let over = request(&api, "itself", settings).await;
        let error = &over["outputs"]["ask"]["error"];
        assert_eq!(error["code"], "address-refused", "{url}: {over:#}");
        assert!(
            error["message"]
                .as_str()
                .unwrap()
                .contains("trigger-workflow"),
            "{error}"
        );
    }
    assert_eq!(crm.requests().count(), 1);
    host.kill();
}

#[tokio::test]
async fn a_secret_is_named_and_never_shown() {
    let host = Host::start().await;
    let api = &host.api;
    let crm = Crm::start().await.unwrap();
    let secret = "a value that must not be seen 4712";
    api.put("/v1/secrets/crm-token", json!({"value": secret}))
        .await;
    let settings = json!({
        "method": "POST", "url": format!("{}/x", crm.url), "form": {"key": "{{secret:crm-token}}"},
        "headers": {"X-Token": "{{secret:crm-token}}"},
    });
    let over = request(api, "secret", settings.clone()).await;
    let error = over["outputs"]["ask"]["error"].clone();
    assert_eq!(error["code"], "denied", "not granted yet: {over:#}");
    let mut approve = api.get("/v1/plugins/http-request").await.ok()["asked"].clone();
    approve["secrets"] = json!({"crm-token": {"hosts": [crm.url], "places": ["header", "body"]}});
    api.post(
        "/v1/plugins/http-request/grant",
        json!({"approve": approve}),
    )
    .await
    .ok();
    crm.answer_next(Answer::new(200, json!({"you-sent": secret})));
    let over = request(api, "secret", settings).await;
    assert_eq!(over["state"], "completed", "{over:#}");
    let came = crm.requests().all();
    assert_eq!(came[0].header("x-token"), Some(secret));
    assert_eq!(
        String::from_utf8_lossy(&came[0].body),
        format!("key={}", secret.replace(' ', "+"))
    );
    let run = over["id"].as_str().unwrap();
    for text in [
        over.to_string(),
        json!(api.timeline(run).await).to_string(),
        host.log(),
    ] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[tokio::test]
async fn settings_past_their_limits_are_refused() {
    let host = Host::start().await;
    let api = &host.api;
    let many = |n: usize| -> Value {
        (0..n)
            .map(|n| (format!("x{n}"), json!("$.a")))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    let url = "https://crm.example.com/";
    for (settings, said) in [
        (json!({}), "`url` is missing"),
        (json!({"url": "not an address"}), "url"),
        (json!({"url": url, "method": "TRACE"}), "method"),
        (json!({"url": url, "headers": many(11)}), "headers"),
        (json!({"url": url, "map": many(11)}), "map"),
        (
            json!({"url": url, "map": {"Not a name": "$.a"}}),
            "Not a name",
        ),
        (json!({"url": url, "save-status": "$status"}), "save-status"),
        (json!({"url": url, "retries": 6}), "retries"),
        (json!({"url": url, "max-redirects": 4}), "max-redirects"),
        (
            json!({"url": url, "body": {}, "form": {"a": 1}}),
            "`body` is not allowed here",
        ),
    ] {
        api.put("/v1/workflows/wrong", document("wrong", &settings))
            .await
            .ok();
        let refused = api.post("/v1/workflows/wrong/publish", json!({})).await;
        let refused = refused.refused(422, "invalid-document").to_string();
        assert!(refused.contains(said), "{settings}: {refused}");
    }
    let most = json!({"url": url, "headers": many(10), "map": many(10), "retries": 5, "max-redirects": 3, "timeout": "120s"});
    api.put("/v1/workflows/most", document("most", &most))
        .await
        .ok();
    api.post("/v1/workflows/most/publish", json!({})).await.ok();
    for (settings, said) in [
        (json!({"url": url, "timeout": "0s"}), "timeout"),
        (json!({"url": url, "timeout": "120001ms"}), "timeout"),
        (json!({"url": url, "map": {"a": "$..a"}}), "map.a"),
    ] {
        let over = request(api, "late", settings.clone()).await;
        let error = over["outputs"]["ask"]["error"].to_string();
        assert!(
            error.contains(said) && error.contains("invalid-config"),
            "{settings}: {error}"
        );
    }
}
