//! The API as a caller sees it, against a real host on loopback with a database of its own.

#![allow(clippy::unwrap_used)]

mod auth;
mod idempotency;
mod layers;
mod openapi;
mod problems;
mod routes;

use crate::http::key::Key;
use crate::{Host, OPERATOR_KEY, Options, serve};
use jackfield_store::Commit;
use jackfield_store::records::ApiKey;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A host with its folder.
struct Fixture {
    host: Host,
    key: String,
    http: reqwest::Client,
    _folder: TempDir,
}

impl Fixture {
    async fn new() -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        let mut options = Options::in_folder(folder.path());
        options.max_activations = Some(2);
        let host = serve(&options).await.unwrap();
        let key = std::fs::read_to_string(folder.path().join(OPERATOR_KEY)).unwrap();
        Fixture {
            host,
            key: key.trim().to_owned(),
            http: reqwest::Client::new(),
            _folder: folder,
        }
    }

    /// A request without a key.
    fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.host.url()))
    }

    /// A request with the operator's key.
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.bare(method, path).bearer_auth(&self.key)
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        read(self.request(Method::GET, path).send().await.unwrap()).await
    }

    async fn send(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        read(self.request(method, path).json(&body).send().await.unwrap()).await
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.send(Method::POST, path, body).await
    }

    /// A key of these scopes, put into the database.
    async fn key(&self, workspace: &str, scopes: &[&str], expires_at: Option<i64>) -> String {
        let key = Key::mint(&mut rand::rng());
        let mut commit = Commit::control();
        commit.insert(&ApiKey {
            id: key.id.clone(),
            workspace: workspace.to_owned(),
            name: "test".to_owned(),
            hash: key.hash(),
            scopes: json!(scopes),
            created_at: 0,
            expires_at,
            revoked_at: None,
        });
        self.host.engine().store().commit(commit).await.unwrap();
        key.reveal()
    }
}

async fn read(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let bytes = response.bytes().await.unwrap();
    (
        status,
        serde_json::from_slice(&bytes).unwrap_or(Value::Null),
    )
}

/// A small workflow that waits a day.
const WAITS: &str =
    "name: waits\ntrigger: {event: call.ended}\nsteps:\n  pause: {uses: wait@1, with: {for: 1d}}\n";
