//! PostgreSQL's way of taking JSON rows apart and putting them together.
//!
//! Measured inside PostgreSQL 15 for rows of `run` with 1, 16 and 128 rows a statement (µs a row,
//! each a noisy 4,000 rows): `json_to_recordset` 24, 18, 39; the same WITH ORDINALITY 38, 52, 43;
//! `jsonb_to_recordset` 44, 29, 57; `jsonb_array_elements` and `->>` 41, 46, 55;
//! `json_array_elements` and `->>` 150 at every size, because it reads a row's text again for each
//! column. So rows are numbered only where their numbers are asked for. Rows as objects:
//! `row_to_json` 5 µs a row, `json_build_object` 8.

use crate::sql::Dialect;
use crate::table::{Column, Kind, Table};

/// PostgreSQL, 14 or later.
#[derive(Debug)]
pub(crate) struct Postgres;

/// The type of a column that holds this.
fn type_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "text",
        Kind::Int => "bigint",
        Kind::Bool => "boolean",
        Kind::Json => "json",
    }
}

/// `bucket bigint, id text, …`
fn columns(table: &Table) -> String {
    table
        .columns
        .iter()
        .map(|column| format!("{} {}", column.name, type_of(column.kind)))
        .collect::<Vec<_>>()
        .join(", ")
}

impl Dialect for Postgres {
    fn bound(number: usize) -> String {
        format!("${number}")
    }

    fn rows(table: &Table, number: usize) -> String {
        format!(
            "json_to_recordset(${number}::json) AS e({})",
            columns(table)
        )
    }

    fn numbered(table: &Table, number: usize) -> String {
        let names: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
        format!(
            "ROWS FROM (json_to_recordset(${number}::json) AS ({})) WITH ORDINALITY AS e({}, nth_)",
            columns(table),
            names.join(", ")
        )
    }

    fn nth() -> &'static str {
        "e.nth_ - 1"
    }

    fn arrays(number: usize) -> String {
        format!("json_array_elements(${number}::json) AS e(value)")
    }

    fn field(column: &Column) -> String {
        format!("e.{}", column.name)
    }

    fn element(place: usize, column: &Column) -> String {
        format!("(e.value ->> {place})::{}", type_of(column.kind))
    }

    fn object(_: &Table) -> String {
        "row_to_json(t)::text".into()
    }

    fn one_of(column: &Column, number: usize) -> String {
        // An array, so that each of its elements is looked up in the index.
        let elements = format!("json_array_elements_text(${number}::json) AS e(value)");
        let kind = match column.kind {
            Kind::Json => Kind::Text,
            kind => kind,
        };
        format!(
            "{} = ANY(ARRAY(SELECT value::{} FROM {elements}))",
            Self::bytewise(column),
            type_of(kind)
        )
    }

    fn bytewise(column: &Column) -> String {
        match column.kind {
            // `json` has no order and no equality of its own.
            Kind::Json => format!("{}::text COLLATE \"C\"", column.name),
            // The migrations have made it so.
            Kind::Text | Kind::Int | Kind::Bool => column.name.into(),
        }
    }
}
