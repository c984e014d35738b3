//! Ids that sort by time and carry their bucket, and the hash that chooses a bucket.
//!
//! An id is `<kind>_<UUIDv7 as 32 hexadecimal digits><bucket as 4>`. Whoever holds the id of a run
//! knows its bucket without asking. The hash must never change: rows are found by it for ever, so
//! it is written out here (FNV-1a, 64 bits, then a final mix) and held by a test of fixed values.

use std::sync::Mutex;
use uuid::{ContextV7, Timestamp, Uuid};

/// One counter for the whole process: ids made in the same millisecond still sort in the order in
/// which they were made, whoever made them, and so do ids made after the clock stepped back.
static COUNTER: Mutex<ContextV7> = Mutex::new(ContextV7::new());

/// How many buckets a new database gets.
pub const DEFAULT_BUCKETS: i32 = 256;

/// Which bucket of `buckets` these words belong to.
#[must_use]
pub fn bucket_of(buckets: i32, words: &[&str]) -> i32 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for word in words {
        for byte in word.bytes().chain(std::iter::once(0)) {
            hash ^= u64::from(byte);
            hash = hash.wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    // FNV's low bits are weak; this is the final mix of MurmurHash3.
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    i32::try_from(hash % u64::from(buckets.unsigned_abs().max(1))).unwrap_or(0)
}

/// A new id of this kind (`run`, `msg`, `evt`...) in this bucket, made at `now` milliseconds.
///
/// Within one process ids sort in the order in which they were made. If `now` goes back, the id
/// carries the latest time seen instead.
#[must_use]
pub fn new_id(kind: &str, bucket: i32, now: i64) -> String {
    let seconds = now.div_euclid(1000).unsigned_abs();
    let nanos = u32::try_from(now.rem_euclid(1000)).unwrap_or(0) * 1_000_000;
    let time = Timestamp::from_unix(&COUNTER, seconds, nanos);
    format!("{kind}_{}{bucket:04x}", Uuid::new_v7(time).simple())
}

/// Ids made from now on sort after this one. Whoever takes a bucket over says so of the latest id
/// in it: the clock of the host that made it may have been ahead, or this one may have gone back.
pub fn observe(id: &str) {
    let Some((_, rest)) = id.rsplit_once('_') else {
        return;
    };
    let millis = rest
        .get(..12)
        .and_then(|hex| u64::from_str_radix(hex, 16).ok());
    if let Some(millis) = millis.filter(|_| rest.len() == 36) {
        // The next millisecond: within one, the other host's counter may be ahead of ours.
        let millis = millis + 1;
        let nanos = u32::try_from(millis % 1_000).unwrap_or(0) * 1_000_000;
        let _ = Timestamp::from_unix(&COUNTER, millis / 1_000, nanos);
    }
}

/// Sorts at or before every id of this kind that was made at `at` milliseconds or later, and after
/// every one that was made before.
#[must_use]
pub fn first_id(kind: &str, at: i64) -> String {
    format!("{kind}_{:012x}", at.max(0))
}

/// The bucket that an id carries; none if it is no id of this kind.
#[must_use]
pub fn bucket_in(kind: &str, id: &str) -> Option<i32> {
    let rest = id.strip_prefix(kind)?.strip_prefix('_')?;
    if rest.len() != 36 || !rest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    i32::from_str_radix(&rest[32..], 16).ok()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Rows are found by these for ever: a change here loses every database that there is.
    #[test]
    fn the_hash_never_changes() {
        let fixed: &[(&[&str], i32, i32)] = &[
            (&[], 256, 82),
            (&[""], 256, 230),
            (&["acme", "con_1"], 256, 149),
            (&["acme", "con_2"], 256, 37),
            (&["acmec", "on_1"], 256, 44),
            (&["ch_1", "SM0123456789"], 256, 29),
            (&["grüße", "+4915112345678"], 256, 89),
            (&["acme", "con_1"], 1024, 917),
            (&["acme", "con_1"], 65_536, 50069),
            (&["acme", "con_1"], 1, 0),
        ];
        for (words, buckets, bucket) in fixed {
            assert_eq!(
                bucket_of(*buckets, words),
                *bucket,
                "{words:?} of {buckets}"
            );
        }
    }

    #[test]
    fn buckets_are_filled_evenly() {
        let mut filled = [0_u32; 256];
        for contact in 0..256_000 {
            let bucket = bucket_of(256, &["acme", &format!("con_{contact}")]);
            filled[usize::try_from(bucket).unwrap()] += 1;
        }
        assert!(
            filled.iter().all(|count| (800..1_200).contains(count)),
            "{filled:?}"
        );
    }

    #[test]
    fn ids_of_one_millisecond_sort_in_the_order_made() {
        let ids: Vec<String> = (0..10_000)
            .map(|_| new_id("run", 7, 1_790_000_000_000))
            .collect();
        assert!(ids.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn ids_made_after_one_was_observed_sort_after_it() {
        let ahead = format!(
            "evt_{}0007",
            Uuid::new_v7(Timestamp::from_unix(ContextV7::new(), 4_200_000_000, 0)).simple()
        );
        observe(&ahead);
        observe("evt_no-id");
        assert!(new_id("evt", 7, 1_790_000_000_000) > ahead);
    }

    #[test]
    fn ids_of_many_threads_never_meet() {
        let made: Vec<String> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        let ids: Vec<_> = (0..5_000)
                            .map(|_| new_id("run", 7, 1_790_000_000_000))
                            .collect();
                        assert!(ids.is_sorted_by(|a, b| a < b));
                        ids
                    })
                })
                .collect();
            threads
                .into_iter()
                .flat_map(|thread| thread.join().unwrap())
                .collect()
        });
        let different: std::collections::HashSet<_> = made.iter().collect();
        assert_eq!(different.len(), made.len());
    }

    proptest! {
        #[test]
        fn an_id_carries_its_bucket(bucket in 0..65_536_i32, now in 0..4_102_444_800_000_i64) {
            let id = new_id("evt", bucket, now);
            prop_assert_eq!(bucket_in("evt", &id), Some(bucket));
            prop_assert_eq!(bucket_in("run", &id), None);
        }

        #[test]
        fn what_is_no_id_has_no_bucket(text in "\\PC{0,50}") {
            let _ = bucket_in("run", &text);
            prop_assert_eq!(bucket_in("run", &format!("run_{text}é")), None);
        }

        #[test]
        fn a_bucket_is_always_one_that_exists(
            buckets in 1..65_537_i32,
            words in prop::collection::vec(".*", 0..4),
        ) {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            prop_assert!((0..buckets).contains(&bucket_of(buckets, &words)));
        }
    }
}
