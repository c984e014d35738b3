//! Plugins of strangers: who signed them, what they say of themselves, and a host that dies while it
//! installs one. Whatever is wrong is refused within its limits, and nothing is half-installed.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "hostile_common/mod.rs"]
mod common;

use common::{hostile, install, misbehave, variant};
use jackfield_tests::{Done, Host, free_port, plugins, program};
use reqwest::Method;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

#[tokio::test]
async fn every_lie_of_a_descriptor_is_refused_in_few_words() {
    let host = Host::start().await;
    let api = &host.api;
    let before = api.all("/v1/plugins").await.len();
    let liar = hostile("liar");
    for (lie, said) in [
        ("name", "is installed already"),
        ("control", "/title"),
        ("slash", "/name"),
        ("branches", "`bytes-out`"),
        ("few-branches", "/branches"),
        ("icon", ""),
        ("deep", ""),
        ("circle", "circle"),
        ("doubling", "too large a schema"),
        ("outside", "places of its own"),
        ("no-json", "not JSON"),
        ("nothing", "not JSON"),
        ("spin", ""),
        ("panic", ""),
    ] {
        let word = format!("lie={lie:12}");
        let began = Instant::now();
        let answer = install(api, variant(&liar, "lie=none        ", &word)).await;
        let took = began.elapsed();
        assert!(
            (400..500).contains(&answer.status),
            "{lie}: {} {}",
            answer.status,
            answer.text
        );
        let detail = answer.json["detail"].as_str().unwrap();
        assert!(detail.contains(said), "{lie}: {detail}");
        assert!(
            detail.len() < 4_000 && !detail.chars().any(char::is_control),
            "{lie}: {detail:?}"
        );
        assert!(took < Duration::from_secs(60), "{lie}: {took:?}");
    }
    assert_eq!(api.all("/v1/plugins").await.len(), before);
    // The same file is a plugin when it does not lie.
    install(api, liar).await.ok();
}

#[tokio::test]
async fn a_component_of_200_mb_is_refused_on_both_sides() {
    let host = Host::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("large.wasm");
    let large = std::fs::File::create(&file).unwrap();
    large.set_len(200 << 20).unwrap();
    let path = file.display().to_string();
    let refused = host.cli(["plugin", "install", &path]).await;
    assert_ne!(refused.status.code().unwrap(), 0);
    assert!(refused.err.contains("67108864 bytes"), "{}", refused.err);
    // The host refuses by the length that is announced, before a byte of it.
    let key = std::fs::read_to_string(host.data().join("operator.key")).unwrap();
    let address = host.url().replace("http://", "");
    let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
    let head = format!(
        "POST /v1/plugins HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\n\
         content-type: application/wasm\r\ncontent-length: {}\r\n\r\n",
        key.trim(),
        200 << 20
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
}

/// A host of its own, with flags that `Host` does not have.
struct Own {
    child: Child,
    data: tempfile::TempDir,
    port: u16,
}

impl Own {
    fn start(data: tempfile::TempDir, flags: &[&str]) -> Own {
        let port = free_port();
        let log = std::fs::File::create(data.path().join("host.log")).unwrap();
        let child = Command::new(program())
            .args(["serve", "--max-activations", "8"])
            .arg("--data")
            .arg(data.path())
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .args(flags)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        Own { child, data, port }
    }

    /// Whether it serves, or has ended.
    fn serves(&mut self) -> bool {
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(60) {
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            if self.cli(&["ready"]).status.success() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("no start:\n{}", self.log());
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.data.path().join("host.log")).unwrap()
    }

    fn cli(&self, arguments: &[&str]) -> Done {
        jackfield(
            self.data.path(),
            &format!("http://127.0.0.1:{}", self.port),
            arguments,
        )
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn jackfield(data: &Path, url: &str, arguments: &[&str]) -> Done {
    let output = Command::new(program())
        .args(arguments)
        .env("JACKFIELD_URL", url)
        .env("JACKFIELD_DATA", data)
        .env("JACKFIELD_KEY_PASSWORD", "a password")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Done::from(output)
}

#[test]
fn a_host_that_wants_signatures_takes_nothing_without_a_trusted_one() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name).display().to_string();
    let local = |arguments: &[&str]| jackfield(place.path(), "http://127.0.0.1:1", arguments);
    // One key is sealed with a password, the other is not.
    let made = local(&["plugin", "key", &at("ann"), "--json"]).ok();
    let made: serde_json::Value = serde_json::from_str(&made).unwrap();
    local(&["plugin", "key", &at("eve"), "--no-password"]).ok();
    let again = local(&["plugin", "key", &at("ann")]);
    assert_eq!(
        again.status.code().unwrap(),
        2,
        "a key is not written over another: {}",
        again.err
    );
    let signed = |name: &str, bytes: &[u8], key: Option<&str>| {
        let file = at(name);
        std::fs::write(&file, bytes).unwrap();
        if let Some(key) = key {
            local(&["plugin", "sign", &file, "--key", &at(key)]).ok();
        }
        file
    };
    let folder = place.path().join("folder");
    std::fs::create_dir(&folder).unwrap();
    let wait = std::fs::read(plugins().join("wait.wasm")).unwrap();
    signed("folder/wait.wasm", &wait, Some("ann.key"));

    let publisher = format!("ann={}", made["key"].as_str().unwrap());
    let shown = folder.display().to_string();
    let flags = [
        "--require-signed",
        "--publisher",
        &publisher,
        "--plugins",
        &shown,
    ];
    let mut host = Own::start(tempfile::tempdir().unwrap(), &flags);
    assert!(host.serves(), "{}", host.log());
    let list = host.cli(&["plugin", "list"]).ok();
    assert!(list.contains("wait") && list.contains("ann"), "{list}");

    let first = misbehave();
    let second = variant(&first, r#""version":"1.0.0""#, r#""version":"1.1.0""#);
    let unsigned = signed("unsigned.wasm", &first, None);
    let by_eve = signed("eve.wasm", &first, Some("eve.key"));
    let by_ann = signed("ann.wasm", &first, Some("ann.key"));
    let newer_by_ann = signed("newer.wasm", &second, Some("ann.key"));
    let refused = host.cli(&["plugin", "install", &unsigned]);
    assert_eq!(refused.status.code().unwrap(), 4);
    assert!(refused.err.contains("has no signature"), "{}", refused.err);
    let refused = host.cli(&["plugin", "install", &by_eve]);
    assert!(refused.err.contains("not trusted"), "{}", refused.err);
    let other = format!("{newer_by_ann}.minisig");
    let refused = host.cli(&["plugin", "install", &by_ann, "--signature", &other]);
    assert!(refused.err.contains("other bytes"), "{}", refused.err);
    let wrong = at("wrong.minisig");
    std::fs::write(&wrong, "no signature").unwrap();
    let refused = host.cli(&["plugin", "install", &by_ann, "--signature", &wrong]);
    assert!(refused.err.contains("minisign"), "{}", refused.err);
    let installed = host.cli(&["plugin", "install", &by_ann, "--json"]).ok();
    assert!(installed.contains(r#""signed-by": "ann""#), "{installed}");
    drop(host);

    // The same data without the flag: an update is by whoever signed before, or it is said.
    let flags = [
        "--publisher",
        &publisher,
        "--publisher",
        &format!("eve={}", key_of(&at("eve.pub"))),
    ];
    let data = tempfile::tempdir().unwrap();
    let mut host = Own::start(data, &flags);
    assert!(host.serves(), "{}", host.log());
    host.cli(&["plugin", "install", &by_ann, "--grant"]).ok();
    let second_by_eve = signed("newer-by-eve.wasm", &second, Some("eve.key"));
    let second_unsigned = signed("newer-unsigned.wasm", &second, None);
    for file in [&second_by_eve, &second_unsigned] {
        let refused = host.cli(&["plugin", "update", "misbehave", file]);
        assert_eq!(refused.status.code().unwrap(), 4);
        assert!(refused.err.contains("--new-publisher"), "{}", refused.err);
    }
    let said = host
        .cli(&[
            "plugin",
            "update",
            "misbehave",
            &second_by_eve,
            "--new-publisher",
        ])
        .ok();
    assert!(said.contains("is in use"), "{said}");
    drop(host);

    // A folder with something unsigned in it is not taken either.
    std::fs::write(folder.join("http-request.wasm"), &first).unwrap();
    let flags = [
        "--require-signed",
        "--publisher",
        &publisher,
        "--plugins",
        &shown,
    ];
    let mut host = Own::start(tempfile::tempdir().unwrap(), &flags);
    assert!(!host.serves());
    assert!(host.log().contains("has no signature"), "{}", host.log());
}

/// The key in a `.pub` file.
fn key_of(file: &str) -> String {
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().nth(1).unwrap().trim().to_owned()
}

#[tokio::test]
async fn a_host_killed_while_it_installs_has_the_plugin_or_has_it_not() {
    let mut host = Host::start().await;
    // Large enough that there is time to die in: the compiler, the database.
    let mut delay = Duration::from_millis(5);
    let mut whole = 0;
    for round in 0..9 {
        if whole == 2 {
            break;
        }
        let number = format!(r#""version":"1.{round}.0""#);
        let wasm = variant(&misbehave(), r#""version":"1.0.0""#, &number);
        let known = host.api.get("/v1/plugins/misbehave").await.status == 200;
        let request = if known {
            host.api.request(Method::PUT, "/v1/plugins/misbehave")
        } else {
            host.api.request(Method::POST, "/v1/plugins")
        };
        let request = request
            .header("content-type", "application/wasm")
            .body(wasm.clone());
        let sending = tokio::spawn(request.send());
        tokio::time::sleep(delay).await;
        host.kill();
        let acknowledged = matches!(sending.await, Ok(Ok(answer)) if answer.status().is_success());
        host.begin().await;
        let versions: Vec<String> = host
            .api
            .all("/v1/plugins")
            .await
            .iter()
            .filter(|plugin| plugin["name"] == "misbehave")
            .map(|plugin| plugin["version"].as_str().unwrap().to_owned())
            .collect();
        let is_there = versions.contains(&format!("1.{round}.0"));
        assert!(
            is_there || !acknowledged,
            "acknowledged, and lost: {versions:?}"
        );
        if is_there {
            whole += 1;
            // All of it: it can be granted and loaded.
            let path = format!("/v1/plugins/misbehave@1.{round}.0/grant");
            host.api.post(&path, serde_json::json!({})).await.ok();
        }
        delay *= 3;
    }
    assert!(whole > 0, "no install was as quick as {delay:?}");
    let found = host.cli(["doctor"]).await;
    assert!(!found.out.contains("pinned plugins: fail"), "{}", found.out);
}
