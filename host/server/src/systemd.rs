//! What systemd is told (`Type=notify`, `WatchdogSec=`). Without systemd all of it does nothing.
//!
//! The watchdog is fed by a task of the runtime: it says that the process still schedules tasks.
//! A database that does not answer is no reason to be killed; that is what `/readyz` is for.

use sd_notify::NotifyState;
use std::time::Duration;

/// The host serves.
pub(crate) fn ready(url: &str) {
    let status = format!("serves {url}");
    tell(&[NotifyState::Ready, NotifyState::Status(&status)]);
}

/// The host stops, and is done within so long.
pub(crate) fn stopping(grace: Duration) {
    let most = u32::try_from(grace.as_micros()).unwrap_or(u32::MAX);
    tell(&[
        NotifyState::Stopping,
        NotifyState::Status("comes to the next commit of what is under way"),
        NotifyState::ExtendTimeoutUsec(most),
    ]);
}

/// Feeds the watchdog, if there is one, until the task is aborted.
pub(crate) async fn feed_watchdog() {
    let Some(limit) = sd_notify::watchdog_enabled() else {
        return;
    };
    let mut tick = tokio::time::interval(limit / 3);
    loop {
        tick.tick().await;
        tell(&[NotifyState::Watchdog]);
    }
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!(%error, "systemd was not told");
    }
}
