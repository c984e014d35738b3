//! What the sandbox's tests share: a host that answers as told, guests, and one sandbox.
//!
//! Two kinds of guests: `misbehave`, a Rust crate in `tests/hostile`, whose settings say what it
//! does; and core modules written out by hand for what no Rust program can do.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    unreachable_pub,
    missing_docs,
    reason = "shared by several test binaries, none of which uses all of it"
)]

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use jackfield_sandbox::wit::log::Level;
use jackfield_sandbox::wit::{Failure, FailureClass, Invocation, Outcome, http};
use jackfield_sandbox::{
    Account, Activated, Granted, HostCall, HostCalls, HostReply, Interfaces, Kind, Limits, Options,
    PartialLimits, Plugin, Sandbox, Stop, digest,
};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// The time that the test's host tells.
pub const NOW: u64 = 1_800_000_000_000;

/// What the host does when it is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Mode {
    /// Answers.
    #[default]
    Answer,
    /// Never answers.
    Hang,
    /// Ends the activation.
    Stop,
    /// Panics.
    Panic,
    /// Answers with another call's reply.
    Mistake,
    /// Answers `variables.get` with so many bytes.
    Large(usize),
}

/// A host that keeps what it was asked.
#[derive(Debug, Default)]
pub struct Host {
    pub mode: Mode,
    pub workflow: &'static str,
    pub calls: Vec<HostCall>,
    pub lines: Vec<(Level, String)>,
    pub denied: Vec<&'static str>,
}

impl Host {
    pub fn new(mode: Mode) -> Self {
        Self {
            mode,
            ..Self::default()
        }
    }
}

#[async_trait]
impl HostCalls for Host {
    async fn call(&mut self, call: HostCall) -> Result<HostReply, Stop> {
        let reply = match &call {
            HostCall::ClockNow => HostReply::Timestamp(NOW),
            HostCall::ClockParse { .. } => HostReply::Number(Ok(NOW)),
            HostCall::RandomBytes { length } => HostReply::Bytes(vec![7; *length as usize]),
            HostCall::CryptoHash { .. } => HostReply::Bytes(vec![0; 32]),
            HostCall::VariablesGet { .. } => HostReply::Maybe(match self.mode {
                Mode::Large(bytes) => Some("x".repeat(bytes)),
                _ => Some("7".to_owned()),
            }),
            HostCall::VariablesSet { .. } => HostReply::Done(Ok(())),
            HostCall::ContactsGet => HostReply::Maybe(Some("{}".to_owned())),
            HostCall::HttpFetch { .. } => HostReply::Response(Ok(http::Response {
                status: 200,
                headers: Vec::new(),
                body: b"hello".to_vec(),
                url: "https://example.com/".to_owned(),
            })),
            other => panic!("the test's host does not know {}", other.name()),
        };
        let fetch = matches!(call, HostCall::HttpFetch { .. });
        self.calls.push(call);
        match self.mode {
            Mode::Hang if fetch => std::future::pending().await,
            Mode::Stop if fetch => Err(Stop::Failed(Failure {
                class: FailureClass::Permanent,
                code: "uncertain".to_owned(),
                message: "nobody knows whether it arrived".to_owned(),
                retry_after: None,
                maybe_sent: true,
            })),
            Mode::Panic if fetch => panic!("the test's host panics on purpose"),
            Mode::Mistake if fetch => Ok(HostReply::Timestamp(NOW)),
            _ => Ok(reply),
        }
    }

    fn log(&mut self, level: Level, message: String) {
        self.lines.push((level, message));
    }

    fn denied(&mut self, call: &HostCall) {
        self.denied.push(call.name());
    }

    fn account(&self) -> Account {
        Account {
            workspace: "main".into(),
            workflow: self.workflow.into(),
        }
    }
}

/// The root of the checkout.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The component of `tests/hostile/misbehave`: taken from the folder that `cargo xtask test` names,
/// or built here.
pub fn misbehave() -> Arc<[u8]> {
    static BUILT: OnceLock<Arc<[u8]>> = OnceLock::new();
    BUILT
        .get_or_init(|| {
            if let Some(folder) = std::env::var_os("JACKFIELD_HOSTILE_PLUGINS") {
                let file = PathBuf::from(folder).join("misbehave.wasm");
                return std::fs::read(&file)
                    .unwrap_or_else(|error| panic!("{}: {error}", file.display()))
                    .into();
            }
            let target = root().join("target/hostile-build");
            let built = Command::new(env!("CARGO"))
                .args(["build", "--release", "--quiet"])
                .args(["--target", "wasm32-unknown-unknown"])
                .arg("--manifest-path")
                .arg(root().join("tests/hostile/Cargo.toml"))
                .arg("--target-dir")
                .arg(&target)
                .env_remove("RUSTFLAGS")
                .status()
                .expect("cargo runs this test, so it can be run");
            assert!(built.success(), "the hostile guest does not build");
            let module =
                std::fs::read(target.join("wasm32-unknown-unknown/release/misbehave.wasm"))
                    .expect("cargo built it");
            ComponentEncoder::default()
                .module(&module)
                .expect("the module carries its interface")
                .validate(true)
                .encode()
                .expect("the module is a component of the contract")
                .into()
        })
        .clone()
}

/// A step plugin from a core module in text form. `body` has the function `$start`
/// (`(param i32) (result i32)`), and whatever else it wants; the rest of a step is put around it.
/// `world` is WIT: more worlds and packages, of which `hand` is the one that is made.
pub fn by_hand(world: &str, body: &str) -> Arc<[u8]> {
    let text = format!(
        r#"{body}
           (func (export "jackfield:plugin/step@1.1.0#describe") (result i32) unreachable)
           (func (export "jackfield:plugin/step@1.1.0#resume") (param i32) (result i32) unreachable)
           (export "jackfield:plugin/step@1.1.0#start" (func $start))"#
    );
    component(world, "step-plugin", &text)
}

/// A component from the fields of a core module, for a world of the contract or for `hand` of the
/// WIT given.
pub fn component(wit: &str, world: &str, fields: &str) -> Arc<[u8]> {
    let text = format!(
        r#"(module
            {fields}
            (global $free (mut i32) (i32.const 4096))
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
                (local $at i32)
                (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
                (global.set $free (i32.add (local.get $at) (local.get 3)))
                (local.get $at)))"#
    );
    let mut module = wat::parse_str(&text).expect("the text is a module");
    let mut resolve = Resolve::default();
    let (package, _) = resolve
        .push_dir(root().join("wit"))
        .expect("the contract parses");
    let world = if wit.is_empty() {
        resolve.select_world(&[package], Some(world))
    } else {
        let package = resolve.push_str("hand.wit", wit).expect("the world parses");
        resolve.select_world(&[package], Some("hand"))
    }
    .expect("there is such a world");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false)
        .expect("the world can be put into the module");
    ComponentEncoder::default()
        .module(&module)
        .expect("the module carries its interface")
        .encode()
        .expect("the module is a component of the world")
        .into()
}

pub fn cache() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("sandbox-cache")
}

/// One sandbox for all tests of a binary: what one guest does to it, the others would feel.
pub fn sandbox() -> Sandbox {
    static SANDBOX: OnceLock<Sandbox> = OnceLock::new();
    SANDBOX
        .get_or_init(|| {
            let mut options = Options::new(cache());
            options.max_activations = 16;
            Sandbox::new(options).unwrap()
        })
        .clone()
}

/// Everything is granted, under the default limits.
pub fn everything() -> Granted {
    Granted {
        interfaces: Interfaces::of(Kind::Step),
        limits: Limits::default(),
    }
}

/// A plugin, installed and loaded.
pub async fn load(sandbox: &Sandbox, wasm: &Arc<[u8]>, granted: &Granted) -> Plugin {
    let digest = digest(wasm);
    if let Some(plugin) = sandbox.loaded(&digest, granted) {
        return plugin;
    }
    sandbox.install(Arc::clone(wasm)).await.unwrap();
    sandbox.loaded(&digest, granted).unwrap()
}

pub fn invocation(settings: &str) -> Invocation {
    Invocation {
        run_id: "run-1".to_owned(),
        workflow: "test".to_owned(),
        step_id: "one".to_owned(),
        visit: 1,
        attempt: 1,
        settings: settings.to_owned(),
        trigger: "{}".to_owned(),
        variables: "{}".to_owned(),
        contact: None,
    }
}

/// One activation of `misbehave`.
pub async fn start(
    settings: &str,
    limits: PartialLimits,
    mode: Mode,
) -> Activated<Result<Outcome, Failure>, Host> {
    let plugin = load(&sandbox(), &misbehave(), &everything()).await;
    plugin
        .lowered(&limits)
        .start(&invocation(settings), Host::new(mode))
        .await
}

/// The output of a step that is done.
pub fn output(activated: &Activated<Result<Outcome, Failure>, Host>) -> &str {
    match &activated.result {
        Ok(Ok(Outcome::Done(done))) => done.output.as_deref().unwrap(),
        other => panic!("not done: {other:?}"),
    }
}

/// The same sandbox still serves an ordinary plugin.
pub async fn still_serves() {
    let activated = start(r#"{"do":"behave"}"#, PartialLimits::default(), Mode::Answer).await;
    assert_eq!(
        output(&activated),
        format!(r#"{{"run":"run-1","now":{NOW},"random":4}}"#)
    );
}
