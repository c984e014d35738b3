//! `jackfield db check`: does what the database holds fit together?
//!
//! Nothing is changed and no host is disturbed. Its pages and settings are the doctor's business;
//! here it is rows that need other rows. A finding fails the command, with code 4.

use super::Place;
use crate::cli::exit::Failure;
use crate::cli::progress;
use crate::cli::table::print_json;
use jackfield_store::transfer;
use serde_json::json;

/// Looks, and says what was found.
pub(super) async fn check(place: &Place) -> Result<(), Failure> {
    let spinner = progress::spinner("looking at every row");
    let report = transfer::check(&place.place()).await;
    spinner.finish_and_clear();
    let report = report.map_err(|error| Failure::Failed(error.to_string()))?;
    let rows: u64 = report.tables.iter().map(|(_, rows)| rows).sum();
    if place.json {
        let facts: serde_json::Map<_, _> = report
            .facts
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone().into()))
            .collect();
        let tables: serde_json::Map<_, _> = report
            .tables
            .iter()
            .map(|(name, rows)| ((*name).to_owned(), (*rows).into()))
            .collect();
        print_json(&json!({
            "place": report.place,
            "buckets": report.buckets,
            "facts": facts,
            "rows": tables,
            "findings": report.findings,
        }));
    } else {
        println!(
            "{}: {rows} rows in {} buckets",
            report.place, report.buckets
        );
        for (name, value) in &report.facts {
            println!("  {name}: {value}");
        }
        for finding in &report.findings {
            let example = finding.example.as_deref().unwrap_or("no example");
            println!("  {} {} (such as {example})", finding.count, finding.what);
        }
    }
    if report.findings.is_empty() {
        return Ok(());
    }
    Err(Failure::Invalid(
        "the database does not fit together; restore the last backup, and report this".to_owned(),
    ))
}
