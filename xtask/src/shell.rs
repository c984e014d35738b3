//! Running other programs, with errors that name the command line.
//!
//! Three ways: [`run`] shows the program's output as it comes, [`capture`] keeps it for xtask to
//! read, [`count_tests`] shows it and counts what `cargo test` reports in passing.

use anyhow::{Context, Result};
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use jackfield_authoring::shell;
pub(crate) use jackfield_authoring::shell::{cargo, find, rustc, shown};

/// Runs `command` with its output on ours.
///
/// # Errors
/// When it cannot be started or ends with a status other than 0.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    Ok(shell::run(command)?)
}

/// Runs `command` and gives its standard output, trimmed.
///
/// # Errors
/// When it cannot be started or ends with a status other than 0; then with the end of what it said.
pub(crate) fn capture(command: &mut Command) -> Result<String> {
    Ok(shell::capture(command)?)
}

/// What `cargo test` reported, summed over its programs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tests {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) ignored: u64,
}

impl Tests {
    /// Adds what one line says, if it is a closing line of a test program
    /// (`test result: ok. 3 passed; 0 failed; 1 ignored; …`).
    fn read(&mut self, line: &str) {
        let Some(result) = line.trim_start().strip_prefix("test result: ") else {
            return;
        };
        for part in result.split([';', '.']) {
            let mut words = part.split_whitespace();
            let (Some(count), Some(what), None) = (words.next(), words.next(), words.next()) else {
                continue;
            };
            let Ok(count) = count.parse::<u64>() else {
                continue;
            };
            match what {
                "passed" => self.passed += count,
                "failed" => self.failed += count,
                "ignored" => self.ignored += count,
                _ => {}
            }
        }
    }

    /// Adds another count.
    pub(crate) fn add(&mut self, other: Tests) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }
}

/// Runs a `cargo test` command, copying every line to `out` as it comes, and counts its tests.
/// The count is right also when tests fail; the second value says whether they did.
///
/// # Errors
/// When the command cannot be started or its output cannot be read.
pub(crate) fn count_tests(
    command: &mut Command,
    out: &mut dyn Write,
) -> Result<(Tests, Result<()>)> {
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{}`", shown(command)))?;
    let mut tests = Tests::default();
    if let Some(stdout) = child.stdout.take() {
        let mut lines = BufReader::new(stdout);
        let mut line = Vec::new();
        // Bytes, not text: a test may print what is not UTF-8.
        while lines
            .read_until(b'\n', &mut line)
            .context("cannot read a test's output")?
            > 0
        {
            out.write_all(&line)
                .context("cannot show a test's output")?;
            tests.read(&String::from_utf8_lossy(&line));
            line.clear();
        }
    }
    let status = child
        .wait()
        .with_context(|| format!("`{}` was lost", shown(command)))?;
    let outcome = if status.success() {
        Ok(())
    } else {
        Err(anyhow::anyhow!("`{}` failed ({status})", shown(command)))
    };
    Ok((tests, outcome))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_closing_lines_of_cargo_test_are_summed() {
        let mut tests = Tests::default();
        tests.read("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.31s");
        tests.read("test result: FAILED. 2 passed; 3 failed; 0 ignored; 0 measured; 4 filtered out; finished in 1.00s");
        tests.read("test result_is_kept ... ok");
        tests.read("running 4 tests");
        assert_eq!(
            tests,
            Tests {
                passed: 14,
                failed: 3,
                ignored: 1
            }
        );
    }

    #[test]
    fn tests_are_counted_also_when_the_command_fails() {
        let mut command = Command::new("sh");
        command.args([
            "-c",
            "echo 'test result: FAILED. 1 passed; 1 failed; 0 ignored'; exit 101",
        ]);
        let mut shown = Vec::new();
        let (tests, outcome) = count_tests(&mut command, &mut shown).unwrap();
        assert!(shown.starts_with(b"test result: FAILED."));
        assert_eq!(
            tests,
            Tests {
                passed: 1,
                failed: 1,
                ignored: 0
            }
        );
        assert!(outcome.is_err());
    }
}
