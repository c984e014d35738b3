//! A plugin on its way from its author to an operator, over a real OCI registry: signed, pushed,
//! installed by tag, updated where the tag has moved, and refused when it is not what was asked for.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "hostile_common/mod.rs"]
mod common;
#[path = "../../host/registry/tests/common/registry.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    reason = "the registry's own tests use all of it"
)]
mod registry;

use common::{misbehave, variant};
use jackfield_tests::{Host, program};
use registry::{Registry, Settings};
use serde_json::Value;
use std::path::Path;

fn write(folder: &Path, name: &str, bytes: &[u8]) -> String {
    let file = folder.join(name);
    std::fs::write(&file, bytes).unwrap();
    file.display().to_string()
}

#[tokio::test]
async fn a_signed_plugin_goes_through_a_registry_and_is_updated_from_it() {
    let place = tempfile::tempdir().unwrap();
    let registry = Registry::start(&Settings::default());
    let key = place.path().join("ann").display().to_string();
    let made = std::process::Command::new(program())
        .args(["plugin", "key", &key, "--no-password", "--json"])
        .output()
        .unwrap();
    let made: Value = serde_json::from_slice(&made.stdout).unwrap();
    let publisher = format!("ann={}", made["key"].as_str().unwrap());
    let host = Host::start_with(&["--publisher", &publisher]).await;

    let secret = format!("{key}.key");
    let push = async |name: &str, version: &str| {
        let number = format!(r#""version":"{version}""#);
        let wasm = variant(&misbehave(), r#""version":"1.0.0""#, &number);
        let file = write(place.path(), name, &wasm);
        host.cli(["plugin", "sign", &file, "--key", &secret])
            .await
            .ok();
        let to = registry.oci("steps/misbehave:1");
        let pushed = host
            .cli(["plugin", "push", &file, &to, "--json"])
            .await
            .ok();
        serde_json::from_str::<Value>(&pushed).unwrap()
    };
    let first = push("first.wasm", "1.0.0").await;
    assert_eq!(first["signed"], true, "{first:#}");
    let tag = registry.oci("steps/misbehave:1");
    let said = host.cli(["plugin", "inspect", &tag]).await.ok();
    assert!(said.contains("a step of workflows"), "{said}");
    host.cli(["plugin", "install", &tag, "--grant"]).await.ok();
    let shown = host.api.get("/v1/plugins/misbehave").await.ok();
    assert_eq!(shown["digest"], first["digest"], "{shown:#}");
    assert_eq!(shown["signed-by"], "ann");
    assert_eq!(shown["source"], tag.as_str());

    // The tag moves; what is installed does not, until somebody says so.
    let second = push("second.wasm", "1.1.0").await;
    let shown = host.api.get("/v1/plugins/misbehave").await.ok();
    assert_eq!(shown["digest"], first["digest"]);
    let said = host.cli(["plugin", "update", "misbehave"]).await.ok();
    assert!(said.contains("misbehave 1.1.0"), "{said}");
    let shown = host.api.get("/v1/plugins/misbehave").await.ok();
    assert_eq!(shown["digest"], second["digest"]);

    // What was pinned is what comes, whatever the tag says now.
    let pinned = first["reference"].as_str().unwrap();
    let said = host
        .cli(["plugin", "update", "misbehave", pinned])
        .await
        .ok();
    assert!(said.contains("misbehave 1.0.0"), "{said}");
    let nothing = registry.oci("steps/nothing:1");
    let refused = host.cli(["plugin", "install", &nothing]).await;
    assert!(!refused.status.success());
    assert!(refused.err.contains("does not exist"), "{}", refused.err);
    let wrong = host.cli(["plugin", "install", "oci://"]).await;
    assert_eq!(wrong.status.code(), Some(2), "{}", wrong.err);
    let file = write(place.path(), "no.wasm", b"\0asm\x01\0\0\0");
    let refused = host.cli(["plugin", "push", &file, &tag]).await;
    assert!(!refused.status.success(), "{}", refused.out);
}
