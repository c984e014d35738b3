//! Workflow documents that are bombs or nonsense, plugins and versions that nobody has, components
//! that are none, and names that are taken.

use crate::state::{everything, is_one_of, none, same};
use jackfield_tests::{Answer, Api, Host};
use reqwest::Method;
use serde_json::json;
use std::time::{Duration, Instant};

/// Far less than it would take to unfold what these stand for.
const SOON: Duration = Duration::from_secs(20);

async fn send(api: &Api, method: Method, path: &str, body: impl Into<Vec<u8>>) -> Answer {
    let request = api
        .request(method, path)
        .header("content-type", "application/yaml");
    api.send(request.body(body.into())).await
}

/// What each is, and the code of the problem that must be told, where one is certain.
fn bombs() -> Vec<(&'static str, Vec<u8>, Option<&'static str>)> {
    let laughs: String = (1..10).fold("a0: &a0 [x, x]\n".to_owned(), |text, n| {
        let before = n - 1;
        text + &format!(
            "a{n}: &a{n} [{}]\n",
            vec![format!("*a{before}"); 10].join(", ")
        )
    });
    let step = "name: x\ntrigger: {event: a.b}\nsteps:\n";
    let steps: String = (0..20_000)
        .map(|n| format!("  s{n}: {{uses: wait@1, with: {{for: 1h}}}}\n"))
        .collect();
    let not = "{not: ".repeat(1_000) + "{field: a, exists: true}" + &"}".repeat(1_000);
    vec![
        ("a billion laughs", laughs.into_bytes(), Some("alias")),
        ("one that contains itself", b"a: &a [*a]".to_vec(), Some("alias")),
        ("merge keys", b"a: &a {b: 1}\nc: {<<: *a}".to_vec(), Some("alias")),
        ("half a megabyte of lists", vec![b'['; 500_000], None),
        ("half a megabyte of mappings", b"{a: ".repeat(125_000), None),
        ("half a megabyte of items", b"- ".repeat(250_000), Some("too-deep")),
        ("half a megabyte of keys", b"? ".repeat(250_000), None),
        ("half a megabyte of quotes", vec![b'"'; 500_000], None),
        ("half a megabyte of exclamation marks", vec![b'!'; 500_000], None),
        ("half a megabyte of tabs", vec![b'\t'; 500_000], None),
        ("a million values", [b"[".to_vec(), b"1,".repeat(500_000), b"]".to_vec()].concat(), Some("too-many-values")),
        ("twenty thousand steps", (step.to_owned() + &steps).into_bytes(), None),
        ("a deep condition", format!("name: x\ntrigger: {{event: a.b, when: {not}}}\nsteps: {{}}").into_bytes(), Some("too-deep")),
        ("a tag", b"name: !!python/object/apply:os.system [id]\n".to_vec(), Some("tag")),
        ("several documents", b"name: x\n---\nname: y\n".to_vec(), Some("several-documents")),
        ("a name twice", b"name: x\nname: y\nsteps: {}\n".to_vec(), Some("duplicate-key")),
        ("nothing", Vec::new(), Some("empty")),
        ("no number", b"name: x\nmax-visits: .inf\n".to_vec(), Some("number")),
        ("NUL", b"name: \"a\\0b\"\n".to_vec(), None),
        ("a pattern without end", format!("name: x\ntrigger: {{event: a.b, when: {{field: a, matches: '{}'}}}}\nsteps: {{}}\n", "(a+)+".repeat(2_000)).into_bytes(), None),
        ("a pattern of many states", b"name: x\ntrigger: {event: a.b, when: {field: a, matches: '((a{999}){999}){999}'}}\nsteps: {}\n".to_vec(), None),
    ]
}

#[tokio::test]
async fn documents_that_would_grow_without_end_are_refused_soon_and_not_kept() {
    let host = Host::start().await;
    let api = &host.api;
    let before = everything(api).await;
    let mut wrong = Vec::new();
    for (what, source, code) in bombs() {
        for media in ["application/yaml", "application/json"] {
            let began = Instant::now();
            let request = api
                .request(Method::PUT, "/v1/workflows/x")
                .header("content-type", media)
                .body(source.clone());
            let answer = api.send(request).await;
            if let Err(said) = is_one_of(&answer, &["422 invalid-document"]) {
                wrong.push(format!("{what}: {said:.400}"));
                continue;
            }
            let told = answer.json["errors"].as_array().unwrap();
            let has = |code: &str| told.iter().any(|one| one["code"] == code);
            if !code.is_none_or(has) {
                wrong.push(format!(
                    "{what} is not told as {code:?}: {:.400}",
                    answer.text
                ));
            }
            let judged = send(api, Method::POST, "/v1/validate/workflow", source.clone()).await;
            if judged.status != 200 || judged.json["valid"] != false {
                wrong.push(format!("{what}, validated: {:.400}", judged.text));
            }
            if answer.text.len() > 1 << 20 {
                wrong.push(format!("{what}: an answer of {} bytes", answer.text.len()));
            }
            if began.elapsed() > SOON {
                wrong.push(format!("{what} took {:?}", began.elapsed()));
            }
        }
    }
    let answer = send(
        api,
        Method::PUT,
        "/v1/workflows/x",
        b"name: \xff\n".to_vec(),
    )
    .await;
    wrong.extend(is_one_of(&answer, &["400 invalid-utf8"]).err());
    let answer = send(
        api,
        Method::PUT,
        "/v1/workflows/x",
        vec![b'#'; (1 << 20) + 1],
    )
    .await;
    wrong.extend(is_one_of(&answer, &["413 too-large"]).err());
    none(&wrong);
    same(&before, &everything(api).await).unwrap();
}

#[tokio::test]
async fn plugins_and_versions_that_nobody_has_are_named_with_what_there_is() {
    let host = Host::start().await;
    let api = &host.api;
    for (uses, there) in [
        ("wiat@1", "wait@1"),
        ("wait@99", "wait@1"),
        ("nothing-like-it@1", ""),
    ] {
        let document = format!(
            "name: odd\ntrigger: {{event: a.b}}\nsteps:\n  s: {{uses: {uses}, with: {{}}}}\n"
        );
        // As a draft it may name what does not exist yet.
        api.put_workflow(&document).await.ok();
        let problem = api
            .post("/v1/workflows/odd/publish", json!({}))
            .await
            .refused(422, "invalid-document");
        let told = problem["errors"].as_array().unwrap();
        let about = told.iter().find(|one| one["path"] == "/steps/s/uses");
        let about = about.unwrap_or_else(|| panic!("{uses}: {problem:#}"));
        assert!(about["line"].is_u64() && about["message"].as_str().unwrap().len() > 10);
        assert!(about.to_string().contains(there), "{uses}: {about}");
    }
    for uses in [
        "wait",
        "wait@",
        "wait@1.2.3",
        "wait@-1",
        "wait@x",
        "@1",
        "wait@99999999999999999999",
    ] {
        let document =
            format!("name: odd\ntrigger: {{event: a.b}}\nsteps:\n  s: {{uses: \"{uses}\"}}\n");
        let answer = send(api, Method::PUT, "/v1/workflows/odd", document).await;
        let problem = answer.refused(422, "invalid-document");
        assert!(
            problem.to_string().contains("/steps/s/uses"),
            "{uses}: {problem:#}"
        );
    }
    assert_eq!(
        api.get("/v1/workflows/odd").await.ok()["version"],
        json!(null)
    );
    api.post("/v1/workflows/odd/runs", json!({}))
        .await
        .refused(409, "conflict");
    for connector in ["custom-channel@9", "custom-chanel@1", "wait@1", "nothing"] {
        let channel = json!({"name": "x", "connector": connector, "settings": {}});
        let answer = api.post("/v1/channels", channel).await;
        // A version that is not there, but might be granted: 409.
        is_one_of(&answer, &["404 not-found", "409 conflict", "422 invalid"]).unwrap();
    }
    assert!(api.all("/v1/channels?limit=100").await.is_empty());
    for path in [
        "/v1/plugins/nothing",
        "/v1/plugins/wait@9",
        "/v1/plugins/sha256:00",
    ] {
        api.get(path).await.refused(404, "not-found");
    }
}

#[tokio::test]
async fn a_name_that_is_taken_stays_with_who_has_it() {
    let host = Host::start().await;
    let api = &host.api;
    let channel = |id: &str| {
        json!({"name": "chat", "connector": "custom-channel@1",
            "settings": {"webhook-url": "http://127.0.0.1:9/message", "channel-id": id},
            "secrets": {"api-token": "long and random"}})
    };
    api.post("/v1/channels", channel("first")).await.ok();
    api.post("/v1/workspaces", json!({"id": "lyon"})).await.ok();
    api.post("/v1/contacts", json!({"email": "ann@example.com"}))
        .await
        .ok();
    api.post("/v1/contacts", json!({"email": "bob@example.com"}))
        .await
        .ok();
    let other = json!({"name": "other", "connector": "custom-channel@1",
        "settings": {"webhook-url": "http://127.0.0.1:9/message", "channel-id": "x"},
        "secrets": {"api-token": "long and random"}});
    api.post("/v1/channels", other).await.ok();
    let before = everything(api).await;
    for answer in [
        api.post("/v1/channels", channel("second")).await,
        api.patch("/v1/channels/other", json!({"name": "chat"}))
            .await,
        api.post("/v1/workspaces", json!({"id": "lyon", "title": "Mine"}))
            .await,
        api.post("/v1/workspaces", json!({"id": "main"})).await,
        api.post("/v1/contacts", json!({"email": "Ann <ann@EXAMPLE.com>"}))
            .await,
        api.patch(
            "/v1/contacts/email:bob@example.com",
            json!({"email": "ann@example.com"}),
        )
        .await,
    ] {
        is_one_of(&answer, &["409 conflict"]).unwrap();
    }
    same(&before, &everything(api).await).unwrap();
    // The same at the same moment: one has it.
    let both = futures::future::join_all((0..8).map(|n| {
        let mut new = channel(&n.to_string());
        new["name"] = "race".into();
        api.post("/v1/channels", new)
    }))
    .await;
    let made = both.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(made, 1);
    for answer in both.iter().filter(|answer| answer.status != 201) {
        is_one_of(answer, &["409 conflict"]).unwrap();
    }
}

#[tokio::test]
async fn files_that_are_no_component_are_refused_with_what_would_be_right() {
    let host = Host::start().await;
    let api = &host.api;
    let good = std::fs::read(jackfield_tests::plugins().join("wait.wasm")).unwrap();
    let before = everything(api).await;
    let mut files = vec![
        Vec::new(),
        b"\0asm".to_vec(),
        b"\0asm\x01\0\0\0".to_vec(),
        b"\0asm\x0d\0\x01\0".to_vec(),
        b"(component)".to_vec(),
        b"\x7fELF\x02\x01\x01".to_vec(),
        good[..good.len() / 2].to_vec(),
        good[..good.len() - 1].to_vec(),
        [good.clone(), b"rest".to_vec()].concat(),
        // A section that says it is four gigabytes long.
        b"\0asm\x0d\0\x01\0\x01\xff\xff\xff\xff\x0f".to_vec(),
    ];
    // One byte of the real one, turned, in many places.
    for place in (8..good.len()).step_by(good.len() / 24) {
        let mut turned = good.clone();
        turned[place] ^= 0x5a;
        files.push(turned);
    }
    let mut wrong = Vec::new();
    for (number, file) in files.into_iter().enumerate() {
        let ask = async |path: &str| {
            let request = api
                .request(Method::POST, path)
                .header("content-type", "application/wasm")
                .body(file.clone());
            api.send(request).await
        };
        let inspected = ask("/v1/validate/plugin").await;
        // A byte of a name or of a number may be another and the component still one: then it says
        // what it is. Installed it is not here.
        if number < 10 || inspected.status != 200 {
            if let Err(said) = is_one_of(&inspected, &["422 refused"]) {
                wrong.push(format!("{number}, inspected: {said}"));
            }
            if let Err(said) = is_one_of(&ask("/v1/plugins").await, &["422 refused"]) {
                wrong.push(format!("{number}, installed: {said}"));
            }
        }
    }
    none(&wrong);
    same(&before, &everything(api).await).unwrap();
}
