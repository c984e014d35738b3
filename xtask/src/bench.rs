//! `cargo xtask bench`: the benchmarks, against a release build of the host and the plugins.
//!
//! A benchmark is a `[[bench]]` target of any crate of the workspace; this command finds them, so
//! that a new one needs no entry here. Each gets the same variables as the tests, with the release
//! program behind `JACKFIELD_BIN`.

use crate::{plugins, repo, shell, test};
use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::Value;
use std::process::ExitCode;

/// What `cargo xtask bench` accepts.
#[derive(Args)]
pub(crate) struct Options {
    /// Run only the benchmarks whose name contains this
    filter: Option<String>,
    /// Options for the benchmarks themselves, after `--`
    #[arg(last = true)]
    rest: Vec<String>,
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
    let chosen: Vec<_> = all
        .iter()
        .filter(|(_, name)| {
            options
                .filter
                .as_ref()
                .is_none_or(|filter| name.contains(filter))
        })
        .collect();
    if chosen.is_empty() {
        let names: Vec<&str> = all.iter().map(|(_, name)| name.as_str()).collect();
        bail!(
            "no benchmark was chosen; there are {}: {}",
            names.len(),
            names.join(", ")
        );
    }
    plugins::build()?;
    let mut build = shell::cargo();
    build.args(["build", "--release", "--package", "jackfield-server"]);
    shell::run(&mut build)?;
    for (package, name) in chosen {
        println!("\n=== {name} ({package})");
        let mut command = shell::cargo();
        command
            .args(["bench", "--package", package, "--bench", name, "--"])
            .args(&options.rest);
        test::with_paths(&mut command);
        command.env("JACKFIELD_BIN", repo::program("release", "jackfield"));
        shell::run(&mut command)?;
    }
    Ok(ExitCode::SUCCESS)
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
    use super::*;
    use serde_json::json;

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
