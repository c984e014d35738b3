//! The one connection that writes: a plan as one text of statements, sent at once.
//!
//! Why one text: sqlx runs each connection on a thread of its own, and every statement that is
//! waited for costs two changes of thread. A lone commit took 425 µs in five texts, 220 µs in two.
//! SQLite runs the statements in turn and stops at the first error, so COMMIT is reached only if all
//! before it went well; the fence is therefore a statement that fails where it does not hold. The
//! values are bound in the order of the text.
//!
//! What must hold: after an error nothing is left open; how many statements were finished says
//! whether COMMIT had begun, and only then can the outcome be unknown.

use super::{Sqlite, open::Lock, query};
use crate::group::{Backend, Failure};
use crate::plan::{Act, Group, Plan};
use crate::sql::{self, Bound};
use crate::table::Table;
use async_trait::async_trait;
use futures::TryStreamExt as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _, Either, Error, Executor as _, Row as _};
use std::collections::HashMap;
use std::fmt::Write as _;

/// Where a bucket is written whose fence does not hold: no row is let in.
const CONNECT: &str = "CREATE TEMP TABLE fence_does_not_hold (bucket INTEGER, CHECK (false))";

/// The buckets of the bound `[[bucket, epoch], …]` that are not this owner's under that epoch.
const LOST: &str = "SELECT e.value ->> 0 FROM jsonb_each(?) AS e \
    LEFT JOIN buckets AS b ON b.bucket = e.value ->> 0 \
    WHERE b.epoch IS NOT e.value ->> 1 OR b.owner IS NOT ?";

const BLOB: &str = "INSERT INTO blob (digest, bytes) VALUES (?, ?) ON CONFLICT DO NOTHING";

pub(super) struct Connection {
    options: SqliteConnectOptions,
    /// None after it broke, until the next use.
    connection: Option<SqliteConnection>,
    owner: String,
    /// The text for each kind of write, made at its first use.
    texts: HashMap<(Act, &'static str), String>,
    /// Held as long as anything may be written.
    _lock: Lock,
}

impl Connection {
    pub(super) async fn open(
        options: SqliteConnectOptions,
        owner: String,
        lock: Lock,
    ) -> Result<Connection, Error> {
        let connection = Some(connect(&options).await?);
        Ok(Connection {
            options,
            connection,
            owner,
            texts: HashMap::new(),
            _lock: lock,
        })
    }

    async fn connection(&mut self) -> Result<&mut SqliteConnection, Failure> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => connect(&self.options)
                .await
                .map_err(|error| failure(&error))?,
        };
        Ok(self.connection.insert(connection))
    }

    /// The whole transaction as one text, how many statements it has, and the values to bind.
    fn transaction(&mut self, plan: &Plan) -> (String, usize, Vec<Value>) {
        let mut text = String::from("BEGIN IMMEDIATE; ");
        let mut values = Vec::new();
        let mut statements = 1;
        let mut statement = |sql: &str| {
            let _ = write!(text, "{sql}; ");
            statements += 1;
        };
        if !plan.fences.is_empty() {
            statement(&format!("INSERT INTO fence_does_not_hold {LOST}"));
            values.push(Value::Text(fences(plan)));
            values.push(Value::Text(self.owner.clone()));
        }
        for group in plan.stages.iter().flatten() {
            statement(text_of(&mut self.texts, group));
            values.push(Value::Text(group.rows.clone()));
        }
        for (digest, bytes) in &plan.blobs {
            statement(BLOB);
            values.push(Value::Text(digest.clone()));
            values.push(Value::Bytes(bytes.clone()));
        }
        statement("COMMIT");
        (text, statements, values)
    }

    /// Which fences do not hold.
    async fn lost(&mut self, plan: &Plan) -> Result<Vec<i32>, Failure> {
        let bound = vec![Bound::Text(fences(plan)), Bound::Text(self.owner.clone())];
        let connection = self.connection().await?;
        let rows = query(LOST.into(), bound).fetch_all(connection).await;
        let rows = rows.map_err(|error| failure(&error))?;
        rows.iter()
            .map(|row| row.try_get(0).map_err(|error| failure(&error)))
            .collect()
    }

    /// Leaves no transaction open; a connection that cannot be trusted is given up.
    async fn roll_back(&mut self) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        match connection.execute("ROLLBACK").await {
            // SQLite has rolled back by itself after some errors, and says so.
            Ok(_) | Err(Error::Database(_)) => {}
            Err(_) => self.connection = None,
        }
    }
}

enum Value {
    Text(String),
    Bytes(Vec<u8>),
}

async fn connect(options: &SqliteConnectOptions) -> Result<SqliteConnection, Error> {
    let mut connection = options.connect().await?;
    connection.execute(CONNECT).await?;
    Ok(connection)
}

fn fences(plan: &Plan) -> String {
    let fences: Vec<String> = plan
        .fences
        .iter()
        .map(|(bucket, epoch)| format!("[{bucket},{epoch}]"))
        .collect();
    format!("[{}]", fences.join(","))
}

fn text_of<'t>(texts: &'t mut HashMap<(Act, &'static str), String>, group: &Group) -> &'t str {
    let table = group.table;
    texts
        .entry((group.act, table.name))
        .or_insert_with(|| sql::write::<Sqlite>(group.act, table, 1, sql::ALWAYS))
}

#[async_trait]
impl Backend for Connection {
    async fn apply(&mut self, plan: &Plan) -> Result<(), Failure> {
        let (text, statements, values) = self.transaction(plan);
        let query =
            values
                .into_iter()
                .fold(
                    sqlx::query(sqlx::AssertSqlSafe(text)),
                    |query, value| match value {
                        Value::Text(text) => query.bind(text),
                        Value::Bytes(bytes) => query.bind(bytes),
                    },
                );
        let connection = self.connection().await?;
        let mut finished = 0;
        let mut done = connection.fetch_many(query);
        let error = loop {
            match done.try_next().await {
                Ok(Some(Either::Left(_))) => finished += 1,
                Ok(Some(Either::Right(_))) => {}
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        drop(done);
        let Some(error) = error else {
            if finished == statements {
                return Ok(());
            }
            self.connection = None;
            return Err(Failure::Unknown(
                "the transaction ended before its COMMIT".into(),
            ));
        };
        self.roll_back().await;
        let fence = !plan.fences.is_empty() && finished == 1;
        if fence && is_check(&error) {
            let lost = self.lost(plan).await?;
            return Err(if lost.is_empty() {
                Failure::Unavailable("the fence failed, then held".into())
            } else {
                Failure::Fenced(lost)
            });
        }
        Err(if finished + 1 < statements {
            failure(&error)
        } else {
            failure_of_commit(&error)
        })
    }

    async fn present(&mut self, table: &'static Table, rows: &str) -> Result<Vec<usize>, Failure> {
        let text = sql::present::<Sqlite>(table, 1);
        let connection = self.connection().await?;
        let rows = query(text, vec![Bound::Text(rows.to_owned())])
            .fetch_all(connection)
            .await;
        let rows = rows.map_err(|error| failure(&error))?;
        rows.iter()
            .map(|row| {
                let place: i64 = row.try_get(0).map_err(|error| failure(&error))?;
                usize::try_from(place).map_err(|error| Failure::Unavailable(error.to_string()))
            })
            .collect()
    }

    async fn close(&mut self) {
        if let Some(connection) = self.connection.take()
            && let Err(error) = connection.close().await
        {
            tracing::warn!(%error, "the database was not closed cleanly; nothing is lost by that");
        }
    }
}

fn is_check(error: &Error) -> bool {
    error
        .as_database_error()
        .is_some_and(|error| error.is_check_violation())
}

/// SQLite's result code (<https://www.sqlite.org/rescode.html>) without its extension.
pub(super) fn code(error: &Error) -> Option<i32> {
    Some(error.as_database_error()?.code()?.parse::<i32>().ok()? & 0xff)
}

const ERROR: i32 = 1;
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const FULL: i32 = 13;
const TOO_BIG: i32 = 18;
const CONSTRAINT: i32 = 19;
const MISMATCH: i32 = 20;
const RANGE: i32 = 25;

/// What an error before COMMIT means: nothing was written. An error of the rows is the caller's,
/// every other one (disk, memory, locks, permissions) may pass.
fn failure(error: &Error) -> Failure {
    if error
        .as_database_error()
        .is_some_and(|error| error.is_unique_violation())
    {
        return Failure::Taken;
    }
    match code(error) {
        Some(ERROR | TOO_BIG | CONSTRAINT | MISMATCH | RANGE) => {
            Failure::Refused(error.to_string())
        }
        _ => Failure::Unavailable(error.to_string()),
    }
}

/// What an error of COMMIT itself means. A full disk or a lock is found before the commit is
/// marked; after any other error the mark may have reached the disk.
fn failure_of_commit(error: &Error) -> Failure {
    match code(error) {
        Some(BUSY | LOCKED | FULL) => Failure::Unavailable(error.to_string()),
        _ => Failure::Unknown(error.to_string()),
    }
}
