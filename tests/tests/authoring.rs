//! A third party's plugin, from an empty folder to a run of a workflow, with the program alone: what
//! `docs/plugin-authors.md` begins with, typed as it stands there, and what goes wrong on the way.
//!
//! The folder is outside of the repository. Only what was compiled before is shared (the target
//! folders); the versions of libraries are those of the SDK's lock file.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_tests::{Done, Host, program, repository};
use serde_json::{Value, json};
use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

/// A program as an author types it in their folder.
fn typed(folder: &Path, program: &OsStr, arguments: &[&str]) -> Done {
    let target = if program == "cargo" {
        "target/plugin-authors"
    } else {
        "target/wasm"
    };
    Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", repository().join(target))
        .env_remove("RUSTFLAGS")
        .env_remove("JACKFIELD_URL")
        .output()
        .unwrap()
        .into()
}

fn jackfield(folder: &Path, arguments: &[&str]) -> Done {
    typed(folder, program().as_os_str(), arguments)
}

/// The commands of the first console block of the page's first section.
fn commands_of_the_page() -> Vec<String> {
    let page = std::fs::read_to_string(repository().join("docs/plugin-authors.md")).unwrap();
    let (_, rest) = page
        .split_once("## From an empty folder")
        .expect("the section");
    let (_, rest) = rest.split_once("```console\n").expect("its commands");
    let (block, _) = rest.split_once("\n```").expect("their end");
    let commands = block.lines().filter_map(|line| line.strip_prefix("$ "));
    commands.map(str::to_owned).collect()
}

#[tokio::test]
async fn a_step_is_made_tested_built_installed_and_run() {
    let host = Host::start().await;
    let folder = tempfile::tempdir().unwrap();
    let commands = commands_of_the_page();
    assert_eq!(commands.len(), 5, "{commands:?}");
    let mut said = Vec::new();
    for command in &commands {
        let words: Vec<&str> = command.split_whitespace().collect();
        let done = match words[..] {
            ["jackfield", "plugin", "install", ..] => {
                let file = folder.path().join(words[3]).display().to_string();
                host.cli(["plugin", "install", &file, "--grant"]).await
            }
            ["jackfield", ..] => jackfield(folder.path(), &words[1..]),
            _ => typed(folder.path(), OsStr::new(words[0]), &words[1..]),
        };
        said.push(done.ok());
    }
    assert!(
        said[1].contains("the_contact_is_greeted_by_name ... ok"),
        "{}",
        said[1]
    );
    assert!(said[2].contains("greet/greet.wasm: "), "{}", said[2]);
    assert!(said[2].contains("calls nothing of the host"), "{}", said[2]);
    assert!(
        said[3].contains("is a step of workflows, made against the contract 1.0.0"),
        "{}",
        said[3]
    );

    let api = &host.api;
    api.publish(
        "name: hello\ntrigger: {event: hello}\nsteps:\n  \
         greet: {uses: greet@1, with: {greeting: Good morning}}\n",
    )
    .await;
    let run = api
        .start("hello", Some("email:ann@example.com"), json!({}))
        .await;
    let run = api.completed(&run).await;
    assert_eq!(
        run["outputs"]["greet"]["text"], "Good morning there",
        "{run:#}"
    );
}

#[tokio::test]
async fn a_call_that_the_project_does_not_declare_is_refused_by_the_build() {
    let folder = tempfile::tempdir().unwrap();
    jackfield(
        folder.path(),
        &[
            "plugin",
            "new",
            "ring-back",
            "--lang",
            "rust",
            "--kind",
            "connector",
            "--needs",
            "crypto",
        ],
    )
    .ok();
    let project = folder.path().join("ring-back");
    let built = jackfield(&project, &["plugin", "build", "--json"]).ok();
    let built: Value = serde_json::from_str(&built).unwrap();
    assert_eq!(built["imports"], json!(["http"]), "{built:#}");

    let manifest = project.join("jackfield.toml");
    let text = std::fs::read_to_string(&manifest).unwrap();
    assert!(text.contains("needs = [\"http\", \"crypto\"]"), "{text}");
    std::fs::write(&manifest, text.replace("\"http\", ", "")).unwrap();
    let refused = jackfield(&project, &["plugin", "build"]);
    assert_eq!(refused.status.code(), Some(4), "{refused:?}");
    assert!(
        refused
            .err
            .contains("calls `http`, which `needs` in jackfield.toml does not name"),
        "{}",
        refused.err
    );
}

#[tokio::test]
async fn what_goes_wrong_says_what_would_be_right() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    for (arguments, code, words) in [
        (
            &["plugin", "new", "Greet", "--lang", "rust"][..],
            2,
            "lower-case letters",
        ),
        (
            &[
                "plugin", "new", "greet", "--lang", "rust", "--needs", "email",
            ],
            2,
            "it may need log, clock",
        ),
        (
            &["plugin", "new", "greet", "--lang", "cobol"],
            2,
            "possible values",
        ),
        (
            &["plugin", "build"],
            2,
            "`jackfield plugin new NAME` makes one",
        ),
        (&["plugin", "inspect", "nothing.wasm"], 2, "cannot be read"),
    ] {
        let done = jackfield(place, arguments);
        assert_eq!(done.status.code(), Some(code), "{arguments:?}: {done:?}");
        assert!(done.err.contains(words), "{arguments:?}: {}", done.err);
    }
    jackfield(place, &["plugin", "new", "greet", "--lang", "rust"]).ok();
    let again = jackfield(place, &["plugin", "new", "greet", "--lang", "rust"]);
    assert!(again.err.contains("is not empty"), "{}", again.err);
    std::fs::write(place.join("core.wasm"), b"\0asm\x01\0\0\0").unwrap();
    let core = jackfield(place, &["plugin", "inspect", "core.wasm"]);
    assert_eq!(core.status.code(), Some(4));
    assert!(
        core.err.contains("is a core module, not a component"),
        "{}",
        core.err
    );
}
