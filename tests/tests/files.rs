//! Files: kept whole or not at all, fetched by an address that nobody guesses, and sent as bytes in
//! mails.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jackfield_tests::{Answer, Api, Host, Program};
use reqwest::Method;
use serde_json::{Value, json};

const ANN: &str = "email:ann@example.com";
const PDF: &[u8] = b"%PDF-1.7\nhello\n";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

async fn put(api: &Api, name: &str, media: &str, bytes: impl Into<Vec<u8>>) -> Answer {
    let request = api.request(Method::PUT, &format!("/v1/files/{name}"));
    let request = request.header("content-type", media).body(bytes.into());
    api.send(request).await
}

/// What stands at a public address: the status, the headers and the bytes.
async fn fetch(url: &str, known: Option<&str>) -> (u16, reqwest::header::HeaderMap, Vec<u8>) {
    let mut request = reqwest::Client::new().get(url);
    if let Some(known) = known {
        request = request.header("if-none-match", known);
    }
    let answer = request.send().await.unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    (status, headers, answer.bytes().await.unwrap().to_vec())
}

fn header<'a>(headers: &'a reqwest::header::HeaderMap, name: &str) -> &'a str {
    headers.get(name).expect(name).to_str().unwrap()
}

#[tokio::test]
async fn a_file_is_fetched_whole_by_an_address_that_nobody_guesses() {
    let mut host = Host::start().await;
    let api = host.api.clone();
    // Several pieces, the last of them not full.
    let mut large = PDF.to_vec();
    large.extend((0..2_500_000_u32).map(|n| (n % 251) as u8));
    let made = put(
        &api,
        "price-list.pdf",
        "application/octet-stream",
        large.clone(),
    )
    .await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(made.json["content-type"], "application/pdf");
    assert_eq!(made.json["size"], large.len());
    host.kill();
    host.restart().await;
    let api = host.api.clone();
    let file = api.get("/v1/files/price-list.pdf").await.ok();
    let url = file["url"].as_str().unwrap();
    let (root, rest) = url.split_once("/files/").unwrap();
    let (token, _) = rest.split_once('/').unwrap();
    assert_eq!(token.len(), 32);
    let (status, headers, bytes) = fetch(url, None).await;
    assert_eq!(status, 200);
    assert!(bytes == large, "{} bytes", bytes.len());
    assert_eq!(header(&headers, "content-type"), "application/pdf");
    assert_eq!(header(&headers, "x-content-type-options"), "nosniff");
    assert!(header(&headers, "content-security-policy").contains("sandbox"));
    assert_eq!(
        header(&headers, "content-disposition"),
        "attachment; filename=\"price-list.pdf\""
    );
    let tag = header(&headers, "etag").to_owned();
    assert_eq!(tag, format!("\"{}\"", file["digest"].as_str().unwrap()));
    let (status, _, bytes) = fetch(url, Some(&tag)).await;
    assert_eq!((status, bytes.len()), (304, 0));

    // Neither by another name nor by another token.
    for wrong in [
        format!("{root}/files/{token}/other.pdf"),
        format!("{root}/files/{}/price-list.pdf", "0".repeat(32)),
        format!("{root}/files/%25/price-list.pdf"),
    ] {
        assert_eq!(fetch(&wrong, None).await.0, 404, "{wrong}");
    }

    // Other bytes under the same name are at the same address.
    let again = put(&api, "price-list.pdf", "application/pdf", PDF).await;
    assert_eq!(again.status, 200, "{}", again.text);
    assert_eq!(again.json["url"], url);
    let (status, _, bytes) = fetch(url, Some(&tag)).await;
    assert_eq!((status, bytes.as_slice()), (200, PDF));
    let kept = api.get("/v1/files/price-list.pdf/content").await;
    assert_eq!(kept.text.as_bytes(), PDF);

    assert_eq!(api.delete("/v1/files/price-list.pdf").await.status, 204);
    assert_eq!(fetch(url, None).await.0, 404);
    api.get("/v1/files/price-list.pdf")
        .await
        .refused(404, "not-found");
}

#[tokio::test]
async fn a_file_is_what_it_says_and_never_a_page_of_this_host() {
    let host = Host::start_with(&["--max-file-bytes", "100"]).await;
    let api = &host.api;
    for (name, media, bytes) in [
        ("a.png", "image/png", b"hello".to_vec()),
        ("a.png", "image/jpeg", PNG.to_vec()),
        ("a.txt", "text/plain", Vec::new()),
        ("a.txt", "text/plain", vec![b'a'; 101]),
        ("A.txt", "text/plain", b"a".to_vec()),
        ("a..txt", "text/plain", b"a".to_vec()),
    ] {
        let answer = put(api, name, media, bytes).await;
        answer.refused(422, "invalid");
    }
    let most = put(api, "a.txt", "text/plain", vec![b'a'; 100]).await;
    assert_eq!(most.status, 201, "{}", most.text);
    for (name, media, bytes, shown) in [
        ("a.png", "image/png", PNG, "inline"),
        (
            "a.html",
            "text/html",
            &b"<script>alert(1)</script>"[..],
            "attachment",
        ),
        (
            "a.svg",
            "image/svg+xml",
            b"<svg xmlns='http://www.w3.org/2000/svg'/>",
            "attachment",
        ),
    ] {
        let made = put(api, name, media, bytes).await.ok();
        let (_, headers, _) = fetch(made["url"].as_str().unwrap(), None).await;
        let said = header(&headers, "content-disposition");
        assert!(said.starts_with(shown), "{name}: {said}");
        assert!(header(&headers, "content-type").starts_with(media));
        assert!(header(&headers, "content-security-policy").contains("sandbox"));
    }
}

#[tokio::test]
async fn a_file_that_is_needed_stays_and_another_workspace_has_its_own() {
    let host = Host::start().await;
    let api = &host.api;
    put(api, "map.pdf", "application/pdf", PDF).await.ok();
    let text = |name: &str| {
        format!(
            "name: hello\ntrigger: {{event: manual}}\nsteps:\n  \
             note: {{uses: add-comment@1, with: {{text: \"${{file.{name}}}\"}}}}\n"
        )
    };
    api.put_workflow(&text("mop.pdf")).await.ok();
    let refused = api.post("/v1/workflows/hello/publish", json!({})).await;
    let refused = refused.refused(422, "invalid-document");
    assert_eq!(refused["errors"][0]["code"], "unknown-file");
    assert_eq!(refused["errors"][0]["suggestion"], "${file.map.pdf}");
    api.publish(&text("map.pdf")).await;
    let path = "/v1/files/map.pdf";
    let refused = api.delete(path).await.refused(409, "conflict");
    assert!(refused["detail"].as_str().unwrap().contains("hello"));
    api.post("/v1/workflows/hello/deactivate", json!({}))
        .await
        .ok();
    let map = json!({"text": "See ${file.map.pdf}"});
    api.put("/v1/snippets/map", map).await.ok();
    let refused = api.delete(path).await.refused(409, "conflict");
    assert!(refused["detail"].as_str().unwrap().contains("snippet"));

    api.post("/v1/workspaces", json!({"id": "lyon"})).await.ok();
    let lyon = api.in_workspace("lyon");
    lyon.get(path).await.refused(404, "not-found");
    lyon.delete(path).await.refused(404, "not-found");
    let content = lyon.get("/v1/files/map.pdf/content").await;
    content.refused(404, "not-found");
    assert_eq!(lyon.all("/v1/files").await, Vec::<Value>::new());
    assert_eq!(
        put(&lyon, "map.pdf", "text/plain", "Lyon").await.status,
        201
    );
    let ours = api.get(path).await.ok();
    assert_eq!(ours["content-type"], "application/pdf");
    assert_ne!(ours["url"], lyon.get(path).await.ok()["url"]);
}

#[tokio::test]
async fn a_mail_carries_the_bytes_of_a_file() {
    let mut server = Program::python("smtpd.py", &["post", "a password for loopback"]).await;
    let host = Host::start().await;
    let api = &host.api;
    let channel = json!({"name": "mail", "connector": "smtp-email@1", "settings": {
            "host": "127.0.0.1", "port": server.ready["port"], "tls": "none", "username": "post",
            "from-address": "hello@example.com"},
        "secrets": {"password": "a password for loopback"}});
    api.post("/v1/channels", channel).await.ok();
    let mut large = PDF.to_vec();
    large.extend((0..1_500_000_u32).map(|n| (n % 253) as u8));
    let file = put(api, "price-list.pdf", "application/pdf", large.clone())
        .await
        .ok();
    api.put(&format!("/v1/contacts/{ANN}"), json!({}))
        .await
        .ok();
    api.publish(
        "name: offer\ntrigger: {event: manual}\nsteps:\n  \
         mail: {uses: send-message@1, with: {channel: mail, subject: Prices, text: Here they are, media: [{url: \"${file.price-list.pdf}\"}]}}\n",
    )
    .await;
    let run = api.start_by_hand("offer", ANN).await;
    api.completed(&run).await;
    let arrived = server.ask(json!({})).await;
    let mail = arrived["mails"].as_array().unwrap().last().unwrap().clone();
    let parts = mail["parts"].as_array().unwrap();
    let part = parts
        .iter()
        .find(|part| part["type"] == "application/pdf")
        .unwrap_or_else(|| panic!("no file in {mail:#}"));
    let bytes = STANDARD.decode(part["base64"].as_str().unwrap()).unwrap();
    assert!(bytes == large, "{} bytes", bytes.len());
    assert_eq!(part["name"], "price-list.pdf", "{part:#}");
    // What is kept of the message has the address, not the bytes.
    let message = api.messages(&run).await.remove(0);
    let kept = &message["content"]["attachments"][0];
    assert_eq!(kept["url"], file["url"], "{message:#}");
}
