//! The files of a new project: its template, the SDK and the contract, all from this program, so
//! that they fit each other and nothing has to be fetched.
//!
//! A template is a folder of files that are read as they are, with a few places filled in. What
//! must hold: it builds without a change (a test does so).

use crate::errors::NewError;
use crate::project::{Kind, Language, New};
use include_dir::{Dir, DirEntry, include_dir};
use std::fs;
use std::path::Path;

static WIT: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../wit");
static RUST_SDK: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../sdk/rust/src");
static RUST_SDK_MANIFEST: &[u8] = include_bytes!("../../../sdk/rust/Cargo.toml");
/// The versions that the SDK is tested with.
static RUST_LOCK: &[u8] = include_bytes!("../../../sdk/rust/Cargo.lock");
/// What steps and connectors have alike.
static RUST: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates/rust");
static RUST_STEP: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates/rust-step");
static RUST_CONNECTOR: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates/rust-connector");

/// Where the SDK and the contract stand in a project.
const OURS: &str = "jackfield";

pub(crate) fn write(folder: &Path, new: &New, needs: &str) -> Result<(), NewError> {
    let templates = match (new.language, new.kind) {
        (Language::Rust, Kind::Step) => [&RUST, &RUST_STEP],
        (Language::Rust, Kind::Connector) => [&RUST, &RUST_CONNECTOR],
    };
    let filled = |text: &str| {
        text.replace("{{name}}", &new.name)
            .replace("{{Name}}", &capitals(&new.name))
            .replace("{{title}}", &title(&new.name))
            .replace("{{crate}}", &new.name.replace('-', "_"))
            .replace("{{kind}}", new.kind.name())
            .replace("{{needs}}", needs)
    };
    for template in templates {
        each(template, &mut |path, bytes| {
            // Ends in `.in` where a tool would take the template itself for what it becomes.
            let path = path.strip_suffix(".in").unwrap_or(path);
            let text = String::from_utf8_lossy(bytes);
            put(&folder.join(path), filled(&text).as_bytes())
        })?;
    }
    let ours = folder.join(OURS);
    each(&WIT, &mut |path, bytes| {
        put(&ours.join("wit").join(path), bytes)
    })?;
    match new.language {
        Language::Rust => {
            let sdk = ours.join("sdk/rust");
            put(&folder.join("Cargo.lock"), RUST_LOCK)?;
            put(&sdk.join("Cargo.toml"), RUST_SDK_MANIFEST)?;
            each(&RUST_SDK, &mut |path, bytes| {
                put(&sdk.join("src").join(path), bytes)
            })
        }
    }
}

/// `crm-lookup` is `CrmLookup`.
fn capitals(name: &str) -> String {
    name.split('-').map(capital).collect()
}

/// `crm-lookup` is `Crm lookup`.
fn title(name: &str) -> String {
    capital(&name.replace('-', " "))
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters
        .next()
        .map(|first| first.to_ascii_uppercase())
        .into_iter()
        .chain(letters)
        .collect()
}

/// Every file below a folder, by its path in it.
fn each(
    folder: &Dir<'_>,
    act: &mut impl FnMut(&str, &[u8]) -> Result<(), NewError>,
) -> Result<(), NewError> {
    for entry in folder.entries() {
        match entry {
            DirEntry::Dir(folder) => each(folder, act)?,
            DirEntry::File(file) => {
                act(&file.path().to_string_lossy(), file.contents())?;
            }
        }
    }
    Ok(())
}

fn put(path: &Path, bytes: &[u8]) -> Result<(), NewError> {
    let written = path
        .parent()
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| fs::write(path, bytes));
    written.map_err(|cause| NewError::Write {
        path: path.to_owned(),
        cause,
    })
}
