//! The engine: what its parts share, and the handle that the layers above hold.
//!
//! Life of it: `Engine::new`, then `attach` the domain (which itself needs the handle), then
//! `start`, which takes up what the buckets of this host hold (`hosts.rs`). `stop` lets bursts
//! reach their next commit.
//!
//! What must hold: rows of a bucket that are read and then written are so under the bucket's lock,
//! within one tenure; a run is driven by one task at a time; nothing is acknowledged before it is
//! committed.

use crate::clock::SharedClock;
use crate::domain::Domain;
use crate::hosts;
use crate::parcels::Parcels;
use crate::plugins::{Plugins, Publishers, UNFINISHED};
use crate::room::{Busy, Room, RoomOptions};
use crate::runs::Runs;
use crate::tenure::{Elsewhere, Tenure, Tenures};
use crate::timers::Timers;
use crate::workflows::Workflows;
use jackfield_egress::Egress;
use jackfield_sandbox::Sandbox;
use jackfield_store::records::Run;
use jackfield_store::{
    Change, Commit, CommitError, HostInfo, Is, Query, ReadError, SharedStore, StoreExt,
};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use tokio::sync::mpsc::UnboundedReceiver;
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
    /// How much is done at once.
    pub room: RoomOptions,
    /// Whose plugins are trusted.
    pub publishers: Publishers,
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
    pub tenures: Tenures,
    pub parcels: Parcels,
    pub room: Room,
    changes: Mutex<Option<UnboundedReceiver<Change>>>,
    on_control: Mutex<Vec<Box<dyn Fn() + Send>>>,
    domain: OnceLock<Arc<dyn Domain>>,
    locks: Vec<Arc<tokio::sync::Mutex<()>>>,
    running: Mutex<HashMap<String, Driver>>,
    generation: AtomicU64,
    watched: Mutex<HashMap<String, watch::Sender<u64>>>,
}

/// The task that drives a run.
struct Driver {
    generation: u64,
    cancel: CancellationToken,
}

/// The lock of a bucket. Whoever reads and then writes rows of the bucket holds it.
pub struct BucketLock {
    tenure: Arc<Tenure>,
    _guard: OwnedMutexGuard<()>,
}

impl BucketLock {
    /// Which bucket.
    #[must_use]
    pub fn bucket(&self) -> i32 {
        self.tenure.bucket
    }

    /// The tenure in which it was taken.
    pub(crate) fn tenure(&self) -> &Arc<Tenure> {
        &self.tenure
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
            room,
            publishers,
        } = options;
        let plugins = Arc::new(Plugins::new(store.clone(), sandbox, publishers));
        let buckets = usize::try_from(store.buckets()).unwrap_or(1);
        Engine {
            core: Arc::new(Core {
                workflows: Workflows::new(store.clone(), plugins.clone()),
                timers: Timers::default(),
                tasks: TaskTracker::new(),
                stopping: CancellationToken::new(),
                tenures: Tenures::default(),
                parcels: Parcels::default(),
                room: Room::new(room),
                changes: Mutex::new(Some(store.changes())),
                on_control: Mutex::default(),
                domain: OnceLock::new(),
                locks: (0..buckets).map(|_| Arc::default()).collect(),
                running: Mutex::default(),
                generation: AtomicU64::new(0),
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

    /// Takes up what is in the database and begins to work. Called once.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn start(&self) -> Result<(), ReadError> {
        let core = &self.core;
        let changes = core
            .changes
            .lock()
            .map_or(None, |mut changes| changes.take());
        core.tasks.spawn(crate::timers::run(core.clone()));
        self.employ_parking();
        self.employ_schedules();
        if let Some(mut changes) = changes {
            core.store.join();
            hosts::start(core, &mut changes).await?;
            core.tasks.spawn(hosts::run(core.clone(), changes));
            core.tasks.spawn(crate::schedules::run(core.clone()));
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
    ///
    /// # Errors
    /// When the bucket is another host's: `ask` has it done there.
    pub async fn lock(&self, bucket: i32) -> Result<BucketLock, Elsewhere> {
        self.core.lock(bucket).await
    }

    /// A bucket for what belongs to none by itself: one of this host's, so that it is done here.
    #[must_use]
    pub fn any_bucket(&self) -> i32 {
        self.core.any_bucket()
    }

    /// Whether a bucket is this host's now.
    #[must_use]
    pub fn owns(&self, bucket: i32) -> bool {
        self.core.tenures.of(bucket).is_ok()
    }

    /// How many buckets are this host's.
    #[must_use]
    pub fn owned(&self) -> usize {
        self.core.tenures.len()
    }

    /// The living hosts of the database.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn hosts(&self) -> Result<Vec<HostInfo>, ReadError> {
        self.core.store.hosts().await
    }

    /// Calls `forget` whenever another host has changed control records.
    pub fn on_control_change(&self, forget: impl Fn() + Send + 'static) {
        if let Ok(mut all) = self.core.on_control.lock() {
            all.push(Box::new(forget));
        }
    }

    /// Commits the domain's own writes, under the lock.
    ///
    /// # Errors
    /// As of the store.
    pub async fn commit(&self, lock: &BucketLock, commit: Commit) -> Result<(), CommitError> {
        debug_assert!(commit.bucket.is_none_or(|bucket| bucket == lock.bucket()));
        self.core.store.commit(lock.tenure.fence(commit)).await
    }

    /// Takes a timer of the domain: `Domain::due` is called with the id, not before `due`.
    /// The timer's row is the caller's to write; this hastens it.
    pub fn schedule(&self, id: &str, due: i64) {
        self.core.timers.schedule(id, due);
    }

    /// Forgets what is loaded of plugins after a grant, a revocation or a removal.
    pub fn plugins_changed(&self) {
        self.core.workflows.forget_all();
    }

    /// How many runs are in a burst now.
    #[must_use]
    pub fn bursts(&self) -> usize {
        self.core.running.lock().map_or(0, |running| running.len())
    }

    /// How many runs wait for room to be driven, and at how many new work begins to be refused.
    #[must_use]
    pub fn in_line(&self) -> (usize, usize) {
        (self.core.room.waiting(), self.core.room.most_in_line())
    }

    /// Whether new work of this workspace, and of a workflow of it, is taken at the moment. What
    /// does not come from outside, or was accepted already, is not asked about.
    ///
    /// # Errors
    /// `Busy` when too many of its runs stand in line.
    pub fn admit(&self, workspace: &str, workflow: Option<&str>) -> Result<(), Busy> {
        self.core.room.admit(workspace, workflow)
    }

    /// The same for what a provider sends, which has room when callers of the API have none: not
    /// every provider sends again, and a reply or an opt-out is not to be lost.
    ///
    /// # Errors
    /// `Busy`.
    pub fn admit_inbound(&self, workspace: &str) -> Result<(), Busy> {
        self.core.room.admit_inbound(workspace)
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

    /// Another host has changed control records: the copies are forgotten.
    pub(crate) fn forget_control(&self) {
        // A grant may have been narrowed there, or a plugin removed.
        self.plugins.forget_all();
        self.workflows.forget_all();
        if let Ok(all) = self.on_control.lock() {
            for forget in all.iter() {
                forget();
            }
        }
    }

    /// Whether a run was last touched by an earlier life of the host, or by another host.
    pub(crate) fn is_from_before(&self, run: &Run) -> bool {
        self.tenures
            .of(run.bucket)
            .is_ok_and(|tenure| run.updated_at < tenure.since)
    }

    pub(crate) fn any_bucket(&self) -> i32 {
        let buckets = self.store.buckets().max(1);
        self.tenures
            .any()
            .unwrap_or_else(|| rand::random_range(0..buckets))
    }

    pub(crate) fn new_id(&self, kind: &str, bucket: i32) -> String {
        jackfield_store::new_id(kind, bucket, self.now())
    }

    pub(crate) async fn lock(&self, bucket: i32) -> Result<BucketLock, Elsewhere> {
        // Before the wait, so that nobody queues for what is another host's; and after it.
        self.tenures.of(bucket)?;
        let guard = self.raw_lock(bucket).await;
        let tenure = self.tenures.of(bucket)?;
        Ok(BucketLock {
            tenure,
            _guard: guard,
        })
    }

    /// The lock for those who hold a tenure already, over or not: their commits are fenced.
    pub(crate) async fn lock_in(&self, tenure: &Arc<Tenure>) -> BucketLock {
        BucketLock {
            _guard: self.raw_lock(tenure.bucket).await,
            tenure: tenure.clone(),
        }
    }

    pub(crate) async fn raw_lock(&self, bucket: i32) -> OwnedMutexGuard<()> {
        let place = usize::try_from(bucket).unwrap_or(0) % self.locks.len().max(1);
        self.locks[place].clone().lock_owned().await
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
