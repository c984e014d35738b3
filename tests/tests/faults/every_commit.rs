//! The main job with the host dying at each of its transactions, before it and after it.

use crate::telling::{FAULT, Telling, seen};
use jackfield_tests::{Cluster, Host, Office, phone, program_with_faults};
use serde_json::Value;

/// Tells the main job with a fault at the n-th commit; false when it ended without reaching it.
async fn tell(office: &mut Office, n: usize, fault: String) -> bool {
    office.host.kill();
    office.host.set_environment(FAULT, Some(&fault));
    // It may die while it starts, too.
    office.host.try_begin().await;
    let mut telling = Telling {
        number: phone(n),
        agent: format!("agent-{n}@example.com"),
        office,
        fault,
        died: false,
    };
    telling.ring().await;
    telling.answer().await;
    let (run, messages) = telling.end().await;
    let Telling {
        number,
        agent,
        fault,
        died,
        ..
    } = telling;
    let mails = office.mailbox.mails().all();
    let mails = mails.iter().filter(|mail| mail.to.contains(&agent)).count();
    let notes = office.crm.requests().all();
    let notes: Vec<_> = notes
        .iter()
        .filter(|one| one.json["phone"] == number)
        .collect();
    let arrived = [
        seen(office, &number, "Sorry we missed"),
        seen(office, &number, "call you back?"),
        mails,
    ];
    let story = format!("{fault}: {arrived:?} {notes:?}\n{run:#}\n{messages:#?}");
    assert!(arrived.iter().all(|count| *count <= 1), "twice: {story}");
    // What was uncertain may have become certain by the provider's report, later.
    let was_uncertain = |message: &&Value| {
        let mut history = message["history"].as_array().into_iter().flatten();
        history.any(|entry| entry["state"] == "uncertain")
    };
    let uncertain = messages.iter().filter(was_uncertain).count();
    let keys: std::collections::HashSet<_> = notes
        .iter()
        .map(|one| one.idempotency_key.clone())
        .collect();
    assert!(keys.len() <= 1, "another key: {story}");
    match run["state"].as_str() {
        Some("completed") => {
            assert_eq!(keys.len(), 1, "the CRM was not told: {story}");
            let missing = 3 - arrived.iter().sum::<usize>();
            assert!(missing <= uncertain, "lost: {story}");
        }
        Some("failed") => assert!(uncertain > 0, "it failed without a reason: {story}"),
        _ => panic!("{story}"),
    }
    assert!(died || uncertain == 0, "{story}");
    died
}

/// The main job with a fault at the first commit, the second, and so on, until it ends before.
async fn at_every_commit(side: &str, host: Host) {
    let mut office = Office::open_with(host).await;
    let example = office.example();
    let quick = example.replace("within: 2m", "within: 4s");
    assert_ne!(example, quick);
    office.api().publish(&quick).await;
    let mut commits = 0;
    while tell(&mut office, commits, format!("{side}:{}", commits + 1)).await {
        commits += 1;
    }
    // It would be fewer if the host took no notice of the variable.
    assert!(commits >= 15, "the main job ended after {commits} commits");
    println!("{side}: the host died at each of {commits} commits");
}

#[tokio::test]
async fn a_host_that_dies_before_any_commit_of_the_main_job_loses_and_repeats_nothing() {
    at_every_commit("before-commit", on_sqlite().await).await;
}

#[tokio::test]
async fn a_host_that_dies_after_any_commit_of_the_main_job_loses_and_repeats_nothing() {
    at_every_commit("after-commit", on_sqlite().await).await;
}

#[tokio::test]
async fn on_postgres_a_host_that_dies_before_any_commit_loses_and_repeats_nothing() {
    let mut cluster = on_postgres().await;
    at_every_commit("before-commit", cluster.hosts.remove(0)).await;
}

#[tokio::test]
async fn on_postgres_a_host_that_dies_after_any_commit_loses_and_repeats_nothing() {
    let mut cluster = on_postgres().await;
    at_every_commit("after-commit", cluster.hosts.remove(0)).await;
}

async fn on_sqlite() -> Host {
    Host::start_program(&program_with_faults(), &[]).await
}

/// One host, whose next life takes over from the dead one after its lease.
async fn on_postgres() -> Cluster {
    Cluster::start_program(&program_with_faults(), 1, &["--lease", "1s"]).await
}
