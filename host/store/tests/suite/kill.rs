//! Killing: a process dies under load at a random instant, again and again on one database; what
//! it acknowledged is there, and everything that is there is whole.

use super::{World, journal, run, timer};
use jackfield_store::records::{Journal, Run, Timer};
use jackfield_store::{Commit, Query, Store, StoreExt};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

const HANDLE: &str = "JACKFIELD_TEST_DATABASE";
const RUNS: i32 = 24;
const ROUNDS: u32 = 6;

fn id(number: i32) -> String {
    format!("run_{number:02}")
}

/// Commits without end and says each acknowledged one.
pub(crate) async fn child_under_load<W: World>() {
    let Ok(handle) = std::env::var(HANDLE) else {
        return;
    };
    let store = Arc::new(W::attach(&handle).await);
    let mut tasks = Vec::new();
    for number in 0..RUNS {
        let store = store.clone();
        tasks.push(tokio::spawn(async move {
            let id = id(number);
            let last: Option<Run> = store
                .first(Query::of(number).equal("id", id.as_str()))
                .await
                .unwrap();
            let mut seq = last.map_or(0, |run| run.seq);
            loop {
                let mut commit = Commit::of(number);
                commit.insert(&journal(number, &id, seq));
                commit
                    .put(&run(number, &id, seq + 1))
                    .put(&timer(number, &id, seq + 1));
                store.commit(commit).await.unwrap();
                // One write for the line: a killed process leaves at most half of the last one.
                std::io::stdout()
                    .lock()
                    .write_all(format!("\nack {number} {seq} .\n").as_bytes())
                    .unwrap();
                seq += 1;
            }
        }));
    }
    let ended = futures::future::select_all(tasks).await.0;
    panic!("a task ended before the process was killed: {ended:?}");
}

pub(crate) async fn a_killed_process_loses_nothing_that_it_acknowledged<W: World>() {
    let world = W::make().await;
    // Any time from the first commits to the middle of a checkpoint.
    let mut random = u64::from(uuid::Uuid::new_v4().as_fields().0);
    let mut acknowledged = BTreeMap::new();
    for round in 0..ROUNDS {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let handle = world.handle();
        let wait = Duration::from_millis((random >> 33) % 700);
        let said = tokio::task::spawn_blocking(move || kill_after(W::CHILD, &handle, wait))
            .await
            .unwrap();
        assert!(!said.is_empty(), "round {round} committed nothing");
        acknowledged.extend(said);
        let store = world.open().await;
        audit(&store, &mut acknowledged).await;
        store.close().await;
    }
}

/// Starts the child (a test), kills it so long after its first commit, and returns what it acknowledged: of
/// each run the last place in its journal.
fn kill_after(test: &str, handle: &str, wait: Duration) -> BTreeMap<i32, i64> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture"])
        .env(HANDLE, handle)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let (first, started) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || {
        let mut said = BTreeMap::new();
        let mut line = String::new();
        while lines.read_line(&mut line).unwrap_or(0) > 0 {
            let words: Vec<&str> = line.split_whitespace().collect();
            if let ["ack", number, seq, "."] = words[..] {
                said.insert(number.parse().unwrap(), seq.parse().unwrap());
                let _ = first.send(());
            }
            line.clear();
        }
        said
    });
    started.recv_timeout(Duration::from_secs(60)).unwrap();
    std::thread::sleep(wait);
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap()
}

/// Judges what is there, and notes it: the next child goes on from it, acknowledged or not.
async fn audit<S: Store>(store: &S, acknowledged: &mut BTreeMap<i32, i64>) {
    for number in 0..RUNS {
        let id = id(number);
        let last: Option<Run> = store
            .first(Query::of(number).equal("id", id.as_str()))
            .await
            .unwrap();
        let seq = last.map_or(0, |run| run.seq);
        let query = Query::of(number).equal("run", id.as_str()).ascending("seq");
        let rows: Vec<Journal> = store.find(query).await.unwrap();
        let places: Vec<i64> = rows.iter().map(|row| row.seq).collect();
        assert_eq!(
            places,
            (0..seq).collect::<Vec<_>>(),
            "run {number} is whole"
        );
        let due: Option<Timer> = store.first(Query::of(number)).await.unwrap();
        assert_eq!(
            due.map_or(0, |timer| timer.due),
            seq,
            "run {number} is whole"
        );
        let least = acknowledged.get(&number).map_or(0, |last| last + 1);
        assert!(
            seq >= least,
            "run {number}: {least} acknowledged, {seq} there"
        );
        assert!(
            seq <= least + 1,
            "run {number}: {least} acknowledged, {seq} there"
        );
        if seq > 0 {
            acknowledged.insert(number, seq - 1);
        }
    }
}
