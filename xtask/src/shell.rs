//! Running other programs, with errors that name the command line.
//!
//! Three ways: [`run`] shows the program's output as it comes, [`capture`] keeps it for xtask to
//! read, [`count_tests`] shows it and counts what `cargo test` reports in passing.

use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// How many characters of a failed program's words are repeated.
const MOST_WORDS: usize = 400;

/// The command as a person would type it.
pub(crate) fn shown(command: &Command) -> String {
    let mut line = Path::new(command.get_program())
        .file_name()
        .unwrap_or(command.get_program())
        .to_string_lossy()
        .into_owned();
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.to_string_lossy());
    }
    line
}

/// Runs `command` with its output on ours.
///
/// # Errors
/// When it cannot be started or ends with a status other than 0.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot start `{}`", shown(command)))?;
    if !status.success() {
        bail!("`{}` failed ({status})", shown(command));
    }
    Ok(())
}

/// Runs `command` and gives its standard output, trimmed.
///
/// # Errors
/// When it cannot be started or ends with a status other than 0; then with the end of what it said.
pub(crate) fn capture(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start `{}`", shown(command)))?;
    if !output.status.success() {
        bail!(
            "`{}` failed ({}): {}",
            shown(command),
            output.status,
            last_words(&output)
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// What a program said when it failed, on one line: its lines that begin with `error:` (`E:` is
/// apt's), else its last few; cut where it goes on and on.
pub(crate) fn last_words(output: &Output) -> String {
    let text = if output.stderr.is_empty() {
        &output.stdout
    } else {
        &output.stderr
    };
    let text = String::from_utf8_lossy(text);
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let errors: Vec<&str> = lines
        .iter()
        .copied()
        .filter(|line| ["error:", "E:"].iter().any(|mark| line.starts_with(mark)))
        .collect();
    let telling = if errors.is_empty() { lines } else { errors };
    let all = telling[telling.len().saturating_sub(3)..].join(" / ");
    match all.char_indices().nth(MOST_WORDS) {
        Some((end, _)) => format!("{}…", &all[..end]),
        None => all,
    }
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

/// The program `name` on the PATH.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
}

/// The cargo that runs us, so that a `cargo +toolchain xtask` stays on that toolchain.
pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// The rustc that goes with [`cargo`].
pub(crate) fn rustc() -> Command {
    Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
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
    fn a_failure_names_the_command_line_and_what_it_said() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo no such thing >&2; exit 3"]);
        let error = capture(&mut command).unwrap_err().to_string();
        assert!(error.contains("sh -c"), "{error}");
        assert!(error.contains("no such thing"), "{error}");
    }

    #[test]
    fn the_lines_that_name_an_error_are_shown_rather_than_what_comes_after() {
        let mut command = Command::new("sh");
        command.args([
            "-c",
            "echo 'error: no route' >&2; echo 'at frame 1' >&2; exit 1",
        ]);
        let error = capture(&mut command).unwrap_err().to_string();
        assert!(error.ends_with(": error: no route"), "{error}");
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
