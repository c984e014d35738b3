//! A host that is stopped in the middle of its work, as by a hypervisor: when it goes on, others
//! have its buckets; what it then tries is refused, and it forgets everything.

use super::suite::journal;
use super::{Host, LONG, Postgres, is_shared, until};
use jackfield_store::postgres::{Options, PostgresStore};
use jackfield_store::records::Journal;
use jackfield_store::{Change, Commit, CommitError, Query, Store, StoreExt};
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

const HANDLE: &str = "JACKFIELD_TEST_DATABASE";

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("\n:{line}\n").as_bytes()).unwrap();
}

/// Commits to every bucket that it owns without end, and says what it hears.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a process of its own, started and stopped by another test"]
async fn child_that_is_paused() {
    let Ok(handle) = std::env::var(HANDLE) else {
        return;
    };
    let store = Arc::new(
        PostgresStore::open(Options::new(handle, "paused"))
            .await
            .unwrap(),
    );
    let mut changes = store.changes();
    let (mut seq, mut lost, mut refused) = (0, 0, 0);
    let leaving = store.clone();
    say("open");
    loop {
        let owned = store.owned();
        for bucket in owned {
            let mut commit = Commit::of(bucket);
            commit.insert(&journal(bucket, "run_child", seq));
            match store.commit(commit).await {
                Ok(()) => say(&format!("ack {bucket} {seq}")),
                Err(CommitError::Fenced { .. }) => refused += 1,
                Err(other) => say(&format!("error {other}")),
            }
            seq += 1;
        }
        while let Ok(change) = changes.try_recv() {
            match change {
                Change::Leaving(bucket) => leaving.release(bucket).await.unwrap(),
                Change::Lost(_) => lost += 1,
                _ => {}
            }
        }
        say(&format!(
            "has {} lost {lost} refused {refused}",
            store.owned().len()
        ));
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// The next line that begins so.
fn next(lines: &Receiver<String>, word: &str, acknowledged: &mut Vec<(i32, i64)>) -> String {
    loop {
        let line = lines.recv_timeout(LONG).expect("the child says something");
        if let Some(rest) = line.strip_prefix("ack ") {
            let (bucket, seq) = rest.split_once(' ').unwrap();
            acknowledged.push((bucket.parse().unwrap(), seq.parse().unwrap()));
        }
        if line.starts_with(word) {
            return line;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_was_paused_has_its_late_commits_refused_and_forgets_everything() {
    let world = Postgres::new();
    let one = Host::open(world.options()).await;
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "paused::child_that_is_paused",
            "--ignored",
            "--nocapture",
        ])
        .env(HANDLE, &world.url)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (sender, lines) = channel();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    std::thread::spawn(move || {
        let mut line = String::new();
        while out.read_line(&mut line).unwrap_or(0) > 0 {
            if let Some(said) = line.trim().strip_prefix(':') {
                let _ = sender.send(said.to_owned());
            }
            line.clear();
        }
    });
    let signal = |name: &str| {
        let mut kill = Command::new("kill");
        assert!(
            kill.arg(name)
                .arg(child.id().to_string())
                .status()
                .unwrap()
                .success()
        );
    };
    let mut acknowledged = Vec::new();
    next(&lines, "open", &mut acknowledged);
    until("the child has its share", || one.count() == 128).await;
    next(&lines, "has 128", &mut acknowledged);
    signal("-STOP");
    until("the child's buckets are taken over", || one.count() == 256).await;
    signal("-CONT");
    // All that it had is lost; by its own clock it knew so before it was told.
    loop {
        let line = next(&lines, "has", &mut acknowledged);
        if line.contains("lost 128") {
            break;
        }
    }
    let others = Host::open(world.options()).await;
    until("three share", || one.count() + others.count() < 180).await;
    child.kill().unwrap();
    child.wait().unwrap();
    while let Ok(line) = lines.recv() {
        if let Some((bucket, seq)) = line
            .strip_prefix("ack ")
            .and_then(|rest| rest.split_once(' '))
        {
            acknowledged.push((bucket.parse().unwrap(), seq.parse().unwrap()));
        }
    }
    until("two share", || is_shared(&[&one, &others])).await;

    let rows: Vec<Journal> = one.store.find(Query::all()).await.unwrap();
    let mut found: Vec<(i32, i64)> = rows.iter().map(|row| (row.bucket, row.seq)).collect();
    found.sort_unstable();
    for known in &acknowledged {
        assert!(
            found.binary_search(known).is_ok(),
            "{known:?} was acknowledged and is lost"
        );
    }
    // One commit at a time: at most the one of the stop and the one of the end are not known.
    assert!(
        found.len() <= acknowledged.len() + 2,
        "{} of {}",
        found.len(),
        acknowledged.len()
    );
    one.close().await;
    others.close().await;
}
