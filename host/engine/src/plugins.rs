//! The installed plugins: what they are, what they ask for, and what they were granted.
//!
//! A plugin is its digest. Installing compiles it and keeps its bytes; granting says what it may
//! do; only a granted plugin is used by a newly published workflow or a channel. Runs name digests,
//! so a plugin that is removed stays loadable until nothing needs it.
//!
//! granted = asked ∩ approved ∩ ceiling, computed here once for each (digest, approval). One thing
//! an operator may approve that was not asked for: a secret, because a general step such as
//! `http-request` cannot know the names of a workspace's secrets.

use crate::copies::Copies;
use crate::document::StepDescriptor;
use crate::permissions::{Permissions, asked, caller, permissions_of};
use jackfield_egress::{Caller, HostRule};
use jackfield_sandbox::{
    DescribeError, Granted, InspectError, Inspection, InstallError, Interface, Limits, Plugin,
    Sandbox,
};
use jackfield_store::records::{Plugin as Record, Run, Workflow, WorkflowVersion};
use jackfield_store::{Commit, CommitError, Is, Query, ReadError, SharedStore, StoreExt};
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;

/// An installed plugin, ready to be looked at.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PluginView {
    /// `sha256:...`
    pub digest: String,
    /// Its name.
    pub name: String,
    /// Its semantic version.
    pub version: String,
    /// `step` or `connector`.
    pub kind: String,
    /// What `describe` said.
    pub descriptor: Value,
    /// What it asks for.
    pub asked: Permissions,
    /// What the operator approved; none until then.
    pub approved: Option<Permissions>,
    /// Bytes.
    pub size: i64,
    /// When it was installed.
    pub installed_at: i64,
}

/// Why something could not be done with a plugin.
#[derive(Debug, thiserror::Error)]
pub enum PluginError {
    /// The component is not one that can be installed.
    #[error(transparent)]
    Inspect(#[from] InspectError),
    /// The component cannot be compiled, or does not fit.
    #[error(transparent)]
    Install(#[from] InstallError),
    /// It does not say what it is.
    #[error(transparent)]
    Describe(#[from] DescribeError),
    /// What its `describe` says is wrong.
    #[error("the descriptor of the plugin is wrong: {0}")]
    Descriptor(String),
    /// There is none.
    #[error("no plugin `{0}` is installed; `jackfield plugin list` shows what is")]
    NotFound(String),
    /// The approval names what the plugin does not ask for, or a rule that cannot be read.
    #[error("{0}")]
    Approval(String),
    /// Runs, workflows or channels need it.
    #[error("plugin {plugin} is needed by {needed_by}; stop those first, or remove it with force")]
    Needed {
        /// The plugin.
        plugin: String,
        /// By what.
        needed_by: String,
    },
    /// It was not granted yet.
    #[error(
        "plugin {name} ({digest}) was not granted yet: `jackfield plugin grant {name}` shows what it asks for"
    )]
    NotGranted {
        /// Its name.
        name: String,
        /// Its digest.
        digest: String,
    },
    /// The database.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The database.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

/// A plugin that can be called.
pub struct Loaded {
    /// The row.
    pub record: Record,
    /// What it may do.
    pub permissions: Permissions,
    /// Set for a step.
    pub step: Option<StepDescriptor>,
    /// The compiled component under its grant.
    pub component: Plugin,
    /// For egress; a connector's hosts may hold `{setting:...}`, see `caller`.
    caller: Option<Caller>,
}

impl std::fmt::Debug for Loaded {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "Loaded({} {})",
            self.record.name, self.record.digest
        )
    }
}

impl Loaded {
    /// Whether it may call something outside, so that its activations may be committed half-way.
    pub(crate) fn reaches_out(&self) -> bool {
        [Interface::Http, Interface::Email].iter().any(|outside| {
            self.permissions
                .imports
                .iter()
                .any(|name| name == outside.name())
        })
    }

    /// For egress: who calls, and under which grant. A connector's rules take values from the
    /// channel's settings.
    ///
    /// # Errors
    /// When a setting that a rule names is missing, or makes no rule.
    pub fn caller(&self, settings: Option<&Value>) -> Result<Caller, String> {
        match (&self.caller, settings) {
            (Some(caller), _) => Ok(caller.clone()),
            (None, settings) => caller(
                &self.record.name,
                &self.permissions,
                settings.unwrap_or(&Value::Null),
            ),
        }
    }
}

/// The installed plugins.
pub struct Plugins {
    store: SharedStore,
    sandbox: Sandbox,
    loaded: Copies<String, Arc<Loaded>>,
}

impl Plugins {
    pub(crate) fn new(store: SharedStore, sandbox: Sandbox) -> Plugins {
        Plugins {
            store,
            sandbox,
            loaded: Copies::default(),
        }
    }

    /// Says what a component is and asks for, without running or keeping it.
    ///
    /// # Errors
    /// When it is no component that could be installed.
    pub async fn inspect(&self, bytes: Vec<u8>) -> Result<Inspection, PluginError> {
        Ok(self.sandbox.inspect(bytes.into()).await?)
    }

    /// Installs a component: compiles it, asks it what it is, and keeps it. Installing the same
    /// twice changes nothing.
    ///
    /// # Errors
    /// When it is no component that can be installed, or its descriptor is wrong.
    pub async fn install(&self, bytes: Vec<u8>, now: i64) -> Result<PluginView, PluginError> {
        let inspection = self.sandbox.install(bytes.clone().into()).await?;
        if let Some(record) = self.record(&inspection.digest).await? {
            if record.removed_at.is_none() {
                return view(record);
            }
            // Installed anew it has to be granted anew.
            let record = Record {
                removed_at: None,
                approved: Value::Null,
                ..record
            };
            let mut commit = Commit::control();
            commit.put(&record);
            self.store.commit(commit).await?;
            self.forget(&record.digest);
            return view(record);
        }
        let described = self.sandbox.describe(&inspection.digest).await?;
        let descriptor: Value = serde_json::from_str(&described.json)
            .map_err(|error| PluginError::Descriptor(format!("it is not JSON: {error}")))?;
        let asked = asked(&inspection, &descriptor)?;
        let text = |name: &str| {
            descriptor
                .get(name)
                .and_then(Value::as_str)
                .map(str::to_owned)
                .ok_or_else(|| PluginError::Descriptor(format!("it has no `{name}`")))
        };
        let record = Record {
            digest: inspection.digest.clone(),
            name: text("name")?,
            version: text("version")?,
            kind: inspection.kind.name().to_owned(),
            asked: serde_json::to_value(&asked).unwrap_or_default(),
            approved: Value::Null,
            size: i64::try_from(bytes.len()).unwrap_or(i64::MAX),
            installed_at: now,
            removed_at: None,
            descriptor,
        };
        if record.kind == "step" {
            step_descriptor(&record)?;
        }
        self.store.put_blob(&record.digest, bytes).await?;
        let mut commit = Commit::control();
        commit.put(&record);
        self.store.commit(commit).await?;
        view(record)
    }

    /// Approves what a plugin may do; none approves all that it asks for.
    ///
    /// # Errors
    /// When the approval holds what cannot be read, or what was not asked for.
    pub async fn grant(
        &self,
        plugin: &str,
        approval: Option<Permissions>,
    ) -> Result<PluginView, PluginError> {
        let record = self.find(plugin).await?;
        let asked: Permissions = permissions_of(&record.asked)?;
        let approved = match approval {
            None => asked,
            Some(approved) => {
                if let Some(more) = approved.imports.difference(&asked.imports).next() {
                    return Err(PluginError::Approval(format!(
                        "`{}` does not ask for the import `{more}`",
                        record.name
                    )));
                }
                approved
            }
        };
        for host in &approved.hosts {
            if !host.contains("{setting:") {
                host.parse::<HostRule>()
                    .map_err(|error| PluginError::Approval(error.to_string()))?;
            }
        }
        let record = Record {
            approved: serde_json::to_value(&approved).unwrap_or_default(),
            ..record
        };
        let mut commit = Commit::control();
        commit.put(&record);
        self.store.commit(commit).await?;
        self.forget(&record.digest);
        view(record)
    }

    /// All installed plugins, by name, newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn list(&self) -> Result<Vec<PluginView>, PluginError> {
        let mut records = self.installed().await?;
        records.sort_by(|a, b| {
            a.name
                .cmp(&b.name)
                .then_with(|| version_key(&b.version).cmp(&version_key(&a.version)))
        });
        records.into_iter().map(view).collect()
    }

    /// One plugin: a name (its newest version), `name@major`, or a digest.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get(&self, plugin: &str) -> Result<PluginView, PluginError> {
        view(self.find(plugin).await?)
    }

    /// Removes a plugin. Its bytes stay while a run is pinned to it.
    ///
    /// # Errors
    /// `Needed` by unfinished runs, live workflows or channels, unless `force`.
    pub async fn remove(&self, plugin: &str, force: bool, now: i64) -> Result<(), PluginError> {
        let record = self.find(plugin).await?;
        if !force && let Some(needed_by) = self.needed_by(&record.digest).await? {
            return Err(PluginError::Needed {
                plugin: record.name,
                needed_by,
            });
        }
        let mut commit = Commit::control();
        commit.put(&Record {
            removed_at: Some(now),
            ..record.clone()
        });
        self.store.commit(commit).await?;
        self.forget(&record.digest);
        Ok(())
    }

    /// The newest granted plugin of this name and major version.
    ///
    /// # Errors
    /// `NotFound`, `NotGranted`.
    pub async fn resolve(&self, name: &str, major: u64) -> Result<Arc<Loaded>, PluginError> {
        let mut records = self.installed().await?;
        records.retain(|record| record.name == name && version_key(&record.version).0 == major);
        records.sort_by_key(|record| (version_key(&record.version), record.installed_at));
        let newest = records
            .last()
            .ok_or_else(|| PluginError::NotFound(format!("{name}@{major}")))?;
        let granted = records
            .iter()
            .rev()
            .find(|record| !record.approved.is_null());
        match granted {
            Some(record) => self.load(&record.digest).await,
            None => Err(PluginError::NotGranted {
                name: name.to_owned(),
                digest: newest.digest.clone(),
            }),
        }
    }

    /// The plugin of this digest, compiled and under its grant.
    ///
    /// # Errors
    /// `NotFound`, `NotGranted`, or what the sandbox says.
    pub async fn load(&self, digest: &str) -> Result<Arc<Loaded>, PluginError> {
        if let Some(loaded) = self.loaded.get(digest) {
            return Ok(loaded);
        }
        let ticket = self.loaded.ticket();
        let record = self
            .record(digest)
            .await?
            .ok_or_else(|| PluginError::NotFound(digest.to_owned()))?;
        if record.approved.is_null() {
            return Err(PluginError::NotGranted {
                name: record.name,
                digest: record.digest,
            });
        }
        let permissions: Permissions = permissions_of(&record.approved)?;
        let asked: Permissions = permissions_of(&record.asked)?;
        let granted = Granted {
            interfaces: permissions.interfaces(),
            limits: Limits::granted(&asked.limits, &permissions.limits, self.sandbox.ceiling()),
        };
        let component = self
            .sandbox
            .load(digest, &granted, || async {
                let bytes = self.store.blob(digest).await?;
                bytes.ok_or_else(|| "its bytes are not in the database".into())
            })
            .await?;
        let step = if record.kind == "step" {
            Some(step_descriptor(&record)?)
        } else {
            None
        };
        let fixed = !permissions
            .hosts
            .iter()
            .any(|host| host.contains("{setting:"));
        let caller = if fixed {
            Some(caller(&record.name, &permissions, &Value::Null).map_err(PluginError::Approval)?)
        } else {
            None
        };
        let loaded = Arc::new(Loaded {
            record,
            permissions,
            step,
            component,
            caller,
        });
        self.loaded.put(digest.to_owned(), loaded.clone(), ticket);
        Ok(loaded)
    }

    /// The names and versions of the installed steps, for suggestions.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn steps(&self) -> Result<Vec<StepDescriptor>, PluginError> {
        let mut found = Vec::new();
        for record in self.installed().await? {
            if record.kind == "step" {
                found.push(step_descriptor(&record)?);
            }
        }
        Ok(found)
    }

    /// Another host may have changed any of it.
    pub(crate) fn forget_all(&self) {
        self.loaded.forget_all();
    }

    fn forget(&self, digest: &str) {
        self.loaded.forget(digest);
    }

    async fn installed(&self) -> Result<Vec<Record>, ReadError> {
        self.store
            .find(Query::<Record>::all().equal("removed_at", Value::Null))
            .await
    }

    async fn record(&self, digest: &str) -> Result<Option<Record>, ReadError> {
        self.store
            .first(Query::<Record>::all().equal("digest", digest))
            .await
    }

    async fn find(&self, plugin: &str) -> Result<Record, PluginError> {
        let missing = || PluginError::NotFound(plugin.to_owned());
        if plugin.starts_with("sha256:") {
            return self.record(plugin).await?.ok_or_else(missing);
        }
        // `wait@` names a version that is none, not the newest.
        let (name, version) = match plugin.split_once('@') {
            Some((name, version)) => (name, Some(version)),
            None => (plugin, None),
        };
        let mut records = self.installed().await?;
        records.retain(|record| {
            record.name == name
                && version.is_none_or(|version| {
                    record.version == version
                        || version_key(&record.version).0.to_string() == version
                })
        });
        records.sort_by_key(|record| (version_key(&record.version), record.installed_at));
        records.pop().ok_or_else(missing)
    }

    async fn needed_by(&self, digest: &str) -> Result<Option<String>, ReadError> {
        let channels = self
            .store
            .total(Query::<jackfield_store::records::Channel>::all().equal("digest", digest))
            .await?;
        if channels > 0 {
            return Ok(Some(format!("{channels} channel(s)")));
        }
        for version in self.store.find(Query::<WorkflowVersion>::all()).await? {
            let pinned = version
                .pins
                .as_object()
                .is_some_and(|pins| pins.values().any(|pin| pin == digest));
            if !pinned {
                continue;
            }
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
                return Ok(Some(format!("the live workflow `{}`", version.workflow)));
            }
            let runs = self
                .store
                .total(
                    Query::<Run>::all()
                        .equal("workspace", version.workspace.as_str())
                        .equal("workflow", version.workflow.as_str())
                        .equal("version", version.version)
                        .filter("state", Is::In, UNFINISHED.to_vec()),
                )
                .await?;
            if runs > 0 {
                return Ok(Some(format!(
                    "{runs} run(s) of workflow `{}` version {}",
                    version.workflow, version.version
                )));
            }
        }
        Ok(None)
    }
}

/// The states of runs that are not over.
pub(crate) const UNFINISHED: &[&str] = &["queued", "running", "waiting", "needs-attention"];

fn view(record: Record) -> Result<PluginView, PluginError> {
    Ok(PluginView {
        asked: permissions_of(&record.asked)?,
        approved: if record.approved.is_null() {
            None
        } else {
            Some(permissions_of(&record.approved)?)
        },
        digest: record.digest,
        name: record.name,
        version: record.version,
        kind: record.kind,
        descriptor: record.descriptor,
        size: record.size,
        installed_at: record.installed_at,
    })
}

fn step_descriptor(record: &Record) -> Result<StepDescriptor, PluginError> {
    StepDescriptor::from_value(&record.descriptor).map_err(|problems| {
        PluginError::Descriptor(
            problems
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("; "),
        )
    })
}

/// `(major, minor, patch)`.
pub(crate) fn version_key(version: &str) -> (u64, u64, u64) {
    let mut parts = version
        .split(['.', '-', '+'])
        .map(|part| part.parse().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    (next(), next(), next())
}
