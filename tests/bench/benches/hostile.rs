//! Fifty hostile runs at once beside normal load: what the normal runs feel of it.
//!
//! Normal load is sixteen clients that start a workflow of three `branch` steps over HTTP and wait
//! for its end. It is measured alone and beside the hostile runs, in turns on one host; the ceiling
//! of each figure is the value alone. Fifty clients keep one hostile run each under way all the
//! time, ten of each kind: loops that burn their fuel, memory bombs, floods of log lines, a million
//! host calls, and sleepers in a host call until their deadline.

use anyhow::{Context, Result, ensure};
use jackfield_bench::table::{Figure, percentile, print};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

const CLIENTS: usize = 16;
const HOSTILE: usize = 50;
const ROUNDS: usize = 3;
const ROUND: Duration = Duration::from_secs(5);
/// Until the hostile runs have used up what every activation may have at once.
const WARM: Duration = Duration::from_secs(1);
/// The host must be ready within this time.
const START: Duration = Duration::from_secs(120);

const NORMAL: &str = "name: normal
trigger: {event: manual}
steps:
  tier: {uses: branch@1, with: {branches: [{name: pro, when: {field: event.tier, is: pro}}]}}
  greeting: {uses: branch@1, with: {branches: [{name: hi, when: {field: event.name, exists: true}}]}}
  text: {uses: branch@1, with: {branches: [{name: hi, when: {field: event.name, is: Ann}}]}}
";

/// The real program, with an API key.
struct Jackfield {
    child: Child,
    client: reqwest::Client,
    url: String,
    key: String,
}

impl Drop for Jackfield {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Jackfield {
    async fn start(data: &Path) -> Result<Jackfield> {
        let program = std::env::var("JACKFIELD_BIN").unwrap_or("target/release/jackfield".into());
        let plugins = std::env::var("JACKFIELD_PLUGINS").unwrap_or("target/plugins".into());
        let port = std::net::TcpListener::bind("127.0.0.1:0")?
            .local_addr()?
            .port();
        let child = Command::new(&program)
            .args(["serve", "--listen", &format!("127.0.0.1:{port}")])
            .args(["--allow-address", "127.0.0.0/8", "--plugins", &plugins])
            .arg("--data")
            .arg(data)
            .env("RUST_LOG", "warn")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {program}; run it as `cargo xtask bench`"))?;
        let mut host = Jackfield {
            child,
            client: reqwest::Client::builder().no_proxy().build()?,
            url: format!("http://127.0.0.1:{port}"),
            key: String::new(),
        };
        let ready = format!("{}/readyz", host.url);
        let began = Instant::now();
        while !host
            .client
            .get(&ready)
            .send()
            .await
            .is_ok_and(|answer| answer.status().is_success())
        {
            ensure!(began.elapsed() < START, "the host does not come up");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let key = std::fs::read_to_string(data.join("operator.key"))?;
        key.trim().clone_into(&mut host.key);
        Ok(host)
    }

    async fn call(&self, request: reqwest::RequestBuilder) -> Result<Value> {
        let answer = request.bearer_auth(&self.key).send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        ensure!(status.is_success(), "{status}: {text}");
        Ok(serde_json::from_str(&text).unwrap_or_default())
    }

    async fn post(&self, path: &str, body: Value) -> Result<Value> {
        let request = self.client.post(format!("{}{path}", self.url)).json(&body);
        self.call(request).await
    }

    async fn publish(&self, name: &str, document: String) -> Result<()> {
        let put = self
            .client
            .put(format!("{}/v1/workflows/{name}", self.url))
            .header("content-type", "application/yaml")
            .body(document);
        self.call(put).await?;
        self.post(&format!("/v1/workflows/{name}/publish"), json!({}))
            .await?;
        Ok(())
    }

    /// Starts a run and waits for its end; gives how it ended.
    async fn run(&self, name: &str) -> Result<String> {
        let body = json!({"data": {"tier": "pro", "name": "Ann"}});
        let run = self
            .post(&format!("/v1/workflows/{name}/runs?wait=60s"), body)
            .await?;
        Ok(run["state"].as_str().unwrap_or_default().to_owned())
    }
}

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
async fn furnish(host: &Jackfield) -> Result<Vec<&'static str>> {
    let install = host
        .client
        .post(format!("{}/v1/plugins", host.url))
        .header("content-type", "application/wasm")
        .body(misbehave()?);
    host.call(install).await?;
    host.post("/v1/plugins/misbehave/grant", json!({})).await?;
    host.publish("normal", NORMAL.to_owned()).await?;
    let silent = silent().await?;
    let harms = [
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

/// Runs a second and the sorted milliseconds of each.
async fn normal_load(host: &Arc<Jackfield>) -> Result<(f64, Vec<f64>)> {
    let began = Instant::now();
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let host = Arc::clone(host);
        clients.push(tokio::spawn(async move {
            let mut times = Vec::new();
            while began.elapsed() < ROUND {
                let one = Instant::now();
                let state = host.run("normal").await?;
                ensure!(state == "completed", "a normal run is {state}");
                times.push(one.elapsed().as_secs_f64() * 1e3);
            }
            anyhow::Ok(times)
        }));
    }
    let mut times = Vec::new();
    for client in clients {
        times.extend(client.await??);
    }
    let rate = times.len() as f64 / began.elapsed().as_secs_f64();
    times.sort_by(f64::total_cmp);
    Ok((rate, times))
}

/// Fifty clients that keep a hostile run each under way until they are told to stop.
struct Crowd {
    stop: Arc<AtomicBool>,
    ended: Arc<AtomicUsize>,
    clients: Vec<JoinHandle<Result<()>>>,
}

impl Crowd {
    fn gather(host: &Arc<Jackfield>, harms: &[&'static str]) -> Crowd {
        let stop = Arc::new(AtomicBool::new(false));
        let ended = Arc::new(AtomicUsize::new(0));
        let clients = harms.iter().cycle().take(HOSTILE).map(|harm| {
            let (host, stop, ended) = (Arc::clone(host), Arc::clone(&stop), Arc::clone(&ended));
            let harm = *harm;
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let state = host.run(harm).await?;
                    ensure!(state != "completed", "`{harm}` completed");
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

    /// Tells them to stop, and waits until their last runs have ended.
    async fn leave(self) -> Result<usize> {
        self.stop.store(true, Ordering::Relaxed);
        for client in self.clients {
            client.await??;
        }
        Ok(self.ended.load(Ordering::Relaxed))
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    percentile(&values, 0.5)
}

#[tokio::main]
async fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let host = Arc::new(Jackfield::start(&folder.path().join("data")).await?);
    let harms = furnish(&host).await?;
    normal_load(&host).await?;
    let mut rates = [Vec::new(), Vec::new()];
    let mut p50 = [Vec::new(), Vec::new()];
    let mut p99 = [Vec::new(), Vec::new()];
    let mut hostile = 0;
    for _ in 0..ROUNDS {
        let alone = normal_load(&host).await?;
        let crowd = Crowd::gather(&host, &harms);
        tokio::time::sleep(WARM).await;
        let beside = normal_load(&host).await?;
        hostile += crowd.leave().await?;
        for (place, (rate, times)) in [beside, alone].into_iter().enumerate() {
            rates[place].push(rate);
            p50[place].push(percentile(&times, 0.5));
            p99[place].push(percentile(&times, 0.99));
        }
    }
    eprintln!("{hostile} hostile runs ended beside the normal ones");
    let mut figures = Vec::new();
    for (name, unit, values) in [
        ("runs beside fifty hostile ones, and alone", "1/s", rates),
        ("  p50", "ms", p50),
        ("  p99", "ms", p99),
    ] {
        let [beside, alone] = values.map(median);
        figures.push(Figure::new(name, beside, unit, alone));
    }
    print(&figures);
    Ok(())
}
