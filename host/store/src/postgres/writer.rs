//! One of the connections that write: a plan as one transaction.
//!
//! The fence comes first: the rows of all the buckets of the plan are locked FOR SHARE, in the order
//! of their numbers, so that no host can take one of them over before this transaction ends. Then one
//! statement for each kind of row, then COMMIT: seven to nine round trips. Nothing is waited for
//! between BEGIN and COMMIT but the database. All statements are prepared: BEGIN and the fence in one
//! text would spare a round trip (50 µs), and cost 200 µs of planning each time.
//!
//! Why most plans take a shorter way: on a busy host a round trip costs both sides more than the rows
//! do. A plan whose groups touch different rows and that tells nobody anything is one statement
//! (`one.rs`), which is a transaction by itself.
//!
//! What must hold: after an error no transaction is left open; only an error of what commits leaves
//! the outcome unknown; what lost against another transaction (a deadlock) is tried again here.

use super::Postgres;
use super::errors::{failure, failure_of_commit, is_broken, is_conflict};
use super::link::{Link, within};
use super::notes::{self, Note};
use super::one::{self, Ones};
use super::open::{Options, limited};
use super::shared::Shared;
use crate::group::{Backend, Failure};
use crate::plan::{Act, Group, Plan};
use crate::sql;
use crate::table::Table;
use async_trait::async_trait;
use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::{AssertSqlSafe, Error, Executor as _, PgConnection, Row as _};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// The server gives up on a statement, and on a lock, after so long.
const STATEMENT: &str = "20s";
const LOCK: &str = "5s";
/// After so long without an answer the connection is given up: the server is not there any more.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often a transaction that lost against another is tried in all, and the first pause.
const ATTEMPTS: u32 = 6;
const PAUSE: Duration = Duration::from_millis(5);

const FENCE_OF_ONE: &str = "SELECT bucket, owner, epoch FROM buckets WHERE bucket = $1 FOR SHARE";
const FENCE: &str = "SELECT bucket, owner, epoch FROM buckets WHERE bucket = ANY($1) \
    ORDER BY bucket FOR SHARE";

const BLOB: &str =
    "INSERT INTO blob (digest, bytes) VALUES ($1, $2) ON CONFLICT (digest) DO NOTHING";

const REVISION: &str = "UPDATE meta SET value = (value::bigint + 1)::text WHERE key = 'revision' \
    RETURNING value::bigint";

pub(super) struct Connection {
    link: Link,
    shared: Arc<Shared>,
    one_bucket: bool,
    /// The text for each kind of write, made at its first use.
    texts: HashMap<(Act, &'static str), Arc<str>>,
    ones: Ones,
}

/// How far a transaction has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Writing,
    Committing,
}

impl Connection {
    pub(super) fn new(options: PgConnectOptions, shared: Arc<Shared>, how: &Options) -> Connection {
        // Every statement finds its rows by their keys. An empty table's statistics would have a
        // prepared statement read the whole of it, and go on so when it has grown.
        let options = limited(options, STATEMENT, LOCK).options([
            ("enable_seqscan", "off"),
            ("enable_hashjoin", "off"),
            ("enable_mergejoin", "off"),
            ("plan_cache_mode", "force_generic_plan"),
        ]);
        Connection {
            link: Link::new(options),
            shared,
            one_bucket: how.one_bucket_commits,
            texts: HashMap::new(),
            ones: Ones::new(how.one_statement_after),
        }
    }

    /// One attempt, whole.
    async fn attempt(&mut self, plan: &Plan) -> Result<(), Attempt> {
        let mut phase = Phase::Writing;
        let outcome = within(PATIENCE, self.transaction(plan, &mut phase)).await;
        let error = match outcome {
            Ok(Done::Committed { revision }) => {
                if let Some(revision) = revision {
                    self.shared.made_revision(revision);
                }
                return Ok(());
            }
            Ok(Done::Fenced(buckets)) => {
                self.roll_back().await;
                return Err(Attempt::Failed(Failure::Fenced(buckets)));
            }
            Err(error) => error,
        };
        if is_broken(&error) {
            self.link.cut();
        } else {
            self.roll_back().await;
        }
        Err(match phase {
            _ if is_conflict(&error) => Attempt::Conflict(failure(&error)),
            Phase::Writing => Attempt::Failed(failure(&error)),
            Phase::Committing => Attempt::Failed(failure_of_commit(&error)),
        })
    }

    async fn transaction(&mut self, plan: &Plan, phase: &mut Phase) -> Result<Done, Error> {
        // Of Citus only plain statements are known to do here what they do elsewhere.
        if !self.one_bucket
            && let Some(text) = self.ones.text(plan)
        {
            return self.at_once(text, plan, phase).await;
        }
        let texts: Vec<Arc<str>> = plan
            .stages
            .iter()
            .flatten()
            .map(|group| text_of(&mut self.texts, group))
            .collect();
        let connection = self.link.get().await?;
        connection.execute("BEGIN").await?;
        let fences = fence(connection, plan).await?;
        let lost = lost(plan, &fences, &self.shared.host)?;
        if !lost.is_empty() {
            return Ok(Done::Fenced(lost));
        }
        for (text, group) in texts.into_iter().zip(plan.stages.iter().flatten()) {
            sqlx::query(AssertSqlSafe(text))
                .bind(group.rows.as_str())
                .execute(&mut *connection)
                .await?;
        }
        for (digest, bytes) in &plan.blobs {
            sqlx::query(BLOB)
                .bind(digest.as_str())
                .bind(bytes.as_slice())
                .execute(&mut *connection)
                .await?;
        }
        let revision = tell(connection, plan, &self.shared).await?;
        *phase = Phase::Committing;
        connection.execute("COMMIT").await?;
        Ok(Done::Committed { revision })
    }

    /// The whole transaction as one statement.
    async fn at_once(
        &mut self,
        text: Arc<str>,
        plan: &Plan,
        phase: &mut Phase,
    ) -> Result<Done, Error> {
        let connection = self.link.get().await?;
        *phase = Phase::Committing;
        let fences = one::run(connection, text, plan, &self.shared.host).await?;
        let lost = lost(plan, &fences, &self.shared.host)?;
        Ok(if lost.is_empty() {
            Done::Committed { revision: None }
        } else {
            Done::Fenced(lost)
        })
    }

    /// Leaves no transaction open; a connection that cannot be trusted is given up.
    async fn roll_back(&mut self) {
        let rolled_back = match self.link.get().await {
            Ok(connection) => within(PATIENCE, connection.execute("ROLLBACK")).await,
            Err(error) => Err(error),
        };
        if rolled_back.is_err() {
            self.link.cut();
        }
    }
}

enum Done {
    Committed { revision: Option<i64> },
    Fenced(Vec<i32>),
}

/// Why an attempt wrote nothing, or may not have.
enum Attempt {
    /// Another transaction was in the way: the same may pass now.
    Conflict(Failure),
    Failed(Failure),
}

/// The rows of the plan's buckets, locked so that nobody takes one of them over meanwhile.
async fn fence(connection: &mut PgConnection, plan: &Plan) -> Result<Vec<PgRow>, Error> {
    let buckets: Vec<i64> = plan.fences.keys().copied().map(i64::from).collect();
    match buckets[..] {
        [] => Ok(Vec::new()),
        // As an equality: it can then be sent to the node where the bucket lies.
        [bucket] => {
            sqlx::query(FENCE_OF_ONE)
                .bind(bucket)
                .fetch_all(connection)
                .await
        }
        _ => sqlx::query(FENCE).bind(buckets).fetch_all(connection).await,
    }
}

/// The buckets of the plan that are not this host's under the epoch of the plan.
fn lost(plan: &Plan, rows: &[PgRow], host: &str) -> Result<Vec<i32>, Error> {
    let mut found = BTreeMap::new();
    for row in rows {
        let (bucket, owner): (i64, Option<String>) = (row.try_get(0)?, row.try_get(1)?);
        let epoch: i64 = row.try_get(2)?;
        if owner.as_deref() == Some(host) {
            found.insert(bucket, epoch);
        }
    }
    let lost = |(bucket, epoch): (&i32, &i64)| {
        (found.get(&i64::from(*bucket)) != Some(epoch)).then_some(*bucket)
    };
    Ok(plan.fences.iter().filter_map(lost).collect())
}

/// Counts up the revision of control records, and tells other hosts what the plan wants them told;
/// both come last, because both hold a lock that other hosts want too.
async fn tell(
    connection: &mut PgConnection,
    plan: &Plan,
    shared: &Shared,
) -> Result<Option<i64>, Error> {
    let mut told: Vec<Note> = notes::of_plan(plan);
    let owners = notes::asked(plan);
    if shared.notify && !owners.is_empty() {
        let rows = sqlx::query("SELECT bucket, owner FROM buckets WHERE bucket = ANY($1)")
            .bind(owners)
            .fetch_all(&mut *connection)
            .await?;
        for row in rows {
            if let (bucket, Some(owner)) = (row.try_get(0)?, row.try_get(1)?) {
                told.push(Note::knock(bucket, owner));
            }
        }
    }
    let revision = if plan.is_control() {
        let revision: i64 = sqlx::query_scalar(REVISION)
            .fetch_one(&mut *connection)
            .await?;
        told.push(Note::control(revision));
        Some(revision)
    } else {
        None
    };
    if shared.notify {
        notes::send(connection, &shared.host, &told).await?;
    }
    Ok(revision)
}

fn text_of(texts: &mut HashMap<(Act, &'static str), Arc<str>>, group: &Group) -> Arc<str> {
    let table = group.table;
    let text = texts
        .entry((group.act, table.name))
        .or_insert_with(|| sql::write::<Postgres>(group.act, table, 1, sql::ALWAYS).into());
    text.clone()
}

#[async_trait]
impl Backend for Connection {
    async fn apply(&mut self, plan: &Plan) -> Result<(), Failure> {
        let mut pause = PAUSE;
        for attempt in 1.. {
            match self.attempt(plan).await {
                Ok(()) => return Ok(()),
                Err(Attempt::Failed(failure)) => return Err(failure),
                Err(Attempt::Conflict(failure)) if attempt == ATTEMPTS => return Err(failure),
                Err(Attempt::Conflict(failure)) => {
                    tracing::debug!(?failure, attempt, "a transaction is tried again");
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
            }
        }
        Ok(())
    }

    async fn present(&mut self, table: &'static Table, rows: &str) -> Result<Vec<usize>, Failure> {
        let text = sql::present::<Postgres>(table, 1);
        let looked = async {
            let connection = self.link.get().await?;
            let query = sqlx::query_scalar::<_, i64>(AssertSqlSafe(text)).bind(rows);
            query.fetch_all(connection).await
        };
        let places = match within(PATIENCE, looked).await {
            Ok(places) => places,
            Err(error) => {
                if is_broken(&error) {
                    self.link.cut();
                }
                return Err(failure(&error));
            }
        };
        places
            .into_iter()
            .map(|place| {
                usize::try_from(place).map_err(|error| Failure::Unavailable(error.to_string()))
            })
            .collect()
    }

    fn one_bucket(&self) -> bool {
        self.one_bucket
    }

    async fn close(&mut self) {
        self.link.close().await;
    }
}
