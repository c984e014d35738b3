//! Hostile guests: every limit is run into, every rule is broken, and each time the activation
//! ends with the right reason, and the same sandbox then serves an ordinary plugin.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{
    Host, Mode, by_hand, cache, everything, invocation, load, misbehave, output, sandbox, start,
    still_serves,
};
use jackfield_sandbox::{
    Activated, Ended, InspectError, InstallError, Limit, Options, PartialLimits, Sandbox,
};

/// Runs `misbehave`, sees why it ended, and that the sandbox still serves.
async fn ended(settings: &str, limits: PartialLimits, mode: Mode) -> Activated<Ended, Host> {
    let activated = start(settings, limits, mode).await;
    still_serves().await;
    Activated {
        result: Ok(activated.result.expect_err("the guest was not stopped")),
        usage: activated.usage,
        calls: activated.calls,
    }
}

fn limit(limit: Limit, value: u64) -> Ended {
    Ended::Limit { limit, value }
}

macro_rules! limits {
    ($($field:ident: $value:expr),*) => {
        PartialLimits { $($field: Some($value),)* ..PartialLimits::default() }
    };
}

#[tokio::test]
async fn an_endless_loop_runs_out_of_fuel() {
    let spin = ended(r#"{"do":"spin"}"#, limits!(fuel: 10_000_000), Mode::Answer).await;
    assert_eq!(spin.result.unwrap(), limit(Limit::Fuel, 10_000_000));
    assert_eq!(spin.usage.fuel, 10_000_000);
}

#[tokio::test]
async fn an_endless_loop_ends_at_its_deadline_though_there_is_fuel() {
    let spin = ended(r#"{"do":"spin"}"#, limits!(deadline_ms: 20), Mode::Answer).await;
    assert_eq!(spin.result.unwrap(), limit(Limit::Deadline, 20));
}

#[tokio::test]
async fn other_tasks_of_the_same_thread_go_on_beside_an_endless_loop() {
    let spin = start(r#"{"do":"spin"}"#, limits!(deadline_ms: 200), Mode::Answer);
    let mut turns = 0;
    tokio::select! {
        _ = spin => {}
        () = async { loop { turns += 1; tokio::task::yield_now().await } } => {}
    }
    assert!(turns > 10, "only {turns} turns in 200 ms");
}

#[tokio::test]
async fn endless_recursion_overflows_its_own_stack_only() {
    let deep = ended(r#"{"do":"recurse"}"#, limits!(), Mode::Answer).await;
    assert_eq!(deep.result.unwrap(), Ended::StackOverflow);
}

#[tokio::test]
async fn a_hoarder_gets_no_more_memory_than_it_may_have() {
    let most = 8 << 20;
    let hoard = ended(r#"{"do":"hoard"}"#, limits!(memory: most), Mode::Answer).await;
    assert_eq!(hoard.result.unwrap(), limit(Limit::Memory, most));
    assert!(hoard.usage.memory_peak <= most && hoard.usage.memory_peak > most / 2);
}

#[tokio::test]
async fn a_component_that_starts_too_large_never_runs() {
    let large = ended(
        r#"{"do":"behave"}"#,
        limits!(memory: 64 << 10),
        Mode::Answer,
    )
    .await;
    assert_eq!(large.result.unwrap(), limit(Limit::Memory, 64 << 10));
    assert_eq!(large.usage.host_calls, 0);
}

#[tokio::test]
async fn memory_is_counted_over_all_memories() {
    let bomb = by_hand(
        "",
        r#"(memory (export "memory") 1) (memory $b 1) (memory $c 1)
           (func $start (param i32) (result i32)
             (loop $more
               (if (i32.eq (memory.grow $b (i32.const 16)) (i32.const -1)) (then unreachable))
               (if (i32.eq (memory.grow $c (i32.const 16)) (i32.const -1)) (then unreachable))
               (br $more))
             unreachable)"#,
    );
    let most = 8 << 20;
    let plugin = load(&sandbox(), &bomb, &everything()).await;
    let activated = plugin
        .lowered(&limits!(memory: most))
        .start(&invocation("{}"), Host::default())
        .await;
    assert_eq!(activated.result.unwrap_err(), limit(Limit::Memory, most));
    assert!(activated.usage.memory_peak <= most);
    still_serves().await;
}

#[tokio::test]
async fn growth_that_fails_at_the_guests_own_maximum_is_not_counted() {
    let capped = by_hand(
        "",
        r#"(memory (export "memory") 1 2)
           (func $start (param i32) (result i32)
             (local $n i32)
             (loop $more
               (drop (memory.grow (i32.const 100)))
               (br_if $more (i32.lt_u
                 (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 100))))
             (drop (memory.grow (i32.const 1)))
             (i32.store8 (i32.const 8) (i32.const 3))
             (i32.const 0))"#,
    );
    let plugin = load(&sandbox(), &capped, &everything()).await;
    let activated = plugin
        .lowered(&limits!(memory: 16 << 20))
        .start(&invocation("{}"), Host::default())
        .await;
    assert!(activated.result.unwrap().is_ok());
    assert_eq!(activated.usage.memory_peak, 2 << 16);
}

#[tokio::test]
async fn tables_do_not_grow_past_their_limit() {
    let bomb = by_hand(
        "",
        r#"(memory (export "memory") 1) (table $t 1 funcref) (table $u 1 funcref)
           (func $start (param i32) (result i32)
             (loop $more
               (if (i32.eq (table.grow $t (ref.null func) (i32.const 1000)) (i32.const -1))
                 (then unreachable))
               (if (i32.eq (table.grow $u (ref.null func) (i32.const 1000)) (i32.const -1))
                 (then unreachable))
               (br $more))
             unreachable)"#,
    );
    let plugin = load(&sandbox(), &bomb, &everything()).await;
    let activated = plugin
        .lowered(&limits!(table_elements: 20_000))
        .start(&invocation("{}"), Host::default())
        .await;
    assert_eq!(
        activated.result.unwrap_err(),
        limit(Limit::TableElements, 20_000)
    );
    still_serves().await;
}

#[tokio::test]
async fn arguments_and_answers_count_as_bytes_in() {
    let small = ended(r#"{"do":"behave"}"#, limits!(bytes_in: 20), Mode::Answer).await;
    assert_eq!(small.result.unwrap(), limit(Limit::BytesIn, 20));
    let answers = ended(
        r#"{"do":"call","n":100}"#,
        limits!(bytes_in: 50_000),
        Mode::Large(1_000),
    )
    .await;
    assert_eq!(answers.result.unwrap(), limit(Limit::BytesIn, 50_000));
    assert!(answers.usage.host_calls < 55);
}

#[tokio::test]
async fn a_large_argument_ends_the_activation_before_the_host_sees_it() {
    // Just too large, far too large, and larger than any limit.
    for n in [2_000, 1_000_000, 60_000_000] {
        let argument = ended(
            &format!(r#"{{"do":"argument","n":{n}}}"#),
            limits!(bytes_out: 1_000),
            Mode::Answer,
        )
        .await;
        assert_eq!(
            argument.result.unwrap(),
            limit(Limit::BytesOut, 1_000),
            "{n}"
        );
        assert!(argument.calls.calls.is_empty());
    }
}

#[tokio::test]
async fn output_and_state_are_bounded() {
    for word in ["output", "state"] {
        let large = ended(
            &format!(r#"{{"do":"{word}","n":5000}}"#),
            limits!(output: 1_000),
            Mode::Answer,
        )
        .await;
        assert_eq!(large.result.unwrap(), limit(Limit::Output, 1_000), "{word}");
    }
    let giant = ended(r#"{"do":"output","n":60000000}"#, limits!(), Mode::Answer).await;
    assert!(matches!(
        giant.result.unwrap(),
        Ended::Limit {
            limit: Limit::BytesOut,
            ..
        }
    ));
}

#[tokio::test]
async fn a_million_host_calls_end_at_the_limit() {
    let calls = ended(
        r#"{"do":"call","n":1000000}"#,
        limits!(host_calls: 500),
        Mode::Answer,
    )
    .await;
    assert_eq!(calls.result.unwrap(), limit(Limit::HostCalls, 500));
    assert_eq!(calls.calls.calls.len(), 500);
}

#[tokio::test]
async fn a_flood_of_log_lines_is_dropped_and_counted() {
    let lines = start(
        r#"{"do":"log","n":1000}"#,
        limits!(log_lines: 10),
        Mode::Answer,
    )
    .await;
    assert_eq!(output(&lines), "logged");
    assert_eq!(
        (lines.calls.lines.len(), lines.usage.log_dropped),
        (10, 990)
    );
    let bytes = start(
        r#"{"do":"log","n":1000}"#,
        limits!(log_bytes: 60),
        Mode::Answer,
    )
    .await;
    assert_eq!(bytes.calls.lines.len(), 10);
    assert_eq!((bytes.usage.log_bytes, bytes.usage.log_dropped), (60, 990));
    still_serves().await;
}

#[tokio::test]
async fn a_host_call_past_the_deadline_is_dropped() {
    let hang = ended(r#"{"do":"fetch"}"#, limits!(deadline_ms: 30), Mode::Hang).await;
    assert_eq!(hang.result.unwrap(), limit(Limit::Deadline, 30));
    assert_eq!(hang.calls.calls.len(), 1, "the host has its state back");
}

#[tokio::test]
async fn a_panic_and_a_trap_end_the_activation_only() {
    let panic = ended(r#"{"do":"panic"}"#, limits!(), Mode::Answer).await;
    match panic.result.unwrap() {
        Ended::Trap { kind, .. } => assert_eq!(kind, "unreachable"),
        other => panic!("{other:?}"),
    }
    for (body, expected) in [
        ("(i32.load (i32.const -8))", "memory-out-of-bounds"),
        (
            "(i32.div_s (i32.const 1) (i32.const 0))",
            "division-by-zero",
        ),
    ] {
        let trap = by_hand(
            "",
            &format!(
                r#"(memory (export "memory") 1)
                   (func $start (param i32) (result i32) {body})"#
            ),
        );
        let plugin = load(&sandbox(), &trap, &everything()).await;
        let activated = plugin.start(&invocation("{}"), Host::default()).await;
        match activated.result.unwrap_err() {
            Ended::Trap { kind, .. } => assert_eq!(kind, expected),
            other => panic!("{other:?}"),
        }
        still_serves().await;
    }
}

#[tokio::test]
async fn a_pointer_outside_of_the_memory_is_an_invalid_value() {
    let lie = by_hand(
        "",
        r#"(memory (export "memory") 1)
           (func $start (param i32) (result i32) (i32.const 0x7ffffff8))"#,
    );
    let plugin = load(&sandbox(), &lie, &everything()).await;
    let activated = plugin.start(&invocation("{}"), Host::default()).await;
    assert_eq!(activated.result.unwrap_err().code(), "invalid-value");
    still_serves().await;
}

#[tokio::test]
async fn a_panic_of_the_host_ends_the_activation_only() {
    let panic = ended(r#"{"do":"fetch"}"#, limits!(), Mode::Panic).await;
    assert_eq!(panic.result.unwrap(), Ended::HostPanic);
    assert_eq!(panic.calls.calls.len(), 1);
}

#[tokio::test]
async fn an_answer_of_the_wrong_type_is_the_hosts_fault_and_said_so() {
    let mistake = ended(r#"{"do":"fetch"}"#, limits!(), Mode::Mistake).await;
    assert_eq!(mistake.result.unwrap().code(), "host-bug");
}

#[tokio::test]
async fn files_that_are_no_plugins_are_refused_with_what_would_be_right() {
    let sandbox = sandbox();
    let refused = async |wasm: Vec<u8>| match sandbox.install(wasm.into()).await {
        Err(InstallError::Inspect(error)) => error,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        refused(wat::parse_str("(module)").unwrap()).await,
        InspectError::CoreModule
    );
    assert_eq!(refused(b"not wasm".to_vec()).await, InspectError::NotWasm);
    let mut broken = misbehave().to_vec();
    broken.truncate(broken.len() / 2);
    assert!(matches!(
        refused(broken).await,
        InspectError::Malformed { .. }
    ));
    assert!(matches!(
        refused(vec![0; (64 << 20) + 1]).await,
        InspectError::TooLarge { .. }
    ));
    assert!(matches!(
        refused(wat::parse_str("(component)").unwrap()).await,
        InspectError::NoPlugin { .. }
    ));
    let unknown = wat::parse_str(
        r#"(component (import "acme:sockets/raw@1.0.0" (instance)) (instance $i)
             (export "jackfield:plugin/step@1.1.0" (instance $i)))"#,
    );
    assert!(matches!(
        refused(unknown.unwrap()).await,
        InspectError::UnknownImport { .. }
    ));
    // The right names with nothing behind them.
    let hollow = wat::parse_str(
        r#"(component (instance $i) (export "jackfield:plugin/step@1.1.0" (instance $i)))"#,
    );
    match sandbox.install(hollow.unwrap().into()).await {
        Err(InstallError::Contract(message)) => assert!(message.contains("describe"), "{message}"),
        other => panic!("{other:?}"),
    }
    still_serves().await;
}

#[tokio::test]
async fn exports_and_imports_of_the_wrong_type_are_refused() {
    let sandbox = sandbox();
    // `describe` answers a number; what is offered as `write` takes one.
    let exports = wat::parse_str(
        r#"(component
             (core module $m (func (export "f") (result i32) i32.const 1))
             (core instance $i (instantiate $m))
             (func $f (result u32) (canon lift (core func $i "f")))
             (instance $step (export "describe" (func $f)) (export "start" (func $f))
               (export "resume" (func $f)))
             (export "jackfield:plugin/step@1.1.0" (instance $step)))"#,
    );
    let installed = sandbox.install(exports.unwrap().into()).await;
    let said = match installed {
        Err(InstallError::Contract(message)) => message,
        Ok(inspection) => sandbox
            .describe(&inspection.digest)
            .await
            .expect_err("it cannot be asked")
            .to_string(),
        Err(other) => panic!("{other:?}"),
    };
    assert!(
        said.contains("type mismatch") || said.contains("describe"),
        "{said}"
    );
    let imports = wat::parse_str(
        r#"(component
             (import "jackfield:plugin/log@1.1.0" (instance
               (export "write" (func (param "level" u32)))))
             (instance $none)
             (export "jackfield:plugin/step@1.1.0" (instance $none)))"#,
    );
    match sandbox.install(imports.unwrap().into()).await {
        Err(InstallError::Contract(message)) => assert!(message.contains("log"), "{message}"),
        other => panic!("{other:?}"),
    }
    still_serves().await;
}

/// What crosses between components is copied by wasmtime without fuel: a loop that hands 64 MiB
/// over could not be interrupted.
#[tokio::test]
async fn a_component_whose_parts_call_each_other_is_refused() {
    let composed = wat::parse_str(
        r#"(component
             (component $callee
               (core module $m (memory (export "memory") 1)
                 (func (export "f") (param i32 i32))
                 (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 0))
               (core instance $i (instantiate $m))
               (func (export "f") (param "text" string)
                 (canon lift (core func $i "f") (memory (core memory $i "memory"))
                   (realloc (core func $i "realloc")))))
             (component $caller
               (import "f" (func $f (param "text" string)))
               (core module $libc (memory (export "memory") 1))
               (core instance $libc (instantiate $libc))
               (core func $lowered (canon lower (func $f) (memory (core memory $libc "memory"))))
               (core module $m (import "" "f" (func (param i32 i32))))
               (core instance (instantiate $m
                 (with "" (instance (export "f" (func $lowered)))))))
             (instance $callee (instantiate $callee))
             (instance $caller (instantiate $caller (with "f" (func $callee "f"))))
             (instance $none)
             (export "jackfield:plugin/step@1.1.0" (instance $none)))"#,
    );
    // The same with the caller at the top.
    let within = wat::parse_str(
        r#"(component
             (component $callee
               (core module $m (func (export "f")))
               (core instance $i (instantiate $m))
               (func (export "f") (canon lift (core func $i "f"))))
             (instance $callee (instantiate $callee))
             (alias export $callee "f" (func $f))
             (core func $lowered (canon lower (func $f)))
             (instance $none)
             (export "jackfield:plugin/step@1.1.0" (instance $none)))"#,
    );
    for composed in [composed, within] {
        match sandbox().install(composed.unwrap().into()).await {
            Err(InstallError::Inspect(error)) => assert_eq!(error, InspectError::Composed),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_plugin_that_crashes_while_it_is_asked_what_it_is_has_no_descriptor() {
    let sandbox = sandbox();
    let silent = by_hand(
        "",
        r#"(memory (export "memory") 1) (func $start (param i32) (result i32) unreachable)"#,
    );
    let digest = sandbox.install(silent).await.unwrap().digest;
    let error = sandbox.describe(&digest).await.expect_err("it crashes");
    assert!(error.to_string().contains("crashed"), "{error}");
    still_serves().await;
}

#[tokio::test]
async fn a_component_that_no_sandbox_has_room_for_is_refused_at_install() {
    let many = by_hand(
        "",
        r#"(memory (export "memory") 1) (memory 1) (memory 1) (memory 1) (memory 1) (memory 1)
           (func $start (param i32) (result i32) unreachable)"#,
    );
    let huge = by_hand(
        "",
        r#"(memory (export "memory") 16384)
           (func $start (param i32) (result i32) unreachable)"#,
    );
    for (component, words) in [
        (many, "6 linear memories, and this host gives at most 4"),
        (huge, "1073741824 bytes of memory at the start"),
    ] {
        match sandbox().install(component).await {
            Err(error @ InstallError::DoesNotFit { .. }) => {
                assert!(error.to_string().contains(words), "{error}");
            }
            other => panic!("{other:?}"),
        }
    }
    still_serves().await;
}

#[tokio::test]
async fn more_activations_than_places_wait_for_their_turn() {
    let mut options = Options::new(cache());
    options.max_activations = 2;
    let small = Sandbox::new(options).unwrap();
    let plugin = load(&small, &misbehave(), &everything()).await;
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let plugin = plugin.clone();
            tokio::spawn(async move {
                plugin
                    .start(&invocation(r#"{"do":"behave"}"#), Host::default())
                    .await
            })
        })
        .collect();
    for task in tasks {
        let activated = task.await.unwrap();
        assert!(output(&activated).contains("run-1"));
    }
    assert_eq!(small.free_places(), 2);
}

#[tokio::test]
async fn an_activation_that_is_dropped_gives_its_place_back() {
    let sandbox = sandbox();
    let plugin = load(&sandbox, &misbehave(), &everything()).await;
    let mut options = Options::new(cache());
    options.max_activations = 1;
    let single = Sandbox::new(options).unwrap();
    let alone = load(&single, &misbehave(), &everything()).await;
    drop(plugin);
    for _ in 0..3 {
        let invocation = invocation(r#"{"do":"fetch"}"#);
        let hanging = alone.start(&invocation, Host::new(Mode::Hang));
        tokio::select! {
            biased;
            _ = hanging => panic!("it hangs"),
            () = tokio::task::yield_now() => {}
        }
    }
    assert_eq!(single.free_places(), 1);
    let activated = alone
        .start(&invocation(r#"{"do":"behave"}"#), Host::default())
        .await;
    assert!(output(&activated).contains("run-1"));
}
