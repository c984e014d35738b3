//! The five-step durable workflow over HTTP on PostgreSQL, by one host and by two, 64 clients.
//!
//! A real server of the benchmark's own, as it comes: fsync and synchronous commit on. The load is
//! spread over the hosts. The ceiling of one host is one bare durable host on the same server, that
//! of two hosts are two of them on one database. After a round that does not count they are measured
//! in turns; the median round counts. Without PostgreSQL's programs nothing is measured, and the
//! list is empty.

use anyhow::Result;
use jackfield_bench::host::{BareHost, Host, Jackfield};
use jackfield_bench::load::{Series, Target, measure};
use jackfield_bench::options::Options;
use jackfield_bench::table::print;
use jackfield_bench::workflow;
use jackfield_postgres_peer::{Error, Server};
use std::path::Path;
use std::time::{Duration, Instant};

/// How long two hosts may take to share the buckets.
const SHARING: Duration = Duration::from_secs(60);

/// Starts so many hosts on a new database, the workflow published.
async fn hosts(server: &Server, folder: &Path, sink: &str, count: usize) -> Result<Vec<Host>> {
    let url = server.database()?;
    let first = Jackfield::postgres(folder.join(format!("of-{count}-first")), &url);
    let mut hosts = vec![first.start().await?];
    workflow::publish(&hosts[0], sink).await?;
    for place in 1..count {
        let name = format!("of-{count}-{place}");
        hosts.push(first.another(&name).start().await?);
    }
    shared(&hosts[0], count).await?;
    Ok(hosts)
}

/// Waits until every one of so many hosts owns its share of the buckets.
async fn shared(host: &Host, count: usize) -> Result<()> {
    let began = Instant::now();
    loop {
        let said = host.get("/v1/hosts").await?;
        let all = said["buckets"].as_u64().unwrap_or_default();
        let shares = said["items"].as_array().into_iter().flatten();
        let shares: Vec<u64> = shares.filter_map(|host| host["buckets"].as_u64()).collect();
        let least = shares.iter().min().copied().unwrap_or_default();
        if shares.len() == count && least >= all / count as u64 {
            return Ok(());
        }
        anyhow::ensure!(
            began.elapsed() < SHARING,
            "{count} hosts do not share {all} buckets fairly: {shares:?}"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Starts so many bare hosts on a new database.
async fn bare(server: &Server, folder: &Path, sink: &str, count: usize) -> Result<Vec<BareHost>> {
    let url = server.database()?;
    let program = env!("CARGO_BIN_EXE_jackfield-bare-host");
    let mut hosts = Vec::new();
    for _ in 0..count {
        hosts.push(BareHost::start(program, sink, &url, &folder.join("branch.cwasm")).await?);
    }
    Ok(hosts)
}

/// Jackfield's hosts and bare ones, and what was measured of each.
struct Setting {
    name: &'static str,
    sides: [Vec<Target>; 2],
    series: [Series; 2],
    _hosts: (Vec<Host>, Vec<BareHost>),
}

impl Setting {
    async fn new(
        server: &Server,
        folder: &Path,
        sink: &str,
        count: usize,
        name: &'static str,
        warm: Duration,
    ) -> Result<Setting> {
        let hosts = hosts(server, folder, sink, count).await?;
        let bare = bare(server, folder, sink, count).await?;
        let setting = Setting {
            name,
            sides: [
                hosts.iter().map(workflow::target).collect(),
                bare.iter().map(BareHost::target).collect(),
            ],
            series: Default::default(),
            _hosts: (hosts, bare),
        };
        for side in &setting.sides {
            measure(side, warm).await?;
        }
        Ok(setting)
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::given();
    let server = match Server::start(&[]) {
        Ok(server) => server,
        Err(error @ Error::Missing) => {
            eprintln!("nothing is measured on PostgreSQL: {error}");
            print(&[]);
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    let folder = tempfile::tempdir()?;
    let sink = workflow::sink().await?;
    let mut settings = Vec::new();
    for (count, name) in [
        (
            1,
            "five-step durable workflow, PostgreSQL, one host, 64 clients",
        ),
        (
            2,
            "five-step durable workflow, PostgreSQL, two hosts, 64 clients",
        ),
    ] {
        settings
            .push(Setting::new(&server, folder.path(), &sink, count, name, options.round()).await?);
    }
    for _ in 0..options.rounds() {
        for setting in &mut settings {
            for (side, series) in setting.sides.iter().zip(&mut setting.series) {
                series.push(measure(side, options.round()).await?);
            }
        }
    }
    let figures: Vec<_> = settings
        .iter()
        .flat_map(|setting| setting.series[0].beside(&setting.series[1], setting.name))
        .collect();
    print(&figures);
    Ok(())
}
