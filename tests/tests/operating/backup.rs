//! Backup and restore: of a host that works, whole or not at all, and never over something.

use jackfield_tests::Host;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const GREET: &str = "name: greet\ntrigger: {event: greet.wanted}\nsteps:\n  a: {uses: wait@1, with: {until: \"2020-01-01 00:00\"}}\n";
const LATER: &str =
    "name: later\ntrigger: {event: later.wanted}\nsteps:\n  a: {uses: wait@1, with: {for: 1h}}\n";

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test]
async fn a_backup_of_a_host_at_work_restores_to_a_host_that_goes_on() {
    let mut host = Host::start().await;
    host.api.publish(GREET).await;
    host.api.publish(LATER).await;
    host.api
        .put("/v1/secrets/token", json!({"value": "hush"}))
        .await
        .ok();
    let mut before = Vec::new();
    for n in 0..20 {
        let contact = format!("email:a{n}@example.com");
        before.push(
            host.api
                .start("greet.wanted", Some(&contact), json!({}))
                .await,
        );
    }
    let waiting = host.api.start("later.wanted", None, json!({})).await;
    host.api.waiting_at(&waiting, "a").await;

    // Under load.
    let done = Arc::new(AtomicBool::new(false));
    let load = tokio::spawn({
        let (api, done) = (host.api.clone(), done.clone());
        async move {
            let mut sent = 0;
            while !done.load(Ordering::Relaxed) {
                let contact = format!("email:b{sent}@example.com");
                api.start("greet.wanted", Some(&contact), json!({})).await;
                sent += 1;
            }
            sent
        }
    });
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("backup.db");
    let made = host.cli(["db", "backup", text(&file), "--json"]).await.ok();
    done.store(true, Ordering::Relaxed);
    assert!(load.await.unwrap() > 0, "there was no load");
    let made: Value = serde_json::from_str(&made).unwrap();
    assert!(made["rows"]["run"].as_i64().unwrap() >= 21, "{made:#}");
    assert_eq!(
        made["bytes"].as_u64(),
        file.metadata().ok().map(|about| about.len())
    );
    assert_eq!(
        std::fs::read_dir(place.path()).unwrap().count(),
        1,
        "no partial file is left"
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    // Everything but the keys is lost.
    host.kill();
    let keys = ["secret.key", "operator.key"];
    for entry in std::fs::read_dir(host.data()).unwrap().flatten() {
        if keys.iter().any(|key| entry.file_name() == *key) {
            continue;
        }
        let path = entry.path();
        let gone = if path.is_dir() {
            std::fs::remove_dir_all(path)
        } else {
            std::fs::remove_file(path)
        };
        gone.unwrap();
    }
    let data = host.data().to_owned();
    let restored = host
        .cli(["db", "restore", text(&file), "--data", text(&data)])
        .await
        .ok();
    assert!(restored.contains("every page checked"), "{restored}");
    host.begin().await;
    for run in &before {
        host.api.completed(run).await;
    }
    host.api.waiting_at(&waiting, "a").await;
    let more = host
        .api
        .start("greet.wanted", Some("email:new@example.com"), json!({}))
        .await;
    host.api.completed(&more).await;
    let (code, findings) = crate::support::doctor(&host, &[]).await;
    assert_eq!(code, 0, "{findings:#?}");
    crate::support::says(&findings, "secret key", "ok", "opens all 1 secrets");
}

#[tokio::test]
async fn nothing_is_overwritten_and_what_is_damaged_is_refused() {
    let host = Host::start().await;
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("backup.db");
    let (file, data) = (text(&file), text(host.data()));

    let first = host.cli(["db", "backup", file]).await.ok();
    assert!(first.contains("secret.key"), "{first}");
    let whole = std::fs::read(file).unwrap();
    let again = host.cli(["db", "backup", file]).await;
    assert_eq!(again.status.code(), Some(2), "{}", again.err);
    assert!(
        again.err.contains("nothing is overwritten"),
        "{}",
        again.err
    );
    assert_eq!(std::fs::read(file).unwrap(), whole);

    // Two at a time would write the same partial file.
    let other = place.path().join("other.db");
    std::fs::write(place.path().join("other.db.partial"), b"").unwrap();
    let busy = host.cli(["db", "backup", text(&other)]).await;
    assert_eq!(busy.status.code(), Some(1), "{}", busy.err);
    assert!(busy.err.contains("being written"), "{}", busy.err);

    let nowhere = host
        .cli(["db", "backup", "/dev/null/x", "--data", data])
        .await;
    assert_eq!(nowhere.status.code(), Some(1), "{}", nowhere.err);
    let nothing = host
        .cli(["db", "backup", "x", "--data", text(place.path())])
        .await;
    assert_eq!(nothing.status.code(), Some(2), "{}", nothing.err);

    // The host's own folder is full of data.
    let full = host.cli(["db", "restore", file, "--data", data]).await;
    assert_eq!(full.status.code(), Some(2), "{}", full.err);
    assert!(full.err.contains("already"), "{}", full.err);

    let damaged = place.path().join("damaged.db");
    let mut bytes = whole.clone();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 20_000].fill(0x5a);
    std::fs::write(&damaged, &bytes).unwrap();
    let foreign = place.path().join("foreign.db");
    std::fs::write(&foreign, b"no database at all").unwrap();
    for bad in [damaged, foreign] {
        let into = place.path().join("into");
        let refused = host
            .cli(["db", "restore", text(&bad), "--data", text(&into)])
            .await;
        assert_eq!(
            refused.status.code(),
            Some(1),
            "{}: {}",
            bad.display(),
            refused.err
        );
        let left = std::fs::read_dir(&into).map_or(0, |entries| entries.count());
        assert_eq!(left, 0, "{} left something", bad.display());
    }
}
