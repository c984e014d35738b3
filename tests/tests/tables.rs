//! Tables, and the step that adds rows: to a table of the workspace once for each visit, whatever
//! happens meanwhile, and to a Google spreadsheet over a server that answers as Google's documents say.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jackfield_peers::{Answer, Crm, Request};
use jackfield_tests::{Api, Cluster, Host, Program};
use serde_json::{Value, json};

const ANN: &str = "email:ann@example.com";
const BOB: &str = "email:bob@example.com";

/// A workflow that adds a row and then waits for a moment.
fn keep(name: &str, row: &Value) -> String {
    format!(
        "name: {name}\ntrigger: {{event: answer.given}}\nsteps:\n  \
         keep: {{uses: add-sheet-row@1, with: {{table: answers, row: {row}}}}}\n  \
         pause: {{uses: wait@1, with: {{for: 1h}}}}\n"
    )
}

async fn csv(api: &Api) -> String {
    let export = api.get("/v1/tables/answers/export").await;
    assert_eq!(export.status, 200, "{}", export.text);
    assert_eq!(
        export.header("content-type"),
        Some("text/csv; charset=utf-8")
    );
    export.text
}

#[tokio::test]
async fn rows_are_added_once_and_leave_as_csv_that_no_spreadsheet_runs() {
    let mut host = Host::start().await;
    let api = host.api.clone();
    let made = api
        .put(
            "/v1/tables/answers",
            json!({"title": "Answers", "columns": ["name", "stars", "note"]}),
        )
        .await;
    assert_eq!(made.status, 201, "{}", made.text);
    let row = json!({"name": "${contact.firstname|nobody}", "stars": "$event.stars", "note": "$event.note"});
    api.publish(&keep("keep", &row)).await;
    for (who, name) in [(ANN, "Ann"), (BOB, "Bob")] {
        let path = format!("/v1/contacts/{who}");
        api.put(&path, json!({"firstname": name})).await.ok();
    }
    let given = json!({"stars": 5, "note": "=HYPERLINK(\"http://x\")"});
    let run = api.start("answer.given", Some(ANN), given).await;
    api.waiting_at(&run, "pause").await;
    let given = json!({"stars": -1, "note": "a \"quoted\", broken\nline"});
    let run = api.start("answer.given", Some(BOB), given).await;
    api.waiting_at(&run, "pause").await;
    let whole = "name,stars,note\nAnn,5,\"'=HYPERLINK(\"\"http://x\"\")\"\n\
                 Bob,-1,\"a \"\"quoted\"\", broken\nline\"\n";
    assert_eq!(csv(&api).await, whole);

    // After a crash there are as many.
    host.restart().await;
    let api = host.api.clone();
    assert_eq!(csv(&api).await, whole);
    let by_cli = host.cli(["table", "export", "answers"]).await.ok();
    assert_eq!(by_cli, whole);
    let listed = host.cli(["table", "list", "--json"]).await.ok();
    assert!(listed.contains("\"answers\""), "{listed}");

    // What was written of a contact goes with it.
    assert_eq!(api.delete(&format!("/v1/contacts/{ANN}")).await.status, 204);
    assert!(!csv(&api).await.contains("Ann"));

    // Another workspace has its own.
    api.post("/v1/workspaces", json!({"id": "lyon"})).await.ok();
    let lyon = api.in_workspace("lyon");
    for path in ["/v1/tables/answers", "/v1/tables/answers/export"] {
        lyon.get(path).await.refused(404, "not-found");
    }
    lyon.delete("/v1/tables/answers")
        .await
        .refused(404, "not-found");
    assert_eq!(lyon.all("/v1/tables").await, Vec::<Value>::new());
    let own = json!({"columns": ["name", "stars", "note"]});
    lyon.put("/v1/tables/answers", own).await.ok();
    assert_eq!(csv(&lyon).await, "name,stars,note\n");

    assert_eq!(api.delete("/v1/tables/answers").await.status, 204);
    api.get("/v1/tables/answers/export")
        .await
        .refused(404, "not-found");
    // A table of the same name begins anew.
    let again = json!({"columns": ["name"]});
    api.put("/v1/tables/answers", again).await.ok();
    assert_eq!(csv(&api).await, "name\n");
}

#[tokio::test]
async fn what_does_not_fit_is_refused_with_what_would() {
    let host = Host::start().await;
    let api = &host.api;
    for (name, body) in [
        ("No", json!({"columns": ["a"]})),
        ("answers", json!({"columns": []})),
        ("answers", json!({"columns": ["a", "a"]})),
        ("answers", json!({"columns": [" a"]})),
    ] {
        let refused = api.put(&format!("/v1/tables/{name}"), body).await;
        refused.refused(422, "invalid");
    }
    api.put("/v1/tables/answers", json!({"columns": ["name"]}))
        .await
        .ok();
    let others = json!({"columns": ["name", "stars"]});
    api.put("/v1/tables/answers", others)
        .await
        .refused(409, "conflict");
    let titled = api.put(
        "/v1/tables/answers",
        json!({"title": "T", "columns": ["name"]}),
    );
    assert_eq!(titled.await.ok()["title"], "T");

    // Publishing knows the tables, and that a row goes to one place.
    for (with, code) in [
        ("{table: answer, row: {name: a}}", "unknown-table"),
        ("{row: {name: a}}", ""),
        (
            "{table: answers, google: {spreadsheet: s, sheet: S, account: a}, row: {name: a}}",
            "",
        ),
        ("{table: answers, row: {}}", ""),
    ] {
        let source = format!(
            "name: odd\ntrigger: {{event: manual}}\nsteps:\n  keep: {{uses: add-sheet-row@1, with: {with}}}\n"
        );
        api.put_workflow(&source).await.ok();
        let refused = api.post("/v1/workflows/odd/publish", json!({})).await;
        let refused = refused.refused(422, "invalid-document");
        let told = refused["errors"].to_string();
        assert!(told.contains(code), "{with}: {told}");
    }
    for (row, code) in [
        (json!({"fax": "1"}), "invalid"),
        (json!({"name": {"a": 1}}), "invalid"),
        (json!({"name": "é".repeat(5_001)}), "too-large"),
    ] {
        let source = keep("odd", &row);
        api.publish(&source).await;
        let run = api.start("answer.given", Some(ANN), json!({})).await;
        let over = api.over(&run).await;
        assert_eq!(over["state"], "failed", "{row}: {over:#}");
        let timeline = json!(api.timeline(&run).await).to_string();
        assert!(
            timeline.contains(&format!("\"code\":\"{code}\"")),
            "{row}: {timeline}"
        );
    }
    assert_eq!(csv(api).await, "name\n");
}

#[tokio::test]
async fn many_contacts_on_two_hosts_write_one_table_that_reads_the_same_on_both() {
    let cluster = Cluster::start(2, &[]).await;
    let api = cluster.api(0);
    let table = json!({"columns": ["n"]});
    api.put("/v1/tables/answers", table).await.ok();
    let source = "name: keep\ntrigger: {event: answer.given}\nsteps:\n  \
                  keep: {uses: add-sheet-row@1, with: {table: answers, row: {n: $event.n}}}\n";
    api.publish(source).await;
    let mut runs = Vec::new();
    for n in 0..40 {
        let who = format!("email:c{n}@example.com");
        let through = cluster.api(n % 2);
        runs.push(
            through
                .start("answer.given", Some(&who), json!({"n": n}))
                .await,
        );
    }
    for run in &runs {
        api.completed(run).await;
    }
    let one = csv(&cluster.api(0)).await;
    let other = csv(&cluster.api(1)).await;
    assert_eq!(one, other);
    let mut found: Vec<u32> = one
        .lines()
        .skip(1)
        .map(|line| line.parse().unwrap())
        .collect();
    found.sort_unstable();
    assert_eq!(found, (0..40).collect::<Vec<u32>>());
    // One host deletes what lies in the other's buckets too.
    assert_eq!(api.delete("/v1/tables/answers").await.status, 204);
    api.get("/v1/tables/answers")
        .await
        .refused(404, "not-found");
}

/// The sheet's service account, and the public half of its key.
const ACCOUNT: &str = "sheets@project.iam.gserviceaccount.com";

/// A service account's key that nobody has but this test, and the public half of it.
fn keys() -> (String, String) {
    let pair = aws_lc_rs::rsa::KeyPair::generate(KeySize::Rsa2048).unwrap();
    let pem = |label: &str, der: &[u8]| {
        let text = STANDARD.encode(der);
        format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
    };
    let private: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    (
        pem("PRIVATE KEY", private.as_ref()),
        pem("PUBLIC KEY", public.as_ref()),
    )
}

/// A host that may reach a stand-in for Google, with the account's key; and a workflow that writes there.
async fn with_google(google: &Crm, private: &str) -> Host {
    let host = Host::start().await;
    let api = &host.api;
    let shown = api.get("/v1/plugins/add-sheet-row").await.ok();
    let mut approve = shown["asked"].clone();
    approve["hosts"] = json!([google.url]);
    let grant = json!({"approve": approve});
    api.post("/v1/plugins/add-sheet-row/grant", grant)
        .await
        .ok();
    let account = json!({
        "type": "service_account", "client_email": ACCOUNT, "private_key": private,
    });
    let secret = json!({"value": account.to_string()});
    assert_eq!(api.put("/v1/secrets/google-key", secret).await.status, 204);
    let url = &google.url;
    api.publish(&format!(
        "name: keep\ntrigger: {{event: answer.given}}\nsteps:\n  keep:\n    uses: add-sheet-row@1\n    with:\n      \
         google: {{spreadsheet: 1AbC, sheet: \"It's ours\", account: {ACCOUNT}, token-url: \"{url}/token\", api-url: \"{url}\"}}\n      \
         row: {{stars: $event.stars, name: \"${{event.name}}\"}}\n    retry: {{attempts: 3, first: 1s, max: 1s}}\n    \
         branches: {{failure: end}}\n"
    ))
    .await;
    host
}

/// Answers as in Google's reference: of the token endpoint, `values.get` and `values.append`.
fn token() -> Answer {
    let json = json!({"access_token": "ya29.token", "expires_in": 3_599, "token_type": "Bearer"});
    Answer::new(200, json)
}

fn header() -> Answer {
    let json = json!({"range": "'It''s ours'!A1:Z1", "majorDimension": "ROWS", "values": [["name", "stars"]]});
    Answer::new(200, json)
}

fn appended() -> Answer {
    let json = json!({
        "spreadsheetId": "1AbC", "tableRange": "'It''s ours'!A1:B2",
        "updates": {"spreadsheetId": "1AbC", "updatedRange": "'It''s ours'!A3:B3", "updatedRows": 1,
            "updatedColumns": 2, "updatedCells": 2},
    });
    Answer::new(200, json)
}

fn refusal(status: u16, text: &str, reason: &str) -> Answer {
    let json = json!({"error": {"code": status, "message": text, "status": reason}});
    Answer::new(status, json)
}

async fn output(api: &Api, run: &str) -> Value {
    let over = api.over(run).await;
    let timeline = api.timeline(run).await;
    assert_eq!(over["state"], "completed", "{over:#}\n{timeline:#?}");
    over["outputs"]["keep"].clone()
}

#[tokio::test]
async fn a_row_reaches_a_google_sheet_with_a_token_that_the_host_has_signed_for() {
    let google = Crm::start().await.unwrap();
    let (private, public) = keys();
    let host = with_google(&google, &private).await;
    let api = &host.api;
    for answer in [token(), header(), appended()] {
        google.answer_next(answer);
    }
    let given = json!({"stars": 5, "name": "=1+1 {{x}}"});
    let run = api.start("answer.given", Some(ANN), given).await;
    assert_eq!(output(api, &run).await["row"], "'It''s ours'!A3:B3");
    let asked: Vec<Request> = google.requests().all();
    let lines: Vec<String> = asked
        .iter()
        .map(|one| format!("{} {}", one.method, one.path))
        .collect();
    let range = "/v4/spreadsheets/1AbC/values/%27It%27%27s%20ours%27%21";
    assert_eq!(
        lines,
        [
            "POST /token".to_owned(),
            format!("GET {range}1%3A1"),
            format!("POST {range}A1:append?valueInputOption=RAW&insertDataOption=INSERT_ROWS"),
        ]
    );
    assert_eq!(
        asked[2].json,
        json!({"majorDimension": "ROWS", "values": [["=1+1 {{x}}", 5]]})
    );
    for request in &asked[1..] {
        assert_eq!(request.header("authorization"), Some("Bearer ya29.token"));
    }

    // Google's own client asks the same, and reads the answers.
    google.answer_next(header());
    google.answer_next(appended());
    let mut client = Program::node("google-sheets.cjs", &[&google.url]).await;
    let row = json!(["=1+1 {{x}}", 5]);
    let question =
        json!({"token": "ya29.token", "spreadsheet": "1AbC", "sheet": "It's ours", "row": row});
    let read = json!({"columns": ["name", "stars"], "added": "'It''s ours'!A3:B3"});
    assert_eq!(client.ask(question).await, read);
    let official = google.requests().all().split_off(3);
    assert_eq!(official.len(), 2);
    for (ours, theirs) in asked[1..].iter().zip(&official) {
        assert_eq!(
            (&ours.method, &ours.path, &ours.json),
            (&theirs.method, &theirs.path, &theirs.json)
        );
        for name in ["authorization", "content-type"] {
            assert_eq!(ours.header(name), theirs.header(name), "{}", ours.path);
        }
    }

    // The assertion, judged by a library that is not ours.
    let form = String::from_utf8(asked[0].body.clone()).unwrap();
    let grant = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";
    let assertion = form.strip_prefix(grant).unwrap_or_else(|| panic!("{form}"));
    let claims = assertion.split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    let mut judge = Program::node("jwt-verify.cjs", &[]).await;
    let audience = format!("{}/token", google.url);
    let question = json!({
        "token": assertion, "key": public, "audience": audience, "now": claims["iat"],
    });
    let judged = judge.ask(question).await;
    assert_eq!(
        judged["header"],
        json!({"alg": "RS256", "typ": "JWT"}),
        "{judged}"
    );
    let iat = claims["iat"].as_u64().unwrap();
    assert_eq!(
        judged["claims"],
        json!({"iss": ACCOUNT, "scope": "https://www.googleapis.com/auth/spreadsheets",
            "aud": audience, "iat": iat, "exp": iat + 3_600})
    );

    // The key is nowhere that anybody reads.
    let told = json!(api.timeline(&run).await).to_string() + &host.log();
    assert!(!told.contains("PRIVATE KEY"));
    let shown = api.get("/v1/secrets").await.text;
    assert!(shown.contains("google-key") && !shown.contains("PRIVATE"));
}

#[tokio::test]
async fn what_google_refuses_is_tried_again_where_that_may_help_and_told_where_not() {
    let google = Crm::start().await.unwrap();
    let (private, _) = keys();
    let host = with_google(&google, &private).await;
    let api = &host.api;
    // Busy twice, then it works.
    let busy = || refusal(503, "The service is currently unavailable.", "UNAVAILABLE");
    let slow = || refusal(429, "Quota exceeded.", "RESOURCE_EXHAUSTED");
    for answer in [
        slow(),
        token(),
        header(),
        busy(),
        // The stand-in knows the key of the question for a token, and answers it as before.
        header(),
        appended(),
    ] {
        google.answer_next(answer);
    }
    let run = api
        .start("answer.given", Some(ANN), json!({"stars": 5}))
        .await;
    assert_eq!(output(api, &run).await["row"], "'It''s ours'!A3:B3");
    assert_eq!(google.requests().count(), 7);

    let forbidden = || {
        refusal(
            403,
            "The caller does not have permission",
            "PERMISSION_DENIED",
        )
    };
    let gone = || refusal(404, "Requested entity was not found.", "NOT_FOUND");
    let range = || {
        refusal(
            400,
            "Unable to parse range: 'It''s ours'!1:1",
            "INVALID_ARGUMENT",
        )
    };
    let nobody = || {
        Answer::new(
            400,
            json!({"error": "invalid_grant", "error_description": "Invalid JWT Signature."}),
        )
    };
    let other = || {
        Answer::new(
            200,
            json!({"range": "A1:Z1", "majorDimension": "ROWS", "values": [["name"]]}),
        )
    };
    let empty = || Answer::new(200, json!({"range": "A1:Z1", "majorDimension": "ROWS"}));
    let broken = || refusal(500, "Internal error encountered.", "INTERNAL");
    let before = google.requests().count();
    let mut asked = before;
    for (n, (answers, code, words)) in [
        (vec![token(), forbidden()], "forbidden", ACCOUNT),
        (vec![token(), gone()], "not-found", "1AbC"),
        (vec![token(), range()], "not-found", "no sheet"),
        (vec![nobody()], "auth", "Invalid JWT Signature."),
        (vec![token(), other()], "invalid", "no column `stars`"),
        (vec![token(), empty()], "no-columns", "no columns"),
        // Nobody knows whether the row is there: it is not sent again.
        (vec![token(), header(), broken()], "uncertain", "500"),
        // Four times, and then it is enough.
        (vec![slow(), slow(), slow(), slow()], "http-429", "429"),
    ]
    .into_iter()
    .enumerate()
    {
        asked += answers.len();
        for answer in answers {
            google.answer_next(answer);
        }
        let who = format!("email:c{n}@example.com");
        let run = api
            .start("answer.given", Some(&who), json!({"stars": 5}))
            .await;
        let told = output(api, &run).await;
        assert_eq!(told["error"]["code"], code, "{told:#}");
        assert!(
            told["error"]["message"].as_str().unwrap().contains(words),
            "{told:#}"
        );
        assert_eq!(google.requests().count(), asked, "{code}");
    }

    // Without a key, or with one that is none, nothing leaves.
    for (value, code) in [(Some("sesame"), "invalid"), (None, "secret-missing")] {
        match value {
            Some(value) => {
                api.put("/v1/secrets/google-key", json!({"value": value}))
                    .await
            }
            None => api.delete("/v1/secrets/google-key").await,
        };
        let run = api
            .start("answer.given", Some(BOB), json!({"stars": 5}))
            .await;
        let told = output(api, &run).await;
        assert_eq!(told["error"]["code"], code, "{told:#}");
        assert!(!told.to_string().contains("sesame"));
    }
    assert_eq!(google.requests().count(), asked);
}
