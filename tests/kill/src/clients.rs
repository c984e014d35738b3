//! The clients: each tells one story after another, and repeats a request with the same key until
//! it is acknowledged.
//!
//! Some give up half-way, as clients do that are themselves killed: of such a story nothing or all
//! of it may have happened, but nothing in between and nothing twice.

use crate::api::{Api, Said};
use crate::now;
use crate::story::{self, Kind, LANES};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::Value;
use std::time::{Duration, Instant};

/// How long a request is repeated. Longer than any start and any lease.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long the runs of a cart may take until they wait.
const UNTIL_WAITING: Duration = Duration::from_secs(120);
/// How many stories in a hundred a client gives up when its first try is not answered.
const GIVES_UP: f64 = 0.15;

/// What a client knows of a story.
#[derive(Clone, Debug)]
pub struct Told {
    /// What happened.
    pub kind: Kind,
    /// The story's key, which stands in everything that belongs to it.
    pub key: String,
    /// `phone:+33…`
    pub contact: String,
    /// When its first request was sent, in milliseconds since 1970.
    pub sent: i64,
    /// Requests that were acknowledged.
    pub acknowledged: usize,
    /// Requests of which the client does not know whether they were accepted.
    pub unknown: usize,
    /// What was refused, and what did not happen in time.
    pub trouble: Vec<String>,
}

/// Tells stories until the time is up; the last one is told to its end.
pub async fn tell(api: Api, client: usize, seed: u64, until: Instant) -> Vec<Told> {
    let mut rng = StdRng::seed_from_u64(seed ^ (client as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut told = Vec::new();
    while Instant::now() < until {
        let kind = Kind::draw(&mut rng);
        let gives_up = kind.ends_by_itself() && rng.random_bool(GIVES_UP);
        let place = told.len();
        let mut story = Told {
            kind,
            key: format!("c{client}-{place}"),
            contact: format!("phone:+336{client:02}{place:06}"),
            sent: now(),
            acknowledged: 0,
            unknown: 0,
            trouble: Vec::new(),
        };
        story.tell(&api, gives_up).await;
        told.push(story);
        tokio::time::sleep(Duration::from_millis(rng.random_range(0..60))).await;
    }
    told
}

impl Told {
    async fn tell(&mut self, api: &Api, gives_up: bool) {
        let patience = if gives_up { Duration::ZERO } else { PATIENCE };
        for (place, (path, body)) in story::requests(self.kind, &self.key, &self.contact)
            .into_iter()
            .enumerate()
        {
            let key = format!("{}-{place}", self.key);
            self.send(api, &path, &key, &body, patience).await;
        }
        if self.kind == Kind::Cart && self.unknown == 0 {
            self.pay(api).await;
        }
    }

    async fn send(&mut self, api: &Api, path: &str, key: &str, body: &Value, patience: Duration) {
        match api.post(path, key, body, patience).await {
            Said::Done(_) | Said::DoneBefore => self.acknowledged += 1,
            Said::Nothing => {
                self.unknown += 1;
                if !patience.is_zero() {
                    self.trouble
                        .push(format!("{key} was not answered in {patience:?}"));
                }
            }
            Said::Refused(said) => {
                self.unknown += 1;
                self.trouble.push(format!("{key} was refused: {said}"));
            }
        }
    }

    /// Ends the waits of a cart's runs, in order, once all of them wait.
    async fn pay(&mut self, api: &Api) {
        let began = Instant::now();
        let path = format!(
            "/v1/runs?limit=100&contact={}",
            self.contact.replace('+', "%2B")
        );
        loop {
            let waiting = api.get(&path).await.map(|page| {
                let runs = page["items"].as_array().cloned().unwrap_or_default();
                runs.iter().filter(|run| run["state"] == "waiting").count()
            });
            match waiting {
                Ok(count) if count >= LANES as usize => break,
                _ if began.elapsed() > UNTIL_WAITING => {
                    self.trouble
                        .push(format!("the runs of {} do not wait: {waiting:?}", self.key));
                    return;
                }
                _ => tokio::time::sleep(Duration::from_millis(30)).await,
            }
        }
        for lane in 0..LANES {
            let (path, body) = story::payment(&self.key, &self.contact, lane);
            let key = format!("{}-paid-{lane}", self.key);
            self.send(api, &path, &key, &body, PATIENCE).await;
        }
    }
}
