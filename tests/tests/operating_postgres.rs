//! Operating a host on PostgreSQL: backup and restore by the server's own tools, and what `doctor`
//! and `db` say of a database that is not as it should be.
//!
//! What must hold: a dump that is taken while a host works is one moment of it, and a host that
//! starts on the restored database goes on from that moment; every finding is a text that says what
//! to do, with an exit code, and shows no password.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_postgres_peer::{self as postgres, Server};
use jackfield_tests::{Cluster, Done, Host, program, repository};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const GREET: &str = "name: greet\ntrigger: {event: greet.wanted}\nsteps:\n  a: {uses: wait@1, with: {until: \"2020-01-01 00:00\"}}\n";
const SOON: &str =
    "name: soon\ntrigger: {event: soon.wanted}\nsteps:\n  a: {uses: wait@1, with: {for: 20s}}\n";

/// The database's name in its address.
fn name(url: &str) -> &str {
    url.rsplit('/').next().unwrap()
}

/// A command of an operator, who names the database by the variable.
fn operate(url: &str, data: &Path, arguments: &[&str]) -> Done {
    Command::new(program())
        .args(arguments)
        .env("JACKFIELD_DATABASE", url)
        .env("JACKFIELD_DATA", data)
        .env("JACKFIELD_URL", "http://127.0.0.1:9")
        .env_remove("JACKFIELD_KEY")
        .stdin(Stdio::null())
        .output()
        .expect("the program starts")
        .into()
}

/// The commands of the page's section, each split into words; none of them needs quotes.
fn commands_of_the_page() -> Vec<Vec<String>> {
    let page = std::fs::read_to_string(repository().join("docs/operating.md")).unwrap();
    let (_, section) = page
        .split_once("\n## Backup and restore on PostgreSQL\n")
        .expect("the page has the section");
    let section = section.split("\n## ").next().unwrap();
    let commands = section.lines().filter_map(|line| line.strip_prefix("$ "));
    commands
        .map(|line| line.split_whitespace().map(str::to_owned).collect())
        .collect()
}

/// Events that start runs, one after another, until it is told to end; gives the runs.
fn load(host: &Host, done: &Arc<AtomicBool>) -> tokio::task::JoinHandle<Vec<String>> {
    let (api, done) = (host.api.clone(), done.clone());
    tokio::spawn(async move {
        let mut runs = Vec::new();
        while !done.load(Ordering::Relaxed) {
            let contact = format!("email:b{}@example.com", runs.len());
            runs.push(api.start("greet.wanted", Some(&contact), json!({})).await);
        }
        runs
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dump_of_a_host_at_work_restores_to_a_host_that_goes_on() {
    let mut cluster = Cluster::start(1, &[]).await;
    let host = &cluster.hosts[0];
    host.api.publish(GREET).await;
    host.api.publish(SOON).await;
    host.api
        .put("/v1/secrets/token", json!({"value": "hush"}))
        .await
        .ok();
    let mut before = Vec::new();
    for n in 0..20 {
        let contact = format!("email:a{n}@example.com");
        before.push(
            host.api
                .start("greet.wanted", Some(&contact), json!({}))
                .await,
        );
    }
    let waiting = host.api.start("soon.wanted", None, json!({})).await;
    host.api.waiting_at(&waiting, "a").await;

    // The lines of docs/operating.md, under load.
    let done = Arc::new(AtomicBool::new(false));
    let loading = load(host, &done);
    let place = tempfile::tempdir().unwrap();
    let server = postgres::shared();
    let new = format!("restored_{}", name(cluster.database()));
    let restored = server.url(&new);
    let here = |word: &String| {
        word.replace(
            "postgres://jackfield@db.example/jackfield",
            cluster.database(),
        )
        .replace("postgres://jackfield@db.example/restored", &restored)
        .replace("db.example", "127.0.0.1")
    };
    let mut ran = Vec::new();
    for mut words in commands_of_the_page() {
        let tool = words.remove(0);
        let mut words: Vec<String> = words.iter().map(here).collect();
        match tool.as_str() {
            "jackfield" => {
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                let said = operate(&restored, place.path(), &words).ok();
                assert!(said.contains("in 256 buckets"), "{said}");
            }
            "createdb" => {
                assert_eq!(words.pop().as_deref(), Some("restored"));
                server
                    .tool("createdb", |command| {
                        command.args(&words).arg(&new);
                    })
                    .unwrap();
            }
            tool => {
                server
                    .tool(tool, |command| {
                        command.args(&words).current_dir(place.path());
                    })
                    .unwrap();
            }
        }
        ran.push(tool);
    }
    assert_eq!(ran, ["pg_dump", "createdb", "pg_restore", "jackfield"]);
    done.store(true, Ordering::Relaxed);
    let loaded = loading.await.unwrap();
    assert!(!loaded.is_empty(), "there was no load");

    // Everything but the keys is lost.
    for host in &mut cluster.hosts {
        host.kill();
    }

    let host = cluster.move_to(&restored).await;
    for run in &before {
        host.api.completed(run).await;
    }
    // Its time comes in the restored database.
    host.api.completed(&waiting).await;
    // Of what was accepted while the dump was made there is a beginning, without a gap.
    let mut there = Vec::new();
    for run in &loaded {
        let asked = host
            .api
            .request(reqwest::Method::GET, &format!("/v1/runs/{run}"));
        there.push(asked.send().await.unwrap().status().is_success());
    }
    let kept = there.iter().take_while(|there| **there).count();
    assert!(there[kept..].iter().all(|there| !there), "{there:?}");
    for run in &loaded[..kept] {
        host.api.completed(run).await;
    }
    let contact = Some("email:new@example.com");
    let more = host.api.start("greet.wanted", contact, json!({})).await;
    host.api.completed(&more).await;

    let data = host.data().to_owned();
    let key = cluster.secret_key();
    let doctor = Command::new(program())
        .args(["doctor", "--json", "--url", &cluster.hosts[0].url()])
        .env("JACKFIELD_DATABASE", &restored)
        .env("JACKFIELD_DATA", data)
        .env("JACKFIELD_SECRET_KEY_FILE", key)
        .output()
        .unwrap();
    let findings: Vec<Value> = serde_json::from_slice(&doctor.stdout).unwrap();
    assert_eq!(doctor.status.code(), Some(0), "{findings:#?}");
    let said = |what: &str| {
        let found = findings.iter().find(|finding| finding["what"] == what);
        found.unwrap()["said"].as_str().unwrap().to_owned()
    };
    assert!(said("secret key").contains("opens all 1 secrets"));
    assert!(said("hosts").contains("with 256 buckets"), "{findings:#?}");
}

/// The doctor's word on one thing: its level, and what it says.
fn doctors_word(done: &Done, what: &str) -> (String, String) {
    let findings: Vec<Value> = serde_json::from_str(&done.out)
        .unwrap_or_else(|error| panic!("{error}: {}{}", done.out, done.err));
    let found = findings.iter().find(|finding| finding["what"] == what);
    let found = found.unwrap_or_else(|| panic!("nothing about {what}: {findings:#?}"));
    let text = |name: &str| found[name].as_str().unwrap().to_owned();
    assert!(
        found["level"] == "ok" || !text("do").is_empty(),
        "{found:#}"
    );
    (text("level"), text("said"))
}

/// That the doctor, the check and the migration all fail on the database with these words, and none
/// of them shows the password.
fn all_say(url: &str, password: &str, words: &str) {
    let data = tempfile::tempdir().unwrap();
    let doctor = operate(url, data.path(), &["doctor", "--json"]);
    assert_eq!(doctor.status.code(), Some(1), "{}", doctor.out);
    let (level, said) = doctors_word(&doctor, "database");
    assert!(level == "fail" && said.contains(words), "{level} {said}");
    for command in ["check", "migrate"] {
        let done = operate(url, data.path(), &["db", command]);
        assert_eq!(done.status.code(), Some(1), "{command}: {}", done.err);
        assert!(done.err.contains(words), "{command}: {}", done.err);
        assert!(!done.err.contains(password), "{command}: {}", done.err);
    }
    assert!(!doctor.out.contains(password), "{}", doctor.out);
}

#[test]
fn a_server_that_cannot_be_used_is_said_to_be_so_by_every_command() {
    let server = postgres::shared();
    let nobody = "postgres://jackfield:hunter2@127.0.0.1:9/jackfield";
    all_say(nobody, "hunter2", "127.0.0.1:9 cannot be reached");
    let database = server.database().unwrap();
    let (whole, port) = (name(&database), server.port());
    let stranger = format!("postgres://jackfield:hunter2@127.0.0.1:{port}/{whole}");
    all_say(&stranger, "hunter2", "refuses the user `jackfield`");
    all_say(
        &server.url("nowhere"),
        "jackfield-test@",
        "has no database `nowhere`; make it with: createdb",
    );
    let forgetful = Server::start(&["fsync=off"]).unwrap();
    let unsafe_one = forgetful.database().unwrap();
    let data = tempfile::tempdir().unwrap();
    for (command, allowed) in [("doctor", false), ("migrate", false), ("migrate", true)] {
        let mut line = match command {
            "doctor" => vec!["doctor"],
            other => vec!["db", other],
        };
        line.extend(allowed.then_some("--allow-unsafe-database"));
        let done = operate(&unsafe_one, data.path(), &line);
        let said = format!("{}{}", done.out, done.err);
        assert_eq!(done.status.success(), allowed, "{line:?}: {said}");
        assert!(allowed || said.contains("`fsync` is off"), "{said}");
    }
}

#[test]
fn an_empty_database_is_worth_a_look_and_a_migration_makes_it_good() {
    let url = postgres::shared().database().unwrap();
    let data = tempfile::tempdir().unwrap();
    let looked = operate(&url, data.path(), &["doctor", "--json"]);
    let (level, said) = doctors_word(&looked, "database");
    assert!(
        level == "warn" && said.contains("no tables yet"),
        "{level} {said}"
    );
    let checked = operate(&url, data.path(), &["db", "check"]);
    assert_eq!(checked.status.code(), Some(1), "{}", checked.err);
    assert!(checked.err.contains("db migrate"), "{}", checked.err);

    for _ in 0..2 {
        let made = operate(&url, data.path(), &["db", "migrate"]).ok();
        assert!(made.contains("up to date"), "{made}");
    }
    let checked = operate(&url, data.path(), &["db", "check"]).ok();
    assert!(checked.contains("0 rows in 256 buckets"), "{checked}");
    let looked = operate(&url, data.path(), &["doctor", "--json"]);
    for what in ["database", "migrations", "hosts"] {
        let (level, said) = doctors_word(&looked, what);
        assert_eq!(level, "ok", "{what}: {said}");
    }
    let refused = operate(&url, data.path(), &["db", "backup", "x"]);
    assert_eq!(refused.status.code(), Some(2), "{}", refused.err);
    assert!(refused.err.contains("pg_dump"), "{}", refused.err);
}

#[test]
fn a_user_without_rights_is_told_which() {
    let server = postgres::shared();
    let url = server.database().unwrap();
    let (whole, data) = (name(&url), tempfile::tempdir().unwrap());
    let role = format!("weak_{whole}");
    server
        .sql(
            whole,
            &format!("CREATE ROLE {role} LOGIN PASSWORD 'hunter2'; REVOKE CREATE ON SCHEMA public FROM PUBLIC"),
        )
        .unwrap();
    let weak = format!(
        "postgres://{role}:hunter2@127.0.0.1:{}/{whole}",
        server.port()
    );
    let made = operate(&weak, data.path(), &["db", "migrate"]);
    assert_eq!(made.status.code(), Some(1), "{}", made.err);
    assert!(
        made.err.contains("GRANT CREATE, USAGE ON SCHEMA public"),
        "{}",
        made.err
    );
    operate(&url, data.path(), &["db", "migrate"]).ok();
    let looked = operate(&weak, data.path(), &["doctor", "--json"]);
    let (level, said) = doctors_word(&looked, "database");
    assert!(
        level == "fail" && said.contains("may not use the tables"),
        "{level} {said}"
    );
    let checked = operate(&weak, data.path(), &["db", "check"]);
    assert_eq!(checked.status.code(), Some(1), "{}", checked.err);
    assert!(
        checked.err.contains("GRANT SELECT ON ALL TABLES"),
        "{}",
        checked.err
    );
    server
        .sql(
            whole,
            &format!("GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}"),
        )
        .unwrap();
    operate(&weak, data.path(), &["db", "check"]).ok();
}

#[test]
fn a_database_of_a_newer_version_is_not_touched() {
    let server = postgres::shared();
    let url = server.database().unwrap();
    let data = tempfile::tempdir().unwrap();
    operate(&url, data.path(), &["db", "migrate"]).ok();
    server
        .sql(
            name(&url),
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             VALUES (9999, 'later', true, '\\x00', 1)",
        )
        .unwrap();
    let looked = operate(&url, data.path(), &["doctor", "--json"]);
    assert_eq!(looked.status.code(), Some(1), "{}", looked.out);
    let (level, said) = doctors_word(&looked, "migrations");
    assert!(
        level == "fail" && said.contains("another version"),
        "{level} {said}"
    );
    let serve = ["serve", "--listen", "127.0.0.1:0"];
    for line in [&["db", "check"][..], &["db", "migrate"], &serve] {
        let done = operate(&url, data.path(), line);
        assert_eq!(done.status.code(), Some(1), "{line:?}: {}", done.err);
        assert!(
            done.err.contains("newer version of Jackfield"),
            "{line:?}: {}",
            done.err
        );
    }
}
