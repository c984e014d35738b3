//! `cargo xtask doctor`: what this machine has, what is missing, and how to get it.
//!
//! Looks, and changes nothing. Two kinds of finding: *needed*, without which the two commands
//! (`demo`, `test`) cannot run, and *better with*, which they bring by themselves or do without.
//! The exit code is 0 when nothing needed is missing.

use crate::{apt, deny, peers, registry, repo, shell};
use anyhow::Result;
use jackfield_authoring::languages::rust::{PACKAGES, TARGET, Toolchain};
use std::net::TcpListener;
use std::process::{Command, ExitCode};

/// The first kernel with `PAGEMAP_SCAN` (6.7), which resets a sandbox's memory faster.
const PAGEMAP_SCAN: (u32, u32) = (6, 7);

/// Room for the debug and release builds, the plugins' builds and the peers.
const DISK_GIB: u64 = 12;

/// The compiler that the workspace asks for.
const RUST: (u32, u32) = (1, 95);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// There.
    Good,
    /// Not there; a command brings it, or the work goes on without it.
    BetterWith,
    /// Not there, and nothing runs without it.
    Missing,
}

/// One line of the report.
struct Finding {
    what: &'static str,
    state: State,
    /// What was found, or how to get what was not.
    says: String,
}

impl Finding {
    fn good(what: &'static str, says: impl Into<String>) -> Self {
        Self {
            what,
            state: State::Good,
            says: says.into(),
        }
    }

    fn better_with(what: &'static str, says: impl Into<String>) -> Self {
        Self {
            what,
            state: State::BetterWith,
            says: says.into(),
        }
    }

    fn missing(what: &'static str, says: impl Into<String>) -> Self {
        Self {
            what,
            state: State::Missing,
            says: says.into(),
        }
    }
}

/// Prints the report.
///
/// # Errors
/// None at present: what cannot be found out is a finding.
pub(crate) fn run() -> Result<ExitCode> {
    let findings = [
        rust(),
        c_compiler(),
        wasm(),
        cargo_deny(),
        python(),
        node(),
        oci_registry(),
        kernel(),
        disk(),
        ports(),
    ];
    for finding in &findings {
        let mark = match finding.state {
            State::Good => "ok",
            State::BetterWith => "--",
            State::Missing => "MISSING",
        };
        println!("{mark:8} {:16} {}", finding.what, finding.says);
    }
    let missing = findings
        .iter()
        .filter(|finding| finding.state == State::Missing)
        .count();
    if missing > 0 {
        println!("\n{missing} missing: `cargo xtask demo` and `cargo xtask test` cannot run yet.");
        return Ok(ExitCode::FAILURE);
    }
    println!(
        "\n`cargo xtask demo` and `cargo xtask test` can run; they bring what is marked `--`."
    );
    Ok(ExitCode::SUCCESS)
}

fn version_of(program: &str, argument: &str) -> Option<String> {
    shell::capture(Command::new(program).arg(argument)).ok()
}

fn rust() -> Finding {
    let what = "rustc";
    match shell::capture(shell::rustc().arg("--version")) {
        Ok(version) if numbers(&version).is_some_and(|found| found >= RUST) => {
            Finding::good(what, version)
        }
        Ok(version) => Finding::missing(
            what,
            format!(
                "{version}, older than {}.{}; run: rustup update stable",
                RUST.0, RUST.1
            ),
        ),
        Err(error) => Finding::missing(
            what,
            format!("{error:#}; install it from https://rustup.rs"),
        ),
    }
}

fn c_compiler() -> Finding {
    let what = "C compiler";
    match version_of("cc", "--version") {
        Some(version) => Finding::good(what, version.lines().next().unwrap_or_default()),
        None => Finding::missing(
            what,
            format!(
                "SQLite and the TLS library are C; run: {}",
                apt::command_line(&["gcc", "libc6-dev"])
            ),
        ),
    }
}

fn wasm() -> Finding {
    let what = "wasm target";
    match Toolchain::present().ok() {
        Some(toolchain) => Finding::good(what, toolchain.road()),
        None if shell::find("rustup").is_some() => Finding::better_with(
            what,
            format!(
                "brought by `rustup target add {}`, else by Debian's packages",
                TARGET
            ),
        ),
        None if apt::available() && apt::is_root() => Finding::better_with(
            what,
            "brought by Debian's packages rustc-web, cargo-web, rust-web-src",
        ),
        None => Finding::missing(
            what,
            format!(
                "run: rustup target add {}, or: {}",
                TARGET,
                apt::command_line(&PACKAGES)
            ),
        ),
    }
}

fn cargo_deny() -> Finding {
    let what = "cargo-deny";
    match deny::present() {
        Some(tool) => Finding::good(what, tool.display().to_string()),
        None => Finding::better_with(
            what,
            "installed once by `cargo xtask test` into target/tools",
        ),
    }
}

fn python() -> Finding {
    let what = "Python, venv";
    let mut venv = Command::new("python3");
    venv.args([
        "-c",
        "import ensurepip, venv, platform; print(platform.python_version())",
    ]);
    match shell::capture(&mut venv) {
        Ok(version) if peers::present() => {
            Finding::good(what, format!("{version}; peers are set up"))
        }
        Ok(version) => Finding::good(what, version),
        Err(_) => Finding::better_with(
            what,
            format!(
                "for the end-to-end tests: {}",
                apt::command_line(&["python3", "python3-venv"])
            ),
        ),
    }
}

fn node() -> Finding {
    let what = "Node, npm";
    match (
        version_of("node", "--version"),
        version_of("npm", "--version"),
    ) {
        (Some(node), Some(npm)) => Finding::good(what, format!("node {node}, npm {npm}")),
        _ => Finding::better_with(
            what,
            format!(
                "for the end-to-end tests: {}",
                apt::command_line(&["nodejs", "npm"])
            ),
        ),
    }
}

fn oci_registry() -> Finding {
    let what = "OCI registry";
    let missing = registry::missing();
    if missing.is_empty() {
        return Finding::good(what, registry::PROGRAMS.join(", "));
    }
    Finding::better_with(
        what,
        format!(
            "for the tests of where plugins come from: {}",
            apt::command_line(&missing)
        ),
    )
}

fn kernel() -> Finding {
    let what = "kernel";
    let Some(release) = version_of("uname", "-r") else {
        return Finding::better_with(what, "its version is unknown (no `uname`)");
    };
    match numbers(&release) {
        Some(found) if found >= PAGEMAP_SCAN => {
            Finding::good(what, format!("{release}, with pagemap_scan"))
        }
        _ => Finding::better_with(
            what,
            format!("{release}; from 6.7 on (pagemap_scan) sandboxes are reset faster"),
        ),
    }
}

fn disk() -> Finding {
    let what = "disk";
    let mut df = Command::new("df");
    df.args(["--output=avail", "-k"]).arg(repo::root());
    let free = shell::capture(&mut df)
        .ok()
        .and_then(|answer| answer.lines().last()?.trim().parse::<u64>().ok())
        .map(|kib| kib / (1024 * 1024));
    match free {
        Some(gib) if gib >= DISK_GIB => Finding::good(what, format!("{gib} GiB free")),
        Some(gib) => Finding::better_with(
            what,
            format!("{gib} GiB free; a build with every test takes about {DISK_GIB} GiB"),
        ),
        None => Finding::better_with(what, "free space is unknown (no `df`)"),
    }
}

/// Everything that is started listens on free loopback ports; only that there are some is needed.
fn ports() -> Finding {
    let what = "loopback ports";
    match TcpListener::bind(("127.0.0.1", 0)) {
        Ok(_) => Finding::good(what, "a free port of 127.0.0.1 can be listened on"),
        Err(error) => Finding::missing(
            what,
            format!("no port of 127.0.0.1 can be listened on: {error}"),
        ),
    }
}

/// The first two numbers of a version: `rustc 1.95.0 (…)` is (1, 95).
fn numbers(text: &str) -> Option<(u32, u32)> {
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let mut parts = text[start..].split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_two_numbers_of_a_version_are_read() {
        assert_eq!(
            numbers("rustc 1.95.0 (59807616e 2026-04-14)"),
            Some((1, 95))
        );
        assert_eq!(numbers("6.18.44-fc-v657"), Some((6, 18)));
        assert_eq!(numbers("6.1.0-13-amd64"), Some((6, 1)));
        assert_eq!(numbers("no version"), None);
    }

    #[test]
    fn an_older_kernel_is_told_apart_from_a_newer_one() {
        assert!(numbers("6.1.0-13-amd64") < Some(PAGEMAP_SCAN));
        assert!(numbers("6.12.3") > Some(PAGEMAP_SCAN));
    }
}
