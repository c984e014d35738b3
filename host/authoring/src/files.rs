//! The files of a new project: its template, the SDK and the contract, all from this program, so
//! that they fit each other and nothing has to be fetched.
//!
//! A template is a folder of files that are read as they are, with a few places filled in. What
//! must hold: it builds without a change (a test does so).

use crate::errors::{BuildError, NewError};
use crate::languages::Source;
use crate::project::{Kind, New};
use include_dir::{Dir, DirEntry, include_dir};
use std::path::Path;
use std::{fs, io};

static WIT: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../wit");
/// The cases of a new project: the same in every language, because what it does is.
static STEP: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates/step");
static CONNECTOR: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates/connector");

/// Where the contract and the SDK stand in a new project.
pub(crate) const JACKFIELD: &str = "jackfield";

pub(crate) fn write(folder: &Path, new: &New, needs: &str) -> Result<(), NewError> {
    let chain = new.language.chain();
    let filled = |text: &str| {
        text.replace("{{name}}", &new.name)
            .replace("{{Name}}", &capitals(&new.name))
            .replace("{{title}}", &title(&new.name))
            .replace("{{crate}}", &new.name.replace('-', "_"))
            .replace("{{kind}}", new.kind.name())
            .replace("{{needs}}", needs)
    };
    let [common, own] = chain.templates(new.kind);
    let cases = match new.kind {
        Kind::Step => &STEP,
        Kind::Connector => &CONNECTOR,
    };
    for template in [common, own, cases] {
        each(template, &mut |path, bytes| {
            // Ends in `.in` where a tool would take the template itself for what it becomes.
            let path = path.strip_suffix(".in").unwrap_or(path);
            let text = String::from_utf8_lossy(bytes);
            put(&folder.join(path), filled(&text).as_bytes())
        })?;
    }
    let whole = |place: &Path, files: &Dir<'_>| {
        each(files, &mut |path, bytes| put(&place.join(path), bytes))
    };
    whole(&folder.join(JACKFIELD).join("wit"), &WIT)?;
    for (place, source) in chain.sdk {
        let place = folder.join(place);
        match source {
            Source::Folder(files) => whole(&place, files)?,
            Source::File(bytes) => put(&place, bytes)?,
        }
    }
    Ok(())
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

/// The folders that Python's interpreter leaves beside sources.
pub(crate) const LEFT_OVER: &str = "__pycache__";

/// Every file below a folder, by its path in it.
fn each(
    folder: &Dir<'_>,
    act: &mut impl FnMut(&str, &[u8]) -> Result<(), NewError>,
) -> Result<(), NewError> {
    for entry in folder.entries() {
        match entry {
            DirEntry::Dir(folder) if folder.path().ends_with(LEFT_OVER) => {}
            DirEntry::Dir(folder) => each(folder, act)?,
            DirEntry::File(file) => {
                act(&file.path().to_string_lossy(), file.contents())?;
            }
        }
    }
    Ok(())
}

fn put(path: &Path, bytes: &[u8]) -> Result<(), NewError> {
    save(path, bytes).map_err(|cause| NewError::Write {
        path: path.to_owned(),
        cause,
    })
}

/// Writes a file of a build, and the folders above it.
pub(crate) fn write_built(path: &Path, bytes: &[u8]) -> Result<(), BuildError> {
    save(path, bytes).map_err(|cause| BuildError::Write {
        path: path.to_owned(),
        cause,
    })
}

/// Reads a file of a build.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, BuildError> {
    fs::read(path).map_err(|cause| BuildError::Read {
        path: path.to_owned(),
        cause,
    })
}

fn save(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, bytes)
}
