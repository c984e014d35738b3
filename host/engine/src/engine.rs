//! The engine: what its parts share, and the handle that the layers above hold.
//!
//! Life of it: `Engine::new`, then `attach` the domain (which itself needs the handle), then
//! `start`, which takes up what an earlier life left: queued and running runs go on from their
//! last commit, timers are read from the database. `stop` lets bursts reach their next commit.
//!
//! What must hold: rows of a bucket that are read and then written are so under the bucket's lock;
//! a run is driven by one task at a time; nothing is acknowledged before it is committed.

use crate::clock::SharedClock;
use crate::domain::Domain;
use crate::plugins::{Plugins, UNFINISHED};
use crate::run::drive;
use crate::runs::Runs;
use crate::timers::Timers;
use crate::workflows::Workflows;
use jackfield_egress::Egress;
use jackfield_sandbox::Sandbox;
use jackfield_store::records::Run;
use jackfield_store::{Commit, CommitError, Is, Query, ReadError, SharedStore, StoreExt};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use tokio::sync::{OwnedMutexGuard, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What an engine is made of.
pub struct Options {
    /// The database.
    pub store: SharedStore,
    /// The time.
    pub clock: SharedClock,
    /// Where components run.
    pub sandbox: Sandbox,
    /// The way out.
    pub egress: Egress,
}

/// What the parts of an engine share.
pub(crate) struct Core {
    pub store: SharedStore,
    pub clock: SharedClock,
    pub egress: Egress,
    pub plugins: Arc<Plugins>,
    pub workflows: Workflows,
    pub timers: Timers,
    pub tasks: TaskTracker,
    pub stopping: CancellationToken,
    domain: OnceLock<Arc<dyn Domain>>,
    locks: Vec<Arc<tokio::sync::Mutex<()>>>,
    running: Mutex<HashMap<String, Driver>>,
    generation: AtomicU64,
    started_at: std::sync::atomic::AtomicI64,
    watched: Mutex<HashMap<String, watch::Sender<u64>>>,
}

/// The task that drives a run.
struct Driver {
    generation: u64,
    cancel: CancellationToken,
}

/// The lock of a bucket. Whoever reads and then writes rows of the bucket holds it.
pub struct BucketLock {
    bucket: i32,
    _guard: OwnedMutexGuard<()>,
}

impl BucketLock {
    /// Which bucket.
    #[must_use]
    pub fn bucket(&self) -> i32 {
        self.bucket
    }
}

/// A handle on the engine; cheap to clone.
#[derive(Clone)]
pub struct Engine {
    pub(crate) core: Arc<Core>,
}

impl Engine {
    /// An engine that does nothing yet.
    #[must_use]
    pub fn new(options: Options) -> Engine {
        let Options {
            store,
            clock,
            sandbox,
            egress,
        } = options;
        let plugins = Arc::new(Plugins::new(store.clone(), sandbox));
        let buckets = usize::try_from(store.buckets()).unwrap_or(1);
        Engine {
            core: Arc::new(Core {
                workflows: Workflows::new(store.clone(), plugins.clone()),
                timers: Timers::default(),
                tasks: TaskTracker::new(),
                stopping: CancellationToken::new(),
                domain: OnceLock::new(),
                locks: (0..buckets).map(|_| Arc::default()).collect(),
                running: Mutex::default(),
                generation: AtomicU64::new(0),
                started_at: std::sync::atomic::AtomicI64::new(i64::MIN),
                watched: Mutex::default(),
                store,
                clock,
                egress,
                plugins,
            }),
        }
    }

    /// Gives the engine the layer above it. The first one counts.
    pub fn attach(&self, domain: Arc<dyn Domain>) {
        let _ = self.core.domain.set(domain);
    }

    /// Takes up what is in the database and begins to work.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn start(&self) -> Result<(), ReadError> {
        let core = &self.core;
        core.started_at.store(core.now(), Ordering::Relaxed);
        core.tasks.spawn(crate::timers::run(core.clone()));
        for bucket in core.store.owned() {
            let query = Query::<Run>::of(bucket)
                .filter("state", Is::In, vec!["queued", "running"])
                .ascending("id");
            for run in core.store.find(query).await? {
                drive::spawn(core, run, true);
            }
        }
        Ok(())
    }

    /// Stops: no new bursts, those under way reach their next commit.
    pub async fn stop(&self) {
        self.core.stopping.cancel();
        self.core.tasks.close();
        self.core.tasks.wait().await;
    }

    /// The database.
    #[must_use]
    pub fn store(&self) -> &SharedStore {
        &self.core.store
    }

    /// The time.
    #[must_use]
    pub fn clock(&self) -> &SharedClock {
        &self.core.clock
    }

    /// The way out.
    #[must_use]
    pub fn egress(&self) -> &Egress {
        &self.core.egress
    }

    /// The installed plugins.
    #[must_use]
    pub fn plugins(&self) -> &Plugins {
        &self.core.plugins
    }

    /// The workflows.
    #[must_use]
    pub fn workflows(&self) -> &Workflows {
        &self.core.workflows
    }

    /// The runs.
    #[must_use]
    pub fn runs(&self) -> Runs {
        Runs::new(self.core.clone())
    }

    /// Which bucket these words belong to in this database.
    #[must_use]
    pub fn bucket_of(&self, words: &[&str]) -> i32 {
        jackfield_store::bucket_of(self.core.store.buckets(), words)
    }

    /// A new id of this kind in this bucket.
    #[must_use]
    pub fn new_id(&self, kind: &str, bucket: i32) -> String {
        self.core.new_id(kind, bucket)
    }

    /// The lock of a bucket.
    pub async fn lock(&self, bucket: i32) -> BucketLock {
        self.core.lock(bucket).await
    }

    /// Commits the domain's own writes, under the lock.
    ///
    /// # Errors
    /// As of the store.
    pub async fn commit(&self, lock: &BucketLock, commit: Commit) -> Result<(), CommitError> {
        debug_assert!(commit.bucket.is_none_or(|bucket| bucket == lock.bucket));
        self.core.store.commit(commit).await
    }

    /// Takes a timer of a message: `Domain::message_due` is called with the id, not before `due`.
    /// The timer's row is the caller's to write; this hastens it.
    pub fn schedule_message(&self, message: &str, due: i64) {
        self.core.timers.schedule(message, due);
    }

    /// Forgets what is loaded of plugins after a grant or a removal.
    pub fn plugins_changed(&self) {
        self.core.workflows.forget_plugins();
    }

    /// How many runs are in a burst now.
    #[must_use]
    pub fn bursts(&self) -> usize {
        self.core.running.lock().map_or(0, |running| running.len())
    }

    /// How many runs of a workspace are not over.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn unfinished(&self, workspace: &str) -> Result<i64, ReadError> {
        let query = Query::<Run>::all().equal("workspace", workspace).filter(
            "state",
            Is::In,
            UNFINISHED.to_vec(),
        );
        self.core.store.total(query).await
    }
}

impl Core {
    pub(crate) fn domain(&self) -> Option<&Arc<dyn Domain>> {
        self.domain.get()
    }

    pub(crate) fn now(&self) -> i64 {
        self.clock.now()
    }

    /// Whether something was last touched in an earlier life of the host.
    pub(crate) fn is_from_before(&self, updated_at: i64) -> bool {
        updated_at < self.started_at.load(Ordering::Relaxed)
    }

    pub(crate) fn new_id(&self, kind: &str, bucket: i32) -> String {
        jackfield_store::new_id(kind, bucket, self.now())
    }

    pub(crate) async fn lock(&self, bucket: i32) -> BucketLock {
        let place = usize::try_from(bucket).unwrap_or(0) % self.locks.len().max(1);
        BucketLock {
            bucket,
            _guard: self.locks[place].clone().lock_owned().await,
        }
    }

    /// Notes that a task drives this run. The latest counts.
    pub(crate) fn driving(&self, run: &str) -> (u64, CancellationToken) {
        let generation = self.generation.fetch_add(1, Ordering::Relaxed);
        let cancel = CancellationToken::new();
        if let Ok(mut running) = self.running.lock() {
            running.insert(
                run.to_owned(),
                Driver {
                    generation,
                    cancel: cancel.clone(),
                },
            );
        }
        (generation, cancel)
    }

    pub(crate) fn driven(&self, run: &str, generation: u64) {
        if let Ok(mut running) = self.running.lock()
            && running
                .get(run)
                .is_some_and(|driver| driver.generation == generation)
        {
            running.remove(run);
        }
    }

    /// Asks the task that drives a run to cancel it; false when none does.
    pub(crate) fn cancel_driver(&self, run: &str) -> bool {
        self.running.lock().is_ok_and(|running| {
            running
                .get(run)
                .map(|driver| driver.cancel.cancel())
                .is_some()
        })
    }

    /// Tells who watches that a run has moved.
    pub(crate) fn moved(&self, run: &str) {
        if let Ok(watched) = self.watched.lock()
            && let Some(sender) = watched.get(run)
        {
            sender.send_modify(|count| *count += 1);
        }
    }

    pub(crate) fn watch(&self, run: &str) -> watch::Receiver<u64> {
        let Ok(mut watched) = self.watched.lock() else {
            return watch::channel(0).1;
        };
        if watched.len() > 64 {
            watched.retain(|_, sender| sender.receiver_count() > 0);
        }
        watched
            .entry(run.to_owned())
            .or_insert_with(|| watch::channel(0).0)
            .subscribe()
    }
}
