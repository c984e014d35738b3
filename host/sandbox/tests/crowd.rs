//! Hostile guests beside others: what one does to the processor, to the memory and to the places of
//! the pool, somebody else hardly feels.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use common::{Host, Mode, by_hand, cache, everything, invocation, load, misbehave, output};
use jackfield_sandbox::{Ended, Limit, Options, PartialLimits, Plugin, Sandbox};

const BEHAVE: &str = r#"{"do":"behave"}"#;
/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

fn sandbox(change: impl FnOnce(&mut Options)) -> Sandbox {
    let mut options = Options::new(cache());
    options.max_activations = 16;
    change(&mut options);
    Sandbox::new(options).unwrap()
}

fn host(workflow: &'static str, mode: Mode) -> Host {
    Host {
        workflow,
        ..Host::new(mode)
    }
}

/// How often another task of the same thread has a turn while this is under way.
async fn turns_beside(work: impl Future) -> usize {
    let mut turns = 0;
    tokio::select! {
        _ = work => {}
        () = async { loop { turns += 1; tokio::task::yield_now().await } } => {}
    }
    turns
}

async fn by_deadline(text: &str) -> (Plugin, PartialLimits) {
    let plugin = load(&sandbox(|_| {}), &by_hand("", text), &everything()).await;
    let limits = PartialLimits {
        deadline_ms: Some(300),
        ..PartialLimits::default()
    };
    (plugin, limits)
}

#[tokio::test]
async fn a_workflow_that_floods_leaves_places_for_others() {
    let sandbox = sandbox(|options| options.max_activations = 8);
    let plugin = load(&sandbox, &misbehave(), &everything()).await;
    let flood: Vec<_> = (0..40)
        .map(|_| {
            let plugin = plugin.clone();
            tokio::spawn(async move {
                let fetch = invocation(r#"{"do":"fetch"}"#);
                plugin.start(&fetch, host("flood", Mode::Hang)).await
            })
        })
        .collect();
    while sandbox.free_places() > 4 {
        tokio::task::yield_now().await;
    }
    for _ in 0..20 {
        let behave = invocation(BEHAVE);
        let beside = plugin.start(&behave, host("other", Mode::Answer));
        let activated = tokio::time::timeout(PATIENCE, beside).await.unwrap();
        assert!(output(&activated).contains("run-1"));
    }
    assert_eq!(sandbox.free_places(), 4, "the flood has its half");
    for task in flood {
        task.abort();
        let _ = task.await;
    }
    assert_eq!(sandbox.free_places(), 8);
}

#[tokio::test]
async fn memory_of_all_activations_together_is_bounded() {
    let sandbox = sandbox(|options| options.shared_memory = 8 << 20);
    let plugin = load(&sandbox, &misbehave(), &everything()).await;
    let bombs = (0..8).map(|_| {
        let plugin = plugin.clone();
        tokio::spawn(async move {
            let hoard = invocation(r#"{"do":"hoard"}"#);
            plugin.start(&hoard, host("bomb", Mode::Answer)).await
        })
    });
    for bomb in bombs.collect::<Vec<_>>() {
        let bomb = bomb.await.unwrap();
        assert!(bomb.usage.memory_peak <= 24 << 20);
        let ended = bomb.result.unwrap_err();
        assert_eq!(
            (ended.code(), ended.transient()),
            ("sandbox-unavailable", true)
        );
    }
    // It has all been given back, and below its limit a plugin is told of its own.
    let hoard = invocation(r#"{"do":"hoard"}"#);
    let limits = PartialLimits {
        memory: Some(20 << 20),
        ..PartialLimits::default()
    };
    let alone = plugin.lowered(&limits).start(&hoard, Host::default()).await;
    let expected = Ended::Limit {
        limit: Limit::Memory,
        value: 20 << 20,
    };
    assert_eq!(alone.result.unwrap_err(), expected);
}

#[tokio::test]
async fn a_flood_of_host_calls_lets_others_go_on() {
    let plugin = load(&sandbox(|_| {}), &misbehave(), &everything()).await;
    for word in ["call", "log"] {
        let flood = invocation(&format!(r#"{{"do":"{word}","n":9000}}"#));
        let turns = turns_beside(plugin.start(&flood, Host::default())).await;
        assert!(turns > 10, "{word}: only {turns} turns");
    }
}

#[tokio::test]
async fn a_loop_of_slow_instructions_lets_others_go_on() {
    for slow in [
        "(drop (memory.grow (i32.const 60000)))",
        "(drop (table.grow $t (ref.null func) (i32.const 10000000)))",
        "(memory.fill (i32.const 0) (i32.const 7) (i32.const 1048576))",
        "(memory.copy (i32.const 0) (i32.const 1048576) (i32.const 1048576))",
    ] {
        let (plugin, limits) = by_deadline(&format!(
            r#"(memory (export "memory") 33) (table $t 1 funcref)
               (func $start (param i32) (result i32)
                 (loop $more {slow} (br $more))
                 unreachable)"#
        ))
        .await;
        let plugin = plugin.lowered(&limits);
        let slow_one = invocation("{}");
        let turns = turns_beside(plugin.start(&slow_one, Host::default())).await;
        assert!(turns > 20, "{slow}: only {turns} turns in 300 ms");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beside_fifty_loops_an_ordinary_activation_is_hardly_slower() {
    let sandbox = sandbox(|options| options.max_activations = 128);
    let plugin = load(&sandbox, &misbehave(), &everything()).await;
    let loops: Vec<_> = (0..50)
        .map(|_| {
            let plugin = plugin.clone();
            tokio::spawn(async move {
                let spin = invocation(r#"{"do":"spin"}"#);
                loop {
                    plugin.start(&spin, host("loop", Mode::Answer)).await;
                }
            })
        })
        .collect();
    while sandbox.free_places() > 78 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let behave = Arc::new(invocation(BEHAVE));
    let mut times: Vec<Duration> = Vec::new();
    for _ in 0..100 {
        let (plugin, behave) = (plugin.clone(), Arc::clone(&behave));
        let since = std::time::Instant::now();
        let one = async move { plugin.start(&behave, host("other", Mode::Answer)).await };
        let activated = tokio::spawn(one).await.unwrap();
        times.push(since.elapsed());
        assert!(output(&activated).contains("run-1"));
    }
    for task in loops {
        task.abort();
    }
    times.sort();
    // Without turns it waits for some fifty stretches of each thread.
    assert!(
        times[50] < Duration::from_millis(5),
        "the median is {:?}",
        times[50]
    );
}
