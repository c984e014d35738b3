//! SQLite passes the suite, and what only SQLite has: the lock, the file, the full disk.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may stop at the first surprise"
)]

mod suite;

use jackfield_store::records::{Journal, TABLES};
use jackfield_store::sqlite::{OpenError, Options, SqliteStore};
use jackfield_store::{Commit, CommitError, Kind, Query, Store, StoreExt};
use serde_json::json;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row, SqliteConnection};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use suite::{NOW, World, journal};
use tempfile::TempDir;

struct Sqlite {
    folder: TempDir,
}

fn options(path: &Path) -> Options {
    Options::new(path, "host-1", Arc::new(|| NOW))
}

impl Sqlite {
    fn path(&self) -> PathBuf {
        self.folder.path().join("data").join("jackfield.db")
    }

    async fn connection(&self) -> SqliteConnection {
        SqliteConnectOptions::new()
            .filename(self.path())
            .connect()
            .await
            .unwrap()
    }
}

impl World for Sqlite {
    type Store = SqliteStore;

    async fn make() -> Sqlite {
        Sqlite {
            folder: TempDir::new().unwrap(),
        }
    }

    async fn open(&self) -> SqliteStore {
        SqliteStore::open(options(&self.path())).await.unwrap()
    }

    fn handle(&self) -> String {
        self.path().to_str().unwrap().to_owned()
    }

    async fn attach(handle: &str) -> SqliteStore {
        SqliteStore::open(options(Path::new(handle))).await.unwrap()
    }

    async fn steal(&self, bucket: i32) {
        let mut connection = self.connection().await;
        sqlx::query("UPDATE buckets SET owner = 'host-2', epoch = epoch + 1 WHERE bucket = ?")
            .bind(bucket)
            .execute(&mut connection)
            .await
            .unwrap();
        connection.close().await.unwrap();
    }
}

suite!(Sqlite);

#[tokio::test]
async fn the_migrations_make_the_columns_of_the_records() {
    let world = Sqlite::make().await;
    world.open().await.close().await;
    let mut connection = world.connection().await;
    for table in TABLES {
        let rows = sqlx::query(AssertSqlSafe(format!("PRAGMA table_info({})", table.name)))
            .fetch_all(&mut connection)
            .await
            .unwrap();
        let found: Vec<(String, String, bool)> = rows
            .iter()
            .map(|row| {
                let place: i64 = row.get("pk");
                (row.get("name"), row.get("type"), place > 0)
            })
            .collect();
        let expected: Vec<(String, String, bool)> = table
            .columns
            .iter()
            .map(|column| {
                let kind = match column.kind {
                    Kind::Text | Kind::Json => "TEXT",
                    Kind::Int | Kind::Bool => "INTEGER",
                };
                // In which order the index has them is the migration's own affair.
                let is_key = table.key.contains(&column.name);
                (column.name.to_owned(), kind.to_owned(), is_key)
            })
            .collect();
        assert_eq!(found, expected, "{}", table.name);
        assert!(
            !table.bucketed || table.key[0] == "bucket",
            "{}",
            table.name
        );
    }
}

#[tokio::test]
async fn a_second_opening_is_refused_until_the_first_is_closed() {
    let world = Sqlite::make().await;
    let store = world.open().await;
    let error = SqliteStore::open(options(&world.path())).await.unwrap_err();
    assert!(matches!(error, OpenError::Locked { .. }), "{error}");
    let link = world.folder.path().join("link");
    std::os::unix::fs::symlink(world.path().parent().unwrap(), &link).unwrap();
    let error = SqliteStore::open(options(&link.join("jackfield.db")))
        .await
        .unwrap_err();
    assert!(matches!(error, OpenError::Locked { .. }), "{error}");
    store.close().await;
    world.open().await.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_process_is_refused() {
    let world = Sqlite::make().await;
    let store = world.open().await;
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_that_opens", "--ignored", "--nocapture"])
        .env("JACKFIELD_TEST_DATABASE", world.handle())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout).into_owned();
    assert!(child.status.success(), "{said}");
    assert!(said.contains("another process has"), "{said}");
    store.close().await;
}

#[tokio::test]
#[ignore = "a process of its own, started by another test"]
async fn child_that_opens() {
    let Ok(handle) = std::env::var("JACKFIELD_TEST_DATABASE") else {
        return;
    };
    let error = SqliteStore::open(options(Path::new(&handle)))
        .await
        .unwrap_err();
    println!("{error}");
}

#[tokio::test]
async fn the_number_of_buckets_is_fixed_when_the_database_is_made() {
    let world = Sqlite::make().await;
    let few = Options {
        buckets: 8,
        ..options(&world.path())
    };
    let store = SqliteStore::open(few).await.unwrap();
    assert_eq!((store.buckets(), store.owned()), (8, (0..8).collect()));
    store.close().await;
    let store = world.open().await;
    assert_eq!((store.buckets(), store.owned().len()), (8, 8));
    store.close().await;
    for buckets in [0, -1, 65_537] {
        let wrong = Options {
            buckets,
            ..options(&world.path())
        };
        let error = SqliteStore::open(wrong).await.unwrap_err();
        assert!(matches!(error, OpenError::Buckets(_)), "{error}");
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_called_damaged() {
    let world = Sqlite::make().await;
    std::fs::create_dir_all(world.path().parent().unwrap()).unwrap();
    std::fs::write(world.path(), "not a database ".repeat(1_000)).unwrap();
    let error = SqliteStore::open(options(&world.path())).await.unwrap_err();
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
}

#[tokio::test]
async fn a_broken_page_is_found_at_the_start() {
    let world = Sqlite::make().await;
    let store = world.open().await;
    let mut commit = Commit::of(1);
    for seq in 0..2_000 {
        commit.insert(&journal(1, "run_a", seq));
    }
    store.commit(commit).await.unwrap();
    store.close().await;
    let mut bytes = std::fs::read(world.path()).unwrap();
    let end = bytes.len();
    bytes[end - 8_192 * 3..].fill(0x5a);
    std::fs::write(world.path(), bytes).unwrap();
    let error = SqliteStore::open(options(&world.path())).await.unwrap_err();
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_left_alone() {
    let world = Sqlite::make().await;
    world.open().await.close().await;
    let mut connection = world.connection().await;
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (9999, 'later', true, x'00', 0)",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    connection.close().await.unwrap();
    let error = SqliteStore::open(options(&world.path())).await.unwrap_err();
    assert!(
        matches!(error, OpenError::Newer { migration: 9_999 }),
        "{error}"
    );
}

#[tokio::test]
async fn a_full_disk_refuses_commits_and_they_go_on_when_there_is_space() {
    let world = Sqlite::make().await;
    let small = Options {
        max_bytes: Some(4 << 20),
        ..options(&world.path())
    };
    let store = SqliteStore::open(small).await.unwrap();
    let large = |seq| {
        let mut row = journal(1, "run_a", seq);
        row.data = json!("x".repeat(200_000));
        let mut commit = Commit::of(1);
        commit.insert(&row);
        commit
    };
    let mut kept = 0;
    let error = loop {
        match store.commit(large(kept)).await {
            Ok(()) => kept += 1,
            Err(error) => break error,
        }
        assert!(kept < 100);
    };
    assert!(matches!(error, CommitError::Unavailable(_)), "{error}");
    assert_eq!(store.total(Query::<Journal>::of(1)).await.unwrap(), kept);

    let mut clean = Commit::of(1);
    clean.delete::<Journal>([json!("run_a")]);
    store.commit(clean).await.unwrap();
    store.commit(large(0)).await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn a_file_that_another_program_has_locked_refuses_commits_for_a_while() {
    let world = Sqlite::make().await;
    let store = world.open().await;
    let mut other = world.connection().await;
    let lock = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let mut commit = Commit::of(1);
    commit.insert(&journal(1, "run_a", 0));
    let error = store.commit(commit.clone()).await.unwrap_err();
    assert!(matches!(error, CommitError::Unavailable(_)), "{error}");
    lock.rollback().await.unwrap();
    store.commit(commit).await.unwrap();
    store.close().await;
}
