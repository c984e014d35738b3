//! Waiting runs: what a thousand, ten thousand, a hundred thousand (and, with `--up-to 1000000`, a
//! million) of them cost the host and the others.
//!
//! Two hosts on SQLite, one with the waiting runs and one without, which is the ceiling of every
//! figure. Both are started again at each number, in turns: how long that takes, and what each has
//! in memory at rest. Then the five-step workflow beside them, 64 clients, in turns, after a round
//! that does not count. How the waiting
//! runs come to be is told in `src/sleepers.rs`; they wait for days, spread over a month.

use anyhow::Result;
use jackfield_bench::host::{Host, Jackfield};
use jackfield_bench::load::{Series, measure};
use jackfield_bench::options::Options;
use jackfield_bench::sleepers;
use jackfield_bench::table::{Figure, median, print};
use jackfield_bench::workflow;
use std::time::Duration;

/// Those that are made through the API.
const BEGUN: u32 = 1_000;
/// A host is at rest so long after its start.
const REST: Duration = Duration::from_secs(3);
const HOUR: i64 = 3_600_000;

/// One of the two hosts, and what was measured of it.
struct Side {
    program: Jackfield,
    host: Option<Host>,
    starts: Vec<f64>,
    resident: Vec<f64>,
    own: Vec<f64>,
    series: Series,
}

impl Side {
    fn new(program: Jackfield) -> Side {
        Side {
            program,
            host: None,
            starts: Vec::new(),
            resident: Vec::new(),
            own: Vec::new(),
            series: Series::default(),
        }
    }

    async fn start(&mut self) -> Result<()> {
        self.stop()?;
        let host = self.program.start().await?;
        self.starts.push(host.took.as_secs_f64());
        tokio::time::sleep(REST).await;
        let memory = host.memory()?;
        self.resident.push(memory.resident);
        self.own.push(memory.own);
        self.host = Some(host);
        Ok(())
    }

    fn stop(&mut self) -> Result<()> {
        self.host.take().map_or(Ok(()), Host::stop)
    }

    async fn load(&mut self, time: Duration) -> Result<()> {
        if let Some(host) = &self.host {
            self.series
                .push(measure(&[workflow::target(host)], time).await?);
        }
        Ok(())
    }
}

/// With commas, as people write it.
fn written(count: u32) -> String {
    let digits = count.to_string();
    let groups = digits.as_bytes().rchunks(3).rev();
    let groups: Vec<_> = groups.map(String::from_utf8_lossy).collect();
    groups.join(",")
}

fn figures(count: u32, [with, without]: &[Side; 2]) -> Vec<Figure> {
    let name = format!("{} waiting runs", written(count));
    let one = |what: &str, unit, of: fn(&Side) -> &Vec<f64>| {
        let middle = |side| median(of(side).clone());
        Figure::new(
            format!("{name}: {what}"),
            middle(with),
            unit,
            middle(without),
        )
    };
    let mut figures = vec![
        one("start to /readyz", "s", |side| &side.starts),
        one("memory at rest", "MiB", |side| &side.resident),
        one("memory at rest, without mapped files", "MiB", |side| {
            &side.own
        }),
    ];
    let beside = format!("{name}: five-step workflow beside them");
    figures.extend(with.series.beside(&without.series, &beside));
    figures
}

/// Makes both hosts' folders: compiled plugins, the workflow, and the first waiting runs of one.
async fn prepare(with: &Jackfield, without: &Jackfield, sink: &str, begun: u32) -> Result<()> {
    for program in [with, without] {
        let host = program.start().await?;
        workflow::publish(&host, sink).await?;
        if program.data() == with.data() {
            sleepers::begin(&host, begun).await?;
        }
        host.stop()?;
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::given();
    let folder = tempfile::tempdir()?;
    let sink = workflow::sink().await?;
    let with = Jackfield::sqlite(folder.path().join("with"));
    let without = Jackfield::sqlite(folder.path().join("without"));
    let begun = if options.quick { BEGUN / 10 } else { BEGUN };
    prepare(&with, &without, &sink, begun).await?;

    let up_to = if options.quick {
        begun * 10
    } else {
        options.up_to
    };
    let levels = std::iter::successors(Some(begun), |level| level.checked_mul(10));
    let mut all = Vec::new();
    let mut there = begun;
    for count in levels.take_while(|level| *level <= up_to) {
        // From the day after tomorrow on, over thirty days.
        let due = |number: u32| {
            48 * HOUR + i64::from(number) * (30 * 24 * HOUR / i64::from(count)) + sleepers::now()
        };
        sleepers::multiply(with.data(), begun, there - begun..count - begun, due).await?;
        there = count;
        eprintln!("{} runs wait", written(count));
        let mut sides = [Side::new(with.clone()), Side::new(without.clone())];
        for _ in 0..options.rounds() {
            for side in &mut sides {
                side.start().await?;
            }
        }
        for side in &mut sides {
            side.load(options.round()).await?;
            side.series = Series::default();
        }
        for _ in 0..options.rounds() {
            for side in &mut sides {
                side.load(options.round()).await?;
            }
        }
        for side in &mut sides {
            side.stop()?;
        }
        all.extend(figures(count, &sides));
    }
    print(&all);
    Ok(())
}
