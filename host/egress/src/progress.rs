//! How far an exchange has come, so that the deadline can say what it cut off: waiting for a turn,
//! connecting, or something that may have reached the other side.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};

/// How far an exchange has come.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    sent: AtomicBool,
    waiting: AtomicU8,
    hops: AtomicUsize,
}

/// What a call is waiting for, if for its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Waiting {
    Nothing = 0,
    Plugin = 1,
    Host = 2,
}

impl Progress {
    pub(crate) fn mark_sent(&self) {
        self.sent.store(true, Ordering::Release);
    }

    /// Whether anything may have reached the other side.
    pub(crate) fn sent(&self) -> bool {
        self.sent.load(Ordering::Acquire)
    }

    pub(crate) fn next_hop(&self) {
        self.hops.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn hops(&self) -> usize {
        self.hops.load(Ordering::Acquire)
    }

    /// Awaits a turn; what for can be asked from outside while it lasts.
    pub(crate) async fn wait<T>(&self, what: Waiting, turn: impl Future<Output = T>) -> T {
        self.waiting.store(what as u8, Ordering::Release);
        let turn = turn.await;
        self.waiting
            .store(Waiting::Nothing as u8, Ordering::Release);
        turn
    }

    pub(crate) fn waiting(&self) -> Waiting {
        match self.waiting.load(Ordering::Acquire) {
            1 => Waiting::Plugin,
            2 => Waiting::Host,
            _ => Waiting::Nothing,
        }
    }
}
