//! Contacts as CSV, a batch at a time: what an import reads again.
//!
//! What must hold: memory holds one batch; a cell is never a formula to a spreadsheet (`cells`).

use super::cells;
use crate::contacts::document::{names, writable};
use crate::context::Context;
use crate::error::{Error, Problem, Result};
use crate::segments::{Meant, Segments, Walk};
use jackfield_engine::document::problem::nearest;
use serde_json::{Map, Value};
use std::sync::Arc;

/// The columns of an export, where nothing is said; custom fields come behind.
fn standard() -> impl Iterator<Item = &'static str> {
    let more = ["tags", "lists", "created_at"];
    ["id"].into_iter().chain(writable()).chain(more)
}

/// An export under way.
pub struct Export {
    walk: Walk,
    columns: Vec<String>,
    begun: bool,
}

impl Export {
    pub(crate) async fn new(
        context: &Arc<Context>,
        workspace: &str,
        meant: Option<&Meant>,
        columns: Option<&[String]>,
    ) -> Result<Export> {
        let fields = context.fields(workspace).await?;
        let custom = || fields.iter().map(|field| field.name.clone());
        let columns = match columns {
            None => standard().map(str::to_owned).chain(custom()).collect(),
            Some(wanted) => {
                let known: Vec<String> = names().map(str::to_owned).chain(custom()).collect();
                let mut problems = Vec::new();
                for (place, name) in wanted.iter().enumerate() {
                    if !known.contains(name) {
                        let meant = nearest(name, known.iter().map(String::as_str));
                        let meant = meant.map(|meant| format!(" (did you mean `{meant}`?)"));
                        let said =
                            format!("contacts have no `{name}`{}", meant.unwrap_or_default());
                        problems.push(Problem::new("columns", said));
                    } else if wanted[..place].contains(name) {
                        problems.push(Problem::new("columns", format!("`{name}` stands twice")));
                    }
                }
                if !problems.is_empty() {
                    return Err(Error::problems("invalid-export", problems));
                }
                wanted.to_vec()
            }
        };
        let with_lists = columns.iter().any(|name| name == "lists");
        let segments = Segments::new(Arc::clone(context));
        Ok(Export {
            walk: segments.walk(workspace, meant, None, with_lists).await?,
            columns,
            begun: false,
        })
    }

    /// The next lines; none after the last.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
        let broken = |error: csv::Error| Error::unavailable(error.to_string());
        if !self.begun {
            self.begun = true;
            writer.write_record(&self.columns).map_err(broken)?;
        } else {
            let Some((contacts, _)) = self.walk.next().await? else {
                return Ok(None);
            };
            for contact in contacts {
                let row = self.columns.iter().map(|name| cell(&contact, name));
                writer.write_record(row).map_err(broken)?;
            }
        }
        let bytes = writer.into_inner();
        bytes
            .map(Some)
            .map_err(|error| Error::unavailable(error.to_string()))
    }
}

fn cell(contact: &Map<String, Value>, name: &str) -> String {
    let text = match contact.get(name) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => {
            let texts: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
            match texts {
                Some(texts) => cells::join(texts),
                None => Value::from(items.clone()).to_string(),
            }
        }
        Some(other) => other.to_string(),
    };
    cells::guard(&text)
}

/// What became of rows, as CSV.
///
/// # Errors
/// `unavailable`.
pub fn result_lines(rows: &[super::RowView], with_header: bool) -> Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
    let broken = |error: csv::Error| Error::unavailable(error.to_string());
    if with_header {
        let header = ["line", "outcome", "contact", "code", "message"];
        writer.write_record(header).map_err(broken)?;
    }
    for row in rows {
        let line = row.line.to_string();
        let text = |text: &Option<String>| cells::guard(text.as_deref().unwrap_or_default());
        let cells = [
            line,
            row.outcome.clone(),
            text(&row.contact),
            text(&row.code),
            text(&row.message),
        ];
        writer.write_record(cells).map_err(broken)?;
    }
    let bytes = writer.into_inner();
    bytes.map_err(|error| Error::unavailable(error.to_string()))
}
