//! The journal of the bare host: rows, in batches, durable before they are acknowledged.
//!
//! As quick as it can be with the same durability as Jackfield's: one writer, one statement a batch
//! for as many rows as gathered while the batch before was being made durable. SQLite with a
//! write-ahead log and `synchronous=FULL`; PostgreSQL as it comes (fsync and synchronous commit).

use anyhow::Result;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Connection, PgConnection};
use tokio::sync::{mpsc, oneshot};

/// How many commits may wait for the writer.
const WAITING: usize = 4_096;
/// What is kept of a step.
const DATA: usize = 200;

/// So many rows, and who waits for them.
type Rows = (usize, oneshot::Sender<()>);

/// Takes rows.
#[derive(Clone)]
pub(crate) struct Journal {
    rows: mpsc::Sender<Rows>,
}

enum Database {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Journal {
    /// Opens the database and makes the table where it lacks.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub(crate) async fn open(database: &str) -> Result<Journal> {
        let database = Database::open(database).await?;
        let (rows, receiver) = mpsc::channel(WAITING);
        tokio::spawn(async move {
            // With its receiver gone every commit fails, and with it the benchmark.
            if let Err(error) = write(database, receiver).await {
                eprintln!("the bare host cannot write its journal: {error:#}");
            }
        });
        Ok(Journal { rows })
    }

    /// Writes so many rows; they are durable when it returns.
    ///
    /// # Errors
    /// When the writer has failed.
    pub(crate) async fn commit(&self, count: usize) -> Result<()> {
        let (done, wait) = oneshot::channel();
        self.rows.send((count, done)).await?;
        Ok(wait.await?)
    }
}

/// While one batch is under way the next gathers.
async fn write(mut database: Database, mut rows: mpsc::Receiver<Rows>) -> Result<()> {
    while let Some((mut count, done)) = rows.recv().await {
        let mut waiting = vec![done];
        while let Ok((more, done)) = rows.try_recv() {
            count += more;
            waiting.push(done);
        }
        database.insert(count).await?;
        for done in waiting {
            let _ = done.send(());
        }
    }
    Ok(())
}

impl Database {
    async fn open(database: &str) -> Result<Database> {
        const TABLE: &str = "CREATE TABLE IF NOT EXISTS bare_journal (run TEXT, data TEXT)";
        if database.starts_with("postgres://") {
            let mut connection = PgConnection::connect(database).await?;
            sqlx::query(TABLE).execute(&mut connection).await?;
            return Ok(Database::Postgres(connection));
        }
        let options = SqliteConnectOptions::new()
            .filename(database)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        let mut connection = SqliteConnection::connect_with(&options).await?;
        sqlx::query(TABLE).execute(&mut connection).await?;
        Ok(Database::Sqlite(connection))
    }

    async fn insert(&mut self, count: usize) -> Result<()> {
        let data = "x".repeat(DATA);
        match self {
            Database::Sqlite(connection) => {
                let row = serde_json::json!({"run": "r", "data": data}).to_string();
                sqlx::query(
                    "INSERT INTO bare_journal (run, data) \
                     SELECT value ->> '$.run', value ->> '$.data' FROM json_each(?)",
                )
                .bind(format!("[{}]", vec![row; count].join(",")))
                .execute(connection)
                .await?;
            }
            Database::Postgres(connection) => {
                sqlx::query("INSERT INTO bare_journal (run, data) SELECT * FROM UNNEST($1, $2)")
                    .bind(vec!["r".to_owned(); count])
                    .bind(vec![data; count])
                    .execute(connection)
                    .await?;
            }
        }
        Ok(())
    }
}
