//! Whether the host can do its work, looked at seldom: anybody may ask.

use super::app::App;
use super::routes::Check;
use jackfield_store::Commit;
use jackfield_store::records::Seen;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// A finding is given out for so long, so that asking often does not write often.
const FRESH: Duration = Duration::from_secs(2);

/// The database must take a write within this time.
const PATIENCE: Duration = Duration::from_secs(5);

/// The last finding.
#[derive(Default)]
pub struct Readiness {
    last: Mutex<Option<(Instant, Vec<Check>)>>,
}

impl Readiness {
    /// Looks, or gives out what was found a moment ago.
    pub(crate) async fn look(&self, app: &App) -> Vec<Check> {
        // Whoever asks meanwhile waits for the same finding.
        let mut last = self.last.lock().await;
        if let Some((at, checks)) = last.as_ref()
            && at.elapsed() < FRESH
            && !app.stopping.is_cancelled()
        {
            return checks.clone();
        }
        let checks = checks(app).await;
        *last = Some((Instant::now(), checks.clone()));
        checks
    }
}

async fn checks(app: &App) -> Vec<Check> {
    let stopping = app.stopping.is_cancelled();
    let store = app.engine.store();
    let owned = store.owned();
    let mut checks = vec![
        Check {
            name: "running",
            ok: !stopping,
            detail: if stopping {
                "stopping: what is under way comes to its end, nothing new is taken".to_owned()
            } else {
                "yes".to_owned()
            },
        },
        Check {
            name: "buckets",
            ok: !owned.is_empty(),
            detail: format!("{} of {} are this host's", owned.len(), store.buckets()),
        },
    ];
    if let Some(bucket) = owned.first() {
        let mut commit = Commit::of(*bucket);
        commit.put(&Seen {
            bucket: *bucket,
            workspace: String::new(),
            scope: "readyz".to_owned(),
            key: String::new(),
            at: app.now(),
        });
        let start = Instant::now();
        let (ok, detail) = match tokio::time::timeout(PATIENCE, store.commit(commit)).await {
            Ok(Ok(())) => (
                true,
                format!("takes writes ({} ms)", start.elapsed().as_millis()),
            ),
            Ok(Err(error)) => (false, error.to_string()),
            Err(_) => (
                false,
                format!("took no write within {} s", PATIENCE.as_secs()),
            ),
        };
        checks.push(Check {
            name: "store",
            ok,
            detail,
        });
    }
    checks
}
