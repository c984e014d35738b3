//! `jackfield plugin dev`: builds a project whenever it changes, and has a running host use what was
//! built.
//!
//! What must hold: an approval is never widened by itself. A build that asks for more than the one
//! before waits for `jackfield plugin grant`, unless `--grant` says otherwise.

use super::plugin;
use crate::cli::Session;
use crate::cli::client::Body;
use crate::cli::exit::Failure;
use crate::cli::text;
use jackfield_authoring::Project;
use jackfield_engine::document::Document;
use reqwest::Method;
use serde_json::json;
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

/// Builds, installs, grants, and has workflows and channels use it.
async fn replace(session: &Session, dev: &Dev) -> Result<(), Failure> {
    let project = Project::of(&dev.folder).map_err(super::project::refused)?;
    let client = &session.client;
    // There may be none yet.
    let before = client
        .get(&["v1", "plugins", &project.name], &[])
        .await
        .ok();
    let built = super::project::built(project).await?;
    let file = built.file.display().to_string();
    let installed = plugin::upload(session, &file, &["v1", "plugins"]).await?;
    let field = |name: &str| installed[name].as_str().unwrap_or_default().to_owned();
    let (name, digest) = (field("name"), field("digest"));
    if installed["approved"].is_null() {
        let approval = before
            .filter(|before| before["asked"] == installed["asked"])
            .map(|before| before["approved"].clone())
            .filter(|approved| !approved.is_null());
        let body = match approval {
            Some(approved) => json!({"approve": approved}),
            None if dev.grant => json!({}),
            None => {
                println!("{} asks for:", text::line(&name, 80));
                print!("{}", plugin::permissions(&installed));
                println!(
                    "`jackfield plugin grant {digest}` approves it; `--grant` approves every build."
                );
                return Ok(());
            }
        };
        client
            .post(&["v1", "plugins", &digest, "grant"], body)
            .await?;
    }
    let major = field("version");
    let major = major.split('.').next().unwrap_or_default();
    let moved = roll_out(session, &format!("{name}@{major}")).await?;
    if session.json {
        crate::cli::table::print_json(&json!({"digest": digest, "moved": moved}));
    } else {
        println!(
            "{} {} is in use{}",
            text::line(&name, 80),
            &digest[..digest.len().min(19)],
            {
                if moved.is_empty() {
                    "; no workflow and no channel names it yet".to_owned()
                } else {
                    format!(": {}", moved.join(", "))
                }
            }
        );
    }
    Ok(())
}

/// Has every live workflow that names the plugin published again, and every channel of it moved, so
/// that they use its newest version. Says which.
async fn roll_out(session: &Session, reference: &str) -> Result<Vec<String>, Failure> {
    let client = &session.client;
    let mut moved = Vec::new();
    for workflow in client.list(&["v1", "workflows"], &[], usize::MAX).await? {
        let name = workflow["name"].as_str().unwrap_or_default();
        if workflow["state"] != "published" {
            continue;
        }
        let whole = client.get(&["v1", "workflows", name], &[]).await?;
        let source = whole["source"].as_str().unwrap_or_default();
        let uses = Document::parse(source).is_ok_and(|document| {
            let mut steps = document.steps.iter();
            steps.any(|step| step.uses.to_string() == reference)
        });
        if uses {
            let path = ["v1", "workflows", name, "publish"];
            client.post(&path, json!({})).await?;
            moved.push(format!("workflow {name}"));
        }
    }
    for channel in client.list(&["v1", "channels"], &[], usize::MAX).await? {
        if channel["connector"] == reference {
            let name = channel["name"].as_str().unwrap_or_default();
            let path = ["v1", "channels", name];
            let body = Body::Json(json!({"connector": reference}));
            client.call(Method::PATCH, &path, &[], body).await?;
            moved.push(format!("channel {name}"));
        }
    }
    Ok(moved)
}
