//! The same step in each language: a project that was just made, built, installed and activated.
//!
//! What stands beside each figure is that of the step in Rust, measured in the same run. Build times
//! are of the first build (everything that the language needs is on the machine, nothing of the
//! project was built) and of a second one after nothing but a comment changed. An activation is
//! `start` with a contact, all limits on, in a sandbox of its own.

use anyhow::{Context, Result, ensure};
use jackfield_bench::options::Options as Given;
use jackfield_bench::table::{Figure, median, percentile, print};
use jackfield_sandbox::wit::{Invocation, log};
use jackfield_sandbox::{
    Granted, HostCall, HostCalls, HostReply, Limits, Options, Plugin, Sandbox, Stop, Usage,
};
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// As the command line names them, each with the file whose comment is changed. The first is what
/// the others stand beside.
const LANGUAGES: [(&str, &str, &str); 4] = [
    ("rust", "src/lib.rs", "//"),
    ("c", "src/plugin.c", "//"),
    ("js", "src/plugin.ts", "//"),
    ("python", "src/plugin.py", "#"),
];
const ROUND: Duration = Duration::from_secs(2);

/// The step asks the host for nothing.
struct Nothing;

#[async_trait::async_trait]
impl HostCalls for Nothing {
    async fn call(&mut self, call: HostCall) -> Result<HostReply, Stop> {
        Ok(call.denied())
    }

    fn log(&mut self, _level: log::Level, _message: String) {}
}

/// A step in one language, ready to be activated.
struct Candidate {
    language: &'static str,
    first_build: f64,
    next_build: f64,
    size: f64,
    compile: f64,
    plugin: Plugin,
    /// Microseconds of every activation.
    times: Vec<f64>,
    usage: Usage,
}

fn main() -> Result<()> {
    let given = Given::given();
    let (rounds, time) = if given.quick {
        (1, given.round())
    } else {
        (given.rounds(), ROUND)
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let cache = tempfile::tempdir()?;
    let sandbox = Sandbox::new(Options::new(cache.path()))?;
    let place = tempfile::tempdir()?;
    let mut candidates = Vec::new();
    for (language, source, comment) in LANGUAGES {
        eprintln!("building the step in {language}");
        let project = made(place.path(), language)?;
        let first_build = built(&project)?;
        let mut file = std::fs::OpenOptions::new()
            .append(true)
            .open(project.join(source))
            .with_context(|| format!("{source} of the new project in {language}"))?;
        writeln!(file, "{comment} Another line.")?;
        let next_build = built(&project)?;
        let wasm = std::fs::read(project.join(format!("{}.wasm", name(language))))?;
        let size = wasm.len() as f64;
        let began = Instant::now();
        let inspection = runtime.block_on(sandbox.install(wasm.into()))?;
        let compile = began.elapsed().as_secs_f64();
        let granted = Granted {
            interfaces: inspection.interfaces(),
            limits: Limits::default(),
        };
        let missing = || async { Err("it is installed".into()) };
        let plugin = runtime.block_on(sandbox.load(&inspection.digest, &granted, missing))?;
        candidates.push(Candidate {
            language,
            first_build,
            next_build,
            size,
            compile,
            plugin,
            times: Vec::new(),
            usage: Usage::default(),
        });
    }
    for _ in 0..rounds {
        for candidate in &mut candidates {
            runtime.block_on(round(candidate, time))?;
        }
    }
    print(&figures(&mut candidates));
    Ok(())
}

fn name(language: &str) -> String {
    format!("greet-{language}")
}

fn jackfield(folder: &Path, arguments: &[&str]) -> Result<()> {
    let program = std::env::var_os("JACKFIELD_BIN")
        .context("JACKFIELD_BIN is not set; run it as `cargo xtask bench languages`")?;
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .env_remove("CARGO_TARGET_DIR")
        .env_remove("RUSTFLAGS")
        .output()?;
    ensure!(
        output.status.success(),
        "`jackfield {}` failed:\n{}{}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// A new project, with the packages that its language has from a registry.
fn made(place: &Path, language: &str) -> Result<PathBuf> {
    let name = name(language);
    jackfield(place, &["plugin", "new", &name, "--lang", language])?;
    let project = place.join(name);
    let authors = std::env::var_os("JACKFIELD_AUTHORS")
        .map_or_else(|| PathBuf::from("target/authors"), PathBuf::from);
    match language {
        "js" => symlink(
            authors.join("js/project/node_modules"),
            project.join("node_modules"),
        )?,
        "python" => symlink(authors.join("python"), project.join(".venv"))?,
        _ => {}
    }
    Ok(project)
}

/// Builds the project: the seconds that it took.
fn built(project: &Path) -> Result<f64> {
    let began = Instant::now();
    jackfield(project, &["plugin", "build"])?;
    Ok(began.elapsed().as_secs_f64())
}

async fn round(candidate: &mut Candidate, time: Duration) -> Result<()> {
    let invocation = Invocation {
        run_id: "run".into(),
        workflow: "bench".into(),
        step_id: "greet".into(),
        visit: 1,
        attempt: 1,
        settings: r#"{"greeting":"Good morning"}"#.into(),
        trigger: "{}".into(),
        variables: "{}".into(),
        contact: Some(r#"{"id":"ctc_1","firstname":"Ann"}"#.into()),
    };
    let began = Instant::now();
    while began.elapsed() < time {
        let one = Instant::now();
        let activated = candidate.plugin.start(&invocation, Nothing).await;
        candidate.times.push(one.elapsed().as_secs_f64() * 1e6);
        match activated.result {
            Ok(Ok(_)) => candidate.usage = activated.usage,
            Ok(Err(failure)) => anyhow::bail!("{}: {}", candidate.language, failure.message),
            Err(ended) => anyhow::bail!("{} ended: {}", candidate.language, ended.code()),
        }
    }
    Ok(())
}

/// Each kind of figure for each language, Rust's beside it.
fn figures(candidates: &mut [Candidate]) -> Vec<Figure> {
    for candidate in candidates.iter_mut() {
        candidate.times.sort_by(f64::total_cmp);
    }
    type Take = fn(&Candidate) -> f64;
    let kinds: [(&str, &str, Take); 8] = [
        ("first build", "s", |it| it.first_build),
        ("build after a change", "s", |it| it.next_build),
        ("component", "bytes", |it| it.size),
        ("compile at install", "s", |it| it.compile),
        ("activation p50", "us", |it| median(it.times.clone())),
        ("activation p99", "us", |it| percentile(&it.times, 0.99)),
        ("fuel", "units", |it| it.usage.fuel as f64),
        ("memory while running", "bytes", |it| {
            it.usage.memory_peak as f64
        }),
    ];
    let mut figures = Vec::new();
    for (what, unit, take) in kinds {
        let rust = take(&candidates[0]);
        for candidate in candidates.iter() {
            let name = format!("{what}, {}", candidate.language);
            figures.push(Figure::new(name, take(candidate), unit, rust));
        }
    }
    figures
}
