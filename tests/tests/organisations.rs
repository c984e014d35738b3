//! Organisations: a key of one opens each of its workspaces and nothing else, as workspaces come
//! and go.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_tests::{Api, Host};
use serde_json::{Value, json};

const PAUSE: &str = "name: pause\ntrigger: {event: pause.wanted}\nsteps:\n  \
                     pause: {uses: wait@1, with: {for: 1h}}\n";

async fn key(api: &Api, body: Value) -> String {
    let made = api.post("/v1/keys", body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    made.json["key"].as_str().unwrap().to_owned()
}

/// Two organisations, the first with two workspaces, the second with one.
async fn furnish(operator: &Api) {
    for id in ["acme", "other"] {
        let made = operator.post("/v1/organisations", json!({"id": id})).await;
        assert_eq!(made.status, 201, "{}", made.text);
        assert_eq!(made.json["title"], id);
    }
    for (id, organisation) in [("lyon", "acme"), ("nice", "acme"), ("rome", "other")] {
        let body = json!({"id": id, "organisation": organisation});
        let made = operator.post("/v1/workspaces", body).await.ok();
        assert_eq!(made["organisation"], organisation);
    }
}

#[tokio::test]
async fn a_key_of_an_organisation_opens_its_workspaces_and_no_other() {
    let host = Host::start().await;
    let operator = &host.api;
    furnish(operator).await;
    let body = json!({"name": "crm", "scopes": ["*"], "organisation": "acme"});
    let acme = operator.with_key(&key(operator, body).await);

    // It says in which workspace.
    let said = acme.get("/v1/runs").await.refused(400, "invalid-header");
    assert!(
        said["detail"]
            .as_str()
            .unwrap()
            .contains("Jackfield-Workspace")
    );
    for id in ["lyon", "nice"] {
        let api = acme.in_workspace(id);
        api.publish(PAUSE).await;
        let run = api
            .start("pause.wanted", Some("email:ann@example.com"), json!({}))
            .await;
        assert_eq!(api.run(&run).await["workflow"], "pause");
        assert_eq!(
            api.all("/v1/runs?limit=10").await.len(),
            1,
            "each sees its own"
        );
    }
    for id in ["rome", "main", "nowhere", "@acme", "*"] {
        let api = acme.in_workspace(id);
        api.get("/v1/runs").await.refused(403, "other-workspace");
        acme.get(&format!("/v1/workspaces/{id}"))
            .await
            .refused(403, "other-workspace");
    }
    let ids = |listed: &Value| -> Vec<String> {
        let items = listed["items"].as_array().unwrap();
        let id = |one: &Value| one["id"].as_str().unwrap().to_owned();
        items.iter().map(id).collect()
    };
    let workspaces = acme.get("/v1/workspaces").await.ok();
    assert_eq!(ids(&workspaces), ["lyon", "nice"]);
    let organisations = acme.get("/v1/organisations").await.ok();
    assert_eq!(ids(&organisations), ["acme"]);
    assert_eq!(
        organisations["items"][0]["workspaces"],
        json!(["lyon", "nice"])
    );
    acme.get("/v1/organisations/other")
        .await
        .refused(403, "other-organisation");
    let titled = json!({"title": "Acme Ltd"});
    let titled = acme.patch("/v1/organisations/acme", titled).await.ok();
    assert_eq!(titled["title"], "Acme Ltd");

    // What concerns the host stays the operator's.
    let new = json!({"id": "new", "organisation": "acme"});
    for refused in [
        acme.post("/v1/workspaces", new).await,
        acme.post("/v1/organisations", json!({"id": "mine"})).await,
        acme.delete("/v1/organisations/acme").await,
        acme.patch("/v1/workspaces/lyon", json!({"organisation": "other"}))
            .await,
        acme.post(
            "/v1/keys",
            json!({"name": "x", "scopes": ["*"], "operator": true}),
        )
        .await,
        acme.get("/v1/hosts").await,
    ] {
        assert!([400, 403].contains(&refused.status), "{}", refused.text);
    }

    // A workspace's key opens its workspace alone, as ever.
    let lyon = key(
        &acme.in_workspace("lyon"),
        json!({"name": "l", "scopes": ["*"]}),
    )
    .await;
    let lyon = operator.with_key(&lyon);
    assert_eq!(lyon.get("/v1/runs").await.status, 200);
    lyon.in_workspace("nice")
        .get("/v1/runs")
        .await
        .refused(403, "other-workspace");
    assert_eq!(lyon.get("/v1/organisations").await.ok()["items"], json!([]));
    lyon.get("/v1/organisations/acme")
        .await
        .refused(403, "other-organisation");
    let more = json!({"name": "x", "scopes": ["runs:read"], "organisation": "acme"});
    lyon.post("/v1/keys", more)
        .await
        .refused(403, "other-organisation");
}

#[tokio::test]
async fn keys_follow_as_workspaces_come_and_go() {
    let host = Host::start().await;
    let operator = &host.api;
    furnish(operator).await;
    let body =
        json!({"name": "crm", "scopes": ["runs:read", "keys:admin"], "organisation": "acme"});
    let acme = operator.with_key(&key(operator, body).await);
    let own = key(
        &operator.in_workspace("nice"),
        json!({"name": "n", "scopes": ["runs:read"]}),
    )
    .await;
    assert_eq!(acme.in_workspace("nice").get("/v1/runs").await.status, 200);
    let moved = host.cli(["workspace", "move", "nice", "other"]).await.ok();
    assert!(moved.contains("other"), "{moved}");
    acme.in_workspace("nice")
        .get("/v1/runs")
        .await
        .refused(403, "other-workspace");
    assert_eq!(operator.with_key(&own).get("/v1/runs").await.status, 200);
    let moved = json!({"organisation": "acme"});
    operator.patch("/v1/workspaces/rome", moved).await.ok();
    assert_eq!(acme.in_workspace("rome").get("/v1/runs").await.status, 200);

    // It makes and revokes keys of its own and of its workspaces, none that may do more.
    let lesser = json!({"name": "lesser", "scopes": ["runs:read"], "organisation": "acme"});
    let lesser = key(&acme, lesser).await;
    let more = json!({"name": "more", "scopes": ["messages:write"], "organisation": "acme"});
    acme.post("/v1/keys", more)
        .await
        .refused(403, "missing-scope");
    let elsewhere = json!({"name": "x", "scopes": ["runs:read"], "organisation": "other"});
    acme.post("/v1/keys", elsewhere)
        .await
        .refused(403, "other-organisation");
    acme.post("/v1/keys", json!({"name": "x", "scopes": ["runs:read"]}))
        .await
        .refused(400, "invalid-header");
    let names = |keys: &[Value]| -> Vec<String> {
        let name = |key: &Value| key["name"].as_str().unwrap().to_owned();
        let mut names: Vec<String> = keys.iter().map(name).collect();
        names.sort();
        names
    };
    let seen = acme.all("/v1/keys?limit=100").await;
    assert_eq!(
        names(&seen),
        ["crm", "lesser"],
        "nice has gone with its key"
    );
    let id = |name: &str| {
        let key = seen.iter().find(|key| key["name"] == name).unwrap();
        format!("/v1/keys/{}", key["id"].as_str().unwrap())
    };
    let lesser = operator.with_key(&lesser).in_workspace("rome");
    assert_eq!(lesser.get("/v1/runs").await.status, 200);
    assert_eq!(acme.delete(&id("lesser")).await.status, 204);
    lesser.get("/v1/runs").await.refused(401, "revoked-key");

    // An organisation with workspaces stays; without, its keys end with it, for good.
    let path = "/v1/organisations/acme";
    let refused = operator.delete(path).await.refused(409, "conflict");
    assert!(
        refused["detail"].as_str().unwrap().contains("lyon"),
        "{refused:#}"
    );
    for id in ["lyon", "rome"] {
        host.cli(["workspace", "move", id, "main"]).await.ok();
    }
    assert_eq!(operator.delete(path).await.status, 204);
    acme.get("/v1/organisations")
        .await
        .refused(401, "revoked-key");
    host.cli(["organisation", "create", "acme"]).await.ok();
    acme.get("/v1/organisations")
        .await
        .refused(401, "revoked-key");
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_what_would_be_right() {
    let host = Host::start().await;
    let api = &host.api;
    for id in ["", "Acme", "a b", "@acme", "*", &"a".repeat(65)] {
        api.post("/v1/organisations", json!({"id": id}))
            .await
            .refused(422, "invalid");
    }
    let longest = "a".repeat(64);
    let made = json!({"id": longest, "title": "x".repeat(200)});
    assert_eq!(api.post("/v1/organisations", made).await.status, 201);
    for title in [String::new(), "x".repeat(201)] {
        api.post("/v1/organisations", json!({"id": "acme", "title": title}))
            .await
            .refused(422, "invalid");
    }
    api.post("/v1/organisations", json!({"id": "main"}))
        .await
        .refused(409, "conflict");
    let refused = api.post(
        "/v1/workspaces",
        json!({"id": "lyon", "organisation": "mian"}),
    );
    let refused = refused.await.refused(422, "invalid");
    assert_eq!(refused["errors"][0]["suggestion"], "main", "{refused:#}");
    api.patch("/v1/workspaces/main", json!({"organisation": "nobody"}))
        .await
        .refused(422, "invalid");
    let key = json!({"name": "x", "scopes": ["*"], "organisation": "nobody"});
    api.post("/v1/keys", key).await.refused(404, "not-found");
    let both = json!({"name": "x", "scopes": ["*"], "organisation": "main", "operator": true});
    api.post("/v1/keys", both).await.refused(422, "invalid");
    let shown = host.cli(["organisation", "show", "main"]).await.ok();
    assert!(shown.contains("main"), "{shown}");
    host.cli(["organisation", "update", "main", "--title", "Ours"])
        .await
        .ok();
    let listed = host.cli(["organisation", "list"]).await.ok();
    assert!(listed.contains("Ours"), "{listed}");
    host.cli(["organisation", "delete", &longest]).await.ok();
}
