//! The short form of `cargo xtask kill`: twenty seconds of load and kills on the embedded database.
//! What it checks, and the figures of long runs, are in `docs/reliability.md`.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_kill::hosts::Program;
use jackfield_kill::{Options, Signals};
use jackfield_tests::{plugins, program};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_seconds_of_load_and_kills_lose_and_repeat_nothing() {
    let data = tempfile::tempdir().unwrap();
    let options = Options {
        time: Duration::from_secs(20),
        database: "sqlite".to_owned(),
        program: Program {
            jackfield: program(),
            plugins: plugins(),
            database: None,
        },
        hosts: 1,
        clients: 6,
        // Another one each time; a failure prints it with the other figures.
        seed: std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 0),
        signals: Signals::Both,
        data: data.path().to_owned(),
    };
    let verdict = jackfield_kill::run(&options, |_| {}).await.unwrap();
    let (figures, findings) = (&verdict.figures, verdict.findings.join("\n"));
    println!("{figures:#?}");
    if !figures.is_good() {
        println!("the hosts' data and logs are in {}", data.keep().display());
    }
    assert!(figures.is_good(), "{figures:#?}\n{findings}");
    assert!(
        figures.kills > 0 && figures.acknowledged > 0,
        "{figures:#?}"
    );
}
