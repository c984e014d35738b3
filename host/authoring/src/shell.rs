//! Running the tool-chains of plugins: other programs, with errors that name the command line.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output, Stdio};

/// How many characters of a failed program's words are repeated.
const MOST_WORDS: usize = 400;

/// A program could not be run, or failed.
#[derive(Debug, thiserror::Error)]
pub enum ShellError {
    /// It could not be started.
    #[error("`{command}` cannot be started: {cause}")]
    Start {
        /// As a person would type it.
        command: String,
        /// Why.
        cause: std::io::Error,
    },
    /// It ended with a status other than 0.
    #[error("`{command}` failed ({status}){said}")]
    Failed {
        /// As a person would type it.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// The end of what it said, where that is not on the terminal already.
        said: String,
    },
}

/// The command as a person would type it.
#[must_use]
pub fn shown(command: &Command) -> String {
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

/// Runs a program with its output on ours.
///
/// # Errors
/// When it cannot be started or ends with a status other than 0.
pub fn run(command: &mut Command) -> Result<(), ShellError> {
    let status = command.status().map_err(|cause| ShellError::Start {
        command: shown(command),
        cause,
    })?;
    if status.success() {
        return Ok(());
    }
    Err(ShellError::Failed {
        command: shown(command),
        status,
        said: String::new(),
    })
}

/// Runs a program and gives its standard output, trimmed.
///
/// # Errors
/// When it cannot be started or ends with a status other than 0; then with the end of what it said.
pub fn capture(command: &mut Command) -> Result<String, ShellError> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|cause| ShellError::Start {
            command: shown(command),
            cause,
        })?;
    if !output.status.success() {
        return Err(ShellError::Failed {
            command: shown(command),
            status: output.status,
            said: format!(": {}", last_words(&output)),
        });
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// What a program said when it failed, on one line: its lines that begin with `error:` (`E:` is
/// apt's), else its last few; cut where it goes on and on.
fn last_words(output: &Output) -> String {
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

/// Where a program is on the PATH.
#[must_use]
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// The PATH with folders before it.
pub(crate) fn path_with(first: &[PathBuf]) -> OsString {
    let rest = std::env::var_os("PATH").unwrap_or_default();
    let folders = first.iter().cloned().chain(std::env::split_paths(&rest));
    // A folder whose name contains the separator cannot stand on any PATH; then it stays as it was.
    std::env::join_paths(folders).unwrap_or(rest)
}

/// The cargo in use: where cargo started us, that one, so that `cargo +toolchain` stays on it.
#[must_use]
pub fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// The rustc that goes with [`cargo`].
#[must_use]
pub fn rustc() -> Command {
    Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

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
}
