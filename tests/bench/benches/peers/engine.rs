//! An engine that is measured, and what is asked of every one of them alike.
//!
//! What must hold: an engine is prepared and stopped before it is measured, so that a start which is
//! timed compiles nothing, registers nothing and makes no tables; it is stopped in order, so that
//! the next start recovers nothing; while it is measured no other engine runs.

use anyhow::{Context, Result, bail};
use jackfield_bench::host::{BareHost, Host, Jackfield};
use jackfield_bench::load::{Target, client};
use jackfield_bench::process::Process;
use jackfield_bench::workflow;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

/// How long an engine may take until it answers a workflow.
const START: Duration = Duration::from_secs(120);
/// Between two tries of an engine that starts: what a start takes is exact to this.
const LOOK: Duration = Duration::from_millis(3);

/// An engine that can be started.
pub(crate) struct Engine {
    pub(crate) name: String,
    /// What is on disk, and how, when a run has been answered.
    pub(crate) keeps: &'static str,
    /// Whether it uses the PostgreSQL server of the benchmark.
    pub(crate) on_postgres: bool,
    pub(crate) program: Program,
}

/// How an engine is started.
pub(crate) enum Program {
    Jackfield(Jackfield),
    /// The ceiling, with its database and the file for its compiled component.
    Bare {
        sink: String,
        database: PathBuf,
        cache: PathBuf,
    },
    /// Programs that others wrote, and the address that starts a run and answers with its end.
    Peer {
        commands: Vec<Command>,
        url: String,
    },
}

/// An engine that runs, and has answered a workflow.
pub(crate) struct Running {
    pub(crate) target: Target,
    /// From the start of its first process to that answer.
    pub(crate) took: Duration,
    processes: Processes,
}

enum Processes {
    Jackfield(Host),
    Bare(BareHost),
    Peer(Vec<Process>),
}

impl Engine {
    /// Starts it and waits for its answer to a first workflow.
    pub(crate) async fn start(&mut self) -> Result<Running> {
        let began = Instant::now();
        let (target, processes) = self.program.start().await?;
        let mut running = Running {
            target,
            took: Duration::ZERO,
            processes,
        };
        running
            .first_answer()
            .await
            .with_context(|| format!("{} does not come up", self.name))?;
        running.took = began.elapsed();
        Ok(running)
    }

    /// Starts it and stops it again: what it makes at its first start is made.
    pub(crate) async fn prepared(mut self) -> Result<Engine> {
        self.start().await?.stop()?;
        Ok(self)
    }
}

impl Program {
    async fn start(&mut self) -> Result<(Target, Processes)> {
        Ok(match self {
            Program::Jackfield(jackfield) => {
                let host = jackfield.start().await?;
                (workflow::target(&host), Processes::Jackfield(host))
            }
            Program::Bare {
                sink,
                database,
                cache,
            } => {
                let program = env!("CARGO_BIN_EXE_jackfield-bare-host");
                let database = database.to_string_lossy();
                let host = BareHost::start(program, sink, &database, cache).await?;
                (host.target(), Processes::Bare(host))
            }
            Program::Peer { commands, url } => {
                let processes = commands.iter_mut().map(Process::start);
                let target = Target {
                    url: url.clone(),
                    key: None,
                    body: workflow::BODY,
                    // Only a run whose POST was answered with 200 ends so.
                    holds: "\"outcome\":\"ok\"",
                };
                (target, Processes::Peer(processes.collect::<Result<_>>()?))
            }
        })
    }
}

impl Running {
    async fn first_answer(&self) -> Result<()> {
        let client = client(1)?;
        let tries = async {
            loop {
                let Err(refused) = self.target.ask(&client).await else {
                    return Ok(());
                };
                // Only a process that runs has memory.
                if let Err(ended) = self.memory() {
                    bail!("a process of it has ended ({ended:#}); last, {refused:#}");
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        tokio::time::timeout(START, tries)
            .await
            .with_context(|| format!("no answer within {} s", START.as_secs()))?
    }

    /// The resident memory of its processes, in MiB; a database server's is not in it.
    pub(crate) fn memory(&self) -> Result<f64> {
        self.sum(|process| Ok(process.memory()?.resident))
    }

    /// The processor's time that its processes have used, in seconds; without a database server's.
    pub(crate) fn worked(&self) -> Result<f64> {
        self.sum(Process::worked)
    }

    fn sum(&self, of: impl Fn(&Process) -> Result<f64>) -> Result<f64> {
        match &self.processes {
            Processes::Jackfield(host) => of(host.process()),
            Processes::Bare(host) => of(host.process()),
            Processes::Peer(processes) => processes.iter().map(of).sum(),
        }
    }

    /// Has it end in order.
    pub(crate) fn stop(self) -> Result<()> {
        match self.processes {
            Processes::Jackfield(host) => host.stop(),
            // It keeps nothing that a next start would miss.
            Processes::Bare(host) => {
                drop(host);
                Ok(())
            }
            Processes::Peer(processes) => processes.into_iter().try_for_each(Process::stop),
        }
    }
}
