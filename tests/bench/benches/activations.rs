//! Fresh sandboxed activations, all limits on, beside bare wasmtime with the same component.
//!
//! The component is the built-in step `branch`, which makes one host call. Rounds alternate between
//! the two sides; the median round counts.

use anyhow::{Result, ensure};
use jackfield_bench::bare::Bare;
use jackfield_bench::options::Options as Given;
use jackfield_bench::table::{Figure, median, percentile, print};
use jackfield_bench::workflow::SETTINGS;
use jackfield_sandbox::wit::{Invocation, log};
use jackfield_sandbox::{
    Granted, HostCall, HostCalls, HostReply, Interface, Limits, Options, Plugin, Sandbox, Stop,
};
use std::sync::Arc;
use std::time::{Duration, Instant};

const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_millis(1_500);
struct Answers;

#[async_trait::async_trait]
impl HostCalls for Answers {
    async fn call(&mut self, call: HostCall) -> Result<HostReply, Stop> {
        Ok(match call {
            HostCall::ConditionsEvaluate { condition } => {
                HostReply::Truth(Ok(condition.contains("pro")))
            }
            other => other.denied(),
        })
    }

    fn log(&mut self, _level: log::Level, _message: String) {}
}

async fn ours(plugin: &Plugin) -> Result<()> {
    let invocation = Invocation {
        run_id: "run".into(),
        workflow: "bench".into(),
        step_id: "step".into(),
        visit: 1,
        attempt: 1,
        settings: SETTINGS.into(),
        trigger: "{}".into(),
        variables: "{}".into(),
        contact: None,
    };
    let activated = plugin.start(&invocation, Answers).await;
    match activated.result {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(failure)) => anyhow::bail!("the plugin failed: {}", failure.message),
        Err(ended) => anyhow::bail!("the activation ended: {}", ended.code()),
    }
}

/// Activations a second, and the microseconds of each, on so many threads.
fn round(threads: usize, side: &Side, time: Duration) -> Result<(f64, Vec<f64>)> {
    let began = Instant::now();
    let results: Vec<Result<Vec<f64>>> = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let runtime = tokio::runtime::Builder::new_current_thread()
                        .enable_time()
                        .build()?;
                    runtime.block_on(async {
                        let mut times = Vec::with_capacity(100_000);
                        while began.elapsed() < time {
                            let one = Instant::now();
                            match side {
                                Side::Ours(plugin) => ours(plugin).await?,
                                Side::Bare(bare) => bare.start(SETTINGS).await?,
                            }
                            times.push(one.elapsed().as_secs_f64() * 1e6);
                        }
                        Ok(times)
                    })
                })
            })
            .collect();
        handles
            .into_iter()
            .map(|handle| {
                handle
                    .join()
                    .unwrap_or_else(|_| anyhow::bail!("a thread panicked"))
            })
            .collect()
    });
    let elapsed = began.elapsed().as_secs_f64();
    let mut times = Vec::new();
    for result in results {
        times.extend(result?);
    }
    times.sort_by(f64::total_cmp);
    Ok((times.len() as f64 / elapsed, times))
}

enum Side {
    Ours(Plugin),
    Bare(Bare),
}

fn main() -> Result<()> {
    let given = Given::given();
    let (rounds, time) = if given.quick {
        (1, given.round())
    } else {
        (ROUNDS, ROUND)
    };
    let component = jackfield_bench::plugin("branch")?;
    let cache = tempfile::tempdir()?;
    let sandbox = Sandbox::new(Options::new(cache.path()))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let plugin = runtime.block_on(async {
        let inspection = sandbox.install(Arc::from(component.clone())).await?;
        let granted = Granted {
            interfaces: [Interface::Conditions, Interface::Log]
                .into_iter()
                .collect(),
            limits: Limits::default(),
        };
        let missing = || async { Err("it is installed".into()) };
        anyhow::Ok(sandbox.load(&inspection.digest, &granted, missing).await?)
    })?;
    ensure!(
        sandbox.pooled(),
        "the pooling allocator is not available on this machine"
    );
    let sides = [Side::Ours(plugin), Side::Bare(Bare::new(&component)?)];
    let mut figures = Vec::new();
    for threads in [1, 2] {
        let mut rates = [Vec::new(), Vec::new()];
        let mut p50 = [Vec::new(), Vec::new()];
        let mut p99 = [Vec::new(), Vec::new()];
        for _ in 0..rounds {
            for (place, side) in sides.iter().enumerate() {
                let (rate, times) = round(threads, side, time)?;
                rates[place].push(rate);
                p50[place].push(percentile(&times, 0.5));
                p99[place].push(percentile(&times, 0.99));
            }
        }
        let [ours, bare] = rates.map(median);
        figures.push(Figure::new(
            format!("activations, {threads} thread(s)"),
            ours,
            "1/s",
            bare,
        ));
        let [ours, bare] = p50.map(median);
        figures.push(Figure::new(
            format!("activations, {threads} thread(s), p50"),
            ours,
            "us",
            bare,
        ));
        let [ours, bare] = p99.map(median);
        figures.push(Figure::new(
            format!("activations, {threads} thread(s), p99"),
            ours,
            "us",
            bare,
        ));
    }
    print(&figures);
    Ok(())
}
