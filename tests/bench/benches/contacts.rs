//! A large contact base: what ten thousand, a hundred thousand (and, with `--up-to 1000000`, a
//! million) contacts cost, beside runs that wait.
//!
//! One host on SQLite in which up to a hundred thousand runs wait already (`src/sleepers.rs`). At each
//! number of contacts: how fast a file of contacts is imported on top of them, how fast a segment's
//! filter goes over all of them, how long an event takes to the end of the run that waited for it, and
//! what the host has in memory after a start. The ceiling of every figure is the same figure at the
//! first number, so that a ratio says how the cost grows.

use anyhow::{Context, Result, ensure};
use jackfield_bench::host::{Host, Jackfield};
use jackfield_bench::options::Options;
use jackfield_bench::sleepers;
use jackfield_bench::table::{Figure, median, percentile, print};
use serde_json::json;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

/// The first number of contacts.
const FIRST: u32 = 10_000;
/// Rows of one file.
const ROWS: u32 = 100_000;
/// Runs that wait beside all this, and those of them that are made through the API.
const WAITING: u32 = 100_000;
const BEGUN: u32 = 1_000;
/// Events whose way is timed.
const EVENTS: u32 = 500;
/// A host is at rest so long after its start.
const REST: Duration = Duration::from_secs(3);
/// A run that takes longer than this is lost.
const LONGEST: Duration = Duration::from_secs(10);
const HOUR: i64 = 3_600_000;

const WORKFLOW: &str = "name: pays
trigger: {event: manual}
steps:
  hold: {uses: wait@1, with: {event: {name: bill.paid}, timeout: 1d}}
  then: {uses: branch@1, with: {branches: [{name: one, when: {field: contact.city, exists: true}}]}}
";

/// What was measured at one number of contacts.
struct Level {
    contacts: u32,
    imported: f64,
    filtered: f64,
    page: f64,
    event: f64,
    event_p99: f64,
    start: f64,
    resident: f64,
}

fn phone(number: u32) -> String {
    format!("+336{number:08}")
}

/// A file of contacts: one in a hundred lives in Paris.
fn file(numbers: std::ops::Range<u32>) -> String {
    let mut text = String::from("First Name,Last Name,Phone Number,E-Mail,City,Tags\n");
    for number in numbers {
        let city = if number % 100 == 0 { "Paris" } else { "Lyon" };
        let phone = phone(number);
        let _ = writeln!(
            text,
            "Ann{number},Miller,{phone},ann{number}@example.com,{city},fair"
        );
    }
    text
}

/// Imports contacts up to a number; gives the rows a second, from upload to the last row.
async fn import(host: &Host, numbers: std::ops::Range<u32>) -> Result<f64> {
    let began = Instant::now();
    let all = numbers.end - numbers.start;
    let mut next = numbers.start;
    while next < numbers.end {
        let to = numbers.end.min(next + ROWS);
        let made = host
            .upload("/v1/imports", "text/csv", file(next..to))
            .await?;
        let id = made["id"].as_str().context("an import without an id")?;
        let path = format!("/v1/imports/{id}");
        let plan = json!({"purpose": "add"});
        host.post(&format!("{path}/start"), &plan).await?;
        let ended = loop {
            let shown = host.get(&path).await?;
            if shown["state"] != "running" {
                break shown;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        ensure!(ended["added"] == to - next, "not all were added: {ended}");
        next = to;
    }
    Ok(f64::from(all) / began.elapsed().as_secs_f64())
}

/// Counts the contacts of a city, over all pages; gives the contacts a second that were looked at.
async fn filter(host: &Host, contacts: u32) -> Result<f64> {
    let began = Instant::now();
    let mut count = 0;
    let mut cursor = json!(null);
    loop {
        let body = json!({"filter": {"field": "contact.city", "is": "Paris"}, "cursor": cursor});
        let counted = host.post("/v1/contacts/count", &body).await?;
        count += counted["count"].as_u64().context("no count")?;
        cursor = counted["next"].clone();
        if cursor.is_null() {
            break;
        }
    }
    let took = began.elapsed().as_secs_f64();
    ensure!(count == u64::from(contacts / 100), "{count} live in Paris");
    Ok(f64::from(contacts) / took)
}

/// The newest contacts of a segment that most are in; gives milliseconds.
async fn page(host: &Host) -> Result<f64> {
    let began = Instant::now();
    let body = json!({"filter": {"field": "contact.city", "is": "Lyon"}, "limit": 100});
    let page = host.post("/v1/contacts/search", &body).await?;
    ensure!(page["items"].as_array().is_some_and(|all| all.len() == 100));
    Ok(began.elapsed().as_secs_f64() * 1e3)
}

/// From an event to the end of the run that waited for it, in milliseconds, one after the other.
async fn events(host: &Host, contacts: u32, count: u32) -> Result<Vec<f64>> {
    let mut times = Vec::new();
    for number in 0..count {
        let who = format!("phone:{}", phone(number * (contacts / count)));
        let start = json!({"contact": who});
        let run = host.post("/v1/workflows/pays/runs", &start).await?;
        let run = format!("/v1/runs/{}", run["id"].as_str().context("no run")?);
        state(host, &run, "waiting").await?;
        let began = Instant::now();
        let event = json!({"name": "bill.paid", "contact": who});
        host.post("/v1/events", &event).await?;
        state(host, &run, "completed").await?;
        times.push(began.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    Ok(times)
}

async fn state(host: &Host, run: &str, wanted: &str) -> Result<()> {
    let began = Instant::now();
    while host.get(run).await?["state"] != wanted {
        ensure!(began.elapsed() < LONGEST, "{run} never became {wanted}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}

async fn level(program: &Jackfield, from: u32, contacts: u32, count: u32) -> Result<Level> {
    let host = program.start().await?;
    let imported = import(&host, from..contacts).await?;
    host.stop()?;
    let host = program.start().await?;
    let start = host.took.as_secs_f64();
    tokio::time::sleep(REST).await;
    let resident = host.memory()?.resident;
    let mut pages = Vec::new();
    for _ in 0..5 {
        pages.push(page(&host).await?);
    }
    let filtered = filter(&host, contacts).await?;
    let times = events(&host, contacts, count).await?;
    host.stop()?;
    Ok(Level {
        contacts,
        imported,
        filtered,
        page: median(pages),
        event: percentile(&times, 0.5),
        event_p99: percentile(&times, 0.99),
        start,
        resident,
    })
}

fn figures(level: &Level, first: &Level) -> Vec<Figure> {
    let name = format!("{} contacts", level.contacts);
    let one = |what: &str, unit, of: fn(&Level) -> f64| {
        Figure::new(format!("{name}: {what}"), of(level), unit, of(first))
    };
    vec![
        one("import", "rows/s", |level| level.imported),
        one("a filter over all of them", "1/s", |level| level.filtered),
        one("a page of 100 of a segment", "ms", |level| level.page),
        one("event to the end of the run that waited", "ms", |level| {
            level.event
        }),
        one("the same, p99", "ms", |level| level.event_p99),
        one("start to /readyz", "s", |level| level.start),
        one("memory at rest", "MiB", |level| level.resident),
    ]
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::given();
    let folder = tempfile::tempdir()?;
    let program = Jackfield::sqlite(folder.path().join("data"));
    let (first, up_to, waiting, begun, count) = if options.quick {
        (100, 1_000, 1_000, 100, 10)
    } else {
        (FIRST, options.up_to.max(FIRST), WAITING, BEGUN, EVENTS)
    };
    let host = program.start().await?;
    sleepers::begin(&host, begun).await?;
    host.publish("pays", WORKFLOW.to_owned()).await?;
    let text = json!({"kind": "text", "title": "City"});
    host.put("/v1/contact-fields/city", &text).await?;
    host.stop()?;
    let due = |number: u32| 48 * HOUR + i64::from(number) * 1_000 + sleepers::now();
    sleepers::multiply(program.data(), begun, 0..waiting - begun, due).await?;
    eprintln!("{waiting} runs wait");

    let mut levels: Vec<Level> = Vec::new();
    let numbers = std::iter::successors(Some(first), |number| number.checked_mul(10));
    for contacts in numbers.take_while(|number| *number <= up_to) {
        let from = levels.last().map_or(0, |level| level.contacts);
        levels.push(level(&program, from, contacts, count).await?);
        eprintln!("{contacts} contacts");
    }
    let first = levels.first().context("no level was measured")?;
    let all: Vec<Figure> = levels
        .iter()
        .flat_map(|level| figures(level, first))
        .collect();
    print(&all);
    Ok(())
}
