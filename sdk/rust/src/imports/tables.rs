//! The workspace's tables: rows that workflows write, and that people download.

use serde_json::{Map, Value};

use super::sys;
use crate::failure::CallError;

/// Adds a row to a table: values by column; a column that is left out is empty. Answers with the row's
/// id; ids sort by time. Errors: `not-found` (no such table: the message says which tables there are),
/// `invalid` (no column, one that the table has not, a value that is a list or an object),
/// `too-large` (more than 5,000 characters in a cell), `full` (the table has 100,000 rows).
pub fn append(table: &str, row: &Map<String, Value>) -> Result<String, CallError> {
    // Texts and numbers.
    let row = serde_json::to_string(row).unwrap_or_default();
    sys::tables::append(table, &row)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::testing::Host;
    use serde_json::json;

    #[test]
    fn a_row_is_added_and_an_empty_one_refused() {
        let host = Host::new().install();
        let row = json!({"name": "Ann", "stars": 5});
        let id = append("answers", row.as_object().unwrap()).unwrap();
        assert_eq!(id, "row-1");
        assert_eq!(host.rows(), [("answers".to_owned(), row)]);
        assert_eq!(append("answers", &Map::new()).unwrap_err().code, "invalid");
    }
}
