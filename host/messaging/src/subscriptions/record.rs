//! A delivery's row: what is sent, how the tries went, and when the next one is due.

use jackfield_store::records::Delivery;
use rand::Rng as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// It waits for its next try.
pub(crate) const PENDING: &str = "pending";
/// The receiver has taken it.
pub(crate) const DELIVERED: &str = "delivered";
/// It was given up. A person can have it delivered once more.
pub(crate) const DEAD: &str = "dead";

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// How long after each failed try the next one comes, in milliseconds: ten tries in a little more
/// than three days, as Standard Webhooks advises.
const DELAYS: [i64; 9] = [
    5 * SECOND,
    5 * MINUTE,
    30 * MINUTE,
    2 * HOUR,
    5 * HOUR,
    10 * HOUR,
    14 * HOUR,
    20 * HOUR,
    24 * HOUR,
];
/// The longest that a receiver may ask for by `Retry-After`.
const LONGEST_WISH: i64 = 24 * HOUR;
/// How many tries are remembered.
const MOST_TRIES: usize = 20;

/// How a try went.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(crate) struct Try {
    /// When it began, milliseconds since 1970.
    pub(crate) at: i64,
    /// How long it took, in milliseconds.
    pub(crate) took: u64,
    /// The HTTP status of the answer, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    /// Why it failed: a stable code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<String>,
    /// Why it failed, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    /// How the answer of a failed try begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) answer: Option<String>,
    /// For how many milliseconds the receiver wants to be left alone.
    #[serde(skip)]
    pub(crate) wish: Option<i64>,
}

impl Try {
    /// One that failed before anything left.
    pub(crate) fn refused(at: i64, code: &str, error: impl Into<String>) -> Try {
        Try {
            at,
            code: Some(code.to_owned()),
            error: Some(error.into()),
            ..Try::default()
        }
    }

    /// Whether the receiver has taken it.
    pub(crate) fn arrived(&self) -> bool {
        self.code.is_none()
    }
}

/// What the row's `data` holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(crate) struct Data {
    /// The very bytes that are sent.
    pub(crate) body: String,
    /// How many tries there were since it was first sent, or sent once more.
    pub(crate) attempts: u32,
    /// The last tries, the newest last.
    pub(crate) tries: Vec<Try>,
}

impl Data {
    pub(crate) fn read(row: &Delivery) -> Data {
        Data::deserialize(&row.data).unwrap_or_default()
    }

    pub(crate) fn write(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// Notes a try.
    pub(crate) fn tried(&mut self, one: Try) {
        self.attempts += 1;
        if self.tries.len() >= MOST_TRIES {
            self.tries.remove(0);
        }
        self.tries.push(one);
    }

    /// When the next try is due after one that failed just now; none after the last.
    pub(crate) fn next(&self, now: i64, wish: Option<i64>) -> Option<i64> {
        let failed = usize::try_from(self.attempts).unwrap_or(usize::MAX).max(1);
        let delay = *DELAYS.get(failed - 1)?;
        // So that what failed together does not come together again.
        let jitter = rand::rng().random_range(0..=delay / 10);
        let wish = wish.unwrap_or_default().min(LONGEST_WISH);
        Some(now.saturating_add((delay + jitter).max(wish)))
    }
}

/// Brings a row to its end.
pub(crate) fn end(row: &mut Delivery, state: &str, now: i64) {
    state.clone_into(&mut row.state);
    row.updated_at = now;
    row.done_at = Some(now);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ten_tries_take_about_three_days() {
        let mut data = Data::default();
        let mut now = 0;
        for _ in 0..9 {
            data.tried(Try::default());
            now = data.next(now, None).unwrap_or_else(|| unreachable!());
        }
        data.tried(Try::default());
        assert_eq!(data.next(now, None), None, "the tenth is the last");
        assert!((72 * HOUR..84 * HOUR).contains(&now), "{now}");
    }

    proptest! {
        #[test]
        fn a_try_is_never_due_early(attempts in 1_u32..10, wish in 0_i64..100 * HOUR) {
            let data = Data { attempts, ..Data::default() };
            let due = data.next(1_000, Some(wish)).unwrap_or_else(|| unreachable!()) - 1_000;
            let delay = DELAYS[attempts as usize - 1];
            prop_assert!(due >= delay.max(wish.min(LONGEST_WISH)));
            prop_assert!(due <= (delay + delay / 10).max(wish.min(LONGEST_WISH)));
        }
    }

    #[test]
    fn only_the_last_tries_are_remembered() {
        let mut data = Data::default();
        for at in 0..30 {
            data.tried(Try {
                at,
                ..Try::default()
            });
        }
        assert_eq!(
            (data.tries.len(), data.tries[0].at, data.attempts),
            (20, 10, 30)
        );
        let row = Data::deserialize(&data.write()).unwrap_or_default();
        assert_eq!(row, data);
    }
}
