//! Whom credentials are given to, and how they are found.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use common::hostile::{Reply, Server};
use common::*;
use jackfield_registry::{Error, Options, Silent, push};
use serde_json::json;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

const BLOB: usize = 3000;

/// A registry that wants a token, for which its token service wants `ann`'s password. Its blobs lie
/// on another server.
async fn with_tokens() -> (Server, Server) {
    let store = Server::start(|_| Reply::new(200, "", component(BLOB, 1))).await;
    let blobs = store.url("/blob");
    let own = Arc::new(Mutex::new(String::new()));
    let base = own.clone();
    let manifest = manifest();
    let server = Server::start(move |request| {
        let base = base.lock().unwrap().clone();
        if request.line.contains(" /token") {
            let right = ["Basic YW5uOnNlY3JldA==", "identity"];
            let said = request.header("authorization").unwrap_or_default();
            return match right.contains(&said) || request.line.starts_with("POST") {
                true => Reply::new(200, "", json!({"token": "t0ken"}).to_string()),
                false => Reply::new(401, "", "{}"),
            };
        }
        if request.header("authorization") != Some("Bearer t0ken") {
            let challenge = format!(
                "WWW-Authenticate: Bearer realm=\"{base}/token\",service=\"the registry\"\r\n"
            );
            return Reply::new(401, &challenge, "{}");
        }
        let (method, path) = request.line.split_once(' ').unwrap();
        match method {
            "GET" if path.contains("/manifests/") => Reply::new(200, "", &manifest),
            "GET" => Reply::new(307, &format!("Location: {blobs}\r\n"), ""),
            "HEAD" => Reply::new(404, "", ""),
            "POST" => Reply::new(202, &format!("Location: {blobs}\r\n"), ""),
            _ => Reply::new(201, "", ""),
        }
    })
    .await;
    *own.lock().unwrap() = server.url("");
    (server, store)
}

fn manifest() -> String {
    use sha2::Digest as _;
    let bytes = component(BLOB, 1);
    let digest = format!("sha256:{}", hex::encode(sha2::Sha256::digest(&bytes)));
    json!({
        "schemaVersion": 2,
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest, "size": 2},
        "layers": [{"mediaType": "application/wasm", "digest": digest, "size": bytes.len()}],
    })
    .to_string()
}

fn login(folder: &Path, host: &str, entry: serde_json::Value) -> Options {
    let config = json!({"auths": {host: entry}}).to_string();
    Options {
        docker_config: Some(docker_config(folder, &config)),
        ..short()
    }
}

#[tokio::test]
async fn a_token_is_fetched_for_the_password_and_goes_to_the_registry_alone() {
    let (server, store) = with_tokens().await;
    let home = tempfile::tempdir().unwrap();
    let options = login(
        home.path(),
        &server.host(),
        json!({"auth": "YW5uOnNlY3JldA=="}),
    );
    fetch(&server.oci("acme/greet"), &options).await.unwrap();
    let asked = server.asked();
    let token = asked.iter().find(|request| request.line.contains("/token"));
    assert_eq!(
        token.unwrap().line,
        "GET /token?scope=repository%3Aacme%2Fgreet%3Apull&service=the+registry"
    );
    push(
        &server.oci("acme/greet").parse().unwrap(),
        &artifact(component(BLOB, 2)),
        &options,
        &Silent,
    )
    .await
    .unwrap();
    let asked = server.asked();
    let scope = "scope=repository%3Aacme%2Fgreet%3Apull%2Cpush";
    assert!(asked.iter().any(|request| request.line.contains(scope)));
    let elsewhere = store.asked();
    assert!(elsewhere.len() >= 3, "{elsewhere:?}");
    for request in elsewhere {
        assert_eq!(request.header("authorization"), None);
    }
}

#[tokio::test]
async fn an_identity_token_is_changed_into_one_for_the_registry() {
    let (server, _store) = with_tokens().await;
    let home = tempfile::tempdir().unwrap();
    let options = login(home.path(), &server.host(), json!({"identitytoken": "i"}));
    fetch(&server.oci("greet"), &options).await.unwrap();
    let asked = server.asked();
    assert!(asked.iter().any(|request| request.line == "POST /token"));
}

#[tokio::test]
async fn without_credentials_the_denial_says_how_to_log_in() {
    let (server, _store) = with_tokens().await;
    let error = fetch(&server.oci("greet"), &short()).await.unwrap_err();
    let hint = format!("docker login {}", server.host());
    assert!(
        matches!(error, Error::Denied { status: 401, .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains(&hint), "{error}");
}

#[tokio::test]
async fn a_token_service_is_bounded_and_not_trusted() {
    for (reply, right) in [
        (Reply::silence(), "Stalled"),
        (
            Reply::raw(200, "", "{").then(common::hostile::Then::Forever),
            "TooLarge",
        ),
        (Reply::new(200, "", "<html>"), "Layout"),
        (Reply::new(200, "", "{\"token\": \"a\\nb\"}"), "Layout"),
        (Reply::new(200, "", "{}"), "Layout"),
        (Reply::new(503, "", ""), "Refused"),
        (Reply::new(302, "Location: /\r\n", ""), "Refused"),
    ] {
        let service = Server::start(move |_| reply.clone()).await;
        let challenge = format!(
            "WWW-Authenticate: Bearer realm=\"{}\"\r\n",
            service.url("/token")
        );
        let server = Server::start(move |_| Reply::new(401, &challenge, "")).await;
        let error = fetch(&server.oci("greet"), &short()).await.unwrap_err();
        assert!(format!("{error:?}").starts_with(right), "{error:?}");
    }
    // Nor is it reached over plain HTTP elsewhere, or by anything but HTTP.
    for (realm, right) in [
        ("http://192.0.2.1/token", "Insecure"),
        ("file:///etc/passwd", "Layout"),
        ("token", "Layout"),
    ] {
        let challenge = format!("WWW-Authenticate: Bearer realm=\"{realm}\"\r\n");
        let server = Server::start(move |_| Reply::new(401, &challenge, "")).await;
        let error = fetch(&server.oci("greet"), &short()).await.unwrap_err();
        assert!(format!("{error:?}").starts_with(right), "{error:?}");
    }
}

#[tokio::test]
async fn a_registry_that_is_never_content_is_asked_twice() {
    let home = tempfile::tempdir().unwrap();
    let server =
        Server::start(|_| Reply::new(401, "WWW-Authenticate: Basic realm=\"r\"\r\n", "")).await;
    let options = login(
        home.path(),
        &server.host(),
        json!({"auth": "YW5uOnNlY3JldA=="}),
    );
    let error = fetch(&server.oci("greet"), &options).await.unwrap_err();
    assert!(matches!(error, Error::Denied { .. }), "{error:?}");
    assert_eq!(server.asked().len(), 2);
}

/// Runs a test of this program again, in an environment of its own.
fn again(test: &str, home: &Path, path: &Path, source: &str) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture"])
        .env("DOCKER_CONFIG", home)
        .env("PATH", format!("{}:/usr/bin:/bin", path.display()))
        .env("JACKFIELD_TEST_SOURCE", source)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let wrong = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{wrong}");
    assert!(
        !format!("{said}{wrong}").contains("secret"),
        "{said}{wrong}"
    );
}

/// A folder with a credential helper, which reads the host and then does this, and one with the configuration that names it.
fn helper(host: &str, script: &str) -> (tempfile::TempDir, tempfile::TempDir) {
    let programs = tempfile::tempdir().unwrap();
    let path = programs.path().join("docker-credential-test");
    std::fs::write(&path, format!("#!/bin/sh\nread -r host\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let home = tempfile::tempdir().unwrap();
    let config = json!({"credHelpers": {host: "test"}}).to_string();
    docker_config(home.path(), &config);
    (programs, home)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_helper_that_dockers_configuration_names_is_asked() {
    let (server, _store) = with_tokens().await;
    let script = r#"[ "$1" = get ] && [ -n "$host" ] || exit 1
        echo '{"ServerURL":"x","Username":"ann","Secret":"secret"}'"#;
    let (programs, home) = helper(&server.host(), script);
    let source = server.oci("greet");
    tokio::task::spawn_blocking(move || {
        again("child_succeeds", home.path(), programs.path(), &source);
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_helper_that_fails_hangs_or_babbles_is_named_and_what_it_says_is_not() {
    let (server, _store) = with_tokens().await;
    let scripts = ["echo secret; exit 1", "exec sleep 5", "echo secret"];
    for script in scripts {
        let (programs, home) = helper(&server.host(), script);
        let source = server.oci("greet");
        tokio::task::spawn_blocking(move || {
            again(
                "child_blames_the_helper",
                home.path(),
                programs.path(),
                &source,
            );
        })
        .await
        .unwrap();
    }
    let (programs, home) = helper(
        &server.host(),
        "echo credentials not found in native keychain; exit 1",
    );
    let source = server.oci("greet");
    tokio::task::spawn_blocking(move || {
        again("child_has_to_log_in", home.path(), programs.path(), &source);
    })
    .await
    .unwrap();
}

/// Fetches what the environment says, with the credentials of the environment.
async fn from_environment() -> Result<jackfield_registry::Fetched, Error> {
    let options = Options {
        docker_config: None,
        ..short()
    };
    fetch(&std::env::var("JACKFIELD_TEST_SOURCE").unwrap(), &options).await
}

#[tokio::test]
#[ignore = "run by other tests, in an environment of its own"]
async fn child_succeeds() {
    from_environment().await.unwrap();
}

#[tokio::test]
#[ignore = "run by other tests, in an environment of its own"]
async fn child_blames_the_helper() {
    let error = from_environment().await.unwrap_err().to_string();
    assert!(error.contains("credential helper"), "{error}");
}

#[tokio::test]
#[ignore = "run by other tests, in an environment of its own"]
async fn child_has_to_log_in() {
    let error = from_environment().await.unwrap_err().to_string();
    assert!(error.contains("; log in with `docker login"), "{error}");
}
