//! Many timers due at the same millisecond: how soon all have fired, and what the others feel.
//!
//! A hundred thousand waiting runs (`--up-to` says another number) are all due at one instant. The
//! host runs before it under the load of the five-step workflow with 64 clients, and the load goes
//! on while they fire: its p99 meanwhile is measured against that of the ten seconds before. The
//! audit is of the runs themselves: one that ended before the instant is early, one that is not
//! completed is lost. Either fails the benchmark.

use anyhow::{Result, ensure};
use jackfield_bench::host::{Host, Jackfield};
use jackfield_bench::load::{CLIENTS, Load, Measured};
use jackfield_bench::options::Options;
use jackfield_bench::sleepers::{self, Audit};
use jackfield_bench::table::{Figure, print};
use jackfield_bench::workflow;
use std::time::{Duration, Instant};

/// Those that are made through the API, and are not due.
const BEGUN: u32 = 500;
/// How long the load is measured before the instant.
const BEFORE: Duration = Duration::from_secs(10);
/// How long all of them may take.
const PATIENCE: Duration = Duration::from_secs(600);

/// Of so many copies one more is made before, to learn how long they take; these are not due.
const PROBE: u32 = 10;
const MONTH: i64 = 30 * 24 * 3_600_000;

/// How long copying so many runs and starting the host may take: three times what a part of them
/// and the last start took.
async fn lead(program: &Jackfield, begun: u32, count: u32, start: Duration) -> Result<i64> {
    let began = Instant::now();
    let month = sleepers::now() + MONTH;
    let probe = count..count + count / PROBE;
    sleepers::multiply(program.data(), begun, probe, |_| month).await?;
    let lead = 3 * (began.elapsed() * PROBE + start) + Duration::from_secs(1);
    Ok(i64::try_from(lead.as_millis())?)
}

/// Waits until so many timers have fired.
async fn fired(host: &Host, count: u32) -> Result<()> {
    let began = Instant::now();
    while host.counter("jackfield_timers_fired_total").await? < f64::from(count) {
        ensure!(began.elapsed() < PATIENCE, "not all timers fire");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::given();
    let (count, begun, before) = if options.quick {
        (1_000, BEGUN / 10, options.round())
    } else {
        (options.up_to, BEGUN, BEFORE)
    };
    let folder = tempfile::tempdir()?;
    let program = Jackfield::sqlite(folder.path().join("data"));
    let sink = workflow::sink().await?;
    program.start().await?.stop()?;
    let host = program.start().await?;
    workflow::publish(&host, &sink).await?;
    sleepers::begin(&host, begun).await?;
    let took = host.took;
    host.stop()?;

    let lead = lead(&program, begun, count, took).await?;
    let due = sleepers::now() + lead + i64::try_from(before.as_millis())?;
    sleepers::multiply(program.data(), begun, 0..count, |_| due).await?;
    let host = program.start().await?;
    let load = Load::start(&[workflow::target(&host)], CLIENTS)?;
    let left = due - sleepers::now();
    let left = Duration::from_millis(u64::try_from(left).unwrap_or(0));
    ensure!(
        left >= before,
        "copying the runs took too long; choose fewer with --up-to"
    );
    tokio::time::sleep(left).await;
    let instant = Instant::now();
    fired(&host, count).await?;
    let end = Instant::now();
    let samples = load.stop().await?;
    sleepers::settled(&host).await?;
    host.stop()?;

    let audit = sleepers::audit(program.data(), due).await?;
    eprintln!("{audit:?}");
    let expected = Audit {
        completed: count,
        waiting: begun + count / PROBE,
        last: audit.last,
        ..Audit::default()
    };
    ensure!(audit == expected, "not every timer fired once, in time");
    let last = (audit.last - due) as f64 / 1e3;
    let usual = Measured::within(&samples, instant - before, instant);
    let meanwhile = Measured::within(&samples, instant, end);
    let name = format!("{count} timers due at once");
    print(&[
        Figure::alone(format!("{name}: the last run has ended after"), last, "s"),
        Figure::alone(
            format!("{name}: runs ended"),
            f64::from(count) / last,
            "1/s",
        ),
        Figure::alone(format!("{name}: early"), f64::from(audit.early), "runs"),
        Figure::alone(
            format!("{name}: lost"),
            f64::from(count - audit.completed),
            "runs",
        ),
        Figure::new(
            format!("{name}: workflows meanwhile, and before"),
            meanwhile.rate,
            "1/s",
            usual.rate,
        ),
        Figure::new(
            format!("{name}: p50 meanwhile, and before"),
            meanwhile.p50,
            "ms",
            usual.p50,
        ),
        Figure::new(
            format!("{name}: p99 meanwhile, and before"),
            meanwhile.p99,
            "ms",
            usual.p99,
        ),
    ]);
    Ok(())
}
