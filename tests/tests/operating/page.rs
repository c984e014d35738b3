//! `docs/operating.md`: the commands of the sections on the doctor, backups and retention are run
//! as they are written, one after the other, beside a host.
//!
//! Only what must differ is changed: the port, and the folder, in which `jackfield-data` is the
//! host's. What the page says of a command's exit code is held: `doctor` on a restored folder.

use jackfield_tests::{Host, program, repository};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// The commands of a section: lines of its console blocks that begin with `$ `.
fn commands(page: &str, heading: &str) -> Vec<String> {
    let (_, section) = page
        .split_once(&format!("\n## {heading}\n"))
        .unwrap_or_else(|| panic!("the page has no section {heading}"));
    let section = section.split("\n## ").next().unwrap();
    let blocks = section.split("```console\n").skip(1);
    let lines = blocks.flat_map(|block| block.split("\n```").next().unwrap().lines());
    let commands: Vec<String> = lines
        .filter_map(|line| line.strip_prefix("$ "))
        .map(str::to_owned)
        .collect();
    assert!(!commands.is_empty(), "{heading} has no commands");
    commands
}

fn shell(folder: &Path, host: &Host, command: &str) -> Command {
    let typed = format!(
        "jackfield() {{ {} \"$@\"; }}\n{command}",
        program().display()
    );
    let mut shell = Command::new("bash");
    shell
        .args(["-c", &typed])
        .current_dir(folder)
        .env("JACKFIELD_URL", host.url())
        .env_remove("JACKFIELD_DATA")
        .env_remove("JACKFIELD_KEY")
        .stdin(Stdio::null());
    shell
}

fn typed(folder: &Path, host: &Host, command: &str) -> Output {
    shell(folder, host, command).output().expect("bash starts")
}

#[tokio::test]
async fn the_doctors_and_the_backups_commands_work_as_they_are_written() {
    let page = std::fs::read_to_string(repository().join("docs/operating.md")).unwrap();
    let host = Host::start().await;
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    std::os::unix::fs::symlink(host.data(), folder.join("jackfield-data")).unwrap();
    std::fs::create_dir(folder.join("somewhere-safe")).unwrap();
    let mut all = commands(&page, "Is it well?");
    all.extend(commands(&page, "Backup and restore"));
    for command in all {
        // No host runs on the restored folder: the page says so.
        let wanted = if command.contains("--data-dir restored") {
            6
        } else {
            0
        };
        let done = typed(folder, &host, &command);
        assert_eq!(
            done.status.code(),
            Some(wanted),
            "$ {command}\n{}{}",
            String::from_utf8_lossy(&done.stdout),
            String::from_utf8_lossy(&done.stderr)
        );
    }
    for made in [
        "backup-1.db",
        "restored/jackfield.db",
        "somewhere-safe/secret.key",
    ] {
        assert!(folder.join(made).is_file(), "{made}");
    }
}

#[tokio::test]
async fn the_retention_flags_of_the_page_start_a_host() {
    let page = std::fs::read_to_string(repository().join("docs/operating.md")).unwrap();
    let host = Host::start().await;
    let place = tempfile::tempdir().unwrap();
    for command in commands(&page, "What is kept, and for how long") {
        let log = place.path().join("log");
        let file = std::fs::File::create(&log).unwrap();
        // `exec`, so that the host is the child, and is ended with it.
        let serve = command.replacen("jackfield", &format!("exec {}", program().display()), 1);
        let mut child = shell(place.path(), &host, &serve)
            .env("JACKFIELD_LISTEN", "127.0.0.1:0")
            .env("JACKFIELD_MAX_ACTIVATIONS", "8")
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        let began = Instant::now();
        while !std::fs::read_to_string(&log)
            .unwrap()
            .contains(" serves http")
        {
            let said = std::fs::read_to_string(&log).unwrap();
            assert!(child.try_wait().unwrap().is_none(), "$ {command}\n{said}");
            assert!(
                began.elapsed() < Duration::from_secs(90),
                "$ {command}\n{said}"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
