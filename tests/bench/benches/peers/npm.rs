//! Node-RED, Restate and DBOS, from their npm packages in the folder `JACKFIELD_BENCH_PEERS`, each
//! with the workflow and the settings of `tests/bench/peers`.
//!
//! What must hold: nothing here is set to anything that the engine's own documentation does not
//! recommend for production on one machine; beyond addresses, only the logs are made quieter.

use crate::engine::{Engine, Program};
use anyhow::{Context, Result, ensure};
use jackfield_bench::load::client;
use jackfield_bench::process::{Process, free_address};
use serde_json::{Value, json};
use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The folder that `cargo xtask bench --peers` sets up.
const VARIABLE: &str = "JACKFIELD_BENCH_PEERS";
/// How long a Restate server may take until the service is registered.
const REGISTER: Duration = Duration::from_secs(120);

/// Where the packages are, where the engines may write, and whom their workflows tell.
pub(crate) struct Place {
    packages: PathBuf,
    data: PathBuf,
    sink: String,
}

impl Place {
    pub(crate) fn new(data: &Path, sink: &str) -> Result<Place> {
        let packages = env::var_os(VARIABLE)
            .map_or_else(|| PathBuf::from("target/bench-peers"), PathBuf::from);
        let packages = packages.canonicalize().with_context(|| {
            format!(
                "the engines to compare with are not in {}; run it as `cargo xtask bench --peers`",
                packages.display()
            )
        })?;
        Ok(Place {
            packages,
            data: data.to_owned(),
            sink: sink.to_owned(),
        })
    }

    /// Node in the folder of this peer, with the port that the program shall listen on.
    fn node<A: AsRef<OsStr>>(&self, peer: &str, arguments: &[A], port: &str) -> Command {
        let mut command = Command::new(self.packages.join("node/node_modules/.bin/node"));
        command
            .args(arguments)
            .current_dir(self.packages.join(peer))
            .env("NODE_ENV", "production")
            // Libraries warn of what later versions of Node or of themselves will refuse.
            .env("NODE_NO_WARNINGS", "1")
            .env("PORT", port)
            .env("SINK", &self.sink);
        command
    }

    /// The engine's name with the version that is installed.
    fn named(&self, name: &str, peer: &str, package: &str) -> Result<String> {
        let folder = self.packages.join(peer).join("node_modules").join(package);
        let path = folder.join("package.json");
        let text = fs::read_to_string(&path).with_context(|| {
            format!(
                "cannot read {}; run it as `cargo xtask bench --peers`",
                path.display()
            )
        })?;
        let manifest: Value = serde_json::from_str(&text)?;
        let version = manifest["version"].as_str();
        let version = version.with_context(|| format!("{} has no version", path.display()))?;
        Ok(format!("{name} {version}"))
    }
}

/// Node-RED with the flow `node-red/flow.json`.
pub(crate) async fn node_red(place: &Place) -> Result<Engine> {
    let address = free_address()?;
    let user = place.data.join("node-red");
    fs::create_dir_all(&user)?;
    let arguments = [
        OsStr::new("node_modules/node-red/red.js"),
        OsStr::new("--settings"),
        OsStr::new("settings.js"),
        OsStr::new("--userDir"),
        user.as_os_str(),
        OsStr::new("flow.json"),
    ];
    let engine = Engine {
        name: place.named("Node-RED", "node-red", "node-red")?,
        keeps: "nothing",
        on_postgres: false,
        program: Program::Peer {
            commands: vec![place.node("node-red", &arguments, port(&address))],
            url: format!("http://{address}/run"),
        },
    };
    engine.prepared().await
}

/// A Restate server and the service `restate/workflow.js`, registered with it.
pub(crate) async fn restate(place: &Place) -> Result<Engine> {
    let [service, node, ingress, admin] = [
        free_address()?,
        free_address()?,
        free_address()?,
        free_address()?,
    ];
    let mut server = Command::new(restate_server(place)?);
    server
        .arg("--no-logo")
        .arg("--base-dir")
        .arg(place.data.join("restate"))
        // One name over all starts: the data belong to a node of that name.
        .env("RESTATE_NODE_NAME", "bench")
        .env("RESTATE_LISTEN_MODE", "tcp")
        .env("RESTATE_BIND_ADDRESS", &node)
        .env("RESTATE_ADVERTISED_ADDRESS", format!("http://{node}"))
        .env("RESTATE_INGRESS__BIND_ADDRESS", &ingress)
        .env("RESTATE_ADMIN__BIND_ADDRESS", &admin)
        // `octocrab` looks for a newer version on the network.
        .env("RESTATE_LOG_FILTER", "warn,octocrab=off")
        .env("RESTATE_DISABLE_TELEMETRY", "true");
    let mut program = place.node("restate", &["workflow.js"], port(&service));
    // Two lines for each run otherwise.
    program.env("RESTATE_LOGGING", "ERROR");
    let mut commands = vec![server, program];
    register(&mut commands, &admin, &service).await?;
    let engine = Engine {
        name: place.named("Restate", "restate", "@restatedev/restate-server")?,
        keeps: "each step: RocksDB, fsync",
        on_postgres: false,
        program: Program::Peer {
            commands,
            url: format!("http://{ingress}/bench/run"),
        },
    };
    engine.prepared().await
}

/// Tells a new server where the service is; it remembers.
async fn register(commands: &mut [Command], admin: &str, service: &str) -> Result<()> {
    let processes: Vec<Process> = commands
        .iter_mut()
        .map(Process::start)
        .collect::<Result<_>>()?;
    let client = client(1)?;
    let tries = async {
        loop {
            let answer = client
                .post(format!("http://{admin}/deployments"))
                .json(&json!({"uri": format!("http://{service}")}))
                .send()
                .await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(REGISTER, tries)
        .await
        .context("the Restate server does not take the service")?;
    processes.into_iter().try_for_each(Process::stop)
}

/// The server's program, which is a package of its own for each platform; the script that starts it
/// would be a process more.
fn restate_server(place: &Place) -> Result<PathBuf> {
    let machine = match env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => other,
    };
    let program = place.packages.join(format!(
        "restate/node_modules/@restatedev/restate-server-{}-{machine}/bin/restate-server",
        env::consts::OS
    ));
    ensure!(
        program.is_file(),
        "there is no {}: its package is not installed, or Restate has no server for this machine",
        program.display()
    );
    Ok(program)
}

/// The DBOS program `dbos/workflow.js` on a PostgreSQL database.
pub(crate) async fn dbos(place: &Place, database: &str) -> Result<Engine> {
    let address = free_address()?;
    let mut program = place.node("dbos", &["workflow.js"], port(&address));
    program.env("DATABASE", database);
    let engine = Engine {
        name: place.named("DBOS", "dbos", "@dbos-inc/dbos-sdk")?,
        keeps: "each step: PostgreSQL, fsync",
        on_postgres: true,
        program: Program::Peer {
            commands: vec![program],
            url: format!("http://{address}/"),
        },
    };
    engine.prepared().await
}

fn port(address: &str) -> &str {
    address.rsplit(':').next().unwrap_or(address)
}
