//! `jackfield plugin test` and `check`, as an author types them: the built-in plugins keep every
//! rule; a case that fails says what came; what is recorded once passes without a network.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_tests::{Done, plugins, program, repository};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

fn jackfield(folder: &Path, arguments: &[&str]) -> Done {
    Command::new(program())
        .args(arguments)
        .current_dir(folder)
        // What was compiled is kept beside what was built.
        .env("XDG_CACHE_HOME", repository().join("target/trial-cache"))
        .env_remove("JACKFIELD_URL")
        .output()
        .unwrap()
        .into()
}

fn built_in(name: &str) -> String {
    plugins()
        .join(name)
        .with_extension("wasm")
        .display()
        .to_string()
}

/// The folders of the built-in plugins, by name.
fn sources() -> Vec<(String, PathBuf)> {
    let kinds = ["steps", "connectors"].map(|kind| repository().join("plugins").join(kind));
    let folders = kinds
        .iter()
        .flat_map(|kind| std::fs::read_dir(kind).unwrap());
    let mut found: Vec<(String, PathBuf)> = folders
        .map(|folder| {
            let folder = folder.unwrap();
            (folder.file_name().into_string().unwrap(), folder.path())
        })
        .collect();
    found.sort();
    found
}

#[test]
fn every_built_in_plugin_keeps_every_rule() {
    let sources = sources();
    assert!(sources.len() >= 9, "{sources:?}");
    for (name, folder) in sources {
        let cases = folder.join("cases").display().to_string();
        let done = jackfield(
            repository(),
            &[
                "plugin",
                "check",
                &built_in(&name),
                "--cases",
                &cases,
                "--json",
            ],
        );
        let found: Value = serde_json::from_str(&done.ok()).unwrap();
        for rule in found["rules"].as_array().unwrap() {
            let untried = ["imports"];
            if !untried.contains(&rule["rule"].as_str().unwrap()) {
                assert_eq!(rule["verdict"], "kept", "{name}: {rule:#}");
            }
        }
    }
}

#[test]
fn a_case_that_fails_says_what_came() {
    let folder = tempfile::tempdir().unwrap();
    let cases = folder.path().join("wait.yaml");
    let wait = built_in("wait");
    let tried = |text: &str| {
        std::fs::write(&cases, text).unwrap();
        jackfield(
            folder.path(),
            &["plugin", "test", &wait, "--cases", "wait.yaml"],
        )
    };
    let done = tried(
        "settings: {for: 1h}\nnow: 2026-01-01T00:00:00Z\nexpect: {wait: {until: 2026-01-01T02:00:00Z}}\n",
    );
    assert_eq!(done.status.code(), Some(4), "{done:?}");
    assert!(
        done.out
            .contains("until: is \"2026-01-01T01:00:00Z\" where the case expects"),
        "{}",
        done.out
    );
    for (text, code, words) in [
        (
            "settings: {for: 1h}\n",
            4,
            "the case expects nothing; it came to {\"wait\"",
        ),
        (
            "settings: {for: 1h}\nexpected: done\n",
            2,
            "unknown field `expected`",
        ),
        (
            "settings: {for: 1h, four: 1}\nexpect: wait\n",
            4,
            "came to {\"failure\"",
        ),
        (
            "send: {message: {}}\nexpect: done\n",
            4,
            "the plugin is a step",
        ),
        (
            "settings: {for: 1h}\ndeny: [http]\nexpect: wait\n",
            4,
            "does not import `http`",
        ),
        (
            "settings: {for: 1h}\nexpect: wait\nlimits: {fuel: 1000}\n",
            4,
            "it came to {\"ended\":{\"code\":\"out-of-fuel\"",
        ),
    ] {
        let done = tried(text);
        assert_eq!(done.status.code(), Some(code), "{text}: {done:?}");
        let said = format!("{}{}", done.out, done.err);
        assert!(said.contains(words), "{text}: {said}");
    }
    let none = jackfield(folder.path(), &["plugin", "test", &wait]);
    assert!(none.err.contains("there is no case to run"), "{}", none.err);
}

/// A server that answers one request, and then nobody.
fn one_answer(body: &'static str) -> (u16, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut asked = vec![0; 8_192];
        let length = stream.read(&mut asked).unwrap();
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(answer.as_bytes()).unwrap();
        String::from_utf8_lossy(&asked[..length]).into_owned()
    });
    (port, served)
}

#[test]
fn what_is_recorded_once_passes_without_a_network() {
    let folder = tempfile::tempdir().unwrap();
    let (port, served) = one_answer(r#"{"city":"Paris"}"#);
    let cases = folder.path().join("crm.yaml");
    std::fs::write(
        &cases,
        format!(
            "# the CRM knows the city\nsettings:\n  url: http://127.0.0.1:{port}/ann\n  headers: {{authorization: \"Bearer {{{{secret:crm}}}}\"}}\n  map: {{city: $.city}}\ngrant:\n  secrets: {{crm: [header]}}"
        ),
    )
    .unwrap();
    let request = built_in("http-request");
    let test = [
        "plugin",
        "test",
        &request,
        "--cases",
        "crm.yaml",
        "--allow-address",
        "127.0.0.0/8",
    ];
    let mut record = test.to_vec();
    record.extend(["--record", "--secret", "crm=correct horse"]);
    let done = jackfield(folder.path(), &record);
    assert!(done.ok().contains("recorded: crm"), "it was recorded");
    assert!(
        served
            .join()
            .unwrap()
            .contains("authorization: Bearer correct horse"),
        "the secret went to the server"
    );
    let text = std::fs::read_to_string(&cases).unwrap();
    assert!(text.starts_with("# the CRM knows the city\n"), "{text}");
    assert!(
        text.contains("{{secret:crm}}") && !text.contains("horse"),
        "{text}"
    );
    assert!(text.contains("city: \"Paris\""), "{text}");
    // The server is gone.
    let done = jackfield(folder.path(), &test).ok();
    assert!(done.contains("1 passed, 0 failed"), "{done}");
    let json = jackfield(folder.path(), &[&test[..], &["--json"]].concat()).ok();
    let json: Value = serde_json::from_str(&json).unwrap();
    let calls = &json["cases"][0]["activations"][0]["calls"];
    assert_eq!(
        calls[1],
        json!({"variables.set": {"name": "city", "value": "Paris"}})
    );
}

/// The cases of `docs/plugin-cases.md` are read as they stand there, and those of built-in plugins
/// are run.
#[test]
fn the_cases_of_the_page_are_cases() {
    let page = std::fs::read_to_string(repository().join("docs/plugin-cases.md")).unwrap();
    let blocks: Vec<&str> = page
        .split("```yaml\n")
        .skip(1)
        .map(|rest| rest.split_once("\n```").expect("every block ends").0)
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let case = folder.path().join("case.yaml");
    // The first is of the step that the page on plugins makes, which `authoring.rs` builds.
    for (block, plugin) in blocks[1..]
        .iter()
        .zip(["http-request", "wait", "custom-channel"])
    {
        std::fs::write(&case, block).unwrap();
        let done = jackfield(
            folder.path(),
            &["plugin", "test", &built_in(plugin), "--cases", "case.yaml"],
        );
        assert!(done.ok().contains("1 passed, 0 failed"), "{block}");
    }
    assert_eq!(blocks.len(), 4);
}
