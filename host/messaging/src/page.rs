//! Lists are given out in pages, by cursor.

use serde::Serialize;

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// What to give as `after` for the next page; none at the end.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// Out of rows of which one more was read than the page holds, with the cursor that stands after
    /// its last one.
    pub(crate) fn cut(mut rows: Vec<T>, limit: usize, cursor: impl Fn(&T) -> String) -> Page<T> {
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(cursor);
        Page { items: rows, next }
    }

    /// The same rows in another form.
    pub(crate) fn map<U>(self, form: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(form).collect(),
            next: self.next,
        }
    }
}

/// The rows of a page: 1 to 100, 50 unless said.
pub(crate) fn limit(wanted: Option<usize>) -> usize {
    wanted.unwrap_or(50).clamp(1, 100)
}

/// A cursor over rows that are sorted by a time and an id, downwards.
pub(crate) fn cursor(at: i64, id: &str) -> String {
    format!("{at}.{id}")
}

/// Reads such a cursor; none where it is not one.
pub(crate) fn read_cursor(text: &str) -> Option<(i64, &str)> {
    let (at, id) = text.split_once('.')?;
    Some((at.parse().ok()?, id))
}
