//! The statements about hosts and buckets.
//!
//! Each touches one row, or reads a small table whole; none waits for several locks at once, so none
//! can meet another in a deadlock. Times are the database's own (`now()`): what the clocks of the
//! hosts say does not matter.

use sqlx::{Error, PgConnection, Row as _};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Who lives and who owns what.
#[derive(Debug)]
pub(super) struct Seen {
    /// Hosts whose lease holds.
    pub(super) living: BTreeSet<String>,
    /// Hosts whose lease has lapsed.
    pub(super) lapsed: Vec<String>,
    pub(super) buckets: BTreeMap<i32, Bucket>,
}

#[derive(Debug)]
pub(super) struct Bucket {
    pub(super) owner: Option<String>,
    pub(super) epoch: i64,
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// Writes this host's row under a new epoch.
pub(super) async fn register(
    connection: &mut PgConnection,
    host: &str,
    epoch: i64,
    lease: Duration,
) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO host (id, epoch, lease_until) \
         VALUES ($1, $2, (extract(epoch FROM now()) * 1000)::bigint + $3) \
         ON CONFLICT (id) DO UPDATE SET epoch = excluded.epoch, lease_until = excluded.lease_until",
    )
    .bind(host)
    .bind(epoch)
    .bind(millis(lease))
    .execute(connection)
    .await?;
    Ok(())
}

/// Whether the row was there to be renewed.
pub(super) async fn renew(
    connection: &mut PgConnection,
    host: &str,
    epoch: i64,
    lease: Duration,
) -> Result<bool, Error> {
    let done = sqlx::query(
        "UPDATE host SET lease_until = (extract(epoch FROM now()) * 1000)::bigint + $3 \
         WHERE id = $1 AND epoch = $2",
    )
    .bind(host)
    .bind(epoch)
    .bind(millis(lease))
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Each host, and how many milliseconds its lease still holds.
pub(super) const LEASES: &str = "SELECT id, \
    lease_until - (extract(epoch FROM now()) * 1000)::bigint FROM host ORDER BY id";

/// How many buckets each host owns.
pub(super) const COUNTS: &str =
    "SELECT owner, count(*) FROM buckets WHERE owner IS NOT NULL GROUP BY owner";

/// Reads who lives and who owns what.
pub(super) async fn see(connection: &mut PgConnection) -> Result<Seen, Error> {
    let mut seen = Seen {
        living: BTreeSet::new(),
        lapsed: Vec::new(),
        buckets: BTreeMap::new(),
    };
    let leases: Vec<(String, i64)> = sqlx::query_as(LEASES).fetch_all(&mut *connection).await?;
    for (id, left) in leases {
        if left > 0 {
            seen.living.insert(id);
        } else {
            seen.lapsed.push(id);
        }
    }
    let rows = sqlx::query("SELECT bucket::int, owner, epoch FROM buckets")
        .fetch_all(connection)
        .await?;
    for row in rows {
        let bucket = Bucket {
            owner: row.try_get(1)?,
            epoch: row.try_get(2)?,
        };
        seen.buckets.insert(row.try_get(0)?, bucket);
    }
    Ok(seen)
}

/// Removes the rows of hosts whose lease has lapsed: should one of them still live, its next renewal
/// tells it. One that renewed meanwhile lives.
pub(super) async fn bury(connection: &mut PgConnection, seen: &mut Seen) -> Result<(), Error> {
    for id in std::mem::take(&mut seen.lapsed) {
        let done = sqlx::query(
            "DELETE FROM host WHERE id = $1 \
             AND lease_until <= (extract(epoch FROM now()) * 1000)::bigint",
        )
        .bind(&id)
        .execute(&mut *connection)
        .await?;
        if done.rows_affected() == 1 {
            tracing::warn!(host = id, "a host is dead: its buckets are taken over");
        } else {
            // Renewed, or removed by another host: the next look says which.
            seen.living.insert(id);
        }
    }
    Ok(())
}

/// Takes a bucket if it still is as it was seen, and says under which epoch.
pub(super) async fn take(
    connection: &mut PgConnection,
    host: &str,
    bucket: i32,
    seen: &Bucket,
) -> Result<Option<i64>, Error> {
    sqlx::query_scalar(
        "UPDATE buckets SET owner = $1, epoch = epoch + 1 \
         WHERE bucket = $2 AND epoch = $3 AND owner IS NOT DISTINCT FROM $4 RETURNING epoch",
    )
    .bind(host)
    .bind(i64::from(bucket))
    .bind(seen.epoch)
    .bind(seen.owner.as_deref())
    .fetch_optional(connection)
    .await
}

/// Makes a bucket free that this host owns under that epoch; if it does not, it is as it should be.
pub(super) async fn free(
    connection: &mut PgConnection,
    host: &str,
    bucket: i32,
    epoch: i64,
) -> Result<(), Error> {
    sqlx::query("UPDATE buckets SET owner = NULL WHERE bucket = $1 AND owner = $2 AND epoch = $3")
        .bind(i64::from(bucket))
        .bind(host)
        .bind(epoch)
        .execute(connection)
        .await?;
    Ok(())
}

/// Frees everything of this host and removes it.
pub(super) async fn leave(connection: &mut PgConnection, host: &str) -> Result<(), Error> {
    sqlx::query("UPDATE buckets SET owner = NULL WHERE owner = $1")
        .bind(host)
        .execute(&mut *connection)
        .await?;
    sqlx::query("DELETE FROM host WHERE id = $1")
        .bind(host)
        .execute(connection)
        .await?;
    Ok(())
}

/// The revision of the control records, and those of the buckets in which parcels lie.
pub(super) async fn hints(
    connection: &mut PgConnection,
    buckets: &[i32],
) -> Result<(i64, Vec<i32>), Error> {
    let revision = sqlx::query_scalar("SELECT value::bigint FROM meta WHERE key = 'revision'")
        .fetch_one(&mut *connection)
        .await?;
    let buckets: Vec<i64> = buckets.iter().copied().map(i64::from).collect();
    let knocks =
        sqlx::query_scalar("SELECT DISTINCT bucket::int FROM parcel WHERE bucket = ANY($1)")
            .bind(buckets)
            .fetch_all(connection)
            .await?;
    Ok((revision, knocks))
}
