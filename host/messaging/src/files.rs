//! Files of a workspace: kept once, and sent by their address `${file.NAME}`.
//!
//! The bytes stand in the database, in pieces, so that every host has them and a backup holds them.
//! What must hold: a file is there whole or not at all (its row is written after its pieces); its
//! address cannot be guessed and stays while its name does; its type is what its bytes are. In mails
//! the bytes themselves go out, since nobody fetches what is attached.

use crate::context::Context;
use crate::domain::refusal;
use crate::error::{Error, Problem, Result};
use crate::message::Trouble;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jackfield_engine::variables::{Files as Addresses, names_file};
use jackfield_sandbox::wit::CallError;
use jackfield_store::records::{File as Row, FileChunk, Snippet, Template};
use jackfield_store::{Commit, Is, Query, StoreExt};
use rand::Rng as _;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::sync::Arc;

/// The most files of a workspace.
const MOST: usize = 1_000;
/// The longest name, in bytes.
const LONGEST_NAME: usize = 100;
/// The longest media type, in bytes.
const LONGEST_TYPE: usize = 100;
/// How much of a file one row holds, in bytes.
const PIECE: usize = 1024 * 1024;
/// Files of one mail, in bytes: more no server takes.
const MOST_IN_MAIL: i64 = 25 * 1024 * 1024;
/// Pieces without a file are swept away after so many milliseconds: no upload takes longer.
const ABANDONED: i64 = 60 * 60 * 1_000;
/// The largest file that a plugin reads, in bytes.
const MOST_READ: i64 = 256 * 1024;
/// What bytes are of which nothing is known.
const BYTES: &str = "application/octet-stream";

/// The largest file that any host may be set to take, in bytes.
pub const LARGEST_FILE: usize = 64 * 1024 * 1024;

/// A file as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileView {
    /// Lower-case words, such as `price-list.pdf`.
    pub name: String,
    /// Its media type.
    pub content_type: String,
    /// In bytes.
    pub size: i64,
    /// SHA-256, hexadecimal.
    pub digest: String,
    /// Where it is on the web.
    pub url: String,
    /// Milliseconds since 1970.
    pub created_at: i64,
    /// Milliseconds since 1970.
    pub updated_at: i64,
}

/// The bytes of a file, piece by piece.
pub struct Content {
    context: Arc<Context>,
    /// What it is.
    pub file: FileView,
    workspace: String,
    id: String,
    next: i64,
    left: i64,
}

impl Content {
    /// The next bytes; none after the last.
    ///
    /// # Errors
    /// `unavailable`, also where the file was replaced meanwhile.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        if self.left <= 0 {
            return Ok(None);
        }
        let query = Query::<FileChunk>::all()
            .equal("workspace", self.workspace.as_str())
            .equal("file", self.id.as_str())
            .equal("seq", self.next);
        let chunk = self.context.store().first(query).await?;
        let bytes = chunk.and_then(|chunk| STANDARD.decode(chunk.bytes).ok());
        let bytes = bytes.filter(|bytes| !bytes.is_empty()).ok_or_else(|| {
            Error::unavailable(format!(
                "the file `{}` was changed while it was read",
                self.file.name
            ))
        })?;
        self.next += 1;
        self.left -= i64::try_from(bytes.len()).unwrap_or(i64::MAX);
        Ok(Some(bytes))
    }

    async fn whole(mut self) -> Result<Vec<u8>> {
        let mut whole = Vec::with_capacity(usize::try_from(self.file.size).unwrap_or_default());
        while let Some(bytes) = self.next().await? {
            whole.extend(bytes);
        }
        Ok(whole)
    }
}

/// The files of all workspaces.
#[derive(Clone)]
pub struct Files {
    context: Arc<Context>,
}

impl Files {
    pub(crate) fn new(context: Arc<Context>) -> Files {
        Files { context }
    }

    /// Every file of a workspace, by name.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn all(&self, workspace: &str) -> Result<Vec<FileView>> {
        let rows = rows(&self.context, workspace).await?;
        Ok(rows
            .into_iter()
            .map(|row| self.context.shown(row))
            .collect())
    }

    /// A file by its name.
    ///
    /// # Errors
    /// `not-found`.
    pub async fn get(&self, workspace: &str, name: &str) -> Result<FileView> {
        Ok(self.context.shown(self.row(workspace, name).await?))
    }

    /// The bytes of a file.
    ///
    /// # Errors
    /// `not-found`.
    pub async fn content(&self, workspace: &str, name: &str) -> Result<Content> {
        let row = self.row(workspace, name).await?;
        Ok(content(&self.context, row))
    }

    /// The file at a public address, if there is one.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn at(&self, token: &str, name: &str) -> Result<Option<Content>> {
        let found = at(&self.context, token, name).await?;
        Ok(found.map(|row| content(&self.context, row)))
    }

    /// What variables see of a workspace's files.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn in_texts(&self, workspace: &str) -> Result<Addresses> {
        self.context.files(workspace).await
    }

    /// Keeps a file, in the place of one that has its name. Answers whether it is new.
    ///
    /// # Errors
    /// `invalid`; `conflict` where the workspace has 1,000 files.
    pub async fn put(
        &self,
        workspace: &str,
        name: &str,
        declared: Option<&str>,
        bytes: &[u8],
    ) -> Result<(FileView, bool)> {
        let context = &*self.context;
        let mut problems = Vec::new();
        if !is_file_name(name) {
            problems.push(Problem::new(
                "name",
                "at most 100 lower-case letters, digits, `-` and `_`, with full stops between, such as `price-list.pdf`",
            ));
        }
        let most = context.options.largest_file;
        if bytes.is_empty() || bytes.len() > most {
            problems.push(Problem::new("content", format!("1 to {most} bytes")));
        }
        let content_type = type_of(declared, bytes).unwrap_or_else(|said| {
            problems.push(Problem::new("content-type", said));
            String::new()
        });
        if !problems.is_empty() {
            return Err(Error::problems("invalid-file", problems));
        }
        let known = rows(context, workspace).await?;
        let old = known.iter().find(|one| one.name == name);
        if old.is_none() && known.len() >= MOST {
            return Err(Error::conflict(
                "too-many-files",
                format!("a workspace has at most {MOST} files: delete one first"),
            ));
        }
        self.sweep(workspace, &known).await?;
        let now = context.now();
        let row = Row {
            workspace: workspace.to_owned(),
            name: name.to_owned(),
            id: context.new_id("fil", 0),
            token: old.map_or_else(token, |old| old.token.clone()),
            content_type,
            size: i64::try_from(bytes.len()).unwrap_or(i64::MAX),
            digest: hex::encode(Sha256::digest(bytes)),
            created_at: old.map_or(now, |old| old.created_at),
            updated_at: now,
        };
        let pieces = std::iter::once(&[][..]).chain(bytes.chunks(PIECE));
        for (seq, piece) in (0_i64..).zip(pieces) {
            let mut commit = Commit::control();
            commit.put(&FileChunk {
                workspace: workspace.to_owned(),
                file: row.id.clone(),
                seq,
                bytes: STANDARD.encode(piece),
                at: now,
            });
            context.store().commit(commit).await?;
        }
        let mut commit = Commit::control();
        commit.put(&row);
        if let Some(old) = old {
            commit.delete::<FileChunk>([workspace.into(), old.id.clone().into()]);
        }
        context.store().commit(commit).await?;
        context.forget();
        let made = old.is_none();
        Ok((context.shown(row), made))
    }

    /// Deletes a file with its bytes.
    ///
    /// # Errors
    /// `not-found`; `conflict` where a template or a snippet names it.
    pub async fn delete(&self, workspace: &str, name: &str) -> Result<()> {
        let context = &*self.context;
        let row = self.row(workspace, name).await?;
        let templates = Query::<Template>::all().equal("workspace", workspace);
        let templates = context.store().find(templates.ascending("name")).await?;
        let template = templates.iter().find(|one| {
            let texts = [Some(&one.html), one.subject.as_ref(), one.text.as_ref()];
            let mut texts = texts.into_iter().flatten();
            texts.any(|text| names_file(text, name))
        });
        let snippets = Query::<Snippet>::all().equal("workspace", workspace);
        let snippets = context.store().find(snippets.ascending("name")).await?;
        let snippet = snippets.iter().find(|one| names_file(&one.text, name));
        let needs = template
            .map(|one| format!("the template `{}`", one.name))
            .or_else(|| snippet.map(|one| format!("the snippet `{}`", one.name)));
        if let Some(needs) = needs {
            return Err(Error::conflict(
                "file-in-use",
                format!("{needs} names the file `{name}`: change it first"),
            ));
        }
        let mut commit = Commit::control();
        commit.delete::<Row>([workspace.into(), name.into()]);
        commit.delete::<FileChunk>([workspace.into(), row.id.into()]);
        context.store().commit(commit).await?;
        context.forget();
        Ok(())
    }

    async fn row(&self, workspace: &str, name: &str) -> Result<Row> {
        let query = Query::<Row>::all()
            .equal("workspace", workspace)
            .equal("name", name);
        let row = self.context.store().first(query).await?;
        row.ok_or_else(|| Error::not_found("no-file", format!("there is no file `{name}`")))
    }

    /// Removes the pieces of uploads that broke off, and of those that another one overtook.
    async fn sweep(&self, workspace: &str, known: &[Row]) -> Result<()> {
        let context = &*self.context;
        let kept: HashSet<&str> = known.iter().map(|row| row.id.as_str()).collect();
        let before = context.now().saturating_sub(ABANDONED);
        let begun = Query::<FileChunk>::all()
            .equal("workspace", workspace)
            .equal("seq", 0)
            .filter("at", Is::Less, before);
        for chunk in context.store().find(begun).await? {
            if !kept.contains(chunk.file.as_str()) {
                let mut commit = Commit::control();
                commit.delete::<FileChunk>([workspace.into(), chunk.file.into()]);
                context.store().commit(commit).await?;
            }
        }
        Ok(())
    }
}

fn content(context: &Arc<Context>, row: Row) -> Content {
    Content {
        context: Arc::clone(context),
        workspace: row.workspace.clone(),
        id: row.id.clone(),
        next: 1,
        left: row.size,
        file: context.shown(row),
    }
}

async fn at(context: &Context, token: &str, name: &str) -> Result<Option<Row>> {
    let query = Query::<Row>::all().equal("token", token);
    let row = context.store().first(query).await?;
    Ok(row.filter(|row| row.name == name))
}

async fn rows(context: &Context, workspace: &str) -> Result<Vec<Row>> {
    let query = Query::<Row>::all()
        .equal("workspace", workspace)
        .ascending("name");
    Ok(context.store().find(query).await?)
}

impl Context {
    fn shown(&self, row: Row) -> FileView {
        FileView {
            url: self.file_url(&row),
            name: row.name,
            content_type: row.content_type,
            size: row.size,
            digest: row.digest,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }

    /// What all addresses of files begin with.
    fn file_root(&self) -> String {
        format!("{}/files/", self.options.public_url.trim_end_matches('/'))
    }

    fn file_url(&self, row: &Row) -> String {
        format!("{}{}/{}", self.file_root(), row.token, row.name)
    }

    /// What variables see of a workspace's files.
    pub(crate) async fn files(&self, workspace: &str) -> Result<Addresses> {
        if let Some(found) = self.files.get(workspace, self.now()) {
            return Ok(found);
        }
        let ticket = self.files.ticket();
        let rows = rows(self, workspace).await?;
        let all = rows.into_iter().map(|row| {
            let url = self.file_url(&row);
            (row.name, url)
        });
        let all: Addresses = Arc::new(all.collect());
        self.files
            .put(workspace, Arc::clone(&all), self.copy_until(), ticket);
        Ok(all)
    }
}

/// Answers `files.read`.
pub(crate) async fn answer(
    context: &Arc<Context>,
    workspace: &str,
    name: &str,
) -> Result<std::result::Result<Vec<u8>, CallError>> {
    let all = rows(context, workspace).await?;
    let Some(row) = all.iter().find(|row| row.name == name) else {
        let names: Vec<&str> = all.iter().take(20).map(|row| row.name.as_str()).collect();
        let there = if names.is_empty() {
            "there is none yet".to_owned()
        } else {
            format!("there are: {}", names.join(", "))
        };
        let said = format!("there is no file `{name}`; {there}");
        return Ok(Err(refusal("not-found", said)));
    };
    if row.size > MOST_READ {
        let said = format!("`{name}` has more than {MOST_READ} bytes");
        return Ok(Err(refusal("too-large", said)));
    }
    Ok(Ok(content(context, row.clone()).whole().await?))
}

/// Puts the bytes of the workspace's own files into a mail, where it names their addresses.
pub(crate) async fn inline(
    context: &Arc<Context>,
    workspace: &str,
    message: &mut Value,
) -> Result<std::result::Result<(), Trouble>> {
    let root = context.file_root();
    let attachments = message.pointer_mut("/content/attachments");
    let attachments = attachments.and_then(Value::as_array_mut);
    let mut total = 0;
    for attachment in attachments.into_iter().flatten() {
        let url = attachment.get("url").and_then(Value::as_str);
        let Some(rest) = url.and_then(|url| url.strip_prefix(&root)) else {
            continue;
        };
        let (token, name) = rest.split_once('/').unwrap_or((rest, ""));
        let row = at(context, token, name).await?;
        let Some(row) = row.filter(|row| row.workspace == workspace) else {
            let said = format!("the file `{name}` was deleted, so the mail cannot have it");
            return Ok(Err(Trouble::new("content-rejected", said)));
        };
        total += row.size;
        if total > MOST_IN_MAIL {
            let said = "the files of the mail are larger than 25 MiB together";
            return Ok(Err(Trouble::new("content-rejected", said)));
        }
        let content_type = row.content_type.clone();
        let bytes = content(context, row).whole().await?;
        let name = json!(name);
        let Some(entries) = attachment.as_object_mut() else {
            continue;
        };
        entries.shift_remove("url");
        entries.insert("content".to_owned(), STANDARD.encode(bytes).into());
        entries.entry("file-name").or_insert(name);
        entries.entry("content-type").or_insert(content_type.into());
    }
    Ok(Ok(()))
}

/// 128 bits that nobody can guess.
fn token() -> String {
    let bytes: [u8; 16] = rand::rng().random();
    hex::encode(bytes)
}

/// Whether a file may be called so: what can stand in a variable and in an address as it is.
fn is_file_name(name: &str) -> bool {
    let word = |word: &str| {
        word.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit())
            && word
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b))
    };
    name.len() <= LONGEST_NAME && name.split('.').all(word)
}

/// The type of a file: the declared one where the bytes do not speak against it.
///
/// # Errors
/// What would be right.
fn type_of(declared: Option<&str>, bytes: &[u8]) -> std::result::Result<String, String> {
    let seen = infer::get(bytes).map(|kind| kind.mime_type());
    let declared = match declared {
        None | Some("" | BYTES) => return Ok(with_charset(seen.unwrap_or(BYTES), bytes)),
        Some(declared) => usual(declared),
    };
    if !is_media_type(declared) {
        return Err(format!(
            "`{declared}` is no media type: write one such as `application/pdf`"
        ));
    }
    let fits = match seen {
        Some(seen) => agree(declared, seen),
        None => !is_recognised(declared),
    };
    if fits {
        return Ok(with_charset(declared, bytes));
    }
    Err(match seen {
        Some(seen) => format!("the bytes are `{seen}`, not `{declared}`: declare what they are"),
        None => format!("the bytes are no `{declared}`: declare what they are"),
    })
}

/// One name for types that have several.
fn usual(declared: &str) -> &str {
    match declared {
        "image/jpg" => "image/jpeg",
        "audio/mp3" => "audio/mpeg",
        "audio/x-wav" | "audio/wave" => "audio/wav",
        "application/x-gzip" => "application/gzip",
        "application/x-zip-compressed" => "application/zip",
        "application/x-pdf" => "application/pdf",
        other => other,
    }
}

fn is_media_type(text: &str) -> bool {
    let token = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
    };
    text.len() <= LONGEST_TYPE
        && text
            .split_once('/')
            .is_some_and(|(kind, subtype)| token(kind) && token(subtype))
}

fn kind(media: &str) -> &str {
    media.split('/').next().unwrap_or_default()
}

/// Whether bytes that look like the one may be the other: containers hold many types.
fn agree(declared: &str, seen: &str) -> bool {
    let seen = usual(seen);
    let sounds = ["audio", "video"];
    declared == seen
        || (sounds.contains(&kind(declared)) && sounds.contains(&kind(seen)))
        || (kind(declared) == "text" && kind(seen) == "text")
        || (declared.ends_with("xml") && seen.ends_with("xml"))
        || (["application/zip", "application/x-ole-storage"].contains(&seen)
            && kind(declared) == "application"
            && !is_recognised(declared))
}

/// Types whose bytes are always known: what is declared so and looks like nothing is not it.
fn is_recognised(declared: &str) -> bool {
    let pictured = ["image", "audio", "video"].contains(&kind(declared));
    (pictured && declared != "image/svg+xml")
        || ["application/pdf", "application/zip", "application/gzip"].contains(&declared)
}

fn with_charset(media: &str, bytes: &[u8]) -> String {
    if kind(media) == "text" && std::str::from_utf8(bytes).is_ok() {
        return format!("{media}; charset=utf-8");
    }
    media.to_owned()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    const PDF: &[u8] = b"%PDF-1.7\n";
    const ZIP: &[u8] = b"PK\x03\x04\x14\0\0\0";

    #[test]
    fn a_type_is_what_the_bytes_are() {
        for (declared, bytes, right) in [
            (None, PNG, Some("image/png")),
            (Some(BYTES), PDF, Some("application/pdf")),
            (None, &b"hello"[..], Some(BYTES)),
            (Some("image/png"), PNG, Some("image/png")),
            (Some("text/csv"), b"a;b", Some("text/csv; charset=utf-8")),
            (Some("text/plain"), b"\xff\xfe", Some("text/plain")),
            (
                Some("application/epub+zip"),
                ZIP,
                Some("application/epub+zip"),
            ),
            (
                Some("image/svg+xml"),
                b"<svg xmlns='x'/>",
                Some("image/svg+xml"),
            ),
            (Some("application/json"), b"{}", Some("application/json")),
            (Some("image/jpeg"), PNG, None),
            (Some("image/png"), b"hello", None),
            (Some("application/pdf"), ZIP, None),
            (Some("text/html"), PNG, None),
            (Some("png"), PNG, None),
            (Some("text/pl ain"), b"x", None),
        ] {
            let found = type_of(declared, bytes);
            assert_eq!(found.ok().as_deref(), right, "{declared:?}");
        }
    }

    #[test]
    fn names_stand_in_variables_and_addresses_as_they_are() {
        for name in ["a", "price-list.pdf", "2026_10.tar.gz", &"a".repeat(100)] {
            assert!(is_file_name(name), "{name}");
        }
        for name in [
            "",
            ".",
            "..",
            "a.",
            ".a",
            "a..b",
            "A.pdf",
            "a b",
            "a/b",
            "-a",
            "é",
            "a%2fb",
            &"a".repeat(101),
        ] {
            assert!(!is_file_name(name), "{name}");
        }
    }

    proptest! {
        #[test]
        fn every_name_is_a_variable(name in "[a-z0-9][a-z0-9_-]{0,8}(\\.[a-z0-9][a-z0-9_-]{0,5}){0,3}") {
            prop_assert!(is_file_name(&name));
            let text = format!("a ${{file.{name}}} b");
            prop_assert!(names_file(&text, &name));
        }

        #[test]
        fn whatever_comes_a_type_can_stand_in_a_header(declared in ".{0,40}", bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(found) = type_of(Some(&declared), &bytes) {
                prop_assert!(found.bytes().all(|b| (0x20..0x7f).contains(&b)));
            }
        }

        #[test]
        fn tokens_are_not_the_same(_ in 0..8) {
            prop_assert_ne!(token(), token());
        }
    }

    #[test]
    fn a_token_is_long() {
        assert_eq!(hex::decode(token()).unwrap().len(), 16);
    }
}
