//! Parcels: work for the owner of a bucket, asked for by another host.
//!
//! Why: what touches a bucket is done by its owner alone, and a request may reach any host. The
//! host that got it puts a row into the bucket's tray; the owner does the work under its own locks
//! and writes the answer into the row; the asking host reads it and takes the row away. A notice
//! makes this a matter of milliseconds; without any, both sides look again by themselves. The
//! database is the only road between hosts, so there is nothing else to configure or to secure.
//!
//! What must hold: a parcel that was put into the tray is not lost when a host dies: the bucket's
//! next owner does it. So the work must bear being done twice, and what is not acknowledged before
//! the answer is there may be asked again. Nobody asks while holding a lock.

use crate::engine::{Core, Engine};
use async_trait::async_trait;
use jackfield_sandbox::{Account, Shares};
use jackfield_store::records::Parcel;
use jackfield_store::{Commit, CommitError, Is, Notice, Query, ReadError, StoreExt};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

/// How many parcels are worked on at the same time; whoever sends many leaves room for others.
const TOGETHER: usize = 256;
/// How many parcels are read at a time.
const PAGE: i64 = 500;
/// Answers that nobody took away (the host that asked died) go after so many milliseconds.
const FORGOTTEN: i64 = 300_000;
/// The first pause before the asking host looks by itself, and the longest.
const LOOK: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(1)];

/// Does the work of parcels of one kind.
#[async_trait]
pub trait Worker: Send + Sync + 'static {
    /// Does it, and says what came of it. None when the bucket is no longer this host's: its next
    /// owner does it then. Done twice, it must be as good as once.
    async fn work(&self, body: Value) -> Option<Value>;

    /// On whose behalf it is.
    fn account(&self, _body: &Value) -> Account {
        Account::default()
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The bucket has no owner that answers. The work may still be done.
    #[error("the host that owns bucket {bucket} does not answer; try again in a few seconds")]
    NoAnswer {
        /// Which bucket.
        bucket: i32,
    },
    /// The database.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The database.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

/// Parcels on their way.
pub(crate) struct Parcels {
    workers: Mutex<HashMap<&'static str, Arc<dyn Worker>>>,
    /// What this host works on.
    under_way: Mutex<HashSet<String>>,
    /// What this host asks for.
    asked: Mutex<HashMap<String, oneshot::Sender<()>>>,
    places: Arc<Shares>,
}

impl Default for Parcels {
    fn default() -> Parcels {
        Parcels {
            workers: Mutex::default(),
            under_way: Mutex::default(),
            asked: Mutex::default(),
            places: Shares::places(TOGETHER),
        }
    }
}

fn held<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Engine {
    /// Has parcels of this kind done by `worker`, here, when this host owns their bucket.
    pub fn employ(&self, kind: &'static str, worker: Arc<dyn Worker>) {
        held(&self.core.parcels.workers).insert(kind, worker);
    }

    /// Has the owner of a bucket do something, and waits for its answer, at most so long.
    ///
    /// # Errors
    /// `NoAnswer` after that time; the database's own.
    pub async fn ask(
        &self,
        bucket: i32,
        kind: &str,
        body: Value,
        patience: Duration,
    ) -> Result<Value, AskError> {
        let core = &self.core;
        let parcel = Parcel {
            bucket,
            id: core.new_id("par", bucket),
            sender: core.store.host().to_owned(),
            kind: kind.to_owned(),
            body,
            answer: Value::Null,
            at: core.now(),
        };
        let (told, mut heard) = oneshot::channel();
        held(&core.parcels.asked).insert(parcel.id.clone(), told);
        let _asked = Asked {
            core,
            id: &parcel.id,
        };
        let mut commit = Commit::of(bucket);
        commit.insert(&parcel);
        commit.notices.push(Notice::Owner);
        core.store.commit(commit).await?;
        metrics::counter!("jackfield_parcels_asked_total").increment(1);
        if core.tenures.of(bucket).is_ok() {
            // Taken over since the caller looked.
            look(core, &[bucket]).await;
        }
        let end = tokio::time::Instant::now() + patience;
        let mut pause = LOOK[0];
        let mut told = false;
        loop {
            tokio::select! {
                heard = &mut heard, if !told => told = heard.is_ok(),
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(LOOK[1]),
            }
            if let Some(answer) = answer(core, &parcel).await? {
                let (core, id) = (core.clone(), parcel.id.clone());
                tokio::spawn(async move { take_away(&core, bucket, &id).await });
                return Ok(answer);
            }
            if tokio::time::Instant::now() >= end {
                return Err(AskError::NoAnswer { bucket });
            }
        }
    }
}

/// Forgets that somebody waits, however the wait ends.
struct Asked<'a> {
    core: &'a Core,
    id: &'a str,
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        held(&self.core.parcels.asked).remove(self.id);
    }
}

async fn answer(core: &Core, parcel: &Parcel) -> Result<Option<Value>, ReadError> {
    let query = Query::<Parcel>::of(parcel.bucket).equal("id", parcel.id.as_str());
    let row = core.store.first(query).await?;
    Ok(row.map(|row| row.answer).filter(|answer| !answer.is_null()))
}

async fn take_away(core: &Core, bucket: i32, id: &str) {
    let mut commit = Commit::of(bucket);
    commit.delete::<Parcel>([id.into()]);
    if let Err(error) = core.store.commit(commit).await {
        tracing::debug!(parcel = id, %error, "an answered parcel stays a while");
    }
}

/// A notice has come: the parcel of this id is answered.
pub(crate) fn answered(core: &Core, id: &str) {
    if let Some(told) = held(&core.parcels.asked).remove(id) {
        let _ = told.send(());
    }
}

/// Looks into the trays of buckets of ours and starts what lies there, in the order put there.
pub(crate) async fn look(core: &Arc<Core>, buckets: &[i32]) {
    let open = Query::<Parcel>::all()
        .filter("bucket", Is::In, buckets)
        .equal("answer", Value::Null)
        .ascending("id")
        .limit(PAGE);
    match core.store.find(open).await {
        Ok(parcels) => {
            for parcel in parcels {
                start(core, parcel);
            }
        }
        // The next tick looks again.
        Err(error) => tracing::warn!(?buckets, %error, "trays cannot be read"),
    }
    if let Err(error) = sweep(core, buckets).await {
        tracing::debug!(?buckets, %error, "old answers stay a while");
    }
}

async fn sweep(core: &Core, buckets: &[i32]) -> Result<(), AskError> {
    let old = Query::<Parcel>::all()
        .filter("bucket", Is::In, buckets)
        .filter("at", Is::Less, core.now() - FORGOTTEN)
        .filter("answer", Is::NotEqual, Value::Null)
        .limit(PAGE);
    let mut commits = BTreeMap::new();
    for parcel in core.store.find(old).await? {
        let commit = commits.entry(parcel.bucket);
        let commit = commit.or_insert_with(|| Commit::of(parcel.bucket));
        commit.delete::<Parcel>([parcel.id.into()]);
    }
    for commit in commits.into_values() {
        core.store.commit(commit).await?;
    }
    Ok(())
}

fn start(core: &Arc<Core>, parcel: Parcel) {
    if core.stopping.is_cancelled() || !held(&core.parcels.under_way).insert(parcel.id.clone()) {
        return;
    }
    let core = core.clone();
    let tasks = core.tasks.clone();
    tasks.spawn(async move {
        let id = parcel.id.clone();
        work(&core, parcel).await;
        held(&core.parcels.under_way).remove(&id);
    });
}

async fn work(core: &Core, mut parcel: Parcel) {
    let worker = held(&core.parcels.workers)
        .get(parcel.kind.as_str())
        .cloned();
    let Some(worker) = worker else {
        tracing::warn!(
            parcel = parcel.id,
            kind = parcel.kind,
            "nobody here does this work"
        );
        return;
    };
    let account = worker.account(&parcel.body);
    let _place = core.parcels.places.take(&account).await;
    // Between reading the tray and now it may have been answered, by an earlier look or host.
    if !matches!(is_open(core, &parcel).await, Ok(true)) {
        return;
    }
    let Some(answer) = worker.work(parcel.body.take()).await else {
        return;
    };
    metrics::counter!("jackfield_parcels_done_total").increment(1);
    let (id, sender) = (parcel.id.clone(), parcel.sender.clone());
    parcel.answer = answer;
    let mut commit = Commit::of(parcel.bucket);
    commit.put(&parcel);
    commit.notices.push(Notice::Host {
        host: sender,
        text: format!("parcel {id}"),
    });
    match core.store.commit(commit).await {
        // The asking host may be this one by now.
        Ok(()) => answered(core, &id),
        Err(error) => tracing::warn!(parcel = id, %error, "an answer could not be written"),
    }
}

async fn is_open(core: &Core, parcel: &Parcel) -> Result<bool, ReadError> {
    let query = Query::<Parcel>::of(parcel.bucket).equal("id", parcel.id.as_str());
    let row = core.store.first(query).await?;
    Ok(row.is_some_and(|row| row.answer.is_null()))
}
