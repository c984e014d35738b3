//! What is known in the end: from the clients, from the outside world, and from the host.

use crate::api::Api;
use crate::clients::Told;
use crate::killer::Record;
use crate::outside::{Arrival, Outside};
use crate::story::COUNT;
use anyhow::Result;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::Value;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// How long the hosts may take to finish what they have, once nobody kills them.
const FINISH: Duration = Duration::from_secs(120);
/// The lease of a host, in milliseconds.
const LEASE: i64 = 3_000;
/// Requests under way at the same time while the evidence is read.
const TOGETHER: usize = 8;

/// A run with its timeline.
#[derive(Clone, Debug)]
pub struct Run {
    /// Its id.
    pub id: String,
    /// The workflow's name.
    pub workflow: String,
    /// How it stands.
    pub state: String,
    /// Milliseconds since 1970.
    pub created_at: i64,
    /// Its timeline, oldest first.
    pub entries: Vec<Value>,
}

impl Run {
    /// The entries of this kind at this step.
    pub fn at<'a>(&'a self, step: &'a str, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        self.entries
            .iter()
            .filter(move |entry| entry["step"] == step && entry["kind"] == kind)
    }

    /// Whether it came to this step.
    #[must_use]
    pub fn visited(&self, step: &str) -> bool {
        self.entries.iter().any(|entry| entry["step"] == step)
    }
}

/// Everything that the audit judges.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// The stories, as their clients know them.
    pub told: Vec<Told>,
    /// The runs, by the key of their story.
    pub runs: HashMap<String, Vec<Run>>,
    /// The messages of the host, out and in, by their text.
    pub messages: HashMap<String, Vec<Value>>,
    /// The field that every run increments, by the contact's telephone number.
    pub counts: HashMap<String, i64>,
    /// What arrived outside.
    pub arrivals: HashMap<String, Vec<Arrival>>,
    /// The stories whose answer the host has taken.
    pub answered: Vec<String>,
    /// When hosts were killed or halted, or the database was away: from, to. Whoever was away learns
    /// within a lease of being back that another has taken over, and till then goes on.
    pub blows: Vec<(i64, i64)>,
}

/// Waits until nothing moves any more, and reads everything.
///
/// # Errors
/// When no host answers.
pub async fn gather(
    api: &Api,
    told: Vec<Told>,
    outside: &Outside,
    record: &Record,
) -> Result<Evidence> {
    let runs = finished(api).await?;
    let (arrivals, answered) = outside.record();
    let kills = record.kills.iter().map(|at| (*at, *at));
    let outages = record.outages.iter().map(|one| (one.from, one.to));
    let away = record.halts.iter().copied().chain(outages);
    Ok(Evidence {
        told,
        runs,
        messages: messages(api).await?,
        counts: counts(api).await?,
        arrivals,
        answered,
        blows: kills
            .chain(away.map(|(from, to)| (from, to + LEASE)))
            .collect(),
    })
}

/// Waits until no run and no message moves, but not for ever: what still moves then is a finding.
async fn finish(api: &Api) -> Result<()> {
    const MOVING: [&str; 5] = [
        "/v1/runs?state=queued&limit=1",
        "/v1/runs?state=running&limit=1",
        "/v1/runs?state=waiting&limit=1",
        "/v1/messages?status=queued&limit=1",
        "/v1/messages?status=sending&limit=1",
    ];
    let began = Instant::now();
    while began.elapsed() < FINISH {
        let mut moving = false;
        for path in MOVING {
            let page = api.get(path).await?;
            moving |= page["items"]
                .as_array()
                .is_some_and(|items| !items.is_empty());
        }
        if !moving {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

/// Every run, once each is over. A run that went from waiting to running between two looks was seen
/// by neither, so it is what was read that counts.
async fn finished(api: &Api) -> Result<HashMap<String, Vec<Run>>> {
    let began = Instant::now();
    loop {
        finish(api).await?;
        let runs = runs(api).await?;
        let moving = |run: &Run| matches!(run.state.as_str(), "queued" | "running" | "waiting");
        if !runs.values().flatten().any(moving) || began.elapsed() > FINISH {
            return Ok(runs);
        }
    }
}

async fn runs(api: &Api) -> Result<HashMap<String, Vec<Run>>> {
    let rows = api.all("/v1/runs?limit=100").await?;
    let mut runs: HashMap<String, Vec<Run>> = HashMap::new();
    let mut reading = stream::iter(rows)
        .map(|row| async move {
            let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
            let path = format!("/v1/runs/{}/timeline?limit=100", text("id"));
            let run = Run {
                id: text("id"),
                workflow: text("workflow"),
                state: text("state"),
                created_at: row["created-at"].as_i64().unwrap_or_default(),
                entries: api.all(&path).await?,
            };
            let key = row["trigger"]["key"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            anyhow::Ok((key, run))
        })
        .buffer_unordered(TOGETHER);
    while let Some((key, run)) = reading.try_next().await? {
        runs.entry(key).or_default().push(run);
    }
    Ok(runs)
}

async fn messages(api: &Api) -> Result<HashMap<String, Vec<Value>>> {
    let mut messages: HashMap<String, Vec<Value>> = HashMap::new();
    for message in api.all("/v1/messages?limit=100").await? {
        let text = message["content"]["text"].as_str().unwrap_or_default();
        messages.entry(text.to_owned()).or_default().push(message);
    }
    Ok(messages)
}

async fn counts(api: &Api) -> Result<HashMap<String, i64>> {
    let contacts = api.all("/v1/contacts?limit=100").await?;
    let count = |contact: &Value| {
        let phone = contact["phone"].as_str()?.to_owned();
        Some((
            phone,
            contact[COUNT]
                .as_f64()
                .map_or(0, |count| count.round() as i64),
        ))
    };
    Ok(contacts.iter().filter_map(count).collect())
}
