//! Long work beside short work: after its first milliseconds an activation computes in turns.
//!
//! Activations run on the runtime's own threads, because a thread for each would cost more than
//! most of them take. A plugin that computes yields every so often, but fifty that do nothing else
//! would still make each request wait for fifty yields at every step of its way. So an activation
//! that has used the processor for [`DUE`] needs a turn for each further stretch; there are fewer
//! turns than processors, they go round (`shares`), and who has one lets everything that is ready
//! go first. Waiting, for the network say, needs no turn.
//!
//! What must hold: work that is short never waits here; of long work, however much there is, at
//! most one stretch for each turn stands before whatever else is ready.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use crate::shares::{Account, Shares};

/// Time on the processor that an activation has before it computes in turns. Some tens of times
/// what an ordinary step takes.
const DUE: Duration = Duration::from_millis(2);

/// How many may compute at the same time past their due: one processor is left for all else.
pub(crate) fn turns() -> usize {
    std::thread::available_parallelism()
        .map_or(1, usize::from)
        .saturating_sub(1)
        .max(1)
}

/// Does the work, in turns once it is past its due.
pub(crate) async fn paced<F: Future>(work: F, turns: &Arc<Shares>, account: &Account) -> F::Output {
    let mut work = pin!(work);
    let mut used = Duration::ZERO;
    loop {
        let turn = if used < DUE {
            None
        } else {
            let turn = turns.take(account).await;
            tokio::task::yield_now().await;
            Some(turn)
        };
        let since = Instant::now();
        let polled = poll_fn(|context| Poll::Ready(work.as_mut().poll(context))).await;
        used += since.elapsed();
        drop(turn);
        if let Poll::Ready(output) = polled {
            return output;
        }
        woken().await;
    }
}

/// Waits until the task is woken, by whatever the work waits for.
async fn woken() {
    let mut asked = false;
    poll_fn(|_| {
        if std::mem::replace(&mut asked, true) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Keeps the processor busy for so long, and yields, so often.
    async fn compute(stretches: usize, stretch: Duration) {
        for _ in 0..stretches {
            let since = Instant::now();
            while since.elapsed() < stretch {
                std::hint::spin_loop();
            }
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn short_work_goes_on_without_a_turn() {
        let turns = Shares::turns(1);
        let account = Account::default();
        let _taken = turns.try_take(&account).unwrap();
        paced(compute(3, Duration::from_micros(10)), &turns, &account).await;
    }

    #[tokio::test]
    async fn before_each_stretch_of_long_work_whatever_is_ready_goes_first() {
        let turns = Shares::turns(1);
        let stretches = Arc::new(AtomicUsize::new(0));
        for _ in 0..50 {
            let (turns, stretches) = (Arc::clone(&turns), Arc::clone(&stretches));
            tokio::spawn(async move {
                let work = async {
                    compute(1, DUE).await;
                    loop {
                        compute(1, Duration::from_micros(100)).await;
                        stretches.fetch_add(1, Ordering::Relaxed);
                    }
                };
                paced(work, &turns, &Account::default()).await;
            });
        }
        // Everybody is past its due.
        while stretches.load(Ordering::Relaxed) < 100 {
            tokio::task::yield_now().await;
        }
        let before = stretches.load(Ordering::Relaxed);
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        let between = stretches.load(Ordering::Relaxed) - before;
        assert!(
            between <= 200,
            "{between} stretches in 100 turns of another task"
        );
    }

    #[tokio::test]
    async fn who_waits_holds_no_turn() {
        let turns = Shares::turns(1);
        let account = Account::default();
        let (wake, waits) = tokio::sync::oneshot::channel::<()>();
        let long = async {
            compute(2, DUE).await;
            waits.await.unwrap();
        };
        let other = async {
            // Time for the long one to come to its wait, past its due.
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            paced(compute(4, DUE), &turns, &account).await;
            wake.send(()).unwrap();
        };
        tokio::join!(paced(long, &turns, &account), other);
        assert_eq!(turns.free(), 1);
    }
}
