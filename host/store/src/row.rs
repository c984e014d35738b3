//! What the store reads out of a row's JSON form before it writes it: the row's key.
//!
//! Why here, on the caller's task: the writer is one task, and it needs the keys only to see which
//! commits touch the same row. What must hold: the text of a key sorts and begins like its columns,
//! so that the rows that a partial key means are those whose key begins with its text.

use crate::table::Table;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt::{self, Write as _};

/// So many columns has a key at most.
const MOST: usize = 8;

/// The key of a row: the JSON of its key columns, each ended by a comma. Of the row no more is read
/// than it takes to find them: they come first, and what follows may be long.
pub(crate) fn key_of(table: &'static Table, row: &str) -> Result<String, String> {
    let mut values = [None; MOST];
    let values = &mut values[..table.key.len()];
    let read = serde_json::Deserializer::from_str(row).deserialize_map(KeyColumns {
        table,
        values: &mut *values,
    });
    if let Err(error) = read
        && values.iter().any(Option::is_none)
    {
        return Err(format!(
            "a row of `{}` is not what its table holds: {error}",
            table.name
        ));
    }
    let mut key = String::with_capacity(80);
    for (column, value) in table.key.iter().zip(values) {
        match value.map(RawValue::get) {
            // One text has several forms where a character is escaped; a key has one.
            Some(text) if text.starts_with('"') && text.contains('\\') => {
                let text: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
                let _ = write!(key, "{text}");
            }
            Some(value) if !value.starts_with(['n', 't', 'f', '[', '{']) => key.push_str(value),
            _ => return Err(format!("a row of `{}` has no `{column}`", table.name)),
        }
        key.push(',');
    }
    Ok(key)
}

/// The text that the keys of all rows begin with whose first key columns have these values.
pub(crate) fn prefix_of(table: &'static Table, values: &[Value]) -> Result<String, String> {
    if values.is_empty() || values.len() > table.key.len() {
        return Err(format!(
            "rows of `{}` are removed by 1 to {} key columns, not {}",
            table.name,
            table.key.len(),
            values.len()
        ));
    }
    let mut prefix = String::with_capacity(80);
    for value in values {
        let _ = write!(prefix, "{value},");
    }
    Ok(prefix)
}

/// Takes the character U+0000 out of JSON text: PostgreSQL stores it nowhere, and a value that one
/// of the databases refuses must not be let in by the other. It becomes U+FFFD, like every other
/// character that cannot be shown.
pub(crate) fn without_nul(json: String) -> String {
    if !json.contains("\\u0000") {
        return json;
    }
    let mut clean = String::with_capacity(json.len());
    let mut rest = json.as_str();
    while let Some(at) = rest.find('\\') {
        clean.push_str(&rest[..at]);
        let escape = &rest[at..];
        let length = if escape.starts_with("\\u0000") {
            clean.push_str("\\ufffd");
            6
        } else {
            // The backslash and what it escapes, which is one ASCII character at least.
            let length = 2.min(escape.len());
            clean.push_str(&escape[..length]);
            length
        };
        rest = &escape[length..];
    }
    clean.push_str(rest);
    clean
}

/// Reads an object as far as its key columns.
struct KeyColumns<'a, 'de> {
    table: &'static Table,
    values: &'a mut [Option<&'de RawValue>],
}

impl<'de> Visitor<'de> for KeyColumns<'_, 'de> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object with a field for each column")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while let Some(field) = map.next_key::<Cow<'de, str>>()? {
            match self.table.key.iter().position(|column| *column == field) {
                Some(place) => self.values[place] = Some(map.next_value()?),
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            if self.values.iter().all(Option::is_some) {
                // Whoever ends early leaves an error behind, for which nobody asks.
                break;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use crate::records::Journal;
    use crate::table::Record;
    use serde_json::json;

    #[test]
    fn a_key_is_read_whatever_the_order_of_the_fields() {
        let row = r#"{"data":{"run":"other","seq":9},"seq":3,"run":"run_\"1","bucket":12}"#;
        assert_eq!(key_of(Journal::TABLE, row).unwrap(), r#"12,"run_\"1",3,"#);
        assert_eq!(
            prefix_of(Journal::TABLE, &[json!(12), json!("run_\"1")]).unwrap(),
            r#"12,"run_\"1","#
        );
    }

    #[test]
    fn a_key_is_the_same_however_its_text_is_escaped() {
        let row = r#"{"bucket":1,"run":"r\u0075n\/1","seq":3}"#;
        assert_eq!(key_of(Journal::TABLE, row).unwrap(), r#"1,"run/1",3,"#);
    }

    #[test]
    fn every_table_has_a_key_that_fits() {
        for table in crate::records::TABLES {
            assert!((1..=MOST).contains(&table.key.len()), "{}", table.name);
        }
    }

    #[test]
    fn a_row_without_its_key_is_refused() {
        assert!(key_of(Journal::TABLE, r#"{"bucket":1,"run":"a"}"#).is_err());
        assert!(key_of(Journal::TABLE, r#"{"bucket":1,"run":null,"seq":1}"#).is_err());
        assert!(key_of(Journal::TABLE, "[1]").is_err());
        assert!(key_of(Journal::TABLE, r#"{"bucket":1,"run":"a","#).is_err());
    }

    #[test]
    fn all_rows_of_a_table_are_never_removed_by_mistake() {
        assert!(prefix_of(Journal::TABLE, &[]).is_err());
    }

    #[test]
    fn nul_becomes_the_replacement_character_and_nothing_else_changes() {
        for text in [
            "a\0b",
            "\\u0000",
            "\\\0\\",
            "\0\0",
            "plain",
            "ü\\n\n\0ü",
            "\\\\u0000",
        ] {
            let clean = without_nul(serde_json::to_string(text).unwrap());
            let read: String = serde_json::from_str(&clean).unwrap();
            assert_eq!(read, text.replace('\0', "\u{fffd}"));
        }
    }
}
