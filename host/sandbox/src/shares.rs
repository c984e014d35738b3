//! Who is next when there is not enough for all: shares by workspace and workflow.
//!
//! Two things are handed out so: places in the pool, and turns on the processor. Both go round the
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
//! What must hold: a workspace that holds nothing waits only while nothing is free; what is given back, or given
//! to somebody who is gone, goes to the next at once.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// How many times what is free a workspace may hold.
const WORKSPACE: usize = 4;

/// On whose behalf an activation is. Activations that say nothing share one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The workspace's id.
    pub workspace: Arc<str>,
    /// The workflow's name, or whatever else divides the workspace's activations.
    pub workflow: Arc<str>,
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
pub(crate) struct Shares {
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
    waiting: VecDeque<oneshot::Sender<Share>>,
}

/// A place or a turn, until it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    shares: Arc<Shares>,
    account: Account,
}

impl Drop for Share {
    fn drop(&mut self) {
        self.shares.lock().give_back(&self.account);
        self.shares.hand_out();
    }
}

impl Shares {
    /// So many, for activations that keep them: nobody takes all.
    pub(crate) fn places(size: usize) -> Arc<Shares> {
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
            state: Mutex::new(state),
            thresholds,
        })
    }

    /// How many are free.
    pub(crate) fn free(&self) -> usize {
        self.lock().free
    }

    /// One at once, if nobody waits who could have it.
    pub(crate) fn try_take(self: &Arc<Shares>, account: &Account) -> Option<Share> {
        let mut state = self.lock();
        // Whoever waits although something is free is over its threshold.
        let open = state.free > 0 && (self.thresholds || state.order.is_empty());
        if !open || !state.may_take(account, self.thresholds) {
            return None;
        }
        state.take(account);
        drop(state);
        Some(self.share(account.clone()))
    }

    /// One, as soon as it is this account's turn.
    pub(crate) async fn take(self: &Arc<Shares>, account: &Account) -> Share {
        if let Some(share) = self.try_take(account) {
            return share;
        }
        let (sender, share) = oneshot::channel();
        self.lock().wait(account, sender);
        // Forgets the wait, if it is given up.
        let _leaving = Leaving(self, account);
        self.hand_out();
        match share.await {
            Ok(share) => share,
            Err(_) => unreachable!("a sender is dropped after its receiver alone"),
        }
    }

    fn share(self: &Arc<Shares>, account: Account) -> Share {
        Share {
            shares: Arc::clone(self),
            account,
        }
    }

    fn hand_out(self: &Arc<Shares>) {
        loop {
            let next = self.lock().next(self.thresholds);
            let Some((account, sender)) = next else {
                return;
            };
            // To somebody who is gone: it comes back here, and goes on to the next.
            drop(sender.send(self.share(account)));
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

    fn take(&mut self, account: &Account) {
        self.free -= 1;
        let workspace = self
            .workspaces
            .entry(account.workspace.clone())
            .or_default();
        workspace.held += 1;
        let workflow = workspace.workflows.entry(account.workflow.clone());
        workflow.or_default().held += 1;
    }

    fn give_back(&mut self, account: &Account) {
        self.free += 1;
        if let Some(workspace) = self.workspaces.get_mut(&account.workspace) {
            workspace.held -= 1;
            if let Some(workflow) = workspace.workflows.get_mut(&account.workflow) {
                workflow.held -= 1;
            }
        }
        self.tidy(account);
    }

    fn wait(&mut self, account: &Account, sender: oneshot::Sender<Share>) {
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
        workflow.waiting.push_back(sender);
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
        workflow.waiting.retain(|sender| !sender.is_closed());
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

    /// Takes one for the next who waits and may have one.
    fn next(&mut self, thresholds: bool) -> Option<(Account, oneshot::Sender<Share>)> {
        if self.free == 0 {
            return None;
        }
        for _ in 0..self.order.len() {
            let name = self.order.pop_front()?;
            let next = self.next_of(&name, thresholds);
            let waits = |workspace: &Workspace| !workspace.order.is_empty();
            if self.workspaces.get(&name).is_some_and(waits) {
                self.order.push_back(name);
            }
            if let Some((account, sender)) = next {
                self.take(&account);
                return Some((account, sender));
            }
        }
        None
    }

    fn next_of(
        &mut self,
        name: &Arc<str>,
        thresholds: bool,
    ) -> Option<(Account, oneshot::Sender<Share>)> {
        for _ in 0..self.workspaces.get(name)?.order.len() {
            let account = Account {
                workspace: Arc::clone(name),
                workflow: self.workspaces.get_mut(name)?.order.pop_front()?,
            };
            let may = self.may_take(&account, thresholds);
            let workspace = self.workspaces.get_mut(name)?;
            let workflow = workspace.workflows.get_mut(&account.workflow)?;
            let sender = if may {
                workflow.waiting.pop_front()
            } else {
                None
            };
            if !workflow.waiting.is_empty() {
                workspace.order.push_back(account.workflow.clone());
            }
            if let Some(sender) = sender {
                return Some((account, sender));
            }
        }
        None
    }
}

#[cfg(test)]
#[path = "shares_tests.rs"]
mod tests;
