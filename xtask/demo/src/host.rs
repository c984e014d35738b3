//! The program `jackfield` as an operator uses it: a server process, and commands against it.

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};

/// How long a host may take to come up.
const PATIENCE: Duration = Duration::from_secs(60);

/// A host on loopback with a folder of its own.
pub(crate) struct Host {
    program: PathBuf,
    plugins: PathBuf,
    data: PathBuf,
    port: u16,
    child: Option<Child>,
}

impl Host {
    /// A host that is not started yet. Its folder is made afresh.
    pub(crate) fn new(program: &Path, plugins: &Path, data: &Path) -> Result<Host> {
        if data.exists() {
            std::fs::remove_dir_all(data)
                .with_context(|| format!("cannot empty {}", data.display()))?;
        }
        std::fs::create_dir_all(data)?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")?
            .local_addr()?
            .port();
        Ok(Host {
            program: program.to_owned(),
            plugins: plugins.to_owned(),
            data: data.to_owned(),
            port,
            child: None,
        })
    }

    /// `http://127.0.0.1:PORT`.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Where its files are.
    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// Starts it and waits until it answers.
    pub(crate) async fn start(&mut self) -> Result<()> {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.data.join("jackfield.log"))?;
        let child = Command::new(&self.program)
            .arg("serve")
            .arg("--data")
            .arg(&self.data)
            .args(["--listen", &format!("127.0.0.1:{}", self.port)])
            .args(["--public-url", &self.url()])
            // The demo's mailbox, gateway and CRM are on loopback, which is refused otherwise.
            .args(["--allow-address", "127.0.0.0/8"])
            .arg("--plugins")
            .arg(&self.plugins)
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", self.program.display()))?;
        self.child = Some(child);
        let began = Instant::now();
        while self.run(&["workflow", "list"]).await.is_err() {
            if let Some(child) = &mut self.child
                && let Some(status) = child.try_wait()?
            {
                bail!("the host ended with {status}; see {}", self.log());
            }
            if began.elapsed() > PATIENCE {
                bail!(
                    "the host did not answer within {PATIENCE:?}; see {}",
                    self.log()
                );
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    /// Ends it at once, as a power failure would.
    pub(crate) async fn kill(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill().await?;
        }
        Ok(())
    }

    /// Waits until it ends by itself.
    pub(crate) async fn wait(&mut self) -> Result<()> {
        if let Some(child) = &mut self.child {
            child.wait().await?;
        }
        Ok(())
    }

    /// Shows a command as it would be typed, runs it, and gives what it printed.
    pub(crate) async fn show(&self, arguments: &[&str]) -> Result<String> {
        println!("\n$ jackfield {}", typed(arguments));
        let printed = self.run(arguments).await?;
        print!("{printed}");
        Ok(printed)
    }

    /// Runs a command and gives what it printed.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Result<String> {
        let output = Command::new(&self.program)
            .args(arguments)
            .env("JACKFIELD_URL", self.url())
            .env("JACKFIELD_DATA", &self.data)
            .output()
            .await?;
        if !output.status.success() {
            bail!(
                "`jackfield {}` ended with {}:\n{}{}",
                typed(arguments),
                output.status,
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn log(&self) -> String {
        self.data.join("jackfield.log").display().to_string()
    }
}

fn typed(arguments: &[&str]) -> String {
    let quoted = arguments.iter().map(|argument| {
        if argument.contains([' ', '{', '$', '*']) {
            format!("'{argument}'")
        } else {
            (*argument).to_owned()
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}
