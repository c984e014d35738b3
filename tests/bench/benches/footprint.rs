//! How much memory a host takes and how long it takes to start, beside the bare host.
//!
//! Starts: to the first answered `/readyz`, and to the end of the first run, each with an empty data
//! folder (every plugin is compiled) and with that folder at the next start (compiled plugins are
//! there, so is the database). Memory: at rest after such a warm start, under 64 clients with the
//! five-step workflow (the most that was seen), and after them. The bare host has one component,
//! one table and no keys to make; it keeps its compiled component too.

use anyhow::{Result, ensure};
use jackfield_bench::host::{BareHost, Host, Jackfield};
use jackfield_bench::load::{CLIENTS, Load, Target, client};
use jackfield_bench::options::Options;
use jackfield_bench::process::{Memory, Process};
use jackfield_bench::table::{Figure, median, print};
use jackfield_bench::workflow;
use std::path::Path;
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_jackfield-bare-host");
/// A host is at rest so long after it started or the load ended: threads that were needed for a moment
/// are gone by then.
const REST: Duration = Duration::from_secs(15);
/// The time between two looks at a host's memory under load.
const LOOK: Duration = Duration::from_millis(50);
/// How many starts are measured.
const STARTS: usize = 5;

/// One start, in seconds.
struct Start {
    ready: f64,
    first_run: f64,
    /// The processor's time up to then.
    worked: f64,
}

/// Asks for one run, and says how long after its start the process had answered.
async fn first_run(process: &Process, ready: Duration, target: &Target) -> Result<Start> {
    target.ask(&client(1)?).await?;
    Ok(Start {
        ready: ready.as_secs_f64(),
        first_run: process.began().elapsed().as_secs_f64(),
        worked: process.worked()?,
    })
}

struct Places<'a> {
    folder: &'a Path,
    sink: &'a str,
}

impl Places<'_> {
    /// Jackfield in the data folder of this name.
    async fn jackfield(&self, name: &str, published: bool) -> Result<(Host, Start)> {
        let host = Jackfield::sqlite(self.folder.join(name)).start().await?;
        if !published {
            workflow::publish(&host, self.sink).await?;
        }
        let start = first_run(host.process(), host.took, &workflow::target(&host)).await?;
        Ok((host, start))
    }

    /// The bare host with the files of this name.
    async fn bare(&self, name: &str) -> Result<(BareHost, Start)> {
        let database = self.folder.join(format!("{name}.db"));
        let cache = self.folder.join(format!("{name}.cwasm"));
        let database = database.display().to_string();
        let host = BareHost::start(PROGRAM, self.sink, &database, &cache).await?;
        let start = first_run(host.process(), host.took, &host.target()).await?;
        Ok((host, start))
    }
}

fn starts(name: &str, ours: &[Start], bare: &[Start]) -> Vec<Figure> {
    let middle = |starts: &[Start], of: fn(&Start) -> f64| median(starts.iter().map(of).collect());
    let ready = |start: &Start| start.ready;
    let run = |start: &Start| start.first_run;
    let worked = |start: &Start| start.worked;
    vec![
        Figure::new(
            format!("{name}, to the first answered /readyz"),
            middle(ours, ready),
            "s",
            middle(bare, ready),
        ),
        Figure::new(
            format!("{name}, to the end of the first run"),
            middle(ours, run),
            "s",
            middle(bare, run),
        ),
        Figure::new(
            format!("{name}, processor time up to then"),
            middle(ours, worked),
            "s",
            middle(bare, worked),
        ),
    ]
}

/// What a process has in memory at rest, at most under load, and after it.
async fn memory(process: &Process, target: Target, time: Duration) -> Result<[Memory; 3]> {
    tokio::time::sleep(REST).await;
    let rest = process.memory()?;
    let mut most = rest;
    let load = Load::start(&[target], CLIENTS)?;
    let began = Instant::now();
    while began.elapsed() < time {
        tokio::time::sleep(LOOK).await;
        let now = process.memory()?;
        most.resident = most.resident.max(now.resident);
        most.own = most.own.max(now.own);
    }
    ensure!(!load.stop().await?.is_empty(), "nothing was answered");
    tokio::time::sleep(REST).await;
    Ok([rest, most, process.memory()?])
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::given();
    let folder = tempfile::tempdir()?;
    let sink = workflow::sink().await?;
    let places = Places {
        folder: folder.path(),
        sink: &sink,
    };
    let mut cold = [Vec::new(), Vec::new()];
    let mut warm = [Vec::new(), Vec::new()];
    for round in 0..if options.quick { 1 } else { STARTS } {
        let name = format!("round-{round}");
        for published in [false, true] {
            let [ours, bare] = if published { &mut warm } else { &mut cold };
            let (host, start) = places.jackfield(&name, published).await?;
            ours.push(start);
            host.stop()?;
            bare.push(places.bare(&name).await?.1);
        }
    }
    let mut figures = starts("start without compiled plugins", &cold[0], &cold[1]);
    figures.extend(starts("start with compiled plugins", &warm[0], &warm[1]));

    let time = 2 * options.round();
    let (host, _) = places.jackfield("round-0", true).await?;
    let ours = memory(host.process(), workflow::target(&host), time).await?;
    let (host, _) = places.bare("round-0").await?;
    let bare = memory(host.process(), host.target(), time).await?;
    let when = ["at rest", "under 64 clients", "after them"];
    for ((when, ours), bare) in when.iter().zip(ours).zip(bare) {
        let name = format!("memory {when}");
        figures.push(Figure::new(&name, ours.resident, "MiB", bare.resident));
        let name = format!("memory {when}, without mapped files");
        figures.push(Figure::new(name, ours.own, "MiB", bare.own));
    }
    print(&figures);
    Ok(())
}
