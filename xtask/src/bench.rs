//! `cargo xtask bench`: the benchmarks, against a release build of the host and the plugins.
//!
//! A benchmark is a `[[bench]]` target of any crate of the workspace; this command finds them, so
//! that a new one needs no entry here. Each gets the same variables as the tests, with the optimised
//! program behind `JACKFIELD_BIN`, and the options after `--`.
//!
//! With `--json` the standard output holds one list, the figures of every benchmark that ran, and
//! nothing else. Each benchmark prints its own list as its last line; what is no list of figures
//! fails the command.

use crate::{authors, peers_bench, plugins, repo, shell, test};
use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::Value;
use std::collections::BTreeSet;
use std::process::{Command, ExitCode, Stdio};

/// The benchmark of other engines, which are brought from their registries: it runs when asked for.
const PEERS: &str = "peers";
/// The benchmark that builds plugins in every language.
const LANGUAGES: &str = "languages";
/// What every figure has.
const FIELDS: [&str; 5] = ["name", "value", "unit", "ceiling", "ratio"];

/// What `cargo xtask bench` accepts.
#[derive(Args)]
pub(crate) struct Options {
    /// Run only the benchmarks whose name contains this
    filter: Option<String>,
    /// Print one list of {"name", "value", "unit", "ceiling", "ratio"}, and nothing else on
    /// standard output
    #[arg(long)]
    json: bool,
    /// Run the same workflow on other engines instead, side by side
    #[arg(long, conflicts_with = "filter")]
    peers: bool,
    /// The cargo profile of what is measured
    #[arg(long, value_name = "NAME", default_value = "release")]
    profile: String,
    /// Options for the benchmarks themselves, after `--` (`-- --help` lists them)
    #[arg(last = true)]
    rest: Vec<String>,
}

impl Options {
    fn wants(&self, name: &str) -> bool {
        match &self.filter {
            None => (name == PEERS) == self.peers,
            Some(filter) => name.contains(filter),
        }
    }

    /// As a flag of this command or among those of the benchmarks.
    fn wants_json(&self) -> bool {
        self.json || self.rest.iter().any(|option| option == "--json")
    }

    /// The options of the benchmarks.
    fn handed_on(&self) -> Vec<&str> {
        let rest = self.rest.iter().map(String::as_str);
        let rest = rest.filter(|option| *option != "--json");
        rest.chain(self.wants_json().then_some("--json")).collect()
    }
}

/// Runs the benchmarks one after another.
///
/// # Errors
/// When there is none of that name, or one fails.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let mut metadata = shell::cargo();
    metadata.args(["metadata", "--no-deps", "--format-version", "1"]);
    let metadata: Value = serde_json::from_str(&shell::capture(&mut metadata)?)
        .context("`cargo metadata` did not answer in JSON")?;
    let all = benchmarks(&metadata);
    let chosen: Vec<_> = all.iter().filter(|(_, name)| options.wants(name)).collect();
    if chosen.is_empty() {
        let names: Vec<&str> = all.iter().map(|(_, name)| name.as_str()).collect();
        bail!(
            "no benchmark was chosen; there are {}: {}",
            names.len(),
            names.join(", ")
        );
    }
    if chosen.iter().any(|(_, name)| name == PEERS) {
        peers_bench::bring()?;
    }
    if chosen.iter().any(|(_, name)| name == LANGUAGES) {
        authors::bring()?;
    }
    plugins::build()?;
    let mut build = cargo("build", options, &all);
    shell::run(build.args(["--bin", "jackfield"]))?;
    let mut figures = Vec::new();
    for (package, name) in chosen {
        eprintln!("\n=== {name} ({package})");
        let mut command = cargo("bench", options, &all);
        command.args(["--bench", name, "--"]);
        command.args(options.handed_on());
        if options.wants_json() {
            figures.extend(measured(&mut command)?);
        } else {
            shell::run(&mut command)?;
        }
    }
    if options.wants_json() {
        println!("{}", Value::Array(figures));
    }
    Ok(ExitCode::SUCCESS)
}

/// Cargo for the host and the benchmarks together: for one alone it would choose other features of
/// the libraries, and build those once more.
fn cargo(what: &str, options: &Options, benchmarks: &[(String, String)]) -> Command {
    let mut command = shell::cargo();
    command.args([what, "--profile", &options.profile]);
    let mut packages = BTreeSet::from(["jackfield-server"]);
    packages.extend(benchmarks.iter().map(|(package, _)| package.as_str()));
    for package in packages {
        command.args(["--package", package]);
    }
    test::with_paths(&mut command);
    let program = repo::program(&options.profile, "jackfield");
    command.env("JACKFIELD_BIN", program);
    command.env(peers_bench::VARIABLE, peers_bench::folder());
    command
}

/// Runs a benchmark that prints its figures as JSON, and gives them.
fn measured(command: &mut Command) -> Result<Vec<Value>> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start `{}`", shell::shown(command)))?;
    if !output.status.success() {
        bail!("`{}` failed ({})", shell::shown(command), output.status);
    }
    figures(&String::from_utf8_lossy(&output.stdout))
        .with_context(|| format!("`{}` did not print its figures", shell::shown(command)))
}

/// The figures on the last line of what a benchmark printed.
fn figures(printed: &str) -> Result<Vec<Value>> {
    let line = printed.lines().rev().find(|line| !line.trim().is_empty());
    let figures: Vec<Value> = serde_json::from_str(line.unwrap_or_default())
        .context("the last line is no list of figures")?;
    for figure in &figures {
        let complete = figure
            .as_object()
            .is_some_and(|figure| FIELDS.iter().all(|field| figure.contains_key(*field)));
        if !complete {
            bail!("{figure} is no figure: it has {}", FIELDS.join(", "));
        }
    }
    Ok(figures)
}

/// Package and name of every `[[bench]]` target.
fn benchmarks(metadata: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        for target in package["targets"].as_array().into_iter().flatten() {
            let is_bench = target["kind"]
                .as_array()
                .into_iter()
                .flatten()
                .any(|kind| kind == "bench");
            if let (true, Some(package), Some(name)) =
                (is_bench, package["name"].as_str(), target["name"].as_str())
            {
                found.push((package.to_owned(), name.to_owned()));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use clap::Parser;
    use serde_json::json;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn given(words: &[&str]) -> Options {
        Line::parse_from([&["bench"], words].concat()).options
    }

    #[test]
    fn json_may_be_asked_for_on_either_side() {
        for words in [
            &["--json", "--", "--quick"][..],
            &["--", "--json", "--quick"],
        ] {
            let options = given(words);
            assert!(options.wants_json());
            assert_eq!(options.handed_on(), ["--quick", "--json"]);
        }
        assert!(!given(&["--", "--quick"]).wants_json());
    }

    #[test]
    fn peers_run_when_they_are_asked_for_and_alone() {
        let usual = given(&[]);
        assert!(usual.wants("workflow") && !usual.wants(PEERS));
        let peers = given(&["--peers"]);
        assert!(!peers.wants("workflow") && peers.wants(PEERS));
        assert!(given(&["flow"]).wants("workflow") && !given(&["flow"]).wants("hostile"));
    }

    #[test]
    fn what_a_benchmark_prints_is_taken_only_if_it_is_figures() {
        let printed = r#"warming up
[{"name": "runs", "value": 3.0, "unit": "1/s", "ceiling": null, "ratio": null}]
"#;
        let figure = json!(
            {"name": "runs", "value": 3.0, "unit": "1/s", "ceiling": null, "ratio": null}
        );
        assert_eq!(figures(printed).unwrap(), [figure]);
        assert!(figures("[]").unwrap().is_empty());
        for wrong in [
            "",
            "no list",
            "{}",
            r#"[{"name": "runs", "value": 3.0}]"#,
            "[1]",
        ] {
            assert!(figures(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_bench_target_is_found_and_nothing_else() {
        let metadata = json!({"packages": [
            {"name": "jackfield-tests", "targets": [
                {"name": "workflow", "kind": ["bench"]},
                {"name": "jackfield_tests", "kind": ["lib"]}]},
        ]});
        assert_eq!(
            benchmarks(&metadata),
            [("jackfield-tests".to_owned(), "workflow".to_owned())]
        );
    }
}
