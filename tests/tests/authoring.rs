//! A third party's plugin, from an empty folder to a run of a workflow, with the program alone: what
//! `docs/plugin-authors.md` begins with, typed as it stands there, and what goes wrong on the way.
//!
//! The folder is outside of the repository. Only what was compiled before is shared (the target
//! folders); the versions of libraries are those of the SDK's lock file.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_tests::{Done, Host, program, repository};
use serde_json::{Value, json};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
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
        // What was compiled is kept beside what was built.
        .env("XDG_CACHE_HOME", repository().join("target/trial-cache"))
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
    assert_eq!(commands.len(), 6, "{commands:?}");
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
    assert!(said[2].contains("3 passed, 0 failed"), "{}", said[2]);
    assert!(!said[3].contains("BROKEN"), "{}", said[3]);
    assert!(
        said[4].contains("It can call nothing of the host"),
        "{}",
        said[4]
    );
    assert!(
        said[4].contains("is a step of workflows, made against the contract 1.1.0"),
        "{}",
        said[4]
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

    // It is changed, and the host uses what was changed.
    let project = folder.path().join("greet");
    let source = project.join("src/lib.rs");
    let text = std::fs::read_to_string(&source).unwrap();
    std::fs::write(&source, text.replace("\"there\"", "\"friend\"")).unwrap();
    let shown = project.display().to_string();
    let done = host.cli(["plugin", "dev", &shown, "--once"]).await.ok();
    assert!(
        done.contains("is in use") && done.contains("workflow hello of main uses it"),
        "{done}"
    );
    let run = api
        .start("hello", Some("email:ann@example.com"), json!({}))
        .await;
    let run = api.completed(&run).await;
    assert_eq!(
        run["outputs"]["greet"]["text"], "Good morning friend",
        "{run:#}"
    );

    // It is changed back: bytes that the host has had are current again.
    std::fs::write(&source, text).unwrap();
    host.cli(["plugin", "dev", &shown, "--once"]).await.ok();
    let run = api
        .start("hello", Some("email:ann@example.com"), json!({}))
        .await;
    let run = api.completed(&run).await;
    assert_eq!(
        run["outputs"]["greet"]["text"], "Good morning there",
        "{run:#}"
    );
}

/// A folder that `cargo xtask examples` sets up.
fn set_up(variable: &str, usual: &str) -> PathBuf {
    std::env::var_os(variable)
        .map_or_else(|| repository().join("target").join(usual), PathBuf::from)
}

/// Puts the packages of a language where its project looks for them, as `npm ci` and `pip install`
/// would.
fn packages(language: &str, project: &Path) {
    let authors = set_up("JACKFIELD_AUTHORS", "authors");
    let (from, to) = match language {
        "js" => (authors.join("js/project/node_modules"), "node_modules"),
        "python" => (authors.join("python"), ".venv"),
        _ => return,
    };
    std::os::unix::fs::symlink(from, project.join(to)).unwrap();
}

/// Nothing about a plugin's language shows in what it does: the cases of a new step, and of a new
/// connector, are the same in all of them, and pass.
#[tokio::test]
async fn the_same_plugin_in_four_languages_does_the_same() {
    let host = Host::start().await;
    let folder = tempfile::tempdir().unwrap();
    let mut workflow = "name: hello\ntrigger: {event: hello}\nsteps:\n".to_owned();
    for kind in ["step", "connector"] {
        let mut cases = None;
        for language in ["rust", "js", "python", "c"] {
            let name = format!("{language}-{kind}");
            jackfield(
                folder.path(),
                &["plugin", "new", &name, "--lang", language, "--kind", kind],
            )
            .ok();
            let project = folder.path().join(&name);
            packages(language, &project);
            let tried = jackfield(&project, &["plugin", "test", "--json"]).ok();
            let tried: Value = serde_json::from_str(&tried).unwrap();
            let of = tried["cases"].as_array().unwrap();
            assert_eq!(of.len(), 3, "{name}: {tried:#}");
            assert!(
                of.iter().all(|case| case["problems"] == json!([])),
                "{tried:#}"
            );
            let text = std::fs::read_to_string(project.join(format!("cases/{kind}.yaml"))).unwrap();
            assert_eq!(*cases.get_or_insert(text.clone()), text, "{name}");

            let checked = jackfield(&project, &["plugin", "check", "--no-build", "--json"]).ok();
            let checked: Value = serde_json::from_str(&checked).unwrap();
            for rule in checked["rules"].as_array().unwrap() {
                assert_ne!(rule["verdict"], "broken", "{name}: {rule:#}");
            }
            let file = format!("{name}.wasm");
            let said = jackfield(&project, &["plugin", "inspect", &file, "--json"]).ok();
            let said: Value = serde_json::from_str(&said).unwrap();
            assert_eq!(said["wasi"], json!([]), "{name}: {said:#}");
            assert_eq!(said["contract"], "1.1.0", "{name}: {said:#}");
            if kind == "step" {
                let path = project.join(&file).display().to_string();
                host.cli(["plugin", "install", &path, "--grant"]).await.ok();
                workflow.push_str(&format!(
                    "  {language}: {{uses: {name}@1, with: {{greeting: Good morning}}}}\n"
                ));
            }
        }
    }
    let api = &host.api;
    api.publish(&workflow).await;
    let run = api
        .start("hello", Some("email:ann@example.com"), json!({}))
        .await;
    let run = api.completed(&run).await;
    for language in ["rust", "js", "python", "c"] {
        assert_eq!(
            run["outputs"][language]["text"], "Good morning there",
            "{run:#}"
        );
    }
}

/// Every example is held against the rules, installed, granted and, if it is a step, run.
#[tokio::test]
async fn the_examples_work_in_a_real_host() {
    let host = Host::start().await;
    let built = set_up("JACKFIELD_EXAMPLE_PLUGINS", "plugins-examples");
    let sources = repository().join("examples/plugins");
    let mut names: Vec<String> = std::fs::read_dir(&sources)
        .unwrap()
        .map(|folder| folder.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    for name in &names {
        let file = built
            .join(name)
            .with_extension("wasm")
            .display()
            .to_string();
        let cases = sources.join(name).join("cases").display().to_string();
        let checked = jackfield(
            &sources,
            &["plugin", "check", &file, "--cases", &cases, "--json"],
        );
        let checked: Value = serde_json::from_str(&checked.ok()).unwrap();
        for rule in checked["rules"].as_array().unwrap() {
            assert!(
                rule["verdict"] == "kept" || rule["rule"] == "imports",
                "{name}: {rule:#}"
            );
        }
        host.cli(["plugin", "install", &file, "--grant"]).await.ok();
    }
    let api = &host.api;
    api.publish(
        "name: examples\ntrigger: {event: examples}\nsteps:\n  \
         language: {uses: language-router@1, with: {text: \"Bonjour, je voudrais ma commande\", \
         routes: [{name: french, languages: [fr]}]}, branches: {french: iban, other: iban, unknown: iban}}\n  \
         iban: {uses: iban-check@1, with: {iban: fr14 2004 1010 0505 0001 3M02 606}}\n  \
         code: {uses: voucher-code@1, with: {prefix: SPRING, variable: voucher}}\n  \
         picture: {uses: barcode@1, with: {type: code-128, text: $vars.voucher}}\n  \
         vat: {uses: vat-check@1, with: {number: \"12\"}}\n  \
         text: {uses: liquid-template@1, with: {template: \"Your code: {{ vars.voucher }}\"}}\n",
    )
    .await;
    let run = api
        .start("examples", Some("email:ann@example.com"), json!({}))
        .await;
    let run = api.completed(&run).await;
    let outputs = &run["outputs"];
    assert_eq!(outputs["language"]["language"], "fr", "{run:#}");
    assert_eq!(outputs["iban"]["country"], "FR", "{run:#}");
    assert_eq!(outputs["vat"]["valid"], false, "{run:#}");
    let code = outputs["code"]["code"].as_str().unwrap();
    assert_eq!(outputs["picture"]["text"], code, "{run:#}");
    assert_eq!(
        outputs["text"]["text"],
        format!("Your code: {code}"),
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
