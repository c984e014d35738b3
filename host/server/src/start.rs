//! The first start: the workspace `main`, an operator's key, the key that seals secrets; and the
//! plugins of a folder.
//!
//! The operator's key goes into a file that only the host's user can read, before it is known to
//! the database: a start that is cut off in between leaves a file that opens nothing, and the next
//! start writes another.

use crate::cli::client::OPERATOR_KEY;
use crate::http::auth::{EVERY, MAIN};
use crate::http::key::Key;
use crate::http::scopes;
use jackfield_engine::{Engine, Offer, PluginError, PluginView, Role};
use jackfield_messaging::{KeyError, SecretKey};
use jackfield_store::records::{ApiKey, Organisation, Secret, Workspace};
use jackfield_store::{Commit, CommitError, Query, ReadError, StoreExt};
use serde_json::json;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The file of the key that seals secrets.
pub(crate) const SECRET_KEY: &str = "secret.key";

/// Why a host could not be prepared.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A file cannot be read or written.
    #[error("{path} cannot be used ({source}); check its owner and permissions")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The key that seals secrets.
    #[error(transparent)]
    SecretKey(#[from] KeyError),
    /// The database's secrets were sealed with another key.
    #[error(
        "the secrets in this database were sealed with another key: give every host that shares it \
         the same one (--secret-key-file, or the file secret.key of the first host's data folder)"
    )]
    OtherKey,
    /// The database.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The database.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// A component of the plugins folder.
    #[error("{path} cannot be installed: {source}")]
    Plugin {
        /// Which.
        path: PathBuf,
        /// Why.
        source: Box<PluginError>,
    },
}

fn at(path: &Path) -> impl FnOnce(std::io::Error) -> StartError {
    let path = path.to_owned();
    move |source| StartError::File { path, source }
}

/// Makes a folder that only its owner can read.
///
/// # Errors
/// When it cannot be made.
pub(crate) fn private_folder(path: &Path) -> Result<(), StartError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(at(path))
}

/// Writes a file that only its owner can read, whole or not at all.
fn private_file(path: &Path, content: &str) -> Result<(), StartError> {
    let next = path.with_extension("new");
    // One that an earlier start left half-written.
    let _ = std::fs::remove_file(&next);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&next).map_err(at(&next))?;
    file.write_all(content.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(at(&next))?;
    std::fs::rename(&next, path).map_err(at(path))
}

/// The key that seals secrets: of the file that was named, or of the data folder, where the first
/// start makes one.
///
/// # Errors
/// When it cannot be read or made.
pub(crate) fn secret_key(data: &Path, named: Option<&Path>) -> Result<SecretKey, StartError> {
    if let Some(path) = named {
        return Ok(SecretKey::from_file(path)?);
    }
    let path = data.join(SECRET_KEY);
    if !path.exists() {
        private_file(
            &path,
            &format!("{}\n", SecretKey::generate().to_base64().as_str()),
        )?;
    }
    Ok(SecretKey::from_file(&path)?)
}

/// Checks that the key is the one with which the secrets of this database are sealed: hosts that
/// share a database share the key. A database that has no mark of a key gets this one's.
///
/// # Errors
/// `OtherKey`; the database's own.
pub(crate) async fn same_key(engine: &Engine, key: &SecretKey) -> Result<(), StartError> {
    let mark = key.mark(engine.clock().now());
    let store = engine.store();
    let query = Query::<Secret>::all()
        .equal("workspace", mark.workspace.as_str())
        .equal("owner", mark.owner.as_str())
        .equal("name", mark.name.as_str());
    let mut known = store.first(query.clone()).await?;
    if known.is_none() {
        let mut commit = Commit::control();
        commit.insert(&mark);
        match store.commit(commit).await {
            Ok(()) => return Ok(()),
            // Another host was first.
            Err(CommitError::Exists { .. }) => known = store.first(query).await?,
            Err(error) => return Err(error.into()),
        }
    }
    match known {
        Some(mark) if key.opens(&mark) => Ok(()),
        _ => Err(StartError::OtherKey),
    }
}

/// Makes what a new database lacks. Answers with the operator's key file if one was written.
///
/// # Errors
/// When the database or the file cannot be used.
pub(crate) async fn first(engine: &Engine, data: &Path) -> Result<Option<PathBuf>, StartError> {
    let store = engine.store();
    let now = engine.clock().now();
    let main = store
        .first(Query::<Workspace>::all().equal("id", MAIN))
        .await?;
    let operator = store
        .first(Query::<ApiKey>::all().equal("workspace", EVERY))
        .await?;
    let mut commit = Commit::control();
    if main.is_none() {
        commit.put(&Organisation {
            id: MAIN.to_owned(),
            title: "Main".to_owned(),
            created_at: now,
        });
        commit.insert(&Workspace {
            id: MAIN.to_owned(),
            organisation: MAIN.to_owned(),
            title: "Main".to_owned(),
            settings: json!({}),
            created_at: now,
        });
    }
    let mut written = None;
    if operator.is_none() {
        let key = Key::mint(&mut rand::rng());
        let path = data.join(OPERATOR_KEY);
        private_file(&path, &format!("{}\n", key.reveal()))?;
        commit.insert(&ApiKey {
            id: key.id.clone(),
            workspace: EVERY.to_owned(),
            name: "operator".to_owned(),
            hash: key.hash(),
            scopes: json!([scopes::ALL]),
            created_at: now,
            expires_at: None,
            revoked_at: None,
        });
        written = Some(path);
    }
    if commit.is_empty() {
        return Ok(None);
    }
    match store.commit(commit).await {
        Ok(()) => Ok(written),
        // Another host was first, and has the operator's key.
        Err(CommitError::Exists { .. }) => {
            if let Some(path) = written {
                std::fs::remove_file(&path).map_err(at(&path))?;
            }
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Installs every component of a folder and approves all that it asks for. What is installed and
/// granted already stays as it is. A signature is looked for beside each, in `NAME.wasm.minisig`.
///
/// # Errors
/// When the folder cannot be read, or a component not be installed.
pub(crate) async fn plugins(engine: &Engine, folder: &Path) -> Result<Vec<PluginView>, StartError> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(at(folder))? {
        let path = entry.map_err(at(folder))?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "wasm")
        {
            files.push(path);
        }
    }
    files.sort();
    let mut installed = Vec::with_capacity(files.len());
    for path in files {
        let mut beside = path.clone().into_os_string();
        beside.push(".minisig");
        let offer = Offer {
            bytes: std::fs::read(&path).map_err(at(&path))?,
            source: None,
            signature: std::fs::read_to_string(beside).ok(),
        };
        let now = engine.clock().now();
        let failed = |source| StartError::Plugin {
            path: path.clone(),
            source: Box::new(source),
        };
        let plugins = engine.plugins();
        let mut view = plugins
            .install(offer, &Role::Folder, now)
            .await
            .map_err(failed)?;
        if view.approved.is_none() {
            view = plugins
                .grant(&view.digest, None, now)
                .await
                .map_err(failed)?;
        }
        installed.push(view);
    }
    if !installed.is_empty() {
        engine.plugins_changed();
    }
    Ok(installed)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_key_that_seals_secrets_is_made_once_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let first = secret_key(folder.path(), None).unwrap();
        let path = folder.path().join(SECRET_KEY);
        let second = secret_key(folder.path(), None).unwrap();
        assert_eq!(first.to_base64().as_str(), second.to_base64().as_str());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(
                std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
                0o600
            );
        }
        assert!(secret_key(folder.path(), Some(&folder.path().join("none"))).is_err());
    }
}
