//! What an operator says of retention, and the task that keeps to it.
//!
//! The mechanism is the engine's and messaging's (`retention.rs` of each); here is when, and how
//! long. A sweep begins a tenth of the shortest time after the one before, at least every ten
//! minutes: what is kept for a day leaves within ten minutes of its time.

use crate::http::app::App;
use clap::Args;
use jackfield_engine::schedule;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// The longest time between two sweeps.
const SELDOM: Duration = Duration::from_secs(600);
/// The shortest time between two sweeps.
const OFTEN: Duration = Duration::from_secs(1);
/// How long finished runs, events and decisions are kept when nothing is said.
const DEFAULT: &str = "90d";
const DEFAULT_MS: u64 = 90 * 24 * 60 * 60 * 1_000;

/// How long something is kept: a time such as `90d`, or `forever`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep(Option<schedule::Duration>);

impl Keep {
    /// For ever.
    pub const FOREVER: Keep = Keep(None);

    /// Milliseconds; none for ever.
    #[must_use]
    pub fn millis(self) -> Option<i64> {
        self.0
            .map(|time| i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
    }
}

impl FromStr for Keep {
    type Err = String;

    fn from_str(text: &str) -> Result<Keep, String> {
        if text == "forever" {
            return Ok(Keep::FOREVER);
        }
        let time: schedule::Duration = text
            .parse()
            .map_err(|error| format!("{error}; or `forever`"))?;
        if time.as_millis() == 0 {
            return Err(
                "write a time of more than nothing, such as `90d`, or `forever`".to_owned(),
            );
        }
        Ok(Keep(Some(time)))
    }
}

/// What is kept, and for how long.
#[derive(Debug, Clone, Args, PartialEq, Eq)]
#[command(next_help_heading = "Retention")]
pub struct RetentionOptions {
    /// How long a run that is over is kept with its journal, such as 90d or forever
    #[arg(
        long,
        env = "JACKFIELD_RETENTION_RUNS",
        default_value = DEFAULT,
        value_name = "TIME"
    )]
    pub retention_runs: Keep,

    /// At most so many runs that are over are kept [default: any number]
    #[arg(long, env = "JACKFIELD_RETENTION_MAX_RUNS", value_name = "N")]
    pub retention_max_runs: Option<u64>,

    /// How long handled events are kept, and the reasons why something was not done
    #[arg(
        long,
        env = "JACKFIELD_RETENTION_HISTORY",
        default_value = DEFAULT,
        value_name = "TIME"
    )]
    pub retention_history: Keep,

    /// How long messages that are over are kept
    #[arg(
        long,
        env = "JACKFIELD_RETENTION_MESSAGES",
        default_value = "forever",
        value_name = "TIME"
    )]
    pub retention_messages: Keep,

    /// Writes each run with its journal into a file of this folder, a line of JSON, before it is
    /// removed
    #[arg(long, env = "JACKFIELD_ARCHIVE", value_name = "DIR")]
    pub archive: Option<PathBuf>,
}

impl Default for RetentionOptions {
    fn default() -> RetentionOptions {
        let usual = Keep(Some(schedule::Duration::from_millis(DEFAULT_MS)));
        RetentionOptions {
            retention_runs: usual,
            retention_max_runs: None,
            retention_history: usual,
            retention_messages: Keep::FOREVER,
            archive: None,
        }
    }
}

impl RetentionOptions {
    fn engine(&self) -> jackfield_engine::Retention {
        jackfield_engine::Retention {
            runs: self.retention_runs.millis(),
            max_runs: self.retention_max_runs,
            history: self.retention_history.millis(),
            archive: self.archive.clone(),
        }
    }

    fn messaging(&self) -> jackfield_messaging::Retention {
        jackfield_messaging::Retention {
            messages: self.retention_messages.millis(),
        }
    }

    /// The time between two sweeps.
    fn every(&self) -> Duration {
        [
            self.retention_runs,
            self.retention_history,
            self.retention_messages,
        ]
        .into_iter()
        .filter_map(Keep::millis)
        .min()
        .map_or(SELDOM, |shortest| {
            Duration::from_millis(shortest.unsigned_abs() / 10).clamp(OFTEN, SELDOM)
        })
    }
}

/// Sweeps until the host stops.
pub(crate) async fn keep(app: App, options: RetentionOptions) {
    let (engine, messaging) = (options.engine(), options.messaging());
    loop {
        tokio::select! {
            () = app.stopping.cancelled() => return,
            () = tokio::time::sleep(options.every()) => {}
        }
        match app.engine.prune(&engine).await {
            Ok(pruned) if pruned == jackfield_engine::Pruned::default() => {}
            Ok(pruned) => tracing::info!(
                runs = pruned.runs,
                events = pruned.events,
                decisions = pruned.decisions,
                "what was kept long enough was removed"
            ),
            Err(error) => tracing::warn!(%error, "what was kept long enough cannot be removed"),
        }
        match app.messaging.prune(&messaging).await {
            Ok(pruned) if pruned == jackfield_messaging::Pruned::default() => {}
            Ok(pruned) => tracing::info!(
                messages = pruned.messages,
                seen = pruned.seen,
                inbound = pruned.inbound,
                "what was kept long enough was removed"
            ),
            Err(error) => tracing::warn!(%error, "old messages cannot be removed"),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_time_or_forever_is_kept_and_nothing_else() {
        assert_eq!("forever".parse(), Ok(Keep::FOREVER));
        assert_eq!(
            "90d".parse(),
            Ok(RetentionOptions::default().retention_runs)
        );
        for wrong in ["", "0s", "90", "never", "-1d"] {
            let said = wrong.parse::<Keep>().unwrap_err();
            assert!(said.contains("forever"), "{wrong}: {said}");
        }
    }

    #[test]
    fn a_sweep_comes_a_tenth_of_the_shortest_time_after_the_last() {
        let every = |text: &str| {
            RetentionOptions {
                retention_runs: text.parse().unwrap(),
                ..RetentionOptions::default()
            }
            .every()
        };
        assert_eq!(every("90d"), SELDOM);
        assert_eq!(every("1m"), Duration::from_secs(6));
        assert_eq!(every("2s"), OFTEN);
    }
}
