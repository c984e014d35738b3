//! SQLite's way of taking JSON rows apart and putting them together.
//!
//! Measured through sqlx for one journal row and one run row a step, `synchronous=FULL`, 256 steps
//! a transaction (steps/s): `json_each` and objects 33 k, `json_each` and arrays 39 k, `jsonb_each`
//! and objects 53 k, `jsonb_each` and arrays 54 k, rows of bound VALUES 57 k. With one step a
//! transaction they are equal. `jsonb_each` parses the text once rather than once for each column;
//! bound VALUES would need a statement for every number of rows. Tables WITHOUT ROWID halve all of
//! these, pages of 8 KiB add a little at large batches.

use crate::sql::Dialect;
use crate::table::{Column, Kind, Table};

/// SQLite, 3.51 or later.
#[derive(Debug)]
pub(crate) struct Sqlite;

impl Dialect for Sqlite {
    // The default, ABORT, undoes the statement alone, for which SQLite copies every page before the
    // statement changes it. Here a statement that fails takes its transaction with it in any case.
    const INSERT: &'static str = "INSERT OR ROLLBACK INTO";

    fn bound(_: usize) -> String {
        // By order, not by number: several statements share one list of values (`writer.rs`).
        "?".into()
    }

    fn rows(_: &Table, _: usize) -> String {
        "jsonb_each(?) AS e".into()
    }

    fn numbered(table: &Table, number: usize) -> String {
        Self::rows(table, number)
    }

    fn nth() -> &'static str {
        "e.key"
    }

    fn arrays(_: usize) -> String {
        "jsonb_each(?) AS e".into()
    }

    fn field(column: &Column) -> String {
        match column.kind {
            Kind::Json => format!("nullif(e.value -> '{}', 'null')", column.name),
            Kind::Text | Kind::Int | Kind::Bool => format!("e.value ->> '{}'", column.name),
        }
    }

    fn element(place: usize, _: &Column) -> String {
        format!("e.value ->> {place}")
    }

    fn object(table: &Table) -> String {
        let fields: Vec<String> = table
            .columns
            .iter()
            .map(|Column { name, kind, .. }| match kind {
                Kind::Json => format!("'{name}', json({name})"),
                Kind::Bool => format!("'{name}', json(iif({name}, 'true', 'false'))"),
                Kind::Text | Kind::Int => format!("'{name}', {name}"),
            })
            .collect();
        format!("json_object({})", fields.join(", "))
    }

    fn one_of(column: &Column, _: usize) -> String {
        format!("{} IN (SELECT value FROM json_each(?))", column.name)
    }

    fn bytewise(column: &Column) -> String {
        // SQLite compares text by its bytes unless told otherwise.
        column.name.into()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use crate::plan::Act;
    use crate::records::{Contact, Event, ListMember, Run, TABLES, Timer, Wait};
    use crate::sql;
    use crate::store::Select;
    use crate::{Is, Query, Record};
    use serde_json::Value;
    use sqlx::{AssertSqlSafe, Connection as _, Executor as _, Row as _, SqliteConnection};

    async fn database() -> SqliteConnection {
        let mut database = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        database
            .execute(concat!(
                include_str!("../../migrations/sqlite/0001_init.sql"),
                include_str!("../../migrations/sqlite/0002_plugin_updates.sql"),
                include_str!("../../migrations/sqlite/0003_conversations_and_lists.sql"),
                include_str!("../../migrations/sqlite/0004_users_and_assignments.sql"),
                include_str!("../../migrations/sqlite/0005_triggers.sql"),
                include_str!("../../migrations/sqlite/0006_contacts_data.sql"),
                include_str!("../../migrations/sqlite/0007_webhooks_and_calendars.sql"),
                include_str!("../../migrations/sqlite/0008_merged_contacts.sql"),
                include_str!("../../migrations/sqlite/0009_queues.sql"),
                include_str!("../../migrations/sqlite/0010_snippets_and_files.sql"),
                include_str!("../../migrations/sqlite/0011_tables.sql"),
                include_str!("../../migrations/sqlite/0012_subscriptions.sql"),
                include_str!("../../migrations/sqlite/0013_organisations.sql"),
                include_str!("../../migrations/sqlite/0014_organisation_workflows.sql"),
            ))
            .await
            .unwrap();
        database
    }

    async fn plan(database: &mut SqliteConnection, sql: &str) -> String {
        let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
        let rows = sqlx::query(explain).fetch_all(database).await.unwrap();
        rows.iter()
            .map(|row| row.get::<String, _>("detail") + "\n")
            .collect()
    }

    #[tokio::test]
    async fn no_write_reads_a_whole_table() {
        let mut database = database().await;
        for table in TABLES {
            // Nothing is removed by its bucket alone.
            let least = 1 + usize::from(table.bucketed);
            let mut statements: Vec<String> = (least..=table.key.len())
                .map(|columns| sql::write::<Sqlite>(Act::Delete(columns), table, 1, sql::ALWAYS))
                .collect();
            statements.push(sql::present::<Sqlite>(table, 1));
            statements.push(sql::write::<Sqlite>(Act::Insert, table, 1, sql::ALWAYS));
            if !table.append_only {
                statements.push(sql::write::<Sqlite>(Act::Put, table, 1, sql::ALWAYS));
            }
            for statement in statements {
                let plan = plan(&mut database, &statement).await;
                let whole = [format!("SCAN {}\n", table.name), "SCAN t\n".into()];
                assert!(
                    !whole.iter().any(|scan| plan.contains(scan)),
                    "{statement}:\n{plan}"
                );
            }
        }
    }

    fn select<R: Record>(query: Query<R>) -> Select {
        let Query {
            filters,
            order,
            limit,
            ..
        } = query;
        Select {
            table: R::TABLE,
            filters,
            order,
            limit,
        }
    }

    #[tokio::test]
    async fn the_queries_of_a_busy_host_use_their_index() {
        let mut database = database().await;
        let open = Query::<Run>::of(1)
            .filter("state", Is::In, vec!["queued", "running"])
            .equal("ended_at", Value::Null);
        let page = open.clone().filter("id", Is::Greater, "run_1");
        let over = Query::<Run>::all().filter("ended_at", Is::Less, 7);
        let list = Query::<Run>::all()
            .equal("workspace", "acme")
            .equal("workflow", "welcome");
        let due =
            |query: Query<Timer>| query.filter("due", Is::AtMost, 5).ascending("due").limit(9);
        let contacts = Query::<Contact>::all().equal("workspace", "acme");
        let contacts = contacts.filter("id", Is::Less, "ctc_1");
        let members = Query::<ListMember>::all().equal("workspace", "acme");
        let members = members.filter("contact", Is::AtMost, "ctc_1");
        let queries = [
            (select(open), "run_open"),
            (select(page), "run_open"),
            (select(over.ascending("ended_at").limit(9)), "run_ended"),
            (select(list.descending("id").limit(9)), "run_workflow"),
            (
                select(Query::<Wait>::of(1).equal("topic", "a/b/c")),
                "wait_topic",
            ),
            (
                select(Query::<Event>::of(1).equal("contact", "con_1")),
                "event_contact",
            ),
            (select(contacts.descending("id").limit(9)), "contact_page"),
            (select(members), "list_member_of"),
            (select(due(Query::of(1))), "timer_due"),
            (select(due(Query::all())), "timer_due_of_all"),
        ];
        for (query, index) in queries {
            let (text, _) = sql::select::<Sqlite>(&query).unwrap();
            let plan = plan(&mut database, &text).await;
            assert!(
                plan.contains(&format!("INDEX {index} (")),
                "{text}:\n{plan}"
            );
            assert!(
                !plan.contains("USE TEMP B-TREE FOR ORDER BY"),
                "{text}:\n{plan}"
            );
        }
    }
}
