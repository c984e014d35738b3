//! What stands on a plugin: live workflows, channels, and runs that are not over.

use super::{Plugins, UNFINISHED};
use jackfield_store::records::{Channel, Run, Workflow, WorkflowVersion};
use jackfield_store::{Is, Query, ReadError, StoreExt};
use serde::Serialize;
use std::fmt;

/// How many runs are named.
const NAMED: i64 = 20;

/// Something that needs a plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Need {
    /// A channel runs on it.
    Channel {
        /// Its workspace.
        workspace: String,
        /// Its name.
        name: String,
    },
    /// The live version of a workflow is pinned to it.
    Workflow {
        /// Its workspace.
        workspace: String,
        /// Its name.
        name: String,
        /// The version.
        version: i64,
    },
    /// Runs of a version that is pinned to it are not over.
    Runs {
        /// Their workspace.
        workspace: String,
        /// Their workflow.
        workflow: String,
        /// Its version.
        version: i64,
        /// How many.
        count: i64,
        /// The oldest of them, by id.
        ids: Vec<String>,
    },
}

impl Need {
    /// A stable word for what it is.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Need::Channel { .. } => "channel",
            Need::Workflow { .. } => "workflow",
            Need::Runs { .. } => "runs",
        }
    }
}

impl fmt::Display for Need {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Need::Channel { workspace, name } => {
                write!(formatter, "the channel `{name}` of `{workspace}`")
            }
            Need::Workflow {
                workspace,
                name,
                version,
            } => write!(
                formatter,
                "the live workflow `{name}` (version {version}) of `{workspace}`"
            ),
            Need::Runs {
                workspace,
                workflow,
                version,
                count,
                ids,
            } => {
                write!(
                    formatter,
                    "{count} run(s) of `{workflow}` version {version} of `{workspace}`: {}",
                    ids.join(", ")
                )?;
                if usize::try_from(*count).unwrap_or(0) > ids.len() {
                    formatter.write_str(", …")?;
                }
                Ok(())
            }
        }
    }
}

/// Versions of workflows, and their runs that are not over.
pub(super) fn unfinished_of(version: &WorkflowVersion) -> Query<Run> {
    Query::<Run>::all()
        .equal("workspace", version.workspace.as_str())
        .equal("workflow", version.workflow.as_str())
        .equal("version", version.version)
        .filter("state", Is::In, UNFINISHED.to_vec())
}

impl Plugins {
    /// The versions of workflows that are pinned to a plugin.
    pub(crate) async fn pinned_to(&self, digest: &str) -> Result<Vec<WorkflowVersion>, ReadError> {
        let mut versions = self.store.find(Query::<WorkflowVersion>::all()).await?;
        versions.retain(|version| {
            let pins = version.pins.as_object();
            pins.is_some_and(|pins| pins.values().any(|pin| pin == digest))
        });
        Ok(versions)
    }

    /// All that needs a plugin.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn needed_by(&self, digest: &str) -> Result<Vec<Need>, ReadError> {
        let channels = self
            .store
            .find(Query::<Channel>::all().equal("digest", digest))
            .await?;
        let mut needs: Vec<Need> = channels
            .into_iter()
            .map(|channel| Need::Channel {
                workspace: channel.workspace,
                name: channel.name,
            })
            .collect();
        for version in self.pinned_to(digest).await? {
            let live = self
                .store
                .total(
                    Query::<Workflow>::all()
                        .equal("workspace", version.workspace.as_str())
                        .equal("name", version.workflow.as_str())
                        .equal("state", "published")
                        .equal("version", version.version),
                )
                .await?;
            if live > 0 {
                needs.push(Need::Workflow {
                    workspace: version.workspace.clone(),
                    name: version.workflow.clone(),
                    version: version.version,
                });
            }
            let count = self.store.total(unfinished_of(&version)).await?;
            if count > 0 {
                let oldest = unfinished_of(&version).ascending("id").limit(NAMED);
                let ids = self.store.find(oldest).await?;
                needs.push(Need::Runs {
                    workspace: version.workspace,
                    workflow: version.workflow,
                    version: version.version,
                    count,
                    ids: ids.into_iter().map(|run| run.id).collect(),
                });
            }
        }
        Ok(needs)
    }
}
