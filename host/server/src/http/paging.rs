//! Lists in pages: `{items, next}` with an opaque cursor.
//!
//! A cursor is where the last page ended (an id, a name), wrapped so that nobody builds on its
//! form. It carries which list it is of: a cursor of one list is refused by another.

use super::problem::{Code, Problem};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};

/// How many items a page has when nothing is said.
pub const DEFAULT_LIMIT: usize = 50;

/// How many items a page may have.
pub const MAX_LIMIT: usize = 100;

/// Which page of a list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageParams {
    /// At most so many items, 1 to 100; 50 when nothing is said.
    #[serde(default, deserialize_with = "number")]
    #[param(minimum = 1, maximum = 100, default = 50)]
    pub limit: Option<usize>,
    /// `next` of the page before.
    #[serde(default)]
    #[param(pattern = "^[A-Za-z0-9_-]+$")]
    pub cursor: Option<String>,
}

/// Flattened query parameters reach serde as text, so the number is read here.
fn number<'de, D: Deserializer<'de>>(reader: D) -> Result<Option<usize>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Number {
        Text(String),
        Number(usize),
    }
    match Option::<Number>::deserialize(reader)? {
        None => Ok(None),
        Some(Number::Number(number)) => Ok(Some(number)),
        Some(Number::Text(text)) => text
            .parse()
            .map(Some)
            .map_err(|_| serde::de::Error::custom(format!("limit must be a number, not `{text}`"))),
    }
}

/// A page of a list.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// The cursor of the next page; none after the last.
    pub next: Option<String>,
}

/// What a list has to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// At most so many items.
    pub limit: usize,
    /// Only what comes after this one.
    pub after: Option<String>,
}

impl PageParams {
    /// What the list named `list` has to read.
    ///
    /// # Errors
    /// `invalid-parameter` for a limit out of bounds, `invalid-cursor` for a foreign cursor.
    pub fn range(&self, list: &str) -> Result<Range, Problem> {
        let limit = self.limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(Problem::new(
                Code::InvalidParameter,
                format!("limit may be 1 to {MAX_LIMIT}, not {limit}."),
            ));
        }
        let after = self
            .cursor
            .as_deref()
            .map(|cursor| open(list, cursor))
            .transpose()?;
        Ok(Range { limit, after })
    }
}

impl Range {
    /// Where the page begins in a list that is numbered.
    ///
    /// # Errors
    /// `invalid-cursor` for what no list gave out.
    pub fn after_number(&self) -> Result<Option<i64>, Problem> {
        self.after
            .as_deref()
            .map(|after| after.parse().map_err(|_| foreign_cursor()))
            .transpose()
    }
}

fn foreign_cursor() -> Problem {
    Problem::new(
        Code::InvalidCursor,
        "The cursor is not one that this list gave out. Take it from `next` of the page before, or \
         leave it out to begin at the first page.",
    )
}

/// A cursor of the list `list` that stands after `last`.
#[must_use]
pub fn cursor(list: &str, last: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{list}:{last}"))
}

fn open(list: &str, cursor: &str) -> Result<String, Problem> {
    URL_SAFE_NO_PAD
        .decode(cursor)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .and_then(|text| Some(text.strip_prefix(list)?.strip_prefix(':')?.to_owned()))
        .filter(|last| !last.contains('\0'))
        .ok_or_else(foreign_cursor)
}

impl<T> Page<T> {
    /// A page out of rows of which one more was read than is shown: whether there is a next page
    /// is known without asking again.
    pub fn of(mut rows: Vec<T>, range: &Range, list: &str, key: impl Fn(&T) -> String) -> Page<T> {
        let more = rows.len() > range.limit;
        rows.truncate(range.limit);
        let next = if more {
            rows.last().map(|last| cursor(list, &key(last)))
        } else {
            None
        };
        Page { items: rows, next }
    }

    /// A page out of a list that is at hand as a whole, sorted upwards by `key`.
    pub fn cut(rows: Vec<T>, range: &Range, list: &str, key: impl Fn(&T) -> String) -> Page<T> {
        let rows = rows
            .into_iter()
            .filter(|row| range.after.as_ref().is_none_or(|after| key(row) > *after))
            .take(range.limit + 1)
            .collect();
        Page::of(rows, range, list, key)
    }

    /// The same page with other items.
    pub fn map<U>(self, turn: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(turn).collect(),
            next: self.next,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn params(limit: Option<usize>, cursor: Option<String>) -> PageParams {
        PageParams { limit, cursor }
    }

    #[test]
    fn pages_follow_one_another_without_gap_or_overlap() {
        let all: Vec<String> = (0..25).map(|n| format!("{n:02}")).collect();
        let (mut seen, mut next) = (Vec::new(), None);
        loop {
            let range = params(Some(10), next).range("things").unwrap();
            let page = Page::cut(all.clone(), &range, "things", Clone::clone);
            seen.extend(page.items);
            next = page.next;
            if next.is_none() {
                break;
            }
        }
        assert_eq!(seen, all);
    }

    #[test]
    fn a_page_that_is_just_full_has_no_next() {
        let range = params(Some(3), None).range("things").unwrap();
        let page = Page::of(vec!["a", "b", "c"], &range, "things", |row| {
            (*row).to_owned()
        });
        assert_eq!(page.next, None);
    }

    #[test]
    fn a_limit_out_of_bounds_is_refused() {
        for limit in [0, 101] {
            let problem = params(Some(limit), None).range("things").unwrap_err();
            assert_eq!(problem.code(), Code::InvalidParameter);
        }
    }

    #[test]
    fn a_cursor_of_another_list_is_refused() {
        let foreign = cursor("others", "a");
        for cursor in [foreign.as_str(), "%%%", "", "AAAA"] {
            let problem = params(None, Some(cursor.to_owned()))
                .range("things")
                .unwrap_err();
            assert_eq!(problem.code(), Code::InvalidCursor, "{cursor}");
        }
    }

    #[test]
    fn a_forged_cursor_of_a_numbered_list_is_refused() {
        let of = |last: &str| params(None, Some(cursor("things", last))).range("things");
        assert_eq!(of("7").unwrap().after_number().unwrap(), Some(7));
        let forged = of("seven").unwrap().after_number().unwrap_err();
        assert_eq!(forged.code(), Code::InvalidCursor);
        assert!(of("a\0b").is_err());
    }

    #[test]
    fn without_parameters_a_page_has_fifty_items() {
        assert_eq!(
            params(None, None).range("x").unwrap(),
            Range {
                limit: 50,
                after: None
            }
        );
    }
}
