//! The suite that every backend passes: what `Store` promises, in terms of `Store` alone.
//!
//! A backend brings a `World` (how a fresh database is made, opened again, and how another host
//! takes a bucket of it) and instantiates the suite with `suite!`.

pub(crate) mod commits;
pub(crate) mod fences;
pub(crate) mod kill;
pub(crate) mod queries;
pub(crate) mod rows;

use jackfield_store::Store;
use jackfield_store::records::{Contact, Journal, Run, Timer, Wait, Workflow};
use serde_json::{Value, json};

/// A database under test, gone when it is dropped.
pub(crate) trait World: Sized + Send + Sync {
    /// Its kind of store.
    type Store: Store;

    /// Where its `child_under_load` stands among the tests.
    const CHILD: &str = "child_under_load";

    /// A fresh database.
    fn make() -> impl Future<Output = Self> + Send;

    /// Opens it, as the one host.
    fn open(&self) -> impl Future<Output = Self::Store> + Send;

    /// What a child process needs to open it.
    fn handle(&self) -> String;

    /// Opens the database of such a handle.
    fn attach(handle: &str) -> impl Future<Output = Self::Store> + Send;

    /// Another host takes the bucket.
    fn steal(&self, bucket: i32) -> impl Future<Output = ()> + Send;
}

/// Instantiates the suite for a world.
#[macro_export]
macro_rules! suite {
    ($world:ty) => {
        suite!(@all $world:
            commits::what_was_acknowledged_is_there_after_reopening,
            commits::an_empty_commit_is_no_commit,
            commits::a_commit_is_applied_whole_or_not_at_all,
            commits::deletes_come_first_then_inserts_then_puts,
            commits::of_many_that_insert_one_row_the_first_wins,
            commits::a_member_that_fails_is_taken_out_of_its_batch,
            commits::a_wrong_row_fails_alone,
            commits::puts_of_one_row_are_applied_in_order,
            commits::a_row_may_come_and_go_within_a_batch,
            commits::many_commits_at_once_all_arrive,
            commits::a_closed_store_says_so,
            fences::a_bucket_that_another_host_took_is_fenced,
            fences::a_bucket_that_was_never_owned_is_fenced,
            fences::reopening_takes_every_bucket_back,
            queries::every_operator_finds_what_it_should,
            queries::null_is_compared_as_null,
            queries::rows_come_in_order_and_pages,
            queries::a_prefix_is_no_pattern,
            queries::a_query_that_makes_no_sense_is_refused,
            rows::rows_come_back_as_they_were_put,
            rows::odd_values_survive,
            rows::the_character_nul_is_replaced,
            rows::large_rows_are_rows,
            rows::blobs_are_kept_once,
        );

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn a_killed_process_loses_nothing_that_it_acknowledged() {
            suite::kill::a_killed_process_loses_nothing_that_it_acknowledged::<$world>().await;
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        #[ignore = "a process of its own, started and killed by another test"]
        async fn child_under_load() {
            suite::kill::child_under_load::<$world>().await;
        }
    };
    (@all $world:ty: $($module:ident :: $name:ident,)+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                suite::$module::$name::<$world>().await;
            }
        )+
    };
}

pub(crate) const NOW: i64 = 1_790_000_000_000;

pub(crate) fn run(bucket: i32, id: &str, seq: i64) -> Run {
    Run {
        bucket,
        id: id.into(),
        workspace: "acme".into(),
        workflow: "welcome".into(),
        version: 1,
        state: "running".into(),
        contact: None,
        event: None,
        step: Some("greet".into()),
        reason: None,
        data: json!({"variables": {"name": "Zoë"}}),
        seq,
        created_at: NOW,
        updated_at: NOW,
        ended_at: None,
    }
}

pub(crate) fn journal(bucket: i32, run: &str, seq: i64) -> Journal {
    Journal {
        bucket,
        run: run.into(),
        seq,
        kind: "step-finished".into(),
        step: Some("greet".into()),
        data: json!({"seq": seq}),
        at: NOW,
    }
}

pub(crate) fn timer(bucket: i32, id: &str, due: i64) -> Timer {
    Timer {
        bucket,
        id: id.into(),
        kind: "run".into(),
        due,
    }
}

pub(crate) fn wait(bucket: i32, run: &str, seq: i64) -> Wait {
    Wait {
        bucket,
        run: run.into(),
        seq,
        topic: "acme/call.ended/con_1".into(),
        claim: true,
        condition: Value::Null,
        at: NOW,
    }
}

pub(crate) fn workflow(name: &str) -> Workflow {
    Workflow {
        workspace: "acme".into(),
        name: name.into(),
        state: "draft".into(),
        source: "name: x".into(),
        version: None,
        priority: 100,
        created_at: NOW,
        updated_at: NOW,
        organisation: None,
    }
}

pub(crate) fn contact(bucket: i32, id: &str, name: Option<&str>) -> Contact {
    Contact {
        bucket,
        id: id.into(),
        workspace: "acme".into(),
        name: name.map(Into::into),
        phone: None,
        email: None,
        data: json!({}),
        revision: 1,
        created_at: NOW,
        updated_at: NOW,
    }
}
