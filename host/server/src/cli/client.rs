//! The way to the host: the HTTP API, with the key of the environment or the operator's key.
//!
//! A key is never taken from the command line, where other users of the machine could see it.

use super::exit::Failure;
use crate::http::auth::WORKSPACE_HEADER;
use crate::http::problem::{ErrorItem, ProblemBody};
use crate::options::DEFAULT_DATA;
use bytes::Bytes;
use clap::Args;
use reqwest::{Method, Response};
use serde_json::Value;
use std::path::PathBuf;
use std::time::Duration;

/// The file of the operator's key in a host's data folder.
pub const OPERATOR_KEY: &str = "operator.key";

/// Where the host is and how its answers are shown.
#[derive(Debug, Clone, Args)]
pub struct Connection {
    /// The address of the host
    #[arg(
        long,
        env = "JACKFIELD_URL",
        default_value = "http://127.0.0.1:7420",
        value_name = "URL",
        global = true,
        help_heading = "Connection"
    )]
    pub url: url::Url,

    /// The host's data folder, where its operator's key lies; JACKFIELD_KEY goes before it
    // Not `--data`: that is what an event or a run is given.
    #[arg(
        long = "data-dir",
        env = "JACKFIELD_DATA",
        default_value = DEFAULT_DATA,
        value_name = "DIR",
        global = true,
        help_heading = "Connection"
    )]
    pub data_dir: PathBuf,

    /// The workspace, for an operator's key
    #[arg(
        long,
        env = "JACKFIELD_WORKSPACE",
        value_name = "ID",
        global = true,
        help_heading = "Connection"
    )]
    pub workspace: Option<String>,

    /// Prints JSON for programs
    #[arg(long, global = true, help_heading = "Connection")]
    pub json: bool,
}

/// The body of a request.
#[derive(Debug)]
pub enum Body {
    /// None.
    Empty,
    /// JSON.
    Json(Value),
    /// Bytes with their media type.
    Bytes(&'static str, Bytes),
    /// A long body that tells how far it is.
    Stream(String, u64, reqwest::Body),
}

/// A way to one host.
pub struct Client {
    http: reqwest::Client,
    base: url::Url,
    key: Option<String>,
    workspace: Option<String>,
}

impl Client {
    /// A way to the host of these settings.
    ///
    /// # Errors
    /// When there is no key, or the key file cannot be read.
    pub fn new(to: &Connection) -> Result<Client, Failure> {
        let mut client = Client::without_key(to)?;
        client.key = Some(key(to)?);
        Ok(client)
    }

    /// A way that only reaches what needs no key.
    ///
    /// # Errors
    /// When no HTTP client can be made on this machine.
    pub fn without_key(to: &Connection) -> Result<Client, Failure> {
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(5))
            .user_agent(concat!("jackfield-cli/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Failure::Failed(format!("no HTTP client can be made: {error}")))?;
        let mut base = to.url.clone();
        base.set_query(None);
        Ok(Client {
            http,
            base,
            key: None,
            workspace: to.workspace.clone(),
        })
    }

    /// The address of a route, each segment escaped.
    fn address(&self, path: &[&str], query: &[(&str, String)]) -> Result<url::Url, Failure> {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| Failure::Usage(format!("{} is no address of a host", self.base)))?
            .pop_if_empty()
            .extend(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    /// Sends a request and gives the answer, whatever its status.
    ///
    /// # Errors
    /// When the host cannot be reached.
    pub async fn send(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, String)],
        body: Body,
        headers: &[(&str, &str)],
    ) -> Result<Response, Failure> {
        let url = self.address(path, query)?;
        let mut request = self.http.request(method, url);
        if let Some(key) = &self.key {
            request = request.bearer_auth(key);
        }
        if let Some(workspace) = &self.workspace {
            request = request.header(WORKSPACE_HEADER, workspace);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request = match body {
            Body::Empty => request,
            Body::Json(value) => request.json(&value),
            Body::Bytes(media, bytes) => request.header("content-type", media).body(bytes),
            Body::Stream(media, length, body) => request
                .header("content-type", media)
                .header("content-length", length)
                .body(body),
        };
        request
            .send()
            .await
            .map_err(|error| self.unreachable(&error))
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let mut cause: &dyn std::error::Error = error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        Failure::Unreachable(format!(
            "the host at {} cannot be reached ({cause}). `jackfield serve` starts one; --url or \
             JACKFIELD_URL says where it is.",
            self.base
        ))
    }

    /// Sends a request and gives the JSON of a good answer (null where it has no body).
    ///
    /// # Errors
    /// The host's problem, or that it cannot be reached.
    pub async fn call(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, String)],
        body: Body,
    ) -> Result<Value, Failure> {
        self.call_with(method, path, query, body, &[]).await
    }

    /// The same with headers.
    ///
    /// # Errors
    /// As `call`.
    pub async fn call_with(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, String)],
        body: Body,
        headers: &[(&str, &str)],
    ) -> Result<Value, Failure> {
        let key = uuid::Uuid::new_v4().to_string();
        let mut headers = headers.to_vec();
        if method == Method::POST {
            headers.push(("idempotency-key", &key));
        }
        let response = self.send(method, path, query, body, &headers).await?;
        self.read(response).await
    }

    /// The JSON of a good answer.
    ///
    /// # Errors
    /// The host's problem, or that what answers is no Jackfield.
    pub async fn read(&self, response: Response) -> Result<Value, Failure> {
        let status = response.status();
        let bytes = response
            .bytes()
            .await
            .map_err(|error| self.unreachable(&error))?;
        if status.is_success() {
            if bytes.is_empty() {
                return Ok(Value::Null);
            }
            return serde_json::from_slice(&bytes).map_err(|_| self.foreign());
        }
        match serde_json::from_slice::<ProblemBody>(&bytes) {
            Ok(problem) => Err(Failure::Problem(Box::new(problem))),
            Err(_) => Err(Failure::Failed(format!(
                "{} answered {status}, and not as Jackfield does. Is it the right address?",
                self.base
            ))),
        }
    }

    fn foreign(&self) -> Failure {
        Failure::Failed(format!(
            "{} did not answer as Jackfield does. Is it the right address?",
            self.base
        ))
    }

    /// `GET`.
    ///
    /// # Errors
    /// As `call`.
    pub async fn get(&self, path: &[&str], query: &[(&str, String)]) -> Result<Value, Failure> {
        self.call(Method::GET, path, query, Body::Empty).await
    }

    /// `POST` with JSON.
    ///
    /// # Errors
    /// As `call`.
    pub async fn post(&self, path: &[&str], body: Value) -> Result<Value, Failure> {
        self.call(Method::POST, path, &[], Body::Json(body)).await
    }

    /// Writes the body of a good answer out, as it comes.
    ///
    /// # Errors
    /// As `call`; that it broke off, or cannot be written.
    pub async fn download(
        &self,
        path: &[&str],
        query: &[(&str, String)],
        to: &mut dyn std::io::Write,
    ) -> Result<(), Failure> {
        let mut response = self
            .send(Method::GET, path, query, Body::Empty, &[])
            .await?;
        if !response.status().is_success() {
            return self.read(response).await.map(|_| ());
        }
        let unwritten = |error: std::io::Error| Failure::Failed(format!("not written: {error}"));
        while let Some(piece) = response
            .chunk()
            .await
            .map_err(|error| self.unreachable(&error))?
        {
            to.write_all(&piece).map_err(unwritten)?;
        }
        to.flush().map_err(unwritten)
    }

    /// The items of all pages of a list, but at most `most`.
    ///
    /// # Errors
    /// As `call`.
    pub async fn list(
        &self,
        path: &[&str],
        query: &[(&str, String)],
        most: usize,
    ) -> Result<Vec<Value>, Failure> {
        let mut items = Vec::new();
        let mut cursor: Option<String> = None;
        while items.len() < most {
            let mut query = query.to_vec();
            query.push(("limit", (most - items.len()).min(100).to_string()));
            query.extend(cursor.take().map(|cursor| ("cursor", cursor)));
            let mut page = self.get(path, &query).await?;
            if let Some(Value::Array(more)) = page.get_mut("items").map(Value::take) {
                items.extend(more);
            }
            match page.get("next").and_then(Value::as_str) {
                Some(next) => cursor = Some(next.to_owned()),
                None => break,
            }
        }
        Ok(items)
    }
}

/// The key of the environment, or the operator's key of the data folder.
fn key(to: &Connection) -> Result<String, Failure> {
    if let Ok(key) = std::env::var("JACKFIELD_KEY")
        && !key.trim().is_empty()
    {
        return Ok(key.trim().to_owned());
    }
    let path = to.data_dir.join(OPERATOR_KEY);
    match std::fs::read_to_string(&path) {
        Ok(key) => Ok(key.trim().to_owned()),
        Err(error) => Err(Failure::Usage(format!(
            "no key: set JACKFIELD_KEY, or point --data-dir (JACKFIELD_DATA) at the folder of a host on \
             this machine ({}: {error})",
            path.display()
        ))),
    }
}

/// The items of a problem.
#[must_use]
pub fn items(problem: &Value) -> Vec<ErrorItem> {
    problem
        .get("errors")
        .or_else(|| problem.get("problems"))
        .and_then(|list| serde_json::from_value(list.clone()).ok())
        .unwrap_or_default()
}
