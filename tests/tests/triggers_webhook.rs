//! Webhooks: the address of a workflow, whom a request is about, what it brings, who may send it,
//! and that what is repeated starts nothing again.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use base64::Engine as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jackfield_tests::{Answer, Api, Cluster, Host, phone, until};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;

const ANN: &str = "email:ann@example.com";
const STEPS: &str = "steps:\n  look: {uses: branch@1, with: {branches: [{name: it, when: {field: workflow.name, exists: true}}]}, branches: {it: end}}\n";

fn workflow(name: &str, trigger: &str) -> String {
    format!("name: {name}\ntrigger: {{event: webhook{trigger}}}\n{STEPS}")
}

async fn url(api: &Api, workflow: &str) -> String {
    let path = format!("/v1/workflows/{workflow}/webhook");
    let shown = api.get(&path).await.ok();
    assert_eq!(shown["workflow"], workflow);
    shown["url"].as_str().unwrap().to_owned()
}

/// Publishes, and gives the path of the address.
async fn hook(api: &Api, name: &str, trigger: &str) -> String {
    api.publish(&workflow(name, trigger)).await;
    url(api, name).await
}

async fn send(api: &Api, url: &str, body: &Value, headers: &[(&str, &str)]) -> Answer {
    let mut request = api.without_key().request(Method::POST, url).json(body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    api.send(request).await
}

async fn runs(api: &Api, workflow: &str) -> Vec<Value> {
    api.all(&format!("/v1/runs?workflow={workflow}")).await
}

#[tokio::test]
async fn a_request_starts_the_workflow_about_its_contact_with_its_variables() {
    let host = Host::start().await;
    let api = &host.api;
    let trigger = ", contact: {by: email, path: $.customer.email}, variables: {order: $.order.id, \
                   first: \"$.order.lines[0]['item name']\", none: $.nothing, gone: $.null}, \
                   when: {all: [{field: vars.order, exists: true}, {field: webhook.body.total, at-least: 10}]}";
    let url = hook(api, "order", trigger).await;
    assert!(url.contains("/hooks/whk_"), "{url}");
    let contact = json!({"email": "ann@example.com", "phone": "+33612345678"});
    let ann = api.post("/v1/contacts", contact).await.ok()["id"].clone();
    let body = json!({"customer": {"email": " ann@EXAMPLE.com"}, "null": null, "total": 12,
        "order": {"id": 7, "lines": [{"item name": "Tea"}]}});
    let answer = send(api, &url, &body, &[]).await;
    assert_eq!(answer.status, 202);
    let event = answer.json["event_id"].as_str().unwrap();
    assert!(event.starts_with("evt_"), "{}", answer.text);
    assert_eq!(
        answer.json.as_object().unwrap().len(),
        1,
        "nothing else is told"
    );
    let run = runs(api, "order").await.remove(0);
    assert_eq!(
        (&run["contact"], &run["event"]),
        (&ann, &json!(event)),
        "{run:#}"
    );
    let run = api.completed(run["id"].as_str().unwrap()).await;
    assert_eq!(
        run["variables"],
        json!({"order": 7, "first": "Tea"}),
        "{run:#}"
    );
    assert_eq!(run["trigger"]["webhook"]["body"], body);

    // The condition of the trigger.
    let small = json!({"customer": {"email": "ann@example.com"}, "order": {"id": 8}, "total": 9});
    send(api, &url, &small, &[]).await.ok();
    let decisions = api.all(&format!("/v1/contacts/{ANN}/decisions")).await;
    assert_eq!(decisions[0]["reason"], "condition", "{decisions:#?}");
    assert_eq!(runs(api, "order").await.len(), 1);
    // A form is the same.
    let form = api.request(Method::POST, &url);
    let form = form
        .header("content-type", "application/x-www-form-urlencoded")
        .body("customer=x");
    let said = api.send(form).await.refused(422, "invalid");
    assert!(
        said.to_string()
            .contains("a mail address at `$.customer.email`"),
        "{said:#}"
    );
    let trigger = ", contact: {by: phone, path: \"$['user[phone]']\"}, variables: {tags: $.tag}";
    let url = hook(api, "form", trigger).await;
    let form = api.request(Method::POST, &url);
    let form = form
        .header(
            "content-type",
            "application/x-www-form-urlencoded; charset=utf-8",
        )
        .body("user%5Bphone%5D=%2B33+6+12+34+56+78&tag=a&tag=b");
    api.send(form).await.ok();
    let run = runs(api, "form").await.remove(0);
    assert_eq!(
        (&run["contact"], &run["variables"]["tags"]),
        (&ann, &json!(["a", "b"]))
    );
}

#[tokio::test]
async fn whoever_is_not_known_is_refused_or_made() {
    let host = Host::start().await;
    let api = &host.api;
    let known = hook(api, "known", ", contact: {by: email, path: $.mail}").await;
    let body = json!({"mail": "new@example.com"});
    let said = send(api, &known, &body, &[])
        .await
        .refused(404, "not-found");
    assert!(
        said["detail"].as_str().unwrap().contains("create-contact"),
        "{said:#}"
    );
    assert!(runs(api, "known").await.is_empty());
    assert!(api.all("/v1/contacts").await.is_empty());

    let made = ", contact: {by: email, path: $.mail}, create-contact: true";
    let made = hook(api, "made", made).await;
    send(api, &made, &body, &[]).await.ok();
    send(api, &known, &body, &[]).await.ok();
    assert_eq!(runs(api, "known").await.len(), 1);
    let made = runs(api, "made").await.remove(0);
    let id = made["contact"].as_str().unwrap();
    let by_id = hook(api, "by-id", ", contact: {by: id, path: $.id}").await;
    send(api, &by_id, &json!({"id": id}), &[]).await.ok();
    let stranger = json!({"id": format!("{}x", &id[..id.len() - 1])});
    send(api, &by_id, &stranger, &[])
        .await
        .refused(404, "not-found");
    for body in [
        json!({}),
        json!({"id": ""}),
        json!({"id": ["a"]}),
        json!({"id": null}),
    ] {
        send(api, &by_id, &body, &[]).await.refused(422, "invalid");
    }
    // Of another workspace.
    api.post("/v1/workspaces", json!({"id": "lyon"})).await.ok();
    let lyon = api.in_workspace("lyon");
    let theirs = hook(&lyon, "by-id", ", contact: {by: id, path: $.id}").await;
    send(api, &theirs, &json!({"id": id}), &[])
        .await
        .refused(404, "not-found");
    // Blocked: accepted, and not started.
    api.post(&format!("/v1/contacts/{id}/block"), json!({}))
        .await
        .ok();
    send(api, &by_id, &json!({"id": id}), &[]).await.ok();
    assert_eq!(runs(api, "by-id").await.len(), 1);
}

#[tokio::test]
async fn what_is_repeated_with_its_key_starts_nothing_again() {
    let mut host = Host::start().await;
    let api = host.api.clone();
    let url = hook(&api, "once", "").await;
    let key = [("idempotency-key", "delivery-1")];
    let first = send(&api, &url, &json!({"n": 1}), &key).await;
    assert_eq!(first.header("idempotency-replayed"), None);
    let again = send(&api, &url, &json!({"n": 1}), &key).await;
    assert_eq!((again.status, &again.json), (202, &first.json));
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    host.restart().await;
    let api = host.api.clone();
    let url = self::url(&api, "once").await;
    let again = send(&api, &url, &json!({"n": 1}), &key).await.ok();
    assert_eq!(again, first.json);
    assert_eq!(runs(&api, "once").await.len(), 1);
    let other = send(&api, &url, &json!({"n": 2}), &key).await;
    other.refused(422, "idempotency-key-reused");
    let bad = send(&api, &url, &json!({}), &[("idempotency-key", "a b")]).await;
    bad.refused(400, "invalid-header");
    // The same key at another workflow is another key, and none is none.
    let other = hook(&api, "other", "").await;
    send(&api, &other, &json!({"n": 1}), &key).await.ok();
    assert_eq!(runs(&api, "other").await.len(), 1);
    send(&api, &url, &json!({"n": 1}), &[]).await.ok();
    send(&api, &url, &json!({"n": 1}), &[]).await.ok();
    assert_eq!(runs(&api, "once").await.len(), 3);
}

fn sign(secret: &str, text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

#[tokio::test]
async fn only_who_knows_the_secret_and_comes_from_an_allowed_address_is_let_in() {
    let host = Host::start().await;
    let api = &host.api;
    let trigger = ", signature: {secret: shop, header: X-Signature, prefix: \"sha256=\"}";
    api.put_workflow(&workflow("signed", trigger)).await.ok();
    let publish = "/v1/workflows/signed/publish";
    let said = api
        .post(publish, json!({}))
        .await
        .refused(422, "invalid-document");
    assert_eq!(said["errors"][0]["code"], "unknown-secret", "{said:#}");
    let secret = async |value: &str| {
        let set = api.put("/v1/secrets/shop", json!({"value": value})).await;
        assert_eq!(set.status, 204, "{}", set.text);
    };
    secret("long and random").await;
    api.post(publish, json!({})).await.ok();
    let url = url(api, "signed").await;
    let body = json!({"n": 1});
    let good = |secret: &str| format!("sha256={}", hex::encode(sign(secret, &body.to_string())));
    for (header, said) in [
        (None, "no header `x-signature`"),
        (Some(good("another")), "is not the signature"),
        (Some("sha256=".to_owned()), "is not the signature"),
    ] {
        let headers: Vec<(&str, &str)> = header
            .iter()
            .map(|one| ("x-signature", one.as_str()))
            .collect();
        let refused = send(api, &url, &body, &headers).await;
        let refused = refused.refused(403, "invalid-signature");
        assert!(
            refused["detail"].as_str().unwrap().contains(said),
            "{refused:#}"
        );
    }
    let mine = good("long and random");
    send(api, &url, &json!({"n": 2}), &[("x-signature", &mine)])
        .await
        .refused(403, "invalid-signature");
    assert!(runs(api, "signed").await.is_empty());
    send(api, &url, &body, &[("x-signature", &mine)]).await.ok();
    // Without its secret nothing is let in.
    assert_eq!(api.delete("/v1/secrets/shop").await.status, 204);
    send(api, &url, &body, &[("x-signature", &mine)])
        .await
        .refused(503, "unavailable");
    secret("rotated").await;
    send(api, &url, &body, &[("x-signature", &mine)])
        .await
        .refused(403, "invalid-signature");
    assert_eq!(runs(api, "signed").await.len(), 1);

    // With a time that is signed too: what is recorded cannot be played back later.
    let trigger = ", signature: {secret: shop, header: sig, encoding: base64, timestamp-header: at, window: 1m}";
    let url = hook(api, "timed", trigger).await;
    let at = |seconds: i64| (jiff::Timestamp::now().as_second() + seconds).to_string();
    let sig = |at: &str| {
        let signed = sign("rotated", &format!("{at}.{body}"));
        base64::engine::general_purpose::STANDARD.encode(signed)
    };
    let (now, past) = (at(0), at(-120));
    send(api, &url, &body, &[("sig", &sig(&now)), ("at", &now)])
        .await
        .ok();
    for (signed, sent) in [(&past, &past), (&past, &now)] {
        let headers = [("sig", sig(signed)), ("at", sent.clone())];
        let headers: Vec<(&str, &str)> = headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        send(api, &url, &body, &headers)
            .await
            .refused(403, "invalid-signature");
    }

    let near = hook(api, "near", ", allow-from: [203.0.113.7, 127.0.0.0/8]").await;
    send(api, &near, &body, &[]).await.ok();
    let far = hook(
        api,
        "far",
        ", allow-from: [203.0.113.0/24, \"2001:db8::/32\"]",
    )
    .await;
    // What a sender says of itself does not count.
    let headers = [("x-forwarded-for", "203.0.113.7")];
    send(api, &far, &body, &headers)
        .await
        .refused(403, "address-not-allowed");
    assert!(runs(api, "far").await.is_empty());
}

#[tokio::test]
async fn an_address_stays_from_version_to_version_until_it_is_rotated() {
    let host = Host::start().await;
    let api = &host.api;
    api.publish(&format!("name: plain\ntrigger: {{event: manual}}\n{STEPS}"))
        .await;
    api.get("/v1/workflows/plain/webhook")
        .await
        .refused(404, "not-found");
    api.get("/v1/workflows/none/webhook")
        .await
        .refused(404, "not-found");
    api.put_workflow(&workflow("stays", "")).await.ok();
    api.get("/v1/workflows/stays/webhook")
        .await
        .refused(404, "not-found");

    let first = hook(api, "stays", "").await;
    assert_eq!(hook(api, "stays", ", variables: {a: $.a}").await, first);
    send(api, &first, &json!({}), &[]).await.ok();
    let path = "/v1/workflows/stays";
    api.post(&format!("{path}/deactivate"), json!({}))
        .await
        .ok();
    send(api, &first, &json!({}), &[])
        .await
        .refused(404, "not-found");
    assert_eq!(
        api.get(&format!("{path}/webhook")).await.ok()["live"],
        false
    );
    api.post(&format!("{path}/activate"), json!({})).await.ok();
    send(api, &first, &json!({}), &[]).await.ok();
    // A version without the trigger, and one with it again.
    api.publish(&format!("name: stays\ntrigger: {{event: manual}}\n{STEPS}"))
        .await;
    send(api, &first, &json!({}), &[])
        .await
        .refused(404, "not-found");
    assert_eq!(hook(api, "stays", "").await, first);

    let rotated = api
        .post(&format!("{path}/webhook/rotate"), json!({}))
        .await
        .ok();
    let second = rotated["url"].as_str().unwrap();
    assert_ne!(second, first);
    send(api, &first, &json!({}), &[])
        .await
        .refused(404, "not-found");
    send(api, second, &json!({}), &[]).await.ok();
    let table = host.cli(["workflow", "webhook", "stays"]).await.ok();
    assert!(table.contains(second), "{table}");
    let table = host
        .cli(["workflow", "webhook", "stays", "--rotate"])
        .await
        .ok();
    assert!(
        table.contains("/hooks/whk_") && !table.contains(second),
        "{table}"
    );
    // Who may only look does not see what starts a workflow.
    let key = json!({"name": "looks", "scopes": ["workflows:read"]});
    let key = api.post("/v1/keys", key).await.ok();
    let looks = api.with_key(key["key"].as_str().unwrap());
    looks
        .get(&format!("{path}/webhook"))
        .await
        .refused(403, "missing-scope");

    let last = self::url(api, "stays").await;
    assert_eq!(api.delete(path).await.status, 204);
    send(api, &last, &json!({}), &[])
        .await
        .refused(404, "not-found");
    assert_ne!(hook(api, "stays", "").await, last);
}

#[tokio::test]
async fn what_is_no_request_for_a_workflow_is_refused() {
    let host = Host::start().await;
    let api = &host.api;
    let url = hook(
        api,
        "open",
        ", reply: {status: 201, content-type: text/xml, body: <ok/>}",
    )
    .await;
    let answer = send(api, &url, &json!({}), &[]).await;
    assert_eq!((answer.status, answer.text.as_str()), (201, "<ok/>"));
    assert_eq!(answer.header("content-type"), Some("text/xml"));
    let anybody = api.without_key();
    let with = |media: &'static str, body: String| {
        let request = anybody.request(Method::POST, &url);
        request.header("content-type", media).body(body)
    };
    let most = 1024 * 1024;
    let padded = |length: usize| format!("{{\"a\": \"{}\"}}", "a".repeat(length - 9));
    anybody.send(with("application/json", padded(most))).await;
    for (request, status, code) in [
        (
            with("text/xml", "<a/>".to_owned()),
            415,
            "unsupported-media-type",
        ),
        (
            with("application/json", "{".to_owned()),
            400,
            "invalid-json",
        ),
        (with("application/json", "[{}]".to_owned()), 422, "invalid"),
        (with("application/json", padded(most + 1)), 413, "too-large"),
        (
            anybody.request(Method::POST, &url),
            415,
            "unsupported-media-type",
        ),
        (
            anybody.request(Method::GET, &url),
            405,
            "method-not-allowed",
        ),
        (
            anybody.request(Method::PUT, &url).json(&json!({})),
            405,
            "method-not-allowed",
        ),
    ] {
        anybody.send(request).await.refused(status, code);
    }
    for token in ["whk_", "whk_0000", "whk_%27%20or%201"] {
        let path = format!("/hooks/{token}");
        send(api, &path, &json!({}), &[])
            .await
            .refused(404, "not-found");
    }
    // Nobody else raises it.
    let event = json!({"name": "webhook"});
    api.post("/v1/events", event).await.refused(422, "invalid");
    assert_eq!(runs(api, "open").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_does_the_same_at_whichever_host_it_arrives() {
    let cluster = Cluster::start(2, &[]).await;
    let apis = [cluster.api(0), cluster.api(1)];
    cluster.balanced(2, &apis[0]).await;
    let trigger =
        ", contact: {by: phone, path: $.phone}, create-contact: true, variables: {n: $.n}";
    let url = hook(&apis[0], "shared", trigger).await;
    let path = &url[url.find("/hooks/").unwrap()..];
    until("the address to be known at the other host", async || {
        let answer = send(&apis[1], path, &json!({}), &[]).await;
        (answer.status == 422).then_some(())
    })
    .await;
    for n in 0..12 {
        let body = json!({"phone": phone(n), "n": n});
        let key = format!("delivery-{n}");
        let key = [("idempotency-key", key.as_str())];
        let first = send(&apis[n % 2], path, &body, &key).await.ok();
        let again = send(&apis[(n + 1) % 2], path, &body, &key).await.ok();
        assert_eq!(first, again, "{n}");
    }
    assert_eq!(runs(&apis[0], "shared").await.len(), 12);
}
