//! What the parts of messaging share: the host, the options, the operator's key, and what is kept
//! in memory of rows that change seldom (settings, channels, descriptors).
//!
//! What is kept in memory is only ever a copy: writers change the database first and then forget
//! the copy.

use crate::blacklist::{self, Blacklist};
use crate::common::Made;
use crate::connectors::Connector;
use crate::error::{Error, Result};
use crate::host::{Guard, Host};
use crate::imports::job::AtWork;
use crate::options::Options;
use crate::outbox::Deliveries;
use crate::secret_key::SecretKey;
use crate::settings::Settings;
use crate::subscriptions::{self, Subscribed};
use crate::tasks::{self, Task};
use jackfield_egress::Secret;
use jackfield_store::records::{
    Calendar, Channel, Contact, ContactField, Plugin, Team, User, Workspace,
};
use jackfield_store::{Query, Record, SharedStore, StoreExt, bucket_in};
use serde_json::Value;
use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A small map of copies, each good for a while. Whoever reads the database to make a copy takes a
/// ticket first: a copy of what was read before a change is not kept after it.
pub(crate) struct Copies<K, V> {
    rows: Mutex<HashMap<K, (i64, V)>>,
    changes: AtomicU64,
}

/// More copies than this are thrown away together: a bound, not a working set.
const MOST_COPIES: usize = 10_000;

impl<K: Hash + Eq, V: Clone> Copies<K, V> {
    fn new() -> Self {
        Copies {
            rows: Mutex::new(HashMap::new()),
            changes: AtomicU64::new(0),
        }
    }

    pub(crate) fn get<Q>(&self, key: &Q, now: i64) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        rows.get(key)
            .filter(|(until, _)| *until > now)
            .map(|(_, value)| value.clone())
    }

    pub(crate) fn ticket(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    pub(crate) fn put(&self, key: impl Into<K>, value: V, until: i64, ticket: u64) {
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        if self.ticket() != ticket {
            return;
        }
        if rows.len() >= MOST_COPIES {
            rows.clear();
        }
        rows.insert(key.into(), (until, value));
    }

    /// Something was changed: copies made of what was read before are not kept either.
    pub(crate) fn forget(&self) {
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        self.changes.fetch_add(1, Ordering::AcqRel);
        rows.clear();
    }
}

/// Where a bucket's work is done.
pub(crate) enum Home {
    /// Here, under this lock.
    Here(Guard),
    /// At its owner, who answers this.
    There(Value),
}

/// Name of a secret: workspace, owner, name.
pub(crate) type SecretName = (String, String, String);

/// What the parts share.
pub(crate) struct Context {
    pub(crate) host: Arc<dyn Host>,
    pub(crate) options: Options,
    pub(crate) key: SecretKey,
    pub(crate) secrets: Copies<SecretName, Option<Secret>>,
    settings: Copies<String, Arc<Settings>>,
    channels: Copies<String, Arc<Vec<Channel>>>,
    homes: Copies<String, String>,
    fields: Copies<String, Arc<Vec<ContactField>>>,
    users: Copies<String, Arc<Vec<User>>>,
    teams: Copies<String, Arc<Vec<Team>>>,
    blacklists: Copies<String, Arc<Blacklist>>,
    calendars: Copies<String, Arc<Vec<Calendar>>>,
    pub(crate) commons: Copies<String, Made>,
    pub(crate) files: Copies<String, jackfield_engine::variables::Files>,
    pub(crate) snippets: Copies<String, jackfield_engine::variables::Snippets>,
    /// How many rows a table has, by its id.
    pub(crate) table_rows: Copies<String, Arc<AtomicI64>>,
    connectors: Copies<String, Arc<Connector>>,
    subscriptions: Copies<String, Arc<Vec<Subscribed>>>,
    order: AtomicI64,
    pub(crate) deliveries: Deliveries,
    pub(crate) imports: AtWork,
}

impl Context {
    pub(crate) fn new(host: Arc<dyn Host>, options: Options, key: SecretKey) -> Context {
        let order = AtomicI64::new(host.clock().now());
        Context {
            host,
            options,
            key,
            secrets: Copies::new(),
            settings: Copies::new(),
            channels: Copies::new(),
            homes: Copies::new(),
            fields: Copies::new(),
            users: Copies::new(),
            teams: Copies::new(),
            blacklists: Copies::new(),
            calendars: Copies::new(),
            commons: Copies::new(),
            files: Copies::new(),
            snippets: Copies::new(),
            table_rows: Copies::new(),
            connectors: Copies::new(),
            subscriptions: Copies::new(),
            order,
            deliveries: Deliveries::default(),
            imports: AtWork::default(),
        }
    }

    pub(crate) fn store(&self) -> &SharedStore {
        self.host.store()
    }

    pub(crate) fn now(&self) -> i64 {
        self.host.clock().now()
    }

    /// Until when a copy made now is good.
    pub(crate) fn copy_until(&self) -> i64 {
        self.now().saturating_add(self.options.cache)
    }

    /// Grows with each call: the order of messages that are put into the outbox in one
    /// millisecond. Starts at the time, so that it grows over restarts too.
    pub(crate) fn next_order(&self) -> i64 {
        self.order.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn bucket_of(&self, words: &[&str]) -> i32 {
        jackfield_store::bucket_of(self.store().buckets(), words)
    }

    pub(crate) fn new_id(&self, kind: &str, bucket: i32) -> String {
        jackfield_store::new_id(kind, bucket, self.now())
    }

    /// The lock of a bucket; `Elsewhere` when it is another host's.
    pub(crate) async fn lock(&self, bucket: i32) -> Result<Guard> {
        Ok(self.host.lock(bucket).await?)
    }

    /// The lock of a bucket, or what its owner answers to the task.
    pub(crate) async fn lock_or_ask(
        &self,
        bucket: i32,
        task: impl FnOnce() -> Task,
    ) -> Result<Home> {
        match self.host.lock(bucket).await {
            Ok(guard) => Ok(Home::Here(guard)),
            Err(_) => Ok(Home::There(self.ask(bucket, &task()).await?)),
        }
    }

    /// What the owner of a bucket answers to a task. Not while a lock is held.
    pub(crate) async fn ask(&self, bucket: i32, task: &Task) -> Result<Value> {
        let body =
            serde_json::to_value(task).map_err(|error| Error::unavailable(error.to_string()))?;
        tasks::read_answer(self.host.ask(bucket, body).await?)
    }

    /// One row by key columns.
    pub(crate) async fn row<R: Record>(
        &self,
        bucket: i32,
        key: &[(&'static str, &str)],
    ) -> Result<Option<R>> {
        let query = key
            .iter()
            .fold(Query::<R>::of(bucket), |query, (column, value)| {
                query.equal(column, *value)
            });
        Ok(self.store().first(query).await?)
    }

    /// The row of a contact; none of another workspace.
    pub(crate) async fn contact(&self, workspace: &str, id: &str) -> Result<Option<Contact>> {
        let Some(bucket) = bucket_in("ctc", id) else {
            return Ok(None);
        };
        let row: Option<Contact> = self.row(bucket, &[("id", id)]).await?;
        Ok(row.filter(|row| row.workspace == workspace))
    }

    pub(crate) async fn workspace(&self, id: &str) -> Result<Workspace> {
        let row = self
            .store()
            .first(Query::<Workspace>::all().equal("id", id))
            .await?;
        row.ok_or_else(|| Error::not_found("no-workspace", format!("there is no workspace `{id}`")))
    }

    pub(crate) async fn settings(&self, workspace: &str) -> Result<Arc<Settings>> {
        if let Some(found) = self.settings.get(workspace, self.now()) {
            return Ok(found);
        }
        let ticket = self.settings.ticket();
        let row = self
            .store()
            .first(Query::<Workspace>::all().equal("id", workspace))
            .await?;
        // A workspace that is not there, or settings of another version of Jackfield: the
        // defaults, so that messages still flow; writing settings checks them.
        let settings = row
            .map(|row| Settings::read(&row.settings))
            .unwrap_or_default();
        let settings = Arc::new(settings);
        self.settings
            .put(workspace, Arc::clone(&settings), self.copy_until(), ticket);
        Ok(settings)
    }

    pub(crate) async fn channels(&self, workspace: &str) -> Result<Arc<Vec<Channel>>> {
        if let Some(found) = self.channels.get(workspace, self.now()) {
            return Ok(found);
        }
        let ticket = self.channels.ticket();
        let query = Query::<Channel>::all()
            .equal("workspace", workspace)
            .ascending("name");
        let rows = Arc::new(self.store().find(query).await?);
        self.channels
            .put(workspace, Arc::clone(&rows), self.copy_until(), ticket);
        Ok(rows)
    }

    /// A channel by its id or its name.
    pub(crate) async fn channel(&self, workspace: &str, which: &str) -> Result<Option<Channel>> {
        let all = self.channels(workspace).await?;
        Ok(all
            .iter()
            .find(|one| one.id == which || one.name == which)
            .cloned())
    }

    /// A channel of any workspace, by its id.
    pub(crate) async fn channel_by_id(&self, id: &str) -> Result<Option<Channel>> {
        let key = id.to_owned();
        let home = match self.homes.get(&key, 0) {
            Some(home) => home,
            None => {
                let ticket = self.homes.ticket();
                let query = Query::<Channel>::all().equal("id", id);
                let Some(row) = self.store().first(query).await? else {
                    return Ok(None);
                };
                // A channel never changes its workspace.
                self.homes.put(key, row.workspace.clone(), i64::MAX, ticket);
                row.workspace
            }
        };
        self.channel(&home, id).await
    }

    pub(crate) async fn fields(&self, workspace: &str) -> Result<Arc<Vec<ContactField>>> {
        if let Some(found) = self.fields.get(workspace, self.now()) {
            return Ok(found);
        }
        let ticket = self.fields.ticket();
        let query = Query::<ContactField>::all()
            .equal("workspace", workspace)
            .ascending("name");
        let rows = Arc::new(self.store().find(query).await?);
        self.fields
            .put(workspace, Arc::clone(&rows), self.copy_until(), ticket);
        Ok(rows)
    }

    /// The users of a workspace, by mail address.
    pub(crate) async fn users(&self, workspace: &str) -> Result<Arc<Vec<User>>> {
        if let Some(found) = self.users.get(workspace, self.now()) {
            return Ok(found);
        }
        let ticket = self.users.ticket();
        let rows = Arc::new(self.fresh_users(workspace).await?);
        self.users
            .put(workspace, Arc::clone(&rows), self.copy_until(), ticket);
        Ok(rows)
    }

    /// The same as the database has them now.
    pub(crate) async fn fresh_users(&self, workspace: &str) -> Result<Vec<User>> {
        let query = Query::<User>::all()
            .equal("workspace", workspace)
            .ascending("email");
        Ok(self.store().find(query).await?)
    }

    /// The teams of a workspace, by name.
    pub(crate) async fn teams(&self, workspace: &str) -> Result<Arc<Vec<Team>>> {
        if let Some(found) = self.teams.get(workspace, self.now()) {
            return Ok(found);
        }
        let ticket = self.teams.ticket();
        let query = Query::<Team>::all()
            .equal("workspace", workspace)
            .ascending("name");
        let rows = Arc::new(self.store().find(query).await?);
        self.teams
            .put(workspace, Arc::clone(&rows), self.copy_until(), ticket);
        Ok(rows)
    }

    /// The calendars of a workspace, by name.
    pub(crate) async fn calendars(&self, workspace: &str) -> Result<Arc<Vec<Calendar>>> {
        if let Some(found) = self.calendars.get(workspace, self.now()) {
            return Ok(found);
        }
        let ticket = self.calendars.ticket();
        let query = Query::<Calendar>::all()
            .equal("workspace", workspace)
            .ascending("name");
        let rows = Arc::new(self.store().find(query).await?);
        self.calendars
            .put(workspace, Arc::clone(&rows), self.copy_until(), ticket);
        Ok(rows)
    }

    /// The subscriptions of a workspace, the oldest first.
    pub(crate) async fn subscriptions(&self, workspace: &str) -> Result<Arc<Vec<Subscribed>>> {
        if let Some(found) = self.subscriptions.get(workspace, self.now()) {
            return Ok(found);
        }
        let ticket = self.subscriptions.ticket();
        let all = Arc::new(subscriptions::load(self, workspace).await?);
        self.subscriptions
            .put(workspace, Arc::clone(&all), self.copy_until(), ticket);
        Ok(all)
    }

    /// How a subscription does was changed: forget the copies.
    pub(crate) fn forget_subscriptions(&self) {
        self.subscriptions.forget();
    }

    pub(crate) async fn blacklist(&self, workspace: &str) -> Result<Arc<Blacklist>> {
        if let Some(found) = self.blacklists.get(workspace, self.now()) {
            return Ok(found);
        }
        let ticket = self.blacklists.ticket();
        let list = Arc::new(blacklist::load(self, workspace).await?);
        self.blacklists
            .put(workspace, Arc::clone(&list), self.copy_until(), ticket);
        Ok(list)
    }

    /// The connector of a digest. A digest's descriptor never changes.
    pub(crate) async fn connector(&self, digest: &str) -> Result<Arc<Connector>> {
        let key = digest.to_owned();
        if let Some(found) = self.connectors.get(&key, 0) {
            return Ok(found);
        }
        let ticket = self.connectors.ticket();
        let query = Query::<Plugin>::all().equal("digest", digest);
        let row = self.store().first(query).await?.ok_or_else(|| {
            Error::not_found(
                "no-connector",
                format!("the connector {digest} is not installed"),
            )
        })?;
        let connector = Arc::new(Connector::read(&row)?);
        self.connectors
            .put(key, Arc::clone(&connector), i64::MAX, ticket);
        Ok(connector)
    }

    /// Settings, channels, fields, users or teams were changed: forget the copies.
    pub(crate) fn forget(&self) {
        self.settings.forget();
        self.channels.forget();
        self.homes.forget();
        self.fields.forget();
        self.users.forget();
        self.teams.forget();
        self.blacklists.forget();
        self.calendars.forget();
        self.files.forget();
        self.snippets.forget();
        self.secrets.forget();
        self.subscriptions.forget();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_of_what_was_read_before_a_change_is_not_kept_after_it() {
        let copies = Copies::<String, &str>::new();
        let ticket = copies.ticket();
        // Read here: "paused". Then somebody resumes the channel.
        copies.forget();
        copies.put("main", "paused", i64::MAX, ticket);
        assert_eq!(copies.get("main", 0), None);
        let ticket = copies.ticket();
        copies.put("main", "active", i64::MAX, ticket);
        assert_eq!(copies.get("main", 0), Some("active"));
    }
}
