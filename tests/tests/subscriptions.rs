//! Subscriptions: what reaches a web server that is told of events, judged by the standard's own
//! library; what happens where it fails, and that what was acknowledged reaches it after a kill.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jackfield_tests::{Api, Cluster, Host, until};
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

const ROOT: &str = "/v1/webhook-subscriptions";

/// A request as it came.
#[derive(Clone, Debug)]
struct Told {
    headers: HeaderMap,
    body: Bytes,
}

impl Told {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn id(&self) -> &str {
        self.headers["webhook-id"].to_str().unwrap()
    }

    /// Whether the standard's library takes it under this secret.
    fn is_signed_by(&self, secret: &str) -> bool {
        let webhook = Webhook::new(secret).unwrap();
        webhook.verify(&self.body, &self.headers).is_ok()
    }
}

#[derive(Default)]
struct Held {
    told: Vec<Told>,
    /// What is answered next; 204 when nothing is left.
    answers: VecDeque<(u16, HeaderMap)>,
}

/// A web server that is told of events.
struct Receiver {
    address: SocketAddr,
    held: Arc<Mutex<Held>>,
    serving: tokio::task::JoinHandle<()>,
}

async fn take(State(held): State<Arc<Mutex<Held>>>, headers: HeaderMap, body: Bytes) -> Response {
    let mut held = held.lock().unwrap();
    held.told.push(Told { headers, body });
    let (status, headers) = held
        .answers
        .pop_front()
        .unwrap_or((204, HeaderMap::default()));
    (StatusCode::from_u16(status).unwrap(), headers, "as asked").into_response()
}

impl Receiver {
    async fn start() -> Receiver {
        Receiver::at("127.0.0.1:0".parse().unwrap()).await
    }

    async fn at(address: SocketAddr) -> Receiver {
        let held = Arc::new(Mutex::new(Held::default()));
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(take).with_state(Arc::clone(&held));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Receiver {
            address,
            held,
            serving,
        }
    }

    fn url(&self) -> String {
        format!("http://{}/events", self.address)
    }

    fn answers(&self, status: u16, header: Option<(&'static str, &str)>) {
        let mut headers = HeaderMap::new();
        if let Some((name, value)) = header {
            headers.insert(name, value.parse().unwrap());
        }
        let mut held = self.held.lock().unwrap();
        held.answers.push_back((status, headers));
    }

    fn told(&self) -> Vec<Told> {
        self.held.lock().unwrap().told.clone()
    }

    async fn until(&self, count: usize) -> Vec<Told> {
        until(&format!("{count} deliveries"), async || {
            let told = self.told();
            (told.len() >= count).then_some(told)
        })
        .await
    }
}

/// Makes a subscription; gives its id and its secret.
async fn subscribe(api: &Api, body: Value) -> (String, String) {
    let made = api.post(ROOT, body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let text = |field: &str| made.json[field].as_str().unwrap().to_owned();
    (text("id"), text("secret"))
}

/// A delivery of the subscription in this state, once there is one.
async fn delivery(api: &Api, id: &str, state: &str) -> Value {
    delivery_of(api, id, state, |_| true).await
}

/// The newest delivery of the subscription in this state that is as asked, once there is one.
async fn delivery_of(api: &Api, id: &str, state: &str, fits: impl Fn(&Value) -> bool) -> Value {
    let path = format!("{ROOT}/{id}/deliveries?state={state}");
    until(&format!("a delivery that is {state}"), async || {
        api.all(&path).await.into_iter().find(&fits)
    })
    .await
}

async fn state_of(api: &Api, id: &str, state: &str) -> Value {
    until(&format!("the subscription to be {state}"), async || {
        let shown = api.get(&format!("{ROOT}/{id}")).await.ok();
        (shown["state"] == state).then_some(shown)
    })
    .await
}

#[tokio::test]
async fn an_event_arrives_signed_as_the_standard_has_it() {
    let host = Host::start().await;
    let api = &host.api;
    let receiver = Receiver::start().await;
    let body =
        json!({"url": receiver.url(), "title": "CRM", "events": ["newContact", "order.paid"]});
    let (id, secret) = subscribe(api, body).await;
    let contact = json!({"email": "ann@example.com", "firstname": "{{secret:crm}} \u{e9}"});
    let ann = api.post("/v1/contacts", contact).await.ok()["id"].clone();
    let told = receiver.until(1).await;
    let first = &told[0];
    assert!(first.is_signed_by(&secret), "{first:?}");
    let (_, other) = subscribe(
        api,
        json!({"url": receiver.url(), "events": ["call.ended"]}),
    )
    .await;
    assert!(!first.is_signed_by(&other), "by another's secret");
    let body = first.json();
    assert_eq!(body["type"], "contact.created");
    assert_eq!(body["data"]["id"], first.id());
    assert_eq!(body["data"]["workspace"], "main");
    assert_eq!(body["data"]["source"], "api");
    assert_eq!(body["data"]["contact"]["id"], ann);
    let name = &body["data"]["contact"]["firstname"];
    assert_eq!(name, "{{secret:crm}} \u{e9}", "no place of a secret");
    let time: &str = body["timestamp"].as_str().unwrap();
    assert!(time.ends_with('Z') && time.contains('T'), "{time}");

    // An event of one's own is its id's, which is the delivery's.
    let event = api
        .event(
            "order.paid",
            Some("email:ann@example.com"),
            json!({"total": 12}),
        )
        .await;
    let told = receiver.until(2).await;
    assert_eq!(told[1].id(), event["id"].as_str().unwrap());
    assert_eq!(told[1].json()["data"]["event"]["total"], 12);
    let paid = |one: &Value| one["name"] == "order.paid";
    let there = delivery_of(api, &id, "delivered", paid).await;
    assert_eq!(there["attempts"], 1);
    assert_eq!(there["tries"][0]["status"], 204);
    // Letter by letter what was sent.
    assert_eq!(
        there["body"].as_str().unwrap().as_bytes(),
        &told[1].body[..]
    );

    // What nobody subscribed to is not told.
    api.event("order.lost", None, json!({})).await;
    api.event("order.paid", None, json!({})).await;
    let told = receiver.until(3).await;
    assert_eq!(told[2].json()["type"], "order.paid");

    // The contact's history goes with the contact.
    api.delete("/v1/contacts/email:ann@example.com").await;
    let left = api.all(&format!("{ROOT}/{id}/deliveries?limit=10")).await;
    assert_eq!(left.len(), 1, "{left:#?}");
    assert_eq!(left[0]["contact"], Value::Null);
}

#[tokio::test]
async fn a_rotated_secret_signs_beside_the_new_one() {
    let host = Host::start().await;
    let api = &host.api;
    let receiver = Receiver::start().await;
    let (id, old) = subscribe(api, json!({"url": receiver.url(), "events": ["*"]})).await;
    let path = format!("{ROOT}/{id}/rotate-secret");
    let rotated = api.post(&path, json!({})).await.ok();
    let new = rotated["secret"].as_str().unwrap();
    assert_ne!(new, old);
    assert!(rotated["previous-secret-until"].as_i64().is_some());
    let tested = api.post(&format!("{ROOT}/{id}/test"), json!({})).await.ok();
    assert_eq!(tested["delivered"], true, "{tested:#}");
    assert_eq!(tested["status"], 204);
    let told = receiver.until(1).await;
    assert!(told[0].is_signed_by(&old) && told[0].is_signed_by(new));
    assert_eq!(told[0].json()["type"], "webhook.test");
    let signatures = told[0].headers["webhook-signature"].to_str().unwrap();
    assert_eq!(signatures.split(' ').count(), 2, "{signatures}");
    // Nobody reads a secret back, and it is not kept for repetitions.
    let shown = api.get(&format!("{ROOT}/{id}")).await.ok();
    assert_eq!(shown["secret"], Value::Null);
}

#[tokio::test]
async fn filters_and_workspaces_keep_events_back() {
    let host = Host::start().await;
    let api = &host.api;
    api.post("/v1/workspaces", json!({"id": "lyon"})).await.ok();
    let lyon = api.in_workspace("lyon");
    let receiver = Receiver::start().await;
    let ours = json!({"url": receiver.url(), "events": ["contactUpdated", "contactTagUpdated"],
        "sources": ["api"], "fields": ["lastname"]});
    let (id, _) = subscribe(api, ours).await;
    let theirs = Receiver::start().await;
    subscribe(&lyon, json!({"url": theirs.url(), "events": ["*"]})).await;
    api.publish(
        "name: tagger\ntrigger: {event: vip.wanted}\nsteps:\n  tag: {uses: update-contact-tag@1, with: {tags: [vip]}}\n",
    )
    .await;
    let who = "/v1/contacts/email:ann@example.com";
    api.put(who, json!({"firstname": "Ann"})).await.ok();
    // By a workflow, so not by the API.
    let run = api
        .start("vip.wanted", Some("email:ann@example.com"), json!({}))
        .await;
    api.completed(&run).await;
    api.patch(who, json!({"firstname": "Anna"})).await.ok();
    api.patch(who, json!({"lastname": "Lee"})).await.ok();
    let told = receiver.until(1).await;
    let body = told[0].json();
    assert_eq!(body["type"], "contact.field-updated");
    assert_eq!(body["data"]["event"]["field"]["name"], "lastname");

    // Paused, it hears nothing of what happens meanwhile.
    let path = format!("{ROOT}/{id}");
    let paused = api.patch(&path, json!({"enabled": false})).await.ok();
    assert_eq!(paused["state"], "paused");
    api.patch(who, json!({"lastname": "Low"})).await.ok();
    api.post(&format!("{path}/redeliver"), json!({}))
        .await
        .refused(409, "conflict");
    let patch = json!({"enabled": true, "fields": [], "sources": []});
    assert_eq!(api.patch(&path, patch).await.ok()["state"], "active");
    api.patch(who, json!({"firstname": "Bea"})).await.ok();
    let told = receiver.until(2).await;
    assert_eq!(
        told[1].json()["data"]["event"]["field"]["name"],
        "firstname"
    );
    assert_eq!(told.len(), 2);
    assert!(theirs.told().is_empty(), "{:?}", theirs.told());
    assert_eq!(lyon.all(&format!("{ROOT}?limit=10")).await.len(), 1);
    lyon.get(&path).await.refused(404, "not-found");
}

#[tokio::test]
async fn what_fails_is_tried_again_and_one_that_is_gone_hears_no_more() {
    let host = Host::start().await;
    let api = &host.api;
    let (bad, good) = (Receiver::start().await, Receiver::start().await);
    let (id, secret) = subscribe(api, json!({"url": bad.url(), "events": ["a.told"]})).await;
    subscribe(api, json!({"url": good.url(), "events": ["a.told"]})).await;
    let watcher = Receiver::start().await;
    let watched = json!({"url": watcher.url(), "events": ["subscription.disabled"]});
    subscribe(api, watched).await;
    // A redirect is not followed; what comes behind it is not told.
    let away = good.url();
    bad.answers(307, Some(("location", &away)));
    let first = api.event("a.told", None, json!({"n": 1})).await;
    good.until(1).await;
    bad.until(1).await;
    state_of(api, &id, "failing").await;
    let waiting = delivery(api, &id, "pending").await;
    assert_eq!(waiting["tries"][0]["code"], "redirect", "{waiting:#}");
    assert_eq!(waiting["tries"][0]["answer"], "as asked");
    let due = waiting["due"].as_i64().unwrap() - waiting["updated-at"].as_i64().unwrap();
    assert!((5_000..=5_500).contains(&due), "{due}");
    // One that waits holds up none that come after it.
    let second = api.event("a.told", None, json!({"n": 2})).await;
    let told = bad.until(2).await;
    assert_eq!(told[1].id(), second["id"].as_str().unwrap());
    state_of(api, &id, "active").await;
    let told = bad.until(3).await;
    assert_eq!(
        told[2].id(),
        first["id"].as_str().unwrap(),
        "after five seconds"
    );
    assert_eq!(told[2].body, told[0].body, "the very bytes");
    assert!(told[2].is_signed_by(&secret));
    assert_eq!(good.told().len(), 2, "each told of each once");

    // 410: it wants nothing more.
    bad.answers(410, None);
    api.event("a.told", None, json!({"n": 3})).await;
    let shown = state_of(api, &id, "disabled").await;
    assert!(
        shown["reason"].as_str().unwrap().contains("410"),
        "{shown:#}"
    );
    let dead = delivery(api, &id, "dead").await;
    assert_eq!(dead["tries"][0]["code"], "gone");
    let told = watcher.until(1).await;
    let body = told[0].json();
    assert_eq!(body["type"], "subscription.disabled");
    assert_eq!(body["data"]["contact"], Value::Null);
    let about = &body["data"]["event"]["subscription"];
    assert_eq!(
        (&about["id"], &about["reason"]),
        (&json!(id), &shown["reason"])
    );
    assert!(!body.to_string().contains(&bad.url()), "no address: {body}");
    let doctor = host.cli(["doctor"]).await;
    let warned = format!("told nothing more: {id} (the receiver answered 410");
    assert!(doctor.out.contains(&warned), "{}", doctor.out);
    api.event("a.told", None, json!({"n": 4})).await;
    good.until(4).await;
    assert_eq!(bad.told().len(), 4, "nothing is put by for it");

    // Enabled again, what was given up can be delivered, all of it or one.
    let path = format!("{ROOT}/{id}");
    let one = format!("{path}/deliveries/{}", dead["id"].as_str().unwrap());
    let again = format!("{one}/redeliver");
    api.post(&again, json!({})).await.refused(409, "conflict");
    let enabled = api.patch(&path, json!({"enabled": true})).await.ok();
    assert_eq!(
        (&enabled["state"], &enabled["reason"]),
        (&json!("active"), &Value::Null)
    );
    let all = api.post(&format!("{path}/redeliver"), json!({})).await.ok();
    assert_eq!(all, json!({"redelivered": 1, "more": false}));
    bad.until(5).await;
    until("it to be delivered", async || {
        let shown = api.get(&one).await.ok();
        (shown["state"] == "delivered").then_some(())
    })
    .await;
    assert_eq!(api.post(&again, json!({})).await.status, 202);
    let told = bad.until(6).await;
    assert_eq!(told[5].id(), told[3].id());
    api.post(&format!("{path}/deliveries/whd_1/redeliver"), json!({}))
        .await
        .refused(404, "not-found");
}

#[tokio::test]
async fn what_was_acknowledged_arrives_after_a_kill() {
    let mut host = Host::start().await;
    let receiver = Receiver::start().await;
    let address = receiver.address;
    let body = json!({"url": receiver.url(), "events": ["a.told"]});
    let (id, secret) = subscribe(&host.api, body).await;
    // The receiver is away, so nothing can have arrived before the host dies.
    receiver.serving.abort();
    let _ = receiver.serving.await;
    let mut accepted = Vec::new();
    for n in 0..20 {
        let event = host.api.event("a.told", None, json!({"n": n})).await;
        accepted.push(event["id"].as_str().unwrap().to_owned());
    }
    host.kill();
    let receiver = Receiver::at(address).await;
    host.begin().await;
    // Some wait for five minutes already: a person need not.
    until("all to have arrived", async || {
        let path = format!("{ROOT}/{id}/deliveries?state=pending");
        for one in host.api.all(&path).await {
            let id_of = one["id"].as_str().unwrap();
            let path = format!("{ROOT}/{id}/deliveries/{id_of}/redeliver");
            host.api.post(&path, json!({})).await;
        }
        let told = receiver.told();
        let there = |id: &String| told.iter().any(|one| one.id() == id);
        accepted.iter().all(there).then_some(())
    })
    .await;
    assert!(receiver.told().iter().all(|one| one.is_signed_by(&secret)));
}

#[tokio::test]
async fn each_host_delivers_what_its_buckets_hold() {
    let cluster = Cluster::start(2, &[]).await;
    let apis = [cluster.api(0), cluster.api(1)];
    cluster.balanced(2, &apis[0]).await;
    let receiver = Receiver::start().await;
    let (id, secret) = subscribe(
        &apis[0],
        json!({"url": receiver.url(), "events": ["a.told"]}),
    )
    .await;
    until("the subscription to be known everywhere", async || {
        let shown = apis[1].get(&format!("{ROOT}/{id}")).await;
        (shown.status == 200).then_some(())
    })
    .await;
    // Its copies are good for two seconds.
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    let mut accepted = Vec::new();
    for n in 0..24_usize {
        let who = format!("phone:+3360000{n:04}");
        let event = apis[n % 2]
            .event("a.told", Some(&who), json!({"n": n}))
            .await;
        accepted.push(event["id"].as_str().unwrap().to_owned());
    }
    receiver.until(24).await;
    let told = receiver.told();
    for id in &accepted {
        let count = told.iter().filter(|one| one.id() == id).count();
        assert_eq!(count, 1, "{id}");
    }
    assert!(told.iter().all(|one| one.is_signed_by(&secret)));
    // One that another host has is sent once more as well.
    let path = format!("{ROOT}/{id}/deliveries?state=delivered");
    let all = until("all to be delivered", async || {
        let all = apis[0].all(&path).await;
        (all.len() == 24).then_some(all)
    })
    .await;
    for one in &all[..4] {
        let one = one["id"].as_str().unwrap();
        let path = format!("{ROOT}/{id}/deliveries/{one}/redeliver");
        assert_eq!(apis[0].post(&path, json!({})).await.status, 202);
    }
    receiver.until(28).await;
}

#[tokio::test]
async fn what_cannot_be_subscribed_is_refused_with_what_would_be_right() {
    let host = Host::start().await;
    let api = &host.api;
    let events = || json!(["*"]);
    for (url, said) in [
        ("not an address", "https://example.com"),
        ("ftp://example.com/", "http"),
        ("http://example.com/events", "--allow-address"),
        ("http://localhost:9/events", "--allow-address"),
        ("http://10.0.0.1/events", "--allow-address"),
        ("https://10.0.0.1/events", "10.0.0.1"),
        (
            "https://169.254.169.254/latest/meta-data",
            "169.254.169.254",
        ),
        ("https://[::1]/events", "::1"),
        ("https://[::ffff:10.0.0.1]/events", "refused"),
        ("https://user:pass@example.com/events", "user name"),
        ("https://example.com/{{secret:crm}}", "{{"),
        ("https://example.com/events#part", "#"),
    ] {
        let refused = api
            .post(ROOT, json!({"url": url, "events": events()}))
            .await;
        let refused = refused.refused(422, "invalid");
        let told = refused["errors"].to_string();
        assert!(
            told.contains("url") && (said == "refused" || told.contains(said)),
            "{url}: {told}"
        );
    }
    let own = format!("{}/v1/events", host.url());
    let refused = api
        .post(ROOT, json!({"url": own, "events": events()}))
        .await;
    let refused = refused.refused(422, "invalid");
    assert!(refused.to_string().contains("itself"), "{refused:#}");
    let url = "https://example.com/events";
    for body in [
        json!({"url": url, "events": []}),
        json!({"url": url, "events": ["newIncomingMesage"]}),
        json!({"url": url, "events": ["message.recieved"]}),
        json!({"url": url, "events": ["*"], "sources": ["nobody"]}),
        json!({"url": url, "events": ["*"], "message-types": [""]}),
        json!({"url": url, "events": ["*"], "title": "x".repeat(201)}),
        json!({"url": url, "events": vec!["call.ended"; 101]}),
        json!({"url": format!("{url}/{}", "x".repeat(2000)), "events": ["*"]}),
    ] {
        api.post(ROOT, body).await.refused(422, "invalid");
    }
    let ok = json!({"url": url, "events": vec!["call.ended"; 100], "title": "x".repeat(200)});
    let (id, _) = subscribe(api, ok).await;
    let path = format!("{ROOT}/{id}");
    api.patch(&path, json!({"events": []}))
        .await
        .refused(422, "invalid");
    api.get(&format!("{path}/deliveries?state=lost"))
        .await
        .refused(422, "invalid");
    for _ in 1..20 {
        subscribe(api, json!({"url": url, "events": ["callEnded"]})).await;
    }
    api.post(ROOT, json!({"url": url, "events": ["*"]}))
        .await
        .refused(409, "conflict");
    assert_eq!(api.delete(&path).await.status, 204);
    subscribe(api, json!({"url": url, "events": ["*"]})).await;
}

#[tokio::test]
async fn the_command_line_does_the_same() {
    let host = Host::start().await;
    let receiver = Receiver::start().await;
    let url = receiver.url();
    let words = [
        "subscription",
        "create",
        &url,
        "--event",
        "a.told",
        "--title",
        "CRM",
    ];
    let secret = host.cli(words).await.ok();
    assert!(secret.trim().starts_with("whsec_"), "{secret}");
    let listed = host.cli(["subscription", "list", "--json"]).await.ok();
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let id = listed[0]["id"].as_str().unwrap();
    let tested = host.cli(["subscription", "test", id]).await.ok();
    assert!(tested.contains("delivered: 204"), "{tested}");
    host.api.event("a.told", None, json!({})).await;
    receiver.until(2).await;
    let one = delivery(&host.api, id, "delivered").await;
    let one = one["id"].as_str().unwrap();
    let shown = host.cli(["subscription", "delivery", id, one]).await.ok();
    assert!(
        shown.contains("delivered") && shown.contains("204"),
        "{shown}"
    );
    host.cli(["subscription", "redeliver", id, one]).await.ok();
    receiver.until(3).await;
    let all = host.cli(["subscription", "redeliver", id]).await.ok();
    assert!(all.contains("0 are tried"), "{all}");
    let again = host.cli(["subscription", "rotate-secret", id]).await.ok();
    assert_ne!(again, secret);
    host.cli(["subscription", "pause", id]).await.ok();
    host.cli(["subscription", "enable", id]).await.ok();
    host.cli(["subscription", "update", id, "--field", "email"])
        .await
        .ok();
    let shown = host.cli(["subscription", "show", id]).await.ok();
    assert!(shown.contains("email") && shown.contains("CRM"), "{shown}");
    host.cli(["subscription", "deliveries", id, "--state", "delivered"])
        .await
        .ok();
    host.cli(["subscription", "delete", id]).await.ok();
    let listed = host.cli(["subscription", "list"]).await.ok();
    assert!(listed.contains("There is no subscription"), "{listed}");
}
