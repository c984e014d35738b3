//! Components on their way to a host: from a file, a web server or a registry, with what signs them.
//!
//! The command line fetches, the host does not: credentials of registries stay with whoever types,
//! and nothing that a stranger's server does concerns the host.

use super::exit::Failure;
use super::{input, progress};
use indicatif::ProgressBar;
use jackfield_registry::{Error, Options, Progress, Source};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// How servers are reached.
#[derive(Debug, Default, Clone, clap::Args)]
pub struct Reach {
    /// Allows plain HTTP to other machines than this one
    #[arg(long)]
    insecure: bool,
    /// A certificate authority (PEM) that is trusted beside those of the system; may be repeated
    #[arg(
        long = "trust",
        env = "JACKFIELD_TRUST",
        value_delimiter = ',',
        value_name = "FILE"
    )]
    trust: Vec<PathBuf>,
}

impl Reach {
    /// The same for the registry's side.
    #[must_use]
    pub fn options(&self) -> Options {
        Options {
            insecure: self.insecure,
            trust: self.trust.clone(),
            ..Options::default()
        }
    }
}

/// A component that is to be uploaded.
pub struct Component {
    /// What it was called, for people.
    pub shown: String,
    /// The component.
    pub bytes: Vec<u8>,
    /// Where to ask again for a newer one.
    pub source: Option<String>,
    /// The text of its signature.
    pub signature: Option<String>,
}

/// Brings a component from a path (`-` for standard input), a URL or a registry. A signature file that
/// is named goes before the one that lies beside it.
///
/// # Errors
/// When it cannot be had.
pub async fn component(
    from: &str,
    reach: &Reach,
    signature: Option<&Path>,
) -> Result<Component, Failure> {
    let mut component = if from == "-" {
        Component {
            shown: "standard input".to_owned(),
            bytes: input::bytes(from)?,
            source: None,
            signature: None,
        }
    } else {
        let source: Source = from.parse().map_err(refused)?;
        let fetched = jackfield_registry::fetch(&source, &reach.options(), &Bar::default())
            .await
            .map_err(refused)?;
        Component {
            shown: from.to_owned(),
            bytes: fetched.bytes,
            source: Some(fetched.source),
            signature: fetched.signature,
        }
    };
    if let Some(path) = signature {
        component.signature = Some(input::text(&path.display().to_string())?);
    }
    Ok(component)
}

/// What the registry's side refuses, as an end of a command.
pub fn refused(error: Error) -> Failure {
    match error {
        Error::Source { .. } | Error::Options { .. } | Error::File { .. } => {
            Failure::Usage(error.to_string())
        }
        error => Failure::Failed(error.to_string()),
    }
}

/// Shows what is on its way.
#[derive(Default)]
pub struct Bar(Mutex<Option<ProgressBar>>);

impl Bar {
    fn with(&self, act: impl FnOnce(&mut Option<ProgressBar>)) {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Progress for Bar {
    fn begin(&self, what: &str, total: Option<u64>) {
        let bar = match total {
            Some(total) => progress::bytes(what, total),
            None => progress::spinner(what),
        };
        self.with(|held| *held = Some(bar));
    }

    fn advance(&self, bytes: u64) {
        self.with(|held| {
            if let Some(bar) = held {
                bar.inc(bytes);
            }
        });
    }

    fn end(&self) {
        self.with(|held| {
            if let Some(bar) = held.take() {
                bar.finish_and_clear();
            }
        });
    }
}
