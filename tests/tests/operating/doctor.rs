//! The doctor finds what is wrong, says what to do, and its exit code is that of the worst.

use crate::support::{about, doctor, says};
use jackfield_store::records::Seen;
use jackfield_store::{Commit, SqliteStore, Store, sqlite};
use jackfield_tests::Host;
use serde_json::json;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

fn mode(path: &std::path::Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[tokio::test]
async fn a_host_that_is_well_is_well_from_both_sides() {
    let mut host = Host::start().await;
    host.api
        .publish("name: w\ntrigger: {event: w}\nsteps:\n  a: {uses: wait@1, with: {for: 1h}}\n")
        .await;
    let (code, findings) = doctor(&host, &["--online"]).await;
    assert_eq!(code, 0, "{findings:#?}");
    for what in [
        "options",
        "host",
        "ready",
        "data",
        "database",
        "migrations",
        "pages",
        "log",
        "disk",
        "clock",
        "time zones",
        "secret key",
        "operator key",
        "plugins",
        "pinned plugins",
        "channels",
        "runs",
        "messages",
    ] {
        for finding in about(&findings, what) {
            assert_eq!(finding["level"], "ok", "{finding:#}");
        }
    }
    says(&findings, "pinned plugins", "ok", "all 1");

    // Stopped: worth a look, and the rest is seen all the same.
    assert!(host.stop().await.success());
    let (code, findings) = doctor(&host, &[]).await;
    assert_eq!(code, 6, "{findings:#?}");
    says(&findings, "host", "warn", "does not run");
    says(&findings, "pinned plugins", "ok", "all 1");
    let (_, findings) = doctor(&host, &["--online"]).await;
    says(&findings, "credentials", "warn", "does not run");
    // It left nothing behind that keeps the host from starting.
    host.begin().await;
}

#[tokio::test]
async fn each_thing_that_is_wrong_is_found() {
    let mut host = Host::start().await;
    host.api
        .publish("name: w\ntrigger: {event: w}\nsteps:\n  a: {uses: wait@1, with: {for: 1h}}\n")
        .await;
    host.api
        .put("/v1/secrets/token", json!({"value": "hush"}))
        .await
        .ok();
    let elsewhere = doctor(&host, &["--url", "http://127.0.0.1:9"]).await;
    assert_eq!(elsewhere.0, 1, "{elsewhere:#?}");
    says(&elsewhere.1, "host", "fail", "has");
    assert!(host.stop().await.success());
    let data = host.data().to_owned();

    let key = data.join("secret.key");
    let right = std::fs::read(&key).unwrap();
    mode(&key, 0o644);
    let (code, findings) = doctor(&host, &[]).await;
    assert_eq!(code, 1);
    says(&findings, "secret key", "fail", "others can read");
    mode(&key, 0o600);
    std::fs::write(&key, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").unwrap();
    says(
        &doctor(&host, &[]).await.1,
        "secret key",
        "fail",
        "not this database's",
    );
    std::fs::remove_file(&key).unwrap();
    says(
        &doctor(&host, &[]).await.1,
        "secret key",
        "fail",
        "sealed with it",
    );
    std::fs::write(&key, right).unwrap();
    mode(&key, 0o600);

    let operator = data.join("operator.key");
    let right = std::fs::read(&operator).unwrap();
    std::fs::write(&operator, "jf_0000_00000000000000000000").unwrap();
    says(
        &doctor(&host, &[]).await.1,
        "operator key",
        "warn",
        "does not know",
    );
    std::fs::write(&operator, right).unwrap();

    mode(&data, 0o755);
    says(
        &doctor(&host, &[]).await.1,
        "data",
        "warn",
        "others may look",
    );
    mode(&data, 0o700);

    // What the host wrote last is an hour ahead of the clock.
    let ahead = jiff::Timestamp::now().as_millisecond() + 3_600_000;
    let options = sqlite::Options::new(
        data.join("jackfield.db"),
        "local",
        Arc::new(|| jiff::Timestamp::now().as_millisecond()),
    );
    let store = SqliteStore::open(options).await.unwrap();
    let mut commit = Commit::of(0);
    commit.put(&Seen {
        bucket: 0,
        workspace: String::new(),
        scope: "test".to_owned(),
        key: "clock".to_owned(),
        at: ahead,
    });
    store.commit(commit).await.unwrap();
    store.close().await;
    says(&doctor(&host, &[]).await.1, "clock", "fail", "gone back");

    // A page in the middle.
    let database = data.join("jackfield.db");
    let whole = std::fs::read(&database).unwrap();
    let mut bytes = whole.clone();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 20_000].fill(0x5a);
    std::fs::write(&database, &bytes).unwrap();
    let (code, findings) = doctor(&host, &[]).await;
    assert_eq!(code, 1);
    says(&findings, "pages", "fail", "damaged");
    std::fs::write(&database, "no database").unwrap();
    says(&doctor(&host, &[]).await.1, "database", "fail", "damaged");
    std::fs::remove_file(&database).unwrap();
    says(
        &doctor(&host, &[]).await.1,
        "database",
        "warn",
        "there is no",
    );
    std::fs::write(&database, whole).unwrap();

    let nowhere = doctor(&host, &["--data-dir", "/nowhere/at/all"]).await;
    assert_eq!(nowhere.0, 1);
    says(&nowhere.1, "data", "fail", "no folder");
}

#[tokio::test]
async fn what_a_person_must_do_is_worth_a_look_and_wrong_options_are_bad() {
    let mut host = Host::start().await;
    host.api
        .post(
            "/v1/channels",
            json!({
                "name": "chat", "connector": "custom-channel@1",
                "settings": {"webhook-url": "https://chat.example.com/x", "channel-id": "site"},
                "secrets": {"api-token": "x"},
            }),
        )
        .await
        .ok();
    host.cli(["channel", "pause", "chat", "--reason", "it is down"])
        .await
        .ok();
    let (code, findings) = doctor(&host, &[]).await;
    assert_eq!(code, 6, "{findings:#?}");
    says(&findings, "channels", "warn", "chat is paused (it is down)");
    let people = host.cli(["doctor"]).await;
    assert_eq!(people.status.code(), Some(6));
    assert!(people.out.contains("channel resume"), "{}", people.out);

    assert!(host.stop().await.success());
    let wrong = std::process::Command::new(jackfield_tests::program())
        .args(["doctor", "--json", "--data-dir"])
        .arg(host.data())
        .env("JACKFIELD_LISTEN", "everywhere")
        .output()
        .unwrap();
    assert_eq!(wrong.status.code(), Some(1));
    let findings: Vec<serde_json::Value> = serde_json::from_slice(&wrong.stdout).unwrap();
    says(&findings, "options", "fail", "everywhere");
}
