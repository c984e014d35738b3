//! A run's timeline as server-sent events.
//!
//! The stream reads the journal and waits until the run has moved; it holds nothing of the run in
//! memory, so a slow reader costs one connection and no more. It ends when the run is over, when the
//! reader goes, or when the host stops (the reader then comes back with `Last-Event-ID`).

use super::runs::over;
use crate::http::app::App;
use crate::http::auth::Caller;
use crate::http::problem::{Code, Problem};
use crate::http::views::EntryBody;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use jackfield_sandbox::Share;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::watch;

/// After so long without an entry a comment keeps the connection open.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The run is looked at after so long even if nothing said that it moved: another host may drive it.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

struct Reader {
    app: App,
    workspace: String,
    id: String,
    after: i64,
    ready: VecDeque<Event>,
    moved: watch::Receiver<u64>,
    ended: bool,
    _place: Share,
}

/// The entry after which a reader wants to go on.
///
/// # Errors
/// `invalid-header`.
pub(super) fn last_event(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    let Some(value) = headers.get("last-event-id") else {
        return Ok(None);
    };
    let seq = value
        .to_str()
        .ok()
        .and_then(|text| text.trim().parse().ok());
    seq.map(Some).ok_or_else(|| {
        Problem::new(
            Code::InvalidHeader,
            "Last-Event-ID must be the `seq` of an entry.",
        )
    })
}

/// Streams the timeline of a run, from the entry after `last` on.
///
/// # Errors
/// `not-found`; `rate-limited` when too many timelines are watched.
pub(super) async fn timeline(
    app: App,
    caller: Caller,
    id: String,
    last: Option<i64>,
) -> Result<Response, Problem> {
    let after = last.unwrap_or(-1);
    app.engine.runs().get(&caller.workspace, &id).await?;
    let place = app.admission.stream(&caller)?;
    let reader = Reader {
        moved: app.engine.runs().watch(&id),
        app,
        workspace: caller.workspace,
        id,
        after,
        ready: VecDeque::new(),
        ended: false,
        _place: place,
    };
    let events = futures::stream::unfold(reader, |mut reader| async move {
        let event = reader.next().await?;
        Some((Ok::<Event, Infallible>(event), reader))
    });
    Ok(Sse::new(events)
        .keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
        .into_response())
}

impl Reader {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if self.ended {
                return None;
            }
            self.moved.mark_unchanged();
            self.read().await?;
            if self.ready.is_empty() {
                tokio::select! {
                    () = self.app.stopping.cancelled() => return None,
                    () = tokio::time::sleep(LOOK_AGAIN) => {}
                    changed = self.moved.changed() => changed.ok()?,
                }
            }
        }
    }

    /// Takes what has happened since; none when the run cannot be read any more.
    async fn read(&mut self) -> Option<()> {
        let runs = self.app.engine.runs();
        // The run first: if it is over, the entries that follow are all that will ever be.
        let run = runs.get(&self.workspace, &self.id).await.ok()?;
        let entries = runs
            .timeline(&self.workspace, &self.id, self.after)
            .await
            .ok()?;
        for entry in entries {
            self.after = entry.seq;
            let body = EntryBody::from(entry);
            let event = Event::default()
                .id(body.seq.to_string())
                .event(body.kind.clone());
            self.ready.extend(event.json_data(&body));
        }
        if over(&run) {
            self.ended = true;
            self.ready
                .push_back(Event::default().event("end").data(run.state));
        }
        Some(())
    }
}
