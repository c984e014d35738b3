//! The table of attacks in `docs/security.md` names the test that holds each: every one of them
//! must exist, in the file that its link leads to, and be a test.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_tests::repository;
use std::fs;

/// A test as the table names it: `[`FILE::NAME`](../PATH)`.
struct Named {
    file: String,
    name: String,
    path: String,
}

/// The links of a row's last cell, and how many cells it has.
fn tests_of(row: &str) -> Vec<Named> {
    let mut named = Vec::new();
    let mut rest = row;
    while let Some((_, after)) = rest.split_once("[`") {
        let (text, after) = after
            .split_once("`](../")
            .expect("a link into the checkout");
        let (path, after) = after.split_once(')').expect("a link that ends");
        let (file, name) = text.split_once("::").expect("FILE::NAME");
        named.push(Named {
            file: file.to_owned(),
            name: name.to_owned(),
            path: path.to_owned(),
        });
        rest = after;
    }
    named
}

/// Whether a function of that name stands behind `#[test]`, or in a block of `proptest!`.
fn is_test(source: &str, name: &str) -> bool {
    let Some(place) = source.find(&format!("fn {name}(")) else {
        return false;
    };
    let line = source[..place].rfind('\n').unwrap_or(0);
    // The attributes above it, up to the end of what stands before.
    source[..line]
        .lines()
        .rev()
        .take(8)
        .take_while(|line| line.trim() != "}")
        .any(|line| line.contains("#[test]") || line.contains("#[tokio::test"))
}

#[test]
fn every_test_that_the_table_names_exists() {
    let document = fs::read_to_string(repository().join("docs/security.md")).unwrap();
    let (_, section) = document
        .split_once("## Attacks, and the tests that hold")
        .expect("the section");
    let rows = section.lines().filter(|line| line.starts_with("| "));
    let (mut attacks, mut wrong) = (0, Vec::new());
    for row in rows.filter(|row| !row.starts_with("| **") && !row.starts_with("| attack")) {
        attacks += 1;
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
        assert_eq!(cells.len(), 3, "attack, what stops it, tests: {row}");
        let named = tests_of(cells[2]);
        if named.is_empty() {
            wrong.push(format!("no test: {row}"));
        }
        for Named { file, name, path } in named {
            let source = fs::read_to_string(repository().join(&path)).unwrap_or_default();
            if !path.ends_with(&format!("/{file}")) || !is_test(&source, &name) {
                wrong.push(format!("no test `{name}` in {path}"));
            }
        }
    }
    assert!(attacks > 40, "only {attacks} rows were read");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
