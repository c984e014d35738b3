//! The document and the routes are one.
//!
//! The router is made from the same declarations as the document; what is held here is that nothing
//! goes around them, that every declared operation answers, and that the document in the repository
//! is the one that is served.

use super::Fixture;
use crate::http::auth::Needs;
use crate::http::{document, document_json, openapi, scopes};
use reqwest::Method;
use std::collections::BTreeSet;
use std::path::Path;

/// The handlers that the source declares.
fn declared() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http/routes");
    let mut handlers = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let source = std::fs::read_to_string(&path).unwrap();
        for way_around in [".route(", ".route_service(", ".nest("] {
            assert!(
                !source.contains(way_around),
                "{} uses {way_around}",
                path.display()
            );
        }
        for part in source.split("#[utoipa::path(").skip(1) {
            let (_, after) = part.split_once("\nasync fn ").unwrap();
            handlers.insert(after.split('(').next().unwrap().to_owned());
        }
    }
    handlers
}

#[test]
fn every_handler_is_in_the_document_and_every_operation_has_a_handler() {
    let mut documented = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for (path, method, operation) in openapi::operations(document()) {
        let id = operation["operationId"].as_str().unwrap().to_owned();
        assert!(ids.insert(id.clone()), "{id} is twice in the document");
        let handler = id
            .strip_suffix(&format!("_{method}"))
            .unwrap_or(&id)
            .to_owned();
        documented.insert(handler);
        assert!(
            operation["summary"].is_string(),
            "{method} {path} has no summary"
        );
    }
    assert_eq!(documented, declared());
}

#[test]
fn every_operation_of_the_api_needs_a_known_scope() {
    let needs = openapi::needs(document());
    for (path, method, _) in openapi::operations(document()) {
        let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
        let needed = needs.get(&(method.clone(), path.clone()));
        match needed {
            Some(Needs::Nothing) => assert!(
                !path.starts_with("/v1") || path == "/v1/schemas/workflow",
                "{method} {path} is open to everybody"
            ),
            Some(Needs::Scopes(wanted)) => {
                assert!(!wanted.is_empty(), "{method} {path} needs no scope");
                for scope in wanted {
                    assert!(scopes::known(scope), "{method} {path} needs {scope}");
                }
            }
            None => panic!("{method} {path} declares no security"),
        }
    }
}

#[tokio::test]
async fn every_operation_of_the_document_is_a_route() {
    let fixture = Fixture::new().await;
    for (path, method, _) in openapi::operations(document()) {
        let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
        let concrete: String = path
            .split('/')
            .map(|segment| {
                if segment.starts_with('{') {
                    "1"
                } else {
                    segment
                }
            })
            .collect::<Vec<_>>()
            .join("/");
        let response = fixture
            .bare(method.clone(), &concrete)
            .send()
            .await
            .unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        assert!(
            status != 405 && !text.contains("unknown-route"),
            "{method} {path}: {text}"
        );
        if path.starts_with("/v1") && path != "/v1/schemas/workflow" {
            assert_eq!(status, 401, "{method} {path} answers without a key: {text}");
        }
    }
}

#[test]
fn the_document_is_openapi_3_1_and_says_how_it_refuses() {
    let document = serde_json::to_value(document()).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    assert!(document["components"]["schemas"]["Problem"]["properties"]["code"].is_object());
    let post = &document["paths"]["/v1/events"]["post"];
    assert!(
        post["responses"]["default"].is_null(),
        "what is not declared is undocumented"
    );
    for status in [
        "400", "401", "403", "404", "409", "413", "415", "422", "503",
    ] {
        let content = &post["responses"][status]["content"]["application/problem+json"];
        assert!(content["schema"].is_object(), "{status}");
    }
    assert!(post["parameters"].to_string().contains("Idempotency-Key"));
    // Every reference leads somewhere.
    let text = document.to_string();
    for part in text.split("\"#/components/schemas/").skip(1) {
        let name = part.split('"').next().unwrap();
        assert!(
            document["components"]["schemas"][name].is_object(),
            "{name} is not in the document"
        );
    }
}

/// `UPDATE_SNAPSHOTS=1 cargo test -p jackfield-server` writes it anew.
#[test]
fn the_document_in_the_repository_is_the_one_that_is_served() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    let served = document_json();
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, &served).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == served,
        "openapi.json is not up to date: run with UPDATE_SNAPSHOTS=1"
    );
}
