//! Room for runs: how many are driven at once, who waits for room, and who is next.
//!
//! Why: a run that is driven has a task, its state and often an activation in memory, and may keep
//! them for as long as a slow service likes. So there are so many places and no more ([`Shares`]: a
//! workflow alone gets half of them, a workspace four fifths, and who floods leaves room for
//! others; a run with much data takes several). A run that finds no place *stands in line*: it is a
//! row of the database, `queued` or just woken, and in memory its id. For each workflow that has a
//! line one task waits for a place, so the lines are served in turn: workspace by workspace, and
//! within one workflow by workflow.
//!
//! The lines are bounded where that is possible without breaking a promise: new work from outside
//! is refused beyond a workspace's share ([`Busy`]), before anything is done. What was accepted, and
//! what follows from it (timers, replies, events of runs), is never refused: it stands in line.
//!
//! What must hold: a run that was committed as `queued` or `running` is driven or stands in line, in
//! the tenure in which it was committed; of one workflow nobody overtakes; who is taken out of a
//! line by `withdraw` is driven by nobody.

use crate::engine::Core;
use crate::run::drive;
use crate::tenure::Tenure;
use jackfield_sandbox::{Account, Share, Shares};
use jackfield_store::records::Run;
use serde_json::Value;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Bytes of data in memory that are one place.
const PLACE: usize = 32 << 10;
/// The most places that one run takes: a part of the smallest room there may be.
const LARGEST: usize = 16;
/// How many runs of a workspace may stand in line however many others do.
const ALWAYS: usize = 16;
/// How many times what is free of the lines a workspace may have in line: four fifths if alone.
const WORKSPACE: usize = 4;
/// The pace of a line is that of about so long.
const PACE: Duration = Duration::from_secs(10);
/// The longest that anybody is told to wait, in seconds.
const LONGEST: f64 = 60.0;
/// Of which part of a line's length the end is to be awaited before one asks again.
const PART: usize = 8;

const WAITING: &str = "jackfield_runs_in_line";

/// How much room there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoomOptions {
    /// How many runs are driven at once; one with more than 32 KiB of data counts several times.
    pub driven: usize,
    /// How many runs may stand in line before new ones are refused.
    pub in_line: usize,
}

impl Default for RoomOptions {
    /// For a machine with one gibibyte of memory or more.
    fn default() -> RoomOptions {
        RoomOptions {
            driven: 1_024,
            in_line: 50_000,
        }
    }
}

/// New work is refused: too many runs stand in line already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{in_line} runs of this {of} stand in line, as many as its share allows; \
     send it again in {retry_after} s"
)]
pub struct Busy {
    /// `workspace` or `workflow`.
    pub of: &'static str,
    /// How many of it stand in line.
    pub in_line: usize,
    /// Seconds until a part of them will have begun, at the present pace.
    pub retry_after: u64,
}

/// A run that stands in line.
#[derive(Debug)]
pub(crate) struct InLine {
    pub tenure: Arc<Tenure>,
    pub id: Box<str>,
    /// As of `drive::spawn`.
    pub recovered: bool,
    weight: usize,
}

impl InLine {
    pub(crate) fn new(tenure: &Arc<Tenure>, run: &Run, recovered: bool) -> InLine {
        InLine {
            tenure: tenure.clone(),
            id: run.id.as_str().into(),
            recovered,
            weight: weight(&run.data),
        }
    }

    /// One that an earlier life of the host, or another host, has left.
    pub(crate) fn recovered(tenure: &Arc<Tenure>, id: Box<str>, weight: usize) -> InLine {
        InLine {
            tenure: tenure.clone(),
            id,
            recovered: true,
            weight,
        }
    }
}

/// On whose behalf a run is driven.
pub(crate) fn account(run: &Run) -> Account {
    Account::new(&run.workspace, &run.workflow)
}

/// How many places a run with this data takes.
pub(crate) fn weight(data: &Value) -> usize {
    (1 + size(data) / PLACE).min(LARGEST)
}

/// About how many bytes a value has in memory.
fn size(value: &Value) -> usize {
    let own = size_of::<Value>();
    match value {
        Value::String(text) => own + text.len(),
        Value::Array(items) => own + items.iter().map(size).sum::<usize>(),
        Value::Object(fields) => fields.iter().fold(own, |sum, (name, value)| {
            sum + size_of::<String>() + name.len() + size(value)
        }),
        _ => own,
    }
}

/// Places, and the lines before them.
#[derive(Debug)]
pub(crate) struct Room {
    places: Arc<Shares>,
    most_in_line: usize,
    /// All that stand in line; read without the lock.
    waiting: AtomicUsize,
    lines: Mutex<Lines>,
}

#[derive(Debug, Default)]
struct Lines {
    /// An account is here for as long as a task serves it.
    lines: HashMap<Account, VecDeque<InLine>>,
    workspaces: HashMap<Arc<str>, Workspace>,
}

/// What is known of a workspace that has somebody in line.
#[derive(Debug)]
struct Workspace {
    waiting: usize,
    /// How many have begun since then.
    begun: f64,
    since: Instant,
}

impl Workspace {
    fn new() -> Workspace {
        Workspace {
            waiting: 0,
            begun: 0.0,
            since: Instant::now(),
        }
    }

    fn one_has_begun(&mut self) {
        self.waiting -= 1;
        self.begun += 1.0;
        // The past counts half as much from time to time.
        let elapsed = self.since.elapsed();
        if elapsed > PACE {
            self.begun /= 2.0;
            self.since += elapsed / 2;
        }
    }

    /// Seconds until a part of the line will have begun.
    fn retry_after(&self) -> u64 {
        let pace = self.begun / self.since.elapsed().as_secs_f64().max(0.1);
        #[expect(clippy::cast_precision_loss, reason = "a line is far below 2^52")]
        let part = (self.waiting / PART + 1) as f64;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 1 and 60"
        )]
        let seconds = (part / pace).clamp(1.0, LONGEST).ceil() as u64;
        seconds
    }
}

impl Room {
    pub(crate) fn new(options: RoomOptions) -> Room {
        metrics::describe_gauge!(WAITING, "Runs that wait for room to be driven");
        metrics::gauge!(WAITING).set(0.0);
        Room {
            places: Shares::places(options.driven.max(1)),
            most_in_line: options.in_line.max(1),
            waiting: AtomicUsize::new(0),
            lines: Mutex::default(),
        }
    }

    /// A place for a run of this weight, unless it has to stand in line.
    pub(crate) fn enter(&self, account: &Account, weight: usize) -> Option<Share> {
        if self.waiting() > 0 && self.lock().lines.contains_key(account) {
            return None;
        }
        self.places.try_take_many(account, weight)
    }

    /// How many stand in line.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// How many may stand in line before new work is refused.
    pub(crate) fn most_in_line(&self) -> usize {
        self.most_in_line
    }

    /// Whether new work of a workspace, and of a workflow of it, is taken.
    ///
    /// # Errors
    /// `Busy`.
    pub(crate) fn admit(&self, workspace: &str, workflow: Option<&str>) -> Result<(), Busy> {
        let waiting = self.waiting();
        if waiting < ALWAYS {
            return Ok(());
        }
        let free = self.most_in_line.saturating_sub(waiting);
        let lines = self.lock();
        let Some(of) = lines.workspaces.get(workspace) else {
            return Ok(());
        };
        let busy = |what, in_line| Busy {
            of: what,
            in_line,
            retry_after: of.retry_after(),
        };
        if of.waiting >= free.saturating_mul(WORKSPACE).max(ALWAYS) {
            return Err(busy("workspace", of.waiting));
        }
        let line = workflow.and_then(|name| lines.lines.get(&Account::new(workspace, name)));
        match line.map(VecDeque::len) {
            Some(in_line) if in_line >= free.max(ALWAYS) => Err(busy("workflow", in_line)),
            _ => Ok(()),
        }
    }

    /// Whether what a provider sends for a workspace is taken: more than of new work, so that the
    /// lines that others have filled do not keep it out.
    ///
    /// # Errors
    /// `Busy`.
    pub(crate) fn admit_inbound(&self, workspace: &str) -> Result<(), Busy> {
        if self.waiting() < self.most_in_line {
            return Ok(());
        }
        let lines = self.lock();
        match lines.workspaces.get(workspace) {
            Some(of) if of.waiting >= self.most_in_line => Err(Busy {
                of: "workspace",
                in_line: of.waiting,
                retry_after: of.retry_after(),
            }),
            _ => Ok(()),
        }
    }

    /// Takes a run out of its line; none when it does not stand there.
    pub(crate) fn withdraw(&self, account: &Account, id: &str) -> Option<InLine> {
        let mut lines = self.lock();
        let line = lines.lines.get_mut(account)?;
        let place = line.iter().position(|run| &*run.id == id)?;
        let run = line.remove(place)?;
        self.left(&mut lines, account, 1, false);
        Some(run)
    }

    /// Takes the first of a line out of it, at most so many.
    pub(crate) fn withdraw_some(&self, account: &Account, most: usize) -> Vec<InLine> {
        let mut lines = self.lock();
        let Some(line) = lines.lines.get_mut(account) else {
            return Vec::new();
        };
        let some: Vec<InLine> = line.drain(..most.min(line.len())).collect();
        self.left(&mut lines, account, some.len(), false);
        some
    }

    /// The next of a line; none ends the line, and whoever serves it.
    fn next(&self, account: &Account) -> Option<InLine> {
        let mut lines = self.lock();
        loop {
            let Some(run) = lines.lines.get_mut(account)?.pop_front() else {
                lines.lines.remove(account);
                return None;
            };
            let takes = run.tenure.takes_bursts();
            self.left(&mut lines, account, 1, takes);
            // In another host's bucket it is taken up there.
            if takes {
                return Some(run);
            }
        }
    }

    /// What the first of a line weighs.
    fn first(&self, account: &Account) -> usize {
        let lines = self.lock();
        let first = lines.lines.get(account).and_then(VecDeque::front);
        first.map_or(1, |run| run.weight)
    }

    /// Puts a run at the end of its line; true when nobody serves the line yet.
    fn put(&self, account: &Account, run: InLine) -> bool {
        let mut lines = self.lock();
        let workspace = lines.workspaces.entry(account.workspace.clone());
        workspace.or_insert_with(Workspace::new).waiting += 1;
        self.waiting.fetch_add(1, Ordering::Relaxed);
        metrics::gauge!(WAITING).increment(1.0);
        if let Some(line) = lines.lines.get_mut(account) {
            line.push_back(run);
            return false;
        }
        lines.lines.insert(account.clone(), VecDeque::from([run]));
        true
    }

    fn left(&self, lines: &mut Lines, account: &Account, many: usize, begun: bool) {
        self.waiting.fetch_sub(many, Ordering::Relaxed);
        #[expect(clippy::cast_precision_loss, reason = "a line is far below 2^52")]
        metrics::gauge!(WAITING).decrement(many as f64);
        if let Some(workspace) = lines.workspaces.get_mut(&account.workspace) {
            if begun {
                workspace.one_has_begun();
            } else {
                workspace.waiting -= many;
            }
            if workspace.waiting == 0 {
                lines.workspaces.remove(&account.workspace);
            }
        }
    }

    /// Nothing here panics half-way.
    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Has a run stand in line.
pub(crate) fn line_up(core: &Arc<Core>, account: Account, run: InLine) {
    if core.room.put(&account, run) {
        let core = core.clone();
        let tasks = core.tasks.clone();
        tasks.spawn(serve(core, account));
    }
}

/// Serves the line of a workflow until nobody stands there any more.
async fn serve(core: Arc<Core>, account: Account) {
    loop {
        let weight = core.room.first(&account);
        let place = tokio::select! {
            () = core.stopping.cancelled() => return,
            place = core.room.places.take_many(&account, weight) => place,
        };
        let Some(run) = core.room.next(&account) else {
            return;
        };
        drive::spawn_next(&core, run, place);
    }
}

#[cfg(test)]
#[path = "room_tests.rs"]
mod tests;
