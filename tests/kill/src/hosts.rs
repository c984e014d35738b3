//! The hosts: the real program, one process each, started again on the same data and port.
//!
//! What must hold: nothing but the processes that were started here is ever signalled; none of them
//! outlives the harness.

use crate::now;
use anyhow::{Context as _, Result, bail};
use rand::Rng as _;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, OpenOptions};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a start may take. The very first one compiles every plugin.
const START_PATIENCE: Duration = Duration::from_secs(300);
/// The time between two looks at a host that starts.
const LOOK: Duration = Duration::from_millis(10);

/// What is started.
#[derive(Clone, Debug)]
pub struct Program {
    /// The program `jackfield`.
    pub jackfield: PathBuf,
    /// The folder of the plugins.
    pub plugins: PathBuf,
    /// `--database` of every host; none for the database in the host's own folder.
    pub database: Option<String>,
}

/// One host.
#[derive(Debug)]
pub struct Host {
    /// Which, from 0.
    pub place: usize,
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    /// Its data folder.
    pub data: PathBuf,
    program: Program,
    /// The folder of the host that made the keys.
    keys: PathBuf,
    port: u16,
    child: Option<Child>,
    /// When it was started, in milliseconds since 1970.
    since: i64,
    /// It has been ready since.
    was_ready: bool,
    client: reqwest::Client,
}

impl Host {
    /// A host that does not run yet, with a folder of its own under `all`.
    ///
    /// # Errors
    /// When the folder cannot be made, or no port is free.
    pub fn new(program: &Program, all: &Path, place: usize) -> Result<Host> {
        let data = all.join(format!("host-{place}"));
        fs::create_dir_all(&data).with_context(|| format!("cannot make {}", data.display()))?;
        let port = free_port()?;
        Ok(Host {
            place,
            url: format!("http://127.0.0.1:{port}"),
            data,
            program: program.clone(),
            keys: all.join("host-0"),
            port,
            child: None,
            since: 0,
            was_ready: false,
            client: reqwest::Client::builder()
                .no_proxy()
                .timeout(Duration::from_secs(2))
                .build()?,
        })
    }

    /// Starts the process; it is not ready when this returns.
    ///
    /// # Errors
    /// When it runs already, or cannot be started.
    pub fn start(&mut self) -> Result<()> {
        if self.child.is_some() {
            bail!("host {} runs already", self.place);
        }
        let log = self.data.join("host.log");
        let log = OpenOptions::new().create(true).append(true).open(log)?;
        let mut command = Command::new(&self.program.jackfield);
        command
            .arg("serve")
            .arg("--data")
            .arg(&self.data)
            .args(["--listen", &format!("127.0.0.1:{}", self.port)])
            .args(["--allow-address", "127.0.0.0/8", "--max-activations", "32"])
            .arg("--plugins")
            .arg(&self.program.plugins)
            .env("RUST_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        if let Some(database) = &self.program.database {
            let name = format!("host-{}", self.place);
            command.args(["--database", database, "--host-name", &name]);
        }
        if self.place > 0 {
            command
                .arg("--secret-key-file")
                .arg(self.keys.join("secret.key"));
        }
        (self.since, self.was_ready) = (now(), false);
        let program = self.program.jackfield.display();
        self.child = Some(
            command
                .spawn()
                .with_context(|| format!("cannot start {program}"))?,
        );
        Ok(())
    }

    /// Waits until it is ready; false when it has ended instead.
    ///
    /// # Errors
    /// When it is not ready after minutes.
    pub async fn ready(&mut self) -> Result<bool> {
        let began = Instant::now();
        while began.elapsed() < START_PATIENCE {
            if self.has_ended()? {
                return Ok(false);
            }
            let asked = self.client.get(format!("{}/readyz", self.url)).send().await;
            if asked.is_ok_and(|answer| answer.status().is_success()) {
                self.was_ready = true;
                return Ok(true);
            }
            tokio::time::sleep(LOOK).await;
        }
        bail!(
            "host {} is not ready after {START_PATIENCE:?}; see {}",
            self.place,
            self.data.join("host.log").display()
        );
    }

    /// Whether it has ended without having been killed.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn has_ended(&mut self) -> Result<bool> {
        Ok(match &mut self.child {
            None => true,
            Some(child) => child.try_wait()?.is_some(),
        })
    }

    /// Since when it has been starting, in milliseconds since 1970; none once it was ready.
    #[must_use]
    pub fn starting(&self) -> Option<i64> {
        (!self.was_ready).then_some(self.since)
    }

    /// Ends it at once (SIGKILL). False when it had ended by itself before.
    ///
    /// # Errors
    /// When it cannot be signalled.
    pub fn kill(&mut self) -> Result<bool> {
        let Some(mut child) = self.child.take() else {
            return Ok(false);
        };
        let alive = child.try_wait()?.is_none();
        child.kill()?;
        child.wait()?;
        Ok(alive)
    }

    /// Halts it (SIGSTOP) until [`Host::go_on`].
    ///
    /// # Errors
    /// When it cannot be signalled.
    pub fn halt(&self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    /// Lets a halted host go on (SIGCONT).
    ///
    /// # Errors
    /// When it cannot be signalled.
    pub fn go_on(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let child = self.child.as_ref().context("the host does not run")?;
        let pid = Pid::from_child(child);
        Ok(kill_process(pid, signal)?)
    }

    /// The end of what it wrote.
    #[must_use]
    pub fn last_words(&self) -> String {
        let log = fs::read_to_string(self.data.join("host.log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(8)..].join("\n")
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // Gone already, or going: there is nobody left to tell.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A port of loopback that is free now, below those that the system gives out by itself: so it
/// stays free while its host is down.
fn free_port() -> Result<u16> {
    let mut rng = rand::rng();
    for _ in 0..200 {
        let port = rng.random_range(20_000..32_000);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no port between 20000 and 32000 is free")
}
