//! What is no HTTP, or stops being it half-way: written to the socket byte by byte.

use crate::state::{everything, same};
use jackfield_tests::{Answer, Host, PATIENCE, until};
use serde_json::json;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;

async fn connect(host: &Host) -> TcpStream {
    let address = host.url().trim_start_matches("http://").to_owned();
    TcpStream::connect(address).await.expect("the host listens")
}

/// Reads one answer, body and all; None where the connection ended without one.
async fn read(stream: &mut OwnedReadHalf) -> Option<Answer> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        let mut piece = [0; 4096];
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&piece[..count]),
        }
    };
    let text = String::from_utf8_lossy(&bytes[..head]).into_owned();
    let mut lines = text.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let mut headers = reqwest::header::HeaderMap::new();
    for line in lines {
        if let Some((name, value)) = line.split_once(':') {
            let name: reqwest::header::HeaderName = name.parse().ok()?;
            headers.insert(name, value.trim().parse().ok()?);
        }
    }
    let length = headers
        .get("content-length")
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok())
        .unwrap_or(0);
    let mut body = bytes.split_off(head);
    while body.len() < length {
        let mut piece = [0; 4096];
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => break,
            Ok(count) => body.extend_from_slice(&piece[..count]),
        }
    }
    let text = String::from_utf8_lossy(&body).into_owned();
    Some(Answer {
        status,
        headers,
        json: serde_json::from_str(&text).unwrap_or_default(),
        text,
    })
}

/// Sends a head and then a body of spaces, until there is an answer.
pub(crate) async fn exchange(host: &Host, head: &str, length: usize, chunked: bool) -> Answer {
    const PIECE: usize = 64 << 10;
    let (mut input, mut output) = connect(host).await.into_split();
    let head = head.as_bytes().to_vec();
    let writer = tokio::spawn(async move {
        let _ = output.write_all(&head).await;
        for _ in 0..length.div_ceil(PIECE) {
            let mut piece = vec![b' '; PIECE];
            if chunked {
                piece = [
                    format!("{PIECE:x}\r\n").into_bytes(),
                    piece,
                    b"\r\n".to_vec(),
                ]
                .concat();
            }
            // The host may have stopped listening: it has answered then.
            if output.write_all(&piece).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        if chunked {
            let _ = output.write_all(b"0\r\n\r\n").await;
        }
        output
    });
    let answer = tokio::time::timeout(PATIENCE, read(&mut input)).await;
    writer.abort();
    answer
        .expect("an answer in time")
        .expect("an answer before the connection ends")
}

/// Everything that the host says to these bytes, and nothing more, until it hangs up.
async fn said(host: &Host, bytes: &[u8]) -> String {
    heard(host, bytes, true).await
}

/// The same; `over` says that nothing more will come. A host need not finish what such a caller
/// asked for, so a request that is to be answered is left open: it says `connection: close`.
async fn heard(host: &Host, bytes: &[u8], over: bool) -> String {
    let (mut input, mut output) = connect(host).await.into_split();
    let _ = output.write_all(bytes).await;
    if over {
        let _ = output.shutdown().await;
    }
    let mut all = Vec::new();
    let reading = async {
        let mut piece = [0; 4096];
        while let Ok(count) = input.read(&mut piece).await {
            if count == 0 {
                break;
            }
            all.extend_from_slice(&piece[..count]);
        }
    };
    tokio::time::timeout(PATIENCE, reading)
        .await
        .expect("the host answers or hangs up");
    String::from_utf8_lossy(&all).into_owned()
}

fn key(host: &Host) -> String {
    let key = std::fs::read_to_string(host.data().join("operator.key")).unwrap();
    key.trim().to_owned()
}

/// The beginning of an event, up to its body.
fn event(key: &str, framing: &str) -> String {
    format!(
        "POST /v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\n{framing}\r\n\r\n"
    )
}

const BODY: &str = r#"{"name": "pause.wanted", "contact": "email:ann@example.com"}"#;

async fn furnished() -> Host {
    let host = Host::start().await;
    let document = "name: pause\ntrigger: {event: pause.wanted}\nsteps:\n  \
                    pause: {uses: wait@1, with: {for: 1h}}\n";
    host.api.publish(document).await;
    host
}

#[tokio::test]
async fn a_body_that_stops_half_way_is_not_taken() {
    let host = furnished().await;
    let before = everything(&host.api).await;
    let key = key(&host);
    let half = &BODY[..BODY.len() / 2];
    let length = format!("content-length: {}", BODY.len());
    let chunked = "transfer-encoding: chunked";
    let idempotent = format!("{length}\r\nidempotency-key: k");
    let broken: Vec<(&str, String)> = vec![
        ("a length that is not kept", event(&key, &length) + half),
        (
            "the same with an idempotency key",
            event(&key, &idempotent) + half,
        ),
        (
            "a chunk that is shorter than it says",
            event(&key, chunked) + &format!("ff\r\n{BODY}"),
        ),
        (
            "a last chunk that does not come",
            event(&key, chunked) + &format!("{:x}\r\n{BODY}\r\n", BODY.len()),
        ),
        (
            "a chunk of no length",
            event(&key, chunked) + &format!("zz\r\n{BODY}\r\n0\r\n\r\n"),
        ),
        (
            "a chunk of more than there is",
            event(&key, chunked) + &format!("ffffffffffffffffff\r\n{BODY}\r\n0\r\n\r\n"),
        ),
        (
            "a chunk without its end",
            event(&key, chunked) + &format!("{:x}\r\n{BODY}xx0\r\n\r\n", BODY.len()),
        ),
    ];
    for (what, bytes) in &broken {
        let answer = said(&host, bytes.as_bytes()).await;
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 400 "),
            "{what}: {answer}"
        );
    }
    same(&before, &everything(&host.api).await).unwrap();
    // The idempotency key was not used up, and the same event, whole, is taken.
    let whole = event(&key, &format!("{idempotent}\r\nconnection: close")) + BODY;
    let answer = heard(&host, whole.as_bytes(), false).await;
    assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
    assert_eq!(host.api.all("/v1/runs?workflow=pause").await.len(), 1);
}

#[tokio::test]
async fn lengths_that_contradict_each_other_smuggle_nothing() {
    let host = furnished().await;
    let before = everything(&host.api).await;
    let key = key(&host);
    let inner = event(&key, &format!("content-length: {}", BODY.len())) + BODY;
    let framings = [
        "content-length: 2\r\ncontent-length: 3".to_owned(),
        "content-length: -1".to_owned(),
        "content-length: 1e3".to_owned(),
        "content-length: 99999999999999999999999999".to_owned(),
        "transfer-encoding: chunked, identity".to_owned(),
        "transfer-encoding: gzip".to_owned(),
        "content-length : 5".to_owned(),
        " folded: header".to_owned(),
        "na\0me: x".to_owned(),
    ];
    for framing in &framings {
        let answer = said(&host, (event(&key, framing) + &inner).as_bytes()).await;
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
            "{framing:?}: {answer}"
        );
        assert!(!answer.contains("HTTP/1.1 2"), "{framing:?}: {answer}");
    }
    // Both framings at once: whichever is taken, the rest of the bytes is no second request.
    let both = "content-length: 2\r\ntransfer-encoding: chunked";
    let answer = said(&host, (event(&key, both) + "0\r\n\r\n" + &inner).as_bytes()).await;
    assert!(!answer.contains("HTTP/1.1 202"), "{answer}");
    same(&before, &everything(&host.api).await).unwrap();
}

#[tokio::test]
async fn what_is_no_http_is_refused_and_what_came_before_it_is_answered() {
    let host = furnished().await;
    let key = key(&host);
    let long = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(1 << 20));
    let header = format!(
        "GET /healthz HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n",
        "a".repeat(1 << 20)
    );
    let many = format!(
        "GET /healthz HTTP/1.1\r\nhost: x\r\n{}\r\n",
        "x: y\r\n".repeat(20_000)
    );
    let garbage: Vec<Vec<u8>> = vec![
        b"\0\0\0\0".to_vec(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        b"GET / HTTP/9.9\r\n\r\n".to_vec(),
        b"GET\r\n\r\n".to_vec(),
        b"GET /\xff\xfe HTTP/1.1\r\nhost: x\r\n\r\n".to_vec(),
        b"GET / HTTP/1.1\r\nhost: \r\n bad\r\n\r\n".to_vec(),
        long.into_bytes(),
        header.into_bytes(),
        many.into_bytes(),
        vec![b'\n'; 100_000],
        vec![0xff; 100_000],
    ];
    for bytes in &garbage {
        let answer = said(&host, bytes).await;
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
            "{:?}: {answer}",
            String::from_utf8_lossy(&bytes[..bytes.len().min(60)])
        );
    }
    // Two good requests and something that is none, in one write.
    let good = event(&key, &format!("content-length: {}", BODY.len())) + BODY;
    let more = [
        good.as_bytes(),
        b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n",
        b"\x01\x02nonsense\r\n\r\n",
    ];
    let answer = heard(&host, &more.concat(), false).await;
    let statuses: Vec<&str> = answer
        .split("HTTP/1.1 ")
        .skip(1)
        .filter_map(|part| part.split(' ').next())
        .collect();
    assert_eq!(statuses, ["202", "200", "400"], "{answer}");
    assert_eq!(host.api.all("/v1/runs?workflow=pause").await.len(), 1);
}

#[tokio::test]
async fn callers_that_stop_talking_keep_nobody_else_out() {
    let host = furnished().await;
    let key = key(&host);
    let head = event(&key, "content-length: 100");
    let mut open = Vec::new();
    for _ in 0..200 {
        let mut stream = connect(&host).await;
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(b"{").await.unwrap();
        open.push(stream);
    }
    host.api
        .start("pause.wanted", Some("email:ann@example.com"), json!({}))
        .await;
    drop(open);
    until("the host to have let go of them", async || {
        let metrics = host.api.get("/metrics").await.text;
        let line = metrics
            .lines()
            .find(|line| line.starts_with("jackfield_http_requests_under_way"))?;
        // This request itself is one.
        (line.rsplit(' ').next()?.parse::<f64>().ok()? <= 1.0).then_some(())
    })
    .await;
    assert_eq!(host.api.all("/v1/runs?workflow=pause").await.len(), 1);
}
