//! Opening: what is refused and what the operator is told; the tables that the migrations make.

use super::suite::World;
use super::{Host, Postgres, alone};
use jackfield_postgres_peer::{Server, shared};
use jackfield_store::postgres::{OpenError, Options, PostgresStore};
use jackfield_store::records::TABLES;
use jackfield_store::{Kind, Store};
use sqlx::{Connection, PgConnection, Row};

async fn refused(url: &str) -> OpenError {
    let error = PostgresStore::open(Options::new(url, "host"))
        .await
        .unwrap_err();
    for secret in ["jackfield-test", "hunter2"] {
        assert!(!error.to_string().contains(secret), "{error}");
        assert!(!format!("{error:?}").contains(secret), "{error:?}");
    }
    error
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_cannot_be_used_is_refused_with_what_to_do() {
    let server = shared();
    let world = Postgres::new();
    let error = refused(&world.url.replace("jackfield-test", "hunter2")).await;
    assert!(matches!(error, OpenError::Refused { .. }), "{error}");
    let error = refused(&server.url("nowhere")).await;
    assert!(matches!(error, OpenError::NoDatabase { .. }), "{error}");
    assert!(error.to_string().contains("createdb"), "{error}");
    let port = format!(":{}/", server.port());
    let error = refused(&world.url.replace(&port, ":1/")).await;
    assert!(matches!(error, OpenError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("127.0.0.1:1"), "{error}");
    let error = refused("/var/lib/jackfield.db").await;
    assert!(matches!(error, OpenError::Address(_)), "{error}");
    let arguments = ["--encoding=SQL_ASCII", "--locale=C", "--template=template0"];
    let error = refused(&server.database_with(&arguments).unwrap()).await;
    assert!(matches!(error, OpenError::Encoding { .. }), "{error}");
    world
        .execute("CREATE ROLE guest LOGIN PASSWORD 'hunter2'")
        .await;
    let guest = world
        .url
        .replace("jackfield:jackfield-test", "guest:hunter2");
    let error = refused(&guest).await;
    assert!(matches!(error, OpenError::Rights { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_may_forget_is_refused_unless_that_is_allowed() {
    let world = Postgres::new();
    let name = world.url.rsplit('/').next().unwrap();
    world
        .execute(&format!(
            "ALTER DATABASE {name} SET synchronous_commit = off"
        ))
        .await;
    let error = refused(&world.url).await;
    let named = matches!(
        error,
        OpenError::Unsafe {
            setting: "synchronous_commit",
            ..
        }
    );
    assert!(named, "{error}");

    let server = tokio::task::spawn_blocking(|| Server::start(&["fsync=off"]).unwrap());
    let server = server.await.unwrap();
    let url = server.database().unwrap();
    let error = refused(&url).await;
    assert!(
        matches!(
            error,
            OpenError::Unsafe {
                setting: "fsync",
                ..
            }
        ),
        "{error}"
    );
    let allowed = Options {
        allow_unsafe: true,
        ..Options::new(url, "host")
    };
    alone(allowed).await.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_takes_no_writes_is_refused() {
    let world = Postgres::new();
    let name = world.url.rsplit('/').next().unwrap();
    world
        .execute(&format!(
            "ALTER DATABASE {name} SET default_transaction_read_only = on"
        ))
        .await;
    let error = refused(&world.url).await;
    assert!(matches!(error, OpenError::ReadOnly), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_number_of_buckets_is_fixed_when_the_database_is_made() {
    let world = Postgres::new();
    let few = Options {
        buckets: 8,
        ..world.options()
    };
    let store = alone(few).await;
    assert_eq!((store.buckets(), store.owned()), (8, (0..8).collect()));
    store.close().await;
    let store = world.open().await;
    assert_eq!((store.buckets(), store.owned().len()), (8, 8));
    store.close().await;
    for buckets in [0, -1, 65_537] {
        let wrong = Options {
            buckets,
            ..world.options()
        };
        let error = PostgresStore::open(wrong).await.unwrap_err();
        assert!(matches!(error, OpenError::Buckets(_)), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_of_a_newer_version_is_left_alone() {
    let world = Postgres::new();
    world.open().await.close().await;
    world
        .execute(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             VALUES (9999, 'later', true, '\\x00', 0)",
        )
        .await;
    let error = refused(&world.url).await;
    assert!(
        matches!(error, OpenError::Newer { migration: 9_999 }),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_say_who_they_are_to_whoever_looks_at_the_server() {
    let world = Postgres::new();
    let host = Host::open(world.options()).await;
    let mut connection = PgConnection::connect(&world.url).await.unwrap();
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT application_name FROM pg_stat_activity \
         WHERE datname = current_database() AND application_name LIKE 'jackfield/%'",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    assert_eq!(names, [format!("jackfield/{}", host.store.host())]);
    host.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_migrations_make_the_columns_of_the_records() {
    let world = Postgres::make().await;
    world.open().await.close().await;
    let mut connection = PgConnection::connect(&world.url).await.unwrap();
    for table in TABLES {
        let rows = sqlx::query(
            "SELECT a.attname::text, format_type(a.atttypid, a.atttypmod), c.collname::text, \
             a.attnum = ANY (i.indkey) \
             FROM pg_attribute a JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary \
             LEFT JOIN pg_collation c ON c.oid = a.attcollation \
             WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped \
             ORDER BY a.attnum",
        )
        .bind(table.name)
        .fetch_all(&mut connection)
        .await
        .unwrap();
        type Found = (String, String, Option<String>, bool);
        let found: Vec<Found> = rows
            .iter()
            .map(|row| (row.get(0), row.get(1), row.get(2), row.get(3)))
            .collect();
        let expected: Vec<Found> = table
            .columns
            .iter()
            .map(|column| {
                let kind = match column.kind {
                    Kind::Text => "text",
                    Kind::Json => "json",
                    Kind::Int => "bigint",
                    Kind::Bool => "boolean",
                };
                let collation = (column.kind == Kind::Text).then(|| "C".to_owned());
                // In which order the index has them is the migration's own affair.
                let is_key = table.key.contains(&column.name);
                (column.name.to_owned(), kind.to_owned(), collation, is_key)
            })
            .collect();
        assert_eq!(found, expected, "{}", table.name);
    }
}
