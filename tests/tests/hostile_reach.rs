//! Hostile plugins that reach for what is not theirs, in a running host: secrets by every road that
//! ends where people read, addresses that are not for them, and another workspace's data.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "hostile_common/mod.rs"]
mod common;

use common::{grant, harm, is_well, publish_ordinary, read_head};
use jackfield_tests::{Api, Host};
use serde_json::{Value, json};
use std::fmt::Write as _;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

const SECRET: &str = "vault-key-48151623";

fn hex(text: &str) -> String {
    text.bytes().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The secret as it must not be seen.
fn forms() -> Vec<String> {
    vec![
        SECRET.to_owned(),
        SECRET.chars().rev().collect(),
        hex(SECRET),
        "dmF1bHQta2V5LTQ4MTUxNjIz".to_owned(),
        SECRET.bytes().map(|byte| format!("%{byte:02x}")).collect(),
        SECRET
            .chars()
            .map(|c| format!("\\u{:04x}", u32::from(c)))
            .collect(),
    ]
}

/// Reads a request's header `x-key`, and gives it back by every road: the status text, a header,
/// and the body in every form, a byte to a chunk. Below `/away` it redirects with it.
async fn echo(stream: TcpStream) {
    let mut stream = BufReader::new(stream);
    let (mut key, mut path) = (String::new(), String::new());
    let mut line = String::new();
    while stream.read_line(&mut line).await.is_ok_and(|read| read > 2) {
        if path.is_empty() {
            path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        }
        if let Some(value) = line.strip_prefix("x-key: ") {
            key = value.trim().to_owned();
        }
        line.clear();
    }
    let answer = match path.as_str() {
        "/away" => {
            format!(
                "HTTP/1.1 302 Found\r\nconnection: close\r\nlocation: /done?k={key}\r\ncontent-length: 0\r\n\r\n"
            )
        }
        "/broken" => format!("HTTP/1.1 {key}\r\n{key}\r\n\r\n"),
        _ => {
            let mut all = format!(
                "HTTP/1.1 200 {key}\r\nconnection: close\r\nx-echo: {key}\r\ntransfer-encoding: chunked\r\n\r\n"
            );
            for form in forms() {
                for c in format!("{form}\n").chars() {
                    let _ = write!(all, "1\r\n{c}\r\n");
                }
            }
            all + "0\r\n\r\n"
        }
    };
    let _ = stream.write_all(answer.as_bytes()).await;
}

async fn echoing() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(echo(stream));
        }
    });
    url
}

/// Everything of a run that anybody can read.
async fn readable(host: &Host, run: &str) -> Vec<String> {
    vec![
        host.api.run(run).await.to_string(),
        json!(host.api.timeline(run).await).to_string(),
        host.cli(["run", "show", run]).await.ok(),
    ]
}

#[tokio::test]
async fn a_secret_comes_back_by_no_road() {
    let host = Host::start().await;
    let api = &host.api;
    publish_ordinary(api).await;
    let url = echoing().await;
    let secrets = json!({"vault": {"hosts": [url], "places": ["header"]}});
    grant(api, secrets, json!({})).await;
    let put = api.put("/v1/secrets/vault", json!({"value": SECRET})).await;
    assert_eq!(put.status, 204, "{}", put.text);

    let mut texts = Vec::new();
    let mut number = 0;
    for path in ["/", "/away", "/broken"] {
        for to in ["output", "failure", "state"] {
            number += 1;
            let with = json!({
                "do": "leak", "to": to, "url": format!("{url}{path}"), "header": "{{secret:vault}}",
            });
            let name = format!("leak-{number}");
            api.publish(&common::workflow(&name, &with)).await;
            let run = common::start(api, &name, "eve").await;
            api.run_until(&run, "at rest", |run| {
                run["state"] != "queued" && run["state"] != "running"
            })
            .await;
            let seen = readable(&host, &run).await;
            if path != "/broken" {
                assert!(seen[1].contains("***"), "nothing came back: {}", seen[1]);
            }
            texts.extend(seen);
        }
    }
    // Nor does it put it in where it was not granted, nor anywhere but in a request.
    let elsewhere = echoing().await;
    for with in [
        json!({"do": "leak", "url": elsewhere, "header": "{{secret:vault}}"}),
        json!({"do": "leak", "url": format!("{url}/"), "method": "POST", "body": "{{secret:vault}}"}),
        json!({"do": "snoop", "paths": "secrets.vault vault", "template": "{{secret:vault}}",
            "channels": "{{secret:vault}}", "secret": "vault"}),
    ] {
        number += 1;
        let (over, timeline) = harm(api, &format!("leak-{number}"), with).await;
        let said = json!([over, timeline]).to_string();
        assert!(said.contains("denied"), "{said}");
        texts.push(said);
    }
    texts.push(host.log());
    texts.push(api.get("/metrics").await.text);
    texts.push(api.get("/v1/plugins/misbehave").await.text);
    for file in std::fs::read_dir(host.data()).unwrap().flatten() {
        if file.path().is_file() {
            let bytes = std::fs::read(file.path()).unwrap();
            texts.push(String::from_utf8_lossy(&bytes).into_owned());
        }
    }
    for text in texts {
        for form in forms() {
            let found = text.find(&form);
            assert!(found.is_none(), "{form} at {found:?} of {:.2000}", text);
        }
    }
    is_well(&host).await;
}

#[tokio::test]
async fn addresses_that_are_not_global_are_refused_in_every_spelling_and_behind_redirects() {
    let host = Host::start().await;
    let api = &host.api;
    grant(api, json!({}), json!({})).await;
    // The test's host may reach 127.0.0.0/8 and nothing else that is not global.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let redirect = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            read_head(&mut stream).await;
            let away = "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/latest/meta-data/\r\n\
                        content-length: 0\r\n\r\n";
            let _ = stream.write_all(away.as_bytes()).await;
        }
    });
    let addresses = [
        "http://169.254.169.254/latest/meta-data/",
        "http://2852039166/",
        "http://0xa9.0xfe.0xa9.0xfe/",
        "http://0251.0376.0251.0376/",
        "http://[::ffff:169.254.169.254]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://[fd00:ec2::254]/",
        "http://10.0.0.1/",
        "http://10.1/",
        "http://172.16.0.1/",
        "http://192.168.1.1./",
        "http://100.64.0.1/",
        "http://0.0.0.0:22/",
        "http://[::1]:22/",
        "http://[::]/",
        "http://[fe80::1]/",
        "http://[2002:a00:1::]/",
        &redirect,
    ];
    for (number, address) in addresses.iter().enumerate() {
        let with = json!({"do": "leak", "url": address});
        let (over, _) = harm(api, &format!("reach-{number}"), with).await;
        let said = over["outputs"]["harm"].as_str().unwrap_or_default();
        assert!(said.starts_with("address-refused "), "{address}: {over:#}");
    }
}

/// Fills a workspace with things that another must not see; gives the ids of them.
async fn furnish(api: &Api, mark: &str) -> (String, String) {
    let field = json!({"kind": "text"});
    api.put("/v1/contact-fields/hidden", field).await.ok();
    let contact = json!({"email": "eve@example.com", "firstname": format!("{mark}-name"),
        "hidden": format!("{mark}-field")});
    let contact = api.post("/v1/contacts", contact).await.ok();
    let template = json!({"subject": format!("{mark}-template"), "html": "<p>x</p>"});
    api.put(&format!("/v1/templates/{mark}-letter"), template)
        .await
        .ok();
    let secret = json!({"value": format!("{mark}-secret-value")});
    api.put(&format!("/v1/secrets/{mark}-token"), secret).await;
    let channel = json!({
        "name": format!("{mark}-mail"), "connector": "smtp-email@1",
        "settings": {"host": "127.0.0.1", "port": 9, "tls": "none",
            "from-address": format!("{mark}@example.com")},
    });
    let channel = api.post("/v1/channels", channel).await.ok();
    let id = |made: &Value| made["id"].as_str().expect("an id").to_owned();
    (id(&contact), id(&channel))
}

#[tokio::test]
async fn another_workspaces_data_is_out_of_reach_by_name_and_by_id() {
    let host = Host::start().await;
    let main = &host.api;
    let made = main.post("/v1/workspaces", json!({"id": "lyon"})).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let secrets = json!({
        "paris-token": {"places": ["hmac", "header"]},
        "lyon-token": {"places": ["hmac", "header"]},
    });
    grant(main, secrets, json!({})).await;
    let (contact, channel) = furnish(main, "paris").await;
    let lyon = main.in_workspace("lyon");
    furnish(&lyon, "lyon").await;

    let snoop = |mark: &str| {
        json!({
            "do": "snoop",
            "paths": format!("contact.firstname contact.hidden contacts.{contact}.firstname {contact} \
                contact.{contact} workspaces.main main"),
            "template": format!("{mark}-letter"),
            "channels": format!("{mark}-mail {channel}"),
            "secret": format!("{mark}-token"),
        })
    };
    // In its own workspace the very same plugin sees all of it.
    let (own, _) = harm(main, "snoop", snoop("paris")).await;
    let said = own["outputs"]["harm"].as_str().unwrap_or_default();
    for seen in [
        "paris-name",
        "paris-field",
        "paris-template",
        "paris-mail: {",
    ] {
        assert!(said.contains(seen), "{seen}: {said}");
    }
    assert!(said.contains("paris-token: ["), "{said}");

    let (foreign, timeline) = harm(&lyon, "snoop", snoop("paris")).await;
    let said = foreign["outputs"]["harm"].as_str().unwrap_or_default();
    assert!(
        said.contains("lyon-name"),
        "it sees its own contact: {said}"
    );
    for line in ["paris-letter: not-found", "paris-mail: not-found"] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert!(said.contains(&format!("{channel}: not-found")), "{said}");
    assert!(!said.contains("paris-token: ["), "{said}");
    // A secret of the other workspace goes nowhere either.
    let crm = jackfield_peers::Crm::start().await.unwrap();
    let with = json!({"do": "leak", "url": crm.url, "header": "{{secret:paris-token}}"});
    let (sent, _) = harm(&lyon, "send", with).await;
    assert!(sent.to_string().contains("secret-missing"), "{sent:#}");
    assert_eq!(crm.requests().count(), 0);

    let all = json!([foreign, timeline, sent]).to_string();
    for hidden in [
        "paris-name",
        "paris-field",
        "paris-template",
        "paris-secret",
        "paris@",
    ] {
        assert!(!all.contains(hidden), "{hidden}: {all}");
    }
}

/// A step that calls the same before and after its wait makes two calls, so each has a key of its
/// own: a receiver that honours keys takes both.
#[tokio::test]
async fn a_call_after_a_wait_has_another_key_than_the_one_before() {
    let host = Host::start().await;
    let crm = jackfield_peers::Crm::start().await.unwrap();
    grant(&host.api, json!({}), json!({})).await;
    let with = json!({
        "do": "repeat", "method": "POST", "url": format!("{}/notes", crm.url), "body": "{}",
        "key-in": "idempotency-key",
    });
    let (run, _) = harm(&host.api, "repeat", with).await;
    assert_eq!(run["state"], "completed", "{run:#}");
    let asked = crm.requests().all();
    let keys: Vec<_> = asked
        .iter()
        .map(|one| one.idempotency_key.clone())
        .collect();
    assert_eq!(keys.len(), 2, "{asked:?}");
    assert!(keys[0].is_some() && keys[0] != keys[1], "{keys:?}");
}
