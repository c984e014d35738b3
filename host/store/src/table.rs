//! Tables as data: names, columns and keys, from which both backends make their SQL.
//!
//! Why: every record is written in the same few shapes (insert, upsert, delete), many rows a
//! statement. With the shapes derived from this description there is one place that knows a
//! table's columns, and SQLite and PostgreSQL cannot drift apart. A column of a record is a field
//! of its JSON form by the same name; the migrations create exactly these columns, which a test
//! holds.

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8 text.
    Text,
    /// A 64-bit integer; instants are milliseconds since 1970.
    Int,
    /// `true` or `false` (0 or 1 on SQLite).
    Bool,
    /// A JSON document, kept letter by letter: as text on SQLite, as `json` on PostgreSQL.
    Json,
}

/// One column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// The column's name, which is the JSON field's name too.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether it stays as the row was added with, whatever a later put says: an update then leaves
    /// the indexes alone that are over such columns only.
    pub fixed: bool,
}

/// One table.
#[derive(Debug, PartialEq, Eq)]
pub struct Table {
    /// The table's name.
    pub name: &'static str,
    /// Whether its rows belong to a bucket: then `bucket` is the first column of every key.
    pub bucketed: bool,
    /// Whether rows are only ever added: a second row with the same key is an error that refuses
    /// its commit, never an update.
    pub append_only: bool,
    /// Whether any host may write its rows without owning their bucket: the key makes each row
    /// unique, and what is written does not rest on what was read before.
    pub shared: bool,
    /// The columns of the primary key, in order.
    pub key: &'static [&'static str],
    /// All columns, in order.
    pub columns: &'static [Column],
}

impl Table {
    /// The column of that name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&'static Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// A record is a row of one table, by way of its JSON form.
pub trait Record: serde::Serialize + serde::de::DeserializeOwned + Send + 'static {
    /// The table.
    const TABLE: &'static Table;

    /// The bucket that the row belongs to; none for a table without buckets.
    fn bucket(&self) -> Option<i32>;
}
