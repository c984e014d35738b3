//! This host among the others: its lease, the buckets that it takes, gives back and loses.
//!
//! One task looks three times in each lease, and at once when another host says that something has
//! changed: it renews the lease, reads who lives and who owns what, and moves towards its even share
//! (`spread.rs`). Buckets are taken one by one, each by compare-and-set on owner and epoch; a host
//! with too many asks the engine to drain some (`Change::Leaving`) and frees each when it is handed
//! back. The rules: `DESIGN`, "Hosts", and `rows.rs` for the statements.
//!
//! What must hold: safety rests on the epochs alone, the lease only says who lives. A host whose own
//! clock says that its lease has lapsed forgets every bucket before it does anything else, and
//! begins anew as if it had just started. Nothing here is needed for a commit to be right.

use super::link::{Link, within};
use super::open::limited;
use super::rows::{self, Seen};
use super::shared::Shared;
use super::spread;
use super::{OpenError, notes};
use crate::store::{Change, ReadError};
use sqlx::postgres::PgConnectOptions;
use sqlx::{Error, PgConnection};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// Several notes of other hosts in so short a time are one reason to look.
const GATHER: Duration = Duration::from_millis(20);
/// How long a look may take while there is no lease to keep.
const UNHURRIED: Duration = Duration::from_secs(10);
/// A statement may take so long, or a third of the lease if that is longer.
const STATEMENT: Duration = Duration::from_secs(1);
/// Commands that wait at most.
const COMMANDS: usize = 1_024;

pub(super) enum Command {
    Release(i32, oneshot::Sender<Result<(), ReadError>>),
    Close(oneshot::Sender<()>),
}

/// The task and what it knows from one look to the next.
pub(super) struct Manager {
    link: Link,
    shared: Arc<Shared>,
    lease: Duration,
    /// The epoch of this host's own row; a new one each time it begins anew.
    epoch: i64,
    registered: bool,
    renewed: Instant,
    /// The engine is draining these.
    leaving: BTreeSet<i32>,
    /// Handed back here, and not yet in the database: each with its epoch.
    giving: BTreeMap<i32, i64>,
    /// The last look left buckets to be taken, because the lease had to be renewed.
    hurried: bool,
}

impl Manager {
    /// Registers this host, takes its share of what is free, and goes on in a task.
    pub(super) async fn start(
        options: &PgConnectOptions,
        shared: Arc<Shared>,
        lease: Duration,
    ) -> Result<(mpsc::Sender<Command>, JoinHandle<()>), OpenError> {
        // A row that another holds locked is waited for briefly: there are others to take.
        let statement = format!("{}ms", STATEMENT.max(lease / 3).as_millis());
        // Nothing here need be durable when it is answered: a commit that rests on a bucket's new
        // owner is, and with it all that was written before. What a crash undoes is done again.
        let options =
            limited(options.clone(), &statement, "200ms").options([("synchronous_commit", "off")]);
        let mut manager = Manager {
            link: Link::new(options),
            shared,
            lease,
            epoch: 0,
            registered: false,
            renewed: Instant::now(),
            leaving: BTreeSet::new(),
            giving: BTreeMap::new(),
            hurried: false,
        };
        manager.look().await?;
        // The rest of its share, if that takes longer; a slow server's comes later, by the task.
        while manager.hurried && manager.look().await.is_ok() {}
        let (sender, commands) = mpsc::channel(COMMANDS);
        Ok((sender, tokio::spawn(manager.run(commands))))
    }

    async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        let shared = self.shared.clone();
        let mut next = Instant::now() + self.lease / 3;
        loop {
            // When the lease lapses, that must be seen at once.
            let left = shared.ownership.lease_left();
            let at = left.map_or(next, |left| next.min(Instant::now() + left));
            tokio::select! {
                command = commands.recv() => match command {
                    Some(Command::Release(bucket, done)) => {
                        if self.release(bucket, done, &mut commands).await {
                            return;
                        }
                        continue;
                    }
                    Some(Command::Close(done)) => {
                        self.leave().await;
                        let _ = done.send(());
                        return;
                    }
                    None => return,
                },
                () = shared.look.notified() => tokio::time::sleep(GATHER).await,
                () = tokio::time::sleep_until(at.into()) => {}
            }
            next = Instant::now() + self.lease / 3;
            if let Err(error) = self.look().await {
                tracing::warn!(%error, "this host's lease could not be renewed, or its share not be seen");
                self.link.cut();
                // Sooner than usual: there must be time for more than one attempt.
                next = Instant::now() + self.lease / 10;
            } else if self.hurried {
                next = Instant::now();
            }
        }
    }

    /// One look, whole. It ends in time for the next renewal, however slow the database is.
    async fn look(&mut self) -> Result<(), Error> {
        if !self.shared.joined.load(Ordering::Acquire) {
            return Ok(());
        }
        if self.registered && self.shared.ownership.lease_left().is_none() {
            let lost = self.shared.ownership.drop_all();
            tracing::error!(lost, "this host's lease has lapsed: it begins anew");
            self.registered = false;
            self.leaving.clear();
            self.giving.clear();
        }
        self.hurried = false;
        // Whoever owns nothing has time.
        let left = self.shared.ownership.lease_left();
        within(left.unwrap_or(UNHURRIED), async {
            self.renew().await?;
            self.free().await?;
            let seen = rows::see(self.link.get().await?).await?;
            self.compare(&seen);
            self.share(seen).await?;
            self.hints().await
        })
        .await
    }

    /// Says that this host lives. Its own clock counts from before that was said.
    async fn renew(&mut self) -> Result<(), Error> {
        let begun = Instant::now();
        let patience = self.lease / 3;
        let shared = self.shared.clone();
        let connection = self.link.get().await?;
        if self.registered {
            let renewed = rows::renew(connection, &shared.host, self.epoch, self.lease);
            if within(patience, renewed).await? {
                self.renewed(begun);
                return Ok(());
            }
            // Another host saw this lease lapsed and has removed the row.
            let lost = shared.ownership.drop_all();
            tracing::error!(lost, "other hosts hold this one for dead: it begins anew");
            self.registered = false;
            self.leaving.clear();
            self.giving.clear();
        }
        self.epoch += 1;
        rows::register(connection, &shared.host, self.epoch, self.lease).await?;
        if shared.notify {
            notes::send(connection, &shared.host, &[notes::Note::hosts()]).await?;
        }
        self.registered = true;
        self.renewed(begun);
        Ok(())
    }

    fn renewed(&mut self, begun: Instant) {
        self.renewed = begun;
        // The margin is for clocks that run at different speeds and for a commit on its way.
        self.shared
            .ownership
            .lease_until(begun + self.lease - self.lease / 6);
    }

    /// Frees in the database what was handed back here.
    async fn free(&mut self) -> Result<(), Error> {
        if self.giving.is_empty() {
            return Ok(());
        }
        let connection = self.link.get().await?;
        while let Some((&bucket, &epoch)) = self.giving.iter().next() {
            rows::free(connection, &self.shared.host, bucket, epoch).await?;
            self.giving.remove(&bucket);
        }
        if self.shared.notify {
            notes::send(connection, &self.shared.host, &[notes::Note::hosts()]).await?;
        }
        Ok(())
    }

    /// Forgets buckets that are another's by what stands in the database.
    fn compare(&mut self, seen: &Seen) {
        let ownership = &self.shared.ownership;
        for (bucket, epoch) in ownership.epochs() {
            let row = seen.buckets.get(&bucket);
            if row.is_none_or(|row| {
                row.owner.as_ref() != Some(&self.shared.host) || row.epoch != epoch
            }) {
                ownership.forget(bucket, epoch);
            }
        }
        self.leaving
            .retain(|bucket| ownership.epoch(*bucket).is_some());
    }

    /// Takes what is lacking, or asks for what is too much to be drained.
    async fn share(&mut self, mut seen: Seen) -> Result<(), Error> {
        let connection = self.link.get().await?;
        rows::bury(connection, &mut seen).await?;
        let me = self.shared.host.clone();
        let owned = self.shared.ownership.epochs();
        let mut own: BTreeMap<String, usize> =
            seen.living.iter().map(|id| (id.clone(), 0)).collect();
        own.entry(me.clone()).or_default();
        self.shared.living.store(own.len(), Ordering::Relaxed);

        let mut free = Vec::new();
        for (bucket, row) in &seen.buckets {
            let mine = row.owner.as_ref() == Some(&me);
            match row.owner.as_ref().and_then(|owner| own.get_mut(owner)) {
                Some(count) if !mine || owned.contains_key(bucket) => *count += 1,
                // What this host owned before it began anew is as free as what nobody owns.
                _ if !self.giving.contains_key(bucket) => free.push(*bucket),
                _ => {}
            }
        }
        let target = spread::targets(&own, seen.buckets.len())
            .get(me.as_str())
            .copied()
            .unwrap_or_default();
        let have = own.get(&me).copied().unwrap_or_default();
        if have < target {
            spread::in_order_of(&me, &mut free);
            self.take(&seen, &free, target - have).await?;
        } else {
            self.ask(&owned, have - target);
        }
        if !self.hurried {
            self.disown(&seen);
        }
        Ok(())
    }

    /// Has those freed that are this host's by the database alone, from before it began anew, and
    /// that it does not need: the others count them as its own and would leave them alone.
    fn disown(&mut self, seen: &Seen) {
        let owned = self.shared.ownership.epochs();
        for (bucket, row) in &seen.buckets {
            let mine = row.owner.as_ref() == Some(&self.shared.host);
            if mine && !owned.contains_key(bucket) && !self.giving.contains_key(bucket) {
                self.giving.insert(*bucket, row.epoch);
                self.hurried = true;
            }
        }
    }

    /// Takes so many of the free buckets, as long as the next renewal is not due.
    async fn take(&mut self, seen: &Seen, free: &[i32], wanted: usize) -> Result<(), Error> {
        let me = self.shared.host.clone();
        let until = self.renewed + self.lease / 3;
        let connection = self.link.get().await?;
        let mut taken = 0;
        for bucket in free {
            if taken == wanted {
                break;
            }
            if Instant::now() > until {
                self.hurried = true;
                break;
            }
            let Some(row) = seen.buckets.get(bucket) else {
                continue;
            };
            if let Some(epoch) = take_one(connection, &me, *bucket, row).await? {
                self.shared.ownership.take(*bucket, epoch);
                taken += 1;
            }
        }
        if taken > 0 {
            tracing::info!(taken, "buckets were taken");
        }
        Ok(())
    }

    /// Has so many buckets drained in all, those that it would take last first.
    fn ask(&mut self, owned: &BTreeMap<i32, i64>, surplus: usize) {
        if surplus <= self.leaving.len() {
            return;
        }
        let mut buckets: Vec<i32> = owned
            .keys()
            .filter(|bucket| !self.leaving.contains(bucket))
            .copied()
            .collect();
        spread::in_order_of(&self.shared.host, &mut buckets);
        let more = surplus - self.leaving.len();
        for bucket in buckets.into_iter().rev().take(more) {
            self.leaving.insert(bucket);
            self.shared.tell(Change::Leaving(bucket));
        }
    }

    /// Looks for what other hosts have put here or changed, should their notes have been lost.
    async fn hints(&mut self) -> Result<(), Error> {
        let owned = self.shared.ownership.buckets();
        let connection = self.link.get().await?;
        let (revision, knocks) = rows::hints(connection, &owned).await?;
        self.shared.saw_revision(revision);
        for bucket in knocks {
            self.shared.tell(Change::Knock(bucket));
        }
        Ok(())
    }

    /// Hands back a bucket, and those whose commands wait behind it. Whether this host has left.
    async fn release(
        &mut self,
        bucket: i32,
        done: oneshot::Sender<Result<(), ReadError>>,
        commands: &mut mpsc::Receiver<Command>,
    ) -> bool {
        let mut waiting = vec![done];
        let mut close = None;
        self.hand_back(bucket);
        while let Ok(command) = commands.try_recv() {
            match command {
                Command::Release(bucket, done) => {
                    self.hand_back(bucket);
                    waiting.push(done);
                }
                Command::Close(done) => {
                    close = Some(done);
                    break;
                }
            }
        }
        let freed = within(self.lease / 3, self.free()).await;
        if let Err(error) = &freed {
            tracing::warn!(%error, "buckets that were handed back are freed later");
            self.link.cut();
        }
        for done in waiting {
            let unavailable = |error: &Error| ReadError::Unavailable(error.to_string());
            let _ = done.send(freed.as_ref().copied().map_err(unavailable));
        }
        let Some(done) = close else { return false };
        self.leave().await;
        let _ = done.send(());
        true
    }

    fn hand_back(&mut self, bucket: i32) {
        self.leaving.remove(&bucket);
        if let Some(epoch) = self.shared.ownership.give(bucket) {
            self.giving.insert(bucket, epoch);
        }
    }

    /// Gives everything back at once, so that nobody waits for the lease.
    async fn leave(&mut self) {
        let shared = self.shared.clone();
        for bucket in shared.ownership.epochs().into_keys() {
            shared.ownership.give(bucket);
        }
        let left = within(self.lease, async {
            let connection = self.link.get().await?;
            rows::leave(connection, &shared.host).await?;
            if shared.notify {
                notes::send(connection, &shared.host, &[notes::Note::hosts()]).await?;
            }
            Ok(())
        });
        if let Err(error) = left.await {
            tracing::warn!(%error, "this host's buckets stay its own until its lease lapses");
        }
        self.link.close().await;
    }
}

/// Takes one bucket unless another host was quicker, or holds it locked: then another look finds it.
async fn take_one(
    connection: &mut PgConnection,
    me: &str,
    bucket: i32,
    row: &rows::Bucket,
) -> Result<Option<i64>, Error> {
    match rows::take(connection, me, bucket, row).await {
        Err(error) if !super::errors::is_broken(&error) => {
            tracing::debug!(bucket, %error, "a free bucket could not be taken yet");
            Ok(None)
        }
        outcome => outcome,
    }
}
