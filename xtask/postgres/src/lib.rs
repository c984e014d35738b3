//! A real PostgreSQL server for tests, on loopback, in a temporary folder.
//!
//! Why the real one: what a test must find (locks, fences, lost connections, what a commit means)
//! is PostgreSQL's own behaviour. The programs are those of the machine (`cargo xtask test` installs
//! Debian's package); each test process has a server of its own and each test a database of its own.
//!
//! What must hold: the server does not outlive the process that started it, however that ends. A
//! small shell watches a pipe that only this process holds open: when it closes, the shell stops the
//! server and removes the folder. PostgreSQL refuses to run as root; then it runs as `postgres` or
//! `nobody`.

mod programs;

use programs::{Programs, User};
use std::io::{self, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

pub use programs::VARIABLE;

/// The one user of the server.
const USER: &str = "jackfield";
/// Its password: it keeps nobody out, but connecting takes the way that it takes elsewhere.
const PASSWORD: &str = "jackfield-test";
/// How long a server may take until it answers.
const START: Duration = Duration::from_secs(60);
/// Another port is tried so often, should someone else take it first.
const PORTS: usize = 5;

/// `$1` is the folder, the rest the server's command line. A line on the pipe names the signal that
/// stops the server; the end of the pipe stops it at once and removes the folder. The signal is
/// repeated: a server that is just starting has no file with its process id yet.
const WATCH: &str = r#"
folder=$1; shift
{ "$@" </dev/null >>"$folder/log" 2>&1; : >"$folder/ended"; } &
if read -r signal; then keep=yes; else keep=; signal=QUIT; fi
until [ -e "$folder/ended" ]; do
    pid=$(head -n 1 "$folder/data/postmaster.pid" 2>/dev/null) && kill -"$signal" "$pid" 2>/dev/null
    sleep 0.05
done
wait
[ -n "$keep" ] || rm -rf "$folder"
"#;

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The programs are not on this machine.
    #[error(
        "PostgreSQL's programs are not found (looked in {VARIABLE}, the PATH and \
         /usr/lib/postgresql/*/bin); install them with `sudo apt-get install postgresql`, or run \
         `cargo xtask test`, which does"
    )]
    Missing,
    /// A program could not be run, or failed.
    #[error("{what} failed: {said}")]
    Failed {
        /// Which one.
        what: String,
        /// What it said.
        said: String,
    },
    /// The operating system refused something.
    #[error("PostgreSQL's folder cannot be used: {0}")]
    Folder(#[from] io::Error),
}

/// A server. It stops, and its folder is removed, when it is dropped.
#[derive(Debug)]
pub struct Server {
    programs: Programs,
    user: Option<User>,
    /// Removed by the watching shell.
    folder: PathBuf,
    port: u16,
    settings: Vec<String>,
    watch: Mutex<Option<Child>>,
    databases: AtomicU32,
}

/// The server of this process, started at the first call.
///
/// # Panics
/// When there is none: a test without its server has failed.
pub fn shared() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| match Server::start(&[]) {
        Ok(server) => server,
        Err(error) => panic!("{error}"),
    })
}

impl Server {
    /// Makes a cluster and starts its server, with settings such as `fsync=off` beside the usual.
    ///
    /// # Errors
    /// When the programs are missing or the server does not come up.
    pub fn start(settings: &[&str]) -> Result<Server, Error> {
        let programs = Programs::find()?;
        let user = User::for_server()?;
        let folder = tempfile::Builder::new()
            .prefix("jackfield-postgres-")
            .tempdir()?
            .keep();
        if let Some(user) = &user {
            user.give(&folder)?;
        }
        let mut server = Server {
            programs,
            user,
            folder,
            port: 0,
            settings: settings.iter().map(|&text| text.to_owned()).collect(),
            watch: Mutex::default(),
            databases: AtomicU32::new(0),
        };
        server.make_cluster()?;
        let mut last = None;
        for _ in 0..PORTS {
            server.port = free_port()?;
            match server.again() {
                Ok(()) => return Ok(server),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or(Error::Missing))
    }

    /// The address of a database.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!(
            "postgres://{USER}:{PASSWORD}@127.0.0.1:{}/{database}",
            self.port
        )
    }

    /// The port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Makes a new, empty database and returns its address.
    ///
    /// # Errors
    /// When the server does not answer.
    pub fn database(&self) -> Result<String, Error> {
        self.database_with(&[])
    }

    /// As `database`, with more arguments for `createdb`.
    ///
    /// # Errors
    /// When the server does not answer, or refuses the arguments.
    pub fn database_with(&self, arguments: &[&str]) -> Result<String, Error> {
        let name = format!(
            "test_{}_{}",
            std::process::id(),
            self.databases.fetch_add(1, Ordering::Relaxed)
        );
        let mut command = self.client("createdb");
        command.args(arguments).arg(&name);
        run(&mut command)?;
        Ok(self.url(&name))
    }

    /// Runs statements in a database, as `psql` does, and returns what they say.
    ///
    /// # Errors
    /// When a statement fails.
    pub fn sql(&self, database: &str, statements: &str) -> Result<String, Error> {
        let mut command = self.client("psql");
        command
            .args([
                "-X",
                "-A",
                "-t",
                "-q",
                "-v",
                "ON_ERROR_STOP=1",
                "-d",
                database,
            ])
            .args(["-c", statements]);
        run(&mut command)
    }

    /// Runs one of PostgreSQL's programs, such as `pg_dump`, with what `arguments` adds, and returns
    /// what it says.
    ///
    /// # Errors
    /// When it fails.
    pub fn tool(
        &self,
        program: &str,
        arguments: impl FnOnce(&mut Command),
    ) -> Result<String, Error> {
        let mut command = self.client(program);
        arguments(&mut command);
        run(&mut command)
    }

    /// Stops the server; what it had committed is there when it starts `again`. With `crash` it
    /// does not tidy up before.
    ///
    /// # Errors
    /// When it cannot be told.
    pub fn stop(&self, crash: bool) -> Result<(), Error> {
        let signal = if crash { "QUIT\n" } else { "INT\n" };
        let Some(mut watch) = self.watch().take() else {
            return Ok(());
        };
        if let Some(pipe) = &mut watch.stdin {
            pipe.write_all(signal.as_bytes())?;
        }
        watch.wait()?;
        Ok(())
    }

    /// Starts the server that was stopped, on its port.
    ///
    /// # Errors
    /// When it does not come up; then with the end of its log.
    pub fn again(&self) -> Result<(), Error> {
        if self.ended().exists() {
            std::fs::remove_file(self.ended())?;
        }
        let mut command = self.command(Path::new("sh"));
        command
            .args(["-c", WATCH, "sh"])
            .arg(&self.folder)
            .arg(self.programs.path("postgres"))
            .arg("-D")
            .arg(self.data())
            .args(["-p", &self.port.to_string()])
            .args(["-c", "listen_addresses=127.0.0.1"])
            .args(["-c", "max_connections=300", "-c", "shared_buffers=128MB"])
            .arg("-k")
            .arg(&self.folder);
        for setting in &self.settings {
            command.args(["-c", setting]);
        }
        let child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        *self.watch() = Some(child.map_err(|error| Error::Failed {
            what: "the PostgreSQL server".into(),
            said: error.to_string(),
        })?);
        let begun = Instant::now();
        let mut ready = self.client("pg_isready");
        ready.args(["-t", "1", "-q"]);
        while !ready.status()?.success() {
            if begun.elapsed() > START || self.ended().exists() {
                let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                let end = log.lines().rev().take(5).collect::<Vec<_>>();
                self.stop(true)?;
                return Err(Error::Failed {
                    what: "the PostgreSQL server".into(),
                    said: end.into_iter().rev().collect::<Vec<_>>().join(" / "),
                });
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    fn ended(&self) -> PathBuf {
        self.folder.join("ended")
    }

    fn watch(&self) -> std::sync::MutexGuard<'_, Option<Child>> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn make_cluster(&self) -> Result<(), Error> {
        let password = self.folder.join("password");
        std::fs::write(&password, PASSWORD)?;
        if let Some(user) = &self.user {
            user.give(&password)?;
        }
        let mut command = self.command(&self.programs.path("initdb"));
        command
            .args(["--encoding=UTF8", "--no-sync", "--auth=scram-sha-256"])
            // A collation by language, as servers have: that ours is by bytes must not rest on it.
            .args(["--locale=C.UTF-8", "--username", USER])
            .arg("--pwfile")
            .arg(&password)
            .arg("--pgdata")
            .arg(self.data());
        run(&mut command).map(drop)
    }

    /// A program run as the server's user.
    fn command(&self, program: &Path) -> Command {
        let mut command = match &self.user {
            Some(user) => user.command(program),
            None => Command::new(program),
        };
        command.current_dir(&self.folder).env("LC_ALL", "C.UTF-8");
        command
    }

    /// One of the client programs, with the server's address.
    fn client(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.path(program));
        command
            .env("PGHOST", "127.0.0.1")
            .env("PGPORT", self.port.to_string())
            .env("PGUSER", USER)
            .env("PGPASSWORD", PASSWORD)
            .env("PGDATABASE", "postgres");
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        match self.watch().take() {
            Some(mut watch) => {
                drop(watch.stdin.take());
                let _ = watch.wait();
            }
            None => {
                let _ = std::fs::remove_dir_all(&self.folder);
            }
        }
    }
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// Runs a program and returns what it said on its standard output.
fn run(command: &mut Command) -> Result<String, Error> {
    let what = format!("`{}`", command.get_program().to_string_lossy());
    let failed = |said: String| Error::Failed { what, said };
    let output = match command.stdin(Stdio::null()).output() {
        Ok(output) => output,
        Err(error) => return Err(failed(error.to_string())),
    };
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(failed(said))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn a_server_keeps_what_it_has_over_a_crash_and_leaves_nothing_behind() {
        let server = Server::start(&[]).unwrap();
        let url = server.database().unwrap();
        let name = url.rsplit('/').next().unwrap().to_owned();
        server
            .sql(&name, "CREATE TABLE a (b int); INSERT INTO a VALUES (7)")
            .unwrap();
        server.stop(true).unwrap();
        assert!(server.sql(&name, "SELECT 1").is_err());
        server.again().unwrap();
        assert_eq!(server.sql(&name, "SELECT b FROM a").unwrap(), "7");
        let folder = server.folder.clone();
        drop(server);
        assert!(!folder.exists());
    }
}
