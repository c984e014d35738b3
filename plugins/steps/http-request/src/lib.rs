//! The step `http-request`: one request to any web service, its answer into variables.
//!
//! Retries are the engine's: a refused connection, 429 and 5xx are transient failures for as long
//! as `retries` allows, so a waiting retry costs nothing. Every try carries the same idempotency
//! key. An answer that stays bad is the branch `failure` with the answer as output, so that a
//! workflow can read what was wrong.
//!
//! `path` finds values in an answer, `answer` makes the output of it.

mod answer;
mod path;

use std::collections::BTreeMap;

use jackfield_plugin::http::Request;
use jackfield_plugin::{CallError, Done, clock, form, prelude::*, variables};

use crate::answer::Output;

/// The step; see the module.
#[derive(Debug)]
pub struct HttpRequest;

/// What the workflow's author sets.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(extend("dependentSchemas" = {"form": {"properties": {"body": false}}}))]
pub struct Settings {
    /// The method.
    #[serde(default)]
    method: Method,
    /// `https://` or `http://`, any port. Variables are percent-encoded.
    #[schemars(extend("format" = "uri"), length(min = 1, max = 8192))]
    url: String,
    /// Added to the URL's query.
    #[serde(default)]
    query: BTreeMap<String, Value>,
    /// At most ten. `{{secret:NAME}}` stands for a secret.
    #[serde(default)]
    #[schemars(extend("maxProperties" = 10))]
    headers: BTreeMap<String, String>,
    /// Sent as it stands if it is a text, and as JSON otherwise. Left out: no body.
    #[serde(default)]
    body: Option<Value>,
    /// Instead of `body`: sent as a form, `application/x-www-form-urlencoded`. A list is its items
    /// one after another; what is empty (`null`) is left out.
    #[serde(default)]
    form: BTreeMap<String, Value>,
    /// The type of the body. Left out: `text/plain` for a text, that of forms for a form,
    /// `application/json` otherwise.
    content_type: Option<String>,
    /// How long to wait for the answer; at most `120s`.
    #[serde(default = "default_timeout")]
    timeout: String,
    /// How often to try again after a refused connection, 429 or 5xx; the pauses are those of the
    /// step's `retry`, and no shorter than `Retry-After` asks for.
    #[serde(default)]
    #[schemars(range(max = 5), extend("x-jackfield-retries" = true))]
    retries: u32,
    /// How many redirects to follow.
    #[serde(default = "default_redirects")]
    #[schemars(range(max = 3))]
    max_redirects: u8,
    /// The header that carries the idempotency key of POST and PATCH requests; `false` sends none,
    /// and such a request is then not repeated when nobody knows whether it arrived.
    #[serde(default)]
    idempotency_header: IdempotencyHeader,
    /// From the answer's JSON into variables: `{phone: "$.phone", city: "$.addresses[0].city"}`. At
    /// most ten. What is missing in the answer leaves its variable as it is.
    #[serde(default)]
    #[schemars(extend(
        "maxProperties" = 10,
        "propertyNames" = {"pattern": "^[a-z][a-z0-9_]*$", "maxLength": 64},
        "x-jackfield-raw" = true,
    ))]
    map: BTreeMap<String, String>,
    /// A variable for the answer's status, such as 200.
    #[schemars(length(max = 64), regex(pattern = "^([a-z][a-z0-9_]*)?$"))]
    save_status: Option<String>,
}

/// The methods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Method {
    #[default]
    Get,
    Post,
    Put,
    Patch,
    Delete,
    Head,
    Options,
}

impl Method {
    fn name(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
            Method::Head => "HEAD",
            Method::Options => "OPTIONS",
        }
    }

    /// Whether doing it twice may act twice (RFC 9110, section 9.2.2).
    fn needs_key(self) -> bool {
        matches!(self, Method::Post | Method::Patch)
    }
}

/// A header's name, or `false`.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum IdempotencyHeader {
    /// This header.
    Name(String),
    /// `true` is `Idempotency-Key`, `false` is none.
    Switch(bool),
}

impl Default for IdempotencyHeader {
    fn default() -> Self {
        IdempotencyHeader::Switch(true)
    }
}

impl IdempotencyHeader {
    fn name(&self) -> Option<&str> {
        match self {
            IdempotencyHeader::Name(name) if !name.is_empty() => Some(name),
            IdempotencyHeader::Switch(true) => Some("Idempotency-Key"),
            _ => None,
        }
    }
}

fn default_timeout() -> String {
    "10s".into()
}

fn default_redirects() -> u8 {
    3
}

/// The longest that a request may take.
const LONGEST: u64 = 120_000;

impl Step for HttpRequest {
    type Settings = Settings;
    type State = ();

    fn describe() -> StepDescriptor {
        StepDescriptor::new(
            env!("CARGO_PKG_NAME"),
            env!("CARGO_PKG_VERSION"),
            "HTTP request",
            "Calls a web service and puts parts of its JSON answer into variables. 2xx is a success, anything else \
             a failure.",
        )
        .category(Category::Integrations)
        .icon("🌐")
        .output::<Output>()
        .failures(failures::HTTP)
        .failures(&[
            ("http-*", "The server answered another status than 2xx"),
            ("too-large", "The request or the answer is larger than it may be"),
        ])
        .host("*")
    }

    fn start(run: &Invocation, settings: Settings) -> Result<Outcome, Failure> {
        let paths = settings
            .map
            .iter()
            .map(|(name, text)| match path::parse(text) {
                Ok(path) => Ok((name.as_str(), path)),
                Err(reason) => Err(Failure::invalid_config(&format!("map.{name}"), reason)),
            })
            .collect::<Result<Vec<_>, _>>()?;
        let may_retry = run.attempt() <= settings.retries;

        let response = match request(&settings)?.send() {
            Ok(response) => response,
            Err(error) => return Err(no_answer(error, may_retry)),
        };
        if may_retry && (response.status == 429 || response.status >= 500) {
            let message = format!(
                "the service answered {}; it will be tried again",
                response.status
            );
            return Err(
                Failure::transient(format!("http-{}", response.status), message)
                    .retry_after(response.retry_after(clock::now())),
            );
        }

        if let Some(name) = settings
            .save_status
            .as_deref()
            .filter(|name| !name.is_empty())
        {
            set("save-status", name, &json!(response.status))?;
        }
        let body: Option<Value> = response.json().ok();
        for (name, path) in &paths {
            if let Some(value) = body.as_ref().and_then(|body| path::find(body, path)) {
                set(&format!("map.{name}"), name, value)?;
            }
        }
        let done = if response.is_success() {
            Outcome::done()
        } else {
            Outcome::branch("failure")
        };
        Ok(Done::output(done, Output::new(response, body)).into())
    }
}

/// The request that the settings describe.
fn request(settings: &Settings) -> Result<Request, Failure> {
    let timeout = clock::duration(&settings.timeout)
        .map_err(|error| Failure::invalid_config("timeout", error.message))?;
    if timeout == 0 || timeout > LONGEST {
        return Err(Failure::invalid_config(
            "timeout",
            "must be more than 0 and at most 120s",
        ));
    }
    let mut request = Request::new(settings.method.name(), url(settings))
        .timeout(timeout as u32)
        .max_redirects(settings.max_redirects.min(3));
    for (name, value) in &settings.headers {
        request = request.header(name, value);
    }
    let has_type = settings
        .headers
        .keys()
        .any(|name| name.eq_ignore_ascii_case("content-type"));
    if let Some((default_type, bytes)) = body(settings)? {
        let content_type = settings.content_type.as_deref().unwrap_or(default_type);
        request = request.body((!has_type).then_some(content_type), bytes);
    }
    match settings.idempotency_header.name() {
        Some(name) if settings.method.needs_key() => Ok(request.idempotency_header(name)),
        _ => Ok(request),
    }
}

/// The body and the type that it has where nothing else is said; none where there is none.
fn body(settings: &Settings) -> Result<Option<(&'static str, Vec<u8>)>, Failure> {
    let body = settings.body.as_ref().filter(|body| !body.is_null());
    if !settings.form.is_empty() {
        if body.is_some() {
            return Err(Failure::invalid_config(
                "form",
                "a request has a `body` or a `form`, not both",
            ));
        }
        let bytes = pairs(&settings.form).into_bytes();
        return Ok(Some(("application/x-www-form-urlencoded", bytes)));
    }
    Ok(body.map(|body| match body {
        Value::String(text) => ("text/plain; charset=utf-8", text.clone().into_bytes()),
        body => ("application/json", body.to_string().into_bytes()),
    }))
}

/// Names and values as forms and queries write them; a list is its items one after another.
fn pairs(values: &BTreeMap<String, Value>) -> String {
    let mut pairs = Vec::new();
    for (name, value) in values {
        match value {
            Value::Null => {}
            Value::Array(items) => {
                pairs.extend(items.iter().map(|item| (name.as_str(), text(item))))
            }
            value => pairs.push((name.as_str(), text(value))),
        }
    }
    // A secret's placeholder stays one: its braces are the host's to read.
    form::encode(pairs.iter().map(|(name, value)| (*name, value.as_str())))
        .replace("%7B%7Bsecret%3A", "{{secret:")
        .replace("%7D%7D", "}}")
}

/// The URL with the query parameters that stand apart.
fn url(settings: &Settings) -> String {
    let query = pairs(&settings.query);
    if query.is_empty() {
        return settings.url.clone();
    }
    let (url, fragment) = settings
        .url
        .split_once('#')
        .map_or((settings.url.as_str(), None), |(u, f)| (u, Some(f)));
    let joint = match url.split_once('?') {
        None => "?",
        Some((_, rest)) if rest.is_empty() || rest.ends_with('&') => "",
        Some(_) => "&",
    };
    let fragment = fragment
        .map(|fragment| format!("#{fragment}"))
        .unwrap_or_default();
    format!("{url}{joint}{query}{fragment}")
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

/// The request got no answer: tried again where that is safe and allowed.
fn no_answer(error: CallError, may_retry: bool) -> Failure {
    let retry = may_retry && error.transient;
    let mut failure = Failure::from(error);
    if failure.class == FailureClass::Transient && !retry {
        failure.class = FailureClass::Permanent;
    }
    failure
}

fn set(setting: &str, name: &str, value: &Value) -> Result<(), Failure> {
    variables::set(name, value).map_err(|error| match error.code.as_str() {
        "invalid" => Failure::invalid_config(setting, error.message),
        _ => Failure::from(error),
    })
}

jackfield_plugin::export_step!(HttpRequest);
