//! What stands in a workspace, to see that nothing of it changed; and the routes of the document.

use jackfield_tests::{Answer, Api, Host};
use reqwest::Method;
use serde_json::{Value, json};

/// Lists of everything that a request could have made.
const LISTS: &[&str] = &[
    "workflows",
    "runs",
    "contacts",
    "contact-fields",
    "segments",
    "imports",
    "blacklist",
    "channels",
    "messages",
    "templates",
    "snippets",
    "files",
    "secrets",
    "opt-outs",
    "inbound-failures",
    "webhook-subscriptions",
    "keys",
    "plugins",
    "workspaces",
    "organisations",
];

/// Everything that stands in the workspace of this key.
pub(crate) async fn everything(api: &Api) -> Value {
    let mut all = json!({});
    for list in LISTS {
        all[list] = json!(api.all(&format!("/v1/{list}?limit=100")).await);
    }
    all
}

/// The first list that differs, for people.
pub(crate) fn same(before: &Value, after: &Value) -> Result<(), String> {
    for list in LISTS {
        if before[list] != after[list] {
            let (before, after) = (&before[list], &after[list]);
            return Err(format!("{list} changed from {before:#} to {after:#}"));
        }
    }
    Ok(())
}

/// A route of the document.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    pub(crate) method: Method,
    /// With `{names}` of its parameters.
    pub(crate) path: String,
    /// The media types of its body; none where it reads none.
    pub(crate) bodies: Vec<String>,
    /// Whether it may be left without a body.
    pub(crate) optional: bool,
    /// Whether it needs a key.
    pub(crate) closed: bool,
}

impl Operation {
    /// The path with something in the place of each parameter.
    pub(crate) fn at(&self, name: impl Fn(&str) -> String) -> String {
        let parts = self.path.split('/').map(|part| {
            let parameter = part
                .strip_prefix('{')
                .and_then(|part| part.strip_suffix('}'));
            parameter.map_or_else(|| part.to_owned(), &name)
        });
        parts.collect::<Vec<_>>().join("/")
    }

    /// Whether its body is JSON and nothing else.
    pub(crate) fn takes_json(&self) -> bool {
        self.bodies == ["application/json"]
    }
}

impl std::fmt::Display for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

/// Every route under `/v1`.
pub(crate) async fn operations(host: &Host) -> Vec<Operation> {
    let document = host.api.without_key().get("/openapi.json").await.ok();
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        if !path.starts_with("/v1/") {
            continue;
        }
        for (method, operation) in item.as_object().unwrap() {
            let body = &operation["requestBody"];
            let bodies = body["content"].as_object();
            all.push(Operation {
                method: Method::from_bytes(method.to_uppercase().as_bytes()).unwrap(),
                path: path.clone(),
                bodies: bodies.map_or_else(Vec::new, |all| all.keys().cloned().collect()),
                optional: body["required"] != true,
                closed: path != "/v1/schemas/workflow",
            });
        }
    }
    assert!(all.len() > 60, "{}", all.len());
    all
}

/// A refusal in the one form: 400 to 499 as problem+json, with the request's id and a reason.
pub(crate) fn is_problem(answer: &Answer) -> Result<(), String> {
    let text = |name: &str| answer.json[name].as_str().unwrap_or_default();
    let kind = format!("urn:jackfield:problem:{}", text("code"));
    let good = (400..500).contains(&answer.status)
        && answer.header("content-type") == Some("application/problem+json")
        && answer.json["status"] == answer.status
        && text("type") == kind
        && !text("title").is_empty()
        && text("detail").len() > 10
        && Some(text("request-id")) == answer.header("x-request-id");
    if good {
        return Ok(());
    }
    Err(format!("{} {}", answer.status, answer.text))
}

/// A problem with one of these codes, written `400 invalid-json`.
pub(crate) fn is_one_of(answer: &Answer, expected: &[&str]) -> Result<(), String> {
    is_problem(answer)?;
    let got = format!(
        "{} {}",
        answer.status,
        answer.json["code"].as_str().unwrap()
    );
    if expected.contains(&got.as_str()) {
        return Ok(());
    }
    Err(format!("not {expected:?}: {}", answer.text))
}

/// Ends the test with every line that is wrong.
pub(crate) fn none(wrong: &[String]) {
    assert!(wrong.is_empty(), "{}\n{}", wrong.len(), wrong.join("\n"));
}
