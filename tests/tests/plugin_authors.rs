//! The first plugin of `docs/plugin-authors.md`, as a new author types it: its files are taken out
//! of the page, and its own test is run.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_tests::repository;
use std::path::Path;
use std::process::Command;

/// The first fenced block of a language after a place in the page.
fn block<'a>(page: &'a str, after: &str, language: &str) -> &'a str {
    let (_, rest) = page.split_once(after).expect(after);
    let (_, rest) = rest.split_once(&format!("```{language}\n")).expect(after);
    rest.split_once("\n```").expect("every block ends").0
}

fn cargo(folder: &Path, arguments: &[&str]) {
    let done = Command::new("cargo")
        .args(arguments)
        .args(["--offline", "--package", "greet"])
        .current_dir(folder)
        // What the built-in plugins were built from is there already.
        .env(
            "CARGO_TARGET_DIR",
            repository().join("target/plugin-authors"),
        )
        .env_remove("RUSTFLAGS")
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "cargo {arguments:?}\n{}{}",
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    );
}

#[test]
fn the_first_plugin_of_the_page_passes_its_test() {
    let page = std::fs::read_to_string(repository().join("docs/plugin-authors.md")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let plugins = repository().join("plugins");
    let manifest = std::fs::read_to_string(plugins.join("Cargo.toml")).unwrap();
    let sdk = repository().join("sdk/rust").canonicalize().unwrap();
    let manifest = manifest
        .replace("../sdk/rust", &sdk.display().to_string())
        .replace(", \"connectors/*\"", "");
    std::fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();
    std::fs::copy(plugins.join("Cargo.lock"), folder.path().join("Cargo.lock")).unwrap();
    // The page's build script is the one that stands there.
    let script = std::fs::read_to_string(plugins.join("build.rs")).unwrap();
    for line in block(&page, "The build script", "rust").lines() {
        assert!(
            script.contains(line.trim()),
            "plugins/build.rs has no line {line}"
        );
    }
    std::fs::write(folder.path().join("build.rs"), script).unwrap();
    let greet = folder.path().join("steps/greet");
    std::fs::create_dir_all(greet.join("src")).unwrap();
    std::fs::create_dir_all(greet.join("tests")).unwrap();
    for (after, language, file) in [
        ("`Cargo.toml`:", "toml", "Cargo.toml"),
        ("`src/lib.rs`:", "rust", "src/lib.rs"),
        ("`tests/greet.rs` runs", "rust", "tests/greet.rs"),
    ] {
        std::fs::write(greet.join(file), block(&page, after, language)).unwrap();
    }
    cargo(folder.path(), &["test"]);
}
