//! `cargo xtask test`: everything that must hold before a change is taken, in stages.
//!
//! Cheap and telling stages come first; the first that fails ends the run, with a summary of what
//! was done and how long it took. Each stage can be run alone (`--only`), and brings for itself what
//! it needs. The stages are a table: what is run, in which order, is read there.

use crate::{authors, demo, deny, kill, peers, plugins, postgres, registry, repo, shell};
use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use shell::Tests;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

/// What `cargo xtask test` accepts.
#[derive(Args)]
pub(crate) struct Options {
    /// Run these stages alone, in the usual order (repeat the option for several)
    #[arg(long, value_name = "STAGE")]
    only: Vec<Stage>,
    /// List the stages and what each one does
    #[arg(long)]
    list: bool,
}

/// A stage, in the order of running.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Stage {
    Format,
    Plugins,
    Lints,
    Deny,
    Docs,
    Unit,
    PluginTests,
    EndToEnd,
    Demo,
}

impl Stage {
    fn name(self) -> String {
        self.to_possible_value()
            .map(|value| value.get_name().to_owned())
            .unwrap_or_default()
    }

    fn summary(self) -> &'static str {
        match self {
            Stage::Format => "cargo fmt --check, for the host and the SDK",
            Stage::Plugins => {
                "every plugin and example builds for wasm, is formatted and free of warnings"
            }
            Stage::Lints => "cargo clippy of the host and its tests, warnings being errors",
            Stage::Deny => "licences, bans, sources and advisories of every dependency",
            Stage::Docs => "cargo doc, broken links being errors",
            Stage::Unit => "the tests of every crate of the host",
            Stage::PluginTests => {
                "the native tests of the plugins, of the examples and of every SDK"
            }
            Stage::EndToEnd => "the real program with real plugins and real peers",
            Stage::Demo => "cargo xtask demo --exit",
        }
    }

    /// Runs the stage. Tests are counted also where the stage fails.
    fn run(self, tests: &mut Tests) -> Result<()> {
        match self {
            Stage::Format => format(),
            Stage::Plugins => plugins::build()
                .and_then(|()| authors::build())
                .and_then(|()| plugins::check()),
            Stage::Lints => cargo(&[
                "clippy",
                "--workspace",
                "--all-targets",
                "--",
                "-D",
                "warnings",
            ]),
            Stage::Deny => deny::check(),
            Stage::Docs => {
                let mut command = shell::cargo();
                command.args([
                    "doc",
                    "--workspace",
                    "--no-deps",
                    "--document-private-items",
                ]);
                // Private items are documented here, so links to them lead somewhere.
                command.env(
                    "RUSTDOCFLAGS",
                    "-D warnings -A rustdoc::private_intra_doc_links",
                );
                shell::run(&mut command)
            }
            Stage::Unit => {
                plugins::build()?;
                postgres::bring()?;
                registry::bring()?;
                let mut command = shell::cargo();
                command.args(["test", "--workspace", "--no-fail-fast"]);
                command.args(["--exclude", "jackfield-tests"]);
                with_paths(&mut command);
                count(&mut command, tests)
            }
            Stage::PluginTests => plugin_tests(tests),
            Stage::EndToEnd => end_to_end(tests),
            Stage::Demo => match demo::tell_and_exit()? {
                true => Ok(()),
                false => bail!("the demo did not end as it should"),
            },
        }
    }
}

/// Runs the stages that were asked for.
///
/// # Errors
/// When a stage cannot be run at all; a stage that fails is reported in the summary and by the exit
/// code.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    if options.list {
        for stage in Stage::value_variants() {
            println!("{:14} {}", stage.name(), stage.summary());
        }
        return Ok(ExitCode::SUCCESS);
    }
    let chosen: Vec<Stage> = Stage::value_variants()
        .iter()
        .copied()
        .filter(|stage| options.only.is_empty() || options.only.contains(stage))
        .collect();
    let mut done = Vec::new();
    let mut tests = Tests::default();
    let mut failure = None;
    for (place, stage) in chosen.iter().enumerate() {
        println!(
            "\n=== {}/{} {}: {}",
            place + 1,
            chosen.len(),
            stage.name(),
            stage.summary()
        );
        let begun = Instant::now();
        let mut counted = Tests::default();
        let outcome = stage.run(&mut counted);
        tests.add(counted);
        done.push((*stage, outcome.is_ok(), begun.elapsed()));
        if let Err(error) = outcome {
            failure = Some(error);
            break;
        }
    }
    print!("\n{}", summary(&chosen, &done, tests));
    Ok(match failure {
        None => ExitCode::SUCCESS,
        Some(error) => {
            println!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    })
}

/// One line for each stage, and one for the whole.
fn summary(chosen: &[Stage], done: &[(Stage, bool, Duration)], tests: Tests) -> String {
    let mut text = String::from("=== summary\n");
    for stage in chosen {
        let line = match done.iter().find(|(other, ..)| other == stage) {
            Some((_, passed, time)) => {
                let word = if *passed { "ok" } else { "FAILED" };
                format!("{word:8} {:7.1} s", time.as_secs_f64())
            }
            None => "not run".to_owned(),
        };
        text.push_str(&format!("{:14} {line}\n", stage.name()));
    }
    let passed = done.len() == chosen.len() && done.iter().all(|(_, passed, _)| *passed);
    let verdict = if passed {
        "all stages passed"
    } else {
        "the run stopped at the first failure"
    };
    text.push_str(&format!(
        "{verdict}; tests: {} passed, {} failed, {} ignored\n",
        tests.passed, tests.failed, tests.ignored
    ));
    text
}

fn format() -> Result<()> {
    cargo(&["fmt", "--all", "--check"])?;
    let sdk = repo::root().join("sdk/rust/Cargo.toml");
    if sdk.is_file() {
        let mut command = shell::cargo();
        command
            .args(["fmt", "--all", "--check", "--manifest-path"])
            .arg(sdk);
        shell::run(&mut command)?;
    }
    Ok(())
}

fn plugin_tests(tests: &mut Tests) -> Result<()> {
    let sdk = repo::root().join("sdk/rust/Cargo.toml");
    for manifest in plugins::manifests().into_iter().chain([sdk]) {
        println!("testing {}", repo::shown(&manifest));
        let mut command = plugins::host_cargo("test");
        command
            .args(["--workspace", "--manifest-path"])
            .arg(&manifest);
        count(&mut command, tests)?;
    }
    authors::test(tests)
}

fn end_to_end(tests: &mut Tests) -> Result<()> {
    plugins::build()?;
    authors::build()?;
    peers::bring()?;
    postgres::bring()?;
    registry::bring()?;
    kill::build_with_faults()?;
    let mut command = shell::cargo();
    // By name, out of the whole workspace: of one package alone cargo would select fewer features
    // of what it depends on, and build wasmtime and SQLite once more. One program that fails does
    // not keep the others from saying what else is wrong.
    command.args(["test", "--workspace", "--no-fail-fast"]);
    for name in end_to_end_names()? {
        command.args(["--test", &name]);
    }
    with_paths(&mut command);
    count(&mut command, tests)
}

/// The test programs of `tests/tests`: a file each, or a folder with a `main.rs`.
fn end_to_end_names() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(repo::root().join("tests/tests"))? {
        let path = entry?.path();
        let is_test =
            path.extension().is_some_and(|end| end == "rs") || path.join("main.rs").is_file();
        if let Some(name) = path
            .file_stem()
            .and_then(|name| name.to_str())
            .filter(|_| is_test)
        {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// Tells tests where the program, the plugins and the peers are.
pub(crate) fn with_paths(command: &mut Command) {
    command
        .env("JACKFIELD_BIN", repo::program("debug", "jackfield"))
        .env("JACKFIELD_FAULTS_BIN", repo::target("faults/jackfield"))
        .env("JACKFIELD_PLUGINS", repo::target("plugins"))
        .env("JACKFIELD_HOSTILE_PLUGINS", repo::target("plugins-hostile"))
        .env("JACKFIELD_EXAMPLE_PLUGINS", authors::output())
        .env(authors::VARIABLE, authors::folder())
        .env(peers::VARIABLE, peers::folder());
}

fn cargo(arguments: &[&str]) -> Result<()> {
    let mut command = shell::cargo();
    command.args(arguments);
    shell::run(&mut command)
}

fn count(command: &mut Command, tests: &mut Tests) -> Result<()> {
    let (counted, outcome) = shell::count_tests(command, &mut std::io::stdout())?;
    tests.add(counted);
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_says_what_passed_what_failed_and_what_was_not_run() {
        let text = summary(
            &[Stage::Format, Stage::Lints, Stage::EndToEnd],
            &[
                (Stage::Format, true, Duration::from_millis(1_240)),
                (Stage::Lints, false, Duration::from_secs(61)),
            ],
            Tests {
                passed: 3,
                failed: 1,
                ignored: 0,
            },
        );
        assert_eq!(
            text,
            "=== summary\n\
             format         ok           1.2 s\n\
             lints          FAILED      61.0 s\n\
             end-to-end     not run\n\
             the run stopped at the first failure; tests: 3 passed, 1 failed, 0 ignored\n"
        );
    }

    #[test]
    fn every_stage_has_a_name_and_says_what_it_does() {
        for stage in Stage::value_variants() {
            assert!(!stage.name().is_empty() && !stage.summary().is_empty());
        }
    }
}
