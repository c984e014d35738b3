//! Peers that others wrote, in processes of their own: Python, Node, and what npm brings.
//!
//! A script speaks JSON, one value a line: the first line that it prints says that it is ready, and
//! every line that it is given is answered by one line.

use crate::host::is_free;
use crate::place;
use serde_json::Value;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// A script that runs. It is killed when this is dropped.
#[derive(Debug)]
pub struct Program {
    /// The first line that it printed.
    pub ready: Value,
    lines: Lines<BufReader<ChildStdout>>,
    input: ChildStdin,
    _child: Child,
}

impl Program {
    /// Starts a script of `tests/peers` with the peers' Python.
    pub async fn python(script: &str, arguments: &[&str]) -> Program {
        let mut command = Command::new(place::peer("python/bin/python"));
        command
            .arg("-u")
            .arg(place::repository().join("tests/peers").join(script))
            .args(arguments);
        Program::start(command).await
    }

    /// Starts a script of `tests/peers` with Node and the peers' packages.
    pub async fn node(script: &str, arguments: &[&str]) -> Program {
        let mut command = Command::new("node");
        command
            .arg(place::repository().join("tests/peers").join(script))
            .args(arguments)
            .env("NODE_PATH", place::peer("node/node_modules"));
        Program::start(command).await
    }

    /// Starts a program that npm brought, such as `prism`; it is killed with the child.
    #[must_use]
    pub fn npm(name: &str, arguments: &[&str]) -> Child {
        Command::new("node")
            .arg(place::peer(&format!("node/node_modules/.bin/{name}")))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("node starts")
    }

    async fn start(mut command: Command) -> Program {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let input = child.stdin.take().expect("piped");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut program = Program {
            ready: Value::Null,
            lines,
            input,
            _child: child,
        };
        program.ready = program.line().await;
        program
    }

    /// Says something and gives the answer.
    pub async fn ask(&mut self, question: Value) -> Value {
        self.input
            .write_all(format!("{question}\n").as_bytes())
            .await
            .expect("the script listens");
        self.line().await
    }

    async fn line(&mut self) -> Value {
        let line = tokio::time::timeout(crate::PATIENCE, self.lines.next_line()).await;
        let line = line.expect("the script answers in time").expect("a line");
        serde_json::from_str(&line.expect("the script has not ended")).expect("a line of JSON")
    }
}

/// A port of loopback that is free now, below those that the system gives out by itself: so it
/// stays free while a host that had it is down.
#[must_use]
pub fn free_port() -> u16 {
    use std::hash::{BuildHasher, RandomState};
    for attempt in 0..200_u32 {
        let random = RandomState::new().hash_one(attempt);
        let port = 20_000 + u16::try_from(random % 12_000).expect("below 12,000");
        if is_free(port) {
            return port;
        }
    }
    panic!("no port between 20000 and 32000 is free");
}
