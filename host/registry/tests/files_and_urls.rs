//! Components from files and web servers that mean well.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use common::hostile::{Reply, Server};
use common::*;
use jackfield_registry::{Error, Limits, Options};
use std::path::Path;

/// The digest of some bytes, as the crate itself gives it of a file.
async fn digest(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wasm");
    std::fs::write(&path, bytes).unwrap();
    fetch(path.to_str().unwrap(), &options())
        .await
        .unwrap()
        .digest
}

#[tokio::test]
async fn a_file_comes_with_the_signature_beside_it_and_its_absolute_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("greet.wasm");
    let bytes = component(1000, 1);
    std::fs::write(&path, &bytes).unwrap();
    let given = path.to_str().unwrap();
    let fetched = fetch(given, &options()).await.unwrap();
    assert_eq!((fetched.bytes, fetched.signature), (bytes, None));
    assert_eq!(fetched.source, given);
    assert_eq!(fetched.manifest, None);

    std::fs::write(folder.path().join("greet.wasm.minisig"), SIGNATURE).unwrap();
    let fetched = fetch(given, &options()).await.unwrap();
    assert_eq!(fetched.signature.as_deref(), Some(SIGNATURE));

    std::fs::write(folder.path().join("greet.wasm.minisig"), "hello").unwrap();
    let error = fetch(given, &options()).await.unwrap_err();
    assert!(matches!(error, Error::Signature { .. }), "{error:?}");
}

#[tokio::test]
async fn a_relative_path_is_kept_as_an_absolute_one() {
    // The folder of the crate is where cargo runs its tests.
    let error = fetch("Cargo.toml", &options()).await.unwrap_err();
    let Error::NotComponent { what, found } = &error else {
        panic!("{error:?}");
    };
    assert!(Path::new(what).is_absolute(), "{what}");
    assert_eq!(found, "text");
}

#[tokio::test]
async fn files_that_are_none_are_refused_without_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let error = fetch(&at("absent"), &options()).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error:?}");
    let error = fetch(&at(""), &options()).await.unwrap_err();
    assert!(error.to_string().ends_with("it is a folder"), "{error}");
    // Nobody writes to this pipe.
    let made = std::process::Command::new("mkfifo")
        .arg(at("pipe"))
        .status();
    assert!(made.unwrap().success());
    let error = fetch(&at("pipe"), &options()).await.unwrap_err();
    assert!(error.to_string().ends_with("it is no file"), "{error}");
    let error = fetch("/dev/zero", &options()).await.unwrap_err();
    assert!(matches!(error, Error::File { .. }), "{error:?}");
}

#[tokio::test]
async fn a_file_or_signature_that_is_too_large_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wasm");
    let given = path.to_str().unwrap();
    let bytes = component(1000, 1);
    std::fs::write(&path, &bytes).unwrap();
    let most = |bytes: usize| Options {
        limits: Limits {
            bytes: bytes as u64,
            ..Limits::default()
        },
        ..options()
    };
    fetch(given, &most(bytes.len())).await.unwrap();
    let error = fetch(given, &most(bytes.len() - 1)).await.unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }), "{error:?}");
    std::fs::write(folder.path().join("a.wasm.minisig"), [b'a'; 5000]).unwrap();
    let error = fetch(given, &options()).await.unwrap_err();
    let Error::TooLarge { what, most: 4096 } = &error else {
        panic!("{error:?}");
    };
    assert!(what.ends_with(".minisig"));
}

#[tokio::test]
async fn a_url_comes_with_the_signature_beside_it() {
    let bytes = component(200_000, 2);
    let body = bytes.clone();
    let server = Server::start(move |request| match request.line.as_str() {
        "GET /a.wasm?version=1" => Reply::new(200, "", &body),
        "GET /a.wasm.minisig?version=1" => Reply::new(200, "", SIGNATURE),
        "GET /unsigned.wasm" => Reply::new(200, "", &body),
        // A server that has a page for everything.
        "GET /paged.wasm" => Reply::new(200, "", &body),
        "GET /paged.wasm.minisig" => Reply::new(200, "Content-Type: text/html\r\n", "<html>"),
        _ => Reply::new(404, "", "nothing here"),
    })
    .await;
    let url = server.url("/a.wasm?version=1");
    let told = Told::default();
    let fetched = jackfield_registry::fetch(&url.parse().unwrap(), &options(), &told)
        .await
        .unwrap();
    assert!(fetched.bytes == bytes);
    assert_eq!(fetched.signature.as_deref(), Some(SIGNATURE));
    assert_eq!(fetched.source, url);
    let length = bytes.len() as u64;
    assert_eq!(told.0.into_inner().unwrap(), [(Some(length), length, true)]);
    for path in ["/unsigned.wasm", "/paged.wasm"] {
        let fetched = fetch(&server.url(path), &options()).await.unwrap();
        assert_eq!(fetched.signature, None);
    }
    let error = fetch(&server.url("/absent"), &options()).await.unwrap_err();
    let Error::NotFound { said, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(said, "nothing here");
    for request in server.asked() {
        assert_eq!(request.header("accept-encoding"), Some("identity"));
        assert_eq!(request.header("authorization"), None);
    }
}

#[tokio::test]
async fn the_digest_behind_a_url_is_checked() {
    let bytes = component(1000, 3);
    let body = bytes.clone();
    let server = Server::start(move |request| match request.line.as_str() {
        "GET /a.wasm" => Reply::new(200, "", &body),
        _ => Reply::new(404, "", ""),
    })
    .await;
    let pinned = server.url(&format!("/a.wasm#{}", digest(&bytes).await));
    let fetched = fetch(&pinned, &options()).await.unwrap();
    assert_eq!(fetched.source, pinned);
    let other = server.url(&format!("/a.wasm#sha256={}", "0".repeat(64)));
    let error = fetch(&other, &options()).await.unwrap_err();
    let Error::Digest {
        expected, found, ..
    } = &error
    else {
        panic!("{error:?}");
    };
    assert_eq!(expected, &format!("sha256:{}", "0".repeat(64)));
    assert_eq!(found, &fetched.digest);
}

#[tokio::test]
async fn redirects_are_followed_five_times() {
    let bytes = component(1000, 4);
    let body = bytes.clone();
    let server = Server::start(move |request| {
        let path = request.line.trim_start_matches("GET /");
        match path.parse::<u32>() {
            Ok(0) => Reply::new(200, "", &body),
            Ok(left) => Reply::new(302, &format!("Location: {}\r\n", left - 1), ""),
            Err(_) => Reply::new(404, "", ""),
        }
    })
    .await;
    let fetched = fetch(&server.url("/5"), &options()).await.unwrap();
    assert!(fetched.bytes == bytes);
    assert_eq!(fetched.source, server.url("/5"));
    let error = fetch(&server.url("/6"), &options()).await.unwrap_err();
    assert!(
        matches!(error, Error::Redirects { most: 5, .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn plain_http_is_for_this_machine_alone_unless_it_is_asked_for() {
    // Refused before a name is looked up.
    for source in ["http://registry.invalid/a.wasm", "http://192.0.2.1/a.wasm"] {
        let error = fetch(source, &options()).await.unwrap_err();
        assert!(matches!(error, Error::Insecure { .. }), "{error:?}");
    }
    let server =
        Server::start(|_| Reply::new(302, "Location: http://registry.invalid/a.wasm\r\n", ""))
            .await;
    let error = fetch(&server.url("/a"), &options()).await.unwrap_err();
    assert!(matches!(error, Error::Insecure { .. }), "{error:?}");
    let insecure = Options {
        insecure: true,
        ..options()
    };
    let error = fetch("http://registry.invalid/a.wasm", &insecure)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
}

#[tokio::test]
async fn what_is_trusted_has_to_be_a_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("root.pem");
    for content in [None, Some(""), Some("hello")] {
        if let Some(content) = content {
            std::fs::write(&path, content).unwrap();
        }
        let options = Options {
            trust: vec![path.clone()],
            ..options()
        };
        let error = fetch("https://127.0.0.1:1/", &options).await.unwrap_err();
        assert!(matches!(error, Error::Options { .. }), "{error:?}");
        assert!(error.to_string().contains("root.pem"), "{error}");
    }
}
