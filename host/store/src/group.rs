//! Group commit: one writer, which merges the commits of many callers into one transaction.
//!
//! While one transaction is being made durable, the next batch gathers in the queue: nobody waits
//! for a timer, and the more callers there are the more commits share an fsync. The queue is
//! bounded in number and in bytes; beyond that callers wait.
//!
//! What must hold: commits of one bucket are applied in the order in which they were handed in; a
//! commit is answered `Ok` only after its transaction is durable; a commit that fails takes no other
//! with it; the writer outlives every error of the database.

use crate::commit::CommitError;
use crate::meter;
use crate::ownership::Ownership;
use crate::plan::{self, Act, Keys, Member, Plan};
use crate::table::Table;
use async_trait::async_trait;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};

/// Commits in one transaction at most. Beyond this a batch gains nothing and its callers wait.
const BATCH: usize = 512;
/// A batch of fewer always takes along what is there (`Loop::share`).
const FEW: usize = 8;
/// Bytes in one transaction at most (a single commit may be larger).
const BATCH_BYTES: usize = 8 << 20;
/// How long a batch gathers at most, once it has a commit.
const GATHERING: Duration = Duration::from_micros(500);
/// Commits that wait at most.
const QUEUE: usize = 4_096;
/// KiB that wait at most.
const QUEUE_KIB: u32 = 64 << 10;

/// What a database must be able to do for group commit.
#[async_trait]
pub(crate) trait Backend: Send + 'static {
    /// Applies a plan in one transaction and makes it durable. After an error nothing of it is
    /// left open, and but for `Unknown` nothing was written.
    async fn apply(&mut self, plan: &Plan) -> Result<(), Failure>;

    /// Which of these rows (a JSON array) are there already: their places in it.
    async fn present(&mut self, table: &'static Table, rows: &str) -> Result<Vec<usize>, Failure>;

    /// Whether a transaction touches one bucket at most: where each bucket lies on a node of its
    /// own, a transaction over several costs many times as much.
    fn one_bucket(&self) -> bool {
        false
    }

    /// Closes the connection.
    async fn close(&mut self);
}

/// Why a plan was not applied.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    /// These buckets belong to another host now.
    Fenced(Vec<i32>),
    /// A row that must be new is there already; which one is not known yet.
    Taken,
    /// One of the rows is wrong; which one is not known yet.
    Refused(String),
    /// May succeed later.
    Unavailable(String),
    /// Nobody knows whether it was written.
    Unknown(String),
}

/// A handle to the writer.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: Mutex<Option<mpsc::Sender<Waiting>>>,
    space: Arc<Semaphore>,
    ended: watch::Receiver<bool>,
}

struct Waiting {
    member: Member,
    since: Instant,
    answer: oneshot::Sender<Result<(), CommitError>>,
    space: OwnedSemaphorePermit,
}

impl Writer {
    /// Starts the writer on its own task.
    pub(crate) fn start<B: Backend>(backend: B, ownership: Arc<Ownership>) -> Writer {
        meter::describe();
        let (queue, waiting) = mpsc::channel(QUEUE);
        let (end, ended) = watch::channel(false);
        tokio::spawn(async move {
            Loop {
                backend,
                ownership,
                waiting,
                carried: VecDeque::new(),
                share: FEW,
            }
            .run()
            .await;
            let _ = end.send(true);
        });
        Writer {
            queue: Mutex::new(Some(queue)),
            space: Arc::new(Semaphore::new(QUEUE_KIB as usize)),
            ended,
        }
    }

    /// Hands in a member and waits until it is durable.
    pub(crate) async fn commit(&self, member: Member) -> Result<(), CommitError> {
        let since = Instant::now();
        let answer = self.hand_in(member, since).await;
        meter::answered(answer.as_ref(), since.elapsed());
        answer
    }

    async fn hand_in(&self, member: Member, since: Instant) -> Result<(), CommitError> {
        let closed = || CommitError::Unavailable("the store is closed".into());
        let queue = self
            .queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let queue = queue.ok_or_else(closed)?;
        let kib = u32::try_from(member.bytes() / 1_024 + 1)
            .unwrap_or(QUEUE_KIB)
            .min(QUEUE_KIB);
        // Without waiting where there is room, so that of two commits that one task starts the first
        // is the first: waiting may be suspended in between by the runtime's own fairness.
        let space = match self.space.clone().try_acquire_many_owned(kib) {
            Ok(space) => space,
            Err(_) => self
                .space
                .clone()
                .acquire_many_owned(kib)
                .await
                .map_err(|_| closed())?,
        };
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting {
            member,
            since,
            answer,
            space,
        };
        match queue.try_send(waiting) {
            Ok(()) => {}
            Err(TrySendError::Full(waiting)) => {
                queue.send(waiting).await.map_err(|_| closed())?;
            }
            Err(TrySendError::Closed(_)) => return Err(closed()),
        }
        drop(queue);
        // The writer answers everything that it has taken; if it is gone, so is the runtime.
        answered
            .await
            .unwrap_or_else(|_| Err(CommitError::Unknown("the writer has ended".into())))
    }

    /// Lets the writer finish what was handed in, and end.
    pub(crate) async fn close(&self) {
        self.queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let _ = self.ended.clone().wait_for(|ended| *ended).await;
    }
}

struct Loop<B> {
    backend: B,
    ownership: Arc<Ownership>,
    waiting: mpsc::Receiver<Waiting>,
    /// What did not go into the transaction before.
    carried: VecDeque<Waiting>,
    /// With so many a batch is large enough: half of those who commit at present. While these wait
    /// for the disk the others work on, and nobody's processor is idle; if all were in one
    /// transaction, all would wait, then all would work.
    share: usize,
}

impl<B: Backend> Loop<B> {
    async fn run(mut self) {
        loop {
            let batch = self.gather().await;
            if batch.is_empty() {
                break;
            }
            let commits = batch.len();
            self.apply(batch).await;
            let queued = self.waiting.len() + self.carried.len();
            self.share = (commits + queued).div_ceil(2).clamp(FEW, BATCH);
        }
        self.backend.close().await;
    }

    /// Waits for the first commit, then takes what is there, up to a share, and lets whoever is about
    /// to hand one in do so: on a busy host every other task that is ready goes first, as long as more
    /// commits come of it; on an idle one nobody is waited for.
    async fn gather(&mut self) -> Vec<Waiting> {
        let mut next = match self.carried.pop_front() {
            Some(carried) => Some(carried),
            None => self.waiting.recv().await,
        };
        let began = Instant::now();
        let mut batch = Vec::new();
        let mut bytes = 0;
        // How many there were when the others were last let go first.
        let mut before = 0;
        loop {
            if let Some(waiting) = next {
                bytes += waiting.member.bytes();
                batch.push(waiting);
                if batch.len() >= self.share || bytes >= BATCH_BYTES {
                    break;
                }
            } else if batch.len() == before || began.elapsed() > GATHERING {
                break;
            } else {
                before = batch.len();
                tokio::task::yield_now().await;
            }
            let carried = self.carried.pop_front();
            next = carried.or_else(|| self.waiting.try_recv().ok());
        }
        meter::queue(self.waiting.len() + self.carried.len());
        batch
    }

    /// Applies a batch; whoever fails is answered and taken out, and the others are tried again.
    async fn apply(&mut self, mut batch: Vec<Waiting>) {
        let mut looked = false;
        if self.backend.one_bucket() {
            batch = self.of_one_bucket(batch);
        }
        while !batch.is_empty() {
            let plan = Plan::of(batch.iter().map(|waiting| &waiting.member));
            for later in batch.drain(plan.members..).rev() {
                self.carried.push_front(later);
            }
            #[cfg(feature = "faults")]
            crate::faults::before_commit();
            let failure = match self.backend.apply(&plan).await {
                Ok(()) => {
                    #[cfg(feature = "faults")]
                    crate::faults::after_commit();
                    meter::batch(batch.len());
                    return batch.into_iter().for_each(|waiting| waiting.answer(Ok(())));
                }
                Err(failure) => failure,
            };
            batch = match failure {
                Failure::Fenced(buckets) => self.fenced(batch, &plan.fences, &buckets),
                Failure::Taken if !looked => {
                    looked = true;
                    match self.present(&batch).await {
                        Ok(present) => taken(batch, present),
                        Err(error) => return all(batch, &error),
                    }
                }
                Failure::Taken => return self.one_by_one(batch, "a row is there already").await,
                Failure::Refused(reason) => return self.one_by_one(batch, &reason).await,
                Failure::Unavailable(reason) => {
                    tracing::error!(reason, commits = batch.len(), "commits were not written");
                    return all(batch, &CommitError::Unavailable(reason));
                }
                Failure::Unknown(reason) => {
                    tracing::error!(
                        reason,
                        commits = batch.len(),
                        "commits have no known outcome"
                    );
                    return all(batch, &CommitError::Unknown(reason));
                }
            };
        }
    }

    /// Those of the first one's bucket; the others are carried, in their order.
    fn of_one_bucket(&mut self, batch: Vec<Waiting>) -> Vec<Waiting> {
        let bucket = batch.first().and_then(|waiting| waiting.member.bucket);
        let (batch, others): (Vec<_>, Vec<_>) = batch
            .into_iter()
            .partition(|waiting| waiting.member.bucket == bucket);
        for other in others.into_iter().rev() {
            self.carried.push_front(other);
        }
        batch
    }

    /// Each in its own transaction, so that only the wrong one fails.
    async fn one_by_one(&mut self, batch: Vec<Waiting>, reason: &str) {
        if batch.len() == 1 {
            tracing::error!(reason, "a commit was refused");
            return all(batch, &CommitError::Invalid(reason.to_owned()));
        }
        for waiting in batch {
            Box::pin(self.apply(vec![waiting])).await;
        }
    }

    fn fenced(
        &self,
        batch: Vec<Waiting>,
        fences: &BTreeMap<i32, i64>,
        buckets: &[i32],
    ) -> Vec<Waiting> {
        for bucket in buckets {
            if let Some(epoch) = fences.get(bucket) {
                self.ownership.forget(*bucket, *epoch);
            }
        }
        let mut rest = Vec::with_capacity(batch.len());
        for waiting in batch {
            match waiting.member.fence {
                Some((bucket, _)) if buckets.contains(&bucket) => {
                    waiting.answer(Err(CommitError::Fenced { bucket }));
                }
                _ => rest.push(waiting),
            }
        }
        rest
    }

    /// Which of the rows that the batch inserts are there already.
    async fn present(&mut self, batch: &[Waiting]) -> Result<Keys, CommitError> {
        let mut inserts: BTreeMap<&str, (&'static Table, Vec<&str>, Vec<&str>)> = BTreeMap::new();
        for change in batch.iter().flat_map(|waiting| &waiting.member.changes) {
            if change.act == Act::Insert {
                let (_, keys, rows) = inserts
                    .entry(change.table.name)
                    .or_insert_with(|| (change.table, Vec::new(), Vec::new()));
                keys.push(&change.key);
                rows.push(&change.row);
            }
        }
        let mut present = Keys::new();
        for (table, keys, rows) in inserts.into_values() {
            let rows = format!("[{}]", rows.join(","));
            let places = self
                .backend
                .present(table, &rows)
                .await
                .map_err(|failure| {
                    CommitError::Unavailable(format!("keys cannot be looked up: {failure:?}"))
                })?;
            let there = places.into_iter().filter_map(|place| keys.get(place));
            present.insert(table.name, there.map(|key| (*key).to_owned()).collect());
        }
        Ok(present)
    }
}

/// Answers those whose row is there already; the others are left.
fn taken(batch: Vec<Waiting>, present: Keys) -> Vec<Waiting> {
    let refused = plan::refused(batch.iter().map(|waiting| &waiting.member), present);
    let mut rest = Vec::with_capacity(batch.len());
    for (waiting, refused) in batch.into_iter().zip(refused) {
        match refused {
            Some(table) => waiting.answer(Err(CommitError::Exists { table })),
            None => rest.push(waiting),
        }
    }
    rest
}

fn all(batch: Vec<Waiting>, error: &CommitError) {
    for waiting in batch {
        waiting.answer(Err(error.clone()));
    }
}

impl Waiting {
    fn answer(self, answer: Result<(), CommitError>) {
        tracing::trace!(time = ?self.since.elapsed(), ?answer, "commit");
        drop(self.space);
        // A caller that has gone away does not need the answer.
        let _ = self.answer.send(answer);
    }
}
