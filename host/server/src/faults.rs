//! A clock that can be put wrong, for tests of what a machine's clock may do.
//!
//! `JACKFIELD_CLOCK` names a file with a number of milliseconds, which may be negative: the host's
//! clock is so much ahead of the machine's, from the moment at which the file says so. What must
//! hold: the module is compiled with the feature `faults` alone, which no released program has.

use async_trait::async_trait;
use jackfield_engine::{Clock, SharedClock, SystemClock};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How long the host sleeps until it looks at the clock again.
const PIECE: Duration = Duration::from_millis(50);

/// The machine's clock, put wrong by what the file says.
struct PutWrong {
    file: PathBuf,
}

/// The host's clock: the machine's, or one that the environment puts wrong.
pub(crate) fn clock() -> SharedClock {
    match std::env::var_os("JACKFIELD_CLOCK") {
        Some(file) => Arc::new(PutWrong { file: file.into() }),
        None => Arc::new(SystemClock),
    }
}

#[async_trait]
impl Clock for PutWrong {
    fn now(&self) -> i64 {
        let text = std::fs::read_to_string(&self.file).unwrap_or_default();
        SystemClock.now() + text.trim().parse().unwrap_or(0)
    }

    async fn sleep_until(&self, instant: i64) {
        while self.now() < instant {
            tokio::time::sleep(PIECE).await;
        }
    }
}
