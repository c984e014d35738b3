//! The five-step durable workflow over HTTP, beside a bare durable host in the same run.
//!
//! Workflow: an HTTP request starts a run → branch on the tier → two more branches → POST to a sink
//! → branch on its answer → the request is answered. The bare host does the same with a naive HTTP
//! server: five fresh activations of the same component, one POST, and five rows of journal in
//! SQLite (WAL, synchronous=FULL, group commit), acknowledged before the POST and at the end. It
//! has no API, no retries, no timers, no keys: it is the limit, not a product.

use anyhow::{Context, Result, ensure};
use axum::extract::State;
use axum::routing::post;
use jackfield_bench::bare::Bare;
use jackfield_bench::table::{Figure, percentile, print};
use serde_json::json;
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

const CLIENTS: usize = 64;
const ROUNDS: usize = 3;
const ROUND: Duration = Duration::from_secs(5);
const SETTINGS: &str =
    r#"{"branches":[{"name":"paying","when":{"field":"event.tier","is":"pro"}}]}"#;

fn workflow(sink: &str) -> String {
    format!(
        "name: bench
trigger: {{event: manual}}
steps:
  tier: {{uses: branch@1, with: {{branches: [{{name: pro, when: {{field: event.tier, is: pro}}}}]}}}}
  greeting: {{uses: branch@1, with: {{branches: [{{name: hi, when: {{field: event.name, exists: true}}}}]}}}}
  text: {{uses: branch@1, with: {{branches: [{{name: hi, when: {{field: event.name, is: Ann}}}}]}}}}
  tell:
    uses: http-request@1
    with: {{method: POST, url: '{sink}', body: {{text: 'Hello ${{event.name}}', tier: $event.tier}}, save-status: told}}
  record: {{uses: branch@1, with: {{branches: [{{name: ok, when: {{field: vars.told, is: 200}}}}]}}}}
"
    )
}

/// Answers 200 and does nothing.
async fn sink() -> Result<String> {
    serve(axum::Router::new().route("/", post(|| async { "{}" }))).await
}

async fn serve(router: axum::Router) -> Result<String> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(url)
}

type Row = (String, oneshot::Sender<()>);

#[derive(Clone)]
struct BareHost {
    bare: Arc<Bare>,
    rows: mpsc::Sender<Row>,
    client: reqwest::Client,
    sink: String,
}

impl BareHost {
    async fn commit(&self, rows: &str) -> Result<()> {
        let (done, wait) = oneshot::channel();
        self.rows.send((rows.to_owned(), done)).await?;
        Ok(wait.await?)
    }

    async fn run(&self) -> Result<()> {
        for _ in 0..3 {
            self.bare.start(SETTINGS).await?;
        }
        let row = json!({"run": "r", "data": "x".repeat(200)}).to_string();
        self.commit(&format!("{row},{row},{row}")).await?;
        self.bare.start(SETTINGS).await?;
        self.client
            .post(&self.sink)
            .body("{\"text\":\"Hello\"}")
            .send()
            .await?
            .bytes()
            .await?;
        self.bare.start(SETTINGS).await?;
        self.commit(&format!("{row},{row}")).await
    }
}

/// One writer, many rows a commit: while one fsync is under way the next batch gathers.
async fn write(mut connection: SqliteConnection, mut rows: mpsc::Receiver<Row>) -> Result<()> {
    while let Some((first, done)) = rows.recv().await {
        let (mut text, mut waiting) = (first, vec![done]);
        while let Ok((more, done)) = rows.try_recv() {
            text.push(',');
            text.push_str(&more);
            waiting.push(done);
        }
        sqlx::query(
            "INSERT INTO journal (run, data) \
             SELECT value ->> '$.run', value ->> '$.data' FROM json_each(?)",
        )
        .bind(format!("[{text}]"))
        .execute(&mut connection)
        .await?;
        for done in waiting {
            let _ = done.send(());
        }
    }
    Ok(())
}

async fn bare_host(folder: &Path, sink: &str) -> Result<String> {
    let options = SqliteConnectOptions::new()
        .filename(folder.join("bare.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    sqlx::query("CREATE TABLE journal (run TEXT, data TEXT)")
        .execute(&mut connection)
        .await?;
    let (rows, receiver) = mpsc::channel(4_096);
    tokio::spawn(write(connection, receiver));
    let host = BareHost {
        bare: Arc::new(Bare::new(&jackfield_bench::plugin("branch")?)?),
        rows,
        client: reqwest::Client::new(),
        sink: sink.to_owned(),
    };
    let run = |State(host): State<BareHost>| async move {
        match host.run().await {
            Ok(()) => (axum::http::StatusCode::OK, "{}".to_owned()),
            Err(error) => (
                axum::http::StatusCode::INTERNAL_SERVER_ERROR,
                error.to_string(),
            ),
        }
    };
    let url = serve(axum::Router::new().route("/", post(run)).with_state(host)).await?;
    Ok(format!("{url}/"))
}

/// The real program.
struct Jackfield {
    child: Child,
    url: String,
    key: String,
}

impl Drop for Jackfield {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn jackfield(folder: &Path, sink: &str) -> Result<Jackfield> {
    let program = std::env::var("JACKFIELD_BIN").unwrap_or("target/release/jackfield".into());
    let plugins = std::env::var("JACKFIELD_PLUGINS").unwrap_or("target/plugins".into());
    let port = std::net::TcpListener::bind("127.0.0.1:0")?
        .local_addr()?
        .port();
    let data = folder.join("data");
    let child = Command::new(&program)
        .args(["serve", "--listen", &format!("127.0.0.1:{port}")])
        .args([
            "--allow-address",
            "127.0.0.0/8",
            "--plugins",
            &plugins,
            "--data",
        ])
        .arg(&data)
        .env("RUST_LOG", "warn")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot start {program}; run it as `cargo xtask bench`"))?;
    let url = format!("http://127.0.0.1:{port}");
    let mut host = Jackfield {
        child,
        url,
        key: String::new(),
    };
    let client = reqwest::Client::new();
    let began = Instant::now();
    while !client
        .get(format!("{}/readyz", host.url))
        .send()
        .await
        .is_ok_and(|answer| answer.status().is_success())
    {
        ensure!(
            began.elapsed() < Duration::from_secs(120),
            "the host does not come up"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    host.key = std::fs::read_to_string(data.join("operator.key"))?
        .trim()
        .to_owned();
    let put = client
        .put(format!("{}/v1/workflows/bench", host.url))
        .bearer_auth(&host.key)
        .header("content-type", "application/yaml")
        .body(workflow(sink))
        .send()
        .await?;
    ensure!(put.status().is_success(), "put: {}", put.text().await?);
    let publish = client
        .post(format!("{}/v1/workflows/bench/publish", host.url))
        .bearer_auth(&host.key)
        .send()
        .await?;
    ensure!(
        publish.status().is_success(),
        "publish: {}",
        publish.text().await?
    );
    Ok(host)
}

/// Requests a second, and the milliseconds of each, with 64 clients.
async fn load(url: &str, key: Option<&str>, body: &'static str) -> Result<(f64, Vec<f64>)> {
    let client = reqwest::Client::builder()
        .pool_max_idle_per_host(CLIENTS)
        .build()?;
    let began = Instant::now();
    let mut tasks = Vec::new();
    for _ in 0..CLIENTS {
        let (client, url, key) = (client.clone(), url.to_owned(), key.map(str::to_owned));
        tasks.push(tokio::spawn(async move {
            let mut times = Vec::new();
            while began.elapsed() < ROUND {
                let one = Instant::now();
                let mut request = client
                    .post(&url)
                    .header("content-type", "application/json")
                    .body(body);
                if let Some(key) = &key {
                    request = request.bearer_auth(key);
                }
                let answer = request.send().await?;
                let status = answer.status();
                let text = answer.text().await?;
                ensure!(status.is_success(), "{status}: {text}");
                ensure!(
                    key.is_none() || text.contains("\"completed\""),
                    "not completed: {text}"
                );
                times.push(one.elapsed().as_secs_f64() * 1e3);
            }
            anyhow::Ok(times)
        }));
    }
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await??);
    }
    let rate = times.len() as f64 / began.elapsed().as_secs_f64();
    times.sort_by(f64::total_cmp);
    Ok((rate, times))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    percentile(&values, 0.5)
}

#[tokio::main]
async fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let sink = format!("{}/", sink().await?);
    let bare = bare_host(folder.path(), &sink).await?;
    let host = jackfield(folder.path(), &sink).await?;
    let url = format!("{}/v1/workflows/bench/runs?wait=10s", host.url);
    let body = r#"{"data":{"tier":"pro","name":"Ann"}}"#;
    let mut rates = [Vec::new(), Vec::new()];
    let mut p50 = [Vec::new(), Vec::new()];
    let mut p99 = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        let both = [
            load(&url, Some(&host.key), body).await?,
            load(&bare, None, body).await?,
        ];
        for (place, (rate, times)) in both.into_iter().enumerate() {
            rates[place].push(rate);
            p50[place].push(percentile(&times, 0.5));
            p99[place].push(percentile(&times, 0.99));
        }
    }
    let [ours, ceiling] = rates.map(median);
    let mut figures = vec![Figure::new(
        "durable five-step workflows, 64 clients",
        ours,
        "1/s",
        ceiling,
    )];
    let [ours, ceiling] = p50.map(median);
    figures.push(Figure::new("  p50", ours, "ms", ceiling));
    let [ours, ceiling] = p99.map(median);
    figures.push(Figure::new("  p99", ours, "ms", ceiling));
    print(&figures);
    Ok(())
}
