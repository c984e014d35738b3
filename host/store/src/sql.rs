//! SQL made from a table's description: the few shapes in which rows are written and read.
//!
//! Why one module: a backend brings a `Dialect` (how its database takes rows apart and puts them
//! together) and has all statements; nothing else knows a column. What must hold: names come from
//! `Table` alone, every value is bound; a row read is the JSON form of its record.
//!
//! Rows travel as one JSON array of objects in one bound text, however many they are, so that a
//! statement has one text and is prepared once.

use crate::plan::Act;
use crate::query::Is;
use crate::store::{ReadError, Select};
use crate::table::{Column, Kind, Table};
use serde_json::Value;
use std::fmt::Write as _;

/// How a database differs from the other.
pub(crate) trait Dialect {
    /// How a statement that adds rows begins.
    const INSERT: &'static str = "INSERT INTO";

    /// The place of the bound value of this number, from 1.
    fn bound(number: usize) -> String;
    /// The rows of the bound JSON array of objects as a table `e`.
    fn rows(table: &Table, number: usize) -> String;
    /// The same, where each row's place in the array can be told (`nth`).
    fn numbered(table: &Table, number: usize) -> String;
    /// The place of a row of `numbered` in its array, from 0.
    fn nth() -> &'static str;
    /// The rows of the bound JSON array of arrays as a table `e`.
    fn arrays(number: usize) -> String;
    /// The value of a column in a row of `e`; a JSON null is NULL.
    fn field(column: &Column) -> String;
    /// The value of the `place`th element (from 0) in a row of `e` that is an array.
    fn element(place: usize, column: &Column) -> String;
    /// The JSON form of a row `t` of the table.
    fn object(table: &Table) -> String;
    /// Whether the column is one of the bound JSON array's elements.
    fn one_of(column: &Column, number: usize) -> String;
    /// The column, compared and sorted by its bytes.
    fn bytewise(column: &Column) -> String;
}

/// A value to bind.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Bound {
    Text(String),
    Int(i64),
    Bool(bool),
}

fn names(table: &Table) -> String {
    table
        .columns
        .iter()
        .map(|column| column.name)
        .collect::<Vec<_>>()
        .join(", ")
}

fn fields<D: Dialect>(table: &Table) -> String {
    table
        .columns
        .iter()
        .map(D::field)
        .collect::<Vec<_>>()
        .join(", ")
}

fn key(table: &Table) -> impl Iterator<Item = &Column> {
    table.key.iter().filter_map(|name| table.column(name))
}

/// The condition of a write that depends on nothing.
pub(crate) const ALWAYS: &str = "true";

/// Adds rows; a taken key is an error. Binds the rows; nothing is written unless `when`.
pub(crate) fn insert<D: Dialect>(table: &Table, number: usize, when: &str) -> String {
    // Before an ON CONFLICT, WHERE keeps the parser from reading its ON as the condition of a join.
    format!(
        "{} {} ({}) SELECT {} FROM {} WHERE {when}",
        D::INSERT,
        table.name,
        names(table),
        fields::<D>(table),
        D::rows(table, number)
    )
}

/// Adds or replaces rows. Binds the rows; nothing is written unless `when`.
pub(crate) fn put<D: Dialect>(table: &Table, number: usize, when: &str) -> String {
    let changed: Vec<String> = table
        .columns
        .iter()
        .filter(|column| !column.fixed && !table.key.contains(&column.name))
        .map(|column| format!("{0} = excluded.{0}", column.name))
        .collect();
    let action = if changed.is_empty() {
        "NOTHING".to_owned()
    } else {
        format!("UPDATE SET {}", changed.join(", "))
    };
    let insert = insert::<D>(table, number, when);
    format!(
        "{insert} ON CONFLICT ({}) DO {action}",
        table.key.join(", ")
    )
}

/// Removes the rows whose first `columns` key columns have the values. Binds an array of arrays;
/// nothing is removed unless `when`.
pub(crate) fn delete<D: Dialect>(
    table: &Table,
    columns: usize,
    number: usize,
    when: &str,
) -> String {
    let key: Vec<&Column> = key(table).take(columns).collect();
    let values: Vec<String> = key
        .iter()
        .enumerate()
        .map(|(place, column)| D::element(place, column))
        .collect();
    let key: Vec<&str> = key.iter().map(|column| column.name).collect();
    format!(
        "DELETE FROM {} WHERE {when} AND ({}) IN (SELECT {} FROM {})",
        table.name,
        key.join(", "),
        values.join(", "),
        D::arrays(number)
    )
}

/// What a plan's group does. Binds its rows; nothing is done unless `when`.
pub(crate) fn write<D: Dialect>(act: Act, table: &Table, number: usize, when: &str) -> String {
    match act {
        Act::Delete(columns) => delete::<D>(table, columns, number, when),
        Act::Insert => insert::<D>(table, number, when),
        Act::Put => put::<D>(table, number, when),
    }
}

/// Which of the rows are there already, by key: their places. Binds the rows.
pub(crate) fn present<D: Dialect>(table: &Table, number: usize) -> String {
    let same: Vec<String> = key(table)
        .map(|column| format!("t.{} = {}", column.name, D::field(column)))
        .collect();
    format!(
        "SELECT {} FROM {} WHERE EXISTS (SELECT 1 FROM {} AS t WHERE {})",
        D::nth(),
        D::numbered(table, number),
        table.name,
        same.join(" AND ")
    )
}

/// The rows that a query means, and the values to bind.
pub(crate) fn select<D: Dialect>(select: &Select) -> Result<(String, Vec<Bound>), ReadError> {
    let table = select.table;
    let (condition, mut bound) = condition::<D>(select)?;
    let mut sql = format!(
        "SELECT {} FROM {} AS t{condition}",
        D::object(table),
        table.name
    );
    if let Some((name, descending)) = select.order {
        let first = column(table, name)?;
        let way = if descending { " DESC" } else { "" };
        let _ = write!(sql, " ORDER BY {}{way}", D::bytewise(first));
        // The rest of the key makes the order of equal rows the same at every reading.
        for next in key(table).filter(|next| next.name != name) {
            let _ = write!(sql, ", {}{way}", D::bytewise(next));
        }
    }
    if let Some(limit) = select.limit {
        bound.push(Bound::Int(limit.max(0)));
        let _ = write!(sql, " LIMIT {}", D::bound(bound.len()));
    }
    Ok((sql, bound))
}

/// How many rows a query means, and the values to bind.
pub(crate) fn count<D: Dialect>(select: &Select) -> Result<(String, Vec<Bound>), ReadError> {
    let (condition, bound) = condition::<D>(select)?;
    Ok((
        format!("SELECT count(*) FROM {}{condition}", select.table.name),
        bound,
    ))
}

fn condition<D: Dialect>(select: &Select) -> Result<(String, Vec<Bound>), ReadError> {
    let mut sql = String::new();
    let mut bound = Vec::new();
    for (name, is, value) in &select.filters {
        let column = column(select.table, name)?;
        sql.push_str(if sql.is_empty() { " WHERE " } else { " AND " });
        let compared = compare::<D>(column, *is, value, &mut bound).ok_or_else(|| {
            let reason = format!("`{name}` cannot be compared with {value} by {is:?}");
            ReadError::Corrupt {
                table: select.table.name,
                reason,
            }
        })?;
        sql.push_str(&compared);
    }
    Ok((sql, bound))
}

fn compare<D: Dialect>(
    column: &Column,
    is: Is,
    value: &Value,
    bound: &mut Vec<Bound>,
) -> Option<String> {
    let name = column.name;
    let operator = match is {
        Is::Equal if value.is_null() => return Some(format!("{name} IS NULL")),
        Is::NotEqual if value.is_null() => return Some(format!("{name} IS NOT NULL")),
        Is::In => {
            bound.push(Bound::Text(crate::row::without_nul(
                value.as_array().map(|_| value)?.to_string(),
            )));
            return Some(D::one_of(column, bound.len()));
        }
        Is::Prefix => {
            let prefix = value.as_str().filter(|_| column.kind == Kind::Text)?;
            return Some(begins::<D>(column, prefix, bound));
        }
        Is::Equal => "=",
        Is::NotEqual => "<>",
        Is::Less => "<",
        Is::AtMost => "<=",
        Is::Greater => ">",
        Is::AtLeast => ">=",
    };
    bound.push(match (column.kind, value) {
        (Kind::Text, Value::String(text)) => Bound::Text(text.replace('\0', "\u{fffd}")),
        (Kind::Int, value) => Bound::Int(value.as_i64()?),
        (Kind::Bool, value) => Bound::Bool(value.as_bool()?),
        (Kind::Json, value) if matches!(is, Is::Equal | Is::NotEqual) => {
            Bound::Text(crate::row::without_nul(value.to_string()))
        }
        _ => return None,
    });
    Some(format!(
        "{} {operator} {}",
        D::bytewise(column),
        D::bound(bound.len())
    ))
}

/// A range over an index rather than a pattern: from the prefix to the first text after all that
/// begin with it.
fn begins<D: Dialect>(column: &Column, prefix: &str, bound: &mut Vec<Bound>) -> String {
    let name = D::bytewise(column);
    let prefix = prefix.replace('\0', "\u{fffd}");
    let end = after(&prefix);
    bound.push(Bound::Text(prefix));
    let from = format!("{name} >= {}", D::bound(bound.len()));
    let Some(end) = end else { return from };
    bound.push(Bound::Text(end));
    format!("{from} AND {name} < {}", D::bound(bound.len()))
}

/// The first text after all that begin with this one; none if there is no such text. The bytes of
/// UTF-8 sort like the characters.
fn after(prefix: &str) -> Option<String> {
    let mut text: Vec<char> = prefix.chars().collect();
    while let Some(last) = text.pop() {
        // The step over the surrogates is the only gap in the characters.
        let next = if last == '\u{d7ff}' {
            Some('\u{e000}')
        } else {
            char::from_u32(last as u32 + 1)
        };
        if let Some(next) = next {
            text.push(next);
            return Some(text.into_iter().collect());
        }
    }
    None
}

fn column<'t>(table: &'t Table, name: &str) -> Result<&'t Column, ReadError> {
    table.column(name).ok_or_else(|| ReadError::Corrupt {
        table: table.name,
        reason: format!("it has no column `{name}`"),
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_end_of_a_prefix_steps_over_what_is_no_character() {
        assert_eq!(after("ab"), Some("ac".to_owned()));
        assert_eq!(after("a\u{d7ff}"), Some("a\u{e000}".to_owned()));
        assert_eq!(after("a\u{10ffff}"), Some("b".to_owned()));
        assert_eq!(after("\u{10ffff}"), None);
        assert_eq!(after(""), None);
    }

    proptest! {
        #[test]
        fn the_range_of_a_prefix_holds_what_begins_with_it_and_nothing_else(
            prefix in "\\PC{1,3}", text in "\\PC{0,5}",
        ) {
            let inside = |text: &str| {
                text >= prefix.as_str() && after(&prefix).is_none_or(|end| text < end.as_str())
            };
            prop_assert_eq!(inside(&text), text.starts_with(&prefix));
            let longer = format!("{prefix}{text}");
            prop_assert!(inside(&longer));
        }
    }

    #[test]
    fn a_column_that_is_not_there_is_named() {
        let wrong = Select {
            table: <crate::records::Run as crate::table::Record>::TABLE,
            filters: vec![("colour", Is::Equal, Value::Null)],
            order: None,
            limit: None,
        };
        let error = count::<crate::sqlite::Sqlite>(&wrong).unwrap_err();
        assert!(error.to_string().contains("`colour`"), "{error}");
    }
}
