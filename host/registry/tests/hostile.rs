//! Servers and registries that are broken or mean harm: each is refused within the limits, and the
//! error says what was wrong.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use common::hostile::{Reply, Request, Server, Then};
use common::*;
use jackfield_registry::{Error, Silent, push};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
const GZIP: &str = "Content-Encoding: gzip\r\n";

/// The length of the component that a bad body stands for.
const BLOB: i64 = 3000;

/// The longest that anything may take with the short limits: the whole, and room for a busy machine.
const SOON: Duration = Duration::from_secs(20);

/// Fetches with short limits, and sees that it fails soon.
async fn refused(source: &str) -> Error {
    let begun = Instant::now();
    let error = fetch(source, &short()).await.unwrap_err();
    assert!(begun.elapsed() < SOON, "{:?}: {error}", begun.elapsed());
    let text = error.to_string();
    assert!(text.chars().count() < 1000, "{text}");
    assert!(!text.contains(|c: char| c.is_control()), "{text:?}");
    error
}

macro_rules! assert_error {
    ($error:expr, $pattern:pat) => {
        let error = $error;
        assert!(matches!(&error, $pattern), "{error:?}");
    };
}

/// Each way of a body to be wrong, whatever it is the body of; where a length is declared, it is that
/// of [`BLOB`].
fn bad_bodies() -> Vec<(&'static str, Reply)> {
    let bomb = {
        // A megabyte of zeros as gzip has it; that it is compressed is enough to refuse it.
        let mut bytes = b"\x1f\x8b\x08\0\0\0\0\0\0\x03".to_vec();
        bytes.extend([0; 1024]);
        bytes
    };
    vec![
        ("silence", Reply::silence()),
        (
            "hangs in the head",
            Reply {
                bytes: b"HTTP/1.1 200 OK\r\nContent-".to_vec(),
                then: Then::Hang,
            },
        ),
        (
            "hangs in the body",
            Reply::raw(200, "Content-Length: 3000\r\n", "abc").then(Then::Hang),
        ),
        (
            "drips",
            Reply::raw(200, "", "").then(Then::Drip(Duration::from_millis(50))),
        ),
        (
            "drips in the head",
            Reply {
                bytes: b"HTTP/1.1 200 OK\r\nX: ".to_vec(),
                then: Then::Drip(Duration::from_millis(50)),
            },
        ),
        ("never ends", Reply::raw(200, "", "").then(Then::Forever)),
        (
            "a head that never ends",
            Reply {
                bytes: b"HTTP/1.1 200 OK\r\nX: ".to_vec(),
                then: Then::Forever,
            },
        ),
        (
            "declares too much",
            Reply::raw(200, "Content-Length: 99999999999\r\n", "").then(Then::Forever),
        ),
        (
            "breaks off",
            Reply::raw(200, "Content-Length: 3000\r\n", "abc"),
        ),
        ("a bomb", Reply::new(200, GZIP, bomb)),
        (
            "an error page that never ends",
            Reply::raw(500, "", "oh no").then(Then::Forever),
        ),
        (
            "an error page that hangs",
            Reply::raw(500, "", "\u{1b}[2J\u{202e}oh no").then(Then::Hang),
        ),
        ("a teapot", Reply::new(418, "", "{\"errors\":[]}")),
        ("a redirect to nowhere", Reply::new(302, "", "")),
        (
            "a redirect to itself",
            Reply::new(302, "Location: \r\n", ""),
        ),
        (
            "a redirect to something else",
            Reply::new(302, "Location: file:///etc/passwd\r\n", ""),
        ),
        (
            "no HTTP",
            Reply {
                bytes: b"220 mail.example.org ESMTP\r\n".to_vec(),
                then: Then::Close,
            },
        ),
        (
            "nothing",
            Reply {
                bytes: Vec::new(),
                then: Then::Close,
            },
        ),
    ]
}

/// Sees that the error is the one for the name of [`bad_bodies`].
fn judge(name: &str, error: &Error) {
    let right = match name {
        "silence" | "hangs in the head" | "hangs in the body" => {
            matches!(error, Error::Stalled { .. })
        }
        // A head that drips is one that has not come.
        "drips in the head" => matches!(error, Error::Stalled { .. }),
        "drips" => matches!(error, Error::Slow { .. }),
        "never ends" | "declares too much" => {
            // Of a component from a registry the length is declared, and this is another.
            matches!(error, Error::TooLarge { .. } | Error::Length { .. })
        }
        "a head that never ends" | "breaks off" | "no HTTP" | "nothing" => {
            matches!(error, Error::Broken { .. } | Error::Length { .. })
        }
        "a bomb" => matches!(error, Error::Encoded { .. }),
        "an error page that never ends" | "an error page that hangs" => {
            matches!(error, Error::Refused { status: 500, said, .. } if said.contains("oh no"))
        }
        "a teapot" => matches!(error, Error::Refused { status: 418, .. }),
        "a redirect to nowhere" | "a redirect to something else" => {
            matches!(error, Error::Refused { status: 302, .. })
        }
        "a redirect to itself" => matches!(error, Error::Redirects { .. }),
        other => panic!("{other} is not judged"),
    };
    assert!(right, "{name}: {error:?}");
}

/// Does something with each of the bad bodies, all at a time: most of them are waited for.
async fn each(test: impl AsyncFn(&'static str, Reply)) {
    let tests = bad_bodies()
        .into_iter()
        .map(|(name, reply)| Box::pin(test(name, reply)));
    futures::future::join_all(tests).await;
}

#[tokio::test]
async fn a_web_server_is_refused_within_the_limits() {
    each(async |name, reply| {
        let server = Server::start(move |_| reply.clone()).await;
        judge(name, &refused(&server.url("/a.wasm")).await);
    })
    .await;
}

#[tokio::test]
async fn so_is_one_whose_signatures_are_bad() {
    each(async |name, reply| {
        let body = component(1000, 1);
        let server = Server::start(move |request| match request.line.as_str() {
            "GET /a.wasm" => Reply::new(200, "", &body),
            _ => reply.clone(),
        })
        .await;
        judge(name, &refused(&server.url("/a.wasm")).await);
    })
    .await;
}

#[tokio::test]
async fn what_a_web_server_gives_instead_is_called_by_its_name() {
    for (body, name) in [
        (&b"<!doctype html><title>Log in</title>"[..], "an HTML page"),
        (b"\x1f\x8b\x08\0", "compressed by gzip"),
        (b"\0asm\x01\0\0\0", "a core module"),
        (b"", "empty"),
    ] {
        let server = Server::start(move |_| Reply::new(200, "", body)).await;
        let error = refused(&server.url("/a.wasm")).await;
        let Error::NotComponent { found, .. } = &error else {
            panic!("{error:?}");
        };
        assert_eq!(found, name);
    }
    let server = Server::start(|_| Reply::new(403, "", "members only")).await;
    assert_error!(
        refused(&server.url("/a.wasm")).await,
        Error::Denied { status: 403, .. }
    );
}

#[tokio::test]
async fn a_redirect_never_leads_out_of_encryption() {
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let plain = Server::start(|_| Reply::new(200, "", component(1000, 1))).await;
    let target = plain.url("/a.wasm");
    let server = Server::tls(&cert.pem(), &signing_key.serialize_pem(), move |_| {
        Reply::new(302, &format!("Location: {target}\r\n"), "")
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root.pem");
    std::fs::write(&root, cert.pem()).unwrap();
    let options = jackfield_registry::Options {
        trust: vec![root],
        insecure: true,
        ..short()
    };
    let url = format!("https://{}/a.wasm", server.host());
    let error = fetch(&url, &options).await.unwrap_err();
    assert_error!(error, Error::Downgrade { .. });
    let error = fetch(&server.oci("greet"), &options).await.unwrap_err();
    assert_error!(error, Error::Downgrade { .. });
    assert!(plain.asked().is_empty());
}

/// A registry of one manifest and one blob.
async fn registry(manifest: impl AsRef<[u8]>, blob: Reply, headers: &'static str) -> Server {
    let manifest = manifest.as_ref().to_vec();
    Server::start(move |request| {
        if request.line.contains("/manifests/") {
            Reply::new(200, headers, &manifest)
        } else if request.line.contains("/blobs/") {
            blob.clone()
        } else {
            Reply::new(200, "", "{}")
        }
    })
    .await
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    format!("sha256:{}", hex::encode(sha2::Sha256::digest(bytes)))
}

fn manifest(size: i64, digest: &str) -> Value {
    json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": {
            "mediaType": "application/vnd.wasm.config.v0+json",
            "digest": digest,
            "size": 2,
        },
        "layers": [{"mediaType": "application/wasm", "digest": digest, "size": size}],
    })
}

#[tokio::test]
async fn a_registry_whose_manifests_are_bad_is_refused_within_the_limits() {
    each(async |name, reply| {
        let server = Server::start(move |_| reply.clone()).await;
        judge(name, &refused(&server.oci("greet")).await);
    })
    .await;
}

#[tokio::test]
async fn a_registry_whose_blobs_are_bad_is_refused_within_the_limits() {
    let manifest = manifest(BLOB, &sha256(b"")).to_string();
    let manifest = manifest.as_str();
    each(async |name, reply| {
        let server = registry(manifest, reply, "").await;
        judge(name, &refused(&server.oci("greet")).await);
    })
    .await;
}

#[tokio::test]
async fn a_blob_is_what_the_manifest_says_in_length_and_content() {
    let bytes = component(3000, 1);
    let length = bytes.len() as i64;
    let other = component(3000, 2);
    assert_eq!(other.len(), bytes.len());
    let blob = |bytes: &[u8]| Reply::new(200, "", bytes);
    // The length of the transport says nothing: it comes in chunks.
    let unsaid = |bytes: &[u8]| Reply::raw(200, "", bytes);
    let good = manifest(length, &sha256(&bytes)).to_string();
    let case = async |manifest: &str, blob: Reply| {
        let server = registry(manifest, blob, "").await;
        refused(&server.oci("greet")).await
    };
    assert_error!(case(&good, blob(&other)).await, Error::Digest { .. });
    let short = manifest(length - 1, &sha256(&bytes)).to_string();
    let long = manifest(length + 1, &sha256(&bytes)).to_string();
    for wrong in [&short, &long] {
        assert_error!(case(wrong, blob(&bytes)).await, Error::Length { .. });
        assert_error!(case(wrong, unsaid(&bytes)).await, Error::Length { .. });
    }
    assert_error!(
        case(&good, unsaid(&bytes).then(Then::Forever)).await,
        Error::Length { .. }
    );
    let page = b"<html>log in</html>";
    let page_manifest = manifest(page.len() as i64, &sha256(page)).to_string();
    assert_error!(
        case(&page_manifest, blob(page)).await,
        Error::NotComponent { .. }
    );
    let server = registry(&good, blob(&bytes), "").await;
    let fetched = fetch(&server.oci("greet"), &options()).await.unwrap();
    assert!(fetched.bytes == bytes);
}

#[tokio::test]
async fn what_is_declared_too_large_is_refused_before_a_byte_is_fetched() {
    for size in [64 * 1024 + 1, i64::MAX] {
        let huge = manifest(size, &sha256(b"")).to_string();
        let server = registry(&huge, Reply::silence(), "").await;
        assert_error!(refused(&server.oci("greet")).await, Error::TooLarge { .. });
        let asked = server.asked();
        let blobs = |request: &&Request| request.line.contains("/blobs/");
        assert_eq!(asked.iter().filter(blobs).count(), 0, "{asked:?}");
    }
}

#[tokio::test]
async fn a_manifest_that_is_not_ours_is_refused_with_what_was_found() {
    let digest = sha256(b"");
    let mut two = manifest(1, &digest);
    two["layers"] = json!([two["layers"][0], two["layers"][0]]);
    let mut gzip = manifest(1, &digest);
    gzip["layers"][0]["mediaType"] = json!("application/vnd.oci.image.layer.v1.tar+gzip");
    let mut coloured = manifest(1, &digest);
    coloured["layers"][0]["mediaType"] = json!(format!("\u{1b}[31m{}", "x".repeat(5000)));
    let index = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [{"mediaType": MANIFEST_TYPE, "digest": digest, "size": 7}],
    });
    for (manifest, says) in [
        (two.to_string(), "2 layers"),
        (gzip.to_string(), "tar+gzip"),
        (coloured.to_string(), "[31mxxx"),
        (index.to_string(), "an index"),
        ("<html>log in</html>".to_owned(), "an HTML page"),
        ("{\"layers\": \"many\"}".to_owned(), "JSON"),
        ("[".repeat(10_000), "JSON"),
        (String::new(), "JSON"),
    ] {
        let server = registry(&manifest, Reply::silence(), "").await;
        let error = refused(&server.oci("greet")).await;
        assert!(matches!(error, Error::Layout { .. }), "{error:?}");
        assert!(error.to_string().contains(says), "{error}");
    }
    let huge = registry(" ".repeat(16 * 1024 + 1), Reply::silence(), "").await;
    assert_error!(refused(&huge.oci("greet")).await, Error::TooLarge { .. });
    let mut signed = manifest(1, &digest);
    signed["annotations"] = json!({"dev.jackfield.signature": "x".repeat(4097)});
    let server = registry(signed.to_string(), Reply::silence(), "").await;
    assert_error!(refused(&server.oci("greet")).await, Error::TooLarge { .. });
}

#[tokio::test]
async fn another_manifest_than_the_digest_names_is_refused() {
    let text = manifest(1, &sha256(b"")).to_string();
    let server = registry(&text, Reply::silence(), "").await;
    let pinned = server.oci(&format!("greet@{}", sha256(b"something else")));
    assert_error!(refused(&pinned).await, Error::Digest { .. });
    // Nor may the registry's own word be another.
    let header = "Docker-Content-Digest: \
        sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\r\n";
    let server = registry(&text, Reply::silence(), header).await;
    assert_error!(refused(&server.oci("greet")).await, Error::Digest { .. });
}

#[tokio::test]
async fn what_a_registry_says_is_shown_clean_and_short() {
    let envelope = json!({"errors": [
        {"code": "DENIED", "message": format!("\u{1b}]0;x\u{7}go {}", "away ".repeat(1000))}
    ]});
    let body = envelope.to_string();
    let server = Server::start(move |_| Reply::new(403, "", &body)).await;
    let error = refused(&server.oci("greet")).await;
    let Error::Denied { said, advice, .. } = &error else {
        panic!("{error:?}");
    };
    assert!(said.starts_with("]0;x go away"), "{said}");
    assert_eq!(
        advice,
        &format!("log in with `docker login {}`", server.host())
    );
}

#[tokio::test]
async fn nobody_there_is_said_so() {
    let gone = Server::start(|_| Reply::silence()).await;
    let (url, oci) = (gone.url("/a"), gone.oci("greet"));
    drop(gone);
    tokio::task::yield_now().await;
    assert_error!(refused(&url).await, Error::Unreachable { .. });
    assert_error!(refused(&oci).await, Error::Unreachable { .. });
    assert_error!(
        refused("https://registry.invalid/a").await,
        Error::Unreachable { .. }
    );
}

/// A registry that takes everything, but for what a test wants otherwise.
async fn taking(odd: impl Fn(&Request) -> Option<Reply> + Send + Sync + 'static) -> Server {
    Server::start(move |request| {
        if let Some(reply) = odd(request) {
            return reply;
        }
        let (method, path) = request.line.split_once(' ').unwrap();
        match method {
            "HEAD" => Reply::new(404, "", ""),
            "POST" => Reply::new(202, "Location: /upload?a=b\r\n", ""),
            "PUT" if path.contains("/manifests/") => Reply::new(201, "", ""),
            "PUT" => Reply::new(201, "Location: /there\r\n", ""),
            _ => Reply::new(200, "", ""),
        }
    })
    .await
}

async fn push_refused(server: &Server) -> Error {
    let begun = Instant::now();
    let reference = server.oci("greet:1").parse().unwrap();
    let error = push(
        &reference,
        &artifact(component(60_000, 1)),
        &short(),
        &Silent,
    )
    .await
    .unwrap_err();
    assert!(begun.elapsed() < SOON, "{:?}: {error}", begun.elapsed());
    error
}

#[tokio::test]
async fn a_push_into_a_bad_registry_ends_within_the_limits() {
    let server = taking(|_| None).await;
    let reference = server.oci("greet:1").parse().unwrap();
    push(
        &reference,
        &artifact(component(60_000, 1)),
        &short(),
        &Silent,
    )
    .await
    .unwrap();

    for method in ["HEAD", "POST", "PUT"] {
        each(async |name, reply| {
            // What comes after a head that says yes is not read; and a HEAD has no body.
            let head_alone = matches!(
                name,
                "hangs in the body"
                    | "drips"
                    | "never ends"
                    | "declares too much"
                    | "breaks off"
                    | "a bomb"
            );
            if head_alone || method == "HEAD" && name != "silence" && name != "nothing" {
                return;
            }
            let odd = reply.clone();
            let server =
                taking(move |request| request.line.starts_with(method).then(|| odd.clone())).await;
            let error = push_refused(&server).await;
            match name {
                // No redirect is followed with something to write.
                "a redirect to itself" => {
                    assert!(matches!(error, Error::Refused { .. }), "{error:?}");
                }
                _ => judge(name, &error),
            }
        })
        .await;
    }
}

#[tokio::test]
async fn a_push_is_sure_of_what_was_taken_and_where() {
    let posts = |reply: Reply| {
        taking(move |request| request.line.starts_with("POST").then(|| reply.clone()))
    };
    let nowhere = posts(Reply::new(202, "", "")).await;
    assert_error!(push_refused(&nowhere).await, Error::Refused { .. });
    let elsewhere = posts(Reply::new(202, "Location: http://192.0.2.1/\r\n", "")).await;
    assert_error!(push_refused(&elsewhere).await, Error::Insecure { .. });
    let file = posts(Reply::new(202, "Location: file:///etc/passwd\r\n", "")).await;
    assert_error!(push_refused(&file).await, Error::Refused { .. });
    let header = format!("Docker-Content-Digest: {}\r\n", sha256(b""));
    let other = taking(move |request| {
        request
            .line
            .contains("/manifests/")
            .then(|| Reply::new(201, &header, ""))
    })
    .await;
    assert_error!(push_refused(&other).await, Error::Digest { .. });
}

#[tokio::test]
async fn what_cannot_be_pushed_is_refused_before_anything_is_sent() {
    let server = taking(|_| None).await;
    let case = async |reference: String, artifact: jackfield_registry::Artifact| {
        push(&reference.parse().unwrap(), &artifact, &short(), &Silent)
            .await
            .unwrap_err()
    };
    let good = || artifact(component(1000, 1));
    let pinned = server.oci(&format!("greet:1@{}", sha256(b"")));
    assert_error!(case(pinned, good()).await, Error::Source { .. });
    let place = || server.oci("greet:1");
    let large = artifact(component(70_000, 1));
    assert_error!(case(place(), large).await, Error::TooLarge { .. });
    let text = artifact(b"hello".to_vec());
    assert_error!(case(place(), text).await, Error::NotComponent { .. });
    let mut signed = good();
    signed.signature = Some("hello".to_owned());
    assert_error!(case(place(), signed).await, Error::Signature { .. });
    let mut described = good();
    described
        .annotations
        .insert("a".to_owned(), "b".repeat(20_000));
    assert_error!(case(place(), described).await, Error::TooLarge { .. });
    assert!(server.asked().is_empty());
}
