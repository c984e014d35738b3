//! Contacts out of files and into files: what is read, what is refused, what survives a kill.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_tests::{Answer, Api, Host, until};
use reqwest::Method;
use serde_json::{Value, json};

async fn upload(api: &Api, csv: impl Into<Vec<u8>>) -> Answer {
    let request = api.request(Method::POST, "/v1/imports?name=people.csv");
    let request = request.header("content-type", "text/csv").body(csv.into());
    api.send(request).await
}

async fn over(api: &Api, id: &str) -> Value {
    let path = format!("/v1/imports/{id}");
    until("the import to be over", async || {
        let shown = api.get(&path).await.ok();
        let state = shown["state"].as_str().unwrap().to_owned();
        (!["reviewing", "running", "cancelling"].contains(&state.as_str())).then_some(shown)
    })
    .await
}

/// Uploads, begins and waits; gives the import as it ended.
async fn import(api: &Api, csv: &str, how: &str, plan: Value) -> Value {
    let id = upload(api, csv).await.ok()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let begun = api.post(&format!("/v1/imports/{id}/{how}"), plan).await;
    assert_eq!(begun.status, 202, "{}", begun.text);
    over(api, &id).await
}

fn counts(import: &Value) -> (u64, u64, u64, u64) {
    let count = |what: &str| import[what].as_u64().unwrap();
    (
        count("added"),
        count("updated"),
        count("skipped"),
        count("failed"),
    )
}

async fn rows(api: &Api, import: &Value) -> Vec<(i64, String, String)> {
    let id = import["id"].as_str().unwrap();
    let rows = api.all(&format!("/v1/imports/{id}/rows?limit=100")).await;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let told = rows.iter().map(|row| {
        (
            row["line"].as_i64().unwrap(),
            text(&row["outcome"]),
            text(&row["code"]),
        )
    });
    told.collect()
}

const PEOPLE: &str = "\u{feff}First Name;Last Name;Phone Number;E-Mail;City;Born;Tags;Lists;Note\n\
    Ann;Old;+33600000001;ann@example.com;Paris;1980-02-03;\"vip\\;gold\";news;=1+1\n\
    Bob;;33600000002;;;;; ;\n\
    ;Nameless;+33600000003;;;;;;\n\
    Dan;;12;;;;;;\n\
    Eve;;;eve@example.com;;31/12/1999;;;\n\
    Fay;;;;;;;;\n\
    Gil;;+33600000007;gil@example.com;;;;old;\n\
    Hal;;+33600000008\n";

async fn furnish(api: &Api) {
    api.put("/v1/contact-fields/city", json!({"kind": "text"}))
        .await
        .ok();
    api.put(
        "/v1/contact-fields/born",
        json!({"kind": "date", "title": "Born"}),
    )
    .await
    .ok();
    api.put("/v1/lists/news", json!({})).await.ok();
    api.put("/v1/lists/imported", json!({})).await.ok();
}

#[tokio::test]
async fn a_file_is_reviewed_then_imported_and_every_row_is_accounted_for() {
    let host = Host::start().await;
    let api = &host.api;
    furnish(api).await;
    let made = upload(api, PEOPLE).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let made = made.json;
    assert_eq!(
        (&made["delimiter"], &made["rows"]),
        (&json!(";"), &json!(8))
    );
    assert_eq!(made["suggested"]["Phone Number"], "phone");
    assert_eq!(made["suggested"]["First Name"], "firstname");
    assert_eq!(made["suggested"]["Born"], "born");
    assert_eq!(made["suggested"]["Note"], Value::Null);
    let id = made["id"].as_str().unwrap();
    let plan = json!({"purpose": "upsert", "tags": ["from-file"], "lists": ["imported"]});

    // Nothing is changed by a review.
    api.post(&format!("/v1/imports/{id}/review"), plan.clone())
        .await
        .ok();
    let reviewed = over(api, id).await;
    assert_eq!(reviewed["state"], "reviewed");
    assert_eq!(counts(&reviewed), (2, 0, 0, 6), "{reviewed:#}");
    let wrong = [
        (4, "no-firstname"),
        (5, "invalid-value"),
        (6, "invalid-value"),
        (7, "no-identifier"),
        (8, "unknown-list"),
        (9, "wrong-columns"),
    ];
    let told = rows(api, &reviewed).await;
    let told: Vec<(i64, &str)> = told
        .iter()
        .map(|(line, _, code)| (*line, code.as_str()))
        .collect();
    assert_eq!(told, wrong);
    assert_eq!(api.all("/v1/contacts?limit=100").await.len(), 0);

    api.post(&format!("/v1/imports/{id}/start"), plan)
        .await
        .ok();
    let done = over(api, id).await;
    assert_eq!(
        (&done["state"], &done["done"]),
        (&json!("completed"), &json!(8))
    );
    assert_eq!(counts(&done), (2, 0, 0, 6), "{done:#}");
    let ann = api.get("/v1/contacts/phone:+33600000001").await.ok();
    assert_eq!(ann["name"], "Ann Old");
    assert_eq!(ann["born"], "1980-02-03");
    assert_eq!(ann["tags"], json!(["from-file", "vip;gold"]));
    let same = api.get("/v1/contacts/email:ann@example.com").await.ok();
    assert_eq!(same["id"], ann["id"]);
    // A country code without its plus, as spreadsheets leave it.
    api.get("/v1/contacts/phone:+33600000002").await.ok();
    let on = |list: &'static str| async move {
        api.all(&format!("/v1/lists/{list}/contacts?limit=100"))
            .await
            .len()
    };
    assert_eq!((on("news").await, on("imported").await), (1, 2));
    let report = api.get(&format!("/v1/imports/{id}/result")).await;
    assert_eq!(
        report.header("content-type"),
        Some("text/csv; charset=utf-8")
    );
    let lines: Vec<&str> = report.text.lines().collect();
    assert_eq!(lines[0], "line,outcome,contact,code,message");
    assert_eq!(lines.len(), 9);
    assert!(lines[1].starts_with("2,added,ctc_"), "{}", lines[1]);
    let failed = api
        .get(&format!("/v1/imports/{id}/result?outcome=failed"))
        .await;
    assert_eq!(failed.text.lines().count(), 7, "{}", failed.text);

    // It is over: it cannot be started again, and its report can be removed.
    let again = json!({"purpose": "upsert"});
    for how in ["start", "review"] {
        let path = format!("/v1/imports/{id}/{how}");
        api.post(&path, again.clone())
            .await
            .refused(409, "conflict");
    }
    api.post(&format!("/v1/imports/{id}/cancel"), json!({}))
        .await
        .refused(409, "conflict");
    assert_eq!(api.delete(&format!("/v1/imports/{id}")).await.status, 204);
    api.get(&format!("/v1/imports/{id}"))
        .await
        .refused(404, "not-found");
    // What a contact's row says of an import goes with the contact.
    assert_eq!(
        api.delete("/v1/contacts/phone:+33600000001").await.status,
        204
    );
}

#[tokio::test]
async fn each_purpose_does_what_it_says() {
    let host = Host::start().await;
    let api = &host.api;
    let ann = json!({"firstname": "Ann", "phone": "+33600000001"});
    let ann = api.post("/v1/contacts", ann).await.ok();
    let bob = json!({"firstname": "Bob", "email": "bob@example.com"});
    api.post("/v1/contacts", bob).await.ok();
    let file =
        "firstname,phone,country\nAnna,+33600000001,FR\nCy,+33600000003,BE\nCyr,+33600000003,\n";
    let plan = |purpose: &str| json!({"purpose": purpose});

    let added = import(api, file, "start", plan("add")).await;
    assert_eq!(counts(&added), (1, 0, 2, 0), "{added:#}");
    let known = api.get("/v1/contacts/phone:+33600000001").await.ok();
    assert_eq!(
        (&known["firstname"], &known["country"]),
        (&json!("Ann"), &Value::Null)
    );

    let file = file.replace("+33600000003", "+33600000004");
    let updated = import(api, &file, "start", plan("update")).await;
    assert_eq!(counts(&updated), (0, 1, 0, 2), "{updated:#}");
    let known = api.get("/v1/contacts/phone:+33600000001").await.ok();
    assert_eq!(
        (&known["firstname"], &known["country"]),
        (&json!("Anna"), &json!("FR"))
    );

    // Two rows of one person: the second finds what the first made.
    let upserted = import(api, &file, "start", plan("upsert")).await;
    assert_eq!(counts(&upserted), (1, 2, 0, 0), "{upserted:#}");
    let cyr = api.get("/v1/contacts/phone:+33600000004").await.ok();
    assert_eq!(
        (&cyr["firstname"], &cyr["country"]),
        (&json!("Cyr"), &json!("BE"))
    );

    let before = api.all("/v1/contacts?limit=100").await.len();
    let all = import(api, &file, "start", plan("add-all")).await;
    assert_eq!(counts(&all), (3, 0, 0, 0), "{all:#}");
    assert_eq!(api.all("/v1/contacts?limit=100").await.len(), before + 3);
    // The address stays with whom it was.
    let known = api.get("/v1/contacts/phone:+33600000001").await.ok();
    assert_eq!(known["id"], ann["id"]);

    // By id; and an address that belongs to somebody else.
    let id = ann["id"].as_str().unwrap();
    let file = format!(
        "id,firstname,email\n{id},Ann,ann@example.com\nctc_none,X,\n{id},Ann,bob@example.com\n"
    );
    let by_id = import(api, &file, "start", plan("upsert")).await;
    assert_eq!(counts(&by_id), (0, 1, 0, 2), "{by_id:#}");
    let told = rows(api, &by_id).await;
    assert_eq!(
        (told[1].2.as_str(), told[2].2.as_str()),
        ("not-found", "address-taken")
    );
}

#[tokio::test]
async fn workflows_are_started_only_where_that_is_wanted() {
    let host = Host::start().await;
    let api = &host.api;
    api.publish(
        "name: greet\ntrigger: {event: contact.created}\nsteps:\n  \
         tag: {uses: update-contact-tag@1, with: {tags: [greeted]}}\n",
    )
    .await;
    let file = |n: u32| format!("firstname,phone\nAnn,+3360000000{n}\n");
    import(api, &file(1), "start", json!({"purpose": "add"})).await;
    let loud = json!({"purpose": "add", "trigger-workflows": true});
    import(api, &file(2), "start", loud).await;
    until("the workflow to have started", async || {
        let greeted = api.get("/v1/contacts/phone:+33600000002").await.ok();
        (greeted["tags"] == json!(["greeted"])).then_some(())
    })
    .await;
    assert_eq!(api.all("/v1/runs?workflow=greet").await.len(), 1);
}

#[tokio::test]
async fn what_is_wrong_with_a_file_or_a_plan_is_said() {
    let host = Host::start().await;
    let api = &host.api;
    furnish(api).await;
    for (csv, said) in [
        (&b""[..], "is empty"),
        (b"a,b\n", "no row"),
        (b"a,b\n1,\xe9\n", "line 2 is not UTF-8"),
        (b"\xff\xfea\0", "UTF-16"),
        (b"a,a\n1,2\n", "two columns"),
    ] {
        let problem = upload(api, csv).await.refused(422, "invalid");
        assert!(problem.to_string().contains(said), "{problem:#}");
    }
    let many = format!("a\n{}", "1\n".repeat(200_001));
    let problem = upload(api, many).await.refused(422, "invalid");
    assert!(problem.to_string().contains("200000 rows"), "{problem:#}");
    // Refused by its announced length: the host may hang up before all of it has left.
    let large = api.request(Method::POST, "/v1/imports");
    let large = large.header("content-type", "text/csv");
    if let Ok(answer) = large.body(vec![b'x'; 20 * 1024 * 1024]).send().await {
        assert_eq!(answer.status(), 413);
    }
    let other = api.request(Method::POST, "/v1/imports").json(&json!({}));
    api.send(other).await.refused(415, "unsupported-media-type");
    let odd = api.request(Method::POST, "/v1/imports?delimiter=x");
    let odd = odd.header("content-type", "text/csv").body("a\n1\n");
    api.send(odd).await.refused(422, "invalid");

    let file = "Who,Phone,Mail\nAnn,+33600000001,ann@example.com\n";
    let id = upload(api, file).await.ok()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    for (plan, said) in [
        (
            json!({"purpose": "upsert", "columns": {"Who": "firstname"}}),
            "who is meant",
        ),
        (
            json!({"purpose": "add", "columns": {"Phone": "phone"}}),
            "need a first name",
        ),
        (
            json!({"purpose": "add", "columns": {"Phon": "phone", "Who": "firstname"}}),
            "did you mean `Phone`",
        ),
        (
            json!({"purpose": "add", "columns": {"Phone": "fone", "Who": "firstname"}}),
            "no field `fone`",
        ),
        (
            json!({"purpose": "add", "columns": {"Phone": "phone", "Mail": "phone", "Who": "name"}}),
            "the same field",
        ),
        (
            json!({"purpose": "add-all", "columns": {"Phone": "id", "Who": "name"}}),
            "no contact is made under an `id`",
        ),
        (
            json!({"purpose": "update", "columns": {"Phone": "phone"}, "lists": ["new"]}),
            "did you mean `news`",
        ),
        (
            json!({"purpose": "update", "columns": {"Phone": "phone"}, "tags": [" "]}),
            "is no tag",
        ),
        (json!({"purpose": "replace"}), "upsert"),
        (json!({"purpose": "upsert", "colums": {}}), "colums"),
    ] {
        for how in ["review", "start"] {
            let path = format!("/v1/imports/{id}/{how}");
            let problem = api.post(&path, plan.clone()).await.refused(422, "invalid");
            assert!(problem.to_string().contains(said), "{plan}: {problem:#}");
        }
    }
    // Without a name it is only to update; all despite duplicates needs nobody's address.
    let update = json!({"purpose": "update", "columns": {"Phone": "phone"}});
    assert_eq!(
        api.post(&format!("/v1/imports/{id}/review"), update)
            .await
            .status,
        202
    );
    over(api, &id).await;
    let all = json!({"purpose": "add-all", "columns": {"Who": "firstname"}});
    assert_eq!(
        api.post(&format!("/v1/imports/{id}/start"), all)
            .await
            .status,
        202
    );
    assert_eq!(counts(&over(api, &id).await), (1, 0, 0, 0));
}

#[tokio::test]
async fn an_import_survives_kills_and_does_no_row_twice() {
    let mut host = Host::start().await;
    let mut file = "firstname,phone\n".to_owned();
    for n in 0..1_500 {
        file.push_str(&format!("P{n},\n"));
    }
    let id = upload(&host.api, file).await.ok()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    // Every row makes a contact: one that is done twice would be seen.
    let plan = json!({"purpose": "add-all"});
    host.api
        .post(&format!("/v1/imports/{id}/start"), plan)
        .await
        .ok();
    for least in [150, 700] {
        until("some rows to be done", async || {
            let shown = host.api.get(&format!("/v1/imports/{id}")).await.ok();
            (shown["done"].as_u64().unwrap() >= least).then_some(())
        })
        .await;
        host.kill();
        host.restart().await;
    }
    let done = over(&host.api, &id).await;
    assert_eq!(done["state"], "completed");
    assert_eq!(counts(&done), (1_500, 0, 0, 0), "{done:#}");
    assert_eq!(host.api.all("/v1/contacts?limit=100").await.len(), 1_500);
    let report = host.api.get(&format!("/v1/imports/{id}/result")).await;
    let mut lines: Vec<u64> = report
        .text
        .lines()
        .skip(1)
        .map(|line| line.split(',').next().unwrap().parse().unwrap())
        .collect();
    assert!(lines.is_sorted());
    lines.dedup();
    assert_eq!(lines.len(), 1_500);
}

#[tokio::test]
async fn an_import_under_way_can_be_cancelled() {
    let host = Host::start().await;
    let api = &host.api;
    let mut file = "firstname,phone\n".to_owned();
    for n in 0..5_000 {
        file.push_str(&format!("P{n},\n"));
    }
    let id = upload(api, file).await.ok()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let plan = json!({"purpose": "add-all"});
    api.post(&format!("/v1/imports/{id}/start"), plan)
        .await
        .ok();
    api.delete(&format!("/v1/imports/{id}"))
        .await
        .refused(409, "conflict");
    api.post(&format!("/v1/imports/{id}/cancel"), json!({}))
        .await
        .ok();
    let done = over(api, &id).await;
    assert_eq!(done["state"], "cancelled", "{done:#}");
    let made = api.all("/v1/contacts?limit=100").await.len() as u64;
    assert_eq!(done["added"].as_u64().unwrap(), made);
    assert!(made < 5_000);
}

#[tokio::test]
async fn what_is_exported_can_be_imported_again() {
    let host = Host::start().await;
    let api = &host.api;
    furnish(api).await;
    let ann = json!({"firstname": "=cmd|' /C calc'!A0", "lastname": "O'Hara; \"A\"",
        "phone": "+33600000001", "email": "ann@example.com", "city": "Paris\nNord",
        "born": "1980-02-03", "tags": ["vip", "a;b"], "language": "fr"});
    let ann = api.post("/v1/contacts", ann).await.ok();
    api.post("/v1/lists/news/contacts", json!({"contact": ann["id"]}))
        .await
        .ok();
    let bob = json!({"firstname": "Bob", "phone": "+33600000002"});
    api.post("/v1/contacts", bob).await.ok();
    let export = api.get("/v1/contacts/export").await;
    assert_eq!(export.status, 200, "{}", export.text);
    assert!(export.text.contains("'=cmd"), "{}", export.text);
    assert!(export.text.contains(",+33600000001,"), "{}", export.text);
    let few = api
        .get("/v1/contacts/export?segment=with-tags&columns=firstname,phone,tags")
        .await;
    assert_eq!(
        few.text,
        "firstname,phone,tags\n'=cmd|' /C calc'!A0,+33600000001,vip;a\\;b\n"
    );
    for (query, code) in [
        ("columns=fone", "invalid"),
        ("columns=phone,phone", "invalid"),
    ] {
        api.get(&format!("/v1/contacts/export?{query}"))
            .await
            .refused(422, code);
    }
    api.get("/v1/contacts/export?segment=none")
        .await
        .refused(404, "not-found");

    // Into another workspace, which has the same fields and lists.
    api.post("/v1/workspaces", json!({"id": "lyon"})).await.ok();
    let lyon = api.in_workspace("lyon");
    furnish(&lyon).await;
    let columns = "firstname,lastname,phone,email,language,city,born,tags,lists";
    let path = format!("/v1/contacts/export?columns={columns}");
    let export = api.get(&path).await.text;
    let done = import(&lyon, &export, "start", json!({"purpose": "add"})).await;
    assert_eq!(counts(&done), (2, 0, 0, 0), "{done:#}");
    let mut other: Vec<String> = lyon
        .get(&path)
        .await
        .text
        .split('\n')
        .map(str::to_owned)
        .collect();
    let mut first: Vec<String> = export.split('\n').map(str::to_owned).collect();
    other.sort();
    first.sort();
    assert_eq!(first, other);
    let id = done["id"].as_str().unwrap();
    api.get(&format!("/v1/imports/{id}"))
        .await
        .refused(404, "not-found");
}

#[tokio::test]
async fn the_command_line_reviews_imports_and_exports() {
    let host = Host::start().await;
    furnish(&host.api).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("people.csv");
    std::fs::write(&file, "Vorname,Tel\nAnn,+33600000001\nBob,12\n").unwrap();
    let file = file.to_str().unwrap();
    let mapped = ["--column", "Vorname=firstname", "--column", "Tel=phone"];
    let words = |how: &'static str| ["import", how, file].into_iter().chain(mapped);
    let said = host.cli(words("review")).await.ok();
    assert!(
        said.contains("reviewed") && said.contains("no phone number"),
        "{said}"
    );
    assert_eq!(host.api.all("/v1/contacts?limit=100").await.len(), 0);
    let said = host
        .cli(words("start").chain(["--tag", "new", "--list", "news"]))
        .await
        .ok();
    assert!(said.contains("completed"), "{said}");
    let said = host.cli(["import", "list"]).await.ok();
    assert!(said.contains("people.csv"), "{said}");
    let imports = host.api.all("/v1/imports?limit=100").await;
    assert_eq!(imports.len(), 2);
    let id = imports[0]["id"].as_str().unwrap();
    let said = host
        .cli(["import", "result", id, "--only", "failed"])
        .await
        .ok();
    assert!(said.contains("3,failed,,invalid-value"), "{said}");
    let out = folder.path().join("out.csv");
    host.cli([
        "contact",
        "export",
        "--columns",
        "firstname,phone",
        "--output",
        out.to_str().unwrap(),
    ])
    .await
    .ok();
    assert_eq!(
        std::fs::read_to_string(&out).unwrap(),
        "firstname,phone\nAnn,+33600000001\n"
    );
    host.cli(["import", "delete", id]).await.ok();
    // What cannot be begun leaves nothing behind.
    let said = host
        .cli(["import", "start", file, "--column", "Vorname=firstname"])
        .await;
    assert!(!said.status.success());
    assert_eq!(host.api.all("/v1/imports?limit=100").await.len(), 1);
}
