//! The five-step durable workflow over HTTP on SQLite, 64 clients, beside a bare durable host.
//!
//! Both are processes of their own and keep what they acknowledge in SQLite with
//! `synchronous=FULL`. After a round that
//! does not count they are measured in turns; the median round counts.

use anyhow::Result;
use jackfield_bench::host::{BareHost, Jackfield};
use jackfield_bench::load::{Series, measure};
use jackfield_bench::options::Options;
use jackfield_bench::table::print;
use jackfield_bench::workflow;

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::given();
    let folder = tempfile::tempdir()?;
    let sink = workflow::sink().await?;
    let program = env!("CARGO_BIN_EXE_jackfield-bare-host");
    let database = folder.path().join("bare.db").display().to_string();
    let cache = folder.path().join("branch.cwasm");
    let bare = BareHost::start(program, &sink, &database, &cache).await?;
    let host = Jackfield::sqlite(folder.path().join("data"))
        .start()
        .await?;
    workflow::publish(&host, &sink).await?;

    let sides = [workflow::target(&host), bare.target()];
    let mut series = [Series::default(), Series::default()];
    for side in &sides {
        measure(std::slice::from_ref(side), options.round()).await?;
    }
    for _ in 0..options.rounds() {
        for (side, series) in sides.iter().zip(&mut series) {
            series.push(measure(std::slice::from_ref(side), options.round()).await?);
        }
    }
    let [ours, ceiling] = series;
    let name = "five-step durable workflow, SQLite, 64 clients";
    print(&ours.beside(&ceiling, name));
    Ok(())
}
