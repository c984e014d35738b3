//! Back-pressure: a host of which too much is asked refuses what is too much, before it grows, and
//! serves everybody else.
//!
//! The service that the floods call holds every request until the test lets it go, so nothing here
//! depends on how fast the machine is: what is counted is who is served meanwhile, who is refused
//! and how, and that what was acknowledged is done once in the end.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_tests::{Answer, Api, Host, PATIENCE, program_on_a_limited_disk, until};
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A service that answers when it is told to, and remembers what it was asked.
struct Service {
    url: String,
    open: watch::Sender<bool>,
    asked: Arc<Mutex<HashMap<String, usize>>>,
}

impl Service {
    async fn start(open: bool) -> Service {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let service = Service {
            url: format!("http://{}", listener.local_addr().unwrap()),
            open: watch::channel(open).0,
            asked: Arc::default(),
        };
        let (opened, asked) = (service.open.subscribe(), service.asked.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, opened.clone(), asked.clone()));
            }
        });
        service
    }

    /// How often each path was asked for.
    fn asked(&self) -> HashMap<String, usize> {
        self.asked.lock().unwrap().clone()
    }

    /// Answers all that wait, and whoever comes.
    fn let_go(&self) {
        self.open.send_replace(true);
    }
}

/// Answers the requests of a connection; none without its whole body.
async fn answer(
    stream: TcpStream,
    mut opened: watch::Receiver<bool>,
    asked: Arc<Mutex<HashMap<String, usize>>>,
) -> Option<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if stream.read_line(&mut head).await.ok()? == 0 {
                return None;
            }
        }
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            let is_it = name.eq_ignore_ascii_case("content-length");
            is_it.then(|| value.trim().parse().ok()).flatten()
        });
        stream
            .read_exact(&mut vec![0; length.unwrap_or(0)])
            .await
            .ok()?;
        let path = head.split(' ').nth(1)?.to_owned();
        *asked.lock().unwrap().entry(path).or_default() += 1;
        opened.wait_for(|open| *open).await.ok()?;
        let said =
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
        stream.write_all(said.as_bytes()).await.ok()?;
    }
}

/// A workflow that asks the service for what the event names.
fn calling(name: &str, service: &Service) -> String {
    let url = &service.url;
    format!(
        "name: {name}\ntrigger: {{event: {name}.wanted}}\nsteps:\n  call: {{uses: http-request@1, \
         with: {{method: PUT, url: \"{url}/$event.n\", body: x, timeout: 120s}}}}\n"
    )
}

/// A workspace with these workflows, and the operator's API in it.
async fn workspace(host: &Host, id: &str, workflows: &[String]) -> Api {
    let made = json!({"id": id, "title": id});
    host.api.post("/v1/workspaces", made).await.ok();
    let api = host.api.in_workspace(id);
    for workflow in workflows {
        api.publish(workflow).await;
    }
    api
}

/// A refusal for the load, which says when to come again.
fn refused(answer: &Answer) {
    answer.clone().refused(429, "rate-limited");
    let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
}

/// What a flood came to.
#[derive(Default)]
struct Flood {
    /// The runs that were acknowledged, by what they ask the service for.
    taken: HashMap<String, String>,
    refused: usize,
}

/// Sends events from many clients until so many were refused.
async fn flood(api: &Api, event: &str, data: &Value, refusals: usize) -> Flood {
    const CLIENTS: usize = 16;
    let sent = Arc::new(Mutex::new((0, Flood::default())));
    let clients = (0..CLIENTS).map(|_| {
        let (api, sent, name) = (api.clone(), sent.clone(), event.to_owned());
        let mut data = data.clone();
        tokio::spawn(async move {
            let began = Instant::now();
            loop {
                let n = {
                    let mut sent = sent.lock().unwrap();
                    if sent.1.refused >= refusals {
                        return;
                    }
                    sent.0 += 1;
                    sent.0.to_string()
                };
                assert!(began.elapsed() < PATIENCE, "nothing is refused");
                data["n"] = n.as_str().into();
                let body = json!({"name": name, "data": data});
                let answer = api.post("/v1/events", body).await;
                if answer.status == 202 {
                    let run = answer.json["runs"][0].as_str().unwrap().to_owned();
                    let known = sent.lock().unwrap().1.taken.insert(format!("/{n}"), run);
                    assert!(known.is_none());
                } else {
                    refused(&answer);
                    sent.lock().unwrap().1.refused += 1;
                }
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
    let mut sent = sent.lock().unwrap();
    std::mem::take(&mut sent.1)
}

/// Has so many runs of a workflow go from beginning to end, one after another.
async fn serves(api: &Api, workflow: &str, runs: usize) {
    for n in 0..runs {
        let path = format!("/v1/workflows/{workflow}/runs?wait=60s");
        let body = json!({"data": {"n": format!("{workflow}-{n}")}});
        let answer = api.post(&path, body).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.json["state"], "completed", "{}", answer.text);
    }
}

/// Waits until every run has completed, and the service was asked for each once.
async fn done_once(api: &Api, service: &Service, flood: &Flood) {
    for run in flood.taken.values() {
        api.completed(run).await;
    }
    let asked = service.asked();
    assert_eq!(asked.len(), flood.taken.len());
    for path in flood.taken.keys() {
        assert_eq!(asked.get(path), Some(&1), "{path}");
    }
}

async fn readyz(api: &Api) -> (u16, Value) {
    let answer = api.get("/readyz").await;
    (answer.status, answer.json)
}

fn check<'a>(readiness: &'a Value, name: &str) -> &'a Value {
    let checks = readiness["checks"].as_array().unwrap();
    let found = checks.iter().find(|check| check["name"] == name);
    found.unwrap_or_else(|| panic!("no check {name}: {readiness:#}"))
}

async fn metric(api: &Api, name: &str) -> f64 {
    let text = api.get("/metrics").await.text;
    let line = text.lines().find(|line| line.starts_with(name));
    let value = line.and_then(|line| line.rsplit(' ').next()?.parse().ok());
    value.unwrap_or_else(|| panic!("no metric {name}"))
}

/// Resident memory of a process, in MiB.
fn resident(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    let kib: u64 = line.split_whitespace().next().unwrap().parse().unwrap();
    kib / 1_024
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_workspace_that_floods_is_refused_and_the_others_are_served() {
    let (held, quick) = (Service::start(false).await, Service::start(true).await);
    let host = Host::start_with(&["--max-runs", "64", "--max-in-line", "1000"]).await;
    let flooding = workspace(&host, "flooding", &[calling("slow", &held)]).await;
    let quiet = workspace(&host, "quiet", &[calling("quick", &quick)]).await;
    serves(&quiet, "quick", 3).await;
    let before = resident(host.pid());

    // Were they all in memory, they would take some hundred MiB.
    let data = json!({"text": "x".repeat(64 << 10)});
    let came = flood(&flooding, "slow.wanted", &data, 500).await;
    assert!(
        (500..600).contains(&came.taken.len()),
        "{}",
        came.taken.len()
    );
    let grown = resident(host.pid()).saturating_sub(before);
    assert!(grown < 150, "{grown} MiB more");

    serves(&quiet, "quick", 30).await;
    // A run that is waited for is refused too; whoever looks is answered.
    let start = flooding.post("/v1/workflows/slow/runs?wait=1s", json!({}));
    refused(&start.await);
    assert_eq!(flooding.get("/v1/runs?limit=1").await.status, 200);
    assert_eq!(flooding.get("/healthz").await.status, 200);
    let (status, readiness) = readyz(&quiet).await;
    assert_eq!(status, 200, "{readiness:#}");
    assert_eq!(readiness["refusing"], true, "{readiness:#}");
    assert_eq!(check(&readiness, "room")["ok"], false);
    assert!(metric(&quiet, "jackfield_runs_in_line").await > 400.0);
    let reason = "jackfield_http_requests_refused_total{reason=\"runs\"}";
    assert!(metric(&quiet, reason).await >= 1.0);

    held.let_go();
    done_once(&flooding, &held, &came).await;
    assert_eq!(metric(&quiet, "jackfield_runs_in_line").await, 0.0);
    flooding
        .event("slow.wanted", None, json!({"n": "after"}))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_workflow_that_floods_leaves_the_workspaces_others_alone() {
    let (held, quick) = (Service::start(false).await, Service::start(true).await);
    let host = Host::start_with(&["--max-runs", "32", "--max-in-line", "200"]).await;
    let both = [calling("slow", &held), calling("quick", &quick)];
    let api = workspace(&host, "shop", &both).await;
    let came = flood(&api, "slow.wanted", &json!({}), 100).await;
    serves(&api, "quick", 20).await;
    for n in 0..10 {
        api.event("quick.wanted", None, json!({"n": format!("event-{n}")}))
            .await;
    }
    until("the other workflow's events to be done", async || {
        (quick.asked().len() == 30).then_some(())
    })
    .await;
    assert_eq!(
        held.asked()
            .keys()
            .filter(|path| !came.taken.contains_key(*path))
            .count(),
        0
    );
    held.let_go();
    done_once(&api, &held, &came).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stands_in_line_outlives_the_host_and_can_be_cancelled() {
    let held = Service::start(false).await;
    let mut host = Host::start_with(&["--max-runs", "16", "--max-in-line", "200"]).await;
    let api = workspace(&host, "shop", &[calling("slow", &held)]).await;
    let came = flood(&api, "slow.wanted", &json!({}), 1).await;
    host.restart().await;
    let in_line = came.taken.len() - 8;
    until("all to stand in line again", async || {
        (metric(&api, "jackfield_runs_in_line").await >= in_line as f64).then_some(())
    })
    .await;
    // One in line ends at once, though nothing has room to end it.
    let queued = api.get("/v1/runs?state=queued&limit=1").await.ok();
    let one = queued["items"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/runs/{one}/cancel");
    let cancelled = api.post(&path, json!({"reason": "a test"})).await.ok();
    assert_eq!(cancelled["state"], "cancelled", "{cancelled:#}");
    held.let_go();
    for run in came.taken.values().filter(|run| **run != one) {
        api.completed(run).await;
    }
    assert_eq!(api.run(&one).await["state"], "cancelled");
    let never = came.taken.iter().find(|(_, run)| **run == one).unwrap().0;
    assert_eq!(held.asked().get(never), None, "it was driven");
    let missing = came.taken.keys().filter(|path| *path != never);
    let asked = held.asked();
    assert_eq!(missing.filter(|path| !asked.contains_key(*path)).count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_workflow_that_is_stopped_takes_its_line_along() {
    let held = Service::start(false).await;
    let host = Host::start_with(&["--max-runs", "16", "--max-in-line", "200"]).await;
    let api = workspace(&host, "shop", &[calling("slow", &held)]).await;
    let came = flood(&api, "slow.wanted", &json!({}), 1).await;
    let stop = api.post("/v1/workflows/slow/deactivate", json!({"abort": true}));
    let stopped = stop.await.ok();
    assert_eq!(stopped["aborted"], came.taken.len(), "{stopped:#}");
    assert_eq!(metric(&api, "jackfield_runs_in_line").await, 0.0);
    held.let_go();
    for run in came.taken.values() {
        assert_eq!(api.over(run).await["state"], "cancelled");
    }
    assert!(held.asked().len() <= 16, "{}", held.asked().len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_waits_for_much_leaves_room_for_other_requests() {
    let (held, quick) = (Service::start(false).await, Service::start(true).await);
    let host = Host::start_with(&["--max-requests", "16"]).await;
    let flooding = workspace(&host, "flooding", &[calling("slow", &held)]).await;
    let quiet = workspace(&host, "quiet", &[calling("quick", &quick)]).await;
    let mut waiting = tokio::task::JoinSet::new();
    let mut served = Vec::new();
    for n in 0..40 {
        let api = flooding.clone();
        waiting.spawn(async move {
            let body = json!({"data": {"n": n.to_string()}});
            api.post("/v1/workflows/slow/runs?wait=60s", body).await
        });
    }
    // A key gets half of the places; whoever finds none is told at once.
    for _ in 0..32 {
        refused(&waiting.join_next().await.unwrap().unwrap());
    }
    serves(&quiet, "quick", 20).await;
    assert_eq!(flooding.get("/v1/runs?limit=1").await.status, 200);
    let (status, readiness) = readyz(&quiet).await;
    assert_eq!((status, &readiness["refusing"]), (200, &json!(true)));
    held.let_go();
    while let Some(answer) = waiting.join_next().await {
        served.push(answer.unwrap());
    }
    assert_eq!(served.len(), 8);
    for answer in served {
        assert_eq!(answer.ok()["state"], "completed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_is_told_to_come_again() {
    let held = Service::start(false).await;
    let host = Host::start_with(&["--max-runs", "2", "--max-in-line", "8"]).await;
    let api = workspace(&host, "shop", &[calling("slow", &held)]).await;
    let channel = json!({
        "name": "chat", "connector": "custom-channel@1",
        "settings": {"webhook-url": "http://127.0.0.1:9/", "channel-id": "site"},
        "secrets": {"api-token": "a token"},
    });
    let channel = api.post("/v1/channels", channel).await.ok();
    let hook = format!("/hooks/{}", channel["id"].as_str().unwrap());
    let came = flood(&api, "slow.wanted", &json!({}), 5).await;
    let stranger = api.without_key();
    let answer = stranger.post(&hook, json!({})).await;
    assert_eq!(answer.status, 503, "{}", answer.text);
    assert!(answer.header("retry-after").is_some());
    held.let_go();
    done_once(&api, &held, &came).await;
    let answer = stranger.post(&hook, json!({})).await;
    assert_ne!(answer.status, 503, "{}", answer.text);
}

/// What readiness says once it says so with this status.
async fn ready_with(api: &Api, status: u16) -> Value {
    until(&format!("readiness to be {status}"), async || {
        let (now, readiness) = readyz(api).await;
        (now == status).then_some(readiness)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readiness_tells_that_the_database_is_held_by_another() {
    use sqlx::{Connection as _, Executor as _};
    let host = Host::start().await;
    let url = format!("sqlite://{}", host.data().join("jackfield.db").display());
    let mut other = sqlx::SqliteConnection::connect(&url).await.unwrap();
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    let readiness = ready_with(&host.api, 503).await;
    assert_eq!(readiness["ready"], false);
    assert_eq!(check(&readiness, "store")["ok"], false, "{readiness:#}");
    let said = check(&readiness, "store")["detail"].as_str().unwrap();
    assert!(said.contains("jackfield doctor"), "{said}");
    other.execute("ROLLBACK").await.unwrap();
    other.close().await.unwrap();
    ready_with(&host.api, 200).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readiness_tells_that_nothing_can_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let wrapper = program_on_a_limited_disk(folder.path());
    let host = Host::start_program(&wrapper, &[]).await;
    let process = Pid::from_raw(i32::try_from(host.pid()).unwrap());
    let limit = |current| {
        let limit = Rlimit {
            current,
            maximum: None,
        };
        prlimit(process, Resource::Fsize, limit).expect("the limit can be set");
    };
    limit(Some(4_096));
    let readiness = ready_with(&host.api, 503).await;
    assert_eq!(check(&readiness, "store")["ok"], false, "{readiness:#}");
    limit(None);
    ready_with(&host.api, 200).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readiness_tells_that_the_host_stops() {
    let held = Service::start(false).await;
    let mut host = Host::start().await;
    let api = workspace(&host, "shop", &[calling("slow", &held)]).await;
    let run = api.start("slow.wanted", None, json!({"n": "one"})).await;
    until("the call to be under way", async || {
        (held.asked().len() == 1).then_some(())
    })
    .await;
    let watcher = api.clone();
    let watching = async {
        let readiness = ready_with(&watcher, 503).await;
        let refusal = watcher.get("/v1/runs").await;
        held.let_go();
        (readiness, refusal)
    };
    let (stopped, (readiness, refusal)) = tokio::join!(host.stop(), watching);
    assert!(stopped.success());
    assert_eq!(check(&readiness, "running")["ok"], false, "{readiness:#}");
    refusal.refused(503, "unavailable");
    host.begin().await;
    api.completed(&run).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_is_not_read_before_there_is_room_for_it() {
    let host = Host::start_with(&["--max-body-bytes", "4194304"]).await;
    let other = workspace(&host, "other", &[]).await;
    let address = host.url();
    let address = address.strip_prefix("http://").unwrap();
    let key = fs::read_to_string(host.data().join("operator.key")).unwrap();
    // Bodies that never come, of the greatest length that is taken.
    let mut slow = Vec::new();
    for _ in 0..8 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!(
            "POST /v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: \
             application/json\r\ncontent-length: 1048576\r\n\r\n{{",
            key.trim()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        slow.push(stream);
    }
    let event = |length: usize| json!({"name": "big.one", "data": {"x": "x".repeat(length)}});
    let answer = until("the bytes to be taken", async || {
        let answer = host.api.post("/v1/events", event(200 << 10)).await;
        (answer.status != 202).then_some(answer)
    })
    .await;
    refused(&answer);
    let reason = "jackfield_http_requests_refused_total{reason=\"bytes\"}";
    assert!(metric(&host.api, reason).await >= 1.0);
    // Another workspace has its share; who hangs up gives theirs back.
    let answer = other.post("/v1/events", event(200 << 10)).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    drop(slow);
    until("the bytes to be free again", async || {
        let answer = host.api.post("/v1/events", event(200 << 10)).await;
        (answer.status == 202).then_some(())
    })
    .await;
}
