//! `jackfield plugin dev`: builds a project whenever it changes, and has a running host use what was
//! built.
//!
//! What must hold: an approval is never widened by itself. A build that asks for more than the one
//! before waits for `jackfield plugin grant`, unless `--grant` says otherwise.

use super::{plugin, plugin_words};
use crate::cli::Session;
use crate::cli::exit::Failure;
use crate::cli::sources::{self, Reach};
use crate::cli::table::print_json;
use crate::cli::text;
use jackfield_authoring::Project;
use reqwest::Method;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// `plugin dev`.
#[derive(Debug, clap::Args)]
pub(crate) struct Dev {
    /// The project's folder
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Approves all that each build asks for
    #[arg(long)]
    grant: bool,
    /// Builds and replaces once, and ends
    #[arg(long)]
    once: bool,
}

/// How often the folder is looked at.
const PAUSE: Duration = Duration::from_millis(300);
/// What builds and tools leave in a project's folder.
const LEFT: [&str; 6] = [
    "build",
    "target",
    "node_modules",
    ".venv",
    ".git",
    "__pycache__",
];

pub(crate) async fn dev(session: &Session, dev: Dev) -> Result<(), Failure> {
    if dev.once {
        return replace(session, &dev).await;
    }
    let mut seen = None;
    loop {
        let now = state(&dev.folder);
        if seen != Some(now) {
            seen = Some(now);
            if let Err(failure) = replace(session, &dev).await {
                eprint!("{}", failure.for_people());
            }
            println!("watching {}; Ctrl-C ends", dev.folder.display());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// How many sources there are, and when the last of them changed.
fn state(folder: &Path) -> (usize, Option<SystemTime>) {
    let mut found = (0, None);
    let Ok(entries) = fs::read_dir(folder) else {
        return found;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if LEFT.contains(&name.as_ref()) || name.ends_with(".wasm") {
            continue;
        }
        let (many, changed) = match entry.file_type() {
            Ok(kind) if kind.is_dir() => state(&entry.path()),
            _ => (1, entry.metadata().and_then(|it| it.modified()).ok()),
        };
        found = (found.0 + many, found.1.max(changed));
    }
    found
}

/// Builds, installs or updates, grants, and has workflows and channels use it.
async fn replace(session: &Session, dev: &Dev) -> Result<(), Failure> {
    let project = Project::of(&dev.folder).map_err(super::project::refused)?;
    let name = project.name.clone();
    let path = ["v1", "plugins", name.as_str()];
    // There may be none yet.
    let is_new = session.client.get(&path, &[]).await.is_err();
    let built = super::project::built(project).await?;
    let file = built.file.display().to_string();
    let component = sources::component(&file, &Reach::default(), None).await?;
    let mut answer = if is_new {
        plugin::upload(session, component, Method::POST, &["v1", "plugins"], &[]).await?
    } else {
        plugin::update(session, &name, component, false, dev.grant).await?
    };
    if is_new && dev.grant {
        answer = plugin::granted(session, &answer).await?;
    }
    if session.json {
        print_json(&answer);
    } else if is_new && answer["approved"].is_null() {
        println!("{} asks for:", text::line(&name, 80));
        print!("{}", plugin_words::permissions(&answer));
        println!("`jackfield plugin grant {name}` approves it; `--grant` approves every build.");
    } else {
        print!("{}", plugin_words::change(&answer));
    }
    Ok(())
}
