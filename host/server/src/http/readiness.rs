//! Whether the host can do its work, looked at seldom: anybody may ask.
//!
//! Not ready (503) is a host to which nothing should be sent: its database takes no writes, its disk
//! is nearly full, it owns nothing, it stops. A host that has as much work as it takes is not such a
//! host: it serves whoever asks little, and refuses the others one by one (`admission`). If it said
//! that it is not ready, a load balancer would leave its load to the other hosts, and then take them
//! out in their turn. It says that it refuses, beside.

use super::app::App;
use super::routes::Check;
use crate::options::Options;
use jackfield_store::Commit;
use jackfield_store::records::Seen;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// A finding is given out for so long, so that asking often does not write often.
const FRESH: Duration = Duration::from_secs(2);

/// What to do when the database takes no writes.
const ADVICE: &str = "look at the database and its disk: `jackfield doctor` says more";

/// The database must take a write within this time.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is looked at, and the last finding.
pub struct Readiness {
    /// The folder of the database, where it is on this machine.
    disk: Option<PathBuf>,
    /// Bytes that must be free there.
    reserve: u64,
    last: Mutex<Option<(Instant, Vec<Check>)>>,
}

impl Readiness {
    /// Looks at what these options name.
    #[must_use]
    pub fn new(options: &Options) -> Readiness {
        let embedded = options.database.database.is_none();
        Readiness {
            disk: embedded.then(|| options.data.clone()),
            reserve: options.load.disk_reserve,
            last: Mutex::default(),
        }
    }

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
        let mut checks = checks(app).await;
        checks.extend(self.disk());
        *last = Some((Instant::now(), checks.clone()));
        checks
    }

    #[cfg(unix)]
    fn disk(&self) -> Option<Check> {
        let path = self.disk.as_ref()?;
        let (ok, detail) = match rustix::fs::statvfs(path) {
            Err(error) => (
                false,
                format!("the data folder cannot be looked at ({error}); is its disk mounted?"),
            ),
            Ok(found) => {
                let free = found.f_bavail.saturating_mul(found.f_frsize);
                let short = free < self.reserve;
                let advice = if short {
                    "; make room, keep less (--retention-runs), or lower --disk-reserve"
                } else {
                    ""
                };
                (
                    !short,
                    format!("{free} bytes are free, {} must be{advice}", self.reserve),
                )
            }
        };
        Some(Check {
            name: "disk",
            ok,
            detail,
        })
    }

    #[cfg(not(unix))]
    fn disk(&self) -> Option<Check> {
        None
    }
}

/// Whether all who ask are served; looked at afresh, for it costs nothing.
pub(crate) fn room(app: &App) -> Check {
    let (in_line, most_in_line) = app.engine.in_line();
    let (requests, most_requests) = app.admission.requests();
    let (bytes, most_bytes) = app.admission.body_bytes();
    let refuses = app.admission.refuses();
    let said = if refuses {
        "whoever asks too much was refused a moment ago, and told when to come again: "
    } else {
        ""
    };
    Check {
        name: "room",
        ok: !refuses,
        detail: format!(
            "{said}{in_line} of {most_in_line} runs in line, {requests} of {most_requests} \
             requests, {bytes} of {most_bytes} bytes of bodies"
        ),
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
            Ok(Err(error)) => (false, format!("{error}; {ADVICE}")),
            Err(_) => (
                false,
                format!("took no write within {} s; {ADVICE}", PATIENCE.as_secs()),
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
