//! Who is next when there is not enough for all: shares by workspace and workflow.
//!
//! Several things are handed out so: here places in the pool and turns on the processor, in the
//! layers above room for runs in memory, for requests and for their bytes. All go round the
//! workspaces that wait, and within a workspace round its workflows, so that one that floods waits
//! behind its own and not others behind it.
//!
//! Going round is not enough for places: an activation may keep one for minutes, so a flood that
//! has taken them all is felt long after. Therefore a workflow gets another place only while more
//! are free than it holds, and a workspace only while it holds less than [`WORKSPACE`] times the
//! free ones: whoever floods leaves room, and the more flood, the less each gets (the dynamic
//! thresholds of Choudhury and Hahne, "Dynamic queue length thresholds for shared-memory packet
//! switches", 1998). A workflow alone gets half of all, workflows of one workspace four fifths.
//!
//! What is large takes several at once. Whoever is next and needs more than is free is waited for:
//! small ones do not overtake it for ever.
//!
//! What must hold: a workspace that holds nothing waits only while nothing is free (or too little
//! for what it wants); what is given back, or given to somebody who is gone, goes to the next at
//! once.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// How many times what is free a workspace may hold.
const WORKSPACE: usize = 4;

/// On whose behalf an activation is. Activations that say nothing share one account.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Account {
    /// The workspace's id.
    pub workspace: Arc<str>,
    /// The workflow's name, or whatever else divides the workspace's activations.
    pub workflow: Arc<str>,
}

impl Account {
    /// The account of a workflow in a workspace.
    pub fn new(workspace: &str, workflow: &str) -> Account {
        Account {
            workspace: workspace.into(),
            workflow: workflow.into(),
        }
    }
}

impl Default for Account {
    fn default() -> Account {
        Account {
            workspace: "".into(),
            workflow: "".into(),
        }
    }
}

/// What is shared.
#[derive(Debug)]
pub struct Shares {
    size: usize,
    state: Mutex<State>,
    /// Whether whoever holds much leaves room for others.
    thresholds: bool,
}

#[derive(Debug, Default)]
struct State {
    free: usize,
    workspaces: HashMap<Arc<str>, Workspace>,
    /// Workspaces in which somebody waits, the next one first.
    order: VecDeque<Arc<str>>,
}

#[derive(Debug, Default)]
struct Workspace {
    held: usize,
    workflows: HashMap<Arc<str>, Workflow>,
    /// Workflows in which somebody waits, the next one first.
    order: VecDeque<Arc<str>>,
}

#[derive(Debug, Default)]
struct Workflow {
    held: usize,
    waiting: VecDeque<Waiting>,
}

/// Somebody who waits.
#[derive(Debug)]
struct Waiting {
    weight: usize,
    sender: oneshot::Sender<Share>,
}

/// Places or turns, until this is dropped.
#[derive(Debug)]
pub struct Share {
    shares: Arc<Shares>,
    account: Account,
    weight: usize,
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut state = self.shares.lock();
        state.give_back(&self.account, self.weight);
        let waited_for = !state.order.is_empty();
        drop(state);
        if waited_for {
            self.shares.hand_out();
        }
    }
}

/// Who is next.
enum Next {
    /// This one, who may have it.
    One(Account, Waiting),
    /// One who may have it once enough is free.
    Later,
    /// Nobody.
    Nobody,
}

impl Shares {
    /// So many, for work that keeps them: nobody takes all.
    pub fn places(size: usize) -> Arc<Shares> {
        Shares::new(size, true)
    }

    /// So many, for moments: whoever is there takes what there is.
    pub(crate) fn turns(size: usize) -> Arc<Shares> {
        Shares::new(size, false)
    }

    fn new(size: usize, thresholds: bool) -> Arc<Shares> {
        let state = State {
            free: size,
            ..State::default()
        };
        Arc::new(Shares {
            size,
            state: Mutex::new(state),
            thresholds,
        })
    }

    /// How many are free.
    pub fn free(&self) -> usize {
        self.lock().free
    }

    /// How many there are.
    pub fn size(&self) -> usize {
        self.size
    }

    /// One at once, if nobody waits who could have it.
    pub fn try_take(self: &Arc<Shares>, account: &Account) -> Option<Share> {
        self.try_take_many(account, 1)
    }

    /// So many at once, or all there are if that is more than there are; none if somebody waits
    /// who could have them.
    pub fn try_take_many(self: &Arc<Shares>, account: &Account, weight: usize) -> Option<Share> {
        let weight = weight.min(self.size);
        let mut state = self.lock();
        // Whoever waits although something is free is over its threshold.
        let open = state.free >= weight.max(1) && (self.thresholds || state.order.is_empty());
        if !open || !state.may_take(account, self.thresholds) {
            return None;
        }
        state.take(account, weight);
        drop(state);
        Some(self.share(account.clone(), weight))
    }

    /// One, as soon as it is this account's turn.
    pub async fn take(self: &Arc<Shares>, account: &Account) -> Share {
        self.take_many(account, 1).await
    }

    /// So many (or all there are, if that is more), as soon as it is this account's turn.
    pub async fn take_many(self: &Arc<Shares>, account: &Account, weight: usize) -> Share {
        let weight = weight.min(self.size);
        if let Some(share) = self.try_take_many(account, weight) {
            return share;
        }
        let (sender, share) = oneshot::channel();
        self.lock().wait(account, Waiting { weight, sender });
        // Forgets the wait, if it is given up.
        let _leaving = Leaving(self, account);
        self.hand_out();
        match share.await {
            Ok(share) => share,
            Err(_) => unreachable!("a sender is dropped after its receiver alone"),
        }
    }

    fn share(self: &Arc<Shares>, account: Account, weight: usize) -> Share {
        Share {
            shares: Arc::clone(self),
            account,
            weight,
        }
    }

    fn hand_out(self: &Arc<Shares>) {
        loop {
            let next = self.lock().next(self.thresholds);
            let Next::One(account, waiting) = next else {
                return;
            };
            // To somebody who is gone: it comes back here, and goes on to the next.
            let share = self.share(account, waiting.weight);
            drop(waiting.sender.send(share));
        }
    }

    /// Nothing here panics half-way.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Leaving<'a>(&'a Arc<Shares>, &'a Account);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.lock().forget_waits(self.1);
        // Whoever wanted much, and is gone, kept others waiting.
        self.0.hand_out();
    }
}

impl State {
    fn may_take(&self, account: &Account, thresholds: bool) -> bool {
        let Some(workspace) = self.workspaces.get(&account.workspace) else {
            return true;
        };
        let held = workspace.workflows.get(&account.workflow);
        !thresholds
            || (workspace.held < self.free.saturating_mul(WORKSPACE)
                && held.is_none_or(|workflow| workflow.held < self.free))
    }

    fn take(&mut self, account: &Account, weight: usize) {
        self.free -= weight;
        let workspace = self
            .workspaces
            .entry(account.workspace.clone())
            .or_default();
        workspace.held += weight;
        let workflow = workspace.workflows.entry(account.workflow.clone());
        workflow.or_default().held += weight;
    }

    fn give_back(&mut self, account: &Account, weight: usize) {
        self.free += weight;
        if let Some(workspace) = self.workspaces.get_mut(&account.workspace) {
            workspace.held -= weight;
            if let Some(workflow) = workspace.workflows.get_mut(&account.workflow) {
                workflow.held -= weight;
            }
        }
        self.tidy(account);
    }

    fn wait(&mut self, account: &Account, waiting: Waiting) {
        let workspace = self
            .workspaces
            .entry(account.workspace.clone())
            .or_default();
        if workspace.order.is_empty() {
            self.order.push_back(account.workspace.clone());
        }
        let workflow = workspace.workflows.entry(account.workflow.clone());
        let workflow = workflow.or_default();
        if workflow.waiting.is_empty() {
            workspace.order.push_back(account.workflow.clone());
        }
        workflow.waiting.push_back(waiting);
    }

    /// Removes waits of the account that nobody waits for any more.
    fn forget_waits(&mut self, account: &Account) {
        let Some(workspace) = self.workspaces.get_mut(&account.workspace) else {
            return;
        };
        let Some(workflow) = workspace.workflows.get_mut(&account.workflow) else {
            return;
        };
        if workflow.waiting.is_empty() {
            return;
        }
        workflow
            .waiting
            .retain(|waiting| !waiting.sender.is_closed());
        if workflow.waiting.is_empty() {
            workspace.order.retain(|name| *name != account.workflow);
            if workspace.order.is_empty() {
                self.order.retain(|name| *name != account.workspace);
            }
            self.tidy(account);
        }
    }

    /// Removes what holds nothing and waits for nothing: the maps do not grow with old names.
    fn tidy(&mut self, account: &Account) {
        let Some(workspace) = self.workspaces.get_mut(&account.workspace) else {
            return;
        };
        let idle = |workflow: &Workflow| workflow.held == 0 && workflow.waiting.is_empty();
        if workspace.workflows.get(&account.workflow).is_some_and(idle) {
            workspace.workflows.remove(&account.workflow);
            if workspace.workflows.is_empty() {
                self.workspaces.remove(&account.workspace);
            }
        }
    }

    /// Takes what the next wants who waits and may have it.
    fn next(&mut self, thresholds: bool) -> Next {
        if self.free == 0 {
            return Next::Nobody;
        }
        for _ in 0..self.order.len() {
            let Some(name) = self.order.pop_front() else {
                break;
            };
            let next = self.next_of(&name, thresholds);
            if matches!(next, Next::Later) {
                self.order.push_front(name);
                return next;
            }
            let waits = |workspace: &Workspace| !workspace.order.is_empty();
            if self.workspaces.get(&name).is_some_and(waits) {
                self.order.push_back(name);
            }
            if let Next::One(account, waiting) = &next {
                self.take(account, waiting.weight);
                return next;
            }
        }
        Next::Nobody
    }

    fn next_of(&mut self, name: &Arc<str>, thresholds: bool) -> Next {
        let count = self.workspaces.get(name).map_or(0, |it| it.order.len());
        for _ in 0..count {
            let Some(workflow) = self
                .workspaces
                .get_mut(name)
                .and_then(|workspace| workspace.order.pop_front())
            else {
                break;
            };
            let account = Account {
                workspace: Arc::clone(name),
                workflow,
            };
            let may = self.may_take(&account, thresholds);
            let free = self.free;
            let Some(workspace) = self.workspaces.get_mut(name) else {
                break;
            };
            let Some(workflow) = workspace.workflows.get_mut(&account.workflow) else {
                continue;
            };
            let wanted = workflow.waiting.front().map_or(0, |first| first.weight);
            if may && wanted > free {
                workspace.order.push_front(account.workflow);
                return Next::Later;
            }
            let waiting = if may {
                workflow.waiting.pop_front()
            } else {
                None
            };
            if !workflow.waiting.is_empty() {
                workspace.order.push_back(account.workflow.clone());
            }
            if let Some(waiting) = waiting {
                return Next::One(account, waiting);
            }
        }
        Next::Nobody
    }
}

#[cfg(test)]
#[path = "shares_tests.rs"]
mod tests;
