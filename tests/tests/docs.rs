//! The README's first workflow, as a new user types it: every command of the section is run, in its
//! order, against a host that begins with nothing.
//!
//! Only what must differ between a reader's machine and a test's is changed: the port (by
//! `JACKFIELD_LISTEN` and `JACKFIELD_URL`, and in addresses that the section writes out), the
//! folder (a new one, in which `target` is the checkout's), and `RUN_ID`, which stands for the run
//! that was just started. Builds are not run again. If the README changes and no longer works, this
//! fails.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_tests::{Host, PATIENCE, free_port, plugins, program, repository};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Commands that build: `cargo xtask test` has done so before.
const BUILDS: [&str; 2] = [
    "cargo xtask plugins",
    "cargo build --package jackfield-server",
];

/// A fenced block: its language and its lines.
struct Block<'a> {
    language: &'a str,
    text: &'a str,
}

/// The fenced blocks of a section, by its heading; behind anything else, of all that follows.
fn blocks<'a>(document: &'a str, heading: &str) -> Vec<Block<'a>> {
    let (_, section) = document
        .split_once(heading)
        .expect("the README has the section");
    let section = section.split("\n## ").next().unwrap();
    let mut blocks = Vec::new();
    let mut rest = section;
    while let Some((_, after)) = rest.split_once("\n```") {
        let (language, after) = after.split_once('\n').unwrap();
        let (text, after) = after.split_once("\n```").expect("every block ends");
        blocks.push(Block {
            language: language.trim(),
            text,
        });
        rest = after;
    }
    blocks
}

/// The commands of a console block: lines that begin with `$ `, with those that go on after a `\`.
fn commands(block: &str) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    let mut open = false;
    for line in block.lines() {
        match (line.strip_prefix("$ "), open) {
            (Some(command), _) => commands.push(command.to_owned()),
            (None, true) => {
                let last = commands.last_mut().expect("a command goes on");
                last.push('\n');
                last.push_str(line);
            }
            (None, false) => continue,
        }
        open = line.ends_with('\\');
    }
    commands
}

struct Reader {
    folder: tempfile::TempDir,
    url: String,
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
        let target = folder.path().join("target");
        std::fs::create_dir_all(target.join("debug")).unwrap();
        std::os::unix::fs::symlink(program(), target.join("debug/jackfield")).unwrap();
        std::os::unix::fs::symlink(plugins(), target.join("plugins")).unwrap();
        let url = format!("http://127.0.0.1:{}", free_port());
        Reader {
            folder,
            url,
            serving: None,
            run: None,
        }
    }

    /// A shell in the reader's folder.
    fn shell(&self, command: &str) -> Command {
        let mut shell = Command::new("bash");
        // An alias is one line's: here it is the function of every line.
        let typed = format!("jackfield() {{ target/debug/jackfield \"$@\"; }}\n{command}");
        shell
            .args(["-c", &typed])
            .current_dir(self.folder.path())
            .env("JACKFIELD_URL", &self.url)
            .env("JACKFIELD_LISTEN", self.url.trim_start_matches("http://"))
            .env_remove("JACKFIELD_DATA")
            .env_remove("JACKFIELD_KEY")
            .env_remove("JACKFIELD_PLUGINS")
            .stdin(Stdio::null());
        shell
    }

    /// Types a command, and gives what it printed.
    fn types(&mut self, command: &str) -> String {
        if BUILDS.contains(&command) || command == "alias jackfield=target/debug/jackfield" {
            return String::new();
        }
        assert!(
            !command.starts_with("cargo"),
            "what should `{command}` be in a test?"
        );
        if let Some(serve) = command.strip_suffix('&') {
            // `exec`, so that the host is the child, and can be ended by it.
            let serve = serve
                .trim()
                .replacen("jackfield", "exec target/debug/jackfield", 1);
            let log = std::fs::File::create(self.folder.path().join("host.log")).unwrap();
            let mut shell = self.shell(&serve);
            shell.stdout(log.try_clone().unwrap()).stderr(log);
            self.serving = Some(shell.spawn().expect("bash starts"));
            self.wait();
            return String::new();
        }
        let run = self.run.as_deref().unwrap_or("RUN_ID");
        let command = command
            .replace("RUN_ID", run)
            .replace("http://127.0.0.1:7420", &self.url);
        let done = self.shell(&command).output().expect("bash starts");
        let (out, err) = (
            String::from_utf8_lossy(&done.stdout),
            String::from_utf8_lossy(&done.stderr),
        );
        assert!(
            done.status.success(),
            "$ {command}\n{out}{err}{}",
            done.status
        );
        let started = out
            .lines()
            .filter_map(|line| line.trim().strip_prefix("started "))
            .find(|started| started.starts_with("run_"));
        if let Some(run) = started {
            self.run = Some(run.trim().to_owned());
        }
        out.into_owned()
    }

    fn wait(&mut self) {
        let began = Instant::now();
        let address = self.url.trim_start_matches("http://").to_owned();
        loop {
            let log = || std::fs::read_to_string(self.folder.path().join("host.log")).unwrap();
            // The reader sees the line that says so.
            if std::net::TcpStream::connect(&address).is_ok() && log().contains(" serves http") {
                return;
            }
            let child = self.serving.as_mut().unwrap();
            assert!(child.try_wait().unwrap().is_none(), "{}", log());
            assert!(began.elapsed() < PATIENCE, "{}", log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

#[test]
fn the_readmes_first_workflow_works_as_it_is_written() {
    let readme = std::fs::read_to_string(repository().join("README.md")).unwrap();
    let mut reader = Reader::new();
    let mut printed = String::new();
    let mut typed = 0;
    for block in blocks(&readme, "\n## Five minutes to the first workflow") {
        match block.language {
            "yaml" => {
                let name = block
                    .text
                    .lines()
                    .next()
                    .and_then(|line| line.strip_prefix("# "));
                let name = name.expect("a document begins with `# its-file.yaml`");
                std::fs::write(reader.folder.path().join(name), block.text).unwrap();
            }
            "console" => {
                for command in commands(block.text) {
                    typed += 1;
                    if command.starts_with("jackfield run show") {
                        // A reader is slower than the second that the workflow waits.
                        printed = until_completed(&mut reader, &command);
                    } else {
                        reader.types(&command);
                    }
                }
            }
            other => panic!("what is to be done with a block of `{other}`?"),
        }
    }
    assert!(typed >= 10, "only {typed} commands were found");
    for words in ["which-plan", "paying", "remember", "completed"] {
        assert!(printed.contains(words), "{words} is missing in\n{printed}");
    }
    let contact = reader.types("jackfield contact show email:ann@example.com --json");
    assert!(
        contact.contains("\"fr\""),
        "the workflow set the language: {contact}"
    );
}

fn until_completed(reader: &mut Reader, command: &str) -> String {
    let began = Instant::now();
    loop {
        let shown = reader.types(command);
        if shown.contains("completed") {
            return shown;
        }
        assert!(began.elapsed() < PATIENCE, "{shown}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// README, ARCHITECTURE and the pages of `docs`.
fn pages() -> Vec<PathBuf> {
    let mut pages = vec![
        repository().join("README.md"),
        repository().join("ARCHITECTURE.md"),
    ];
    for folder in [
        "docs",
        "docs/connectors",
        "docs/plugins",
        "docs/steps",
        "docs/triggers",
    ] {
        let entries = std::fs::read_dir(repository().join(folder))
            .unwrap()
            .flatten();
        pages.extend(
            entries
                .map(|entry| entry.path())
                .filter(|path| path.is_file()),
        );
    }
    pages
}

#[tokio::test]
async fn every_workflow_of_the_documents_and_examples_is_valid() {
    // What a workspace would have to have first.
    const THERE: [&str; 10] = [
        "unknown-channel",
        "unknown-template",
        "unknown-field",
        "unknown-snippet",
        "unknown-file",
        "unknown-list",
        "unknown-secret",
        "unknown-calendar",
        "unknown-team",
        "unknown-workflow",
    ];
    let host = Host::start().await;
    let mut found = Vec::new();
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        let all = text
            .split("\n```yaml\n")
            .skip(1)
            .filter_map(|rest| rest.split("\n```").next());
        for block in all {
            let first = block.lines().next().unwrap_or_default();
            if first.starts_with("# ") && first.ends_with(".yaml") {
                found.push((format!("{} {first}", page.display()), block.to_owned()));
            }
        }
    }
    for example in std::fs::read_dir(repository().join("examples/workflows"))
        .unwrap()
        .flatten()
    {
        if example.path().extension() == Some("yaml".as_ref()) {
            let text = std::fs::read_to_string(example.path()).unwrap();
            found.push((example.path().display().to_string(), text));
        }
    }
    assert!(found.len() >= 2, "{found:?}");
    let mut wrong = Vec::new();
    for (name, document) in found {
        let request = host
            .api
            .request(reqwest::Method::POST, "/v1/validate/workflow");
        let request = request
            .header("content-type", "application/yaml")
            .body(document);
        let said = host.api.send(request).await.ok();
        for problem in said["problems"].as_array().unwrap() {
            let code = problem["code"].as_str().unwrap();
            if problem["severity"] == "error" && !THERE.contains(&code) {
                wrong.push(format!(
                    "{name}:{}: {}",
                    problem["line"], problem["message"]
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_command_of_the_documents_is_one() {
    let reader = Reader::new();
    let mut wrong = Vec::new();
    let mut count = 0;
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        for block in blocks(&text, "\n")
            .iter()
            .filter(|block| block.language == "console")
        {
            for command in commands(block.text) {
                // Up to what the shell does with it, or says of it.
                let ends = [" #", " |", " >", " &", " <"]
                    .iter()
                    .filter_map(|end| command.find(end));
                let command = command[..ends.min().unwrap_or(command.len())]
                    .trim()
                    .to_owned();
                if !command.starts_with("jackfield ") {
                    continue;
                }
                count += 1;
                // Flags and subcommands before `--help` must be known; nothing is done.
                let done = reader.shell(&format!("{command} --help")).output().unwrap();
                if !done.status.success() {
                    let said = String::from_utf8_lossy(&done.stderr).into_owned();
                    wrong.push(format!("{}: {command}\n{said}", page.display()));
                }
            }
        }
    }
    assert!(count > 5, "{count}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_page_that_the_documents_link_to_is_there() {
    let mut missing = Vec::new();
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        let mut rest = text.as_str();
        while let Some((_, after)) = rest.split_once("](") {
            let Some((link, after)) = after.split_once(')') else {
                break;
            };
            rest = after;
            if link.contains("://") || link.starts_with('#') {
                continue;
            }
            let file = page
                .parent()
                .unwrap_or(Path::new(""))
                .join(link.split('#').next().unwrap());
            if !file.exists() {
                missing.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}
