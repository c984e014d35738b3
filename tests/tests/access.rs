//! Who may do what: keys, scopes and workspaces keep people apart, and a secret that was put in
//! never comes out, whatever a plugin or a careless service does with it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_tests::{Api, Host};
use serde_json::{Value, json};

const PAUSE: &str = "name: pause\ntrigger: {event: pause.wanted}\nsteps:\n  \
                     pause: {uses: wait@1, with: {for: 1h}}\n";
const ANN: Option<&str> = Some("email:ann@example.com");

async fn key(api: &Api, body: Value) -> String {
    api.post("/v1/keys", body).await.ok()["key"]
        .as_str()
        .expect("a key")
        .to_owned()
}

#[tokio::test]
async fn keys_open_their_own_workspace_and_nothing_beyond_their_scopes() {
    let host = Host::start().await;
    let operator = &host.api;
    operator
        .without_key()
        .get("/v1/runs")
        .await
        .refused(401, "unauthenticated");
    operator
        .with_key("nonsense")
        .get("/v1/runs")
        .await
        .refused(401, "invalid-key");
    let unknown = format!("jf_{}_{}", "0".repeat(16), "0".repeat(43));
    operator
        .with_key(&unknown)
        .get("/v1/runs")
        .await
        .refused(401, "invalid-key");

    let created = operator
        .post(
            "/v1/keys",
            json!({"name": "site", "scopes": ["events:write", "keys:admin"]}),
        )
        .await
        .ok();
    let site = operator.with_key(created["key"].as_str().unwrap());
    let sent = site.post("/v1/events", json!({"name": "a.b"})).await;
    assert_eq!(sent.status, 202, "{}", sent.text);
    site.get("/v1/runs").await.refused(403, "missing-scope");
    // A key cannot make one that may do more than itself.
    let more = json!({"name": "more", "scopes": ["runs:read"]});
    site.post("/v1/keys", more)
        .await
        .refused(403, "missing-scope");
    let operators = json!({"name": "more", "scopes": ["events:write"], "operator": true});
    site.post("/v1/keys", operators)
        .await
        .refused(403, "operator-only");

    // Another workspace is out of reach, and what is in it does not exist here.
    let made = operator.post("/v1/workspaces", json!({"id": "lyon"})).await;
    assert_eq!(made.status, 201, "{}", made.text);
    operator.publish(PAUSE).await;
    let run = operator.start("pause.wanted", ANN, json!({})).await;
    let message = operator
        .post(
            "/v1/contacts",
            json!({"phone": "+33612345678", "firstname": "Ann"}),
        )
        .await
        .ok();
    let contact = message["id"].as_str().unwrap();
    let lyon = operator.in_workspace("lyon");
    let lyon_key = key(&lyon, json!({"name": "all", "scopes": ["*"]})).await;
    let foreign = operator.with_key(&lyon_key);
    for api in [&lyon, &foreign] {
        assert_eq!(api.get("/v1/runs").await.ok()["items"], json!([]));
        for path in [
            format!("/v1/runs/{run}"),
            format!("/v1/runs/{run}/timeline"),
            format!("/v1/contacts/{contact}"),
            "/v1/workflows/pause".to_owned(),
        ] {
            api.get(&path).await.refused(404, "not-found");
        }
        api.post(&format!("/v1/runs/{run}/cancel"), json!({}))
            .await
            .refused(404, "not-found");
        api.delete("/v1/workflows/pause")
            .await
            .refused(404, "not-found");
    }
    foreign
        .in_workspace("main")
        .get("/v1/runs")
        .await
        .refused(403, "other-workspace");
    foreign
        .get("/v1/workspaces/main")
        .await
        .refused(403, "other-workspace");
    operator
        .in_workspace("nowhere")
        .get("/v1/runs")
        .await
        .refused(404, "not-found");
    assert_eq!(operator.run(&run).await["state"], "waiting");

    // What was taken back opens nothing.
    let id = created["id"].as_str().unwrap();
    assert_eq!(operator.delete(&format!("/v1/keys/{id}")).await.status, 204);
    site.post("/v1/events", json!({"name": "a.b"}))
        .await
        .refused(401, "revoked-key");
    // The last operator's key stays, or nobody could get in.
    let keys = operator.all("/v1/keys?limit=100").await;
    let own = keys.iter().find(|key| key["workspace"] == "*").unwrap()["id"]
        .as_str()
        .unwrap();
    operator
        .delete(&format!("/v1/keys/{own}"))
        .await
        .refused(409, "conflict");
}

#[tokio::test]
async fn secrets_never_come_back() {
    let host = Host::start().await;
    let api = &host.api;
    let crm = jackfield_peers::Crm::start().await.unwrap();
    let secret = "a value that must not be seen 4711";
    assert_eq!(
        api.put("/v1/secrets/crm-token", json!({"value": secret}))
            .await
            .status,
        204
    );
    let listed = api.get("/v1/secrets").await;
    assert!(listed.text.contains("crm-token") && !listed.text.contains(secret));
    api.get("/v1/secrets/crm-token")
        .await
        .refused(405, "method-not-allowed");

    // The step may name it where the operator has granted it, and only there.
    let url = format!("{}/echo", crm.url);
    let document = format!(
        "name: use\ntrigger: {{event: use.wanted}}\nsteps:\n  use:\n    uses: http-request@1\n    \
         with: {{method: POST, url: \"{url}\", headers: {{authorization: \"Bearer {{{{secret:crm-token}}}}\"}}, body: {{a: 1}}}}\n"
    );
    api.publish(&document).await;
    let run = api.start("use.wanted", ANN, json!({})).await;
    let over = api.over(&run).await;
    assert_eq!(over["state"], "failed", "not granted yet: {over:#}");
    assert_eq!(crm.requests().count(), 0);
    let mut texts = vec![
        api.get(&format!("/v1/runs/{run}")).await.text,
        api.get(&format!("/v1/runs/{run}/timeline")).await.text,
    ];
    let mut approve = api.get("/v1/plugins/http-request").await.ok()["asked"].clone();
    approve["secrets"] = json!({"crm-token": {"hosts": [crm.url], "places": ["header"]}});
    let granted = api
        .post(
            "/v1/plugins/http-request/grant",
            json!({"approve": approve}),
        )
        .await;
    texts.push(granted.text.clone());
    if granted.status == 200 {
        // The service says the secret back, as careless ones do.
        let echo = json!({"you-sent": format!("Bearer {secret}")});
        crm.answer_next(jackfield_peers::Answer::new(200, echo));
        let run = api
            .start("use.wanted", Some("email:bob@example.com"), json!({}))
            .await;
        api.completed(&run).await;
        let bearer = crm.requests().all()[0]
            .header("authorization")
            .unwrap()
            .to_owned();
        assert_eq!(bearer, format!("Bearer {secret}"));
        texts.push(api.get(&format!("/v1/runs/{run}")).await.text);
        texts.push(json!(api.timeline(&run).await).to_string());
        texts.push(host.cli(["run", "show", &run]).await.ok());
    } else {
        eprintln!(
            "a step cannot be granted a secret that it does not ask for: {}",
            granted.text
        );
    }
    texts.push(host.log());
    texts.push(api.get("/metrics").await.text);
    for text in texts {
        assert!(!text.contains(secret), "{text}");
    }
    // Nor does it stand in the files.
    let database = std::fs::read(host.data().join("jackfield.db")).unwrap();
    let journal = std::fs::read(host.data().join("jackfield.db-wal")).unwrap_or_default();
    for bytes in [database, journal] {
        let found = bytes
            .windows(secret.len())
            .any(|window| window == secret.as_bytes());
        assert!(!found, "the secret stands in the database");
    }
}
