//! The unit and the container file: what they name is there, and what reads them takes them.
//!
//! No container is built here, for that needs an engine and the network: the file is read, and held
//! against the repository and the program.

use jackfield_tests::{program, repository};
use std::process::Command;

/// The instructions of a container file: name and the rest, comments left out, lines joined.
fn instructions(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open = String::new();
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match line.strip_suffix('\\') {
            Some(part) => open.push_str(&format!("{} ", part.trim())),
            None => {
                open.push_str(line);
                let (name, rest) = open.split_once(' ').expect("an instruction has arguments");
                found.push((name.to_owned(), rest.trim().to_owned()));
                open.clear();
            }
        }
    }
    assert!(open.is_empty(), "the file ends half-way: {open}");
    found
}

fn help(arguments: &[&str]) -> String {
    let done = Command::new(program()).args(arguments).output().unwrap();
    assert!(done.status.success(), "{arguments:?}");
    String::from_utf8(done.stdout).unwrap()
}

#[test]
fn the_container_file_names_what_is_there_and_runs_without_rights() {
    const KNOWN: [&str; 12] = [
        "FROM",
        "RUN",
        "WORKDIR",
        "COPY",
        "USER",
        "ENV",
        "VOLUME",
        "EXPOSE",
        "STOPSIGNAL",
        "HEALTHCHECK",
        "ENTRYPOINT",
        "CMD",
    ];
    let text = std::fs::read_to_string(repository().join("packaging/Containerfile")).unwrap();
    let all = instructions(&text);
    for (name, rest) in &all {
        assert!(KNOWN.contains(&name.as_str()), "{name} {rest}");
    }
    let of = |wanted: &str| -> Vec<&str> {
        let named = all.iter().filter(|(name, _)| name == wanted);
        named.map(|(_, rest)| rest.as_str()).collect()
    };
    let last = |wanted: &str| *of(wanted).last().unwrap_or_else(|| panic!("no {wanted}"));

    let stages = of("FROM");
    assert_eq!(stages.len(), 2, "built in one image, run in another");
    let builder = stages[0]
        .split_once(" AS ")
        .expect("the first stage has a name")
        .1;
    // The same release of Debian, or the program would not find its libraries.
    assert!(
        stages.iter().all(|stage| stage.contains("trixie")),
        "{stages:?}"
    );
    assert!(of("COPY").contains(&format!("--from={builder} /image /").as_str()));

    assert_eq!(last("USER"), "7420:7420", "not root");
    assert!(last("VOLUME").contains("/data"));
    assert_eq!(last("STOPSIGNAL"), "SIGTERM");
    assert_eq!(last("EXPOSE"), "7420");
    // What is started and asked is a command of the program.
    let words: Vec<String> = serde_json::from_str(last("ENTRYPOINT")).unwrap();
    assert_eq!(words, ["/usr/local/bin/jackfield"]);
    let words: Vec<String> = serde_json::from_str(last("CMD")).unwrap();
    assert_eq!(words, ["serve"]);
    let check = last("HEALTHCHECK").split_once("CMD ").unwrap().1;
    let check: Vec<String> = serde_json::from_str(check).unwrap();
    help(&[&check[1], "--help"]);
    // Each variable is one that `serve` knows.
    let serve = help(&["serve", "--help"]);
    let variables: Vec<&str> = last("ENV")
        .split_whitespace()
        .map(|pair| pair.split_once('=').expect("NAME=value").0)
        .collect();
    assert!(variables.len() >= 3, "{variables:?}");
    for variable in variables {
        assert!(serve.contains(variable), "serve does not know {variable}");
    }
    // What is built is there.
    let built = of("RUN").join(" ");
    assert!(built.contains("--package jackfield-server") && built.contains("cargo xtask plugins"));
    assert!(
        repository().join("Cargo.lock").is_file(),
        "--locked needs it"
    );
    assert!(repository().join("xtask").is_dir());
}

#[test]
fn systemd_takes_the_unit() {
    let unit = repository().join("packaging/jackfield.service");
    let text = std::fs::read_to_string(unit).unwrap();
    let of = |name: &str| {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.unwrap_or_else(|| panic!("no {name}=")).to_owned()
    };
    assert_eq!(of("Type"), "notify");
    assert_eq!(of("NoNewPrivileges"), "yes");
    assert_eq!(of("ProtectSystem"), "strict");
    // It names a page that docs/operating.md has installed.
    let page = of("Documentation");
    let page = page.strip_prefix("file:///usr/local/share/doc/jackfield/");
    let page = page.expect("the page is installed with the program");
    assert!(repository().join("docs").join(page).is_file(), "{page}");
    // With it no plugin could be compiled.
    assert_eq!(of("MemoryDenyWriteExecute"), "no");
    let serve = help(&["serve", "--help"]);
    for pair in of("Environment").split_whitespace() {
        let name = pair.split_once('=').unwrap().0;
        assert!(serve.contains(name), "serve does not know {name}");
    }
    if Command::new("systemd-analyze")
        .arg("--version")
        .output()
        .is_err()
    {
        eprintln!("SKIPPED: systemd-analyze is not there (apt: systemd)");
        return;
    }
    // The program stands elsewhere here than where it will be installed.
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("jackfield.service");
    let here = text.replace("/usr/local/bin/jackfield", program().to_str().unwrap());
    assert_ne!(here, text);
    std::fs::write(&copy, here).unwrap();
    let verified = Command::new("systemd-analyze")
        .args(["verify", "--man=no"])
        .arg(&copy)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&verified.stderr);
    assert!(verified.status.success(), "{said}");
    assert!(!said.contains("jackfield.service"), "{said}");
}
