//! Organisations: a key of one opens each of its workspaces and nothing else, as workspaces come
//! and go.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_tests::{Answer, Api, Host};
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

fn states(shown: &Value) -> Vec<(String, String, Option<i64>)> {
    let text = |place: &Value, name: &str| place[name].as_str().unwrap().to_owned();
    let places = shown["workspaces"].as_array().unwrap().iter();
    places
        .map(|place| {
            let version = place["version"].as_i64();
            (text(place, "workspace"), text(place, "state"), version)
        })
        .collect()
}

fn state(workspace: &str, state: &str, version: i64) -> (String, String, Option<i64>) {
    (workspace.to_owned(), state.to_owned(), Some(version))
}

async fn put(api: &Api, path: &str, document: &str) -> Answer {
    let request = api.request(reqwest::Method::PUT, path);
    let request = request.header("content-type", "application/yaml");
    api.send(request.body(document.to_owned())).await
}

#[tokio::test]
async fn a_workflow_of_an_organisation_is_live_in_all_its_workspaces_or_changed_in_none() {
    const PATH: &str = "/v1/organisations/acme/workflows/pause";
    let mut host = Host::start().await;
    let operator = host.api.clone();
    furnish(&operator).await;
    let body = json!({"name": "crm", "scopes": ["*"], "organisation": "acme"});
    let acme = operator.with_key(&key(&operator, body).await);
    let (lyon, nice) = (acme.in_workspace("lyon"), acme.in_workspace("nice"));
    let put_ok = async |path: &str, document: &str| put(&acme, path, document).await.ok();

    let made = put_ok(PATH, PAUSE).await;
    let all = [state("lyon", "published", 1), state("nice", "published", 1)];
    assert_eq!(states(&made["workflow"]), all, "{made:#}");
    assert_eq!(made["warnings"], json!([]));
    let run = lyon
        .start("pause.wanted", Some("email:ann@example.com"), json!({}))
        .await;
    lyon.waiting_at(&run, "pause").await;
    nice.get(&format!("/v1/runs/{run}"))
        .await
        .refused(404, "not-found");
    let rome = operator.in_workspace("rome");
    let event = rome.event("pause.wanted", None, json!({})).await;
    assert_eq!(event["runs"], json!([]), "another organisation's");
    // Put again, it changes nothing.
    let again = put_ok(PATH, PAUSE).await;
    assert_eq!(states(&again["workflow"]), all);
    assert_eq!(
        lyon.all("/v1/workflows/pause/versions?limit=9").await.len(),
        1
    );

    // A workspace sees whose it is, may stop it, and does not change it.
    let copy = lyon.get("/v1/workflows/pause").await.ok();
    assert_eq!(copy["organisation"], "acme");
    for answer in [
        lyon.put_workflow(PAUSE).await,
        lyon.post("/v1/workflows/pause/publish", json!({})).await,
        lyon.delete("/v1/workflows/pause").await,
    ] {
        let said = answer.refused(409, "conflict");
        assert!(
            said["detail"].as_str().unwrap().contains("acme"),
            "{said:#}"
        );
    }
    let stop = "/v1/workflows/pause/deactivate";
    lyon.post(stop, json!({})).await.ok();
    let shown = acme.get(PATH).await.ok();
    assert_eq!(states(&shown)[0], state("lyon", "stopped", 1));
    let again = put_ok(PATH, PAUSE).await;
    let now = [state("lyon", "published", 2), state("nice", "published", 1)];
    assert_eq!(states(&again["workflow"]), now);

    // Only where it can be published everywhere is it changed anywhere.
    lyon.put("/v1/lists/vip", json!({})).await.ok();
    let listed = PAUSE.replace(
        "pause: {uses: wait@1, with: {for: 1h}}",
        "pause: {uses: add-to-list@1, with: {list: vip}}",
    );
    let said = put(&acme, PATH, &listed)
        .await
        .refused(422, "invalid-document");
    let message = said["errors"][0]["message"].as_str().unwrap();
    assert!(message.starts_with("in nice: "), "{said:#}");
    assert_eq!(said["errors"][0]["path"], "/steps/pause/with/list");
    assert_eq!(states(&acme.get(PATH).await.ok()), now);
    let said = put(&acme, PATH, "name: pause\nsteps: 1\n").await;
    said.refused(422, "invalid-document");
    put(&acme, "/v1/organisations/acme/workflows/other", PAUSE)
        .await
        .refused(422, "invalid");
    // In some workspaces only; the other one's copy is stopped.
    let only = put_ok(&format!("{PATH}?only=lyon"), &listed).await;
    assert_eq!(only["workflow"]["only"], json!(["lyon"]));
    let now = [state("lyon", "published", 3), state("nice", "stopped", 1)];
    assert_eq!(states(&only["workflow"]), now);
    let said = put(&acme, &format!("{PATH}?except=nise"), PAUSE).await;
    let said = said.refused(422, "invalid-document");
    assert_eq!(said["errors"][0]["suggestion"], "nice", "{said:#}");
    put(&acme, &format!("{PATH}?only=lyon&except=nice"), PAUSE)
        .await
        .refused(422, "invalid");
    // What is a workspace's own is not written over.
    let own = PAUSE.replace("name: pause", "name: own");
    nice.publish(&own).await;
    let theirs = "/v1/organisations/acme/workflows/own";
    let said = put(&acme, theirs, &own).await.refused(409, "conflict");
    assert!(
        said["detail"].as_str().unwrap().contains("nice"),
        "{said:#}"
    );
    lyon.get("/v1/workflows/own")
        .await
        .refused(404, "not-found");
    acme.get(theirs).await.refused(404, "not-found");

    // Who comes later gets it, as far as it can be published there; who leaves keeps it.
    let except = put_ok(&format!("{PATH}?except=nice&priority=7"), PAUSE).await;
    assert_eq!(except["workflow"]["except"], json!(["nice"]));
    for (id, organisation) in [("oslo", "acme"), ("kiel", "other")] {
        let body = json!({"id": id, "organisation": organisation});
        operator.post("/v1/workspaces", body).await.ok();
    }
    let other = operator.with_key(
        &key(
            &operator,
            json!({"name": "o", "scopes": ["*"], "organisation": "other"}),
        )
        .await,
    );
    let to_acme = json!({"organisation": "acme"});
    operator.patch("/v1/workspaces/kiel", to_acme).await.ok();
    let shown = acme.get(PATH).await.ok();
    let now = [
        state("kiel", "published", 1),
        state("lyon", "published", 4),
        state("nice", "stopped", 1),
        state("oslo", "published", 1),
    ];
    assert_eq!(states(&shown), now);
    let kiel = operator.in_workspace("kiel");
    assert_eq!(kiel.get("/v1/workflows/pause").await.ok()["priority"], 7);
    let to_other = json!({"organisation": "other"});
    operator.patch("/v1/workspaces/kiel", to_other).await.ok();
    assert_eq!(
        kiel.get("/v1/workflows/pause").await.ok()["organisation"],
        Value::Null
    );
    kiel.publish(PAUSE).await;
    for stranger in [&other, &key_of(&lyon).await] {
        for answer in [
            stranger.get(PATH).await,
            put(stranger, PATH, PAUSE).await,
            stranger.delete(PATH).await,
            stranger
                .post(&format!("{PATH}/deactivate"), json!({}))
                .await,
        ] {
            answer.refused(403, "other-organisation");
        }
    }
    operator
        .get("/v1/organisations/nobody/workflows")
        .await
        .refused(404, "not-found");

    // It outlives a restart; it is deleted once nothing needs it.
    host.restart().await;
    assert_eq!(
        acme.all("/v1/organisations/acme/workflows?limit=9")
            .await
            .len(),
        1
    );
    acme.delete(PATH).await.refused(409, "conflict");
    let listed = host.cli(["organisation", "workflows", "acme"]).await.ok();
    assert!(
        listed.contains("pause") && listed.contains("nice"),
        "{listed}"
    );
    let stopped = [
        "organisation",
        "deactivate-workflow",
        "acme",
        "pause",
        "--abort",
    ];
    let stopped = host.cli(stopped).await.ok();
    assert!(stopped.contains("1 run(s) cancelled"), "{stopped}");
    let shown = host
        .cli(["organisation", "workflow", "acme", "pause"])
        .await
        .ok();
    assert!(
        shown.contains("oslo") && shown.contains("name: pause"),
        "{shown}"
    );
    let live = ["organisation", "activate-workflow", "acme", "pause"];
    host.cli(live).await.ok();
    let now = states(&acme.get(PATH).await.ok());
    assert_eq!(now[1], state("nice", "stopped", 1), "it is not for nice");
    assert_eq!(now[0], state("lyon", "published", 4));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pause.yaml");
    std::fs::write(&file, PAUSE).unwrap();
    let file = file.to_str().unwrap();
    let again = [
        "organisation",
        "put-workflow",
        "acme",
        file,
        "--only",
        "lyon",
        "--only",
        "oslo",
    ];
    let again = host.cli(again).await.ok();
    assert!(again.contains("live in 2 workspace(s)"), "{again}");
    let gone = ["organisation", "delete-workflow", "acme", "pause"];
    host.cli(gone).await.ok();
    for workspace in ["lyon", "nice", "oslo"] {
        let api = operator.in_workspace(workspace);
        api.get("/v1/workflows/pause")
            .await
            .refused(404, "not-found");
    }
}

/// A key of the workspace alone.
async fn key_of(api: &Api) -> Api {
    let made = key(api, json!({"name": "all", "scopes": ["*"]})).await;
    api.with_key(&made)
}
