//! Why a component could not be fetched or pushed.
//!
//! Each variant is one thing that a person can do something about, and its text says what was wrong
//! and what would be right. Nothing decides by a text. What a stranger said (an error page, a name in
//! a manifest, a header) stands in it only after [`crate::text::clean`]: no control characters, a few
//! hundred characters at most. No variant holds credentials.

use std::path::PathBuf;
use std::time::Duration;

/// Why a component could not be fetched or pushed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text names no place that a component can come from or go to.
    #[error("`{text}` is no source of a component: {why}")]
    Source {
        /// What was given.
        text: String,
        /// What is wrong with it, and what would be right.
        why: String,
    },
    /// The caller's own settings are wrong.
    #[error("{what}")]
    Options {
        /// Which, and what would be right.
        what: String,
    },
    /// A file cannot be read.
    #[error("{} cannot be read: {why}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// There is nothing at this place.
    #[error("{what} does not exist: {said}")]
    NotFound {
        /// What was asked for, and where.
        what: String,
        /// What the other side said, or how it said it.
        said: String,
    },
    /// The other side wants to know who asks, or does not let this one in (401, 403).
    #[error("{what} was denied ({status}): {said}; {advice}")]
    Denied {
        /// What was asked for, and where.
        what: String,
        /// 401 or 403.
        status: u16,
        /// What the other side said.
        said: String,
        /// What to do: for a registry `docker login HOST`.
        advice: String,
    },
    /// Any other answer that is not the one asked for.
    #[error("{what} was answered with {status}: {said}")]
    Refused {
        /// What was asked for, and where.
        what: String,
        /// The HTTP status.
        status: u16,
        /// What the other side said.
        said: String,
    },
    /// No connection: the name is unknown, the port closed, the host silent.
    #[error("no connection to {host}: {why}")]
    Unreachable {
        /// Whom to.
        host: String,
        /// Why.
        why: String,
    },
    /// The certificate, or the TLS of the other side, cannot be trusted.
    #[error(
        "no TLS with {host}: {why}; if its certificate is one of your own, name the file of its root \
         (PEM) as trusted"
    )]
    Tls {
        /// Whom with.
        host: String,
        /// Why.
        why: String,
    },
    /// The connection stood, then broke, or the other side does not speak HTTP.
    #[error("the connection broke before {what} was through: {why}")]
    Broken {
        /// What was on its way.
        what: String,
        /// How.
        why: String,
    },
    /// Nothing came, or nothing was taken, for too long.
    #[error("nothing moved for {} while waiting for {what}", seconds(after))]
    Stalled {
        /// What was waited for.
        what: String,
        /// For how long.
        after: Duration,
    },
    /// Something came, but the whole took too long.
    #[error(
        "{what} was not through within {}, the most that is allowed",
        seconds(after)
    )]
    Slow {
        /// What was on its way.
        what: String,
        /// The time it had.
        after: Duration,
    },
    /// A cap on bytes was passed.
    #[error("{what} is larger than {most} bytes, which is the most that is allowed")]
    TooLarge {
        /// The component, the manifest, the signature.
        what: String,
        /// The cap, in bytes.
        most: u64,
    },
    /// The length is not the one that was declared.
    #[error("{what} should have {declared} bytes, but {found}")]
    Length {
        /// What was on its way.
        what: String,
        /// What the manifest says.
        declared: u64,
        /// What came instead.
        found: String,
    },
    /// The content is not what its digest says.
    #[error(
        "{what} should have the digest {expected}, but has {found}; it is not what was asked for"
    )]
    Digest {
        /// What came.
        what: String,
        /// The digest that was asked for.
        expected: String,
        /// The digest that it has.
        found: String,
    },
    /// The content is compressed on the way, which was not asked for.
    #[error(
        "{what} comes with the content encoding `{encoding}`, which was not asked for; it has to be \
         served as it is"
    )]
    Encoded {
        /// What was on its way.
        what: String,
        /// The encoding.
        encoding: String,
    },
    /// Plain HTTP to somewhere else than this machine.
    #[error(
        "{url} is not encrypted: http is for this machine alone (localhost, 127.0.0.1, ::1); use \
         https, or allow insecure connections"
    )]
    Insecure {
        /// Which address.
        url: String,
    },
    /// A redirect out of encryption.
    #[error("{what} leads from https to http at {host}; that is never followed")]
    Downgrade {
        /// What was asked for.
        what: String,
        /// Where it leads.
        host: String,
    },
    /// More redirects than allowed.
    #[error("{what} leads on and on: more than {most} redirects")]
    Redirects {
        /// What was asked for.
        what: String,
        /// How many are followed.
        most: usize,
    },
    /// The artefact in the registry is not laid out as one component.
    #[error("{what} has {found}, but should have {right}")]
    Layout {
        /// Which artefact.
        what: String,
        /// What was found.
        found: String,
        /// What would be right.
        right: String,
    },
    /// The bytes are no component.
    #[error("{what} is {found}, not a WebAssembly component")]
    NotComponent {
        /// What was fetched, or is to be pushed.
        what: String,
        /// What it looks like.
        found: String,
    },
    /// What should be a signature is none.
    #[error(
        "{what} is not the text of a minisign signature (it begins with `untrusted comment:`); sign \
         again, or remove it"
    )]
    Signature {
        /// Which one.
        what: String,
    },
}

/// `30 s`, or `300 ms` where that says more.
fn seconds(time: &Duration) -> String {
    match time.as_millis() {
        millis if millis % 1000 == 0 => format!("{} s", millis / 1000),
        millis => format!("{millis} ms"),
    }
}
