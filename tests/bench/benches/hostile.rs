//! Fifty hostile runs at once beside normal load: what the normal runs feel of it.
//!
//! Normal load is sixteen clients that start a workflow of three `branch` steps over HTTP and wait
//! for its end. It is measured alone and beside the hostile runs, in turns on one host; the ceiling
//! of each figure is the value alone. Fifty clients keep one hostile run each under way all the
//! time, ten of each kind: loops that burn their fuel, memory bombs, floods of log lines, a million
//! host calls, and sleepers in a host call until their deadline. When a round is over, those under way
//! are cancelled.

use anyhow::{Context, Result, ensure};
use jackfield_bench::host::{Host, Jackfield};
use jackfield_bench::load::{Series, measure_with};
use jackfield_bench::options::Options;
use jackfield_bench::table::print;
use jackfield_bench::workflow::BODY;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

const CLIENTS: usize = 16;
const HOSTILE: usize = 50;
/// Until the hostile runs have used up what every activation may have at once.
const WARM: Duration = Duration::from_secs(1);

const NORMAL: &str = "name: normal
trigger: {event: manual}
steps:
  tier: {uses: branch@1, with: {branches: [{name: pro, when: {field: event.tier, is: pro}}]}}
  greeting: {uses: branch@1, with: {branches: [{name: hi, when: {field: event.name, exists: true}}]}}
  text: {uses: branch@1, with: {branches: [{name: hi, when: {field: event.name, is: Ann}}]}}
";

/// The component of `tests/hostile/misbehave`.
fn misbehave() -> Result<Vec<u8>> {
    let folder = std::env::var_os("JACKFIELD_HOSTILE_PLUGINS")
        .map_or_else(|| PathBuf::from("target/plugins-hostile"), PathBuf::from);
    let file = folder.join("misbehave.wasm");
    std::fs::read(&file).with_context(|| format!("{}: run `cargo xtask plugins`", file.display()))
}

/// Takes connections and never answers.
async fn silent() -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", listener.local_addr()?);
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
        }
    });
    Ok(url)
}

/// Installs the hostile plugin under the default limits, and its workflows; gives their names.
async fn furnish(host: &Host) -> Result<Vec<&'static str>> {
    host.install("misbehave", misbehave()?).await?;
    host.publish("normal", NORMAL.to_owned()).await?;
    let silent = silent().await?;
    let harms: [(&str, Value); 5] = [
        ("spin", json!({"do": "spin"})),
        ("hoard", json!({"do": "hoard"})),
        ("lines", json!({"do": "log", "n": 1_000_000})),
        ("calls", json!({"do": "call", "n": 1_000_000})),
        (
            "sleep",
            json!({"do": "fetch", "url": silent, "timeout": "60000"}),
        ),
    ];
    for (name, with) in &harms {
        let document = format!(
            "name: {name}\ntrigger: {{event: manual}}\nsteps:\n  \
             harm: {{uses: misbehave@1, with: {with}}}\n"
        );
        host.publish(name, document).await?;
    }
    Ok(harms.iter().map(|(name, _)| *name).collect())
}

/// Fifty clients that keep a hostile run each under way until they are told to stop.
struct Crowd {
    stop: Arc<AtomicBool>,
    ended: Arc<AtomicUsize>,
    clients: Vec<JoinHandle<Result<()>>>,
}

impl Crowd {
    fn gather(host: &Arc<Host>, harms: &[&'static str]) -> Crowd {
        let stop = Arc::new(AtomicBool::new(false));
        let ended = Arc::new(AtomicUsize::new(0));
        let clients = harms.iter().cycle().take(HOSTILE).map(|harm| {
            let (host, stop, ended) = (Arc::clone(host), Arc::clone(&stop), Arc::clone(&ended));
            let harm = *harm;
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let path = format!("/v1/workflows/{harm}/runs?wait=60s");
                    let run = match host.post(&path, &json!({})).await {
                        // Its workflow was deactivated a moment before.
                        Err(_) if stop.load(Ordering::Relaxed) => return Ok(()),
                        run => run?,
                    };
                    ensure!(run["state"] != "completed", "`{harm}` completed");
                    ended.fetch_add(1, Ordering::Relaxed);
                }
                Ok(())
            })
        });
        Crowd {
            clients: clients.collect(),
            stop,
            ended,
        }
    }

    /// Tells them to stop, cancels their last runs, and makes room for the next crowd.
    async fn leave(self, host: &Host, harms: &[&str]) -> Result<usize> {
        self.stop.store(true, Ordering::Relaxed);
        for harm in harms {
            let path = format!("/v1/workflows/{harm}/deactivate");
            host.post(&path, &json!({"abort": true})).await?;
        }
        for client in self.clients {
            client.await??;
        }
        for harm in harms {
            let path = format!("/v1/workflows/{harm}/activate");
            host.post(&path, &json!({})).await?;
        }
        Ok(self.ended.load(Ordering::Relaxed))
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::given();
    let folder = tempfile::tempdir()?;
    let host = Jackfield::sqlite(folder.path().join("data"))
        .start()
        .await?;
    let host = Arc::new(host);
    let harms = furnish(&host).await?;
    let normal = [host.target("normal", BODY)];
    let round = options.round();
    measure_with(&normal, CLIENTS, round).await?;
    let (mut alone, mut beside) = (Series::default(), Series::default());
    let mut hostile = 0;
    for _ in 0..options.rounds() {
        alone.push(measure_with(&normal, CLIENTS, round).await?);
        let crowd = Crowd::gather(&host, &harms);
        tokio::time::sleep(WARM).await;
        beside.push(measure_with(&normal, CLIENTS, round).await?);
        hostile += crowd.leave(&host, &harms).await?;
    }
    eprintln!("{hostile} hostile runs ended beside the normal ones");
    print(&beside.beside(&alone, "runs beside fifty hostile ones, and alone"));
    Ok(())
}
