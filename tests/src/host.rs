//! The real program, as an operator runs it.
//!
//! Every host has a data folder of its own. What the first start does (install and compile the
//! plugins, make keys) is done once for each build of program and plugins, and copied, because it
//! takes seconds; `docs` starts a host on an empty folder, as a new user does.

use crate::{Api, place, until};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A host in a process of its own. It is killed when this is dropped.
#[derive(Debug)]
pub struct Host {
    /// The API, with the operator's key.
    pub api: Api,
    data: TempDir,
    port: u16,
    flags: Vec<String>,
    program: PathBuf,
    environment: BTreeMap<String, String>,
    child: Option<Child>,
}

/// What a command came to.
#[derive(Clone, Debug)]
pub struct Done {
    /// How it ended.
    pub status: ExitStatus,
    /// What it printed.
    pub out: String,
    /// What it complained.
    pub err: String,
}

impl From<Output> for Done {
    fn from(output: Output) -> Done {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Done {
            status: output.status,
            out: text(&output.stdout),
            err: text(&output.stderr),
        }
    }
}

impl Done {
    /// What a command printed that succeeded.
    pub fn ok(self) -> String {
        assert!(
            self.status.success(),
            "{}\n{}{}",
            self.status,
            self.out,
            self.err
        );
        self.out
    }
}

impl Host {
    /// Starts a host that may reach loopback, where the peers are.
    pub async fn start() -> Host {
        Host::start_with(&[]).await
    }

    /// Starts a host with flags of `serve` besides the usual ones.
    pub async fn start_with(flags: &[&str]) -> Host {
        Host::start_program(&place::program(), flags).await
    }

    /// Starts a host from another build of the program.
    pub async fn start_program(program: &Path, flags: &[&str]) -> Host {
        let key = fs::read_to_string(template().join("operator.key")).expect("an operator's key");
        for _ in 0..5 {
            let port = crate::free_port();
            let mut host = Host {
                api: Api::new(&url(port)).with_key(key.trim()),
                data: tempfile::tempdir().expect("a temporary folder"),
                port,
                flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
                program: program.to_owned(),
                environment: BTreeMap::new(),
                child: None,
            };
            copy(template(), host.data.path());
            private(host.data.path());
            if host.try_begin().await {
                return host;
            }
            // Somebody else took the port between looking and listening.
            assert!(
                host.log().contains("cannot be listened on"),
                "{}",
                host.log()
            );
        }
        panic!("no port could be listened on");
    }

    /// Starts a host on a database that it shares with others. The folder `keys` holds what they
    /// have in common: the key that seals secrets and the operator's key, which the first makes.
    pub(crate) async fn start_sharing(program: &Path, flags: &[&str], keys: &Path) -> Host {
        let secret = keys.join("secret.key");
        let operator = keys.join("operator.key");
        if !secret.exists() {
            fs::copy(template().join("secret.key"), &secret).expect("a secret key");
        }
        let secret = secret.to_str().expect("a path of text").to_owned();
        let mut all = vec!["--secret-key-file", secret.as_str()];
        all.extend(flags);
        let mut host = Host::start_program(program, &all).await;
        // The template's key is of another database: this one's was made by its first host.
        let written = fs::read_to_string(host.data().join("operator.key")).expect("a key");
        let of_template = fs::read_to_string(template().join("operator.key")).expect("a key");
        if written != of_template {
            fs::write(&operator, written).expect("the keys' folder");
        }
        let key = fs::read_to_string(&operator).expect("an operator's key");
        fs::write(host.data().join("operator.key"), &key).expect("the data folder");
        host.api = host.api.with_key(key.trim());
        host
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        url(self.port)
    }

    /// The data folder.
    #[must_use]
    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// What the host wrote so far, of all its lives.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.data().join("host.log")).unwrap_or_default()
    }

    /// The process's id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("the host runs").id()
    }

    /// Ends the process at once, as a power failure would (SIGKILL).
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("the host can be killed");
            child.wait().expect("the host ends");
        }
    }

    /// Asks the process to end (SIGTERM), and gives how it ended.
    pub async fn stop(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("the host runs");
        let asked = Command::new("kill")
            .args(["-TERM", &child.id().to_string()])
            .status();
        assert!(
            asked.is_ok_and(|status| status.success()),
            "the host can be asked to stop"
        );
        until("the host to end", async || {
            child.try_wait().expect("it can be asked")
        })
        .await
    }

    /// Starts again on the same port and data.
    pub async fn begin(&mut self) {
        assert!(
            self.try_begin().await,
            "the host does not start again:\n{}",
            self.log()
        );
    }

    /// Kills it and starts it again.
    pub async fn restart(&mut self) {
        self.kill();
        self.begin().await;
    }

    /// Sets a variable of the environment for the next starts, or takes it away.
    pub fn set_environment(&mut self, name: &str, value: Option<&str>) {
        match value {
            Some(value) => self.environment.insert(name.to_owned(), value.to_owned()),
            None => self.environment.remove(name),
        };
    }

    /// The process, while it lives; none once it has ended, by itself or not.
    pub fn process(&mut self) -> Option<u32> {
        let child = self.child.as_mut()?;
        if child
            .try_wait()
            .expect("the process can be asked")
            .is_none()
        {
            return Some(child.id());
        }
        self.child = None;
        None
    }

    /// Starts again on the same port and data; false when it ended before it was ready.
    pub async fn try_begin(&mut self) -> bool {
        assert!(self.child.is_none(), "the host runs already");
        let mut command = serve(&self.program, self.data.path(), self.port);
        self.child = Some(
            command
                .args(&self.flags)
                .envs(&self.environment)
                .spawn()
                .expect("the program starts"),
        );
        let api = self.api.clone();
        let child = self.child.as_mut().expect("it was just put there");
        let ready = until("the host to be ready", async || {
            if child
                .try_wait()
                .expect("the process can be asked")
                .is_some()
            {
                return Some(false);
            }
            let asked = api.request(reqwest::Method::GET, "/readyz").send().await;
            asked
                .ok()
                .filter(|answer| answer.status().is_success())
                .map(|_| true)
        })
        .await;
        if !ready {
            self.child = None;
        }
        ready
    }

    /// Runs a command as a person types it, with this host's address and data folder.
    pub async fn cli<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Done {
        let output = tokio::process::Command::new(place::program())
            .args(arguments)
            .env("JACKFIELD_URL", self.url())
            .env("JACKFIELD_DATA", self.data())
            .env_remove("JACKFIELD_KEY")
            .env_remove("JACKFIELD_WORKSPACE")
            .stdin(Stdio::null())
            .output()
            .await
            .expect("the program starts");
        Done::from(output)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            eprintln!("--- the host's log ---\n{}", self.log());
        }
    }
}

fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

/// `jackfield serve`, its output in `host.log` of the data folder.
fn serve(program: &Path, data: &Path, port: u16) -> Command {
    let log = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(data.join("host.log"));
    let log = log.expect("the log can be written");
    let mut command = Command::new(program);
    command
        .arg("serve")
        .arg("--data")
        .arg(data)
        .args([
            "--listen",
            &format!("127.0.0.1:{port}"),
            "--allow-address",
            "127.0.0.0/8",
        ])
        .arg("--plugins")
        .arg(place::plugins())
        // A small pool: several hosts run at the same time, and each reserves address space.
        .args(["--max-activations", "32"])
        .env(
            "RUST_LOG",
            std::env::var("RUST_LOG").unwrap_or_else(|_| "info".to_owned()),
        )
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a second handle"))
        .stderr(log);
    command
}

/// A data folder after the first start of this very build.
fn template() -> &'static Path {
    static TEMPLATE: OnceLock<PathBuf> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let mut build = DefaultHasher::new();
        let entries = fs::read_dir(place::plugins()).expect("the plugins' folder");
        let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        files.sort();
        assert!(
            !files.is_empty(),
            "there are no plugins; run `cargo xtask plugins`"
        );
        for file in files.into_iter().chain([place::program()]) {
            let about = fs::metadata(&file).expect("a file");
            (file, about.len(), about.modified().ok()).hash(&mut build);
        }
        let all = place::repository().join("target/tmp/jackfield-tests");
        let kept = all.join(format!("{:016x}", build.finish()));
        if !kept.exists() {
            fs::create_dir_all(&all).expect("a folder for templates");
            forget_old(&all);
            let made = tempfile::tempdir_in(&all).expect("a temporary folder");
            first_start(made.path());
            let _ = fs::remove_file(made.path().join("host.log"));
            // Another process may have been faster; then its folder is as good.
            if fs::rename(made.path(), &kept).is_err() {
                assert!(kept.exists(), "{} cannot be made", kept.display());
            }
        }
        kept
    })
}

/// Removes what earlier builds left: nobody uses it an hour later.
fn forget_old(all: &Path) {
    for entry in fs::read_dir(all).into_iter().flatten().flatten() {
        let age = entry
            .metadata()
            .and_then(|about| about.modified())
            .map(|at| at.elapsed());
        if matches!(age, Ok(Ok(age)) if age > Duration::from_secs(3600)) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// The very first start; runs without a runtime, since it is waited for by all tests.
fn first_start(data: &Path) {
    let port = crate::free_port();
    let mut child = serve(&place::program(), data, port)
        .spawn()
        .expect("the program starts");
    let began = Instant::now();
    loop {
        let well = Command::new(place::program())
            .args(["ready", "--url", &url(port)])
            .env("JACKFIELD_DATA", data)
            .output()
            .is_ok_and(|output| output.status.success());
        let log = || fs::read_to_string(data.join("host.log")).unwrap_or_default();
        if well {
            break;
        }
        let ended = child.try_wait().expect("the process can be asked");
        assert!(ended.is_none(), "the first start ended:\n{}", log());
        assert!(
            began.elapsed() < Duration::from_secs(300),
            "no first start:\n{}",
            log()
        );
        std::thread::sleep(Duration::from_millis(100));
    }
    child.kill().expect("the host can be killed");
    child.wait().expect("the host ends");
}

/// Lets nobody else look into a folder, as a host's own is made.
fn private(folder: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).expect("the folder is ours");
}

/// Copies a folder; compiled components, which are never written again, as links.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").flatten() {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy(&source, &target);
        } else if source.extension() != Some("cwasm".as_ref())
            || fs::hard_link(&source, &target).is_err()
        {
            fs::copy(&source, &target).expect("a copy");
        }
    }
}

/// Whether a port of loopback is free at the moment.
pub(crate) fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}
