//! Components from files.

use crate::component;
use crate::digest::Digest;
use crate::options::Limits;
use crate::{Error, Fetched, signature};
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Reads the file, and the signature beside it where there is one.
pub(crate) async fn fetch(path: &Path, limits: Limits) -> Result<Fetched, Error> {
    let given = path.to_owned();
    let read = tokio::task::spawn_blocking(move || read_both(&given, limits));
    read.await.map_err(|why| Error::File {
        path: path.to_owned(),
        why: why.to_string(),
    })?
}

fn read_both(path: &Path, limits: Limits) -> Result<Fetched, Error> {
    let absolute = std::path::absolute(path).map_err(|why| Error::File {
        path: path.to_owned(),
        why: why.to_string(),
    })?;
    let what = absolute.display().to_string();
    let bytes = read(&absolute, limits.bytes)?.ok_or_else(|| Error::NotFound {
        what: what.clone(),
        said: "there is no such file".to_owned(),
    })?;
    component::check(&what, &bytes)?;
    let beside = beside(&absolute);
    let signature = match read(&beside, limits.signature)? {
        Some(text) => Some(signature::read(
            &beside.display().to_string(),
            text,
            limits.signature,
        )?),
        None => None,
    };
    Ok(Fetched {
        digest: Digest::of(&bytes).to_string(),
        bytes,
        source: what,
        signature,
        manifest: None,
    })
}

/// `FILE.minisig`
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(signature::ENDING);
    PathBuf::from(name)
}

/// The whole of a file of at most `most` bytes; none if there is no such file.
fn read(path: &Path, most: u64) -> Result<Option<Vec<u8>>, Error> {
    let failed = |why: String| Error::File {
        path: path.to_owned(),
        why,
    };
    // Asked before it is opened: opening a pipe waits for whoever writes to it.
    let kind = match std::fs::metadata(path) {
        Ok(kind) => kind,
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(why) => return Err(failed(why.to_string())),
    };
    if !kind.is_file() {
        let found = if kind.is_dir() { "a folder" } else { "no file" };
        return Err(failed(format!("it is {found}")));
    }
    let too_large = || Error::TooLarge {
        what: path.display().to_string(),
        most,
    };
    if kind.len() > most {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(most.saturating_add(1)).read_to_end(&mut bytes))
        .map_err(|why| failed(why.to_string()))?;
    match bytes.len() as u64 > most {
        true => Err(too_large()),
        false => Ok(Some(bytes)),
    }
}
