//! The allocator, and how it gives back what nobody uses.
//!
//! mimalloc returns memory to the system only while it is asked for more: a host that has nothing to
//! do would keep what its start has used, or its last busy hour. Returning it at once (a purge delay
//! of 0 or 10 ms) costs a run a twentieth more processor time; now and then costs nothing that can be
//! measured.

use std::cell::Cell;
use std::pin::pin;
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How often a thread gives back what is free.
const PAUSE: Duration = Duration::from_secs(5);

thread_local! {
    static LAST: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Gives back what this thread has left free, and what all have given up, if it has not done so just
/// now. For a thread that is about to wait.
pub(crate) fn give_back() {
    if LAST.get().is_none_or(|last| last.elapsed() >= PAUSE) {
        LAST.set(Some(Instant::now()));
        // SAFETY: it may be called by any thread at any time, and touches only what is free.
        unsafe { libmimalloc_sys::mi_collect(true) };
    }
}

/// Does the work, and gives back now and then meanwhile.
pub(crate) async fn giving_back<T>(work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            () = tokio::time::sleep(PAUSE) => give_back(),
        }
    }
}
