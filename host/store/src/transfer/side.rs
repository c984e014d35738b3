//! What a copy, or a look, needs of a database: the same of both backends.

use crate::table::Table;
use async_trait::async_trait;
use futures::stream::BoxStream;
use sqlx::Error;

/// One side of a copy: a connection with one transaction on it.
#[async_trait]
pub(crate) trait Side: Send {
    /// What it is called in messages.
    fn place(&self) -> String;

    /// How many buckets it has.
    fn buckets(&self) -> i32;

    /// A number and perhaps a text: what a statement such as `SELECT count(*), min(id) …` says.
    async fn ask(&mut self, statement: String) -> Result<(i64, Option<String>), Error>;

    /// The rows of a table in the order of its key, each in its JSON form.
    fn rows<'s>(&'s mut self, table: &'static Table) -> BoxStream<'s, Result<String, Error>>;

    /// Every digest and its bytes, in the order of the digests.
    fn blobs(&mut self) -> BoxStream<'_, Result<(String, Vec<u8>), Error>>;

    /// Adds the rows of a JSON array.
    async fn insert(&mut self, table: &'static Table, rows: String) -> Result<(), Error>;

    /// Adds bytes.
    async fn insert_blob(&mut self, digest: String, bytes: Vec<u8>) -> Result<(), Error>;

    /// What is said of the database itself: each a name and a value.
    async fn facts(&mut self) -> Result<Vec<(&'static str, String)>, Error>;

    /// Ends the transaction, so that what was written is kept or is not, and disconnects.
    async fn finish(self: Box<Self>, keep: bool) -> Result<(), Error>;
}

/// How a database is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// To be looked at, beside hosts that work on it.
    Look,
    /// To be copied: no host works on it as long as it is open.
    Source,
    /// To be copied to, with so many buckets if it is new. The same holds.
    Target(i32),
}
