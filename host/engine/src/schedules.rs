//! Schedules: workflows that start by themselves when a time has come.
//!
//! Which schedules there are is a control record, written in the commit that makes a workflow live or
//! stops it. How far each has come is a row in the workflow's bucket (`Firing`), so that the host that
//! owns the bucket lets it fire, under the fence like everything else: once for each time, over all
//! hosts and restarts. Nothing is set in advance, so there is no timer that could be lost: a host that
//! takes the bucket looks at the last time that fired and works out the next one.
//!
//! Times that passed while no host was up are not made up for one by one: the latest fires, and says
//! how many there were before it.
//!
//! A schedule for a list first commits that it fires, then goes through the list page by page and
//! commits how far it has come. Each contact's event is accepted in the contact's own bucket, beside a
//! row that says so (`Seen`): what is done again after a crash changes nothing.

use crate::document::trigger::{SCHEDULE, aim};
use crate::domain::{DomainError, NewEvent};
use crate::engine::{Core, Engine};
use crate::events::AcceptError;
use crate::parcels::{AskError, Worker};
use crate::schedule::Cron;
use crate::scope::timestamp;
use async_trait::async_trait;
use futures::{StreamExt as _, stream};
use jackfield_sandbox::Account;
use jackfield_store::records::{Firing, Schedule, Seen};
use jackfield_store::{Commit, CommitError, Query, ReadError, StoreExt, bucket_in};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Schedules are looked up this often, in milliseconds, also where nothing says that they changed.
const LOOK: i64 = 60_000;
/// How many contacts are read at a time.
const PAGE: i64 = 500;
/// How many buckets are given their contacts together.
const TOGETHER: usize = 32;
/// More missed times than that are not counted.
const MOST_MISSED: usize = 1_000;
/// The pause after an error.
const PAUSE: Duration = Duration::from_secs(1);
/// How long the owner of a bucket may take for its contacts of a page.
const PATIENCE: Duration = Duration::from_secs(30);
/// The kind of parcels that carry contacts to the owner of their bucket.
const PARCEL: &str = "schedule";

/// A schedule as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleView {
    /// The workflow.
    pub workflow: String,
    /// Which of its triggers, from 0.
    pub place: i64,
    /// Five fields.
    pub cron: String,
    /// Where they are read.
    pub time_zone: String,
    /// The list whose contacts it is for.
    pub list: Option<String>,
    /// The next time.
    pub next_due: Option<i64>,
    /// The last time for which it fired.
    pub last_due: Option<i64>,
    /// Whether contacts of the list still wait for their run of that time.
    pub firing: bool,
    /// How many contacts have got one.
    pub contacts: Option<i64>,
}

/// A schedule that this host is to let fire.
#[derive(Debug, Clone, PartialEq)]
struct Spec {
    bucket: i32,
    row: Schedule,
    cron: Cron,
    time_zone: TimeZone,
}

impl Spec {
    /// Whether contacts still wait for their run. What began before the schedule was as it is now is
    /// over.
    fn has_open(&self, firing: &Firing) -> bool {
        firing.open && firing.due > self.row.since
    }
}

type Key = (String, String, i64);

/// Why a schedule could not fire now.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Accept(#[from] AcceptError),
    #[error(transparent)]
    Commit(#[from] CommitError),
    #[error(transparent)]
    Domain(#[from] DomainError),
    #[error(transparent)]
    Ask(#[from] AskError),
    #[error("{0}")]
    Told(String),
}

impl From<crate::tenure::Elsewhere> for Trouble {
    fn from(elsewhere: crate::tenure::Elsewhere) -> Trouble {
        AcceptError::from(elsewhere).into()
    }
}

impl Engine {
    /// The schedules of a workspace's live workflows.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn schedules(&self, workspace: &str) -> Result<Vec<ScheduleView>, AcceptError> {
        let core = &self.core;
        let query = Query::<Schedule>::all().equal("workspace", workspace);
        let rows = core.store.find(query).await?;
        let mut views = Vec::new();
        let mut zones = HashMap::new();
        for row in rows {
            let Some(spec) = spec(core, row, &mut zones).await? else {
                continue;
            };
            let firing = reached(core, &spec).await?;
            let start = firing.as_ref().map_or(spec.row.since, |firing| firing.due);
            let now = core.now().max(start);
            let next = spec.cron.after(timestamp(now), &spec.time_zone);
            let open = firing.as_ref().is_some_and(|firing| spec.has_open(firing));
            views.push(ScheduleView {
                workflow: spec.row.workflow,
                place: spec.row.place,
                cron: spec.row.cron,
                time_zone: spec.time_zone.iana_name().unwrap_or("UTC").to_owned(),
                next_due: next.map(jiff::Timestamp::as_millisecond),
                last_due: firing.as_ref().map(|firing| firing.due),
                firing: open,
                contacts: firing
                    .filter(|_| spec.row.list.is_some())
                    .map(|firing| firing.contacts),
                list: spec.row.list,
            });
        }
        views.sort_by(|a, b| (&a.workflow, a.place).cmp(&(&b.workflow, b.place)));
        Ok(views)
    }

    pub(crate) fn employ_schedules(&self) {
        let worker = Contacts {
            core: Arc::downgrade(&self.core),
        };
        self.employ(PARCEL, Arc::new(worker));
    }
}

/// Keeps a task for each schedule of this host's buckets, until the engine stops.
pub(crate) async fn run(core: Arc<Core>) {
    let mut tasks: BTreeMap<Key, (Spec, CancellationToken)> = BTreeMap::new();
    let mut changed = core.workflows.schedules.subscribe();
    loop {
        changed.mark_unchanged();
        let wanted = match ours(&core).await {
            Ok(wanted) => wanted,
            Err(error) => {
                tracing::warn!(%error, "schedules cannot be read; again in a second");
                tokio::select! {
                    () = core.stopping.cancelled() => return,
                    () = tokio::time::sleep(PAUSE) => continue,
                }
            }
        };
        tasks.retain(|key, (spec, over)| {
            let stays = wanted.get(key) == Some(spec) && !over.is_cancelled();
            if !stays {
                over.cancel();
            }
            stays
        });
        for (key, spec) in wanted {
            tasks.entry(key).or_insert_with(|| {
                // A bucket that is lost and taken again has its schedules begin anew.
                let tenure = core.tenures.of(spec.bucket).ok();
                let over =
                    tenure.map_or_else(CancellationToken::new, |tenure| tenure.over.child_token());
                if !over.is_cancelled() {
                    let (core, spec, over) = (core.clone(), spec.clone(), over.clone());
                    let tasks = core.tasks.clone();
                    tasks.spawn(async move { keep(&core, &spec, &over).await });
                }
                (spec, over)
            });
        }
        let next = core.now() + LOOK;
        tokio::select! {
            () = core.stopping.cancelled() => return,
            _ = changed.changed() => {}
            () = core.clock.sleep_until(next) => {}
        }
    }
}

/// The schedules of this host's buckets.
async fn ours(core: &Arc<Core>) -> Result<BTreeMap<Key, Spec>, Trouble> {
    let mut found = BTreeMap::new();
    let mut zones = HashMap::new();
    for row in core.store.find(Query::<Schedule>::all()).await? {
        if core.tenures.of(bucket(core, &row)).is_err() {
            continue;
        }
        if let Some(spec) = spec(core, row, &mut zones).await? {
            let row = &spec.row;
            let key = (row.workspace.clone(), row.workflow.clone(), row.place);
            found.insert(key, spec);
        }
    }
    Ok(found)
}

fn bucket(core: &Core, row: &Schedule) -> i32 {
    let words = [row.workspace.as_str(), &row.workflow, SCHEDULE];
    jackfield_store::bucket_of(core.store.buckets(), &words)
}

/// None for a row that a newer version has written and this one cannot read.
async fn spec(
    core: &Arc<Core>,
    row: Schedule,
    zones: &mut HashMap<String, TimeZone>,
) -> Result<Option<Spec>, DomainError> {
    let named = row.time_zone.as_deref().map(TimeZone::get);
    let time_zone = match (named, zones.get(&row.workspace)) {
        (Some(Ok(zone)), _) => zone,
        (Some(Err(_)), _) => return Ok(None),
        (None, Some(zone)) => zone.clone(),
        (None, None) => {
            let Some(domain) = core.domain() else {
                return Ok(None);
            };
            let view = domain.view(&row.workspace, None, &[], None).await?;
            let zone = view.common.time_zone.clone();
            zones.insert(row.workspace.clone(), zone.clone());
            zone
        }
    };
    let Ok(cron) = row.cron.parse() else {
        return Ok(None);
    };
    Ok(Some(Spec {
        bucket: bucket(core, &row),
        row,
        cron,
        time_zone,
    }))
}

async fn reached(core: &Core, spec: &Spec) -> Result<Option<Firing>, ReadError> {
    let query = Query::<Firing>::of(spec.bucket)
        .equal("workspace", spec.row.workspace.as_str())
        .equal("workflow", spec.row.workflow.as_str())
        .equal("place", spec.row.place);
    core.store.first(query).await
}

/// Lets one schedule fire, time after time.
async fn keep(core: &Arc<Core>, spec: &Spec, over: &CancellationToken) {
    while !over.is_cancelled() && !core.stopping.is_cancelled() {
        let next = match step(core, spec, over).await {
            Ok(next) => next,
            Err(error) => {
                tracing::warn!(
                    workflow = spec.row.workflow, %error,
                    "a schedule cannot fire now; again in a second"
                );
                tokio::select! {
                    () = over.cancelled() => return,
                    () = tokio::time::sleep(PAUSE) => continue,
                }
            }
        };
        let Some(next) = next else { return };
        tokio::select! {
            () = over.cancelled() => return,
            () = core.stopping.cancelled() => return,
            () = core.clock.sleep_until(next) => {}
        }
    }
}

/// Does what is due, and says when something will be again.
async fn step(
    core: &Arc<Core>,
    spec: &Spec,
    over: &CancellationToken,
) -> Result<Option<i64>, Trouble> {
    let firing = reached(core, spec).await?;
    if let Some(firing) = firing.clone().filter(|firing| spec.has_open(firing)) {
        go_through(core, spec, firing, over).await?;
        return Ok(Some(core.now()));
    }
    let start = firing.map_or(i64::MIN, |firing| firing.due);
    let start = timestamp(start.max(spec.row.since));
    let now = timestamp(core.now());
    let latest = spec.cron.latest(start, now, &spec.time_zone, MOST_MISSED);
    if let Some((due, missed)) = latest {
        fire(core, spec, due.as_millisecond(), missed).await?;
        return Ok(Some(core.now()));
    }
    let next = spec.cron.after(start.max(now), &spec.time_zone);
    Ok(next.map(jiff::Timestamp::as_millisecond))
}

/// Commits that the schedule fires, with its run where it is for nobody.
async fn fire(core: &Arc<Core>, spec: &Spec, due: i64, missed: usize) -> Result<(), Trouble> {
    let lock = core.lock(spec.bucket).await?;
    // What was read without the lock may be old.
    if reached(core, spec)
        .await?
        .is_some_and(|firing| firing.due >= due)
    {
        return Ok(());
    }
    let firing = Firing {
        bucket: spec.bucket,
        workspace: spec.row.workspace.clone(),
        workflow: spec.row.workflow.clone(),
        place: spec.row.place,
        due,
        missed: i64::try_from(missed).unwrap_or(i64::MAX),
        open: spec.row.list.is_some(),
        reached: None,
        contacts: 0,
        at: core.now(),
    };
    let mut commit = Commit::of(spec.bucket);
    commit.put(&firing);
    let events = match spec.row.list {
        Some(_) => Vec::new(),
        None => vec![Aimed::of(spec, &firing).event(None)],
    };
    metrics::counter!("jackfield_schedules_fired_total").increment(1);
    let engine = Engine { core: core.clone() };
    engine.accept(&lock, events, commit).await?;
    Ok(())
}

/// What each contact's event says.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Aimed {
    workspace: String,
    workflow: String,
    place: i64,
    due: i64,
    data: Value,
}

impl Aimed {
    fn of(spec: &Spec, firing: &Firing) -> Aimed {
        let offset = spec.time_zone.to_offset(timestamp(firing.due));
        let due = timestamp(firing.due).display_with_offset(offset);
        Aimed {
            workspace: firing.workspace.clone(),
            workflow: firing.workflow.clone(),
            place: firing.place,
            due: firing.due,
            data: json!({"schedule": {
                "due": due.to_string(),
                "missed": firing.missed,
                "list": spec.row.list,
            }}),
        }
    }

    fn event(&self, contact: Option<String>) -> NewEvent {
        let place = usize::try_from(self.place).unwrap_or_default();
        NewEvent {
            workspace: self.workspace.clone(),
            name: SCHEDULE.to_owned(),
            contact,
            subject: Some(aim(&self.workflow, place)),
            data: self.data.clone(),
            source: SCHEDULE.to_owned(),
        }
    }

    fn seen(&self, bucket: i32, contact: &str, at: i64) -> Seen {
        Seen {
            bucket,
            workspace: self.workspace.clone(),
            scope: SCHEDULE.to_owned(),
            key: format!("{}/{}/{}/{contact}", self.workflow, self.place, self.due),
            at,
        }
    }
}

/// Gives every contact of the list its event, from where it was left.
async fn go_through(
    core: &Arc<Core>,
    spec: &Spec,
    mut firing: Firing,
    over: &CancellationToken,
) -> Result<(), Trouble> {
    let list = spec.row.list.as_deref().unwrap_or_default();
    let aimed = Aimed::of(spec, &firing);
    while firing.open && !over.is_cancelled() {
        let domain = core
            .domain()
            .ok_or_else(|| DomainError::Unavailable("the engine is not attached".to_owned()))?;
        let after = firing.reached.as_deref();
        let page = tokio::select! {
            () = over.cancelled() => return Ok(()),
            () = core.stopping.cancelled() => return Ok(()),
            page = domain.contacts_on(&spec.row.workspace, list, after, PAGE) => page,
        };
        let page = match page {
            Ok(page) => page,
            Err(DomainError::Invalid(reason)) => {
                tracing::warn!(
                    workflow = spec.row.workflow,
                    reason,
                    "a schedule has no list any more"
                );
                Vec::new()
            }
            Err(error) => return Err(error.into()),
        };
        let full = i64::try_from(page.len()).is_ok_and(|rows| rows >= PAGE);
        let count = page.len();
        let last = page.last().cloned();
        deal(core, &aimed, page, over).await?;
        if over.is_cancelled() {
            return Ok(());
        }
        firing.open = full;
        firing.reached = last.or(firing.reached);
        firing.contacts += i64::try_from(count).unwrap_or(0);
        let lock = core.lock(spec.bucket).await?;
        let mut commit = Commit::of(spec.bucket);
        commit.put(&firing);
        core.store.commit(lock.tenure().fence(commit)).await?;
    }
    Ok(())
}

/// Gives a page of contacts their events, each in its bucket.
async fn deal(
    core: &Arc<Core>,
    aimed: &Aimed,
    page: Vec<String>,
    over: &CancellationToken,
) -> Result<(), Trouble> {
    let mut buckets: BTreeMap<i32, Vec<String>> = BTreeMap::new();
    for contact in page {
        if let Some(bucket) = bucket_in("ctc", &contact) {
            buckets.entry(bucket).or_default().push(contact);
        }
    }
    let mut dealt = stream::iter(buckets)
        .map(|(bucket, contacts)| async move {
            match accept(core, aimed, bucket, &contacts, over).await {
                Err(Trouble::Accept(AcceptError::Elsewhere(_))) => {
                    let body = json!({"aimed": aimed, "bucket": bucket, "contacts": contacts});
                    let engine = Engine { core: core.clone() };
                    let answer = engine.ask(bucket, PARCEL, body, PATIENCE).await?;
                    match answer.get("error").and_then(Value::as_str) {
                        Some(error) => Err(Trouble::Told(error.to_owned())),
                        None => Ok(()),
                    }
                }
                other => other,
            }
        })
        .buffer_unordered(TOGETHER);
    while let Some(done) = dealt.next().await {
        done?;
    }
    Ok(())
}

/// Accepts the events of a bucket's contacts, one after another; who has had it is passed over.
async fn accept(
    core: &Arc<Core>,
    aimed: &Aimed,
    bucket: i32,
    contacts: &[String],
    over: &CancellationToken,
) -> Result<(), Trouble> {
    let engine = Engine { core: core.clone() };
    for contact in contacts {
        while !over.is_cancelled() {
            let lock = core.lock(bucket).await?;
            let mut commit = Commit::of(bucket);
            commit.insert(&aimed.seen(bucket, contact, core.now()));
            let event = aimed.event(Some(contact.clone()));
            let accepted = engine.accept_if_room(&lock, vec![event], commit).await;
            drop(lock);
            match accepted {
                Ok(_) | Err(AcceptError::Repeated) => break,
                // Nobody waits for this: it goes on when there is room.
                Err(AcceptError::Busy(_)) => tokio::select! {
                    () = over.cancelled() => {}
                    () = tokio::time::sleep(PAUSE) => {}
                },
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}

/// Does for other hosts what is to be done in buckets of this one.
struct Contacts {
    core: std::sync::Weak<Core>,
}

#[derive(Deserialize)]
struct Parcel {
    aimed: Aimed,
    bucket: i32,
    contacts: Vec<String>,
}

#[async_trait]
impl Worker for Contacts {
    fn account(&self, body: &Value) -> Account {
        let word = |name: &str| body["aimed"][name].as_str().unwrap_or("/");
        Account::new(word("workspace"), word("workflow"))
    }

    async fn work(&self, body: Value) -> Option<Value> {
        let core = self.core.upgrade()?;
        let parcel: Parcel = match serde_json::from_value(body) {
            Ok(parcel) => parcel,
            Err(error) => return Some(json!({"error": error.to_string()})),
        };
        let over = core.tenures.of(parcel.bucket).ok()?.over.clone();
        let done = accept(&core, &parcel.aimed, parcel.bucket, &parcel.contacts, &over).await;
        match done {
            // Cut short: the next owner does it.
            Ok(()) if over.is_cancelled() => None,
            Ok(()) => Some(json!({"ok": true})),
            Err(Trouble::Accept(AcceptError::Elsewhere(_))) => None,
            Err(error) => Some(json!({"error": error.to_string()})),
        }
    }
}
