//! The plugins: that whatever a workflow, a run or a channel is pinned to is there and can be
//! loaded, and which wait for an approval.

use super::{Findings, Local};
use jackfield_egress::Egress;
use jackfield_engine::{Engine, PluginError, SystemClock};
use jackfield_sandbox::Sandbox;
use jackfield_store::records::{Channel, Plugin, Run, Workflow, WorkflowVersion};
use jackfield_store::{Is, Query, ReadError, SharedStore, Store, StoreExt};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

const GRANT: &str =
    "`jackfield plugin show NAME` says what it asks for, `plugin grant` approves it";
const INSTALL: &str = "install the same file again: `jackfield plugin install FILE`";

/// Looks at all of them.
pub(super) async fn look(local: &Local, database: &SharedStore, findings: &mut Findings) {
    let plugins: Vec<Plugin> = match database.find(Query::all()).await {
        Ok(plugins) => plugins,
        Err(error) => {
            findings.fail("plugins", error.to_string(), "check the database");
            return;
        }
    };
    approvals(&plugins, findings);
    let pinned = match pinned(&**database, &plugins).await {
        Ok(pinned) => pinned,
        Err(error) => {
            findings.fail("pinned plugins", error.to_string(), "check the database");
            return;
        }
    };
    if pinned.is_empty() {
        findings.ok("pinned plugins", "nothing is pinned yet");
        return;
    }
    let cache = Cache::of(local);
    match engine(database, &cache) {
        Ok(engine) => load(&engine, &pinned, findings).await,
        Err(said) => findings.fail(
            "pinned plugins",
            said,
            "check the machine's limits (ulimit -v)",
        ),
    }
}

/// Which plugins have no grant.
fn approvals(plugins: &[Plugin], findings: &mut Findings) {
    let installed = || plugins.iter().filter(|plugin| plugin.removed_at.is_none());
    let open: Vec<&str> = installed()
        .filter(|plugin| plugin.approved.is_null())
        .map(|plugin| plugin.name.as_str())
        .collect();
    match (installed().count(), open.len()) {
        (0, _) => findings.ok(
            "plugins",
            "none installed yet; `jackfield plugin install FILE`",
        ),
        (count, 0) => findings.ok("plugins", format!("{count} installed and granted")),
        _ => findings.warn(
            "plugins",
            format!("not granted yet: {}", open.join(", ")),
            GRANT,
        ),
    }
}

/// The digests that are needed, each with one of those that need it.
async fn pinned(
    database: &dyn Store,
    plugins: &[Plugin],
) -> Result<BTreeMap<String, String>, ReadError> {
    let mut pinned = BTreeMap::new();
    for channel in database.find(Query::<Channel>::all()).await? {
        pinned.insert(channel.digest, format!("the channel `{}`", channel.name));
    }
    let live: Vec<Workflow> = database
        .find(Query::all().equal("state", "published"))
        .await?;
    for version in database.find(Query::<WorkflowVersion>::all()).await? {
        let is_live = live.iter().any(|workflow| {
            workflow.workspace == version.workspace
                && workflow.name == version.workflow
                && workflow.version == Some(version.version)
        });
        for pin in version
            .pins
            .as_object()
            .into_iter()
            .flat_map(|pins| pins.values())
        {
            let Some(digest) = pin.as_str() else { continue };
            let is_there = plugins.iter().any(|plugin| plugin.digest == digest);
            // Runs are counted only where something is missing: there may be many.
            if is_live || (!is_there && has_runs(database, &version).await?) {
                let who = format!(
                    "the workflow `{}`, version {}",
                    version.workflow, version.version
                );
                pinned.insert(digest.to_owned(), who);
            }
        }
    }
    Ok(pinned)
}

/// Whether runs of a version are not over.
async fn has_runs(database: &dyn Store, version: &WorkflowVersion) -> Result<bool, ReadError> {
    let states: Value = ["queued", "running", "waiting", "needs-attention"]
        .into_iter()
        .collect();
    let query = Query::<Run>::all()
        .equal("workspace", version.workspace.as_str())
        .equal("workflow", version.workflow.as_str())
        .equal("version", version.version)
        .filter("state", Is::In, states);
    Ok(database.total(query).await? > 0)
}

/// An engine that does nothing but load plugins.
fn engine(database: &SharedStore, cache: &Cache) -> Result<Engine, String> {
    let mut options = jackfield_sandbox::Options::new(&cache.folder);
    options.max_activations = 1;
    Ok(Engine::new(jackfield_engine::Options {
        room: jackfield_engine::RoomOptions::default(),
        publishers: jackfield_engine::Publishers::default(),
        store: database.clone(),
        clock: Arc::new(SystemClock),
        sandbox: Sandbox::new(options).map_err(|error| error.to_string())?,
        egress: Egress::new(jackfield_egress::Options::default())
            .map_err(|error| error.to_string())?,
    }))
}

async fn load(engine: &Engine, pinned: &BTreeMap<String, String>, findings: &mut Findings) {
    let before = findings.0.len();
    for (digest, who) in pinned {
        match engine.plugins().load(digest).await {
            Ok(_) => {}
            Err(error @ PluginError::NotGranted { .. }) => {
                findings.fail("pinned plugins", format!("{error}; {who} needs it"), GRANT);
            }
            Err(error) => {
                findings.fail(
                    "pinned plugins",
                    format!("{error}; {who} needs it"),
                    INSTALL,
                );
            }
        }
    }
    if findings.0.len() == before {
        let said = format!("all {} are there and can be loaded", pinned.len());
        findings.ok("pinned plugins", said);
    }
}

/// Where compiled plugins are taken from: the host's own folder if it belongs to this user (the
/// host could not read what another user writes there), else one that goes away again.
struct Cache {
    folder: PathBuf,
    passing: bool,
}

impl Cache {
    fn of(local: &Local) -> Cache {
        let folder = local.data.join("compiled");
        if is_mine(&folder) {
            return Cache {
                folder,
                passing: false,
            };
        }
        let name = format!("jackfield-doctor-{}", uuid::Uuid::new_v4().simple());
        Cache {
            folder: std::env::temp_dir().join(name),
            passing: true,
        }
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        if self.passing {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

#[cfg(unix)]
fn is_mine(folder: &std::path::Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let me = rustix::process::geteuid().as_raw();
    std::fs::metadata(folder).is_ok_and(|about| about.uid() == me)
}

#[cfg(not(unix))]
fn is_mine(folder: &std::path::Path) -> bool {
    folder.exists()
}
