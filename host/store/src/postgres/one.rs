//! A plan as one statement: the fence, every group of rows and the commit in a single round trip.
//!
//! The statement is a query with a WITH for each of them. The fence locks the rows of the buckets as
//! everywhere (`writer.rs`) and says whether all of them are still this host's; every write has that
//! as its condition, which PostgreSQL evaluates once, before the first row. The answer is the rows of
//! the fence, so that the writer sees what was lost. A statement outside of BEGIN is a transaction.
//!
//! Why not every plan: the parts of a WITH all see the tables as they were before the statement and
//! are done in no order, so no two groups may touch one row. Why not every combination of groups: a
//! text is planned once, which costs more than it spares; so it is made when its combination has come
//! a few times, and there are no more than the server's memory for plans should hold.
//!
//! What must hold: if a bucket is lost, nothing is written.

use super::Postgres;
use crate::plan::{Act, Plan};
use crate::sql;
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Error, PgConnection};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

/// So many combinations are known at most; a new one then begins all anew.
const MOST: usize = 64;

/// The buckets and epochs are sorted by bucket, as the plan has them.
const FENCE: &str = "WITH fence AS MATERIALIZED (SELECT bucket, owner, epoch FROM buckets \
    WHERE bucket = ANY($1) ORDER BY bucket FOR SHARE), \
    held AS MATERIALIZED (SELECT array_agg(epoch ORDER BY bucket) = $2 \
    AND bool_and(owner IS NOT DISTINCT FROM $3) AS yes FROM fence)";
const HELD: &str = "(SELECT yes FROM held)";
const ANSWER: &str = "SELECT bucket, owner, epoch FROM fence";
/// The place of the first group's rows, after what the fence binds.
const FIRST: usize = 4;

/// The texts of one connection.
pub(super) struct Ones {
    /// How often a combination of groups comes before it has a text.
    after: u32,
    combinations: HashMap<Vec<(Act, &'static str)>, Combination>,
}

#[derive(Default)]
struct Combination {
    seen: u32,
    text: Option<Arc<str>>,
}

impl Ones {
    pub(super) fn new(after: u32) -> Ones {
        Ones {
            after,
            combinations: HashMap::new(),
        }
    }

    /// The statement of the plan, if it may be one and comes often.
    pub(super) fn text(&mut self, plan: &Plan) -> Option<Arc<str>> {
        if !is_plain(plan) {
            return None;
        }
        let groups = plan.stages.iter().flatten();
        let groups: Vec<_> = groups.map(|group| (group.act, group.table.name)).collect();
        if self.combinations.len() >= MOST && !self.combinations.contains_key(&groups) {
            self.combinations.clear();
        }
        let combination = self.combinations.entry(groups).or_default();
        combination.seen = combination.seen.saturating_add(1);
        if combination.seen <= self.after {
            return None;
        }
        let text = combination.text.get_or_insert_with(|| text(plan).into());
        Some(text.clone())
    }
}

/// Whether nothing but rows of owned buckets is written, and nobody is told.
fn is_plain(plan: &Plan) -> bool {
    plan.unordered
        && !plan.fences.is_empty()
        && plan.blobs.is_empty()
        && plan.notices.is_empty()
        && !plan.is_control()
}

fn text(plan: &Plan) -> String {
    let mut text = FENCE.to_owned();
    for (place, group) in plan.stages.iter().flatten().enumerate() {
        let write = sql::write::<Postgres>(group.act, group.table, FIRST + place, HELD);
        let _ = write!(text, ", write{place} AS ({write})");
    }
    format!("{text} {ANSWER}")
}

/// Runs it, and gives the rows of the fence.
pub(super) async fn run(
    connection: &mut PgConnection,
    text: Arc<str>,
    plan: &Plan,
    host: &str,
) -> Result<Vec<PgRow>, Error> {
    let buckets: Vec<i64> = plan.fences.keys().copied().map(i64::from).collect();
    let epochs: Vec<i64> = plan.fences.values().copied().collect();
    let query = sqlx::query(AssertSqlSafe(text))
        .bind(buckets)
        .bind(epochs)
        .bind(host);
    let groups = plan.stages.iter().flatten();
    groups
        .fold(query, |query, group| query.bind(group.rows.as_str()))
        .fetch_all(connection)
        .await
}
