//! The contract from the plugin's side: what it is given, what it is denied, what it returns.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::{
    Host, Mode, NOW, by_hand, cache, component, everything, invocation, load, misbehave, output,
    sandbox, start,
};
use jackfield_sandbox::wit::connector::Request;
use jackfield_sandbox::wit::{Event, FailureClass, Outcome, Wake};
use jackfield_sandbox::{
    Allocation, Ended, Granted, HostCall, Interface, Interfaces, Kind, Limits, Options,
    PartialLimits, Sandbox, Stop,
};

#[tokio::test]
async fn a_plugin_answers_and_what_it_used_is_known() {
    let activated = start(r#"{"do":"behave"}"#, PartialLimits::default(), Mode::Answer).await;
    assert!(output(&activated).contains("run-1"));
    let usage = activated.usage;
    assert_eq!(usage.host_calls, 2);
    assert!(usage.fuel > 100 && usage.memory_peak >= 64 << 10);
    assert!(usage.bytes_in > 12 && usage.bytes_out > 30);
    assert_eq!(
        activated.calls.calls,
        [HostCall::ClockNow, HostCall::RandomBytes { length: 4 }]
    );
}

#[tokio::test]
async fn a_failure_of_the_plugin_is_an_answer() {
    let activated = start(r#"{"do":"fail"}"#, PartialLimits::default(), Mode::Answer).await;
    let failure = activated.result.unwrap().unwrap_err();
    assert_eq!(
        (failure.class, failure.code.as_str()),
        (FailureClass::Permanent, "on-purpose")
    );
}

#[tokio::test]
async fn a_step_is_resumed_with_its_state_and_what_woke_it() {
    let plugin = load(&sandbox(), &misbehave(), &everything()).await;
    let resumed = plugin
        .resume(&invocation("{}"), "kept", &Wake::Timer, Host::default())
        .await;
    assert_eq!(
        resumed.result.unwrap().unwrap(),
        Outcome::End("kept".to_owned())
    );
    let event = Wake::Event(Event {
        id: "1".to_owned(),
        name: "message.received".to_owned(),
        data: "{}".to_owned(),
        at: NOW,
    });
    let resumed = plugin
        .resume(&invocation("{}"), "kept", &event, Host::default())
        .await;
    assert_eq!(
        resumed.result.unwrap().unwrap(),
        Outcome::Goto("message.received".to_owned())
    );
}

#[tokio::test]
async fn a_call_that_is_not_granted_is_answered_with_the_grant_that_would_allow_it() {
    let nothing = Granted {
        interfaces: Interfaces::NONE,
        limits: Limits::default(),
    };
    let plugin = load(&sandbox(), &misbehave(), &nothing).await;
    let fetch = plugin
        .start(&invocation(r#"{"do":"fetch"}"#), Host::default())
        .await;
    assert_eq!(output(&fetch), "denied|import http");
    assert_eq!(fetch.calls.denied, ["http.fetch"]);
    assert!(fetch.calls.calls.is_empty());
    // Functions that have no error answer nothing; digests need no grant.
    let look = plugin
        .start(&invocation(r#"{"do":"look"}"#), Host::default())
        .await;
    assert_eq!(output(&look), "None None 32");
    let only = Granted {
        interfaces: [Interface::Http].into_iter().collect(),
        ..nothing
    };
    let plugin = load(&sandbox(), &misbehave(), &only).await;
    let fetch = plugin
        .start(&invocation(r#"{"do":"fetch"}"#), Host::default())
        .await;
    assert_eq!(output(&fetch), "200");
}

#[tokio::test]
async fn the_host_may_end_an_activation_in_the_middle_of_a_call() {
    let stopped = start(r#"{"do":"fetch"}"#, PartialLimits::default(), Mode::Stop).await;
    let ended = stopped.result.unwrap_err();
    assert_eq!(ended.code(), "uncertain");
    assert!(ended.failure().maybe_sent);
    assert!(matches!(ended, Ended::Stopped(Stop::Failed(_))));
}

#[tokio::test]
async fn a_function_of_the_other_kind_is_refused() {
    let plugin = load(&sandbox(), &misbehave(), &everything()).await;
    let checked = plugin.check("{}", Host::default()).await;
    assert_eq!(checked.result.unwrap_err().code(), "wrong-kind");
    assert_eq!(plugin.kind(), Kind::Step);
}

#[tokio::test]
async fn describe_may_log_and_nothing_else() {
    let sandbox = sandbox();
    let inspection = sandbox.install(misbehave()).await.unwrap();
    assert_eq!(inspection.kind, Kind::Step);
    assert!(inspection.interfaces().contains(Interface::Http));
    assert!(inspection.wasi.is_empty());
    assert_eq!(inspection.resources.memories, 1);
    let described = sandbox.describe(&inspection.digest).await.unwrap();
    assert_eq!(
        described.json,
        r#"{"name":"misbehave","version":"1.0.0","title":"Misbehave","summary":"Does harm.","category":"other","settings":{"type":"object"},"output":{},"hosts":["*"],"denied":"yes","now":0}"#
    );
    assert_eq!(described.log.len(), 1);
}

#[tokio::test]
async fn a_component_is_loaded_from_the_cache_by_the_next_process() {
    let folder = tempfile::tempdir().unwrap();
    let first = Sandbox::new(Options::new(folder.path())).unwrap();
    let digest = first.install(misbehave()).await.unwrap().digest;
    let second = Sandbox::new(Options::new(folder.path())).unwrap();
    let plugin = second
        .load(&digest, &everything(), || async {
            Err("the bytes are not needed".into())
        })
        .await
        .unwrap();
    let activated = plugin
        .start(&invocation(r#"{"do":"behave"}"#), Host::default())
        .await;
    assert!(output(&activated).contains("run-1"));

    // A damaged file, or one that others may write, is compiled again.
    let compiled = std::fs::read_dir(folder.path())
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    for damage in [true, false] {
        if damage {
            std::fs::remove_file(&compiled).unwrap();
            std::fs::write(&compiled, b"no code").unwrap();
        } else {
            let everybody = std::fs::Permissions::from_mode(0o666);
            std::fs::set_permissions(&compiled, everybody).unwrap();
        }
        let third = Sandbox::new(Options::new(folder.path())).unwrap();
        let bytes = misbehave().to_vec();
        third
            .load(&digest, &everything(), || async { Ok(bytes) })
            .await
            .unwrap();
        let mode = std::fs::metadata(&compiled).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let other = Sandbox::new(Options::new(folder.path())).unwrap();
    other.unload(&digest);
    let error = other
        .load(&digest, &everything(), || async { Ok(other_component()) })
        .await
        .err()
        .unwrap();
    assert!(error.to_string().contains("install it again"), "{error}");
}

fn other_component() -> Vec<u8> {
    by_hand(
        "",
        r#"(memory (export "memory") 1) (func $start (param i32) (result i32) unreachable)"#,
    )
    .to_vec()
}

#[tokio::test]
async fn it_works_without_a_pool() {
    let mut options = Options::new(cache());
    options.allocation = Allocation::OnDemand;
    let sandbox = Sandbox::new(options).unwrap();
    assert!(!sandbox.pooled());
    let plugin = load(&sandbox, &misbehave(), &everything()).await;
    let activated = plugin
        .start(&invocation(r#"{"do":"behave"}"#), Host::default())
        .await;
    assert!(output(&activated).contains("run-1"));
}

/// A connector that accepts everything: `send` answers the idempotency key as the provider's id,
/// `receive` the request's body as the events.
#[tokio::test]
async fn a_connector_checks_connects_sends_and_receives() {
    let wasm = component(
        "",
        "connector-plugin",
        r#"(memory (export "memory") 1)
           (func (export "jackfield:plugin/connector@1.1.0#describe") (result i32)
             (i32.store (i32.const 0) (i32.const 256))
             (i32.store (i32.const 4) (i32.const 2))
             (i32.const 0))
           (data (i32.const 256) "{}")
           (func (export "jackfield:plugin/connector@1.1.0#check") (param i32 i32) (result i32)
             (i32.store (i32.const 8) (local.get 0))
             (i32.store (i32.const 12) (local.get 1))
             (i32.const 0))
           (func (export "jackfield:plugin/connector@1.1.0#connect")
             (param i32 i32 i32 i32) (result i32)
             (i32.store (i32.const 8) (local.get 2))
             (i32.store (i32.const 12) (local.get 3))
             (i32.const 0))
           (func (export "jackfield:plugin/connector@1.1.0#send")
             (param i32 i32 i32 i32 i32 i32) (result i32)
             (i32.store (i32.const 8) (local.get 4))
             (i32.store (i32.const 12) (local.get 5))
             (i32.const 0))
           (func (export "jackfield:plugin/connector@1.1.0#receive")
             (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
             (i32.store16 (i32.const 8) (i32.const 200))
             (i32.store (i32.const 28) (local.get 8))
             (i32.store (i32.const 32) (local.get 9))
             (i32.const 0))"#,
    );
    let granted = Granted {
        interfaces: Interfaces::of(Kind::Connector),
        limits: Limits::default(),
    };
    let plugin = load(&sandbox(), &wasm, &granted).await;
    assert_eq!(plugin.kind(), Kind::Connector);
    let described = sandbox().describe(plugin.digest()).await.unwrap();
    assert_eq!(described.json, "{}");
    let check = plugin.check("channel", Host::default()).await;
    assert_eq!(check.result.unwrap().unwrap(), "channel");
    let connect = plugin.connect("channel", "url", Host::default()).await;
    assert_eq!(connect.result.unwrap().unwrap(), "url");
    let send = plugin
        .send("channel", "message", "key", Host::default())
        .await;
    assert_eq!(send.result.unwrap().unwrap().provider_id, "key");
    let request = Request {
        method: "POST".to_owned(),
        url: "https://example.com/hooks/1".to_owned(),
        headers: vec![("a".to_owned(), "b".to_owned())],
        body: b"[]".to_vec(),
    };
    let receive = plugin.receive("channel", &request, Host::default()).await;
    let received = receive.result.unwrap().unwrap();
    assert_eq!((received.status, received.events.as_str()), (200, "[]"));
}

/// stdout goes into the log line by line; there is no environment and no folder.
#[tokio::test]
async fn wasi_output_is_logged_and_the_world_is_empty() {
    let wasm = by_hand(
        r#"package hand:made;
           package wasi:io@0.2.3 {
               interface error { resource error; }
               interface streams {
                   use error.{error};
                   variant stream-error { last-operation-failed(error), closed }
                   resource output-stream {
                       blocking-write-and-flush: func(contents: list<u8>)
                           -> result<_, stream-error>;
                   }
               }
           }
           package wasi:filesystem@0.2.3 {
               interface types { resource descriptor; }
               interface preopens {
                   use types.{descriptor};
                   get-directories: func() -> list<tuple<descriptor, string>>;
               }
           }
           package wasi:cli@0.2.3 {
               interface environment {
                   get-environment: func() -> list<tuple<string, string>>;
                   get-arguments: func() -> list<string>;
               }
               interface stdout {
                   use wasi:io/streams@0.2.3.{output-stream};
                   get-stdout: func() -> output-stream;
               }
           }
           world hand {
               import wasi:cli/environment@0.2.3;
               import wasi:cli/stdout@0.2.3;
               import wasi:filesystem/preopens@0.2.3;
               export jackfield:plugin/step@1.1.0;
           }"#,
        r#"(import "wasi:cli/stdout@0.2.3" "get-stdout" (func $stdout (result i32)))
           (import "wasi:io/streams@0.2.3" "[method]output-stream.blocking-write-and-flush"
             (func $print (param i32 i32 i32 i32)))
           (import "wasi:cli/environment@0.2.3" "get-environment" (func $env (param i32)))
           (import "wasi:cli/environment@0.2.3" "get-arguments" (func $arguments (param i32)))
           (import "wasi:filesystem/preopens@0.2.3" "get-directories" (func $folders (param i32)))
           (memory (export "memory") 1)
           (data (i32.const 1024) "one\ntwo\nthree")
           (func $none (if (i32.load (i32.const 516)) (then unreachable)))
           (func $start (param i32) (result i32)
             (call $env (i32.const 512)) (call $none)
             (call $arguments (i32.const 512)) (call $none)
             (call $folders (i32.const 512)) (call $none)
             (call $print (call $stdout) (i32.const 1024) (i32.const 13) (i32.const 512))
             (i32.store8 (i32.const 8) (i32.const 3))
             (i32.const 0))"#,
    );
    let plugin = load(&sandbox(), &wasm, &everything()).await;
    let activated = plugin.start(&invocation("{}"), Host::default()).await;
    assert_eq!(
        activated.result.unwrap().unwrap(),
        Outcome::End(String::new())
    );
    let lines: Vec<_> = activated
        .calls
        .lines
        .iter()
        .map(|(_, line)| line.as_str())
        .collect();
    assert_eq!(lines, ["one", "two", "three"]);
    let most = PartialLimits {
        log_bytes: Some(5),
        ..PartialLimits::default()
    };
    let flood = plugin
        .lowered(&most)
        .start(&invocation("{}"), Host::default())
        .await;
    assert_eq!((flood.calls.lines.len(), flood.usage.log_dropped), (0, 1));
}

/// A component with WASI: the run's own clock and randomness, and an exit code.
#[tokio::test]
async fn wasi_sees_the_runs_own_clock_and_randomness() {
    let world = r#"
        package hand:made;
        package wasi:random@0.2.3 { interface random { get-random-u64: func() -> u64; } }
        package wasi:clocks@0.2.3 {
            interface wall-clock {
                record datetime { seconds: u64, nanoseconds: u32 }
                now: func() -> datetime;
            }
            interface monotonic-clock { now: func() -> u64; }
        }
        package wasi:cli@0.2.3 { interface exit { exit: func(status: result); } }
        world hand {
            import wasi:random/random@0.2.3;
            import wasi:clocks/wall-clock@0.2.3;
            import wasi:clocks/monotonic-clock@0.2.3;
            import wasi:cli/exit@0.2.3;
            export jackfield:plugin/step@1.1.0;
        }"#;
    // Writes the outcome `end` with the eight random bytes as its reason, if the wall clock's
    // seconds are those of the monotonic clock; exits with a code otherwise.
    let body = r#"
        (import "wasi:random/random@0.2.3" "get-random-u64" (func $random (result i64)))
        (import "wasi:clocks/wall-clock@0.2.3" "now" (func $wall (param i32)))
        (import "wasi:clocks/monotonic-clock@0.2.3" "now" (func $monotonic (result i64)))
        (import "wasi:cli/exit@0.2.3" "exit" (func $exit (param i32)))
        (memory (export "memory") 1)
        (func $start (param i32) (result i32)
          (call $wall (i32.const 512))
          (if (i64.ne (i64.load (i32.const 512))
                      (i64.div_u (call $monotonic) (i64.const 1000000000)))
            (then (call $exit (i32.const 1))))
          (i64.store (i32.const 256) (call $random))
          (i32.store8 (i32.const 0) (i32.const 0))
          (i32.store8 (i32.const 8) (i32.const 3))
          (i32.store (i32.const 16) (i32.const 256))
          (i32.store (i32.const 20) (i32.const 8))
          (i32.const 0))"#;
    let wasm = by_hand(world, body);
    let inspection = sandbox().install(Arc::clone(&wasm)).await.unwrap();
    assert_eq!(inspection.wasi.len(), 4);
    assert!(inspection.imports.is_empty());
    let plugin = load(&sandbox(), &wasm, &everything()).await;
    let activated = plugin.start(&invocation("{}"), Host::default()).await;
    assert_eq!(
        activated.result.unwrap().unwrap(),
        Outcome::End("\u{7}".repeat(8))
    );
    let names: Vec<_> = activated.calls.calls.iter().map(HostCall::name).collect();
    assert_eq!(names, ["clock.now", "clock.now", "random.bytes"]);
}

#[tokio::test]
async fn wasi_may_exit_and_that_is_an_end() {
    let wasm = by_hand(
        r#"package hand:made;
           package wasi:cli@0.2.0 { interface exit { exit: func(status: result); } }
           world hand {
               import wasi:cli/exit@0.2.0;
               export jackfield:plugin/step@1.1.0;
           }"#,
        r#"(import "wasi:cli/exit@0.2.0" "exit" (func $exit (param i32)))
           (memory (export "memory") 1)
           (func $start (param i32) (result i32) (call $exit (i32.const 1)) unreachable)"#,
    );
    let plugin = load(&sandbox(), &wasm, &everything()).await;
    let activated = plugin.start(&invocation("{}"), Host::default()).await;
    assert_eq!(activated.result.unwrap_err(), Ended::Exit { code: 1 });
}

/// The isolation must not become slow: a fresh sandbox is a matter of microseconds. The bound is
/// wide, because tests run unoptimised and beside each other; the benchmark has the real one.
#[tokio::test]
async fn a_fresh_activation_takes_microseconds() {
    let plugin = load(&sandbox(), &misbehave(), &everything()).await;
    let invocation = invocation(r#"{"do":"behave"}"#);
    let mut best = Duration::MAX;
    for _ in 0..20 {
        let since = Instant::now();
        for _ in 0..100 {
            let activated = plugin.start(&invocation, Host::default()).await;
            assert!(activated.result.is_ok());
        }
        best = best.min(since.elapsed() / 100);
    }
    println!("a fresh activation takes {best:?}");
    assert!(best < Duration::from_millis(1), "{best:?}");
}
