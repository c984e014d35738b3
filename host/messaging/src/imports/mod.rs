//! Imports: contacts out of a CSV file, as a job that survives whatever dies.
//!
//! A file is uploaded, its columns are mapped, every row may be looked at before anything is changed
//! (`review`), then it is started. `file` reads CSV, `cells` what stands in a cell, `plan` maps
//! columns, `row` carries one row out, `job` all of them, `state` says where it stands, and this file
//! is what the API does. `export` is the way back.

pub(crate) mod cells;
mod export;
mod file;
pub(crate) mod job;
mod plan;
pub(crate) mod row;
mod state;

pub use export::{Export, result_lines};
pub use file::LARGEST as LARGEST_IMPORT;
pub(crate) use file::Row as Cells;
pub(crate) use plan::Row as Planned;
pub use plan::{ImportPlan, Purpose};
pub use state::ImportCounts;

use crate::context::Context;
use crate::error::{Error, Result};
use crate::outbox::Outbox;
use crate::page::{Page, limit};
use jackfield_store::records::{Import, ImportChunk, ImportRow};
use jackfield_store::{Commit, Is, Query, StoreExt, bucket_in, first_id};
use plan::Mapping;
use serde_json::Value;
use state::{Content, State};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Rows of a chunk.
pub(crate) const CHUNK: usize = 200;
/// Bytes of a chunk, about.
const CHUNK_BYTES: usize = 256 * 1024;
/// Chunks that one commit writes.
const CHUNKS: usize = 4;
/// Rows that one commit removes.
const BATCH: i64 = 500;
/// For how many milliseconds a file that is not started, and what is known of one that is over, are
/// kept.
const KEPT: i64 = 30 * 24 * 60 * 60 * 1_000;

/// An import as the API shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportView {
    /// Made by the host.
    pub id: String,
    /// The file's name, for people.
    pub name: Option<String>,
    /// `uploaded`, `reviewing`, `reviewed`, `running`, `cancelling`, `cancelled` or `completed`.
    pub state: &'static str,
    /// What stands between cells.
    pub delimiter: String,
    /// The file's columns.
    pub headers: Vec<String>,
    /// How many rows it has.
    pub rows: u64,
    /// How it is read; where it was not said yet, which columns are named like fields.
    pub plan: Option<ImportPlan>,
    /// Columns that are named like fields.
    pub suggested: BTreeMap<String, String>,
    /// What became of its rows so far, or would become of them.
    pub counts: ImportCounts,
    /// Why it was stopped.
    pub reason: Option<String>,
    /// Milliseconds since 1970.
    pub created_at: i64,
    /// Milliseconds since 1970.
    pub updated_at: i64,
}

/// What became of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowView {
    /// The line of the file that it begins on.
    pub line: i64,
    /// `added`, `updated`, `skipped` or `failed`.
    pub outcome: String,
    /// The contact that was made or changed.
    pub contact: Option<String>,
    /// Why not: a stable code.
    pub code: Option<String>,
    /// Why not, for people.
    pub message: Option<String>,
}

/// The imports of all workspaces.
#[derive(Clone)]
pub struct Imports {
    context: Arc<Context>,
    outbox: Outbox,
}

impl Imports {
    pub(crate) fn new(context: Arc<Context>, outbox: Outbox) -> Imports {
        Imports { context, outbox }
    }

    /// Keeps a file. Nothing is done with it yet.
    ///
    /// # Errors
    /// `invalid` with what is wrong with the file.
    pub async fn upload(
        &self,
        workspace: &str,
        name: Option<&str>,
        delimiter: Option<&str>,
        bytes: &[u8],
    ) -> Result<ImportView> {
        let context = &*self.context;
        let file = file::read(bytes, delimiter)?;
        let bucket = context.host.any_bucket();
        let now = context.now();
        let id = context.new_id("imp", bucket);
        let content = Content {
            name: name.map(|name| name.chars().take(200).collect()),
            delimiter: file.delimiter,
            headers: file.headers,
            rows: file.rows.len() as u64,
            plan: None,
            at: 0,
            counts: ImportCounts::default(),
            reason: None,
        };
        let mut import = Import {
            bucket,
            id: id.clone(),
            workspace: workspace.to_owned(),
            state: State::Uploading.name().to_owned(),
            pass: 0,
            data: content.write(),
            created_at: now,
            updated_at: now,
        };
        let mut commit = Commit::of(bucket);
        commit.insert(&import);
        for (seq, chunk) in (0..).zip(chunks(file.rows)) {
            commit.insert(&ImportChunk {
                bucket,
                import: id.clone(),
                seq,
                rows: serde_json::to_value(chunk).unwrap_or_default(),
            });
            if commit.writes.len() >= CHUNKS {
                let whole = std::mem::replace(&mut commit, Commit::of(bucket));
                let guard = context.lock(bucket).await?;
                context.host.commit(&guard, whole).await?;
            }
        }
        import.state = State::Uploaded.name().to_owned();
        commit.put(&import);
        let guard = context.lock(bucket).await?;
        context.host.commit(&guard, commit).await?;
        drop(guard);
        self.view(&import).await
    }

    /// The imports of a workspace, the newest first.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn list(
        &self,
        workspace: &str,
        after: Option<&str>,
        wanted: Option<usize>,
    ) -> Result<Page<ImportView>> {
        let limit = limit(wanted);
        let mut query = Query::<Import>::all()
            .equal("workspace", workspace)
            .filter("state", Is::NotEqual, State::Uploading.name())
            .descending("id");
        if let Some(after) = after {
            query = query.filter("id", Is::Less, after);
        }
        let rows = self
            .context
            .store()
            .find(query.limit(limit as i64 + 1))
            .await?;
        let page = Page::cut(rows, limit, |row| row.id.clone());
        let mut items = Vec::with_capacity(page.items.len());
        for row in &page.items {
            items.push(self.view(row).await?);
        }
        Ok(Page {
            items,
            next: page.next,
        })
    }

    /// An import.
    ///
    /// # Errors
    /// `not-found`.
    pub async fn get(&self, workspace: &str, id: &str) -> Result<ImportView> {
        self.view(&self.row(workspace, id).await?).await
    }

    /// Looks at every row, in the background, and changes nothing.
    ///
    /// # Errors
    /// `invalid` for the plan; `conflict` where it was started.
    pub async fn review(&self, workspace: &str, id: &str, plan: &ImportPlan) -> Result<ImportView> {
        self.begin(workspace, id, plan, State::Reviewing).await
    }

    /// Carries every row out, in the background.
    ///
    /// # Errors
    /// As of `review`.
    pub async fn start(&self, workspace: &str, id: &str, plan: &ImportPlan) -> Result<ImportView> {
        self.begin(workspace, id, plan, State::Running).await
    }

    async fn begin(
        &self,
        workspace: &str,
        id: &str,
        plan: &ImportPlan,
        state: State,
    ) -> Result<ImportView> {
        let context = &*self.context;
        let row = self.row(workspace, id).await?;
        let headers = Content::read(&row)?.headers;
        let mapping = Mapping::new(context, workspace, &headers, plan).await?;
        let guard = context.lock(row.bucket).await?;
        let mut row = self.row(workspace, id).await?;
        if !matches!(State::named(&row.state), State::Uploaded | State::Reviewed) {
            let said = format!("it is {}: upload the file again", row.state);
            return Err(Error::conflict("import-state", said));
        }
        let mut commit = Commit::of(row.bucket);
        // What an earlier review said.
        commit.delete::<ImportRow>([row.id.clone().into(), row.pass.into()]);
        let mut content = Content::read(&row)?;
        content.plan = Some(mapping.plan().clone());
        content.at = 0;
        content.counts = ImportCounts::default();
        content.reason = None;
        row.data = content.write();
        row.state = state.name().to_owned();
        row.pass += 1;
        row.updated_at = context.now();
        commit.put(&row);
        context.host.commit(&guard, commit).await?;
        drop(guard);
        self.take_up(&row.id);
        self.view(&row).await
    }

    /// Ends a review or an import under way. What was carried out stays.
    ///
    /// # Errors
    /// `conflict` where it is not under way.
    pub async fn cancel(&self, workspace: &str, id: &str) -> Result<ImportView> {
        let context = &*self.context;
        let row = self.row(workspace, id).await?;
        let guard = context.lock(row.bucket).await?;
        let mut row = self.row(workspace, id).await?;
        let next = match State::named(&row.state) {
            State::Reviewing => State::Uploaded,
            State::Running => State::Cancelling,
            State::Cancelling => return self.view(&row).await,
            _ => {
                let said = format!("it is {}, not under way", row.state);
                return Err(Error::conflict("import-state", said));
            }
        };
        row.state = next.name().to_owned();
        row.updated_at = context.now();
        let mut commit = Commit::of(row.bucket);
        commit.put(&row);
        context.host.commit(&guard, commit).await?;
        drop(guard);
        self.take_up(&row.id);
        self.view(&row).await
    }

    /// Deletes a file and what is known of its rows. Contacts stay.
    ///
    /// # Errors
    /// `conflict` while it is under way.
    pub async fn delete(&self, workspace: &str, id: &str) -> Result<()> {
        let context = &*self.context;
        let row = self.row(workspace, id).await?;
        let guard = context.lock(row.bucket).await?;
        let row = self.row(workspace, id).await?;
        if State::named(&row.state).at_work() {
            let said = format!("it is {}: cancel it first", row.state);
            return Err(Error::conflict("import-state", said));
        }
        let mut commit = Commit::of(row.bucket);
        commit.delete::<Import>([row.id.clone().into()]);
        commit.delete::<ImportChunk>([row.id.clone().into()]);
        commit.delete::<ImportRow>([row.id.clone().into()]);
        context.host.commit(&guard, commit).await?;
        Ok(())
    }

    /// What became of the rows, by line; with `only`, of those of one outcome.
    ///
    /// # Errors
    /// `not-found`.
    pub async fn rows(
        &self,
        workspace: &str,
        id: &str,
        only: Option<&str>,
        after: Option<i64>,
        wanted: usize,
    ) -> Result<Page<RowView>> {
        let row = self.row(workspace, id).await?;
        let mut query = Query::<ImportRow>::all()
            .equal("import", id)
            .equal("pass", row.pass)
            .ascending("line");
        if let Some(after) = after {
            query = query.filter("line", Is::Greater, after);
        }
        if let Some(only) = only {
            query = query.equal("outcome", only);
        }
        let rows = self
            .context
            .store()
            .find(query.limit(wanted as i64 + 1))
            .await?;
        let page = Page::cut(rows, wanted, |row| row.line.to_string());
        Ok(page.map(|row| RowView {
            line: row.line,
            outcome: row.outcome,
            contact: row.contact,
            code: row.code,
            message: row.message,
        }))
    }

    /// Goes on with an import, if there is something to do.
    fn take_up(&self, id: &str) {
        let context = Arc::clone(&self.context);
        let stop = self.outbox.stopping();
        self.outbox.beside(job::work(context, stop, id.to_owned()));
    }

    /// Goes on with what buckets hold.
    pub(crate) async fn recover(&self, buckets: &[i32]) -> Result<()> {
        let at_work = [State::Reviewing, State::Running, State::Cancelling];
        let at_work: Vec<&str> = at_work.iter().map(|state| state.name()).collect();
        let query = Query::<Import>::all()
            .filter("state", Is::In, at_work)
            .filter("bucket", Is::In, buckets.to_vec());
        for row in self.context.store().find(query).await? {
            self.take_up(&row.id);
        }
        Ok(())
    }

    async fn row(&self, workspace: &str, id: &str) -> Result<Import> {
        let row = find(&self.context, id).await?;
        if row.workspace == workspace && row.state != State::Uploading.name() {
            return Ok(row);
        }
        Err(no_import(id))
    }

    async fn view(&self, row: &Import) -> Result<ImportView> {
        let content = Content::read(row)?;
        let fields = self.context.fields(&row.workspace).await?;
        Ok(ImportView {
            id: row.id.clone(),
            name: content.name,
            state: State::named(&row.state).name(),
            delimiter: content.delimiter.to_string(),
            suggested: plan::suggest(&content.headers, &fields),
            headers: content.headers,
            rows: content.rows,
            plan: content.plan,
            counts: content.counts,
            reason: content.reason,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// An import by its id, of whatever workspace.
pub(crate) async fn find(context: &Context, id: &str) -> Result<Import> {
    let row = match bucket_in("imp", id) {
        Some(bucket) => context.row::<Import>(bucket, &[("id", id)]).await?,
        None => None,
    };
    row.ok_or_else(|| no_import(id))
}

fn no_import(id: &str) -> Error {
    let said = format!("there is no import `{id}` in this workspace");
    Error::not_found("no-import", said)
}

/// Rows in chunks of a bounded size.
fn chunks(rows: Vec<Cells>) -> Vec<Vec<Cells>> {
    let mut chunks: Vec<Vec<Cells>> = Vec::new();
    let mut bytes = usize::MAX;
    for row in rows {
        let size: usize = row.1.iter().map(String::len).sum();
        let full = chunks.last().is_none_or(|chunk| chunk.len() >= CHUNK);
        if full || bytes.saturating_add(size) > CHUNK_BYTES {
            chunks.push(Vec::new());
            bytes = 0;
        }
        bytes += size;
        if let Some(last) = chunks.last_mut() {
            last.push(row);
        }
    }
    chunks
}

/// Removes files that were not started, and what is known of those that are long over, out of the
/// buckets of this host.
pub(crate) async fn prune(context: &Context) -> Result<u64> {
    let before = context.now().saturating_sub(KEPT);
    let end = first_id("imp", before);
    let mut count = 0;
    for bucket in context.store().owned() {
        loop {
            let old = Query::<ImportRow>::of(bucket)
                .filter("import", Is::Less, end.as_str())
                .limit(BATCH);
            let rows = context.store().find(old).await?;
            let imports = Query::<Import>::of(bucket).filter("id", Is::Less, end.as_str());
            let imports = context.store().find(imports.limit(BATCH)).await?;
            if rows.is_empty() && imports.is_empty() {
                break;
            }
            let Ok(guard) = context.lock(bucket).await else {
                break;
            };
            let mut commit = Commit::of(bucket);
            for row in rows {
                count += 1;
                commit.delete::<ImportRow>([row.import.into(), row.pass.into(), row.line.into()]);
            }
            for import in imports {
                commit.delete::<ImportChunk>([Value::from(import.id.clone())]);
                commit.delete::<Import>([import.id.into()]);
            }
            context.host.commit(&guard, commit).await?;
        }
    }
    Ok(count)
}
