//! The commands against a host: what they print, and the exit codes that programs act on.

#![allow(clippy::unwrap_used, missing_docs)]

use jackfield_server::{Host, Options, serve};
use serde_json::Value;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// A host with its folder.
struct Fixture {
    host: Host,
    folder: TempDir,
}

/// Lets nobody else look into a folder, as a host's own is made.
fn private(folder: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700)).unwrap();
}

impl Fixture {
    async fn new() -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        private(folder.path());
        let mut options = Options::in_folder(folder.path());
        options.max_activations = Some(2);
        Fixture {
            host: serve(&options).await.unwrap(),
            folder,
        }
    }

    /// Runs a command with the operator's key of the folder.
    async fn run(&self, line: &str) -> Output {
        self.run_with(line, "").await
    }

    async fn run_with(&self, line: &str, input: &'static str) -> Output {
        jackfield(&self.host.url(), self.folder.path(), line, input).await
    }

    fn file(&self, name: &str, content: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    }
}

async fn jackfield(url: &str, data: &Path, line: &str, input: &'static str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jackfield"));
    command
        .args(line.split_whitespace())
        .env_remove("JACKFIELD_KEY")
        .env_remove("JACKFIELD_WORKSPACE")
        .env("JACKFIELD_URL", url)
        .env("JACKFIELD_DATA", data)
        .env("TZ", "UTC")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    tokio::task::spawn_blocking(move || {
        let mut child = command.spawn().unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        child.wait_with_output().unwrap()
    })
    .await
    .unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

const GREET: &str =
    "name: greet\ntrigger: {event: call.ended}\nsteps:\n  pause: {uses: wait@1, with: {for: 1d}}\n";

#[tokio::test(flavor = "multi_thread")]
async fn exit_codes_say_what_happened() {
    let fixture = Fixture::new().await;
    for (line, wanted) in [
        ("run list", 0),
        ("workflow list", 0),
        ("run", 2),
        ("secret set token --file /no/such/file", 2),
        ("run show run_1", 3),
        ("workflow show none", 3),
        ("contact show nobody", 4),
        (
            "message send --channel none --to x --text y --class internal",
            3,
        ),
        ("doctor", 0),
        ("openapi", 0),
    ] {
        let output = fixture.run(line).await;
        assert_eq!(
            code(&output),
            wanted,
            "{line}: {}{}",
            out(&output),
            err(&output)
        );
    }
    let nowhere = jackfield("http://127.0.0.1:9", fixture.folder.path(), "run list", "").await;
    assert_eq!(code(&nowhere), 5, "{}", err(&nowhere));
    assert!(
        err(&nowhere).contains("jackfield serve"),
        "{}",
        err(&nowhere)
    );
    let keyless = jackfield(&fixture.host.url(), Path::new("/none"), "run list", "").await;
    assert_eq!(code(&keyless), 2, "{}", err(&keyless));
    assert!(err(&keyless).contains("JACKFIELD_KEY"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_is_validated_without_and_with_a_host() {
    let fixture = Fixture::new().await;
    let wrong = fixture.file("wrong.yaml", "name: greet\ntriger: {event: x}\nsteps: {}\n");
    let output = fixture
        .run(&format!("workflow validate {wrong} --offline"))
        .await;
    assert_eq!(code(&output), 4);
    let place = format!("{wrong}:2:1: ");
    assert!(
        out(&output)
            .lines()
            .any(|line| line.starts_with(&place) && line.ends_with("(did you mean `trigger`?)")),
        "{}",
        out(&output)
    );
    let right = fixture.file("right.yaml", GREET);
    let output = fixture
        .run(&format!("workflow validate {right} --offline"))
        .await;
    assert_eq!(code(&output), 0, "{}{}", out(&output), err(&output));
    assert!(
        out(&output).contains("workflow greet is valid"),
        "{}",
        out(&output)
    );
    // The host knows that no plugin `wait` is installed.
    let output = fixture.run(&format!("workflow validate {right}")).await;
    assert_eq!(code(&output), 4, "{}{}", out(&output), err(&output));
    assert!(out(&output).contains("wait@1"), "{}", out(&output));
    // Without a host the document itself is still looked at.
    let output = jackfield(
        "http://127.0.0.1:9",
        fixture.folder.path(),
        &format!("workflow validate {right}"),
        "",
    )
    .await;
    assert_eq!(code(&output), 0);
    assert!(
        out(&output).contains("No host was asked"),
        "{}",
        out(&output)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn people_get_tables_and_programs_get_json() {
    let fixture = Fixture::new().await;
    let file = fixture.file("greet.yaml", GREET);
    let output = fixture.run(&format!("workflow put {file}")).await;
    assert_eq!(code(&output), 0, "{}", err(&output));
    let output = fixture.run("workflow list").await;
    let text = out(&output);
    assert!(text.starts_with("NAME"), "{text}");
    assert!(text.contains("greet") && text.contains("draft"), "{text}");
    assert!(
        !text.contains('\x1b'),
        "no colours away from a terminal: {text}"
    );
    let output = fixture.run("workflow list --json").await;
    let list: Value = serde_json::from_str(&out(&output)).unwrap();
    assert_eq!(list[0]["name"], "greet");
    let output = fixture.run("run show run_1 --json").await;
    let problem: Value = serde_json::from_str(&err(&output)).unwrap();
    assert_eq!(problem["code"], "not-found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_comes_from_standard_input_and_is_not_shown() {
    let fixture = Fixture::new().await;
    let output = fixture
        .run_with("secret set crm-token", "hunter2-hunter2\n")
        .await;
    assert_eq!(code(&output), 0, "{}", err(&output));
    let output = fixture.run("secret list").await;
    assert!(out(&output).contains("crm-token"), "{}", out(&output));
    assert!(!out(&output).contains("hunter2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_made_used_and_revoked() {
    let fixture = Fixture::new().await;
    let output = fixture.run("key create ci --scope runs:read --json").await;
    let made: Value = serde_json::from_str(&out(&output)).unwrap();
    let with_key = |line: &'static str| {
        let key = made["key"].as_str().unwrap().to_owned();
        let url = fixture.host.url();
        tokio::task::spawn_blocking(move || {
            Command::new(env!("CARGO_BIN_EXE_jackfield"))
                .args(line.split_whitespace())
                .env("JACKFIELD_URL", url)
                .env("JACKFIELD_KEY", key)
                .output()
                .unwrap()
        })
    };
    assert_eq!(code(&with_key("run list").await.unwrap()), 0);
    assert_eq!(code(&with_key("workflow list").await.unwrap()), 4);
    let output = fixture
        .run(&format!("key revoke {}", made["id"].as_str().unwrap()))
        .await;
    assert_eq!(code(&output), 0, "{}", err(&output));
    let refused = with_key("run list").await.unwrap();
    assert_eq!(code(&refused), 4);
    assert!(err(&refused).contains("revoked"), "{}", err(&refused));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_says_what_became_of_it() {
    let fixture = Fixture::new().await;
    let output = fixture
        .run("event send call.ended --contact phone:+33612345678 --data {}")
        .await;
    assert_eq!(code(&output), 0, "{}", err(&output));
    assert!(
        out(&output).starts_with("accepted as evt_"),
        "{}",
        out(&output)
    );
    let output = fixture.run("contact show phone:+33612345678").await;
    assert!(out(&output).contains("+33612345678"), "{}", out(&output));
    let output = fixture
        .run("contact set phone:+33612345678 firstname=Ada")
        .await;
    assert!(
        out(&output).contains("Ada"),
        "{}{}",
        out(&output),
        err(&output)
    );
}
