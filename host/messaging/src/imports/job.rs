//! Carrying an import out, in the background, a chunk at a time.
//!
//! What must hold: a chunk is taken away (or passed, when it is only looked at) in the commit that
//! counts what became of its rows; until then it may be done again, and its rows find what they did
//! (`row`). So a host that dies, or loses the bucket, leaves nothing undone and nothing done twice.
//! Rows of one chunk go side by side, but for those that name the same person.

use super::plan::Mapping;
use super::plan::Row as Planned;
use super::row::{self, Done};
use super::state::{Content, State};
use super::{CHUNK, Cells};
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use futures::StreamExt as _;
use futures::stream;
use jackfield_store::records::{Import, ImportChunk, ImportRow};
use jackfield_store::{Commit, Is, Query, StoreExt};
use serde::Deserialize as _;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Rows that are carried out side by side.
const AT_ONCE: usize = 16;
/// The pause after the database was away.
const PAUSE: Duration = Duration::from_secs(1);

/// The imports that this host works on, each with whether it is to look again.
#[derive(Debug, Default)]
pub(crate) struct AtWork(Mutex<HashMap<String, bool>>);

impl AtWork {
    fn begin(&self, id: &str) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match all.get_mut(id) {
            Some(again) => {
                *again = true;
                false
            }
            None => {
                all.insert(id.to_owned(), false);
                true
            }
        }
    }

    /// Whether it is over; if not, somebody has asked meanwhile.
    fn end(&self, id: &str) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match all.get_mut(id) {
            Some(again) if *again => {
                *again = false;
                false
            }
            _ => {
                all.remove(id);
                true
            }
        }
    }
}

/// Works on an import until there is nothing to do, or the host stops.
pub(crate) async fn work(context: Arc<Context>, stop: CancellationToken, id: String) {
    if !context.imports.begin(&id) {
        return;
    }
    loop {
        loop {
            if stop.is_cancelled() {
                break;
            }
            match step(&context, &stop, &id).await {
                Ok(true) => {}
                Ok(false) => break,
                // Its bucket has gone to another host, which takes it up.
                Err(Error {
                    kind: ErrorKind::Elsewhere { .. } | ErrorKind::NotFound,
                    ..
                }) => break,
                Err(error) => {
                    tracing::warn!(import = id, %error, "the import goes on later");
                    tokio::select! {
                        () = stop.cancelled() => break,
                        () = tokio::time::sleep(PAUSE) => {}
                    }
                }
            }
        }
        if context.imports.end(&id) || stop.is_cancelled() {
            return;
        }
    }
}

/// The next chunk; false where nothing is left.
async fn step(context: &Context, stop: &CancellationToken, id: &str) -> Result<bool> {
    let import = super::find(context, id).await?;
    let mut content = Content::read(&import)?;
    let state = State::named(&import.state);
    if state == State::Cancelling {
        return finish(context, &import, State::Cancelled).await;
    }
    let (State::Reviewing | State::Running, Some(plan)) = (state, content.plan.clone()) else {
        return Ok(false);
    };
    let looks = state == State::Reviewing;
    let query = Query::<ImportChunk>::of(import.bucket)
        .equal("import", id)
        .filter("seq", Is::AtLeast, content.at)
        .ascending("seq");
    let Some(chunk) = context.store().first(query).await? else {
        let end = if looks {
            State::Reviewed
        } else {
            State::Completed
        };
        return finish(context, &import, end).await;
    };
    let rows: Vec<Cells> = Vec::deserialize(&chunk.rows)
        .map_err(|error| Error::unavailable(format!("a chunk cannot be read: {error}")))?;
    // Copies of fields and lists may be made anew between chunks: what was removed is then the row's
    // own error.
    let mapping = match Mapping::new(context, &import.workspace, &content.headers, &plan).await {
        Ok(mapping) => mapping,
        Err(error) if error.kind == ErrorKind::Invalid => {
            content.reason = Some(format!("the plan fits no more: {}", error.message));
            return stop_with(context, &import, content).await;
        }
        Err(error) => return Err(error),
    };
    let mut done = known(context, &import, &rows).await?;
    let mut left: Vec<Planned> = Vec::new();
    for cells in &rows {
        let line = i64::try_from(cells.0).unwrap_or(i64::MAX);
        if done.contains_key(&line) {
            continue;
        }
        match mapping.read(&import.workspace, id, import.pass, cells) {
            Ok(row) => left.push(row),
            Err((code, said)) => {
                done.insert(line, Done::failed(code, said));
            }
        }
    }
    for wave in waves(left) {
        let outcomes: Vec<(i64, Result<Done>)> = stream::iter(wave)
            .map(|row| async move {
                let done = if looks {
                    row::look(context, &row).await
                } else {
                    row::perform(context, &row).await
                };
                (row.line, done)
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        for (line, outcome) in outcomes {
            done.insert(line, outcome?);
        }
        if stop.is_cancelled() {
            // What was done is found again.
            return Ok(true);
        }
    }
    count(context, &import, &chunk, &done, looks).await
}

/// Rows that may go side by side, in order: no two of a wave name the same person.
fn waves(rows: Vec<Planned>) -> Vec<Vec<Planned>> {
    let mut waves = vec![Vec::new()];
    let mut named: HashSet<String> = HashSet::new();
    for row in rows {
        let names: Vec<String> = ["phone", "email"]
            .iter()
            .filter_map(|field| row.fields.get(*field)?.as_str())
            .map(|value| {
                let letters = value.chars().filter(|one| one.is_alphanumeric());
                letters.flat_map(char::to_lowercase).collect::<String>()
            })
            .chain(row.id.clone())
            .collect();
        if names.iter().any(|name| named.contains(name)) {
            named.clear();
            waves.push(Vec::new());
        }
        named.extend(names);
        if let Some(wave) = waves.last_mut() {
            wave.push(row);
        }
    }
    waves
}

/// What the rows of a chunk have done already.
async fn known(context: &Context, import: &Import, rows: &[Cells]) -> Result<BTreeMap<i64, Done>> {
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
        return Ok(BTreeMap::new());
    };
    let query = Query::<ImportRow>::all()
        .equal("import", import.id.as_str())
        .equal("pass", import.pass)
        .filter("line", Is::AtLeast, first.0)
        .filter("line", Is::AtMost, last.0)
        .limit(2 * CHUNK as i64);
    let found = context.store().find(query).await?;
    Ok(found
        .iter()
        .map(|row| (row.line, Done::read(row)))
        .collect())
}

/// Counts a chunk and takes it away, in one commit.
async fn count(
    context: &Context,
    import: &Import,
    chunk: &ImportChunk,
    done: &BTreeMap<i64, Done>,
    looks: bool,
) -> Result<bool> {
    let guard = context.lock(import.bucket).await?;
    let mut now = super::find(context, &import.id).await?;
    if now.pass != import.pass || !State::named(&now.state).at_work() {
        return Ok(true);
    }
    let mut content = Content::read(&now)?;
    if content.at > chunk.seq {
        return Ok(true);
    }
    let mut commit = Commit::of(import.bucket);
    for (line, done) in done {
        content.counts.add(done.outcome);
        // Those that changed a contact have said so in its commit. What would be done is only counted.
        if done.contact.is_none() && done.code.is_some() {
            commit.put(&done.record(import.bucket, &import.id, import.pass, *line));
        }
    }
    content.at = chunk.seq + 1;
    if !looks {
        commit.delete::<ImportChunk>([import.id.clone().into(), chunk.seq.into()]);
    }
    now.data = content.write();
    now.updated_at = context.now();
    commit.put(&now);
    context.host.commit(&guard, commit).await?;
    Ok(true)
}

async fn finish(context: &Context, import: &Import, state: State) -> Result<bool> {
    let guard = context.lock(import.bucket).await?;
    let mut now = super::find(context, &import.id).await?;
    if now.pass != import.pass || now.state != import.state {
        return Ok(true);
    }
    now.state = state.name().to_owned();
    now.updated_at = context.now();
    let mut commit = Commit::of(import.bucket);
    if state == State::Cancelled {
        commit.delete::<ImportChunk>([import.id.clone().into()]);
    }
    commit.put(&now);
    context.host.commit(&guard, commit).await?;
    Ok(false)
}

/// A field or list that the plan names was removed: the rest is not carried out.
async fn stop_with(context: &Context, import: &Import, content: Content) -> Result<bool> {
    let guard = context.lock(import.bucket).await?;
    let mut now = super::find(context, &import.id).await?;
    if now.pass != import.pass || now.state != import.state {
        return Ok(true);
    }
    let looks = State::named(&now.state) == State::Reviewing;
    let state = if looks {
        State::Uploaded
    } else {
        State::Cancelling
    };
    now.state = state.name().to_owned();
    now.data = content.write();
    let mut commit = Commit::of(import.bucket);
    commit.put(&now);
    context.host.commit(&guard, commit).await?;
    Ok(!looks)
}
