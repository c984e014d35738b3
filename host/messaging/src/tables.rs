//! Tables: rows that workflows add, and that people download as CSV.
//!
//! What must hold: a table's columns stay as they were made, so that every row fits; a row is written
//! with the outcome of its step, once, in the bucket of its run, and is deleted with its contact; what
//! leaves as CSV is never a formula to a spreadsheet.
//!
//! Rows of one table lie in many buckets, and are put in order by their ids, which sort by time: every
//! host gives them in the same order. How many there are is counted once in a while and added up in
//! between, so that a table that fills up takes a few rows more only where several hosts write at once.

use crate::contacts::document::Document;
use crate::context::{Context, Home};
use crate::domain::{Called, refusal};
use crate::effects::Deed;
use crate::error::{Error, Problem, Result};
use crate::host::Guard;
use crate::imports::cells;
use crate::secrets::is_slug;
use crate::tasks::Task;
use jackfield_engine::Actor;
use jackfield_store::records::{DataRow, DataTable};
use jackfield_store::{Commit, Is, Query, StoreExt};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// The most tables of a workspace.
const MOST: usize = 100;
/// The most columns of a table.
const COLUMNS: usize = 50;
/// The longest name of a column, in characters.
const NAME: usize = 64;
/// The longest title, in characters.
const TITLE: usize = 500;
/// The longest cell, in characters.
const CELL: usize = 5_000;
/// Rows that are read or removed at a time.
const BATCH: i64 = 500;

/// A table as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableView {
    /// Lower-case words with hyphens.
    pub name: String,
    /// For people.
    pub title: String,
    /// Their names, in order.
    pub columns: Vec<String>,
    /// Milliseconds since 1970.
    pub created_at: i64,
}

impl From<DataTable> for TableView {
    fn from(row: DataTable) -> TableView {
        TableView {
            columns: columns(&row),
            name: row.name,
            title: row.title,
            created_at: row.created_at,
        }
    }
}

/// The tables of all workspaces.
#[derive(Clone)]
pub struct Tables {
    context: Arc<Context>,
}

impl Tables {
    pub(crate) fn new(context: Arc<Context>) -> Tables {
        Tables { context }
    }

    /// Every table of a workspace, by name.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn all(&self, workspace: &str) -> Result<Vec<TableView>> {
        let rows = all(&self.context, workspace).await?;
        Ok(rows.into_iter().map(TableView::from).collect())
    }

    /// A table by its name.
    ///
    /// # Errors
    /// `not-found`, which says which tables there are.
    pub async fn get(&self, workspace: &str, name: &str) -> Result<TableView> {
        Ok(find(&self.context, workspace, name).await?.into())
    }

    /// Makes a table, or changes its title. Answers whether it was made.
    ///
    /// # Errors
    /// `invalid`; `conflict` where the workspace has 100 tables, and where the columns are others than
    /// the table has.
    pub async fn put(
        &self,
        workspace: &str,
        name: &str,
        title: Option<String>,
        columns: Vec<String>,
    ) -> Result<(TableView, bool)> {
        let problems = problems(name, title.as_deref(), &columns);
        if !problems.is_empty() {
            return Err(Error::problems("invalid-table", problems));
        }
        let context = &*self.context;
        let known = all(context, workspace).await?;
        let old = known.iter().find(|one| one.name == name);
        if old.is_none() && known.len() >= MOST {
            let said = format!("a workspace has at most {MOST} tables: delete one first");
            return Err(Error::conflict("too-many-tables", said));
        }
        if let Some(old) = old.map(self::columns)
            && old != columns
        {
            let said = format!(
                "the columns of a table stay as they are: `{name}` has {}",
                old.join(", ")
            );
            return Err(Error::conflict("other-columns", said));
        }
        let row = DataTable {
            workspace: workspace.to_owned(),
            name: name.to_owned(),
            id: old.map_or_else(|| context.new_id("tab", 0), |old| old.id.clone()),
            title: title
                .or_else(|| old.map(|old| old.title.clone()))
                .unwrap_or_else(|| name.to_owned()),
            columns: Value::from(columns),
            created_at: old.map_or_else(|| context.now(), |old| old.created_at),
        };
        let mut commit = Commit::control();
        commit.put(&row);
        context.store().commit(commit).await?;
        Ok((row.into(), old.is_none()))
    }

    /// Deletes a table with its rows.
    ///
    /// # Errors
    /// `not-found`.
    pub async fn delete(&self, workspace: &str, name: &str) -> Result<()> {
        let context = &*self.context;
        let table = find(context, workspace, name).await?;
        // First the table, so that no row is added any more.
        let mut commit = Commit::control();
        commit.delete::<DataTable>([workspace.into(), name.into()]);
        context.store().commit(commit).await?;
        loop {
            let some = Query::<DataRow>::all()
                .equal("workspace", workspace)
                .equal("in_table", table.id.as_str())
                .limit(BATCH);
            let rows = context.store().find(some).await?;
            let buckets: BTreeSet<i32> = rows.iter().map(|row| row.bucket).collect();
            if buckets.is_empty() {
                return Ok(());
            }
            for bucket in buckets {
                let task = || Task::EmptyTable {
                    bucket,
                    workspace: workspace.to_owned(),
                    table: table.id.clone(),
                };
                if let Home::Here(guard) = context.lock_or_ask(bucket, task).await? {
                    empty(context, &guard, bucket, workspace, &table.id).await?;
                }
            }
        }
    }

    /// The rows of a table as CSV, the oldest first.
    ///
    /// # Errors
    /// `not-found`.
    pub async fn export(&self, workspace: &str, name: &str) -> Result<TableExport> {
        Ok(TableExport {
            table: find(&self.context, workspace, name).await?,
            context: Arc::clone(&self.context),
            after: None,
        })
    }
}

/// A download under way: memory holds one batch.
pub struct TableExport {
    context: Arc<Context>,
    table: DataTable,
    after: Option<String>,
}

impl TableExport {
    /// The next lines; none after the last.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        let columns = columns(&self.table);
        let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
        let broken = |error: csv::Error| Error::unavailable(error.to_string());
        let mut query = Query::<DataRow>::all()
            .equal("workspace", self.table.workspace.as_str())
            .equal("in_table", self.table.id.as_str())
            .ascending("id");
        if let Some(after) = &self.after {
            query = query.filter("id", Is::Greater, after.as_str());
        } else {
            let header = columns.iter().map(|name| cells::guard(name));
            writer.write_record(header).map_err(broken)?;
        }
        let rows = self.context.store().find(query.limit(BATCH)).await?;
        if rows.is_empty() && self.after.is_some() {
            return Ok(None);
        }
        for row in &rows {
            let texts = columns.iter().map(|name| {
                let text = row.cells.get(name).and_then(Value::as_str);
                cells::guard(text.unwrap_or_default())
            });
            writer.write_record(texts).map_err(broken)?;
        }
        self.after = Some(
            rows.last()
                .map_or_else(|| "~".to_owned(), |row| row.id.clone()),
        );
        let bytes = writer.into_inner();
        bytes
            .map(Some)
            .map_err(|error| Error::unavailable(error.to_string()))
    }
}

fn problems(name: &str, title: Option<&str>, columns: &[String]) -> Vec<Problem> {
    let mut problems = Vec::new();
    if !is_slug(name) {
        let said = "lower-case words with hyphens, such as `survey-answers`";
        problems.push(Problem::new("name", said));
    }
    if title.is_some_and(|title| title.chars().count() > TITLE) {
        problems.push(Problem::new("title", format!("at most {TITLE} characters")));
    }
    if columns.is_empty() || columns.len() > COLUMNS {
        let said = format!("1 to {COLUMNS} names of columns");
        problems.push(Problem::new("columns", said));
    }
    for (place, column) in columns.iter().enumerate() {
        let length = column.chars().count();
        if length == 0 || length > NAME || column.trim() != column {
            let said = format!("1 to {NAME} characters, without spaces around them");
            problems.push(Problem::new(format!("columns/{place}"), said));
        } else if columns[..place].contains(column) {
            let said = format!("`{column}` stands twice");
            problems.push(Problem::new(format!("columns/{place}"), said));
        }
    }
    problems
}

fn columns(table: &DataTable) -> Vec<String> {
    let names = table.columns.as_array().into_iter().flatten();
    names.filter_map(Value::as_str).map(str::to_owned).collect()
}

async fn all(context: &Context, workspace: &str) -> Result<Vec<DataTable>> {
    let query = Query::<DataTable>::all()
        .equal("workspace", workspace)
        .ascending("name");
    Ok(context.store().find(query).await?)
}

async fn find(context: &Context, workspace: &str, name: &str) -> Result<DataTable> {
    let query = Query::<DataTable>::all()
        .equal("workspace", workspace)
        .equal("name", name);
    if let Some(row) = context.store().first(query).await? {
        return Ok(row);
    }
    let all = all(context, workspace).await?;
    let names: Vec<&str> = all.iter().take(20).map(|one| one.name.as_str()).collect();
    let there = if names.is_empty() {
        "there is none yet".to_owned()
    } else {
        format!("there are: {}", names.join(", "))
    };
    let said = format!("there is no table `{name}`; {there}");
    Err(Error::not_found("not-found", said))
}

/// Whether the table of this name is still the one with this id.
pub(crate) async fn is_there(
    context: &Context,
    workspace: &str,
    name: &str,
    id: &str,
) -> Result<bool> {
    let query = Query::<DataTable>::all()
        .equal("workspace", workspace)
        .equal("name", name);
    let row = context.store().first(query).await?;
    Ok(row.is_some_and(|row| row.id == id))
}

/// Removes the rows in a bucket of a table that is gone.
pub(crate) async fn empty(
    context: &Context,
    guard: &Guard,
    bucket: i32,
    workspace: &str,
    table: &str,
) -> Result<()> {
    loop {
        let query = Query::<DataRow>::of(bucket)
            .equal("workspace", workspace)
            .equal("in_table", table)
            .limit(BATCH);
        let rows = context.store().find(query).await?;
        if rows.is_empty() {
            return Ok(());
        }
        let mut commit = Commit::of(bucket);
        for row in rows {
            commit.delete::<DataRow>([row.id.into()]);
        }
        context.host.commit(guard, commit).await?;
    }
}

/// Whether a table has no room for one row more, which is taken for it if there is.
async fn is_full(context: &Context, table: &DataTable) -> Result<bool> {
    let most = context.options.table_rows;
    if let Some(rows) = context.table_rows.get(&table.id, context.now()) {
        return Ok(rows.fetch_add(1, Ordering::Relaxed) >= most);
    }
    let ticket = context.table_rows.ticket();
    let query = Query::<DataRow>::all()
        .equal("workspace", table.workspace.as_str())
        .equal("in_table", table.id.as_str());
    let rows = context.store().total(query).await?;
    let counted = Arc::new(AtomicI64::new(rows.saturating_add(1)));
    let until = context.copy_until();
    context
        .table_rows
        .put(table.id.clone(), counted, until, ticket);
    Ok(rows >= most)
}

/// Answers `tables.append`.
pub(crate) async fn answer(
    context: &Context,
    actor: &Actor,
    contact: Option<Document>,
    name: &str,
    row: &str,
) -> Result<Called<String>> {
    let Ok(row) = serde_json::from_str::<Map<String, Value>>(row) else {
        let said = r#"a row is an object of JSON: {"column": "text"}"#;
        return Ok(Err(refusal("invalid", said)));
    };
    let table = find(context, &actor.workspace, name).await?;
    let cells = match read(&columns(&table), row) {
        Ok(cells) => cells,
        Err((code, said)) => return Ok(Err(refusal(code, said))),
    };
    if is_full(context, &table).await? {
        let most = context.options.table_rows;
        let said = format!(
            "the table `{name}` has {most} rows, which is the most: download them, and go on with another table"
        );
        return Ok(Err(refusal("full", said)));
    }
    let id = context.new_id("row", actor.bucket);
    let deed = Deed::Append {
        contact: contact.map(|contact| contact.row.id),
        name: table.name,
        table: table.id,
        id: id.clone(),
        cells: Value::Object(cells),
    };
    Ok(Ok((id, vec![deed.effect()])))
}

/// The cells of a row, as text; or the code and the words of a refusal.
fn read(
    columns: &[String],
    row: Map<String, Value>,
) -> std::result::Result<Map<String, Value>, (&'static str, String)> {
    if row.is_empty() {
        return Err(("invalid", "a row has at least one column".to_owned()));
    }
    let mut cells = Map::new();
    for (column, value) in row {
        if !columns.contains(&column) {
            let there = columns.join(", ");
            let said = format!("the table has no column `{column}`; it has: {there}");
            return Err(("invalid", said));
        }
        let text = match value {
            Value::Null => continue,
            Value::String(text) => text,
            Value::Bool(_) | Value::Number(_) => value.to_string(),
            Value::Array(_) | Value::Object(_) => {
                let said = format!("`{column}` is to be a text, a number, a truth value or null");
                return Err(("invalid", said));
            }
        };
        if text.chars().count() > CELL {
            let said = format!("`{column}` has more than {CELL} characters");
            return Err(("too-large", said));
        }
        cells.insert(column, text.into());
    }
    Ok(cells)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|place| format!("c{place}")).collect()
    }

    #[test]
    fn a_table_has_one_to_fifty_columns_of_different_names() {
        for (columns, fine) in [
            (names(0), false),
            (names(1), true),
            (names(COLUMNS), true),
            (names(COLUMNS + 1), false),
            (vec!["a".repeat(NAME)], true),
            (vec!["a".repeat(NAME + 1)], false),
            (vec![String::new()], false),
            (vec![" a".to_owned()], false),
            (vec!["a".to_owned(), "a".to_owned()], false),
        ] {
            assert_eq!(
                problems("answers", None, &columns).is_empty(),
                fine,
                "{columns:?}"
            );
        }
        assert_eq!(problems("No Slug", None, &names(1)).len(), 1);
        assert_eq!(
            problems("a", Some(&"t".repeat(TITLE + 1)), &names(1)).len(),
            1
        );
    }

    #[test]
    fn a_row_is_text_by_the_columns_that_there_are() {
        let columns = ["name".to_owned(), "stars".to_owned(), "ok".to_owned()];
        let row = |row: Value| read(&columns, row.as_object().unwrap().clone());
        let read = row(json!({"name": "Ann", "stars": 5, "ok": true})).unwrap();
        assert_eq!(
            Value::Object(read),
            json!({"name": "Ann", "stars": "5", "ok": "true"})
        );
        assert_eq!(row(json!({"name": null})), Ok(Map::new()));
        for wrong in [
            json!({}),
            json!({"fax": "1"}),
            json!({"name": []}),
            json!({"name": {}}),
        ] {
            assert_eq!(row(wrong.clone()).unwrap_err().0, "invalid", "{wrong}");
        }
        assert!(row(json!({"name": "é".repeat(CELL)})).is_ok());
        let long = row(json!({"name": "é".repeat(CELL + 1)}));
        assert_eq!(long.unwrap_err().0, "too-large");
    }
}
