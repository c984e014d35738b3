//! Pauses between tries: exponential, with jitter, never shorter than the other side asked for.

use serde::{Deserialize, Serialize};

use super::Duration;

/// How often something is tried again, and how long the pauses are.
///
/// The n-th pause is `first × factor^(n-1)`, at most `max`, of which the share `jitter` is random:
/// many runs that failed together then do not come back together.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Backoff {
    /// How often it is tried again after the first failure; 0 for never.
    pub attempts: u32,
    /// The first pause.
    pub first: Duration,
    /// How much longer each pause is than the one before; at least 1.
    pub factor: f64,
    /// The longest pause.
    pub max: Duration,
    /// Which share of a pause is random: 0 (none of it) to 1 (all of it).
    pub jitter: f64,
}

/// Three tries more after 2, 4 and 8 seconds, half of each random; at most 15 minutes.
impl Default for Backoff {
    fn default() -> Self {
        Self {
            attempts: 3,
            first: Duration::from_secs(2),
            factor: 2.0,
            max: Duration::from_secs(15 * 60),
            jitter: 0.5,
        }
    }
}

impl Backoff {
    /// The pause before the n-th further try (`attempt` from 1); none when there are no more.
    ///
    /// `random` is at least 0 and below 1. `retry_after` is what the other side asked for: the pause
    /// is never shorter, even past `max`.
    #[must_use]
    pub fn delay(
        &self,
        attempt: u32,
        random: f64,
        retry_after: Option<Duration>,
    ) -> Option<Duration> {
        if attempt == 0 || attempt > self.attempts {
            return None;
        }
        let exponent = i32::try_from(attempt - 1).unwrap_or(i32::MAX);
        // At most the largest float, so that no infinity is multiplied with a first pause of 0.
        let growth = self.factor.max(1.0).powi(exponent).min(f64::MAX);
        let full = (self.first.as_millis() as f64 * growth).min(self.max.as_millis() as f64);
        let jitter = self.jitter.clamp(0.0, 1.0);
        let random = if random.is_finite() {
            random.clamp(0.0, 1.0)
        } else {
            0.0
        };
        // A float past the range of u64 becomes its end.
        let pause = Duration::from_millis((full * (1.0 - jitter * random)).round() as u64);
        Some(pause.max(retry_after.unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let backoff = Backoff {
            attempts: 5,
            first: Duration::from_secs(2),
            max: Duration::from_secs(10),
            jitter: 0.0,
            ..Backoff::default()
        };
        let pauses: Vec<u64> = (1..=5)
            .map(|n| backoff.delay(n, 0.7, None).unwrap().as_millis())
            .collect();
        assert_eq!(pauses, [2_000, 4_000, 8_000, 10_000, 10_000]);
        assert_eq!(backoff.delay(6, 0.0, None), None);
        assert_eq!(backoff.delay(0, 0.0, None), None);
    }

    #[test]
    fn the_other_sides_wish_is_honoured_past_the_longest_pause() {
        let hour = Duration::from_secs(3600);
        assert_eq!(Backoff::default().delay(1, 0.5, Some(hour)), Some(hour));
        let short = Some(Duration::from_millis(1));
        assert!(Backoff::default().delay(1, 0.0, short).unwrap() >= Duration::from_secs(1));
    }

    proptest! {
        #[test]
        fn pauses_stay_within_their_bounds(
            attempts in 1_u32..200, random in 0.0_f64..1.0, first in 0_u64..100_000,
            factor in 0.0_f64..50.0, max in 0_u64..10_000_000, jitter in 0.0_f64..=1.0,
        ) {
            let backoff = Backoff {
                attempts, first: Duration::from_millis(first), factor,
                max: Duration::from_millis(max), jitter,
            };
            let mut longest = Duration::default();
            for attempt in 1..=attempts {
                let full = backoff.delay(attempt, 0.0, None).unwrap();
                let pause = backoff.delay(attempt, random, None).unwrap();
                prop_assert!(pause <= full && full.as_millis() <= max);
                prop_assert!(pause.as_millis() as f64 >= full.as_millis() as f64 * (1.0 - jitter) - 1.0);
                prop_assert!(full >= longest, "monotone");
                longest = full;
            }
        }
    }
}
