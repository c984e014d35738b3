//! `jackfield db move`: everything from one database into another, such as from the SQLite file of a
//! host that has grown to a PostgreSQL server. The source is not changed; it is yours to remove.

use super::Done;
use crate::DATABASE;
use crate::cli::exit::Failure;
use crate::cli::progress;
use jackfield_store::transfer::{self, Place, Progress, Step};
use serde_json::{Map, Value, json};
use std::path::Path;

/// A data folder stands for the database in it.
fn place(text: &str) -> Place {
    match Place::of(text) {
        Place::Sqlite(path) if path.is_dir() => Place::Sqlite(path.join(DATABASE)),
        other => other,
    }
}

/// Copies everything, and compares it row by row.
pub(super) async fn transfer(from: Option<&str>, to: &str, data: &Path) -> Result<Done, Failure> {
    let from = from.map_or_else(|| Place::Sqlite(data.join(DATABASE)), place);
    let to = place(to);
    let bar = progress::rows();
    let shown = bar.clone();
    let copied = transfer::copy(&from, &to, move |progress: Progress| {
        let doing = match progress.step {
            Step::Copying => "copying",
            Step::Comparing => "comparing",
        };
        shown.set_length(progress.total);
        shown.set_position(progress.done);
        shown.set_message(format!("{doing} {}", progress.table));
    });
    let copied = copied.await;
    bar.finish_and_clear();
    let copied = copied.map_err(|error| Failure::Failed(format!("nothing was copied: {error}")))?;
    let rows: u64 = copied.tables.iter().map(|(_, rows)| rows).sum();
    let tables: Map<String, Value> = copied
        .tables
        .iter()
        .map(|(table, rows)| ((*table).to_owned(), (*rows).into()))
        .collect();
    Ok(Done {
        answer: json!({ "rows": tables, "buckets": copied.buckets }),
        sentences: vec![
            format!("{rows} rows were copied and compared; the source is as it was"),
            "start the hosts on the new database with the same secret.key, and never again on the \
             old one"
                .to_owned(),
        ],
    })
}
