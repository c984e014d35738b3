//! The programs that are measured: Jackfield's own, and the bare host beside it.

use crate::load::{CLIENTS, Target, client};
use crate::process::{Memory, Process, free_address};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// How Jackfield is started.
#[derive(Debug, Clone)]
pub struct Jackfield {
    data: PathBuf,
    /// The folder of the host that made the keys.
    keys: PathBuf,
    /// `--database`, and this host's name among those that share it.
    database: Option<(String, String)>,
}

/// Jackfield, serving.
#[derive(Debug)]
pub struct Host {
    process: Process,
    client: reqwest::Client,
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    /// The operator's key.
    pub key: String,
    /// From its start to the first answered `/readyz`.
    pub took: Duration,
}

fn from_environment(variable: &str, usual: &str) -> PathBuf {
    std::env::var_os(variable).map_or_else(|| PathBuf::from(usual), PathBuf::from)
}

impl Jackfield {
    /// With SQLite in this folder.
    #[must_use]
    pub fn sqlite(data: impl Into<PathBuf>) -> Jackfield {
        let data = data.into();
        Jackfield {
            keys: data.clone(),
            data,
            database: None,
        }
    }

    /// The first host of a PostgreSQL database.
    #[must_use]
    pub fn postgres(data: impl Into<PathBuf>, url: &str) -> Jackfield {
        Jackfield {
            database: Some((url.to_owned(), "first".to_owned())),
            ..Jackfield::sqlite(data)
        }
    }

    /// One more host of the same database, with a folder of its own.
    #[must_use]
    pub fn another(&self, name: &str) -> Jackfield {
        Jackfield {
            data: self.data.with_file_name(name),
            keys: self.keys.clone(),
            database: self.database.clone().map(|(url, _)| (url, name.to_owned())),
        }
    }

    /// Its folder.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Starts it and waits until it is ready.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn start(&self) -> Result<Host> {
        let address = free_address()?;
        let mut command = Command::new(from_environment(
            "JACKFIELD_BIN",
            "target/release/jackfield",
        ));
        command
            .args(["serve", "--listen", &address])
            .args(["--allow-address", "127.0.0.0/8", "--plugins"])
            .arg(from_environment("JACKFIELD_PLUGINS", "target/plugins"))
            .arg("--data")
            .arg(&self.data)
            .env("RUST_LOG", "warn")
            .stderr(Stdio::null());
        if let Some((url, name)) = &self.database {
            command.args(["--database", url, "--host-name", name]);
        }
        if self.keys != self.data {
            let key = self.keys.join("secret.key");
            command.arg("--secret-key-file").arg(key);
        }
        let client = client(CLIENTS)?;
        let mut process = Process::start(&mut command)?;
        let url = format!("http://{address}");
        let took = process.ready(&client, &format!("{url}/readyz")).await?;
        let key = self.keys.join("operator.key");
        let key = std::fs::read_to_string(&key).with_context(|| key.display().to_string())?;
        Ok(Host {
            process,
            client,
            url,
            key: key.trim().to_owned(),
            took,
        })
    }
}

impl Host {
    async fn call(&self, request: reqwest::RequestBuilder) -> Result<Value> {
        let answer = request.bearer_auth(&self.key).send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        ensure!(status.is_success(), "{status}: {text}");
        Ok(serde_json::from_str(&text).unwrap_or_default())
    }

    /// GET of a path.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn get(&self, path: &str) -> Result<Value> {
        let request = self.client.get(format!("{}{path}", self.url));
        self.call(request).await
    }

    /// POST of JSON.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let request = self.client.post(format!("{}{path}", self.url)).json(body);
        self.call(request).await
    }

    /// PUT of JSON.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn put(&self, path: &str, body: &Value) -> Result<Value> {
        let request = self.client.put(format!("{}{path}", self.url)).json(body);
        self.call(request).await
    }

    /// POST of something else.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn upload(&self, path: &str, kind: &str, body: String) -> Result<Value> {
        let request = self.client.post(format!("{}{path}", self.url));
        let request = request.header("content-type", kind);
        self.call(request.body(body)).await
    }

    /// Installs a plugin under the default limits and grants all that it asks for.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn install(&self, name: &str, component: Vec<u8>) -> Result<()> {
        let request = self.client.post(format!("{}/v1/plugins", self.url));
        let request = request.header("content-type", "application/wasm");
        self.call(request.body(component)).await?;
        let grant = format!("/v1/plugins/{name}/grant");
        self.post(&grant, &json!({})).await?;
        Ok(())
    }

    /// Puts a workflow there and publishes it.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn publish(&self, name: &str, document: String) -> Result<()> {
        let path = format!("{}/v1/workflows/{name}", self.url);
        let put = self.client.put(&path);
        let put = put.header("content-type", "application/yaml");
        self.call(put.body(document)).await?;
        let publish = format!("/v1/workflows/{name}/publish");
        self.post(&publish, &json!({})).await?;
        Ok(())
    }

    /// A run of a workflow, to its end, which must be a good one.
    #[must_use]
    pub fn target(&self, workflow: &str, body: &'static str) -> Target {
        Target {
            url: format!("{}/v1/workflows/{workflow}/runs?wait=60s", self.url),
            key: Some(self.key.clone()),
            body,
            holds: "\"completed\"",
        }
    }

    /// The sum of a counter at `/metrics`; 0 where it was never counted.
    ///
    /// # Errors
    /// When the host does not answer.
    pub async fn counter(&self, name: &str) -> Result<f64> {
        let request = self.client.get(format!("{}/metrics", self.url));
        let text = request.send().await?.error_for_status()?.text().await?;
        let lines = text.lines().filter_map(|line| line.strip_prefix(name));
        let values = lines.filter(|rest| rest.starts_with([' ', '{']));
        Ok(values
            .filter_map(|rest| rest.rsplit(' ').next()?.parse::<f64>().ok())
            .sum())
    }

    /// Its process.
    #[must_use]
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// What it has in memory.
    ///
    /// # Errors
    /// Where there is no `/proc`.
    pub fn memory(&self) -> Result<Memory> {
        self.process.memory()
    }

    /// Has it end in order.
    ///
    /// # Errors
    /// When it fails.
    pub fn stop(self) -> Result<()> {
        self.process.stop()
    }
}

/// The bare durable host; see `src/bare_host/main.rs`.
#[derive(Debug)]
pub struct BareHost {
    process: Process,
    /// Where a POST is a run.
    pub url: String,
    /// From its start to the first answer.
    pub took: Duration,
}

impl BareHost {
    /// Starts it: `program` is `env!("CARGO_BIN_EXE_jackfield-bare-host")`, `database` a file of
    /// SQLite or the address of a PostgreSQL database, `cache` where compiled components are kept.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn start(
        program: &str,
        sink: &str,
        database: &str,
        cache: &Path,
    ) -> Result<BareHost> {
        let address = free_address()?;
        let component = from_environment("JACKFIELD_PLUGINS", "target/plugins").join("branch.wasm");
        let mut command = Command::new(program);
        command
            .args(["--listen", &address, "--sink", sink, "--database", database])
            .arg("--cache")
            .arg(cache)
            .arg("--component")
            .arg(component);
        let mut process = Process::start(&mut command)?;
        let url = format!("http://{address}/");
        let client = client(1)?;
        let took = process.ready(&client, &url).await?;
        Ok(BareHost { process, url, took })
    }

    /// A run.
    #[must_use]
    pub fn target(&self) -> Target {
        Target {
            url: self.url.clone(),
            key: None,
            body: crate::workflow::BODY,
            holds: "",
        }
    }

    /// Its process.
    #[must_use]
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// What it has in memory.
    ///
    /// # Errors
    /// Where there is no `/proc`.
    pub fn memory(&self) -> Result<Memory> {
        self.process.memory()
    }
}
