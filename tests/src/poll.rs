//! Waiting for what others do.

use std::time::{Duration, Instant};

/// How long something may take before a test gives up. Generous: machines of tests are slow and
/// shared, and waiting ends as soon as the thing is there.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// The time between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// Looks until there is something to see, and gives that.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(began.elapsed() < PATIENCE, "waited {PATIENCE:?} for {what}");
        tokio::time::sleep(PAUSE).await;
    }
}
