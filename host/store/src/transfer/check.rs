//! Whether all is well in a database: its version, its settings, and rows that need others.
//!
//! The database has no foreign keys (they would cost every commit, and go across buckets); what
//! they would say is asked here instead. Hosts may go on working: what they write in the middle of
//! it is in one of the questions and not in another, so a finding beside running hosts is to be
//! looked at twice.

use super::{BLOBS, Place, Side, TransferError, Use, count, open, unavailable};
use crate::records::TABLES;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Report {
    /// Which database.
    pub place: String,
    /// How many buckets it has.
    pub buckets: i32,
    /// The database's version and settings, each a name and a value.
    pub facts: Vec<(&'static str, String)>,
    /// Every table and how many rows it has.
    pub tables: Vec<(&'static str, u64)>,
    /// What is not as it should be; empty if all is well.
    pub findings: Vec<Finding>,
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// What.
    pub what: String,
    /// How often.
    pub count: u64,
    /// One of them.
    pub example: Option<String>,
}

/// What a row needs: what to call those that lack it, and how they are found.
const NEEDS: &[(&str, &str)] = &[
    (
        "journal entries of no run and no message",
        "SELECT count(*), min(a.run) FROM journal AS a WHERE NOT EXISTS \
         (SELECT 1 FROM run AS b WHERE b.bucket = a.bucket AND b.id = a.run) AND NOT EXISTS \
         (SELECT 1 FROM message AS c WHERE c.bucket = a.bucket AND c.id = a.run)",
    ),
    (
        "waits of no run",
        "SELECT count(*), min(a.run) FROM wait AS a WHERE NOT EXISTS \
         (SELECT 1 FROM run AS b WHERE b.bucket = a.bucket AND b.id = a.run)",
    ),
    (
        "timers of no run",
        "SELECT count(*), min(a.id) FROM timer AS a WHERE a.kind = 'run' AND NOT EXISTS \
         (SELECT 1 FROM run AS b WHERE b.bucket = a.bucket AND b.id = a.id)",
    ),
    (
        "timers of no message",
        "SELECT count(*), min(a.id) FROM timer AS a WHERE a.kind = 'message' AND NOT EXISTS \
         (SELECT 1 FROM message AS b WHERE b.bucket = a.bucket AND b.id = a.id)",
    ),
    (
        "runs that have not ended and whose version of the workflow is not there",
        "SELECT count(*), min(a.id) FROM run AS a \
         WHERE a.state NOT IN ('completed', 'failed', 'cancelled') AND NOT EXISTS \
         (SELECT 1 FROM workflow_version AS b WHERE b.workspace = a.workspace \
         AND b.workflow = a.workflow AND b.version = a.version)",
    ),
    (
        "workflows whose published version is not there",
        "SELECT count(*), min(a.name) FROM workflow AS a WHERE a.version IS NOT NULL \
         AND NOT EXISTS (SELECT 1 FROM workflow_version AS b WHERE b.workspace = a.workspace \
         AND b.workflow = a.name AND b.version = a.version)",
    ),
    (
        "plugins whose bytes are not there",
        "SELECT count(*), min(a.digest) FROM plugin AS a WHERE a.removed_at IS NULL \
         AND NOT EXISTS (SELECT 1 FROM blob AS b WHERE b.digest = a.digest)",
    ),
];

/// Looks at a database, beside hosts that work on it.
///
/// # Errors
/// When it cannot be opened or read.
pub async fn check(place: &Place) -> Result<Report, TransferError> {
    let mut side = open(place, Use::Look).await?;
    let report = look(&mut *side).await;
    let _ = side.finish(false).await;
    report
}

async fn look(side: &mut dyn Side) -> Result<Report, TransferError> {
    let facts = match side.facts().await {
        Ok(facts) => facts,
        Err(error) => return Err(unavailable(side, error)),
    };
    let mut findings = of_facts(&facts);
    let mut tables = Vec::new();
    for table in TABLES.iter().map(|table| table.name).chain([BLOBS]) {
        tables.push((table, count(side, table).await?));
    }
    for (what, statement) in NEEDS {
        match side.ask((*statement).to_owned()).await {
            Ok((0, _)) => {}
            Ok((count, example)) => findings.push(Finding {
                what: (*what).to_owned(),
                count: count.unsigned_abs(),
                example,
            }),
            Err(error) => return Err(unavailable(side, error)),
        }
    }
    let buckets = count(side, "buckets").await?;
    if i64::from(side.buckets()).unsigned_abs() != buckets {
        findings.push(Finding {
            what: format!("the database is to have {} buckets", side.buckets()),
            count: buckets,
            example: None,
        });
    }
    Ok(Report {
        place: side.place(),
        buckets: side.buckets(),
        facts,
        tables,
        findings,
    })
}

/// Settings under which something can be lost, and pages that are damaged.
fn of_facts(facts: &[(&'static str, String)]) -> Vec<Finding> {
    let wrong = |name: &str, value: &str| match name {
        "fsync" | "synchronous_commit" | "full_page_writes" => value == "off",
        "quick_check" => value != "ok",
        "journal_mode" => value != "wal",
        "encoding" => value != "UTF8",
        "migrations" => value != "all",
        _ => false,
    };
    facts
        .iter()
        .filter(|(name, value)| wrong(name, value))
        .map(|(name, value)| Finding {
            what: format!("{name} is {value}"),
            count: 1,
            example: None,
        })
        .collect()
}
