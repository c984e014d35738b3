//! The suite once more, where a transaction is one statement from the first time on, and what only
//! that has: it is in fact one statement, and a combination of tables that is rare is none.

use super::suite::{World, journal, run};
use super::{Postgres, alone};
use crate::suite;
use jackfield_store::postgres::{Options, PostgresStore};
use jackfield_store::records::Journal;
use jackfield_store::{Commit, Query, Store, StoreExt};
use sqlx::{Connection, PgConnection};

struct AtOnce(Postgres);

fn at_once(options: Options) -> Options {
    Options {
        one_statement_after: 0,
        ..options
    }
}

impl World for AtOnce {
    type Store = PostgresStore;

    const CHILD: &str = "at_once::child_under_load";

    async fn make() -> AtOnce {
        AtOnce(Postgres::new())
    }

    async fn open(&self) -> PostgresStore {
        alone(at_once(self.0.options())).await
    }

    fn handle(&self) -> String {
        self.0.handle()
    }

    async fn attach(handle: &str) -> PostgresStore {
        alone(at_once(Options::new(handle, "child"))).await
    }

    async fn steal(&self, bucket: i32) {
        self.0.steal(bucket).await;
    }
}

suite!(AtOnce);

/// What the host's connections ran last.
async fn last_statements(world: &Postgres) -> Vec<String> {
    let mut connection = PgConnection::connect(&world.url).await.unwrap();
    let statements = sqlx::query_scalar(
        "SELECT query FROM pg_stat_activity WHERE application_name LIKE 'jackfield/%' \
         AND datname = current_database()",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    connection.close().await.unwrap();
    statements
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_often_is_one_statement_and_what_is_rare_is_not() {
    let world = Postgres::new();
    let often = world.options().one_statement_after;
    let options = Options {
        writers: 1,
        ..world.options()
    };
    let store = alone(options).await;
    for seq in 0..=i64::from(often) {
        let at_once = last_statements(&world).await;
        assert!(
            !at_once.iter().any(|text| text.starts_with("WITH fence")),
            "{seq}: {at_once:?}"
        );
        let mut commit = Commit::of(3);
        commit
            .insert(&journal(3, "run_a", seq))
            .put(&run(3, "run_a", seq));
        store.commit(commit).await.unwrap();
    }
    let at_once = last_statements(&world).await;
    assert!(
        at_once.iter().any(|text| text.starts_with("WITH fence")),
        "{at_once:?}"
    );
    let rows = store.total(Query::<Journal>::all()).await.unwrap();
    assert_eq!(rows, i64::from(often) + 1);
    store.close().await;
}
