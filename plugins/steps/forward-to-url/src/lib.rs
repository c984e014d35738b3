//! The step `forward-to-url`: the message that started the run as one request to a web service.
//!
//! Retries are the engine's, as with `http-request`. What the contact wrote is data: it can neither
//! take the place of a parameter nor write a secret's placeholder, see `request`.

#[path = "../../../received.rs"]
mod received;
mod request;

use std::collections::BTreeMap;

use jackfield_plugin::{CallError, clock, prelude::*};

use crate::received::{NO_MESSAGE, Received};

/// The step; see the module.
#[derive(Debug)]
pub struct ForwardToUrl;

/// What the workflow's author sets.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// The method. Left out: `POST`. The message is the query of a GET, and the body of the others.
    #[serde(default)]
    method: Method,
    /// `https://` or `http://`, any port. Variables are percent-encoded.
    #[schemars(extend("format" = "uri"), length(min = 1, max = 8192))]
    url: String,
    /// At most ten. `{{secret:NAME}}` stands for a secret.
    #[serde(default)]
    #[schemars(extend("maxProperties" = 10))]
    headers: BTreeMap<String, String>,
    /// Added beside the message; at most ten, with names of your own. `{{secret:NAME}}` stands for a
    /// secret.
    #[serde(default)]
    #[schemars(extend(
        "maxProperties" = 10,
        "propertyNames" = {
            "minLength": 1, "maxLength": 128,
            "not": {"enum": ["message_id", "from", "to", "text", "received_at", "keyword"]},
        },
    ))]
    parameters: BTreeMap<String, Value>,
    /// How the body of a POST or PUT is written. Left out: `json`.
    #[serde(default)]
    body: BodyKind,
    /// The keyword to tell. Left out: the one that the trigger heard, else the first word.
    keyword: Option<String>,
    /// How long to wait for the answer; at most `120s`.
    #[serde(default = "default_timeout")]
    timeout: String,
    /// How often to try again after a refused connection, 429 or 5xx; the pauses are those of the
    /// step's `retry`, and no shorter than `Retry-After` asks for.
    #[serde(default)]
    #[schemars(range(max = 5), extend("x-jackfield-retries" = true))]
    retries: u32,
}

/// The methods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Method {
    Get,
    #[default]
    Post,
    Put,
}

/// How the body is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BodyKind {
    /// One JSON object.
    #[default]
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
}

/// What later steps can read.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Output {
    /// The answer's status, such as 200.
    status: u16,
}

fn default_timeout() -> String {
    "10s".into()
}

/// The longest that a request may take.
const LONGEST: u64 = 120_000;

impl Step for ForwardToUrl {
    type Settings = Settings;
    type State = ();

    fn describe() -> StepDescriptor {
        StepDescriptor::new(
            env!("CARGO_PKG_NAME"),
            env!("CARGO_PKG_VERSION"),
            "Forward to URL",
            "Tells a web service of the message that started the workflow: `message_id`, `from`, `to` (the number \
             that received it, or the channel's name), `text`, `received_at`, `keyword`, and parameters of your own. \
             2xx is a success, anything else a failure.",
        )
        .category(Category::Integrations)
        .icon("🔗")
        .output::<Output>()
        .failures(&[NO_MESSAGE])
        .failures(failures::HTTP)
        .failures(&[("http-*", "The server answered another status than 2xx")])
        .host("*")
    }

    fn start(run: &Invocation, settings: Settings) -> Result<Outcome, Failure> {
        let received = Received::of(run)?;
        let timeout = clock::duration(&settings.timeout)
            .ok()
            .filter(|timeout| (1..=LONGEST).contains(timeout))
            .ok_or_else(|| {
                Failure::invalid_config("timeout", "must be more than 0 and at most 120s")
            })?;
        let may_retry = run.attempt() <= settings.retries;
        let request = request::of(&settings, &received).timeout(timeout as u32);
        let response = request
            .send()
            .map_err(|error| no_answer(error, may_retry))?;
        let status = response.status;
        if may_retry && (status == 429 || status >= 500) {
            let message = format!("the service answered {status}; it will be tried again");
            return Err(Failure::transient(format!("http-{status}"), message)
                .retry_after(response.retry_after(clock::now())));
        }
        let done = match response.is_success() {
            true => Outcome::done(),
            false => Outcome::branch("failure"),
        };
        Ok(done.output(Output { status }).into())
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

jackfield_plugin::export_step!(ForwardToUrl);
