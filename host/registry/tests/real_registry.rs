//! Against a real registry, and against what another tool reads and writes there.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use common::registry::{PASSWORD, Registry, Settings, USER, program};
use common::*;
use jackfield_registry::{Artifact, Error, Options, Pushed, Silent, push};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

async fn put(reference: &str, artifact: &Artifact, options: &Options) -> Result<Pushed, Error> {
    push(&reference.parse().unwrap(), artifact, options, &Silent).await
}

#[tokio::test]
async fn what_was_pushed_comes_back_by_tag_and_by_digest() {
    let registry = Registry::start(&Settings::default());
    let artifact = artifact(component(5 * 1024 * 1024, 1));
    let reference = registry.oci("acme/steps/greet:1.2.0");
    let told = Told::default();
    let pushed = push(&reference.parse().unwrap(), &artifact, &options(), &told)
        .await
        .unwrap();
    assert_eq!(
        pushed.reference,
        format!("{reference}@{}", pushed.digest),
        "the reference is the one that was given, held to the digest"
    );
    let length = artifact.bytes.len() as u64;
    let moved = told.0.into_inner().unwrap();
    assert!(moved.contains(&(Some(length), length, true)), "{moved:?}");
    assert!(moved.iter().all(|&(_, _, ended)| ended), "{moved:?}");

    for source in [&reference, &pushed.reference] {
        let told = Told::default();
        let fetched = jackfield_registry::fetch(&source.parse().unwrap(), &options(), &told)
            .await
            .unwrap();
        assert!(fetched.bytes == artifact.bytes);
        assert_eq!(fetched.signature.as_deref(), Some(SIGNATURE));
        assert_eq!(fetched.manifest.as_ref(), Some(&pushed.digest));
        assert_eq!(&fetched.source, source);
        assert_eq!(told.0.into_inner().unwrap(), [(Some(length), length, true)]);
    }
}

#[tokio::test]
async fn pushing_the_same_again_gives_the_same_digest_and_sends_no_component() {
    let registry = Registry::start(&Settings::default());
    let artifact = artifact(component(100_000, 2));
    let first = put(&registry.oci("greet:1"), &artifact, &options()).await;
    let told = Told::default();
    let again = push(
        &registry.oci("greet:2").parse().unwrap(),
        &artifact,
        &options(),
        &told,
    )
    .await;
    assert_eq!(first.unwrap().digest, again.unwrap().digest);
    let moved: u64 = told.0.into_inner().unwrap().iter().map(|bar| bar.1).sum();
    assert!(moved < 10_000, "only the manifest was sent: {moved}");
}

#[tokio::test]
async fn what_a_tag_names_may_change_and_what_a_digest_names_may_not() {
    let registry = Registry::start(&Settings::default());
    let latest = registry.oci("greet");
    let old = put(&latest, &artifact(component(1000, 3)), &options()).await;
    let new = artifact(component(1000, 4));
    put(&latest, &new, &options()).await.unwrap();
    let fetched = fetch(&latest, &options()).await.unwrap();
    assert!(fetched.bytes == new.bytes);
    let fetched = fetch(&old.unwrap().reference, &options()).await.unwrap();
    assert!(fetched.bytes == component(1000, 3));
}

#[tokio::test]
async fn what_is_not_there_is_said_so() {
    let registry = Registry::start(&Settings::default());
    let error = fetch(&registry.oci("nobody/nothing:9"), &options())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error:?}");
    assert!(error.to_string().contains("manifest unknown"), "{error}");
    let absent = format!("{}@sha256:{}", registry.oci("nothing"), "0".repeat(64));
    let error = fetch(&absent, &options()).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error:?}");
}

#[tokio::test]
async fn a_registry_that_asks_for_a_password_gets_dockers_and_else_says_how_to_log_in() {
    let registry = Registry::start(&Settings {
        password: true,
        ..Settings::default()
    });
    let reference = registry.oci("greet:1");
    let artifact = artifact(component(200_000, 5));
    let home = tempfile::tempdir().unwrap();
    let login = |password: &str| {
        use base64::Engine as _;
        let both = format!("{USER}:{password}");
        let auth = base64::engine::general_purpose::STANDARD.encode(both);
        let config = json!({"auths": {registry.host(): {"auth": auth}}});
        Options {
            docker_config: Some(docker_config(home.path(), &config.to_string())),
            ..options()
        }
    };

    let right = login(PASSWORD);
    put(&reference, &artifact, &right).await.unwrap();
    let fetched = fetch(&reference, &right).await.unwrap();
    assert!(fetched.bytes == artifact.bytes);

    let hint = format!("docker login {}", registry.host());
    for error in [
        fetch(&reference, &options()).await.unwrap_err(),
        put(&reference, &artifact, &options()).await.unwrap_err(),
    ] {
        assert!(
            matches!(error, Error::Denied { status: 401, .. }),
            "{error:?}"
        );
        assert!(error.to_string().contains(&hint), "{error}");
    }
    let wrong = login("wrong-password");
    for error in [
        fetch(&reference, &wrong).await.unwrap_err(),
        put(&reference, &artifact, &wrong).await.unwrap_err(),
    ] {
        assert!(
            matches!(error, Error::Denied { status: 401, .. }),
            "{error:?}"
        );
        let text = format!("{error} {error:?}");
        assert!(
            text.contains(&hint) && text.contains("are not enough"),
            "{text}"
        );
        assert!(!text.contains("wrong-password"), "{text}");
    }
}

#[tokio::test]
async fn a_registry_with_a_certificate_of_its_own_is_trusted_when_its_root_is_named() {
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let registry = Registry::start(&Settings {
        tls: Some((cert.pem(), signing_key.serialize_pem())),
        ..Settings::default()
    });
    let reference = registry.oci("greet:1");
    let artifact = artifact(component(50_000, 6));
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root.pem");
    std::fs::write(&root, cert.pem()).unwrap();
    let trusting = Options {
        trust: vec![root],
        ..options()
    };
    put(&reference, &artifact, &trusting).await.unwrap();
    let fetched = fetch(&reference, &trusting).await.unwrap();
    assert!(fetched.bytes == artifact.bytes);

    // Neither on loopback nor with `insecure` is TLS given up for plain HTTP.
    for insecure in [false, true] {
        let options = Options {
            insecure,
            ..options()
        };
        let error = fetch(&reference, &options).await.unwrap_err();
        assert!(matches!(error, Error::Tls { .. }), "{error:?}");
        assert!(error.to_string().contains("(PEM)"), "{error}");
    }
}

#[tokio::test]
async fn other_tools_read_what_was_pushed_and_what_they_push_is_fetched() {
    let registry = Registry::start(&Settings::default());
    let artifact = artifact(component(300_000, 7));
    let pushed = put(&registry.oci("greet:1"), &artifact, &options())
        .await
        .unwrap();
    let place = |name: &str| format!("docker://{}/{name}", registry.host());

    let raw = skopeo(&["inspect", "--raw", "--tls-verify=false", &place("greet:1")]);
    let manifest: Value = serde_json::from_str(&raw).unwrap();
    assert_eq!(manifest["schemaVersion"], 2);
    assert_eq!(
        manifest["mediaType"],
        "application/vnd.oci.image.manifest.v1+json"
    );
    assert_eq!(
        manifest["config"]["mediaType"],
        "application/vnd.wasm.config.v0+json"
    );
    assert_eq!(manifest["layers"].as_array().unwrap().len(), 1);
    let layer = &manifest["layers"][0];
    assert_eq!(layer["mediaType"], "application/wasm");
    assert_eq!(layer["size"], artifact.bytes.len());
    assert_eq!(
        manifest["annotations"],
        json!({
            "dev.jackfield.signature": SIGNATURE,
            "org.opencontainers.image.title": "greet",
            "org.opencontainers.image.version": "1.2.0",
            "org.opencontainers.image.description": "Says hello",
        })
    );
    let config = skopeo(&[
        "inspect",
        "--raw",
        "--config",
        "--tls-verify=false",
        &place("greet:1"),
    ]);
    assert_eq!(
        serde_json::from_str::<Value>(&config).unwrap(),
        json!({
            "created": "1970-01-01T00:00:00Z",
            "architecture": "wasm",
            "os": "wasip2",
            "layerDigests": [layer["digest"]],
            "component": {
                "exports": ["jackfield:plugin/step@1.0.0"],
                "imports": ["jackfield:plugin/log@1.0.0"],
                "target": null,
            },
        })
    );

    // Out of the registry, and into it again under another name.
    let folder = tempfile::tempdir().unwrap();
    let copy = format!("dir:{}", folder.path().join("copy").display());
    skopeo(&["copy", "--src-tls-verify=false", &place("greet:1"), &copy]);
    let digest = layer["digest"].as_str().unwrap();
    let name = digest.strip_prefix("sha256:").unwrap();
    let layer = std::fs::read(folder.path().join("copy").join(name)).unwrap();
    assert!(layer == artifact.bytes);
    skopeo(&[
        "copy",
        "--dest-tls-verify=false",
        &copy,
        &place("other/name:2"),
    ]);
    let fetched = fetch(&registry.oci("other/name:2"), &options())
        .await
        .unwrap();
    assert!(fetched.bytes == artifact.bytes);
    assert_eq!(fetched.signature.as_deref(), Some(SIGNATURE));
    assert_eq!(fetched.manifest, Some(pushed.digest));
}

fn skopeo(arguments: &[&str]) -> String {
    let output = Command::new(program("skopeo"))
        .arg("--insecure-policy")
        .args(arguments)
        .current_dir(Path::new("/"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "skopeo {arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}
