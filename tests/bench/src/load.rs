//! Load: clients that ask again and again, and what they saw.
//!
//! What must hold: every answer counts, and one that is not as it should be fails the benchmark; a
//! rate is of a span of time, over the answers that came within it.

use crate::table::{Figure, median, percentile};
use anyhow::{Result, ensure};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// How many clients ask at a time where nothing else is said.
pub const CLIENTS: usize = 64;

/// What is asked: a POST of JSON.
#[derive(Debug, Clone)]
pub struct Target {
    /// Where.
    pub url: String,
    /// The bearer key, if one is needed.
    pub key: Option<String>,
    /// What is sent.
    pub body: &'static str,
    /// What the answer must hold.
    pub holds: &'static str,
}

/// One answer.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// When it had come.
    pub ended: Instant,
    /// How long it took, in milliseconds.
    pub ms: f64,
}

/// Clients under way.
#[derive(Debug)]
pub struct Load {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Result<Vec<Sample>>>>,
}

impl Load {
    /// Sets so many clients going, spread over the targets.
    ///
    /// # Errors
    /// When there is no HTTP client.
    pub fn start(targets: &[Target], clients: usize) -> Result<Load> {
        let http = client(clients)?;
        let stop = Arc::new(AtomicBool::new(false));
        let clients = targets.iter().cycle().take(clients).map(|target| {
            let (http, target, stop) = (http.clone(), target.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut samples = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    samples.push(target.ask(&http).await?);
                }
                Ok(samples)
            })
        });
        Ok(Load {
            clients: clients.collect(),
            stop,
        })
    }

    /// Tells them to stop, and gathers what they saw.
    ///
    /// # Errors
    /// When an answer was not as it should be.
    pub async fn stop(self) -> Result<Vec<Sample>> {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Vec::new();
        for client in self.clients {
            all.extend(client.await??);
        }
        Ok(all)
    }
}

impl Target {
    /// Asks once.
    ///
    /// # Errors
    /// When the answer is not as it should be.
    pub async fn ask(&self, http: &reqwest::Client) -> Result<Sample> {
        let began = Instant::now();
        let mut request = http
            .post(&self.url)
            .header("content-type", "application/json")
            .body(self.body);
        if let Some(key) = &self.key {
            request = request.bearer_auth(key);
        }
        let answer = request.send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        let right = status.is_success() && text.contains(self.holds);
        ensure!(right, "{} answered {status}: {text}", self.url);
        Ok(Sample {
            ended: Instant::now(),
            ms: began.elapsed().as_secs_f64() * 1e3,
        })
    }
}

/// An HTTP client that keeps so many connections open.
///
/// # Errors
/// When TLS cannot be set up.
pub fn client(connections: usize) -> Result<reqwest::Client> {
    Ok(reqwest::Client::builder()
        .no_proxy()
        .pool_max_idle_per_host(connections)
        .build()?)
}

/// What a span of time held.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// Answers a second.
    pub rate: f64,
    /// Milliseconds.
    pub p50: f64,
    /// Milliseconds.
    pub p99: f64,
}

impl Measured {
    /// Of the answers that came from one instant to another.
    #[must_use]
    pub fn within(samples: &[Sample], from: Instant, to: Instant) -> Measured {
        let inside = samples
            .iter()
            .filter(|sample| (from..to).contains(&sample.ended));
        let mut times: Vec<f64> = inside.map(|sample| sample.ms).collect();
        times.sort_by(f64::total_cmp);
        Measured {
            rate: times.len() as f64 / (to - from).as_secs_f64(),
            p50: percentile(&times, 0.5),
            p99: percentile(&times, 0.99),
        }
    }
}

/// Loads the targets for a time with 64 clients.
///
/// # Errors
/// When an answer is not as it should be.
pub async fn measure(targets: &[Target], time: Duration) -> Result<Measured> {
    measure_with(targets, CLIENTS, time).await
}

/// The same with so many clients.
///
/// # Errors
/// When an answer is not as it should be.
pub async fn measure_with(targets: &[Target], clients: usize, time: Duration) -> Result<Measured> {
    let began = Instant::now();
    let load = Load::start(targets, clients)?;
    tokio::time::sleep(time).await;
    // With the last answers: however short the time, every client has one.
    let samples = load.stop().await?;
    Ok(Measured::within(&samples, began, Instant::now()))
}

/// The rounds of one side; the median one counts, for each figure by itself.
#[derive(Debug, Clone, Default)]
pub struct Series {
    rounds: Vec<Measured>,
}

impl Series {
    /// Adds a round.
    pub fn push(&mut self, round: Measured) {
        self.rounds.push(round);
    }

    /// The middle of all rounds.
    #[must_use]
    pub fn median(&self) -> Measured {
        let of = |field: fn(&Measured) -> f64| median(self.rounds.iter().map(field).collect());
        Measured {
            rate: of(|round| round.rate),
            p50: of(|round| round.p50),
            p99: of(|round| round.p99),
        }
    }

    /// Rate, p50 and p99 beside those of another side.
    #[must_use]
    pub fn beside(&self, ceiling: &Series, name: &str) -> Vec<Figure> {
        let (ours, other) = (self.median(), ceiling.median());
        vec![
            Figure::new(name, ours.rate, "1/s", other.rate),
            Figure::new(format!("{name}, p50"), ours.p50, "ms", other.p50),
            Figure::new(format!("{name}, p99"), ours.p99, "ms", other.p99),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_answers_of_the_span_count() {
        let began = Instant::now();
        let at = |ms: u64| began + Duration::from_millis(ms);
        let samples: Vec<Sample> = [(10, 1.0), (600, 2.0), (700, 9.0), (2_100, 50.0)]
            .into_iter()
            .map(|(ended, ms)| Sample {
                ended: at(ended),
                ms,
            })
            .collect();
        let measured = Measured::within(&samples, at(500), at(1_000));
        assert_eq!((measured.rate, measured.p99), (4.0, 9.0));
    }
}
