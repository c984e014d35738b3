//! Where components come from, and where authors put them: files, web servers and OCI registries.
//!
//! Used by the command line alone; a host never goes out to fetch. [`fetch`] brings the bytes of a
//! component, its signature where there is one, and the place to ask again for a newer one;
//! [`push`] puts a component into a registry in the layout that the tools of the WebAssembly world
//! share (the CNCF's "Wasm OCI Artifact layout"), so that any of them can read it.
//!
//! Whoever answers is not trusted. What must hold:
//!
//! 1. **Everything is finite** ([`Limits`]): bytes of every answer, error pages and tokens included;
//!    the time until a connection stands, the time in which nothing moves, and the time for the
//!    whole. Nothing is kept in memory beyond what was declared and allowed.
//! 2. **What comes back is what was asked for.** A digest in the source, and the digests and sizes
//!    in a manifest, are checked before a byte is handed on. Nothing is decompressed on the way.
//! 3. **Encryption is not lost on the way.** Plain HTTP is for this machine, or asked for
//!    ([`Options::insecure`]); a redirect never leads from https to http.
//! 4. **Credentials go to whom they are for.** They are Docker's own, read when a registry asks for
//!    them, sent to it or to the token service that it names over https, dropped by a redirect
//!    elsewhere, and in no error.
//!
//! Whether a signature is right, and whether a component may be installed, is not decided here.
//!
//! The vocabulary of registries (references, manifests, error envelopes) is that of the crate
//! `oci-client`. Its client is not used: it reads manifests, tokens and error pages into memory
//! without a cap, follows redirects from https to http and gives no way to change either, so the
//! requests, six in number, are made by the one bounded client of this crate ([`http`]).

mod component;
mod digest;
mod error;
mod file;
mod http;
mod oci;
mod options;
mod progress;
mod signature;
mod source;
mod text;
mod web;

pub use error::Error;
pub use options::{Limits, Options};
pub use progress::{Progress, Silent};
pub use source::{Address, Reference, Source};

use std::collections::BTreeMap;
use std::time::Duration;

/// A component that was fetched.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The component.
    pub bytes: Vec<u8>,
    /// Where to ask again for a newer one: the source's own text; of a file the absolute path.
    pub source: String,
    /// The text of the minisign signature beside it. Not judged.
    pub signature: Option<String>,
    /// The digest of the bytes, `sha256:…`.
    pub digest: String,
    /// The digest of the manifest, `sha256:…`; from a registry alone.
    pub manifest: Option<String>,
}

/// What is put into a registry.
#[derive(Clone, Debug, Default)]
pub struct Artifact {
    /// The component.
    pub bytes: Vec<u8>,
    /// The text of its minisign signature file. It stands in the manifest as the annotation
    /// `dev.jackfield.signature`.
    pub signature: Option<String>,
    /// Annotations of the manifest, such as `org.opencontainers.image.title`.
    pub annotations: BTreeMap<String, String>,
}

/// What was put into a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// The source that gives exactly this one: `oci://HOST/NAME:TAG@sha256:…`.
    pub reference: String,
    /// The digest of the manifest. The same artefact has the same digest wherever and whenever it is
    /// pushed.
    pub digest: String,
}

/// Brings a component.
///
/// # Errors
/// When it is not there, is not given, is not what was asked for, or passes a limit.
pub async fn fetch(
    source: &Source,
    options: &Options,
    progress: &dyn Progress,
) -> Result<Fetched, Error> {
    let fetching = async {
        match source {
            Source::File(path) => file::fetch(path, options.limits).await,
            Source::Url(address) => web::fetch(address, options, progress).await,
            Source::Oci(reference) => oci::fetch(reference, options, progress).await,
        }
    };
    within(options.limits.whole, &source.to_string(), fetching).await
}

/// Puts a component into a registry.
///
/// # Errors
/// When it is no component, the registry does not take it, or a limit is passed.
pub async fn push(
    reference: &Reference,
    artifact: &Artifact,
    options: &Options,
    progress: &dyn Progress,
) -> Result<Pushed, Error> {
    let pushing = oci::push(reference, artifact, options, progress);
    within(options.limits.whole, &reference.to_string(), pushing).await
}

/// Gives up when the time for the whole is over.
async fn within<T>(
    time: Duration,
    what: &str,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    // On the heap: what waits for a network is large, and the callers' futures hold it.
    match tokio::time::timeout(time, Box::pin(work)).await {
        Ok(done) => done,
        Err(_) => Err(Error::Slow {
            what: what.to_owned(),
            after: time,
        }),
    }
}
