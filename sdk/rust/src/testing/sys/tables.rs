//! The import `tables`: the rows that were added. Every table that is named exists.

use super::{CallError, value};
use crate::testing::host::{call_error, with};

pub(crate) fn append(table: &str, row: &str) -> Result<String, CallError> {
    let row = value(row)?;
    if !row.as_object().is_some_and(|row| !row.is_empty()) {
        return Err(call_error("invalid", "a row is an object with a column"));
    }
    with(|host| {
        host.record.rows.push((table.to_owned(), row));
        Ok(format!("row-{}", host.record.rows.len()))
    })
}
