//! The HTTP API as an integrator uses it.

use crate::until;
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

/// A way to a host, with a key or without.
#[derive(Clone, Debug)]
pub struct Api {
    client: Client,
    base: String,
    key: Option<String>,
    workspace: Option<String>,
}

/// What the host answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub text: String,
    /// The body where it is JSON, else null.
    pub json: Value,
}

impl Answer {
    /// The body of an answer that is no refusal.
    pub fn ok(self) -> Value {
        assert!(
            (200..300).contains(&self.status),
            "{} {}",
            self.status,
            self.text
        );
        self.json
    }

    /// The body of a refusal, which must be `application/problem+json` with this status and code.
    pub fn refused(self, status: u16, code: &str) -> Value {
        assert_eq!(
            (self.status, self.json["code"].as_str()),
            (status, Some(code)),
            "{}",
            self.text
        );
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{}",
            self.text
        );
        assert_eq!(self.json["status"], status);
        assert_eq!(self.json["type"], format!("urn:jackfield:problem:{code}"));
        let detail = self.json["detail"].as_str().unwrap_or_default();
        assert!(
            !detail.is_empty() && self.json["title"].is_string(),
            "{}",
            self.text
        );
        self.json
    }

    /// A header's text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

impl Api {
    pub(crate) fn new(base: &str) -> Api {
        // Without proxies of the environment: everything is on loopback.
        let client = Client::builder()
            .no_proxy()
            .build()
            .expect("an HTTP client");
        Api {
            client,
            base: base.to_owned(),
            key: None,
            workspace: None,
        }
    }

    /// The same host with another key.
    #[must_use]
    pub fn with_key(&self, key: &str) -> Api {
        Api {
            key: Some(key.to_owned()),
            ..self.clone()
        }
    }

    /// The same host without a key.
    #[must_use]
    pub fn without_key(&self) -> Api {
        Api {
            key: None,
            ..self.clone()
        }
    }

    /// The same host with this workspace chosen by its header.
    #[must_use]
    pub fn in_workspace(&self, id: &str) -> Api {
        Api {
            workspace: Some(id.to_owned()),
            ..self.clone()
        }
    }

    /// A request to a path, or to a whole address, not sent yet.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}{path}", self.base)
        };
        let mut request = self.client.request(method, url);
        if let Some(key) = &self.key {
            request = request.bearer_auth(key);
        }
        if let Some(workspace) = &self.workspace {
            request = request.header("Jackfield-Workspace", workspace);
        }
        request
    }

    /// Sends a request and reads the answer.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        let response = request.send().await.expect("the host answers");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("the whole answer");
        let json = serde_json::from_str(&text).unwrap_or_default();
        Answer {
            status,
            headers,
            text,
            json,
        }
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// POST of JSON.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::POST, path).json(&body))
            .await
    }

    /// PUT of JSON.
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::PUT, path).json(&body)).await
    }

    /// PATCH of JSON.
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::PATCH, path).json(&body))
            .await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// Keeps a workflow document (YAML) as a draft.
    pub async fn put_workflow(&self, yaml: &str) -> Answer {
        let name = yaml
            .lines()
            .find_map(|line| line.strip_prefix("name: "))
            .expect("a name");
        let request = self.request(Method::PUT, &format!("/v1/workflows/{}", name.trim()));
        self.send(
            request
                .header("content-type", "application/yaml")
                .body(yaml.to_owned()),
        )
        .await
    }

    /// Keeps and publishes a workflow document (YAML).
    pub async fn publish(&self, yaml: &str) -> Value {
        let name = self.put_workflow(yaml).await.ok()["name"]
            .as_str()
            .expect("a name")
            .to_owned();
        self.post(&format!("/v1/workflows/{name}/publish"), json!({}))
            .await
            .ok()
    }

    /// Sends an event and gives what became of it.
    pub async fn event(&self, name: &str, contact: Option<&str>, data: Value) -> Value {
        let mut body = json!({"name": name, "data": data});
        if let Some(contact) = contact {
            body["contact"] = contact.into();
        }
        let answer = self.post("/v1/events", body).await;
        assert_eq!(answer.status, 202, "{}", answer.text);
        answer.json
    }

    /// Sends an event that must start exactly one run; gives the run's id.
    pub async fn start(&self, name: &str, contact: Option<&str>, data: Value) -> String {
        let accepted = self.event(name, contact, data).await;
        assert_eq!(
            accepted["runs"].as_array().map(Vec::len),
            Some(1),
            "{accepted:#}"
        );
        accepted["runs"][0]
            .as_str()
            .expect("the run's id")
            .to_owned()
    }

    /// Starts a workflow by hand; gives the run's id.
    pub async fn start_by_hand(&self, workflow: &str, contact: &str) -> String {
        let path = format!("/v1/workflows/{workflow}/runs");
        let started = self.post(&path, json!({"contact": contact})).await.ok();
        started["id"].as_str().expect("the run's id").to_owned()
    }

    /// A run.
    pub async fn run(&self, id: &str) -> Value {
        self.get(&format!("/v1/runs/{id}")).await.ok()
    }

    /// The whole timeline of a run.
    pub async fn timeline(&self, id: &str) -> Vec<Value> {
        self.all(&format!("/v1/runs/{id}/timeline?limit=100")).await
    }

    /// Every item of a list; `path` has a query already.
    pub async fn all(&self, path: &str) -> Vec<Value> {
        let (mut items, mut next) = (Vec::new(), path.to_owned());
        loop {
            let page = self.get(&next).await.ok();
            items.extend(page["items"].as_array().expect("a page").iter().cloned());
            match page["next"].as_str() {
                Some(cursor) => next = format!("{path}&cursor={cursor}"),
                None => return items,
            }
        }
    }

    /// The messages of a run, oldest first.
    pub async fn messages(&self, run: &str) -> Vec<Value> {
        let mut all = self.all(&format!("/v1/messages?run={run}")).await;
        all.reverse();
        all
    }

    /// Waits until the host knows of every message of a run that the provider took it. Who kills the
    /// host when the provider has a message, and before that, makes it uncertain.
    pub async fn accepted(&self, run: &str) {
        until("the run's messages to be accepted", async || {
            let all = self.messages(run).await;
            let under_way =
                |one: &Value| matches!(one["status"].as_str(), Some("queued" | "sending"));
            (!all.is_empty() && !all.iter().any(under_way)).then_some(())
        })
        .await;
    }

    /// Waits until a run is as asked.
    pub async fn run_until(&self, id: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let seen = tokio::time::timeout(crate::PATIENCE * 2, async {
            loop {
                last = self.run(id).await;
                if holds(&last) {
                    return;
                }
                // A run that will not move any more is told at once, with its story.
                if is_over(&last) {
                    let timeline = json!(self.timeline(id).await);
                    panic!("{id} is over and not {what}: {last:#}\n{timeline:#}");
                }
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        });
        if seen.await.is_err() {
            panic!(
                "{id} did not become {what}: {:#}",
                json!(self.timeline(id).await)
            );
        }
        last
    }

    /// Waits until a run stands at a step and waits for events there.
    pub async fn waiting_at(&self, id: &str, step: &str) -> Value {
        let what = format!("waiting at {step}");
        self.run_until(id, &what, |run| {
            run["state"] == "waiting" && run["step"] == step
        })
        .await
    }

    /// Waits until a run has completed.
    pub async fn completed(&self, id: &str) -> Value {
        self.run_until(id, "completed", |run| run["state"] == "completed")
            .await
    }

    /// Waits until a run is over, however it ended.
    pub async fn over(&self, id: &str) -> Value {
        self.run_until(id, "over", is_over).await
    }

    /// Waits until a message is as asked.
    pub async fn message_until(
        &self,
        id: &str,
        what: &str,
        holds: impl Fn(&Value) -> bool,
    ) -> Value {
        let path = format!("/v1/messages/{id}");
        until(&format!("the message {id} to be {what}"), async || {
            Some(self.get(&path).await.ok()).filter(&holds)
        })
        .await
    }
}

fn is_over(run: &Value) -> bool {
    matches!(
        run["state"].as_str(),
        Some("completed" | "failed" | "cancelled" | "needs-attention")
    )
}
