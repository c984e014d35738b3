//! The HTTP API as a careful integrator uses it: a request is repeated with the same
//! `Idempotency-Key`, at whichever host lives, until it is acknowledged or refused.

use anyhow::{Context as _, Result, bail};
use rand::Rng as _;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long one try may take.
const TRY: Duration = Duration::from_secs(10);
/// How long a reading request is repeated.
const READ_PATIENCE: Duration = Duration::from_secs(60);

/// What a host said in the end.
#[derive(Debug)]
pub enum Said {
    /// It did it, and this is its answer.
    Done(Value),
    /// It did it before; the answer was lost with the host that gave it.
    DoneBefore,
    /// It will not do it.
    Refused(String),
    /// No answer within the time that was given.
    Nothing,
}

/// A way to all hosts; cheap to clone.
#[derive(Clone, Debug)]
pub struct Api {
    client: Client,
    bases: Arc<[String]>,
    key: Arc<str>,
}

/// What one try came to.
enum Try {
    Final(Said),
    Again,
}

impl Api {
    /// For these hosts, with the operator's key.
    ///
    /// # Errors
    /// When the HTTP client cannot be made.
    pub fn new(bases: Vec<String>, key: &str) -> Result<Api> {
        let client = Client::builder().no_proxy().timeout(TRY).build()?;
        Ok(Api {
            client,
            bases: bases.into(),
            key: key.into(),
        })
    }

    /// POSTs with an idempotency key until it is acknowledged, for at most so long. With no
    /// patience it is tried once.
    pub async fn post(&self, path: &str, key: &str, body: &Value, patience: Duration) -> Said {
        self.insist(patience, |base| {
            self.client
                .post(format!("{base}{path}"))
                .bearer_auth(&self.key)
                .header("Idempotency-Key", key)
                .json(body)
        })
        .await
    }

    /// POSTs what a channel's provider posts, until it is taken.
    pub async fn hook(&self, path: &str, token: &str, body: &Value, patience: Duration) -> Said {
        self.insist(patience, |base| {
            self.client
                .post(format!("{base}{path}"))
                .bearer_auth(token)
                .json(body)
        })
        .await
    }

    /// A change while nobody is killing: repeated until it succeeds.
    ///
    /// # Errors
    /// When it is refused, or no host answers.
    pub async fn set(&self, method: Method, path: &str, kind: &str, body: String) -> Result<Value> {
        let said = self
            .insist(READ_PATIENCE, |base| {
                self.client
                    .request(method.clone(), format!("{base}{path}"))
                    .bearer_auth(&self.key)
                    .header("content-type", kind)
                    .body(body.clone())
            })
            .await;
        match said {
            Said::Done(answer) => Ok(answer),
            other => bail!("{method} {path}: {other:?}"),
        }
    }

    /// Reads.
    ///
    /// # Errors
    /// When it is refused, or no host answers for a minute.
    pub async fn get(&self, path: &str) -> Result<Value> {
        let said = self
            .insist(READ_PATIENCE, |base| {
                self.client
                    .get(format!("{base}{path}"))
                    .bearer_auth(&self.key)
            })
            .await;
        match said {
            Said::Done(answer) => Ok(answer),
            other => bail!("GET {path}: {other:?}"),
        }
    }

    /// Every item of a list; `path` has a query already.
    ///
    /// # Errors
    /// As [`Api::get`].
    pub async fn all(&self, path: &str) -> Result<Vec<Value>> {
        let (mut items, mut next) = (Vec::new(), path.to_owned());
        loop {
            let page = self.get(&next).await?;
            let part = page["items"].as_array();
            items.extend(
                part.with_context(|| format!("{path}: no list"))?
                    .iter()
                    .cloned(),
            );
            match page["next"].as_str() {
                Some(cursor) => next = format!("{path}&cursor={cursor}"),
                None => return Ok(items),
            }
        }
    }

    async fn insist(&self, patience: Duration, request: impl Fn(&str) -> RequestBuilder) -> Said {
        let began = Instant::now();
        loop {
            let (base, pause) = {
                let mut rng = rand::rng();
                let place = rng.random_range(0..self.bases.len().max(1));
                (self.bases.get(place), rng.random_range(20..150))
            };
            let Some(base) = base else {
                return Said::Refused("no hosts".to_owned());
            };
            if let Try::Final(said) = tried(request(base)).await {
                return said;
            }
            if began.elapsed() >= patience {
                return Said::Nothing;
            }
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
    }
}

/// Sends once. Whatever may be otherwise later is tried again: no answer, half an answer, a host
/// that is not ready, a request that is still under way.
async fn tried(request: RequestBuilder) -> Try {
    let Ok(response) = request.send().await else {
        return Try::Again;
    };
    let status = response.status();
    let Ok(text) = response.text().await else {
        return Try::Again;
    };
    let body: Value = serde_json::from_str(&text).unwrap_or_default();
    if status.is_success() {
        return Try::Final(Said::Done(body));
    }
    match (status, body["code"].as_str()) {
        (StatusCode::CONFLICT, Some("answer-not-kept")) => Try::Final(Said::DoneBefore),
        (StatusCode::CONFLICT, Some("in-progress")) | (StatusCode::TOO_MANY_REQUESTS, _) => {
            Try::Again
        }
        _ if status.is_server_error() => Try::Again,
        _ => Try::Final(Said::Refused(format!("{status} {text}"))),
    }
}
