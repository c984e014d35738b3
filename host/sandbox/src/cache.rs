//! Compiled components on disk.
//!
//! Compiling takes seconds, loading a compiled file a fraction of a millisecond; so every
//! component is compiled once, at install. A file is named by the digest of the component and by
//! the engine's compatibility hash: a host with another wasmtime, other settings or another
//! processor looks for other names and compiles afresh.
//!
//! What must hold: wasmtime runs what such a file says without checking it. So only this module
//! writes them, whole (temporary file, sync, rename), readable and writable by the host's own user
//! alone, and a file that others could have written is not read.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::hash::{Hash, Hasher};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest as _, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

/// The folder of compiled components, for one engine.
pub(crate) struct Cache {
    folder: PathBuf,
    compatibility: String,
}

impl Cache {
    /// Opens the folder, or makes it.
    pub(crate) fn open(folder: &Path, engine: &Engine) -> io::Result<Cache> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
        let mut hasher = Fingerprint(Sha256::new());
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Ok(Cache {
            folder: folder.to_owned(),
            compatibility: hex::encode(&hasher.0.finalize()[..8]),
        })
    }

    fn path(&self, digest: &str) -> PathBuf {
        // Hex digits, whatever the caller says: a name never leads out of the folder.
        let name: String = digest
            .strip_prefix("sha256:")
            .unwrap_or(digest)
            .chars()
            .filter(char::is_ascii_hexdigit)
            .collect();
        self.folder
            .join(format!("{name}-{}.cwasm", self.compatibility))
    }

    /// Loads a compiled component; none where there is none that can be used.
    pub(crate) fn load(&self, digest: &str, engine: &Engine) -> Option<Component> {
        let path = self.path(digest);
        let metadata = fs::symlink_metadata(&path).ok()?;
        if !metadata.is_file() || metadata.mode() & 0o022 != 0 {
            tracing::warn!(
                path = %path.display(),
                "a compiled component that others may write is not used; it is compiled again"
            );
            return None;
        }
        // SAFETY: files of this name are written by `store` alone, whole or not at all, from the
        // output of this engine's compiler, and nobody but the host's own user may write them.
        // They are never changed in place: `store` renames a new file over the old.
        match unsafe { Component::deserialize_file(engine, &path) } {
            Ok(component) => Some(component),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "a compiled component is unusable; it is compiled again");
                None
            }
        }
    }

    /// Keeps what the compiler made.
    pub(crate) fn store(&self, digest: &str, compiled: &[u8]) -> io::Result<()> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let path = self.path(digest);
        let temporary = self.folder.join(format!(
            ".{}-{}.tmp",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        ));
        let written = (|| {
            // Left over by a process of the same number that died.
            let _ = fs::remove_file(&temporary);
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&temporary)?;
            file.write_all(compiled)?;
            file.sync_all()?;
            fs::rename(&temporary, &path)?;
            File::open(&self.folder)?.sync_all()
        })();
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        written
    }

    /// Forgets a compiled component. One that is loaded goes on working.
    pub(crate) fn remove(&self, digest: &str) {
        let _ = fs::remove_file(self.path(digest));
    }
}

/// A hasher whose result is the same in every build of the host.
struct Fingerprint(Sha256);

impl Hasher for Fingerprint {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }
    fn finish(&self) -> u64 {
        // Nobody asks for it: the whole digest is taken.
        0
    }
}
