//! The tutorials `docs/plugins/{rust,javascript,python,c}.md`, typed as they stand there, in an empty
//! folder outside of the repository: every command, the change of one line, the files; and what the
//! pages show is what is printed.
//!
//! Only what must differ between a reader's machine and a test's is changed: the port, `RUN_ID`,
//! which stands for the run that was just started, and the tool-chains, which are those that
//! `cargo xtask examples` has brought, so that nothing is fetched.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_tests::page::{Block, Typed, blocks, differs, typed};
use jackfield_tests::{Done, PATIENCE, free_port, program, repository};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Commands that bring tools to the machine: `cargo xtask test` has done so before.
const TOOLS: [&str; 4] = [
    "rustup target add wasm32-unknown-unknown",
    "sudo apt-get install nodejs npm",
    "sudo apt-get install python3 python3-venv",
    "sudo apt-get install clang-19 lld-19 libclang-rt-19-dev-wasm32 wasi-libc",
];

/// Commands that bring packages into the project, and where those are instead: from the tool-chains'
/// folder, and in the project.
const PACKAGES: [(&str, &str, &str); 3] = [
    (
        "npm ci --prefix greet",
        "js/project/node_modules",
        "greet/node_modules",
    ),
    ("python3 -m venv greet/.venv", "python", "greet/.venv"),
    (
        "greet/.venv/bin/pip install -r greet/requirements.txt",
        "",
        "",
    ),
];

/// Where a page says that its host listens.
const USUAL: &str = "127.0.0.1:7420";

/// Somebody who types a page.
struct Reader {
    folder: tempfile::TempDir,
    address: String,
    serving: Option<Child>,
    run: Option<String>,
}

impl Drop for Reader {
    fn drop(&mut self) {
        if let Some(child) = &mut self.serving {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Reader {
    fn new() -> Reader {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(".bin")).unwrap();
        std::os::unix::fs::symlink(program(), folder.path().join(".bin/jackfield")).unwrap();
        Reader {
            folder,
            address: format!("127.0.0.1:{}", free_port()),
            serving: None,
            run: None,
        }
    }

    /// A shell in the reader's folder, which finds the program.
    fn shell(&self, command: &str) -> Command {
        let mut shell = Command::new("bash");
        let path = std::env::var("PATH").unwrap_or_default();
        let bin = self.folder.path().join(".bin");
        shell
            .args(["-c", command])
            .current_dir(self.folder.path())
            .env("PATH", format!("{}:{path}", bin.display()))
            .env("JACKFIELD_URL", format!("http://{}", self.address))
            .env("JACKFIELD_LISTEN", &self.address)
            // Several hosts run at the same time, and each reserves address space.
            .env("JACKFIELD_MAX_ACTIVATIONS", "32")
            .env_remove("JACKFIELD_DATA")
            .env_remove("JACKFIELD_KEY")
            .env_remove("JACKFIELD_PLUGINS")
            .env_remove("JACKFIELD_WORKSPACE")
            // What was compiled before is shared.
            .env("CARGO_TARGET_DIR", repository().join("target/wasm"))
            .env("XDG_CACHE_HOME", repository().join("target/trial-cache"))
            .env_remove("RUSTFLAGS")
            .stdin(Stdio::null());
        shell
    }

    fn types(&mut self, typed: &Typed) {
        let command = typed.command.as_str();
        if TOOLS.contains(&command) {
            return;
        }
        if let Some((_, from, to)) = PACKAGES.iter().find(|(known, ..)| *known == command) {
            if !from.is_empty() {
                let authors = std::env::var_os("JACKFIELD_AUTHORS")
                    .map_or_else(|| repository().join("target/authors"), PathBuf::from);
                let to = self.folder.path().join(to);
                std::os::unix::fs::symlink(authors.join(from), to).unwrap();
            }
            return;
        }
        assert!(
            command.starts_with("jackfield "),
            "what should `{command}` be in a test?"
        );
        let shown: Vec<String> = typed
            .shown
            .iter()
            .map(|line| line.replace(USUAL, &self.address))
            .collect();
        if command == "jackfield serve" {
            return self.serves(&shown);
        }
        let run = self.run.as_deref().unwrap_or("RUN_ID");
        let command = command.replace("RUN_ID", run);
        let began = Instant::now();
        loop {
            let done: Done = self.shell(&command).output().expect("bash starts").into();
            assert!(
                done.status.success(),
                "$ {command}\n{}{}",
                done.out,
                done.err
            );
            let Some(wrong) = differs(&shown, &done.out) else {
                let started = done.out.lines().find_map(|line| {
                    let run = line.trim().strip_prefix("started ")?;
                    run.starts_with("run_").then(|| run.to_owned())
                });
                self.run = started.or(self.run.take());
                return;
            };
            // A reader is slower than a run.
            assert!(
                command.starts_with("jackfield run ") && began.elapsed() < PATIENCE,
                "$ {command}\n{}\nthe page shows:\n{wrong}",
                done.out
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// The reader's other terminal.
    fn serves(&mut self, shown: &[String]) {
        let file = self.folder.path().join("host.log");
        let log = std::fs::File::create(&file).unwrap();
        // `exec`, so that the host is the child, and can be ended by it.
        let mut shell = self.shell("exec jackfield serve");
        shell.stdout(log.try_clone().unwrap()).stderr(log);
        let mut child = shell.spawn().expect("bash starts");
        let began = Instant::now();
        loop {
            let log = std::fs::read_to_string(&file).unwrap();
            let Some(wrong) = differs(shown, &log) else {
                break;
            };
            assert!(child.try_wait().unwrap().is_none(), "{log}");
            assert!(
                began.elapsed() < PATIENCE,
                "{log}\nthe page shows:\n{wrong}"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        self.serving = Some(child);
    }

    /// `--- FILE`, and lines with `-` and `+`: each of the former stands in the file once, and gives
    /// way to the one behind it.
    fn changes(&self, diff: &str) {
        let (file, lines) = diff.split_once('\n').expect("a change has lines");
        let file = file.strip_prefix("--- ").expect("it names its file");
        let path = self.folder.path().join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        let (old, new) = lines.split_once("\n+").expect("it is of one line");
        let old = old.strip_prefix('-').expect("it is of one line");
        assert!(!old.contains('\n') && !new.contains('\n'), "{diff}");
        assert_eq!(
            text.lines().filter(|line| *line == old).count(),
            1,
            "{file} has the line once:\n{old}"
        );
        std::fs::write(path, text.replacen(old, new, 1)).unwrap();
    }

    /// The first line says where it belongs.
    fn writes(&self, text: &str) {
        let first = text.lines().next().unwrap_or_default();
        let (path, before) = if let Some(file) = first.strip_prefix("# at the end of ") {
            let file = file.trim_end_matches(':');
            let path = self.folder.path().join(file);
            let before = std::fs::read_to_string(&path).unwrap();
            (path, before)
        } else {
            let file = first
                .strip_prefix("# ")
                .and_then(|rest| rest.split(',').next());
            let file = file.expect("a document begins with `# its-file.yaml, …`");
            (self.folder.path().join(file), String::new())
        };
        std::fs::write(path, format!("{before}{text}\n")).unwrap();
    }
}

fn followed(page: &str) {
    let text = std::fs::read_to_string(repository().join("docs/plugins").join(page)).unwrap();
    let mut reader = Reader::new();
    let mut commands = 0;
    let mut changes = 0;
    for Block { language, text } in blocks(&text) {
        match language {
            "console" => {
                for typed in typed(text) {
                    commands += 1;
                    reader.types(&typed);
                }
            }
            "diff" => {
                changes += 1;
                reader.changes(text);
            }
            "yaml" => reader.writes(text),
            other => panic!("what is to be done with a block of `{other}`?"),
        }
    }
    assert!(commands >= 12, "only {commands} commands were found");
    assert_eq!(changes, 1, "one line is changed");
    assert!(reader.run.is_some(), "a run was started");
}

#[test]
fn the_tutorial_in_rust_goes_as_it_is_written() {
    followed("rust.md");
}

#[test]
fn the_tutorial_in_typescript_goes_as_it_is_written() {
    followed("javascript.md");
}

#[test]
fn the_tutorial_in_python_goes_as_it_is_written() {
    followed("python.md");
}

#[test]
fn the_tutorial_in_c_goes_as_it_is_written() {
    followed("c.md");
}
