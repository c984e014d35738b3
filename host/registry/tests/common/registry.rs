//! A real registry: Debian's `docker-registry`, on a free port of 127.0.0.1, in a temporary folder.
//!
//! What must hold: it does not outlive the process that started it, however that ends. A small shell
//! waits at a pipe that this process holds open; when it closes, the shell ends the registry, by its
//! process id, and removes the folder.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The user and the password of a registry that asks for them.
pub(crate) const USER: &str = "ann";
pub(crate) const PASSWORD: &str = "secret-of-ann";
/// Both as `htpasswd -B` writes them.
const HTPASSWD: &str = "ann:$2b$04$E7hQ88eJIxkYN05tE1uJneEY4RmLVvtVk9LRM9d..ds5bVFiAx7fS\n";
/// How long it may take until it answers.
const START: Duration = Duration::from_secs(30);

/// `$1` is the folder, the rest the command line, which takes the place of the shell that starts it.
const WATCH: &str = r#"
folder=$1; shift
registry=$$
exec 3<&0
{
    read -r end <&3
    kill "$registry"
    while kill -0 "$registry"; do sleep 0.05; done
    rm -rf "$folder"
} 2>/dev/null &
exec "$@" 3<&- </dev/null >"$folder/log" 2>&1
"#;

/// How the registry is to be.
#[derive(Default)]
pub(crate) struct Settings {
    /// Asks for a user and a password (Basic).
    pub(crate) password: bool,
    /// Speaks TLS with this certificate and key (PEM).
    pub(crate) tls: Option<(String, String)>,
}

/// A registry. It stops when it is dropped.
pub(crate) struct Registry {
    process: Child,
    port: u16,
}

impl Registry {
    pub(crate) fn start(settings: &Settings) -> Registry {
        let program = program("docker-registry");
        let folder = tempfile::Builder::new()
            .prefix("jackfield-registry-")
            .tempdir()
            .unwrap()
            .keep();
        // Someone else may take the port before the registry does.
        let mut log = String::new();
        for _ in 0..5 {
            let port = TcpListener::bind(("127.0.0.1", 0))
                .and_then(|listener| listener.local_addr())
                .unwrap()
                .port();
            std::fs::create_dir_all(folder.join("data")).unwrap();
            std::fs::write(folder.join("config.yml"), config(&folder, port, settings)).unwrap();
            let mut registry = Registry {
                process: Command::new("sh")
                    .args(["-c", WATCH, "sh"])
                    .arg(&folder)
                    .arg(&program)
                    .arg("serve")
                    .arg(folder.join("config.yml"))
                    .stdin(Stdio::piped())
                    .spawn()
                    .unwrap(),
                port,
            };
            if registry.answers() {
                return registry;
            }
            log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
        }
        panic!("docker-registry does not start: {log}");
    }

    /// `127.0.0.1:PORT`
    pub(crate) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The source of a name and tag.
    pub(crate) fn oci(&self, name: &str) -> String {
        format!("oci://{}/{name}", self.host())
    }

    fn answers(&mut self) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < START && matches!(self.process.try_wait(), Ok(None)) {
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// The path of a program that the tests need.
pub(crate) fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/bin")])
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
        .unwrap_or_else(|| {
            panic!(
                "`{name}` is not found (looked in the PATH and /usr/bin); install it with \
                 `sudo apt-get install {name}`, or run `cargo xtask test`, which does"
            )
        })
}

fn config(folder: &Path, port: u16, settings: &Settings) -> String {
    let folder_text = folder.display();
    let mut text = format!(
        "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: \
         {folder_text}/data}}}}\nhttp:\n  addr: 127.0.0.1:{port}\n"
    );
    if let Some((certificate, key)) = &settings.tls {
        std::fs::write(folder.join("cert.pem"), certificate).unwrap();
        std::fs::write(folder.join("key.pem"), key).unwrap();
        text += &format!(
            "  tls: {{certificate: {folder_text}/cert.pem, key: {folder_text}/key.pem}}\n"
        );
    }
    if settings.password {
        std::fs::write(folder.join("htpasswd"), HTPASSWD).unwrap();
        text += &format!("auth: {{htpasswd: {{realm: test, path: {folder_text}/htpasswd}}}}\n");
    }
    text
}
