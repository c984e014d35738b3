//! A plan leaves the same rows as its commits one by one: held against a map, over random commits
//! of few keys, so that they meet often.

use super::*;
use crate::records::{Run, Timer, Wait};
use crate::table::Record as _;
use proptest::prelude::*;
use serde_json::{Value, json};

/// Tables as maps: what the statements of a plan do, in memory.
#[derive(Debug, Default, Clone, PartialEq)]
struct Model(BTreeMap<(&'static str, String), Value>);

impl Model {
    fn delete(&mut self, table: &'static str, prefix: &str) {
        self.0
            .retain(|(name, key), _| *name != table || !key.starts_with(prefix));
    }

    /// Whether the key was free.
    fn insert(&mut self, table: &'static str, key: String, row: Value) -> bool {
        self.0.insert((table, key), row).is_none()
    }

    fn put(&mut self, table: &'static str, key: String, row: Value) {
        self.0.insert((table, key), row);
    }

    fn apply(&mut self, plan: &Plan) -> bool {
        plan.stages.iter().flatten().all(|group| {
            let name = group.table.name;
            let rows: Vec<Value> = serde_json::from_str(&group.rows).unwrap();
            rows.into_iter().all(|row| match group.act {
                Act::Delete(_) => {
                    let prefix = row::prefix_of(group.table, row.as_array().unwrap()).unwrap();
                    self.delete(name, &prefix);
                    true
                }
                Act::Insert | Act::Put => {
                    let key = row::key_of(group.table, &row.to_string()).unwrap();
                    if group.act == Act::Insert {
                        return self.insert(name, key, row);
                    }
                    self.put(name, key, row);
                    true
                }
            })
        })
    }

    /// One commit as its documentation has it: deletes, inserts, puts; whole or not at all.
    fn commit(&mut self, commit: &Commit) -> bool {
        let mut next = self.clone();
        let mut free = true;
        for round in 0..3 {
            for write in &commit.writes {
                match (round, write) {
                    (0, Write::Delete { table, key }) => {
                        next.delete(table.name, &row::prefix_of(table, key).unwrap());
                    }
                    (1, Write::Insert { table, row }) => {
                        let key = row::key_of(table, row).unwrap();
                        free &= next.insert(table.name, key, serde_json::from_str(row).unwrap());
                    }
                    (2, Write::Put { table, row }) => {
                        let key = row::key_of(table, row).unwrap();
                        next.put(table.name, key, serde_json::from_str(row).unwrap());
                    }
                    _ => {}
                }
            }
        }
        if free {
            *self = next;
        }
        free
    }
}

fn write() -> impl Strategy<Value = Write> {
    let small = (0..3_i32, 0..3_i32, any::<u8>());
    (0..6_u8, small).prop_map(|(what, (run, seq, value))| {
        let run = format!("r{run}");
        let wait = json!({"bucket": 1, "run": run, "seq": seq, "topic": value}).to_string();
        let timer = json!({"bucket": 1, "id": run, "due": value}).to_string();
        match what {
            0 => Write::Insert {
                table: Wait::TABLE,
                row: wait,
            },
            1 => Write::Put {
                table: Wait::TABLE,
                row: wait,
            },
            2 => Write::Put {
                table: Timer::TABLE,
                row: timer,
            },
            3 => Write::Insert {
                table: Timer::TABLE,
                row: timer,
            },
            4 => Write::Delete {
                table: Wait::TABLE,
                key: vec![json!(1), json!(run)],
            },
            _ => Write::Delete {
                table: Wait::TABLE,
                key: vec![json!(1), json!(run), json!(seq)],
            },
        }
    })
}

fn commits() -> impl Strategy<Value = Vec<Commit>> {
    let commit = prop::collection::vec(write(), 1..5)
        .prop_map(|writes| Commit {
            bucket: Some(1),
            writes,
            ..Commit::default()
        })
        // Two inserts of one row in one commit are refused before it comes so far.
        .prop_filter("sound", |commit| {
            Member::of(commit.clone(), Some((1, 1))).is_ok()
        });
    prop::collection::vec(commit, 1..14)
}

proptest! {
    #[test]
    fn a_plan_leaves_what_its_commits_leave_one_by_one(commits in commits()) {
        let mut expected = Model::default();
        let outcomes: Vec<bool> = commits.iter().map(|commit| expected.commit(commit)).collect();

        let members: Vec<Member> =
            commits.into_iter().map(|commit| Member::of(commit, Some((1, 1))).unwrap()).collect();
        let refused = refused(&members, Keys::new());
        let found: Vec<bool> = refused.iter().map(Option::is_none).collect();
        prop_assert_eq!(&found, &outcomes);

        let mut rest: &[&Member] =
            &members.iter().zip(&found).filter(|(_, kept)| **kept).map(|(m, _)| m).collect::<Vec<_>>();
        let mut model = Model::default();
        while !rest.is_empty() {
            let plan = Plan::of(rest.iter().copied());
            prop_assert!(plan.members > 0 && plan.stages.len() <= STAGES);
            prop_assert!(model.apply(&plan), "an insert met a row: {:?}", plan);
            rest = &rest[plan.members..];
        }
        prop_assert_eq!(model, expected);
    }
}

proptest! {
    #[test]
    fn the_groups_of_an_unordered_plan_may_be_applied_in_any_order(commits in commits()) {
        let members: Vec<Member> =
            commits.into_iter().map(|commit| Member::of(commit, Some((1, 1))).unwrap()).collect();
        // What is there before, so that something is removed.
        let mut before = Model::default();
        for run in 0..3 {
            for seq in 0..3 {
                let row = json!({"bucket": 1, "run": format!("r{run}"), "seq": seq});
                let key = row::key_of(Wait::TABLE, &row.to_string()).unwrap();
                before.insert(Wait::TABLE.name, key, row);
            }
        }
        for first in 0..members.len() {
            for mut plan in [Plan::of(&members[first..=first]), Plan::of(&members[first..])] {
                let (mut model, mut reversed) = (before.clone(), before.clone());
                if plan.unordered && model.apply(&plan) {
                    plan.stages[0].reverse();
                    prop_assert!(reversed.apply(&plan));
                    prop_assert_eq!(model, reversed);
                }
            }
        }
    }
}

#[test]
fn commits_of_different_rows_share_their_statements() {
    let members: Vec<Member> = (0..100)
        .map(|number| {
            let mut commit = Commit::of(1);
            commit.writes.push(Write::Put {
                table: Timer::TABLE,
                row: json!({"bucket": 1, "id": format!("run_{number}")}).to_string(),
            });
            commit.delete::<Wait>([json!(format!("run_{number}"))]);
            Member::of(commit, Some((1, 1))).unwrap()
        })
        .collect();
    let plan = Plan::of(&members);
    assert_eq!(
        (plan.members, plan.stages.len(), plan.stages[0].len()),
        (100, 1, 2)
    );
    assert!(plan.unordered, "a wait is removed, a timer is put");
}

#[test]
fn a_row_of_another_bucket_is_refused() {
    let row = json!({"bucket": 2, "id": "run_1"}).to_string();
    for bucket in [Some(1), None] {
        let writes = vec![Write::Put {
            table: Run::TABLE,
            row: row.clone(),
        }];
        let error = Member::of(
            Commit {
                bucket,
                writes,
                ..Commit::default()
            },
            None,
        )
        .unwrap_err();
        assert!(matches!(error, CommitError::Invalid(_)), "{error}");
    }
}
